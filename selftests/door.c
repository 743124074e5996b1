// SPDX-License-Identifier: GPL-2.0
/*
 * The door of a view: when it has been revoked, or its region destroyed, no call that began before
 * acts any more. Each call is stopped on its way, the view is taken away, the call goes on.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"

#define MIB (1024ULL << 10)
/* Small pages that take long to punch, and a few blocks behind them. */
#define BUSY (384 * MIB)
#define SIZE (BUSY + 16 * HM_BLOCK)
#define RW (PROT_READ | PROT_WRITE)

FIXTURE(door) {
	char name[HM_NAME_MAX];
	int owner;
	int victim;
	int log;
};

FIXTURE_SETUP(door)
{
	struct hostmem_region_create cmd = hm_create_cmd(hm_name(self->name), SIZE);

	cmd.huge = HOSTMEM_HUGE_NEVER;
	self->owner = hm_create_raw(&cmd);
	self->victim = hm_open_node(self->name, O_RDWR);
	hm_plug(self->owner, 0, SIZE);
	self->log = hm_log_open();
}

FIXTURE_TEARDOWN(door)
{
	EXPECT_TRUE(hm_log_quiet(self->log));
	_hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
	close(self->owner);
	close(self->victim);
}

/* A call in a thread of its own. */
struct call {
	_Atomic bool begun;
	pthread_t thread;
	int (*fn)(struct call *call);
	int fd;
	char *addr;
	struct hm_gate gate;
	int rc, err;
};

static void *call_thread(void *arg)
{
	struct call *call = arg;

	call->begun = true;
	call->rc = call->fn(call);
	call->err = call->rc ? errno : 0;
	return NULL;
}

static void call_begin(struct call *call, int (*fn)(struct call *call))
{
	call->fn = fn;
	HM_TRUE(!pthread_create(&call->thread, NULL, call_thread, call));
	while (!call->begun)
		sched_yield();
}

static int call_end(struct call *call)
{
	HM_TRUE(!pthread_join(call->thread, NULL));
	return call->err;
}

static int preallocate(struct call *call)
{
	return _hm_preallocate_progress(call->fd, BUSY, 16 * HM_BLOCK, call->gate.progress);
}

/* Preallocation that has begun does not go on. */
TEST_F(door, preallocate)
{
	struct call call = { .fd = self->victim };
	char *p = hm_map(self->owner, BUSY, 16 * HM_BLOCK, PROT_READ);

	if (_hm_gate_init(&call.gate))
		SKIP(return, "no userfaultfd write protection");
	call_begin(&call, preallocate);
	hm_gate_wait(&call.gate);
	hm_revoke(self->owner, hm_view_id(self->victim));
	hm_gate_pass(&call.gate);
	EXPECT_EQ(ENODEV, call_end(&call));
	EXPECT_EQ(0, hm_cached_pages(p, 16 * HM_BLOCK));
	munmap(p, 16 * HM_BLOCK);
}

static int remove_busy(struct call *call)
{
	return madvise(call->addr, BUSY, MADV_REMOVE);
}

static int remove_block(struct call *call)
{
	return madvise(call->addr, HM_BLOCK, MADV_REMOVE);
}

/*
 * MADV_REMOVE has to wait for the lock of the backing's inode, which another one of many small
 * pages has for long. Either it is over when revoke returns, or it does nothing.
 */
TEST_F_TIMEOUT(door, madv_remove, 600)
{
	struct call busy = {}, call = {};
	char *p = hm_map(self->owner, BUSY, HM_BLOCK, RW);

	hm_preallocate(self->owner, 0, BUSY);
	busy.addr = hm_map(self->owner, 0, BUSY, RW);
	call.addr = hm_map(self->victim, BUSY, HM_BLOCK, RW);
	call_begin(&busy, remove_busy);
	usleep(50000);
	call_begin(&call, remove_block);
	usleep(50000);
	hm_revoke(self->owner, hm_view_id(self->victim));
	memset(p, 'n', HM_BLOCK);
	call_end(&call);
	EXPECT_EQ(0, call_end(&busy));
	EXPECT_TRUE(hm_is_filled(p, 'n', HM_BLOCK));
	munmap(p, HM_BLOCK);
	munmap(busy.addr, BUSY);
	munmap(call.addr, HM_BLOCK);
}

static int plug(struct call *call)
{
	return _hm_plug_progress(call->fd, 0, 16 * HM_BLOCK, call->gate.progress);
}

