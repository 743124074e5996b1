// SPDX-License-Identifier: GPL-2.0
/*
 * Derived views: what one can do with a view that was handed out, and every way to make it
 * more than that.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"
#include "world.h"

#define RW (HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE)
#define RO HOSTMEM_RIGHT_READ
/* The derived view covers the second and the third block of four. */
#define START HM_BLOCK
#define LENGTH (2 * HM_BLOCK)

FIXTURE(derive) {
	struct world w;
	char *all;
	int rw;
	int ro;
	int log;
};

typedef FIXTURE_DATA(derive) derive_data;

FIXTURE_SETUP(derive)
{
	unsigned int i;

	world_make(&self->w);
	self->log = hm_log_open();
	hm_plug(self->w.owner, HM_BLOCK, 3 * HM_BLOCK);
	self->all = hm_map(self->w.owner, 0, SIZE, PROT_READ | PROT_WRITE);
	for (i = 0; i < BLOCKS; i++)
		self->all[i * HM_BLOCK] = '0' + i;
	self->rw = hm_derive(self->w.owner, START, LENGTH, RW, 0);
	self->ro = hm_derive(self->w.owner, START, LENGTH, RO, 0);
}

FIXTURE_TEARDOWN(derive)
{
	EXPECT_TRUE(hm_log_quiet(self->log));
	munmap(self->all, SIZE);
	close(self->rw);
	close(self->ro);
	world_end(&self->w);
}

/* Offset 0 is the first byte of the view, whoever asks what */

TEST_F(derive, map)
{
	char *p = hm_map(self->rw, 0, LENGTH, PROT_READ | PROT_WRITE);

	EXPECT_EQ('1', p[0]);
	EXPECT_EQ('2', p[HM_BLOCK]);
	p[0] = 'x';
	EXPECT_EQ('x', self->all[START]);
	munmap(p, LENGTH);
	p = hm_map(self->ro, HM_BLOCK, HM_BLOCK, PROT_READ);
	EXPECT_EQ('2', p[0]);
	munmap(p, HM_BLOCK);
	hm_map_err(EINVAL, self->rw, 0, LENGTH + HM_BLOCK, PROT_READ);
	hm_map_err(EINVAL, self->rw, HM_BLOCK, LENGTH, PROT_READ);
	hm_map_err(EINVAL, self->rw, LENGTH, HM_BLOCK, PROT_READ);
	hm_map_err(EINVAL, self->rw, SIZE, 4096, PROT_READ);
}

TEST_F(derive, length)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->rw, &st));
	EXPECT_EQ(LENGTH, st.st_size);
	EXPECT_TRUE(S_ISREG(st.st_mode));
	EXPECT_EQ(LENGTH, lseek(self->rw, 0, SEEK_END));
	EXPECT_EQ(0, ftruncate(self->rw, LENGTH));
	HM_ERR(EPERM, ftruncate(self->rw, LENGTH - HM_BLOCK));
	HM_ERR(EPERM, ftruncate(self->rw, SIZE));
	HM_ERR(EINVAL, fchmod(self->rw, 0666));
	ASSERT_EQ(0, fstat(self->rw, &st));
	EXPECT_EQ(LENGTH, st.st_size);
}

TEST_F(derive, info)
{
	struct hostmem_region_info info;

	hm_info(self->rw, &info);
	EXPECT_EQ(START, info.out_view_start);
	EXPECT_EQ(LENGTH, info.out_view_length);
	EXPECT_EQ(RW, info.out_rights);
	EXPECT_EQ(SIZE, info.out_size);
	hm_info(self->ro, &info);
	EXPECT_EQ(RO, info.out_rights);
}

TEST_F(derive, blocks_and_slots)
{
	struct hostmem_slot slots[2];
	__u32 count = 2;
	__u64 words[1];

	hm_unplug(self->w.owner, START, HM_BLOCK);
	hm_blocks(self->rw, 0, LENGTH, words, NULL);
	EXPECT_EQ(2, words[0]);
	hm_blocks(self->rw, HM_BLOCK, HM_BLOCK, words, NULL);
	EXPECT_EQ(1, words[0]);
	hm_blocks_err(ENOENT, self->rw, HM_BLOCK, LENGTH, words, NULL);
	hm_slots(self->rw, HM_BLOCK, slots, &count);
	EXPECT_EQ(1, count);
	EXPECT_EQ(HM_BLOCK, slots[0].start);
	EXPECT_EQ(HM_BLOCK, slots[0].length);
	count = 2;
	hm_slots(self->rw, 4 * HM_BLOCK, slots, &count);
	EXPECT_EQ(1, count);
	EXPECT_EQ(0, slots[0].start);
	EXPECT_EQ(LENGTH, slots[0].length);
}

