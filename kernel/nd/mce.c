// SPDX-License-Identifier: GPL-2.0
/*
 * Machine checks that hit a namespace.
 *
 * ACPI's driver for NVDIMMs hears of them before we do, and adds them to libnvdimm's list. Of
 * namespaces that are not its own nobody else does.
 */
#include <linux/kernel.h>
#include <linux/notifier.h>
#include <asm/mce.h>

#include "hostmem_nd.h"

static int hostmem_mce_decode(struct notifier_block *nb, unsigned long val, void *data)
{
	struct mce *mce = data;
	u64 length;

	if (!mce_is_memory_error(mce) || mce_is_correctable(mce) || !mce_usable_address(mce))
		return NOTIFY_DONE;
	length = 1ULL << MCI_MISC_ADDR_LSB(mce->misc);
	hostmem_inspect_learn(ALIGN_DOWN(mce->addr, length), length);
	return NOTIFY_DONE;
}

static struct notifier_block hostmem_mce_nb = {
	.notifier_call = hostmem_mce_decode,
	.priority = MCE_PRIO_EDAC,
};

/**
 * hostmem_mce_init - begin to listen for machine checks
 */
void hostmem_mce_init(void)
{
	mce_register_decode_chain(&hostmem_mce_nb);
}

/**
 * hostmem_mce_exit - undo hostmem_mce_init()
 *
 * Context: sleeps, until nobody is listening any more.
 */
void hostmem_mce_exit(void)
{
	mce_unregister_decode_chain(&hostmem_mce_nb);
}
