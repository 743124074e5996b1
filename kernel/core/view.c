// SPDX-License-Identifier: GPL-2.0
/*
 * Views: what a process may do with which part of a region, and how that is taken away.
 *
 * A view has an inner file, which is what its mappings refer to: a file of the view's own
 * operations on the backing's inode. The fd that user space has pins the inner file, the last
 * reference to that frees the view. The private_data of the inner file is the backing's, whose
 * fault handlers may need it.
 *
 * Views are derived from each other. A view is revoked with the one that it is derived from,
 * unless it was to outlive that. When a view is closed, its children become its parent's.
 *
 * The door: what acts on the memory by a call and not by a fault does so between
 * hostmem_view_enter() and hostmem_view_exit(). Who revokes waits until those inside
 * are outside. Nobody is kept waiting at the door: where memory of user space is touched,
 * which may take for ever, the call is outside.
 */
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/hostmem_nl.h>
#include <linux/slab.h>

#include "hostmem_private.h"

static atomic64_t hostmem_view_ids = ATOMIC64_INIT(0);
/* How often one has come or gone, counted under the view_lock of its region. */
static atomic_t hostmem_view_changes = ATOMIC_INIT(0);

/**
 * hostmem_views_seq - changes when a view comes or goes
 *
 * Return: a number, up to date for the regions whose view_lock the caller has.
 */
unsigned int hostmem_views_seq(void)
{
	return atomic_read(&hostmem_view_changes);
}

/* Its children become its parent's: a chain of views that go together stays one. */
static void hostmem_view_orphan(struct hostmem_view *view)
{
	struct hostmem_view *child;

	lockdep_assert_held(&view->region->view_lock);
	list_for_each_entry(child, &view->region->views, node) {
		if (child->parent != view)
			continue;
		child->parent = view->parent;
		child->outlive |= view->outlive;
	}
}

/* Take a view out of its region, if it ever was in. */
static void hostmem_view_unlist(struct hostmem_view *view)
{
	struct hostmem_region *region = view->region;

	if (list_empty(&view->node))
		return;
	spin_lock(&region->view_lock);
	hostmem_view_orphan(view);
	list_del(&view->node);
	region->nr_views--;
	atomic_inc(&hostmem_view_changes);
	spin_unlock(&region->view_lock);
	hostmem_region_bump(region);
}

static const struct file_operations hostmem_inner_fops;

static struct hostmem_view *hostmem_inner_view(const struct file *file)
{
	return container_of(file->f_op, struct hostmem_view, inner_fops);
}

static int hostmem_inner_release(struct inode *inode, struct file *file)
{
	struct hostmem_view *view = hostmem_inner_view(file);
	const struct file_operations *backing = view->region->segment.file->f_op;

	if (backing->release)
		backing->release(inode, file);
	/* Whoever called us puts the operations, which go with the view. */
	file->f_op = &hostmem_inner_fops;
	hostmem_view_unlist(view);
	hostmem_region_put(view->region);
	put_pid(view->pid);
	kfree(view);
	return 0;
}

/* remap_file_pages() comes this way. */
static int hostmem_inner_mmap(struct file *file, struct vm_area_struct *vma)
{
	return hostmem_guard_mmap(hostmem_inner_view(file), vma);
}

/* MADV_REMOVE comes this way. */
static long hostmem_inner_fallocate(struct file *file, int mode, loff_t offset,
				    loff_t length)
{
	struct hostmem_view *view = hostmem_inner_view(file);

	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (offset < view->start || offset - view->start > view->length ||
	    length > view->length - (offset - view->start))
		return -EINVAL;
	return hostmem_view_punch(view, offset, length);
}

/* msync() comes this way. */
static int hostmem_inner_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return hostmem_view_sync(hostmem_inner_view(file), start, end, datasync);
}

static unsigned long hostmem_inner_get_unmapped_area(struct file *file, unsigned long addr,
						     unsigned long len, unsigned long pgoff,
						     unsigned long flags)
{
	return hostmem_view_area(hostmem_inner_view(file), addr, len, pgoff, flags);
}

static const struct file_operations hostmem_inner_fops = {
	.owner = THIS_MODULE,
	.mmap = hostmem_inner_mmap,
	.get_unmapped_area = hostmem_inner_get_unmapped_area,
	.fallocate = hostmem_inner_fallocate,
	.fsync = hostmem_inner_fsync,
	.release = hostmem_inner_release,
	HOSTMEM_FOPS_MMAP_SYNC,
};

/**
 * hostmem_view_area - where in the address space a view is best mapped
 * @view: the view
 * @addr: as for get_unmapped_area() of a file...
 * @len: ...
 * @pgoff: ...but from the region's start
 * @flags: ...
 *
 * Context: under the mmap_lock.
 * Return: the address, or a negative errno.
 */
