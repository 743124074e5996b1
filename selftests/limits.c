// SPDX-License-Identifier: GPL-2.0
/*
 * What happens when memory runs out, or a call that allocates is stopped: the errno, and
 * that nothing is left of it, apart from what somebody has used.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"

#define CGROUP "/sys/fs/cgroup/"
#define LIMIT (48ULL << 20)
#define BLOCKS 64
#define SIZE (BLOCKS * HM_BLOCK)
#define RW (PROT_READ | PROT_WRITE)

/* A memory cgroup of 48 MiB, and a region that does not fit in. */
FIXTURE(memcg) {
	char path[64];
};

FIXTURE_VARIANT(memcg) {
	__u32 huge;
};

FIXTURE_VARIANT_ADD(memcg, huge) {
	.huge = HOSTMEM_HUGE_ALWAYS,
};

FIXTURE_VARIANT_ADD(memcg, small) {
	.huge = HOSTMEM_HUGE_NEVER,
};

static char *file_in(const char *path, const char *name)
{
	static char file[128];

	snprintf(file, sizeof(file), "%s/%s", path, name);
	return file;
}

FIXTURE_SETUP(memcg)
{
	char limit[32];

	snprintf(self->path, sizeof(self->path), CGROUP "hostmem%d", getpid());
	if (hm_write_file(CGROUP "cgroup.subtree_control", "+memory") ||
	    mkdir(self->path, 0700))
		SKIP(return, "no memory controller in " CGROUP);
	snprintf(limit, sizeof(limit), "%llu", LIMIT);
	HM_OK(hm_write_file(file_in(self->path, "memory.max"), limit));
	/* A kernel without swap has no such file. */
	hm_write_file(file_in(self->path, "memory.swap.max"), "0");
}

FIXTURE_TEARDOWN(memcg)
{
	EXPECT_EQ(0, rmdir(self->path));
}

static void memcg_region(int *fd, char **p, __u32 huge, __u32 allocation)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);

	cmd.huge = huge;
	cmd.allocation = allocation;
	*fd = hm_create_raw(&cmd);
	*p = hm_map(*fd, 0, SIZE, RW);
}

/* Bytes of a line "shmem 123" in memory.stat, or of memory.current if @field is NULL. */
static __u64 memcg_bytes(const char *path, const char *field)
{
	char text[8192], *at = text;

	HM_OK(hm_read_file(file_in(path, field ? "memory.stat" : "memory.current"), text,
			   sizeof(text)));
	if (field) {
		at = strstr(text, field);
		HM_TRUE(at);
		at += strlen(field);
	}
	return strtoull(at, NULL, 10);
}

/* The rest of this process runs in the cgroup. */
static void memcg_join(const char *path)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	HM_OK(hm_write_file(file_in(path, "cgroup.procs"), pid));
}

/* In a child, where EXPECT_EQ() would not say so much. */
static void check_cached(char *p, size_t length, size_t want)
{
	size_t got = hm_cached_pages(p, length);

	if (got != want)
		fprintf(stderr, "# %zu pages are left, not %zu\n", got, want);
	HM_TRUE(got == want);
}

struct limited {
	const char *path;
	int fd;
	char *p;
};

static int plug_over_the_limit(void *arg)
{
	struct limited *l = arg;
	struct hostmem_region_info before, after;
	__u64 words[1];

	memcg_join(l->path);
	hm_info(l->fd, &before);
	hm_plug_err(ENOMEM, l->fd, 0, SIZE);
	hm_info(l->fd, &after);
	HM_TRUE(!memcmp(&before, &after, sizeof(before)));
	hm_blocks(l->fd, 0, SIZE, words, NULL);
	HM_TRUE(!words[0]);
	check_cached(l->p, SIZE, 0);
	HM_TRUE(memcg_bytes(l->path, "\nshmem ") < HM_BLOCK);
	/* There is room again, and what was promised can be used. */
	hm_plug(l->fd, HM_BLOCK, 8 * HM_BLOCK);
	memset(l->p + HM_BLOCK, 1, 8 * HM_BLOCK);
	/* A second call that fails leaves the first one's blocks alone. */
	hm_plug_err(ENOMEM, l->fd, 16 * HM_BLOCK, 48 * HM_BLOCK);
	HM_TRUE(hm_is_filled(l->p + HM_BLOCK, 1, 8 * HM_BLOCK));
	HM_TRUE(hm_read_faults(l->p + 16 * HM_BLOCK));
	return 0;
}

