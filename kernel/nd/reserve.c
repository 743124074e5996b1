// SPDX-License-Identifier: GPL-2.0
/*
 * Reserves: whether a superblock is one, and what it means. Nothing that it says is believed
 * before it has been checked against the namespace that it lies on.
 */
#include <linux/errno.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "format.h"

static bool hostmem_purpose_good(const __u8 *purpose)
{
	size_t i = 0;

	while (i < HOSTMEM_RESERVE_PURPOSE_MAX && purpose[i] >= 0x20 && purpose[i] < 0x7f)
		i++;
	return i < HOSTMEM_RESERVE_PURPOSE_MAX &&
	       hostmem_is_zero(purpose + i, HOSTMEM_RESERVE_PURPOSE_MAX - i);
}

/* One that we could have written: canonical, and of a namespace of this size. */
static bool hostmem_block_good(const struct hostmem_infoblock_fields *fields, __u64 size)
{
	__u64 offset, length;

	if (memcmp(fields->signature, HOSTMEM_INFOBLOCK_FSDAX, sizeof(fields->signature)) &&
	    memcmp(fields->signature, HOSTMEM_INFOBLOCK_DEVDAX, sizeof(fields->signature)))
		return false;
	if (fields->flags || fields->start_pad || fields->zero)
		return false;
	return !hostmem_infoblock_place(fields, size, &offset, &length);
}

static bool hostmem_with_good(const struct hostmem_reserve_superblock *sb,
			      const struct hostmem_infoblock_fields *with, __u64 size)
{
	__u64 start = __le64_to_cpu(sb->start);
	__u64 length = __le64_to_cpu(sb->length);
	__u64 dataoff = __le64_to_cpu(with->dataoff);

	if (!hostmem_block_good(with, size))
		return false;
	switch (__le32_to_cpu(sb->layout)) {
	case HOSTMEM_RESERVE_TAIL:
		return start + length == size && length == __le32_to_cpu(with->end_trunc) &&
		       start > dataoff;
	case HOSTMEM_RESERVE_HEAD:
		return start + length == dataoff &&
		       __le32_to_cpu(with->mode) == HOSTMEM_INFOBLOCK_MEM;
	default:
		return false;
	}
}

/* But for the reserve behind the data it is the same; or it is a new namespace. */
static bool hostmem_without_good(const struct hostmem_reserve_superblock *sb,
				 const struct hostmem_infoblock_fields *without,
				 const struct hostmem_infoblock_fields *with)
{
	struct hostmem_infoblock_fields same = *without;

	if (hostmem_is_zero(without, sizeof(*without)))
		return __le32_to_cpu(sb->operation) == HOSTMEM_RESERVE_ADD;
	if (__le32_to_cpu(sb->layout) != HOSTMEM_RESERVE_TAIL)
		return false;
	same.end_trunc = with->end_trunc;
	same.npfns = with->npfns;
	return !memcmp(&same, with, sizeof(same)) &&
	       __le32_to_cpu(without->end_trunc) < __le32_to_cpu(with->end_trunc);
}

static bool hostmem_reserve_range_good(const struct hostmem_reserve_superblock *sb, __u64 size,
				       __u64 at)
{
	__u64 start = __le64_to_cpu(sb->start);
	__u64 length = __le64_to_cpu(sb->length);

	if (start % HOSTMEM_RESERVE_ALIGN || length % HOSTMEM_RESERVE_ALIGN)
		return false;
	if (!start || length <= HOSTMEM_RESERVE_OVERHEAD || start >= size ||
	    length > size - start)
		return false;
	return at == start || at == start + length - HOSTMEM_INFOBLOCK_SIZE;
}

/**
 * hostmem_reserve_check - whether a page is a superblock
 * @sb: the page; unchanged afterwards
 * @size: bytes of the namespace
 * @at: where the page was, bytes from the start of the namespace
 *
 * Return: 0: it is, and all that it says fits together; -EINVAL.
 */
