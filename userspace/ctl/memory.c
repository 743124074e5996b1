// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why there is no memory: which limit stood in the way, and how to raise it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

/* A field of /proc/meminfo in bytes; 0: not there. */
static uint64_t meminfo(const char *field)
{
	unsigned long long kib = 0;
	size_t length = strlen(field);
	char line[128];
	FILE *file = fopen("/proc/meminfo", "re");

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, field, length) && line[length] == ':' &&
		    sscanf(line + length + 1, "%llu", &kib) == 1)
			break;
	}
	fclose(file);
	return kib << 10;
}

/* Whether the kernel promises no more memory than it has. */
static bool commit_is_strict(void)
{
	FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");
	int mode = 0;

	if (file && fscanf(file, "%d", &mode) != 1)
		mode = 0;
	if (file)
		fclose(file);
	return mode == 2;
}

static bool exceeds(uint64_t used, uint64_t more, uint64_t limit)
{
	return limit <= used || more > limit - used;
}

static int fail_no_space(struct ctl *ctl, const char *name, uint64_t length)
{
	uint64_t committed = meminfo("Committed_AS"), limit = meminfo("CommitLimit");
	struct hostmem_info info = { .size = sizeof(info) };

	if (!hostmem_get_info(ctl->ctx, &info) && info.out_ram_limit &&
	    exceeds(info.out_ram_used, length, info.out_ram_limit))
		return ctl_error(ctl, "region %s: all regions of ram together may hold %s and hold %s, %s more is too much; nothing was changed; unplug or destroy what is not needed, or raise the limit: mount -o remount,size=SIZE /dev/hostmem",
				 name, ctl_size_human(info.out_ram_limit).s,
				 ctl_size_human(info.out_ram_used).s, ctl_size_human(length).s);
	if (commit_is_strict() && exceeds(committed, length, limit))
		return ctl_error(ctl, "region %s: the host commits itself to no more than %s (vm.overcommit_memory is 2) and has to %s, %s more is too much; nothing was changed; end something, or raise the limit: sysctl vm.overcommit_ratio",
				 name, ctl_size_human(limit).s, ctl_size_human(committed).s,
				 ctl_size_human(length).s);
	return CTL_GO;
}

/**
 * ctl_fail_memory - say why memory for a region could not be had
 * @ctl: the command
 * @view: of the region
 * @rc: -errno
 * @length: bytes that were wanted
 *
 * Return: CTL_FAILED after a message; CTL_GO: something else is the reason.
 */
int ctl_fail_memory(struct ctl *ctl, struct hostmem_view *view, int rc, uint64_t length)
{
	const char *name = hostmem_view_get_name(view);
	uint64_t available;

	if (rc == -ENOSPC)
		return fail_no_space(ctl, name, length);
	available = meminfo("MemAvailable") + meminfo("SwapFree");
	if (rc == -ENOMEM && available && length > available)
		return ctl_error(ctl, "region %s: no memory: %s are wanted, and the host has %s; nothing was changed; ask for less, or free memory",
				 name, ctl_size_human(length).s, ctl_size_human(available).s);
	return CTL_GO;
}
