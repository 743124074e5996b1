// SPDX-License-Identifier: GPL-2.0
/*
 * Layouts: where each byte of a file is, read from its file system; and what of it is bad.
 *
 * The only interface that both ext4 and xfs have for this, with DAX too, and that tells what is
 * unwritten or shared, is FIEMAP; and it writes into user memory. We give it memory that we map
 * into the caller's process for the time of the call, copy each piece out once, and look at
 * the copy only.
 *
 * Other threads of the process can write to that memory too, before we copy. This deceives
 * nobody but the process itself, whose own array, just as writable, the answer goes to: nothing
 * in the kernel uses an address that has been told. What such a thread makes up is still checked
 * as the file system's words are: no address outside the device that the file is on leaves
 * the kernel, and the extents ascend, without gaps, and end with the file.
 *
 * Why not into the array of the caller: it may be shared with other processes, be too small when
 * the call is to tell how large it must be, and has to stay as it was when the call fails.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fiemap.h"
#include "hostmem_nd.h"

/* Extents that a file system is asked for at once. */
#define HOSTMEM_BATCH 1024
#define HOSTMEM_SCRATCH_SIZE PAGE_ALIGN(HOSTMEM_BATCH * sizeof(struct fiemap_extent))

/* A part of the answer: memory in proportion to the extents that there are. */
struct hostmem_chunk {
	struct list_head node;
	u32 count;
	u32 room;
	struct hostmem_extent extents[];
};

#define HOSTMEM_CHUNK_MIN 8
#define HOSTMEM_CHUNK_MAX 2048

/**
 * struct hostmem_layout - the extents of a file
 * @lease: keeps the file, and the layout where it is, while it is read
 * @room: extents that the caller can take: more are only counted
 * @unwritten: whether extents that read as zeros, whatever is behind them, are taken
 * @size: bytes of the file
 * @end: @size in whole pages
 * @pos: what is before this is known
 * @last: the extent before @pos, to which the next one may be merged; length 0: none
 * @count: extents before @last
 * @chunks: the first @room of them
 * @tail: the last of @chunks, or NULL
 */
struct hostmem_layout {
	struct hostmem_lease *lease;
	u32 room;
	bool unwritten;
	u64 size;
	u64 end;
	u64 pos;
	struct hostmem_extent last;
	u32 count;
	struct list_head chunks;
	struct hostmem_chunk *tail;
};

/* Twice as large as the one before. */
static struct hostmem_chunk *hostmem_layout_grow(struct hostmem_layout *layout)
{
	u32 room = layout->tail ? min(2 * layout->tail->room, HOSTMEM_CHUNK_MAX) :
				  HOSTMEM_CHUNK_MIN;
	struct hostmem_chunk *chunk;

	chunk = kvmalloc(struct_size(chunk, extents, room), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return NULL;
	chunk->count = 0;
	chunk->room = room;
	list_add_tail(&chunk->node, &layout->chunks);
	layout->tail = chunk;
	return chunk;
}

/* Put the last extent, which nothing can be merged to any more, into the answer. */
static int hostmem_layout_flush(struct hostmem_layout *layout)
{
	struct hostmem_chunk *chunk = layout->tail;

	if (!layout->last.length)
		return 0;
	if (layout->count == U32_MAX)
		return -EFBIG;
	if (layout->count++ >= layout->room)
		return 0;
	if (!chunk || chunk->count == chunk->room)
		chunk = hostmem_layout_grow(layout);
	if (!chunk)
		return -ENOMEM;
	chunk->extents[chunk->count++] = layout->last;
	return 0;
}

/* Whether memory stands behind an extent: 0, or a refusal. */
static int hostmem_layout_refuse(const struct hostmem_layout *layout,
				 const struct fiemap_extent *extent, struct hostmem_extents *cmd)
{
	u32 reason = hostmem_fiemap_reason(layout->unwritten ?
					   extent->fe_flags & ~FIEMAP_EXTENT_UNWRITTEN :
					   extent->fe_flags);

	if (extent->fe_logical > layout->pos)
		reason = HOSTMEM_EXTENTS_HOLE;
	return reason ? hostmem_device_refuse(cmd, reason, layout->pos) : 0;
}

static int hostmem_layout_add(struct hostmem_layout *layout, const struct fiemap_extent *extent,
			      struct hostmem_extents *cmd)
{
	struct hostmem_extent *last = &layout->last;
	u64 length, spa, end;
	int rc;

