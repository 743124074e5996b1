// SPDX-License-Identifier: GPL-2.0
/*
 * libhostmem, against the module and KVM. This program's own ioctl() and mnl_socket_recvfrom()
 * stand before the C library's and libmnl's: they fail, or let something happen, where a
 * test wants it.
 */
#include <dlfcn.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <syslog.h>
#include <unistd.h>
#include <libhostmem.h>

#include "harness.h"
#include "kvm.h"
#include "lib.h"

#define MIB (1024ULL << 10)
#define GIB (1024 * MIB)
#define BLOCKS 16
#define SIZE (BLOCKS * HM_BLOCK)
#define GPA GIB
/* Takes about a second to allocate in 4 KiB pages. */
#define LARGE (512 * MIB)
/* What Shmem may differ by: counters of processors that have not been added up. */
#define SLACK (2 * MIB)
#define PROBE_SLOT 30000
/* An emulated processor is slow, the more so if others emulate theirs beside it. */
#define SECONDS 600

/* Fail so many calls that change a VM's slots, after so many. */
static int fail_after, fail_count;

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == KVM_SET_USER_MEMORY_REGION && fail_count && fail_after-- <= 0) {
		fail_count--;
		errno = ENOMEM;
		return -1;
	}
	return syscall(SYS_ioctl, fd, request, arg);
}

struct mnl_socket;

/* What happens before the library receives, so many times. */
static void (*meanwhile)(void *data);
static void *meanwhile_data;
static int meanwhile_times;
static int receives;

ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size)
{
	ssize_t (*next)(const struct mnl_socket *nl, void *buf, size_t size);

	*(void **)&next = dlsym(RTLD_NEXT, "mnl_socket_recvfrom");
	HM_TRUE(next);
	receives++;
	if (meanwhile_times) {
		meanwhile_times--;
		meanwhile(meanwhile_data);
	}
	return next(nl, buf, size);
}

static bool near(__u64 a, __u64 b)
{
	return a < b + SLACK && b < a + SLACK;
}

FIXTURE(lib)
{
	struct hostmem_ctx *ctx;
	struct hostmem_region_params params;
	struct hostmem_view *view;
	char name[HOSTMEM_NAME_MAX];
	__u64 shmem;
	int fds;
};

FIXTURE_SETUP(lib)
{
	int rc;

	if (access(HM_DIR "control", F_OK))
		SKIP(return, "hostmem is not loaded");
	self->fds = hm_count_fds();
	self->shmem = hm_meminfo("Shmem");
	ASSERT_EQ(0, hostmem_new(&self->ctx));
	hostmem_region_params_init(&self->params);
	self->params.size = SIZE;
	rc = hostmem_view_create(self->ctx, hm_name(self->name), &self->params, &self->view);
	ASSERT_EQ(0, rc);
}

FIXTURE_TEARDOWN(lib)
{
	if (!self->view)
		return;
	hostmem_view_destroy(self->view, true);
	EXPECT_NULL(hostmem_view_unref(self->view));
	EXPECT_NULL(hostmem_unref(self->ctx));
	EXPECT_EQ(self->fds, hm_count_fds());
	EXPECT_TRUE(near(self->shmem, hm_meminfo("Shmem")));
}

/* The plugged blocks of a region that has at most 64. */
static __u64 plugged(struct hostmem_view *view)
{
	uint64_t *bitmap, bits;
	int rc;

	rc = hostmem_view_get_blocks(view, 0, hostmem_view_get_size(view), &bitmap, NULL);
	HM_TRUE(!rc);
	bits = *bitmap;
	free(bitmap);
	return bits;
}

static unsigned long long plugged_bytes(struct hostmem_view *view)
{
	struct hostmem_region_info info;

	HM_TRUE(!hostmem_view_get_info(view, &info));
	return info.out_plugged;
}

static int plug(struct hostmem_view *view, unsigned int block, unsigned int n)
{
	return hostmem_view_plug(view, block * HM_BLOCK, n * HM_BLOCK, NULL);
}

static int unplug(struct hostmem_view *view, unsigned int block, unsigned int n)
{
	return hostmem_view_unplug(view, block * HM_BLOCK, n * HM_BLOCK);
}

/* A region like that of the fixture, but for its parameters. */
static struct hostmem_view *create(struct hostmem_ctx *ctx,
				   const struct hostmem_region_params *params)
{
	struct hostmem_view *view;

	HM_TRUE(!hostmem_view_create(ctx, NULL, params, &view));
	return view;
}

/* One that takes long to allocate. */
static struct hostmem_view *create_large(struct hostmem_ctx *ctx, unsigned int allocation)
{
	struct hostmem_region_params params;

	hostmem_region_params_init(&params);
	params.size = LARGE;
	params.huge = HOSTMEM_HUGE_NEVER;
	params.allocation = allocation;
	return create(ctx, &params);
}

/* Context */

struct logged {
	int n, priority;
	char text[256];
};

static void log_fn(struct hostmem_ctx *ctx, int priority, const char *file, int line,
		   const char *fn, const char *format, va_list args)
{
	struct logged *log = hostmem_get_userdata(ctx);

	HM_TRUE(file && line && fn);
	log->n++;
	log->priority = priority;
	vsnprintf(log->text, sizeof(log->text), format, args);
}

TEST_F_TIMEOUT(lib, log_environment, SECONDS)
{
	static const struct {
		const char *value;
		int priority;
	} values[] = {
		{ NULL, LOG_EMERG }, { "", LOG_EMERG }, { "err", LOG_ERR }, { "info", LOG_INFO },
		{ "debug", LOG_DEBUG }, { "0", LOG_EMERG }, { "3", LOG_ERR }, { "7", LOG_DEBUG },
		{ "8", LOG_EMERG }, { "-1", LOG_EMERG }, { "loud", LOG_EMERG },
		{ "6x", LOG_EMERG },
	};
	struct hostmem_ctx *ctx;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(values); i++) {
		if (values[i].value)
			setenv("HOSTMEM_LOG", values[i].value, 1);
		else
			unsetenv("HOSTMEM_LOG");
		ASSERT_EQ(0, hostmem_new(&ctx));
		EXPECT_EQ(values[i].priority, hostmem_get_log_priority(ctx));
		hostmem_unref(ctx);
	}
}

/* Failures are said at LOG_INFO, what is being done at LOG_DEBUG; errno stays. */
TEST_F_TIMEOUT(lib, log_function, SECONDS)
{
	struct logged log = {};

	hostmem_set_userdata(self->ctx, &log);
	hostmem_set_log_fn(self->ctx, log_fn);
	hostmem_set_log_priority(self->ctx, LOG_ERR);
	errno = EXDEV;
	EXPECT_EQ(-ENOENT, unplug(self->view, 0, 1));
	EXPECT_EQ(0, log.n);
	hostmem_set_log_priority(self->ctx, LOG_INFO);
	EXPECT_EQ(-ENOENT, unplug(self->view, 0, 1));
	EXPECT_EQ(1, log.n);
	EXPECT_EQ(LOG_INFO, log.priority);
	EXPECT_TRUE(strstr(log.text, strerror(ENOENT)));
	hostmem_set_log_priority(self->ctx, LOG_DEBUG);
	EXPECT_EQ(0, plug(self->view, 0, 1));
	EXPECT_EQ(2, log.n);
	EXPECT_EQ(LOG_DEBUG, log.priority);
	EXPECT_EQ(EXDEV, errno);
}

