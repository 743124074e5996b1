// SPDX-License-Identifier: GPL-2.0
/*
 * The control node and its limits, and creating and opening regions: what each field does, each
 * errno with all else valid, the files that they are, and who may do it.
 */
#include <sched.h>
#include <stdio.h>
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

	ASSERT_EQ(0, stat(HM_CONTROL, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0600, st.st_mode & 07777);
	hm_limits(&info);
	EXPECT_EQ(HOSTMEM_ABI_VERSION, info.out_abi_version);
	EXPECT_EQ(HOSTMEM_MIN_BLOCK_SIZE, info.out_min_block_size);
	EXPECT_LT(0, info.out_max_regions);
	EXPECT_LT(0, info.out_max_blocks);
	EXPECT_LE(info.out_max_blocks * info.out_min_block_size, info.out_max_size);
	/* A read-only fd of it will do: the node's mode decides. */
	fd = HM_OK(open(HM_CONTROL, O_RDONLY));
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
	struct hostmem_region_open open_cmd = { .size = sizeof(open_cmd) };
	struct hostmem_info info = { .size = sizeof(info) };
	int fd = HM_OK(open(HM_CONTROL, O_RDONLY | O_CLOEXEC));
	char name[HM_NAME_MAX];
	int owner = hm_create_named(hm_name(name), HM_BLOCK);

	create.size = sizeof(create);
	open_cmd.file_fd = hm_open_node(name, O_RDWR);
	EXPECT_EQ(0, ioctl(fd, HOSTMEM_INFO, &info));
	HM_ERR(EPERM, ioctl(fd, HOSTMEM_REGION_CREATE, &create));
	HM_ERR(EPERM, ioctl(fd, HOSTMEM_REGION_OPEN, &open_cmd));
	hm_destroy(owner, 0);
	close(open_cmd.file_fd);
	close(owner);
	close(fd);
}

TEST(count_of_regions)
{
	struct hostmem_info before, with, after;
	int fd, named;
	char name[HM_NAME_MAX];

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
	char name[HM_NAME_MAX];
	int fds;
	int log;
};

FIXTURE_SETUP(create)
{
	self->cmd = hm_create_cmd(NULL, SIZE);
	hm_name(self->name);
	hm_limits(&self->before);
	self->log = hm_log_open();
	self->fds = hm_count_fds();
}

