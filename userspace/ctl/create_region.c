// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl create-region
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"

struct create {
	const char *name;
	const char *from;
	struct ctl_backing backing;
	const char *owner;
	struct ctl_number size;
	struct ctl_number plug;
	struct ctl_number block_size;
	struct ctl_number slot_size;
	struct ctl_number allocation;
	struct ctl_number huge;
	struct ctl_number mode;
	struct ctl_alloc alloc;
};

/* In the order of HOSTMEM_ALLOCATION_* and HOSTMEM_HUGE_*. */
static const char *const allocations[] = { "ondemand", "immediate", NULL };
static const char *const huges[] = { "always", "never", NULL };

static const struct ctl_option options[] = {
	{ .name = "size", .arg = "S", .type = &ctl_type_size,
	  .offset = offsetof(struct create, size),
	  .help = "bytes of the region; most need not exist (default: all of the backing)" },
	{ .name = "plug", .arg = "S", .type = &ctl_type_size,
	  .offset = offsetof(struct create, plug),
	  .help = "plug the lowest S bytes (default: nothing of ram, all of the rest)" },
	{ .name = "block-size", .arg = "S", .type = &ctl_type_size,
	  .offset = offsetof(struct create, block_size),
	  .help = "what is plugged and unplugged at once: a power of two (default 2m)" },
	{ .name = "slot-size", .arg = "S|auto", .type = &ctl_type_size_auto,
	  .offset = offsetof(struct create, slot_size),
	  .help = "size of KVM slots to recommend to VMMs (default auto)" },
	{ .name = "backing", .arg = "ram|file:PATH|reserve:WHICH", .type = &ctl_type_string,
	  .offset = offsetof(struct create, from),
	  .help = "ram (default), a DAX file, /dev/daxX.Y, or a reserve by uuid=U, for=P or name" },
	{ .name = "allocation", .arg = "ondemand|immediate", .type = &ctl_type_choice,
	  .choices = allocations, .offset = offsetof(struct create, allocation),
	  .help = "when plugged blocks get their memory (default ondemand)" },
	{ .name = "threads", .arg = "N", .type = &ctl_type_threads,
	  .offset = offsetof(struct create, alloc.threads),
	  .help = "allocate what --plug plugs now, with N threads; 0: all processors" },
	{ .name = "huge", .arg = "always|never", .type = &ctl_type_choice, .choices = huges,
	  .offset = offsetof(struct create, huge),
	  .help = "use 2 MiB pages (default always)" },
	{ .name = "mode", .arg = "MODE", .type = &ctl_type_mode,
	  .offset = offsetof(struct create, mode),
	  .help = "permissions of /dev/hostmem/NAME (default 0600)" },
	{ .name = "owner", .arg = "U[:G]", .type = &ctl_type_string,
	  .offset = offsetof(struct create, owner),
	  .help = "its user and group, by name or number (default: the caller)" },
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "NAME [--size S] [OPTION]...",
	.text = "Create a memory region, the file /dev/hostmem/NAME, which lives until it is destroyed,\n"
		"or removed and used by nobody. Prints it as JSON.",
	.args = "NAME",
	.min_args = 1,
	.max_args = 1,
	.options = options,
};

static int make_params(struct ctl *ctl, const struct create *create,
		       struct hostmem_region_params *params)
{
	int rc;

	hostmem_region_params_init(params);
	params->size = create->size.value;
	params->block_size = create->block_size.value;
	params->slot_size = create->slot_size.value;
	params->backing = create->backing.kind;
	params->backing_fd = create->backing.fd;
	params->backing_pmem = create->backing.pmem;
	if (create->allocation.given)
		params->allocation = create->allocation.value;
	if (create->huge.given)
		params->huge = create->huge.value;
	params->mode = create->mode.given ? create->mode.value : 0600;
	params->uid = geteuid();
	params->gid = getegid();
	if (!create->owner)
		return CTL_GO;
	rc = parse_owner(create->owner, &params->uid, &params->gid);
	if (rc == -ENOENT)
		return ctl_error(ctl, "--owner %s: there is no such user or group; see getent passwd, getent group, or give numbers",
				 create->owner);
	if (rc)
		return ctl_misuse(ctl, "--owner %s: not understood; it takes U, U:G or :G",
				  create->owner);
	return CTL_GO;
}

static int fail_size(struct ctl *ctl, const char *name, const char *option, uint64_t size,
		     uint64_t block)
{
	return ctl_error(ctl, "region %s: %s %s is not a multiple of the block size, %s; use %s",
			 name, option, ctl_size_arg(size).s, ctl_size_arg(block).s,
			 ctl_size_arg((size / block + 1) * block).s);
}

