/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Those who ask while a call on one region takes long, and must not wait for it: for a list, for
 * that region, another netlink family, and for a region of their own.
 */
#ifndef _HOSTMEM_SELFTEST_ASK_H
#define _HOSTMEM_SELFTEST_ASK_H

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <libhostmem.h>

#include "lib.h"

/* Seconds that emulated processors may need for what takes a millisecond. */
#define ASK_PATIENCE 30

struct ask {
	int busy;	/* a view of the region that the call is about; -1: that has ended */
	int other;	/* a region of their own */
	struct hostmem_ctx *ctx;
};

static inline void ask_list(const struct ask *ask)
{
	struct hostmem_badblock *bad;
	struct hostmem_region *region;
	unsigned int n;

	HM_TRUE(!hostmem_refresh(ask->ctx));
	hostmem_region_foreach(ask->ctx, region)
		HM_TRUE(!hostmem_region_get_badblocks(region, &bad, &n) && !n);
}

static inline void ask_region(const struct ask *ask)
{
	struct hostmem_region_info info;
	__u64 words[1];

	if (ask->busy < 0)
		return;
	hm_info(ask->busy, &info);
	hm_blocks(ask->busy, 0, HM_BLOCK, words, NULL);
}

/* The one that knows all others: it shares a mutex with most of them. */
static inline void ask_family(const struct ask *ask)
{
	struct hostmem_monitor *monitor;

	HM_TRUE(!hostmem_monitor_new(ask->ctx, &monitor));
	hostmem_monitor_unref(monitor);
}

static inline void ask_create(const struct ask *ask)
{
	(void)ask;
	close(hm_create(HM_BLOCK));
}

static inline void ask_plug(const struct ask *ask)
{
	hm_unplug(ask->other, 0, HM_BLOCK);
	hm_plug(ask->other, 0, HM_BLOCK);
}

static inline void ask_touch(const struct ask *ask)
{
	char *p = hm_map(ask->other, 0, HM_BLOCK, PROT_READ | PROT_WRITE);

	HM_TRUE(!hm_write_faults(p, 1));
	HM_OK(munmap(p, HM_BLOCK));
}

static const struct {
	const char *name;
	void (*fn)(const struct ask *ask);
} hm_asks[] = {
	{ "list", ask_list }, { "the region", ask_region }, { "another family", ask_family },
	{ "create", ask_create }, { "plug", ask_plug }, { "map and touch", ask_touch },
};

/* The rest of this process is nobody's. */
static inline struct ask ask_as_nobody(int busy)
{
	struct ask ask = { .busy = busy, .other = hm_create(HM_BLOCK) };

	hm_plug(ask.other, 0, HM_BLOCK);
	HM_OK(setresuid(65534, 65534, 65534));
	HM_TRUE(!hostmem_new(&ask.ctx));
	return ask;
}

/* Ask all once. @worst has the longest that each took until now, in ms. */
static inline void ask_once(const struct ask *ask, double worst[HM_ARRAY_SIZE(hm_asks)])
{
	double begin, took;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(hm_asks); i++) {
		begin = hm_now();
		hm_asks[i].fn(ask);
		took = hm_now() - begin;
		if (took > worst[i])
			worst[i] = took;
	}
}

/* How long it was is for who reads it: an emulated processor may stand still for as long. */
static inline void ask_report(const double worst[HM_ARRAY_SIZE(hm_asks)])
{
	size_t i;

	printf("# the longest, in ms:");
	for (i = 0; i < HM_ARRAY_SIZE(hm_asks); i++)
		printf("%s %s %.1f", i ? "," : "", hm_asks[i].name, worst[i]);
	printf("\n");
	fflush(stdout);
}

/* Whether all who ask, some times over, are answered before the caller ends what takes long. */
static inline bool ask_answered(int busy)
{
	double worst[HM_ARRAY_SIZE(hm_asks)] = {}, end = hm_now() + ASK_PATIENCE * 1e3;
	pid_t pid = HM_OK(fork()), ended;
	struct ask ask;
	int i, status;

	if (!pid) {
		ask = ask_as_nobody(busy);
		for (i = 0; i < 20; i++)
			ask_once(&ask, worst);
		ask_report(worst);
		_exit(0);
	}
	while (!(ended = HM_OK(waitpid(pid, &status, WNOHANG))) && hm_now() < end)
		usleep(10000);
	/* It dies when what it waits for has come. */
	if (!ended)
		HM_OK(kill(pid, SIGKILL));
	return ended && !status;
}

#endif /* _HOSTMEM_SELFTEST_ASK_H */
