// SPDX-License-Identifier: GPL-2.0
/*
 * libhostmem, against the module: contexts, views, mappings, allocation with threads, progress
 * and limits, resizing, and a machine without the module.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <syslog.h>
#include <unistd.h>
#include <libhostmem.h>

#include "harness.h"
#include "kvm.h"
#include "lib.h"
#include "lib_fixture.h"
#include "lib_view.h"

/* Takes about a second to allocate in 4 KiB pages. */
#define LARGE (512 * MIB)

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

static int info_of_nobody(void *arg)
{
	struct hostmem_region_params params;
	struct hostmem_info info;
	struct hostmem_view *view;
	struct hostmem_ctx *ctx;
	int fds = hm_count_fds();

	(void)arg;
	HM_OK(setuid(65534));
	HM_TRUE(!hostmem_new(&ctx));
	if (hostmem_get_info(ctx, &info) || info.out_abi_version != HOSTMEM_ABI_VERSION)
		return KSFT_FAIL;
	HM_TRUE(fds == hm_count_fds());
	hostmem_region_params_init(&params);
	params.size = SIZE;
	return hostmem_view_create(ctx, NULL, &params, &view) != -EACCES;
}

/* Who may only read the control node asks for the limits, and changes nothing. */
TEST_F(lib, control_read_only)
{
	struct hostmem_info info;
	struct stat st;

	HM_OK(stat(HM_CONTROL, &st));
	HM_OK(chmod(HM_CONTROL, 0644));
	EXPECT_EQ(0, hm_in_child(info_of_nobody, NULL));
	HM_OK(chmod(HM_CONTROL, st.st_mode & 07777));
	EXPECT_EQ(0, hostmem_get_info(self->ctx, &info));
	EXPECT_LE(1, info.out_regions);
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
	void *addr;

	EXPECT_EQ(-ENOENT, hostmem_view_open(self->ctx, "none", HOSTMEM_OPEN_OWNER, &view));
	EXPECT_EQ(-ENOENT, hostmem_view_open(self->ctx, "none", HOSTMEM_OPEN_RDWR, &view));
	EXPECT_EQ(-ENOENT, hostmem_view_open(self->ctx, "none/x", HOSTMEM_OPEN_RDWR, &view));
	EXPECT_EQ(-EINVAL, hostmem_view_open(self->ctx, self->name, 7, &view));
	EXPECT_EQ(-EEXIST, hostmem_view_create(self->ctx, self->name, &self->params, &view));

	ASSERT_EQ(0, hostmem_view_open(self->ctx, self->name, HOSTMEM_OPEN_RDONLY, &view));
	EXPECT_FALSE(hostmem_view_is_owner(view));
	EXPECT_EQ(HOSTMEM_RIGHT_READ, hostmem_view_get_rights(view));
	EXPECT_STREQ(self->name, hostmem_view_get_name(view));
	EXPECT_EQ(hostmem_view_get_region_id(self->view), hostmem_view_get_region_id(view));
	EXPECT_EQ(-EACCES, hostmem_view_map(view, 0, HM_BLOCK, PROT_WRITE, &addr));
	EXPECT_EQ(-EPERM, plug(view, 0, 1));
	EXPECT_EQ(-EPERM, unplug(view, 0, 1));
	EXPECT_EQ(-EPERM, hostmem_view_resize(view, SIZE, NULL, NULL, NULL));
	EXPECT_EQ(-EPERM, hostmem_view_destroy(view, true));
	EXPECT_EQ(-EPERM, hostmem_view_preallocate(view, 0, HM_BLOCK, NULL));
	hostmem_view_unref(view);
}

/* There is one way to write a name: what is none is refused wherever it is given. */
TEST_F_TIMEOUT(lib, names, SECONDS)
{
	static const char *const wrong[] = {
		".", "..", "../null", "/", "//x", "x/", "x//y", "x/.", "./x", "x/../y",
		"/dev/hostmem/", "/dev/hostmem/..", "/dev/null",
	};
	char longest[PATH_MAX], part[NAME_MAX + 2];
	struct hostmem_view *view;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++) {
		EXPECT_EQ(-EINVAL, hostmem_view_open(self->ctx, wrong[i], HOSTMEM_OPEN_OWNER,
						     &view));
		EXPECT_EQ(-EINVAL, hostmem_view_open(self->ctx, wrong[i], HOSTMEM_OPEN_RDWR,
						     &view));
		EXPECT_EQ(-EINVAL, hostmem_view_create(self->ctx, wrong[i], &self->params,
						       &view)) {
			TH_LOG("%s", wrong[i]);
		}
	}
	EXPECT_EQ(-EINVAL, hostmem_view_open(self->ctx, "", HOSTMEM_OPEN_OWNER, &view));
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	EXPECT_EQ(-ENAMETOOLONG, hostmem_view_open(self->ctx, longest, HOSTMEM_OPEN_RDWR, &view));
	EXPECT_EQ(-ENAMETOOLONG, hostmem_view_create(self->ctx, longest, &self->params, &view));
	memset(part, 'x', sizeof(part));
	part[NAME_MAX + 1] = 0;
	EXPECT_EQ(-ENAMETOOLONG, hostmem_view_open(self->ctx, part, HOSTMEM_OPEN_OWNER, &view));
	EXPECT_EQ(-ENAMETOOLONG, hostmem_view_create(self->ctx, part, &self->params, &view));
}