/* Everything holds what it needs: references can be dropped in any order. */
TEST_F_TIMEOUT(lib, unref_order, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA };
	struct hostmem_monitor *monitor;
	struct hostmem_binding *binding;
	struct hostmem_view *view;
	struct hostmem_ctx *ctx;
	struct hostmem_vm *vm;
	struct hm_kvm k;

	ASSERT_EQ(0, hostmem_new(&ctx));
	view = create(ctx, &self->params);
	ASSERT_EQ(0, hostmem_monitor_new(ctx, &monitor));
	if (hm_kvm_available()) {
		k = hm_kvm_new();
		ASSERT_EQ(0, hostmem_vm_new(ctx, k.vm, &vm));
		EXPECT_EQ(vm, hostmem_vm_ref(vm));
		EXPECT_NULL(hostmem_vm_unref(vm));
		hm_kvm_free(&k);
		ASSERT_EQ(0, hostmem_vm_bind(vm, view, &bind, &binding));
		EXPECT_EQ(0, plug(view, 3, 1));
		EXPECT_EQ(0, hostmem_vm_sync(vm));
	}
	EXPECT_EQ(ctx, hostmem_ref(ctx));
	EXPECT_NULL(hostmem_unref(ctx));
	EXPECT_NULL(hostmem_unref(ctx));
	EXPECT_EQ(view, hostmem_view_ref(view));
	EXPECT_NULL(hostmem_view_unref(view));
	EXPECT_NULL(hostmem_view_unref(view));
	if (hm_kvm_available()) {
		EXPECT_EQ(0, hostmem_vm_sync(vm));
		EXPECT_EQ(1, hostmem_binding_get_slot_count(binding));
		EXPECT_NULL(hostmem_vm_unref(vm));
	}
	EXPECT_NULL(hostmem_monitor_unref(monitor));
	EXPECT_NULL(hostmem_unref(NULL));
	EXPECT_NULL(hostmem_view_unref(NULL));
	EXPECT_NULL(hostmem_vm_unref(NULL));
	EXPECT_NULL(hostmem_monitor_unref(NULL));
}

/* Views */

TEST_F_TIMEOUT(lib, open, SECONDS)
{
	struct hostmem_view *view;
	char name[HOSTMEM_NAME_MAX + 1];
	void *addr;

	memset(name, 'x', HOSTMEM_NAME_MAX);
	name[HOSTMEM_NAME_MAX] = 0;
	EXPECT_EQ(-ENOENT, hostmem_view_open(self->ctx, "none", HOSTMEM_OPEN_OWNER, &view));
	EXPECT_EQ(-ENOENT, hostmem_view_open(self->ctx, "none", HOSTMEM_OPEN_RDWR, &view));
	EXPECT_EQ(-EINVAL, hostmem_view_open(self->ctx, "control", HOSTMEM_OPEN_RDWR, &view));
	EXPECT_EQ(-EINVAL, hostmem_view_open(self->ctx, "../null", HOSTMEM_OPEN_RDWR, &view));
	EXPECT_EQ(-EINVAL, hostmem_view_open(self->ctx, "", HOSTMEM_OPEN_OWNER, &view));
	EXPECT_EQ(-EINVAL, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_OWNER, &view));
	EXPECT_EQ(-EINVAL, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_RDWR, &view));
	EXPECT_EQ(-EINVAL, hostmem_view_open(self->ctx, self->name, 7, &view));
	EXPECT_EQ(-EINVAL, hostmem_view_create(self->ctx, name, &self->params, &view));
	EXPECT_EQ(-EEXIST, hostmem_view_create(self->ctx, self->name, &self->params, &view));

	ASSERT_EQ(0, hostmem_view_open(self->ctx, self->name, HOSTMEM_OPEN_RDONLY, &view));
	EXPECT_FALSE(hostmem_view_is_owner(view));
	EXPECT_EQ(HOSTMEM_RIGHT_READ, hostmem_view_get_rights(view));
	EXPECT_STREQ(self->name, hostmem_view_get_name(view));
	EXPECT_EQ(hostmem_view_get_region_id(self->view), hostmem_view_get_region_id(view));
	EXPECT_EQ(-EACCES, hostmem_view_map(view, 0, HM_BLOCK, PROT_WRITE, &addr));
	EXPECT_EQ(-EPERM, plug(view, 0, 1));
	EXPECT_EQ(-EPERM, unplug(view, 0, 1));
	EXPECT_EQ(-EPERM, hostmem_view_resize(view, SIZE, NULL));
	EXPECT_EQ(-EPERM, hostmem_view_destroy(view, true));
	EXPECT_EQ(-EPERM, hostmem_view_preallocate(view, 0, HM_BLOCK, NULL));
	hostmem_view_unref(view);
}

/* A view sees a change once; a revoked one is dead. */
TEST_F_TIMEOUT(lib, wait_and_revoke, SECONDS)
{
	struct hostmem_region_info info;
	struct hostmem_view *view;
	uint64_t id;

	ASSERT_EQ(0, hostmem_view_open(self->ctx, self->name, HOSTMEM_OPEN_RDWR, &view));
	EXPECT_EQ(0, hostmem_view_get_info(view, &info));
	EXPECT_EQ(0, hostmem_view_wait(view, 0));
	EXPECT_EQ(0, plug(self->view, 0, 1));
	EXPECT_EQ(1, hostmem_view_wait(view, 1000));
	EXPECT_EQ(0, hostmem_view_get_info(view, &info));
	EXPECT_EQ(0, hostmem_view_wait(view, 1));
	id = hostmem_view_get_id(view);
	EXPECT_EQ(-ENOENT, hostmem_view_revoke(self->view, ~0ULL));
	EXPECT_EQ(0, hostmem_view_revoke(self->view, id));
	EXPECT_EQ(-ENOENT, hostmem_view_revoke(self->view, id));
	EXPECT_EQ(-ENODEV, hostmem_view_wait(view, -1));
	EXPECT_EQ(-ENODEV, hostmem_view_get_info(view, &info));
	hostmem_view_unref(view);
}

/* Mappings */

TEST_F_TIMEOUT(lib, map_congruence_small, SECONDS)
{
	static const unsigned long long offsets[] = { 0, 4096, HM_BLOCK, 3 * HM_BLOCK - 4096 };
	void *addr;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(offsets); i++) {
		ASSERT_EQ(0, hostmem_view_map(self->view, offsets[i], HM_BLOCK, PROT_READ,
					      &addr));
		EXPECT_EQ(offsets[i] % HM_BLOCK, (uintptr_t)addr % HM_BLOCK);
		EXPECT_EQ(0, hostmem_unmap(addr, HM_BLOCK));
	}
	EXPECT_EQ(-EINVAL, hostmem_view_map(self->view, 1, 4096, PROT_READ, &addr));
	EXPECT_EQ(-EINVAL, hostmem_view_map(self->view, 0, 0, PROT_READ, &addr));
	EXPECT_EQ(-ENOENT, hostmem_view_map(self->view, SIZE, 4096, PROT_READ, &addr));
	EXPECT_EQ(-ENOENT, hostmem_view_map(self->view, 4096, SIZE, PROT_READ, &addr));
	EXPECT_EQ(-EOVERFLOW, hostmem_view_map(self->view, 0 - 4096ULL, 8192, PROT_READ,
					       &addr));
}

TEST_F_TIMEOUT(lib, map_congruence_large, SECONDS)
{
	static const unsigned long long offsets[] = { 0, 4096, HM_BLOCK, GIB, 3 * GIB - 4096 };
	struct hostmem_view *view;
	void *addr;
	size_t i;

	self->params.size = 4 * GIB;
	view = create(self->ctx, &self->params);
	for (i = 0; i < HM_ARRAY_SIZE(offsets); i++) {
		ASSERT_EQ(0, hostmem_view_map(view, offsets[i], GIB, PROT_READ, &addr));
		EXPECT_EQ(offsets[i] % GIB, (uintptr_t)addr % GIB);
		EXPECT_EQ(0, hostmem_unmap(addr, GIB));
	}
	/* The same byte wherever it is mapped, and SIGBUS where there is none. */
	EXPECT_EQ(0, hostmem_view_plug(view, GIB, HM_BLOCK, NULL));
	ASSERT_EQ(0, hostmem_view_map(view, 0, 4 * GIB, PROT_READ | PROT_WRITE, &addr));
	EXPECT_FALSE(hm_write_faults((char *)addr + GIB, 'x'));
	EXPECT_TRUE(hm_read_faults((char *)addr + GIB + HM_BLOCK));
	hostmem_unmap(addr, 4 * GIB);
	ASSERT_EQ(0, hostmem_view_map(view, GIB, 4096, PROT_READ, &addr));
	EXPECT_EQ('x', *(char *)addr);
	hostmem_unmap(addr, 4096);
	hostmem_view_unref(view);
}

/* Allocation */

struct watch {
	int calls, cancel_at;
	unsigned long long done, total;
	bool backwards;
};

