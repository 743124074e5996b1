// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library's context, and regions in it.
 */
#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "ctl.h"

/**
 * ctl_open - make the context, and see that the module is there
 * @ctl: the command
 * @need: what the verb uses of it
 *
 * Loads the module and mounts hostmemfs, each if it is missing and the caller may.
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_open(struct ctl *ctl, enum ctl_need need)
{
	const char *module = need == CTL_NEED_PMEM ? "hostmem_nd" : "hostmem";
	bool there = need == CTL_NEED_CONTROL ? !access(CTL_CONTROL_NODE, F_OK) :
						ctl_module_is_loaded(module);
	int rc;

	if (!there && geteuid())
		return ctl_error(ctl, "kernel module %s: not loaded; run \"modprobe %s\" as root",
				 module, module);
	if (!there) {
		rc = ctl_module_load(ctl, module);
		if (rc != CTL_GO)
			return rc;
	}
	if (need == CTL_NEED_CONTROL && access(CTL_CONTROL_NODE, F_OK))
		return ctl_error(ctl, CTL_CONTROL_NODE ": missing, although the module is loaded; mount devtmpfs on /dev, or pass the node into this container");
	rc = hostmem_new(&ctl->ctx);
	if (rc)
		return ctl_fail(ctl, rc, NULL, "libhostmem");
	if (ctl->verbose)
		hostmem_set_log_priority(ctl->ctx, ctl->verbose > 1 ? LOG_DEBUG : LOG_INFO);
	/* Who needs names says that they are missing: ctl_mount(). */
	hostmem_mount(ctl->ctx);
	return CTL_GO;
}

/**
 * ctl_mount - see that regions can have names
 * @ctl: the command, opened
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_mount(struct ctl *ctl)
{
	static const char way_out[] =
		"run \"hostmemctl load\" as root, or pass the mount into this container";
	static const struct ctl_reason reasons[] = {
		{ EPERM, "not a mount of hostmemfs", way_out },
		{ EACCES, "not a mount of hostmemfs", way_out },
		{ ENOTDIR, "not a directory, on which hostmemfs could be mounted", "remove it" },
		{ ENODEV, "the loaded module has no hostmemfs to be mounted there",
		  "load the one that came with this command: hostmemctl unload, hostmemctl load" },
		{ 0, NULL, NULL },
	};
	int rc = hostmem_mount(ctl->ctx);

	return rc ? ctl_fail(ctl, rc, reasons, CTL_MOUNT) : CTL_GO;
}

/* Read what there is. CTL_GO, or CTL_FAILED after a message. */
int ctl_refresh(struct ctl *ctl)
{
	int rc = hostmem_refresh(ctl->ctx);

	return rc ? ctl_fail(ctl, rc, ctl_netlink_reasons, "list of regions") : CTL_GO;
}

/**
 * ctl_open_owner - an owner view of a region
 * @ctl: the command
 * @name: of the region
 * @view: out
 *
 * From now on signals wait.
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_open_owner(struct ctl *ctl, const char *name, struct hostmem_view **view)
{
	static const struct ctl_reason reasons[] = {
		{ EISDIR, "a directory", "hostmemctl list shows the regions that there are" },
		{ ENOTDIR, "there is no such region",
		  "hostmemctl list shows those that there are" },
		{ ENODATA, "an empty file, which nobody has made a region yet",
		  "give it a size: truncate -s SIZE; or remove it: rm" },
		{ 0, NULL, NULL },
	};
	int rc;

	rc = ctl_open(ctl, CTL_NEED_CONTROL);
	if (rc == CTL_GO)
		rc = ctl_mount(ctl);
	if (rc != CTL_GO)
		return rc;
	ctl_signals_hold();
	rc = hostmem_view_open(ctl->ctx, name, HOSTMEM_OPEN_OWNER, view);
	if (rc == -EINVAL || rc == -ENAMETOOLONG)
		return ctl_fail_name(ctl, name);
	if (rc == -EACCES || rc == -EPERM)
		return ctl_fail_access(ctl, name, "changing a region");
	return rc ? ctl_fail_region(ctl, rc, reasons, name) : CTL_GO;
}

/* What a region is called, of its name or its path. */
const char *ctl_name(const char *name_or_path)
{
	static const char prefix[] = CTL_MOUNT "/";
	size_t length = strlen(prefix);

	return strncmp(name_or_path, prefix, length) ? name_or_path : name_or_path + length;
}

/* A listed region by name or, if there is none of that name, by number. */
struct hostmem_region *ctl_find_region(struct ctl *ctl, const char *name_or_id)
{
	struct hostmem_region *region = hostmem_region_get_by_name(ctl->ctx, name_or_id);
	uint64_t id;

	if (!region && !parse_uint(name_or_id, UINT64_MAX, &id))
		region = hostmem_region_get_by_id(ctl->ctx, id);
	return region;
}

/* Print what has become of a region. */
int ctl_print_region(struct ctl *ctl, struct hostmem_view *view)
{
	struct json_object *array, *object;
	int rc;

	rc = ctl_json_view(view, &object);
	if (rc)
		return ctl_fail_region(ctl, rc, NULL, hostmem_view_get_name(view));
	array = json_object_new_array();
	json_object_array_add(array, object);
	return ctl_json_print(ctl, array, JSON_C_TO_STRING_PRETTY);
}

struct ctl_text ctl_pid_command(pid_t pid)
{
	struct ctl_text text = { "" };
	char path[32];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = pid > 0 ? fopen(path, "re") : NULL;
	if (!file)
		return text;
	if (!fgets(text.s, sizeof(text.s), file))
		text.s[0] = '\0';
	fclose(file);
	text.s[strcspn(text.s, "\n")] = '\0';
	return text;
}
