// SPDX-License-Identifier: GPL-2.0
/*
 * Views: the files through which user space sees a region.
 *
 * The outer file is what an fd refers to: the region's node when it was opened by path, an
 * anonymous inode for an owner (reopening it through /proc gives nothing). The inner
 * file is what its mappings refer to. The outer pins the inner, the last reference to
 * the inner frees the view. private_data is the view in the outer; in the inner it is the
 * backing's, whose fault handlers may need it, and its operations are the view's own.
 */
#include <linux/anon_inodes.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/hostmem_nl.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "hostmem_private.h"

static atomic64_t hostmem_view_ids = ATOMIC64_INIT(0);

/* Take a view out of its region, if it ever was in. */
static void hostmem_view_unlist(struct hostmem_view *view)
{
	struct hostmem_region *region = view->region;
	bool last;

	if (list_empty(&view->node))
		return;
	spin_lock(&region->view_lock);
	list_del(&view->node);
	last = !--region->nr_views;
	spin_unlock(&region->view_lock);

	hostmem_region_bump(region);
	if (last)
		hostmem_region_orphaned(region);
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
	put_device(&view->region->dev);
	put_pid(view->pid);
	kfree(view);
	return 0;
}

/* remap_file_pages() comes this way. */
static int hostmem_inner_mmap(struct file *file, struct vm_area_struct *vma)
{
	return hostmem_guard_mmap(hostmem_inner_view(file), vma);
}

/*
 * MADV_REMOVE comes this way: freeing the memory of plugged blocks, as a balloon does. Where
 * allocation is immediate it would make a later access fail, and where the memory is a file
 * of somebody it would free what is not ours: refused.
 */
static long hostmem_inner_fallocate(struct file *file, int mode, loff_t offset,
				    loff_t length)
{
	struct hostmem_view *view = hostmem_inner_view(file);
	struct hostmem_region *region = view->region;

	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) ||
	    !region->segment.ops->populate ||
	    region->allocation == HOSTMEM_ALLOCATION_IMMEDIATE)
		return -EOPNOTSUPP;
	if (READ_ONCE(region->dead) || READ_ONCE(view->revoked))
		return -ENODEV;
	if (offset < view->start || offset - view->start > view->length ||
	    length > view->length - (offset - view->start))
		return -EINVAL;
	return region->segment.file->f_op->fallocate(region->segment.file, mode, offset, length);
}

/* shmem insists on a file with its own operations: neither the outer nor the inner. */
static unsigned long hostmem_backing_area(struct hostmem_view *view, unsigned long addr,
					  unsigned long len, unsigned long pgoff,
					  unsigned long flags)
{
	struct file *backing = view->region->segment.file;

	return backing->f_op->get_unmapped_area(backing, addr, len, pgoff, flags);
}

static unsigned long hostmem_inner_get_unmapped_area(struct file *file, unsigned long addr,
						     unsigned long len, unsigned long pgoff,
						     unsigned long flags)
{
	return hostmem_backing_area(hostmem_inner_view(file), addr, len, pgoff, flags);
}

static unsigned long hostmem_view_get_unmapped_area(struct file *file, unsigned long addr,
						    unsigned long len, unsigned long pgoff,
						    unsigned long flags)
{
	return hostmem_backing_area(file->private_data, addr, len, pgoff, flags);
}

static int hostmem_backing_fsync(struct hostmem_view *view, loff_t start, loff_t end, int datasync)
{
	struct hostmem_region *region = view->region;
	const struct file_operations *backing = region->segment.file->f_op;
	int rc = -ENODEV;
	int idx;

	/* Whoever takes the memory away waits for us as for a fault. */
	idx = srcu_read_lock(&region->srcu);
	if (!READ_ONCE(region->dead) && !READ_ONCE(view->revoked))
		rc = backing->fsync ? backing->fsync(view->inner, start, end, datasync) : -EINVAL;
	srcu_read_unlock(&region->srcu, idx);
	return rc;
}

/* msync() comes this way. */
static int hostmem_inner_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return hostmem_backing_fsync(hostmem_inner_view(file), start, end, datasync);
}