static int watch(void *data, unsigned long long done, unsigned long long total)
{
	struct watch *w = data;

	if (done < w->done || done > total)
		w->backwards = true;
	w->done = done;
	w->total = total;
	return ++w->calls == w->cancel_at;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A signal, soon, that does not make system calls start again. */
static void alarm_soon(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval timer = { .it_value.tv_usec = 100000 };

	HM_OK(sigaction(SIGALRM, &action, NULL));
	HM_OK(setitimer(ITIMER_REAL, &timer, NULL));
}

TEST_F_TIMEOUT(lib, plug_with_threads, SECONDS)
{
	struct watch w = {};
	struct hostmem_alloc alloc = { .progress = watch, .data = &w };
	unsigned int threads;
	void *addr;

	self->params.size = 64 * MIB;
	self->params.allocation = HOSTMEM_ALLOCATION_IMMEDIATE;
	/* By default as many as processors; more than blocks are not used. */
	for (threads = 0; threads <= 64; threads = threads ? threads * 4 : 1) {
		struct hostmem_view *view = create(self->ctx, &self->params);
		__u64 before = hm_meminfo("Shmem");

		w = (struct watch) {};
		alloc.threads = threads;
		EXPECT_EQ(0, hostmem_view_plug(view, HM_BLOCK, 62 * MIB, &alloc));
		EXPECT_EQ(62 * MIB, w.done);
		EXPECT_EQ(62 * MIB, w.total);
		EXPECT_FALSE(w.backwards);
		EXPECT_EQ(0xfffffffe, plugged(view));
		EXPECT_TRUE(near(before + 62 * MIB, hm_meminfo("Shmem")));
		ASSERT_EQ(0, hostmem_view_map(view, HM_BLOCK, 62 * MIB, PROT_READ, &addr));
		EXPECT_EQ(62 * MIB / 4096, hm_cached_pages(addr, 62 * MIB));
		hostmem_unmap(addr, 62 * MIB);
		hostmem_view_unref(view);
	}
}

/* One part cannot be plugged: nothing of the others stays, and it stays as it was. */
TEST_F_TIMEOUT(lib, plug_where_a_part_exists, SECONDS)
{
	struct watch w = {};
	struct hostmem_alloc alloc = { .threads = 4, .progress = watch, .data = &w };
	struct hostmem_view *view;
	unsigned int block;
	__u64 before;
	char *addr;

	self->params.size = 64 * MIB;
	self->params.allocation = HOSTMEM_ALLOCATION_IMMEDIATE;
	view = create(self->ctx, &self->params);
	ASSERT_EQ(0, hostmem_view_map(view, 0, 64 * MIB, PROT_READ | PROT_WRITE,
				      (void **)&addr));
	for (block = 0; block < 32; block += 31) {
		ASSERT_EQ(0, plug(view, block, 1));
		memset(addr + block * HM_BLOCK, 'k', HM_BLOCK);
		before = hm_meminfo("Shmem");
		EXPECT_EQ(-EEXIST, hostmem_view_plug(view, 0, 64 * MIB, &alloc));
		EXPECT_EQ(1U << block, plugged(view));
		EXPECT_TRUE(near(before, hm_meminfo("Shmem")));
		EXPECT_TRUE(hm_is_filled(addr + block * HM_BLOCK, 'k', HM_BLOCK));
		ASSERT_EQ(0, unplug(view, block, 1));
	}
	hostmem_unmap(addr, 64 * MIB);
	hostmem_view_unref(view);
}

#define CGROUP "/sys/fs/cgroup/"

/* Join a memory cgroup with a limit; whether there is such a thing. */
static bool cgroup_join(const char *limit)
{
	if (hm_write_file(CGROUP "cgroup.subtree_control", "+memory") ||
	    (mkdir(CGROUP "libhostmem", 0755) && errno != EEXIST))
		return false;
	return !hm_write_file(CGROUP "libhostmem/memory.max", limit) &&
	       !hm_write_file(CGROUP "libhostmem/cgroup.procs", "0");
}

static void cgroup_leave(void)
{
	HM_OK(hm_write_file(CGROUP "cgroup.procs", "0"));
	rmdir(CGROUP "libhostmem");
}

/* The threads are in the caller's memory cgroup, and its limit is an error, not a SIGBUS. */
TEST_F_TIMEOUT(lib, plug_beyond_cgroup_limit, SECONDS)
{
	static const char * const limits[] = { "16M", "40M", "60M" };
	struct hostmem_alloc alloc = { .threads = 3 };
	struct hostmem_view *view;
	__u64 before;
	size_t i;

	self->params.size = 64 * MIB;
	self->params.allocation = HOSTMEM_ALLOCATION_IMMEDIATE;
	view = create(self->ctx, &self->params);
	before = hm_meminfo("Shmem");
	for (i = 0; i < HM_ARRAY_SIZE(limits); i++) {
		if (!cgroup_join(limits[i]))
			SKIP(return, "no memory cgroup");
		EXPECT_EQ(-ENOMEM, hostmem_view_plug(view, 0, 64 * MIB, &alloc));
		EXPECT_EQ(0, plugged(view));
		EXPECT_EQ(-ENOMEM, hostmem_view_resize(view, 64 * MIB, &alloc));
		EXPECT_EQ(0, plugged(view));
		EXPECT_TRUE(near(before, hm_meminfo("Shmem")));
		EXPECT_EQ(0, hostmem_view_plug(view, 0, 8 * MIB, &alloc));
		EXPECT_EQ(0, hostmem_view_unplug(view, 0, 8 * MIB));
		cgroup_leave();
	}
	hostmem_view_unref(view);
}

TEST_F_TIMEOUT(lib, preallocate_beyond_cgroup_limit, SECONDS)
{
	struct hostmem_alloc alloc = { .threads = 1 };
	__u64 before = hm_meminfo("Shmem");

	EXPECT_EQ(0, plug(self->view, 0, BLOCKS));
	if (!cgroup_join("16M"))
		SKIP(return, "no memory cgroup");
	EXPECT_EQ(-ENOMEM, hostmem_view_preallocate(self->view, 0, SIZE, &alloc));
	EXPECT_TRUE(near(before, hm_meminfo("Shmem")));
	cgroup_leave();
	EXPECT_EQ(0, hostmem_view_preallocate(self->view, 0, SIZE, &alloc));
	EXPECT_TRUE(near(before + SIZE, hm_meminfo("Shmem")));
}

TEST_F_TIMEOUT(lib, plug_cancelled, SECONDS)
{
	struct hostmem_view *view = create_large(self->ctx, HOSTMEM_ALLOCATION_IMMEDIATE);
	struct hostmem_alloc alloc = { .progress = watch };
	__u64 before = hm_meminfo("Shmem");

	for (alloc.threads = 1; alloc.threads <= 4; alloc.threads += 3) {
		struct watch w = { .cancel_at = 1 };

		alloc.data = &w;
		EXPECT_EQ(-ECANCELED, hostmem_view_plug(view, 0, LARGE, &alloc));
		EXPECT_EQ(1, w.calls);
		EXPECT_EQ(LARGE, w.total);
		EXPECT_EQ(0, plugged_bytes(view));
		EXPECT_TRUE(near(before, hm_meminfo("Shmem")));
	}
	hostmem_view_unref(view);
}

TEST_F_TIMEOUT(lib, plug_interrupted, SECONDS)
{
	struct hostmem_view *view = create_large(self->ctx, HOSTMEM_ALLOCATION_IMMEDIATE);
	struct hostmem_alloc alloc = { .threads = 3 };
	__u64 before = hm_meminfo("Shmem");

	alarm_soon();
	EXPECT_EQ(-EINTR, hostmem_view_plug(view, 0, LARGE, NULL));
	EXPECT_EQ(0, plugged_bytes(view));
	alarm_soon();
	EXPECT_EQ(-EINTR, hostmem_view_plug(view, 0, LARGE, &alloc));
	EXPECT_EQ(0, plugged_bytes(view));
	EXPECT_TRUE(near(before, hm_meminfo("Shmem")));
	hostmem_view_unref(view);
}

/* At the end it is too late to cancel. */
TEST_F_TIMEOUT(lib, cancelled_too_late, SECONDS)
{
	struct watch w = { .cancel_at = 1 };
	struct hostmem_alloc alloc = { .threads = 2, .progress = watch, .data = &w };

	EXPECT_EQ(0, hostmem_view_plug(self->view, 0, SIZE, &alloc));
	EXPECT_EQ(1, w.calls);
	EXPECT_EQ(SIZE, w.done);
	EXPECT_EQ(SIZE, plugged_bytes(self->view));
}

TEST_F_TIMEOUT(lib, preallocate, SECONDS)
{
	struct hostmem_view *view = create_large(self->ctx, HOSTMEM_ALLOCATION_ONDEMAND);
	struct watch w = { .cancel_at = 1 };
	struct hostmem_alloc alloc = { .threads = 3, .progress = watch, .data = &w };
	__u64 before = hm_meminfo("Shmem");

	EXPECT_EQ(-ENOENT, hostmem_view_preallocate(view, 0, LARGE, &alloc));
	EXPECT_EQ(-EINVAL, hostmem_view_preallocate(view, 0, 1, NULL));
	EXPECT_EQ(-EINVAL, hostmem_view_preallocate(view, 0, 0, NULL));
	EXPECT_EQ(-ENOENT, hostmem_view_preallocate(view, LARGE, 4096, NULL));
	EXPECT_EQ(0, w.calls);
	EXPECT_EQ(0, hostmem_view_plug(view, 0, LARGE, NULL));
	EXPECT_EQ(-ECANCELED, hostmem_view_preallocate(view, 0, LARGE, &alloc));
	EXPECT_EQ(1, w.calls);
	EXPECT_TRUE(near(before, hm_meminfo("Shmem")));
	alarm_soon();
	EXPECT_EQ(-EINTR, hostmem_view_preallocate(view, 0, LARGE, NULL));
	EXPECT_TRUE(near(before, hm_meminfo("Shmem")));
	EXPECT_EQ(LARGE, plugged_bytes(view));

	w = (struct watch) {};
	EXPECT_EQ(0, hostmem_view_preallocate(view, 4096, LARGE / 2 - 4096, &alloc));
	EXPECT_LT(1, w.calls);
	EXPECT_EQ(LARGE / 2 - 4096, w.done);
	EXPECT_FALSE(w.backwards);
	EXPECT_TRUE(near(before + LARGE / 2, hm_meminfo("Shmem")));
	hostmem_view_unref(view);
}

/* Resize */

/* Plug blocks by a bitmap. */
static void plug_bits(struct hostmem_view *view, __u64 bits)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		if (bits >> i & 1)
			HM_TRUE(!plug(view, i, 1));
	}
}

