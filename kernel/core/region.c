// SPDX-License-Identifier: GPL-2.0
/*
 * Regions: creation, the table of those that exist, and their end.
 */
#include <linux/bitmap.h>
#include <linux/hostmem_nl.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "hostmem_private.h"

/* The table. */
DEFINE_MUTEX(hostmem_regions_lock);
static DEFINE_XARRAY(hostmem_regions);
static unsigned int hostmem_nr_regions;
static u64 hostmem_last_id;
static unsigned int hostmem_list_seq;

unsigned int hostmem_regions_count(void)
{
	unsigned int n;

	mutex_lock(&hostmem_regions_lock);
	n = hostmem_nr_regions;
	mutex_unlock(&hostmem_regions_lock);
	return n;
}

/**
 * hostmem_regions_seq - changes when a region is listed or unlisted
 *
 * Context: under hostmem_regions_lock.
 * Return: a number that is never 0.
 */
unsigned int hostmem_regions_seq(void)
{
	lockdep_assert_held(&hostmem_regions_lock);
	return hostmem_list_seq ?: 1;
}

/**
 * hostmem_region_next - the first listed region from a number on
 * @id: in: smallest number; out: the region's number
 *
 * Context: under hostmem_regions_lock, which keeps the region.
 * Return: the region, or NULL.
 */
struct hostmem_region *hostmem_region_next(u64 *id)
{
	struct hostmem_region *region;
	unsigned long index = *id;

	lockdep_assert_held(&hostmem_regions_lock);
	xa_for_each_start(&hostmem_regions, index, region, index) {
		if (!region->listed)
			continue;
		*id = index;
		return region;
	}
	return NULL;
}

/**
 * hostmem_region_get - keep a region that was found in the table
 * @region: the region, kept by the table's lock
 *
 * Return: true; false: it is being freed.
 */
bool hostmem_region_get(struct hostmem_region *region)
{
	return kref_get_unless_zero(&region->ref);
}

/**
 * hostmem_region_find - a listed region by number
 * @id: its number
 *
 * Context: under hostmem_regions_lock, which keeps the region.
 * Return: the region, or NULL.
 */
struct hostmem_region *hostmem_region_find(u64 id)
{
	struct hostmem_region *region = xa_load(&hostmem_regions, id);

	lockdep_assert_held(&hostmem_regions_lock);
	return region && region->listed ? region : NULL;
}

/**
 * hostmem_region_find_name - a listed region by name
 * @name: its name
 *
 * Context: sleeps; under hostmem_regions_lock, which keeps the region.
 * Return: the region, NULL, or ERR_PTR(-ENOMEM).
 */
struct hostmem_region *hostmem_region_find_name(const char *name)
{
	struct hostmem_region *region, *found = NULL;
	char *buf = kmalloc(HOSTMEM_NAME_SIZE, GFP_KERNEL);
	const char *its;
	u64 id = 0;

	if (!buf)
		return ERR_PTR(-ENOMEM);
	for (; !found && (region = hostmem_region_next(&id)); id++) {
		its = hostmem_name(region, buf, false);
		if (its && !strcmp(its, name))
			found = region;
	}
	kfree(buf);
	return found;
}

/**
 * hostmem_regions_renamed - tell of all regions whose name a rename has changed
 * @dentry: that has been moved
 *
 * Context: sleeps; under the lock of its directory.
 */
void hostmem_regions_renamed(struct dentry *dentry)
{
	struct hostmem_region *region;
	u64 id = 0;

	mutex_lock(&hostmem_regions_lock);
	for (; (region = hostmem_region_next(&id)); id++) {
		if (hostmem_name_below(region, dentry))
			hostmem_event(region, HOSTMEM_NL_RENAMED, 0, 0, region->size);
	}
	mutex_unlock(&hostmem_regions_lock);
}

/* Take a place in the table; nobody finds the region yet. */
static int hostmem_region_enroll(struct hostmem_region *region)
{
	int rc;

	mutex_lock(&hostmem_regions_lock);
	if (hostmem_nr_regions == HOSTMEM_MAX_REGIONS) {
		rc = -ENOSPC;
	} else {
		region->id = ++hostmem_last_id;
		rc = xa_insert(&hostmem_regions, region->id, region, GFP_KERNEL);
		if (!rc)
			hostmem_nr_regions++;
	}
	mutex_unlock(&hostmem_regions_lock);
	return rc;
}

/**
 * hostmem_region_publish - let everybody find a region
 * @region: with a place in the table
 * @view_id: of its first view
 *
 * Context: sleeps.
 * Return: 0; -ENODEV: it has ended already.
 */
