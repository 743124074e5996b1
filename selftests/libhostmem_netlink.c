// SPDX-License-Identifier: GPL-2.0
/*
 * What libhostmem learns by netlink: lists of regions and views, and events. This
 * program's own mnl_socket_recvfrom() stands before libmnl's: it lets something happen, where a
 * test wants it.
 */
#include <dlfcn.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <libhostmem.h>

#include "harness.h"
#include "lib.h"
#include "lib_fixture.h"
#include "lib_view.h"

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
	char name[HM_NAME_MAX];
	unsigned int n, m, i;
	uint64_t generation;

	self->params.size = 4 * GIB;
	ASSERT_EQ(0, hostmem_view_create(self->ctx, hm_name(name), &self->params, &view));
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	region = hostmem_region_get_by_name(self->ctx, name);
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
	EXPECT_EQ(0, hostmem_view_destroy(view, false));
	hostmem_view_unref(view);
	EXPECT_EQ(-ENOENT, hostmem_region_get_slots(region, HM_BLOCK, &listed, &n));
}

static int slots_of_nobody(void *data)
{
	struct hostmem_slot *slots;
	unsigned int n;

	HM_OK(setuid(65534));
	return -hostmem_region_get_slots(data, HM_BLOCK, &slots, &n);
}

/* It takes an open file: a name, the right to read it, and that it is still the same region. */
TEST_F(lib, slots_without_the_right)
{
	struct hostmem_region *region, *old;
	struct hostmem_slot *slots;
	struct hostmem_view *view;
	unsigned int n;

	view = create(self->ctx, &self->params);
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	region = hostmem_region_get_by_id(self->ctx, hostmem_view_get_region_id(view));
	EXPECT_EQ(-EPERM, hostmem_region_get_slots(region, HM_BLOCK, &slots, &n));
	hostmem_view_unref(view);
	old = hostmem_region_get_by_name(self->ctx, self->name);
	EXPECT_EQ(EACCES, hm_in_child(slots_of_nobody, old));
	ASSERT_EQ(0, hostmem_view_destroy(self->view, false));
	hostmem_view_unref(self->view);
	ASSERT_EQ(0, hostmem_view_create(self->ctx, self->name, &self->params, &self->view));
	EXPECT_EQ(-ENOENT, hostmem_region_get_slots(old, HM_BLOCK, &slots, &n));
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

/* A view comes and goes. */
static void churn_views(void *data)
{
	struct hostmem_view *owner = data, *view;

	HM_TRUE(!hostmem_view_open(hostmem_view_get_ctx(owner), hostmem_view_get_name(owner),
				   HOSTMEM_OPEN_RDONLY, &view));
	hostmem_view_unref(view);
}

/* The same of views. */
TEST_F_TIMEOUT(lib, views_change_meanwhile, SECONDS)
{
	struct hostmem_view *views[2 * MANY];
	unsigned int i;
	int quiet;

	for (i = 0; i < HM_ARRAY_SIZE(views); i++)
		ASSERT_EQ(0, hostmem_view_open(self->ctx, self->name, HOSTMEM_OPEN_RDONLY,
					       &views[i]));
	receives = 0;
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	quiet = receives;
	meanwhile = churn_views;
	meanwhile_data = self->view;
	/* While regions are being read, and while views are. */
	meanwhile_times = quiet - 2;
	receives = 0;
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	EXPECT_LT(quiet, receives);
	EXPECT_EQ(HM_ARRAY_SIZE(views) + 1,
		  count_users(hostmem_region_get_by_name(self->ctx, self->name)));
	for (i = 0; i < HM_ARRAY_SIZE(views); i++)
		hostmem_view_unref(views[i]);
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
	/* It comes first, its name next. */
	event = next_event(m, id);
	EXPECT_STREQ("created", event.event);
	EXPECT_NULL(event.region_name);
	EXPECT_EQ(hostmem_view_get_id(self->view), event.view_id);
	EXPECT_EVENT("renamed", 0, 0, SIZE);
	EXPECT_EQ(-EAGAIN, hostmem_monitor_receive(m, &event));
	hostmem_monitor_unref(m);
}

/* In a PID namespace of its own: the pid of who plugs is told as the other namespace's, or not. */
/* Names of any length, and what becomes of them. */
TEST_F_TIMEOUT(lib, long_name, SECONDS)
{
	char dir[HM_NAME_MAX], name[PATH_MAX], other[PATH_MAX], part[NAME_MAX + 1];
	struct hostmem_region *region;
	struct hostmem_event event;
	struct hostmem_monitor *m;
	struct hostmem_view *view;
	uint64_t id;

	memset(part, 'n', NAME_MAX);
	part[NAME_MAX] = 0;
	HM_OK(mkdir(hm_path(hm_name(dir)), 0755));
	snprintf(name, sizeof(name), "%s/%s", dir, part);
	snprintf(other, sizeof(other), HM_DIR "%s/m%s", dir, part + 1);
	ASSERT_EQ(0, hostmem_monitor_new(self->ctx, &m));
	ASSERT_EQ(0, hostmem_view_create(self->ctx, name, &self->params, &view));
	id = hostmem_view_get_region_id(view);
	event = next_event(m, id);
	EXPECT_STREQ("created", event.event);
	EXPECT_NULL(event.region_name);
	event = next_event(m, id);
	EXPECT_STREQ("renamed", event.event);
	EXPECT_STREQ(name, event.region_name);
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	region = hostmem_region_get_by_name(self->ctx, name);
	ASSERT_NE(NULL, region);
	EXPECT_EQ(id, hostmem_region_get_id(region));
	EXPECT_STREQ(name, hostmem_region_get_name(region));
	HM_OK(rename(hm_path(name), other));
	event = next_event(m, id);
	EXPECT_STREQ("renamed", event.event);
	EXPECT_STREQ(other + strlen(HM_DIR), event.region_name);
	HM_OK(unlink(other));
	event = next_event(m, id);
	EXPECT_STREQ("renamed", event.event);
	EXPECT_STREQ(other + strlen(HM_DIR), event.region_name);
	ASSERT_EQ(0, hostmem_refresh(self->ctx));
	EXPECT_NULL(hostmem_region_get_name(hostmem_region_get_by_id(self->ctx, id)));
	/* What it was opened as. */
	EXPECT_STREQ(name, hostmem_view_get_name(view));
	hostmem_view_unref(view);
	hostmem_monitor_unref(m);
	HM_OK(rmdir(hm_path(dir)));
}

static int monitor_in_pid_namespace(void *data)
{
	struct hostmem_view *view = data;
	struct hostmem_event event;
	struct hostmem_monitor *m;

	HM_TRUE(!hostmem_monitor_new(hostmem_view_get_ctx(view), &m));
	HM_TRUE(!plug(view, 0, 1));
	event = next_event(m, hostmem_view_get_region_id(view));
	hostmem_monitor_unref(m);
	return event.pid ? KSFT_FAIL : KSFT_PASS;
}

static int monitor_beyond_pid_namespace(void *data)
{
	if (unshare(CLONE_NEWPID))
		return KSFT_SKIP;
	return hm_in_child(monitor_in_pid_namespace, data);
}

TEST_F(lib, monitor_without_pids)
{
	int rc = hm_in_child(monitor_beyond_pid_namespace, self->view);

	if (rc == KSFT_SKIP)
		SKIP(return, "no PID namespaces");
	EXPECT_EQ(0, rc);
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

TEST_HARNESS_MAIN
