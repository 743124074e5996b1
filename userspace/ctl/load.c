// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl load
 */
#include "ctl.h"

static const struct ctl_usage usage = {
	.synopsis = "",
	.text = "Load the hostmem kernel modules, and mount hostmemfs at /dev/hostmem. The other verbs\n"
		"do so too, when root runs them.",
	.args = "",
};

int cmd_load(struct ctl *ctl, int argc, char **argv)
{
	int rc = ctl_parse(ctl, &usage, NULL, &argc, &argv);

	if (rc == CTL_GO)
		rc = ctl_module_load(ctl, NULL);
	if (rc == CTL_GO)
		rc = ctl_open(ctl, CTL_NEED_NETLINK);
	if (rc == CTL_GO)
		rc = ctl_mount(ctl);
	return rc == CTL_GO ? CTL_OK : rc;
}
