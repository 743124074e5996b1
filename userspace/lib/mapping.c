// SPDX-License-Identifier: LGPL-2.1-only
/*
 * Who maps a region, as netlink tells it.
 */
#include <errno.h>
#include <stdlib.h>
#include <libmnl/libmnl.h>
#include <linux/hostmem_nl.h>

#include "private.h"

static const uint8_t hostmem_mapping_types[HOSTMEM_A_MAPPING_MAX + 1] = {
	[HOSTMEM_A_MAPPING_VIEW_ID] = MNL_TYPE_U64,
	[HOSTMEM_A_MAPPING_PID] = MNL_TYPE_U32,
	[HOSTMEM_A_MAPPING_ADDRESS] = MNL_TYPE_U64,
	[HOSTMEM_A_MAPPING_START] = MNL_TYPE_U64,
	[HOSTMEM_A_MAPPING_LENGTH] = MNL_TYPE_U64,
	[HOSTMEM_A_MAPPING_PROT] = MNL_TYPE_U32,
};

struct hostmem_mapping_listing {
	uint64_t region_id;
	struct hostmem_mapping *mappings;
	unsigned int count;
	unsigned int room;
};

static int hostmem_list_mapping(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *a[HOSTMEM_A_MAPPING_MAX + 1] = { NULL };
	struct hostmem_attrs attrs = { a, hostmem_mapping_types, HOSTMEM_A_MAPPING_MAX };
	struct hostmem_mapping_listing *list = data;
	struct hostmem_mapping *mappings;

	if (hostmem_netlink_parse(nlh, &attrs) || !a[HOSTMEM_A_MAPPING_VIEW_ID])
		return -EBADMSG;
	mappings = hostmem_array_grow(list->mappings, list->count, &list->room,
				      sizeof(*mappings));
	if (!mappings)
		return -ENOMEM;
	list->mappings = mappings;
	list->mappings[list->count++] = (struct hostmem_mapping) {
		.view_id = hostmem_attr_u64(a[HOSTMEM_A_MAPPING_VIEW_ID]),
		.pid = hostmem_attr_u32(a[HOSTMEM_A_MAPPING_PID]),
		.address = hostmem_attr_u64(a[HOSTMEM_A_MAPPING_ADDRESS]),
		.start = hostmem_attr_u64(a[HOSTMEM_A_MAPPING_START]),
		.length = hostmem_attr_u64(a[HOSTMEM_A_MAPPING_LENGTH]),
		.prot = hostmem_attr_u32(a[HOSTMEM_A_MAPPING_PROT]),
	};
	return 0;
}

static int hostmem_list_mappings(struct hostmem_netlink *nl, void *data)
{
	struct hostmem_mapping_listing *list = data;
	struct nlmsghdr *nlh;
	char buf[256];

	list->count = 0;
	nlh = hostmem_netlink_request(nl, buf, HOSTMEM_NL_MAPPING_GET);
	mnl_attr_put_u64(nlh, HOSTMEM_A_MAPPING_REGION_ID, list->region_id);
	return hostmem_netlink_dump(nl, nlh, hostmem_list_mapping, list);
}

static int hostmem_order(unsigned long long a, unsigned long long b)
{
	return (a > b) - (a < b);
}

static int hostmem_mapping_order(const void *one, const void *other)
{
	const struct hostmem_mapping *a = one;
	const struct hostmem_mapping *b = other;
	int order = hostmem_order(a->view_id, b->view_id);

	if (!order)
		order = hostmem_order(a->pid, b->pid);
	if (!order)
		order = hostmem_order(a->start, b->start);
	return order ? order : hostmem_order(a->address, b->address);
}

/**
 * hostmem_region_get_mapping_list - who maps a listed region now
 * @region: the region
 * @mappings: out: array, by view, process and offset, to be freed by the caller; NULL: nobody
 * @count: out: elements of @mappings
 *
 * All processes that do, not only those that opened a view. Mappings that are made or undone
 * meanwhile may be among them or not.
 *
 * Return: 0; -EPERM: needs CAP_SYS_ADMIN; -ENOENT: the region has gone; -EAGAIN: mappings are being
 * changed, or much memory is being taken out of them: later; and the errors of hostmem_refresh().
 */
int hostmem_region_get_mapping_list(struct hostmem_region *region,
				    struct hostmem_mapping **mappings, unsigned int *count)
{
	struct hostmem_mapping_listing list = { .region_id = hostmem_region_get_id(region) };
	int rc;

	rc = hostmem_netlink_list(hostmem_region_get_ctx(region), hostmem_list_mappings, &list);
	if (rc || !list.count) {
		free(list.mappings);
		list.mappings = NULL;
	}
	if (rc)
		return rc;
	if (list.count)
		qsort(list.mappings, list.count, sizeof(*list.mappings), hostmem_mapping_order);
	*mappings = list.mappings;
	*count = list.count;
	return 0;
}
