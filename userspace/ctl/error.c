// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages: hostmemctl: VERB: WHAT: CAUSE; WAY OUT
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

static const char reload[] =
	"load the module that came with this command: hostmemctl unload, hostmemctl load";

/* What an errno means whatever it is about. */
static const struct ctl_reason general[] = {
	{ EINTR, "interrupted; nothing is left behind", "run it again" },
	{ ENOMEM, "no memory", "free memory, and run it again" },
	{ EMFILE, "too many open files", "raise ulimit -n" },
	{ ENFILE, "the host has too many open files", "raise it: sysctl fs.file-max" },
	{ 0, NULL, NULL },
};

/* What each errno of linux/hostmem.h means of a region, whatever the call. */
static const struct ctl_reason of_regions[] = {
	{ ENOTTY, "the loaded module does not know this call", reload },
	{ E2BIG, "the loaded module is older than this command", reload },
	{ EOPNOTSUPP, "the loaded module does not support this", reload },
	{ EINVAL, "a value is not acceptable", "see the manual page for what is" },
	{ EOVERFLOW, "offset and length add up to more than 64 bits",
	  "give a range inside the region" },
	{ ENOENT, "there is no such region", "hostmemctl list shows those that there are" },
	{ EEXIST, "it exists already", "choose another" },
	{ EBUSY, "in use", "try again when it is not" },
	{ EPERM, "the right to do this is missing", "run hostmemctl as root" },
	{ EACCES, "no permission to open it",
	  "run hostmemctl as root, or as a user whom its mode admits" },
	{ ENODEV, "the region was destroyed, or this view of it revoked, meanwhile",
	  "hostmemctl list shows the regions that there are" },
	{ ENOMEM, "no memory, or the limit of the memory cgroup is reached; nothing was changed",
	  "ask for less, free memory, or raise memory.max" },
	{ ENOSPC, "no room: a limit of the module, of the host or of the backing is reached",
	  "destroy what is not needed" },
	{ ECANCELED, "cancelled; what was allocated has been given back", "run it again" },
	{ EFAULT, "the kernel could not read the arguments, which is an error in hostmemctl",
	  "report it" },
	{ 0, NULL, NULL },
};

const struct ctl_reason ctl_netlink_reasons[] = {
	{ ENODEV, "the netlink family of the module is missing here",
	  "run \"modprobe hostmem\" as root; use the first network namespace" },
	{ EPERM, "it shows physical addresses", "run hostmemctl as root" },
	{ EACCES, "no permission to use netlink", "run hostmemctl as root" },
	{ EAFNOSUPPORT, "no netlink is allowed here", "run hostmemctl outside of the sandbox" },
	{ EAGAIN, "it changed each time that it was read", "run it again" },
	{ EMSGSIZE, "an answer is larger than this command expects", reload },
	{ EBADMSG, "an answer that this command does not understand", reload },
	{ EOPNOTSUPP, "the loaded module does not tell this", reload },
	{ 0, NULL, NULL },
};

/* Begin a line; stdout first, so that the two stay in order where they go to one file. */
static void message_begin(const struct ctl *ctl)
{
	fflush(stdout);
	fprintf(stderr, "hostmemctl: ");
	if (ctl->verb)
		fprintf(stderr, "%s: ", ctl->verb);
}

/* End the line of an error. */
static void message_end(const struct ctl *ctl)
{
	if (*ctl->changed)
		fprintf(stderr, "; but %s", ctl->changed);
	fputc('\n', stderr);
}

void ctl_changed(struct ctl *ctl, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ctl->changed, sizeof(ctl->changed), format, args);
	va_end(args);
}

int ctl_error(struct ctl *ctl, const char *format, ...)
{
	va_list args;

	message_begin(ctl);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	message_end(ctl);
	return CTL_FAILED;
}

int ctl_misuse(struct ctl *ctl, const char *format, ...)
{
	va_list args;

	message_begin(ctl);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; see hostmemctl %s%s--help\n", ctl->verb ? ctl->verb : "",
		ctl->verb ? " " : "");
	return CTL_USAGE;
}

