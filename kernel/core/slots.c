// SPDX-License-Identifier: GPL-2.0
/*
 * What is plugged: as a bitmap of blocks, and as KVM slots.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "hostmem_private.h"

/* The first slot of a range of the region from an offset in the range on; moves the offset. */
static bool hostmem_slot_next(const struct hostmem_region *region, struct hostmem_range range,
			      u64 slot_size, u64 *pos, struct hostmem_slot *slot)
{
	unsigned long end = (range.start + range.length) >> region->block_shift;
	unsigned long bit;

	lockdep_assert_held(&region->lock);
	if (*pos >= range.length)
		return false;
	bit = find_next_bit(region->plugged, end, (range.start + *pos) >> region->block_shift);
	if (bit >= end)
		return false;
	slot->start = div64_u64(((u64)bit << region->block_shift) - range.start, slot_size) *
		      slot_size;
	slot->length = min(slot_size, range.length - slot->start);
	*pos = slot->start + slot->length;
	return true;
}

/* Fill @array with at most @max slots; returns how many there are. */
static u32 hostmem_slots_collect(const struct hostmem_view *view, u64 slot_size,
				 struct hostmem_slot *array, u32 max)
{
	struct hostmem_slot slot;
	u64 pos = 0;
	u32 n = 0;

	while (hostmem_slot_next(view->region, hostmem_view_range(view), slot_size, &pos, &slot)) {
		if (n < max)
			array[n] = slot;
		n++;
	}
	return n;
}

/**
 * hostmem_region_slots - HOSTMEM_REGION_SLOTS
 * @ucmd: the ioctl, on any view
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_region_slots(struct hostmem_ucmd *ucmd)
{
	struct hostmem_region_slots *cmd = ucmd->cmd;
	struct hostmem_view *view = ucmd->view;
	struct hostmem_region *region = view->region;
	struct hostmem_slot *slots;
	u32 max, n;
	int rc;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	if (!cmd->slot_size || !IS_ALIGNED(cmd->slot_size, hostmem_block_size(region)))
		return -EINVAL;
	if (hostmem_view_dead(view))
		return -ENODEV;
	max = min_t(u64, cmd->count, div64_u64(view->length - 1, cmd->slot_size) + 1);
	slots = kvcalloc(max ?: 1, sizeof(*slots), GFP_KERNEL_ACCOUNT);
	if (!slots)
		return -ENOMEM;

	mutex_lock(&region->lock);
	n = hostmem_slots_collect(view, cmd->slot_size, slots, max);
	cmd->out_generation = atomic64_read(&region->generation);
	mutex_unlock(&region->lock);

	rc = 0;
	if (n <= max && copy_to_user(u64_to_user_ptr(cmd->slots), slots, n * sizeof(*slots)))
		rc = -EFAULT;
	kvfree(slots);
	if (rc)
		return rc;
	cmd->count = n;
	rc = hostmem_ucmd_respond(ucmd);
	if (!rc && n > max)
		rc = -EMSGSIZE;
	if (!rc)
		WRITE_ONCE(view->seen, cmd->out_generation);
	return rc;
}

/**
 * hostmem_region_blocks - HOSTMEM_REGION_BLOCKS
 * @ucmd: the ioctl, on any view
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_region_blocks(struct hostmem_ucmd *ucmd)
{
	struct hostmem_region_blocks *cmd = ucmd->cmd;
	struct hostmem_view *view = ucmd->view;
	struct hostmem_region *region = view->region;
	unsigned long first, nr, bit;
	u64 *words;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;
	rc = hostmem_range_check(cmd->start, cmd->length, hostmem_block_size(region), view->length);
	if (rc)
		return rc;
	if (hostmem_view_dead(view))
		return -ENODEV;
	first = (view->start + cmd->start) >> region->block_shift;
	nr = cmd->length >> region->block_shift;
	words = kvcalloc(DIV_ROUND_UP(nr, 64), sizeof(*words), GFP_KERNEL_ACCOUNT);
	if (!words)
		return -ENOMEM;

	mutex_lock(&region->lock);
	bit = first;
	for_each_set_bit_from(bit, region->plugged, first + nr)
		words[(bit - first) / 64] |= BIT_ULL((bit - first) % 64);
	cmd->out_generation = atomic64_read(&region->generation);
	mutex_unlock(&region->lock);

	if (copy_to_user(u64_to_user_ptr(cmd->bitmap), words,
			 DIV_ROUND_UP(nr, 64) * sizeof(*words)))
		rc = -EFAULT;
	kvfree(words);
	if (!rc)
		rc = hostmem_ucmd_respond(ucmd);
	if (!rc)
		WRITE_ONCE(view->seen, cmd->out_generation);
	return rc;
}
