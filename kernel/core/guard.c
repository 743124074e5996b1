// SPDX-License-Identifier: GPL-2.0
/*
 * The guard: nobody reaches an unplugged block or a bad page, or uses a revoked view.
 *
 * Every mapping has the view's inner file, a file of our own operations on the backing's
 * inode, and the backing's vm_operations with ours in front. A fault asks for a verdict
 * inside an SRCU read section and only then lets the backing's handler run.
 *
 * Whoever takes something away changes what the verdict looks at (clears a plugged bit, sets
 * view->revoked or region->dead, adds to the poison) and then makes a cut. The cut waits for
 * the readers, after which
 *
 *   - no handler is running that saw the old state, and
 *   - none will start that sees it.
 *
 * A handler may have returned a locked page that the fault core has yet to enter in the
 * page table. A cut that frees the memory has to lock each page for that; one that keeps it locks
 * and unlocks every page of the range (settles it) before it zaps. Either way the stale
 * entry is in place before the zap, and gone after it.
 *
 * The handlers of DAX files and devices enter pages themselves, inside the section: for them
 * there is nothing to settle. A mapping larger than a block is left to smaller ones.
 *
 * VM_DONTEXPAND keeps VMAs from being merged, grown, and collapsed into huge pages:
 * each would make entries without asking the guard. remap_file_pages() maps the
 * inner file anew and ends here. A private mapping would keep copies of its own, which
 * could not be taken back from one view without losing those of all others: it may
 * only be read.
 *
 * VM_DONTDUMP keeps core dumps out: a dump touches every page, and so would allocate all
 * that is plugged.
 */
#include <linux/file.h>
#include <linux/hostmem_nl.h>
#include <linux/indirect_call_wrapper.h>
#include <linux/sched/signal.h>

#include "hostmem_private.h"

/* How often to look whether pages are still pinned, in ms. */
#define HOSTMEM_PINS_MS 20

/* A handler of the backing, which may enter @pages from @first; @size is for huge_fault(). */
typedef vm_fault_t (*hostmem_guard_handler)(struct hostmem_segment *segment, struct vm_fault *vmf,
					    pgoff_t first, pgoff_t pages,
					    hostmem_fault_size size);

/* The smallest that the backing maps, in pages. */
static pgoff_t hostmem_guard_granule(const struct hostmem_segment *segment,
				     struct vm_area_struct *vma)
{
	const struct vm_operations_struct *real = segment->real_vm_ops;

	return (real->pagesize ? real->pagesize(vma) : PAGE_SIZE) >> PAGE_SHIFT;
}

/*
 * What the entry of some pages comes to before the backing is asked; 0: ask it. Everything that
 * is read here is followed by a cut when it changes, which waits by SRCU.
 *
 * Inline, as the runner is: each handler has its own of both, without what cannot matter to it. A
 * fault of a page that is there takes little more than the two.
 */
static __always_inline vm_fault_t hostmem_guard_verdict(const struct hostmem_view *view,
							struct vm_fault *vmf, pgoff_t first,
							pgoff_t pages)
{
	const struct hostmem_region *region = view->region;
	unsigned int shift = region->block_shift - PAGE_SHIFT;
	const struct hostmem_poison *poison;

	if (READ_ONCE(view->revoked) || !test_bit(vmf->pgoff >> shift, region->plugged))
		return VM_FAULT_SIGBUS;
	/* One entry must not reach into another block. */
	if (first >> shift != (first + pages - 1) >> shift)
		return VM_FAULT_FALLBACK;
	poison = srcu_dereference(region->poison, &region->srcu);
	if (likely(!poison) || !hostmem_poison_find(poison, (u64)first << PAGE_SHIFT,
						    (u64)pages << PAGE_SHIFT))
		return 0;
	/* Of several entries' worth of pages some may be good. */
	if (pages > hostmem_guard_granule(&region->segment, vmf->vma))
		return VM_FAULT_FALLBACK;
	return VM_FAULT_HWPOISON;
}

/* Let a handler of the backing run if the guard passes what it is about to enter. */
static __always_inline vm_fault_t hostmem_guard_run(struct vm_fault *vmf, pgoff_t first,
						    pgoff_t pages, hostmem_fault_size size,
						    hostmem_guard_handler handler)
{
	struct hostmem_view *view = vmf->vma->vm_private_data;
	struct hostmem_region *region = view->region;
	vm_fault_t ret;
	int idx;

	/*
	 * The handler may drop the mmap_lock, and then the VMA and the view may go, but
	 * not the region: its end waits for the reader.
	 */
	idx = srcu_read_lock(&region->srcu);
	ret = hostmem_guard_verdict(view, vmf, first, pages);
	if (!ret)
		ret = handler(&region->segment, vmf, first, pages, size);
	srcu_read_unlock(&region->srcu, idx);
	return ret;
}

