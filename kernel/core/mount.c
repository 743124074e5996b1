// SPDX-License-Identifier: GPL-2.0
/*
 * The superblock of hostmemfs, and the options of its mounts.
 *
 * There is one for the host, however often it is mounted. It lives as long as it is mounted
 * somewhere or has a region in it, and so does the module.
 */
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "hostmem_private.h"

/* Options of a mount that were given: bits of what is set in the rest. */
enum {
	HOSTMEM_OPT_SIZE,
	HOSTMEM_OPT_BLOCK_SIZE,
	HOSTMEM_OPT_ALLOCATION,
	HOSTMEM_OPT_HUGE,
	HOSTMEM_OPT_MODE,
	HOSTMEM_OPT_UID,
	HOSTMEM_OPT_GID,
};

struct hostmem_mount_options {
	unsigned long given;
	u64 size;
	struct hostmem_fs_defaults defaults;
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
};

static const struct constant_table hostmem_mount_allocations[] = {
	{ "ondemand", HOSTMEM_ALLOCATION_ONDEMAND },
	{ "immediate", HOSTMEM_ALLOCATION_IMMEDIATE },
	{ }
};

static const struct constant_table hostmem_mount_huges[] = {
	{ "always", HOSTMEM_HUGE_ALWAYS },
	{ "never", HOSTMEM_HUGE_NEVER },
	{ }
};

static const struct fs_parameter_spec hostmem_mount_parameters[] = {
	fsparam_string("size", HOSTMEM_OPT_SIZE),
	fsparam_string("block_size", HOSTMEM_OPT_BLOCK_SIZE),
	fsparam_enum("allocation", HOSTMEM_OPT_ALLOCATION, hostmem_mount_allocations),
	fsparam_enum("huge", HOSTMEM_OPT_HUGE, hostmem_mount_huges),
	fsparam_u32oct("mode", HOSTMEM_OPT_MODE),
	fsparam_u32("uid", HOSTMEM_OPT_UID),
	fsparam_u32("gid", HOSTMEM_OPT_GID),
	{ }
};

/* Space is what all regions of ram may hold together. */
static int hostmem_mount_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	unsigned int regions = hostmem_regions_count();
	int rc = simple_statfs(dentry, buf);
	u64 used, limit;

	hostmem_ram_info(&used, &limit);
	buf->f_blocks = limit >> PAGE_SHIFT;
	buf->f_bfree = limit > used ? (limit - used) >> PAGE_SHIFT : 0;
	buf->f_bavail = buf->f_bfree;
	buf->f_files = HOSTMEM_MAX_REGIONS;
	buf->f_ffree = HOSTMEM_MAX_REGIONS - regions;
	return rc;
}

static int hostmem_mount_show_options(struct seq_file *m, struct dentry *root)
{
	const struct hostmem_fs_defaults *defaults = root->d_sb->s_fs_info;
	u64 used, limit;

	hostmem_ram_info(&used, &limit);
	seq_printf(m, ",size=%lluk,block_size=%llu,allocation=%s,huge=%s", limit >> 10,
		   defaults->block_size, hostmem_mount_allocations[defaults->allocation].name,
		   hostmem_mount_huges[defaults->huge].name);
	return 0;
}

const struct super_operations hostmem_mount_sops = {
	.statfs = hostmem_mount_statfs,
	.drop_inode = generic_delete_inode,
	.evict_inode = hostmem_fs_evict_inode,
	.show_options = hostmem_mount_show_options,
};

static int hostmem_mount_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct hostmem_fs_defaults *defaults;
	struct inode *root;

	defaults = kzalloc(sizeof(*defaults), GFP_KERNEL);
	if (!defaults)
		return -ENOMEM;
	defaults->block_size = HOSTMEM_MIN_BLOCK_SIZE;
	sb->s_fs_info = defaults;
	sb->s_op = &hostmem_mount_sops;
	sb->s_magic = HOSTMEM_SUPER_MAGIC;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_time_gran = 1;
	hostmem_ram_set_limit((u64)(totalram_pages() / 2) << PAGE_SHIFT);
	root = hostmem_fs_new_inode(sb, S_IFDIR | 0755);
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static void hostmem_mount_kill_sb(struct super_block *sb)
{
	kill_litter_super(sb);
	kfree(sb->s_fs_info);
}

/* A number with a unit or without one; or percent of @whole, if that is not 0. */
static int hostmem_mount_parse_bytes(const char *string, u64 whole, u64 *bytes)
{
	static const char units[] = "kmgt";
	size_t digits = strspn(string, "0123456789");
	const char *unit = string + digits;
	char number[21];
	const char *at;

	if (digits >= sizeof(number))
		return -EINVAL;
	strscpy(number, string, digits + 1);
	if (kstrtou64(number, 10, bytes))
		return -EINVAL;
	if (!*unit)
		return 0;
	if (unit[1])
		return -EINVAL;
	if (*unit == '%' && whole && *bytes <= 100) {
		*bytes = div_u64(whole * *bytes, 100);
		return 0;
	}
	at = strchr(units, tolower(*unit));
	if (!at || check_mul_overflow(*bytes, 1ULL << (at - units + 1) * 10, bytes))
		return -EINVAL;
	return 0;
}

