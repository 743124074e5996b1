// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel modules, by libkmod, and the mount that keeps the core.
 */
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <libkmod.h>

#include "ctl.h"

/* In the order to load them; glue modules come after the core. */
static const char *const modules[] = { "hostmem", "hostmem_nd" };
#define NR_MODULES (sizeof(modules) / sizeof(modules[0]))

static const struct ctl_reason load_reasons[] = {
	{ ENOENT, "it is not installed for the running kernel",
	  "build and install it: make install, depmod -a" },
	{ EPERM, "not permitted", "run \"modprobe hostmem\" as root" },
	{ EACCES, "not permitted", "run \"modprobe hostmem\" as root" },
	{ ENOEXEC, "it was built for another kernel", "build it for this one: make modules" },
	{ ENOKEY, "the kernel wants it signed", "sign it, or switch module.sig_enforce off" },
	{ EKEYREJECTED, "the kernel rejects its signature", "sign it with a key that it knows" },
	{ 0, NULL, NULL },
};

static const struct ctl_reason unload_reasons[] = {
	{ ENOENT, "not loaded", "nothing is to be done" },
	{ EPERM, "not permitted", "run hostmemctl as root" },
	{ 0, NULL, NULL },
};

/* Whether a module is loaded, by its name. */
bool ctl_module_is_loaded(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

static int load_one(struct ctl *ctl, struct kmod_ctx *kmod, const char *name)
{
	struct kmod_list *list = NULL, *item;
	int rc = kmod_module_new_from_lookup(kmod, name, &list);

	if (!rc && !list)
		rc = -ENOENT;
	kmod_list_foreach(item, list) {
		struct kmod_module *module = kmod_module_get_module(item);

		rc = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, NULL,
						     NULL, NULL, NULL);
		kmod_module_unref(module);
		if (rc)
			break;
	}
	kmod_module_unref_list(list);
	if (rc > 0)
		return ctl_error(ctl, "module %s: blacklisted in modprobe.d; take it out of there",
				 name);
	if (rc)
		return ctl_fail(ctl, rc, load_reasons, "module %s", name);
	ctl_note(ctl, 1, "module %s: loaded", name);
	return CTL_GO;
}

/**
 * ctl_module_load - load modules, unless they are
 * @ctl: the command
 * @only: name of the one that is needed, or NULL for all
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_module_load(struct ctl *ctl, const char *only)
{
	struct kmod_ctx *kmod = kmod_new(NULL, NULL);
	int rc = CTL_GO;
	size_t i;

	if (!kmod)
		return ctl_fail(ctl, -ENOMEM, NULL, "libkmod");
	for (i = 0; rc == CTL_GO && i < NR_MODULES; i++) {
		if (!only || !strcmp(only, modules[i]))
			rc = load_one(ctl, kmod, modules[i]);
	}
	kmod_unref(kmod);
	return rc;
}

/* Regions keep the module, whether they have names or not. */
static int check_regions(struct ctl *ctl)
{
	struct hostmem_region *region;
	char names[256] = "";
	const char *name;

	if (!ctl->ctx && hostmem_new(&ctl->ctx))
		return ctl_fail(ctl, -ENOMEM, NULL, "libhostmem");
	if (hostmem_refresh(ctl->ctx))
		return CTL_GO;
	hostmem_region_foreach(ctl->ctx, region) {
		name = hostmem_region_get_name(region);
		snprintf(names + strlen(names), sizeof(names) - strlen(names), " %s",
			 name ? name : "(anonymous)");
	}
	if (!*names)
		return CTL_GO;
	return ctl_error(ctl, "module hostmem: in use by regions:%s; destroy them first", names);
}

/* Without regions and leases: a process that could make them. */
static int check_control(struct ctl *ctl)
{
	pid_t pid = ctl_file_user(CTL_CONTROL_NODE);

	if (!pid)
		return CTL_GO;
	return ctl_error(ctl, "module hostmem: in use by a process that has " CTL_CONTROL_NODE " open: pid %d (%s); end it first",
			 pid, ctl_pid_command(pid).s);
}

static int unmount(struct ctl *ctl)
{
	static const struct ctl_reason reasons[] = {
		{ EBUSY, "in use: a process has a file or its working directory there",
		  "end it first: fuser -vm " CTL_MOUNT },
		{ EPERM, "not permitted", "run hostmemctl as root" },
		{ 0, NULL, NULL },
	};
	struct statfs fs;

	if (statfs(CTL_MOUNT, &fs) || fs.f_type != HOSTMEM_SUPER_MAGIC)
		return CTL_GO;
	if (umount2(CTL_MOUNT, UMOUNT_NOFOLLOW))
		return ctl_fail(ctl, -errno, reasons, CTL_MOUNT);
	ctl_note(ctl, 1, CTL_MOUNT ": unmounted");
	return CTL_GO;
}

static int fail_in_use(struct ctl *ctl, const char *name)
{
	if (!strcmp(name, "hostmem_nd"))
		return ctl_error(ctl, "module %s: in use by a process that holds a lease; end it first",
				 name);
	/* As it was, but for the options. */
	hostmem_mount(ctl->ctx);
	return ctl_error(ctl, "module %s: in use by a process that is not visible here, or hostmemfs is mounted elsewhere; end that first: grep hostmem /proc/*/mounts",
			 name);
}

static int unload_one(struct ctl *ctl, struct kmod_ctx *kmod, const char *name)
{
	struct kmod_module *module;
	int rc = kmod_module_new_from_name(kmod, name, &module);

	if (rc)
		return ctl_fail(ctl, rc, NULL, "module %s", name);
	if (kmod_module_get_initstate(module) < 0)
		rc = 0;		/* not loaded: as wanted */
	else
		rc = kmod_module_remove_module(module, KMOD_REMOVE_NOLOG);
	kmod_module_unref(module);
	if (rc == -EBUSY || rc == -EAGAIN)
		return fail_in_use(ctl, name);
	if (rc)
		return ctl_fail(ctl, rc, unload_reasons, "module %s", name);
	return CTL_GO;
}

/* Nobody needs the modules: take them out, and what keeps the core. */
static int unload_all(struct ctl *ctl, struct kmod_ctx *kmod)
{
	int rc = CTL_GO;
	size_t i;

	for (i = NR_MODULES - 1; rc == CTL_GO && i > 0; i--)
		rc = unload_one(ctl, kmod, modules[i]);
	if (rc == CTL_GO)
		rc = check_control(ctl);
	if (rc == CTL_GO)
		rc = unmount(ctl);
	return rc == CTL_GO ? unload_one(ctl, kmod, modules[0]) : rc;
}

/**
 * ctl_module_unload - unmount hostmemfs and unload the modules, if they are loaded
 * @ctl: the command
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_module_unload(struct ctl *ctl)
{
	struct kmod_ctx *kmod;
	int rc;

	if (!ctl_module_is_loaded(modules[0]))
		return CTL_GO;
	kmod = kmod_new(NULL, NULL);
	if (!kmod)
		return ctl_fail(ctl, -ENOMEM, NULL, "libkmod");
	rc = check_regions(ctl);
	if (rc == CTL_GO)
		rc = unload_all(ctl, kmod);
	kmod_unref(kmod);
	return rc;
}