static int hostmem_view_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return hostmem_backing_fsync(file->private_data, start, end, datasync);
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
 * hostmem_view_alloc - make a view that nobody can see yet
 * @region: its region
 * @mode: FMODE_READ and FMODE_WRITE of the fd
 * @rights: HOSTMEM_RIGHT_*
 *
 * Return: the view, or ERR_PTR(-ENOMEM) and what opening the backing file returns.
 */
struct hostmem_view *hostmem_view_alloc(struct hostmem_region *region, fmode_t mode,
					u32 rights)
{
	const struct file *backing = region->segment.file;
	const struct file_operations *fops;
	struct hostmem_view *view;
	struct file *inner;

	view = kzalloc(sizeof(*view), GFP_KERNEL_ACCOUNT);
	if (!view)
		return ERR_PTR(-ENOMEM);
	/* The rights of a view come from the region, not from the file behind it. */
	inner = dentry_open(&backing->f_path,
			    (mode & FMODE_WRITE ? O_RDWR : O_RDONLY) | O_LARGEFILE,
			    backing->f_cred);
	if (IS_ERR(inner)) {
		kfree(view);
		return ERR_CAST(inner);
	}
	get_device(&region->dev);
	view->region = region;
	view->inner = inner;
	view->id = atomic64_inc_return(&hostmem_view_ids);
	view->length = region->size;
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
 * @view: from hostmem_view_alloc()
 *
 * Return: 0, or -ENODEV if the region has been destroyed.
 */
int hostmem_view_finalize(struct hostmem_view *view)
{
	struct hostmem_region *region = view->region;
	int rc = 0;

	spin_lock(&region->view_lock);
	if (region->dead) {
		rc = -ENODEV;
	} else {
		list_add_tail(&view->node, &region->views);
		region->nr_views++;
	}
	spin_unlock(&region->view_lock);
	if (!rc)
		view->seen = hostmem_region_bump(region);
	return rc;
}

static int hostmem_view_release(struct inode *inode, struct file *file)
{
	struct hostmem_view *view = file->private_data;

	fput(view->inner);
	return 0;
}

static int hostmem_view_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct hostmem_view *view = file->private_data;

	/* What user space calls offset 0 is the view's first byte. */
	vma->vm_pgoff += view->start >> PAGE_SHIFT;
	return hostmem_guard_mmap(view, vma);
}

static loff_t hostmem_view_llseek(struct file *file, loff_t offset, int whence)
{
	struct hostmem_view *view = file->private_data;

	return fixed_size_llseek(file, offset, whence, view->length);
}

static __poll_t hostmem_view_poll(struct file *file, poll_table *wait)
{
	struct hostmem_view *view = file->private_data;
	struct hostmem_region *region = view->region;

	poll_wait(file, &region->wait, wait);
	if (READ_ONCE(region->dead) || READ_ONCE(view->revoked))
		return EPOLLHUP | EPOLLERR;
	if (atomic64_read(&region->generation) != READ_ONCE(view->seen))
		return EPOLLIN | EPOLLRDNORM;
	return 0;
}

static void hostmem_view_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct hostmem_view *view = file->private_data;

	seq_printf(m, "hostmem-region:\t%llu\nhostmem-view:\t%llu\nhostmem-rights:\t%#x\n",
		   view->region->id, view->id, view->rights);
}

static const struct hostmem_ioctl_op hostmem_view_ops[] = {
	IOCTL_OP(HOSTMEM_REGION_DESTROY, hostmem_region_destroy,
		 struct hostmem_region_destroy, flags, HOSTMEM_RIGHT_OWNER),
	IOCTL_OP(HOSTMEM_REGION_INFO, hostmem_region_info,
		 struct hostmem_region_info, out_name, 0),
	IOCTL_OP(HOSTMEM_REGION_PLUG, hostmem_region_plug,
		 struct hostmem_region_plug, progress, HOSTMEM_RIGHT_OWNER),
	IOCTL_OP(HOSTMEM_REGION_UNPLUG, hostmem_region_unplug,
		 struct hostmem_region_unplug, length, HOSTMEM_RIGHT_OWNER),
	IOCTL_OP(HOSTMEM_REGION_PREALLOCATE, hostmem_region_preallocate,
		 struct hostmem_region_preallocate, progress, HOSTMEM_RIGHT_WRITE),
	IOCTL_OP(HOSTMEM_REGION_BLOCKS, hostmem_region_blocks,
		 struct hostmem_region_blocks, out_generation, 0),
	IOCTL_OP(HOSTMEM_REGION_SLOTS, hostmem_region_slots,
		 struct hostmem_region_slots, out_generation, 0),
	IOCTL_OP(HOSTMEM_VIEW_REVOKE, hostmem_view_revoke,
		 struct hostmem_view_revoke, view_id, HOSTMEM_RIGHT_OWNER),
};

