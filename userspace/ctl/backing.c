// SPDX-License-Identifier: GPL-2.0-only
/*
 * --backing of create-region: where the memory comes from, and how much there is of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/hostmem_reserve.h>

#include "ctl.h"

/**
 * ctl_backing_parse - take --backing apart
 * @ctl: the command
 * @text: of the option, or NULL
 * @backing: out
 *
 * Return: CTL_GO, or another status after a message.
 */
int ctl_backing_parse(struct ctl *ctl, const char *text, struct ctl_backing *backing)
{
	*backing = (struct ctl_backing) { .kind = HOSTMEM_BACKING_RAM };
	if (!text || !strcmp(text, "ram"))
		return CTL_GO;
	if (!strcmp(text, "window"))
		return ctl_error(ctl, "--backing window: not supported by this version; use ram, file:PATH or reserve:NAMESPACE");
	if (!strncmp(text, "file:", 5)) {
		backing->kind = HOSTMEM_BACKING_FILE;
		backing->name = text + 5;
	} else if (!strncmp(text, "reserve:", 8)) {
		backing->kind = HOSTMEM_BACKING_RESERVE;
		backing->name = text + 8;
	}
	if (!backing->name || !*backing->name || !strcmp(backing->name, "uuid=") ||
	    !strcmp(backing->name, "for="))
		return ctl_misuse(ctl, "--backing %s: not understood; it takes ram, file:PATH, or reserve: with NAMESPACE, uuid=UUID or for=PURPOSE",
				  text);
	return CTL_GO;
}

