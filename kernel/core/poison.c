// SPDX-License-Identifier: GPL-2.0
/*
 * Poison: nobody reaches a page of a region in which something is bad.
 */
#include <linux/hostmem_nl.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hostmem_private.h"

/**
 * hostmem_poison_alloc - make room for bad ranges
 * @count: how many
 *
 * Return: all zero but for the count, for kvfree(); or NULL.
 */
struct hostmem_poison *hostmem_poison_alloc(u32 count)
{
	struct hostmem_poison *poison;

	poison = kvzalloc(struct_size(poison, bad, count), GFP_KERNEL);
	if (poison)
		poison->count = count;
	return poison;
}
EXPORT_SYMBOL_GPL(hostmem_poison_alloc);

/**
 * hostmem_poison_same - whether two lists of bad ranges say the same
 * @a: one, or NULL
 * @b: the other, or NULL
 *
 * Return: true if they do.
 */
bool hostmem_poison_same(const struct hostmem_poison *a, const struct hostmem_poison *b)
{
	if (!a || !b)
		return a == b;
	return a->recorded == b->recorded && a->count == b->count &&
	       !memcmp(a->bad, b->bad, array_size(a->count, sizeof(a->bad[0])));
}
EXPORT_SYMBOL_GPL(hostmem_poison_same);

/**
 * hostmem_poison_find - the first bad range that overlaps another range
 * @poison: the bad ranges, or NULL
 * @start: first byte of the other range
 * @length: its bytes, not 0
 *
 * Return: the bad range, or NULL.
 */
const struct hostmem_bad *hostmem_poison_find(const struct hostmem_poison *poison, u64 start,
					      u64 length)
{
	u32 low = 0, high = poison ? poison->count : 0;
	u32 mid;

	/* The first that ends behind the start. */
	while (low < high) {
		mid = low + (high - low) / 2;
		if (poison->bad[mid].start + poison->bad[mid].length <= start)
			low = mid + 1;
		else
			high = mid;
	}
	if (!poison || low == poison->count || poison->bad[low].start >= start + length)
		return NULL;
	return &poison->bad[low];
}
EXPORT_SYMBOL_GPL(hostmem_poison_find);

/**
 * hostmem_poison_covers - whether all of a range is in one bad range
 * @poison: the bad ranges, or NULL
 * @start: first byte of the range
 * @length: its bytes, not 0
 *
 * Return: true if it is.
 */
bool hostmem_poison_covers(const struct hostmem_poison *poison, u64 start, u64 length)
{
	const struct hostmem_bad *bad = hostmem_poison_find(poison, start, length);

	return bad && bad->start <= start && bad->start + bad->length >= start + length;
}
EXPORT_SYMBOL_GPL(hostmem_poison_covers);

/* Tell of those that are in @these and not in @those, and act on them if they are bad now. */
static void hostmem_poison_tell(struct hostmem_region *region, const struct hostmem_poison *these,
				const struct hostmem_poison *those, u8 what)
{
	struct address_space *mapping = region->segment.file->f_mapping;
	const struct hostmem_bad *bad;
	u64 start, end;
	u32 i;

	for (i = 0; these && i < these->count; i++) {
		bad = &these->bad[i];
		if (hostmem_poison_covers(those, bad->start, bad->length))
			continue;
		start = PAGE_ALIGN_DOWN(bad->start);
		end = PAGE_ALIGN(bad->start + bad->length);
		if (what == HOSTMEM_NL_POISONED)
			unmap_mapping_range(mapping, start, end - start, 1);
		hostmem_region_bump(region);
		/* Not one that is only just being created. */
		if (region->id)
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
 * Context: sleeps; one call at a time, under no lock that a fault handler of the segment's file
 * takes.
 */
void hostmem_segment_poison(struct hostmem_segment *segment, struct hostmem_poison *poison)
{
	struct hostmem_region *region = hostmem_segment_region(segment);
	struct hostmem_poison *old;

	mutex_lock(&region->lock);
	old = rcu_dereference_protected(region->poison, lockdep_is_held(&region->lock));
	if (region->dead || hostmem_poison_same(old, poison)) {
		old = poison;
	} else {
		rcu_assign_pointer(region->poison, poison);
		hostmem_guard_wait(region);
		hostmem_poison_tell(region, poison, old, HOSTMEM_NL_POISONED);
		hostmem_poison_tell(region, old, poison, HOSTMEM_NL_CLEARED);
	}
	mutex_unlock(&region->lock);
	kvfree(old);
}
EXPORT_SYMBOL_GPL(hostmem_segment_poison);
