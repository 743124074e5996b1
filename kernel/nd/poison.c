// SPDX-License-Identifier: GPL-2.0
/*
 * What is bad in a namespace, as libnvdimm has it.
 *
 * libnvdimm keeps one list for a bus, from address range scrubs and machine checks, and gives each
 * disk the part that concerns its data. There is no call that tells the part of a whole
 * namespace but the one that fills the lists of disks. A disk's own list can have more.
 */
#include <linux/badblocks.h>
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/libnvdimm.h>
#include <linux/nd.h>
#include <linux/range.h>
#include <linux/slab.h>

#include "hostmem_nd.h"

/* Exported, but declared in a header of libnvdimm's own. */
void nvdimm_badblocks_populate(struct nd_region *nd_region, struct badblocks *bb,
			       const struct range *range);

/* One bad piece after another from a list of sectors: false at the end. */
static bool hostmem_badblocks_next(struct badblocks *bb, sector_t end, sector_t *start, int *count)
{
	int room;

	while (*start < end) {
		room = min_t(sector_t, end - *start, INT_MAX);
		if (badblocks_check(bb, *start, room, start, count))
			return true;
		*start += room;
	}
	return false;
}

static int hostmem_badblocks_disk(struct device *dev, void *data)
{
	if (!dev->class || strcmp(dev->class->name, "block"))
		return 0;
	*(struct gendisk **)data = dev_to_disk(dev);
	return 1;
}

/* What the disk has, whose sectors count from the start of the data. */
static void hostmem_badblocks_add(struct device *dev, const struct hostmem_pmem *pmem,
				  struct badblocks *bb)
{
	sector_t end = pmem->data_size >> SECTOR_SHIFT;
	struct gendisk *disk = NULL;
	sector_t start = 0;
	int count;

	device_for_each_child(dev, &disk, hostmem_badblocks_disk);
	if (!disk || !disk->bb)
		return;
	while (hostmem_badblocks_next(disk->bb, end, &start, &count)) {
		badblocks_set(bb, (pmem->data_offset >> SECTOR_SHIFT) + start, count, 1);
		start += count;
	}
}

/* Merge what touches; with a list of NULL, count only. */
static u32 hostmem_badblocks_list(struct badblocks *bb, const struct hostmem_pmem *pmem,
				  struct hostmem_poison *poison)
{
	sector_t end = pmem->size >> SECTOR_SHIFT;
	sector_t start = 0, last = 0;
	struct hostmem_bad *bad;
	u32 n = 0;
	int count;

	while (hostmem_badblocks_next(bb, end, &start, &count)) {
		if (!n || start != last)
			n++;
		last = start + count;
		if (poison) {
			bad = &poison->bad[n - 1];
			if (!bad->length) {
				bad->start = (u64)start << SECTOR_SHIFT;
				bad->spa = pmem->spa + bad->start;
			}
			bad->length += (u64)count << SECTOR_SHIFT;
		}
		start = last;
	}
	return n;
}

/**
 * hostmem_poison_read - what libnvdimm says is bad in a namespace
 * @pmem: the namespace
 * @dev: the device whose driver enables it
 * @out: out: the bad ranges, without times, or NULL: there are none
 *
 * Context: sleeps; while the namespace is enabled.
 * Return: 0 or -ENOMEM.
 */
int hostmem_poison_read(const struct hostmem_pmem *pmem, struct device *dev,
			struct hostmem_poison **out)
{
	struct range range = { .start = pmem->spa, .end = pmem->spa + pmem->size - 1 };
	struct badblocks bb = {};
	u32 count;
	int rc;

	*out = NULL;
	rc = badblocks_init(&bb, 1);
	if (rc)
		return rc;
	nvdimm_badblocks_populate(to_nd_region(dev->parent), &bb, &range);
	hostmem_badblocks_add(dev, pmem, &bb);
	count = hostmem_badblocks_list(&bb, pmem, NULL);
	if (count) {
		*out = hostmem_poison_alloc(count);
		if (*out)
			hostmem_badblocks_list(&bb, pmem, *out);
		else
			rc = -ENOMEM;
	}
	badblocks_exit(&bb);
	return rc;
}

/**
 * hostmem_poison_add - tell libnvdimm of a bad range
 * @dev: the device whose driver enables the namespace that it is in
 * @spa: of its first byte
 * @length: bytes
 *
 * The lists of the disks follow with NVDIMM_REVALIDATE_POISON.
 *
 * Context: sleeps.
 * Return: 0 or -ENOMEM.
 */
int hostmem_poison_add(struct device *dev, u64 spa, u64 length)
{
	return nvdimm_bus_add_badrange(to_nvdimm_bus(dev->parent->parent), spa, length);
}