TEST_F_TIMEOUT(memcg, plug_immediate, 600)
{
	struct limited l = { .path = self->path };

	memcg_region(&l.fd, &l.p, variant->huge, HOSTMEM_ALLOCATION_IMMEDIATE);
	EXPECT_EQ(0, hm_in_child(plug_over_the_limit, &l));
	EXPECT_EQ(8 * 512, hm_cached_pages(l.p, SIZE));
	/* Who has no limit can. */
	hm_plug(l.fd, 16 * HM_BLOCK, 48 * HM_BLOCK);
	EXPECT_EQ(56 * 512, hm_cached_pages(l.p, SIZE));
}

static int preallocate_over_the_limit(void *arg)
{
	struct limited *l = arg;
	struct hostmem_region_info before, after;
	size_t cached;
	int i;

	memcg_join(l->path);
	/* Used pages, in between: the first and the last of some blocks. */
	for (i = 0; i < 4; i++) {
		memset(l->p + i * HM_BLOCK, 'u', 4096);
		memset(l->p + (i + 1) * HM_BLOCK - 4096, 'v', 4096);
	}
	cached = hm_cached_pages(l->p, SIZE);
	hm_info(l->fd, &before);
	hm_preallocate_err(ENOMEM, l->fd, 0, SIZE);
	hm_info(l->fd, &after);
	HM_TRUE(!memcmp(&before, &after, sizeof(before)));
	check_cached(l->p, SIZE, cached);
	for (i = 0; i < 4; i++) {
		HM_TRUE(hm_is_filled(l->p + i * HM_BLOCK, 'u', 4096));
		HM_TRUE(hm_is_filled(l->p + i * HM_BLOCK + 4096, 0, HM_BLOCK - 8192));
		HM_TRUE(hm_is_filled(l->p + (i + 1) * HM_BLOCK - 4096, 'v', 4096));
	}
	/* What fits is there to stay. */
	hm_preallocate(l->fd, 4 * HM_BLOCK, 8 * HM_BLOCK);
	hm_preallocate_err(ENOMEM, l->fd, 4 * HM_BLOCK, 60 * HM_BLOCK);
	check_cached(l->p + 4 * HM_BLOCK, 60 * HM_BLOCK, 8 * 512);
	return 0;
}

TEST_F_TIMEOUT(memcg, preallocate, 600)
{
	struct limited l = { .path = self->path };

	memcg_region(&l.fd, &l.p, variant->huge, HOSTMEM_ALLOCATION_ONDEMAND);
	hm_plug(l.fd, 0, SIZE);
	EXPECT_EQ(0, hm_in_child(preallocate_over_the_limit, &l));
}

static int truncate_over_the_limit(void *arg)
{
	struct limited *l = arg;

	memcg_join(l->path);
	HM_ERR(ENOMEM, ftruncate(l->fd, SIZE));
	return 0;
}

