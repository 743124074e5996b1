// SPDX-License-Identifier: GPL-2.0
/*
 * What user space holds: the files of views, and the calls on them.
 *
 * A file is one of hostmemfs when that was opened by path. The others, owners' and derived ones,
 * have an inode of their own that nobody can open again, through /proc or else: a
 * regular file as long as the view, so that fstat() and lseek() tell its length.
 *
 * A file of hostmemfs may be empty when it is opened. Its view is then made by the first call
 * that needs it, when the file has become a region.
 */
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/poll.h>
#include <linux/pseudo_fs.h>
#include <linux/seq_file.h>

#include "hostmem_private.h"

static struct vfsmount *hostmem_fd_mnt;

static int hostmem_fd_release(struct inode *inode, struct file *file)
{
	struct hostmem_view *view = file->private_data;

	if (view)
		fput(view->inner);
	return 0;
}

/* A data view for a file that has none, unless somebody else is faster. */
static struct hostmem_view *hostmem_fd_make_view(struct file *file)
{
	struct hostmem_region *region = hostmem_inode_region(file_inode(file));
	struct hostmem_view *view, *other;
	u32 rights = 0;
	int rc;

	if (!region)
		return ERR_PTR(-ENODATA);
	if (file->f_mode & FMODE_READ)
		rights |= HOSTMEM_RIGHT_READ;
	if (file->f_mode & FMODE_WRITE)
		rights |= HOSTMEM_RIGHT_WRITE;
	view = hostmem_view_alloc(region, NULL, file, rights);
	if (IS_ERR(view))
		return view;
	rc = hostmem_view_finalize(view);
	if (rc) {
		hostmem_view_abort(view);
		return ERR_PTR(rc);
	}
	other = cmpxchg(&file->private_data, NULL, view);
	if (!other)
		return view;
	hostmem_view_abort(view);
	return other;
}

/* The view of a file, if it has one already. */
static struct hostmem_view *hostmem_fd_has_view(const struct file *file)
{
	/* Pairs with the cmpxchg() of who has made all of it. */
	return smp_load_acquire(&file->private_data);
}

/* The view of a file; ERR_PTR(-ENODATA): it is empty. */
static struct hostmem_view *hostmem_fd_view(struct file *file)
{
	return hostmem_fd_has_view(file) ?: hostmem_fd_make_view(file);
}

static int hostmem_fd_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct hostmem_view *view = hostmem_fd_view(file);

	if (IS_ERR(view))
		return PTR_ERR(view);
	/* What user space calls offset 0 is the view's first byte. */
	if (vma->vm_pgoff + vma_pages(vma) > view->length >> PAGE_SHIFT)
		return -EINVAL;
	vma->vm_pgoff += view->start >> PAGE_SHIFT;
	return hostmem_guard_mmap(view, vma);
}

static unsigned long hostmem_fd_get_unmapped_area(struct file *file, unsigned long addr,
						  unsigned long len, unsigned long pgoff,
						  unsigned long flags)
{
	struct hostmem_view *view = hostmem_fd_view(file);

	if (IS_ERR(view))
		return PTR_ERR(view);
	return hostmem_view_area(view, addr, len, pgoff + (view->start >> PAGE_SHIFT), flags);
}

static int hostmem_fd_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct hostmem_view *view = hostmem_fd_view(file);

	if (IS_ERR(view))
		return view == ERR_PTR(-ENODATA) ? 0 : PTR_ERR(view);
	if (start >= view->length)
		return 0;
	end = min(end, view->length - 1);
	return hostmem_view_sync(view, view->start + start, view->start + end, datasync);
}

/* Nothing is behind the end that could be freed. */
static long hostmem_fd_punch(struct hostmem_view *view, loff_t offset, loff_t length)
{
	if (offset >= view->length)
		return 0;
	return hostmem_view_punch(view, view->start + offset, min(length, view->length - offset));
}

/* Whole pages are allocated, and nothing can be behind the end. */
static long hostmem_fd_allocate(struct hostmem_view *view, loff_t offset, loff_t length)
{
	loff_t start = round_down(offset, PAGE_SIZE);
	int rc;

	if (offset > view->length || length > view->length - offset)
		return -EFBIG;
	rc = hostmem_preallocate(view, start, round_up(offset + length, PAGE_SIZE) - start, NULL);
	/* As for write(): this is about a file, which is there. */
	return rc == -ENOENT ? -ENXIO : rc;
}