static vm_fault_t hostmem_real_fault(struct hostmem_segment *segment, struct vm_fault *vmf,
				     pgoff_t first, pgoff_t pages, hostmem_fault_size size)
{
	/* This is the only handler that brings in pages which are not there. */
	if (segment->ops->admit &&
	    !INDIRECT_CALL_1(segment->ops->admit, hostmem_ram_admit, segment, first))
		return VM_FAULT_SIGBUS;
	return segment->real_vm_ops->fault(vmf);
}

static vm_fault_t hostmem_real_page_mkwrite(struct hostmem_segment *segment, struct vm_fault *vmf,
					    pgoff_t first, pgoff_t pages, hostmem_fault_size size)
{
	return segment->real_vm_ops->page_mkwrite(vmf);
}

static vm_fault_t hostmem_real_pfn_mkwrite(struct hostmem_segment *segment, struct vm_fault *vmf,
					   pgoff_t first, pgoff_t pages, hostmem_fault_size size)
{
	return segment->real_vm_ops->pfn_mkwrite(vmf);
}

static vm_fault_t hostmem_real_huge_fault(struct hostmem_segment *segment, struct vm_fault *vmf,
					  pgoff_t first, pgoff_t pages, hostmem_fault_size size)
{
	return segment->real_vm_ops->huge_fault(vmf, size);
}

static vm_fault_t hostmem_real_map_pages(struct hostmem_segment *segment, struct vm_fault *vmf,
					 pgoff_t first, pgoff_t pages, hostmem_fault_size size)
{
	return segment->real_vm_ops->map_pages(vmf, first, first + pages - 1);
}

static vm_fault_t hostmem_guard_fault(struct vm_fault *vmf)
{
	return hostmem_guard_run(vmf, vmf->pgoff, 1, 0, hostmem_real_fault);
}

static vm_fault_t hostmem_guard_page_mkwrite(struct vm_fault *vmf)
{
	return hostmem_guard_run(vmf, vmf->pgoff, 1, 0, hostmem_real_page_mkwrite);
}

static vm_fault_t hostmem_guard_pfn_mkwrite(struct vm_fault *vmf)
{
	return hostmem_guard_run(vmf, vmf->pgoff, 1, 0, hostmem_real_pfn_mkwrite);
}

static vm_fault_t hostmem_guard_huge_fault(struct vm_fault *vmf, hostmem_fault_size size)
{
	pgoff_t pages = 1UL << hostmem_fault_order(size);

	/* The page table's entry and the file's pages do not begin together. */
	if (((vmf->address >> PAGE_SHIFT) ^ vmf->pgoff) & (pages - 1))
		return VM_FAULT_FALLBACK;
	return hostmem_guard_run(vmf, round_down(vmf->pgoff, pages), pages, size,
				 hostmem_real_huge_fault);
}

static vm_fault_t hostmem_guard_map_pages(struct vm_fault *vmf, pgoff_t start, pgoff_t end)
{
	const struct hostmem_view *view = vmf->vma->vm_private_data;
	pgoff_t block_pages = hostmem_block_size(view->region) >> PAGE_SHIFT;
	pgoff_t block = round_down(vmf->pgoff, block_pages);
	vm_fault_t ret;

	start = max(start, block);
	end = min(end, block + block_pages - 1);
	ret = hostmem_guard_run(vmf, start, end - start + 1, 0, hostmem_real_map_pages);
	/* Nothing is there around the fault; what it comes to itself is asked next. */
	return ret & (VM_FAULT_ERROR | VM_FAULT_FALLBACK) ? 0 : ret;
}

/* Whether there is no way into the page tables that the guard would not stand in. */
static bool hostmem_guard_knows(const struct vm_operations_struct *real)
{
	return real && real->fault && !real->open && !real->close && !real->mremap &&
	       !real->mprotect && !real->access && !real->find_special_page;
}

static void hostmem_guard_front(struct vm_operations_struct *ops,
				const struct vm_operations_struct *real)
{
	*ops = *real;
	hostmem_mapped_front(ops);
	ops->fault = hostmem_guard_fault;
	if (real->huge_fault)
		ops->huge_fault = hostmem_guard_huge_fault;
	if (real->map_pages)
		ops->map_pages = hostmem_guard_map_pages;
	if (real->page_mkwrite)
		ops->page_mkwrite = hostmem_guard_page_mkwrite;
	if (real->pfn_mkwrite)
		ops->pfn_mkwrite = hostmem_guard_pfn_mkwrite;
	hostmem_policy_front(ops, real);
}

/* Put ours in front of the backing's operations, once per segment. */
static int hostmem_guard_wrap(struct hostmem_region *region, struct vm_area_struct *vma)
{
	struct hostmem_segment *segment = &region->segment;
	const struct vm_operations_struct *real = vma->vm_ops;
	int rc = 0;

	spin_lock(&region->view_lock);
	if (segment->real_vm_ops) {
		if (segment->real_vm_ops != real)
			rc = -EOPNOTSUPP;
	} else if (!hostmem_guard_knows(real)) {
		rc = -EOPNOTSUPP;
	} else if (real->pagesize && real->pagesize(vma) > hostmem_block_size(region)) {
		/* It maps nothing smaller, and that would reach into another block. */
		rc = -EINVAL;
	} else {
		hostmem_guard_front(&segment->vm_ops, real);
		segment->real_vm_ops = real;
	}
	spin_unlock(&region->view_lock);
	return rc;
}