int hostmem_region_publish(struct hostmem_region *region, u64 view_id)
{
	int rc = 0;

	mutex_lock(&hostmem_regions_lock);
	if (READ_ONCE(region->dead)) {
		rc = -ENODEV;
	} else {
		region->listed = true;
		hostmem_list_seq++;
		/* Told before anybody can change it. */
		hostmem_event(region, HOSTMEM_NL_CREATED, view_id, 0, region->size);
		if (region->nr_plugged)
			hostmem_event(region, HOSTMEM_NL_PLUGGED, 0, 0,
				      region->nr_plugged << region->block_shift);
	}
	mutex_unlock(&hostmem_regions_lock);
	return rc;
}

/* Out of the table. True for one caller, if it was listed, who tells. */
static bool hostmem_region_withdraw(struct hostmem_region *region)
{
	bool listed;

	mutex_lock(&hostmem_regions_lock);
	listed = region->listed;
	if (listed) {
		region->listed = false;
		hostmem_list_seq++;
	}
	if (region->id && xa_load(&hostmem_regions, region->id) == region) {
		xa_erase(&hostmem_regions, region->id);
		hostmem_nr_regions--;
	}
	mutex_unlock(&hostmem_regions_lock);
	return listed;
}

static void hostmem_region_free(struct kref *ref)
{
	struct hostmem_region *region = container_of(ref, struct hostmem_region, ref);

	/* The end of one without a name that nobody has destroyed. */
	if (hostmem_region_withdraw(region))
		hostmem_event(region, HOSTMEM_NL_DESTROYED, 0, 0, region->size);
	if (region->has_srcu) {
		/* A fault handler may have outlived the last mapping. */
		if (region->segment.entered)
			synchronize_srcu_expedited(&region->srcu);
		cleanup_srcu_struct(&region->srcu);
	}
	hostmem_segment_close(&region->segment);
	kvfree(region->plugged);
	kvfree(region->changing);
	kvfree(rcu_dereference_protected(region->poison, true));
	kfree(region->was);
	kfree(region);
}

/**
 * hostmem_region_put - undo hostmem_region_get(), and what else pins a region
 * @region: may be freed by this
 *
 * Context: sleeps; under no lock that a fault, or close() of the segment, may need.
 */
void hostmem_region_put(struct hostmem_region *region)
{
	kref_put(&region->ref, hostmem_region_free);
}

/**
 * hostmem_region_memory - how much memory a region occupies
 * @region: kept by the caller
 *
 * Return: bytes.
 */
u64 hostmem_region_memory(struct hostmem_region *region)
{
	struct hostmem_segment *segment = &region->segment;

	if (segment->ops->held)
		return segment->ops->held(segment);
	return READ_ONCE(region->nr_plugged) << region->block_shift;
}

static int hostmem_create_check(const struct hostmem_region_create *cmd, u64 block_size)
{
	if (cmd->flags || cmd->allocation > HOSTMEM_ALLOCATION_IMMEDIATE)
		return -EOPNOTSUPP;
	if (block_size < HOSTMEM_MIN_BLOCK_SIZE || !is_power_of_2(block_size))
		return -EINVAL;
	if (!cmd->region_size || !IS_ALIGNED(cmd->region_size, block_size) ||
	    cmd->region_size > HOSTMEM_MAX_SIZE ||
	    cmd->region_size / block_size > HOSTMEM_MAX_BLOCKS ||
	    !IS_ALIGNED(cmd->slot_size, block_size))
		return -EINVAL;
	return 0;
}

static int hostmem_region_init(struct hostmem_region *region,
			       const struct hostmem_region_create *cmd)
{
	size_t words = BITS_TO_LONGS(hostmem_nr_blocks(region));
	int rc;

	region->plugged = kvcalloc(words, sizeof(long), GFP_KERNEL_ACCOUNT);
	region->changing = kvcalloc(words, sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!region->plugged || !region->changing)
		return -ENOMEM;
	rc = init_srcu_struct(&region->srcu);
	if (rc)
		return rc;
	region->has_srcu = true;
	return hostmem_segment_open(&region->segment, cmd);
}

/**
 * hostmem_region_alloc - make a region that nobody can find yet
 * @cmd: what it shall be like
 *
 * Its place in the table is taken.
 *
 * Context: sleeps.
 * Return: the region, for hostmem_region_put(), or an ERR_PTR.
 */
struct hostmem_region *hostmem_region_alloc(const struct hostmem_region_create *cmd)
{
	u64 block_size = cmd->block_size ?: HOSTMEM_MIN_BLOCK_SIZE;
	struct hostmem_region *region;
	int rc;

	rc = hostmem_create_check(cmd, block_size);
	if (rc)
		return ERR_PTR(rc);
	region = kzalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);
	if (!region)
		return ERR_PTR(-ENOMEM);
	kref_init(&region->ref);
	mutex_init(&region->lock);
	spin_lock_init(&region->view_lock);
	mutex_init(&region->policy_lock);
	INIT_LIST_HEAD(&region->policies);
	INIT_LIST_HEAD(&region->views);
	init_waitqueue_head(&region->wait);
	init_waitqueue_head(&region->drained);
	region->size = cmd->region_size;
	region->block_shift = ilog2(block_size);
	region->slot_size = cmd->slot_size;
	region->backing = cmd->backing;
	region->allocation = cmd->allocation;
	region->huge = cmd->huge;

	rc = hostmem_region_init(region, cmd);
	if (!rc)
		rc = hostmem_region_enroll(region);
	if (rc) {
		hostmem_region_put(region);
		return ERR_PTR(rc);
	}
	return region;
}

