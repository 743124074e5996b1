// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is on a namespace, read by a file of hostmem_nd, which takes it from nobody; and a namespace
 * taken offline, in raw mode, to be written to, and back online, through libndctl.
 *
 * To take it: look who uses it, exclude whoever can be excluded (regions and leases by that file,
 * mounts, swap and what is stacked by O_EXCL), look again, disable it, and look for who has opened
 * its device in between. From then on signals wait: whoever holds it asks ctl_signals_pending().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <daxctl/libdaxctl.h>

#include "media.h"

static const struct ctl_reason reasons[] = {
	{ EBUSY, "in use by somebody who is not visible here, or by another hostmemctl",
	  "end that first: look for its device, regions and leases in other containers" },
	{ ENOENT, "it has gone", "ndctl list -Ni shows those that there are" },
	{ ENOPKG, "the module hostmem_nd is not loaded", "run hostmemctl load" },
	{ EPERM, "not permitted", "run hostmemctl as root" },
	{ EACCES, "not permitted", "run hostmemctl as root" },
	{ EIO, "a bad block", "see hostmemctl list -D, clear it: ndctl clear-errors" },
	{ ENXIO, "the device does not answer", "see dmesg" },
	{ 0, NULL, NULL },
};

/**
 * ctl_media_begin - get ready to look for namespaces
 * @media: to be passed to ctl_media_end()
 * @ctl: the command
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_media_begin(struct ctl_media *media, struct ctl *ctl)
{
	int rc;

	*media = (struct ctl_media) { .ctl = ctl, .look = -1, .fd = -1, .enforce = -1 };
	if (posix_memalign(&media->page, CTL_PAGE, CTL_PAGE))
		return ctl_fail(ctl, -ENOMEM, NULL, "namespaces");
	rc = ndctl_new(&media->ndctl);
	if (rc) {
		free(media->page);
		return ctl_fail(ctl, rc, NULL, "libndctl");
	}
	return CTL_GO;
}

/* The namespace that all that follows is about. */
void ctl_media_use(struct ctl_media *media, struct ndctl_namespace *ns)
{
	media->ns = ns;
	media->name = ndctl_namespace_get_devname(ns);
	media->spa = ndctl_namespace_get_resource(ns);
	media->size = ndctl_namespace_get_size(ns);
}

/* What libndctl has of this name, or NULL. */
struct ndctl_namespace *ctl_media_lookup(struct ndctl_ctx *ndctl, const char *name)
{
	struct ndctl_namespace *ns;
	struct ndctl_region *region;
	struct ndctl_bus *bus;

	ndctl_bus_foreach(ndctl, bus)
		ndctl_region_foreach(bus, region)
			ndctl_namespace_foreach(region, ns)
				if (!strcmp(ndctl_namespace_get_devname(ns), name))
					return ns;
	return NULL;
}

/**
 * ctl_media_find - use a namespace by its name
 * @media: begun
 * @name: as ndctl gives it
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_media_find(struct ctl_media *media, const char *name)
{
	struct ndctl_namespace *ns = ctl_media_lookup(media->ndctl, name);

	if (!ns)
		return ctl_error(media->ctl, "namespace %s: there is none of this name; ndctl list -Ni shows those that there are",
				 name);
	ctl_media_use(media, ns);
	if (!media->size)
		return ctl_error(media->ctl, "namespace %s: it has no size yet; leave -e out to make one of free space",
				 name);
	if (media->spa == ULLONG_MAX)
		return ctl_error(media->ctl, "namespace %s: its address is not visible; run hostmemctl as root",
				 name);
	return CTL_GO;
}

/**
 * ctl_media_device - the device of a namespace that is online
 * @media: the namespace
 *
 * Return: "pmem0", "dax0.0", or NULL.
 */
