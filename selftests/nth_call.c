// SPDX-License-Identifier: GPL-2.0
/*
 * nth_call.so, to be preloaded: send a command a signal at a step that is certain, right before
 * its Nth call that changes something.
 *   NTH_COMMAND  what counts: programs of this name, not those that they run
 *   NTH_CALL     N, from 1; without it nothing is sent
 *   NTH_SIGNAL   the signal's number; 19, SIGSTOP, lets something else happen in between
 *   NTH_DELAY    not before the call but so many milliseconds later, to interrupt a long one
 * Each call is told on standard error: "nth_call: 7 pwrite /dev/pmem0". What is written to
 * standard output and standard error is not counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static unsigned long setting(const char *name)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 0) : 0;
}

static void interrupt(int sig, unsigned long delay)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig };
	struct itimerspec when = {
		.it_value = { .tv_sec = delay / 1000, .tv_nsec = delay % 1000 * 1000000 },
	};
	timer_t timer;

	if (!delay)
		kill(getpid(), sig);
	else if (timer_create(CLOCK_MONOTONIC, &event, &timer) ||
		 timer_settime(timer, 0, &when, NULL))
		abort();
}

static void count_path(const char *call, const char *path)
{
	const char *command = getenv("NTH_COMMAND");
	static unsigned long calls;
	unsigned long nth;
	int saved = errno;

	if (!command || strcmp(command, program_invocation_short_name))
		return;
	nth = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	dprintf(STDERR_FILENO, "nth_call: %lu %s %s\n", nth, call, path);
	if (nth == setting("NTH_CALL"))
		interrupt(setting("NTH_SIGNAL"), setting("NTH_DELAY"));
	errno = saved;
}

static void count(const char *call, int fd)
{
	char link[32], path[256];
	int saved = errno;
	ssize_t n;

	if (fd <= STDERR_FILENO)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	errno = saved;
	count_path(call, path);
}

/* Only what makes a file. */
int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list list;

	if (__OPEN_NEEDS_MODE(flags)) {
		va_start(list, flags);
		mode = va_arg(list, mode_t);
		va_end(list);
		count_path("open", path);
	}
	return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int fchmod(int fd, mode_t mode)
{
	count("fchmod", fd);
	return syscall(SYS_fchmod, fd, mode);
}

int fchown(int fd, uid_t uid, gid_t gid)
{
	count("fchown", fd);
	return syscall(SYS_fchown, fd, uid, gid);
}

int linkat(int from_dir, const char *from, int dir, const char *path, int flags)
{
	count_path("linkat", path);
	return syscall(SYS_linkat, from_dir, from, dir, path, flags);
}

int umount2(const char *path, int flags)
{
	count_path("umount2", path);
	return syscall(SYS_umount2, path, flags);
}

ssize_t write(int fd, const void *data, size_t length)
{
	count("write", fd);
	return syscall(SYS_write, fd, data, length);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
	count("pwrite", fd);
	return syscall(SYS_pwrite64, fd, data, length, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
	return pwrite(fd, data, length, offset);
}

int fsync(int fd)
{
	count("fsync", fd);
	return syscall(SYS_fsync, fd);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *arg;

	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	count("ioctl", fd);
	return syscall(SYS_ioctl, fd, request, arg);
}
