// SPDX-License-Identifier: GPL-2.0
/*
 * The info block of fsdax and devdax namespaces. What is on the media is not trusted, though
 * the kernel may have brought the namespace up with it.
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