/* A number from a file of a device in sysfs, or 0. */
static uint64_t device_number(const struct stat *st, const char *format)
{
	unsigned long long value = 0;
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), format, major(st->st_rdev), minor(st->st_rdev));
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static int open_file(struct ctl *ctl, struct ctl_backing *backing)
{
	struct stat st;

	backing->fd = open(backing->name, O_RDWR | O_CLOEXEC);
	if (backing->fd < 0 || fstat(backing->fd, &st))
		return ctl_error(ctl, "--backing file:%s: %s; give a file that exists and that you may write to",
				 backing->name, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return ctl_error(ctl, "--backing file:%s: neither a regular file nor /dev/daxX.Y; give a file on a DAX file system",
				 backing->name);
	backing->room = st.st_size;
	if (S_ISCHR(st.st_mode)) {
		backing->room = device_number(&st, "/sys/dev/char/%u:%u/size");
		backing->block = device_number(&st, "/sys/dev/char/%u:%u/align");
	}
	return CTL_GO;
}

/* Whether a namespace is the one that is meant: by its reserve, or by its name of today. */
static bool is_meant(struct hostmem_pmem *pmem, const char *name)
{
	bool has_reserve = hostmem_pmem_get_reserve_layout(pmem);

	if (!strncmp(name, "uuid=", 5))
		return has_reserve && !strcasecmp(hostmem_pmem_get_reserve_uuid(pmem), name + 5);
	if (!strncmp(name, "for=", 4))
		return has_reserve && !strcmp(hostmem_pmem_get_reserve_purpose(pmem), name + 4);
	return !strcmp(hostmem_pmem_get_name(pmem), name);
}

/* What is meant, and its name; of several the names of all. */
static struct hostmem_pmem *find_pmem(struct ctl *ctl, const char *name, char *found, size_t size)
{
	struct hostmem_pmem *pmem, *meant = NULL;
	size_t used = 0;

	*found = '\0';
	hostmem_pmem_foreach(ctl->ctx, pmem) {
		if (!is_meant(pmem, name))
			continue;
		meant = pmem;
		if (used < size)
			used += snprintf(found + used, size - used, "%s%s", used ? ", " : "",
					 hostmem_pmem_get_name(pmem));
	}
	return meant;
}

static int find_reserve(struct ctl *ctl, struct ctl_backing *backing)
{
	int rc = hostmem_pmem_refresh(ctl->ctx);
	struct hostmem_pmem *pmem;
	char found[512];

	if (rc)
		return ctl_fail(ctl, rc, ctl_netlink_reasons, "list of pmem namespaces");
	pmem = find_pmem(ctl, backing->name, found, sizeof(found));
	if (!pmem)
		return ctl_error(ctl, "--backing reserve:%s: no such namespace is enabled; hostmemctl list -D shows those that are",
				 backing->name);
	if (strcmp(found, hostmem_pmem_get_name(pmem)))
		return ctl_error(ctl, "--backing reserve:%s: several are meant by that: %s; name one: reserve:uuid=UUID, as hostmemctl list -D shows",
				 backing->name, found);
	if (!hostmem_pmem_get_reserve_layout(pmem))
		return ctl_error(ctl, "--backing reserve:%s: the namespace has no reserve; hostmemctl create-namespace makes one",
				 backing->name);
	backing->pmem = hostmem_pmem_get_id(pmem);
	backing->room = hostmem_pmem_get_reserve_size(pmem) - HOSTMEM_RESERVE_OVERHEAD;
	return CTL_GO;
}

/**
 * ctl_backing_open - find what the memory is to come from
 * @ctl: the command, opened with what ctl_backing_need() says
 * @backing: parsed; out: the rest
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_backing_open(struct ctl *ctl, struct ctl_backing *backing)
{
	if (backing->kind == HOSTMEM_BACKING_FILE)
		return open_file(ctl, backing);
	if (backing->kind == HOSTMEM_BACKING_RESERVE)
		return find_reserve(ctl, backing);
	return CTL_GO;
}

/* What of the module the backing needs. */
enum ctl_need ctl_backing_need(const struct ctl_backing *backing)
{
	return backing->kind == HOSTMEM_BACKING_RAM ? CTL_NEED_CONTROL : CTL_NEED_PMEM;
}

void ctl_backing_close(struct ctl_backing *backing)
{
	if (backing->fd > 0)
		close(backing->fd);
}

/**
 * ctl_backing_align - what a mapping of all of a region has to be aligned to
 * @region: the region
 *
 * Who may not be told which /dev/dax it is goes by the blocks, which are by default as large as its
 * alignment: to align to more than that is no harm.
 *
 * Return: bytes, at least 2 MiB: KVM can then use pages of that size.
 */
uint64_t ctl_backing_align(struct hostmem_region *region)
{
	const char *source = hostmem_region_get_source(region);
	uint64_t align = 0;
	struct stat st;

	if (source && !strncmp(source, "file:/dev/", 10)) {
		if (!stat(source + 5, &st) && S_ISCHR(st.st_mode))
			align = device_number(&st, "/sys/dev/char/%u:%u/align");
	} else if (!source && hostmem_region_get_backing(region) == HOSTMEM_BACKING_FILE) {
		align = hostmem_region_get_block_size(region);
	}
	return align > HOSTMEM_MIN_BLOCK_SIZE ? align : HOSTMEM_MIN_BLOCK_SIZE;
}

/**
 * ctl_backing_fail - say why a region cannot have its memory from there
 * @ctl: the command
 * @backing: opened
 * @size: of the region
 * @rc: -errno
 *
 * Return: CTL_FAILED after a message; CTL_GO: the backing is not the reason.
 */
int ctl_backing_fail(struct ctl *ctl, const struct ctl_backing *backing, uint64_t size, int rc)
{
	static const struct ctl_reason reasons[] = {
		{ ENXIO, "not on an enabled pmem namespace, or not directly",
		  "hostmemctl list -D shows the namespaces" },
		{ EMEDIUMTYPE, "on pmem, but not accessed in place",
		  "use a namespace in fsdax mode, with ext4 or xfs mounted with -o dax" },
		{ ENODATA, "the file has holes", "give it all its blocks: fallocate -l SIZE FILE" },
		{ EAGAIN, "the file is not on the medium yet", "run sync and try again" },
		{ EILSEQ, "the file is kept in the file system's own data, or encrypted",
		  "use a plain file of at least 2 MiB" },
		{ EMLINK, "the file shares blocks with another", "copy it: cp --reflink=never" },
		{ ETXTBSY, "the kernel swaps to it", "run swapoff, or give another file" },
		{ EPERM, "the file belongs to somebody else, or a reserve takes CAP_SYS_ADMIN",
		  "run hostmemctl as root" },
		{ EBUSY, "another region has it, or a page of one that has ended is still pinned",
		  "hostmemctl list -R shows which region; end whoever has pinned the page" },
		{ EROFS, "the DIMM is not armed, or read-only: what is written may be lost",
		  "ndctl list -DH and -R show which; dmesg says why" },
		{ ENODEV, "its namespace was disabled meanwhile",
		  "hostmemctl list -D shows those that are enabled" },
		{ ENOENT, "the namespace has no reserve any more", "hostmemctl list -D" },
		{ ENOPKG, "the module hostmem_nd is not loaded", "run hostmemctl load" },
		{ EIO, "its file system fails, or contradicts itself",
		  "see dmesg, and check the file system" },
		{ 0, NULL, NULL },
	};

	if (backing->kind == HOSTMEM_BACKING_RAM)
		return CTL_GO;
	if (rc == -ENOSPC && size > backing->room)
		return ctl_error(ctl, "--backing %s: --size %s is more than it has; use at most %s",
				 backing->name, ctl_size_arg(size).s,
				 ctl_size_arg(backing->room).s);
	if (!ctl_find_reason(reasons, rc))
		return CTL_GO;
	return ctl_fail(ctl, rc, reasons, "--backing %s", backing->name);
}
