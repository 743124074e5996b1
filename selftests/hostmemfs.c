// SPDX-License-Identifier: GPL-2.0
/*
 * Regions as files: how a file becomes one, its names, its attributes.
 */
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "harness.h"
#include "hostmemfs.h"
#include "lib.h"

static int tmpfile_in(int dir)
{
	return HM_OK(openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

static int link_fd(int fd, int dir, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW);
}

/* From an empty file to a region */

/* mem-path of QEMU: a file, or a directory in which it makes one that has no name for long. */
static void as_qemu(struct __test_metadata *_metadata, int dir, bool unlink_first)
{
	int fd = empty_file(dir, "qemu");
	char *p;

	if (unlink_first)
		HM_OK(unlinkat(dir, "qemu", 0));
	HM_OK(ftruncate(fd, SIZE));
	p = hm_map(fd, 0, SIZE, RW);
	memset(p, 'q', SIZE);
	EXPECT_EQ(SIZE, size_of(fd));
	EXPECT_EQ(SIZE, memory_of(fd));
	HM_OK(fallocate(fd, PUNCH, HM_BLOCK, HM_BLOCK));
	EXPECT_EQ(SIZE - HM_BLOCK, memory_of(fd));
	EXPECT_TRUE(hm_is_filled(p + HM_BLOCK, 0, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(p, 'q', HM_BLOCK));
	if (!unlink_first)
		HM_OK(unlinkat(dir, "qemu", 0));
	EXPECT_TRUE(hm_is_filled(p, 'q', HM_BLOCK));
	munmap(p, SIZE);
	close(fd);
}

TEST_F(fs, as_qemu)
{
	as_qemu(_metadata, self->dir, false);
	as_qemu(_metadata, self->dir, true);
}

TEST_F(fs, defaults)
{
	int fd = region_file(self->dir, "a"), owner = hm_owner(fd);
	struct hostmem_region_info info;

	hm_info(fd, &info);
	EXPECT_EQ(SIZE, info.out_size);
	EXPECT_EQ(SIZE, info.out_plugged);
	EXPECT_EQ(HM_BLOCK, info.out_block_size);
	EXPECT_EQ(0, info.out_slot_size);
	EXPECT_EQ(HOSTMEM_BACKING_RAM, info.out_backing);
	EXPECT_EQ(HOSTMEM_ALLOCATION_ONDEMAND, info.out_allocation);
	EXPECT_EQ(HOSTMEM_HUGE_ALWAYS, info.out_huge);
	EXPECT_EQ(HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE, info.out_rights);
	EXPECT_EQ(self->used, ram_used());
	/* It is a region as any other. */
	hm_plug_err(EPERM, fd, 0, HM_BLOCK);
	hm_plug_err(EEXIST, owner, 0, HM_BLOCK);
	hm_unplug(owner, 0, HM_BLOCK);
	hm_destroy(owner, 0);
	EXPECT_FALSE(exists(self->dir, "a"));
	close(owner);
	close(fd);
}

TEST_F(fs, sizes)
{
	static const off_t wrong[] = {
		-1, 1, 4096, HM_BLOCK - 1, HM_BLOCK + 1, HM_BLOCK + 4096,
	};
	int fd = empty_file(self->dir, "a");
	struct hostmem_info info;
	size_t i;

	hm_limits(&info);
	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++)
		HM_ERR(EINVAL, ftruncate(fd, wrong[i]));
	HM_ERR(EINVAL, ftruncate(fd, (info.out_max_blocks + 1) * HM_BLOCK));
	EXPECT_EQ(0, size_of(fd));
	EXPECT_EQ(self->regions, regions());
	/* It is of that size already. */
	HM_OK(ftruncate(fd, 0));
	hm_info_err(ENODATA, fd, &(struct hostmem_region_info) { });
	HM_OK(ftruncate(fd, SIZE));
	/* As a memfd whose size is sealed. */
	HM_OK(ftruncate(fd, SIZE));
	HM_ERR(EPERM, ftruncate(fd, SIZE + HM_BLOCK));
	HM_ERR(EPERM, ftruncate(fd, HM_BLOCK));
	HM_ERR(EPERM, ftruncate(fd, 0));
	EXPECT_EQ(SIZE, size_of(fd));
	HM_OK(unlinkat(self->dir, "a", 0));
	close(fd);
}

/* What O_TRUNC takes is the memory, for who writes all of it anew: not from who maps it. */
TEST_F(fs, open_truncates)
{
	int fd = region_file(self->dir, "a"), owner = hm_owner(fd), other;
	char *p = hm_map(fd, 0, SIZE, RW);

	memset(p, 't', SIZE);
	hm_unplug(owner, HM_BLOCK, HM_BLOCK);
	HM_ERR(EBUSY, openat(self->dir, "a", O_RDWR | O_TRUNC));
	HM_ERR(EBUSY, openat(self->dir, "a", O_WRONLY | O_CREAT | O_TRUNC, 0600));
	EXPECT_TRUE(hm_is_filled(p, 't', HM_BLOCK));
	EXPECT_EQ(SIZE - HM_BLOCK, memory_of(fd));
	munmap(p, SIZE);
	other = HM_OK(openat(self->dir, "a", O_WRONLY | O_TRUNC | O_CLOEXEC));
	EXPECT_EQ(SIZE, size_of(fd));
	EXPECT_EQ(0, memory_of(fd));
	/* The blocks are what they were. */
	p = hm_map(fd, 0, SIZE, RW);
	EXPECT_TRUE(hm_is_filled(p, 0, HM_BLOCK));
	EXPECT_TRUE(hm_read_faults(p + HM_BLOCK));
	munmap(p, SIZE);
	hm_destroy(owner, 0);
	close(other);
	close(owner);
	close(fd);
}

/* Nobody has made it a region. */
TEST_F(fs, empty)
{
	int fd = empty_file(self->dir, "a");
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct hostmem_region_info info;
	__u64 words[1];

	EXPECT_EQ(0, size_of(fd));
	EXPECT_EQ(0, memory_of(fd));
	EXPECT_EQ(self->regions, regions());
	hm_map_err(ENODATA, fd, 0, HM_BLOCK, RW);
	hm_map_err(ENODATA, fd, 0, 4096, PROT_READ);
	hm_info_err(ENODATA, fd, &info);
	hm_blocks_err(ENODATA, fd, 0, HM_BLOCK, words, NULL);
	hm_preallocate_err(ENODATA, fd, 0, HM_BLOCK);
	hm_destroy_err(ENODATA, fd, 0);
	hm_owner_err(ENODATA, fd);
	HM_ERR(ENODATA, fallocate(fd, 0, 0, HM_BLOCK));
	HM_ERR(ENODATA, fallocate(fd, PUNCH, 0, HM_BLOCK));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLHUP | POLLERR, pfd.revents);
	/* What one is made with O_TRUNC is no different. */
	close(fd);
	fd = HM_OK(openat(self->dir, "a", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	hm_map_err(ENODATA, fd, 0, HM_BLOCK, RW);
	HM_OK(unlinkat(self->dir, "a", 0));
	close(fd);
}

/* An fd from before sees what the file has become; its rights are what it was opened for. */
TEST_F(fs, opened_while_empty)
{
	int fd = empty_file(self->dir, "a");
	int other = HM_OK(openat(self->dir, "a", O_RDWR | O_CLOEXEC));
	int ro = HM_OK(openat(self->dir, "a", O_RDONLY | O_CLOEXEC));
	struct hostmem_region_info info;
	char *p, *q;

	HM_ERR(EINVAL, ftruncate(ro, SIZE));
	hm_map_err(ENODATA, other, 0, SIZE, RW);
	HM_OK(ftruncate(fd, SIZE));
	EXPECT_EQ(SIZE, size_of(ro));
	p = hm_map(other, 0, SIZE, RW);
	*p = 'x';
	q = hm_map(ro, 0, SIZE, PROT_READ);
	EXPECT_EQ('x', *q);
	HM_ERR(EACCES, mprotect(q, SIZE, RW));
	hm_map_err(EACCES, ro, 0, SIZE, RW);
	hm_info(ro, &info);
	EXPECT_EQ(HOSTMEM_RIGHT_READ, info.out_rights);
	hm_info(other, &info);
	EXPECT_EQ(HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE, info.out_rights);
	EXPECT_EQ(2, info.out_mappings);
	HM_OK(unlinkat(self->dir, "a", 0));
	munmap(p, SIZE);
	munmap(q, SIZE);
	close(fd);
	close(other);
	close(ro);
}

/* What could not be allocated is no region, and may become one later. */
TEST_F(fs, no_room)
{
	int fd = empty_file(self->dir, "a");
	char options[64];

	snprintf(options, sizeof(options), "allocation=immediate,size=%llu",
		 self->used + HM_BLOCK);
	hm_remount(options);
	HM_ERR(ENOSPC, ftruncate(fd, SIZE));
	EXPECT_EQ(0, size_of(fd));
	EXPECT_EQ(self->regions, regions());
	EXPECT_TRUE(ram_used_is(self->used));
	hm_map_err(ENODATA, fd, 0, SIZE, RW);
	HM_OK(ftruncate(fd, HM_BLOCK));
	EXPECT_EQ(HM_BLOCK, memory_of(fd));
	hm_remount(HM_MOUNT_DEFAULTS);
	HM_OK(unlinkat(self->dir, "a", 0));
	close(fd);
}

/* Without a name */

TEST_F(fs, tmpfile)
{
	int fd = tmpfile_in(self->dir);
	struct stat st;

	HM_OK(ftruncate(fd, SIZE));
	EXPECT_EQ(self->regions + 1, regions());
	HM_OK(fstat(fd, &st));
	EXPECT_EQ(0, st.st_nlink);
	/* It goes with its last fd. */
	close(fd);
	EXPECT_EQ(self->regions, regions());

	fd = HM_OK(openat(self->dir, ".", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
	HM_ERR(ENOENT, link_fd(fd, self->dir, "a"));
	close(fd);
}

/* One name it may be given, as an empty file or as a region. */
TEST_F(fs, link)
{
	int before = tmpfile_in(self->dir), after = tmpfile_in(self->dir);
	struct stat st;

	HM_OK(link_fd(before, self->dir, "before"));
	HM_OK(ftruncate(before, SIZE));
	HM_OK(ftruncate(after, SIZE));
	HM_OK(link_fd(after, self->dir, "after"));
	HM_OK(fstat(after, &st));
	EXPECT_EQ(1, st.st_nlink);
	HM_ERR(EMLINK, link_fd(after, self->dir, "second"));
	HM_ERR(EMLINK, linkat(self->dir, "before", self->dir, "second", 0));
	HM_ERR(EEXIST, linkat(self->dir, "before", self->dir, "after", 0));
	EXPECT_FALSE(exists(self->dir, "second"));
	close(before);
	close(after);
	EXPECT_EQ(self->regions + 2, regions());
	before = HM_OK(openat(self->dir, "before", O_RDWR | O_CLOEXEC));
	HM_OK(unlinkat(self->dir, "before", 0));
	HM_OK(unlinkat(self->dir, "after", 0));
	EXPECT_EQ(self->regions + 1, regions());
	/* A name that it has lost it is not given again. */
	HM_ERR(ENOENT, link_fd(before, self->dir, "again"));
	close(before);
	EXPECT_EQ(self->regions, regions());
}

/* An empty file, too. */
TEST_F(fs, link_empty)
{
	int fd = empty_file(self->dir, "a");

	HM_ERR(EMLINK, linkat(self->dir, "a", self->dir, "b", 0));
	HM_OK(unlinkat(self->dir, "a", 0));
	close(fd);
}

/* Names */

TEST_F(fs, names)
{
	static const char *const good[] = {
		"a b", "a\n", "-x", ".x", "...", "control", "\xc3\xa4", "\xff", "%s", "a:b",
	};
	char name[NAME_MAX + 2];
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(good); i++) {
		close(region_file(self->dir, good[i]));
		EXPECT_TRUE(exists(self->dir, good[i]));
		HM_ERR(EEXIST, openat(self->dir, good[i], O_CREAT | O_EXCL | O_RDWR, 0600));
		HM_OK(unlinkat(self->dir, good[i], 0));
	}
	memset(name, 'x', sizeof(name));
	name[NAME_MAX + 1] = 0;
	HM_ERR(ENAMETOOLONG, openat(self->dir, name, O_CREAT | O_RDWR, 0600));
	HM_ERR(ENAMETOOLONG, mkdirat(self->dir, name, 0700));
	name[NAME_MAX] = 0;
	close(region_file(self->dir, name));
	HM_OK(unlinkat(self->dir, name, 0));
	HM_ERR(EISDIR, openat(self->dir, ".", O_CREAT | O_RDWR, 0600));
	HM_ERR(EISDIR, openat(self->dir, "..", O_CREAT | O_RDWR, 0600));
	HM_ERR(EEXIST, mkdirat(self->dir, ".", 0700));
	HM_ERR(ENOENT, openat(self->dir, "", O_CREAT | O_RDWR, 0600));
	HM_ERR(ENOENT, openat(self->dir, "no/a", O_CREAT | O_RDWR, 0600));
}

TEST_F(fs, directories)
{
	int fd, dir;

	HM_OK(mkdirat(self->dir, "d", 0755));
	HM_OK(mkdirat(self->dir, "d/e", 0755));
	HM_ERR(EEXIST, mkdirat(self->dir, "d", 0755));
	fd = region_file(self->dir, "d/e/a");
	HM_ERR(ENOTDIR, openat(self->dir, "d/e/a/b", O_CREAT | O_RDWR, 0600));
	HM_ERR(ENOTEMPTY, unlinkat(self->dir, "d/e", AT_REMOVEDIR));
	HM_ERR(ENOTEMPTY, unlinkat(self->dir, "d", AT_REMOVEDIR));
	HM_ERR(ENOTDIR, unlinkat(self->dir, "d/e/a", AT_REMOVEDIR));
	HM_ERR(EISDIR, unlinkat(self->dir, "d/e", 0));
	HM_OK(unlinkat(self->dir, "d/e/a", 0));
	/* Somebody stands in it, and it is gone. */
	dir = HM_OK(openat(self->dir, "d/e", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	HM_OK(unlinkat(self->dir, "d/e", AT_REMOVEDIR));
	HM_ERR(ENOENT, openat(dir, "b", O_CREAT | O_RDWR, 0600));
	HM_ERR(ENOENT, link_fd(fd, self->dir, "b"));
	HM_OK(unlinkat(self->dir, "d", AT_REMOVEDIR));
	close(dir);
	close(fd);
}

/* Only regions, and directories for them. */
TEST_F(fs, other_kinds)
{
	HM_ERR(EPERM, symlinkat("a", self->dir, "s"));
	HM_ERR(EPERM, mknodat(self->dir, "c", S_IFCHR | 0600, makedev(1, 3)));
	HM_ERR(EPERM, mknodat(self->dir, "b", S_IFBLK | 0600, makedev(1, 3)));
	HM_ERR(EPERM, mknodat(self->dir, "p", S_IFIFO | 0600, 0));
	HM_ERR(EPERM, mknodat(self->dir, "u", S_IFSOCK | 0600, 0));
	/* What mknod() makes of a regular file is what open() makes. */
	HM_OK(mknodat(self->dir, "r", S_IFREG | 0600, 0));
	HM_OK(unlinkat(self->dir, "r", 0));
}

TEST_F(fs, rename)
{
	int fd = region_file(self->dir, "a");
	char *p = hm_map(fd, 0, SIZE, RW);

	*p = 'a';
	HM_OK(mkdirat(self->dir, "d", 0755));
	HM_OK(renameat(self->dir, "a", self->dir, "b"));
	EXPECT_FALSE(exists(self->dir, "a"));
	HM_OK(renameat(self->dir, "b", self->dir, "d/c"));
	HM_OK(renameat(self->dir, "d", self->dir, "e"));
	close(fd);
	fd = HM_OK(openat(self->dir, "e/c", O_RDWR | O_CLOEXEC));
	munmap(p, SIZE);
	p = hm_map(fd, 0, SIZE, RW);
	EXPECT_EQ('a', *p);
	HM_ERR(EINVAL, renameat(self->dir, "e", self->dir, "e/f"));
	HM_OK(mkdirat(self->dir, "d", 0755));
	HM_ERR(EISDIR, renameat(self->dir, "e/c", self->dir, "d"));
	HM_ERR(ENOTDIR, renameat(self->dir, "d", self->dir, "e/c"));
	HM_ERR(ENOTEMPTY, renameat(self->dir, "d", self->dir, "e"));
	HM_OK(renameat(self->dir, "e", self->dir, "d"));
	HM_ERR(ENOENT, renameat(self->dir, "e", self->dir, "d"));
	HM_OK(unlinkat(self->dir, "d/c", 0));
	HM_OK(unlinkat(self->dir, "d", AT_REMOVEDIR));
	munmap(p, SIZE);
	close(fd);
}

TEST_F(fs, rename_flags)
{
	int a = region_file(self->dir, "a"), b = region_file(self->dir, "b");

	HM_ERR(EEXIST, renameat2(self->dir, "a", self->dir, "b", RENAME_NOREPLACE));
	/* What would need two names at once. */
	HM_ERR(EINVAL, renameat2(self->dir, "a", self->dir, "b", RENAME_EXCHANGE));
	HM_ERR(EINVAL, renameat2(self->dir, "a", self->dir, "c", RENAME_WHITEOUT));
	HM_OK(renameat2(self->dir, "a", self->dir, "c", RENAME_NOREPLACE));
	HM_OK(unlinkat(self->dir, "b", 0));
	HM_OK(unlinkat(self->dir, "c", 0));
	close(a);
	close(b);
}

/* The one that was there before loses its name, and its memory when nobody uses it any more. */
TEST_F(fs, rename_over)
{
	int a = region_file(self->dir, "a"), b = region_file(self->dir, "b");
	char *p = hm_map(b, 0, SIZE, RW);
	struct stat st, there;

	memset(p, 'b', HM_BLOCK);
	close(b);
	HM_OK(fstat(a, &st));
	HM_OK(renameat(self->dir, "a", self->dir, "b"));
	EXPECT_FALSE(exists(self->dir, "a"));
	HM_OK(fstatat(self->dir, "b", &there, 0));
	EXPECT_EQ(st.st_ino, there.st_ino);
	EXPECT_EQ(self->regions + 2, regions());
	EXPECT_TRUE(hm_is_filled(p, 'b', HM_BLOCK));
	munmap(p, SIZE);
	EXPECT_EQ(self->regions + 1, regions());
	EXPECT_TRUE(ram_used_is(self->used));
	/* With nobody using it, at once; and an empty one. */
	close(region_file(self->dir, "c"));
	HM_OK(renameat(self->dir, "b", self->dir, "c"));
	EXPECT_EQ(self->regions + 1, regions());
	close(empty_file(self->dir, "d"));
	HM_OK(renameat(self->dir, "c", self->dir, "d"));
	close(empty_file(self->dir, "e"));
	HM_OK(renameat(self->dir, "e", self->dir, "d"));
	close(a);
	EXPECT_EQ(self->regions, regions());
	HM_OK(unlinkat(self->dir, "d", 0));
}

TEST_F(fs, unlinked_while_mapped)
{
	int fd = region_file(self->dir, "a");
	char *p = hm_map(fd, 0, SIZE, RW);

	memset(p, 'u', HM_BLOCK);
	HM_OK(unlinkat(self->dir, "a", 0));
	EXPECT_FALSE(exists(self->dir, "a"));
	EXPECT_EQ(SIZE, size_of(fd));
	close(fd);
	p[HM_BLOCK] = 'v';
	EXPECT_TRUE(hm_is_filled(p, 'u', HM_BLOCK));
	EXPECT_EQ('v', p[HM_BLOCK]);
	EXPECT_EQ(self->regions + 1, regions());
	/* The name is free. */
	close(region_file(self->dir, "a"));
	HM_OK(unlinkat(self->dir, "a", 0));
	EXPECT_EQ('u', *p);
	munmap(p, SIZE);
	EXPECT_EQ(self->regions, regions());
}

/* Where it is called today, and with what watches the directory being told. */
TEST_F(fs, destroyed)
{
	int fd = region_file(self->dir, "a"), owner = hm_owner(fd);
	struct inotify_event *event;
	char buf[256] __attribute__((aligned(8)));
	int watch;

	HM_OK(mkdirat(self->dir, "d", 0755));
	HM_OK(renameat(self->dir, "a", self->dir, "d/b"));
	HM_OK(renameat(self->dir, "d", self->dir, "e"));
	watch = HM_OK(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
	snprintf(buf, sizeof(buf), HM_DIR "%s/e", self->name);
	HM_OK(inotify_add_watch(watch, buf, IN_DELETE));
	hm_destroy(owner, 0);
	EXPECT_FALSE(exists(self->dir, "e/b"));
	EXPECT_LT(0, read(watch, buf, sizeof(buf)));
	event = (void *)buf;
	EXPECT_EQ(IN_DELETE, event->mask);
	EXPECT_STREQ("b", event->name);
	HM_OK(unlinkat(self->dir, "e", AT_REMOVEDIR));
	/* Another file of that name is another one's. */
	close(region_file(self->dir, "a"));
	hm_destroy_err(ENODEV, owner, 0);
	EXPECT_TRUE(exists(self->dir, "a"));
	HM_OK(unlinkat(self->dir, "a", 0));
	close(watch);
	close(owner);
	close(fd);
}

static int destroyed_without_name(int fd)
{
	int owner = hm_owner(fd);

	hm_destroy(owner, 0);
	hm_info_err(ENODEV, fd, &(struct hostmem_region_info) { });
	close(owner);
	close(fd);
	return regions();
}

TEST_F(fs, destroyed_without_name)
{
	int fd = region_file(self->dir, "a");
	int owner;

	HM_OK(unlinkat(self->dir, "a", 0));
	/* Whoever takes the name now keeps it. */
	close(empty_file(self->dir, "a"));
	EXPECT_EQ(self->regions, destroyed_without_name(fd));
	EXPECT_TRUE(exists(self->dir, "a"));
	HM_OK(unlinkat(self->dir, "a", 0));
	fd = tmpfile_in(self->dir);
	HM_OK(ftruncate(fd, SIZE));
	EXPECT_EQ(self->regions, destroyed_without_name(fd));
	/* It gets no name any more. */
	fd = tmpfile_in(self->dir);
	HM_OK(ftruncate(fd, SIZE));
	owner = hm_owner(fd);
	hm_destroy(owner, 0);
	HM_ERR(ENODEV, link_fd(fd, self->dir, "b"));
	EXPECT_FALSE(exists(self->dir, "b"));
	close(owner);
	close(fd);
}

/* Many at once, over the same few names. */

struct racer {
	pthread_t thread;
	void (*act)(int dir);
	int dir;
};

static volatile bool race_over;

static void race_make(int dir)
{
	int fd = openat(dir, "a", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	/* It may be a region already, of that size, or have ended. */
	if (fd >= 0 && !ftruncate(fd, HM_BLOCK))
		munmap(mmap(NULL, HM_BLOCK, RW, MAP_SHARED, fd, 0), HM_BLOCK);
	close(fd);
}

static void race_link(int dir)
{
	int fd = tmpfile_in(dir);

	HM_OK(ftruncate(fd, HM_BLOCK));
	link_fd(fd, dir, "b");
	close(fd);
}

static void race_rename(int dir)
{
	renameat(dir, "a", dir, "b");
	renameat(dir, "b", dir, "d/a");
	renameat(dir, "d/a", dir, "a");
	renameat(dir, "d", dir, "e");
	renameat(dir, "e", dir, "d");
}

static void race_unlink(int dir)
{
	unlinkat(dir, "a", 0);
	unlinkat(dir, "d/a", 0);
}

static void race_destroy(int dir)
{
	static const char *const names[] = { "a", "b", "d/a", "e/a" };
	int file, owner;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(names); i++) {
		file = openat(dir, names[i], O_PATH | O_CLOEXEC);
		if (file < 0)
			continue;
		owner = _hm_owner(file);
		if (owner >= 0) {
			_hm_destroy(owner, HOSTMEM_DESTROY_FORCE);
			close(owner);
		}
		close(file);
	}
}

static void race_directory(int dir)
{
	mkdirat(dir, "d", 0755);
	usleep(1000);
	unlinkat(dir, "d", AT_REMOVEDIR);
}

static void *race_thread(void *arg)
{
	struct racer *r = arg;

	while (!race_over) {
		r->act(r->dir);
		sched_yield();
	}
	return NULL;
}

/* What is left at the end are files that can be removed, and nothing besides. */
TEST_F_TIMEOUT(fs, race, 600)
{
	static void (*const acts[])(int dir) = {
		race_make, race_link, race_rename, race_unlink, race_destroy, race_directory,
	};
	struct racer racers[HM_ARRAY_SIZE(acts)];
	static const char *const left[] = { "a", "b", "d/a", "e/a" };
	size_t i;

	race_over = false;
	for (i = 0; i < HM_ARRAY_SIZE(acts); i++) {
		racers[i] = (struct racer) { .act = acts[i], .dir = self->dir };
		HM_TRUE(!pthread_create(&racers[i].thread, NULL, race_thread, &racers[i]));
	}
	sleep(3);
	race_over = true;
	for (i = 0; i < HM_ARRAY_SIZE(acts); i++)
		pthread_join(racers[i].thread, NULL);
	for (i = 0; i < HM_ARRAY_SIZE(left); i++)
		unlinkat(self->dir, left[i], 0);
	unlinkat(self->dir, "d", AT_REMOVEDIR);
	unlinkat(self->dir, "e", AT_REMOVEDIR);
}

/* Attributes */

/* In a child: what nobody in particular may do to a file of root's, and with one of his own. */
static int as_nobody(void *arg)
{
	int dir = *(int *)arg;
	int fd;

	HM_OK(setresgid(65534, 65534, 65534));
	HM_OK(setresuid(65534, 65534, 65534));
	HM_ERR(EACCES, openat(dir, "private", O_RDONLY));
	HM_ERR(EACCES, openat(dir, "readable", O_RDWR));
	hm_map(HM_OK(openat(dir, "readable", O_RDONLY)), 0, SIZE, PROT_READ);
	HM_ERR(EPERM, fchmodat(dir, "readable", 0666, 0));
	HM_ERR(EPERM, fchownat(dir, "readable", 65534, 65534, 0));
	HM_ERR(EACCES, unlinkat(dir, "readable", 0));
	HM_ERR(EACCES, renameat(dir, "readable", dir, "mine/a"));
	HM_ERR(EACCES, openat(dir, "a", O_CREAT | O_RDWR, 0600));
	HM_ERR(EACCES, mkdirat(dir, "a", 0700));
	HM_ERR(EACCES, openat(dir, ".", O_TMPFILE | O_RDWR, 0600));
	/* It takes no right to the control node. */
	HM_ERR(EACCES, open(HM_CONTROL, O_RDONLY));
	fd = region_file(dir, "mine/a");
	*(char *)hm_map(fd, 0, SIZE, RW) = 1;
	HM_OK(fchmod(fd, 0644));
	HM_ERR(EPERM, fchown(fd, 0, 0));
	HM_OK(unlinkat(dir, "mine/a", 0));
	return 0;
}

TEST_F(fs, others)
{
	HM_OK(mkdirat(self->dir, "mine", 0755));
	HM_OK(fchownat(self->dir, "mine", 65534, 65534, 0));
	close(region_file(self->dir, "private"));
	close(region_file(self->dir, "readable"));
	HM_OK(fchmodat(self->dir, "readable", 0644, 0));
	EXPECT_EQ(0, hm_in_child(as_nobody, &self->dir));
	HM_OK(unlinkat(self->dir, "mine", AT_REMOVEDIR));
	HM_OK(unlinkat(self->dir, "private", 0));
	HM_OK(unlinkat(self->dir, "readable", 0));
}

/* What du tells: not what is plugged, but what is there. */
TEST_F(fs, memory)
{
	int fd = region_file(self->dir, "a"), owner = hm_owner(fd);
	char *p = hm_map(fd, 0, SIZE, RW);
	struct stat st;

	HM_OK(fstat(fd, &st));
	EXPECT_EQ(0, st.st_blocks);
	EXPECT_EQ(HM_BLOCK, st.st_blksize);
	*p = 1;
	EXPECT_NE(self->used, ram_used());
	EXPECT_EQ(ram_used() - self->used, memory_of(fd));
	memset(p, 1, 3 * HM_BLOCK);
	EXPECT_EQ(3 * HM_BLOCK, memory_of(fd));
	HM_OK(fallocate(fd, PUNCH, 0, HM_BLOCK));
	EXPECT_EQ(2 * HM_BLOCK, memory_of(fd));
	hm_unplug(owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(HM_BLOCK, memory_of(fd));
	hm_destroy(owner, HOSTMEM_DESTROY_FORCE);
	EXPECT_EQ(0, memory_of(fd));
	munmap(p, SIZE);
	close(owner);
	close(fd);
}

TEST_F(fs, open_flags)
{
	int fd;

	close(region_file(self->dir, "a"));
	/* There is no page cache that could be gone around. */
	HM_ERR(EINVAL, openat(self->dir, "a", O_RDWR | O_DIRECT));
	HM_ERR(ENOTDIR, openat(self->dir, "a", O_RDONLY | O_DIRECTORY));
	/* Nothing is ever appended: it says nothing. */
	fd = HM_OK(openat(self->dir, "a", O_RDWR | O_APPEND | O_CLOEXEC));
	munmap(hm_map(fd, 0, SIZE, RW), SIZE);
	close(fd);
	HM_ERR(EISDIR, openat(self->dir, ".", O_RDWR));
	HM_OK(unlinkat(self->dir, "a", 0));
}

TEST_HARNESS_MAIN
