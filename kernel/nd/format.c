// SPDX-License-Identifier: GPL-2.0
/*
 * The formats on media: info blocks, the superblocks of reserves, ledgers. Nothing that one says is
 * believed before it has been checked against the namespace that it lies on, though the kernel
 * may have brought that up with it.
 */
#include <linux/errno.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "format.h"

/* The checksum of libnvdimm's blocks, of little endian words of 4 bytes. */
static __u64 hostmem_fletcher64(const void *data, size_t length)
{
	const __u8 *byte = data;
	__u64 high = 0;
	__u32 low = 0;
	__le32 word;
	size_t i;

	for (i = 0; i < length; i += sizeof(word)) {
		/* The data is structures of other types. */
		memcpy(&word, byte + i, sizeof(word));
		low += __le32_to_cpu(word);
		high += low;
	}
	return high << 32 | low;
}

/* What a block that ends with its checksum has there, when that counts as 0. */
static __le64 hostmem_checksum(void *block, size_t length)
{
	__u8 *end = (__u8 *)block + length - sizeof(__le64);
	__le64 before, checksum;

	memcpy(&before, end, sizeof(before));
	memset(end, 0, sizeof(before));
	checksum = __cpu_to_le64(hostmem_fletcher64(block, length));
	memcpy(end, &before, sizeof(before));
	return checksum;
}

/**
 * hostmem_seal - put its checksum into a block
 * @block: ends with its checksum
 * @length: bytes, a multiple of 4
 */
void hostmem_seal(void *block, size_t length)
{
	__le64 checksum = hostmem_checksum(block, length);

	memcpy((__u8 *)block + length - sizeof(checksum), &checksum, sizeof(checksum));
}

/**
 * hostmem_is_sealed - whether the checksum of a block is right
 * @block: ends with its checksum; unchanged afterwards
 * @length: bytes, a multiple of 4
 *
 * Return: true if it is.
 */
bool hostmem_is_sealed(void *block, size_t length)
{
	__le64 checksum = hostmem_checksum(block, length);

	return !memcmp((__u8 *)block + length - sizeof(checksum), &checksum, sizeof(checksum));
}

/* Whether all of @data is zero. */
bool hostmem_is_zero(const void *data, size_t length)
{
	const __u8 *byte = data;

	return !length || (!byte[0] && !memcmp(byte, byte + 1, length - 1));
}

/**
 * hostmem_infoblock_whole - whether an info block's signature and checksum are right
 * @block: as read from the media; unchanged afterwards
 *
 * Return: true if they are.
 */
bool hostmem_infoblock_whole(struct hostmem_infoblock *block)
{
	if (memcmp(block->fields.signature, HOSTMEM_INFOBLOCK_FSDAX, 16) &&
	    memcmp(block->fields.signature, HOSTMEM_INFOBLOCK_DEVDAX, 16))
		return false;
	return hostmem_is_sealed(block, sizeof(*block));
}

/**
 * hostmem_infoblock_place - where the data of a namespace is
 * @fields: of an info block
 * @size: bytes of the namespace
 * @offset: out: bytes from the start of the namespace to the data
 * @length: out: bytes of the data
 *
 * Return: 0; -EINVAL: it is not about a namespace of that size.
 */
int hostmem_infoblock_place(const struct hostmem_infoblock_fields *fields, __u64 size,
			    __u64 *offset, __u64 *length)
{
	__u64 dataoff = __le64_to_cpu(fields->dataoff);
	__u64 pad = __le32_to_cpu(fields->start_pad);
	__u64 trunc = __le32_to_cpu(fields->end_trunc);
	__u32 mode = __le32_to_cpu(fields->mode);

	if (dataoff >= size || pad + trunc >= size - dataoff)
		return -EINVAL;
	if (mode != HOSTMEM_INFOBLOCK_MEM && mode != HOSTMEM_INFOBLOCK_DEV)
		return -EINVAL;
	*offset = pad + dataoff;
	*length = size - pad - dataoff - trunc;
	return 0;
}

/**
 * hostmem_infoblock_expand - the 4096 bytes of an info block
 * @fields: what it says; all zero gives a page of zeros
 * @block: out
 */
void hostmem_infoblock_expand(const struct hostmem_infoblock_fields *fields,
			      struct hostmem_infoblock *block)
{
	memset(block, 0, sizeof(*block));
	block->fields = *fields;
	hostmem_seal(block, sizeof(*block));
}

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

