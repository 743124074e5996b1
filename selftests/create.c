// SPDX-License-Identifier: GPL-2.0
/*
 * The control node and its limits, and creating and opening regions: what each field does, each
 * errno with all else valid, nodes, names, and who may do it.
 */
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"
#include "world.h"

/* Control node and limits */

TEST(control_node)
{
	struct hostmem_info info;
	struct stat st;
	int fd;

	ASSERT_EQ(0, stat(HM_DIR "control", &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0600, st.st_mode & 07777);
	hm_limits(&info);
	EXPECT_EQ(HOSTMEM_ABI_VERSION, info.out_abi_version);
	EXPECT_EQ(HOSTMEM_NAME_MAX, info.out_name_max);
	EXPECT_EQ(HOSTMEM_MIN_BLOCK_SIZE, info.out_min_block_size);
	EXPECT_LT(0, info.out_max_regions);
	EXPECT_LT(0, info.out_max_blocks);
	EXPECT_LE(info.out_max_blocks * info.out_min_block_size, info.out_max_size);
	/* A read-only fd of it will do: the node's mode decides. */
	fd = HM_OK(open(HM_DIR "control", O_RDONLY));
	info.size = sizeof(info);
	EXPECT_EQ(0, ioctl(fd, HOSTMEM_INFO, &info));
	HM_ERR(ENODEV, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	HM_ERR(EINVAL, read(fd, &info, 1));
	close(fd);
}

/* Who may only read it may only ask. */
TEST(control_node_readonly)
{
	struct hostmem_region_create create = hm_create_cmd(NULL, HM_BLOCK);
	struct hostmem_region_open open_cmd = { .size = sizeof(open_cmd), .name = "x" };
	struct hostmem_info info = { .size = sizeof(info) };
	int fd = HM_OK(open(HM_DIR "control", O_RDONLY | O_CLOEXEC));

	create.size = sizeof(create);
	EXPECT_EQ(0, ioctl(fd, HOSTMEM_INFO, &info));
	HM_ERR(EPERM, ioctl(fd, HOSTMEM_REGION_CREATE, &create));
	HM_ERR(EPERM, ioctl(fd, HOSTMEM_REGION_OPEN, &open_cmd));
	close(fd);
}

TEST(count_of_regions)
{
	struct hostmem_info before, with, after;
	int fd, named;
	char name[HOSTMEM_NAME_MAX];

	hm_limits(&before);
	fd = hm_create(HM_BLOCK);
	named = hm_create_named(hm_name(name), HM_BLOCK);
	hm_limits(&with);
	EXPECT_EQ(before.out_regions + 2, with.out_regions);
	close(fd);
	hm_destroy(named, 0);
	close(named);
	hm_limits(&after);
	EXPECT_EQ(before.out_regions, after.out_regions);
}

/* Creation */

FIXTURE(create) {
	struct hostmem_region_create cmd;
	struct hostmem_info before;
	char name[HOSTMEM_NAME_MAX];
	int fds;
	int log;
};

FIXTURE_SETUP(create)
{
	self->cmd = hm_create_cmd(hm_name(self->name), SIZE);
	hm_limits(&self->before);
	self->log = hm_log_open();
	self->fds = hm_count_fds();
}

/* Whatever was refused left no region, no fd and no line in the log. */
FIXTURE_TEARDOWN(create)
{
	struct hostmem_info after;

	hm_limits(&after);
	EXPECT_EQ(self->before.out_regions, after.out_regions);
	EXPECT_EQ(self->fds, hm_count_fds());
	EXPECT_TRUE(hm_log_quiet(self->log));
}

static void create_works(struct hostmem_region_create *cmd)
{
	int fd = hm_create_raw(cmd);

	hm_destroy(fd, 0);
	close(fd);
}

TEST_F(create, all_that_is_asked)
{
	struct hostmem_region_info info;
	int fd;

	self->cmd.region_size = 64 * HM_BLOCK;
	self->cmd.block_size = 4 * HM_BLOCK;
	self->cmd.slot_size = 8 * HM_BLOCK;
	self->cmd.allocation = HOSTMEM_ALLOCATION_IMMEDIATE;
	self->cmd.huge = HOSTMEM_HUGE_NEVER;
	fd = hm_create_raw(&self->cmd);
	hm_info(fd, &info);
	EXPECT_EQ(self->cmd.out_id, info.out_id);
	EXPECT_NE(0, info.out_view_id);
	EXPECT_EQ(64 * HM_BLOCK, info.out_size);
	EXPECT_EQ(4 * HM_BLOCK, info.out_block_size);
	EXPECT_EQ(8 * HM_BLOCK, info.out_slot_size);
	EXPECT_EQ(0, info.out_plugged);
	EXPECT_EQ(0, info.out_view_start);
	EXPECT_EQ(64 * HM_BLOCK, info.out_view_length);
	EXPECT_EQ(HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE | HOSTMEM_RIGHT_OWNER,
		  info.out_rights);
	EXPECT_EQ(HOSTMEM_BACKING_RAM, info.out_backing);
	EXPECT_EQ(HOSTMEM_ALLOCATION_IMMEDIATE, info.out_allocation);
	EXPECT_EQ(HOSTMEM_HUGE_NEVER, info.out_huge);
	EXPECT_EQ(1, info.out_views);
	EXPECT_EQ(0, info.out_mappings);
	EXPECT_STREQ(self->name, (char *)info.out_name);
	hm_destroy(fd, 0);
	close(fd);
}

TEST_F(create, defaults)
{
	struct hostmem_region_info info;
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);
	int fd = hm_create_raw(&cmd);

	hm_info(fd, &info);
	EXPECT_EQ(HM_BLOCK, info.out_block_size);
	EXPECT_EQ(0, info.out_slot_size);
	EXPECT_EQ(HOSTMEM_ALLOCATION_ONDEMAND, info.out_allocation);
	EXPECT_EQ(HOSTMEM_HUGE_ALWAYS, info.out_huge);
	EXPECT_EQ(0, info.out_name[0]);
	close(fd);
}

TEST_F(create, numbers_are_not_reused)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);
	struct hostmem_region_info info;
	__u64 last = 0, last_view = 0;
	int i, fd;

	for (i = 0; i < 5; i++) {
		fd = hm_create_raw(&cmd);
		hm_info(fd, &info);
		EXPECT_LT(last, cmd.out_id);
		EXPECT_LT(last_view, info.out_view_id);
		last = cmd.out_id;
		last_view = info.out_view_id;
		close(fd);
	}
}

