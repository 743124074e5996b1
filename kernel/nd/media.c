// SPDX-License-Identifier: GPL-2.0
/*
 * What the module reads from a namespace and writes to it, past the driver that enables it.
 */
#include <linux/device.h>
#include <linux/io.h>
#include <linux/libnvdimm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "hostmem_nd.h"

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