const char *ctl_media_device(struct ctl_media *media)
{
	struct ndctl_dax *dax = ndctl_namespace_get_dax(media->ns);
	struct daxctl_region *region = dax ? ndctl_dax_get_daxctl_region(dax) : NULL;
	struct daxctl_dev *dev = region ? daxctl_dev_get_first(region) : NULL;

	if (!dax)
		return ctl_media_disk(media);
	return dev ? daxctl_dev_get_devname(dev) : NULL;
}

/* The kernel takes no write to the memory of a DIMM that is not armed. */
static bool read_only(const struct ctl_media *media)
{
	return ndctl_region_get_ro(ndctl_namespace_get_region(media->ns)) == 1;
}

/**
 * ctl_media_writable - whether what is written to a namespace would be there later
 * @media: that uses a namespace
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_media_writable(struct ctl_media *media)
{
	if (!read_only(media))
		return CTL_GO;
	return ctl_error(media->ctl, "namespace %s: its DIMM is not armed, or its region has been made read-only, so nothing can be written; ndctl list -DH shows the health, and 0 in /sys/bus/nd/devices/%s/read_only makes it writable",
			 media->name,
			 ndctl_region_get_devname(ndctl_namespace_get_region(media->ns)));
}

/* Let go of what is open of it. */
static void put_look(struct ctl_media *media)
{
	if (media->look >= 0)
		close(media->look);
	media->look = -1;
}

static int open_look(struct ctl_media *media, unsigned int flags)
{
	int rc = media->ctl->ctx ? CTL_GO : ctl_open(media->ctl, CTL_NEED_PMEM);

	if (rc != CTL_GO)
		return rc;
	put_look(media);
	rc = hostmem_pmem_open_media(media->ctl->ctx, media->name, flags, &media->look);
	if (rc != -EBUSY || ctl_media_idle(media) == CTL_GO)
		return rc ? ctl_fail(media->ctl, rc, reasons, "namespace %s", media->name) : CTL_GO;
	return CTL_FAILED;
}

/**
 * ctl_media_look - get ready to read what is on a namespace, whoever uses it
 * @media: that uses a namespace
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_media_look(struct ctl_media *media)
{
	return open_look(media, 0);
}

/* Its disk, which nobody can mount, swap to or stack something on until it is closed; -1: none. */
static int exclude(struct ctl_media *media, int *fd)
{
	const char *disk = ctl_media_disk(media);
	char path[64];
	int rc;

	*fd = -1;
	if (!disk)
		return CTL_GO;
	snprintf(path, sizeof(path), "/dev/%s", disk);
	*fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (*fd >= 0)
		return CTL_GO;
	rc = -errno;
	return ctl_media_idle(media) == CTL_GO ?
	       ctl_fail(media->ctl, rc, reasons, "namespace %s", media->name) : CTL_FAILED;
}

