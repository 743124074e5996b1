// SPDX-License-Identifier: GPL-2.0
/*
 * Pins: as long as a file has one, its bytes stay where they are on its device.
 *
 * The kernel knows one kind of file that must not move: that to which it swaps. S_SWAPFILE
 * makes the VFS and the file systems refuse all that changes where the bytes of a file are, and
 * all that would free them. We set the flag without swapping. A file that really is swapped to
 * is refused, and while ours is set swapon() refuses the file.
 */
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
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

/**
 * hostmem_pin - keep the bytes of a file where they are
 * @inode: a regular file that stays open
 *
 * Context: sleeps; takes the inode's lock.
 * Return: 0; -ETXTBSY: it is a swap file; -EINTR: killed; -ENOMEM.
 */
int hostmem_pin(struct inode *inode)
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
static int hostmem_pin_drain(struct inode *inode)
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

/**
 * hostmem_pin_settle - wait for those who have not seen a pin
 * @inode: pinned by the caller
 *
 * fallocate() looks at the flag before it waits for a frozen file system, and only then takes the
 * inode's lock. Whoever looked before the flag was set may be on the way to the lock. While
 * the file system is frozen we queue behind them. Then, when every task has slept or been in
 * user mode once, they have come as far as waiting for the lock, and get it before us.
 *
 * Context: sleeps, some 20 ms and more, and for as long as the file system is frozen; takes
 * the inode's lock.
 * Return: 0; -EINTR: killed.
 */
int hostmem_pin_settle(struct inode *inode)
{
	int rc = 0;
	int i;

	sb_start_write(inode->i_sb);
	sb_end_write(inode->i_sb);
	for (i = 0; !rc && i < HOSTMEM_SETTLE_LOCKS; i++) {
		synchronize_rcu_tasks();
		rc = hostmem_pin_drain(inode);
	}
	return rc;
}

/**
 * hostmem_unpin - undo hostmem_pin()
 * @inode: pinned
 *
 * Context: sleeps; takes the inode's lock.
 */
void hostmem_unpin(struct inode *inode)
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