static int hostmem_mount_parse_size(const char *string, u64 *size)
{
	u64 total = (u64)totalram_pages() << PAGE_SHIFT;

	return hostmem_mount_parse_bytes(string, total, size) || *size > total ? -EINVAL : 0;
}

static int hostmem_mount_parse_block_size(const char *string, u64 *size)
{
	return hostmem_mount_parse_bytes(string, 0, size) || *size < HOSTMEM_MIN_BLOCK_SIZE ||
	       !is_power_of_2(*size) ? -EINVAL : 0;
}

static int hostmem_mount_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct hostmem_mount_options *options = fc->fs_private;
	struct fs_parse_result result;
	int opt, rc = 0;

	opt = fs_parse(fc, hostmem_mount_parameters, param, &result);
	if (opt < 0)
		return opt;
	switch (opt) {
	case HOSTMEM_OPT_SIZE:
		rc = hostmem_mount_parse_size(param->string, &options->size);
		break;
	case HOSTMEM_OPT_BLOCK_SIZE:
		rc = hostmem_mount_parse_block_size(param->string, &options->defaults.block_size);
		break;
	case HOSTMEM_OPT_ALLOCATION:
		options->defaults.allocation = result.uint_32;
		break;
	case HOSTMEM_OPT_HUGE:
		options->defaults.huge = result.uint_32;
		break;
	case HOSTMEM_OPT_MODE:
		options->mode = result.uint_32 & 07777;
		break;
	case HOSTMEM_OPT_UID:
		options->uid = make_kuid(current_user_ns(), result.uint_32);
		rc = uid_valid(options->uid) ? 0 : -EINVAL;
		break;
	case HOSTMEM_OPT_GID:
		options->gid = make_kgid(current_user_ns(), result.uint_32);
		rc = gid_valid(options->gid) ? 0 : -EINVAL;
		break;
	}
	if (rc)
		return invalf(fc, "hostmem: bad value for '%s'", param->key);
	__set_bit(opt, &options->given);
	return 0;
}

/* What was given holds from now on, for all mounts: there is one superblock. */
static void hostmem_mount_apply(struct dentry *root, const struct hostmem_mount_options *options)
{
	struct hostmem_fs_defaults *defaults = root->d_sb->s_fs_info;
	struct inode *inode = d_inode(root);

	if (test_bit(HOSTMEM_OPT_SIZE, &options->given))
		hostmem_ram_set_limit(options->size);
	if (test_bit(HOSTMEM_OPT_BLOCK_SIZE, &options->given))
		WRITE_ONCE(defaults->block_size, options->defaults.block_size);
	if (test_bit(HOSTMEM_OPT_ALLOCATION, &options->given))
		WRITE_ONCE(defaults->allocation, options->defaults.allocation);
	if (test_bit(HOSTMEM_OPT_HUGE, &options->given))
		WRITE_ONCE(defaults->huge, options->defaults.huge);
	inode_lock(inode);
	if (test_bit(HOSTMEM_OPT_MODE, &options->given))
		inode->i_mode = S_IFDIR | options->mode;
	if (test_bit(HOSTMEM_OPT_UID, &options->given))
		inode->i_uid = options->uid;
	if (test_bit(HOSTMEM_OPT_GID, &options->given))
		inode->i_gid = options->gid;
	inode_unlock(inode);
}

static int hostmem_mount_get_tree(struct fs_context *fc)
{
	int rc = get_tree_single(fc, hostmem_mount_fill_super);

	if (!rc)
		hostmem_mount_apply(fc->root, fc->fs_private);
	return rc;
}

static int hostmem_mount_reconfigure(struct fs_context *fc)
{
	hostmem_mount_apply(fc->root, fc->fs_private);
	return 0;
}

static void hostmem_mount_free_context(struct fs_context *fc)
{
	kfree(fc->fs_private);
}

static const struct fs_context_operations hostmem_mount_context_ops = {
	.parse_param = hostmem_mount_parse_param,
	.get_tree = hostmem_mount_get_tree,
	.reconfigure = hostmem_mount_reconfigure,
	.free = hostmem_mount_free_context,
};

static int hostmem_mount_init_context(struct fs_context *fc)
{
	struct hostmem_mount_options *options = kzalloc(sizeof(*options), GFP_KERNEL);

	if (!options)
		return -ENOMEM;
	fc->fs_private = options;
	fc->ops = &hostmem_mount_context_ops;
	return 0;
}

static struct file_system_type hostmem_fs = {
	.owner = THIS_MODULE,
	.name = "hostmem",
	.init_fs_context = hostmem_mount_init_context,
	.parameters = hostmem_mount_parameters,
	.kill_sb = hostmem_mount_kill_sb,
	.fs_flags = FS_RENAME_DOES_D_MOVE,
};
MODULE_ALIAS_FS("hostmem");

int __init hostmem_mount_init(void)
{
	return register_filesystem(&hostmem_fs);
}

void hostmem_mount_exit(void)
{
	unregister_filesystem(&hostmem_fs);
}
