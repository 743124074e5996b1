// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace taken offline, in raw mode, and back online, through libndctl. While it is taken,
 * SIGINT, SIGTERM and SIGHUP wait: whoever holds it asks ctl_media_interrupted().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <daxctl/libdaxctl.h>

#include "media.h"

static const struct ctl_reason reasons[] = {
	{ EBUSY, "in use", "unmount its file system, end who has it open" },
	{ EPERM, "not permitted", "run hostmemctl as root" },
	{ EACCES, "not permitted", "run hostmemctl as root" },
	{ EIO, "a bad block", "see hostmemctl list -D, clear it: ndctl clear-errors" },
	{ ENXIO, "the device does not answer", "see dmesg" },
	{ 0, NULL, NULL },
};

static void signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

/* Whether somebody wants this command to end. */
bool ctl_media_interrupted(void)
{
	sigset_t pending, wanted;
	int i;

	signals(&wanted);
	sigpending(&pending);
	for (i = 1; i < NSIG; i++) {
		if (sigismember(&pending, i) == 1 && sigismember(&wanted, i) == 1)
			return true;
	}
	return false;
}

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

	*media = (struct ctl_media) { .ctl = ctl, .fd = -1, .enforce = -1 };
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
	struct ndctl_pfn *pfn = ndctl_namespace_get_pfn(media->ns);
	struct ndctl_dax *dax = ndctl_namespace_get_dax(media->ns);
	struct daxctl_region *region;
	struct daxctl_dev *dev;

	if (pfn)
		return ndctl_pfn_get_block_device(pfn);
	region = dax ? ndctl_dax_get_daxctl_region(dax) : NULL;
	dev = region ? daxctl_dev_get_first(region) : NULL;
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

/* Who has the /dev/dax device of the namespace open or mapped, or 0: libndctl does not look. */
static pid_t dax_user(struct ctl_media *media)
{
	struct ndctl_dax *dax = ndctl_namespace_get_dax(media->ns);
	const char *dev;
	char path[64];

	dev = dax && ndctl_dax_is_enabled(dax) ? ctl_media_device(media) : NULL;
	if (!dev)
		return 0;
	snprintf(path, sizeof(path), "/dev/%s", dev);
	return ctl_file_user(path);
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
	media->fd = open(path, (read_only(media) ? O_RDONLY : O_RDWR) | O_DIRECT | O_EXCL |
			 O_CLOEXEC);
	if (media->fd < 0)
		return -errno;
	/* Offsets must mean the namespace, not its data. */
	return lseek(media->fd, 0, SEEK_END) == (off_t)media->size ? 0 : -ENXIO;
}

static int bring_back(struct ctl_media *media)
{
	int rc;

	if (media->fd >= 0)
		close(media->fd);
	media->fd = -1;
	rc = ndctl_namespace_disable_safe(media->ns);
	if (rc >= 0)
		rc = ndctl_namespace_set_raw_mode(media->ns, 0);
	/* Namespaces without labels have no place for it. */
	if (rc >= 0 && media->enforce >= 0)
		ndctl_namespace_set_enforce_mode(media->ns, media->enforce);
	if (rc >= 0)
		rc = ndctl_namespace_enable(media->ns);
	return rc < 0 ? rc : 0;
}

/**
 * ctl_media_take - take a namespace offline, to have it alone
 * @media: that uses a namespace
 *
 * Return: CTL_GO, or CTL_FAILED after a message; then it is as it was.
 */
int ctl_media_take(struct ctl_media *media)
{
	sigset_t mask;
	pid_t pid;
	int rc;

	pid = dax_user(media);
	if (pid)
		return ctl_error(media->ctl, "namespace %s: pid %d (%s) has its /dev/dax device open; end it first",
				 media->name, pid, ctl_pid_command(pid).s);
	signals(&mask);
	sigprocmask(SIG_BLOCK, &mask, &media->old_mask);
	rc = ndctl_namespace_disable_safe(media->ns);
	if (rc >= 0) {
		rc = take_raw(media);
		if (rc < 0)
			bring_back(media);
	}
	if (rc >= 0)
		return CTL_GO;
	sigprocmask(SIG_SETMASK, &media->old_mask, NULL);
	return ctl_fail(media->ctl, rc, reasons, "namespace %s", media->name);
}

/**
 * ctl_media_read - read a page
 * @media: that is taken
 * @offset: bytes from the start of the namespace, a multiple of CTL_PAGE
 * @page: out: CTL_PAGE bytes
 *
 * Return: 0 or -errno; -EIO: a bad block.
 */
int ctl_media_read(struct ctl_media *media, uint64_t offset, void *page)
{
	ssize_t n = pread(media->fd, media->page, CTL_PAGE, offset);

	if (n != CTL_PAGE)
		return n < 0 ? -errno : -ENXIO;
	memcpy(page, media->page, CTL_PAGE);
	return 0;
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
 * ctl_media_release - bring a namespace back online, as what is written on it
 * @media: that is taken
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_media_release(struct ctl_media *media)
{
	int rc = bring_back(media);

	sigprocmask(SIG_SETMASK, &media->old_mask, NULL);
	if (!rc)
		return CTL_GO;
	return ctl_error(media->ctl, "namespace %s: it does not come back: %s; see dmesg, then: ndctl enable-namespace %s",
			 media->name, strerror(-rc), media->name);
}

/* The end; a namespace that is still taken is released. */
void ctl_media_end(struct ctl_media *media)
{
	if (media->fd >= 0)
		ctl_media_release(media);
	ndctl_unref(media->ndctl);
	free(media->page);
}
