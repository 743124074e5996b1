// SPDX-License-Identifier: GPL-2.0
/*
 * Pinned pages of ram: unplug, revoke and destroy tell how much is pinned, and wait if they are
 * asked to. A pipe holds the pages, as a device would.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness.h"
#include "ask.h"
#include "lib.h"
#include "world.h"

#define PAGE 4096

FIXTURE(pinned) {
	char name[HM_NAME_MAX];
	int owner;
	int victim;
	char *p;
	int pipe[2];
	int log;
};

typedef FIXTURE_DATA(pinned) pinned_data;

FIXTURE_SETUP(pinned)
{
	struct hostmem_region_create cmd = hm_create_cmd(hm_name(self->name), SIZE);

	cmd.huge = HOSTMEM_HUGE_NEVER;
	self->owner = hm_create_raw(&cmd);
	self->victim = hm_open_node(self->name, O_RDWR);
	hm_plug(self->owner, 0, SIZE);
	self->p = hm_map(self->victim, 0, SIZE, PROT_READ | PROT_WRITE);
	self->p[HM_BLOCK] = 'p';
	ASSERT_EQ(0, pipe(self->pipe));
	self->log = hm_log_open();
}

FIXTURE_TEARDOWN(pinned)
{
	EXPECT_TRUE(hm_log_quiet(self->log));
	_hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
	munmap(self->p, SIZE);
	close(self->owner);
	close(self->victim);
	close(self->pipe[0]);
	close(self->pipe[1]);
}

static void pin(pinned_data *self, unsigned int pages)
{
	struct iovec iov = { .iov_base = self->p + HM_BLOCK, .iov_len = pages * PAGE };

	self->p[HM_BLOCK] = 'p';
	HM_TRUE(vmsplice(self->pipe[1], &iov, 1, 0) == pages * PAGE);
}

static void unpin(pinned_data *self, unsigned int pages)
{
	char page[PAGE];
	unsigned int i;

	for (i = 0; i < pages; i++) {
		HM_TRUE(read(self->pipe[0], page, PAGE) == PAGE);
		/* What it holds is still what it was. */
		HM_TRUE(i || page[0] == 'p');
	}
}

/* One of the calls, by number; returns the bytes that are pinned. */
struct taking {
	_Atomic bool ended;
	pthread_t thread;
	int fd;
	unsigned int num;
	__u64 view_id;
	__u32 flags;
	__u64 pinned;
};

static void take(struct taking *t)
{
	struct hostmem_region_unplug unplug = {
		.size = sizeof(unplug), .flags = t->flags, .start = HM_BLOCK, .length = HM_BLOCK,
	};
	struct hostmem_view_revoke revoke = {
		.size = sizeof(revoke), .flags = t->flags, .view_id = t->view_id,
	};
	struct hostmem_region_destroy destroy = {
		.size = sizeof(destroy), .flags = t->flags | HOSTMEM_DESTROY_FORCE,
	};

	if (t->num == HOSTMEM_REGION_UNPLUG) {
		HM_OK(ioctl(t->fd, t->num, &unplug));
		t->pinned = unplug.out_pinned;
	} else if (t->num == HOSTMEM_VIEW_REVOKE) {
		HM_OK(ioctl(t->fd, t->num, &revoke));
		t->pinned = revoke.out_pinned;
	} else {
		HM_OK(ioctl(t->fd, t->num, &destroy));
		t->pinned = destroy.out_pinned;
	}
	t->ended = true;
}

FIXTURE_VARIANT(pinned) {
	unsigned int num;
};

FIXTURE_VARIANT_ADD(pinned, unplug) { .num = HOSTMEM_REGION_UNPLUG };
FIXTURE_VARIANT_ADD(pinned, revoke) { .num = HOSTMEM_VIEW_REVOKE };
FIXTURE_VARIANT_ADD(pinned, destroy) { .num = HOSTMEM_REGION_DESTROY };

static struct taking taking(pinned_data *self, unsigned int num, __u32 flags)
{
	return (struct taking) {
		.fd = self->owner, .num = num, .view_id = hm_view_id(self->victim), .flags = flags,
	};
}

TEST_F(pinned, none)
{
	struct taking t = taking(self, variant->num, 0);

	hm_preallocate(self->owner, HM_BLOCK, HM_BLOCK);
	take(&t);
	EXPECT_EQ(0, t.pinned);
	EXPECT_TRUE(hm_read_faults(self->p + HM_BLOCK));
}

TEST_F(pinned, told)
{
	struct taking t = taking(self, variant->num, 0);

	pin(self, 3);
	take(&t);
	EXPECT_EQ(3 * PAGE, t.pinned);
	EXPECT_TRUE(hm_read_faults(self->p + HM_BLOCK));
	unpin(self, 3);
}

static void *take_thread(void *arg)
{
	take(arg);
	return NULL;
}

TEST_F(pinned, waits)
{
	struct taking t = taking(self, variant->num, HOSTMEM_PINS_WAIT);

	pin(self, 2);
	ASSERT_EQ(0, pthread_create(&t.thread, NULL, take_thread, &t));
	while (!hm_read_faults(self->p + HM_BLOCK))
		usleep(1000);
	usleep(100000);
	EXPECT_FALSE(t.ended);
	unpin(self, 2);
	pthread_join(t.thread, NULL);
	EXPECT_EQ(0, t.pinned);
}

/* Who waits for pins waits alone. */
TEST_F_TIMEOUT(pinned, holds_nobody_up, 120)
{
	struct taking t = taking(self, variant->num, HOSTMEM_PINS_WAIT);

	pin(self, 1);
	ASSERT_EQ(0, pthread_create(&t.thread, NULL, take_thread, &t));
	while (!hm_read_faults(self->p + HM_BLOCK))
		usleep(1000);
	EXPECT_TRUE(ask_answered(variant->num == HOSTMEM_REGION_DESTROY ? -1 : self->owner));
	EXPECT_FALSE(t.ended);
	unpin(self, 1);
	pthread_join(t.thread, NULL);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A signal ends the waiting, and what was to be done is done. */
TEST_F(pinned, interrupted)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct taking t = taking(self, variant->num, HOSTMEM_PINS_WAIT);

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	pin(self, 1);
	ASSERT_EQ(0, pthread_create(&t.thread, NULL, take_thread, &t));
	while (!hm_read_faults(self->p + HM_BLOCK))
		usleep(1000);
	while (!t.ended) {
		pthread_kill(t.thread, SIGUSR1);
		usleep(10000);
	}
	pthread_join(t.thread, NULL);
	EXPECT_EQ(PAGE, t.pinned);
	EXPECT_TRUE(hm_read_faults(self->p + HM_BLOCK));
	unpin(self, 1);
}

TEST_HARNESS_MAIN
