// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing a view as a file.
 *
 * A piece is moved behind the door of the view and in an SRCU section of its region, as a fault is
 * handled, so that whoever takes something away waits for it. Nobody may wait for memory of user
 * space, which may take for ever to come: that is brought in before, and if it has gone again the
 * piece ends early and is begun anew.
 */
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "hostmem_poison.h"
#include "hostmem_private.h"

/* How much can be moved at once: no more than the block has, and no page that is bad. */
static ssize_t hostmem_io_length(struct hostmem_region *region, loff_t pos, size_t length)
{
	const struct hostmem_poison *poison = srcu_dereference(region->poison, &region->srcu);
	u64 block_size = hostmem_block_size(region);

	length = min_t(u64, length, block_size - (pos & (block_size - 1)));
	if (!hostmem_poison_find(poison, pos, length))
		return length;
	length = min_t(u64, length, PAGE_SIZE - offset_in_page(pos));
	return hostmem_poison_find(poison, round_down(pos, PAGE_SIZE), PAGE_SIZE) ? -EIO : length;
}

static ssize_t hostmem_io_move(struct hostmem_region *region, loff_t pos, struct iov_iter *iter,
			       bool write)
{
	struct hostmem_segment *segment = &region->segment;
	size_t all = iov_iter_count(iter);
	ssize_t n;

	n = hostmem_io_length(region, pos, all);
	if (n < 0)
		return n;
	iov_iter_truncate(iter, n);
	pagefault_disable();
	n = write ? segment->ops->write(segment, pos, iter) :
		    segment->ops->read(segment, pos, iter);
	pagefault_enable();
	iov_iter_reexpand(iter, all - (n > 0 ? n : 0));
	return n;
}

/* One piece; -ENXIO: its block is not plugged. */
static ssize_t hostmem_io_piece(struct hostmem_view *view, loff_t pos, struct iov_iter *iter,
				bool write)
{
	struct hostmem_region *region = view->region;
	ssize_t n;
	int idx;

	n = hostmem_view_enter(view);
	if (n)
		return n;
	idx = srcu_read_lock(&region->srcu);
	if (test_bit(pos >> region->block_shift, region->plugged))
		n = hostmem_io_move(region, pos, iter, write);
	else
		n = -ENXIO;
	srcu_read_unlock(&region->srcu, idx);
	hostmem_view_exit(view);
	return n;
}

/* What is not plugged reads as zeros. */
static ssize_t hostmem_io_hole(struct hostmem_region *region, loff_t pos, struct iov_iter *to)
{
	u64 left = hostmem_block_size(region) - (pos & (hostmem_block_size(region) - 1));
	size_t n = min_t(u64, iov_iter_count(to), left);

	return iov_iter_zero(n, to) ?: -EFAULT;
}

static ssize_t hostmem_io(struct hostmem_view *view, loff_t pos, struct iov_iter *iter, bool write)
{
	ssize_t n = 0, done = 0;
	size_t length;

	while (iov_iter_count(iter)) {
		length = min_t(size_t, iov_iter_count(iter), PAGE_SIZE);
		n = write ? fault_in_iov_iter_readable(iter, length) :
			    fault_in_iov_iter_writeable(iter, length);
		if (n == length) {
			n = -EFAULT;
			break;
		}
		n = hostmem_io_piece(view, pos + done, iter, write);
		if (n == -ENXIO && !write)
			n = hostmem_io_hole(view->region, pos + done, iter);
		/* The caller's page has gone again. */
		if (n == -EFAULT)
			n = 0;
		if (n < 0)
			break;
		done += n;
		cond_resched();
		if (fatal_signal_pending(current)) {
			n = -EINTR;
			break;
		}
	}
	return done ?: n;
}

/**
 * hostmem_view_read - read from a view
 * @view: the view
 * @pos: first byte, from the view's start
 * @to: where to
 *
 * What is not plugged, and what has never been written to, reads as zeros, and allocates nothing.
 *
 * Context: sleeps.
 * Return: bytes, less than asked for at the end and before an error; -EOPNOTSUPP: the backing
 * cannot; -EFAULT, -EIO, -EINTR, -ENODEV.
 */
ssize_t hostmem_view_read(struct hostmem_view *view, loff_t pos, struct iov_iter *to)
{
	if (!view->region->segment.ops->read)
		return -EOPNOTSUPP;
	if (pos >= view->length)
		return 0;
	iov_iter_truncate(to, view->length - pos);
	return hostmem_io(view, view->start + pos, to, false);
}

/**
 * hostmem_view_write - write to a view
 * @view: that can write
 * @pos: first byte, from the view's start
 * @from: where from
 *
 * Context: sleeps.
 * Return: bytes, less than asked for at the end and before an error; -EOPNOTSUPP: the backing
 * cannot; -ENOSPC: behind the end, or as for HOSTMEM_REGION_PREALLOCATE; -ENXIO: the block is not
 * plugged; -ENOMEM, -EFAULT, -EIO, -EINTR, -ENODEV.
 */
ssize_t hostmem_view_write(struct hostmem_view *view, loff_t pos, struct iov_iter *from)
{
	if (!view->region->segment.ops->write)
		return -EOPNOTSUPP;
	if (pos >= view->length)
		return -ENOSPC;
	iov_iter_truncate(from, view->length - pos);
	return hostmem_io(view, view->start + pos, from, true);
}

/* The next block from an offset on that is plugged, or is not; or the region's size. */
static loff_t hostmem_io_seek_block(struct hostmem_region *region, loff_t pos, int whence)
{
	unsigned long nr = hostmem_nr_blocks(region);
	unsigned long first = pos >> region->block_shift;
	unsigned long next;

	next = whence == SEEK_DATA ? find_next_bit(region->plugged, nr, first) :
				     find_next_zero_bit(region->plugged, nr, first);
	return max(pos, (loff_t)next << region->block_shift);
}

/**
 * hostmem_view_seek - find what there is in a view
 * @view: the view
 * @pos: where to begin, from the view's start
 * @whence: SEEK_DATA: memory that there is; SEEK_HOLE: what has none, the end of the view included
 *
 * Context: sleeps.
 * Return: the offset; -ENXIO: behind the end, or no more data; -ENODEV.
 */
loff_t hostmem_view_seek(struct hostmem_view *view, loff_t pos, int whence)
{
	struct hostmem_region *region = view->region;
	struct hostmem_segment *segment = &region->segment;
	loff_t found;
	int rc;

	if (pos < 0 || pos >= view->length)
		return -ENXIO;
	rc = hostmem_view_enter(view);
	if (rc)
		return rc;
	pos += view->start;
	found = segment->ops->seek ? segment->ops->seek(segment, pos, whence) :
				     hostmem_io_seek_block(region, pos, whence);
	hostmem_view_exit(view);
	if (found >= 0 && found - view->start < view->length)
		return found - view->start;
	return whence == SEEK_HOLE ? view->length : -ENXIO;
}
