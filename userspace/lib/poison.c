// SPDX-License-Identifier: LGPL-2.1-only
/*
 * What is bad in a region or in a pmem namespace, as netlink tells it.
 */
#include <errno.h>
#include <stdlib.h>
#include <libmnl/libmnl.h>
#include <linux/hostmem_nl.h>

#include "private.h"

static const uint8_t hostmem_poison_types[HOSTMEM_A_POISON_MAX + 1] = {
	[HOSTMEM_A_POISON_START] = MNL_TYPE_U64,
	[HOSTMEM_A_POISON_LENGTH] = MNL_TYPE_U64,
	[HOSTMEM_A_POISON_SPA] = MNL_TYPE_U64,
	[HOSTMEM_A_POISON_SINCE] = MNL_TYPE_U64,
	[HOSTMEM_A_POISON_RECORDED] = MNL_TYPE_FLAG,
};

struct hostmem_poison_listing {
	uint16_t attr;			/* HOSTMEM_A_POISON_REGION_ID or _PMEM_ID */
	uint64_t id;
	struct hostmem_badblock *bad;
	unsigned int count;
	unsigned int room;
};

static int hostmem_list_bad(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *a[HOSTMEM_A_POISON_MAX + 1] = { NULL };
	struct hostmem_attrs attrs = { a, hostmem_poison_types, HOSTMEM_A_POISON_MAX };
	struct hostmem_poison_listing *list = data;
	struct hostmem_badblock *bad;

	if (hostmem_netlink_parse(nlh, &attrs) || !a[HOSTMEM_A_POISON_LENGTH])
		return -EBADMSG;
	bad = hostmem_array_grow(list->bad, list->count, &list->room, sizeof(*bad));
	if (!bad)
		return -ENOMEM;
	list->bad = bad;
	list->bad[list->count++] = (struct hostmem_badblock) {
		.start = hostmem_attr_u64(a[HOSTMEM_A_POISON_START]),
		.length = hostmem_attr_u64(a[HOSTMEM_A_POISON_LENGTH]),
		.spa = hostmem_attr_u64(a[HOSTMEM_A_POISON_SPA]),
		.since = hostmem_attr_u64(a[HOSTMEM_A_POISON_SINCE]),
		.recorded = a[HOSTMEM_A_POISON_RECORDED],
	};
	return 0;
}

static int hostmem_list_poison(struct hostmem_netlink *nl, void *data)
{
	struct hostmem_poison_listing *list = data;
	struct nlmsghdr *nlh;
	char buf[256];

	list->count = 0;
	nlh = hostmem_netlink_request(nl, buf, HOSTMEM_NL_POISON_GET);
	mnl_attr_put_u64(nlh, list->attr, list->id);
	return hostmem_netlink_dump(nl, nlh, hostmem_list_bad, list);
}

/* As hostmem_region_get_badblocks(), of what an attribute of the request tells. */
int hostmem_badblocks(struct hostmem_ctx *ctx, uint16_t attr, uint64_t id,
		      struct hostmem_badblock **bad, unsigned int *count)
{
	struct hostmem_poison_listing list = { .attr = attr, .id = id };
	int rc;

	rc = hostmem_netlink_list(ctx, hostmem_list_poison, &list);
	/* They may have come, and gone before they were read again. */
	if (rc || !list.count) {
		free(list.bad);
		list.bad = NULL;
	}
	if (rc)
		return rc;
	*bad = list.bad;
	*count = list.count;
	return 0;
}

/**
 * hostmem_region_get_badblocks - what is bad in a listed region now
 * @region: the region
 * @bad: out: array, ascending, to be freed by the caller; NULL if nothing is
 * @count: out: elements of @bad
 *
 * Accesses to a page in which something is bad get SIGBUS with BUS_MCEERR_AR; a block in which
 * something is bad cannot be plugged.
 *
 * Return: 0; -ENOENT: the region has gone; -EAGAIN: it changes too fast; and the errors of
 * hostmem_refresh().
 */
int hostmem_region_get_badblocks(struct hostmem_region *region, struct hostmem_badblock **bad,
				 unsigned int *count)
{
	return hostmem_badblocks(hostmem_region_get_ctx(region), HOSTMEM_A_POISON_REGION_ID,
				 hostmem_region_get_id(region), bad, count);
}

/**
 * hostmem_pmem_get_badblocks - what is bad in a pmem namespace now
 * @pmem: the namespace
 * @bad: out: array, ascending, to be freed by the caller; NULL if nothing is
 * @count: out: elements of @bad
 *
 * Of all of the namespace, also of what is not data.
 *
 * Return: 0; -EPERM: needs CAP_SYS_ADMIN; -ENOENT: the namespace has been disabled; -EAGAIN: it
 * changes too fast; and the errors of hostmem_refresh().
 */
int hostmem_pmem_get_badblocks(struct hostmem_pmem *pmem, struct hostmem_badblock **bad,
			       unsigned int *count)
{
	return hostmem_badblocks(hostmem_pmem_get_ctx(pmem), HOSTMEM_A_POISON_PMEM_ID,
				 hostmem_pmem_get_id(pmem), bad, count);
}
