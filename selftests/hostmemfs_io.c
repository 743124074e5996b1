// SPDX-License-Identifier: GPL-2.0
/*
 * What the calls on a region's file do: fallocate(), read(), write(), lseek(). Where they mean
 * the same as on a file of tmpfs both are called, side by side.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness.h"
#include "hostmemfs.h"
#include "lib.h"

#define PAGE 4096

/* A region of base pages, all plugged: its owner's fd. */
static int small_pages(int dir, const char *name)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);
	int owner;

	cmd.huge = HOSTMEM_HUGE_NEVER;
	cmd.file_fd = empty_file(dir, name);
	owner = hm_create_raw(&cmd);
	hm_plug(owner, 0, SIZE);
	return owner;
}

/* The two sides: [0] a file of tmpfs, [1] a region of base pages by one of its fds. */
struct sides {
	int owner;
	int file;	/* of the region */
	int fd[2];
	char *p[2];
};

static void sides_make(struct sides *s, int dir, bool by_owner)
{
	int i;

	s->owner = small_pages(dir, "a");
	s->file = HM_OK(openat(dir, "a", O_RDWR | O_CLOEXEC));
	s->fd[0] = HM_OK(memfd_create("tmpfs", MFD_CLOEXEC));
	HM_OK(ftruncate(s->fd[0], SIZE));
	s->fd[1] = by_owner ? s->owner : s->file;
	for (i = 0; i < 2; i++)
		s->p[i] = hm_map(s->fd[i], 0, SIZE, RW);
}

static void sides_end(struct sides *s)
{
	int i;

	for (i = 0; i < 2; i++)
		munmap(s->p[i], SIZE);
	close(s->fd[0]);
	hm_destroy(s->owner, 0);
	close(s->owner);
	close(s->file);
}

static void sides_fill(struct sides *s, char byte)
{
	int i;

	for (i = 0; i < 2; i++)
		memset(s->p[i], byte, SIZE);
}

static void sides_punch(struct sides *s)
{
	int i;

	for (i = 0; i < 2; i++)
		HM_OK(fallocate(s->fd[i], PUNCH, 0, SIZE));
}

/* Some data: the last byte of a page, some pages in a row, a block, the last page. */
static void sides_pattern(struct sides *s)
{
	int i;

	sides_punch(s);
	for (i = 0; i < 2; i++) {
		s->p[i][2 * PAGE - 1] = 'x';
		memset(s->p[i] + 5 * PAGE, 'y', 3 * PAGE);
		memset(s->p[i] + HM_BLOCK, 'z', HM_BLOCK);
		s->p[i][SIZE - 1] = 'e';
	}
}

/* The same memory, and the same bytes. To compare these makes pages of holes. */
#define EXPECT_SAME(_s, _what, _nr)						\
	do {									\
		EXPECT_EQ(memory_of((_s)->fd[0]), memory_of((_s)->file)) {	\
			TH_LOG("memory after %s %zu", _what, _nr);		\
		}								\
		EXPECT_EQ(0, memcmp((_s)->p[0], (_s)->p[1], SIZE)) {		\
			TH_LOG("contents after %s %zu", _what, _nr);		\
		}								\
	} while (0)

/* fallocate() */

/*
 * Calls that mean the same on a file of tmpfs and on a region of base pages, one after the other:
 * the same errno, bytes and memory.
 */