TEST_F(derive, preallocate)
{
	hm_preallocate(self->rw, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(HM_BLOCK / 4096, hm_cached_pages(self->all + START + HM_BLOCK, HM_BLOCK));
	hm_preallocate_err(ENOENT, self->rw, HM_BLOCK, LENGTH);
	hm_preallocate_err(EPERM, self->ro, 0, HM_BLOCK);
}

TEST_F(derive, sees_unplug)
{
	char *p = hm_map(self->rw, 0, LENGTH, PROT_READ);

	EXPECT_FALSE(hm_read_faults(p));
	hm_unplug(self->w.owner, START, HM_BLOCK);
	EXPECT_TRUE(hm_read_faults(p));
	EXPECT_FALSE(hm_read_faults(p + HM_BLOCK));
	munmap(p, LENGTH);
}

/* No more rights than it was given */

static int revoke_data(int fd, struct world *w)
{
	return _hm_revoke(fd, hm_view_id(w->data));
}

/* Whatever an owner can do and @fd must not be able to. */
static void expect_no_owner(int fd, struct world *w)
{
	HM_ERR(EPERM, _hm_plug(fd, 0, HM_BLOCK));
	HM_ERR(EPERM, _hm_unplug(fd, 0, HM_BLOCK));
	HM_ERR(EPERM, _hm_destroy(fd, HOSTMEM_DESTROY_FORCE));
	HM_ERR(EPERM, revoke_data(fd, w));
	HM_ERR(EPERM, _hm_derive(fd, 0, HM_BLOCK, RO, 0));
}

static void expect_readonly(struct __test_metadata *_metadata, int fd, char *p)
{
	hm_map_err(EACCES, fd, 0, LENGTH, PROT_READ | PROT_WRITE);
	HM_ERR(EACCES, mprotect(p, LENGTH, PROT_READ | PROT_WRITE));
	HM_ERR(EINVAL, madvise(p, HM_BLOCK, MADV_POPULATE_WRITE));
	HM_ERR(EACCES, madvise(p, HM_BLOCK, MADV_REMOVE));
	EXPECT_EQ('1', p[0]);
	HM_ERR(EBADF, write(fd, "x", 1));
	HM_ERR(EBADF, fallocate(fd, 0, 0, HM_BLOCK));
	HM_ERR(EINVAL, ftruncate(fd, 0));
}

TEST_F(derive, rights)
{
	char *p = hm_map(self->ro, 0, LENGTH, PROT_READ);

	expect_no_owner(self->rw, &self->w);
	expect_no_owner(self->ro, &self->w);
	expect_readonly(_metadata, self->ro, p);
	munmap(p, LENGTH);
}

/* A write of the kernel on our behalf that ignores the protection of a mapping. */
TEST_F(derive, readonly_force)
{
	char *p = hm_map(self->ro, 0, LENGTH, PROT_READ);
	int mem = HM_OK(open("/proc/self/mem", O_RDWR));

	EXPECT_EQ(-1, pwrite(mem, "x", 1, (uintptr_t)p));
	EXPECT_EQ('1', p[0]);
	close(mem);
	munmap(p, LENGTH);
}

TEST_F(derive, again)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->ro);
	HM_ERR(ENXIO, open(path, O_RDONLY));
	HM_ERR(ENXIO, open(path, O_RDWR));
	HM_ERR(ENXIO, open(path, O_RDWR | O_TRUNC));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->w.owner);
	HM_ERR(ENXIO, open(path, O_RDWR));
}

TEST_F(derive, remap_file_pages)
{
	char *p = hm_map(self->rw, 0, HM_BLOCK, PROT_READ | PROT_WRITE);

	/* Within the view, and outside of it, below and above; in pages of the region. */
	EXPECT_EQ(0, syscall(SYS_remap_file_pages, p, HM_BLOCK, 0, 2 * HM_BLOCK / 4096, 0));
	EXPECT_EQ('2', p[0]);
	HM_ERR(EINVAL, syscall(SYS_remap_file_pages, p, HM_BLOCK, 0, 0, 0));
	HM_ERR(EINVAL, syscall(SYS_remap_file_pages, p, HM_BLOCK, 0, 3 * HM_BLOCK / 4096, 0));
	munmap(p, HM_BLOCK);
}

