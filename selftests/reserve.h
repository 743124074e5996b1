/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel tells of a namespace, and a reserve on namespace0.0. Asked through libhostmem: a
 * command takes seconds on the debug kernel, and a namespace that is made anew takes a minute.
 */
#ifndef _HOSTMEM_SELFTEST_RESERVE_H
#define _HOSTMEM_SELFTEST_RESERVE_H

#include <libhostmem.h>
#include <linux/hostmem_reserve.h>

#include "dax.h"

/* A kind of namespace: its @mode and @layout, "tail", "head" or NULL without a reserve. */
struct reserve {
	const char *mode;
	const char *layout;
	__u64 size;
};

/* As it is now; NULL if it is off. */
static inline struct hostmem_pmem *reserve_find(struct hostmem_ctx *ctx, const char *namespace)
{
	struct hostmem_pmem *pmem;

	HM_TRUE(!hostmem_pmem_refresh(ctx));
	hostmem_pmem_foreach(ctx, pmem) {
		if (!strcmp(hostmem_pmem_get_name(pmem), namespace))
			return pmem;
	}
	return NULL;
}

/* The same; @ctx has to be put in any case. */
static inline struct hostmem_pmem *reserve_pmem(struct hostmem_ctx **ctx, const char *namespace)
{
	HM_TRUE(!hostmem_new(ctx));
	return reserve_find(*ctx, namespace);
}

/* For struct hostmem_region_create; 0 if it is off. */
static inline __u64 reserve_pmem_id(const char *namespace)
{
	struct hostmem_ctx *ctx;
	struct hostmem_pmem *pmem = reserve_pmem(&ctx, namespace);
	__u64 id = pmem ? hostmem_pmem_get_id(pmem) : 0;

	hostmem_unref(ctx);
	return id;
}

static inline bool reserve_is(struct hostmem_pmem *pmem, const struct reserve *kind)
{
	bool devdax = !strcmp(kind->mode, "devdax");
	bool tail = kind->layout && !strcmp(kind->layout, "tail");

	if (hostmem_pmem_get_mode(pmem) != (devdax ? HOSTMEM_PMEM_DEVDAX : HOSTMEM_PMEM_FSDAX))
		return false;
	if (!kind->layout)
		return !hostmem_pmem_get_reserve_layout(pmem);
	return hostmem_pmem_get_reserve_layout(pmem) ==
			(tail ? HOSTMEM_RESERVE_TAIL : HOSTMEM_RESERVE_HEAD) &&
	       hostmem_pmem_get_reserve_size(pmem) == kind->size;
}

/* Make namespace0.0 one of that kind, unless it is. */
static inline void reserve_make(const struct reserve *kind)
{
	struct hostmem_ctx *ctx;
	struct hostmem_pmem *pmem;
	bool is;

	dax_umount(&hm_ext4);
	pmem = reserve_pmem(&ctx, hm_ext4.namespace);
	is = pmem && reserve_is(pmem, kind);
	hostmem_unref(ctx);
	if (is)
		return;
	if (kind->layout)
		hm_sh("hostmemctl create-namespace -e %s -f --mode %s --layout %s --map mem --reserve %llu",
		      hm_ext4.namespace, kind->mode, kind->layout, (unsigned long long)kind->size);
	else
		hm_sh("ndctl create-namespace -f -e %s --mode %s --map mem", hm_ext4.namespace,
		      kind->mode);
}

/* A region of @backing as hostmemctl names it, "file:PATH" or that reserve, plugged. */
static inline int _reserve_region(const char *backing, const char *name, __u64 size)
{
	struct hostmem_region_create cmd = hm_create_cmd(name, size);
	int fd;

	if (!strncmp(backing, "file:", strlen("file:"))) {
		cmd.backing = HOSTMEM_BACKING_FILE;
		cmd.backing_fd = HM_OK(open(backing + strlen("file:"), O_RDWR | O_CLOEXEC));
	} else {
		cmd.backing = HOSTMEM_BACKING_RESERVE;
		cmd.backing_pmem = reserve_pmem_id(hm_ext4.namespace);
	}
	fd = _hm_create_raw(&cmd);
	if (cmd.backing == HOSTMEM_BACKING_FILE)
		close(cmd.backing_fd);
	if (fd >= 0)
		hm_plug(fd, 0, size);
	return fd;
}

#define reserve_region(...) HM_OK(_reserve_region(__VA_ARGS__))
#define reserve_region_err(_err, ...) HM_ERR(_err, _reserve_region(__VA_ARGS__))

#endif /* _HOSTMEM_SELFTEST_RESERVE_H */
