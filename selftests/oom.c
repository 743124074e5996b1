// SPDX-License-Identifier: GPL-2.0
/*
 * Who asks a region for more memory than the machine has is told so, and nobody is killed for
 * it: not who asks, not those who happen to run, and not the machine.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"

#define MIB (1ULL << 20)
#define SIZE (4096 * MIB)
/* Each round of the fault killed somebody in more than half of the cases. */
#define ROUNDS 3
#define RW (PROT_READ | PROT_WRITE)

/* A machine with more would take long to fill. */
#define LARGEST (1536 * MIB)

/* One process that has memory, and one that starts others all the time. */
FIXTURE(busy) {
	pid_t idle;
	pid_t forks;
	int log;
};

static pid_t start(void (*fn)(void))
{
	pid_t pid = HM_OK(fork());

	if (!pid) {
		fn();
		_exit(1);
	}
	return pid;
}

static void have_memory(void)
{
	size_t size = 150 * MIB;
	char *p = hm_map_flags(-1, 0, size, RW, MAP_PRIVATE | MAP_ANONYMOUS);

	memset(p, 'b', size);
	for (;;)
		pause();
}

static void start_others(void)
{
	for (;;) {
		pid_t pid = fork();

		if (!pid) {
			execl("/bin/cat", "cat", "/etc/passwd", "/proc/self/maps", "/proc/meminfo",
			      NULL);
			_exit(1);
		}
		if (pid < 0 || hm_wait(pid))
			_exit(1);
	}
}

static void be_silent(void)
{
	HM_OK(dup2(HM_OK(open("/dev/null", O_WRONLY)), STDOUT_FILENO));
	start_others();
}

FIXTURE_SETUP(busy)
{
	if (hm_meminfo("MemTotal") > LARGEST)
		SKIP(return, "needs a machine of 1.5 GiB or less");
	self->log = hm_log_open();
	self->idle = start(have_memory);
	self->forks = start(be_silent);
	sleep(2);
}

FIXTURE_TEARDOWN(busy)
{
	hm_remount(HM_MOUNT_DEFAULTS);
	if (!self->idle)
		return;
	kill(self->idle, SIGKILL);
	kill(self->forks, SIGKILL);
	hm_wait(self->idle);
	hm_wait(self->forks);
	close(self->log);
}

#define EXPECT_ALIVE(_self)							\
	do {									\
		EXPECT_EQ(0, waitpid((_self)->idle, NULL, WNOHANG));		\
		EXPECT_EQ(0, waitpid((_self)->forks, NULL, WNOHANG));		\
		EXPECT_TRUE(hm_log_quiet((_self)->log));			\
	} while (0)

static __u64 ram_used(void)
{
	struct hostmem_info info;

	hm_limits(&info);
	return info.out_ram_used;
}

static int touch_all(void *arg)
{
	char *p = arg;
	__u64 at;

	for (at = 0; at < SIZE; at += 4096)
		p[at] = 1;
	return 0;
}

TEST_F(busy, on_demand)
{
	int fd = hm_create(SIZE);
	char *p;

	hm_plug(fd, 0, SIZE);
	p = hm_map(fd, 0, SIZE, RW);
	EXPECT_EQ(128 + SIGBUS, hm_in_child(touch_all, p));
	EXPECT_ALIVE(self);
	/* It has gone, what it wrote has not: it is the region's. */
	EXPECT_LT(0, ram_used());
	hm_destroy(fd, HOSTMEM_DESTROY_FORCE);
	EXPECT_EQ(0, ram_used());
	close(fd);
}

typedef FIXTURE_DATA(busy) busy_data;

/* Without the limit it is the memory itself that runs out. */
static void immediate(struct __test_metadata *_metadata, busy_data *self, __u32 huge)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);
	struct hostmem_region_info info;
	int fd, i;

	hm_remount("size=100%");
	cmd.huge = huge;
	cmd.allocation = HOSTMEM_ALLOCATION_IMMEDIATE;
	fd = hm_create_raw(&cmd);
	for (i = 0; i < ROUNDS; i++) {
		hm_plug_err(ENOMEM, fd, 0, SIZE);
		hm_info(fd, &info);
		EXPECT_EQ(0, info.out_plugged);
		EXPECT_EQ(0, ram_used());
		EXPECT_ALIVE(self);
	}
	close(fd);
}

TEST_F_TIMEOUT(busy, immediate_huge, 1000)
{
	immediate(_metadata, self, HOSTMEM_HUGE_ALWAYS);
}

TEST_F_TIMEOUT(busy, immediate_small, 1000)
{
	immediate(_metadata, self, HOSTMEM_HUGE_NEVER);
}

TEST_F_TIMEOUT(busy, preallocate, 1000)
{
	int fd = hm_create(SIZE);
	int i;

	hm_remount("size=100%");
	hm_plug(fd, 0, SIZE);
	for (i = 0; i < ROUNDS; i++) {
		hm_preallocate_err(ENOMEM, fd, 0, SIZE);
		EXPECT_EQ(0, ram_used());
		EXPECT_ALIVE(self);
	}
	close(fd);
}

/* As an operator asks: at the limit, and without one; by threads. */
TEST_F_TIMEOUT(busy, command, 1000)
{
	static const char create[] =
		"hostmemctl create-region oom --size 4g --plug 4g --allocation immediate "
		"--threads 4 2>&1 | tail -n 1 >&2; exit ${PIPESTATUS[0]}";
	static const char *const limits[] = { "size=50%", "size=100%" };
	unsigned int i;

	for (i = 0; i < 2 * HM_ARRAY_SIZE(limits); i++) {
		pid_t pid;

		hm_remount(limits[i / 2]);
		pid = HM_OK(fork());
		if (!pid) {
			execl("/bin/bash", "bash", "-c", create, NULL);
			_exit(127);
		}
		EXPECT_EQ(1, hm_wait(pid));
		EXPECT_NE(0, access(HM_DIR "oom", F_OK));
		EXPECT_EQ(0, ram_used());
		EXPECT_ALIVE(self);
	}
}

TEST_HARNESS_MAIN
