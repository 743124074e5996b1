// SPDX-License-Identifier: GPL-2.0
/*
 * Ioctls: from a number and a pointer of user space to a call with a kernel copy, and the answer.
 */
#include "hostmem_private.h"

/**
 * hostmem_ucmd_respond - write the outputs of an ioctl back
 * @ucmd: the ioctl
 *
 * Copies as much of the argument as user space knows.
 *
 * Context: sleeps; call without locks.
 * Return: 0, or -EFAULT.
 */
int hostmem_ucmd_respond(struct hostmem_ucmd *ucmd)
{
	if (copy_to_user(ucmd->ubuffer, ucmd->cmd, min(ucmd->user_size, ucmd->size)))
		return -EFAULT;
	return 0;
}

/**
 * hostmem_ioctl - run one ioctl from a table
 * @ops: the calls that this kind of file has
 * @nr_ops: entries of @ops
 * @view: that was asked; NULL for the control node
 * @rights: HOSTMEM_RIGHT_* of the file that was asked
 * @cmd: number of the ioctl
 * @arg: user pointer to its argument
 *
 * Return: 0; -ENOTTY, -EINVAL, -E2BIG, -EFAULT or -EPERM; or what the call returns.
 */
long hostmem_ioctl(const struct hostmem_ioctl_op *ops, unsigned int nr_ops,
		   struct hostmem_view *view, u32 rights, unsigned int cmd, unsigned long arg)
{
	struct hostmem_ucmd ucmd = { .ubuffer = (void __user *)arg, .view = view };
	union hostmem_ucmd_buffer buf;
	unsigned int nr = _IOC_NR(cmd);
	const struct hostmem_ioctl_op *op;
	int rc;

	if (nr < HOSTMEM_CMD_BASE || nr - HOSTMEM_CMD_BASE >= nr_ops)
		return -ENOTTY;
	op = &ops[nr - HOSTMEM_CMD_BASE];
	if (op->ioctl_num != cmd || !op->execute)
		return -ENOTTY;

	if (get_user(ucmd.user_size, (u32 __user *)ucmd.ubuffer))
		return -EFAULT;
	if (ucmd.user_size < op->min_size)
		return -EINVAL;
	rc = copy_struct_from_user(&buf, op->size, ucmd.ubuffer, ucmd.user_size);
	if (rc)
		return rc;
	if (op->rights && !(rights & op->rights))
		return -EPERM;

	/* The size that was checked, whatever another thread has written there since. */
	*(u32 *)&buf = ucmd.user_size;
	ucmd.size = op->size;
	ucmd.cmd = &buf;
	return op->execute(&ucmd);
}

/**
 * hostmem_range_check - check a range that user space gave
 * @start: first byte
 * @length: bytes
 * @align: what both must be multiples of, a power of two
 * @size: what the range must be within, bytes
 *
 * Return: 0, -EOVERFLOW, -EINVAL or -ENOENT.
 */
int hostmem_range_check(u64 start, u64 length, u64 align, u64 size)
{
	u64 end;

	if (check_add_overflow(start, length, &end))
		return -EOVERFLOW;
	if (!length || !IS_ALIGNED(start | length, align))
		return -EINVAL;
	if (end > size)
		return -ENOENT;
	return 0;
}