static const struct {
	int mode;
	off_t offset;
	off_t length;
	int err;
} calls[] = {
	{ PUNCH, 0, PAGE, 0 },
	{ PUNCH, HM_BLOCK, HM_BLOCK, 0 },
	{ PUNCH, HM_BLOCK, HM_BLOCK, 0 },
	{ PUNCH, 2 * PAGE + 100, 200, 0 },
	{ PUNCH, 4 * PAGE + 100, 3 * PAGE, 0 },
	{ PUNCH, SIZE - PAGE, 2 * PAGE, 0 },
	{ PUNCH, SIZE, HM_BLOCK, 0 },
	{ PUNCH, SIZE + HM_BLOCK, HM_BLOCK, 0 },
	{ PUNCH, 0, 0, EINVAL },
	{ PUNCH, -PAGE, PAGE, EINVAL },
	{ PUNCH, 0, -PAGE, EINVAL },
	{ PUNCH, INT64_MAX - PAGE + 1, 2 * PAGE, EFBIG },
	{ FALLOC_FL_PUNCH_HOLE, 0, PAGE, EOPNOTSUPP },
	{ FALLOC_FL_COLLAPSE_RANGE, 0, PAGE, EOPNOTSUPP },
	{ FALLOC_FL_INSERT_RANGE, 0, PAGE, EOPNOTSUPP },
	{ FALLOC_FL_ZERO_RANGE, 0, PAGE, EOPNOTSUPP },
	{ FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, PAGE, EOPNOTSUPP },
	{ 0x1000, 0, PAGE, EOPNOTSUPP },
	{ 0, 0, PAGE, 0 },
	{ 0, HM_BLOCK, 2 * PAGE, 0 },
	{ 0, HM_BLOCK + 5 * PAGE + 1, PAGE, 0 },
	{ 0, SIZE - PAGE, PAGE, 0 },
	{ FALLOC_FL_KEEP_SIZE, HM_BLOCK + 10 * PAGE, PAGE, 0 },
	{ 0, 0, 0, EINVAL },
	{ 0, -1, 1, EINVAL },
	{ 0, 0, SIZE, 0 },
};

static void fallocate_both(struct __test_metadata *_metadata, int dir, bool by_owner)
{
	struct sides s;
	size_t i;
	int j;

	sides_make(&s, dir, by_owner);
	for (i = 0; i < HM_ARRAY_SIZE(calls); i++) {
		if (calls[i].mode & FALLOC_FL_PUNCH_HOLE)
			sides_fill(&s, 'f');
		else
			sides_punch(&s);
		for (j = 0; j < 2; j++) {
			EXPECT_EQ(calls[i].err,
				  fallocate(s.fd[j], calls[i].mode, calls[i].offset,
					    calls[i].length) ? errno : 0) {
				TH_LOG("call %zu of %s", i, j ? "a region" : "tmpfs");
			}
		}
		EXPECT_SAME(&s, "call", i);
	}
	sides_end(&s);
}

TEST_F(fs, fallocate)
{
	fallocate_both(_metadata, self->dir, false);
	fallocate_both(_metadata, self->dir, true);
}

TEST_F(fs, fallocate_readonly)
{
	int owner = small_pages(self->dir, "a");
	int ro = HM_OK(openat(self->dir, "a", O_RDONLY | O_CLOEXEC));

	hm_preallocate(owner, 0, SIZE);
	HM_ERR(EBADF, fallocate(ro, PUNCH, 0, PAGE));
	HM_ERR(EBADF, fallocate(ro, 0, 0, PAGE));
	EXPECT_EQ(SIZE, memory_of(ro));
	hm_destroy(owner, 0);
	close(owner);
	close(ro);
}