TEST_F_TIMEOUT(lib, resize_fragmented, SECONDS)
{
	plug_bits(self->view, 0x0232);
	EXPECT_EQ(-EINVAL, hostmem_view_resize(self->view, SIZE + HM_BLOCK, NULL));
	EXPECT_EQ(-EINVAL, hostmem_view_resize(self->view, 4096, NULL));
	EXPECT_EQ(0, hostmem_view_resize(self->view, 4 * HM_BLOCK, NULL));
	EXPECT_EQ(0x0232, plugged(self->view));
	/* The lowest that are free come, the highest that are not go. */
	EXPECT_EQ(0, hostmem_view_resize(self->view, 5 * HM_BLOCK, NULL));
	EXPECT_EQ(0x0233, plugged(self->view));
	EXPECT_EQ(0, hostmem_view_resize(self->view, 8 * HM_BLOCK, NULL));
	EXPECT_EQ(0x027f, plugged(self->view));
	EXPECT_EQ(0, hostmem_view_resize(self->view, 3 * HM_BLOCK, NULL));
	EXPECT_EQ(0x0007, plugged(self->view));
	EXPECT_EQ(0, hostmem_view_resize(self->view, SIZE, NULL));
	EXPECT_EQ(0xffff, plugged(self->view));
	EXPECT_EQ(0, unplug(self->view, 14, 1));
	EXPECT_EQ(0, unplug(self->view, 3, 8));
	EXPECT_EQ(0, hostmem_view_resize(self->view, 5 * HM_BLOCK, NULL));
	EXPECT_EQ(0x1807, plugged(self->view));
	EXPECT_EQ(0, hostmem_view_resize(self->view, 0, NULL));
	EXPECT_EQ(0, plugged(self->view));
}

/* Cancelled after each of its runs: what was plugged before stays, and nothing else. */
TEST_F_TIMEOUT(lib, resize_cancelled_between_runs, SECONDS)
{
	struct hostmem_alloc alloc = { .progress = watch };
	struct watch w;
	char *addr;
	int n;

	plug_bits(self->view, 0x0232);
	ASSERT_EQ(0, hostmem_view_map(self->view, 0, SIZE, PROT_READ | PROT_WRITE,
				      (void **)&addr));
	memset(addr + HM_BLOCK, 'k', HM_BLOCK);
	/* Free are 0, 2..3, 6..8 and 10..15. */
	for (n = 1; n <= 4; n++) {
		w = (struct watch) { .cancel_at = n };
		alloc.data = &w;
		EXPECT_EQ(n < 4 ? -ECANCELED : 0,
			  hostmem_view_resize(self->view, SIZE, &alloc));
		EXPECT_EQ(n, w.calls);
		EXPECT_EQ(SIZE - 4 * HM_BLOCK, w.total);
		EXPECT_FALSE(w.backwards);
		EXPECT_EQ(n < 4 ? 0x0232 : 0xffff, plugged(self->view));
	}
	EXPECT_TRUE(hm_is_filled(addr + HM_BLOCK, 'k', HM_BLOCK));
	hostmem_unmap(addr, SIZE);
}

TEST_F_TIMEOUT(lib, resize_cancelled_within_a_run, SECONDS)
{
	struct hostmem_view *view = create_large(self->ctx, HOSTMEM_ALLOCATION_IMMEDIATE);
	struct watch w = { .cancel_at = 3 };
	struct hostmem_alloc alloc = { .threads = 2, .progress = watch, .data = &w };
	struct hostmem_region_info info;
	__u64 before;

	EXPECT_EQ(0, plug(view, 1, 1));
	EXPECT_EQ(0, plug(view, 3, 1));
	before = hm_meminfo("Shmem");
	/* The third call comes while there is still much to do. */
	EXPECT_EQ(-ECANCELED, hostmem_view_resize(view, LARGE, &alloc));
	EXPECT_EQ(3, w.calls);
	EXPECT_EQ(LARGE - 2 * HM_BLOCK, w.total);
	EXPECT_LT(0, w.done);
	EXPECT_EQ(0, hostmem_view_get_info(view, &info));
	EXPECT_EQ(2 * HM_BLOCK, info.out_plugged);
	EXPECT_EQ(0xa, plugged(view));
	EXPECT_TRUE(near(before, hm_meminfo("Shmem")));
	hostmem_view_unref(view);
}

/* Lists */

/* So many are more than a message of 32 KiB. */
enum { MANY = 400 };

static unsigned int count_regions(struct hostmem_ctx *ctx)
{
	struct hostmem_region *region;
	uint64_t last = 0;
	unsigned int n = 0;

	hostmem_region_foreach(ctx, region) {
		HM_TRUE(hostmem_region_get_id(region) > last);
		last = hostmem_region_get_id(region);
		n++;
	}
	return n;
}

static unsigned int count_users(struct hostmem_region *region)
{
	struct hostmem_user *user;
	uint64_t last = 0;
	unsigned int n = 0;

	hostmem_user_foreach(region, user) {
		HM_TRUE(hostmem_user_get_view_id(user) > last);
		HM_TRUE(hostmem_user_get_length(user) == hostmem_region_get_size(region));
		last = hostmem_user_get_view_id(user);
		n++;
	}
	return n;
}

TEST_F_TIMEOUT(lib, list_of_many_regions, SECONDS)
{
	struct hostmem_view *views[MANY];
	struct hostmem_region *region;
	unsigned int others, i;

	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	others = count_regions(self->ctx);
	for (i = 0; i < MANY; i++) {
		self->params.size = (i + 1) * HM_BLOCK;
		views[i] = create(self->ctx, &self->params);
	}
	EXPECT_EQ(others, count_regions(self->ctx));
	receives = 0;
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	/* The family, and two messages for each of the two lists. */
	EXPECT_LE(5, receives);
	EXPECT_EQ(others + MANY, count_regions(self->ctx));
	for (i = 0; i < MANY; i++) {
		region = hostmem_region_get_by_id(self->ctx,
						  hostmem_view_get_region_id(views[i]));
		ASSERT_NE(NULL, region);
		EXPECT_NULL(hostmem_region_get_name(region));
		EXPECT_EQ((i + 1) * HM_BLOCK, hostmem_region_get_size(region));
		EXPECT_EQ(1, hostmem_region_get_views(region));
		EXPECT_EQ(1, count_users(region));
		EXPECT_EQ(getpid(), hostmem_user_get_pid(hostmem_user_get_first(region)));
		hostmem_view_unref(views[i]);
	}
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	EXPECT_EQ(others, count_regions(self->ctx));
}

