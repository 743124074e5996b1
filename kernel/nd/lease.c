// SPDX-License-Identifier: GPL-2.0
/*
 * Leases: a file that user space holds as long as extents that it was told shall be true.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "hostmem_nd.h"

/* Give back all that a lease holds. */
static void hostmem_lease_end(struct hostmem_lease *lease)
{
	hostmem_nd_detach(lease);
	if (lease->pinned)
		hostmem_unpin(file_inode(lease->file));
	hostmem_device_put(lease->file);
	kfree(lease);
}

static int hostmem_lease_release(struct inode *inode, struct file *file)
{
	hostmem_lease_end(file->private_data);
	return 0;
}

static __poll_t hostmem_lease_poll(struct file *file, poll_table *wait)
{
	struct hostmem_lease *lease = file->private_data;

	poll_wait(file, &lease->wait, wait);
	return READ_ONCE(lease->revoked) ? EPOLLHUP | EPOLLERR : 0;
}

/* The owner: a lease keeps the module loaded. */
static const struct file_operations hostmem_lease_fops = {
	.owner = THIS_MODULE,
	.release = hostmem_lease_release,
	.poll = hostmem_lease_poll,
};

static int hostmem_lease_pin(struct hostmem_lease *lease, struct hostmem_extents *cmd)
{
	struct inode *inode = file_inode(lease->file);
	int rc;

	rc = hostmem_device_check(lease->file, cmd);
	if (!rc)
		rc = hostmem_pin(inode);
	if (rc)
		return rc;
	lease->pinned = true;
	/* What ends with the call is too short to hold anybody back for. */
	return cmd->flags & HOSTMEM_EXTENTS_LEASE ? hostmem_pin_settle(inode) : 0;
}

/**
 * hostmem_lease_take - begin a lease
 * @file: what it is of; the lease takes a reference
 * @cmd: in: flags; out: the reason, if the file is refused
 *
 * Context: sleeps.
 * Return: the file that is the lease, which ends with its last reference, or an ERR_PTR.
 */
struct file *hostmem_lease_take(struct file *file, struct hostmem_extents *cmd)
{
	umode_t mode = file_inode(file)->i_mode;
	struct hostmem_lease *lease;
	struct file *leased;
	int rc;

	if (!S_ISREG(mode) && !S_ISBLK(mode) && !S_ISCHR(mode))
		return ERR_PTR(hostmem_extents_refuse(cmd, HOSTMEM_EXTENTS_NOT_FILE, 0));
	lease = kzalloc(sizeof(*lease), GFP_KERNEL_ACCOUNT);
	if (!lease)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&lease->node);
	init_waitqueue_head(&lease->wait);
	lease->file = get_file(file);
	leased = anon_inode_getfile("[hostmem-lease]", &hostmem_lease_fops, lease, O_RDWR);
	if (IS_ERR(leased)) {
		hostmem_lease_end(lease);
		return leased;
	}
	rc = hostmem_nd_attach(lease, cmd);
	if (!rc && S_ISREG(mode))
		rc = hostmem_lease_pin(lease, cmd);
	if (rc) {
		fput(leased);
		return ERR_PTR(rc);
	}
	return leased;
}

/**
 * hostmem_lease_of - the lease that a file stands for
 * @file: any file
 *
 * Return: the lease, which the file keeps, or NULL.
 */
struct hostmem_lease *hostmem_lease_of(const struct file *file)
{
	return file->f_op == &hostmem_lease_fops ? file->private_data : NULL;
}

/**
 * hostmem_lease_revoke - tell the holder that the device goes away
 * @lease: of a namespace that is being dropped
 *
 * The file and its pin stay until the holder closes the lease: whoever takes the device away
 * must not wait here for whoever has the inode's lock.
 *
 * Context: under hostmem_nd_lock, which keeps the lease.
 */
void hostmem_lease_revoke(struct hostmem_lease *lease)
{
	list_del_init(&lease->node);
	WRITE_ONCE(lease->revoked, true);
	wake_up_all(&lease->wait);
}