/* Whatever was refused left no region, no file, no fd and no line in the log. */
FIXTURE_TEARDOWN(create)
{
	struct hostmem_info after;

	hm_open_node_err(ENOENT, self->name, O_PATH);
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

static int new_file(const char *name)
{
	return hm_open_node(name, O_CREAT | O_EXCL | O_RDWR);
}

TEST_F(create, all_that_is_asked)
{
	struct hostmem_region_info info;
	int fd;

	self->cmd.file_fd = new_file(self->name);
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

/* A file that somebody has kept is never another region, whatever has been created since. */
static void kept_file(const char *name, int flags)
{
	char path[32];
	int fd, kept, i;

	fd = hm_create_named(name, HM_BLOCK);
	kept = hm_open_node(name, flags);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", kept);
	close(HM_OK(open(path, O_RDWR | O_CLOEXEC)));
	hm_destroy(fd, 0);
	close(fd);
	for (i = 0; i < 8; i++) {
		fd = hm_create_named(name, HM_BLOCK);
		HM_ERR(ENODEV, open(path, O_RDWR));
		hm_owner_err(ENODEV, kept);
		hm_destroy(fd, 0);
		close(fd);
	}
	close(kept);
}

TEST_F(create, kept_file)
{
	kept_file(self->name, O_RDWR);
	kept_file(self->name, O_PATH);
}

/* Of a region that has lost its name it is still the same region, as long as that lives. */
TEST_F(create, kept_file_unlinked)
{
	struct hostmem_region_info info;
	int fd, kept, owner;
	__u64 id;

	fd = hm_create_named(self->name, HM_BLOCK);
	hm_info(fd, &info);
	id = info.out_id;
	kept = hm_open_node(self->name, O_PATH);
	HM_OK(unlink(hm_path(self->name)));
	close(fd);
	fd = hm_create_named(self->name, HM_BLOCK);
	owner = hm_owner(kept);
	hm_info(owner, &info);
	EXPECT_EQ(id, info.out_id);
	close(owner);
	close(kept);
	hm_destroy(fd, 0);
	close(fd);
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

/* File */

TEST_F(create, file)
{
	static const __u32 modes[] = { 0, 0600, 0640, 0666, 0777, 0007 };
	struct stat st;
	size_t i;
	int fd;

	for (i = 0; i < HM_ARRAY_SIZE(modes); i++) {
		self->cmd.file_fd = new_file(self->name);
		HM_OK(fchmod(self->cmd.file_fd, modes[i]));
		HM_OK(fchown(self->cmd.file_fd, 12, 34));
		fd = hm_create_raw(&self->cmd);
		ASSERT_EQ(0, stat(hm_path(self->name), &st));
		EXPECT_TRUE(S_ISREG(st.st_mode));
		EXPECT_EQ(modes[i], st.st_mode & 07777);
		EXPECT_EQ(12, st.st_uid);
		EXPECT_EQ(34, st.st_gid);
		EXPECT_EQ(SIZE, st.st_size);
		EXPECT_EQ(HM_BLOCK, st.st_blksize);
		EXPECT_EQ(1, st.st_nlink);
		hm_destroy(fd, 0);
		HM_ERR(ENOENT, stat(hm_path(self->name), &st));
		close(fd);
	}
}

TEST_F(create, umask)
{
	mode_t old = umask(027);
	struct stat st;
	int fd;

	self->cmd.file_fd = HM_OK(open(hm_path(self->name), O_CREAT | O_RDWR | O_CLOEXEC, 0666));
	umask(old);
	fd = hm_create_raw(&self->cmd);
	ASSERT_EQ(0, stat(hm_path(self->name), &st));
	EXPECT_EQ(0640, st.st_mode & 07777);
	EXPECT_EQ(geteuid(), st.st_uid);
	hm_destroy(fd, 0);
	close(fd);
}

/* A file that one has open for writing will do, whoever owns it and wherever it is. */
static int create_unprivileged(void *arg)
{
	struct hostmem_region_create *cmd = arg;

	HM_OK(setresgid(1000, 1000, 1000));
	HM_OK(setresuid(1000, 1000, 1000));
	hm_create_raw(cmd);
	*cmd = hm_create_cmd(NULL, SIZE);
	close(hm_create_raw(cmd));
	return 0;
}

/* Root of a user namespace that maps only itself. */
static int create_in_namespace(void *arg)
{
	HM_OK(setresgid(1000, 1000, 1000));
	HM_OK(setresuid(1000, 1000, 1000));
	if (unshare(CLONE_NEWUSER))
		return KSFT_SKIP;
	/* Changing the user made /proc/self root's. */
	HM_OK(prctl(PR_SET_DUMPABLE, 1));
	HM_OK(hm_write_file("/proc/self/setgroups", "deny"));
	HM_OK(hm_write_file("/proc/self/uid_map", "0 1000 1"));
	HM_OK(hm_write_file("/proc/self/gid_map", "0 1000 1"));
	hm_create_raw(arg);
	return 0;
}

static void by_another(struct __test_metadata *_metadata, struct hostmem_region_create *cmd,
		       const char *name, int (*create)(void *arg))
{
	struct stat st;
	int rc, fd;

	cmd->file_fd = new_file(name);
	HM_OK(fchown(cmd->file_fd, 12, 34));
	rc = hm_in_child(create, cmd);
	close(cmd->file_fd);
	if (rc == KSFT_SKIP) {
		unlink(hm_path(name));
		SKIP(return, "no user namespaces");
	}
	ASSERT_EQ(0, rc);
	ASSERT_EQ(0, stat(hm_path(name), &st));
	EXPECT_EQ(12, st.st_uid);
	EXPECT_EQ(34, st.st_gid);
	EXPECT_EQ(SIZE, st.st_size);
	fd = hm_open(name);
	hm_destroy(fd, 0);
	close(fd);
}

TEST_F(create, by_nobody)
{
	by_another(_metadata, &self->cmd, self->name, create_unprivileged);
}

TEST_F(create, in_user_namespace)
{
	by_another(_metadata, &self->cmd, self->name, create_in_namespace);
}

/* One more than the limit is refused, and there is room again when one has gone. */
TEST_F_TIMEOUT(create, max_regions, 600)
{
	struct rlimit files = { .rlim_cur = 8192, .rlim_max = 8192 };
	struct hostmem_info info, full;
	int *fds, n = 0, file;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	hm_limits(&info);
	fds = calloc(info.out_max_regions, sizeof(*fds));
	while (info.out_regions + n < info.out_max_regions)
		fds[n++] = hm_create(HM_BLOCK);
	hm_create_err(ENOSPC, HM_BLOCK);
	hm_create_named_err(ENOSPC, "one-too-many", HM_BLOCK);
	/* Nor by its size; there it stays what it was, empty. */
	file = new_file("one-too-many");
	HM_ERR(ENOSPC, ftruncate(file, HM_BLOCK));
	EXPECT_EQ(0, lseek(file, 0, SEEK_END));
	hm_limits(&full);
	EXPECT_EQ(full.out_max_regions, full.out_regions);
	close(fds[0]);
	HM_OK(ftruncate(file, HM_BLOCK));
	hm_create_err(ENOSPC, HM_BLOCK);
	HM_OK(unlink(HM_DIR "one-too-many"));
	close(file);
	fds[0] = hm_create_named("one-more", HM_BLOCK);
	hm_destroy(fds[0], 0);
	while (n)
		close(fds[--n]);
	hm_limits(&full);
	EXPECT_EQ(info.out_regions, full.out_regions);
	free(fds);
}

/* Opening */

TEST_F(create, name_taken)
{
	int fd = hm_create_named(self->name, SIZE);
	struct snap before;

	snap(&before, fd);
	hm_create_named_err(EEXIST, self->name, HM_BLOCK);
	EXPECT_UNCHANGED(&before, fd);
	/* It stays taken when nobody has it open, and is free when it is destroyed. */
	close(fd);
	hm_create_named_err(EEXIST, self->name, SIZE);
	fd = hm_open(self->name);
	hm_destroy(fd, 0);
	close(hm_create_named(self->name, SIZE));
	hm_info_err(ENODEV, fd, &before.info);
	close(fd);
	fd = hm_open(self->name);
	hm_destroy(fd, 0);
	close(fd);
}

TEST_F(create, open_by_name)
{
	struct hostmem_region_info info;
	int fd, again;

	self->cmd.file_fd = new_file(self->name);
	fd = hm_create_raw(&self->cmd);
	again = hm_open(self->name);
	hm_info(again, &info);
	EXPECT_EQ(self->cmd.out_id, info.out_id);
	EXPECT_EQ(2, info.out_views);
	EXPECT_EQ(HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE | HOSTMEM_RIGHT_OWNER,
		  info.out_rights);
	EXPECT_NE(hm_view_id(fd), info.out_view_id);
	hm_destroy(again, 0);
	hm_open_err(ENOENT, self->name);
	hm_open_err(ENOENT, "no-such-region");
	hm_open_err(EINVAL, "");
	hm_open_node_err(ENOENT, self->name, O_RDWR);
	close(fd);
	close(again);
}

/* What open(2) is asked for decides; the mode of the file, who may ask for it. */
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
	int owner = hm_create_named(self->name, SIZE);
	struct hostmem_region_info info;
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
