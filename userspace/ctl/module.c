// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel modules, by libkmod, and the mount that keeps the core.
 */
#include <errno.h>
#include <mntent.h>
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
	  "install the package hostmem-dkms, or make install" },
	{ EPERM, "not permitted", "run \"modprobe hostmem\" as root; with Secure Boot, sign it" },
	{ EACCES, "not permitted", "run \"modprobe hostmem\" as root" },
	{ ENOEXEC, "it was built for another kernel",
	  "build it for this one: dkms autoinstall, or make install" },
	{ ENOKEY, "the kernel wants it signed", "sign it, or switch module.sig_enforce off" },
	{ EINVAL, "the kernel does not accept it, or an option that modprobe.d gives it",
	  "see dmesg" },
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
	bool there;
	size_t i;

	if (!kmod)
		return ctl_fail(ctl, -ENOMEM, NULL, "libkmod");
	for (i = 0; rc == CTL_GO && i < NR_MODULES; i++) {
		if (only && strcmp(only, modules[i]))
			continue;
		there = ctl_module_is_loaded(modules[i]);
		rc = load_one(ctl, kmod, modules[i]);
		if (rc == CTL_GO && !there && !only)
			ctl_changed(ctl, "module %s has been loaded", modules[i]);
	}
	kmod_unref(kmod);
	return rc;
}

/* How many regions there are, also where netlink cannot tell; with no trace of having asked. */
static unsigned int count_regions(void)
{
	struct hostmem_info info = { .out_regions = 0 };
	struct hostmem_ctx *ctx;

	if (hostmem_new(&ctx))
		return 0;
	hostmem_get_info(ctx, &info);
	hostmem_unref(ctx);
	return info.out_regions;
}

/* Regions keep the module, whether they have names or not. */
static int check_regions(struct ctl *ctl)
{
	unsigned int count = count_regions();
	struct hostmem_region *region;
	char names[256] = "";
	const char *name;

	if (!ctl->ctx && hostmem_new(&ctl->ctx))
		return ctl_fail(ctl, -ENOMEM, NULL, "libhostmem");
	if (hostmem_refresh(ctl->ctx) && count)
		return ctl_error(ctl, "module hostmem: in use by %u regions, whose names the first network namespace knows; destroy them first",
				 count);
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

/* The options with which hostmemfs is mounted; empty: it is not. */
static void mount_options(char *options, size_t size)
{
	FILE *file = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;

	*options = '\0';
	while (file && (entry = getmntent(file))) {
		if (!strcmp(entry->mnt_dir, CTL_MOUNT) && !strcmp(entry->mnt_type, "hostmem"))
			snprintf(options, size, "%s", entry->mnt_opts);
	}
	if (file)
		endmntent(file);
}

static int unmount(void)
{
	struct statfs fs;

	if (statfs(CTL_MOUNT, &fs) || fs.f_type != HOSTMEM_SUPER_MAGIC)
		return 0;
	return umount2(CTL_MOUNT, UMOUNT_NOFOLLOW) ? -errno : 0;
}

static int fail_unmount(struct ctl *ctl, int rc)
{
	static const struct ctl_reason reasons[] = {
		{ EBUSY, "in use: a process has a file or its working directory there",
		  "end it first: fuser -vm " CTL_MOUNT },
		{ EPERM, "not permitted", "run hostmemctl as root" },
		{ 0, NULL, NULL },
	};

	return ctl_fail(ctl, rc, reasons, CTL_MOUNT);
}

static int fail_remove(struct ctl *ctl, const char *name, int rc)
{
	if (rc != -EBUSY && rc != -EAGAIN)
		return ctl_fail(ctl, rc, unload_reasons, "module %s", name);
	if (strcmp(name, modules[0]))
		return ctl_error(ctl, "module %s: in use by a process that holds a lease; end it first",
				 name);
	return ctl_error(ctl, "module %s: in use by a process that is not visible here, or hostmemfs is mounted elsewhere; end that first: grep hostmem /proc/*/mounts",
			 name);
}

/* 0: it is not loaded, as wanted; or -errno */
static int remove_module(struct kmod_ctx *kmod, const char *name)
{
	struct kmod_module *module;
	int rc = kmod_module_new_from_name(kmod, name, &module);

	if (rc)
		return rc;
	if (kmod_module_get_initstate(module) >= 0)
		rc = kmod_module_remove_module(module, KMOD_REMOVE_NOLOG);
	kmod_module_unref(module);
	return rc;
}

/* As it was before, and what cannot be made so again is said with the error that follows. */
static void restore(struct ctl *ctl, struct kmod_ctx *kmod, const char *options,
		    const bool *loaded)
{
	char now[512];
	size_t i;

	if (*options)
		hostmem_mount(ctl->ctx);
	mount_options(now, sizeof(now));
	if (*options && !*now)
		ctl_changed(ctl, CTL_MOUNT " has been unmounted");
	else if (strcmp(options, now))
		ctl_changed(ctl, CTL_MOUNT " is mounted with other options than before: %s", now);
	for (i = 1; i < NR_MODULES; i++) {
		if (loaded[i] && load_one(ctl, kmod, modules[i]) != CTL_GO)
			ctl_changed(ctl, "module %s has been unloaded", modules[i]);
	}
}

/* Nobody needs the modules: take them out, and what keeps the core. */
static int unload_all(struct ctl *ctl, struct kmod_ctx *kmod)
{
	bool loaded[NR_MODULES];
	char options[512];
	size_t i;
	int rc;

	for (i = 0; i < NR_MODULES; i++)
		loaded[i] = ctl_module_is_loaded(modules[i]);
	mount_options(options, sizeof(options));
	for (i = NR_MODULES - 1; i > 0; i--) {
		rc = remove_module(kmod, modules[i]);
		if (rc) {
			restore(ctl, kmod, options, loaded);
			return fail_remove(ctl, modules[i], rc);
		}
	}
	rc = unmount();
	if (rc) {
		restore(ctl, kmod, options, loaded);
		return fail_unmount(ctl, rc);
	}
	rc = remove_module(kmod, modules[0]);
	if (rc) {
		restore(ctl, kmod, options, loaded);
		return fail_remove(ctl, modules[0], rc);
	}
	if (*options)
		ctl_note(ctl, 1, CTL_MOUNT ": unmounted");
	return CTL_GO;
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
		rc = check_control(ctl);
	ctl_signals_hold();
	if (rc == CTL_GO)
		rc = unload_all(ctl, kmod);
	kmod_unref(kmod);
	return rc;
}