/* An owner that has been revoked does not finish what it plugs, and gives back what it has. */
static void plug_stopped(struct __test_metadata *_metadata, bool destroy)
{
	struct hostmem_region_create cmd;
	char name[HM_NAME_MAX];
	struct call call = {};
	__u64 before, words[1];
	int owner;

	cmd = hm_create_cmd(hm_name(name), 16 * HM_BLOCK);
	cmd.allocation = HOSTMEM_ALLOCATION_IMMEDIATE;
	owner = hm_create_raw(&cmd);
	call.fd = hm_open(name);
	if (_hm_gate_init(&call.gate))
		SKIP(return, "no userfaultfd write protection");
	before = hm_meminfo("Shmem");
	call_begin(&call, plug);
	hm_gate_wait(&call.gate);
	if (destroy)
		hm_destroy(owner, 0);
	else
		hm_revoke(owner, hm_view_id(call.fd));
	hm_gate_pass(&call.gate);
	EXPECT_EQ(ENODEV, call_end(&call));
	EXPECT_GE(before + HM_BLOCK, hm_meminfo("Shmem"));
	if (!destroy) {
		hm_blocks(owner, 0, 16 * HM_BLOCK, words, NULL);
		EXPECT_EQ(0, words[0]);
		hm_plug(owner, 0, 16 * HM_BLOCK);
		hm_destroy(owner, 0);
	}
	close(call.fd);
	close(owner);
}

TEST_F(door, plug_revoked)
{
	plug_stopped(_metadata, false);
}

TEST_F(door, plug_destroyed)
{
	plug_stopped(_metadata, true);
}

static int plug_to_the_end(struct call *call)
{
	int rc;

	do {
		rc = _hm_plug(call->fd, 0, HM_BLOCK);
		if (!rc)
			rc = _hm_unplug(call->fd, 0, HM_BLOCK);
	} while (!rc);
	return rc;
}

/* Nothing is plugged any more once it has been destroyed, however far a plug has come. */
TEST_F_TIMEOUT(door, plug_at_the_end, 300)
{
	struct call call = {};
	char *p;
	int i;

	for (i = 0; i < 40; i++) {
		call.fd = hm_create(HM_BLOCK);
		p = hm_map(call.fd, 0, HM_BLOCK, RW);
		call.begun = false;
		call_begin(&call, plug_to_the_end);
		usleep(i * 100);
		hm_destroy(call.fd, HOSTMEM_DESTROY_FORCE);
		EXPECT_TRUE(hm_read_faults(p));
		EXPECT_EQ(ENODEV, call_end(&call));
		EXPECT_TRUE(hm_read_faults(p));
		munmap(p, HM_BLOCK);
		close(call.fd);
	}
}

static int unplug_all(struct call *call)
{
	return _hm_unplug(call->fd, 0, BUSY);
}

/* While blocks are being unplugged nothing about the region has to wait, but those blocks do. */
TEST_F_TIMEOUT(door, unplug_holds_nobody_up, 600)
{
	struct call call = { .fd = self->owner };
	struct hostmem_region_info info;
	__u64 generation, words[(BUSY / HM_BLOCK + 63) / 64];
	int other = hm_create(HM_BLOCK), err = 0;
	double begin;

	hm_preallocate(self->owner, 0, BUSY);
	hm_info(self->owner, &info);
	generation = info.out_generation;
	call_begin(&call, unplug_all);
	do {
		hm_info(self->victim, &info);
	} while (info.out_plugged == SIZE);
	begin = hm_now();
	hm_blocks(self->victim, 0, BUSY, words, NULL);
	EXPECT_EQ(0, words[0]);
	hm_unplug(self->owner, BUSY, HM_BLOCK);
	hm_plug(other, 0, HM_BLOCK);
	close(hm_open_node(self->name, O_RDONLY));
	/* Until it is over the blocks are nobody else's. */
	if (_hm_plug(self->owner, 0, HM_BLOCK))
		err = errno;
	TH_LOG("%.1f ms", hm_now() - begin);
	EXPECT_EQ(0, call_end(&call));
	EXPECT_EQ(EBUSY, err);
	hm_plug(self->owner, 0, BUSY);
	hm_info(self->owner, &info);
	EXPECT_LT(generation + 3, info.out_generation);
	close(other);
}

TEST_HARNESS_MAIN
