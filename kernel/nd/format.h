/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_ND_FORMAT_H
#define _HOSTMEM_ND_FORMAT_H

/*
 * The formats on media: info blocks, reserves and ledgers. hostmemctl and the tests compile
 * format.c, too, so only what user space also has is used there.
 */
#include <linux/types.h>
#ifndef __KERNEL__
#include <stdbool.h>
#include <stddef.h>
#endif
#include <linux/hostmem_reserve.h>

/**
 * enum hostmem_reserve_state - what a superblock means, given the info block on the media
 * @HOSTMEM_RESERVE_STALE: nothing: it is of another time
 * @HOSTMEM_RESERVE_ACTIVE: the reserve exists
 * @HOSTMEM_RESERVE_UNDONE: it does not, the old info block is there: never added
 * @HOSTMEM_RESERVE_DROPPED: it does not, the new info block is there: dropped
 * @HOSTMEM_RESERVE_TORN: writing the info block was cut off, which is either of the two
 *	in every 8 bytes
 */
enum hostmem_reserve_state {
	HOSTMEM_RESERVE_STALE,
	HOSTMEM_RESERVE_ACTIVE,
	HOSTMEM_RESERVE_UNDONE,
	HOSTMEM_RESERVE_DROPPED,
	HOSTMEM_RESERVE_TORN,
};

#define HOSTMEM_SUPERBLOCK_PLACES 5

/* format.c */
void hostmem_seal(void *block, size_t length);
bool hostmem_is_sealed(void *block, size_t length);
bool hostmem_is_zero(const void *data, size_t length);
bool hostmem_infoblock_whole(struct hostmem_infoblock *block);
int hostmem_infoblock_place(const struct hostmem_infoblock_fields *fields, __u64 size,
			    __u64 *offset, __u64 *length);
void hostmem_infoblock_expand(const struct hostmem_infoblock_fields *fields,
			      struct hostmem_infoblock *block);

int hostmem_superblock_check(struct hostmem_reserve_superblock *sb, __u64 size, __u64 at);
enum hostmem_reserve_state hostmem_superblock_state(const struct hostmem_reserve_superblock *sb,
						    const struct hostmem_infoblock *page,
						    struct hostmem_infoblock *scratch);
unsigned int hostmem_superblock_places(const struct hostmem_infoblock_fields *fields, __u64 spa,
				       __u64 size, __u64 *places);

int hostmem_ledger_check(struct hostmem_ledger *ledger, const __u8 *uuid, __u64 size);

#endif /* _HOSTMEM_ND_FORMAT_H */
