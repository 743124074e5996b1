// SPDX-License-Identifier: GPL-2.0
/*
 * What can be reached through a mapping: all of what is plugged, by those who may, and nothing
 * else, on whatever way. The ways round the guard are those that a raw shmem file leaves open.
 */
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define BLOCKS 4
#define SIZE (BLOCKS * HM_BLOCK)
#define RW (PROT_READ | PROT_WRITE)

/* A named region with its first two blocks plugged, an owner's fd and two data views. */
FIXTURE(map) {
	char name[HM_NAME_MAX];
	int owner;
	int data;
	int other;
	char *p;	/* all of it through data, block 0 and 1 filled with 'a' and 'b' */
	int log;
};

FIXTURE_VARIANT(map) {
	__u32 huge;
};

FIXTURE_VARIANT_ADD(map, huge) {
	.huge = HOSTMEM_HUGE_ALWAYS,
};

FIXTURE_VARIANT_ADD(map, small) {
	.huge = HOSTMEM_HUGE_NEVER,
};

FIXTURE_SETUP(map)
{
	struct hostmem_region_create cmd = hm_create_cmd(hm_name(self->name), SIZE);

	cmd.huge = variant->huge;
	self->owner = hm_create_raw(&cmd);
	self->log = hm_log_open();
	hm_plug(self->owner, 0, 2 * HM_BLOCK);
	self->data = hm_open_node(self->name, O_RDWR);
	self->other = hm_open_node(self->name, O_RDWR);
	self->p = hm_map(self->data, 0, SIZE, RW);
	memset(self->p, 'a', HM_BLOCK);
	memset(self->p + HM_BLOCK, 'b', HM_BLOCK);
}

FIXTURE_TEARDOWN(map)
{
	EXPECT_TRUE(hm_log_quiet(self->log));
	_hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
}

static bool faults(char *p)
{
	/* Both, and in this order: a read must not bring back what a write then finds. */
	return hm_read_faults(p) && hm_write_faults(p, 'x') && hm_read_faults(p + 4096);
}

static bool works(char *p, char byte)
{
	return !hm_read_faults(p) && *p == byte && !hm_write_faults(p, byte);
}

static __u32 mappings(int fd)
{
	struct hostmem_region_info info;

	hm_info(fd, &info);
	return info.out_mappings;
}

/* Mapping */

