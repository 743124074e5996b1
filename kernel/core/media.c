// SPDX-License-Identifier: GPL-2.0
/*
 * HOSTMEM_MEDIA, on its way to the module that knows the namespaces.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hostmem_pmem.h"
#include "hostmem_private.h"

/* Let the caller have a file, unless the answer cannot be given. */
static int hostmem_media_give(struct hostmem_ucmd *ucmd, struct file *file)
{
	struct hostmem_media *cmd = ucmd->cmd;
	int fd = get_unused_fd_flags(O_CLOEXEC);
	int rc;

	if (fd < 0)
		return fd;
	cmd->out_fd = fd;
	rc = hostmem_ucmd_respond(ucmd);
	if (rc)
		put_unused_fd(fd);
	else
		fd_install(fd, file);
	return rc;
}

/**
 * hostmem_media - HOSTMEM_MEDIA
 * @ucmd: the ioctl, on the control node
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_media(struct hostmem_ucmd *ucmd)
{
	struct hostmem_media *cmd = ucmd->cmd;
	const struct hostmem_pmem_ops *ops;
	struct file *file;
	char *name;
	int rc;

	if (cmd->flags & ~HOSTMEM_MEDIA_ALONE || cmd->__reserved)
		return -EOPNOTSUPP;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	/* What is longer than any name is the name of none. */
	name = strndup_user(u64_to_user_ptr(cmd->name), HOSTMEM_PMEM_NAME_MAX);
	if (IS_ERR(name))
		return name == ERR_PTR(-EINVAL) ? -ENOENT : PTR_ERR(name);
	ops = hostmem_pmem_ops_get();
	rc = ops ? ops->media(name, cmd->flags, &file) : -ENOPKG;
	if (!rc) {
		rc = hostmem_media_give(ucmd, file);
		if (rc)
			fput(file);
	}
	if (ops)
		module_put(ops->owner);
	kfree(name);
	return rc;
}