static long hostmem_fd_fallocate(struct file *file, int mode, loff_t offset, loff_t length)
{
	struct hostmem_view *view = hostmem_fd_view(file);

	if (IS_ERR(view))
		return PTR_ERR(view);
	if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return hostmem_fd_punch(view, offset, length);
	if (!mode || mode == FALLOC_FL_KEEP_SIZE)
		return hostmem_fd_allocate(view, offset, length);
	return -EOPNOTSUPP;
}

static ssize_t hostmem_fd_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct hostmem_view *view = hostmem_fd_view(iocb->ki_filp);
	ssize_t n;

	if (IS_ERR(view))
		return view == ERR_PTR(-ENODATA) ? 0 : PTR_ERR(view);
	n = hostmem_view_read(view, iocb->ki_pos, to);
	if (n > 0)
		iocb->ki_pos += n;
	file_accessed(iocb->ki_filp);
	return n;
}

static ssize_t hostmem_fd_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct hostmem_view *view = hostmem_fd_view(iocb->ki_filp);
	ssize_t n;

	if (IS_ERR(view))
		return PTR_ERR(view);
	n = generic_write_checks(iocb, from);
	if (n <= 0)
		return n;
	n = file_update_time(iocb->ki_filp);
	if (!n)
		n = hostmem_view_write(view, iocb->ki_pos, from);
	if (n > 0)
		iocb->ki_pos += n;
	return n;
}

static loff_t hostmem_fd_llseek(struct file *file, loff_t offset, int whence)
{
	struct hostmem_view *view = hostmem_fd_view(file);
	loff_t size;

	if (IS_ERR(view) && view != ERR_PTR(-ENODATA))
		return PTR_ERR(view);
	size = IS_ERR(view) ? 0 : view->length;
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_file_llseek_size(file, offset, whence, MAX_LFS_FILESIZE, size);
	offset = size ? hostmem_view_seek(view, offset, whence) : -ENXIO;
	return offset < 0 ? offset : vfs_setpos(file, offset, MAX_LFS_FILESIZE);
}

static __poll_t hostmem_fd_poll(struct file *file, poll_table *wait)
{
	struct hostmem_view *view = hostmem_fd_view(file);
	struct hostmem_region *region;

	if (IS_ERR(view))
		return EPOLLHUP | EPOLLERR;
	region = view->region;
	poll_wait(file, &region->wait, wait);
	if (hostmem_view_dead(view))
		return EPOLLHUP | EPOLLERR;
	if (atomic64_read(&region->generation) != READ_ONCE(view->seen))
		return EPOLLIN | EPOLLRDNORM;
	return 0;
}

static void hostmem_fd_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct hostmem_view *view = hostmem_fd_has_view(file);

	if (!view)
		return;
	seq_printf(m, "hostmem-region:\t%llu\nhostmem-view:\t%llu\nhostmem-rights:\t%#x\n",
		   view->region->id, view->id, view->rights);
}

/* Makes a file with the operations that end in this table. */
static int hostmem_view_derive(struct hostmem_ucmd *ucmd);

static const struct hostmem_ioctl_op hostmem_fd_ops[] = {
	IOCTL_OP(HOSTMEM_REGION_DESTROY, hostmem_region_destroy,
		 struct hostmem_region_destroy, out_pinned, HOSTMEM_RIGHT_OWNER),
	IOCTL_OP(HOSTMEM_REGION_INFO, hostmem_region_info,
		 struct hostmem_region_info, out_mappings, 0),
	IOCTL_OP(HOSTMEM_REGION_PLUG, hostmem_region_plug,
		 struct hostmem_region_plug, progress, HOSTMEM_RIGHT_OWNER),
	IOCTL_OP(HOSTMEM_REGION_UNPLUG, hostmem_region_unplug,
		 struct hostmem_region_unplug, out_pinned, HOSTMEM_RIGHT_OWNER),
	IOCTL_OP(HOSTMEM_REGION_PREALLOCATE, hostmem_region_preallocate,
		 struct hostmem_region_preallocate, progress, HOSTMEM_RIGHT_WRITE),
	IOCTL_OP(HOSTMEM_REGION_BLOCKS, hostmem_region_blocks,
		 struct hostmem_region_blocks, out_generation, 0),
	IOCTL_OP(HOSTMEM_REGION_SLOTS, hostmem_region_slots,
		 struct hostmem_region_slots, out_generation, 0),
	IOCTL_OP(HOSTMEM_VIEW_REVOKE, hostmem_view_revoke,
		 struct hostmem_view_revoke, out_pinned, HOSTMEM_RIGHT_OWNER),
	IOCTL_OP(HOSTMEM_VIEW_DERIVE, hostmem_view_derive,
		 struct hostmem_view_derive, out_fd, HOSTMEM_RIGHT_OWNER | HOSTMEM_RIGHT_DERIVE),
};

