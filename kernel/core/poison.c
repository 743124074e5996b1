// SPDX-License-Identifier: GPL-2.0
/*
 * Poison: lists of bad ranges.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hostmem_poison.h"

/* 1 is that of no list. */
static atomic_t hostmem_poison_serials = ATOMIC_INIT(1);

/**
 * hostmem_poison_alloc - make room for bad ranges
 * @count: how many
 *
 * Return: all zero but for count and serial, for kvfree(); or NULL.
 */
struct hostmem_poison *hostmem_poison_alloc(u32 count)
{
	struct hostmem_poison *poison;

	poison = kvzalloc(struct_size(poison, bad, count), GFP_KERNEL);
	if (!poison)
		return NULL;
	poison->serial = atomic_inc_return(&hostmem_poison_serials);
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
