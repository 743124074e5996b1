// SPDX-License-Identifier: GPL-2.0
/*
 * Ledgers: whether what is in a slot is one.
 */
#include <linux/errno.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "format.h"

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
