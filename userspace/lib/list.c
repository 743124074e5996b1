// SPDX-License-Identifier: LGPL-2.1-only
/*
 * What there is: the regions, and who has them open, as netlink tells it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libmnl/libmnl.h>
#include <linux/hostmem_nl.h>

#include "private.h"

struct hostmem_user {
	struct hostmem_user *next;
	uint64_t view_id;
	unsigned long long start;
	unsigned long long length;
	pid_t pid;
	unsigned int rights;
	unsigned int mappings;
	bool revoked;
	uint64_t parent;
};

struct hostmem_region {
	struct hostmem_ctx *ctx;
	struct hostmem_region *next;
	struct hostmem_user *users;	/* owned */
	uint64_t id;
	char *name;			/* owned */
	unsigned long long size;
	unsigned long long block_size;
	unsigned long long slot_size;
	unsigned long long plugged;
	uint64_t generation;
	unsigned int backing;
	char *source;			/* owned */
	uint64_t pmem_id;
	unsigned int allocation;
	unsigned int huge;
	unsigned int views;
	unsigned int mappings;
};

static const uint8_t hostmem_region_types[HOSTMEM_A_REGION_MAX + 1] = {
	[HOSTMEM_A_REGION_ID] = MNL_TYPE_U64,
	[HOSTMEM_A_REGION_NAME] = MNL_TYPE_NUL_STRING,
	[HOSTMEM_A_REGION_SIZE] = MNL_TYPE_U64,
	[HOSTMEM_A_REGION_BLOCK_SIZE] = MNL_TYPE_U64,
	[HOSTMEM_A_REGION_SLOT_SIZE] = MNL_TYPE_U64,
	[HOSTMEM_A_REGION_PLUGGED] = MNL_TYPE_U64,
	[HOSTMEM_A_REGION_GENERATION] = MNL_TYPE_U64,
	[HOSTMEM_A_REGION_BACKING] = MNL_TYPE_U32,
	[HOSTMEM_A_REGION_ALLOCATION] = MNL_TYPE_U32,
	[HOSTMEM_A_REGION_HUGE] = MNL_TYPE_U32,
	[HOSTMEM_A_REGION_VIEWS] = MNL_TYPE_U32,
	[HOSTMEM_A_REGION_MAPPINGS] = MNL_TYPE_U32,
	[HOSTMEM_A_REGION_SOURCE] = MNL_TYPE_NUL_STRING,
	[HOSTMEM_A_REGION_PMEM_ID] = MNL_TYPE_U64,
};

static const uint8_t hostmem_view_types[HOSTMEM_A_VIEW_MAX + 1] = {
	[HOSTMEM_A_VIEW_ID] = MNL_TYPE_U64,
	[HOSTMEM_A_VIEW_REGION_ID] = MNL_TYPE_U64,
	[HOSTMEM_A_VIEW_START] = MNL_TYPE_U64,
	[HOSTMEM_A_VIEW_LENGTH] = MNL_TYPE_U64,
	[HOSTMEM_A_VIEW_PID] = MNL_TYPE_U32,
	[HOSTMEM_A_VIEW_RIGHTS] = MNL_TYPE_U32,
	[HOSTMEM_A_VIEW_MAPPINGS] = MNL_TYPE_U32,
	[HOSTMEM_A_VIEW_REVOKED] = MNL_TYPE_FLAG,
	[HOSTMEM_A_VIEW_PARENT] = MNL_TYPE_U64,
};

static void hostmem_users_free(struct hostmem_user *users)
{
	struct hostmem_user *next;

	for (; users; users = next) {
		next = users->next;
		free(users);
	}
}

void hostmem_list_free(struct hostmem_region *regions)
{
	struct hostmem_region *next;

	for (; regions; regions = next) {
		next = regions->next;
		hostmem_users_free(regions->users);
		free(regions->name);
		free(regions->source);
		free(regions);
	}
}

