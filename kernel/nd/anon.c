// SPDX-License-Identifier: GPL-2.0
/*
 * Files with an inode of their own that are in no directory.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "hostmem_nd.h"

static struct vfsmount *hostmem_anon_mnt;

static int hostmem_anon_init_fs(struct fs_context *fc)
{
	return init_pseudo(fc, ANON_INODE_FS_MAGIC) ? 0 : -ENOMEM;
}

/* Without an owner: the mount lasts as long as the module, and must not keep it. */
static struct file_system_type hostmem_anon_fs = {
	.name = "hostmem_nd",
	.init_fs_context = hostmem_anon_init_fs,
	.kill_sb = kill_anon_super,
};

/**
 * hostmem_anon_inode - an inode for one file
 *
 * Return: the inode, for hostmem_anon_file(), or an ERR_PTR.
 */
struct inode *hostmem_anon_inode(void)
{
	return alloc_anon_inode(hostmem_anon_mnt->mnt_sb);
}

/**
 * hostmem_anon_file - the file of an inode
 * @inode: of hostmem_anon_inode(); is taken over
 * @name: what /proc shows
 * @flags: of open(2)
 * @fops: whose owner is this module, which the file keeps loaded
 * @private: for @fops
 *
 * Return: the file, or an ERR_PTR.
 */
struct file *hostmem_anon_file(struct inode *inode, const char *name, int flags,
			       const struct file_operations *fops, void *private)
{
	struct file *file;

	/* The last fput() puts the operations. */
	__module_get(THIS_MODULE);
	file = alloc_file_pseudo(inode, hostmem_anon_mnt, name, flags, fops);
	if (IS_ERR(file)) {
		iput(inode);
		module_put(THIS_MODULE);
		return file;
	}
	file->private_data = private;
	return file;
}

/**
 * hostmem_anon_init - prepare for such files
 *
 * Return: 0 or -ENOMEM.
 */
int hostmem_anon_init(void)
{
	hostmem_anon_mnt = kern_mount(&hostmem_anon_fs);
	return PTR_ERR_OR_ZERO(hostmem_anon_mnt);
}

/**
 * hostmem_anon_exit - undo hostmem_anon_init()
 */
void hostmem_anon_exit(void)
{
	kern_unmount(hostmem_anon_mnt);
}
