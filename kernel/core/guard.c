// SPDX-License-Identifier: GPL-2.0
/*
 * The guard: nobody reaches an unplugged block or a bad page, or uses a revoked view.
 *
 * Every mapping has the view's inner file, a file of our own operations on the backing's
 * inode, and the backing's vm_operations with ours in front. A fault asks the guard inside
 * an SRCU read section and only then lets the backing's handler run. So who clears a
 * plugged bit, sets view->revoked or adds to the poison, and then waits for the readers, knows that
 *
 *   - no handler is running that saw the old state, and
 *   - none will start that sees it.
 *
 * A handler may have returned a locked page that the fault core has yet to enter in the
 * page table. Unplug frees the page, and has to lock it for that; revoke locks and
 * unlocks every page of the range (settle) before it zaps. Either way the stale entry is
 * in place before the zap, and gone after it.
 *
 * The handlers of DAX files and devices enter pages themselves, inside the section: for them
 * there is nothing to settle. A mapping larger than a block is left to smaller ones.
 *
 * VM_DONTEXPAND keeps VMAs from being merged, grown, and collapsed into huge pages:
 * each would make entries without asking the guard. remap_file_pages() maps the
 * inner file anew and ends here. A private mapping would keep copies of its own, which
 * could not be taken back from one view without losing those of all others: it may
 * only be read.
 */
#include <linux/file.h>
#include <linux/hostmem_nl.h>

#include "hostmem_private.h"

#if defined(HOSTMEM_BREAK_GUARD_SRCU) || defined(HOSTMEM_BREAK_GUARD_LOCK) || \
	defined(HOSTMEM_BREAK_GUARD_WIDEN)
#define HOSTMEM_BREAK_GUARD_DELAY
#include <linux/delay.h>
#include <linux/random.h>

/* Widen the windows that the guard closes, so that a test soon hits one that it leaves open. */
static void hostmem_guard_dawdle(bool sleep)
{
	/* Mostly short, so that there are many; some longer than a grace period and a punch. */
	unsigned int us = 4096 >> (get_random_u32() % 8);

	if (sleep)
		usleep_range(us, us + 8);
	else
		udelay(us / 32);
}
#endif

/* What a fault on pages of one block comes to before the backing is asked; 0: ask it. */
static vm_fault_t hostmem_guard_check(const struct hostmem_view *view, pgoff_t pgoff, pgoff_t pages)
{
	const struct hostmem_region *region = view->region;
	const struct hostmem_poison *poison;

	/* Pairs with hostmem_guard_wait(), by SRCU. */
	if (READ_ONCE(view->revoked) ||
	    !test_bit(pgoff >> (region->block_shift - PAGE_SHIFT), region->plugged))
		return VM_FAULT_SIGBUS;
	poison = srcu_dereference(region->poison, &region->srcu);
	if (poison &&
	    hostmem_poison_find(poison, (u64)pgoff << PAGE_SHIFT, (u64)pages << PAGE_SHIFT))
		return VM_FAULT_HWPOISON;
	return 0;
}

/* Let a handler of the backing run if the guard passes what it is about to enter. */
static vm_fault_t hostmem_guard_enter(struct vm_fault *vmf,
				      vm_fault_t (*handler)(struct vm_fault *vmf))
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
	ret = hostmem_guard_check(view, vmf->pgoff, 1);
	if (!ret) {
#ifdef HOSTMEM_BREAK_GUARD_DELAY
		hostmem_guard_dawdle(true);
#endif
		ret = handler(vmf);
	}
	srcu_read_unlock(&region->srcu, idx);
#ifdef HOSTMEM_BREAK_GUARD_DELAY
	hostmem_guard_dawdle(true);
#endif
	return ret;
}

static const struct vm_operations_struct *hostmem_guard_real(const struct vm_fault *vmf)
{
	const struct hostmem_view *view = vmf->vma->vm_private_data;

	return view->region->real_vm_ops;
}

