// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl resize
 */
#include <errno.h>

#include "ctl.h"

struct resize {
	struct ctl_number plug;
	struct ctl_alloc alloc;
};

static const struct ctl_option options[] = {
	{ .name = "plug", .arg = "S", .type = &ctl_type_size,
	  .offset = offsetof(struct resize, plug),
	  .help = "so many bytes shall be plugged" },
	{ .name = "threads", .arg = "N", .type = &ctl_type_threads,
	  .offset = offsetof(struct resize, alloc.threads),
	  .help = "allocate what is added now, with N threads; 0: all processors" },
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "NAME --plug S [--threads N]",
	.text = "Plug the lowest free blocks of a region, or unplug the highest plugged ones,\n"
		"until S bytes are plugged. Prints the region as JSON.",
	.args = "NAME",
	.min_args = 1,
	.max_args = 1,
	.options = options,
};

static int fail_resize(struct ctl *ctl, struct hostmem_view *view, int rc, uint64_t plugged)
{
	static const struct ctl_reason reasons[] = {
		{ EEXIST, "another process plugs blocks of it at the same time", "run it again" },
		{ ENOENT, "another process unplugs blocks of it at the same time",
		  "run it again" },
		{ EBUSY, "another process plugs or unplugs blocks of it at the same time",
		  "run it again" },
		{ EHWPOISON, "it has not so many blocks that are good",
		  "see hostmemctl list; ndctl disable-namespace and clear-errors may clear it" },
		{ 0, NULL, NULL },
	};
	unsigned long long block = hostmem_view_get_block_size(view);
	unsigned long long size = hostmem_view_get_size(view);
	const char *name = hostmem_view_get_name(view);
	struct hostmem_region_info info;
	int status = CTL_GO;

	if (!hostmem_view_get_info(view, &info) && plugged > info.out_plugged)
		status = ctl_fail_memory(ctl, view, rc, plugged - info.out_plugged);
	if (status != CTL_GO)
		return status;
	if (plugged > size)
		return ctl_error(ctl, "region %s: --plug %s is more than its size, %s; use at most that",
				 name, ctl_size_arg(plugged).s, ctl_size_arg(size).s);
	if (rc == -EINVAL && plugged % block)
		return ctl_error(ctl, "region %s: --plug %s is not a multiple of the block size, %s; use %s or %s",
				 name, ctl_size_arg(plugged).s, ctl_size_arg(block).s,
				 ctl_size_arg(plugged / block * block).s,
				 ctl_size_arg((plugged / block + 1) * block).s);
	return ctl_fail_region(ctl, rc, reasons, name);
}

int cmd_resize(struct ctl *ctl, int argc, char **argv)
{
	struct resize fields = { .alloc.preallocate = false };
	struct ctl_progress progress;
	uint64_t unplugged;
	struct hostmem_view *view;
	int rc;

	rc = ctl_parse(ctl, &usage, &fields, &argc, &argv);
	if (rc != CTL_GO)
		return rc;
	if (!fields.plug.given)
		return ctl_misuse(ctl, "--plug missing");
	rc = ctl_open_owner(ctl, argv[0], &view);
	if (rc != CTL_GO)
		return rc;
	ctl_progress_begin(&progress, argv[0]);
	rc = ctl_resize(view, fields.plug.value, &fields.alloc, &progress, &unplugged);
	ctl_progress_end(&progress);
	if (rc) {
		if (unplugged)
			ctl_changed(ctl, "%s of it have been unplugged", ctl_size_arg(unplugged).s);
		rc = fail_resize(ctl, view, rc, fields.plug.value);
	} else {
		ctl_changed(ctl, "the region has been resized");
		rc = ctl_print_region(ctl, view);
	}
	hostmem_view_unref(view);
	return rc;
}