unsigned long hostmem_view_area(struct hostmem_view *view, unsigned long addr, unsigned long len,
				unsigned long pgoff, unsigned long flags)
{
	struct file *backing = view->region->segment.file;

	/* Without huge pages in the kernel no address is better than another. */
	if (!backing->f_op->get_unmapped_area)
		return mm_get_unmapped_area(current->mm, backing, addr, len, pgoff, flags);
	/* shmem insists on a file with its own operations: not ours. */
	return backing->f_op->get_unmapped_area(backing, addr, len, pgoff, flags);
}

/**
 * hostmem_view_sync - make what was written durable
 * @view: the view
 * @start: first byte, from the region's start
 * @end: last byte
 * @datasync: as for fsync() of a file
 *
 * Context: sleeps.
 * Return: 0; -ENODEV; -EINVAL: the memory is not durable; or the backing's error.
 */
int hostmem_view_sync(struct hostmem_view *view, loff_t start, loff_t end, int datasync)
{
	const struct file_operations *backing = view->region->segment.file->f_op;
	int rc;

	rc = hostmem_view_enter(view);
	if (rc)
		return rc;
	rc = backing->fsync ? backing->fsync(view->inner, start, end, datasync) : -EINVAL;
	hostmem_view_exit(view);
	return rc;
}

/**
 * hostmem_view_punch - free memory of plugged blocks, which stay plugged, as a balloon does
 * @view: the view, which covers the range
 * @start: first byte, from the region's start
 * @length: bytes
 *
 * Where allocation is immediate it would make a later access fail, and where the memory is a file
 * of somebody it would free what is not ours: refused.
 *
 * Context: sleeps.
 * Return: 0; -EOPNOTSUPP; -ENODEV; or the backing's error.
 */
int hostmem_view_punch(struct hostmem_view *view, loff_t start, loff_t length)
{
	struct hostmem_region *region = view->region;
	int rc;

	if (!region->segment.ops->punch || region->allocation == HOSTMEM_ALLOCATION_IMMEDIATE)
		return -EOPNOTSUPP;
	rc = hostmem_view_enter(view);
	if (rc)
		return rc;
	rc = region->segment.ops->punch(&region->segment, start, length);
	hostmem_view_exit(view);
	return rc;
}

/**
 * hostmem_view_enter - begin to act on the memory of a view
 * @view: kept by the caller
 *
 * Until hostmem_view_exit() whoever revokes the view or ends the region waits: for nothing that
 * user space can delay. What faults do has the guard instead.
 *
 * Return: 0; -ENODEV: the region is dead or the view revoked.
 */
int hostmem_view_enter(struct hostmem_view *view)
{
	atomic_inc(&view->calls);
	/* Pairs with hostmem_views_drain(): it sees us, or we see what it has set. */
	smp_mb__after_atomic();
	if (!READ_ONCE(view->region->dead) && !READ_ONCE(view->revoked))
		return 0;
	hostmem_view_exit(view);
	return -ENODEV;
}

/**
 * hostmem_view_exit - undo hostmem_view_enter()
 * @view: entered
 */
void hostmem_view_exit(struct hostmem_view *view)
{
	struct hostmem_region *region = view->region;

	if (atomic_dec_and_test(&view->calls) && wq_has_sleeper(&region->drained))
		wake_up_all(&region->drained);
}

static bool hostmem_views_acting(struct hostmem_region *region)
{
	struct hostmem_view *view;
	bool acting = false;

	spin_lock(&region->view_lock);
	list_for_each_entry(view, &region->views, node)
		acting |= (region->dead || view->revoked) && atomic_read(&view->calls);
	spin_unlock(&region->view_lock);
	return acting;
}

/**
 * hostmem_views_drain - wait for all calls on views that are revoked, or on all of a dead region
 * @region: pinned by the caller, who is in no such call
 *
 * Context: sleeps, for as long as a call does that has been let in.
 */
void hostmem_views_drain(struct hostmem_region *region)
{
	/* Pairs with hostmem_view_enter(). */
	smp_mb();
	wait_event(region->drained, !hostmem_views_acting(region));
}

/**
 * hostmem_view_alloc - make a view that nobody can see yet
 * @region: its region
 * @parent: that it is derived from, or NULL
 * @user: file whose path its mappings show in /proc/PID/maps, or NULL
 * @rights: HOSTMEM_RIGHT_*
 *
 * It covers all that its parent does, or the region.
 *
 * Return: the view, or ERR_PTR(-ENOMEM) and what opening the backing file returns.
 */
