/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_POISON_H
#define _HOSTMEM_POISON_H

/*
 * Bad ranges: memory that must not be touched because it has lost its contents.
 */
#include <linux/types.h>

/**
 * struct hostmem_bad - a bad range
 * @start: bytes from the start of the namespace or of the region that it is in
 * @length: bytes, a multiple of 512
 * @spa: system physical address of @start
 * @since: when it was found, seconds since 1970
 */
struct hostmem_bad {
	u64 start;
	u64 length;
	u64 spa;
	time64_t since;
};

/**
 * struct hostmem_poison - the bad ranges of a namespace or of a region
 * @recorded: the ledger of the namespace's reserve has them
 * @serial: no other list has it
 * @count: of them
 * @bad: ascending, none overlaps another
 *
 * NULL stands for none.
 */
struct hostmem_poison {
	bool recorded;
	u32 serial;
	u32 count;
	struct hostmem_bad bad[];
};

struct hostmem_poison *hostmem_poison_alloc(u32 count);
bool hostmem_poison_same(const struct hostmem_poison *a, const struct hostmem_poison *b);
const struct hostmem_bad *hostmem_poison_find(const struct hostmem_poison *poison, u64 start,
					      u64 length);
bool hostmem_poison_covers(const struct hostmem_poison *poison, u64 start, u64 length);

#endif /* _HOSTMEM_POISON_H */
