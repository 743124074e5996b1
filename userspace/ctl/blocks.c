// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plugging, with allocation where it is asked for: all of it or nothing. Allocating what is
 * plugged.
 */
#include <errno.h>
#include <stdlib.h>

#include "ctl.h"

static bool has_bit(const uint64_t *map, uint64_t bit)
{
	return map[bit / 64] >> (bit % 64) & 1;
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

/* As the library wants it; what waits for the first touch has no progress. */
static struct hostmem_alloc library_alloc(struct hostmem_view *view, const struct ctl_alloc *how,
					  struct ctl_progress *progress)
{
	struct hostmem_alloc alloc = {
		.threads = how->threads.given ? how->threads.value : 1,
		.now = how->preallocate || how->threads.given,
	};

	if (alloc.now || hostmem_view_get_allocation(view) == HOSTMEM_ALLOCATION_IMMEDIATE) {
		alloc.progress = ctl_progress_step;
		alloc.data = progress;
	}
	return alloc;
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
	struct hostmem_alloc alloc = library_alloc(view, how, progress);

	return hostmem_view_plug(view, start, length, &alloc);
}

/**
 * ctl_resize - plug or unplug until so much is plugged
 * @view: owner view
 * @plugged: bytes
 * @how: to allocate
 * @progress: begun
 * @unplugged: out: bytes that a call that fails has unplugged: they are lost
 *
 * Return: 0 or -errno, and but for @unplugged nothing has changed.
 */
int ctl_resize(struct hostmem_view *view, uint64_t plugged, const struct ctl_alloc *how,
	       struct ctl_progress *progress, uint64_t *unplugged)
{
	struct hostmem_alloc alloc = library_alloc(view, how, progress);
	struct hostmem_range *changed;
	unsigned int i, count;
	int rc;

	rc = hostmem_view_resize(view, plugged, &alloc, &changed, &count);
	*unplugged = 0;
	for (i = 0; rc && i < count; i++)
		*unplugged += changed[i].length;
	free(changed);
	return rc;
}

/* How many plugged blocks are together from *@first on, which is moved to where they begin. */
static uint64_t plugged_run(const uint64_t *map, uint64_t blocks, uint64_t *first)
{
	uint64_t end;

	while (*first < blocks && !has_bit(map, *first))
		++*first;
	for (end = *first; end < blocks && has_bit(map, end); end++)
		;
	return end - *first;
}

/* Where an allocation of several ranges is. */
struct ranges {
	struct ctl_progress *progress;
	uint64_t done;
	uint64_t total;
};

static int ranges_step(void *data, unsigned long long done,
		       unsigned long long total __attribute__((unused)))
{
	struct ranges *ranges = data;

	return ctl_progress_step(ranges->progress, ranges->done + done, ranges->total);
}

/**
 * ctl_preallocate - allocate the memory of all that is plugged
 * @view: owner view
 * @how: to allocate
 * @progress: begun
 * @failed: out: the range that could not be allocated
 * @done: out: bytes of the ranges in front of it, which stay allocated
 *
 * Return: 0 or -errno.
 */
int ctl_preallocate(struct hostmem_view *view, const struct ctl_alloc *how,
		    struct ctl_progress *progress, struct hostmem_range *failed, uint64_t *done)
{
	uint64_t block = hostmem_view_get_block_size(view);
	uint64_t size = hostmem_view_get_size(view);
	struct ranges ranges = { .progress = progress };
	struct hostmem_alloc alloc = library_alloc(view, how, progress);
	uint64_t first, n, generation, *map;
	int rc;

	*failed = (struct hostmem_range) { .length = size };
	*done = 0;
	rc = hostmem_view_get_blocks(view, 0, size, &map, &generation);
	if (rc)
		return rc;
	alloc.progress = ranges_step;
	alloc.data = &ranges;
	for (first = 0; (n = plugged_run(map, size / block, &first)); first += n)
		ranges.total += n * block;
	for (first = 0; !rc && (n = plugged_run(map, size / block, &first)); first += n) {
		*failed = (struct hostmem_range) { .start = first * block, .length = n * block };
		rc = hostmem_view_preallocate(view, failed->start, failed->length, &alloc);
		if (!rc)
			ranges.done += n * block;
	}
	*done = ranges.done;
	free(map);
	return rc;
}
