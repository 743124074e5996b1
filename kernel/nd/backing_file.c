// SPDX-License-Identifier: GPL-2.0
/*
 * File backing: a DAX file or /dev/daxX.Y as a region's memory, leased for the region's life.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "hostmem_nd.h"

/* Bytes of a path that is told, with its NUL. */
#define HOSTMEM_FILE_PATH_MAX 1024

struct hostmem_file {
	struct hostmem_client client;
	struct file *leased;
};

static struct hostmem_file *hostmem_file_of(struct hostmem_segment *segment)
{
	return container_of(hostmem_client_of(segment), struct hostmem_file, client);
}

static int hostmem_file_check(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	if (!S_ISREG(inode->i_mode) && !S_ISCHR(inode->i_mode))
		return -EINVAL;
	if ((file->f_mode & (FMODE_READ | FMODE_WRITE)) != (FMODE_READ | FMODE_WRITE))
		return -EBADF;
	/* As for a lease of fcntl(): it keeps others from changing their file. */
	if (!uid_eq(current_fsuid(), inode->i_uid) && !capable(CAP_LEASE))
		return -EPERM;
	return 0;
}

/* Of what fits into a netlink message. */
static char *hostmem_file_source(struct file *file)
{
	char *buffer = kmalloc(HOSTMEM_FILE_PATH_MAX, GFP_KERNEL);
	char *path, *source;

	if (!buffer)
		return NULL;
	path = file_path(file, buffer, HOSTMEM_FILE_PATH_MAX);
	source = kasprintf(GFP_KERNEL, "file:%s", IS_ERR(path) ? "..." : path);
	kfree(buffer);
	return source;
}

/* Open the file once more, for nobody but the region. */
static int hostmem_file_own(struct hostmem_segment *segment, struct file *file)
{
	segment->source = hostmem_file_source(file);
	if (!segment->source)
		return -ENOMEM;
	segment->file = dentry_open(&file->f_path, O_RDWR | O_LARGEFILE, current_cred());
	if (!IS_ERR(segment->file))
		return 0;
	kfree(segment->source);
	return PTR_ERR(segment->file);
}

static int hostmem_file_lease(struct hostmem_file *backing, struct file *file, u64 size)
{
	struct hostmem_extents extents = { .flags = HOSTMEM_EXTENTS_LEASE, .count = U32_MAX };
	struct hostmem_layout *layout;
	struct hostmem_lease *lease;
	struct file *leased;
	int rc;

	leased = hostmem_lease_take(file, &extents);
	if (IS_ERR(leased))
		return PTR_ERR(leased);
	lease = hostmem_lease_of(leased);
	layout = hostmem_layout_read(lease, &extents, true);
	if (IS_ERR(layout)) {
		rc = PTR_ERR(layout);
		goto err_lease;
	}
	rc = -ENOSPC;
	if (hostmem_layout_size(layout) < size)
		goto err_layout;
	rc = hostmem_file_own(backing->client.segment, file);
	if (rc)
		goto err_layout;
	backing->client.layout = layout;
	backing->client.size = size;
	backing->leased = leased;
	/* Last: from then on the namespace, when it goes, ends the segment. */
	rc = hostmem_client_join(&backing->client, lease->pmem_id);
	if (rc)
		goto err_file;
	return 0;

err_file:
	kfree(backing->client.segment->source);
	fput(backing->client.segment->file);
err_layout:
	hostmem_layout_free(layout);
err_lease:
	fput(leased);
	return rc;
}

static int hostmem_file_open(struct hostmem_segment *segment,
			     const struct hostmem_region_create *cmd)
{
	struct hostmem_file *backing;
	struct file *file;
	int rc;

	if (cmd->huge != HOSTMEM_HUGE_ALWAYS || cmd->backing_pmem)
		return -EOPNOTSUPP;
	file = fget(cmd->backing_fd);
	if (!file)
		return -EBADF;
	rc = hostmem_file_check(file);
	if (rc)
		goto out_file;
	backing = kzalloc(sizeof(*backing), GFP_KERNEL_ACCOUNT);
	rc = -ENOMEM;
	if (!backing)
		goto out_file;
	backing->client.segment = segment;
	segment->private = &backing->client;
	rc = hostmem_file_lease(backing, file, cmd->region_size);
	if (rc)
		kfree(backing);
out_file:
	fput(file);
	return rc;
}

static void hostmem_file_end(struct hostmem_segment *segment)
{
	struct hostmem_file *backing = hostmem_file_of(segment);

	hostmem_client_leave(&backing->client);
	fput(backing->leased);
}

static void hostmem_file_close(struct hostmem_segment *segment)
{
	struct hostmem_file *backing = hostmem_file_of(segment);

	hostmem_device_put(segment->file);
	hostmem_layout_free(backing->client.layout);
	kfree(backing);
}

/* A file system knows what has never been written to: its bytes are somebody else's old ones. */
static ssize_t hostmem_file_read(struct hostmem_segment *segment, loff_t pos, struct iov_iter *to)
{
	struct kiocb kiocb;

	if (!S_ISREG(file_inode(segment->file)->i_mode))
		return hostmem_client_read(segment, pos, to);
	init_sync_kiocb(&kiocb, segment->file);
	kiocb.ki_pos = pos;
	return segment->file->f_op->read_iter(&kiocb, to);
}

/* As long as a file is leased its file system refuses write(): it takes a mapping. */
static ssize_t hostmem_file_write(struct hostmem_segment *segment, loff_t pos,
				  struct iov_iter *from)
{
	if (S_ISREG(file_inode(segment->file)->i_mode))
		return -EOPNOTSUPP;
	return hostmem_client_write(segment, pos, from);
}

const struct hostmem_backing_ops hostmem_file_ops = {
	.owner = THIS_MODULE,
	.open = hostmem_file_open,
	.end = hostmem_file_end,
	.close = hostmem_file_close,
	.inspect = hostmem_client_inspect,
	.read = hostmem_file_read,
	.write = hostmem_file_write,
	.pinned = hostmem_client_pinned,
};