TEST_F_TIMEOUT(lib, list_of_many_views, SECONDS)
{
	struct hostmem_region *region;
	struct hostmem_user *user;
	struct hostmem_view *views[2 * MANY];
	unsigned int i, revoked = 0;
	int rc;

	for (i = 0; i < HM_ARRAY_SIZE(views); i++) {
		rc = hostmem_view_open(self->ctx, self->name,
				       i % 2 ? HOSTMEM_OPEN_RDONLY : HOSTMEM_OPEN_RDWR,
				       &views[i]);
		ASSERT_EQ(0, rc);
	}
	EXPECT_EQ(0, hostmem_view_revoke(self->view, hostmem_view_get_id(views[77])));
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	region = hostmem_region_get_by_name(self->ctx, self->name);
	ASSERT_NE(NULL, region);
	EXPECT_EQ(1 + 2 * MANY, hostmem_region_get_views(region));
	EXPECT_EQ(1 + 2 * MANY, count_users(region));
	i = 0;
	hostmem_user_foreach(region, user) {
		struct hostmem_view *view = i ? views[i - 1] : self->view;

		EXPECT_EQ(hostmem_view_get_id(view), hostmem_user_get_view_id(user));
		EXPECT_EQ(hostmem_view_get_rights(view), hostmem_user_get_rights(user));
		EXPECT_EQ(i == 78, hostmem_user_is_revoked(user));
		revoked += hostmem_user_is_revoked(user);
		i++;
	}
	EXPECT_EQ(1, revoked);
	for (i = 0; i < HM_ARRAY_SIZE(views); i++)
		hostmem_view_unref(views[i]);
}

TEST_F_TIMEOUT(lib, list_of_many_slots, SECONDS)
{
	struct hostmem_slot *listed, *asked;
	struct hostmem_region *region;
	struct hostmem_view *view;
	unsigned int n, m, i;
	uint64_t generation;

	self->params.size = 4 * GIB;
	view = create(self->ctx, &self->params);
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	region = hostmem_region_get_by_id(self->ctx, hostmem_view_get_region_id(view));
	ASSERT_NE(NULL, region);
	listed = (void *)1;
	EXPECT_EQ(0, hostmem_region_get_slots(region, HM_BLOCK, &listed, &n));
	EXPECT_NULL(listed);
	EXPECT_EQ(0, n);
	EXPECT_EQ(-EINVAL, hostmem_region_get_slots(region, HM_BLOCK + 1, &listed, &n));
	EXPECT_EQ(0, hostmem_view_plug(view, 0, 4 * GIB, NULL));
	ASSERT_EQ(0, hostmem_region_get_slots(region, HM_BLOCK, &listed, &n));
	ASSERT_EQ(0, hostmem_view_get_slots(view, HM_BLOCK, &asked, &m, &generation));
	ASSERT_EQ(2048, n);
	ASSERT_EQ(2048, m);
	for (i = 0; i < n; i++) {
		EXPECT_EQ(i * HM_BLOCK, listed[i].start);
		EXPECT_EQ(HM_BLOCK, listed[i].length);
	}
	EXPECT_EQ(0, memcmp(listed, asked, n * sizeof(*listed)));
	free(listed);
	free(asked);
	/* The rule says 1 GiB. */
	ASSERT_EQ(0, hostmem_region_get_slots(region, 0, &listed, &n));
	EXPECT_EQ(4, n);
	free(listed);
	hostmem_view_unref(view);
	EXPECT_EQ(-ENOENT, hostmem_region_get_slots(region, HM_BLOCK, &listed, &n));
}

/* A region comes and goes. */
static void churn_regions(void *data)
{
	struct hostmem_region_params params;

	hostmem_region_params_init(&params);
	params.size = HM_BLOCK;
	hostmem_view_unref(create(data, &params));
}

/* The kernel tells that a list changed while it was read: it is read again, a number of times. */
TEST_F_TIMEOUT(lib, list_changes_meanwhile, SECONDS)
{
	struct hostmem_view *views[MANY];
	struct hostmem_region *region;
	unsigned int others, i;
	int quiet;

	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	others = count_regions(self->ctx);
	for (i = 0; i < MANY; i++)
		views[i] = create(self->ctx, &self->params);
	receives = 0;
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	quiet = receives;
	meanwhile = churn_regions;
	meanwhile_data = self->ctx;
	for (i = 0; i < 20; i++) {
		receives = 0;
		meanwhile_times = i;
		ASSERT_EQ(0, hostmem_refresh(self->ctx));
		EXPECT_EQ(0, meanwhile_times);
		if (i > 2)
			EXPECT_LT(quiet, receives);
		EXPECT_EQ(others + MANY, count_regions(self->ctx));
		region = hostmem_region_get_by_name(self->ctx, self->name);
		ASSERT_NE(NULL, region);
		EXPECT_EQ(1, count_users(region));
	}
	/* All the time: what was listed stays. */
	meanwhile_times = INT_MAX;
	EXPECT_EQ(-EAGAIN, hostmem_refresh(self->ctx));
	EXPECT_EQ(region, hostmem_region_get_by_name(self->ctx, self->name));
	EXPECT_EQ(others + MANY, count_regions(self->ctx));
	meanwhile_times = 0;
	for (i = 0; i < MANY; i++)
		hostmem_view_unref(views[i]);
}

/* Blocks come and go in the last slot. */
static void churn_blocks(void *data)
{
	unsigned long long at = 4 * GIB - HM_BLOCK;
	struct hostmem_view *view = data;

	HM_TRUE(!hostmem_view_plug(view, at, HM_BLOCK, NULL));
	HM_TRUE(!hostmem_view_unplug(view, at, HM_BLOCK));
}

TEST_F_TIMEOUT(lib, slots_change_meanwhile, SECONDS)
{
	struct hostmem_region *region;
	struct hostmem_slot *slots;
	struct hostmem_view *view;
	unsigned int n, times;

	self->params.size = 4 * GIB;
	view = create(self->ctx, &self->params);
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	region = hostmem_region_get_by_id(self->ctx, hostmem_view_get_region_id(view));
	ASSERT_NE(NULL, region);
	EXPECT_EQ(0, hostmem_view_plug(view, 0, 2 * GIB, NULL));
	meanwhile = churn_blocks;
	meanwhile_data = view;
	for (times = 0; times < 20; times++) {
		meanwhile_times = times;
		ASSERT_EQ(0, hostmem_region_get_slots(region, HM_BLOCK, &slots, &n));
		EXPECT_EQ(0, meanwhile_times);
		EXPECT_EQ(1024, n);
		EXPECT_EQ(2 * GIB - HM_BLOCK, slots[1023].start);
		free(slots);
	}
	meanwhile_times = INT_MAX;
	EXPECT_EQ(-EAGAIN, hostmem_region_get_slots(region, HM_BLOCK, &slots, &n));
	meanwhile_times = 0;
	hostmem_view_unref(view);
}

/* Events */

/* The next event of a region; fails the test if there is none. */
static struct hostmem_event next_event(struct hostmem_monitor *m, uint64_t region)
{
	struct pollfd pfd = { .fd = hostmem_monitor_get_fd(m), .events = POLLIN };
	struct hostmem_event event;
	int rc;

	do {
		rc = hostmem_monitor_receive(m, &event);
		if (rc == -EAGAIN)
			HM_TRUE(poll(&pfd, 1, 2000) == 1);
		else
			HM_TRUE(!rc);
	} while (rc || event.region_id != region);
	return event;
}

#define EXPECT_EVENT(_name, _view, _start, _length)			\
do {									\
	struct hostmem_event event_ = next_event(m, id);		\
									\
	EXPECT_STREQ(_name, event_.event);				\
	EXPECT_EQ(_view, event_.view_id);				\
	EXPECT_EQ(_start, event_.start);				\
	EXPECT_EQ(_length, event_.length);				\
	EXPECT_EQ(getpid(), event_.pid);				\
	EXPECT_STREQ(self->name, event_.region_name);			\
	EXPECT_LE(generation, event_.generation);			\
	generation = event_.generation;					\
} while (0)

