// SPDX-License-Identifier: GPL-2.0
/*
 * Which device a file is on, whether what is on that device is memory, and how it is said that it
 * is not.
 */
#include <linux/blkdev.h>
#include <linux/cdev.h>
#include <linux/dax.h>
#include <linux/device.h>
#include <linux/file.h>
#include <linux/fileattr.h>
#include <linux/fs.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "hostmem_nd.h"

/* File systems of which we know that FIEMAP tells addresses on s_bdev, and that a pin holds. */
static const char *const hostmem_filesystems[] = { "ext4", "xfs" };

/* Exported, but declared in a header of dax's own. */
struct dax_device *inode_dax(struct inode *inode);

static const int hostmem_device_errors[] = {
	[HOSTMEM_EXTENTS_NOT_FILE] = -EINVAL,
	[HOSTMEM_EXTENTS_NOT_PMEM] = -ENXIO,
	[HOSTMEM_EXTENTS_NOT_DAX] = -EMEDIUMTYPE,
	[HOSTMEM_EXTENTS_HOLE] = -ENODATA,
	[HOSTMEM_EXTENTS_UNWRITTEN] = -ENODATA,
	[HOSTMEM_EXTENTS_DELALLOC] = -EAGAIN,
	[HOSTMEM_EXTENTS_INLINE] = -EILSEQ,
	[HOSTMEM_EXTENTS_ENCODED] = -EILSEQ,
	[HOSTMEM_EXTENTS_SHARED] = -EMLINK,
};

/**
 * hostmem_device_refuse - say why a file cannot be answered for
 * @cmd: out: out_reason, out_offset
 * @reason: HOSTMEM_EXTENTS_NOT_FILE to HOSTMEM_EXTENTS_SHARED
 * @offset: where in the file, in bytes
 *
 * Return: the errno that goes with the reason.
 */
int hostmem_device_refuse(struct hostmem_extents *cmd, u32 reason, u64 offset)
{
	cmd->out_reason = reason;
	cmd->out_offset = offset;
	return hostmem_device_errors[reason];
}

/* Of a block device itself or of the file system that a regular file belongs to, or NULL. */
static struct block_device *hostmem_device_block(const struct file *file)
{
	if (S_ISBLK(file_inode(file)->i_mode))
		return I_BDEV(file->f_mapping->host);
	return file_inode(file)->i_sb->s_bdev;
}

static int hostmem_device_match(struct device *dev, void *data)
{
	const struct file *file = data;
	const struct inode *inode = file_inode(file);
	struct block_device *bdev;
	struct cdev *cdev;

	if (!hostmem_namespace_is_child(dev))
		return 0;
	/* The node of a device that has gone may have the same number as that of a live one. */
	if (S_ISCHR(inode->i_mode)) {
		/* Is taken away from the inode, not from the open file, when the device goes. */
		cdev = READ_ONCE(inode->i_cdev);
		return cdev && cdev->kobj.parent == &dev->kobj;
	}
	bdev = hostmem_device_block(file);
	return bdev && disk_to_dev(bdev->bd_disk) == dev;
}

/**
 * hostmem_device_holds - whether a file is on a namespace
 * @dev: the device whose driver enables the namespace
 * @file: a regular file or a device
 *
 * A disk that has lost its namespace is no child of it any more, though it may be open. What is
 * stacked on a disk of a namespace is a disk of its own.
 *
 * Context: sleeps; @dev has its driver.
 * Return: true if it is, and directly.
 */
bool hostmem_device_holds(struct device *dev, struct file *file)
{
	struct device *child = device_find_child(dev, file, hostmem_device_match);

	put_device(child);
	return child;
}

/**
 * hostmem_device_place - where in physical memory the device is that a file is on
 * @pmem: the namespace for which hostmem_device_holds() is true
 * @lease: in: file; out: spa, length
 * @cmd: out: the reason, if the file is refused
 *
 * Return: 0; -EMEDIUMTYPE: refused; -EIO: the device is larger than the namespace's data.
 */
int hostmem_device_place(const struct hostmem_pmem *pmem, struct hostmem_lease *lease,
			 struct hostmem_extents *cmd)
{
	struct block_device *bdev;
	u64 start = 0;

	if (pmem->mode == HOSTMEM_PMEM_SECTOR)
		return hostmem_device_refuse(cmd, HOSTMEM_EXTENTS_NOT_DAX, 0);
	lease->length = pmem->data_size;
	if (!S_ISCHR(file_inode(lease->file)->i_mode)) {
		bdev = hostmem_device_block(lease->file);
		start = (u64)get_start_sect(bdev) << SECTOR_SHIFT;
		lease->length = bdev_nr_bytes(bdev);
	}
	if (start > pmem->data_size || lease->length > pmem->data_size - start)
		return -EIO;
	lease->spa = pmem->spa + pmem->data_offset + start;
	return 0;
}

/**
 * hostmem_device_check - whether a regular file is accessed in place, and on s_bdev
 * @file: of a file system on a namespace
 * @cmd: out: the reason, if the file is refused
 *
 * Return: 0; -EMEDIUMTYPE or -ENXIO: refused; or an error of the file system.
 */
int hostmem_device_check(struct file *file, struct hostmem_extents *cmd)
{
	struct inode *inode = file_inode(file);
	struct fileattr attr = {};
	int rc;

	if (!IS_DAX(inode) || !inode->i_op->fiemap ||
	    match_string(hostmem_filesystems, ARRAY_SIZE(hostmem_filesystems),
			 inode->i_sb->s_type->name) < 0)
		return hostmem_device_refuse(cmd, HOSTMEM_EXTENTS_NOT_DAX, 0);
	rc = vfs_fileattr_get(file->f_path.dentry, &attr);
	if (rc)
		return rc;
	/* On a second device of xfs, which FIEMAP does not tell apart. */
	if (attr.fsx_xflags & FS_XFLAG_REALTIME)
		return hostmem_device_refuse(cmd, HOSTMEM_EXTENTS_NOT_PMEM, 0);
	return 0;
}

static bool hostmem_device_is_dead(struct inode *inode)
{
	bool alive;
	int idx;

	/* dax_open() marks the inodes of its nodes; those of reserves are no device's. */
	if (!S_ISCHR(inode->i_mode) || !IS_DAX(inode) || !inode->i_cdev)
		return false;
	idx = dax_read_lock();
	alive = dax_alive(inode_dax(inode));
	dax_read_unlock(idx);
	return !alive;
}

/**
 * hostmem_device_put - let go of a file whose device may be gone
 * @file: which is open
 *
 * dax_open() gives the inode of a node the mapping of the device, and nobody takes it back. When
 * the device is gone the last file frees it, and then the inode, whose eviction looks
 * at that mapping. Where that file may be ours, we take it back; nobody can open a device that
 * is gone, and who has it open uses the file's mapping, not the inode's.
 *
 * Context: sleeps.
 */
void hostmem_device_put(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (hostmem_device_is_dead(inode))
		WRITE_ONCE(inode->i_mapping, &inode->i_data);
	fput(file);
}