static int hostmem_guard_admit(struct hostmem_view *view)
{
	struct hostmem_region *region = view->region;
	int rc = 0;

	/* Counted before it exists: who destroys the region sees it or keeps it out. */
	spin_lock(&region->view_lock);
	if (region->dead || view->revoked) {
		rc = -ENODEV;
	} else {
		view->nr_mappings++;
		region->nr_mappings++;
	}
	spin_unlock(&region->view_lock);
	return rc;
}

static int hostmem_guard_check(const struct hostmem_view *view, struct vm_area_struct *vma)
{
	pgoff_t first = view->start >> PAGE_SHIFT;
	pgoff_t pages = view->length >> PAGE_SHIFT;

	if (vma->vm_pgoff < first || vma->vm_pgoff - first >= pages ||
	    vma_pages(vma) > pages - (vma->vm_pgoff - first))
		return -EINVAL;
	if (!(vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_WRITE))
		return -EOPNOTSUPP;
	/* What needs more than a flush of the caches cannot promise that it does not. */
	if ((vma->vm_flags & VM_SYNC) && !view->region->segment.sync)
		return -EOPNOTSUPP;
	return 0;
}

/**
 * hostmem_guard_mmap - map a view
 * @view: the view
 * @vma: the new VMA; vm_pgoff counts from the region's start
 *
 * Context: under the mmap_lock.
 * Return: 0; -EINVAL outside of the view, or of a device whose pages are larger than a block;
 * -EOPNOTSUPP for a private writable mapping, or with MAP_SYNC of what needs fsync(); -ENODEV if
 * the region is dead or the view revoked; or the backing's error.
 */
int hostmem_guard_mmap(struct hostmem_view *view, struct vm_area_struct *vma)
{
	struct hostmem_region *region = view->region;
	int rc;

	rc = hostmem_guard_check(view, vma);
	if (!rc)
		rc = hostmem_guard_admit(view);
	if (rc)
		return rc;
	vma_set_file(vma, view->inner);
	rc = region->segment.file->f_op->mmap(view->inner, vma);
	if (!rc)
		rc = hostmem_guard_wrap(region, vma);
	if (rc) {
		hostmem_mapped_count(view, -1);
		return rc;
	}
	vma->vm_ops = &region->segment.vm_ops;
	vma->vm_private_data = view;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	if (!(vma->vm_flags & VM_SHARED))
		vm_flags_clear(vma, VM_MAYWRITE);
	hostmem_mapped_tell(vma, HOSTMEM_NL_MAPPED);
	return 0;
}

/* Count what is pinned, and wait until that is nothing, if asked to; a signal ends the wait. */
static void hostmem_guard_count_pins(struct hostmem_segment *segment, u64 start, u64 length,
				     struct hostmem_pins *pins)
{
	if (!segment->ops->pinned)
		return;
	pins->bytes = segment->ops->pinned(segment, start, length);
	while (pins->bytes && pins->wait && !signal_pending(current)) {
		schedule_timeout_interruptible(msecs_to_jiffies(HOSTMEM_PINS_MS));
		pins->bytes = segment->ops->pinned(segment, start, length);
	}
}

/**
 * hostmem_guard_cut - take a range out of every page table
 * @region: of which the verdict about the range has just changed
 * @start: first byte
 * @length: bytes; 0: only wait for those who may still go by what was true before
 * @cut: HOSTMEM_CUT_FREE: nobody may have the range any more, and its memory goes, too;
 *	HOSTMEM_CUT_KEEP: those who may still have it fault it in again
 * @pins: what is pinned when it is out, or NULL
 *
 * When this has returned no access succeeds that the new state forbids.
 *
 * Context: sleeps, for as long as a fault does that has been let through: under no lock that one
 * may need.
 */
void hostmem_guard_cut(struct hostmem_region *region, u64 start, u64 length, enum hostmem_cut cut,
		       struct hostmem_pins *pins)
{
	struct hostmem_segment *segment = &region->segment;
	bool discard = cut == HOSTMEM_CUT_FREE && segment->ops->discard;

	synchronize_srcu_expedited(&region->srcu);
	if (!length)
		return;
	if (!discard && segment->ops->settle)
		segment->ops->settle(segment, start, length);
	if (!discard || pins)
		unmap_mapping_range(segment->file->f_mapping, start, length, 1);
	if (pins)
		hostmem_guard_count_pins(segment, start, length, pins);
	if (discard)
		segment->ops->discard(segment, start, length);
}