TEST_F_TIMEOUT(lib, monitor, SECONDS)
{
	uint64_t id = hostmem_view_get_region_id(self->view);
	struct hostmem_event event;
	struct hostmem_monitor *m;
	struct hostmem_view *view;
	uint64_t generation = 0;
	void *addr;

	ASSERT_EQ(0, hostmem_monitor_new(self->ctx, &m));
	EXPECT_EQ(-EAGAIN, hostmem_monitor_receive(m, &event));
	ASSERT_EQ(0, hostmem_view_open(self->ctx, self->name, HOSTMEM_OPEN_RDWR, &view));
	EXPECT_EQ(0, plug(self->view, 2, 3));
	EXPECT_EVENT("plugged", 0, 2 * HM_BLOCK, 3 * HM_BLOCK);
	EXPECT_EQ(0, hostmem_view_map(view, 0, SIZE, PROT_READ, &addr));
	EXPECT_EVENT("mapped", hostmem_view_get_id(view), 0, SIZE);
	EXPECT_EQ(0, unplug(self->view, 2, 1));
	EXPECT_EVENT("unplugged", 0, 2 * HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(0, hostmem_view_revoke(self->view, hostmem_view_get_id(view)));
	EXPECT_EVENT("revoked", hostmem_view_get_id(view), 0, SIZE);
	hostmem_unmap(addr, SIZE);
	EXPECT_EVENT("unmapped", hostmem_view_get_id(view), 0, SIZE);
	hostmem_view_unref(view);
	EXPECT_EQ(0, hostmem_view_destroy(self->view, false));
	EXPECT_EVENT("destroyed", 0, 0, SIZE);
	hostmem_view_unref(self->view);
	ASSERT_EQ(0, hostmem_view_create(self->ctx, self->name, &self->params, &self->view));
	id = hostmem_view_get_region_id(self->view);
	generation = 0;
	EXPECT_EVENT("created", hostmem_view_get_id(self->view), 0, SIZE);
	EXPECT_EQ(-EAGAIN, hostmem_monitor_receive(m, &event));
	hostmem_monitor_unref(m);
}

/* Events that nobody took are lost; that is told, and those after it come. */
TEST_F_TIMEOUT(lib, monitor_overrun, SECONDS)
{
	uint64_t id = hostmem_view_get_region_id(self->view);
	uint64_t generation = 0;
	struct hostmem_event event;
	struct hostmem_monitor *m;
	int i, rc, got = 0, lost = 0;

	ASSERT_EQ(0, hostmem_monitor_new(self->ctx, &m));
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, plug(self->view, 0, 1));
		ASSERT_EQ(0, unplug(self->view, 0, 1));
	}
	while (rc = hostmem_monitor_receive(m, &event), rc != -EAGAIN) {
		ASSERT_TRUE(!rc || rc == -ENOBUFS);
		lost += rc == -ENOBUFS;
		got += !rc;
	}
	EXPECT_EQ(1, lost);
	EXPECT_LT(1, got);
	EXPECT_GT(2000, got);
	EXPECT_EQ(0, plug(self->view, 5, 1));
	EXPECT_EVENT("plugged", 0, 5 * HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(-EAGAIN, hostmem_monitor_receive(m, &event));
	hostmem_monitor_unref(m);
}

/* VMs */

FIXTURE(vm)
{
	struct hm_kvm k;
	struct hostmem_ctx *ctx;
	struct hostmem_region_params params;
	struct hostmem_view *view;
	struct hostmem_vm *vm;
	struct hostmem_binding *binding;
	int fds;
};

/* Slots of one block: bit i of what kvm_slots() tells is block i. */
FIXTURE_SETUP(vm)
{
	struct hostmem_bind_params bind = { .gpa = GPA };

	if (access(HM_DIR "control", F_OK) || !hm_kvm_available())
		SKIP(return, "no hostmem, or no KVM");
	self->fds = hm_count_fds();
	self->k = hm_kvm_new();
	ASSERT_EQ(0, hostmem_new(&self->ctx));
	hostmem_region_params_init(&self->params);
	self->params.size = SIZE;
	self->params.slot_size = HM_BLOCK;
	self->view = create(self->ctx, &self->params);
	ASSERT_EQ(0, hostmem_vm_new(self->ctx, self->k.vm, &self->vm));
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, self->view, &bind, &self->binding));
}

FIXTURE_TEARDOWN(vm)
{
	if (!self->vm)
		return;
	hostmem_vm_unref(self->vm);
	hostmem_view_unref(self->view);
	hostmem_unref(self->ctx);
	hm_kvm_free(&self->k);
	EXPECT_EQ(self->fds, hm_count_fds());
}

/* Whether KVM has a slot there: it refuses one that overlaps. */
static bool kvm_has(struct hm_kvm *k, __u64 gpa)
{
	static char page[8192];
	struct kvm_userspace_memory_region region = {
		.slot = PROBE_SLOT,
		.guest_phys_addr = gpa,
		.memory_size = 4096,
		.userspace_addr = ((uintptr_t)page + 4095) & -4096UL,
	};

	if (ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &region)) {
		HM_TRUE(errno == EEXIST);
		return true;
	}
	region.memory_size = 0;
	HM_OK(ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &region));
	return false;
}

/* Whether KVM had a slot of this number. */
static bool kvm_delete(struct hm_kvm *k, __u32 slot)
{
	struct kvm_userspace_memory_region region = { .slot = slot };

	return !ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* The pieces of a block's size from an address on of which KVM has the first page. */
static __u64 kvm_slots_at(struct hm_kvm *k, __u64 gpa)
{
	__u64 bits = 0;
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		bits |= (__u64)kvm_has(k, gpa + i * HM_BLOCK) << i;
	return bits;
}

#define EXPECT_SLOTS(_bits)							\
do {										\
	EXPECT_EQ(_bits, kvm_slots_at(&self->k, GPA));				\
	EXPECT_EQ(__builtin_popcount(_bits),					\
		  hostmem_binding_get_slot_count(self->binding));		\
} while (0)

/* Bind the view of a binding anew. */
static int rebind(struct hostmem_vm *vm, struct hostmem_view *view,
		  struct hostmem_binding **binding, const struct hostmem_bind_params *params)
{
	HM_TRUE(!hostmem_vm_unbind(*binding));
	return hostmem_vm_bind(vm, view, params, binding);
}

TEST_F_TIMEOUT(vm, bind_errors, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA };
	struct hostmem_binding *b;
	struct hostmem_view *view;
	char name[HOSTMEM_NAME_MAX];

	EXPECT_EQ(-EBADF, hostmem_vm_new(self->ctx, -1, &self->vm));
	EXPECT_EQ(-ENOTTY, hostmem_vm_new(self->ctx, hostmem_view_get_fd(self->view),
					  &self->vm));
	bind.gpa = GPA + 4096;
	EXPECT_EQ(-EINVAL, hostmem_vm_bind(self->vm, self->view, &bind, &b));
	bind.gpa = 0 - 2 * HM_BLOCK;
	EXPECT_EQ(-EOVERFLOW, hostmem_vm_bind(self->vm, self->view, &bind, &b));
	bind.gpa = GPA;
	bind.first_slot = 32764;
	EXPECT_EQ(-ENOSPC, hostmem_vm_bind(self->vm, self->view, &bind, &b));
	bind.first_slot = 1;
	bind.nr_slots = 32764;
	EXPECT_EQ(-ENOSPC, hostmem_vm_bind(self->vm, self->view, &bind, &b));
	bind.nr_slots = 0;
	bind.slot_size = HM_BLOCK + 4096;
	EXPECT_EQ(-EINVAL, hostmem_vm_bind(self->vm, self->view, &bind, &b));
	bind.slot_size = 0;
	ASSERT_EQ(0, hostmem_view_create(self->ctx, hm_name(name), &self->params, &view));
	EXPECT_EQ(0, hostmem_view_destroy(view, false));
	EXPECT_EQ(-ENODEV, hostmem_vm_bind(self->vm, view, &bind, &b));
	hostmem_view_unref(view);
}

/* A view that cannot write: read-only slots, or none. */
TEST_F_TIMEOUT(vm, bind_readonly, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 4 * GIB };
	struct hostmem_binding *b;
	struct hostmem_view *owner, *view;
	char name[HOSTMEM_NAME_MAX];

	ASSERT_EQ(0, hostmem_view_create(self->ctx, hm_name(name), &self->params, &owner));
	ASSERT_EQ(0, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_RDONLY, &view));
	EXPECT_EQ(-EPERM, hostmem_vm_bind(self->vm, view, &bind, &b));
	bind.readonly = true;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	EXPECT_EQ(0, plug(owner, 3, 1));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(1, hostmem_binding_get_slot_count(b));
	EXPECT_EQ(0x8, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, hostmem_vm_unbind(b));
	EXPECT_EQ(0, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, hostmem_view_destroy(owner, false));
	hostmem_view_unref(view);
	hostmem_view_unref(owner);
}

