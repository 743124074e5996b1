// SPDX-License-Identifier: GPL-2.0
/*
 * The ledger of a reserve: what of its namespace is bad, so that it is known after a reboot, too.
 *
 * Not every platform finds them again by itself. A ledger is written to the slots in turn,
 * so that whenever the power fails the one before is whole.
 */
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "format.h"
#include "hostmem_nd.h"

/* A reserve of which libnvdimm knows all that the ledger says, while it has the region. */
struct hostmem_settled {
	struct list_head node;
	const struct device *region;	/* libnvdimm's; not kept */
	u64 spa;			/* of the namespace */
	u8 uuid[sizeof_field(struct hostmem_ledger, uuid)];
};

static DEFINE_MUTEX(hostmem_settled_lock);
static LIST_HEAD(hostmem_settled_list);

static_assert(sizeof(struct hostmem_ledger) == HOSTMEM_LEDGER_SIZE);
static_assert((HOSTMEM_LEDGER_SLOTS + 1) * HOSTMEM_LEDGER_STRIDE <= HOSTMEM_RESERVE_ALIGN);

static u64 hostmem_ledger_place(const struct hostmem_pmem *pmem, unsigned int slot)
{
	return pmem->reserve_offset + (slot + 1) * HOSTMEM_LEDGER_STRIDE;
}

static struct hostmem_poison *hostmem_ledger_unpack(const struct hostmem_pmem *pmem,
						    const struct hostmem_ledger *ledger)
{
	struct hostmem_poison *poison = hostmem_poison_alloc(le32_to_cpu(ledger->count));
	u32 i;

	if (poison)
		poison->recorded = true;
	for (i = 0; poison && i < poison->count; i++) {
		poison->bad[i].start = le64_to_cpu(ledger->entries[i].start);
		poison->bad[i].length = le64_to_cpu(ledger->entries[i].length);
		poison->bad[i].spa = pmem->spa + poison->bad[i].start;
		poison->bad[i].since = le64_to_cpu(ledger->entries[i].since);
	}
	return poison;
}

/**
 * hostmem_ledger_load - read the ledger of a reserve
 * @pmem: the namespace, with a reserve
 * @last: out: which ledger it is; as it was if there is none
 * @out: out: what it says; NULL: nothing is bad, or there is no ledger
 *
 * Context: sleeps; while the namespace is enabled.
 * Return: 0 or -ENOMEM.
 */
int hostmem_ledger_load(const struct hostmem_pmem *pmem, struct hostmem_ledger_slot *last,
			struct hostmem_poison **out)
{
	struct hostmem_ledger *ledger = kvmalloc(sizeof(*ledger), GFP_KERNEL);
	struct hostmem_poison *poison;
	unsigned int slot;
	int rc = 0;

	*out = NULL;
	if (!ledger)
		return -ENOMEM;
	for (slot = 0; slot < HOSTMEM_LEDGER_SLOTS; slot++) {
		if (hostmem_media_read(pmem, hostmem_ledger_place(pmem, slot), ledger,
				       sizeof(*ledger)) ||
		    hostmem_ledger_check(ledger, pmem->reserve_uuid, pmem->size) ||
		    le64_to_cpu(ledger->generation) <= last->generation)
			continue;
		poison = NULL;
		if (ledger->count) {
			poison = hostmem_ledger_unpack(pmem, ledger);
			rc = poison ? 0 : -ENOMEM;
		}
		if (rc)
			break;
		kvfree(*out);
		*out = poison;
		last->generation = le64_to_cpu(ledger->generation);
		last->tried = last->generation;
		last->slot = slot;
	}
	kvfree(ledger);
	if (rc) {
		kvfree(*out);
		*out = NULL;
	}
	return rc;
}

static void hostmem_ledger_pack(const struct hostmem_pmem *pmem, u64 generation,
				const struct hostmem_poison *poison, struct hostmem_ledger *ledger)
{
	u32 i, count = poison ? poison->count : 0;

	memcpy(ledger->magic, HOSTMEM_LEDGER_MAGIC, sizeof(ledger->magic));
	ledger->version_major = cpu_to_le16(HOSTMEM_LEDGER_VERSION_MAJOR);
	ledger->version_minor = cpu_to_le16(HOSTMEM_LEDGER_VERSION_MINOR);
	ledger->count = cpu_to_le32(count);
	ledger->generation = cpu_to_le64(generation);
	memcpy(ledger->uuid, pmem->reserve_uuid, sizeof(ledger->uuid));
	for (i = 0; i < count; i++) {
		ledger->entries[i].start = cpu_to_le64(poison->bad[i].start);
		ledger->entries[i].length = cpu_to_le64(poison->bad[i].length);
		ledger->entries[i].since = cpu_to_le64(poison->bad[i].since);
	}
	hostmem_seal(ledger, sizeof(*ledger));
}

/* Write to a slot, and see that it is there. */
static int hostmem_ledger_write(const struct hostmem_pmem *pmem, struct device *dev, u64 place,
				const struct hostmem_ledger *ledger, struct hostmem_ledger *scratch)
{
	int rc;

	rc = hostmem_media_write(pmem, dev, place, ledger, sizeof(*ledger));
	if (!rc)
		rc = hostmem_media_read(pmem, place, scratch, sizeof(*scratch));
	if (!rc && memcmp(ledger, scratch, sizeof(*ledger)))
		rc = -EIO;
	return rc;
}

