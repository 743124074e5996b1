// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bar on the terminal while memory is being allocated, and a clean end on Ctrl-C.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

double ctl_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/**
 * ctl_progress_begin - watch what follows
 * @progress: to be passed to ctl_progress_step() and ctl_progress_end()
 * @what: the object, in front of the bar
 *
 * From now on SIGINT and SIGTERM only cancel: threads that are started inherit that.
 *
 * Return: 0 or -errno.
 */
int ctl_progress_begin(struct ctl_progress *progress, const char *what)
{
	sigset_t mask;
	int rc;

	*progress = (struct ctl_progress) {
		.what = what,
		.terminal = isatty(STDERR_FILENO),
		.begun = ctl_now(),
	};
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	progress->signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (progress->signals < 0)
		return -errno;
	if (!sigprocmask(SIG_BLOCK, &mask, &progress->old_mask))
		return 0;
	rc = -errno;
	close(progress->signals);
	return rc;
}

static unsigned int bar_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col > 120)
		return 40;
	return size.ws_col > 90 ? size.ws_col - 70 : 20;
}

static void draw(const struct ctl_progress *progress, unsigned long long done,
		 unsigned long long total)
{
	static const char hashes[] =
		"################################################################################";
	double share = total ? (double)done / total : 1;
	double seconds = ctl_now() - progress->begun;
	double rate = seconds > 0 ? done / seconds : 0;
	unsigned int left = rate > 0 ? (total - done) / rate + 0.5 : 0;
	unsigned int width = bar_width();
	unsigned int full = share * width;

	fprintf(stderr, "\r%s: [%.*s%*s] %3d%%  %.2f of %.2f GiB  %.2f GiB/s  ETA %u:%02u ",
		progress->what, (int)full, hashes, (int)(width - full), "", (int)(share * 100),
		(double)done / CTL_GIB, (double)total / CTL_GIB, rate / CTL_GIB, left / 60,
		left % 60);
}

/* As struct hostmem_alloc wants it. */
int ctl_progress_step(void *data, unsigned long long done, unsigned long long total)
{
	struct ctl_progress *progress = data;
	struct signalfd_siginfo info;

	if (done > total)
		done = total;
	if (progress->terminal) {
		draw(progress, done, total);
		progress->shown = true;
	}
	return read(progress->signals, &info, sizeof(info)) == sizeof(info);
}

/* End the line; signals have their usual effect again. */
void ctl_progress_end(struct ctl_progress *progress)
{
	struct signalfd_siginfo info;

	if (progress->shown)
		fputc('\n', stderr);
	/* One that came when all was done: too late to cancel. */
	while (read(progress->signals, &info, sizeof(info)) == sizeof(info))
		;
	close(progress->signals);
	sigprocmask(SIG_SETMASK, &progress->old_mask, NULL);
}