/* A list being read. Dumps are in the order of the numbers: append, and look ahead. */
struct hostmem_listing {
	struct hostmem_ctx *ctx;
	struct hostmem_region *regions;
	struct hostmem_region **tail;
	struct hostmem_region *current;	/* whose users are being read */
	struct hostmem_user **user_tail;
};

static int hostmem_list_region(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *a[HOSTMEM_A_REGION_MAX + 1] = { NULL };
	struct hostmem_attrs attrs = { a, hostmem_region_types, HOSTMEM_A_REGION_MAX };
	struct hostmem_listing *list = data;
	struct hostmem_region *region;
	int rc;

	if (hostmem_netlink_parse(nlh, &attrs) || !a[HOSTMEM_A_REGION_ID])
		return -EBADMSG;
	region = calloc(1, sizeof(*region));
	if (!region)
		return -ENOMEM;
	region->ctx = list->ctx;
	region->id = hostmem_attr_u64(a[HOSTMEM_A_REGION_ID]);
	region->size = hostmem_attr_u64(a[HOSTMEM_A_REGION_SIZE]);
	region->block_size = hostmem_attr_u64(a[HOSTMEM_A_REGION_BLOCK_SIZE]);
	region->slot_size = hostmem_attr_u64(a[HOSTMEM_A_REGION_SLOT_SIZE]);
	region->plugged = hostmem_attr_u64(a[HOSTMEM_A_REGION_PLUGGED]);
	region->generation = hostmem_attr_u64(a[HOSTMEM_A_REGION_GENERATION]);
	region->backing = hostmem_attr_u32(a[HOSTMEM_A_REGION_BACKING]);
	region->allocation = hostmem_attr_u32(a[HOSTMEM_A_REGION_ALLOCATION]);
	region->huge = hostmem_attr_u32(a[HOSTMEM_A_REGION_HUGE]);
	region->pmem_id = hostmem_attr_u64(a[HOSTMEM_A_REGION_PMEM_ID]);
	region->views = hostmem_attr_u32(a[HOSTMEM_A_REGION_VIEWS]);
	region->mappings = hostmem_attr_u32(a[HOSTMEM_A_REGION_MAPPINGS]);
	*list->tail = region;
	list->tail = &region->next;
	rc = hostmem_attr_string(a[HOSTMEM_A_REGION_NAME], &region->name);
	return rc ? rc : hostmem_attr_string(a[HOSTMEM_A_REGION_SOURCE], &region->source);
}

/* Make the region that a view belongs to the current one. */
static bool hostmem_list_seek(struct hostmem_listing *list, uint64_t region_id)
{
	struct hostmem_region *region = list->current ? list->current : list->regions;

	while (region && region->id < region_id)
		region = region->next;
	/* It was created after the regions were read. */
	if (!region || region->id != region_id)
		return false;
	if (region != list->current)
		list->user_tail = &region->users;
	list->current = region;
	return true;
}

static int hostmem_list_user(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *a[HOSTMEM_A_VIEW_MAX + 1] = { NULL };
	struct hostmem_attrs attrs = { a, hostmem_view_types, HOSTMEM_A_VIEW_MAX };
	struct hostmem_listing *list = data;
	struct hostmem_user *user;

	if (hostmem_netlink_parse(nlh, &attrs) || !a[HOSTMEM_A_VIEW_REGION_ID])
		return -EBADMSG;
	if (!hostmem_list_seek(list, hostmem_attr_u64(a[HOSTMEM_A_VIEW_REGION_ID])))
		return 0;
	user = calloc(1, sizeof(*user));
	if (!user)
		return -ENOMEM;
	user->view_id = hostmem_attr_u64(a[HOSTMEM_A_VIEW_ID]);
	user->start = hostmem_attr_u64(a[HOSTMEM_A_VIEW_START]);
	user->length = hostmem_attr_u64(a[HOSTMEM_A_VIEW_LENGTH]);
	user->pid = hostmem_attr_u32(a[HOSTMEM_A_VIEW_PID]);
	user->rights = hostmem_attr_u32(a[HOSTMEM_A_VIEW_RIGHTS]);
	user->mappings = hostmem_attr_u32(a[HOSTMEM_A_VIEW_MAPPINGS]);
	user->revoked = a[HOSTMEM_A_VIEW_REVOKED];
	user->parent = hostmem_attr_u64(a[HOSTMEM_A_VIEW_PARENT]);
	*list->user_tail = user;
	list->user_tail = &user->next;
	return 0;
}