static long hostmem_fd_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct hostmem_view *view = hostmem_fd_view(file);

	if (IS_ERR(view))
		return PTR_ERR(view);
	return hostmem_ioctl(hostmem_fd_ops, ARRAY_SIZE(hostmem_fd_ops), view, view->rights,
			     cmd, arg);
}

/* open(2) by path: a data view, at once unless the file is empty. */
static int hostmem_file_open(struct inode *inode, struct file *file)
{
	struct hostmem_view *view = hostmem_fd_view(file);

	return view == ERR_PTR(-ENODATA) ? 0 : PTR_ERR_OR_ZERO(view);
}

#define HOSTMEM_FD_FOPS							\
	.owner = THIS_MODULE,						\
	.release = hostmem_fd_release,					\
	.llseek = hostmem_fd_llseek,					\
	.read_iter = hostmem_fd_read_iter,				\
	.write_iter = hostmem_fd_write_iter,				\
	.splice_read = copy_splice_read,				\
	.splice_write = iter_file_splice_write,				\
	.poll = hostmem_fd_poll,					\
	.unlocked_ioctl = hostmem_fd_ioctl,				\
	.compat_ioctl = compat_ptr_ioctl,				\
	.mmap = hostmem_fd_mmap,					\
	.get_unmapped_area = hostmem_fd_get_unmapped_area,		\
	.fsync = hostmem_fd_fsync,					\
	.fallocate = hostmem_fd_fallocate,				\
	.show_fdinfo = hostmem_fd_show_fdinfo,				\
	HOSTMEM_FOPS_MMAP_SYNC

const struct file_operations hostmem_file_fops = {
	.open = hostmem_file_open,
	HOSTMEM_FD_FOPS,
};

static const struct file_operations hostmem_fd_fops = {
	HOSTMEM_FD_FOPS,
};

/* Its length is the view's, and its other attributes say nothing. */
static int hostmem_fd_setattr(hostmem_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	if (!(attr->ia_valid & ATTR_SIZE))
		return -EINVAL;
	return attr->ia_size == i_size_read(d_inode(dentry)) ? 0 : -EPERM;
}

static const struct inode_operations hostmem_fd_iops = {
	.setattr = hostmem_fd_setattr,
};

/* The file for a view that takes it over, or an ERR_PTR, and the view is still the caller's. */
static struct file *hostmem_fd_file(struct hostmem_view *view)
{
	struct inode *inode = alloc_anon_inode(hostmem_fd_mnt->mnt_sb);
	int flags = view->rights & HOSTMEM_RIGHT_WRITE ? O_RDWR : O_RDONLY;
	struct file *file;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_mode |= S_IFREG;
	inode->i_op = &hostmem_fd_iops;
	inode->i_size = view->length;
	/* The last fput() puts the operations. */
	__module_get(THIS_MODULE);
	file = alloc_file_pseudo(inode, hostmem_fd_mnt, "[hostmem]", flags | O_LARGEFILE,
				 &hostmem_fd_fops);
	if (IS_ERR(file)) {
		iput(inode);
		module_put(THIS_MODULE);
		return file;
	}
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	file->private_data = view;
	return file;
}

/**
 * hostmem_fd_owner - a view that covers all of a region and may do everything, and its file
 * @region: kept by the caller
 *
 * Return: the file, for fput(), whose view is not entered in the region yet; or an ERR_PTR.
 */
struct file *hostmem_fd_owner(struct hostmem_region *region)
{
	struct hostmem_view *view;
	struct file *file;

