// SPDX-License-Identifier: GPL-2.0
/*
 * HOSTMEM_EXTENTS: a lease of the file, its layout, and an answer; without
 * HOSTMEM_EXTENTS_LEASE the lease ends with the call.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>

#include "hostmem_nd.h"

/* The file that is asked about, with a reference: a lease stands for what it is of. */
static struct file *hostmem_extents_file(int fd)
{
	struct file *file = fget(fd);
	struct hostmem_lease *lease;
	struct file *leased;

	if (!file)
		return ERR_PTR(-EBADF);
	lease = hostmem_lease_of(file);
	if (!lease)
		return file;
	leased = READ_ONCE(lease->revoked) ? ERR_PTR(-ENODEV) : get_file(lease->file);
	fput(file);
	return leased;
}

static int hostmem_extents_answer(struct hostmem_lease *lease, struct hostmem_extents *cmd)
{
	struct hostmem_layout *layout = hostmem_layout_read(lease, cmd, false);
	int rc = PTR_ERR_OR_ZERO(layout);

	/* What a device says while it goes away is not the reason. */
	if (READ_ONCE(lease->revoked)) {
		cmd->out_reason = 0;
		rc = -ENODEV;
	}
	if (!rc)
		rc = hostmem_layout_answer(layout, cmd);
	if (!IS_ERR(layout))
		hostmem_layout_free(layout);
	return rc;
}

/* The extents() of struct hostmem_pmem_ops. */
int hostmem_nd_extents(struct hostmem_extents *cmd, struct file **lease)
{
	struct file *file, *leased;
	int rc;

	file = hostmem_extents_file(cmd->fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	leased = hostmem_lease_take(file, cmd);
	fput(file);
	if (IS_ERR(leased))
		return PTR_ERR(leased);
	rc = hostmem_extents_answer(hostmem_lease_of(leased), cmd);
	if (!rc && cmd->flags & HOSTMEM_EXTENTS_LEASE)
		*lease = leased;
	else
		fput(leased);
	return rc;
}