static int hostmem_list_all(struct hostmem_netlink *nl, void *data)
{
	struct hostmem_listing *list = data;
	char buf[256];
	int rc;

	hostmem_list_free(list->regions);
	list->regions = NULL;
	list->tail = &list->regions;
	list->current = NULL;
	rc = hostmem_netlink_dump(nl, hostmem_netlink_request(nl, buf, HOSTMEM_NL_REGION_GET),
				  hostmem_list_region, list);
	if (rc)
		return rc;
	return hostmem_netlink_dump(nl, hostmem_netlink_request(nl, buf, HOSTMEM_NL_VIEW_GET),
				    hostmem_list_user, list);
}

/**
 * hostmem_refresh - read again what there is
 * @ctx: the context
 *
 * On success the regions and users that the context had listed are freed. On error they
 * stay as they were. Regions and users are read one after the other, again if regions come or
 * go in the middle of that: a user whose region is younger than the list of regions is left
 * out, and counts may differ by what happened in between.
 *
 * Return: 0; -ENODEV: the module is not loaded, or this is not the initial network
 * namespace; -EAGAIN: regions come and go too fast; -ENOMEM; -EBADMSG: an answer that cannot
 * be understood; or an error of socket(2).
 */
int hostmem_refresh(struct hostmem_ctx *ctx)
{
	struct hostmem_listing list = { .ctx = ctx };
	int rc;

	rc = hostmem_netlink_list(ctx, hostmem_list_all, &list);
	if (rc) {
		hostmem_list_free(list.regions);
		return rc;
	}
	hostmem_list_free(ctx->regions);
	ctx->regions = list.regions;
	ctx->listed = true;
	return 0;
}

/**
 * hostmem_region_get_first - the first region
 * @ctx: the context
 *
 * Reads the list if hostmem_refresh() has not done it yet; call that to see an error.
 *
 * Return: the region with the smallest number, owned by the context until the next
 * hostmem_refresh(); NULL: there is none, or the list cannot be read.
 */
struct hostmem_region *hostmem_region_get_first(struct hostmem_ctx *ctx)
{
	if (!ctx->listed && hostmem_refresh(ctx))
		return NULL;
	return ctx->regions;
}

/**
 * hostmem_region_get_next - the region after another
 * @region: the other
 *
 * Return: the region, or NULL.
 */
struct hostmem_region *hostmem_region_get_next(struct hostmem_region *region)
{
	return region->next;
}

/**
 * hostmem_region_get_by_name - find a region in the list
 * @ctx: the context
 * @name: its name, or its path, which begins with /dev/hostmem/
 *
 * Return: the region, or NULL.
 */
struct hostmem_region *hostmem_region_get_by_name(struct hostmem_ctx *ctx, const char *name)
{
	struct hostmem_region *region;

	name = hostmem_name_skip(name);
	hostmem_region_foreach(ctx, region)
		if (region->name && !strcmp(region->name, name))
			return region;
	return NULL;
}

/**
 * hostmem_region_get_by_id - find a region in the list
 * @ctx: the context
 * @id: its number
 *
 * Return: the region, or NULL.
 */
struct hostmem_region *hostmem_region_get_by_id(struct hostmem_ctx *ctx, uint64_t id)
{
	struct hostmem_region *region;

	hostmem_region_foreach(ctx, region)
		if (region->id == id)
			return region;
	return NULL;
}

/**
 * hostmem_region_get_ctx - the context of a listed region
 * @region: the region
 *
 * Return: the context, without a reference.
 */
struct hostmem_ctx *hostmem_region_get_ctx(struct hostmem_region *region)
{
	return region->ctx;
}

/**
 * hostmem_region_get_id - the number of a listed region
 * @region: the region
 *
 * Return: the number, never used again while the module is loaded.
 */
