// SPDX-License-Identifier: GPL-2.0
/*
 * A region of 100 GiB is unplugged, which takes a while: nobody who asks meanwhile waits for that.
 *
 * Time is not what this goes by, but what the region says of itself: that nothing is plugged any
 * more, and that its generation is still the old one, is true only while the cut is made.
 */
#include <stdatomic.h>

#include "harness.h"
#include "ask.h"

#define GIB (1024ULL << 20)
#define SIZE (100 * GIB)
/* Each with a page table of its own. */
#define STEP (4 * HM_BLOCK)
/* So often all have to be answered in the course of one unplug. */
#define ENOUGH 3
#define TRIES 10

struct shared {
	_Atomic __u64 generation;	/* of the region before it is unplugged */
	_Atomic bool answered;
	_Atomic bool stop;
};

FIXTURE(stall) {
	struct shared *shared;
	int owner;
	char *p;
	pid_t asker;
};

FIXTURE_SETUP(stall)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);

	cmd.huge = HOSTMEM_HUGE_NEVER;
	self->owner = hm_create_raw(&cmd);
	self->p = hm_map(self->owner, 0, SIZE, PROT_READ | PROT_WRITE);
	self->shared = hm_map_flags(-1, 0, sizeof(*self->shared), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS);
}

FIXTURE_TEARDOWN(stall)
{
	munmap(self->p, SIZE);
	close(self->owner);
}

static bool is_cutting(int fd, const struct shared *shared)
{
	struct hostmem_region_info info;

	hm_info(fd, &info);
	return !info.out_plugged && info.out_generation == shared->generation;
}

static void ask_meanwhile(int fd, struct shared *shared)
{
	double worst[HM_ARRAY_SIZE(hm_asks)] = {};
	struct ask ask = ask_as_nobody(fd);
	int times = 0;

	while (!shared->stop && times < ENOUGH) {
		times = 0;
		usleep(1000);
		while (is_cutting(fd, shared) && times < ENOUGH) {
			ask_once(&ask, worst);
			times += is_cutting(fd, shared);
		}
	}
	shared->answered = times == ENOUGH;
	ask_report(worst);
	_exit(0);
}

static void unplug_once(int fd, char *p, struct shared *shared)
{
	struct hostmem_region_info info;
	double begin;
	__u64 at;

	hm_plug(fd, 0, SIZE);
	for (at = 0; at < SIZE; at += STEP)
		HM_TRUE(!hm_write_faults(p + at, 1));
	hm_info(fd, &info);
	shared->generation = info.out_generation;
	begin = hm_now();
	hm_unplug(fd, 0, SIZE);
	printf("# unplugged in %.0f ms\n", hm_now() - begin);
}

TEST_F_TIMEOUT(stall, unplug, 600)
{
	int i;

	self->asker = HM_OK(fork());
	if (!self->asker)
		ask_meanwhile(self->owner, self->shared);
	for (i = 0; i < TRIES && !self->shared->answered; i++)
		unplug_once(self->owner, self->p, self->shared);
	self->shared->stop = true;
	EXPECT_EQ(0, hm_wait(self->asker));
	EXPECT_TRUE(self->shared->answered);
}

TEST_HARNESS_MAIN