int hostmem_reserve_check(struct hostmem_reserve_superblock *sb, __u64 size, __u64 at)
{
	const struct hostmem_infoblock_fields *with = &sb->new_block;
	const struct hostmem_infoblock_fields *without = &sb->old_block;
	bool add = __le32_to_cpu(sb->operation) == HOSTMEM_RESERVE_ADD;

	if (memcmp(sb->magic, HOSTMEM_RESERVE_MAGIC, sizeof(sb->magic)) ||
	    __le16_to_cpu(sb->version_major) != HOSTMEM_RESERVE_VERSION_MAJOR ||
	    !hostmem_is_sealed(sb, sizeof(*sb)))
		return -EINVAL;
	if (!add && __le32_to_cpu(sb->operation) != HOSTMEM_RESERVE_DROP)
		return -EINVAL;
	if (sb->flags || !sb->generation || hostmem_is_zero(sb->uuid, sizeof(sb->uuid)) ||
	    !hostmem_purpose_good(sb->purpose) ||
	    __le64_to_cpu(sb->namespace_size) != size ||
	    !hostmem_reserve_range_good(sb, size, at))
		return -EINVAL;
	if (__le16_to_cpu(sb->version_minor) == 0 &&
	    !hostmem_is_zero(sb->padding, sizeof(sb->padding)))
		return -EINVAL;
	if (!add) {
		with = &sb->old_block;
		without = &sb->new_block;
	}
	if (!hostmem_with_good(sb, with, size) || !hostmem_without_good(sb, without, with))
		return -EINVAL;
	return 0;
}

/* Every 8 bytes, which is what the media writes as one, are of one block or of the other. */
static bool hostmem_is_torn(const void *page, const struct hostmem_reserve_superblock *sb,
			    struct hostmem_infoblock *block)
{
	const struct hostmem_infoblock_fields *fields[] = { &sb->old_block, &sb->new_block };
	__u8 fits[HOSTMEM_INFOBLOCK_SIZE / 8] = {};
	size_t i, j;

	for (i = 0; i < 2; i++) {
		hostmem_infoblock_expand(fields[i], block);
		for (j = 0; j < sizeof(fits); j++)
			fits[j] |= !memcmp((const __u8 *)page + 8 * j, (__u8 *)block + 8 * j, 8);
	}
	return !memchr(fits, 0, sizeof(fits));
}

/**
 * hostmem_reserve_state - what a superblock means
 * @sb: that has passed hostmem_reserve_check()
 * @page: what is on the media in the place of the info block
 * @scratch: room for an info block
 *
 * Return: the state.
 */
enum hostmem_reserve_state hostmem_reserve_state(const struct hostmem_reserve_superblock *sb,
						 const struct hostmem_infoblock *page,
						 struct hostmem_infoblock *scratch)
{
	bool add = __le32_to_cpu(sb->operation) == HOSTMEM_RESERVE_ADD;

	hostmem_infoblock_expand(&sb->new_block, scratch);
	if (!memcmp(page, scratch, sizeof(*scratch)))
		return add ? HOSTMEM_RESERVE_ACTIVE : HOSTMEM_RESERVE_DROPPED;
	hostmem_infoblock_expand(&sb->old_block, scratch);
	if (!memcmp(page, scratch, sizeof(*scratch)))
		return add ? HOSTMEM_RESERVE_UNDONE : HOSTMEM_RESERVE_ACTIVE;
	if (hostmem_is_torn(page, sb, scratch))
		return HOSTMEM_RESERVE_TORN;
	return HOSTMEM_RESERVE_STALE;
}

static __u64 hostmem_stock_offset(__u64 spa, __u64 align)
{
	return (spa + 2 * HOSTMEM_INFOBLOCK_SIZE + align - 1) / align * align - spa;
}

/**
 * hostmem_reserve_places - where superblocks can be
 * @fields: of the info block, or NULL if that is not whole
 * @spa: first system physical address of the namespace
 * @size: its bytes
 * @places: out: up to HOSTMEM_RESERVE_PLACES offsets, those with the info block first
 *
 * Without an info block a reserve in front of the data is found by its first page: where
 * the data would begin without it, for each alignment that the kernel knows.
 *
 * Return: number of places.
 */
unsigned int hostmem_reserve_places(const struct hostmem_infoblock_fields *fields, __u64 spa,
				    __u64 size, __u64 *places)
{
	const __u64 ends[HOSTMEM_RESERVE_PLACES] = {
		size - HOSTMEM_INFOBLOCK_SIZE,
		fields ? __le64_to_cpu(fields->dataoff) - HOSTMEM_INFOBLOCK_SIZE : 0,
		fields ? size - __le32_to_cpu(fields->end_trunc) : 0,
		hostmem_stock_offset(spa, HOSTMEM_RESERVE_ALIGN),
		hostmem_stock_offset(spa, 1U << 30),
	};
	unsigned int i, n = 0;

	for (i = 0; i < HOSTMEM_RESERVE_PLACES; i++) {
		if (ends[i] >= 2 * HOSTMEM_INFOBLOCK_SIZE && !(ends[i] % HOSTMEM_INFOBLOCK_SIZE) &&
		    size >= HOSTMEM_INFOBLOCK_SIZE && ends[i] <= size - HOSTMEM_INFOBLOCK_SIZE)
			places[n++] = ends[i];
	}
	return n;
}
