// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who uses a namespace: regions and leases of hostmem, what is on its disk, processes that have its
 * device open or mapped, the system, whose memory it is.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <daxctl/libdaxctl.h>

#include "media.h"

/* The namespace as the module knows it, or NULL: it is not enabled. */
static struct hostmem_pmem *find_pmem(struct ctl_media *media)
{
	struct hostmem_pmem *pmem;

	hostmem_pmem_foreach(media->ctl->ctx, pmem) {
		if (!strcmp(hostmem_pmem_get_name(pmem), media->name))
			return pmem;
	}
	return NULL;
}

/* A process that has a region, or 0: only its name keeps it. */
static pid_t region_user(struct hostmem_region *region)
{
	struct hostmem_user *user;

	hostmem_user_foreach(region, user) {
		if (hostmem_user_get_pid(user) && hostmem_user_get_pid(user) != getpid())
			return hostmem_user_get_pid(user);
	}
	return 0;
}

static int fail_region(struct ctl_media *media, struct hostmem_region *region)
{
	const char *name = hostmem_region_get_name(region);
	pid_t pid = region_user(region);

	if (!name)
		return ctl_error(media->ctl, "namespace %s: in use by an anonymous region of pid %d (%s); end it first",
				 media->name, pid, ctl_pid_command(pid).s);
	if (!pid)
		return ctl_error(media->ctl, "namespace %s: in use by region %s; destroy it first: hostmemctl destroy-region %s",
				 media->name, name, name);
	return ctl_error(media->ctl, "namespace %s: in use by region %s of pid %d (%s); end it first, then: hostmemctl destroy-region %s",
			 media->name, name, pid, ctl_pid_command(pid).s, name);
}

/* Of hostmem: regions and leases. */
static int check_hostmem(struct ctl_media *media)
{
	struct hostmem_region *region;
	struct hostmem_pmem *pmem;
	int rc = ctl_refresh(media->ctl);
	pid_t pid;

	if (rc != CTL_GO)
		return rc;
	rc = hostmem_pmem_refresh(media->ctl->ctx);
	if (rc)
		return ctl_fail(media->ctl, rc, NULL, "list of namespaces");
	pmem = find_pmem(media);
	if (!pmem)
		return CTL_GO;
	hostmem_region_foreach(media->ctl->ctx, region) {
		if (hostmem_region_get_pmem_id(region) == hostmem_pmem_get_id(pmem))
			return fail_region(media, region);
	}
	pid = ctl_lease_user(hostmem_pmem_get_id(pmem));
	if (!pid)
		return CTL_GO;
	return ctl_error(media->ctl, "namespace %s: in use by a lease of pid %d (%s); end it first",
			 media->name, pid, ctl_pid_command(pid).s);
}

/* Who has a device open or mapped, or 0. udev, which looks at what is new, is about to be done. */
static pid_t device_user(const char *path)
{
	pid_t pid = ctl_file_user(path);
	unsigned int i;

	for (i = 0; i < 50 && pid && strstr(ctl_pid_command(pid).s, "udev"); i++) {
		usleep(100000);
		pid = ctl_file_user(path);
	}
	return pid;
}

static int check_open(struct ctl_media *media, const char *name)
{
	char path[64];
	pid_t pid;

	snprintf(path, sizeof(path), "/dev/%s", name);
	pid = device_user(path);
	if (!pid)
		return CTL_GO;
	return ctl_error(media->ctl, "namespace %s: in use by pid %d (%s), which has %s open or mapped; end it first",
			 media->name, pid, ctl_pid_command(pid).s, path);
}

/* The same, of one that ctl_media_left() is to ask about. */
static int check_device(struct ctl_media *media, const char *name)
{
	unsigned int i;

	for (i = 0; i < CTL_MEDIA_DEVICES && *media->devices[i]; i++)
		;
	if (i < CTL_MEDIA_DEVICES)
		snprintf(media->devices[i], sizeof(media->devices[i]), "%s", name);
	return check_open(media, name);
}

static int check_disk(struct ctl_media *media, const char *name)
{
	char use[512];

	if (ctl_disk_use(name, use, sizeof(use)))
		return ctl_error(media->ctl, "namespace %s: in use: %s", media->name, use);
	return check_device(media, name);
}

/* Whether the system has made a device its own memory. */
static bool is_kmem(const char *name)
{
	char path[96], driver[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/driver", name);
	n = readlink(path, driver, sizeof(driver) - 1);
	if (n < 0)
		return false;
	driver[n] = 0;
	return !strcmp(strrchr(driver, '/') ? strrchr(driver, '/') + 1 : driver, "kmem");
}

/* The /dev/dax devices: there may be several. */
static int check_dax(struct ctl_media *media, struct ndctl_dax *dax)
{
	struct daxctl_region *region = ndctl_dax_get_daxctl_region(dax);
	struct daxctl_dev *dev;
	const char *name;
	int rc = CTL_GO;

	if (!region)
		return rc;
	daxctl_dev_foreach(region, dev) {
		name = daxctl_dev_get_devname(dev);
		if (is_kmem(name))
			return ctl_error(media->ctl, "namespace %s: in use: %s is memory of the system (kmem); take it back first: daxctl reconfigure-device -f -m devdax %s",
					 media->name, name, name);
		rc = check_device(media, name);
		if (rc != CTL_GO)
			break;
	}
	return rc;
}

/**
 * ctl_media_disk - the disk of a namespace that is enabled
 * @media: the namespace
 *
 * Return: "pmem0", or NULL: it has none.
 */
const char *ctl_media_disk(struct ctl_media *media)
{
	struct ndctl_btt *btt = ndctl_namespace_get_btt(media->ns);
	struct ndctl_pfn *pfn = ndctl_namespace_get_pfn(media->ns);
	const char *disk = NULL;

	if (btt)
		disk = ndctl_btt_get_block_device(btt);
	else if (pfn)
		disk = ndctl_pfn_get_block_device(pfn);
	else if (!ndctl_namespace_get_dax(media->ns) && ndctl_namespace_is_enabled(media->ns))
		disk = ndctl_namespace_get_block_device(media->ns);
	return disk && *disk ? disk : NULL;
}

/**
 * ctl_media_idle - see that nobody uses a namespace
 * @media: that uses a namespace
 *
 * Return: CTL_GO, or CTL_FAILED after a message that says who does.
 */
int ctl_media_idle(struct ctl_media *media)
{
	struct ndctl_dax *dax = ndctl_namespace_get_dax(media->ns);
	const char *disk;
	int rc = check_hostmem(media);

	memset(media->devices, 0, sizeof(media->devices));
	if (rc != CTL_GO || !ndctl_namespace_is_active(media->ns))
		return rc;
	if (dax)
		return check_dax(media, dax);
	disk = ctl_media_disk(media);
	return disk ? check_disk(media, disk) : CTL_GO;
}

/**
 * ctl_media_left - see that nobody has opened what has just gone
 * @media: that was found idle and has been disabled
 *
 * Return: CTL_GO, or CTL_FAILED after a message that says who has.
 */
int ctl_media_left(struct ctl_media *media)
{
	unsigned int i;
	int rc = CTL_GO;

	for (i = 0; rc == CTL_GO && i < CTL_MEDIA_DEVICES && *media->devices[i]; i++)
		rc = check_open(media, media->devices[i]);
	return rc;
}