/* A node that somebody has kept opens nothing, whatever has been created since. */
TEST_F(create, kept_node)
{
	char first[HOSTMEM_NAME_MAX], second[HOSTMEM_NAME_MAX], path[128];
	const char *kept = "/tmp/hostmem-kept-node";
	struct stat st;
	int fd, i;

	fd = hm_create_named(hm_name(first), HM_BLOCK);
	snprintf(path, sizeof(path), HM_DIR "%s", first);
	ASSERT_EQ(0, stat(path, &st));
	unlink(kept);
	ASSERT_EQ(0, mknod(kept, S_IFCHR | 0666, st.st_rdev));
	close(HM_OK(open(kept, O_RDWR)));
	hm_destroy(fd, 0);
	close(fd);
	for (i = 0; i < 8; i++) {
		fd = hm_create_named(hm_name(second), HM_BLOCK);
		HM_ERR(ENXIO, open(kept, O_RDWR));
		hm_destroy(fd, 0);
		close(fd);
	}
	unlink(kept);
}

TEST_F(create, region_size)
{
	static const __u64 wrong[] = {
		0, 1, 4096, HM_BLOCK - 1, HM_BLOCK + 1, HM_BLOCK + 4096, 1ULL << 63,
		-HM_BLOCK, ~0ULL,
	};
	struct hostmem_region_create *cmd = &self->cmd;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++) {
		cmd->region_size = wrong[i];
		hm_create_raw_err(EINVAL, cmd);
	}
	/* The most blocks that there can be, and one more. */
	cmd->region_size = self->before.out_max_blocks * HM_BLOCK;
	create_works(cmd);
	cmd->region_size += HM_BLOCK;
	hm_create_raw_err(EINVAL, cmd);
	/* The largest region, and the next size. */
	cmd->block_size = 1ULL << 40;
	cmd->region_size = self->before.out_max_size;
	create_works(cmd);
	cmd->region_size += cmd->block_size;
	hm_create_raw_err(EINVAL, cmd);
}

TEST_F(create, block_size)
{
	static const __u64 wrong[] = {
		1, 4096, HM_BLOCK / 2, HM_BLOCK + 4096, 3 * HM_BLOCK, 1ULL << 63, ~0ULL,
	};
	struct hostmem_region_create *cmd = &self->cmd;
	size_t i;

	cmd->region_size = 6ULL << 30;
	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++) {
		cmd->block_size = wrong[i];
		hm_create_raw_err(EINVAL, cmd);
	}
	for (cmd->block_size = HM_BLOCK; cmd->block_size <= 2ULL << 30; cmd->block_size *= 2)
		create_works(cmd);
	/* The size is a multiple of the default block size only. */
	cmd->region_size = 3 * HM_BLOCK;
	cmd->block_size = 2 * HM_BLOCK;
	hm_create_raw_err(EINVAL, cmd);
}

