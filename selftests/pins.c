// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that somebody has pinned when their region ends: they stay what they are until they are
 * let go, nobody else gets the memory before, and the device does not go before.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reserve.h"

#define SIZE (2 * HM_BLOCK)
#define RESERVE (SIZE + 2 * HM_BLOCK)
#define RW (PROT_READ | PROT_WRITE)
/* What is pinned: in the middle of a 2 MiB page. */
#define AT (HM_BLOCK + 5 * PAGE)

FIXTURE(pins) {
	const char *backing;	/* as hostmemctl names it */
	int owner;
	int pipe[2];
	char *p;
	int log;
};

FIXTURE_VARIANT(pins) {
	struct reserve kind;
};

FIXTURE_VARIANT_ADD(pins, tail) {
	.kind = { "fsdax", "tail", RESERVE },
};

FIXTURE_VARIANT_ADD(pins, head) {
	.kind = { "fsdax", "head", RESERVE },
};

/* Of large pages: a pin of one is one of all of it. */
FIXTURE_VARIANT_ADD(pins, large_head) {
	.kind = { "devdax", "head", RESERVE },
};

FIXTURE_VARIANT_ADD(pins, devdax) {
	.kind = { "devdax" },
};

/* Write to a page, and pin it. */
static void pin(struct _test_data_pins *self)
{
	struct iovec page = { .iov_base = self->p + AT, .iov_len = PAGE };

	memset(self->p, 1, SIZE);
	memset(self->p + AT, 77, PAGE);
	HM_TRUE(vmsplice(self->pipe[1], &page, 1, 0) == PAGE);
}

/* Let it go. Its bytes are those that were written. */
static void unpin(struct _test_data_pins *self)
{
	char page[PAGE];

	HM_TRUE(read(self->pipe[0], page, PAGE) == PAGE);
	HM_TRUE(hm_is_filled(page, 77, PAGE));
}

FIXTURE_SETUP(pins)
{
	reserve_make(&variant->kind);
	self->log = hm_log_open();
	self->backing = variant->kind.layout ? "reserve:namespace0.0" : "file:/dev/dax0.0";
	self->owner = reserve_region(self->backing, NULL, SIZE);
	self->p = hm_map(self->owner, 0, SIZE, RW);
	HM_OK(pipe(self->pipe));
}

FIXTURE_TEARDOWN(pins)
{
	_hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
	EXPECT_TRUE(hm_log_quiet(self->log));
}

static void leave(struct _test_data_pins *self)
{
	close(self->owner);
	self->owner = -1;
	HM_OK(munmap(self->p, SIZE));
}

static void end(struct _test_data_pins *self)
{
	hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
	leave(self);
}

/* A page outlives its region, and every trace of it in user space. */
TEST_F(pins, page_lives_on)
{
	pin(self);
	end(self);
	unpin(self);
}

/* What is pinned for a moment only does not keep the next one from creating a region. */
TEST_F(pins, moment)
{
	pid_t pid;

	pin(self);
	pid = HM_OK(fork());
	if (!pid) {
		usleep(300000);
		unpin(self);
		_exit(0);
	}
	close(self->pipe[0]);
	close(self->pipe[1]);
	end(self);
	self->owner = reserve_region(self->backing, NULL, SIZE);
	EXPECT_EQ(0, hm_wait(pid));
}

/* Nobody else gets a reserve of which a page is pinned. */
TEST_F(pins, next_holder)
{
	int i;

	if (!variant->kind.layout)
		SKIP(return, "a device has as many users as like");
	pin(self);
	end(self);
	for (i = 0; i < 3; i++) {
		reserve_region_err(EBUSY, self->backing, NULL, SIZE);
		usleep(100000);
	}
	/* A person is told why. */
	EXPECT_EQ(0, system("hostmemctl create-region no --backing reserve:namespace0.0 2>&1 |"
			    "grep -q pinned"));
	unpin(self);
	for (i = 0; i < 100; i++, usleep(100000)) {
		self->owner = _reserve_region(self->backing, NULL, SIZE);
		if (self->owner >= 0)
			break;
	}
	EXPECT_LT(i, 100);
}

/* Who destroys a region does not wait for long, nor when it is being killed. */
TEST_F(pins, bounded)
{
	double start = hm_now();

	pin(self);
	end(self);
	EXPECT_GT(start + 30000, hm_now());
	unpin(self);
}

static bool says(int log, const char *what)
{
	char line[1024];
	ssize_t n;

	while ((n = read(log, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		if (strstr(line, what))
			return true;
	}
	return false;
}

/* What takes the pages away, and what brings them back. */
struct taking {
	const char *off;
	const char *on;
};

static const struct taking namespace = {
	"exec ndctl disable-namespace namespace0.0", "ndctl enable-namespace namespace0.0",
};

/* The namespace stays. */
static const struct taking driver = {
	"echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind",
	"echo dax0.0 >/sys/bus/dax/drivers/device_dax/bind",
};

/* The device does not go under a page that is pinned, by a region that is there or was. */
static void unbind(struct _test_data_pins *self, const struct taking *taking, bool ended)
{
	int log = hm_log_open();
	pid_t pid;
	int i;

	pin(self);
	if (ended)
		end(self);
	pid = HM_OK(fork());
	if (!pid) {
		close(self->pipe[0]);
		execlp("sh", "sh", "-c", taking->off, NULL);
		_exit(127);
	}
	for (i = 0; i < 300 && !says(log, "is pinned"); i++) {
		HM_TRUE(!waitpid(pid, NULL, WNOHANG));
		usleep(100000);
	}
	HM_TRUE(i < 300);
	HM_TRUE(!waitpid(pid, NULL, WNOHANG));
	unpin(self);
	HM_TRUE(!hm_wait(pid));
	/* device_dax does not come back well where the file of its device is still open. */
	if (!ended)
		leave(self);
	close(log);
	/* What it said was wanted. */
	close(self->log);
	self->log = hm_log_open();
	hm_sh("%s", taking->on);
}

TEST_F(pins, unbind)
{
	unbind(self, &namespace, false);
}

TEST_F(pins, unbind_later)
{
	unbind(self, &namespace, true);
}

/* The driver of /dev/dax makes the pages of a reserve in front of the data, too. */
TEST_F(pins, unbind_driver)
{
	if (strcmp(variant->kind.mode, "devdax"))
		SKIP(return, "no /dev/dax");
	unbind(self, &driver, false);
}

TEST_F(pins, unbind_driver_later)
{
	if (strcmp(variant->kind.mode, "devdax"))
		SKIP(return, "no /dev/dax");
	unbind(self, &driver, true);
}

int main(int argc, char **argv)
{
	return dax_main(argc, argv);
}
