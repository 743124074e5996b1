// SPDX-License-Identifier: GPL-2.0
/*
 * The info block of fsdax and devdax namespaces. What is on the media is not
 * trusted, though the kernel has brought the namespace up with it.
 */
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>

#include "hostmem_nd.h"

static u64 hostmem_fletcher64(const void *data, size_t length)
{
	const __le32 *word = data;
	u64 high = 0;
	u32 low = 0;
	size_t i;

	for (i = 0; i < length / sizeof(*word); i++) {
		low += le32_to_cpu(word[i]);
		high += low;
	}
	return high << 32 | low;
}

static bool hostmem_infoblock_whole(struct hostmem_infoblock *block, const char *signature)
{
	__le64 checksum = block->checksum;
	bool whole;

	if (memcmp(block->signature, signature, sizeof(block->signature)))
		return false;
	block->checksum = 0;
	whole = hostmem_fletcher64(block, sizeof(*block)) == le64_to_cpu(checksum);
	block->checksum = checksum;
	return whole;
}

/**
 * hostmem_infoblock_parse - where the data of a namespace is
 * @block: as read from the media; unchanged afterwards
 * @signature: that it has to have
 * @pmem: in: size; out: map, data_offset, data_size
 *
 * Return: 0; -EINVAL: not an info block, damaged, or of a namespace of another size.
 */
int hostmem_infoblock_parse(struct hostmem_infoblock *block, const char *signature,
			    struct hostmem_pmem *pmem)
{
	u64 dataoff = le64_to_cpu(block->dataoff);
	u64 pad = le32_to_cpu(block->start_pad);
	u64 trunc = le32_to_cpu(block->end_trunc);

	if (!hostmem_infoblock_whole(block, signature))
		return -EINVAL;
	if (dataoff >= pmem->size || pad + trunc >= pmem->size - dataoff)
		return -EINVAL;
	switch (le32_to_cpu(block->mode)) {
	case HOSTMEM_INFOBLOCK_MEM:
		pmem->map = HOSTMEM_PMEM_MAP_MEM;
		break;
	case HOSTMEM_INFOBLOCK_DEV:
		pmem->map = HOSTMEM_PMEM_MAP_DEV;
		break;
	default:
		return -EINVAL;
	}
	pmem->data_offset = pad + dataoff;
	pmem->data_size = pmem->size - pad - dataoff - trunc;
	return 0;
}