TEST_F(create, slot_size)
{
	static const __u64 wrong[] = { 1, 4096, HM_BLOCK, 3 * HM_BLOCK, ~0ULL };
	struct hostmem_region_create *cmd = &self->cmd;
	size_t i;

	cmd->block_size = 2 * HM_BLOCK;
	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++) {
		cmd->slot_size = wrong[i];
		hm_create_raw_err(EINVAL, cmd);
	}
	cmd->slot_size = 6 * HM_BLOCK;
	create_works(cmd);
	cmd->slot_size = 1ULL << 60;
	create_works(cmd);
}

TEST_F(create, unknown_values)
{
	__u32 *fields[] = { &self->cmd.backing, &self->cmd.allocation, &self->cmd.huge };
	static const __u32 first[] = {
		HOSTMEM_BACKING_RESERVE + 1, HOSTMEM_ALLOCATION_IMMEDIATE + 1,
		HOSTMEM_HUGE_NEVER + 1,
	};
	size_t i;
	int bit;

	for (i = 0; i < HM_ARRAY_SIZE(fields); i++) {
		*fields[i] = first[i];
		hm_create_raw_err(EOPNOTSUPP, &self->cmd);
		for (bit = 2; bit < 32; bit++) {
			*fields[i] = 1U << bit;
			hm_create_raw_err(EOPNOTSUPP, &self->cmd);
		}
		*fields[i] = 0;
	}
	create_works(&self->cmd);
}

/* Node */

TEST_F(create, node)
{
	static const __u32 modes[] = { 0, 0600, 0640, 0666, 0777, 0007 };
	char path[128];
	struct stat st;
	size_t i;
	int fd;

	snprintf(path, sizeof(path), HM_DIR "%s", self->name);
	self->cmd.uid = 12;
	self->cmd.gid = 34;
	for (i = 0; i < HM_ARRAY_SIZE(modes); i++) {
		self->cmd.mode = modes[i];
		fd = hm_create_raw(&self->cmd);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_TRUE(S_ISCHR(st.st_mode));
		EXPECT_EQ(modes[i], st.st_mode & 07777);
		EXPECT_EQ(12, st.st_uid);
		EXPECT_EQ(34, st.st_gid);
		hm_destroy(fd, 0);
		EXPECT_EQ(-1, stat(path, &st));
		close(fd);
	}
}

TEST_F(create, wrong_mode_and_owner)
{
	struct hostmem_region_create *cmd = &self->cmd;
	int bit;

	for (bit = 9; bit < 32; bit++) {
		cmd->mode = 0600 | 1U << bit;
		hm_create_raw_err(EINVAL, cmd);
	}
	cmd->mode = 0600;
	cmd->uid = -1;
	hm_create_raw_err(EINVAL, cmd);
	cmd->uid = 0;
	cmd->gid = -1;
	hm_create_raw_err(EINVAL, cmd);
	/* An anonymous region has no node that could have them. */
	*cmd = hm_create_cmd(NULL, SIZE);
	cmd->mode = 0600;
	hm_create_raw_err(EINVAL, cmd);
	cmd->mode = 0;
	cmd->uid = 1;
	hm_create_raw_err(EINVAL, cmd);
	cmd->uid = 0;
	cmd->gid = 1;
	hm_create_raw_err(EINVAL, cmd);
}

/* In a child that inherited the control fd, with groups 1000 and 2000. */
static int create_unprivileged(void *arg)
{
	struct hostmem_region_create *cmd = arg;
	gid_t group = 2000;

	HM_OK(setgroups(1, &group));
	HM_OK(setresgid(1000, 1000, 1000));
	HM_OK(setresuid(1000, 1000, 1000));
	cmd->uid = 1000;
	cmd->gid = 1000;
	create_works(cmd);
	cmd->gid = 2000;
	create_works(cmd);
	cmd->gid = 0;
	hm_create_raw_err(EPERM, cmd);
	cmd->gid = 3000;
	hm_create_raw_err(EPERM, cmd);
	cmd->gid = 1000;
	cmd->uid = 0;
	hm_create_raw_err(EPERM, cmd);
	cmd->uid = 1001;
	hm_create_raw_err(EPERM, cmd);
	/* Nothing was left behind: the name is free. */
	cmd->uid = 1000;
	create_works(cmd);
	*cmd = hm_create_cmd(NULL, SIZE);
	close(hm_create_raw(cmd));
	return 0;
}