/* A name is a path, with or without that of the mount. */
TEST_F_TIMEOUT(lib, paths, SECONDS)
{
	char dir[HM_NAME_MAX], name[2 * HM_NAME_MAX], below[3 * HM_NAME_MAX];
	struct hostmem_view *view, *other;
	struct stat st;

	HM_OK(mkdir(hm_path(hm_name(dir)), 0755));
	EXPECT_EQ(-EISDIR, hostmem_view_open(self->ctx, dir, HOSTMEM_OPEN_OWNER, &view));
	EXPECT_EQ(-EISDIR, hostmem_view_open(self->ctx, dir, HOSTMEM_OPEN_RDONLY, &view));
	EXPECT_EQ(-EEXIST, hostmem_view_create(self->ctx, dir, &self->params, &view));
	snprintf(name, sizeof(name), "%s/vm", dir);
	close(hm_open_node(name, O_CREAT | O_RDWR));
	EXPECT_EQ(-ENODATA, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_OWNER, &view));
	EXPECT_EQ(-ENODATA, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_RDWR, &view));
	HM_OK(unlink(hm_path(name)));
	self->params.mode = 0640;
	self->params.uid = 12;
	self->params.gid = 34;
	ASSERT_EQ(0, hostmem_view_create(self->ctx, hm_path(name), &self->params, &view));
	EXPECT_STREQ(name, hostmem_view_get_name(view));
	HM_OK(stat(hm_path(name), &st));
	EXPECT_EQ(S_IFREG | 0640, st.st_mode);
	EXPECT_EQ(12, st.st_uid);
	EXPECT_EQ(34, st.st_gid);
	ASSERT_EQ(0, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_OWNER, &other));
	EXPECT_EQ(hostmem_view_get_region_id(view), hostmem_view_get_region_id(other));
	EXPECT_EQ(0, hostmem_refresh(self->ctx));
	EXPECT_NE(NULL, hostmem_region_get_by_name(self->ctx, name));
	EXPECT_NE(NULL, hostmem_region_get_by_name(self->ctx, hm_path(name)));
	snprintf(below, sizeof(below), "%s/x", name);
	EXPECT_EQ(-ENOTDIR, hostmem_view_open(self->ctx, below, HOSTMEM_OPEN_RDWR, &view));
	EXPECT_EQ(0, hostmem_view_destroy(view, false));
	hostmem_view_unref(view);
	hostmem_view_unref(other);
	HM_OK(rmdir(hm_path(dir)));
}

/* In two steps: nobody finds it, and nothing is left of it, before the second. */
TEST_F_TIMEOUT(lib, prepare, SECONDS)
{
	struct hostmem_info before, after;
	struct hostmem_view *view, *other;
	char name[HM_NAME_MAX];

	EXPECT_EQ(0, hostmem_get_info(self->ctx, &before));
	ASSERT_EQ(0, hostmem_view_prepare(self->ctx, hm_name(name), &self->params, &view));
	EXPECT_EQ(0, plug(view, 0, 1));
	EXPECT_EQ(-ENOENT, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_RDWR, &other));
	hostmem_view_unref(view);
	EXPECT_EQ(0, hostmem_get_info(self->ctx, &after));
	EXPECT_EQ(before.out_regions, after.out_regions);

	ASSERT_EQ(0, hostmem_view_prepare(self->ctx, name, &self->params, &view));
	/* Somebody else is faster. */
	close(hm_open_node(name, O_CREAT | O_EXCL | O_RDWR));
	EXPECT_EQ(-EEXIST, hostmem_view_link(view));
	HM_OK(unlink(hm_path(name)));
	EXPECT_EQ(0, hostmem_view_link(view));
	EXPECT_EQ(-EINVAL, hostmem_view_link(view));
	ASSERT_EQ(0, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_RDWR, &other));
	hostmem_view_unref(other);
	EXPECT_EQ(0, hostmem_view_destroy(view, false));
	hostmem_view_unref(view);

	ASSERT_EQ(0, hostmem_view_prepare(self->ctx, NULL, &self->params, &view));
	EXPECT_EQ(-EINVAL, hostmem_view_link(view));
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