/* Whoever wants less than all of a backing says so: else the guest misses the end of its device. */
static int fail_room(struct ctl *ctl, const struct create *create)
{
	const struct ctl_backing *backing = &create->backing;
	uint64_t block = create->block_size.value;
	uint64_t size = backing->room / block * block;

	if (!size)
		return ctl_error(ctl, "--backing %s: its %s are less than a block, %s; give a larger one, or a smaller --block-size",
				 backing->name, ctl_size_arg(backing->room).s,
				 ctl_size_arg(block).s);
	return ctl_error(ctl, "--backing %s: its %s are not a multiple of the block size, %s; make it %s, or leave its last %llu bytes out: --size %s",
			 backing->name, ctl_size_arg(backing->room).s, ctl_size_arg(block).s,
			 ctl_size_arg(size + block).s, (unsigned long long)backing->room - size,
			 ctl_size_arg(size).s);
}

/* A whole backing, if not less is asked for, and all of it plugged. */
static int fill_in(struct ctl *ctl, struct create *create)
{
	const struct ctl_backing *backing = &create->backing;
	uint64_t block = create->block_size.value;

	if (backing->kind == HOSTMEM_BACKING_RAM)
		return CTL_GO;
	if (!block)
		block = backing->block > HOSTMEM_MIN_BLOCK_SIZE ? backing->block :
								  HOSTMEM_MIN_BLOCK_SIZE;
	create->block_size.value = block;
	/* That a block is no power of two the kernel says. */
	if (!create->size.given && (!backing->room || backing->room % block) &&
	    !(block & (block - 1)))
		return fail_room(ctl, create);
	if (!create->size.given)
		create->size.value = backing->room;
	if (!create->plug.given)
		create->plug.value = create->size.value;
	return CTL_GO;
}

/* The kernel said that something is wrong: find out what. */
static int fail_values(struct ctl *ctl, const char *name,
		       const struct hostmem_region_params *params)
{
	struct hostmem_info info = { .size = sizeof(info) };
	uint64_t block = params->block_size;
	int rc = hostmem_get_info(ctl->ctx, &info);

	if (rc)
		return ctl_fail_region(ctl, rc, NULL, name);
	if (!block)
		block = info.out_min_block_size;
	if (block < info.out_min_block_size || block & (block - 1))
		return ctl_error(ctl, "region %s: --block-size %s is not a power of two of at least %s; use %s",
				 name, ctl_size_arg(block).s,
				 ctl_size_arg(info.out_min_block_size).s,
				 ctl_size_arg(info.out_min_block_size).s);
	if (!params->size)
		return ctl_error(ctl, "region %s: --size is 0; give a multiple of the block size, %s",
				 name, ctl_size_arg(block).s);
	if (params->size % block)
		return fail_size(ctl, name, "--size", params->size, block);
	if (params->size > info.out_max_size)
		return ctl_error(ctl, "region %s: --size %s is more than this kernel's limit; use at most %s",
				 name, ctl_size_arg(params->size).s,
				 ctl_size_arg(info.out_max_size).s);
	if (params->size / block > info.out_max_blocks)
		return ctl_error(ctl, "region %s: more than %llu blocks; use a larger --block-size",
				 name, (unsigned long long)info.out_max_blocks);
	if (params->slot_size % block)
		return fail_size(ctl, name, "--slot-size", params->slot_size, block);
	return ctl_fail_name(ctl, name);
}

/* Something has the name already. */
static int fail_taken(struct ctl *ctl, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	bool known;

	snprintf(path, sizeof(path), CTL_MOUNT "/%s", name);
	known = !stat(path, &st);
	if (known && S_ISDIR(st.st_mode))
		return ctl_error(ctl, "region %s: a directory has this name; give one below it: %s/NAME",
				 name, name);
	if (known && !st.st_size)
		return ctl_error(ctl, "region %s: an empty file has this name, which nobody has made a region yet; choose another, or remove it: rm %s",
				 name, path);
	return ctl_error(ctl, "region %s: the name is taken; choose another, or hostmemctl destroy-region it",
			 name);
}

/* CTL_GO: the directory that the name is in is there. */
static int fail_directory(struct ctl *ctl, const char *name)
{
	const char *end = strrchr(name, '/');
	char path[PATH_MAX];

	snprintf(path, sizeof(path), CTL_MOUNT "/%.*s", end ? (int)(end - name) : 0, name);
	if (!access(path, F_OK))
		return CTL_GO;
	return ctl_error(ctl, "region %s: there is no directory %s; make it: mkdir -p %s", name,
			 path, path);
}

