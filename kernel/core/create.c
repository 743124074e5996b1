// SPDX-License-Identifier: GPL-2.0
/*
 * What is asked of the control node: regions, and owners' files of them.
 */
#include <linux/file.h>

#include "hostmem_private.h"

/*
 * The file of hostmemfs that user space named, for fput(). Opened with O_PATH it will do if
 * @writable is not asked for.
 */
static struct file *hostmem_create_file(int fd, bool writable)
{
	struct file *file = writable ? fget(fd) : fget_raw(fd);
	int rc = 0;

	if (!file)
		return ERR_PTR(-EBADF);
	if (!hostmem_fs_inode(file))
		rc = -EINVAL;
	else if (writable && !(file->f_mode & FMODE_WRITE))
		rc = -EPERM;
	if (!rc)
		return file;
	fput(file);
	return ERR_PTR(rc);
}

static int hostmem_create_publish(struct hostmem_view *view, struct inode *inode)
{
	struct hostmem_region *region = view->region;

	return inode ? hostmem_fs_publish(inode, region, view->id) :
		       hostmem_region_publish(region, view->id);
}

static int hostmem_create(struct hostmem_ucmd *ucmd, struct inode *inode)
{
	struct hostmem_region_create *cmd = ucmd->cmd;
	struct hostmem_region *region;
	struct file *owner;
	int rc;

	region = hostmem_region_alloc(cmd);
	if (IS_ERR(region))
		return PTR_ERR(region);
	cmd->out_id = region->id;
	owner = hostmem_fd_owner(region);
	/* From here on its files have it. */
	hostmem_region_put(region);
	if (IS_ERR(owner))
		return PTR_ERR(owner);
	rc = hostmem_fd_give(ucmd, owner, &cmd->out_fd, hostmem_create_publish, inode);
	if (rc)
		fput(owner);
	return rc;
}

/**
 * hostmem_region_create - HOSTMEM_REGION_CREATE
 * @ucmd: the ioctl, on the control node
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_region_create(struct hostmem_ucmd *ucmd)
{
	struct hostmem_region_create *cmd = ucmd->cmd;
	struct file *file;
	int rc;

	if (cmd->file_fd == -1)
		return hostmem_create(ucmd, NULL);
	file = hostmem_create_file(cmd->file_fd, true);
	if (IS_ERR(file))
		return PTR_ERR(file);
	/* A last look is when it is published. */
	if (hostmem_inode_region(file_inode(file)))
		rc = -EEXIST;
	else
		rc = hostmem_create(ucmd, file_inode(file));
	fput(file);
	return rc;
}

/**
 * hostmem_region_open - HOSTMEM_REGION_OPEN
 * @ucmd: the ioctl, on the control node
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_region_open(struct hostmem_ucmd *ucmd)
{
	struct hostmem_region_open *cmd = ucmd->cmd;
	struct hostmem_region *region;
	struct file *file, *owner;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;
	file = hostmem_create_file(cmd->file_fd, false);
	if (IS_ERR(file))
		return PTR_ERR(file);
	/* Kept by the file, and then by the view. */
	region = hostmem_inode_region(file_inode(file));
	owner = region ? hostmem_fd_owner(region) : ERR_PTR(-ENODATA);
	fput(file);
	if (IS_ERR(owner))
		return PTR_ERR(owner);
	rc = hostmem_fd_give(ucmd, owner, &cmd->out_fd, NULL, NULL);
	if (rc)
		fput(owner);
	return rc;
}
