// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl preallocate
 */
#include <unistd.h>

#include "ctl.h"

static const struct ctl_option options[] = {
	{ .name = "threads", .arg = "N", .type = &ctl_type_threads,
	  .offset = offsetof(struct ctl_alloc, threads),
	  .help = "allocate with N threads (default 1); 0: one for each processor" },
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "NAME [OFFSET LENGTH] [--threads N]",
	.text = "Allocate the memory of a range of a region, or of all that is plugged, so that no\n"
		"touch has to wait for it, or fail. Prints the region as JSON.",
	.args = "NAME",
	.min_args = 1,
	.max_args = 3,
	.options = options,
};

/* The range of the command line, if there is one. CTL_GO, or another status after a message. */
static int parse_range(struct ctl *ctl, int argc, char **argv, struct hostmem_range *range)
{
	uint64_t page = sysconf(_SC_PAGESIZE), start, length;

	if (argc == 1)
		return CTL_GO;
	if (argc == 2)
		return ctl_misuse(ctl, "LENGTH missing behind OFFSET");
	if (parse_size(argv[1], &start))
		return ctl_misuse(ctl, "OFFSET %s: not an offset", argv[1]);
	if (parse_size(argv[2], &length))
		return ctl_misuse(ctl, "LENGTH %s: not a size", argv[2]);
	if (!length || start % page || length % page)
		return ctl_error(ctl, "region %s: offset %s with length %s is not a range of whole pages; use multiples of %s",
				 argv[0], ctl_size_arg(start).s, ctl_size_arg(length).s,
				 ctl_size_arg(page).s);
	*range = (struct hostmem_range) { .start = start, .length = length };
	return CTL_GO;
}

/* @range: out: what could not be allocated; @done: out: bytes that were, and stay so */
static int preallocate(struct hostmem_view *view, bool all, const struct ctl_alloc *how,
		       struct hostmem_range *range, uint64_t *done)
{
	struct ctl_progress progress;
	struct hostmem_alloc alloc = {
		.threads = how->threads.given ? how->threads.value : 1,
		.progress = ctl_progress_step,
		.data = &progress,
	};
	int rc;

	*done = 0;
	ctl_progress_begin(&progress, hostmem_view_get_name(view));
	rc = all ? ctl_preallocate(view, how, &progress, range, done) :
		   hostmem_view_preallocate(view, range->start, range->length, &alloc);
	ctl_progress_end(&progress);
	return rc;
}

int cmd_preallocate(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_alloc alloc = { .preallocate = true };
	struct hostmem_range range;
	struct hostmem_view *view;
	uint64_t done;
	int rc;

	rc = ctl_parse(ctl, &usage, &alloc, &argc, &argv);
	if (rc == CTL_GO)
		rc = parse_range(ctl, argc, argv, &range);
	if (rc == CTL_GO)
		rc = ctl_open_owner(ctl, argv[0], &view);
	if (rc != CTL_GO)
		return rc;
	rc = preallocate(view, argc == 1, &alloc, &range, &done);
	if (rc && done)
		ctl_changed(ctl, "%s in front of that have been allocated, and stay so",
			    ctl_size_human(done).s);
	if (rc) {
		rc = ctl_fail_range(ctl, view, rc, range.start, range.length);
	} else {
		ctl_changed(ctl, "the memory has been allocated");
		rc = ctl_print_region(ctl, view);
	}
	hostmem_view_unref(view);
	return rc;
}
