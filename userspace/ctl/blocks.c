// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plugging, with allocation where it is asked for: all of it or nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "ctl.h"

/* Ranges of blocks that are plugged in one bitmap and not in the other. */
struct diff {
	const uint64_t *old_map;
	const uint64_t *new_map;
	uint64_t block;
	uint64_t blocks;
};

static bool has_bit(const uint64_t *map, uint64_t bit)
{
	return map[bit / 64] >> (bit % 64) & 1;
}

static bool diff_has(const struct diff *diff, uint64_t bit)
{
	return has_bit(diff->new_map, bit) && !has_bit(diff->old_map, bit);
}

/* The next range from *start on: false if there is none. */
static bool diff_next(const struct diff *diff, uint64_t *start, uint64_t *length)
{
	uint64_t first = *start / diff->block, end;

	while (first < diff->blocks && !diff_has(diff, first))
		first++;
	for (end = first; end < diff->blocks && diff_has(diff, end); end++)
		;
	*start = first * diff->block;
	*length = (end - first) * diff->block;
	return end > first;
}

static int get_all_blocks(struct hostmem_view *view, uint64_t **map)
{
	uint64_t generation;

	return hostmem_view_get_blocks(view, 0, hostmem_view_get_size(view), map, &generation);
}

int ctl_find_block(struct hostmem_view *view, uint64_t start, uint64_t length, bool plugged,
		   uint64_t *offset)
{
	uint64_t block = hostmem_view_get_block_size(view);
	uint64_t i, generation, *map;
	int rc;

	rc = hostmem_view_get_blocks(view, start, length, &map, &generation);
	if (rc)
		return rc;
	for (i = 0; i < length / block; i++) {
		if (has_bit(map, i) == plugged)
			break;
	}
	free(map);
	*offset = start + i * block;
	return i < length / block;
}

static struct hostmem_alloc library_alloc(const struct ctl_alloc *how,
					  struct ctl_progress *progress)
{
	return (struct hostmem_alloc) {
		.threads = how->threads.given ? how->threads.value : 1,
		.progress = ctl_progress_step,
		.data = progress,
	};
}

static bool is_preallocated(struct hostmem_view *view, const struct ctl_alloc *how)
{
	return (how->preallocate || how->threads.given) &&
	       hostmem_view_get_allocation(view) == HOSTMEM_ALLOCATION_ONDEMAND;
}

/**
 * ctl_plug - plug a range, and allocate it if asked for or if the region says so
 * @view: owner view
 * @start: first byte
 * @length: bytes
 * @how: to allocate
 * @progress: begun
 *
 * Return: 0 or -errno, and the range is as it was.
 */
int ctl_plug(struct hostmem_view *view, uint64_t start, uint64_t length,
	     const struct ctl_alloc *how, struct ctl_progress *progress)
{
	struct hostmem_alloc alloc = library_alloc(how, progress);
	int rc;

	if (!is_preallocated(view, how))
		return hostmem_view_plug(view, start, length,
					 hostmem_view_get_allocation(view) ? &alloc : NULL);
	rc = hostmem_view_plug(view, start, length, NULL);
	if (rc)
		return rc;
	rc = hostmem_view_preallocate(view, start, length, &alloc);
	if (rc)
		hostmem_view_unplug(view, start, length);
	return rc;
}

static int preallocate_diff(struct hostmem_view *view, const struct diff *diff,
			    const struct hostmem_alloc *alloc, struct ctl_progress *progress)
{
	uint64_t start, length;
	int rc = 0;

	for (start = 0; diff_next(diff, &start, &length); start += length)
		progress->total += length;
	for (start = 0; !rc && diff_next(diff, &start, &length); start += length) {
		rc = hostmem_view_preallocate(view, start, length, alloc);
		progress->base += length;
	}
	if (!rc)
		return 0;
	for (start = 0; diff_next(diff, &start, &length); start += length)
		hostmem_view_unplug(view, start, length);
	return rc;
}

/**
 * ctl_resize - plug or unplug until so much is plugged
 * @view: owner view
 * @plugged: bytes
 * @how: to allocate
 * @progress: begun
 *
 * Return: 0 or -errno, and nothing has changed.
 */
int ctl_resize(struct hostmem_view *view, uint64_t plugged, const struct ctl_alloc *how,
	       struct ctl_progress *progress)
{
	struct hostmem_alloc alloc = library_alloc(how, progress);
	struct diff diff = { .block = hostmem_view_get_block_size(view) };
	uint64_t *old_map = NULL, *new_map = NULL;
	int rc;

	if (!is_preallocated(view, how))
		return hostmem_view_resize(view, plugged,
					   hostmem_view_get_allocation(view) ? &alloc : NULL);
	diff.blocks = hostmem_view_get_size(view) / diff.block;
	rc = get_all_blocks(view, &old_map);
	if (!rc)
		rc = hostmem_view_resize(view, plugged, NULL);
	if (!rc)
		rc = get_all_blocks(view, &new_map);
	if (!rc) {
		diff.old_map = old_map;
		diff.new_map = new_map;
		rc = preallocate_diff(view, &diff, &alloc, progress);
	}
	free(new_map);
	free(old_map);
	return rc;
}
