// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks: plug, unplug and preallocate.
 */
#include <linux/bitmap.h>
#include <linux/hostmem_nl.h>
#include <linux/sched/signal.h>

#include "hostmem_private.h"

struct hostmem_block_range {
	unsigned long first;
	unsigned long nr;
};

static struct hostmem_block_range hostmem_block_range(const struct hostmem_region *region,
						      u64 start, u64 length)
{
	return (struct hostmem_block_range) {
		.first = start >> region->block_shift,
		.nr = length >> region->block_shift,
	};
}

static bool hostmem_blocks_any(const unsigned long *map, struct hostmem_block_range r)
{
	return find_next_bit(map, r.first + r.nr, r.first) < r.first + r.nr;
}

static bool hostmem_blocks_all(const unsigned long *map, struct hostmem_block_range r)
{
	return find_next_zero_bit(map, r.first + r.nr, r.first) >= r.first + r.nr;
}

static bool hostmem_blocks_bad(const struct hostmem_region *region, struct hostmem_block_range r)
{
	const struct hostmem_poison *poison;

	poison = rcu_dereference_protected(region->poison, lockdep_is_held(&region->lock));
	return hostmem_poison_find(poison, (u64)r.first << region->block_shift,
				   (u64)r.nr << region->block_shift);
}

/* Tell who watches how far we are; stop for a signal or if they say so. */
static int hostmem_progress(struct hostmem_progress __user *progress, u64 done)
{
	u32 cancel;

	if (signal_pending(current))
		return -EINTR;
	cond_resched();
	if (!progress)
		return 0;
	if (put_user(done, &progress->out_done) || get_user(cancel, &progress->cancel))
		return -EFAULT;
	return cancel ? -EINTR : 0;
}

static int hostmem_progress_check(struct hostmem_progress __user *progress)
{
	u32 reserved;

	if (!progress)
		return 0;
	if (get_user(reserved, &progress->__reserved))
		return -EFAULT;
	return reserved ? -EOPNOTSUPP : 0;
}

/* One step of populate, under the guard unless the blocks are ours alone. */
static loff_t hostmem_populate_step(struct hostmem_region *region, loff_t pos, bool guarded,
				    bool keep)
{
	const struct hostmem_backing_ops *ops = region->segment.ops;
	loff_t next = -ENOENT;
	int idx;

	idx = srcu_read_lock(&region->srcu);
	if (!guarded || test_bit(pos >> region->block_shift, region->plugged))
		next = ops->populate ? ops->populate(&region->segment, pos, keep) :
				       round_up(pos + 1, hostmem_block_size(region));
	srcu_read_unlock(&region->srcu, idx);
	return next;
}

/*
 * Allocate a range: first every page, in a state that can be given back, then, when
 * nothing can fail for want of memory any more, mark all of them as there to stay.
 * Without @guarded the blocks are not plugged yet, and the caller discards on error.
 */
static int hostmem_populate(struct hostmem_region *region, loff_t start, loff_t length,
			    bool guarded, struct hostmem_progress __user *progress)
{
	loff_t end = start + length;
	loff_t pos = start;
	loff_t next;
	int rc;

	rc = hostmem_progress(progress, 0);
	while (!rc && pos < end) {
		next = hostmem_populate_step(region, pos, guarded, false);
		if (next < 0) {
			rc = next;
			break;
		}
		pos = min(next, end);
		rc = hostmem_progress(progress, pos - start);
	}
	next = start;
	while (!rc && next < end) {
		next = hostmem_populate_step(region, next, guarded, true);
		if (next < 0)
			rc = next;
		cond_resched();
	}
	if (rc && guarded && region->segment.ops->give_back)
		region->segment.ops->give_back(&region->segment, start, pos);
	return rc;
}

static int hostmem_plug_begin(struct hostmem_view *view, struct hostmem_block_range r)
{
	struct hostmem_region *region = view->region;
	int rc = 0;

	mutex_lock(&region->lock);
	if (region->dead || READ_ONCE(view->revoked))
		rc = -ENODEV;
	else if (hostmem_blocks_any(region->plugged, r))
		rc = -EEXIST;
	else if (hostmem_blocks_any(region->pending, r))
		rc = -EBUSY;
	else if (hostmem_blocks_bad(region, r))
		rc = -EHWPOISON;
	else
		bitmap_set(region->pending, r.first, r.nr);
	mutex_unlock(&region->lock);
	return rc;
}