/* Dead from here on: no mapping can be made. Refused while there are any, unless forced. */
static int hostmem_region_kill(struct hostmem_region *region, const struct hostmem_view *view,
			       bool force)
{
	int rc = 0;

	lockdep_assert_held(&region->lock);
	spin_lock(&region->view_lock);
	if (region->dead || (view && view->revoked))
		rc = -ENODEV;
	else if (region->nr_mappings && !force)
		rc = -EBUSY;
	else
		region->dead = true;
	spin_unlock(&region->view_lock);
	if (!rc) {
		bitmap_zero(region->plugged, hostmem_nr_blocks(region));
		region->nr_plugged = 0;
	}
	return rc;
}

/**
 * hostmem_region_end - take a region out of the table and its memory out of all page tables
 * @region: pinned by the caller, who is in no call that hostmem_view_enter() let in
 * @view: whose right it is to do so, or NULL: the memory is lost
 * @force: though it is mapped
 * @pins: what is pinned afterwards, or NULL
 *
 * Context: sleeps; under no lock that a call on a view or a fault may need.
 * Return: 0; -EBUSY: it is mapped; -ENODEV: it has ended before, or the view has been revoked.
 */
int hostmem_region_end(struct hostmem_region *region, const struct hostmem_view *view, bool force,
		       struct hostmem_pins *pins)
{
	bool listed;
	int rc;

	mutex_lock(&region->lock);
	rc = hostmem_region_kill(region, view, force);
	mutex_unlock(&region->lock);
	if (rc)
		return rc;
	listed = hostmem_region_withdraw(region);
	/* Those first who may still make memory that the cut is to free. */
	hostmem_views_drain(region);
	hostmem_guard_cut(region, 0, region->size, HOSTMEM_CUT_FREE, pins);
	hostmem_segment_end(&region->segment);
	hostmem_name_remove(region);
	hostmem_region_bump(region);
	/* One that is only just being created has not been told of. */
	if (listed)
		hostmem_event(region, HOSTMEM_NL_DESTROYED, 0, 0, region->size);
	return 0;
}

/**
 * hostmem_region_destroy - HOSTMEM_REGION_DESTROY
 * @ucmd: the ioctl, on an owner view
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_region_destroy(struct hostmem_ucmd *ucmd)
{
	struct hostmem_region_destroy *cmd = ucmd->cmd;
	struct hostmem_pins pins = { .wait = cmd->flags & HOSTMEM_PINS_WAIT };
	int rc;

	if (cmd->flags & ~(HOSTMEM_DESTROY_FORCE | HOSTMEM_PINS_WAIT))
		return -EOPNOTSUPP;
	rc = hostmem_region_end(ucmd->view->region, ucmd->view,
				cmd->flags & HOSTMEM_DESTROY_FORCE, &pins);
	if (rc)
		return rc;
	/* Done, whether it can be answered or not. */
	cmd->out_pinned = pins.bytes;
	hostmem_ucmd_respond(ucmd);
	return 0;
}

/**
 * hostmem_region_info - HOSTMEM_REGION_INFO
 * @ucmd: the ioctl, on any view
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_region_info(struct hostmem_ucmd *ucmd)
{
	struct hostmem_region_info *cmd = ucmd->cmd;
	struct hostmem_view *view = ucmd->view;
	struct hostmem_region *region = view->region;

	if (cmd->flags)
		return -EOPNOTSUPP;
	if (hostmem_view_dead(view))
		return -ENODEV;
	cmd->out_id = region->id;
	cmd->out_view_id = view->id;
	cmd->out_size = region->size;
	cmd->out_block_size = hostmem_block_size(region);
	cmd->out_slot_size = region->slot_size;
	cmd->out_view_start = view->start;
	cmd->out_view_length = view->length;
	cmd->out_rights = view->rights;
	cmd->out_backing = region->backing;
	cmd->out_allocation = region->allocation;
	cmd->out_huge = region->huge;

	mutex_lock(&region->lock);
	cmd->out_plugged = region->nr_plugged << region->block_shift;
	cmd->out_generation = atomic64_read(&region->generation);
	mutex_unlock(&region->lock);
	WRITE_ONCE(view->seen, cmd->out_generation);

	spin_lock(&region->view_lock);
	cmd->out_views = region->nr_views;
	cmd->out_mappings = region->nr_mappings;
	spin_unlock(&region->view_lock);
	return hostmem_ucmd_respond(ucmd);
}
