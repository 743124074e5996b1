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

/*
 * Tell who watches how far we are; stop if they say so, or if we are killed. Other signals do not
 * end what may take minutes: a timer would make sure that it never succeeds.
 */
static int hostmem_progress(struct hostmem_progress __user *progress, u64 done)
{
	u32 cancel;

	if (fatal_signal_pending(current))
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

/* An allocation on its way. */
struct hostmem_populate {
	struct hostmem_view *view;
	loff_t start;
	loff_t end;
	bool guarded;		/* the blocks are plugged, and may be unplugged meanwhile */
	struct hostmem_progress __user *progress;
};

/* One step, behind the door, and under the guard unless the blocks are ours alone. */
static loff_t hostmem_populate_step(const struct hostmem_populate *p, loff_t pos, bool keep)
{
	struct hostmem_region *region = p->view->region;
	const struct hostmem_backing_ops *ops = region->segment.ops;
	loff_t next;
	int idx;

	next = hostmem_view_enter(p->view);
	if (next)
		return next;
	idx = srcu_read_lock(&region->srcu);
	if (p->guarded && !test_bit(pos >> region->block_shift, region->plugged))
		next = -ENOENT;
	else if (ops->populate)
		next = ops->populate(&region->segment, pos, keep);
	else
		next = round_up(pos + 1, hostmem_block_size(region));
	srcu_read_unlock(&region->srcu, idx);
	hostmem_view_exit(p->view);
	return next;
}

/* From the start on; *@pos is how far it came. */
static int hostmem_populate_pass(const struct hostmem_populate *p, bool keep, loff_t *pos)
{
	struct hostmem_progress __user *progress = keep ? NULL : p->progress;
	loff_t next;
	int rc;

	*pos = p->start;
	rc = hostmem_progress(progress, 0);
	while (!rc && *pos < p->end) {
		next = hostmem_populate_step(p, *pos, keep);
		if (next < 0)
			return next;
		*pos = min(next, p->end);
		rc = hostmem_progress(progress, *pos - p->start);
	}
	return rc;
}

/*
 * Allocate a range: first every page, in a state that can be given back, then, when
 * nothing can fail for want of memory any more, mark all of them as there to stay.
 * Of blocks that are not plugged yet the caller discards what there is on error.
 */
static int hostmem_populate(const struct hostmem_populate *p)
{
	struct hostmem_segment *segment = &p->view->region->segment;
	loff_t pos, kept;
	int rc;

	rc = hostmem_populate_pass(p, false, &pos);
	if (!rc)
		rc = hostmem_populate_pass(p, true, &kept);
	if (rc && p->guarded && segment->ops->give_back)
		segment->ops->give_back(segment, p->start, pos);
	return rc;
}

static int hostmem_plug_begin(struct hostmem_view *view, struct hostmem_block_range r)
{
	struct hostmem_region *region = view->region;
	int rc = 0;

	mutex_lock(&region->lock);
	if (hostmem_view_dead(view))
		rc = -ENODEV;
	else if (hostmem_blocks_any(region->plugged, r))
		rc = -EEXIST;
	else if (hostmem_blocks_any(region->changing, r))
		rc = -EBUSY;
	else if (hostmem_blocks_bad(region, r))
		rc = -EHWPOISON;
	else
		bitmap_set(region->changing, r.first, r.nr);
	mutex_unlock(&region->lock);
	return rc;
}

/* The blocks are no longer ours alone. */
static void hostmem_change_end(struct hostmem_region *region, struct hostmem_block_range r)
{
	mutex_lock(&region->lock);
	bitmap_clear(region->changing, r.first, r.nr);
	mutex_unlock(&region->lock);
}

/* Plug what is there now, unless whoever wanted it has lost the right meanwhile. */
static int hostmem_plug_commit(struct hostmem_view *view, struct hostmem_block_range r)
{
	struct hostmem_region *region = view->region;
	int rc = 0;

	mutex_lock(&region->lock);
	if (hostmem_view_dead(view)) {
		rc = -ENODEV;
	} else if (hostmem_blocks_bad(region, r)) {
		rc = -EHWPOISON;
	} else {
		bitmap_set(region->plugged, r.first, r.nr);
		bitmap_clear(region->changing, r.first, r.nr);
		region->nr_plugged += r.nr;
		hostmem_region_bump(region);
		/* Who is only just being created has not been told of. */
		if (region->listed)
			hostmem_event(region, HOSTMEM_NL_PLUGGED, 0,
				      (u64)r.first << region->block_shift,
				      (u64)r.nr << region->block_shift);
	}
	mutex_unlock(&region->lock);
	return rc;
}

/**
 * hostmem_plug - make blocks exist
 * @view: whose right it is
 * @start: first byte, from the region's start
 * @length: bytes
 * @progress: of who watches, or NULL
 *
 * Context: sleeps.
 * Return: 0, or an errno as in the UAPI header.
 */
int hostmem_plug(struct hostmem_view *view, u64 start, u64 length,
		 struct hostmem_progress __user *progress)
{
	struct hostmem_region *region = view->region;
	struct hostmem_segment *segment = &region->segment;
	struct hostmem_populate populate = {
		.view = view,
		.start = start,
		.end = start + length,
		.progress = progress,
	};
	struct hostmem_block_range r;
	int rc;

	rc = hostmem_range_check(start, length, hostmem_block_size(region), region->size);
	if (!rc)
		rc = hostmem_progress_check(progress);
	if (!rc && segment->ops->inspect)
		rc = segment->ops->inspect(segment);
	if (rc)
		return rc;
	r = hostmem_block_range(region, start, length);
	rc = hostmem_plug_begin(view, r);
	if (rc)
		return rc;
	if (region->allocation == HOSTMEM_ALLOCATION_IMMEDIATE)
		rc = hostmem_populate(&populate);
	if (!rc)
		rc = hostmem_plug_commit(view, r);
	if (rc) {
		/* Nobody but us could see what we allocated, if anything. */
		hostmem_guard_cut(region, start, length, HOSTMEM_CUT_FREE, NULL);
		hostmem_change_end(region, r);
	}
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

	if (cmd->flags)
		return -EOPNOTSUPP;
	return hostmem_plug(ucmd->view, cmd->start, cmd->length, u64_to_user_ptr(cmd->progress));
}

static int hostmem_unplug_begin(struct hostmem_view *view, struct hostmem_block_range r)
{
	struct hostmem_region *region = view->region;
	int rc = 0;

	mutex_lock(&region->lock);
	if (hostmem_view_dead(view)) {
		rc = -ENODEV;
	} else if (hostmem_blocks_any(region->changing, r)) {
		rc = -EBUSY;
	} else if (!hostmem_blocks_all(region->plugged, r)) {
		rc = -ENOENT;
	} else {
		bitmap_clear(region->plugged, r.first, r.nr);
		bitmap_set(region->changing, r.first, r.nr);
		region->nr_plugged -= r.nr;
	}
	mutex_unlock(&region->lock);
	return rc;
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
	struct hostmem_pins pins = { .wait = cmd->flags & HOSTMEM_PINS_WAIT };
	struct hostmem_block_range r;
	int rc;

	if (cmd->flags & ~HOSTMEM_PINS_WAIT)
		return -EOPNOTSUPP;
	rc = hostmem_range_check(cmd->start, cmd->length, hostmem_block_size(region), region->size);
	if (rc)
		return rc;
	r = hostmem_block_range(region, cmd->start, cmd->length);
	rc = hostmem_unplug_begin(ucmd->view, r);
	if (rc)
		return rc;
	hostmem_guard_cut(region, cmd->start, cmd->length, HOSTMEM_CUT_FREE, &pins);
	/* Told before the blocks can be plugged again. */
	hostmem_region_bump(region);
	hostmem_event(region, HOSTMEM_NL_UNPLUGGED, 0, cmd->start, cmd->length);
	hostmem_change_end(region, r);
	/* Done, whether it can be answered or not. */
	cmd->out_pinned = pins.bytes;
	hostmem_ucmd_respond(ucmd);
	return 0;
}

/**
 * hostmem_preallocate - allocate every page of plugged blocks
 * @view: that can write
 * @start: first byte, from the view's start, a multiple of the page size
 * @length: bytes, a multiple of the page size
 * @progress: of who watches, or NULL
 *
 * Context: sleeps.
 * Return: 0, or an errno as in the UAPI header.
 */
int hostmem_preallocate(struct hostmem_view *view, u64 start, u64 length,
			struct hostmem_progress __user *progress)
{
	struct hostmem_populate populate = {
		.view = view,
		.start = view->start + start,
		.end = view->start + start + length,
		.guarded = true,
		.progress = progress,
	};
	int rc;

	rc = hostmem_range_check(start, length, PAGE_SIZE, view->length);
	if (!rc)
		rc = hostmem_progress_check(progress);
	return rc ?: hostmem_populate(&populate);
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

	if (cmd->flags)
		return -EOPNOTSUPP;
	return hostmem_preallocate(ucmd->view, cmd->start, cmd->length,
				   u64_to_user_ptr(cmd->progress));
}
