/* SPDX-License-Identifier: GPL-2.0 */
/* The fixture "fs": a directory of hostmemfs of the test's own; what it must leave as it was. */
#ifndef _HOSTMEM_SELFTEST_HOSTMEMFS_H
#define _HOSTMEM_SELFTEST_HOSTMEMFS_H

#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"

#define MIB (1ULL << 20)
#define BLOCKS 4
#define SIZE (BLOCKS * HM_BLOCK)
#define RW (PROT_READ | PROT_WRITE)
#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

static inline __u32 regions(void)
{
	struct hostmem_info info;

	hm_limits(&info);
	return info.out_regions;
}

static inline __u64 ram_used(void)
{
	struct hostmem_info info;

	hm_limits(&info);
	return info.out_ram_used;
}

/* Whether it comes to that: the last reference to memory is dropped by whoever comes by. */
static inline bool ram_used_is(__u64 bytes)
{
	int i;

	for (i = 0; i < 100 && ram_used() != bytes; i++)
		usleep(10000);
	return ram_used() == bytes;
}

static inline __u64 size_of(int fd)
{
	struct stat st;

	HM_OK(fstat(fd, &st));
	return st.st_size;
}

/* What it occupies. */
static inline __u64 memory_of(int fd)
{
	struct stat st;

	HM_OK(fstat(fd, &st));
	return st.st_blocks * 512ULL;
}

static inline int empty_file(int dir, const char *name)
{
	return HM_OK(openat(dir, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
}

/* As any program makes a file. */
static inline int region_file(int dir, const char *name)
{
	int fd = empty_file(dir, name);

	HM_OK(ftruncate(fd, SIZE));
	return fd;
}

static inline bool exists(int dir, const char *name)
{
	struct stat st;

	return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
}

/* A directory of the test's own, which has to be empty at its end. */
FIXTURE(fs) {
	char name[HM_NAME_MAX];
	int dir;
	__u32 regions;
	__u64 used;
	int fds;
	int log;
};

FIXTURE_SETUP(fs)
{
	hm_remount(HM_MOUNT_DEFAULTS);
	HM_OK(mkdir(hm_path(hm_name(self->name)), 0755));
	self->dir = hm_open_node(self->name, O_RDONLY | O_DIRECTORY);
	self->regions = regions();
	self->used = ram_used();
	self->log = hm_log_open();
	self->fds = hm_count_fds();
}

FIXTURE_TEARDOWN(fs)
{
	EXPECT_EQ(self->fds, hm_count_fds());
	EXPECT_EQ(self->regions, regions());
	EXPECT_TRUE(ram_used_is(self->used));
	EXPECT_TRUE(hm_log_quiet(self->log));
	close(self->dir);
	EXPECT_EQ(0, rmdir(hm_path(self->name)));
}

#endif /* _HOSTMEM_SELFTEST_HOSTMEMFS_H */
