// SPDX-License-Identifier: GPL-2.0
/*
 * hostmemfs: regions as regular files, with what libfs has for the rest.
 *
 * A file begins empty. It becomes a region once, by HOSTMEM_REGION_CREATE or ftruncate(), and
 * stays that one; i_private says which. The file pins the region.
 */
#include <linux/bitmap.h>
#include <linux/fs.h>
#include <linux/hostmem_nl.h>
#include <linux/pagemap.h>

#include "hostmem_private.h"

static const struct inode_operations hostmem_dir_iops;
static const struct inode_operations hostmem_file_iops;

/**
 * hostmem_fs_new_inode - make an inode
 * @sb: of hostmemfs
 * @mode: S_IFDIR or S_IFREG, and permissions
 *
 * Return: the inode, or NULL: no memory.
 */
struct inode *hostmem_fs_new_inode(struct super_block *sb, umode_t mode)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mode = mode;
	hostmem_inode_begun(inode);
	if (S_ISDIR(mode)) {
		inode->i_op = &hostmem_dir_iops;
		inode->i_fop = &simple_dir_operations;
		inc_nlink(inode);
	} else {
		inode->i_op = &hostmem_file_iops;
		inode->i_fop = &hostmem_file_fops;
	}
	return inode;
}

static struct inode *hostmem_fs_make(hostmem_idmap *idmap, struct inode *dir, umode_t mode)
{
	struct inode *inode = hostmem_fs_new_inode(dir->i_sb, mode);

	if (inode)
		inode_init_owner(idmap, inode, dir, mode);
	return inode;
}

/* A new entry of a directory, which pins its inode until it is removed. */
static int hostmem_fs_add(hostmem_idmap *idmap, struct inode *dir, struct dentry *dentry,
			  umode_t mode)
{
	struct inode *inode = hostmem_fs_make(idmap, dir, mode);

	if (!inode)
		return -ENOMEM;
	d_instantiate(dentry, inode);
	dget(dentry);
	hostmem_inode_changed(dir);
	return 0;
}

static int hostmem_fs_create(hostmem_idmap *idmap, struct inode *dir, struct dentry *dentry,
			     umode_t mode, bool excl)
{
	return hostmem_fs_add(idmap, dir, dentry, mode | S_IFREG);
}

static int hostmem_fs_mkdir(hostmem_idmap *idmap, struct inode *dir, struct dentry *dentry,
			    umode_t mode)
{
	int rc = hostmem_fs_add(idmap, dir, dentry, mode | S_IFDIR);

	if (!rc)
		inc_nlink(dir);
	return rc;
}

static int hostmem_fs_tmpfile(hostmem_idmap *idmap, struct inode *dir, struct file *file,
			      umode_t mode)
{
	struct inode *inode = hostmem_fs_make(idmap, dir, mode);

	if (!inode)
		return finish_open_simple(file, -ENOMEM);
	d_tmpfile(file, inode);
	return finish_open_simple(file, 0);
}

/* The name of a file that was made without one. A second one would make the region's ambiguous. */
static int hostmem_fs_link(struct dentry *old, struct inode *dir, struct dentry *dentry)
{
	struct hostmem_region *region = d_inode(old)->i_private;
	int rc;

	if (d_inode(old)->i_nlink)
		return -EMLINK;
	if (region) {
		rc = hostmem_name_take(region, dentry);
		if (rc)
			return rc;
	}
	rc = simple_link(old, dir, dentry);
	if (region)
		hostmem_event(region, HOSTMEM_NL_RENAMED, 0, 0, region->size);
	return rc;
}

/* The name of a file goes, by unlink() or by a rename over it. */
static void hostmem_fs_unname(struct inode *inode)
{
	struct hostmem_region *region = inode->i_private;

	if (!region || S_ISDIR(inode->i_mode))
		return;
	hostmem_name_drop(region);
	if (!READ_ONCE(region->dead))
		hostmem_event(region, HOSTMEM_NL_RENAMED, 0, 0, region->size);
}

static int hostmem_fs_unlink(struct inode *dir, struct dentry *dentry)
{
	hostmem_fs_unname(d_inode(dentry));
	return simple_unlink(dir, dentry);
}

static int hostmem_fs_rename(hostmem_idmap *idmap, struct inode *old_dir, struct dentry *old,
			     struct inode *new_dir, struct dentry *new, unsigned int flags)
{
	struct inode *victim = d_inode(new);
	int rc;

	if (flags & ~RENAME_NOREPLACE)
		return -EINVAL;
	rc = simple_rename(idmap, old_dir, old, new_dir, new, flags);
	if (rc)
		return rc;
	if (victim)
		hostmem_fs_unname(victim);
	/* Ours to do (FS_RENAME_DOES_D_MOVE), so that we can tell of it. */
	d_move(old, new);
	hostmem_regions_renamed(old);
	return 0;
}

static const struct inode_operations hostmem_dir_iops = {
	.lookup = simple_lookup,
	.create = hostmem_fs_create,
	.link = hostmem_fs_link,
	.unlink = hostmem_fs_unlink,
	.mkdir = hostmem_fs_mkdir,
	.rmdir = simple_rmdir,
	.rename = hostmem_fs_rename,
	.tmpfile = hostmem_fs_tmpfile,
	.getattr = simple_getattr,
};

