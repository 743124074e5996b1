// SPDX-License-Identifier: GPL-2.0
/*
 * What those who provide the memory of a region tell of it: that they need it, that it is lost,
 * what of it is bad.
 */
#include <linux/hostmem_nl.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "hostmem_private.h"

/**
 * hostmem_segment_get - keep a segment open
 * @segment: which its provider knows not to be freed yet
 *
 * Return: true; false: it is being closed.
 */
bool hostmem_segment_get(struct hostmem_segment *segment)
{
	return hostmem_region_get(hostmem_segment_region(segment));
}
EXPORT_SYMBOL_GPL(hostmem_segment_get);

/**
 * hostmem_segment_put - undo hostmem_segment_get()
 * @segment: may be closed by this
 *
 * Context: sleeps; under no lock that close() takes.
 */
void hostmem_segment_put(struct hostmem_segment *segment)
{
	hostmem_region_put(hostmem_segment_region(segment));
}
EXPORT_SYMBOL_GPL(hostmem_segment_put);

/**
 * hostmem_segment_lost - the memory goes away, and with it the region
 * @segment: kept by the caller
 *
 * As HOSTMEM_REGION_DESTROY by force: when this has returned nobody can reach the memory, and
 * the region's name can be used again. The kind's end() may still be running in another
 * process that destroys the region.
 *
 * Context: sleeps; under no lock that a fault handler of the segment's file takes.
 */
void hostmem_segment_lost(struct hostmem_segment *segment)
{
	hostmem_region_end(hostmem_segment_region(segment), NULL, true, NULL);
}
EXPORT_SYMBOL_GPL(hostmem_segment_lost);

/* The pages that are from the first to the last that is in @these and not in @those. */
static struct hostmem_range hostmem_poison_span(const struct hostmem_poison *these,
						const struct hostmem_poison *those)
{
	struct hostmem_range span = {};
	const struct hostmem_bad *bad;
	u64 end = 0;
	u32 i;

	for (i = 0; these && i < these->count; i++) {
		bad = &these->bad[i];
		if (hostmem_poison_covers(those, bad->start, bad->length))
			continue;
		if (!end)
			span.start = PAGE_ALIGN_DOWN(bad->start);
		end = PAGE_ALIGN(bad->start + bad->length);
	}
	span.length = end ? end - span.start : 0;
	return span;
}

/* Tell of those that are in @these and not in @those. */
static void hostmem_poison_tell(struct hostmem_region *region, const struct hostmem_poison *these,
				const struct hostmem_poison *those, u8 what)
{
	const struct hostmem_bad *bad;
	u32 i;

	for (i = 0; these && i < these->count; i++) {
		bad = &these->bad[i];
		if (hostmem_poison_covers(those, bad->start, bad->length))
			continue;
		hostmem_region_bump(region);
		/* Not one that is only just being created. */
		if (READ_ONCE(region->listed))
			hostmem_event(region, what, 0, bad->start, bad->length);
	}
}

/**
 * hostmem_segment_poison - say what is bad in the memory of a region
 * @segment: kept by the caller
 * @poison: all that is bad, in offsets of the region; NULL: nothing. Is taken over
 *
 * When this has returned nobody reaches a page of @poison any more: accesses get SIGBUS with
 * BUS_MCEERR_AR. What was bad and is no more can be reached again.
 *
 * Context: sleeps; one call at a time for a segment, under no lock that a fault handler of the
 * segment's file takes.
 */
void hostmem_segment_poison(struct hostmem_segment *segment, struct hostmem_poison *poison)
{
	struct hostmem_region *region = hostmem_segment_region(segment);
	struct hostmem_poison *old;
	struct hostmem_range span;

	mutex_lock(&region->lock);
	old = rcu_dereference_protected(region->poison, lockdep_is_held(&region->lock));
	if (region->dead || hostmem_poison_same(old, poison)) {
		mutex_unlock(&region->lock);
		kvfree(poison);
		return;
	}
	rcu_assign_pointer(region->poison, poison);
	mutex_unlock(&region->lock);
	/* One cut for all; it waits for the readers of the old list, too. */
	span = hostmem_poison_span(poison, old);
	hostmem_guard_cut(region, span.start, span.length, HOSTMEM_CUT_KEEP, NULL);
	hostmem_poison_tell(region, poison, old, HOSTMEM_NL_POISONED);
	hostmem_poison_tell(region, old, poison, HOSTMEM_NL_CLEARED);
	kvfree(old);
}
EXPORT_SYMBOL_GPL(hostmem_segment_poison);
