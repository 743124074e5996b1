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
#include <linux/minmax.h>
#include <linux/nd.h>
#include <linux/overflow.h>
#include <linux/range.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hostmem_nd.h"

/* Exported, but declared in a header of libnvdimm's own. */
void nvdimm_badblocks_populate(struct nd_region *nd_region, struct badblocks *bb,
			       const struct range *range);

/* A window that one range of a list can say all of. */
#define HOSTMEM_WINDOW_MIN SZ_256K

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

/* What the disk has of a window, whose sectors count from the start of the data. */
static void hostmem_badblocks_copy(struct gendisk *disk, const struct hostmem_pmem *pmem,
				   const struct range *window, struct badblocks *bb)
{
	u64 data = pmem->spa + pmem->data_offset;
	u64 from = max_t(u64, window->start, data);
	u64 to = min_t(u64, window->end + 1, data + pmem->data_size);
	sector_t start, end;
	int count;

	if (!disk || !disk->bb || from >= to)
		return;
	start = (from - data) >> SECTOR_SHIFT;
	end = (to - data) >> SECTOR_SHIFT;
	while (hostmem_badblocks_next(disk->bb, end, &start, &count)) {
		badblocks_set(bb, ((data - window->start) >> SECTOR_SHIFT) + start, count, 1);
		start += count;
	}
}

/* Bad ranges that are being collected, and how many there is room for. */
struct hostmem_bads {
	struct hostmem_poison *poison;
	u32 room;
};

static int hostmem_bads_grow(struct hostmem_bads *bads)
{
	u32 count = bads->poison ? bads->poison->count : 0;
	struct hostmem_poison *more;

	if (count < bads->room)
		return 0;
	more = hostmem_poison_alloc(max(2 * bads->room, 16U));
	if (!more)
		return -ENOMEM;
	bads->room = more->count;
	more->count = count;
	if (count)
		memcpy(more->bad, bads->poison->bad, array_size(count, sizeof(more->bad[0])));
	kvfree(bads->poison);
	bads->poison = more;
	return 0;
}

/* One behind those that are there; it may touch the last one. */
static int hostmem_bads_add(struct hostmem_bads *bads, const struct hostmem_pmem *pmem, u64 start,
			    u64 length)
{
	struct hostmem_bad *last;
	int rc = hostmem_bads_grow(bads);

	if (rc)
		return rc;
	last = bads->poison->count ? &bads->poison->bad[bads->poison->count - 1] : NULL;
	if (!last || last->start + last->length != start) {
		last = &bads->poison->bad[bads->poison->count++];
		*last = (struct hostmem_bad) { .start = start, .spa = pmem->spa + start };
	}
	last->length += length;
	return 0;
}

/* What a list says of a window. */
static int hostmem_badblocks_list(struct hostmem_bads *bads, const struct hostmem_pmem *pmem,
				  const struct range *window, struct badblocks *bb)
{
	sector_t end = range_len(window) >> SECTOR_SHIFT;
	u64 offset = window->start - pmem->spa;
	sector_t start = 0;
	int rc = 0, count;

	while (!rc && hostmem_badblocks_next(bb, end, &start, &count)) {
		rc = hostmem_bads_add(bads, pmem, offset + ((u64)start << SECTOR_SHIFT),
				      (u64)count << SECTOR_SHIFT);
		start += count;
	}
	return rc;
}

/*
 * A list has room for 512 ranges of at most 256 KiB. What does not fit is left out without a word,
 * and some kernels leave out more of what is longer than one range. So a list is believed that
 * is empty, or that has one range, of which more would have made it longer.
 */
static bool hostmem_badblocks_believed(const struct badblocks *bb)
{
	return !bb->count || (bb->count == 1 && BB_LEN(bb->page[0]) < BB_MAX_LEN);
}

/* In windows, the next half as large when what the list of one says is not believed. */
static int hostmem_bads_read(struct hostmem_bads *bads, const struct hostmem_pmem *pmem,
			     struct device *dev, struct gendisk *disk)
{
	u64 length = pmem->size, pos = 0;
	struct badblocks bb = {};
	struct range window;
	int rc = 0;

	while (!rc && pos < pmem->size) {
		window.start = pmem->spa + pos;
		window.end = window.start + length - 1;
		rc = badblocks_init(&bb, 1);
		if (rc)
			break;
		nvdimm_badblocks_populate(to_nd_region(dev->parent), &bb, &window);
		hostmem_badblocks_copy(disk, pmem, &window, &bb);
		if (!hostmem_badblocks_believed(&bb) && length > HOSTMEM_WINDOW_MIN) {
			length = ALIGN(length / 2, HOSTMEM_WINDOW_MIN);
		} else {
			rc = hostmem_badblocks_list(bads, pmem, &window, &bb);
			pos += length;
			length = min(2 * length, pmem->size - pos);
		}
		badblocks_exit(&bb);
		cond_resched();
	}
	return rc;
}

/**
 * hostmem_badblocks_read - what libnvdimm says is bad in a namespace
 * @pmem: the namespace
 * @dev: the device whose driver enables it
 * @out: out: the bad ranges, without times, or NULL: there are none
 *
 * Context: sleeps; while the namespace is enabled.
 * Return: 0 or -ENOMEM.
 */
int hostmem_badblocks_read(const struct hostmem_pmem *pmem, struct device *dev,
			   struct hostmem_poison **out)
{
	struct hostmem_bads bads = {};
	struct gendisk *disk = NULL;
	int rc;

	device_for_each_child(dev, &disk, hostmem_badblocks_disk);
	rc = hostmem_bads_read(&bads, pmem, dev, disk);
	if (rc) {
		kvfree(bads.poison);
		bads.poison = NULL;
	}
	*out = bads.poison;
	return rc;
}

/**
 * hostmem_badblocks_any - whether libnvdimm knows of a bad range in a piece of memory
 * @dev: a namespace in which it is, or what enables that
 * @spa: of its first byte
 * @length: bytes, not 0
 *
 * Context: sleeps.
 * Return: true if it does, or if that cannot be found out.
 */
bool hostmem_badblocks_any(struct device *dev, u64 spa, u64 length)
{
	struct range window = { .start = spa, .end = spa + length - 1 };
	struct badblocks bb = {};
	bool any;

	if (badblocks_init(&bb, 1))
		return true;
	nvdimm_badblocks_populate(to_nd_region(dev->parent), &bb, &window);
	any = bb.count;
	badblocks_exit(&bb);
	return any;
}

/**
 * hostmem_badblocks_add - tell libnvdimm of a bad range
 * @dev: the device whose driver enables the namespace that it is in
 * @spa: of its first byte
 * @length: bytes
 *
 * The lists of the disks follow with NVDIMM_REVALIDATE_POISON.
 *
 * Context: sleeps.
 * Return: 0 or -ENOMEM.
 */
int hostmem_badblocks_add(struct device *dev, u64 spa, u64 length)
{
	return nvdimm_bus_add_badrange(to_nvdimm_bus(dev->parent->parent), spa, length);
}
