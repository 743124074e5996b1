// SPDX-License-Identifier: GPL-2.0
/*
 * The name of a region: its path below the root of hostmemfs, as long as it has one.
 *
 * A region that is a file has the directory entry of that file noted, which pins the file, and so
 * the region; and it keeps the superblock, mounted or not. Everything else about the name is
 * asked of the dentry when somebody wants to know, and so is right after a rename of whatever
 * directory.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/fsnotify.h>
#include <linux/slab.h>

#include "hostmem_private.h"

/* region->dentry and ->was. Innermost, but for the locks of dentries. */
static DEFINE_SPINLOCK(hostmem_name_lock);

/**
 * hostmem_name - what a region is called
 * @region: kept by the caller
 * @buf: HOSTMEM_NAME_SIZE bytes
 * @last: without a name, the one that it had last
 *
 * Context: does not sleep.
 * Return: the name, in @buf; NULL: it has none, or a path that is longer than a path can be.
 */
const char *hostmem_name(struct hostmem_region *region, char *buf, bool last)
{
	char *name = NULL;

	spin_lock(&hostmem_name_lock);
	if (region->dentry) {
		name = dentry_path_raw(region->dentry, buf, HOSTMEM_NAME_SIZE);
		name = IS_ERR(name) ? NULL : name + 1;
	} else if (last && region->was) {
		strscpy(buf, region->was, HOSTMEM_NAME_SIZE);
		name = buf;
	}
	spin_unlock(&hostmem_name_lock);
	return name;
}

/**
 * hostmem_name_below - whether a region's name begins with another path
 * @region: kept by the caller
 * @dentry: the end of that path: a directory, or the region's own
 *
 * Context: does not sleep.
 * Return: true if it does.
 */
bool hostmem_name_below(struct hostmem_region *region, struct dentry *dentry)
{
	bool below;

	spin_lock(&hostmem_name_lock);
	below = region->dentry && is_subdir(region->dentry, dentry);
	spin_unlock(&hostmem_name_lock);
	return below;
}

/**
 * hostmem_name_take - note the name of a region that has none
 * @region: the region
 * @dentry: of its file
 *
 * Context: under the locks of the file and of its directory, or of the file, which has that name.
 * Return: 0; -ENODEV: it is dead.
 */
int hostmem_name_take(struct hostmem_region *region, struct dentry *dentry)
{
	int rc = 0;

	spin_lock(&hostmem_name_lock);
	/* Who ends it sets that first, and then looks for a name to remove. */
	if (READ_ONCE(region->dead)) {
		rc = -ENODEV;
	} else {
		region->dentry = dentry;
		atomic_inc(&dentry->d_sb->s_active);
	}
	spin_unlock(&hostmem_name_lock);
	return rc;
}

/**
 * hostmem_name_drop - the name of a region goes
 * @region: has one
 *
 * Context: sleeps; as hostmem_name_take(), with the superblock in use otherwise.
 */
void hostmem_name_drop(struct hostmem_region *region)
{
	struct super_block *sb = region->dentry->d_sb;
	const char *name = NULL, *was;
	char *buf = kmalloc(HOSTMEM_NAME_SIZE, GFP_KERNEL);

	if (buf)
		name = hostmem_name(region, buf, false);
	/* Without memory for it, what is told of the region from now on has no name. */
	was = name ? kstrdup(name, GFP_KERNEL_ACCOUNT) : NULL;
	kfree(buf);
	spin_lock(&hostmem_name_lock);
	region->dentry = NULL;
	swap(region->was, was);
	spin_unlock(&hostmem_name_lock);
	kfree(was);
	deactivate_super(sb);
}

/* The directory that an entry is in, locked, for dput(). */
static struct dentry *hostmem_name_lock_dir(struct dentry *dentry)
{
	struct dentry *dir;

	for (;;) {
		dir = dget_parent(dentry);
		inode_lock_nested(d_inode(dir), I_MUTEX_PARENT);
		if (dentry->d_parent == dir)
			return dir;
		/* It has been moved meanwhile. */
		inode_unlock(d_inode(dir));
		dput(dir);
	}
}

static void hostmem_name_unlink(struct hostmem_region *region, struct dentry *dentry)
{
	struct dentry *dir = hostmem_name_lock_dir(dentry);
	struct inode *inode = d_inode(dentry);

	inode_lock(inode);
	/* Unless somebody else has done so. */
	if (simple_positive(dentry)) {
		hostmem_name_drop(region);
		simple_unlink(d_inode(dir), dentry);
		d_invalidate(dentry);
		fsnotify_unlink(d_inode(dir), dentry);
	}
	inode_unlock(inode);
	inode_unlock(d_inode(dir));
	dput(dir);
}

/**
 * hostmem_name_remove - unlink the file of a region that is dead
 * @region: kept by the caller
 *
 * Context: sleeps; under no lock that a call on a file or a directory may need.
 */
void hostmem_name_remove(struct hostmem_region *region)
{
	struct dentry *dentry = NULL;
	struct super_block *sb;

	spin_lock(&hostmem_name_lock);
	if (region->dentry) {
		dentry = dget(region->dentry);
		sb = dentry->d_sb;
		atomic_inc(&sb->s_active);
	}
	spin_unlock(&hostmem_name_lock);
	if (!dentry)
		return;
	hostmem_name_unlink(region, dentry);
	dput(dentry);
	deactivate_super(sb);
}
