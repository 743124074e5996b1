// SPDX-License-Identifier: GPL-2.0
/*
 * HOSTMEM_EXTENTS, on its way to the module that knows where files are.
 */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/module.h>

#include "hostmem_pmem.h"
#include "hostmem_private.h"

/* Answer; what is refused is told too. Without success no lease is left. */
static int hostmem_extents_run(struct hostmem_ucmd *ucmd, const struct hostmem_pmem_ops *ops,
			       int fd, struct file **lease)
{
	struct hostmem_extents *cmd = ucmd->cmd;
	int rc;

	cmd->out_size = 0;
	cmd->out_offset = 0;
	cmd->out_reason = 0;
	cmd->out_lease = -1;
	rc = ops->extents(cmd, lease);
	if (rc && rc != -EMSGSIZE && !cmd->out_reason)
		return rc;
	if (!rc)
		cmd->out_lease = fd;
	if (hostmem_ucmd_respond(ucmd))
		rc = -EFAULT;
	if (rc && *lease) {
		fput(*lease);
		*lease = NULL;
	}
	return rc;
}

/**
 * hostmem_extents - HOSTMEM_EXTENTS
 * @ucmd: the ioctl, on the control node
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_extents(struct hostmem_ucmd *ucmd)
{
	struct hostmem_extents *cmd = ucmd->cmd;
	const struct hostmem_pmem_ops *ops;
	struct file *lease = NULL;
	int fd = -1;
	int rc;

	if (cmd->flags & ~HOSTMEM_EXTENTS_LEASE)
		return -EOPNOTSUPP;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	ops = hostmem_pmem_ops_get();
	if (!ops)
		return -ENOPKG;
	if (cmd->flags & HOSTMEM_EXTENTS_LEASE) {
		fd = get_unused_fd_flags(O_CLOEXEC);
		if (fd < 0) {
			rc = fd;
			goto out_put;
		}
	}
	rc = hostmem_extents_run(ucmd, ops, fd, &lease);
	if (lease)
		fd_install(fd, lease);
	else if (fd >= 0)
		put_unused_fd(fd);
out_put:
	module_put(ops->owner);
	return rc;
}