uint64_t hostmem_region_get_id(struct hostmem_region *region)
{
	return region->id;
}

/**
 * hostmem_region_get_name - the name of a listed region
 * @region: the region
 *
 * Return: the path below /dev/hostmem, owned by the context until the next hostmem_refresh();
 * NULL: it had no name when the list was read.
 */
const char *hostmem_region_get_name(struct hostmem_region *region)
{
	return region->name;
}

/**
 * hostmem_region_get_size - the size of a listed region
 * @region: the region
 *
 * Return: bytes.
 */
unsigned long long hostmem_region_get_size(struct hostmem_region *region)
{
	return region->size;
}

/**
 * hostmem_region_get_block_size - the size of a listed region's blocks
 * @region: the region
 *
 * Return: bytes.
 */
unsigned long long hostmem_region_get_block_size(struct hostmem_region *region)
{
	return region->block_size;
}

/**
 * hostmem_region_get_slot_size - the slot size that a listed region's creator recommends
 * @region: the region
 *
 * Return: bytes, or 0 for none.
 */
unsigned long long hostmem_region_get_slot_size(struct hostmem_region *region)
{
	return region->slot_size;
}

/**
 * hostmem_region_get_plugged - how much of a listed region is plugged
 * @region: the region
 *
 * Return: bytes.
 */
unsigned long long hostmem_region_get_plugged(struct hostmem_region *region)
{
	return region->plugged;
}

/**
 * hostmem_region_get_generation - the generation of a listed region
 * @region: the region
 *
 * Return: what it was when the list was read.
 */
uint64_t hostmem_region_get_generation(struct hostmem_region *region)
{
	return region->generation;
}

/**
 * hostmem_region_get_backing - where a listed region's memory comes from
 * @region: the region
 *
 * Return: HOSTMEM_BACKING_*.
 */
unsigned int hostmem_region_get_backing(struct hostmem_region *region)
{
	return region->backing;
}

/**
 * hostmem_region_get_source - what exactly a listed region's memory is
 * @region: the region
 *
 * Return: "file:PATH", or "reserve:NAMESPACE", which belongs to the context and is good until
 * the next refresh; NULL: ram, or a file whose path only who has CAP_SYS_ADMIN is told.
 */
const char *hostmem_region_get_source(struct hostmem_region *region)
{
	return region->source;
}

/**
 * hostmem_region_get_pmem_id - on which namespace a listed region's memory is
 * @region: the region
 *
 * Return: its number, as hostmem_pmem_get_id() tells it; 0: ram.
 */
uint64_t hostmem_region_get_pmem_id(struct hostmem_region *region)
{
	return region->pmem_id;
}

/**
 * hostmem_region_get_allocation - when a listed region's memory is allocated
 * @region: the region
 *
 * Return: HOSTMEM_ALLOCATION_*.
 */
unsigned int hostmem_region_get_allocation(struct hostmem_region *region)
{
	return region->allocation;
}

/**
 * hostmem_region_get_huge - in which pages a listed region is
 * @region: the region
 *
 * Return: HOSTMEM_HUGE_*.
 */
unsigned int hostmem_region_get_huge(struct hostmem_region *region)
{
	return region->huge;
}

/**
 * hostmem_region_get_views - how many views a listed region has
 * @region: the region
 *
 * Return: their number.
 */
unsigned int hostmem_region_get_views(struct hostmem_region *region)
{
	return region->views;
}

/**
 * hostmem_region_get_mappings - how many mappings a listed region has
 * @region: the region
 *
 * Return: their number, in all processes.
 */
unsigned int hostmem_region_get_mappings(struct hostmem_region *region)
{
	return region->mappings;
}