	rc = hostmem_layout_refuse(layout, extent, cmd);
	if (rc)
		return rc;
	length = min(extent->fe_length, layout->end - layout->pos);
	if (extent->fe_logical != layout->pos || !length ||
	    !PAGE_ALIGNED(extent->fe_physical) || !PAGE_ALIGNED(length) ||
	    check_add_overflow(extent->fe_physical, length, &end) ||
	    end > layout->lease->length)
		return -EIO;
	spa = layout->lease->spa + extent->fe_physical;
	layout->pos += length;
	if (last->length && last->spa + last->length == spa) {
		last->length += length;
		return 0;
	}
	rc = hostmem_layout_flush(layout);
	*last = (struct hostmem_extent) {
		.offset = layout->pos - length,
		.spa = spa,
		.length = length,
	};
	return rc;
}

/* Ask the file system once, for what comes next. */
static int hostmem_layout_batch(struct hostmem_layout *layout, struct fiemap_extent *batch,
				struct fiemap_extent __user *scratch,
				struct hostmem_extents *cmd)
{
	struct fiemap_extent_info info = {
		.fi_extents_max = HOSTMEM_BATCH,
		.fi_extents_start = scratch,
	};
	struct inode *inode = file_inode(layout->lease->file);
	u32 i;
	int rc;

	rc = inode->i_op->fiemap(inode, &info, layout->pos, layout->end - layout->pos);
	if (rc)
		return rc;
	if (!info.fi_extents_mapped)
		return hostmem_device_refuse(cmd, HOSTMEM_EXTENTS_HOLE, layout->pos);
	if (copy_from_user(batch, scratch, info.fi_extents_mapped * sizeof(*batch)))
		return -EFAULT;
	for (i = 0; !rc && i < info.fi_extents_mapped && layout->pos < layout->end; i++)
		rc = hostmem_layout_add(layout, &batch[i], cmd);
	return rc;
}

/*
 * Unmapping takes memory, which nobody promises us; a second time it is there but in the worst
 * case, and then the process has some pages more.
 */
static void hostmem_layout_unmap(unsigned long scratch)
{
	if (vm_munmap(scratch, HOSTMEM_SCRATCH_SIZE) == -ENOMEM)
		vm_munmap(scratch, HOSTMEM_SCRATCH_SIZE);
}

static int hostmem_layout_file(struct hostmem_layout *layout, struct hostmem_extents *cmd)
{
	struct file *file = layout->lease->file;
	struct fiemap_extent *batch;
	unsigned long scratch;
	int rc;

	/* What is on the media is what counts after a crash. */
	rc = vfs_fsync(file, 0);
	if (rc)
		return rc;
	layout->size = i_size_read(file_inode(file));
	layout->end = PAGE_ALIGN(layout->size);
	batch = kvmalloc_array(HOSTMEM_BATCH, sizeof(*batch), GFP_KERNEL_ACCOUNT);
	if (!batch)
		return -ENOMEM;
	scratch = vm_mmap(NULL, 0, HOSTMEM_SCRATCH_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(scratch)) {
		kvfree(batch);
		return scratch;
	}
	while (!rc && layout->pos < layout->end) {
		rc = hostmem_layout_batch(layout, batch, (void __user *)scratch, cmd);
		if (!rc && signal_pending(current))
			rc = -EINTR;
		cond_resched();
	}
	kvfree(batch);
	hostmem_layout_unmap(scratch);
	return rc ?: hostmem_layout_flush(layout);
}

static struct hostmem_layout *hostmem_layout_alloc(u32 room)
{
	struct hostmem_layout *layout = kzalloc(sizeof(*layout), GFP_KERNEL_ACCOUNT);

