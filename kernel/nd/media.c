// SPDX-License-Identifier: GPL-2.0
/*
 * The media of a namespace: read and written past the driver that enables it; and what is on it
 * of data and reserve.
 */
#include <linux/device.h>
#include <linux/io.h>
#include <linux/libnvdimm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "format.h"
#include "hostmem_nd.h"

static_assert(sizeof(struct hostmem_infoblock) == HOSTMEM_INFOBLOCK_SIZE);
static_assert(sizeof(struct hostmem_reserve_superblock) == HOSTMEM_INFOBLOCK_SIZE);

/* What is read from it; too large for the stack. */
struct hostmem_media_pages {
	struct hostmem_infoblock block;
	struct hostmem_infoblock scratch;
	struct hostmem_reserve_superblock sb;
};

static void *hostmem_media_map(const struct hostmem_pmem *pmem, u64 offset, size_t length)
{
	if (offset > pmem->size || length > pmem->size - offset)
		return NULL;
	return memremap(pmem->spa + offset, length, MEMREMAP_WB);
}

/**
 * hostmem_media_read - read from a namespace
 * @pmem: the namespace
 * @offset: bytes from its start
 * @data: out: what is there
 * @length: bytes
 *
 * Context: sleeps; while the namespace is enabled.
 * Return: 0; -EIO: some of it is poisoned; -ENXIO: not in the namespace, or cannot be mapped.
 */
int hostmem_media_read(const struct hostmem_pmem *pmem, u64 offset, void *data, size_t length)
{
	void *media = hostmem_media_map(pmem, offset, length);
	int rc = 0;

	if (!media)
		return -ENXIO;
	if (copy_mc_to_kernel(data, media, length))
		rc = -EIO;
	memunmap(media);
	return rc;
}

/**
 * hostmem_media_write - write to a namespace
 * @pmem: the namespace
 * @dev: the device whose driver enables it
 * @offset: bytes from its start
 * @data: what to write
 * @length: bytes
 *
 * Context: sleeps; while the namespace is enabled.
 * Return: 0: it has reached the media; -ENXIO: not in the namespace, or cannot be mapped; or an
 * error of flushing.
 */
int hostmem_media_write(const struct hostmem_pmem *pmem, struct device *dev, u64 offset,
			const void *data, size_t length)
{
	void *media = hostmem_media_map(pmem, offset, length);

	if (!media)
		return -ENXIO;
	memcpy_flushcache(media, data, length);
	memunmap(media);
	return nvdimm_flush(to_nd_region(dev->parent), NULL);
}

static int hostmem_media_infoblock(struct hostmem_media_pages *media, const char *signature,
				   struct hostmem_pmem *pmem)
{
	const struct hostmem_infoblock_fields *fields = &media->block.fields;
	int rc;

	rc = hostmem_media_read(pmem, HOSTMEM_INFOBLOCK_OFFSET, &media->block,
				sizeof(media->block));
	if (rc)
		return rc;
	if (!hostmem_infoblock_whole(&media->block) ||
	    memcmp(fields->signature, signature, sizeof(fields->signature)))
		return -EINVAL;
	rc = hostmem_infoblock_place(fields, pmem->size, &pmem->data_offset, &pmem->data_size);
	if (rc)
		return rc;
	pmem->map = le32_to_cpu(fields->mode) == HOSTMEM_INFOBLOCK_MEM ?
		    HOSTMEM_PMEM_MAP_MEM : HOSTMEM_PMEM_MAP_DEV;
	return 0;
}

static bool hostmem_media_is_reserve(struct hostmem_media_pages *media,
				     const struct hostmem_pmem *pmem, u64 place)
{
	if (hostmem_media_read(pmem, place, &media->sb, sizeof(media->sb)))
		return false;
	if (hostmem_superblock_check(&media->sb, pmem->size, place))
		return false;
	return hostmem_superblock_state(&media->sb, &media->block, &media->scratch) ==
	       HOSTMEM_RESERVE_ACTIVE;
}

/* One good copy of the superblock is enough: the other may be in a bad block. */
static void hostmem_media_reserve(struct hostmem_media_pages *media, struct hostmem_pmem *pmem)
{
	u64 places[HOSTMEM_SUPERBLOCK_PLACES];
	unsigned int i, n;

	n = hostmem_superblock_places(&media->block.fields, pmem->spa, pmem->size, places);
	for (i = 0; i < n; i++) {
		if (!hostmem_media_is_reserve(media, pmem, places[i]))
			continue;
		pmem->reserve_layout = le32_to_cpu(media->sb.layout);
		pmem->reserve_offset = le64_to_cpu(media->sb.start);
		pmem->reserve_size = le64_to_cpu(media->sb.length);
		memcpy(pmem->reserve_uuid, media->sb.uuid, sizeof(pmem->reserve_uuid));
		memcpy(pmem->reserve_purpose, media->sb.purpose, sizeof(pmem->reserve_purpose));
		return;
	}
}

/**
 * hostmem_media_look - find out where the data of a namespace is, and its reserve
 * @pmem: in: spa, size; out: map, data_offset, data_size, all about the reserve
 * @signature: of its info block
 *
 * Context: sleeps; while the namespace is enabled.
 * Return: 0; -EINVAL: the info block contradicts the namespace; -EIO: it is poisoned; -ENXIO;
 * -ENOMEM.
 */
int hostmem_media_look(struct hostmem_pmem *pmem, const char *signature)
{
	struct hostmem_media_pages *media = kmalloc(sizeof(*media), GFP_KERNEL);
	int rc;

	if (!media)
		return -ENOMEM;
	rc = hostmem_media_infoblock(media, signature, pmem);
	if (!rc)
		hostmem_media_reserve(media, pmem);
	kfree(media);
	return rc;
}