/* Congruent with guest physical addresses. */
TEST_F_TIMEOUT(vm, bind_congruence, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 3 * HM_BLOCK };
	struct hostmem_view *view;
	struct hostmem_binding *b;

	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	EXPECT_EQ(0, (uintptr_t)hostmem_binding_get_addr(self->binding) % HM_BLOCK);
	self->params.size = 2 * GIB;
	view = create(self->ctx, &self->params);
	bind.gpa = 4 * GIB + 3 * HM_BLOCK;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	EXPECT_EQ(3 * HM_BLOCK, (uintptr_t)hostmem_binding_get_addr(b) % GIB);
	hostmem_view_unref(view);
}

/* What nobody gave a slot size gets it from the region, or by the rule: 256 for all together. */
TEST_F_TIMEOUT(vm, bind_slot_size, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA, .slot_size = 4 * HM_BLOCK };
	struct hostmem_binding *b[3];
	struct hostmem_view *view;

	EXPECT_EQ(HM_BLOCK, hostmem_binding_get_slot_size(self->binding));
	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	EXPECT_EQ(4 * HM_BLOCK, hostmem_binding_get_slot_size(self->binding));
	EXPECT_EQ(0, hostmem_vm_unbind(self->binding));
	self->params.size = 1024 * GIB;
	self->params.slot_size = 0;
	view = create(self->ctx, &self->params);
	bind.slot_size = 0;
	bind.gpa = 1024 * GIB;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b[0]));
	EXPECT_EQ(4 * GIB, hostmem_binding_get_slot_size(b[0]));
	bind.gpa = 2048 * GIB;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b[1]));
	EXPECT_EQ(1024 * GIB, hostmem_binding_get_slot_size(b[1]));
	EXPECT_EQ(0, hostmem_vm_unbind(b[0]));
	/* As many as there are ids for, after the one that the other can have. */
	bind.nr_slots = 8;
	bind.gpa = 1024 * GIB;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b[2]));
	EXPECT_EQ(128 * GIB, hostmem_binding_get_slot_size(b[2]));
	hostmem_view_unref(view);
}

TEST_F_TIMEOUT(vm, sync, SECONDS)
{
	EXPECT_SLOTS(0);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0);
	plug_bits(self->view, 0x8421);
	EXPECT_SLOTS(0);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x8421);
	EXPECT_EQ(0, unplug(self->view, 0, 1));
	EXPECT_EQ(0, plug(self->view, 1, 4));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x843e);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x843e);
	EXPECT_EQ(0, hostmem_view_resize(self->view, 0, NULL));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0);
}

/* KVM refuses in the middle, after slots have been deleted: they are there again. */
TEST_F_TIMEOUT(vm, sync_rollback_of_overlap, SECONDS)
{
	char *own = hm_map_flags(-1, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);

	plug_bits(self->view, 0x000f);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x000f);
	/* The VMM has something in block 6, beside its first page. */
	hm_kvm_slot(&self->k, 100, GPA + 6 * HM_BLOCK + 4096, 4096, own);
	EXPECT_EQ(0, unplug(self->view, 1, 2));
	EXPECT_EQ(0, plug(self->view, 5, 3));
	EXPECT_EQ(-EEXIST, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x000f);
	EXPECT_EQ(-EEXIST, hostmem_binding_retire(self->binding, 0, HM_BLOCK));
	EXPECT_SLOTS(0x000f);
	hm_kvm_slot(&self->k, 100, 0, 0, own);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x00e9);
}

/* Each single call of a sync fails once. */
TEST_F_TIMEOUT(vm, sync_rollback_of_each_step, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 4 * GIB };
	struct hostmem_binding *b;
	struct hostmem_view *view = create(self->ctx, &self->params);
	int i;

	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	plug_bits(self->view, 0x00f0);
	plug_bits(view, 0x000f);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0, hostmem_view_resize(view, 0, NULL));
	EXPECT_EQ(0, unplug(self->view, 5, 2));
	plug_bits(self->view, 0x0301);
	plug_bits(view, 0x0070);
	/* 6 are deleted, 6 added. */
	for (i = 0; i < 12; i++) {
		fail_after = i;
		fail_count = 1;
		EXPECT_EQ(-ENOMEM, hostmem_vm_sync(self->vm));
		EXPECT_EQ(0, fail_count);
		EXPECT_SLOTS(0x00f0);
		EXPECT_EQ(0x000f, kvm_slots_at(&self->k, bind.gpa));
		EXPECT_EQ(4, hostmem_binding_get_slot_count(b));
	}
	fail_after = 12;
	fail_count = 1;
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	fail_count = 0;
	EXPECT_SLOTS(0x0391);
	EXPECT_EQ(0x0070, kvm_slots_at(&self->k, bind.gpa));
	hostmem_view_unref(view);
}

/* KVM refuses the rollback too: said at LOG_ERR, what KVM has is known, the next sync mends. */
TEST_F_TIMEOUT(vm, sync_rollback_fails, SECONDS)
{
	struct logged log = {};

	hostmem_set_userdata(self->ctx, &log);
	hostmem_set_log_fn(self->ctx, log_fn);
	hostmem_set_log_priority(self->ctx, LOG_ERR);
	plug_bits(self->view, 0x000f);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0, unplug(self->view, 0, 2));
	EXPECT_EQ(0, plug(self->view, 8, 1));
	fail_after = 2;
	fail_count = 2;
	EXPECT_EQ(-ENOMEM, hostmem_vm_sync(self->vm));
	EXPECT_EQ(1, log.n);
	EXPECT_EQ(LOG_ERR, log.priority);
	EXPECT_SLOTS(0x000d);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x010c);
	EXPECT_EQ(1, log.n);
}

TEST_F_TIMEOUT(vm, unbind_rollback, SECONDS)
{
	plug_bits(self->view, 0x0111);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	fail_after = 2;
	fail_count = 1;
	EXPECT_EQ(-ENOMEM, hostmem_vm_unbind(self->binding));
	EXPECT_SLOTS(0x0111);
	EXPECT_FALSE(hm_read_faults(hostmem_binding_get_addr(self->binding)));
	EXPECT_EQ(0, hostmem_vm_unbind(self->binding));
	EXPECT_EQ(0, kvm_slots_at(&self->k, GPA));
}

/* Not enough ids: nothing has been tried. */
TEST_F_TIMEOUT(vm, sync_without_ids, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA, .first_slot = 10, .nr_slots = 3 };

	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	plug_bits(self->view, 0x0007);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x0007);
	EXPECT_EQ(0, unplug(self->view, 0, 1));
	EXPECT_EQ(0, plug(self->view, 3, 2));
	fail_count = INT_MAX;
	EXPECT_EQ(-ENOSPC, hostmem_vm_sync(self->vm));
	EXPECT_EQ(INT_MAX, fail_count);
	fail_count = 0;
	EXPECT_SLOTS(0x0007);
	/* Those that are given up in the same sync will do. */
	EXPECT_EQ(0, unplug(self->view, 1, 1));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x001c);
	EXPECT_EQ(0, unplug(self->view, 2, 3));
	EXPECT_EQ(0, plug(self->view, 13, 3));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0xe000);
	/* And no others were used: KVM has no such slots to delete. */
	EXPECT_FALSE(kvm_delete(&self->k, 9));
	EXPECT_FALSE(kvm_delete(&self->k, 13));
	EXPECT_TRUE(kvm_delete(&self->k, 12));
}

/* Two bindings whose ids are the same ones. */
TEST_F_TIMEOUT(vm, shared_ids, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA, .first_slot = 5, .nr_slots = 4 };
	struct hostmem_view *view = create(self->ctx, &self->params);
	struct hostmem_binding *b;

	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	bind.gpa = 4 * GIB;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	plug_bits(self->view, 0x0003);
	plug_bits(view, 0x0030);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x0003);
	EXPECT_EQ(0x0030, kvm_slots_at(&self->k, bind.gpa));
	/* Full; but what one gives up the other takes, also from the second to the first. */
	EXPECT_EQ(0, plug(view, 6, 1));
	EXPECT_EQ(-ENOSPC, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0, unplug(self->view, 0, 1));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x0002);
	EXPECT_EQ(0x0070, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, unplug(view, 4, 3));
	EXPECT_EQ(0, plug(self->view, 8, 3));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x0702);
	EXPECT_EQ(0, kvm_slots_at(&self->k, bind.gpa));
	/* Unbinding frees ids and leaves the other alone. */
	EXPECT_EQ(0, plug(view, 0, 2));
	EXPECT_EQ(-ENOSPC, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0, hostmem_vm_unbind(self->binding));
	EXPECT_EQ(0, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0x0003, kvm_slots_at(&self->k, bind.gpa));
	hostmem_view_unref(view);
}