	if (!layout)
		return NULL;
	INIT_LIST_HEAD(&layout->chunks);
	layout->room = room;
	return layout;
}

/* What is in one piece. */
static int hostmem_layout_whole(struct hostmem_layout *layout, u64 spa, u64 length)
{
	layout->size = length;
	layout->last.spa = spa;
	layout->last.length = length;
	return hostmem_layout_flush(layout);
}

/**
 * hostmem_layout_piece - a layout of one extent
 * @spa: of its first byte
 * @length: its bytes, not 0
 *
 * Return: the layout, for hostmem_layout_free(), or an ERR_PTR.
 */
struct hostmem_layout *hostmem_layout_piece(u64 spa, u64 length)
{
	struct hostmem_layout *layout = hostmem_layout_alloc(1);
	int rc;

	if (!layout)
		return ERR_PTR(-ENOMEM);
	rc = hostmem_layout_whole(layout, spa, length);
	if (!rc)
		return layout;
	hostmem_layout_free(layout);
	return ERR_PTR(rc);
}

/**
 * hostmem_layout_read - find out where a file is
 * @lease: attached and, if of a regular file, pinned
 * @cmd: in: count; out: the reason, if the file is refused
 * @unwritten: whether it may have unwritten extents
 *
 * Context: sleeps, in the caller's process.
 * Return: the layout, for hostmem_layout_free(), or an ERR_PTR.
 */
struct hostmem_layout *hostmem_layout_read(struct hostmem_lease *lease,
					   struct hostmem_extents *cmd, bool unwritten)
{
	struct hostmem_layout *layout = hostmem_layout_alloc(cmd->count);
	int rc;