/* The smallest that the backing maps, in bytes. */
static unsigned long hostmem_guard_granule(const struct vm_fault *vmf)
{
	const struct vm_operations_struct *real = hostmem_guard_real(vmf);

	return real->pagesize ? real->pagesize(vmf->vma) : PAGE_SIZE;
}

static vm_fault_t hostmem_guard_fault(struct vm_fault *vmf)
{
	return hostmem_guard_enter(vmf, hostmem_guard_real(vmf)->fault);
}

static vm_fault_t hostmem_guard_page_mkwrite(struct vm_fault *vmf)
{
	return hostmem_guard_enter(vmf, hostmem_guard_real(vmf)->page_mkwrite);
}

static vm_fault_t hostmem_guard_pfn_mkwrite(struct vm_fault *vmf)
{
	return hostmem_guard_enter(vmf, hostmem_guard_real(vmf)->pfn_mkwrite);
}

static vm_fault_t hostmem_guard_huge_fault(struct vm_fault *vmf, hostmem_fault_size size)
{
	struct hostmem_view *view = vmf->vma->vm_private_data;
	struct hostmem_region *region = view->region;
	pgoff_t pages = 1UL << hostmem_fault_order(size);
	vm_fault_t ret;
	int idx;

	/* One entry must not reach into another block. */
	if (pages > hostmem_block_size(region) >> PAGE_SHIFT ||
	    ((vmf->address >> PAGE_SHIFT) ^ vmf->pgoff) & (pages - 1))
		return VM_FAULT_FALLBACK;
	idx = srcu_read_lock(&region->srcu);
	ret = hostmem_guard_check(view, round_down(vmf->pgoff, pages), pages);
	if (!ret) {
#ifdef HOSTMEM_BREAK_GUARD_DELAY
		hostmem_guard_dawdle(true);
#endif
		ret = region->real_vm_ops->huge_fault(vmf, size);
	} else if (ret == VM_FAULT_HWPOISON && pages << PAGE_SHIFT > hostmem_guard_granule(vmf)) {
		/* Some of the pages are good. */
		ret = VM_FAULT_FALLBACK;
	}
	srcu_read_unlock(&region->srcu, idx);
	return ret;
}

static vm_fault_t hostmem_guard_map_pages(struct vm_fault *vmf, pgoff_t start, pgoff_t end)
{
	struct hostmem_view *view = vmf->vma->vm_private_data;
	struct hostmem_region *region = view->region;
	pgoff_t block_pages = hostmem_block_size(region) >> PAGE_SHIFT;
	vm_fault_t ret = 0;
	int idx;

	/* Never around the fault into another block. */
	start = max(start, round_down(vmf->pgoff, block_pages));
	end = min(end, round_down(vmf->pgoff, block_pages) + block_pages - 1);

	idx = srcu_read_lock(&region->srcu);
	if (!hostmem_guard_check(view, start, end - start + 1)) {
#ifdef HOSTMEM_BREAK_GUARD_DELAY
		hostmem_guard_dawdle(false);
#endif
		ret = region->real_vm_ops->map_pages(vmf, start, end);
	}
	srcu_read_unlock(&region->srcu, idx);
	return ret;
}

static void hostmem_guard_event(struct vm_area_struct *vma, u8 what)
{
	struct hostmem_view *view = vma->vm_private_data;

	hostmem_event(view->region, what, view->id, (u64)vma->vm_pgoff << PAGE_SHIFT,
		      vma->vm_end - vma->vm_start);
}

static void hostmem_guard_count(struct hostmem_view *view, int add)
{
	struct hostmem_region *region = view->region;

	spin_lock(&region->view_lock);
	view->nr_mappings += add;
	region->nr_mappings += add;
	spin_unlock(&region->view_lock);
}

/* A fork, a split or a move made one more VMA of this view. */
static void hostmem_guard_open(struct vm_area_struct *vma)
{
	hostmem_guard_count(vma->vm_private_data, 1);
	hostmem_guard_event(vma, HOSTMEM_NL_MAPPED);
}