/**
 * hostmem_region_get_slots - the KVM slots that a listed region has now
 * @region: the region
 * @slot_size: bytes, a multiple of the block size; 0: what the creator recommends, or what
 *	hostmem_slot_size() says for the only region of a VM
 * @slots: out: array, ascending, to be freed by the caller; NULL if there are none
 * @count: out: elements of @slots
 *
 * For showing: opens the region for reading, and closes it again, which others see as a view that
 * comes and goes. A VMM uses hostmem_view_get_slots().
 *
 * Return: 0; -EINVAL: @slot_size is not a multiple of the block size; -EACCES: the caller may not
 * read the region; -EPERM: it has no name, or hostmemfs is not mounted at /dev/hostmem, so that
 * only who has an fd of it can ask; -ENOENT: it has gone, or been renamed; and the errors of
 * hostmem_view_open() and hostmem_view_get_slots().
 */
int hostmem_region_get_slots(struct hostmem_region *region, unsigned long long slot_size,
			     struct hostmem_slot **slots, unsigned int *count)
{
	struct hostmem_view *view = NULL;
	int rc;

	if (!region->name || !hostmem_is_mounted())
		return -EPERM;
	rc = hostmem_view_open(region->ctx, region->name, HOSTMEM_OPEN_RDONLY, &view);
	/* Another region may have taken the name. */
	if (!rc && hostmem_view_get_region_id(view) != region->id)
		rc = -ENODEV;
	else if (!rc)
		rc = hostmem_view_get_slots(view, slot_size, slots, count, NULL);
	hostmem_view_unref(view);
	if (!rc && !*count) {
		free(*slots);
		*slots = NULL;
	}
	return rc == -ENODEV ? -ENOENT : rc;
}

/**
 * hostmem_user_get_first - the first view of a listed region
 * @region: the region
 *
 * Return: the view that was made first, owned by the context until the next
 * hostmem_refresh(), or NULL.
 */
struct hostmem_user *hostmem_user_get_first(struct hostmem_region *region)
{
	return region->users;
}

/**
 * hostmem_user_get_next - the view after another
 * @user: the other
 *
 * Return: the view, or NULL.
 */
struct hostmem_user *hostmem_user_get_next(struct hostmem_user *user)
{
	return user->next;
}

/**
 * hostmem_user_get_view_id - the number of a listed view
 * @user: the view
 *
 * Return: what hostmem_view_revoke() takes.
 */
uint64_t hostmem_user_get_view_id(struct hostmem_user *user)
{
	return user->view_id;
}

/**
 * hostmem_user_get_start - where a listed view begins
 * @user: the view
 *
 * Return: bytes from the region's start.
 */
unsigned long long hostmem_user_get_start(struct hostmem_user *user)
{
	return user->start;
}

/**
 * hostmem_user_get_length - how much a listed view covers
 * @user: the view
 *
 * Return: bytes.
 */
unsigned long long hostmem_user_get_length(struct hostmem_user *user)
{
	return user->length;
}

/**
 * hostmem_user_get_pid - who opened a listed view
 * @user: the view
 *
 * Return: the process, 0 if it is not visible in the caller's PID namespace. It may have
 * handed the view on, or have gone.
 */
pid_t hostmem_user_get_pid(struct hostmem_user *user)
{
	return user->pid;
}

/**
 * hostmem_user_get_rights - what a listed view may do
 * @user: the view
 *
 * Return: HOSTMEM_RIGHT_* flags.
 */
unsigned int hostmem_user_get_rights(struct hostmem_user *user)
{
	return user->rights;
}

/**
 * hostmem_user_get_mappings - how many mappings were made through a listed view
 * @user: the view
 *
 * Return: their number, in all processes that have it.
 */
unsigned int hostmem_user_get_mappings(struct hostmem_user *user)
{
	return user->mappings;
}

/**
 * hostmem_user_is_revoked - whether a listed view has been revoked
 * @user: the view
 *
 * Return: true if it has; it stays in the list until its last file and mapping go.
 */
bool hostmem_user_is_revoked(struct hostmem_user *user)
{
	return user->revoked;
}

/**
 * hostmem_user_get_parent - what a listed view has been derived from
 * @user: the view
 *
 * Return: number of the view with which it is revoked; 0: none.
 */
uint64_t hostmem_user_get_parent(struct hostmem_user *user)
{
	return user->parent;
}
