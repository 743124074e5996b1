// SPDX-License-Identifier: LGPL-2.1-only
/*
 * Views: making, opening, deriving, asking, revoking. All offsets count from the view's start.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

/**
 * hostmem_region_params_init - fill in the defaults
 * @params: out: size 0 (to be set by the caller), smallest blocks, no recommended slot size,
 *	allocation on demand, huge pages, file of the calling user with mode 0600
 */
void hostmem_region_params_init(struct hostmem_region_params *params)
{
	memset(params, 0, sizeof(*params));
	params->allocation = HOSTMEM_ALLOCATION_ONDEMAND;
	params->huge = HOSTMEM_HUGE_ALWAYS;
	params->mode = 0600;
	params->uid = geteuid();
	params->gid = getegid();
}

/* A view that has no fd yet, or NULL. */
static struct hostmem_view *hostmem_view_alloc(struct hostmem_ctx *ctx)
{
	struct hostmem_view *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	view->refcount = 1;
	view->ctx = hostmem_ref(ctx);
	view->fd = -1;
	view->file = -1;
	return view;
}

/* Give a view its fd, and ask what it is of. On error the fd is still the caller's. */
static int hostmem_view_set_fd(struct hostmem_view *view, int fd)
{
	int rc;

	view->info.size = sizeof(view->info);
	rc = hostmem_sys_ioctl(fd, HOSTMEM_REGION_INFO, &view->info);
	if (rc)
		hostmem_info(view->ctx, "fd %d: %s", fd, strerror(-rc));
	else
		view->fd = fd;
	return rc;
}

/**
 * hostmem_view_from_fd - make a view of an fd
 * @ctx: the context
 * @fd: of a region: from another process, or an open(2) of its file
 * @view: out: the view, with one reference; it owns @fd from then on
 *
 * On error @fd is still the caller's.
 *
 * Return: 0; -ENOTTY: @fd is not of a region; -ENODATA: of a file that is empty: nobody has made it
 * a region; -ENODEV: the region has been destroyed or the view revoked; -EBADF; -ENOMEM.
 */
int hostmem_view_from_fd(struct hostmem_ctx *ctx, int fd, struct hostmem_view **view)
{
	struct hostmem_view *v = hostmem_view_alloc(ctx);
	int rc;

	if (!v)
		return -ENOMEM;
	rc = hostmem_view_set_fd(v, fd);
	if (rc)
		hostmem_view_unref(v);
	else
		*view = v;
	return rc;
}

