/* SPDX-License-Identifier: GPL-2.0 */
/* The fixture "lib": a context and a named region; what a test made is gone after it. */
#ifndef _HOSTMEM_SELFTEST_LIB_FIXTURE_H
#define _HOSTMEM_SELFTEST_LIB_FIXTURE_H

#include <unistd.h>
#include <libhostmem.h>

#include "harness.h"
#include "lib.h"
#include "lib_view.h"

/* What Shmem may differ by: counters of processors that have not been added up. */
#define SLACK (2 * MIB)

static inline bool near(__u64 a, __u64 b)
{
	return a < b + SLACK && b < a + SLACK;
}

FIXTURE(lib)
{
	struct hostmem_ctx *ctx;
	struct hostmem_region_params params;
	struct hostmem_view *view;
	char name[HM_NAME_MAX];
	__u64 shmem;
	int fds;
};

FIXTURE_SETUP(lib)
{
	int rc;

	if (access(HM_CONTROL, F_OK))
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

#endif /* _HOSTMEM_SELFTEST_LIB_FIXTURE_H */