	view = hostmem_view_alloc(region, NULL, NULL, HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE |
				  HOSTMEM_RIGHT_OWNER);
	if (IS_ERR(view))
		return ERR_CAST(view);
	file = hostmem_fd_file(view);
	if (IS_ERR(file))
		hostmem_view_abort(view);
	return file;
}

/**
 * hostmem_fd_give - let the caller of an ioctl have the file of a view that nobody sees yet
 * @ucmd: the ioctl
 * @file: of the view
 * @out_fd: where in the ioctl's answer its fd belongs
 * @publish: enters what has come with the view, when that is entered itself, or NULL; what is
 *	likely to fail has been done before, and nothing can fail afterwards
 * @inode: for @publish
 *
 * Return: 0; -EMFILE, -EFAULT, or what @publish returns, and the file is still the caller's.
 */
int hostmem_fd_give(struct hostmem_ucmd *ucmd, struct file *file, s32 *out_fd,
		    int (*publish)(struct hostmem_view *view, struct inode *inode),
		    struct inode *inode)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	int rc;

	if (fd < 0)
		return fd;
	*out_fd = fd;
	rc = hostmem_ucmd_respond(ucmd);
	if (rc)
		goto err_fd;
	rc = hostmem_view_finalize(file->private_data);
	if (!rc && publish)
		rc = publish(file->private_data, inode);
	if (rc)
		goto err_answer;
	fd_install(fd, file);
	return 0;

err_answer:
	*out_fd = -1;
	hostmem_ucmd_respond(ucmd);
err_fd:
	put_unused_fd(fd);
	return rc;
}

static int hostmem_derive_check(const struct hostmem_view *parent,
				const struct hostmem_view_derive *cmd)
{
	const u32 known = HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE | HOSTMEM_RIGHT_DERIVE;
	u32 have = parent->rights;

	if (cmd->flags & ~HOSTMEM_DERIVE_OUTLIVE || cmd->rights & ~(known | HOSTMEM_RIGHT_OWNER))
		return -EOPNOTSUPP;
	if (have & HOSTMEM_RIGHT_OWNER)
		have |= HOSTMEM_RIGHT_DERIVE;
	if (cmd->rights & ~(have & known))
		return -EPERM;
	if (!(cmd->rights & HOSTMEM_RIGHT_READ))
		return -EINVAL;
	return hostmem_range_check(cmd->start, cmd->length, hostmem_block_size(parent->region),
				   parent->length);
}

/* HOSTMEM_VIEW_DERIVE */
static int hostmem_view_derive(struct hostmem_ucmd *ucmd)
{
	struct hostmem_view_derive *cmd = ucmd->cmd;
	struct hostmem_view *parent = ucmd->view;
	struct hostmem_view *view;
	struct file *file;
	int rc;

	rc = hostmem_derive_check(parent, cmd);
	if (rc)
		return rc;
	view = hostmem_view_alloc(parent->region, parent, NULL, cmd->rights);
	if (IS_ERR(view))
		return PTR_ERR(view);
	view->start += cmd->start;
	view->length = cmd->length;
	view->outlive = cmd->flags & HOSTMEM_DERIVE_OUTLIVE;
	file = hostmem_fd_file(view);
	if (IS_ERR(file)) {
		hostmem_view_abort(view);
		return PTR_ERR(file);
	}
	rc = hostmem_fd_give(ucmd, file, &cmd->out_fd, NULL, NULL);
	if (rc)
		fput(file);
	return rc;
}

static int hostmem_fd_init_fs(struct fs_context *fc)
{
	if (!init_pseudo(fc, ANON_INODE_FS_MAGIC))
		return -ENOMEM;
	fc->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	return 0;
}

/* Without an owner: the mount lasts as long as the module, and must not keep it. */
static struct file_system_type hostmem_fd_fs = {
	.name = "hostmem_view",
	.init_fs_context = hostmem_fd_init_fs,
	.kill_sb = kill_anon_super,
};

int __init hostmem_fd_init(void)
{
	hostmem_fd_mnt = kern_mount(&hostmem_fd_fs);
	return PTR_ERR_OR_ZERO(hostmem_fd_mnt);
}

void hostmem_fd_exit(void)
{
	kern_unmount(hostmem_fd_mnt);
}
