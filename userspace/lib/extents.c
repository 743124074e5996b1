// SPDX-License-Identifier: LGPL-2.1-only
/*
 * Where a file is in physical memory, and the lease that keeps it there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* Enough for nearly every file. What is not written to costs no memory. */
#define HOSTMEM_EXTENTS_ROOM 0x20000

/* Ask once, with room for so many; on -EMSGSIZE cmd->count is what is needed. */
static int hostmem_extents_try(int control, unsigned int room, struct hostmem_extents *cmd)
{
	int rc;

	cmd->count = room;
	cmd->extents = (uintptr_t)malloc((size_t)room * sizeof(struct hostmem_extent));
	if (!cmd->extents)
		return -ENOMEM;
	rc = hostmem_sys_ioctl(control, HOSTMEM_EXTENTS, cmd);
	if (rc) {
		free((void *)(uintptr_t)cmd->extents);
		cmd->extents = 0;
	}
	return rc;
}

/**
 * hostmem_extents_get - find out where a file is in physical memory
 * @ctx: the context
 * @fd: a regular file of ext4 or xfs with DAX, the block device of a pmem namespace or a
 *	partition of it, /dev/daxX.Y, or a lease; open in whatever way
 * @lease: out: an fd that keeps the extents where they are until it is closed; poll(2) reports
 *	POLLHUP and POLLERR when its device has gone away. NULL: no lease is wanted
 * @list: out: the extents, as described in linux/hostmem.h: list->extents is to be freed by the
 *	caller. On error it is NULL, and list->reason is HOSTMEM_EXTENTS_* with list->offset if
 *	the file is refused, else 0
 *
 * Needs CAP_SYS_ADMIN and the module hostmem_nd.
 *
 * Return: 0; -EPERM or -EACCES: the right is missing; -ENODEV: the module hostmem is not loaded, or
 * the device has gone; -ENOPKG: the module hostmem_nd is not loaded; -EBADF; -EINVAL, -ENXIO,
 * -EMEDIUMTYPE, -ENODATA, -EAGAIN, -EILSEQ or -EMLINK: refused, see list->reason; -ETXTBSY: a
 * swap file; -EINTR; -ENOMEM; -EMFILE; -EIO or another error of the file system.
 */
int hostmem_extents_get(struct hostmem_ctx *ctx, int fd, int *lease,
			struct hostmem_extent_list *list)
{
	struct hostmem_extents cmd = {
		.size = sizeof(cmd),
		.flags = lease ? HOSTMEM_EXTENTS_LEASE : 0,
		.fd = fd,
	};
	int control = hostmem_ctx_control(ctx);
	int rc;

	memset(list, 0, sizeof(*list));
	if (control < 0)
		return control;
	rc = hostmem_extents_try(control, HOSTMEM_EXTENTS_ROOM, &cmd);
	/* The file may have grown again. */
	while (rc == -EMSGSIZE)
		rc = hostmem_extents_try(control, cmd.count + cmd.count / 8, &cmd);
	if (rc) {
		list->reason = cmd.out_reason;
		list->offset = cmd.out_offset;
		hostmem_info(ctx, "fd %d: %s, reason %u at %#llx", fd, strerror(-rc),
			     list->reason, list->offset);
		return rc;
	}
	list->extents = (void *)(uintptr_t)cmd.extents;
	list->count = cmd.count;
	list->size = cmd.out_size;
	if (lease)
		*lease = cmd.out_lease;
	return 0;
}