TEST_F(create, for_others_needs_cap_chown)
{
	hm_control();
	EXPECT_EQ(0, hm_in_child(create_unprivileged, &self->cmd));
	EXPECT_EQ(self->fds, hm_count_fds());
}

/* Root of a user namespace that maps only itself: others do not exist, or are not its own. */
static int create_in_namespace(void *arg)
{
	struct hostmem_region_create *cmd = arg;
	int fd;

	HM_OK(setresgid(1000, 1000, 1000));
	HM_OK(setresuid(1000, 1000, 1000));
	if (unshare(CLONE_NEWUSER))
		return KSFT_SKIP;
	/* Changing the user made /proc/self root's. */
	HM_OK(prctl(PR_SET_DUMPABLE, 1));
	HM_OK(hm_write_file("/proc/self/setgroups", "deny"));
	HM_OK(hm_write_file("/proc/self/uid_map", "0 1000 1"));
	HM_OK(hm_write_file("/proc/self/gid_map", "0 1000 1"));
	cmd->uid = 1;
	hm_create_raw_err(EINVAL, cmd);
	cmd->uid = 0;
	cmd->gid = 1;
	hm_create_raw_err(EINVAL, cmd);
	cmd->gid = 0;
	fd = hm_create_raw(cmd);
	close(fd);
	return 0;
}

TEST_F(create, in_user_namespace)
{
	char path[128];
	struct stat st;
	int rc, fd;

	hm_control();
	self->fds = hm_count_fds();
	rc = hm_in_child(create_in_namespace, &self->cmd);
	if (rc == KSFT_SKIP)
		SKIP(return, "no user namespaces");
	ASSERT_EQ(0, rc);
	snprintf(path, sizeof(path), HM_DIR "%s", self->name);
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(1000, st.st_uid);
	EXPECT_EQ(1000, st.st_gid);
	fd = hm_open(self->name);
	hm_destroy(fd, 0);
	close(fd);
}

/* One more than the limit is refused, and there is room again when one has gone. */
TEST_F_TIMEOUT(create, max_regions, 600)
{
	struct rlimit files = { .rlim_cur = 8192, .rlim_max = 8192 };
	struct hostmem_info info, full;
	int *fds, n = 0;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	hm_limits(&info);
	fds = calloc(info.out_max_regions, sizeof(*fds));
	while (info.out_regions + n < info.out_max_regions)
		fds[n++] = hm_create(HM_BLOCK);
	hm_create_err(ENOSPC, HM_BLOCK);
	hm_create_named_err(ENOSPC, "one-too-many", HM_BLOCK);
	EXPECT_EQ(-1, access(HM_DIR "one-too-many", F_OK));
	hm_limits(&full);
	EXPECT_EQ(full.out_max_regions, full.out_regions);
	close(fds[0]);
	fds[0] = hm_create_named("one-more", HM_BLOCK);
	hm_destroy(fds[0], 0);
	while (n)
		close(fds[--n]);
	hm_limits(&full);
	EXPECT_EQ(info.out_regions, full.out_regions);
	free(fds);
}

/* Names */

static bool name_char(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '.' || c == '_' || c == '-';
}

static void set_name(__u8 *field, const char *name)
{
	memset(field, 0, HOSTMEM_NAME_MAX);
	memcpy(field, name, strnlen(name, HOSTMEM_NAME_MAX));
}

TEST_F(create, every_character)
{
	struct hostmem_region_create *cmd = &self->cmd;
	struct hostmem_region_open open = { .size = sizeof(open) };
	int c;

	for (c = 1; c < 256; c++) {
		const char first[] = { c, 0 };
		const char second[] = { 'q', c, 0 };

		set_name(cmd->name, first);
		if (name_char(c) && c != '.' && c != '-')
			create_works(cmd);
		else
			hm_create_raw_err(EINVAL, cmd);
		set_name(cmd->name, second);
		if (name_char(c))
			create_works(cmd);
		else
			hm_create_raw_err(EINVAL, cmd);
		/* Opening asks the same of a name. */
		set_name(open.name, second);
		HM_ERR(name_char(c) ? ENOENT : EINVAL,
		       ioctl(hm_control(), HOSTMEM_REGION_OPEN, &open));
	}
}