/*
 * Write to one slot after the other until one has it, but never to that of the ledger that
 * counts: if that was cut off, too, nothing would be left. What seems to have failed may have
 * reached the media all the same, so that each attempt has a generation of its own, and the last
 * one counts.
 */
static int hostmem_ledger_write_any(const struct hostmem_pmem *pmem, struct device *dev,
				    struct hostmem_ledger_slot *last,
				    const struct hostmem_poison *poison,
				    struct hostmem_ledger *ledger)
{
	unsigned int i, slot, slots = HOSTMEM_LEDGER_SLOTS - !!last->generation;
	u64 place;

	for (i = 1; i <= slots; i++) {
		slot = (last->slot + i) % HOSTMEM_LEDGER_SLOTS;
		place = hostmem_ledger_place(pmem, slot);
		if (hostmem_poison_find(poison, place, sizeof(*ledger)))
			continue;
		hostmem_ledger_pack(pmem, ++last->tried, poison, ledger);
		if (hostmem_ledger_write(pmem, dev, place, ledger, ledger + 1))
			continue;
		last->generation = last->tried;
		last->slot = slot;
		return 0;
	}
	return -EIO;
}

/**
 * hostmem_ledger_store - write the ledger of a reserve
 * @pmem: the namespace, with a reserve
 * @dev: the device whose driver enables it
 * @last: in: the last ledger; out: this one
 * @poison: what the ledger shall say
 *
 * Context: sleeps; while the namespace is enabled.
 * Return: 0; -E2BIG: more than a ledger can hold; -EIO: every slot is bad but that of the last
 * ledger, which stays; -ENOMEM.
 */
int hostmem_ledger_store(const struct hostmem_pmem *pmem, struct device *dev,
			 struct hostmem_ledger_slot *last, const struct hostmem_poison *poison)
{
	struct hostmem_ledger *ledger;
	int rc;

	if (poison && poison->count > HOSTMEM_LEDGER_ENTRIES)
		return -E2BIG;
	/* One to write, one to read back. */
	ledger = kvcalloc(2, sizeof(*ledger), GFP_KERNEL);
	if (!ledger)
		return -ENOMEM;
	rc = hostmem_ledger_write_any(pmem, dev, last, poison, ledger);
	kvfree(ledger);
	return rc;
}

static struct hostmem_settled *hostmem_settled_find(const struct hostmem_pmem *pmem,
						    const struct device *region)
{
	struct hostmem_settled *settled;

	list_for_each_entry(settled, &hostmem_settled_list, node) {
		if (settled->region == region && settled->spa == pmem->spa)
			return settled;
	}
	return NULL;
}

/**
 * hostmem_ledger_settled - does libnvdimm know what the ledger says?
 * @pmem: the namespace, with a reserve
 * @region: libnvdimm's region that it is in
 *
 * Context: sleeps.
 * Return: true: what it does not know any more has been cleared, maybe while the namespace was
 * disabled.
 */
bool hostmem_ledger_settled(const struct hostmem_pmem *pmem, const struct device *region)
{
	struct hostmem_settled *settled;
	bool same;

	mutex_lock(&hostmem_settled_lock);
	settled = hostmem_settled_find(pmem, region);
	same = settled && !memcmp(settled->uuid, pmem->reserve_uuid, sizeof(settled->uuid));
	mutex_unlock(&hostmem_settled_lock);
	return same;
}

/**
 * hostmem_ledger_settle - libnvdimm has been told what the ledger says
 * @pmem: the namespace, with a reserve
 * @region: libnvdimm's region that it is in
 *
 * Context: sleeps.
 * Return: 0 or -ENOMEM: it will be told again when the namespace is enabled again.
 */
int hostmem_ledger_settle(const struct hostmem_pmem *pmem, const struct device *region)
{
	struct hostmem_settled *settled;

	mutex_lock(&hostmem_settled_lock);
	settled = hostmem_settled_find(pmem, region);
	if (!settled) {
		settled = kzalloc(sizeof(*settled), GFP_KERNEL);
		if (settled) {
			settled->region = region;
			settled->spa = pmem->spa;
			list_add(&settled->node, &hostmem_settled_list);
		}
	}
	if (settled)
		memcpy(settled->uuid, pmem->reserve_uuid, sizeof(settled->uuid));
	mutex_unlock(&hostmem_settled_lock);
	return settled ? 0 : -ENOMEM;
}

/**
 * hostmem_ledger_forget - a region is gone, and with it what libnvdimm knew
 * @region: need not have any reserve; NULL: all of them
 *
 * Context: sleeps.
 */
void hostmem_ledger_forget(const struct device *region)
{
	struct hostmem_settled *settled, *next;

	mutex_lock(&hostmem_settled_lock);
	list_for_each_entry_safe(settled, next, &hostmem_settled_list, node) {
		if (region && settled->region != region)
			continue;
		list_del(&settled->node);
		kfree(settled);
	}
	mutex_unlock(&hostmem_settled_lock);
}
