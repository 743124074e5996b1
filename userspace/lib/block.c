// SPDX-License-Identifier: LGPL-2.1-only
/*
 * Blocks: plug, unplug, resize, and what is plugged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* Plug a range, then allocate it as if it had been touched; all of that or, on error, nothing. */
static int hostmem_plug_now(struct hostmem_view *view, unsigned long long start,
			    unsigned long long length, const struct hostmem_alloc *alloc)
{
	int rc;

	rc = hostmem_alloc_run(view, true, start, length, NULL);
	if (rc)
		return rc;
	rc = hostmem_alloc_run(view, false, start, length, alloc);
	if (rc)
		hostmem_unplug_own(view, start, length);
	return rc;
}

/**
 * hostmem_view_plug - make blocks exist
 * @view: an owner view
 * @start: bytes from the view's start, a multiple of the block size
 * @length: bytes, a multiple of the block size, not 0
 * @alloc: how to allocate, or NULL
 *
 * All of the range or, on error, none of it. Memory is allocated now if the region has immediate
 * allocation, or if alloc->now says so; there each thread does a part of the range, and on error
 * what this call had plugged already is unplugged again: nobody else's blocks are.
 *
 * Return: 0; -EINVAL: alignment, or length 0; -EOVERFLOW; -ENOENT: beyond the view; -EPERM:
 * not an owner view; -EEXIST: a block is plugged; -EBUSY: somebody is plugging a block;
 * -EHWPOISON: something in a block is bad; -ENODEV: the region has been destroyed or the view
 * revoked; -ENOMEM; and where memory is allocated now -ENOSPC; -ECANCELED: by @alloc; -EAGAIN: no
 * more threads.
 */
int hostmem_view_plug(struct hostmem_view *view, unsigned long long start,
		      unsigned long long length, const struct hostmem_alloc *alloc)
{
	bool immediate = view->info.out_allocation == HOSTMEM_ALLOCATION_IMMEDIATE;
	int rc;

	hostmem_dbg(view->ctx, "%#llx + %#llx", start, length);
	rc = hostmem_view_range(view, start, length, view->info.out_block_size);
	if (!rc && alloc && alloc->now && !immediate)
		rc = hostmem_plug_now(view, start, length, alloc);
	else if (!rc)
		rc = hostmem_alloc_run(view, true, start, length, alloc);
	if (rc)
		hostmem_info(view->ctx, "%#llx + %#llx: %s", start, length, strerror(-rc));
	return rc;
}

/**
 * hostmem_view_unplug - take blocks back from everybody
 * @view: an owner view
 * @start: bytes from the view's start, a multiple of the block size
 * @length: bytes, a multiple of the block size, not 0
 *
 * When it has returned the memory is free, its contents are lost, and every access to it gets
 * SIGBUS; a vCPU's makes KVM_RUN fail with EFAULT. A VMM tells its guest first, then calls
 * hostmem_binding_retire().
 *
 * Return: 0; -EINVAL: alignment, or length 0; -EOVERFLOW; -ENOENT: beyond the view, or a block
 * is not plugged; -EPERM: not an owner view; -EBUSY: somebody is plugging a block; -ENODEV:
 * the region has been destroyed or the view revoked.
 */
int hostmem_view_unplug(struct hostmem_view *view, unsigned long long start,
			unsigned long long length)
{
	struct hostmem_region_unplug cmd = {
		.size = sizeof(cmd),
		.start = start,
		.length = length,
	};
	int rc;

	hostmem_dbg(view->ctx, "%#llx + %#llx", start, length);
	rc = hostmem_sys_ioctl(view->fd, HOSTMEM_REGION_UNPLUG, &cmd);
	if (rc)
		hostmem_info(view->ctx, "%#llx + %#llx: %s", start, length, strerror(-rc));
	return rc;
}

/*
 * Take back what a call has plugged and nobody else has unplugged since: then a block is not there
 * any more, or somebody is about to take it.
 */
void hostmem_unplug_own(struct hostmem_view *view, unsigned long long start,
			unsigned long long length)
{
	unsigned long long block = view->info.out_block_size;
	unsigned long long end = start + length;
	int rc;

	rc = hostmem_view_unplug(view, start, length);
	if (rc != -ENOENT && rc != -EBUSY)
		return;
	for (; start < end; start += block)
		hostmem_view_unplug(view, start, block);
}

/**
 * hostmem_view_get_blocks - which blocks are plugged
 * @view: the view
 * @start: bytes from the view's start, a multiple of the block size
 * @length: bytes, a multiple of the block size, not 0
 * @bitmap: out: to be freed by the caller; bit i % 64 of word i / 64 is block i from @start
 * @generation: out: of the region when the bitmap was taken; may be NULL
 *
 * Return: 0; -EINVAL: alignment, or length 0; -EOVERFLOW; -ENOENT: beyond the view; -ENOMEM;
 * -ENODEV: the region has been destroyed or the view revoked.
 */
