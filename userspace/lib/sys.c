// SPDX-License-Identifier: LGPL-2.1-only
/*
 * The system calls that the library makes: they return -errno, and leave errno alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

/* What a call returned, or -errno; errno as it was before. */
static int hostmem_sys_result(int rc, int saved)
{
	if (rc < 0)
		rc = -errno;
	errno = saved;
	return rc;
}

int hostmem_sys_ioctl(int fd, unsigned long request, void *arg)
{
	int saved = errno;

	return hostmem_sys_result(ioctl(fd, request, arg), saved);
}

/* What is made by it is its owner's alone at first. */
int hostmem_sys_open(const char *path, int flags)
{
	int saved = errno;

	return hostmem_sys_result(open(path, flags, 0600), saved);
}

int hostmem_sys_fchmod(int fd, mode_t mode)
{
	int saved = errno;

	return hostmem_sys_result(fchmod(fd, mode), saved);
}

int hostmem_sys_fchown(int fd, uid_t uid, gid_t gid)
{
	int saved = errno;

	return hostmem_sys_result(fchown(fd, uid, gid), saved);
}

int hostmem_sys_linkat(int fd, const char *from, const char *to, int flags)
{
	int saved = errno;

	return hostmem_sys_result(linkat(fd, from, AT_FDCWD, to, flags), saved);
}

int hostmem_sys_mkdir(const char *path, mode_t mode)
{
	int saved = errno;

	return hostmem_sys_result(mkdir(path, mode), saved);
}

int hostmem_sys_mount(const char *source, const char *path, const char *type,
		      unsigned long flags)
{
	int saved = errno;

	return hostmem_sys_result(mount(source, path, type, flags, NULL), saved);
}

int hostmem_sys_mmap(void *hint, size_t length, int prot, int flags, int fd, off_t offset,
		     void **addr)
{
	int saved = errno;
	void *p;

	p = mmap(hint, length, prot, flags, fd, offset);
	if (p != MAP_FAILED)
		*addr = p;
	return hostmem_sys_result(p == MAP_FAILED ? -1 : 0, saved);
}

int hostmem_sys_munmap(void *addr, size_t length)
{
	int saved = errno;

	return hostmem_sys_result(munmap(addr, length), saved);
}

int hostmem_sys_poll(int fd, short *revents, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int saved = errno;
	int rc;

	rc = hostmem_sys_result(poll(&pfd, 1, timeout_ms), saved);
	*revents = pfd.revents;
	return rc;
}

int hostmem_sys_eventfd(void)
{
	int saved = errno;

	return hostmem_sys_result(eventfd(0, EFD_CLOEXEC), saved);
}

int hostmem_sys_dup(int fd)
{
	int saved = errno;

	return hostmem_sys_result(fcntl(fd, F_DUPFD_CLOEXEC, 0), saved);
}