static long hostmem_view_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return hostmem_ioctl(hostmem_view_ops, ARRAY_SIZE(hostmem_view_ops),
			     file->private_data, cmd, arg);
}

/* open(2) of a region's node: a data view. */
static int hostmem_node_open(struct inode *inode, struct file *file)
{
	struct hostmem_region *region = container_of(inode->i_cdev, struct hostmem_region,
						     cdev);
	struct hostmem_view *view;
	u32 rights = 0;
	int rc;

	if (file->f_mode & FMODE_READ)
		rights |= HOSTMEM_RIGHT_READ;
	if (file->f_mode & FMODE_WRITE)
		rights |= HOSTMEM_RIGHT_WRITE;
	view = hostmem_view_alloc(region, file->f_mode, rights);
	if (IS_ERR(view))
		return PTR_ERR(view);
	rc = hostmem_view_finalize(view);
	if (rc) {
		hostmem_view_abort(view);
		return rc;
	}
	file->private_data = view;
	return 0;
}

const struct file_operations hostmem_node_fops = {
	.owner = THIS_MODULE,
	.open = hostmem_node_open,
	.release = hostmem_view_release,
	.llseek = hostmem_view_llseek,
	.poll = hostmem_view_poll,
	.unlocked_ioctl = hostmem_view_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = hostmem_view_mmap,
	.get_unmapped_area = hostmem_view_get_unmapped_area,
	.fsync = hostmem_view_fsync,
	HOSTMEM_FOPS_MMAP_SYNC,
	.show_fdinfo = hostmem_view_show_fdinfo,
};

/**
 * hostmem_view_file - the file for an owner's fd
 * @view: from hostmem_view_alloc(); the file takes it over
 *
 * Return: the file, or an ERR_PTR(), and the view is still the caller's.
 */
struct file *hostmem_view_file(struct hostmem_view *view)
{
	return anon_inode_getfile("[hostmem]", &hostmem_node_fops, view, O_RDWR);
}

/* Set revoked and say which range that concerns. */
static int hostmem_view_mark_revoked(struct hostmem_region *region, u64 id, loff_t *start,
				     loff_t *length)
{
	struct hostmem_view *view;
	int rc = -ENOENT;

	spin_lock(&region->view_lock);
	list_for_each_entry(view, &region->views, node) {
		if (view->id != id || view->revoked)
			continue;
		WRITE_ONCE(view->revoked, true);
		*start = view->start;
		*length = view->length;
		rc = 0;
		break;
	}
	spin_unlock(&region->view_lock);
	return rc;
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
	loff_t start, length;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;
	if (cmd->view_id == ucmd->view->id)
		return -EINVAL;

	mutex_lock(&region->lock);
	rc = -ENODEV;
	if (region->dead || READ_ONCE(ucmd->view->revoked))
		goto out_unlock;
	rc = hostmem_view_mark_revoked(region, cmd->view_id, &start, &length);
	if (rc)
		goto out_unlock;
	hostmem_guard_wait(region);
#ifndef HOSTMEM_BREAK_GUARD_LOCK
	if (region->segment.ops->settle)
		region->segment.ops->settle(&region->segment, start, length);
#endif
	unmap_mapping_range(region->segment.file->f_mapping, start, length, 0);
	hostmem_region_bump(region);
	hostmem_event(region, HOSTMEM_NL_REVOKED, cmd->view_id, start, length);
out_unlock:
	mutex_unlock(&region->lock);
	return rc;
}