static void hostmem_guard_close(struct vm_area_struct *vma)
{
	hostmem_guard_count(vma->vm_private_data, -1);
	hostmem_guard_event(vma, HOSTMEM_NL_UNMAPPED);
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
	ops->open = hostmem_guard_open;
	ops->close = hostmem_guard_close;
	ops->fault = hostmem_guard_fault;
	if (real->huge_fault)
		ops->huge_fault = hostmem_guard_huge_fault;
	if (real->map_pages)
		ops->map_pages = hostmem_guard_map_pages;
	if (real->page_mkwrite)
		ops->page_mkwrite = hostmem_guard_page_mkwrite;
	if (real->pfn_mkwrite)
		ops->pfn_mkwrite = hostmem_guard_pfn_mkwrite;
}

/* Put ours in front of the backing's operations, once per region. */
static int hostmem_guard_wrap(struct hostmem_region *region, struct vm_area_struct *vma)
{
	const struct vm_operations_struct *real = vma->vm_ops;
	int rc = 0;

	spin_lock(&region->view_lock);
	if (region->real_vm_ops) {
		if (region->real_vm_ops != real)
			rc = -EOPNOTSUPP;
	} else if (!hostmem_guard_knows(real)) {
		rc = -EOPNOTSUPP;
	} else if (real->pagesize && real->pagesize(vma) > hostmem_block_size(region)) {
		/* It maps nothing smaller, and that would reach into another block. */
		rc = -EINVAL;
	} else {
		hostmem_guard_front(&region->vm_ops, real);
		region->real_vm_ops = real;
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

/**
 * hostmem_guard_mmap - map a view
 * @view: the view
 * @vma: the new VMA; vm_pgoff counts from the region's start
 *
 * Context: under the mmap_lock.
 * Return: 0; -EINVAL outside of the view, or of a device whose pages are larger than a block;
 * -EOPNOTSUPP for a private writable mapping, or with MAP_SYNC of what is not DAX; -ENODEV if
 * the region is dead or the view revoked; or the backing's error.
 */
int hostmem_guard_mmap(struct hostmem_view *view, struct vm_area_struct *vma)
{
	struct hostmem_region *region = view->region;
	pgoff_t first = view->start >> PAGE_SHIFT;
	pgoff_t pages = view->length >> PAGE_SHIFT;
	int rc;

	if (vma->vm_pgoff < first || vma->vm_pgoff - first >= pages ||
	    vma_pages(vma) > pages - (vma->vm_pgoff - first))
		return -EINVAL;
	if (!(vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_WRITE))
		return -EOPNOTSUPP;
	/* What does not write through to a device cannot promise to. */
	if ((vma->vm_flags & VM_SYNC) && !IS_DAX(file_inode(region->segment.file)))
		return -EOPNOTSUPP;

	rc = hostmem_guard_admit(view);
	if (rc)
		return rc;
	vma_set_file(vma, view->inner);
	rc = region->segment.file->f_op->mmap(view->inner, vma);
	if (!rc)
		rc = hostmem_guard_wrap(region, vma);
	if (rc) {
		hostmem_guard_count(view, -1);
		return rc;
	}
	vma->vm_ops = &region->vm_ops;
	vma->vm_private_data = view;
	vm_flags_set(vma, VM_DONTEXPAND);
	if (!(vma->vm_flags & VM_SHARED))
		vm_flags_clear(vma, VM_MAYWRITE);
	hostmem_guard_event(vma, HOSTMEM_NL_MAPPED);
	return 0;
}

/**
 * hostmem_guard_wait - wait for every handler that may have seen the old state
 * @region: whose plugged bits or views have just changed
 *
 * Context: sleeps; under region->lock.
 */
void hostmem_guard_wait(struct hostmem_region *region)
{
	lockdep_assert_held(&region->lock);
#ifndef HOSTMEM_BREAK_GUARD_SRCU
	synchronize_srcu_expedited(&region->srcu);
#endif
}
