// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl extents: where a file is in physical memory
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

struct extents {
	bool human;
};

static const struct ctl_option options[] = {
	{ .name = "human", .letter = 'u', .type = &ctl_type_flag,
	  .offset = offsetof(struct extents, human),
	  .help = "sizes with units, offsets and addresses in hexadecimal, as strings" },
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "PATH [-u]",
	.text = "Print where in physical memory a file is, as JSON: a file of ext4 or xfs mounted with\n"
		"-o dax, a /dev/pmem device or a partition of it, or a /dev/dax device.",
	.args = "PATH",
	.min_args = 1,
	.max_args = 1,
	.options = options,
};

/* By HOSTMEM_EXTENTS_*: those about the whole file, then those about a place in it. */
static const struct {
	const char *cause;
	const char *way_out;
} refusals[] = {
	[HOSTMEM_EXTENTS_NOT_FILE] = {
		"neither a file nor a device",
		"give a file on a DAX file system, /dev/pmemX or /dev/daxX.Y" },
	[HOSTMEM_EXTENTS_NOT_PMEM] = {
		"not on an enabled pmem namespace, or not directly",
		"hostmemctl list -D shows the namespaces" },
	[HOSTMEM_EXTENTS_NOT_DAX] = {
		"on a pmem namespace, but not accessed in place",
		"use a namespace in fsdax mode, with ext4 or xfs mounted with -o dax" },
	[HOSTMEM_EXTENTS_HOLE] = {
		"a hole", "write to all of the file, zeros where it is empty" },
	[HOSTMEM_EXTENTS_UNWRITTEN] = {
		"allocated but never written",
		"write to all of the file, zeros where it is empty" },
	[HOSTMEM_EXTENTS_DELALLOC] = { "not on the medium yet", "run sync and try again" },
	[HOSTMEM_EXTENTS_INLINE] = {
		"kept in the file system's own data", "make the file larger than a block" },
	[HOSTMEM_EXTENTS_ENCODED] = {
		"compressed or encrypted", "copy it to a file that is not" },
	[HOSTMEM_EXTENTS_SHARED] = {
		"shared with another file", "copy it: cp --reflink=never" },
};

static int fail(struct ctl *ctl, int rc, const char *path, const struct hostmem_extent_list *list)
{
	static const struct ctl_reason reasons[] = {
		{ EPERM, "it shows physical addresses", "run hostmemctl as root" },
		{ EACCES, "it shows physical addresses", "run hostmemctl as root" },
		{ ENOPKG, "the module hostmem_nd is not loaded", "run hostmemctl load" },
		{ ENODEV, "its namespace was disabled meanwhile",
		  "hostmemctl list -D shows those that are enabled" },
		{ ETXTBSY, "the kernel swaps to it", "run swapoff, or give another file" },
		{ EIO, "its file system fails, or contradicts itself",
		  "see dmesg, and check the file system" },
		{ 0, NULL, NULL },
	};
	unsigned int reason = list->reason;

	if (!reason || reason >= sizeof(refusals) / sizeof(refusals[0]))
		return ctl_fail(ctl, rc, reasons, "%s", path);
	if (reason < HOSTMEM_EXTENTS_HOLE)
		return ctl_error(ctl, "%s: %s; %s", path, refusals[reason].cause,
				 refusals[reason].way_out);
	return ctl_error(ctl, "%s: %s at 0x%llx; %s", path, refusals[reason].cause, list->offset,
			 refusals[reason].way_out);
}

/* The namespace in which an address is, or NULL. */
static struct hostmem_pmem *find_pmem(struct ctl *ctl, uint64_t spa)
{
	struct hostmem_pmem *pmem;

	hostmem_pmem_foreach(ctl->ctx, pmem) {
		if (spa - hostmem_pmem_get_spa(pmem) < hostmem_pmem_get_size(pmem))
			return pmem;
	}
	return NULL;
}

/* "KEY":VALUE, of an object that is given up. */
static void print_member(const char *key, struct json_object *value)
{
	printf("  \"%s\":%s,\n", key,
	       json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
						     JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(value);
}

static void print_human(const struct hostmem_extent *extent)
{
	printf("    {\"offset\":\"0x%llx\",\"spa\":\"0x%llx\",\"length\":\"%s\"}",
	       (unsigned long long)extent->offset, (unsigned long long)extent->spa,
	       ctl_size_human(extent->length).s);
}

/* printf("%s%llu"), in a third of its time. */
static void print_number(const char *before, unsigned long long number)
{
	char digits[20];
	int i = sizeof(digits);

	do {
		digits[--i] = '0' + number % 10;
		number /= 10;
	} while (number);
	fputs_unlocked(before, stdout);
	fwrite_unlocked(digits + i, 1, sizeof(digits) - i, stdout);
}

static void print_extent(const struct hostmem_extent *extent)
{
	print_number("    {\"offset\":", extent->offset);
	print_number(",\"spa\":", extent->spa);
	print_number(",\"length\":", extent->length);
	putchar_unlocked('}');
}

/*
 * One object. There may be a million extents: they are printed as they are, one to a line,
 * instead of being made into objects first.
 */
static int print_list(struct ctl *ctl, const char *path, const struct hostmem_extent_list *list,
		      bool human)
{
	struct hostmem_pmem *pmem = list->count ? find_pmem(ctl, list->extents[0].spa) : NULL;
	const char *dev = pmem ? hostmem_pmem_get_dev(pmem) : NULL;
	unsigned int i;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	printf("{\n");
	print_member("path", json_object_new_string(path));
	print_member("dev", dev ? json_object_new_string(dev) : NULL);
	print_member("namespace",
		     pmem ? json_object_new_string(hostmem_pmem_get_name(pmem)) : NULL);
	print_member("size", ctl_json_size(list->size, human));
	printf("  \"extents\":[");
	for (i = 0; i < list->count; i++) {
		fputs_unlocked(i ? ",\n" : "\n", stdout);
		if (human)
			print_human(&list->extents[i]);
		else
			print_extent(&list->extents[i]);
	}
	printf("%s]\n}\n", list->count ? "\n  " : "");
	if (fflush(stdout) || ferror(stdout))
		return ctl_error(ctl, "stdout: %s; the output is not complete", strerror(errno));
	return CTL_OK;
}

static int run(struct ctl *ctl, const char *path, int fd, bool human)
{
	struct hostmem_extent_list list;
	int rc;

	rc = hostmem_extents_get(ctl->ctx, fd, NULL, &list);
	if (rc)
		return fail(ctl, rc, path, &list);
	rc = hostmem_pmem_refresh(ctl->ctx);
	if (rc)
		rc = ctl_fail(ctl, rc, ctl_netlink_reasons, "list of pmem namespaces");
	else
		rc = print_list(ctl, path, &list, human);
	free(list.extents);
	return rc;
}

int cmd_extents(struct ctl *ctl, int argc, char **argv)
{
	struct extents extents = { .human = false };
	int rc, fd;

	rc = ctl_parse(ctl, &usage, &extents, &argc, &argv);
	if (rc == CTL_GO)
		rc = ctl_open(ctl, CTL_NEED_PMEM);
	if (rc != CTL_GO)
		return rc;
	/* Not to wait for somebody at the other end of a pipe. */
	fd = open(argv[0], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return ctl_error(ctl, "%s: %s; give a file that can be opened",
				 *argv[0] ? argv[0] : "\"\"", strerror(errno));
	rc = run(ctl, argv[0], fd, extents.human);
	close(fd);
	return rc;
}
