// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: how many VMAs a view has, and what is told of them.
 *
 * One call may open or close thousands: munmap() of what was split, fork(), exit(). What it has
 * done to a view is told when it returns to user space, in one event for all that is adjacent. A
 * split tells nothing. A move maps a range and unmaps the same one, which tells nothing either.
 */
#include <linux/file.h>
#include <linux/hostmem_nl.h>
#include <linux/sched.h>
#include <linux/task_work.h>

#include "hostmem_private.h"

static void hostmem_mapped_event(const struct hostmem_view *view)
{
	const struct hostmem_news *news = &view->news;

	if (news->length)
		hostmem_event(view->region, news->what, view->id, news->start, news->length);
}

static void hostmem_mapped_work(struct callback_head *work)
{
	struct hostmem_view *view = container_of(work, struct hostmem_view, news.work);

	hostmem_mapped_event(view);
	/* Pairs with the cmpxchg() of the next one who has news. */
	smp_store_release(&view->news.task, NULL);
	fput(view->inner);
}

/* Add to what is to be told; false: it cannot be told in one event. */
static bool hostmem_mapped_join(struct hostmem_news *news, u8 what, u64 start, u64 length)
{
	if (!news->length) {
		news->what = what;
		news->start = start;
		news->length = length;
	} else if (news->what == HOSTMEM_NL_MAPPED && what == HOSTMEM_NL_UNMAPPED &&
		   news->start == start && news->length == length) {
		news->length = 0;
	} else if (news->what == what && news->start + news->length == start) {
		news->length += length;
	} else if (news->what == what && start + length == news->start) {
		news->start = start;
		news->length += length;
	} else {
		return false;
	}
	return true;
}

static void hostmem_mapped_note(struct vm_area_struct *vma, u8 what)
{
	struct hostmem_view *view = vma->vm_private_data;
	struct hostmem_news *news = &view->news;
	u64 start = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 length = vma->vm_end - vma->vm_start;
	struct task_struct *task;

	task = cmpxchg(&news->task, NULL, current);
	if (task && task != current) {
		/* Others share the view: two calls at once are two events anyway. */
		hostmem_event(view->region, what, view->id, start, length);
		return;
	}
	if (!task)
		news->length = 0;
	if (!hostmem_mapped_join(news, what, start, length)) {
		hostmem_mapped_event(view);
		news->length = 0;
		hostmem_mapped_join(news, what, start, length);
	}
	if (task)
		return;
	/* The view, and the module, stay until it has been told. */
	get_file(view->inner);
	init_task_work(&news->work, hostmem_mapped_work);
	if ((current->flags & PF_KTHREAD) || task_work_add(current, &news->work, TWA_RESUME))
		hostmem_mapped_work(&news->work);
}

/**
 * hostmem_mapped_tell - tell what has become of a VMA
 * @vma: of a view
 * @what: HOSTMEM_NL_MAPPED or HOSTMEM_NL_UNMAPPED
 *
 * Context: sleeps.
 */
void hostmem_mapped_tell(struct vm_area_struct *vma, u8 what)
{
	const struct hostmem_view *view = vma->vm_private_data;

	/* For nobody, unless it is the second half of a move. */
	if (READ_ONCE(view->news.task) == current || hostmem_event_heard())
		hostmem_mapped_note(vma, what);
}

/**
 * hostmem_mapped_count - more VMAs, or less
 * @view: that they are of
 * @add: how many
 */
void hostmem_mapped_count(struct hostmem_view *view, int add)
{
	struct hostmem_region *region = view->region;

	spin_lock(&region->view_lock);
	view->nr_mappings += add;
	region->nr_mappings += add;
	spin_unlock(&region->view_lock);
}

/* A fork, a split or a move made one more VMA of this view. */
static void hostmem_mapped_open(struct vm_area_struct *vma)
{
	hostmem_mapped_count(vma->vm_private_data, 1);
	if (vma->vm_mm != current->mm)
		hostmem_mapped_tell(vma, HOSTMEM_NL_MAPPED);
}

static void hostmem_mapped_close(struct vm_area_struct *vma)
{
	hostmem_policy_close(vma);
	hostmem_mapped_count(vma->vm_private_data, -1);
	hostmem_mapped_tell(vma, HOSTMEM_NL_UNMAPPED);
}

/*
 * A move has succeeded: the old VMA is closed next, unless that fails, and then there are two.
 * Noted always: who begins to listen in between must not hear of the second half alone.
 */
static int hostmem_mapped_mremap(struct vm_area_struct *vma)
{
	hostmem_mapped_note(vma, HOSTMEM_NL_MAPPED);
	return 0;
}

/**
 * hostmem_mapped_front - have VMAs counted
 * @ops: of a mapping, which has none of these operations itself
 */
void hostmem_mapped_front(struct vm_operations_struct *ops)
{
	ops->open = hostmem_mapped_open;
	ops->close = hostmem_mapped_close;
	ops->mremap = hostmem_mapped_mremap;
}