TEST_F(create, names)
{
	static const char * const wrong[] = {
		".", "..", ".x", "-x", "control", "a/b", "/a", "a/", "../x", "a b", "a\n",
		"\xc3\xa4",
	};
	static const char * const good[] = {
		"a", "0", "_", "control1", "Control", "a..b", "a-", "null", "region0",
	};
	struct hostmem_region_create *cmd = &self->cmd;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++) {
		set_name(cmd->name, wrong[i]);
		hm_create_raw_err(EINVAL, cmd);
		hm_open_err(EINVAL, wrong[i]);
	}
	for (i = 0; i < HM_ARRAY_SIZE(good); i++) {
		set_name(cmd->name, good[i]);
		create_works(cmd);
	}
}

TEST_F(create, name_length)
{
	struct hostmem_region_create *cmd = &self->cmd;
	struct hostmem_region_open open = { .size = sizeof(open) };
	char path[128];
	int i, fd;

	/* No NUL at the end. */
	memset(cmd->name, 'x', HOSTMEM_NAME_MAX);
	hm_create_raw_err(EINVAL, cmd);
	memset(open.name, 'x', HOSTMEM_NAME_MAX);
	HM_ERR(EINVAL, ioctl(hm_control(), HOSTMEM_REGION_OPEN, &open));
	/* The longest. */
	cmd->name[HOSTMEM_NAME_MAX - 1] = 0;
	fd = hm_create_raw(cmd);
	snprintf(path, sizeof(path), HM_DIR "%s", (char *)cmd->name);
	EXPECT_EQ(0, access(path, F_OK));
	close(hm_open((char *)cmd->name));
	hm_destroy(fd, 0);
	close(fd);
	/* Something behind the NUL, anywhere. */
	for (i = 2; i < HOSTMEM_NAME_MAX; i++) {
		set_name(cmd->name, "x");
		cmd->name[i] = 'y';
		hm_create_raw_err(EINVAL, cmd);
		set_name(open.name, "x");
		open.name[i] = 'y';
		HM_ERR(EINVAL, ioctl(hm_control(), HOSTMEM_REGION_OPEN, &open));
	}
	/* That makes no anonymous region either. */
	set_name(cmd->name, "");
	cmd->name[1] = 'y';
	hm_create_raw_err(EINVAL, cmd);
}

TEST_F(create, name_taken)
{
	int fd = hm_create_raw(&self->cmd);
	struct snap before;

	snap(&before, fd);
	hm_create_named_err(EEXIST, self->name, HM_BLOCK);
	hm_create_named_err(EEXIST, self->name, SIZE);
	EXPECT_UNCHANGED(&before, fd);
	/* It stays taken when nobody has it open, and is free when it is destroyed. */
	close(fd);
	hm_create_named_err(EEXIST, self->name, SIZE);
	fd = hm_open(self->name);
	hm_destroy(fd, 0);
	create_works(&self->cmd);
	close(fd);
}

TEST_F(create, open_by_name)
{
	struct hostmem_region_info info;
	int fd = hm_create_raw(&self->cmd);
	int again = hm_open(self->name);

	hm_info(again, &info);
	EXPECT_EQ(self->cmd.out_id, info.out_id);
	EXPECT_EQ(2, info.out_views);
	EXPECT_EQ(HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE | HOSTMEM_RIGHT_OWNER,
		  info.out_rights);
	EXPECT_NE(hm_view_id(fd), info.out_view_id);
	hm_destroy(again, 0);
	hm_open_err(ENOENT, self->name);
	hm_open_err(ENOENT, "no-such-region");
	hm_open_err(ENOENT, "");
	hm_open_node_err(ENOENT, self->name, O_RDWR);
	close(fd);
	close(again);
}

/* A node decides by open(2)'s mode; the file's mode by who opens it. */
TEST_F(create, data_views)
{
	static const struct {
		int flags;
		__u32 rights;
	} modes[] = {
		{ O_RDONLY, HOSTMEM_RIGHT_READ },
		{ O_WRONLY, HOSTMEM_RIGHT_WRITE },
		{ O_RDWR, HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE },
	};
	struct hostmem_region_info info;
	int owner = hm_create_raw(&self->cmd);
	size_t i;
	int fd;

	for (i = 0; i < HM_ARRAY_SIZE(modes); i++) {
		fd = hm_open_node(self->name, modes[i].flags);
		hm_info(fd, &info);
		EXPECT_EQ(modes[i].rights, info.out_rights);
		EXPECT_EQ(2, info.out_views);
		EXPECT_EQ(SIZE, info.out_view_length);
		close(fd);
	}
	hm_destroy(owner, 0);
	close(owner);
}

TEST_HARNESS_MAIN