static bool hostmem_superblock_range_good(const struct hostmem_reserve_superblock *sb, __u64 size,
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
 * hostmem_superblock_check - whether a page is a superblock
 * @sb: the page; unchanged afterwards
 * @size: bytes of the namespace
 * @at: where the page was, bytes from the start of the namespace
 *
 * Return: 0: it is, and all that it says fits together; -EINVAL.
 */
int hostmem_superblock_check(struct hostmem_reserve_superblock *sb, __u64 size, __u64 at)
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
	    !hostmem_superblock_range_good(sb, size, at))
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
 * hostmem_superblock_state - what a superblock means
 * @sb: that has passed hostmem_superblock_check()
 * @page: what is on the media in the place of the info block
 * @scratch: room for an info block
 *
 * Return: the state.
 */
enum hostmem_reserve_state hostmem_superblock_state(const struct hostmem_reserve_superblock *sb,
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
 * hostmem_superblock_places - where superblocks can be
 * @fields: of the info block, or NULL if that is not whole
 * @spa: first system physical address of the namespace
 * @size: its bytes
 * @places: out: up to HOSTMEM_SUPERBLOCK_PLACES offsets, those with the info block first
 *
 * Without an info block a reserve in front of the data is found by its first page: where
 * the data would begin without it, for each alignment that the kernel knows.
 *
 * Return: number of places.
 */
unsigned int hostmem_superblock_places(const struct hostmem_infoblock_fields *fields, __u64 spa,
				       __u64 size, __u64 *places)
{
	const __u64 ends[HOSTMEM_SUPERBLOCK_PLACES] = {
		size - HOSTMEM_INFOBLOCK_SIZE,
		fields ? __le64_to_cpu(fields->dataoff) - HOSTMEM_INFOBLOCK_SIZE : 0,
		fields ? size - __le32_to_cpu(fields->end_trunc) : 0,
		hostmem_stock_offset(spa, HOSTMEM_RESERVE_ALIGN),
		hostmem_stock_offset(spa, 1U << 30),
	};
	unsigned int i, n = 0;

	for (i = 0; i < HOSTMEM_SUPERBLOCK_PLACES; i++) {
		if (ends[i] >= 2 * HOSTMEM_INFOBLOCK_SIZE && !(ends[i] % HOSTMEM_INFOBLOCK_SIZE) &&
		    size >= HOSTMEM_INFOBLOCK_SIZE && ends[i] <= size - HOSTMEM_INFOBLOCK_SIZE)
			places[n++] = ends[i];
	}
	return n;
}

/* What is bad is told in units of these bytes. */
#define HOSTMEM_LEDGER_UNIT 512

/* Within the namespace, and behind what ends at @end. */
static bool hostmem_ledger_entry_good(const struct hostmem_ledger_entry *entry, __u64 size,
				      __u64 end)
{
	__u64 start = __le64_to_cpu(entry->start);
	__u64 length = __le64_to_cpu(entry->length);

	if (start % HOSTMEM_LEDGER_UNIT || length % HOSTMEM_LEDGER_UNIT || !length)
		return false;
	return start < size && length <= size - start && (!end || start > end);
}

static bool hostmem_ledger_entries_good(const struct hostmem_ledger *ledger, __u64 size)
{
	const struct hostmem_ledger_entry *entries = ledger->entries;
	__u32 count = __le32_to_cpu(ledger->count);
	__u64 end = 0;
	__u32 i;

	if (count > HOSTMEM_LEDGER_ENTRIES)
		return false;
	for (i = 0; i < count; i++) {
		if (!hostmem_ledger_entry_good(&entries[i], size, end))
			return false;
		end = __le64_to_cpu(entries[i].start) + __le64_to_cpu(entries[i].length);
	}
	return hostmem_is_zero(&entries[count],
			       sizeof(*entries) * (HOSTMEM_LEDGER_ENTRIES - count));
}

/**
 * hostmem_ledger_check - whether the content of a slot is a ledger
 * @ledger: the content; unchanged afterwards
 * @uuid: of the reserve
 * @size: bytes of the namespace
 *
 * Return: 0: it is, of this reserve, and all that it says fits together; -EINVAL.
 */
int hostmem_ledger_check(struct hostmem_ledger *ledger, const __u8 *uuid, __u64 size)
{
	if (memcmp(ledger->magic, HOSTMEM_LEDGER_MAGIC, sizeof(ledger->magic)) ||
	    __le16_to_cpu(ledger->version_major) != HOSTMEM_LEDGER_VERSION_MAJOR ||
	    memcmp(ledger->uuid, uuid, sizeof(ledger->uuid)) ||
	    !hostmem_is_sealed(ledger, sizeof(*ledger)))
		return -EINVAL;
	if (!ledger->generation || ledger->zero || !hostmem_ledger_entries_good(ledger, size))
		return -EINVAL;
	return 0;
}
