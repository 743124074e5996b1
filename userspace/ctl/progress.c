// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bar on the terminal while memory is being allocated, and a clean end on Ctrl-C.
 */
#include <sys/ioctl.h>
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
 * With signals held back: they only cancel.
 */
void ctl_progress_begin(struct ctl_progress *progress, const char *what)
{
	*progress = (struct ctl_progress) {
		.what = what,
		.terminal = isatty(STDERR_FILENO),
		.begun = ctl_now(),
	};
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

	if (done > total)
		done = total;
	if (progress->terminal) {
		draw(progress, done, total);
		progress->shown = true;
	}
	return ctl_signals_pending();
}

/* End the line. */
void ctl_progress_end(struct ctl_progress *progress)
{
	if (progress->shown)
		fputc('\n', stderr);
}