/* Offset 0 is the first byte of a derived view, in every call. */
TEST_F_TIMEOUT(lib, derive, SECONDS)
{
	struct hostmem_slot *slots;
	struct hostmem_view *part, *ro;
	uint64_t *bitmap, generation;
	unsigned int n;
	char *p, *q;

	ASSERT_EQ(0, hostmem_view_derive(self->view, 4 * HM_BLOCK, 8 * HM_BLOCK,
					 HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE |
					 HOSTMEM_RIGHT_DERIVE, 0, &part));
	EXPECT_EQ(4 * HM_BLOCK, hostmem_view_get_start(part));
	EXPECT_EQ(8 * HM_BLOCK, hostmem_view_get_size(part));
	EXPECT_FALSE(hostmem_view_is_owner(part));
	EXPECT_EQ(-EPERM, plug(part, 0, 1));
	EXPECT_EQ(0, plug(self->view, 3, 3));
	EXPECT_EQ(0, hostmem_view_get_blocks(part, 0, 8 * HM_BLOCK, &bitmap, &generation));
	EXPECT_EQ(3, *bitmap);
	free(bitmap);
	EXPECT_EQ(-ENOENT, hostmem_view_get_blocks(part, HM_BLOCK, 8 * HM_BLOCK, &bitmap, NULL));
	ASSERT_EQ(0, hostmem_view_get_slots(part, 3 * HM_BLOCK, &slots, &n, NULL));
	ASSERT_EQ(1, n);
	EXPECT_EQ(0, slots[0].start);
	free(slots);
	EXPECT_EQ(0, hostmem_view_preallocate(part, HM_BLOCK, HM_BLOCK, NULL));
	EXPECT_EQ(-ENOENT, hostmem_view_preallocate(part, 2 * HM_BLOCK, HM_BLOCK, NULL));
	ASSERT_EQ(0, hostmem_view_map(self->view, 0, SIZE, PROT_READ | PROT_WRITE, (void **)&p));
	/* A part of a part. */
	ASSERT_EQ(0, hostmem_view_derive(part, HM_BLOCK, HM_BLOCK, HOSTMEM_RIGHT_READ, 0, &ro));
	EXPECT_EQ(5 * HM_BLOCK, hostmem_view_get_start(ro));
	ASSERT_EQ(0, hostmem_view_map(ro, 0, HM_BLOCK, PROT_READ, (void **)&q));
	p[5 * HM_BLOCK] = 'x';
	EXPECT_EQ('x', *q);
	EXPECT_EQ(-ENOENT, hostmem_view_map(ro, HM_BLOCK, HM_BLOCK, PROT_READ, (void **)&q));
	EXPECT_EQ(-EACCES, hostmem_view_map(ro, 0, HM_BLOCK, PROT_WRITE, (void **)&q));
	EXPECT_EQ(-EPERM, hostmem_view_derive(ro, 0, HM_BLOCK, HOSTMEM_RIGHT_READ, 0, &ro));
	EXPECT_EQ(-EPERM, hostmem_view_resize(part, 0, NULL, NULL, NULL));
	EXPECT_EQ(-EINVAL, hostmem_view_derive(part, 0, 0, HOSTMEM_RIGHT_READ, 0, &ro));
	EXPECT_EQ(-EINVAL, hostmem_view_derive(part, 0, HM_BLOCK, HOSTMEM_RIGHT_WRITE, 0, &ro));
	EXPECT_EQ(-EOPNOTSUPP, hostmem_view_derive(part, 0, HM_BLOCK, HOSTMEM_RIGHT_READ, ~0U,
						   &ro));
	EXPECT_EQ(0, hostmem_view_revoke(self->view, hostmem_view_get_id(part)));
	EXPECT_TRUE(hm_read_faults(q));
	EXPECT_FALSE(hm_read_faults(p + 5 * HM_BLOCK));
	hostmem_unmap(q, HM_BLOCK);
	hostmem_unmap(p, SIZE);
	hostmem_view_unref(ro);
	hostmem_view_unref(part);
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
/* Again and again: the first may come before there is a call to interrupt. */
static void alarms(bool on)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct timeval often = { .tv_usec = on ? 100000 : 0 };
	struct itimerval timer = { .it_value = often, .it_interval = often };

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
		EXPECT_EQ(-ENOMEM, hostmem_view_resize(view, 64 * MIB, &alloc, NULL, NULL));
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

/* Signals that are handled do not end it, however many come. */
TEST_F_TIMEOUT(lib, plug_with_alarms, SECONDS)
{
	struct hostmem_view *view = create_large(self->ctx, HOSTMEM_ALLOCATION_IMMEDIATE);
	struct hostmem_alloc alloc = { .threads = 3 };

	alarms(true);
	EXPECT_EQ(0, hostmem_view_plug(view, 0, LARGE, NULL));
	EXPECT_EQ(LARGE, plugged_bytes(view));
	EXPECT_EQ(0, hostmem_view_unplug(view, 0, LARGE));
	EXPECT_EQ(0, hostmem_view_plug(view, 0, LARGE, &alloc));
	alarms(false);
	EXPECT_EQ(LARGE, plugged_bytes(view));
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

TEST_F_TIMEOUT(lib, resize_fragmented, SECONDS)
{
	plug_bits(self->view, 0x0232);
	EXPECT_EQ(-EINVAL, hostmem_view_resize(self->view, SIZE + HM_BLOCK, NULL, NULL, NULL));
	EXPECT_EQ(-EINVAL, hostmem_view_resize(self->view, 4096, NULL, NULL, NULL));
	EXPECT_EQ(0, hostmem_view_resize(self->view, 4 * HM_BLOCK, NULL, NULL, NULL));
	EXPECT_EQ(0x0232, plugged(self->view));
	/* The lowest that are free come, the highest that are not go. */
	EXPECT_EQ(0, hostmem_view_resize(self->view, 5 * HM_BLOCK, NULL, NULL, NULL));
	EXPECT_EQ(0x0233, plugged(self->view));
	EXPECT_EQ(0, hostmem_view_resize(self->view, 8 * HM_BLOCK, NULL, NULL, NULL));
	EXPECT_EQ(0x027f, plugged(self->view));
	EXPECT_EQ(0, hostmem_view_resize(self->view, 3 * HM_BLOCK, NULL, NULL, NULL));
	EXPECT_EQ(0x0007, plugged(self->view));
	EXPECT_EQ(0, hostmem_view_resize(self->view, SIZE, NULL, NULL, NULL));
	EXPECT_EQ(0xffff, plugged(self->view));
	EXPECT_EQ(0, unplug(self->view, 14, 1));
	EXPECT_EQ(0, unplug(self->view, 3, 8));
	EXPECT_EQ(0, hostmem_view_resize(self->view, 5 * HM_BLOCK, NULL, NULL, NULL));
	EXPECT_EQ(0x1807, plugged(self->view));
	EXPECT_EQ(0, hostmem_view_resize(self->view, 0, NULL, NULL, NULL));
	EXPECT_EQ(0, plugged(self->view));
}

/* A resize tells what it did itself. */
TEST_F_TIMEOUT(lib, resize_changed, SECONDS)
{
	struct hostmem_range *changed;
	unsigned int count;

	plug_bits(self->view, 0x0232);
	EXPECT_EQ(-EINVAL, hostmem_view_resize(self->view, 4096, NULL, &changed, &count));
	EXPECT_EQ(NULL, changed);
	EXPECT_EQ(0, count);
	EXPECT_EQ(0, hostmem_view_resize(self->view, 6 * HM_BLOCK, NULL, &changed, &count));
	ASSERT_EQ(2, count);
	EXPECT_EQ(0, changed[0].start);
	EXPECT_EQ(HM_BLOCK, changed[0].length);
	EXPECT_EQ(2 * HM_BLOCK, changed[1].start);
	EXPECT_EQ(HM_BLOCK, changed[1].length);
	free(changed);
	EXPECT_EQ(0, hostmem_view_resize(self->view, 4 * HM_BLOCK, NULL, &changed, &count));
	ASSERT_EQ(2, count);
	EXPECT_EQ(9 * HM_BLOCK, changed[0].start);
	EXPECT_EQ(5 * HM_BLOCK, changed[1].start);
	free(changed);
	EXPECT_EQ(0, hostmem_view_resize(self->view, 4 * HM_BLOCK, NULL, &changed, &count));
	EXPECT_EQ(NULL, changed);
	EXPECT_EQ(0x0017, plugged(self->view));
}

struct meddler {
	struct hostmem_view *view;
	bool plug;
};

/* Somebody else, in the middle of a resize. */
static int meddle(void *data, unsigned long long done, unsigned long long total)
{
	struct meddler *m = data;

	if (m->plug)
		hostmem_view_plug(m->view, 14 * HM_BLOCK, HM_BLOCK, NULL);
	else
		hostmem_view_unplug(m->view, 2 * HM_BLOCK, HM_BLOCK);
	return done <= total;
}

/* A resize that fails takes back what it plugged, and not what others did meanwhile. */
TEST_F_TIMEOUT(lib, resize_beside_others, SECONDS)
{
	struct meddler m = { .view = self->view, .plug = true };
	struct hostmem_alloc alloc = { .now = true, .progress = meddle, .data = &m };
	struct hostmem_range *changed;
	unsigned int count;
	int rc;

	plug_bits(self->view, 0x0010);
	for (alloc.threads = 1; alloc.threads <= 3; alloc.threads += 2) {
		EXPECT_EQ(-ECANCELED, hostmem_view_resize(self->view, 8 * HM_BLOCK, &alloc,
							  &changed, &count));
		EXPECT_EQ(NULL, changed);
		EXPECT_EQ(0x4010, plugged(self->view));
		EXPECT_EQ(0, unplug(self->view, 14, 1));
	}
	m.plug = false;
	rc = hostmem_view_resize(self->view, 8 * HM_BLOCK, &alloc, NULL, NULL);
	EXPECT_TRUE(rc == -ECANCELED || rc == -ENOENT);
	EXPECT_EQ(0x0010, plugged(self->view));
}

/* To allocate now is all or nothing where a region would wait, too. */
TEST_F_TIMEOUT(lib, plug_now, SECONDS)
{
	struct hostmem_alloc alloc = { .threads = 2, .now = true };
	__u64 before = hm_meminfo("Shmem");

	EXPECT_EQ(0, hostmem_view_plug(self->view, 0, 4 * HM_BLOCK, &alloc));
	EXPECT_TRUE(near(before + 4 * HM_BLOCK, hm_meminfo("Shmem")));
	EXPECT_EQ(0, hostmem_view_unplug(self->view, 0, 4 * HM_BLOCK));
	if (!cgroup_join("16M"))
		SKIP(return, "no memory cgroup");
	EXPECT_EQ(-ENOMEM, hostmem_view_plug(self->view, 0, SIZE, &alloc));
	cgroup_leave();
	EXPECT_EQ(0, plugged(self->view));
	EXPECT_TRUE(near(before, hm_meminfo("Shmem")));
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
			  hostmem_view_resize(self->view, SIZE, &alloc, NULL, NULL));
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
	EXPECT_EQ(-ECANCELED, hostmem_view_resize(view, LARGE, &alloc, NULL, NULL));
	EXPECT_EQ(3, w.calls);
	EXPECT_EQ(LARGE - 2 * HM_BLOCK, w.total);
	EXPECT_LT(0, w.done);
	EXPECT_EQ(0, hostmem_view_get_info(view, &info));
	EXPECT_EQ(2 * HM_BLOCK, info.out_plugged);
	EXPECT_EQ(0xa, plugged(view));
	EXPECT_TRUE(near(before, hm_meminfo("Shmem")));
	hostmem_view_unref(view);
}

/* Last, for it takes the module away. */
FIXTURE(module) {};
FIXTURE_SETUP(module) {}
FIXTURE_TEARDOWN(module) {}

TEST_F_TIMEOUT(module, absent, SECONDS)
{
	struct hostmem_region_params params;
	struct hostmem_monitor *monitor;
	struct hostmem_view *view;
	struct hostmem_info info;
	struct hostmem_ctx *ctx;

	hostmem_region_params_init(&params);
	params.size = SIZE;
	umount(HM_DIR);
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
	/* Without the mount there are no names; with it, and when it is there already. */
	EXPECT_EQ(-ENODEV, hostmem_view_create(ctx, "x", &params, &view));
	EXPECT_EQ(-ENOENT, hostmem_view_open(ctx, "x", HOSTMEM_OPEN_OWNER, &view));
	EXPECT_EQ(0, hostmem_mount(ctx));
	EXPECT_EQ(0, hostmem_mount(ctx));
	ASSERT_EQ(0, hostmem_view_create(ctx, "x", &params, &view));
	EXPECT_EQ(0, hostmem_view_destroy(view, false));
	hostmem_view_unref(view);
	hostmem_unref(ctx);
}

TEST_HARNESS_MAIN
