// SPDX-License-Identifier: GPL-2.0-only
/*
 * The signals that end a command. A verb that changes something holds them back: it finishes what
 * it has begun or takes it back, and says which by its exit status.
 */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "ctl.h"

/* Those of them that whoever started the command has not made it ignore. */
static void signals(sigset_t *set)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;
	size_t i;

	sigemptyset(set);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		/* A signal that is held back would be pending all the same. */
		if (!sigaction(numbers[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(set, numbers[i]);
	}
}

/**
 * ctl_signals_hold - let signals wait until the command has ended
 *
 * Threads that are started inherit that. A reader of stdout who has gone is an error of the
 * writing, too, and not the end.
 */
void ctl_signals_hold(void)
{
	sigset_t mask;

	signals(&mask);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Whether somebody wants the command to end. */
bool ctl_signals_pending(void)
{
	sigset_t pending, wanted;

	signals(&wanted);
	sigpending(&pending);
	sigandset(&pending, &pending, &wanted);
	return !sigisemptyset(&pending);
}

/* For poll(2): readable when somebody wants the command to end. An fd, or -errno. */
int ctl_signals_fd(void)
{
	sigset_t mask;
	int fd;

	signals(&mask);
	fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, &mask, NULL);
	return fd;
}