/* What means something else on a file of tmpfs: there is nothing behind the end, nor in holes. */
TEST_F(fs, fallocate_of_blocks)
{
	int owner = small_pages(self->dir, "a");
	int fd = HM_OK(openat(self->dir, "a", O_RDWR | O_CLOEXEC));

	HM_ERR(EFBIG, fallocate(fd, 0, 0, SIZE + 1));
	HM_ERR(EFBIG, fallocate(fd, 0, SIZE, PAGE));
	HM_ERR(EFBIG, fallocate(fd, FALLOC_FL_KEEP_SIZE, SIZE - PAGE, 2 * PAGE));
	EXPECT_EQ(0, memory_of(fd));
	hm_unplug(owner, HM_BLOCK, HM_BLOCK);
	HM_ERR(ENXIO, fallocate(fd, 0, 0, SIZE));
	HM_ERR(ENXIO, fallocate(fd, 0, HM_BLOCK, PAGE));
	EXPECT_EQ(0, memory_of(fd));
	HM_OK(fallocate(fd, 0, 0, HM_BLOCK));
	EXPECT_EQ(HM_BLOCK, memory_of(fd));
	/* It makes no block exist, and takes none away. */
	HM_OK(fallocate(fd, PUNCH, 0, SIZE));
	EXPECT_EQ(0, memory_of(fd));
	hm_plug(owner, HM_BLOCK, HM_BLOCK);
	hm_plug_err(EEXIST, owner, 0, HM_BLOCK);
	hm_revoke(owner, hm_view_id(fd));
	HM_ERR(ENODEV, fallocate(fd, PUNCH, 0, SIZE));
	HM_ERR(ENODEV, fallocate(fd, 0, 0, SIZE));
	hm_destroy(owner, 0);
	HM_ERR(ENODEV, fallocate(owner, PUNCH, 0, SIZE));
	HM_ERR(ENODEV, fallocate(owner, 0, 0, SIZE));
	close(owner);
	close(fd);
}

/* A region full of 'p', and views of its second block. */
struct part {
	int owner;
	int part;
	int ro;
	char *p;
};

static void part_make(struct part *v, int dir)
{
	const __u32 rights = HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE;

	v->owner = small_pages(dir, "a");
	v->part = hm_derive(v->owner, HM_BLOCK, HM_BLOCK, rights, 0);
	v->ro = hm_derive(v->owner, HM_BLOCK, HM_BLOCK, HOSTMEM_RIGHT_READ, 0);
	v->p = hm_map(v->owner, 0, SIZE, RW);
	memset(v->p, 'p', SIZE);
}

static void part_end(struct part *v)
{
	munmap(v->p, SIZE);
	hm_destroy(v->owner, 0);
	close(v->part);
	close(v->ro);
	close(v->owner);
}