/* The memory of a region that has gone is no longer in the VM; the others are looked after. */
TEST_F_TIMEOUT(vm, sync_after_destroy, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 4 * GIB };
	struct hostmem_view *view = create(self->ctx, &self->params);
	struct hostmem_binding *b;

	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	plug_bits(self->view, 0x0103);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x0103);
	EXPECT_EQ(-EBUSY, hostmem_view_destroy(self->view, false));
	EXPECT_EQ(0, hostmem_view_destroy(self->view, true));
	EXPECT_EQ(-ENODEV, hostmem_binding_retire(self->binding, 0, HM_BLOCK));
	plug_bits(view, 0x0001);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0);
	EXPECT_EQ(0x0001, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, hostmem_vm_unbind(self->binding));
	hostmem_view_unref(view);
}

TEST_F_TIMEOUT(vm, sync_after_revoke, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 4 * GIB };
	struct hostmem_view *owner, *view;
	struct hostmem_binding *b;
	char name[HOSTMEM_NAME_MAX];

	ASSERT_EQ(0, hostmem_view_create(self->ctx, hm_name(name), &self->params, &owner));
	ASSERT_EQ(0, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_RDWR, &view));
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	plug_bits(owner, 0x0103);
	plug_bits(self->view, 0x0011);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0x0103, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, hostmem_view_revoke(owner, hostmem_view_get_id(view)));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, hostmem_binding_get_slot_count(b));
	EXPECT_SLOTS(0x0011);
	EXPECT_EQ(0, hostmem_vm_unbind(b));
	EXPECT_EQ(0, hostmem_view_destroy(owner, false));
	hostmem_view_unref(view);
	hostmem_view_unref(owner);
}

TEST_F_TIMEOUT(vm, retire, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA, .slot_size = 4 * HM_BLOCK };

	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	EXPECT_EQ(0, plug(self->view, 0, BLOCKS));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0xffff, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(-EINVAL, hostmem_binding_retire(self->binding, 4096, HM_BLOCK));
	EXPECT_EQ(-EINVAL, hostmem_binding_retire(self->binding, 0, 0));
	EXPECT_EQ(-ENOENT, hostmem_binding_retire(self->binding, SIZE, HM_BLOCK));
	EXPECT_EQ(-EOVERFLOW, hostmem_binding_retire(self->binding, HM_BLOCK, 0 - HM_BLOCK));
	/* A part of a slot, then its other part. */
	EXPECT_EQ(0, hostmem_binding_retire(self->binding, HM_BLOCK, 3 * HM_BLOCK));
	EXPECT_EQ(0xffff, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(0, unplug(self->view, 1, 3));
	EXPECT_EQ(0, hostmem_binding_retire(self->binding, 0, HM_BLOCK));
	EXPECT_EQ(0xfff0, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(0, unplug(self->view, 0, 1));
	/* A whole one, with what is beside it: the slots of those parts stay. */
	EXPECT_EQ(0, hostmem_binding_retire(self->binding, 7 * HM_BLOCK, 6 * HM_BLOCK));
	EXPECT_EQ(0xf0f0, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(0, unplug(self->view, 7, 6));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0xf0f0, kvm_slots_at(&self->k, GPA));
	/* Several, and blocks that are not plugged; if they stay plugged a sync adds them. */
	EXPECT_EQ(0, hostmem_binding_retire(self->binding, 0, SIZE));
	EXPECT_EQ(0, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(0, hostmem_binding_get_slot_count(self->binding));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0xf0f0, kvm_slots_at(&self->k, GPA));
}

/* The last slot is smaller; a region that is smaller than its slot has one. */
TEST_F_TIMEOUT(vm, last_slot, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA, .slot_size = 6 * HM_BLOCK };

	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	plug_bits(self->view, 0x8000);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0xf000, kvm_slots_at(&self->k, GPA));
	EXPECT_FALSE(kvm_has(&self->k, GPA + SIZE));
	bind.slot_size = GIB;
	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0xffff, kvm_slots_at(&self->k, GPA));
	EXPECT_FALSE(kvm_has(&self->k, GPA + SIZE));
}

/* However many slots KVM has, a backend is told of one entry for each region. */
TEST_F_TIMEOUT(vm, memory_table, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 4 * GIB };
	struct hostmem_memory_region table[3] = {};
	struct hostmem_view *view;
	struct hostmem_binding *b;
	unsigned int count = 1;

	self->params.size = 2 * SIZE;
	view = create(self->ctx, &self->params);
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	plug_bits(self->view, 0x5555);
	plug_bits(view, 0xffff);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(8, hostmem_binding_get_slot_count(self->binding));
	EXPECT_EQ(16, hostmem_binding_get_slot_count(b));
	EXPECT_EQ(-EMSGSIZE, hostmem_vm_get_memory_table(self->vm, table, &count));
	EXPECT_EQ(2, count);
	EXPECT_EQ(0, table[0].size);
	count = HM_ARRAY_SIZE(table);
	EXPECT_EQ(0, hostmem_vm_get_memory_table(self->vm, table, &count));
	ASSERT_EQ(2, count);
	EXPECT_EQ(GPA, table[0].gpa);
	EXPECT_EQ(SIZE, table[0].size);
	EXPECT_EQ((uintptr_t)hostmem_binding_get_addr(self->binding), table[0].user_addr);
	EXPECT_EQ(0, table[0].mmap_offset);
	EXPECT_EQ(hostmem_view_get_fd(self->view), table[0].fd);
	EXPECT_EQ(4 * GIB, table[1].gpa);
	EXPECT_EQ(2 * SIZE, table[1].size);
	EXPECT_EQ((uintptr_t)hostmem_binding_get_addr(b), table[1].user_addr);
	EXPECT_EQ(hostmem_view_get_fd(view), table[1].fd);
	EXPECT_EQ(0, hostmem_vm_unbind(self->binding));
	EXPECT_EQ(0, hostmem_vm_get_memory_table(self->vm, table, &count));
	EXPECT_EQ(1, count);
	EXPECT_EQ(4 * GIB, table[0].gpa);
	hostmem_view_unref(view);
}

/* Last, for it takes the module away. */
FIXTURE(module) {};
FIXTURE_SETUP(module) {}
FIXTURE_TEARDOWN(module) {}

TEST_F_TIMEOUT(module, absent, SECONDS)
{
	struct hostmem_region_params params = { .size = SIZE };
	struct hostmem_monitor *monitor;
	struct hostmem_view *view;
	struct hostmem_info info;
	struct hostmem_ctx *ctx;

	if (syscall(SYS_delete_module, "hostmem", O_NONBLOCK))
		ASSERT_EQ(ENOENT, errno);
	ASSERT_EQ(0, hostmem_new(&ctx));
	EXPECT_EQ(-ENODEV, hostmem_get_info(ctx, &info));
	EXPECT_EQ(-ENODEV, hostmem_refresh(ctx));
	EXPECT_NULL(hostmem_region_get_first(ctx));
	EXPECT_NULL(hostmem_region_get_by_name(ctx, "x"));
	EXPECT_EQ(-ENODEV, hostmem_monitor_new(ctx, &monitor));
	EXPECT_EQ(-ENODEV, hostmem_view_create(ctx, NULL, &params, &view));
	EXPECT_EQ(-ENODEV, hostmem_view_open(ctx, "x", HOSTMEM_OPEN_OWNER, &view));
	EXPECT_EQ(-ENOENT, hostmem_view_open(ctx, "x", HOSTMEM_OPEN_RDWR, &view));
	EXPECT_EQ(-ENOTTY, hostmem_view_from_fd(ctx, HM_OK(open("/dev/null", O_RDWR)), &view));
	if (system("modprobe -q hostmem"))
		SKIP(return, "hostmem does not load here");
	/* The same context works when the module has come. */
	EXPECT_EQ(0, hostmem_get_info(ctx, &info));
	EXPECT_EQ(HOSTMEM_ABI_VERSION, info.out_abi_version);
	EXPECT_EQ(0, hostmem_refresh(ctx));
	hostmem_unref(ctx);
}

TEST_HARNESS_MAIN