TEST_F(derive, mremap)
{
	char *p = hm_map(self->rw, 0, HM_BLOCK, PROT_READ | PROT_WRITE);
	char *q;

	HM_TRUE(mremap(p, HM_BLOCK, LENGTH, MREMAP_MAYMOVE) == MAP_FAILED);
	q = HM_OK(mmap(NULL, HM_BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	EXPECT_EQ(q, mremap(p, HM_BLOCK, HM_BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED, q));
	EXPECT_EQ('1', q[0]);
	munmap(q, HM_BLOCK);
}

static int other_process(void *arg)
{
	derive_data *self = arg;
	char *p = hm_map(self->ro, 0, LENGTH, PROT_READ);
	int fd = HM_OK(dup(self->ro));

	HM_TRUE(p[0] == '1');
	HM_ERR(EPERM, _hm_unplug(fd, 0, HM_BLOCK));
	HM_ERR(EACCES, mprotect(p, LENGTH, PROT_READ | PROT_WRITE));
	hm_map_err(EACCES, fd, 0, LENGTH, PROT_READ | PROT_WRITE);
	return 0;
}

TEST_F(derive, fork_and_dup)
{
	EXPECT_EQ(0, hm_in_child(other_process, self));
}

TEST_F(derive, sent)
{
	int sock[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	hm_send_fd(sock[0], self->ro);
	fd = hm_recv_fd(sock[1]);
	expect_no_owner(fd, &self->w);
	hm_map_err(EACCES, fd, 0, LENGTH, PROT_READ | PROT_WRITE);
	close(fd);
	close(sock[0]);
	close(sock[1]);
}

/* With all of root's rights: the backing file's own inode is behind a mapping, and stays there. */
TEST_F(derive, map_files)
{
	char *p = hm_map(self->ro, 0, LENGTH, PROT_READ);
	char path[96];

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)p,
		 (unsigned long)(p + LENGTH));
	HM_ERR(ENXIO, open(path, O_RDWR));
	HM_ERR(ENXIO, open(path, O_RDONLY));
	munmap(p, LENGTH);
}

/* Deriving */

TEST_F(derive, errors)
{
	int fd = self->w.owner;

	hm_derive_err(EINVAL, fd, 0, 0, RO, 0);
	hm_derive_err(EINVAL, fd, 4096, HM_BLOCK, RO, 0);
	hm_derive_err(EINVAL, fd, 0, HM_BLOCK + 4096, RO, 0);
	hm_derive_err(EINVAL, fd, 0, HM_BLOCK, 0, 0);
	hm_derive_err(EINVAL, fd, 0, HM_BLOCK, HOSTMEM_RIGHT_WRITE, 0);
	hm_derive_err(EOVERFLOW, fd, -HM_BLOCK, 2 * HM_BLOCK, RO, 0);
	hm_derive_err(ENOENT, fd, 0, SIZE + HM_BLOCK, RO, 0);
	hm_derive_err(ENOENT, fd, SIZE, HM_BLOCK, RO, 0);
	hm_derive_err(EOPNOTSUPP, fd, 0, HM_BLOCK, RO, 2);
	hm_derive_err(EOPNOTSUPP, fd, 0, HM_BLOCK, RO | 0x10, 0);
	hm_derive_err(EPERM, fd, 0, HM_BLOCK, RO | HOSTMEM_RIGHT_OWNER, 0);
	hm_derive_err(EPERM, self->w.data, 0, HM_BLOCK, RO, 0);
}

TEST_F(derive, from_derived)
{
	int parent = hm_derive(self->w.owner, START, LENGTH, RO | HOSTMEM_RIGHT_DERIVE, 0);
	int child = hm_derive(parent, HM_BLOCK, HM_BLOCK, RO, 0);
	struct hostmem_region_info info;
	char *p = hm_map(child, 0, HM_BLOCK, PROT_READ);

	EXPECT_EQ('2', p[0]);
	hm_info(child, &info);
	EXPECT_EQ(START + HM_BLOCK, info.out_view_start);
	hm_derive_err(EPERM, parent, 0, HM_BLOCK, RW, 0);
	hm_derive_err(ENOENT, parent, HM_BLOCK, LENGTH, RO, 0);
	hm_derive_err(EPERM, child, 0, HM_BLOCK, RO, 0);
	munmap(p, HM_BLOCK);
	close(child);
	close(parent);
}

/* Revoking */

/* A chain of views, each derived from the one before, and a mapping of each. */
struct chain {
	int fd[3];
	char *p[3];
};

static void chain_make(struct chain *c, int owner, const __u32 *flags)
{
	int i, from = owner;

	for (i = 0; i < 3; i++) {
		c->fd[i] = hm_derive(from, 0, HM_BLOCK, RW | HOSTMEM_RIGHT_DERIVE, flags[i]);
		c->p[i] = hm_map(c->fd[i], 0, HM_BLOCK, PROT_READ | PROT_WRITE);
		from = c->fd[i];
	}
}

/* Bit i: view i can be used; a view whose mapping and fd do not agree is neither. */
static int chain_alive(const struct chain *c)
{
	struct hostmem_region_info info;
	int i, alive = 0;

	for (i = 0; i < 3; i++) {
		if (!hm_write_faults(c->p[i], 'y'))
			alive |= 1 << i;
		if (c->fd[i] >= 0 && !_hm_info(c->fd[i], &info) != !!(alive & 1 << i))
			return -1;
	}
	return alive;
}

static void chain_close(struct chain *c, int i)
{
	close(c->fd[i]);
	c->fd[i] = -1;
	munmap(c->p[i], HM_BLOCK);
	c->p[i] = NULL;
}

static const __u32 together[3];
static const __u32 middle_outlives[3] = { 0, HOSTMEM_DERIVE_OUTLIVE, 0 };
static const __u32 last_outlives[3] = { 0, 0, HOSTMEM_DERIVE_OUTLIVE };

TEST_F(derive, revoked_with_parent)
{
	struct chain c;

	chain_make(&c, self->w.owner, together);
	EXPECT_EQ(7, chain_alive(&c));
	hm_revoke(self->w.owner, hm_view_id(c.fd[1]));
	EXPECT_EQ(1, chain_alive(&c));
	hm_revoke(self->w.owner, hm_view_id(c.fd[0]));
	EXPECT_EQ(0, chain_alive(&c));
}

TEST_F(derive, outlives_parent)
{
	struct chain c;

	chain_make(&c, self->w.owner, middle_outlives);
	hm_revoke(self->w.owner, hm_view_id(c.fd[0]));
	EXPECT_EQ(6, chain_alive(&c));
	hm_revoke(self->w.owner, hm_view_id(c.fd[1]));
	EXPECT_EQ(0, chain_alive(&c));
}

TEST_F(derive, last_outlives)
{
	struct chain c;

	chain_make(&c, self->w.owner, last_outlives);
	hm_revoke(self->w.owner, hm_view_id(c.fd[0]));
	EXPECT_EQ(4, chain_alive(&c));
}

/* The one between is closed: the last one goes with the first. */
TEST_F(derive, parent_closed)
{
	struct chain c;

	chain_make(&c, self->w.owner, together);
	chain_close(&c, 1);
	EXPECT_FALSE(hm_write_faults(c.p[2], 'y'));
	hm_revoke(self->w.owner, hm_view_id(c.fd[0]));
	EXPECT_TRUE(hm_write_faults(c.p[2], 'y'));
}

/* The one between would have outlived the first one, and so does what is derived from it. */
TEST_F(derive, outliving_parent_closed)
{
	struct chain c;

	chain_make(&c, self->w.owner, middle_outlives);
	chain_close(&c, 1);
	hm_revoke(self->w.owner, hm_view_id(c.fd[0]));
	EXPECT_FALSE(hm_write_faults(c.p[2], 'y'));
}

TEST_F(derive, owner_closed)
{
	struct chain c;

	chain_make(&c, self->w.owner, together);
	close(self->w.owner);
	EXPECT_EQ(7, chain_alive(&c));
	self->w.owner = hm_open(self->w.name);
	EXPECT_EQ(7, chain_alive(&c));
}

TEST_F(derive, from_revoked)
{
	int parent = hm_derive(self->w.owner, 0, HM_BLOCK, RO | HOSTMEM_RIGHT_DERIVE, 0);

	hm_revoke(self->w.owner, hm_view_id(parent));
	hm_derive_err(ENODEV, parent, 0, HM_BLOCK, RO, 0);
	close(parent);
}

TEST_F(derive, destroyed)
{
	char *p = hm_map(self->rw, 0, LENGTH, PROT_READ);

	hm_destroy_err(EBUSY, self->w.owner, 0);
	hm_destroy(self->w.owner, HOSTMEM_DESTROY_FORCE);
	EXPECT_TRUE(hm_read_faults(p));
	hm_derive_err(ENODEV, self->w.owner, 0, HM_BLOCK, RO, 0);
	munmap(p, LENGTH);
}

TEST_HARNESS_MAIN