struct hostmem_view *hostmem_view_alloc(struct hostmem_region *region,
					struct hostmem_view *parent,
					const struct file *user, u32 rights)
{
	int flags = (rights & HOSTMEM_RIGHT_WRITE ? O_RDWR : O_RDONLY) | O_LARGEFILE;
	const struct file *backing = region->segment.file;
	const struct file_operations *fops;
	struct hostmem_view *view;
	struct file *inner;

	view = kzalloc(sizeof(*view), GFP_KERNEL_ACCOUNT);
	if (!view)
		return ERR_PTR(-ENOMEM);
	/* The rights of a view come from the region, not from the file behind it. */
	inner = user ? backing_file_open(user, flags, &backing->f_path, backing->f_cred) :
		       dentry_open(&backing->f_path, flags, backing->f_cred);
	if (IS_ERR(inner)) {
		kfree(view);
		return ERR_CAST(inner);
	}
	kref_get(&region->ref);
	view->region = region;
	view->inner = inner;
	view->parent = parent;
	view->start = parent ? parent->start : 0;
	view->length = parent ? parent->length : region->size;
	view->rights = rights;
	view->pid = get_pid(task_tgid(current));
	INIT_LIST_HEAD(&view->node);
	view->inner_fops = hostmem_inner_fops;
	fops = fops_get(&view->inner_fops);
	replace_fops(inner, fops);
	return view;
}

/**
 * hostmem_view_abort - undo hostmem_view_alloc()
 * @view: that nobody has seen
 */
void hostmem_view_abort(struct hostmem_view *view)
{
	fput(view->inner);
}

/**
 * hostmem_view_finalize - enter a view in its region
 * @view: from hostmem_view_alloc(); its parent is kept by the caller
 *
 * Return: 0, or -ENODEV if the region has been destroyed or the parent revoked.
 */
int hostmem_view_finalize(struct hostmem_view *view)
{
	struct hostmem_region *region = view->region;
	int rc = 0;

	spin_lock(&region->view_lock);
	if (region->dead || (view->parent && view->parent->revoked)) {
		rc = -ENODEV;
	} else {
		/* Numbered when it is listed: the list is in the order of the numbers. */
		view->id = atomic64_inc_return(&hostmem_view_ids);
		list_add_tail(&view->node, &region->views);
		region->nr_views++;
		atomic_inc(&hostmem_view_changes);
	}
	spin_unlock(&region->view_lock);
	if (!rc)
		view->seen = hostmem_region_bump(region);
	return rc;
}

/* Set revoked in a view and in those that go with it, and say which range that concerns. */
static int hostmem_view_mark_revoked(struct hostmem_region *region, u64 id,
				     struct hostmem_range *range)
{
	struct hostmem_view *view;
	int rc = -ENOENT;

	spin_lock(&region->view_lock);
	/* Parents come before their children, whose ranges are within theirs. */
	list_for_each_entry(view, &region->views, node) {
		if (view->revoked)
			continue;
		if (view->id == id) {
			*range = hostmem_view_range(view);
			rc = 0;
		} else if (!view->parent || !view->parent->revoked || view->outlive) {
			continue;
		}
		WRITE_ONCE(view->revoked, true);
		view->revoked_with = id;
	}
	spin_unlock(&region->view_lock);
	return rc;
}

/* The next view that has been revoked with another one and not been told of; false: none. */
static bool hostmem_view_untold(struct hostmem_region *region, u64 with, u64 *id,
				struct hostmem_range *range)
{
	struct hostmem_view *view;
	bool found = false;

	spin_lock(&region->view_lock);
	list_for_each_entry(view, &region->views, node) {
		if (view->revoked_with != with)
			continue;
		view->revoked_with = 0;
		*id = view->id;
		*range = hostmem_view_range(view);
		found = true;
		break;
	}
	spin_unlock(&region->view_lock);
	return found;
}

/**
 * hostmem_view_revoke - HOSTMEM_VIEW_REVOKE
 * @ucmd: the ioctl, on an owner view
 *
 * Return: 0, -EOPNOTSUPP, -EINVAL, -ENOENT or -ENODEV.
 */
int hostmem_view_revoke(struct hostmem_ucmd *ucmd)
{
	struct hostmem_view_revoke *cmd = ucmd->cmd;
	struct hostmem_region *region = ucmd->view->region;
	struct hostmem_pins pins = { .wait = cmd->flags & HOSTMEM_PINS_WAIT };
	struct hostmem_range range;
	u64 id;
	int rc;

	if (cmd->flags & ~HOSTMEM_PINS_WAIT)
		return -EOPNOTSUPP;
	if (cmd->view_id == ucmd->view->id)
		return -EINVAL;

	mutex_lock(&region->lock);
	rc = hostmem_view_dead(ucmd->view) ? -ENODEV :
	     hostmem_view_mark_revoked(region, cmd->view_id, &range);
	mutex_unlock(&region->lock);
	if (rc)
		return rc;
	hostmem_policy_revoke(region);
	hostmem_guard_cut(region, range.start, range.length, HOSTMEM_CUT_KEEP, &pins);
	hostmem_views_drain(region);
	hostmem_region_bump(region);
	while (hostmem_view_untold(region, cmd->view_id, &id, &range))
		hostmem_event(region, HOSTMEM_NL_REVOKED, id, range.start, range.length);
	/* Done, whether it can be answered or not. */
	cmd->out_pinned = pins.bytes;
	hostmem_ucmd_respond(ucmd);
	return 0;
}
