// SPDX-License-Identifier: LGPL-2.1-only
/*
 * hostmemfs: where it is mounted, and the names of regions, which are paths below that.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "private.h"

/* A name without the directory that all names are below. */
const char *hostmem_name_skip(const char *name)
{
	static const char prefix[] = HOSTMEM_DIR "/";
	size_t length = strlen(prefix);

	return strncmp(name, prefix, length) ? name : name + length;
}

/* There is one way to write a path: without ".", ".." and empty parts. */
static bool hostmem_name_is_valid(const char *name)
{
	size_t length;

	for (;; name += length + 1) {
		length = strcspn(name, "/");
		if (!length || (*name == '.' && (length == 1 || (length == 2 && name[1] == '.'))))
			return false;
		if (!name[length])
			return true;
	}
}

/* The path of a name, to be freed by the caller: 0, -EINVAL, -ENAMETOOLONG or -ENOMEM. */
int hostmem_name_path(const char *name, char **path)
{
	name = hostmem_name_skip(name);
	if (!hostmem_name_is_valid(name))
		return -EINVAL;
	if (strlen(name) >= PATH_MAX - sizeof(HOSTMEM_DIR))
		return -ENAMETOOLONG;
	return asprintf(path, HOSTMEM_DIR "/%s", name) < 0 ? -ENOMEM : 0;
}

/* Whether a file, however it is open, is of hostmemfs and regular: 0, -ENODEV or -EISDIR. */
int hostmem_file_check(int fd)
{
	int saved = errno;
	struct statfs fs;
	struct stat st;
	int rc = 0;

	if (fstatfs(fd, &fs) || fs.f_type != HOSTMEM_SUPER_MAGIC)
		rc = -ENODEV;
	else if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		rc = -EISDIR;
	errno = saved;
	return rc;
}

/* Whether regions can have names here. */
bool hostmem_is_mounted(void)
{
	int saved = errno;
	struct statfs fs;
	bool is;

	is = !statfs(HOSTMEM_DIR, &fs) && fs.f_type == HOSTMEM_SUPER_MAGIC;
	errno = saved;
	return is;
}

/**
 * hostmem_mount - mount hostmemfs at /dev/hostmem, unless it is
 * @ctx: the context
 *
 * With the options nosuid and nodev, and else the defaults. Makes the directory if it is missing.
 *
 * Return: 0: it is mounted there now; -EPERM, -EACCES: that takes CAP_SYS_ADMIN; -ENODEV: the
 * module is not loaded; -ENOMEM; or another error of mkdir(2) or mount(2).
 */
int hostmem_mount(struct hostmem_ctx *ctx)
{
	int rc;

	if (hostmem_is_mounted())
		return 0;
	rc = hostmem_sys_mkdir(HOSTMEM_DIR, 0755);
	if (!rc || rc == -EEXIST)
		rc = hostmem_sys_mount("hostmem", HOSTMEM_DIR, "hostmem", MS_NOSUID | MS_NODEV);
	/* Somebody else was faster. */
	if (rc == -EBUSY && hostmem_is_mounted())
		rc = 0;
	if (rc)
		hostmem_info(ctx, HOSTMEM_DIR ": %s", strerror(-rc));
	return rc;
}