int hostmem_view_get_blocks(struct hostmem_view *view, unsigned long long start,
			    unsigned long long length, uint64_t **bitmap,
			    uint64_t *generation)
{
	struct hostmem_region_blocks cmd = {
		.size = sizeof(cmd),
		.start = start,
		.length = length,
	};
	uint64_t *words;
	int rc;

	rc = hostmem_view_range(view, start, length, view->info.out_block_size);
	if (rc)
		return rc;
	words = calloc(hostmem_div_round_up(length / view->info.out_block_size, 64),
		       sizeof(*words));
	if (!words)
		return -ENOMEM;
	cmd.bitmap = (uintptr_t)words;
	rc = hostmem_sys_ioctl(view->fd, HOSTMEM_REGION_BLOCKS, &cmd);
	if (rc) {
		free(words);
		return rc;
	}
	*bitmap = words;
	if (generation)
		*generation = cmd.out_generation;
	return 0;
}

/**
 * hostmem_view_get_slots - the KVM slots that a view has now
 * @view: the view
 * @slot_size: bytes, a multiple of the block size; 0: what the creator recommends, or what
 *	hostmem_slot_size() says for the only region of a VM
 * @slots: out: array, ascending, in offsets of the view, to be freed by the caller
 * @count: out: elements of @slots, which may be 0
 * @generation: out: of the region when the list was taken; may be NULL
 *
 * Return: 0; -EINVAL: @slot_size is not a multiple of the block size; -ENOMEM; -ENODEV: the
 * region has been destroyed or the view revoked.
 */
int hostmem_view_get_slots(struct hostmem_view *view, unsigned long long slot_size,
			   struct hostmem_slot **slots, unsigned int *count,
			   uint64_t *generation)
{
	struct hostmem_region_slots cmd = { .size = sizeof(cmd), .count = 16 };
	struct hostmem_slot *array;
	int rc;

	if (!slot_size)
		slot_size = view->info.out_slot_size;
	if (!slot_size)
		slot_size = hostmem_slot_size_default(view->info.out_view_length,
						      view->info.out_block_size);
	cmd.slot_size = slot_size;
	do {
		array = calloc(cmd.count, sizeof(*array));
		if (!array)
			return -ENOMEM;
		cmd.slots = (uintptr_t)array;
		rc = hostmem_sys_ioctl(view->fd, HOSTMEM_REGION_SLOTS, &cmd);
		if (rc)
			free(array);
	} while (rc == -EMSGSIZE);
	if (rc)
		return rc;
	*slots = array;
	*count = cmd.count;
	if (generation)
		*generation = cmd.out_generation;
	return 0;
}

/* A resize: the blocks as they were, where it is, and what it has changed. */
struct hostmem_resize {
	struct hostmem_view *view;
	uint64_t *bitmap;
	unsigned long long nr;		/* blocks of the region */
	unsigned long long done;	/* bytes */
	unsigned long long total;	/* bytes */
	bool cancelled;
	bool bad;			/* some blocks are */
	const struct hostmem_alloc *alloc;
	struct hostmem_range *changed;	/* owned */
	unsigned int nr_changed;
	unsigned int room;
};

static bool hostmem_bit(const uint64_t *bitmap, unsigned long long i)
{
	return bitmap[i / 64] >> (i % 64) & 1;
}

/* The first run of at most @max equal bits @value from @pos on; 0: there is none. */
static unsigned long long hostmem_run_up(const struct hostmem_resize *r, bool value,
					 unsigned long long *pos, unsigned long long max)
{
	unsigned long long n = 0;

	while (*pos < r->nr && hostmem_bit(r->bitmap, *pos) != value)
		++*pos;
	while (n < max && *pos + n < r->nr && hostmem_bit(r->bitmap, *pos + n) == value)
		n++;
	return n;
}

/* The last run of at most @max set bits below *end, which is set to where it begins. */
static unsigned long long hostmem_run_down(const struct hostmem_resize *r,
					   unsigned long long *end, unsigned long long max)
{
	unsigned long long n = 0;

	while (*end && !hostmem_bit(r->bitmap, *end - 1))
		--*end;
	while (n < max && *end > n && hostmem_bit(r->bitmap, *end - n - 1))
		n++;
	*end -= n;
	return n;
}

/* The progress of one run, told as that of the whole resize. */
static int hostmem_resize_progress(void *data, unsigned long long done,
				   unsigned long long total)
{
	struct hostmem_resize *r = data;

	(void)total;
	if (r->alloc->progress(r->alloc->data, r->done + done, r->total))
		r->cancelled = true;
	return r->cancelled;
}

/* Plug or unplug a run of blocks, and remember it. */
static int hostmem_resize_run(struct hostmem_resize *r, unsigned long long pos,
			      unsigned long long n, bool plug, const struct hostmem_alloc *alloc)
{
	unsigned long long block = r->view->info.out_block_size;
	struct hostmem_range run = { .start = pos * block, .length = n * block };
	struct hostmem_range *changed;
	int rc;

	/* First what can fail without a trace. */
	changed = hostmem_array_grow(r->changed, r->nr_changed, &r->room, sizeof(*changed));
	if (!changed)
		return -ENOMEM;
	r->changed = changed;
	if (plug)
		rc = hostmem_view_plug(r->view, run.start, run.length, alloc);
	else
		rc = hostmem_view_unplug(r->view, run.start, run.length);
	if (rc)
		return rc;
	changed[r->nr_changed++] = run;
	r->done += run.length;
	return 0;
}