/* What cannot be made a region stays an empty file, and may become one later. */
TEST_F_TIMEOUT(memcg, truncate_immediate, 600)
{
	struct limited l = { .path = self->path };
	struct hostmem_info before, after;

	hm_remount("allocation=immediate");
	hm_remount(variant->huge ? "huge=never" : "huge=always");
	l.fd = HM_OK(open(HM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	hm_limits(&before);
	EXPECT_EQ(0, hm_in_child(truncate_over_the_limit, &l));
	hm_limits(&after);
	EXPECT_EQ(before.out_regions, after.out_regions);
	EXPECT_EQ(before.out_ram_used, after.out_ram_used);
	EXPECT_EQ(0, lseek(l.fd, 0, SEEK_END));
	hm_map_err(ENODATA, l.fd, 0, SIZE, RW);
	HM_OK(ftruncate(l.fd, SIZE));
	hm_limits(&after);
	EXPECT_EQ(before.out_ram_used + SIZE, after.out_ram_used);
	close(l.fd);
	hm_remount(HM_MOUNT_DEFAULTS);
}

static int write_over_the_limit(void *arg)
{
	static char buf[HM_BLOCK];
	struct limited *l = arg;
	ssize_t n, done = 0;

	memset(buf, 'w', sizeof(buf));
	memcg_join(l->path);
	while ((n = pwrite(l->fd, buf, HM_BLOCK, done)) > 0)
		done += n;
	HM_TRUE(n < 0 && errno == ENOMEM);
	HM_TRUE(done >= (ssize_t)LIMIT / 2 && done < (ssize_t)SIZE);
	/* What is there can be written to, and what was written can be read. */
	HM_TRUE(pwrite(l->fd, buf, HM_BLOCK, 0) == HM_BLOCK);
	memset(buf, 0, sizeof(buf));
	HM_TRUE(pread(l->fd, buf, 4096, done - 4096) == 4096);
	HM_TRUE(hm_is_filled(buf, 'w', 4096));
	return 0;
}

/* write() ends where there is no room for a page, and nobody is killed for it. */
TEST_F_TIMEOUT(memcg, write, 600)
{
	struct limited l = { .path = self->path };

	memcg_region(&l.fd, &l.p, variant->huge, HOSTMEM_ALLOCATION_ONDEMAND);
	hm_plug(l.fd, 0, SIZE);
	EXPECT_EQ(0, hm_in_child(write_over_the_limit, &l));
}

static int plug_within(void *arg)
{
	struct limited *l = arg;

	memcg_join(l->path);
	hm_plug(l->fd, 0, 8 * HM_BLOCK);
	return 0;
}

/* Charged to who allocates, and to nobody any more when it has been unplugged. */
TEST_F(memcg, charged_to_the_caller)
{
	struct limited l = { .path = self->path };
	__u64 shmem;

	memcg_region(&l.fd, &l.p, variant->huge, HOSTMEM_ALLOCATION_IMMEDIATE);
	EXPECT_EQ(0, hm_in_child(plug_within, &l));
	shmem = memcg_bytes(self->path, "\nshmem ");
	EXPECT_LE(8 * HM_BLOCK - 65536, shmem);
	EXPECT_GE(8 * HM_BLOCK + 65536, shmem);
	hm_plug(l.fd, 8 * HM_BLOCK, 24 * HM_BLOCK);
	EXPECT_GE(8 * HM_BLOCK + 65536, memcg_bytes(self->path, "\nshmem "));
	hm_unplug(l.fd, 0, 8 * HM_BLOCK);
	EXPECT_GE(65536, memcg_bytes(self->path, "\nshmem "));
	munmap(l.p, SIZE);
	close(l.fd);
}

static int touch_over_the_limit(void *arg)
{
	struct limited *l = arg;

	memcg_join(l->path);
	memset(l->p, 1, SIZE);
	return 0;
}

/* Who touches too much on demand is killed, and nobody else, in this cgroup or another. */
TEST_F_TIMEOUT(memcg, touch_on_demand, 600)
{
	struct limited l = { .path = self->path };
	pid_t bystander;

	memcg_region(&l.fd, &l.p, variant->huge, HOSTMEM_ALLOCATION_ONDEMAND);
	hm_plug(l.fd, 0, SIZE);
	bystander = HM_OK(fork());
	if (!bystander) {
		memcg_join(self->path);
		pause();
		_exit(0);
	}
	EXPECT_EQ(128 + SIGKILL, hm_in_child(touch_over_the_limit, &l));
	EXPECT_EQ(0, waitpid(bystander, NULL, WNOHANG));
	EXPECT_FALSE(hm_read_faults(l.p));
	EXPECT_EQ(1, *l.p);
	hm_unplug(l.fd, 0, SIZE);
	EXPECT_EQ(0, waitpid(bystander, NULL, WNOHANG));
	kill(bystander, SIGTERM);
	EXPECT_EQ(128 + SIGTERM, hm_wait(bystander));
}

/* Calls that are stopped */

typedef int (*allocate_fn)(int fd, __u64 start, __u64 length, struct hostmem_progress *progress);

FIXTURE(stop) {
	struct hm_gate gate;
	pthread_t thread;
	allocate_fn allocate;
	int fd;
	char *p;
	int err;
};

FIXTURE_VARIANT(stop) {
	__u32 allocation;
	__u32 huge;
};

FIXTURE_VARIANT_ADD(stop, plug) {
	.allocation = HOSTMEM_ALLOCATION_IMMEDIATE,
	.huge = HOSTMEM_HUGE_ALWAYS,
};

FIXTURE_VARIANT_ADD(stop, preallocate) {
	.allocation = HOSTMEM_ALLOCATION_ONDEMAND,
	.huge = HOSTMEM_HUGE_ALWAYS,
};

FIXTURE_VARIANT_ADD(stop, preallocate_small) {
	.allocation = HOSTMEM_ALLOCATION_ONDEMAND,
	.huge = HOSTMEM_HUGE_NEVER,
};

typedef FIXTURE_DATA(stop) stop_data;

static void *stop_run(void *arg)
{
	stop_data *self = arg;

	self->err = self->allocate(self->fd, 0, SIZE, self->gate.progress) ? errno : 0;
	return NULL;
}

/* A call that allocates the whole region is under way in a thread, stopped at its start. */
FIXTURE_SETUP(stop)
{
	memcg_region(&self->fd, &self->p, variant->huge, variant->allocation);
	self->allocate = _hm_plug_progress;
	if (variant->allocation == HOSTMEM_ALLOCATION_ONDEMAND) {
		hm_plug(self->fd, 0, SIZE);
		self->allocate = _hm_preallocate_progress;
	}
	if (_hm_gate_init(&self->gate))
		SKIP(return, "no userfaultfd write protection");
	HM_TRUE(!pthread_create(&self->thread, NULL, stop_run, self));
	hm_gate_wait(&self->gate);
}

FIXTURE_TEARDOWN(stop)
{
	close(self->gate.uffd);
}

/* Let it go on; returns its errno. */
static int stop_end(stop_data *self)
{
	hm_gate_pass(&self->gate);
	pthread_join(self->thread, NULL);
	return self->err;
}

TEST_F(stop, not_at_all)
{
	EXPECT_EQ(0, stop_end(self));
	EXPECT_EQ(SIZE, self->gate.alias->out_done);
	EXPECT_EQ(BLOCKS * 512, hm_cached_pages(self->p, SIZE));
}

TEST_F(stop, cancelled)
{
	self->gate.alias->cancel = 1;
	EXPECT_EQ(EINTR, stop_end(self));
	EXPECT_EQ(0, self->gate.alias->out_done);
	EXPECT_EQ(0, hm_cached_pages(self->p, SIZE));
}

/* Wait until some of it is done. */
TEST_F(stop, cancelled_later)
{
	hm_gate_pass(&self->gate);
	while (!__atomic_load_n(&self->gate.alias->out_done, __ATOMIC_RELAXED))
		sched_yield();
	self->gate.alias->cancel = 1;
	pthread_join(self->thread, NULL);
	/* It may have been faster: then it is done. */
	if (self->err) {
		EXPECT_EQ(EINTR, self->err);
		EXPECT_EQ(0, hm_cached_pages(self->p, SIZE));
	} else {
		EXPECT_EQ(BLOCKS * 512, hm_cached_pages(self->p, SIZE));
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A signal that is handled does not end it: a timer would make sure that it never succeeds. */
static void handled(struct __test_metadata *_metadata, stop_data *self, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, pthread_kill(self->thread, SIGUSR1));
	EXPECT_EQ(0, stop_end(self));
	EXPECT_EQ(BLOCKS * 512, hm_cached_pages(self->p, SIZE));
}

TEST_F(stop, signal)
{
	handled(_metadata, self, 0);
}

TEST_F(stop, signal_restart)
{
	handled(_metadata, self, SA_RESTART);
}

static int wait_for(size_t pages, char *p)
{
	int i;

	for (i = 0; i < 100 && hm_cached_pages(p, SIZE) != pages; i++)
		usleep(20000);
	return hm_cached_pages(p, SIZE) == pages;
}

/* In a child: allocate; the parent kills us in the middle. */
TEST_F(stop, kill)
{
	struct hostmem_progress *progress = HM_OK(mmap(NULL, 4096, RW,
						       MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	__u64 words[1];
	pid_t pid;

	/* Not the thread's call: that has gone. */
	self->gate.alias->cancel = 1;
	EXPECT_EQ(EINTR, stop_end(self));
	pid = HM_OK(fork());
	if (!pid)
		_exit(self->allocate(self->fd, 0, SIZE, progress) ? 1 : 0);
	while (!__atomic_load_n(&progress->out_done, __ATOMIC_RELAXED))
		sched_yield();
	kill(pid, SIGKILL);
	if (hm_wait(pid) == 0)
		SKIP(return, "it was faster than the signal");
	EXPECT_TRUE(wait_for(0, self->p));
	hm_blocks(self->fd, 0, SIZE, words, NULL);
	EXPECT_EQ(variant->allocation == HOSTMEM_ALLOCATION_IMMEDIATE ? 0 : ~0ULL, words[0]);
}

/* Pages that were used before or are used meanwhile keep what is in them. */
TEST_F(stop, used_meanwhile)
{
	if (variant->allocation == HOSTMEM_ALLOCATION_IMMEDIATE)
		SKIP(return, "nobody can use what is not plugged");
	memset(self->p + HM_BLOCK, 'm', 4096);
	self->gate.alias->cancel = 1;
	EXPECT_EQ(EINTR, stop_end(self));
	EXPECT_TRUE(hm_is_filled(self->p + HM_BLOCK, 'm', 4096));
	EXPECT_LT(0, hm_cached_pages(self->p, SIZE));
	EXPECT_GE(512, hm_cached_pages(self->p, SIZE));
}

/* What another thread has preallocated meanwhile is not given back. */
TEST_F(stop, another_thread_done)
{
	if (variant->allocation == HOSTMEM_ALLOCATION_IMMEDIATE)
		SKIP(return, "ranges of plug do not overlap");
	hm_preallocate(self->fd, 8 * HM_BLOCK, 8 * HM_BLOCK);
	self->gate.alias->cancel = 1;
	EXPECT_EQ(EINTR, stop_end(self));
	EXPECT_EQ(8 * 512, hm_cached_pages(self->p, SIZE));
	EXPECT_EQ(8 * 512, hm_cached_pages(self->p + 8 * HM_BLOCK, 8 * HM_BLOCK));
}

TEST_F_TIMEOUT(stop, side_by_side, 600)
{
	if (variant->allocation == HOSTMEM_ALLOCATION_IMMEDIATE)
		SKIP(return, "ranges of plug do not overlap");
	/* The same range, at once. */
	hm_gate_pass(&self->gate);
	hm_preallocate(self->fd, 0, SIZE);
	pthread_join(self->thread, NULL);
	EXPECT_EQ(0, self->err);
	EXPECT_EQ(BLOCKS * 512, hm_cached_pages(self->p, SIZE));
	EXPECT_TRUE(hm_is_filled(self->p, 0, SIZE));
}

TEST_F(stop, unplugged_meanwhile)
{
	__u64 words[1];

	if (variant->allocation == HOSTMEM_ALLOCATION_IMMEDIATE)
		SKIP(return, "what is being plugged cannot be unplugged");
	hm_unplug(self->fd, 32 * HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(ENOENT, stop_end(self));
	EXPECT_EQ(0, hm_cached_pages(self->p, SIZE));
	hm_blocks(self->fd, 0, SIZE, words, NULL);
	EXPECT_EQ(~(1ULL << 32), words[0]);
}

TEST_F(stop, destroyed_meanwhile)
{
	__u64 shmem;
	int err;

	hm_destroy(self->fd, HOSTMEM_DESTROY_FORCE);
	shmem = hm_meminfo("Shmem");
	err = stop_end(self);
	/* Its blocks are gone, or it: both are true. */
	EXPECT_TRUE(err == ENODEV || (err == ENOENT && self->allocate != _hm_plug_progress)) {
		TH_LOG("errno %d", err);
	}
	EXPECT_GE(shmem + HM_BLOCK, hm_meminfo("Shmem"));
}

TEST_HARNESS_MAIN
