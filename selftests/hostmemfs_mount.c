// SPDX-License-Identifier: GPL-2.0
/*
 * The mount of hostmemfs: options, what df tells, one superblock however often it is mounted, and
 * regions while it is not.
 */
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#include "harness.h"
#include "hostmemfs.h"
#include "lib.h"

static int mount_at(const char *path)
{
	return mount("hostmem", path, "hostmem", MS_NOSUID | MS_NODEV, NULL);
}

static const char *const wrong_options[] = {
	"size", "size=", "size=x", "size=101%", "size=-1", "size=m", "size=18446744073709551616",
	"size=17592186044416m", "huge", "huge=maybe", "huge=1", "block_size=", "block_size=x",
	"block_size=0", "block_size=1m", "block_size=3m", "block_size=2mx",
	"block_size=18446744073709551616", "allocation=", "allocation=later", "mode=888", "mode=x",
	"uid=-1", "uid=4294967295", "uid=x", "gid=-1", "gid=", "nosuch", "nosuch=1", "nr_inodes=1",
	"size=32m,huge=maybe",
};

static bool is_default(struct statfs *before)
{
	struct statfs now;
	struct stat st;

	HM_OK(statfs(HM_DIR, &now));
	HM_OK(stat(HM_DIR, &st));
	return now.f_blocks == before->f_blocks && (st.st_mode & 07777) == 0755 && !st.st_uid &&
	       !st.st_gid;
}

TEST_F(fs, wrong_options)
{
	struct statfs before;
	size_t i;

	HM_OK(statfs(HM_DIR, &before));
	for (i = 0; i < HM_ARRAY_SIZE(wrong_options); i++) {
		EXPECT_NE(0, _hm_remount(wrong_options[i])) {
			TH_LOG("'%s' was taken", wrong_options[i]);
			hm_remount(HM_MOUNT_DEFAULTS);
		}
		EXPECT_EQ(EINVAL, errno) {
			TH_LOG("'%s'", wrong_options[i]);
		}
		EXPECT_TRUE(is_default(&before));
	}
	/* The kernel may log what it does not understand. */
	HM_OK(lseek(self->log, 0, SEEK_END));
}

TEST_F(fs, options)
{
	struct hostmem_region_info info;
	int before = region_file(self->dir, "before"), fd = empty_file(self->dir, "a");
	char mounts[16384];
	struct stat st;

	hm_remount("huge=never,block_size=4m,allocation=immediate,size=32m");
	HM_ERR(EINVAL, ftruncate(fd, HM_BLOCK));
	HM_OK(ftruncate(fd, SIZE));
	hm_info(fd, &info);
	EXPECT_EQ(2 * HM_BLOCK, info.out_block_size);
	EXPECT_EQ(HOSTMEM_HUGE_NEVER, info.out_huge);
	EXPECT_EQ(HOSTMEM_ALLOCATION_IMMEDIATE, info.out_allocation);
	HM_OK(fstat(fd, &st));
	EXPECT_EQ(2 * HM_BLOCK, st.st_blksize);
	EXPECT_EQ(SIZE, memory_of(fd));
	HM_OK(hm_read_file("/proc/self/mounts", mounts, sizeof(mounts)));
	EXPECT_TRUE(strstr(mounts, "size=32768k"));
	EXPECT_TRUE(strstr(mounts, "block_size=4194304"));
	EXPECT_TRUE(strstr(mounts, "allocation=immediate"));
	EXPECT_TRUE(strstr(mounts, "huge=never"));
	/* What is a region stays as it is. */
	hm_info(before, &info);
	EXPECT_EQ(HM_BLOCK, info.out_block_size);
	EXPECT_EQ(0, memory_of(before));
	hm_remount("mode=1770,uid=12,gid=34");
	HM_OK(stat(HM_DIR, &st));
	EXPECT_EQ(S_IFDIR | 01770, st.st_mode);
	EXPECT_EQ(12, st.st_uid);
	EXPECT_EQ(34, st.st_gid);
	hm_remount(HM_MOUNT_DEFAULTS);
	HM_OK(unlinkat(self->dir, "a", 0));
	HM_OK(unlinkat(self->dir, "before", 0));
	close(before);
	close(fd);
}