	if (!layout)
		return ERR_PTR(-ENOMEM);
	layout->lease = lease;
	layout->unwritten = unwritten;
	if (S_ISREG(file_inode(lease->file)->i_mode))
		rc = hostmem_layout_file(layout, cmd);
	else
		rc = hostmem_layout_whole(layout, lease->spa, lease->length);
	if (rc) {
		hostmem_layout_free(layout);
		return ERR_PTR(rc);
	}
	return layout;
}

/**
 * hostmem_layout_size - how large the file is
 * @layout: as read
 *
 * Return: bytes.
 */
u64 hostmem_layout_size(const struct hostmem_layout *layout)
{
	return layout->size;
}

/**
 * hostmem_layout_answer - tell user space
 * @layout: as read
 * @cmd: in: extents; out: count, out_size
 *
 * Return: 0; -EMSGSIZE: the array is too small, and was not written to; -EFAULT.
 */
int hostmem_layout_answer(const struct hostmem_layout *layout, struct hostmem_extents *cmd)
{
	struct hostmem_extent __user *extents = u64_to_user_ptr(cmd->extents);
	struct hostmem_chunk *chunk;

	cmd->count = layout->count;
	cmd->out_size = layout->size;
	if (layout->count > layout->room)
		return -EMSGSIZE;
	list_for_each_entry(chunk, &layout->chunks, node) {
		if (copy_to_user(extents, chunk->extents,
				 chunk->count * sizeof(*chunk->extents)))
			return -EFAULT;
		extents += chunk->count;
	}
	return 0;
}

/* The bad ranges of a file, in its offsets; with an @out of NULL only how many. */
static u32 hostmem_layout_overlaps(const struct hostmem_layout *layout, u64 size,
				   const struct hostmem_poison *poison, struct hostmem_poison *out)
{
	u64 base = poison->bad[0].spa - poison->bad[0].start;
	const struct hostmem_extent *extent;
	const struct hostmem_bad *bad;
	struct hostmem_chunk *chunk;
	u64 pos, end, from;
	u32 i, n = 0;

	list_for_each_entry(chunk, &layout->chunks, node) {
		for (i = 0; i < chunk->count && chunk->extents[i].offset < size; i++) {
			extent = &chunk->extents[i];
			pos = extent->spa - base;
			end = pos + min(extent->length, size - extent->offset);
			while (pos < end && (bad = hostmem_poison_find(poison, pos, end - pos))) {
				from = max(pos, bad->start);
				pos = min(end, bad->start + bad->length);
				if (out)
					out->bad[n] = (struct hostmem_bad) {
						.start = extent->offset + base + from - extent->spa,
						.length = pos - from,
						.spa = base + from,
						.since = bad->since,
					};
				n++;
			}
		}
		cond_resched();
	}
	return n;
}

/**
 * hostmem_layout_poison - what of a file is bad
 * @layout: as read, with all of its extents
 * @size: bytes of the file that are of interest
 * @poison: what is bad in its namespace, or NULL
 * @out: out: the bad ranges, in offsets of the file, or NULL: there are none
 *
 * Return: 0 or -ENOMEM.
 */
int hostmem_layout_poison(const struct hostmem_layout *layout, u64 size,
			  const struct hostmem_poison *poison, struct hostmem_poison **out)
{
	u32 count = poison ? hostmem_layout_overlaps(layout, size, poison, NULL) : 0;

	*out = NULL;
	if (!count)
		return 0;
	*out = hostmem_poison_alloc(count);
	if (!*out)
		return -ENOMEM;
	(*out)->recorded = poison->recorded;
	hostmem_layout_overlaps(layout, size, poison, *out);
	return 0;
}

/**
 * hostmem_layout_pinned - how much of a part of a file somebody has
 * @layout: as read, with all of its extents
 * @start: first byte, in the file
 * @length: bytes
 *
 * Context: sleeps.
 * Return: bytes.
 */
u64 hostmem_layout_pinned(const struct hostmem_layout *layout, u64 start, u64 length)
{
	const struct hostmem_extent *extent;
	struct hostmem_chunk *chunk;
	u64 from, to, bytes = 0;
	u32 i;

	list_for_each_entry(chunk, &layout->chunks, node) {
		for (i = 0; i < chunk->count; i++) {
			extent = &chunk->extents[i];
			from = max(start, extent->offset);
			to = min(start + length, extent->offset + extent->length);
			if (from >= to)
				continue;
			bytes += hostmem_pages_pinned((struct hostmem_pages) {
				.start = extent->spa + from - extent->offset,
				.end = extent->spa + to - extent->offset,
			});
		}
	}
	return bytes;
}

/**
 * hostmem_layout_find - where a byte of a file is
 * @layout: as read, with all of its extents
 * @pos: the byte, in the file
 * @length: in: bytes that are wanted; out: those that are in one piece
 *
 * Return: its system physical address; with @length 0: it is beyond the end.
 */
u64 hostmem_layout_find(const struct hostmem_layout *layout, u64 pos, size_t *length)
{
	const struct hostmem_extent *extent;
	struct hostmem_chunk *chunk;
	u32 i;

	list_for_each_entry(chunk, &layout->chunks, node) {
		for (i = 0; i < chunk->count; i++) {
			extent = &chunk->extents[i];
			if (pos < extent->offset || pos - extent->offset >= extent->length)
				continue;
			*length = min_t(u64, *length, extent->offset + extent->length - pos);
			return extent->spa + pos - extent->offset;
		}
	}
	*length = 0;
	return 0;
}

/**
 * hostmem_layout_free - forget a layout
 * @layout: the layout, or NULL
 */
void hostmem_layout_free(struct hostmem_layout *layout)
{
	struct hostmem_chunk *chunk, *next;

	if (!layout)
		return;
	list_for_each_entry_safe(chunk, next, &layout->chunks, node)
		kvfree(chunk);
	kfree(layout);
}
