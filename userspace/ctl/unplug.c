// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl unplug
 */
#include "ctl.h"

static const struct ctl_usage usage = {
	.synopsis = "NAME OFFSET LENGTH",
	.text = "Take a range of blocks of a region back from everyone and free their memory:\n"
		"whoever touches them gets SIGBUS. The guest should have been told before.\n"
		"Prints the region as JSON.",
	.args = "NAME OFFSET LENGTH",
	.min_args = 3,
	.max_args = 3,
};

int cmd_unplug(struct ctl *ctl, int argc, char **argv)
{
	struct hostmem_view *view;
	uint64_t start, length;
	int rc;

	rc = ctl_parse(ctl, &usage, NULL, &argc, &argv);
	if (rc != CTL_GO)
		return rc;
	if (parse_size(argv[1], &start))
		return ctl_misuse(ctl, "OFFSET %s: not an offset", argv[1]);
	if (parse_size(argv[2], &length))
		return ctl_misuse(ctl, "LENGTH %s: not a size", argv[2]);
	rc = ctl_open_owner(ctl, argv[0], &view);
	if (rc != CTL_GO)
		return rc;
	rc = hostmem_view_unplug(view, start, length);
	if (rc) {
		rc = ctl_fail_range(ctl, view, rc, start, length);
	} else {
		ctl_changed(ctl, "the range has been unplugged");
		rc = ctl_print_region(ctl, view);
	}
	hostmem_view_unref(view);
	return rc;
}