static int hostmem_plug_end(struct hostmem_region *region, struct hostmem_block_range r,
			    int rc)
{
	u64 start = (u64)r.first << region->block_shift;
	u64 length = (u64)r.nr << region->block_shift;

	mutex_lock(&region->lock);
	bitmap_clear(region->pending, r.first, r.nr);
	if (!rc && region->dead)
		rc = -ENODEV;
	if (rc) {
		/* Nobody but us could see what we allocated, if anything. */
		hostmem_segment_discard(&region->segment, start, length);
	} else {
		bitmap_set(region->plugged, r.first, r.nr);
		region->nr_plugged += r.nr;
		hostmem_region_bump(region);
		hostmem_event(region, HOSTMEM_NL_PLUGGED, 0, start, length);
	}
	mutex_unlock(&region->lock);
	return rc;
}

/**
 * hostmem_region_plug - HOSTMEM_REGION_PLUG
 * @ucmd: the ioctl, on an owner view
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_region_plug(struct hostmem_ucmd *ucmd)
{
	struct hostmem_region_plug *cmd = ucmd->cmd;
	struct hostmem_progress __user *progress = u64_to_user_ptr(cmd->progress);
	struct hostmem_region *region = ucmd->view->region;
	struct hostmem_block_range r;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;
	rc = hostmem_region_range(region, cmd->start, cmd->length, hostmem_block_size(region));
	if (!rc)
		rc = hostmem_progress_check(progress);
	if (rc)
		return rc;
	if (region->segment.ops->inspect) {
		rc = region->segment.ops->inspect(&region->segment);
		if (rc)
			return rc;
	}
	r = hostmem_block_range(region, cmd->start, cmd->length);
	rc = hostmem_plug_begin(ucmd->view, r);
	if (rc)
		return rc;
	if (region->allocation == HOSTMEM_ALLOCATION_IMMEDIATE)
		rc = hostmem_populate(region, cmd->start, cmd->length, false, progress);
	return hostmem_plug_end(region, r, rc);
}

/**
 * hostmem_region_unplug - HOSTMEM_REGION_UNPLUG
 * @ucmd: the ioctl, on an owner view
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_region_unplug(struct hostmem_ucmd *ucmd)
{
	struct hostmem_region_unplug *cmd = ucmd->cmd;
	struct hostmem_region *region = ucmd->view->region;
	struct hostmem_block_range r;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;
	rc = hostmem_region_range(region, cmd->start, cmd->length, hostmem_block_size(region));
	if (rc)
		return rc;
	r = hostmem_block_range(region, cmd->start, cmd->length);

	mutex_lock(&region->lock);
	if (region->dead || READ_ONCE(ucmd->view->revoked)) {
		rc = -ENODEV;
	} else if (hostmem_blocks_any(region->pending, r)) {
		rc = -EBUSY;
	} else if (!hostmem_blocks_all(region->plugged, r)) {
		rc = -ENOENT;
	} else {
		bitmap_clear(region->plugged, r.first, r.nr);
		region->nr_plugged -= r.nr;
		hostmem_guard_wait(region);
		hostmem_segment_discard(&region->segment, cmd->start, cmd->length);
		hostmem_region_bump(region);
		hostmem_event(region, HOSTMEM_NL_UNPLUGGED, 0, cmd->start, cmd->length);
	}
	mutex_unlock(&region->lock);
	return rc;
}

/**
 * hostmem_region_preallocate - HOSTMEM_REGION_PREALLOCATE
 * @ucmd: the ioctl, on a view that can write
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_region_preallocate(struct hostmem_ucmd *ucmd)
{
	struct hostmem_region_preallocate *cmd = ucmd->cmd;
	struct hostmem_progress __user *progress = u64_to_user_ptr(cmd->progress);
	struct hostmem_view *view = ucmd->view;
	struct hostmem_region *region = view->region;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;
	rc = hostmem_region_range(region, cmd->start, cmd->length, PAGE_SIZE);
	if (!rc)
		rc = hostmem_progress_check(progress);
	if (rc)
		return rc;
	if (cmd->start < view->start ||
	    cmd->start + cmd->length > view->start + view->length)
		return -ENOENT;
	if (READ_ONCE(region->dead) || READ_ONCE(view->revoked))
		return -ENODEV;
	return hostmem_populate(region, cmd->start, cmd->length, true, progress);
}