TEST_F(fs, statfs)
{
	int fd = region_file(self->dir, "a");
	char *p = hm_map(fd, 0, SIZE, RW);
	struct statfs before, after;

	hm_remount("size=256m");
	HM_OK(fstatfs(fd, &before));
	EXPECT_EQ(HOSTMEM_SUPER_MAGIC, before.f_type);
	EXPECT_EQ(sysconf(_SC_PAGESIZE), before.f_bsize);
	EXPECT_EQ(NAME_MAX, before.f_namelen);
	EXPECT_EQ(256 * MIB, before.f_blocks * before.f_bsize);
	EXPECT_EQ(256 * MIB - self->used, before.f_bfree * before.f_bsize);
	memset(p, 1, SIZE);
	HM_OK(statfs(HM_DIR, &after));
	EXPECT_EQ(SIZE, (before.f_bfree - after.f_bfree) * after.f_bsize);
	EXPECT_EQ(after.f_bfree, after.f_bavail);
	munmap(p, SIZE);
	HM_OK(unlinkat(self->dir, "a", 0));
	close(fd);
	EXPECT_TRUE(ram_used_is(self->used));
	HM_OK(statfs(HM_DIR, &after));
	EXPECT_EQ(before.f_bfree, after.f_bfree);
	hm_remount(HM_MOUNT_DEFAULTS);
}

/* There is one of it, wherever it is mounted; one mount goes while another is used. */
TEST_F(fs, mounted_twice)
{
	char other[] = "/tmp/hostmemfs-XXXXXX", path[256];
	struct stat here, there;
	int fd, far;

	close(region_file(self->dir, "a"));
	HM_TRUE(mkdtemp(other));
	HM_OK(mount_at(other));
	HM_OK(stat(HM_DIR, &here));
	HM_OK(stat(other, &there));
	EXPECT_EQ(here.st_dev, there.st_dev);
	EXPECT_EQ(here.st_ino, there.st_ino);
	snprintf(path, sizeof(path), "%s/%s/a", other, self->name);
	far = HM_OK(open(path, O_RDWR | O_CLOEXEC));
	fd = HM_OK(openat(self->dir, "a", O_RDWR | O_CLOEXEC));
	HM_OK(fstat(fd, &here));
	HM_OK(fstat(far, &there));
	EXPECT_EQ(here.st_ino, there.st_ino);
	HM_ERR(EBUSY, umount(other));
	close(far);
	HM_OK(umount(other));
	HM_OK(rmdir(other));
	EXPECT_TRUE(exists(self->dir, "a"));
	HM_OK(unlinkat(self->dir, "a", 0));
	close(fd);
}

/* Nobody sees it, and it is all there again: bytes, names, modes, options. */
TEST_F(fs, region_while_not_mounted)
{
	int fd = region_file(self->dir, "a");
	char *p = hm_map(fd, 0, SIZE, RW);
	struct stat before, after;
	struct statfs st;

	memset(p, 'm', HM_BLOCK);
	munmap(p, SIZE);
	HM_OK(fchmod(fd, 0640));
	HM_OK(fchown(fd, 12, 34));
	HM_OK(fstat(fd, &before));
	hm_remount("size=64m");
	HM_ERR(EBUSY, umount(HM_DIR));
	close(fd);
	close(self->dir);
	HM_OK(umount(HM_DIR));
	EXPECT_NE(0, access(hm_path(self->name), F_OK));
	EXPECT_EQ(self->regions + 1, regions());
	HM_OK(mount_at(HM_DIR));
	self->dir = hm_open_node(self->name, O_RDONLY | O_DIRECTORY);
	fd = HM_OK(openat(self->dir, "a", O_RDWR | O_CLOEXEC));
	HM_OK(fstat(fd, &after));
	EXPECT_EQ(before.st_ino, after.st_ino);
	EXPECT_EQ(before.st_mode, after.st_mode);
	EXPECT_EQ(before.st_uid, after.st_uid);
	EXPECT_EQ(before.st_blocks, after.st_blocks);
	HM_OK(statfs(HM_DIR, &st));
	EXPECT_EQ(64 * MIB, st.f_blocks * st.f_bsize);
	p = hm_map(fd, 0, SIZE, RW);
	EXPECT_TRUE(hm_is_filled(p, 'm', HM_BLOCK));
	munmap(p, SIZE);
	hm_remount(HM_MOUNT_DEFAULTS);
	HM_OK(unlinkat(self->dir, "a", 0));
	close(fd);
}