/* A file becomes a region: it is found, has the file's name, and is the file's size. */
static int hostmem_fs_attach(struct inode *inode, struct hostmem_region *region, u64 view_id)
{
	struct dentry *dentry = NULL;
	int rc = 0;

	if (inode->i_private)
		return -EEXIST;
	if (inode->i_nlink) {
		dentry = d_find_alias(inode);
		rc = hostmem_name_take(region, dentry);
		dput(dentry);
	}
	if (rc)
		return rc;
	rc = hostmem_region_publish(region, view_id);
	if (rc) {
		if (dentry)
			hostmem_name_drop(region);
		return rc;
	}
	kref_get(&region->ref);
	i_size_write(inode, region->size);
	/* Who finds it finds all of it. */
	smp_store_release(&inode->i_private, region);
	return 0;
}

/**
 * hostmem_fs_publish - let everybody find a region by a file
 * @inode: of the file, from hostmem_fs_inode()
 * @region: that nobody can find yet
 * @view_id: of its first view
 *
 * Context: sleeps.
 * Return: 0; -EEXIST: the file is a region; -ENODEV: @region has ended already.
 */
int hostmem_fs_publish(struct inode *inode, struct hostmem_region *region, u64 view_id)
{
	int rc;

	inode_lock(inode);
	rc = hostmem_fs_attach(inode, region, view_id);
	inode_unlock(inode);
	return rc;
}

/* Plug all of a region that nobody can find yet. */
static int hostmem_fs_plug(struct hostmem_region *region)
{
	struct hostmem_view *view;
	int rc;

	if (region->allocation == HOSTMEM_ALLOCATION_ONDEMAND) {
		region->nr_plugged = hostmem_nr_blocks(region);
		bitmap_set(region->plugged, 0, region->nr_plugged);
		return 0;
	}
	view = hostmem_view_alloc(region, NULL, NULL, HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE);
	if (IS_ERR(view))
		return PTR_ERR(view);
	rc = hostmem_plug(view, 0, region->size, NULL);
	hostmem_view_abort(view);
	return rc;
}

/* ftruncate() of an empty file: a region of the mount's defaults, all plugged. */
static int hostmem_fs_fill(struct inode *inode, u64 size)
{
	const struct hostmem_fs_defaults *defaults = inode->i_sb->s_fs_info;
	const struct hostmem_region_create cmd = {
		.region_size = size,
		.block_size = defaults->block_size,
		.allocation = defaults->allocation,
		.huge = defaults->huge,
		.backing = HOSTMEM_BACKING_RAM,
	};
	struct hostmem_region *region;
	int rc;

	region = hostmem_region_alloc(&cmd);
	if (IS_ERR(region))
		return PTR_ERR(region);
	rc = hostmem_fs_plug(region);
	if (!rc)
		rc = hostmem_fs_attach(inode, region, 0);
	hostmem_region_put(region);
	return rc;
}

/*
 * O_TRUNC: the memory goes, the size and the blocks stay. That is what cp needs to write holes by
 * passing over them.
 */
static int hostmem_fs_empty(struct hostmem_region *region)
{
	struct hostmem_view *view;
	int rc;

	if (READ_ONCE(region->nr_mappings))
		return -EBUSY;
	view = hostmem_view_alloc(region, NULL, NULL, HOSTMEM_RIGHT_WRITE);
	if (IS_ERR(view))
		return PTR_ERR(view);
	rc = hostmem_view_punch(view, 0, region->size);
	hostmem_view_abort(view);
	return rc;
}

static int hostmem_fs_resize(struct inode *inode, const struct iattr *attr)
{
	struct hostmem_region *region = inode->i_private;

	if (attr->ia_size == i_size_read(inode))
		return 0;
	if (!region)
		return hostmem_fs_fill(inode, attr->ia_size);
	if (!attr->ia_size && attr->ia_valid & ATTR_OPEN)
		return hostmem_fs_empty(region);
	/* As a memfd that is sealed: those who map a region rely on its size. */
	return -EPERM;
}

static int hostmem_fs_setattr(hostmem_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	int rc;

	rc = setattr_prepare(idmap, dentry, attr);
	if (rc)
		return rc;
	if (attr->ia_valid & ATTR_SIZE) {
		rc = hostmem_fs_resize(inode, attr);
		if (rc)
			return rc;
	}
	setattr_copy(idmap, inode, attr);
	return 0;
}

static int hostmem_fs_getattr(hostmem_idmap *idmap, const struct path *path, struct kstat *stat,
			      u32 request_mask, unsigned int flags)
{
	struct hostmem_region *region = hostmem_inode_region(d_inode(path->dentry));
	int rc;

	rc = simple_getattr(idmap, path, stat, request_mask, flags);
	if (rc || !region)
		return rc;
	stat->blksize = hostmem_block_size(region);
	stat->blocks = hostmem_region_memory(region) >> 9;
	return 0;
}

static const struct inode_operations hostmem_file_iops = {
	.setattr = hostmem_fs_setattr,
	.getattr = hostmem_fs_getattr,
};

/**
 * hostmem_fs_evict_inode - super_operations.evict_inode
 * @inode: of a file or a directory that nobody has any more
 */
void hostmem_fs_evict_inode(struct inode *inode)
{
	struct hostmem_region *region = inode->i_private;

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	if (region)
		hostmem_region_put(region);
}

/**
 * hostmem_fs_inode - the inode of a file of hostmemfs
 * @file: any file
 *
 * Return: the inode, kept by @file, or NULL: it is another one's, or a directory.
 */
struct inode *hostmem_fs_inode(struct file *file)
{
	struct inode *inode = file_inode(file);

	return inode->i_sb->s_op == &hostmem_mount_sops && S_ISREG(inode->i_mode) ? inode : NULL;
}