TEST_F(map, shared)
{
	char *q = hm_map(self->owner, 0, SIZE, RW);

	EXPECT_TRUE(hm_is_filled(q, 'a', HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(q + HM_BLOCK, 'b', HM_BLOCK));
	q[5] = 'q';
	EXPECT_EQ('q', self->p[5]);
	EXPECT_EQ(2, mappings(self->owner));
	munmap(q, SIZE);
	EXPECT_EQ(1, mappings(self->owner));
	/* From the middle: an fd's offsets are the region's. */
	q = hm_map(self->other, HM_BLOCK, 4096, RW);
	EXPECT_TRUE(hm_is_filled(q, 'b', 4096));
}

TEST_F(map, read_only_view)
{
	int fd = hm_open_node(self->name, O_RDONLY);
	char *q;

	hm_map_err(EACCES, fd, 0, SIZE, RW);
	hm_map_err(EACCES, fd, 0, SIZE, PROT_WRITE);
	q = hm_map(fd, 0, SIZE, PROT_READ);
	EXPECT_TRUE(hm_is_filled(q, 'a', HM_BLOCK));
	HM_ERR(EACCES, mprotect(q, SIZE, RW));
	HM_ERR(EACCES, mprotect(q, 4096, PROT_WRITE));
	HM_ERR(EACCES, madvise(q, 4096, MADV_REMOVE));
	hm_unplug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(hm_read_faults(q));
	/* What cannot be read cannot be mapped. */
	fd = hm_open_node(self->name, O_WRONLY);
	hm_map_err(EACCES, fd, 0, SIZE, PROT_WRITE);
	hm_map_err(EACCES, fd, 0, SIZE, PROT_READ);
}

TEST_F(map, more_rights_later)
{
	char *q = hm_map(self->other, 0, SIZE, PROT_READ);

	EXPECT_EQ(0, mprotect(q, SIZE, RW));
	EXPECT_TRUE(works(q, 'a'));
	EXPECT_EQ(0, mprotect(q, SIZE, PROT_NONE));
	EXPECT_EQ(0, mprotect(q, SIZE, RW));
	EXPECT_TRUE(works(q, 'a'));
	EXPECT_TRUE(faults(q + 2 * HM_BLOCK));
}

/* Copies could not be taken back: there are none. */
TEST_F(map, private)
{
	int ro = hm_open_node(self->name, O_RDONLY);
	char *q;

	hm_map_flags_err(EOPNOTSUPP, self->data, 0, SIZE, RW, MAP_PRIVATE);
	hm_map_flags_err(EOPNOTSUPP, self->data, 0, SIZE, PROT_WRITE, MAP_PRIVATE);
	hm_map_flags_err(EOPNOTSUPP, ro, 0, SIZE, RW, MAP_PRIVATE);
	EXPECT_EQ(1, mappings(self->owner));
	q = hm_map_flags(self->data, 0, SIZE, PROT_READ, MAP_PRIVATE);
	EXPECT_TRUE(hm_is_filled(q, 'a', HM_BLOCK));
	HM_ERR(EACCES, mprotect(q, SIZE, RW));
	HM_ERR(EACCES, mprotect(q, 4096, PROT_WRITE));
	hm_unplug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(hm_read_faults(q));
	EXPECT_EQ('b', q[HM_BLOCK]);
	hm_revoke(self->owner, hm_view_id(self->data));
	EXPECT_TRUE(hm_read_faults(q + HM_BLOCK));
}

/* /proc/self/mem writes to read-only mappings too, by making a copy, which would stay. */
TEST_F(map, private_forced_write)
{
	char *q = hm_map_flags(self->data, 0, SIZE, PROT_READ, MAP_PRIVATE);
	int mem = HM_OK(open("/proc/self/mem", O_RDWR));
	char byte = 'z';
	ssize_t n;

	n = pwrite(mem, &byte, 1, (uintptr_t)q);
	EXPECT_NE(1, n);
	EXPECT_EQ('a', *q);
	hm_unplug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(hm_read_faults(q));
}

TEST_F(map, beyond_the_end)
{
	hm_map_err(EINVAL, self->data, SIZE, 4096, RW);
	hm_map_err(EINVAL, self->data, 0, SIZE + 4096, RW);
	hm_map_err(EINVAL, self->data, SIZE - 4096, 8192, RW);
	hm_map_err(EINVAL, self->data, 1ULL << 62, 4096, RW);
	/* A page offset so large that it wraps. */
	HM_ERR(EOVERFLOW, _hm_map(self->data, -4096ULL, 8192, RW));
	hm_map(self->data, SIZE - 4096, 4096, RW);
	EXPECT_EQ(2, mappings(self->owner));
}

TEST_F(map, aligned_for_huge_pages)
{
	char *q = hm_map(self->other, HM_BLOCK, 2 * HM_BLOCK, RW);

	if (variant->huge == HOSTMEM_HUGE_ALWAYS) {
		EXPECT_EQ(0, (uintptr_t)self->p % HM_BLOCK);
		EXPECT_EQ(0, (uintptr_t)q % HM_BLOCK);
		EXPECT_EQ(2 * HM_BLOCK, hm_smaps(self->p, "ShmemPmdMapped"));
	} else {
		EXPECT_EQ(0, hm_smaps(self->p, "ShmemPmdMapped"));
	}
	EXPECT_EQ(2 * HM_BLOCK, hm_smaps(self->p, "Rss"));
}

TEST_F(map, contents)
{
	hm_unplug(self->owner, 0, HM_BLOCK);
	hm_plug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(hm_is_filled(self->p, 0, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(self->p + HM_BLOCK, 'b', HM_BLOCK));
	EXPECT_EQ(0, madvise(self->p, SIZE, MADV_DONTNEED));
	EXPECT_TRUE(hm_is_filled(self->p + HM_BLOCK, 'b', HM_BLOCK));
}

/* Unplugged */

TEST_F(map, unplugged)
{
	char *u = self->p + 2 * HM_BLOCK;

	EXPECT_TRUE(faults(u));
	EXPECT_TRUE(faults(u + HM_BLOCK + 12345));
	EXPECT_EQ(0, hm_mapped_pages(u, 2 * HM_BLOCK));
	EXPECT_EQ(0, hm_cached_pages(u, 2 * HM_BLOCK));
	hm_plug(self->owner, 2 * HM_BLOCK, HM_BLOCK);
	EXPECT_TRUE(works(u, 0));
	EXPECT_TRUE(faults(u + HM_BLOCK));
}

TEST_F(map, unplugged_by_system_call)
{
	char *u = self->p + 2 * HM_BLOCK, byte = 0;
	struct iovec here = { .iov_base = &byte, .iov_len = 1 };
	struct iovec there = { .iov_base = u, .iov_len = 1 };
	int zero = HM_OK(open("/dev/zero", O_RDWR)), pipes[2];
	int mem = HM_OK(open("/proc/self/mem", O_RDWR));

	HM_OK(pipe(pipes));
	HM_ERR(EFAULT, read(zero, u, 4096));
	HM_ERR(EFAULT, write(pipes[1], u, 4096));
	HM_ERR(EFAULT, process_vm_readv(getpid(), &here, 1, &there, 1, 0));
	HM_ERR(EFAULT, process_vm_writev(getpid(), &here, 1, &there, 1, 0));
	HM_ERR(EIO, pread(mem, &byte, 1, (uintptr_t)u));
	HM_ERR(EIO, pwrite(mem, &byte, 1, (uintptr_t)u));
	HM_ERR(EFAULT, vmsplice(pipes[1], &there, 1, 0));
	HM_ERR(EFAULT, madvise(u, HM_BLOCK, MADV_POPULATE_READ));
	HM_ERR(EFAULT, madvise(u, HM_BLOCK, MADV_POPULATE_WRITE));
	HM_ERR(EFAULT, madvise(self->p, SIZE, MADV_POPULATE_WRITE));
	EXPECT_EQ(0, hm_cached_pages(u, 2 * HM_BLOCK));
	EXPECT_TRUE(faults(u));
	/* Right across the edge: what is there is done. */
	EXPECT_EQ(4096, read(zero, u - 4096, 8192));
	/* Mapping populates what there is. */
	u = hm_map_flags(self->other, 0, SIZE, RW, MAP_SHARED | MAP_POPULATE);
	EXPECT_EQ(1024, hm_mapped_pages(u, SIZE));
}

TEST_F(map, by_system_call)
{
	char *p = self->p, byte = 'm';
	struct iovec here = { .iov_base = &byte, .iov_len = 1 };
	struct iovec there = { .iov_base = p, .iov_len = 1 };
	int mem = HM_OK(open("/proc/self/mem", O_RDWR));

	EXPECT_EQ(1, pwrite(mem, &byte, 1, (uintptr_t)p));
	EXPECT_EQ('m', *p);
	byte = 'v';
	EXPECT_EQ(1, process_vm_writev(getpid(), &here, 1, &there, 1, 0));
	EXPECT_EQ('v', *p);
	*p = 'r';
	EXPECT_EQ(1, process_vm_readv(getpid(), &here, 1, &there, 1, 0));
	EXPECT_EQ('r', byte);
	EXPECT_EQ(0, madvise(p, 2 * HM_BLOCK, MADV_POPULATE_WRITE));
}

/* Neither the page cache nor a page table has anything left of it. */
TEST_F(map, unplug_takes_all)
{
	char *q = hm_map(self->owner, 0, SIZE, RW);

	EXPECT_TRUE(works(q + HM_BLOCK, 'b'));
	hm_unplug(self->owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(0, hm_mapped_pages(self->p + HM_BLOCK, HM_BLOCK));
	EXPECT_EQ(0, hm_mapped_pages(q + HM_BLOCK, HM_BLOCK));
	EXPECT_EQ(0, hm_cached_pages(q + HM_BLOCK, HM_BLOCK));
	EXPECT_TRUE(faults(self->p + HM_BLOCK));
	EXPECT_TRUE(faults(q + HM_BLOCK));
	EXPECT_TRUE(works(q, 'a'));
	EXPECT_EQ(512, hm_cached_pages(q, SIZE));
}

TEST_F(map, memory_comes_back)
{
	int fd = hm_create(64 * HM_BLOCK);
	char *q = hm_map(fd, 0, 64 * HM_BLOCK, RW);
	__u64 before, shmem;

	hm_plug(fd, 0, 64 * HM_BLOCK);
	before = hm_meminfo("Shmem");
	memset(q, 1, 64 * HM_BLOCK);
	shmem = hm_meminfo("Shmem");
	EXPECT_GE(shmem, before + 62 * HM_BLOCK);
	hm_unplug(fd, 0, 32 * HM_BLOCK);
	EXPECT_LE(hm_meminfo("Shmem"), shmem - 30 * HM_BLOCK);
	EXPECT_GE(hm_meminfo("Shmem"), shmem - 34 * HM_BLOCK);
	hm_unplug(fd, 32 * HM_BLOCK, 32 * HM_BLOCK);
	EXPECT_LE(hm_meminfo("Shmem"), before + 2 * HM_BLOCK);
}

/* Others who map it: a child that inherited, and a process that was passed the fd */

struct peer {
	pid_t pid;
	int sock;
};

/* The peer: say that the block is there, wait, and tell by the exit status what is now. */
static int peer_run(char *p, int sock)
{
	char byte;

	if (!works(p, 'a'))
		return 2;
	HM_TRUE(write(sock, "r", 1) == 1);
	HM_TRUE(read(sock, &byte, 1) == 1);
	return faults(p) && !hm_mapped_pages(p, HM_BLOCK) ? 0 : 3;
}

static struct peer peer_start(char *p, int fd)
{
	struct peer peer;
	int socks[2];
	char byte;

	HM_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	peer.sock = socks[0];
	peer.pid = HM_OK(fork());
	if (!peer.pid) {
		close(socks[0]);
		if (fd >= 0) {
			/* As a backend would: only with what came by the socket. */
			munmap(p, SIZE);
			p = hm_map(hm_recv_fd(socks[1]), 0, SIZE, RW);
		}
		_exit(peer_run(p, socks[1]));
	}
	close(socks[1]);
	if (fd >= 0)
		hm_send_fd(peer.sock, fd);
	HM_TRUE(read(peer.sock, &byte, 1) == 1);
	return peer;
}

static int peer_end(struct peer *peer)
{
	HM_TRUE(write(peer->sock, "g", 1) == 1);
	return hm_wait(peer->pid);
}

TEST_F(map, unplug_concerns_everyone)
{
	struct peer child = peer_start(self->p, -1);
	struct peer backend = peer_start(self->p, self->data);

	EXPECT_EQ(3, mappings(self->owner));
	hm_unplug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(faults(self->p));
	EXPECT_EQ(0, peer_end(&child));
	EXPECT_EQ(0, peer_end(&backend));
	EXPECT_EQ(1, mappings(self->owner));
	EXPECT_TRUE(works(self->p + HM_BLOCK, 'b'));
}

TEST_F(map, forced_destroy_concerns_everyone)
{
	struct peer child = peer_start(self->p, -1);
	struct peer backend = peer_start(self->p, self->data);
	struct hostmem_region_info info;

	hm_destroy_err(EBUSY, self->owner, 0);
	hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
	EXPECT_TRUE(faults(self->p));
	EXPECT_EQ(0, peer_end(&child));
	EXPECT_EQ(0, peer_end(&backend));
	hm_info_err(ENODEV, self->data, &info);
	hm_map_err(ENODEV, self->data, 0, SIZE, RW);
}

TEST_F(map, revoke_concerns_the_view)
{
	struct peer child = peer_start(self->p, -1);
	struct peer backend = peer_start(self->p, self->data);
	struct hostmem_region_info info;
	char *q = hm_map(self->other, 0, SIZE, RW);

	EXPECT_TRUE(works(q, 'a'));
	hm_revoke(self->owner, hm_view_id(self->data));
	EXPECT_TRUE(faults(self->p));
	EXPECT_TRUE(faults(self->p + HM_BLOCK));
	EXPECT_EQ(0, hm_mapped_pages(self->p, SIZE));
	EXPECT_EQ(0, peer_end(&child));
	EXPECT_EQ(0, peer_end(&backend));
	hm_info_err(ENODEV, self->data, &info);
	hm_map_err(ENODEV, self->data, 0, SIZE, RW);
	/* Others and the memory stay as they are. */
	EXPECT_TRUE(works(q, 'a'));
	EXPECT_TRUE(hm_is_filled(q, 'a', HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(q + HM_BLOCK, 'b', HM_BLOCK));
	EXPECT_EQ(2, mappings(self->owner));
}

/* A fork after the revocation has nothing either. */
static int child_faults(void *p)
{
	return faults(p) ? 0 : 1;
}

TEST_F(map, fork_of_the_revoked)
{
	hm_revoke(self->owner, hm_view_id(self->data));
	EXPECT_EQ(0, hm_in_child(child_faults, self->p));
	EXPECT_EQ(1, mappings(self->owner));
}

/* Death at every stage */

enum stage { OPENED, MAPPED, TOUCHED, HALF_UNMAPPED, CLOSED, REVOKED, STAGES };
enum death { EXIT, KILL, EXEC, DEATHS };

struct victim {
	const char *name;
	enum stage stage;
	enum death death;
};

static void victim_die(enum death how)
{
	if (how == KILL)
		raise(SIGKILL);
	if (how == EXEC)
		execl("/bin/true", "true", NULL);
	_exit(0);
}

static int victim_run(void *arg)
{
	const struct victim *v = arg;
	int fd = hm_open_node(v->name, O_RDWR);
	char *p;

	if (v->stage == OPENED)
		victim_die(v->death);
	p = hm_map(fd, 0, SIZE, RW);
	if (v->stage == MAPPED)
		victim_die(v->death);
	memset(p, 'a', HM_BLOCK);
	if (v->stage == HALF_UNMAPPED)
		munmap(p + HM_BLOCK, HM_BLOCK);
	if (v->stage == REVOKED)
		hm_revoke(hm_open(v->name), hm_view_id(fd));
	if (v->stage == CLOSED)
		close(fd);
	victim_die(v->death);
	return 0;
}

TEST_F(map, death_at_every_stage)
{
	struct hostmem_region_info before, after;
	struct victim v = { .name = self->name };

	hm_info(self->owner, &before);
	for (v.stage = 0; v.stage < STAGES; v.stage++) {
		for (v.death = 0; v.death < DEATHS; v.death++) {
			EXPECT_EQ(v.death == KILL ? 128 + SIGKILL : 0,
				  hm_in_child(victim_run, &v));
			hm_info(self->owner, &after);
			EXPECT_EQ(before.out_views, after.out_views);
			EXPECT_EQ(before.out_mappings, after.out_mappings);
			EXPECT_TRUE(works(self->p, 'a'));
		}
	}
}

/* In a child that is killed: make a region, fill it, be gone. */
static int creator_run(void *arg)
{
	int fd = hm_create_named(arg, SIZE);
	char *p = hm_map(fd, 0, SIZE, RW);

	hm_plug(fd, HM_BLOCK, HM_BLOCK);
	memset(p + HM_BLOCK, 'c', HM_BLOCK);
	raise(SIGKILL);
	return 0;
}

TEST_F(map, contents_survive_their_creator)
{
	char name[HM_NAME_MAX];
	char *q;
	int fd;

	EXPECT_EQ(128 + SIGKILL, hm_in_child(creator_run, (void *)hm_name(name)));
	fd = hm_open(name);
	q = hm_map(fd, 0, SIZE, RW);
	EXPECT_TRUE(hm_is_filled(q + HM_BLOCK, 'c', HM_BLOCK));
	EXPECT_TRUE(faults(q));
	munmap(q, SIZE);
	hm_destroy(fd, 0);
	/* The fixture's region has nothing to do with it. */
	EXPECT_TRUE(works(self->p, 'a'));
}

/* Ways round the guard */

/* Mappings in [p, p + length). */
static int count_vmas(char *p, size_t length)
{
	unsigned long start, end;
	char line[512];
	int n = 0;
	FILE *f;

	f = fopen("/proc/self/maps", "re");
	HM_TRUE(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			n += start < (uintptr_t)p + length && end > (uintptr_t)p;
	}
	fclose(f);
	return n;
}

TEST_F(map, remap_file_pages)
{
	char *q = hm_map(self->other, 0, 2 * HM_BLOCK, RW);

	/* To a block that is plugged: legal, and still behind the guard. */
	EXPECT_EQ(0, remap_file_pages(q, HM_BLOCK, 0, HM_BLOCK / 4096, 0));
	EXPECT_TRUE(works(q, 'b'));
	hm_unplug(self->owner, HM_BLOCK, HM_BLOCK);
	EXPECT_TRUE(faults(q));
	/* To one that is not. */
	EXPECT_EQ(0, remap_file_pages(q, HM_BLOCK, 0, 3 * HM_BLOCK / 4096, 0));
	EXPECT_TRUE(faults(q));
	EXPECT_EQ(0, hm_cached_pages(self->p + HM_BLOCK, 3 * HM_BLOCK));
	/* Beyond the region. */
	HM_ERR(EINVAL, remap_file_pages(q, HM_BLOCK, 0, SIZE / 4096, 0));
	/* Of a revoked view. */
	q = hm_map(self->data, 0, HM_BLOCK, RW);
	hm_revoke(self->owner, hm_view_id(self->data));
	HM_ERR(ENODEV, remap_file_pages(q, HM_BLOCK, 0, 0, 0));
	/* It unmaps what was there before it fails. */
	EXPECT_EQ(0, count_vmas(q, HM_BLOCK));
}

TEST_F(map, collapse_unplugged)
{
	/* What it returns is the kernel's business; what is there afterwards is ours. */
	hm_unplug(self->owner, 0, HM_BLOCK);
	madvise(self->p, HM_BLOCK, MADV_COLLAPSE);
	madvise(self->p + 2 * HM_BLOCK, HM_BLOCK, MADV_COLLAPSE);
	EXPECT_TRUE(faults(self->p));
	EXPECT_TRUE(faults(self->p + 2 * HM_BLOCK));
	EXPECT_EQ(0, hm_cached_pages(self->p, HM_BLOCK));
	EXPECT_EQ(0, hm_cached_pages(self->p + 2 * HM_BLOCK, 2 * HM_BLOCK));
}

TEST_F(map, collapse_revoked)
{
	char *q = hm_map(self->other, 0, SIZE, RW);

	EXPECT_TRUE(works(q, 'a'));
	hm_revoke(self->owner, hm_view_id(self->data));
	madvise(self->p, 2 * HM_BLOCK, MADV_COLLAPSE);
	EXPECT_TRUE(faults(self->p));
	EXPECT_TRUE(faults(self->p + HM_BLOCK));
	EXPECT_EQ(0, hm_mapped_pages(self->p, SIZE));
	/* Nor when another view's mapping is collapsed. */
	madvise(q, 2 * HM_BLOCK, MADV_COLLAPSE);
	EXPECT_TRUE(faults(self->p));
	EXPECT_TRUE(hm_is_filled(q, 'a', HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(q + HM_BLOCK, 'b', HM_BLOCK));
}

/* Block 0 of one view and block 1 of another, side by side as if they were one. */
TEST_F(map, merging_views)
{
	char *q = HM_OK(mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	HM_OK(mmap(q, HM_BLOCK, RW, MAP_SHARED | MAP_FIXED, self->data, 0));
	HM_OK(mmap(q + HM_BLOCK, HM_BLOCK, RW, MAP_SHARED | MAP_FIXED, self->other, HM_BLOCK));
	EXPECT_EQ(2, count_vmas(q, 2 * HM_BLOCK));
	EXPECT_TRUE(works(q, 'a'));
	EXPECT_TRUE(works(q + HM_BLOCK, 'b'));
	/* Changing rights to and fro is when the kernel looks for merges. */
	HM_OK(mprotect(q, 2 * HM_BLOCK, PROT_READ));
	HM_OK(mprotect(q, 2 * HM_BLOCK, RW));
	EXPECT_EQ(2, count_vmas(q, 2 * HM_BLOCK));
	hm_revoke(self->owner, hm_view_id(self->other));
	EXPECT_TRUE(works(q, 'a'));
	EXPECT_TRUE(faults(q + HM_BLOCK));
	EXPECT_EQ(3, mappings(self->owner));
}

TEST_F(map, growing)
{
	char *q = hm_map(self->other, 0, HM_BLOCK, RW);

	HM_ERR(EFAULT, mremap(q, HM_BLOCK, 2 * HM_BLOCK, MREMAP_MAYMOVE));
	HM_ERR(EFAULT, mremap(q, HM_BLOCK, SIZE + HM_BLOCK, MREMAP_MAYMOVE));
	/* An old length of 0 makes a second mapping. */
	HM_ERR(EFAULT, mremap(q, 0, HM_BLOCK, MREMAP_MAYMOVE));
	EXPECT_EQ(2, mappings(self->owner));
	EXPECT_EQ(q, mremap(q, HM_BLOCK, HM_BLOCK / 2, 0));
	EXPECT_TRUE(works(q, 'a'));
}

TEST_F(map, moving)
{
	char *to = HM_OK(mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	char *q = hm_map(self->other, 0, SIZE, RW);

	EXPECT_TRUE(works(q, 'a'));
	ASSERT_EQ(to, mremap(q, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(2, mappings(self->owner));
	EXPECT_TRUE(works(to, 'a'));
	EXPECT_TRUE(faults(to + 2 * HM_BLOCK));
	hm_unplug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(faults(to));
	EXPECT_TRUE(works(to + HM_BLOCK, 'b'));
	hm_revoke(self->owner, hm_view_id(self->other));
	EXPECT_TRUE(faults(to + HM_BLOCK));
}

TEST_F(map, splitting)
{
	char *p = self->p;

	/* A part of a block away, a part of another read-only. */
	HM_OK(munmap(p + 4096, 4096));
	EXPECT_EQ(2, mappings(self->owner));
	HM_OK(mprotect(p + HM_BLOCK, 4096, PROT_READ));
	EXPECT_EQ('a', p[0]);
	EXPECT_EQ('a', p[8192]);
	EXPECT_EQ('b', p[HM_BLOCK]);
	hm_unplug(self->owner, 0, 2 * HM_BLOCK);
	EXPECT_TRUE(hm_read_faults(p));
	EXPECT_TRUE(hm_write_faults(p + 8192, 1));
	EXPECT_TRUE(hm_read_faults(p + HM_BLOCK));
	EXPECT_TRUE(hm_write_faults(p + HM_BLOCK + 4096, 1));
	hm_plug(self->owner, 0, 2 * HM_BLOCK);
	EXPECT_FALSE(hm_write_faults(p + 8192, 1));
	HM_OK(munmap(p, SIZE));
	EXPECT_EQ(0, mappings(self->owner));
	hm_destroy(self->owner, 0);
}

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags);
}

/* An owner's fd leads nowhere; a file's leads to a new view with no more rights than a file's. */
TEST_F(map, reopening_through_proc)
{
	struct hostmem_region_info info;
	int fd, ro;

	HM_ERR(ENXIO, reopen(self->owner, O_RDWR));
	HM_ERR(ENXIO, reopen(self->owner, O_RDONLY));
	ro = hm_open_node(self->name, O_RDONLY);
	fd = HM_OK(reopen(ro, O_RDWR));
	hm_info(fd, &info);
	EXPECT_EQ(HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE, info.out_rights);
	EXPECT_NE(hm_view_id(ro), info.out_view_id);
	/* The file is still what its mode says, also for the revoked. */
	hm_revoke(self->owner, hm_view_id(self->data));
	fd = HM_OK(reopen(self->data, O_RDWR));
	EXPECT_NE(0, hm_view_id(fd));
	hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
	HM_ERR(ENODEV, reopen(self->data, O_RDWR));
}

static int open_map_file(void *arg)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (long)arg,
		 (long)arg + (long)SIZE);
	fd = open(path, O_RDWR);
	return fd < 0 ? errno : 0;
}

static int open_map_file_unprivileged(void *arg)
{
	HM_OK(setresuid(1000, 1000, 1000));
	return open_map_file(arg);
}

/* It leads past the guard, to the inode: so only the administrator may, who may anyway. */
TEST_F(map, map_files)
{
	int rc = hm_in_child(open_map_file_unprivileged, self->p);

	EXPECT_TRUE(rc == EPERM || rc == EACCES) {
		TH_LOG("unprivileged: errno %d", rc);
	}
	TH_LOG("/proc/self/map_files as root: errno %d", hm_in_child(open_map_file, self->p));
}

TEST_F(map, userfaultfd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)self->p, .len = SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		SKIP(return, "no userfaultfd");
	HM_ERR(EINVAL, ioctl(fd, UFFDIO_REGISTER, &reg));
	reg.mode = UFFDIO_REGISTER_MODE_MINOR;
	HM_ERR(EINVAL, ioctl(fd, UFFDIO_REGISTER, &reg));
	close(fd);
}

/* Memory that is given back within a plugged block, as a balloon does */

TEST_F(map, madvise_remove)
{
	char *q = hm_map(self->other, 0, SIZE, RW);

	EXPECT_TRUE(works(q, 'a'));
	EXPECT_EQ(0, madvise(self->p, HM_BLOCK, MADV_REMOVE));
	EXPECT_EQ(0, hm_cached_pages(q, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(q, 0, HM_BLOCK));
	EXPECT_EQ(0, madvise(self->p + HM_BLOCK + 4096, 4096, MADV_REMOVE));
	EXPECT_TRUE(hm_is_filled(q + HM_BLOCK, 'b', 4096));
	EXPECT_TRUE(hm_is_filled(q + HM_BLOCK + 4096, 0, 4096));
	EXPECT_TRUE(hm_is_filled(q + HM_BLOCK + 8192, 'b', HM_BLOCK - 8192));
	/* Nothing to give back, and nothing comes of it. */
	EXPECT_EQ(0, madvise(self->p + 2 * HM_BLOCK, HM_BLOCK, MADV_REMOVE));
	EXPECT_TRUE(faults(self->p + 2 * HM_BLOCK));
	hm_revoke(self->owner, hm_view_id(self->data));
	HM_ERR(ENODEV, madvise(self->p, HM_BLOCK, MADV_REMOVE));
	EXPECT_TRUE(hm_is_filled(q + HM_BLOCK, 'b', 4096));
}

/* Its memory is promised: it stays. */
TEST_F(map, madvise_remove_immediate)
{
	int fd = hm_create_immediate(SIZE);
	char *q = hm_map(fd, 0, SIZE, RW);

	hm_plug(fd, 0, HM_BLOCK);
	memset(q, 'i', HM_BLOCK);
	HM_ERR(EOPNOTSUPP, madvise(q, HM_BLOCK, MADV_REMOVE));
	EXPECT_TRUE(hm_is_filled(q, 'i', HM_BLOCK));
	EXPECT_EQ(0, madvise(q, HM_BLOCK, MADV_DONTNEED));
	EXPECT_TRUE(hm_is_filled(q, 'i', HM_BLOCK));
}

/* The same by the file; and no call on it makes a block exist, or reaches beyond the guard. */
TEST_F(map, fallocate)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	char *q = hm_map(self->other, 0, SIZE, RW);

	EXPECT_EQ(0, fallocate(self->data, punch, HM_BLOCK, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(q, 'a', HM_BLOCK));
	EXPECT_EQ(0, hm_cached_pages(q + HM_BLOCK, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(q + HM_BLOCK, 0, HM_BLOCK));
	EXPECT_EQ(0, fallocate(self->owner, punch, 2 * HM_BLOCK, HM_BLOCK));
	EXPECT_TRUE(faults(self->p + 2 * HM_BLOCK));
	HM_ERR(ENXIO, fallocate(self->owner, 0, 2 * HM_BLOCK, HM_BLOCK));
	HM_ERR(ENXIO, fallocate(self->data, 0, 0, SIZE));
	EXPECT_TRUE(faults(self->p + 2 * HM_BLOCK));
	HM_ERR(EOPNOTSUPP, fallocate(self->owner, FALLOC_FL_ZERO_RANGE, 0, HM_BLOCK));
	HM_ERR(EOPNOTSUPP, fallocate(self->owner, FALLOC_FL_COLLAPSE_RANGE, 0, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(self->p, 'a', HM_BLOCK));
	hm_revoke(self->owner, hm_view_id(self->data));
	HM_ERR(ENODEV, fallocate(self->data, punch, 0, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(q, 'a', HM_BLOCK));
}

/* Pinned, locked, bound, swapped */

TEST_F(map, pinned_by_a_pipe)
{
	struct iovec iov = { .iov_base = self->p, .iov_len = 4096 };
	char buf[4096];
	int pipes[2];

	HM_OK(pipe(pipes));
	ASSERT_EQ(4096, vmsplice(pipes[1], &iov, 1, 0));
	hm_unplug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(faults(self->p));
	hm_plug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(hm_is_filled(self->p, 0, HM_BLOCK));
	memset(self->p, 'n', 4096);
	/* The pipe has the old page, nobody else. */
	ASSERT_EQ(4096, read(pipes[0], buf, 4096));
	EXPECT_TRUE(hm_is_filled(buf, 'a', 4096));
	EXPECT_TRUE(hm_is_filled(self->p, 'n', 4096));
}

TEST_F(map, locked)
{
	mlock(self->p, SIZE);
	mlock2(self->p, SIZE, MLOCK_ONFAULT);
	hm_unplug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(faults(self->p));
	EXPECT_TRUE(works(self->p + HM_BLOCK, 'b'));
	/* What is mapped from now on is populated at once, where there is something. */
	ASSERT_EQ(0, mlockall(MCL_FUTURE));
	EXPECT_TRUE(faults(hm_map(self->other, 0, SIZE, RW)));
	munlockall();
	hm_revoke(self->owner, hm_view_id(self->data));
	EXPECT_TRUE(faults(self->p + HM_BLOCK));
}

TEST_F(map, bound_to_a_node)
{
	unsigned long nodes = 1;

	if (syscall(SYS_mbind, self->p, SIZE, MPOL_BIND, &nodes, 64, 0) && errno == ENOSYS)
		SKIP(return, "no NUMA");
	ASSERT_EQ(0, syscall(SYS_mbind, self->p, SIZE, MPOL_BIND, &nodes, 64,
			     MPOL_MF_MOVE));
	EXPECT_TRUE(hm_is_filled(self->p, 'a', HM_BLOCK));
	hm_unplug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(faults(self->p));
	hm_plug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(works(self->p, 0));
}

/* A file system on a real block device, for what tmpfs and overlayfs cannot do */

#define DISK "/dev/shm/hostmem-disk"
#define MOUNT "/dev/shm/hostmem-mount"

static bool disk_mount(void)
{
	return !system("modprobe -q -a loop ext4; truncate -s 64M " DISK " && "
		       "mkfs.ext4 -q -F " DISK " >/dev/null && mkdir -p " MOUNT " && "
		       "mount -o loop " DISK " " MOUNT);
}

static void disk_umount(void)
{
	HM_TRUE(!system("umount " MOUNT " && rm " DISK));
}

static bool file_read_direct(void *to, ssize_t want)
{
	int fd = HM_OK(open(MOUNT "/file", O_RDONLY | O_DIRECT));
	ssize_t n = read(fd, to, 65536);
	int err = errno;

	close(fd);
	errno = err;
	return n == want;
}

static void file_make(char byte)
{
	int fd = HM_OK(open(MOUNT "/file", O_RDWR | O_CREAT | O_TRUNC, 0600));
	char buf[65536];

	memset(buf, byte, sizeof(buf));
	HM_TRUE(write(fd, buf, sizeof(buf)) == sizeof(buf));
	HM_OK(fsync(fd));
	close(fd);
}

TEST_F(map, direct_io)
{
	char *p = self->p;

	if (!disk_mount())
		SKIP(return, "no ext4 on a loop device");
	/* What mounting logged is not ours. */
	lseek(self->log, 0, SEEK_END);
	file_make('d');
	EXPECT_TRUE(file_read_direct(p + 4096, 65536));
	EXPECT_TRUE(hm_is_filled(p, 'a', 4096));
	EXPECT_TRUE(hm_is_filled(p + 4096, 'd', 65536));
	EXPECT_TRUE(hm_is_filled(p + 4096 + 65536, 'a', 4096));
	EXPECT_TRUE(file_read_direct(p + 2 * HM_BLOCK, -1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(faults(p + 2 * HM_BLOCK));
	EXPECT_EQ(0, hm_cached_pages(p + 2 * HM_BLOCK, HM_BLOCK));
	hm_unplug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(file_read_direct(p + 4096, -1));
	EXPECT_EQ(EFAULT, errno);
	hm_revoke(self->owner, hm_view_id(self->data));
	EXPECT_TRUE(file_read_direct(p + HM_BLOCK, -1));
	EXPECT_EQ(EFAULT, errno);
	disk_umount();
	lseek(self->log, 0, SEEK_END);
}

/* Recently used pages get a second chance: ask until they go. */
static void swap_out(char *p, size_t length)
{
	int i;

	for (i = 0; i < 20 && hm_mapped_pages(p, length); i++)
		madvise(p, length, MADV_PAGEOUT);
}

TEST_F(map, swapped_out)
{
	char *p = self->p;

	if (!disk_mount() ||
	    system("dd if=/dev/zero of=" MOUNT "/swap bs=1M count=32 status=none && "
		   "chmod 600 " MOUNT "/swap && mkswap -q " MOUNT "/swap >/dev/null && "
		   "swapon " MOUNT "/swap"))
		SKIP(return, "no swap");
	lseek(self->log, 0, SEEK_END);
	swap_out(p, 2 * HM_BLOCK);
	EXPECT_LE(HM_BLOCK, hm_smaps(p, "Swap"));
	hm_unplug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(faults(p));
	EXPECT_TRUE(faults(p + HM_BLOCK - 4096 - 4096));
	EXPECT_TRUE(hm_is_filled(p + HM_BLOCK, 'b', HM_BLOCK));
	hm_plug(self->owner, 0, HM_BLOCK);
	EXPECT_TRUE(hm_is_filled(p, 0, HM_BLOCK));
	/* And what a revoked view had in swap. */
	swap_out(p + HM_BLOCK, HM_BLOCK);
	EXPECT_LT(0, hm_smaps(p, "Swap"));
	hm_revoke(self->owner, hm_view_id(self->data));
	EXPECT_TRUE(faults(p + HM_BLOCK));
	p = hm_map(self->other, 0, SIZE, RW);
	EXPECT_TRUE(hm_is_filled(p + HM_BLOCK, 'b', HM_BLOCK));
	ASSERT_EQ(0, swapoff(MOUNT "/swap"));
	disk_umount();
	lseek(self->log, 0, SEEK_END);
}

TEST_HARNESS_MAIN