/*
 * Plug the lowest free blocks. A run in which something is bad is tried in halves, until it is
 * known which block: that one is as good as plugged.
 */
static int hostmem_resize_plug(struct hostmem_resize *r, const struct hostmem_alloc *alloc)
{
	unsigned long long block = r->view->info.out_block_size;
	unsigned long long most = r->nr, pos = 0, left, n;
	int rc;

	while ((left = (r->total - r->done) / block)) {
		if (r->cancelled)
			return -ECANCELED;
		n = hostmem_run_up(r, false, &pos, left < most ? left : most);
		if (!n)
			return r->bad ? -EHWPOISON : -EINVAL;
		rc = hostmem_resize_run(r, pos, n, true, alloc);
		if (!rc) {
			pos += n;
		} else if (rc != -EHWPOISON) {
			return rc;
		} else if (n > 1) {
			most = n / 2;
		} else {
			r->bad = true;
			r->bitmap[pos / 64] |= 1ULL << (pos % 64);
			most = r->nr;
		}
	}
	return 0;
}

static int hostmem_resize_grow(struct hostmem_resize *r)
{
	struct hostmem_alloc alloc = { .threads = 1 };
	struct hostmem_range *run;
	int rc;

	if (r->alloc) {
		alloc.threads = r->alloc->threads;
		alloc.now = r->alloc->now;
	}
	if (r->alloc && r->alloc->progress) {
		alloc.progress = hostmem_resize_progress;
		alloc.data = r;
	}
	rc = hostmem_resize_plug(r, &alloc);
	while (rc && r->nr_changed) {
		run = &r->changed[--r->nr_changed];
		hostmem_unplug_own(r->view, run->start, run->length);
	}
	return rc;
}

static int hostmem_resize_shrink(struct hostmem_resize *r)
{
	unsigned long long block = r->view->info.out_block_size;
	unsigned long long end = r->nr;
	unsigned long long n;
	int rc = 0;

	while (r->done < r->total && !rc) {
		n = hostmem_run_down(r, &end, (r->total - r->done) / block);
		rc = hostmem_resize_run(r, end, n, false, NULL);
	}
	return rc;
}

/**
 * hostmem_view_resize - change how much is plugged
 * @view: an owner view
 * @plugged: bytes that shall be plugged, a multiple of the block size
 * @alloc: how to allocate, or NULL
 * @changed: out, on error, too: what this call plugged or unplugged, in that order, to be freed by
 *	the caller; NULL: nothing. May be NULL
 * @count: out: elements of @changed; NULL with it
 *
 * Plugs the lowest blocks that are free and not bad, or unplugs the highest that are plugged.
 * Growing that fails unplugs again what it had plugged, and no more than that. Unplugging loses
 * contents, so shrinking that fails, which takes somebody else who changes the region at the same
 * time, gives nothing back: @changed tells what has gone. A VMM whose guest runs chooses the
 * blocks itself.
 *
 * Return: 0; -EINVAL: not a multiple of the block size, or more than the region; -EHWPOISON: more
 * than there are good blocks; -EEXIST, -ENOENT or -EBUSY: somebody else changed the region at
 * the same time; and the errors of hostmem_view_plug() and hostmem_view_unplug().
 */
int hostmem_view_resize(struct hostmem_view *view, unsigned long long plugged,
			const struct hostmem_alloc *alloc, struct hostmem_range **changed,
			unsigned int *count)
{
	unsigned long long block = view->info.out_block_size;
	struct hostmem_resize r = {
		.view = view,
		.nr = view->info.out_view_length / block,
		.alloc = alloc,
	};
	unsigned long long now = 0;
	unsigned long long i;
	int rc;

	if (changed) {
		*changed = NULL;
		*count = 0;
	}
	if (!hostmem_view_is_owner(view))
		return -EPERM;
	if (plugged % block || plugged > view->info.out_view_length)
		return -EINVAL;
	rc = hostmem_view_get_blocks(view, 0, view->info.out_view_length, &r.bitmap, NULL);
	if (rc)
		return rc;
	for (i = 0; i < hostmem_div_round_up(r.nr, 64); i++)
		now += __builtin_popcountll(r.bitmap[i]) * block;
	if (plugged > now) {
		r.total = plugged - now;
		rc = hostmem_resize_grow(&r);
	} else if (plugged < now) {
		r.total = now - plugged;
		rc = hostmem_resize_shrink(&r);
	}
	free(r.bitmap);
	if (changed && r.nr_changed) {
		*changed = r.changed;
		*count = r.nr_changed;
	} else {
		free(r.changed);
	}
	return rc;
}