void ctl_note(struct ctl *ctl, int level, const char *format, ...)
{
	va_list args;

	if (ctl->verbose < level)
		return;
	message_begin(ctl);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

const struct ctl_reason *ctl_find_reason(const struct ctl_reason *reasons, int rc)
{
	for (; reasons && reasons->err; reasons++) {
		if (reasons->err == -rc)
			return reasons;
	}
	return NULL;
}

int ctl_fail(struct ctl *ctl, int rc, const struct ctl_reason *reasons, const char *format,
	     ...)
{
	const struct ctl_reason *reason = ctl_find_reason(reasons, rc);
	va_list args;

	if (!reason)
		reason = ctl_find_reason(general, rc);
	message_begin(ctl);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (reason)
		fprintf(stderr, ": %s; %s", reason->cause, reason->way_out);
	else
		fprintf(stderr, ": %s", strerror(-rc));
	message_end(ctl);
	return CTL_FAILED;
}

int ctl_fail_region(struct ctl *ctl, int rc, const struct ctl_reason *reasons, const char *name)
{
	return ctl_fail(ctl, rc, ctl_find_reason(reasons, rc) ? reasons : of_regions, "region %s",
			name);
}

int ctl_fail_name(struct ctl *ctl, const char *name)
{
	return ctl_error(ctl, "region %s: the name is not allowed; use a path below " CTL_MOUNT ", as vm0 or tenant1/vm0: parts of up to 255 bytes, none of them empty, \".\" or \"..\"",
			 *name ? name : "\"\"");
}

/* Of the two files that have to admit us, which one did not. */
int ctl_fail_access(struct ctl *ctl, const char *name, const char *doing)
{
	if (euidaccess(CTL_CONTROL_NODE, R_OK | W_OK))
		return ctl_error(ctl, "region %s: %s takes the right to open " CTL_CONTROL_NODE "; run hostmemctl as root",
				 name, doing);
	return ctl_error(ctl, "region %s: no permission in its directory; run hostmemctl as root, or as a user whom the mode of the directory admits",
			 name);
}

static int fail_alignment(struct ctl *ctl, const char *name, uint64_t block, uint64_t start,
			  uint64_t length)
{
	bool bad_start = start % block;
	uint64_t value = bad_start ? start : length;

	if (!length)
		return ctl_error(ctl, "region %s: the length is 0; give a multiple of the block size, %s",
				 name, ctl_size_arg(block).s);
	return ctl_error(ctl, "region %s: %s %s is not a multiple of the block size, %s; use %s or %s",
			 name, bad_start ? "offset" : "length", ctl_size_arg(value).s,
			 ctl_size_arg(block).s, ctl_size_arg(value / block * block).s,
			 ctl_size_arg((value / block + 1) * block).s);
}

/**
 * ctl_fail_range - say why a call about a range of blocks failed
 * @ctl: the command
 * @view: that was asked
 * @rc: -errno
 * @start: first byte
 * @length: bytes
 *
 * Finds the block that stood in the way.
 *
 * Return: CTL_FAILED.
 */
int ctl_fail_range(struct ctl *ctl, struct hostmem_view *view, int rc, uint64_t start,
		   uint64_t length)
{
	static const struct ctl_reason reasons[] = {
		{ EBUSY, "another process is plugging a part of this range",
		  "try again when it is done" },
		{ ENOSPC, "no room for so much; nothing was changed",
		  "ask for less, or free memory" },
		{ EEXIST, "a block of the range is plugged already",
		  "hostmemctl list -S shows what is" },
		{ ENOENT, "a block of the range is not plugged",
		  "hostmemctl list -S shows what is" },
		{ EHWPOISON, "something in the range is bad",
		  "see hostmemctl list; ndctl disable-namespace and clear-errors may clear it" },
		{ 0, NULL, NULL },
	};
	unsigned long long size = hostmem_view_get_size(view);
	unsigned long long block = hostmem_view_get_block_size(view);
	const char *name = hostmem_view_get_name(view);
	int status = ctl_fail_memory(ctl, view, rc, length);
	uint64_t at;

	if (status != CTL_GO)
		return status;
	if (rc == -EINVAL && (!length || start % block || length % block))
		return fail_alignment(ctl, name, block, start, length);
	if (rc == -ENOENT && (start > size || length > size - start))
		return ctl_error(ctl, "region %s: offset %s with length %s reaches beyond the region, which ends at %s; give a range inside it",
				 name, ctl_size_arg(start).s, ctl_size_arg(length).s,
				 ctl_size_arg(size).s);
	if (rc == -ENOENT && ctl_find_block(view, start, length, false, &at) == 1)
		return ctl_error(ctl, "region %s: the block at %s is not plugged; give a range without it, or plug it: hostmemctl plug %s %s %s",
				 name, ctl_size_arg(at).s, name, ctl_size_arg(at).s,
				 ctl_size_arg(block).s);
	if (rc == -EEXIST && ctl_find_block(view, start, length, true, &at) == 1)
		return ctl_error(ctl, "region %s: the block at %s is plugged already; give a range without it, or let hostmemctl resize %s --plug S choose free ones",
				 name, ctl_size_arg(at).s, name);
	return ctl_fail_region(ctl, rc, reasons, name);
}
