// SPDX-License-Identifier: GPL-2.0
/*
 * HOSTMEM_MEDIA: a file that reads as all bytes of a namespace, with those that no device of it
 * shows, whatever it is used as at that moment. It takes nothing away from whoever uses it.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nd.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "hostmem_nd.h"

/*
 * What is mapped at a time. A piece does not cross a multiple of it: so it is all memory of the
 * system (kmem makes that of larger blocks), or has none.
 */
#define HOSTMEM_MEDIA_PIECE SZ_1M

/* An open file; what is not said otherwise is immutable. */
struct hostmem_media_file {
	struct list_head node;	/* in hostmem_media_held, or in itself: hostmem_namespaces_lock */
	struct device *dev;	/* the namespace, enabled or not, with a reference... */
	struct device *region;	/* ...as its parent, which is gone from it before the last one */
	u64 spa;
	u64 size;
};

/* The files with HOSTMEM_MEDIA_ALONE. */
static LIST_HEAD(hostmem_media_held);

static bool hostmem_media_held_by_name(const char *name)
{
	struct hostmem_media_file *media;

	lockdep_assert_held(&hostmem_namespaces_lock);
	list_for_each_entry(media, &hostmem_media_held, node) {
		if (!strcmp(dev_name(media->dev), name))
			return true;
	}
	return false;
}

/**
 * hostmem_media_is_held - whether somebody has a namespace alone
 * @ns: the namespace
 *
 * Context: under hostmem_namespaces_lock.
 * Return: true: no region and no lease may begin on it.
 */
bool hostmem_media_is_held(const struct hostmem_namespace *ns)
{
	return hostmem_media_held_by_name(ns->pmem.name);
}

/* Nobody uses the namespace through us, or will while the file is open. */
static int hostmem_media_hold(struct hostmem_media_file *media)
{
	const char *name = dev_name(media->dev);
	struct hostmem_namespace *ns;
	int rc;

	mutex_lock(&hostmem_namespaces_lock);
	rc = hostmem_media_held_by_name(name) ? -EBUSY : 0;
	list_for_each_entry(ns, &hostmem_namespaces, node) {
		if (!strcmp(ns->pmem.name, name) &&
		    (!list_empty(&ns->clients) || !list_empty(&ns->leases)))
			rc = -EBUSY;
	}
	if (!rc)
		list_add_tail(&media->node, &hostmem_media_held);
	mutex_unlock(&hostmem_namespaces_lock);
	return rc;
}

static void hostmem_media_free(struct hostmem_media_file *media)
{
	mutex_lock(&hostmem_namespaces_lock);
	list_del(&media->node);
	mutex_unlock(&hostmem_namespaces_lock);
	put_device(media->region);
	put_device(media->dev);
	kfree(media);
}

static int hostmem_media_release(struct inode *inode, struct file *file)
{
	hostmem_media_free(file->private_data);
	return 0;
}

/* All of a piece, or an error: -EIO: some of it is bad; -ENODEV: it is no longer what it was. */
static int hostmem_media_piece(const struct hostmem_media_file *media, u64 pos, void *data,
			       size_t length)
{
	const struct resource *res = &to_nd_namespace_io(media->dev)->res;
	const struct hostmem_pmem pmem = { .spa = media->spa, .size = media->size };
	int rc;

	device_lock(media->dev);
	if (!device_is_registered(media->dev) || res->start != media->spa ||
	    resource_size(res) != media->size)
		rc = -ENODEV;
	else if (hostmem_badblocks_any(media->dev, media->spa + pos, length))
		rc = -EIO;
	else
		rc = hostmem_media_read(&pmem, pos, data, length);
	device_unlock(media->dev);
	return rc;
}

static ssize_t hostmem_media_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	const struct hostmem_media_file *media = iocb->ki_filp->private_data;
	size_t room = min_t(size_t, iov_iter_count(to), HOSTMEM_MEDIA_PIECE);
	u64 pos = iocb->ki_pos;
	ssize_t done = 0;
	size_t length;
	void *data;
	int rc = 0;

	data = kvmalloc(room, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;
	while (!rc && pos < media->size && iov_iter_count(to)) {
		length = HOSTMEM_MEDIA_PIECE - (media->spa + pos) % HOSTMEM_MEDIA_PIECE;
		length = min3(length, iov_iter_count(to), room);
		length = min_t(u64, length, media->size - pos);
		rc = hostmem_media_piece(media, pos, data, length);
		if (!rc && copy_to_iter(data, length, to) != length)
			rc = -EFAULT;
		if (!rc) {
			pos += length;
			done += length;
		}
		if (fatal_signal_pending(current))
			rc = -EINTR;
		cond_resched();
	}
	kvfree(data);
	iocb->ki_pos = pos;
	return done ?: rc;
}

/* The owner: a file keeps the module loaded. */
static const struct file_operations hostmem_media_fops = {
	.owner = THIS_MODULE,
	.release = hostmem_media_release,
	.read_iter = hostmem_media_read_iter,
	.llseek = generic_file_llseek,
};

/* A regular file as long as the namespace, that cannot be opened again. */
static struct file *hostmem_media_open(struct hostmem_media_file *media)
{
	struct inode *inode = hostmem_anon_inode();
	struct file *file;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_mode |= S_IFREG;
	inode->i_size = media->size;
	file = hostmem_anon_file(inode, "[hostmem-media]", O_RDONLY | O_LARGEFILE,
				 &hostmem_media_fops, media);
	if (!IS_ERR(file))
		file->f_mode |= FMODE_LSEEK | FMODE_PREAD;
	return file;
}

static struct hostmem_media_file *hostmem_media_alloc(const char *name)
{
	struct device *dev = hostmem_nd_device(name);
	struct hostmem_media_file *media;
	int rc = -ENOENT;

	if (!dev)
		return ERR_PTR(rc);
	if (!hostmem_namespace_is(dev))
		goto err_device;
	media = kzalloc(sizeof(*media), GFP_KERNEL_ACCOUNT);
	rc = -ENOMEM;
	if (!media)
		goto err_device;
	INIT_LIST_HEAD(&media->node);
	media->dev = dev;
	device_lock(dev);
	media->region = get_device(dev->parent);
	media->spa = to_nd_namespace_io(dev)->res.start;
	media->size = resource_size(&to_nd_namespace_io(dev)->res);
	device_unlock(dev);
	return media;

err_device:
	put_device(dev);
	return ERR_PTR(rc);
}

/* The media() of struct hostmem_pmem_ops. */
int hostmem_nd_media(const char *name, u32 flags, struct file **out)
{
	struct hostmem_media_file *media = hostmem_media_alloc(name);
	int rc = 0;

	if (IS_ERR(media))
		return PTR_ERR(media);
	/* A namespace that is a seed has no place yet. */
	if (!media->size)
		rc = -ENOENT;
	if (!rc && flags & HOSTMEM_MEDIA_ALONE)
		rc = hostmem_media_hold(media);
	if (!rc) {
		*out = hostmem_media_open(media);
		rc = PTR_ERR_OR_ZERO(*out);
	}
	if (rc)
		hostmem_media_free(media);
	return rc;
}