/* Through a view of some blocks nobody reaches the others. */
TEST_F(fs, fallocate_of_a_part)
{
	struct part v;

	part_make(&v, self->dir);
	HM_ERR(EBADF, fallocate(v.ro, PUNCH, 0, HM_BLOCK));
	HM_OK(fallocate(v.part, PUNCH, HM_BLOCK, HM_BLOCK));
	HM_OK(fallocate(v.part, PUNCH, 2 * HM_BLOCK, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(v.p, 'p', SIZE));
	HM_OK(fallocate(v.part, PUNCH, 0, 3 * HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(v.p, 'p', HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(v.p + HM_BLOCK, 0, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(v.p + 2 * HM_BLOCK, 'p', 2 * HM_BLOCK));
	HM_ERR(EFBIG, fallocate(v.part, 0, 0, 2 * HM_BLOCK));
	HM_OK(fallocate(v.part, 0, 0, HM_BLOCK));
	part_end(&v);
}

/* What was promised stays, and what is there is there already. */
TEST_F(fs, fallocate_immediate)
{
	int fd = empty_file(self->dir, "a");
	char *p;

	hm_remount("allocation=immediate");
	HM_OK(ftruncate(fd, SIZE));
	hm_remount(HM_MOUNT_DEFAULTS);
	EXPECT_EQ(SIZE, memory_of(fd));
	p = hm_map(fd, 0, SIZE, RW);
	memset(p, 'i', SIZE);
	HM_ERR(EOPNOTSUPP, fallocate(fd, PUNCH, 0, HM_BLOCK));
	HM_ERR(EOPNOTSUPP, madvise(p, HM_BLOCK, MADV_REMOVE));
	munmap(p, SIZE);
	HM_ERR(EOPNOTSUPP, openat(self->dir, "a", O_RDWR | O_TRUNC));
	p = hm_map(fd, 0, SIZE, RW);
	HM_OK(fallocate(fd, 0, 0, SIZE));
	EXPECT_EQ(SIZE, memory_of(fd));
	EXPECT_TRUE(hm_is_filled(p, 'i', SIZE));
	munmap(p, SIZE);
	HM_OK(unlinkat(self->dir, "a", 0));
	close(fd);
}

/* read() and write() */

static const struct {
	off_t offset;
	size_t length;
} ios[] = {
	{ 0, 1 }, { 0, PAGE }, { 1, PAGE }, { PAGE - 1, 2 }, { 7, 3 * PAGE }, { 100, 100000 },
	{ HM_BLOCK - 1, 2 }, { HM_BLOCK - PAGE, 2 * PAGE }, { 5, HM_BLOCK }, { HM_BLOCK, HM_BLOCK },
	{ SIZE - 1, 1 }, { SIZE - PAGE, PAGE }, { 0, SIZE }, { 0, 0 }, { SIZE, 0 },
};

/* Read from both, into memory that is not as it will be. */
static void read_both(struct __test_metadata *_metadata, struct sides *s, off_t offset,
		      size_t length, char *buf[2])
{
	ssize_t n[2];
	int i;

	for (i = 0; i < 2; i++) {
		memset(buf[i], 'b', SIZE);
		n[i] = pread(s->fd[i], buf[i], length, offset);
	}
	EXPECT_EQ(n[0], n[1]) {
		TH_LOG("%zu at %lld", length, (long long)offset);
	}
	EXPECT_EQ(0, memcmp(buf[0], buf[1], SIZE)) {
		TH_LOG("%zu at %lld", length, (long long)offset);
	}
}

static void io_both(struct __test_metadata *_metadata, int dir, bool by_owner)
{
	char *buf[2] = { malloc(SIZE), malloc(SIZE) };
	struct sides s;
	size_t i;
	int j;

	sides_make(&s, dir, by_owner);
	for (i = 0; i < HM_ARRAY_SIZE(ios); i++) {
		/* Holes read as zeros, and stay holes. */
		sides_pattern(&s);
		read_both(_metadata, &s, ios[i].offset, ios[i].length, buf);
		EXPECT_EQ(memory_of(s.fd[0]), memory_of(s.file));
		memset(buf[0], 'w', SIZE);
		for (j = 0; j < 2; j++) {
			EXPECT_EQ(ios[i].length,
				  pwrite(s.fd[j], buf[0], ios[i].length, ios[i].offset)) {
				TH_LOG("write %zu of %s: %m", i, j ? "a region" : "tmpfs");
			}
		}
		EXPECT_SAME(&s, "write", i);
	}
	/* At and behind the end there is nothing to be read. */
	read_both(_metadata, &s, SIZE - 10, 20, buf);
	read_both(_metadata, &s, SIZE, 20, buf);
	read_both(_metadata, &s, SIZE + HM_BLOCK, 20, buf);
	read_both(_metadata, &s, -1, 20, buf);
	sides_end(&s);
	free(buf[0]);
	free(buf[1]);
}

TEST_F_TIMEOUT(fs, read_and_write, 600)
{
	io_both(_metadata, self->dir, false);
	io_both(_metadata, self->dir, true);
}

/* In pieces, with a position of its own, through a pipe and from file to file. */
TEST_F(fs, other_calls)
{
	char buf[3][5000], *back = malloc(SIZE);
	struct iovec iov[] = {
		{ buf[0], 1 }, { buf[1], 4999 }, { NULL, 0 }, { buf[2], 5000 },
	};
	struct sides s;
	loff_t from, to;
	int pipes[2], i;

	HM_OK(pipe(pipes));
	sides_make(&s, self->dir, false);
	for (i = 0; i < 2; i++) {
		sides_fill(&s, 'o');
		memset(buf, 'v', sizeof(buf));
		EXPECT_EQ(10000, pwritev(s.fd[i], iov, 4, PAGE - 3));
		EXPECT_TRUE(hm_is_filled(s.p[i] + PAGE - 3, 'v', 10000));
		EXPECT_EQ('o', s.p[i][PAGE - 4]);
		EXPECT_EQ('o', s.p[i][PAGE - 3 + 10000]);
		memset(buf, 0, sizeof(buf));
		EXPECT_EQ(10000, preadv(s.fd[i], iov, 4, PAGE - 3));
		EXPECT_TRUE(hm_is_filled(buf[2], 'v', 5000));

		EXPECT_EQ(100, lseek(s.fd[i], 100, SEEK_SET));
		EXPECT_EQ(10, write(s.fd[i], "0123456789", 10));
		EXPECT_EQ(110, lseek(s.fd[i], 0, SEEK_CUR));
		EXPECT_EQ(108, lseek(s.fd[i], -2, SEEK_CUR));
		EXPECT_EQ(3, read(s.fd[i], buf[0], 3));
		EXPECT_EQ(0, memcmp(buf[0], "89o", 3));

		from = 100;
		EXPECT_EQ(10, splice(s.fd[i], &from, pipes[1], NULL, 10, 0));
		to = HM_BLOCK;
		EXPECT_EQ(10, splice(pipes[0], NULL, s.fd[i], &to, 10, 0));
		EXPECT_EQ(0, memcmp(s.p[i] + HM_BLOCK, "0123456789", 10));
		from = 100;
		to = 2 * HM_BLOCK;
		EXPECT_EQ(10, copy_file_range(s.fd[i], &from, s.fd[i], &to, 10, 0));
		EXPECT_EQ(0, memcmp(s.p[i] + 2 * HM_BLOCK, "0123456789", 10));
	}
	/* From one to the other, all of it. */
	sides_pattern(&s);
	memset(s.p[0], 0, SIZE);
	from = 0;
	HM_OK(lseek(s.fd[0], 0, SEEK_SET));
	while (from < (loff_t)SIZE)
		HM_TRUE(sendfile(s.fd[0], s.fd[1], &from, SIZE) > 0);
	EXPECT_EQ(0, memcmp(s.p[0], s.p[1], SIZE));
	sides_end(&s);
	close(pipes[0]);
	close(pipes[1]);
	free(back);
}

/* A buffer that ends, or is itself of the region. */
TEST_F(fs, buffers)
{
	struct sides s;
	char *buf;
	int i;

	buf = hm_map_flags(-1, 0, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS);
	HM_OK(mprotect(buf + PAGE, PAGE, PROT_NONE));
	sides_make(&s, self->dir, false);
	for (i = 0; i < 2; i++) {
		sides_fill(&s, 'b');
		HM_ERR(EFAULT, pread(s.fd[i], buf + PAGE, 1, 0));
		HM_ERR(EFAULT, pwrite(s.fd[i], buf + PAGE, 1, 0));
		EXPECT_EQ(PAGE, pread(s.fd[i], buf, 2 * PAGE, 0));
		EXPECT_EQ(100, pread(s.fd[i], buf + PAGE - 100, PAGE, 0));
		EXPECT_EQ(PAGE, pwrite(s.fd[i], buf, 2 * PAGE, HM_BLOCK));
		EXPECT_TRUE(hm_is_filled(s.p[i], 'b', SIZE));
		/* Its own memory, there or not. */
		memset(s.p[i], 'c', HM_BLOCK);
		HM_OK(fallocate(s.fd[i], PUNCH, HM_BLOCK, HM_BLOCK));
		EXPECT_EQ(HM_BLOCK, pread(s.fd[i], s.p[i] + HM_BLOCK, HM_BLOCK, 0));
		EXPECT_TRUE(hm_is_filled(s.p[i], 'c', 2 * HM_BLOCK));
		EXPECT_EQ(HM_BLOCK, pwrite(s.fd[i], s.p[i], HM_BLOCK, 2 * HM_BLOCK));
		EXPECT_TRUE(hm_is_filled(s.p[i], 'c', 3 * HM_BLOCK));
		EXPECT_EQ(HM_BLOCK, pwrite(s.fd[i], s.p[i], HM_BLOCK, 0));
	}
	sides_end(&s);
	munmap(buf, 2 * PAGE);
}

/* What is not plugged reads as zeros, into which nobody can write. */
TEST_F(fs, unplugged)
{
	int owner = small_pages(self->dir, "a");
	int fd = HM_OK(openat(self->dir, "a", O_RDWR | O_CLOEXEC));
	char *p = hm_map(fd, 0, SIZE, RW), *buf = malloc(SIZE);

	memset(p, 'u', SIZE);
	hm_unplug(owner, HM_BLOCK, HM_BLOCK);
	memset(buf, 'x', SIZE);
	EXPECT_EQ(SIZE, pread(fd, buf, SIZE, 0));
	EXPECT_TRUE(hm_is_filled(buf, 'u', HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(buf + HM_BLOCK, 0, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(buf + 2 * HM_BLOCK, 'u', 2 * HM_BLOCK));
	EXPECT_EQ(SIZE - HM_BLOCK, memory_of(fd));
	HM_ERR(ENXIO, pwrite(fd, buf, 1, HM_BLOCK));
	HM_ERR(ENXIO, pwrite(owner, buf, PAGE, 2 * HM_BLOCK - PAGE));
	/* Up to there. */
	EXPECT_EQ(10, pwrite(fd, buf, 20, HM_BLOCK - 10));
	EXPECT_TRUE(hm_read_faults(p + HM_BLOCK));
	/* Its memory is not a buffer either. */
	HM_ERR(EFAULT, pread(fd, p + HM_BLOCK, PAGE, 0));
	EXPECT_EQ(PAGE, pread(fd, p + HM_BLOCK - PAGE, 2 * PAGE, 0));
	hm_plug(owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(1, pwrite(fd, "y", 1, HM_BLOCK));
	EXPECT_EQ('y', p[HM_BLOCK]);
	munmap(p, SIZE);
	hm_destroy(owner, 0);
	close(owner);
	close(fd);
	free(buf);
}

/* Nothing is behind the end, and nothing comes there. */
TEST_F(fs, end)
{
	int fd = region_file(self->dir, "a"), append;
	char byte;

	EXPECT_EQ(10, pwrite(fd, "01234567890123456789", 20, SIZE - 10));
	HM_ERR(ENOSPC, pwrite(fd, "x", 1, SIZE));
	HM_ERR(ENOSPC, pwrite(fd, "x", 1, SIZE + HM_BLOCK));
	EXPECT_EQ(SIZE, size_of(fd));
	EXPECT_EQ(0, pread(fd, &byte, 1, SIZE));
	append = HM_OK(openat(self->dir, "a", O_RDWR | O_APPEND | O_CLOEXEC));
	HM_ERR(ENOSPC, write(append, "x", 1));
	close(append);
	close(fd);
	HM_OK(unlinkat(self->dir, "a", 0));
}

TEST_F(fs, read_and_write_rights)
{
	int owner = small_pages(self->dir, "a");
	int ro = HM_OK(openat(self->dir, "a", O_RDONLY | O_CLOEXEC));
	int wo = HM_OK(openat(self->dir, "a", O_WRONLY | O_CLOEXEC));
	int empty = empty_file(self->dir, "b");
	char byte = 'x';

	HM_ERR(EBADF, write(ro, &byte, 1));
	HM_ERR(EBADF, read(wo, &byte, 1));
	EXPECT_EQ(1, write(wo, &byte, 1));
	EXPECT_EQ(1, read(ro, &byte, 1));
	EXPECT_EQ('x', byte);
	hm_revoke(owner, hm_view_id(ro));
	HM_ERR(ENODEV, read(ro, &byte, 1));
	HM_ERR(ENODEV, lseek(ro, 0, SEEK_DATA));
	hm_destroy(owner, 0);
	HM_ERR(ENODEV, read(owner, &byte, 1));
	HM_ERR(ENODEV, write(owner, &byte, 1));
	HM_ERR(ENODEV, write(wo, &byte, 1));
	/* An empty file is read as one. */
	EXPECT_EQ(0, read(empty, &byte, 1));
	HM_ERR(ENODATA, write(empty, &byte, 1));
	HM_ERR(ENXIO, lseek(empty, 0, SEEK_DATA));
	HM_ERR(ENXIO, lseek(empty, 0, SEEK_HOLE));
	EXPECT_EQ(0, lseek(empty, 0, SEEK_END));
	HM_OK(unlinkat(self->dir, "b", 0));
	close(owner);
	close(ro);
	close(wo);
	close(empty);
}

/* Through a view of some blocks nobody reads or writes the others. */
TEST_F(fs, read_and_write_a_part)
{
	char *buf = malloc(SIZE);
	struct part v;

	part_make(&v, self->dir);
	memset(v.p + HM_BLOCK, 'q', HM_BLOCK);
	EXPECT_EQ(HM_BLOCK, pread(v.part, buf, SIZE, 0));
	EXPECT_TRUE(hm_is_filled(buf, 'q', HM_BLOCK));
	EXPECT_EQ(0, pread(v.part, buf, 1, HM_BLOCK));
	EXPECT_EQ(0, pread(v.part, buf, 1, 2 * HM_BLOCK));
	memset(buf, 'w', SIZE);
	EXPECT_EQ(HM_BLOCK - 1, pwrite(v.part, buf, SIZE, 1));
	HM_ERR(ENOSPC, pwrite(v.part, buf, 1, HM_BLOCK));
	HM_ERR(EBADF, pwrite(v.ro, buf, 1, 0));
	EXPECT_TRUE(hm_is_filled(v.p, 'p', HM_BLOCK));
	EXPECT_EQ('q', v.p[HM_BLOCK]);
	EXPECT_TRUE(hm_is_filled(v.p + HM_BLOCK + 1, 'w', HM_BLOCK - 1));
	EXPECT_TRUE(hm_is_filled(v.p + 2 * HM_BLOCK, 'p', 2 * HM_BLOCK));
	EXPECT_EQ(HM_BLOCK, lseek(v.part, 0, SEEK_HOLE));
	HM_OK(fallocate(v.part, PUNCH, 0, HM_BLOCK));
	HM_ERR(ENXIO, lseek(v.part, 0, SEEK_DATA));
	HM_ERR(ENXIO, lseek(v.part, HM_BLOCK, SEEK_DATA));
	EXPECT_EQ(0, lseek(v.part, 0, SEEK_HOLE));
	part_end(&v);
	free(buf);
}

/* At the limit what is there can be written, and what is not read. */
TEST_F(fs, write_at_the_limit)
{
	int owner = small_pages(self->dir, "a");
	char options[64], *buf = malloc(SIZE);
	ssize_t n;

	snprintf(options, sizeof(options), "size=%llu", self->used + HM_BLOCK);
	hm_remount(options);
	memset(buf, 'l', SIZE);
	n = pwrite(owner, buf, SIZE, 0);
	EXPECT_LE(HM_BLOCK, n);
	EXPECT_GE(2 * HM_BLOCK, n);
	HM_ERR(ENOSPC, pwrite(owner, buf, PAGE, n));
	EXPECT_EQ(n, pwrite(owner, buf, n, 0));
	EXPECT_EQ(SIZE, pread(owner, buf, SIZE, 0));
	EXPECT_TRUE(hm_is_filled(buf, 'l', n));
	EXPECT_TRUE(hm_is_filled(buf + n, 0, SIZE - n));
	hm_remount(HM_MOUNT_DEFAULTS);
	EXPECT_EQ(PAGE, pwrite(owner, buf, PAGE, n));
	hm_destroy(owner, 0);
	close(owner);
	free(buf);
}

/* In a child: who has it mapped may die of it. */
static int poison(void *page)
{
	return madvise(page, PAGE, MADV_HWPOISON) ? KSFT_SKIP : 0;
}

/* A page that has lost its contents is said to have, and keeps nobody from the others. */
TEST_F(fs, bad_page)
{
	int owner = small_pages(self->dir, "a");
	char *p = hm_map(owner, 0, SIZE, RW), *buf = malloc(SIZE);

	memset(p, 'b', SIZE);
	if (hm_in_child(poison, p + PAGE) == KSFT_SKIP) {
		TH_LOG("no MADV_HWPOISON");
	} else {
		EXPECT_EQ(PAGE, pread(owner, buf, SIZE, 0));
		HM_ERR(EIO, pread(owner, buf, 1, PAGE));
		HM_ERR(EIO, pwrite(owner, buf, 1, 2 * PAGE - 1));
		EXPECT_EQ(SIZE - 2 * PAGE, pread(owner, buf, SIZE, 2 * PAGE));
		EXPECT_TRUE(hm_is_filled(buf, 'b', SIZE - 2 * PAGE));
		/* The kernel logs what it was told. */
		HM_OK(lseek(self->log, 0, SEEK_END));
	}
	munmap(p, SIZE);
	hm_destroy(owner, 0);
	close(owner);
	free(buf);
}

/* lseek() */

static void seek_both(struct __test_metadata *_metadata, struct sides *s)
{
	static const off_t from[] = {
		0, 1, PAGE - 1, PAGE, 2 * PAGE - 1, 2 * PAGE, 5 * PAGE, 5 * PAGE + 1, 7 * PAGE,
		8 * PAGE - 1, 8 * PAGE, HM_BLOCK - 1, HM_BLOCK, 2 * HM_BLOCK - 1, 2 * HM_BLOCK,
		SIZE - PAGE - 1, SIZE - PAGE, SIZE - 1, SIZE, SIZE + 1, SIZE + HM_BLOCK, -1,
		INT64_MIN, INT64_MAX,
	};
	static const int whence[] = { SEEK_DATA, SEEK_HOLE };
	off_t got[2];
	size_t i;
	int w, j;

	for (i = 0; i < HM_ARRAY_SIZE(from); i++) {
		for (w = 0; w < 2; w++) {
			for (j = 0; j < 2; j++) {
				got[j] = lseek(s->fd[j], from[i], whence[w]);
				if (got[j] < 0)
					got[j] = -errno;
			}
			EXPECT_EQ(got[0], got[1]) {
				TH_LOG("SEEK_%s from %lld", w ? "HOLE" : "DATA",
				       (long long)from[i]);
			}
		}
	}
}

TEST_F(fs, seek)
{
	struct sides s;

	sides_make(&s, self->dir, false);
	seek_both(_metadata, &s);
	sides_pattern(&s);
	seek_both(_metadata, &s);
	sides_fill(&s, 's');
	seek_both(_metadata, &s);
	sides_end(&s);
	sides_make(&s, self->dir, true);
	sides_pattern(&s);
	seek_both(_metadata, &s);
	sides_end(&s);
}

/* A block that is not plugged is a hole. */
TEST_F(fs, seek_blocks)
{
	int owner = small_pages(self->dir, "a");
	int fd = HM_OK(openat(self->dir, "a", O_RDONLY | O_CLOEXEC));

	HM_ERR(ENXIO, lseek(fd, 0, SEEK_DATA));
	hm_preallocate(owner, 0, SIZE);
	hm_unplug(owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(0, lseek(fd, 0, SEEK_DATA));
	EXPECT_EQ(HM_BLOCK, lseek(fd, 0, SEEK_HOLE));
	EXPECT_EQ(2 * HM_BLOCK, lseek(fd, HM_BLOCK + 5, SEEK_DATA));
	EXPECT_EQ(SIZE, lseek(fd, 2 * HM_BLOCK, SEEK_HOLE));
	hm_destroy(owner, 0);
	close(owner);
	close(fd);
}

TEST_HARNESS_MAIN
