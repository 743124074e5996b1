// SPDX-License-Identifier: GPL-2.0
/*
 * Leases: a file that user space holds as long as extents that it was told shall be true.
 *
 * A regular file is pinned for that: its bytes stay where they are on its device. The kernel knows
 * one kind of file that must not move: that to which it swaps. S_SWAPFILE makes the VFS and the
 * file systems refuse all that changes where the bytes of a file are, and all that would free them.
 * We set the flag without swapping. A file that really is swapped to is refused, and while ours is
 * set swapon() refuses the file.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "hostmem_nd.h"

/* How often to wait for those who wait for the inode's lock. */
#define HOSTMEM_SETTLE_ROUNDS 10
/* How often fallocate() takes that lock: ext4's in 6.1 lets go of it and takes it again. */
#define HOSTMEM_SETTLE_LOCKS 2

/* Inode -> how many pins it has. An entry changes under the inode's lock only. */
static DEFINE_XARRAY(hostmem_pins);

static unsigned long hostmem_pins_of(const struct inode *inode)
{
	return xa_to_value(xa_load(&hostmem_pins, (unsigned long)inode));
}

/* Keep the bytes of a file where they are. -ETXTBSY: it is a swap file; -EINTR: killed. */
static int hostmem_pin(struct inode *inode)
{
	unsigned long pins;
	int rc;

	if (down_write_killable(&inode->i_rwsem))
		return -EINTR;
	pins = hostmem_pins_of(inode);
	if (!pins && IS_SWAPFILE(inode)) {
		rc = -ETXTBSY;
	} else {
		rc = xa_err(xa_store(&hostmem_pins, (unsigned long)inode,
				     xa_mk_value(pins + 1), GFP_KERNEL));
		if (!rc)
			inode_set_flags(inode, S_SWAPFILE, S_SWAPFILE);
	}
	inode_unlock(inode);
	return rc;
}

/*
 * Let those through who wait for the inode's lock. It goes to who has waited for some
 * milliseconds, so that a few rounds are enough, although newcomers may wait all the time.
 */
static int hostmem_pin_pass(struct inode *inode)
{
	bool waiting = true;
	int round;

	for (round = 0; waiting && round < HOSTMEM_SETTLE_ROUNDS; round++) {
		if (down_write_killable(&inode->i_rwsem))
			return -EINTR;
		waiting = rwsem_is_contended(&inode->i_rwsem);
		inode_unlock(inode);
		if (waiting)
			schedule_timeout_killable(msecs_to_jiffies(10));
	}
	return 0;
}

/*
 * Wait for those who have not seen a pin.
 *
 * fallocate() looks at the flag before it waits for a frozen file system, and only then takes the
 * inode's lock. Whoever looked before the flag was set may be on the way to the lock. While
 * the file system is frozen we queue behind them. Then, when every task has slept or been in
 * user mode once, they have come as far as waiting for the lock, and get it before us.
 *
 * That is so if nothing else makes them sleep on that way. xfs, and ext4 of 6.12, take the lock
 * before anything else. ext4 of 6.1 takes it twice; before the second time, when it punches a hole
 * into a file that somebody has written to through a mapping, it writes out what is dirty. Who
 * sleeps in there, waiting for one who unmaps the file, comes to the lock late, and punches the
 * hole although the lease has begun. So does, on any kernel, who sleeps in a security module's hook
 * right behind the flag, for want of memory.
 *
 * It takes some 20 ms and more, and as long as the file system is frozen.
 */
static int hostmem_pin_settle(struct inode *inode)
{
	int rc = 0;
	int i;

	sb_start_write(inode->i_sb);
	sb_end_write(inode->i_sb);
	for (i = 0; !rc && i < HOSTMEM_SETTLE_LOCKS; i++) {
		synchronize_rcu_tasks();
		rc = hostmem_pin_pass(inode);
	}
	return rc;
}

static void hostmem_unpin(struct inode *inode)
{
	unsigned long pins;

	inode_lock(inode);
	pins = hostmem_pins_of(inode);
	/* The entry is there: to overwrite it takes no memory. */
	if (pins > 1) {
		xa_store(&hostmem_pins, (unsigned long)inode, xa_mk_value(pins - 1), 0);
	} else {
		xa_erase(&hostmem_pins, (unsigned long)inode);
		inode_set_flags(inode, 0, S_SWAPFILE);
	}
	inode_unlock(inode);
}

/* Find out on which namespace the file is: from now on the lease is revoked when that goes. */
static int hostmem_lease_attach(struct hostmem_lease *lease, struct hostmem_extents *cmd)
{
	struct hostmem_namespace *ns;
	int rc;

	mutex_lock(&hostmem_namespaces_lock);
	list_for_each_entry(ns, &hostmem_namespaces, node) {
		if (!hostmem_device_holds(ns->dev, lease->file))
			continue;
		rc = hostmem_media_is_held(ns) ? -EBUSY :
						 hostmem_device_place(&ns->pmem, lease, cmd);
		if (!rc) {
			lease->pmem_id = ns->pmem.id;
			list_add_tail(&lease->node, &ns->leases);
		}
		goto out_unlock;
	}
	rc = hostmem_device_refuse(cmd, HOSTMEM_EXTENTS_NOT_PMEM, 0);
out_unlock:
	mutex_unlock(&hostmem_namespaces_lock);
	return rc;
}

/* Give back all that a lease holds. */
static void hostmem_lease_end(struct hostmem_lease *lease)
{
	mutex_lock(&hostmem_namespaces_lock);
	list_del_init(&lease->node);
	mutex_unlock(&hostmem_namespaces_lock);
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

static void hostmem_lease_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct hostmem_lease *lease = file->private_data;

	/* Not known before it is attached, nor true when it is revoked. */
	if (lease->pmem_id && !READ_ONCE(lease->revoked))
		seq_printf(m, "hostmem-pmem:\t%llu\n", lease->pmem_id);
}

/* The owner: a lease keeps the module loaded. */
static const struct file_operations hostmem_lease_fops = {
	.owner = THIS_MODULE,
	.release = hostmem_lease_release,
	.poll = hostmem_lease_poll,
	.show_fdinfo = hostmem_lease_show_fdinfo,
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

/* From here on the lease is revoked when the driver of /dev/dax goes. */
static int hostmem_lease_bound(const struct hostmem_lease *lease)
{
	struct device *dax = hostmem_dax_hold(lease->pmem_id);

	hostmem_dax_release(dax);
	return PTR_ERR_OR_ZERO(dax);
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
		return ERR_PTR(hostmem_device_refuse(cmd, HOSTMEM_EXTENTS_NOT_FILE, 0));
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
	rc = hostmem_lease_attach(lease, cmd);
	if (!rc && S_ISREG(mode))
		rc = hostmem_lease_pin(lease, cmd);
	else if (!rc && S_ISCHR(mode))
		rc = hostmem_lease_bound(lease);
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
 * hostmem_leases_revoke - tell the holders of leases that the device goes away
 * @ns: to which no other one can be attached, or of which they find that out
 *
 * The file of a lease and its pin stay until the holder closes it: whoever takes the device
 * away must not wait here for whoever has the inode's lock.
 *
 * Context: sleeps.
 */
void hostmem_leases_revoke(struct hostmem_namespace *ns)
{
	struct hostmem_lease *lease, *next;

	mutex_lock(&hostmem_namespaces_lock);
	list_for_each_entry_safe(lease, next, &ns->leases, node) {
		list_del_init(&lease->node);
		WRITE_ONCE(lease->revoked, true);
		wake_up_all(&lease->wait);
	}
	mutex_unlock(&hostmem_namespaces_lock);
}