/* Offline; nobody has had it open. */
static int disable(struct ctl_media *media)
{
	int rc, fd = -1;

	if (!media->was_active)
		return CTL_GO;
	rc = exclude(media, &fd);
	if (rc == CTL_GO)
		rc = ctl_media_idle(media);
	if (rc == CTL_GO) {
		rc = ndctl_namespace_disable_invalidate(media->ns);
		rc = rc < 0 ? ctl_fail(media->ctl, rc, reasons, "namespace %s", media->name) :
			      ctl_media_left(media);
		if (rc != CTL_GO)
			ndctl_namespace_enable(media->ns);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

static int take_raw(struct ctl_media *media)
{
	const char *disk;
	char path[64];
	int rc;

	rc = ndctl_namespace_set_raw_mode(media->ns, 1);
	if (rc >= 0)
		rc = ndctl_namespace_enable(media->ns);
	if (rc < 0)
		return rc;
	disk = ndctl_namespace_get_block_device(media->ns);
	if (!disk || !*disk)
		return -ENXIO;
	snprintf(path, sizeof(path), "/dev/%s", disk);
	media->fd = open(path, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
	if (media->fd < 0)
		return -errno;
	/* Offsets must mean the namespace, not its data. */
	return lseek(media->fd, 0, SEEK_END) == (off_t)media->size ? 0 : -ENXIO;
}

/* No longer raw; nobody can have mounted it before it is disabled. */
static int bring_back(struct ctl_media *media, bool enable)
{
	int rc = ndctl_namespace_disable_invalidate(media->ns);

	if (media->fd >= 0)
		close(media->fd);
	media->fd = -1;
	if (rc >= 0)
		rc = ndctl_namespace_set_raw_mode(media->ns, 0);
	/* Namespaces without labels have no place for it. */
	if (rc >= 0 && media->enforce >= 0)
		ndctl_namespace_set_enforce_mode(media->ns, media->enforce);
	if (rc >= 0 && enable)
		rc = ndctl_namespace_enable(media->ns);
	return rc < 0 ? rc : 0;
}

/**
 * ctl_media_take - take a namespace offline, to have it alone
 * @media: that uses a namespace
 *
 * What has been read of it before may have changed meanwhile.
 *
 * Return: CTL_GO, or CTL_FAILED after a message; then it is as it was.
 */
int ctl_media_take(struct ctl_media *media)
{
	int rc = open_look(media, HOSTMEM_MEDIA_ALONE);

	if (rc != CTL_GO)
		return rc;
	ctl_signals_hold();
	media->was_active = ndctl_namespace_is_active(media->ns);
	rc = disable(media);
	if (rc == CTL_GO) {
		rc = take_raw(media);
		if (rc >= 0)
			return CTL_GO;
		bring_back(media, media->was_active);
		rc = ctl_fail(media->ctl, rc, reasons, "namespace %s", media->name);
	}
	put_look(media);
	return rc;
}

/**
 * ctl_media_read - read a page
 * @media: that is looked at or taken
 * @offset: bytes from the start of the namespace, a multiple of CTL_PAGE
 * @page: out: CTL_PAGE bytes
 *
 * Return: 0 or -errno; -EIO: a bad block.
 */
int ctl_media_read(struct ctl_media *media, uint64_t offset, void *page)
{
	ssize_t n = pread(media->look, page, CTL_PAGE, offset);

	return n == CTL_PAGE ? 0 : n < 0 ? -errno : -ENXIO;
}

/**
 * ctl_media_write - write a page, and see that it is on the media
 * @media: that is taken
 * @offset: bytes from the start of the namespace, a multiple of CTL_PAGE
 * @page: CTL_PAGE bytes
 *
 * Return: 0 or -errno; -EIO: it is not what was written.
 */
int ctl_media_write(struct ctl_media *media, uint64_t offset, const void *page)
{
	ssize_t n;

	memcpy(media->page, page, CTL_PAGE);
	n = pwrite(media->fd, media->page, CTL_PAGE, offset);
	if (n != CTL_PAGE)
		return n < 0 ? -errno : -ENXIO;
	if (fsync(media->fd))
		return -errno;
	n = pread(media->fd, media->page, CTL_PAGE, offset);
	if (n != CTL_PAGE)
		return n < 0 ? -errno : -ENXIO;
	return memcmp(media->page, page, CTL_PAGE) ? -EIO : 0;
}

/**
 * ctl_media_release - no longer have a namespace alone
 * @media: that is taken
 * @enable: bring it back online, as what is written on it
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_media_release(struct ctl_media *media, bool enable)
{
	int rc = bring_back(media, enable);

	put_look(media);
	if (!rc)
		return CTL_GO;
	return ctl_error(media->ctl, "namespace %s: it does not come back: %s; see dmesg, then: ndctl enable-namespace %s",
			 media->name, strerror(-rc), media->name);
}

/* The end; a namespace that is still taken is released. */
void ctl_media_end(struct ctl_media *media)
{
	if (media->fd >= 0)
		ctl_media_release(media, media->was_active);
	put_look(media);
	ndctl_unref(media->ndctl);
	free(media->page);
}
