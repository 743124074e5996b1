/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_SEGMENT_H
#define _HOSTMEM_SEGMENT_H

/*
 * Where the memory of a region comes from, and what provides it: the core has ram, hostmem_nd
 * the rest.
 */
#include <linux/mm.h>
#include <linux/types.h>
#include <linux/hostmem.h>

struct file;
struct hostmem_poison;
struct hostmem_segment;
struct iov_iter;
struct module;

/**
 * struct hostmem_backing_ops - a kind of memory
 * @owner: that of the hostmem_pmem_ops, stays loaded as long as there is a segment of this kind;
 *	NULL: the core
 * @open: set segment->file, and what else there is. The region has the size and the block size
 *	that @cmd asks for. Context: sleeps, in the process that creates the region
 * @end: nobody reaches the memory through the region any more: let others have it. NULL: nobody
 *	else can. Called once. Context: sleeps, under no lock
 * @close: undo @open, after @end. Context: sleeps
 * @inspect: find out what is bad in the memory, and tell by hostmem_segment_poison(). Returns 0 or
 *	an errno. NULL: it never is. Context: sleeps, under no lock
 * @admit: whether a fault may bring in the page @pgoff: it is there, or there is room for one more.
 *	Sets segment->entered. Context: as @populate. NULL: it always may
 * @populate: make the page at byte offset @pos present, charged to the caller;
 *	with @keep also protect it from @give_back. Returns the first offset
 *	behind what is present now, or -ENOMEM, -ENOSPC or -EHWPOISON. Context: sleeps, called in
 *	an SRCU read section of the region. NULL, with @give_back: all is there from the
 *	beginning, and stays when it is unplugged
 * @held: bytes of memory that it occupies. Context: does not sleep. NULL: all that is plugged
 * @read: copy from byte offset @pos on, within a block that is plugged. Returns how many bytes,
 *	-EFAULT if @to is not there, or an errno. Context: as @populate, page faults disabled. NULL,
 *	with @write: it cannot be done
 * @write: the same to the memory; may end early
 * @seek: find data or a hole, as lseek(). Context: sleeps. NULL: all that is plugged is data
 * @punch: free a range, which may be touched again; with @populate. Context: sleeps
 * @give_back: free what populate() without @keep left between @start and @end,
 *	except for pages that somebody has used since
 * @discard: free a range and take it out of every page table. Nobody can fault
 *	it in again while this runs. Cannot fail. NULL: there is nothing to free
 * @settle: wait until no fault that the guard passed earlier can still enter
 *	a page of the range in a page table. NULL: the fault handlers of the file enter
 *	pages themselves, so that none can
 * @pinned: bytes of a range, out of all page tables, that something uses all the same: a device, a
 *	pipe, a read or write under way. Context: sleeps. NULL: nothing can tell
 */
struct hostmem_backing_ops {
	struct module *owner;
	int (*open)(struct hostmem_segment *segment, const struct hostmem_region_create *cmd);
	void (*end)(struct hostmem_segment *segment);
	void (*close)(struct hostmem_segment *segment);
	int (*inspect)(struct hostmem_segment *segment);
	bool (*admit)(struct hostmem_segment *segment, pgoff_t pgoff);
	loff_t (*populate)(struct hostmem_segment *segment, loff_t pos, bool keep);
	u64 (*held)(struct hostmem_segment *segment);
	ssize_t (*read)(struct hostmem_segment *segment, loff_t pos, struct iov_iter *to);
	ssize_t (*write)(struct hostmem_segment *segment, loff_t pos, struct iov_iter *from);
	loff_t (*seek)(struct hostmem_segment *segment, loff_t pos, int whence);
	int (*punch)(struct hostmem_segment *segment, loff_t start, loff_t length);
	void (*give_back)(struct hostmem_segment *segment, loff_t start, loff_t end);
	void (*discard)(struct hostmem_segment *segment, loff_t start, loff_t length);
	void (*settle)(struct hostmem_segment *segment, loff_t start, loff_t length);
	u64 (*pinned)(struct hostmem_segment *segment, loff_t start, loff_t length);
};

/**
 * struct hostmem_segment - the memory of a region
 * @ops: what provides it
 * @file: whose mmap() maps it, from its offset 0 on
 * @source: its name in the words of hostmemctl's --backing; NULL: it has none
 * @pmem_id: number of the namespace that it is on; 0: none
 * @sync: it can be mapped with MAP_SYNC: what has left the caches stays
 * @entered: a fault may have been let through to the handler of @file, which may drop the mmap_lock
 *	and outlive the mapping: the region ends with a grace period
 * @private: of @ops
 * @ended: whether others may have the memory
 * @real_vm_ops: of mappings of @file, when there has been one
 * @vm_ops: the guard's, in front of those
 */
struct hostmem_segment {
	const struct hostmem_backing_ops *ops;
	struct file *file;
	char *source;
	u64 pmem_id;
	bool sync;
	bool entered;
	void *private;
	bool ended;
	const struct vm_operations_struct *real_vm_ops;
	struct vm_operations_struct vm_ops;
};

bool hostmem_segment_get(struct hostmem_segment *segment);
void hostmem_segment_put(struct hostmem_segment *segment);
void hostmem_segment_lost(struct hostmem_segment *segment);
void hostmem_segment_poison(struct hostmem_segment *segment, struct hostmem_poison *poison);

#endif /* _HOSTMEM_SEGMENT_H */