static int fail_create(struct ctl *ctl, const struct create *create, int rc,
		       const struct hostmem_region_params *params)
{
	static const struct ctl_reason reasons[] = {
		{ ENOTDIR, "a part of its path is a region, not a directory",
		  "choose another name" },
		{ ENOSPC, "as many regions exist as the module allows",
		  "destroy one: hostmemctl list -R" },
		{ EPERM, "to give it to another user, or a group that is not yours, takes CAP_CHOWN",
		  "run hostmemctl as root, or leave --owner out" },
		{ EROFS, "hostmemfs is mounted read-only",
		  "make it writable: mount -o remount,rw " CTL_MOUNT },
		{ ENOMEM, "no memory for its tables; nothing was changed",
		  "use a smaller --size or a larger --block-size" },
		{ 0, NULL, NULL },
	};

	const char *name = create->name;
	int status = CTL_GO;

	if (rc == -ENAMETOOLONG)
		return ctl_fail_name(ctl, name);
	if (rc == -EINVAL)
		return fail_values(ctl, name, params);
	if (rc == -EEXIST)
		return fail_taken(ctl, name);
	if (rc == -EACCES)
		return ctl_fail_access(ctl, name, "creating a region");
	if (rc == -ENOENT)
		status = fail_directory(ctl, name);
	if (status == CTL_GO)
		status = ctl_backing_fail(ctl, &create->backing, params->size, rc);
	if (status != CTL_GO)
		return status;
	return ctl_fail_region(ctl, rc, reasons, name);
}

/*
 * With signals held back: what is begun is finished, or taken back. The region has its name only
 * when it is whole: nobody finds a part of it, and if we are killed nothing is left.
 */
static int create_and_plug(struct ctl *ctl, const struct create *create,
			   const struct hostmem_region_params *params,
			   struct hostmem_view **view)
{
	struct ctl_progress progress;
	int rc;

	ctl_signals_hold();
	rc = hostmem_view_prepare(ctl->ctx, create->name, params, view);
	if (rc)
		return fail_create(ctl, create, rc, params);
	if (create->plug.value) {
		ctl_progress_begin(&progress, create->name);
		rc = ctl_plug(*view, 0, create->plug.value, &create->alloc, &progress);
		ctl_progress_end(&progress);
	}
	if (rc)
		return ctl_fail_range(ctl, *view, rc, 0, create->plug.value);
	rc = hostmem_view_link(*view);
	if (rc)
		return fail_create(ctl, create, rc, params);
	ctl_changed(ctl, "region %s has been created", create->name);
	return CTL_GO;
}

int cmd_create_region(struct ctl *ctl, int argc, char **argv)
{
	struct hostmem_region_params params;
	struct create create = { .name = NULL };
	struct hostmem_view *view = NULL;
	int rc;

	rc = ctl_parse(ctl, &usage, &create, &argc, &argv);
	if (rc != CTL_GO)
		return rc;
	create.name = ctl_name(argv[0]);
	rc = ctl_backing_parse(ctl, create.from, &create.backing);
	if (rc != CTL_GO)
		return rc;
	if (!create.size.given && create.backing.kind == HOSTMEM_BACKING_RAM)
		return ctl_misuse(ctl, "--size missing");
	if (create.huge.given && create.backing.kind != HOSTMEM_BACKING_RAM)
		return ctl_misuse(ctl, "--huge: of ram only");
	if (create.alloc.threads.given &&
	    (!create.plug.value || create.backing.kind != HOSTMEM_BACKING_RAM))
		return ctl_misuse(ctl, "--threads: nothing is to be allocated without --plug of ram");
	rc = ctl_open(ctl, ctl_backing_need(&create.backing));
	if (rc == CTL_GO)
		rc = ctl_mount(ctl);
	if (rc == CTL_GO)
		rc = ctl_backing_open(ctl, &create.backing);
	if (rc == CTL_GO)
		rc = fill_in(ctl, &create);
	if (rc == CTL_GO)
		rc = make_params(ctl, &create, &params);
	/* The empty name would be an anonymous region, gone when we are. */
	if (rc == CTL_GO && !*create.name)
		rc = ctl_fail_name(ctl, create.name);
	if (rc == CTL_GO)
		rc = create_and_plug(ctl, &create, &params, &view);
	if (rc == CTL_GO)
		rc = ctl_print_region(ctl, view);
	hostmem_view_unref(view);
	ctl_backing_close(&create.backing);
	return rc;
}
