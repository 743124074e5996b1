// SPDX-License-Identifier: LGPL-2.1-only
/*
 * How large the KVM slots of a region are: the rule of virtio-mem's dynamic memslots.
 *
 * Many small slots keep KVM's metadata small while little is plugged; but every slot that a
 * region takes is one that something else may need, and the historical limit of 256
 * DIMMs is what all of them together should not exceed.
 */
#include <limits.h>

#include "private.h"

/* Who supports fewer slots than this gets one for each region. */
#define HOSTMEM_SAFE_SLOTS 509
/* What the regions of a VM take together, with all that is there besides. */
#define HOSTMEM_SOFT_SLOTS 256

typedef unsigned __int128 hostmem_wide;

static unsigned int hostmem_min(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Into how many slots the region may be divided. */
static unsigned int hostmem_slot_limit(const struct hostmem_slot_rule *rule)
{
	unsigned int max = hostmem_min(rule->vhost_max, rule->kvm_max);
	unsigned int free = hostmem_min(rule->vhost_free, rule->kvm_free);
	unsigned int reserved = 0;
	unsigned long long others;
	hostmem_wide share;
	unsigned int n;

	if (rule->required > rule->used)
		reserved = rule->required - rule->used;
	if (max < HOSTMEM_SAFE_SLOTS || rule->required >= HOSTMEM_SOFT_SLOTS ||
	    free <= reserved)
		return 1;
	n = hostmem_min(HOSTMEM_SOFT_SLOTS - rule->required, free - reserved);
	if (__builtin_add_overflow(rule->ram, rule->used_ram, &others))
		return 1;
	if (rule->maxram >= rule->ram && rule->size == rule->maxram - rule->ram)
		return n;
	/* Its share of the address space that has not been decided on yet. */
	if (rule->maxram <= others || rule->maxram - others <= rule->size)
		return n;
	share = (hostmem_wide)n * rule->size / (rule->maxram - others);
	return share ? share : 1;
}

/**
 * hostmem_slot_size - virtio-mem's rule for the slots of one region
 * @rule: what it looks at
 *
 * Computes only; needs neither the module nor KVM. Decide once, before the first plug. No
 * slot is smaller than 1 GiB or a block. A VMM whose vhost backends get one memory
 * region for each hostmem region, as hostmem_vm_get_memory_table() tells it, sets vhost_max
 * and vhost_free to UINT_MAX: however few slots a backend has, it does not see KVM's.
 *
 * Return: bytes, a multiple of the block size; the last slot of the region may be smaller.
 * 0: the size or the block size is 0, or the region too large for 64 bits.
 */
unsigned long long hostmem_slot_size(const struct hostmem_slot_rule *rule)
{
	unsigned long long block = rule->block_size;
	unsigned long long least, size;

	if (!rule->size || !block)
		return 0;
	size = rule->size / hostmem_slot_limit(rule);
	if (__builtin_add_overflow(size, block - 1, &size))
		return 0;
	size = hostmem_align_down(size, block);
	least = block > HOSTMEM_1G ? block : HOSTMEM_1G;
	return size > least ? size : least;
}

/* What the rule says for the only region of a VM on today's KVM; not 0 for one that exists. */
unsigned long long hostmem_slot_size_default(unsigned long long size,
					     unsigned long long block_size)
{
	struct hostmem_slot_rule rule = {
		.kvm_max = UINT_MAX,
		.kvm_free = UINT_MAX,
		.vhost_max = UINT_MAX,
		.vhost_free = UINT_MAX,
		.maxram = size,
		.size = size,
		.block_size = block_size,
	};

	return hostmem_slot_size(&rule);
}
