// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl plug
 */
#include "ctl.h"

static const struct ctl_option options[] = {
	{ .name = "threads", .arg = "N", .type = &ctl_type_threads,
	  .offset = offsetof(struct ctl_alloc, threads),
	  .help = "allocate now, with N threads; 0: one for each processor" },
	{ .name = "preallocate", .type = &ctl_type_flag,
	  .offset = offsetof(struct ctl_alloc, preallocate),
	  .help = "allocate now, also where the region would wait for the first touch" },
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "NAME OFFSET LENGTH [OPTION]...",
	.text = "Make a range of blocks of a region exist, filled with zeros: all or none of it.\n"
		"Prints the region as JSON.",
	.args = "NAME OFFSET LENGTH",
	.min_args = 3,
	.max_args = 3,
	.options = options,
};

int cmd_plug(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_alloc alloc = { .preallocate = false };
	struct ctl_progress progress;
	struct hostmem_view *view;
	uint64_t start, length;
	int rc;

	rc = ctl_parse(ctl, &usage, &alloc, &argc, &argv);
	if (rc != CTL_GO)
		return rc;
	if (parse_size(argv[1], &start))
		return ctl_misuse(ctl, "OFFSET %s: not an offset", argv[1]);
	if (parse_size(argv[2], &length))
		return ctl_misuse(ctl, "LENGTH %s: not a size", argv[2]);
	rc = ctl_open_owner(ctl, argv[0], &view);
	if (rc != CTL_GO)
		return rc;
	ctl_progress_begin(&progress, argv[0]);
	rc = ctl_plug(view, start, length, &alloc, &progress);
	ctl_progress_end(&progress);
	if (rc) {
		rc = ctl_fail_range(ctl, view, rc, start, length);
	} else {
		ctl_changed(ctl, "the range has been plugged");
		rc = ctl_print_region(ctl, view);
	}
	hostmem_view_unref(view);
	return rc;
}