/* An owner does not need a mount. */
TEST_F(fs, destroyed_while_not_mounted)
{
	int fd = region_file(self->dir, "a");
	int owner = hm_owner(fd);

	close(fd);
	close(self->dir);
	HM_OK(umount(HM_DIR));
	hm_destroy(owner, 0);
	close(owner);
	HM_OK(mount_at(HM_DIR));
	/* The directory has gone, unless there is another region. */
	if (mkdir(hm_path(self->name), 0755))
		HM_TRUE(errno == EEXIST);
	self->dir = hm_open_node(self->name, O_RDONLY | O_DIRECTORY);
	EXPECT_FALSE(exists(self->dir, "a"));
}

/* Without a region it ends with its last mount, and with it what it was told. */
TEST(mounted_anew)
{
	struct statfs before, after;
	struct stat st;
	char name[HM_NAME_MAX];

	if (regions())
		SKIP(return, "there are regions of somebody else");
	hm_remount(HM_MOUNT_DEFAULTS);
	HM_OK(statfs(HM_DIR, &before));
	HM_OK(mkdir(hm_path(hm_name(name)), 0755));
	hm_remount("size=64m,mode=0700");
	HM_OK(umount(HM_DIR));
	HM_OK(mount_at(HM_DIR));
	HM_ERR(ENOENT, stat(hm_path(name), &st));
	HM_OK(statfs(HM_DIR, &after));
	EXPECT_EQ(before.f_blocks, after.f_blocks);
	HM_OK(stat(HM_DIR, &st));
	EXPECT_EQ(S_IFDIR | 0755, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
}

/* A user namespace, whose root may mount tmpfs, may not mount this. */
static int mount_in_namespace(void *arg)
{
	const char *path = arg;

	HM_OK(setresuid(65534, 65534, 65534));
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return KSFT_SKIP;
	HM_OK(mount("tmpfs", path, "tmpfs", 0, NULL));
	HM_ERR(EPERM, mount("hostmem", path, "hostmem", 0, NULL));
	HM_ERR(EPERM, mount("hostmem", path, "hostmem", 0, "size=100%"));
	HM_ERR(EPERM, _hm_remount("size=100%"));
	return 0;
}

TEST(user_namespace)
{
	char path[] = "/tmp/hostmemfs-XXXXXX";
	int rc;

	HM_TRUE(mkdtemp(path));
	HM_OK(chmod(path, 0755));
	rc = hm_in_child(mount_in_namespace, path);
	HM_OK(rmdir(path));
	if (rc == KSFT_SKIP)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, rc);
}

static int wait_in_namespace(void *arg)
{
	int *pipes = arg;
	char byte;

	if (unshare(CLONE_NEWUSER))
		return KSFT_SKIP;
	HM_OK(hm_write_file("/proc/self/uid_map", "0 0 1"));
	HM_TRUE(write(pipes[1], "", 1) == 1);
	close(pipes[1]);
	/* Until nobody wants it any more. */
	return read(pipes[2], &byte, 1) < 0;
}

/* mount_setattr() of a copy of the mount at @path; errno. */
static int map_ids(const char *path, int userns)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = userns };
	int fd = HM_OK(open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
	int rc = mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) ? errno : 0;

	close(fd);
	return rc;
}

/* Who owns a region decides who may have its memory: there is one answer to that. */
TEST(id_mapping)
{
	int pipes[4], userns;
	char path[32], byte;
	pid_t pid;

	HM_OK(pipe(pipes));
	HM_OK(pipe(pipes + 2));
	pid = HM_OK(fork());
	if (!pid) {
		close(pipes[3]);
		_exit(wait_in_namespace(pipes));
	}
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) != 1) {
		EXPECT_EQ(KSFT_SKIP, hm_wait(pid));
		SKIP(return, "no user namespaces");
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	userns = HM_OK(open(path, O_RDONLY | O_CLOEXEC));
	EXPECT_EQ(EINVAL, map_ids(HM_DIR, userns));
	/* The same call, of what can be mapped. Not on 6.1. */
	if (map_ids("/dev/shm", userns))
		TH_LOG("tmpfs has no mapping of ids either");
	close(userns);
	close(pipes[3]);
	EXPECT_EQ(0, hm_wait(pid));
}

TEST_HARNESS_MAIN