/* A file without a name, where @path will be, with the mode and the owner of the region. */
static int hostmem_file_new(const char *path, const struct hostmem_region_params *params)
{
	uid_t uid = params->uid == geteuid() ? (uid_t)-1 : params->uid;
	gid_t gid = params->gid == getegid() ? (gid_t)-1 : params->gid;
	char *dir;
	int fd, rc;

	dir = strndup(path, strrchr(path, '/') - path);
	if (!dir)
		return -ENOMEM;
	fd = hostmem_sys_open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return fd;
	rc = hostmem_file_check(fd);
	if (!rc)
		rc = hostmem_sys_fchmod(fd, params->mode);
	if (!rc)
		rc = hostmem_sys_fchown(fd, uid, gid);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

/* Prepare the file of a view that is to have a name. */
static int hostmem_view_set_file(struct hostmem_view *view, const char *name,
				 const struct hostmem_region_params *params)
{
	int fd, rc;

	rc = hostmem_name_path(name, &view->path);
	if (rc)
		return rc;
	/* What the link would fail with, before the region is filled. */
	fd = hostmem_sys_open(view->path, O_PATH | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	if (fd != -ENOENT)
		return fd < 0 ? fd : -EEXIST;
	fd = hostmem_file_new(view->path, params);
	if (fd < 0)
		return fd;
	view->file = fd;
	return 0;
}

/* Make a region of the file of a view, or an anonymous one. */
static int hostmem_view_set_region(struct hostmem_view *view, int control,
				   const struct hostmem_region_params *params)
{
	struct hostmem_region_create cmd = {
		.size = sizeof(cmd),
		.region_size = params->size,
		.block_size = params->block_size,
		.slot_size = params->slot_size,
		.backing = params->backing,
		.backing_fd = params->backing_fd,
		.backing_pmem = params->backing_pmem,
		.allocation = params->allocation,
		.huge = params->huge,
		.file_fd = view->file,
	};
	int rc;

	rc = hostmem_sys_ioctl(control, HOSTMEM_REGION_CREATE, &cmd);
	if (rc)
		return rc;
	rc = hostmem_view_set_fd(view, cmd.out_fd);
	if (rc)
		close(cmd.out_fd);
	return rc;
}

/**
 * hostmem_view_prepare - create a region that gets its name later
 * @ctx: the context
 * @name: path below /dev/hostmem, with or without that in front, without ".", ".." and empty
 *	parts; NULL or "": an anonymous region, which dies with its last fd and mapping
 * @params: what it shall be like
 * @view: out: an owner view of it, with one reference
 *
 * For who fills a region before others can open it: hostmem_view_link() gives it the name, in
 * a directory that exists. Until then it has none, and lives no longer than this process and
 * whoever has been given an fd of it. No block is plugged.
 *
 * Return: 0; -EINVAL: the name, or sizes that are not multiples of the block size, or a block
 * size that is not a power of two; -ENAMETOOLONG; -EOPNOTSUPP: allocation or huge; -EEXIST: the
 * name is taken; -ENOENT, -ENOTDIR: the directory does not exist; -ENOSPC: too many regions;
 * -EPERM: to give it to uid or gid takes CAP_CHOWN; -ENOMEM; -ENODEV: the module is not loaded, or
 * hostmemfs not mounted at /dev/hostmem; -EACCES: the caller may not open the control node, or not
 * write to the directory. Of files and reserves, as the ioctl HOSTMEM_REGION_CREATE describes,
 * also -ENOPKG, -EBADF, -ENOENT, -EBUSY, -ETXTBSY, -EINTR, -EIO, -ENXIO, -EMEDIUMTYPE, -ENODATA,
 * -EAGAIN, -EILSEQ, -EMLINK.
 */
int hostmem_view_prepare(struct hostmem_ctx *ctx, const char *name,
			 const struct hostmem_region_params *params,
			 struct hostmem_view **view)
{
	int control = hostmem_ctx_control(ctx);
	struct hostmem_view *v;
	int rc = 0;

	if (control < 0)
		return control;
	v = hostmem_view_alloc(ctx);
	if (!v)
		return -ENOMEM;
	if (name && *name)
		rc = hostmem_view_set_file(v, name, params);
	if (!rc)
		rc = hostmem_view_set_region(v, control, params);
	if (rc) {
		hostmem_info(ctx, "%s: %s", name ? name : "", strerror(-rc));
		hostmem_view_unref(v);
		return rc;
	}
	*view = v;
	return 0;
}

/**
 * hostmem_view_link - give a region the name that it was prepared for
 * @view: of hostmem_view_prepare()
 *
 * From now on the region lives until the name is taken away and nobody has it any more, until it
 * is destroyed, or until the device that its memory is on goes away. On error it has no name, and
 * this can be called again.
 *
 * Return: 0; -EINVAL: @view was not prepared with a name, or has it already; -EEXIST: the name is
 * taken; -ENOENT: the directory has gone, the region has been destroyed, or neither
 * CAP_DAC_READ_SEARCH nor /proc is there; -EACCES: the caller may not write to the directory;
 * -EPERM: the file is somebody else's; -ENOMEM.
 */
int hostmem_view_link(struct hostmem_view *view)
{
	char self[32];
	int rc;

	if (view->file < 0)
		return -EINVAL;
	rc = hostmem_sys_linkat(view->file, "", view->path, AT_EMPTY_PATH);
	/* That takes CAP_DAC_READ_SEARCH; this way to say the same does not. */
	if (rc == -ENOENT) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", view->file);
		rc = hostmem_sys_linkat(AT_FDCWD, self, view->path, AT_SYMLINK_FOLLOW);
	}
	if (rc) {
		hostmem_info(view->ctx, "%s: %s", view->path, strerror(-rc));
		return rc;
	}
	close(view->file);
	view->file = -1;
	return 0;
}

/**
 * hostmem_view_create - create a region
 * @ctx: the context
 * @name: path below /dev/hostmem; NULL or "": an anonymous region
 * @params: what it shall be like
 * @view: out: an owner view of it, with one reference
 *
 * hostmem_view_prepare(), and hostmem_view_link() if there is a name.
 *
 * Return: 0, or an error of the two; nothing is left behind then.
 */
int hostmem_view_create(struct hostmem_ctx *ctx, const char *name,
			const struct hostmem_region_params *params,
			struct hostmem_view **view)
{
	struct hostmem_view *v;
	int rc;

	rc = hostmem_view_prepare(ctx, name, params, &v);
	if (rc)
		return rc;
	if (v->path)
		rc = hostmem_view_link(v);
	if (rc)
		hostmem_view_unref(v);
	else
		*view = v;
	return rc;
}

static int hostmem_open_file(const char *path, int flags)
{
	int fd, rc;

	fd = hostmem_sys_open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return fd;
	rc = hostmem_file_check(fd);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static int hostmem_open_owner(struct hostmem_ctx *ctx, const char *path)
{
	struct hostmem_region_open cmd = { .size = sizeof(cmd) };
	int control, rc;

	control = hostmem_ctx_control(ctx);
	if (control < 0)
		return control;
	cmd.file_fd = hostmem_open_file(path, O_PATH);
	if (cmd.file_fd < 0)
		return cmd.file_fd;
	rc = hostmem_sys_ioctl(control, HOSTMEM_REGION_OPEN, &cmd);
	close(cmd.file_fd);
	return rc ? rc : cmd.out_fd;
}

static int hostmem_open(struct hostmem_ctx *ctx, const char *path, enum hostmem_open how)
{
	switch (how) {
	case HOSTMEM_OPEN_OWNER:
		return hostmem_open_owner(ctx, path);
	case HOSTMEM_OPEN_RDWR:
		return hostmem_open_file(path, O_RDWR);
	case HOSTMEM_OPEN_RDONLY:
		return hostmem_open_file(path, O_RDONLY);
	}
	return -EINVAL;
}

/**
 * hostmem_view_open - open a region that has a name
 * @ctx: the context
 * @name: its path below /dev/hostmem, with or without that in front
 * @how: HOSTMEM_OPEN_RDONLY or HOSTMEM_OPEN_RDWR: a data view, which can map and ask, by
 *	the rights of the file; HOSTMEM_OPEN_OWNER: a view that can change the region, by
 *	the rights of the control node
 * @view: out: the view, with one reference
 *
 * Return: 0; -ENOENT, -ENOTDIR: no such region; -EISDIR: a directory; -ENODATA: the file is empty:
 * nobody has made it a region; -EINVAL: not a name that a region can have, or @how; -ENAMETOOLONG;
 * -EACCES: the file, or the control node, may not be opened; -ENODEV: the region is being
 * destroyed, hostmemfs is not mounted at /dev/hostmem, or, for an owner, the module is not loaded;
 * -ENOMEM.
 */
int hostmem_view_open(struct hostmem_ctx *ctx, const char *name, enum hostmem_open how,
		      struct hostmem_view **view)
{
	struct hostmem_view *v = hostmem_view_alloc(ctx);
	int fd, rc;

	if (!v)
		return -ENOMEM;
	rc = hostmem_name_path(name, &v->path);
	if (rc)
		goto err;
	fd = hostmem_open(ctx, v->path, how);
	rc = fd < 0 ? fd : hostmem_view_set_fd(v, fd);
	if (!rc) {
		*view = v;
		return 0;
	}
	if (fd >= 0)
		close(fd);
err:
	hostmem_info(ctx, "%s: %s", name, strerror(-rc));
	hostmem_view_unref(v);
	return rc;
}

/**
 * hostmem_view_derive - make a view with fewer rights, for somebody who is trusted less
 * @view: an owner view, or one that may derive
 * @start: bytes from the view's start, a multiple of the block size
 * @length: bytes, a multiple of the block size, not 0
 * @rights: HOSTMEM_RIGHT_READ, with HOSTMEM_RIGHT_WRITE and HOSTMEM_RIGHT_DERIVE if the new view
 *	shall have them, too
 * @flags: HOSTMEM_DERIVE_OUTLIVE: it is not revoked with @view; or 0
 * @derived: out: the new view, with one reference
 *
 * Whoever gets its fd maps the range and asks what is plugged in it, and can do nothing else: not
 * reach the rest of the region, nor change it, nor open it again with more rights. Offset 0 is the
 * first byte of the range. hostmem_view_revoke() takes it away.
 *
 * Return: 0; -EINVAL: alignment, length 0, or @rights without HOSTMEM_RIGHT_READ; -EOVERFLOW;
 * -ENOENT: beyond the view; -EPERM: @view may not derive, or has not these rights; -EOPNOTSUPP: an
 * unknown flag or right; -ENODEV: the region has been destroyed or the view revoked; -EMFILE;
 * -ENOMEM.
 */
int hostmem_view_derive(struct hostmem_view *view, unsigned long long start,
			unsigned long long length, unsigned int rights, unsigned int flags,
			struct hostmem_view **derived)
{
	struct hostmem_view_derive cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.start = start,
		.length = length,
		.rights = rights,
	};
	int rc;

	rc = hostmem_sys_ioctl(view->fd, HOSTMEM_VIEW_DERIVE, &cmd);
	if (rc) {
		hostmem_info(view->ctx, "%#llx + %#llx: %s", start, length, strerror(-rc));
		return rc;
	}
	rc = hostmem_view_from_fd(view->ctx, cmd.out_fd, derived);
	if (rc)
		close(cmd.out_fd);
	return rc;
}

/**
 * hostmem_view_ref - take a reference of a view
 * @view: the view, or NULL
 *
 * Return: @view.
 */
struct hostmem_view *hostmem_view_ref(struct hostmem_view *view)
{
	if (view)
		view->refcount++;
	return view;
}

/**
 * hostmem_view_unref - drop a reference of a view
 * @view: the view, or NULL
 *
 * With the last one its fd is closed. Mappings stay.
 *
 * Return: NULL.
 */
struct hostmem_view *hostmem_view_unref(struct hostmem_view *view)
{
	if (!view || --view->refcount)
		return NULL;
	if (view->fd >= 0)
		close(view->fd);
	if (view->file >= 0)
		close(view->file);
	free(view->path);
	hostmem_unref(view->ctx);
	free(view);
	return NULL;
}

/**
 * hostmem_view_get_ctx - the context of a view
 * @view: the view
 *
 * Return: the context, without a reference.
 */
struct hostmem_ctx *hostmem_view_get_ctx(struct hostmem_view *view)
{
	return view->ctx;
}

/**
 * hostmem_view_get_fd - the fd of a view
 * @view: the view
 *
 * Return: the fd, which stays the view's: for poll(2), and for sending it to another process, which
 * gets the view's rights: hostmem_view_derive() makes one for a backend.
 */
int hostmem_view_get_fd(struct hostmem_view *view)
{
	return view->fd;
}

/**
 * hostmem_view_get_id - the number of a view
 * @view: the view
 *
 * Return: the number, as hostmem_user_get_view_id() tells it.
 */
uint64_t hostmem_view_get_id(struct hostmem_view *view)
{
	return view->info.out_view_id;
}

/**
 * hostmem_view_get_region_id - the number of a view's region
 * @view: the view
 *
 * Return: the number, as hostmem_region_get_id() tells it.
 */
uint64_t hostmem_view_get_region_id(struct hostmem_view *view)
{
	return view->info.out_id;
}

/**
 * hostmem_view_get_name - the name by which a view was made or opened
 * @view: the view
 *
 * What the region is called now hostmem_region_get_name() tells.
 *
 * Return: the path below /dev/hostmem, owned by the view; NULL: of an anonymous region, derived, or
 * made of an fd.
 */
const char *hostmem_view_get_name(struct hostmem_view *view)
{
	return view->path ? hostmem_name_skip(view->path) : NULL;
}

/**
 * hostmem_view_get_start - where a view begins in its region
 * @view: the view
 *
 * Return: bytes from the region's start; 0 unless it has been derived.
 */
unsigned long long hostmem_view_get_start(struct hostmem_view *view)
{
	return view->info.out_view_start;
}

/**
 * hostmem_view_get_size - how much a view covers
 * @view: the view
 *
 * Return: bytes: all of the region unless it has been derived.
 */
unsigned long long hostmem_view_get_size(struct hostmem_view *view)
{
	return view->info.out_view_length;
}

/**
 * hostmem_view_get_block_size - the size of the blocks of a view's region
 * @view: the view
 *
 * Return: bytes.
 */
unsigned long long hostmem_view_get_block_size(struct hostmem_view *view)
{
	return view->info.out_block_size;
}

/**
 * hostmem_view_get_slot_size - the slot size that the region's creator recommends
 * @view: the view
 *
 * Return: bytes, or 0 for none.
 */
unsigned long long hostmem_view_get_slot_size(struct hostmem_view *view)
{
	return view->info.out_slot_size;
}

/**
 * hostmem_view_get_allocation - when the memory of a view's region is allocated
 * @view: the view
 *
 * Return: HOSTMEM_ALLOCATION_*.
 */
unsigned int hostmem_view_get_allocation(struct hostmem_view *view)
{
	return view->info.out_allocation;
}

/**
 * hostmem_view_get_rights - what a view may do
 * @view: the view
 *
 * Return: HOSTMEM_RIGHT_* flags.
 */
unsigned int hostmem_view_get_rights(struct hostmem_view *view)
{
	return view->info.out_rights;
}

/**
 * hostmem_view_is_owner - whether a view can change its region
 * @view: the view
 *
 * Return: true if it can.
 */
bool hostmem_view_is_owner(struct hostmem_view *view)
{
	return view->info.out_rights & HOSTMEM_RIGHT_OWNER;
}

/**
 * hostmem_view_get_info - ask the kernel about a view and its region
 * @view: the view
 * @info: out: as described in linux/hostmem.h, as it is now
 *
 * hostmem_view_wait() waits for a change after this.
 *
 * Return: 0; -ENODEV: the region has been destroyed or the view revoked.
 */
int hostmem_view_get_info(struct hostmem_view *view, struct hostmem_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return hostmem_sys_ioctl(view->fd, HOSTMEM_REGION_INFO, info);
}

/**
 * hostmem_view_destroy - destroy the region of a view
 * @view: an owner view
 * @force: even if it is mapped: the mappings get SIGBUS
 *
 * The view is of no use afterwards, but for hostmem_view_unref().
 *
 * Return: 0; -EBUSY: mapped, and not @force; -EPERM: not an owner view; -ENODEV: destroyed
 * already.
 */
int hostmem_view_destroy(struct hostmem_view *view, bool force)
{
	struct hostmem_region_destroy cmd = {
		.size = sizeof(cmd),
		.flags = force ? HOSTMEM_DESTROY_FORCE : 0,
	};

	return hostmem_sys_ioctl(view->fd, HOSTMEM_REGION_DESTROY, &cmd);
}

/**
 * hostmem_view_revoke - take the region away from somebody's view
 * @view: an owner view
 * @view_id: of the other, from hostmem_user_get_view_id() or hostmem_view_get_id()
 *
 * When it has returned every access through a mapping of that view gets SIGBUS.
 *
 * Return: 0; -ENOENT: no such view of this region, or revoked already; -EINVAL: @view itself;
 * -EPERM: not an owner view; -ENODEV: the region has been destroyed or @view revoked.
 */
int hostmem_view_revoke(struct hostmem_view *view, uint64_t view_id)
{
	struct hostmem_view_revoke cmd = { .size = sizeof(cmd), .view_id = view_id };

	return hostmem_sys_ioctl(view->fd, HOSTMEM_VIEW_REVOKE, &cmd);
}

/**
 * hostmem_view_wait - wait for a change of the region
 * @view: the view
 * @timeout_ms: milliseconds; 0: do not wait; negative: for ever
 *
 * A change of blocks or views since this view was last asked by hostmem_view_get_info(),
 * _get_blocks(), _get_slots() or hostmem_vm_sync(); until one of them is called again
 * this returns 1 at once.
 *
 * Return: 1: changed; 0: the time is over; -ENODEV: the region has been destroyed or the
 * view revoked; -EINTR: a signal.
 */
int hostmem_view_wait(struct hostmem_view *view, int timeout_ms)
{
	short revents;
	int rc;

	rc = hostmem_sys_poll(view->fd, &revents, timeout_ms);
	if (rc > 0 && (revents & (POLLHUP | POLLERR | POLLNVAL)))
		return -ENODEV;
	return rc;
}

/* Check a range of offsets of a view, as the kernel does. @align: 1 if any will do */
int hostmem_view_range(const struct hostmem_view *view, unsigned long long start,
		       unsigned long long length, unsigned long long align)
{
	unsigned long long end;

	if (__builtin_add_overflow(start, length, &end))
		return -EOVERFLOW;
	if (!length || start % align || length % align)
		return -EINVAL;
	if (end > view->info.out_view_length)
		return -ENOENT;
	return 0;
}
