// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl unload
 */
#include "ctl.h"

static const struct ctl_usage usage = {
	.synopsis = "",
	.text = "Unmount /dev/hostmem and unload the hostmem kernel modules, unless a region or a process\n"
		"uses them.",
	.args = "",
};

int cmd_unload(struct ctl *ctl, int argc, char **argv)
{
	int rc = ctl_parse(ctl, &usage, NULL, &argc, &argv);

	if (rc == CTL_GO)
		rc = ctl_module_unload(ctl);
	return rc == CTL_GO ? CTL_OK : rc;
}
