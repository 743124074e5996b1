// SPDX-License-Identifier: GPL-2.0
/*
 * The control node, and the module.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "hostmem_private.h"

static int hostmem_control_info(struct hostmem_ucmd *ucmd)
{
	struct hostmem_info *cmd = ucmd->cmd;

	if (cmd->flags)
		return -EOPNOTSUPP;
	cmd->out_abi_version = HOSTMEM_ABI_VERSION;
	cmd->out_max_regions = HOSTMEM_MAX_REGIONS;
	cmd->out_regions = hostmem_regions_count();
	cmd->out_max_blocks = HOSTMEM_MAX_BLOCKS;
	cmd->out_min_block_size = HOSTMEM_MIN_BLOCK_SIZE;
	cmd->out_max_size = HOSTMEM_MAX_SIZE;
	hostmem_ram_info(&cmd->out_ram_used, &cmd->out_ram_limit);
	return hostmem_ucmd_respond(ucmd);
}

static const struct hostmem_ioctl_op hostmem_control_ops[] = {
	IOCTL_OP(HOSTMEM_INFO, hostmem_control_info, struct hostmem_info, out_ram_used, 0),
	IOCTL_OP(HOSTMEM_REGION_CREATE, hostmem_region_create,
		 struct hostmem_region_create, backing_pmem, HOSTMEM_RIGHT_WRITE),
	IOCTL_OP(HOSTMEM_REGION_OPEN, hostmem_region_open,
		 struct hostmem_region_open, out_fd, HOSTMEM_RIGHT_WRITE),
	IOCTL_OP(HOSTMEM_EXTENTS, hostmem_extents, struct hostmem_extents, out_lease, 0),
	IOCTL_OP(HOSTMEM_MEDIA, hostmem_media, struct hostmem_media, __reserved, 0),
};

static long hostmem_control_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	/* Who may only read the node may only ask. */
	u32 rights = file->f_mode & FMODE_WRITE ? HOSTMEM_RIGHT_WRITE : 0;

	return hostmem_ioctl(hostmem_control_ops, ARRAY_SIZE(hostmem_control_ops), NULL, rights,
			     cmd, arg);
}

static const struct file_operations hostmem_control_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = hostmem_control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice hostmem_control = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hostmem-control",
	.mode = 0600,
	.fops = &hostmem_control_fops,
};

static int __init hostmem_init(void)
{
	int rc;

	rc = hostmem_ram_init();
	if (rc)
		return rc;
	rc = hostmem_fd_init();
	if (rc)
		goto err_ram;
	rc = hostmem_netlink_init();
	if (rc)
		goto err_fd;
	rc = hostmem_mount_init();
	if (rc)
		goto err_netlink;
	rc = misc_register(&hostmem_control);
	if (rc)
		goto err_mount;
	return 0;

err_mount:
	hostmem_mount_exit();
err_netlink:
	hostmem_netlink_exit();
err_fd:
	hostmem_fd_exit();
err_ram:
	hostmem_ram_exit();
	return rc;
}

static void __exit hostmem_exit(void)
{
	misc_deregister(&hostmem_control);
	hostmem_mount_exit();
	hostmem_netlink_exit();
	hostmem_fd_exit();
	hostmem_ram_exit();
	/* A fault handler that outlived its region may be about to return from our code. */
	synchronize_rcu_tasks();
}

module_init(hostmem_init);
module_exit(hostmem_exit);

MODULE_DESCRIPTION("Guest memory with one owner: shared, sparse, revocable regions");
MODULE_AUTHOR("hostmem maintainers");
MODULE_LICENSE("GPL");
MODULE_VERSION(HOSTMEM_VERSION);
