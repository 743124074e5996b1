// SPDX-License-Identifier: LGPL-2.1-only
/*
 * The context: logging, the control node, and the list of what there is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

static void hostmem_log_stderr(struct hostmem_ctx *ctx, int priority, const char *file,
			       int line, const char *fn, const char *format, va_list args)
{
	(void)ctx;
	(void)priority;
	(void)file;
	(void)line;
	fprintf(stderr, "libhostmem: %s: ", fn);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void hostmem_ctx_log(struct hostmem_ctx *ctx, int priority, const char *file, int line,
		     const char *fn, const char *format, ...)
{
	int saved = errno;
	va_list args;

	if (priority > ctx->log_priority)
		return;
	va_start(args, format);
	ctx->log_fn(ctx, priority, file, line, fn, format, args);
	va_end(args);
	errno = saved;
}

/* The value of HOSTMEM_LOG: "err", "info", "debug", or a number as in syslog.h. */
static int hostmem_log_parse(const char *value)
{
	long n;
	char *end;

	n = strtol(value, &end, 10);
	if (end != value && !*end && n >= LOG_EMERG && n <= LOG_DEBUG)
		return n;
	if (!strcmp(value, "err"))
		return LOG_ERR;
	if (!strcmp(value, "info"))
		return LOG_INFO;
	if (!strcmp(value, "debug"))
		return LOG_DEBUG;
	return LOG_EMERG;
}

/**
 * hostmem_new - make a context
 * @ctx: out: the context, with one reference
 *
 * Opens nothing: works, like everything that only computes, without the module. The library
 * is silent unless hostmem_set_log_priority() or the environment variable HOSTMEM_LOG ("err",
 * "info", "debug", or a number as in syslog.h) asks for messages.
 *
 * A context and everything made from it belong to one thread at a time.
 *
 * Return: 0, or -ENOMEM.
 */
int hostmem_new(struct hostmem_ctx **ctx)
{
	const char *log = secure_getenv("HOSTMEM_LOG");
	struct hostmem_ctx *c;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->refcount = 1;
	c->control = -1;
	c->log_fn = hostmem_log_stderr;
	c->log_priority = log ? hostmem_log_parse(log) : LOG_EMERG;
	*ctx = c;
	return 0;
}

/**
 * hostmem_ref - take a reference of a context
 * @ctx: the context, or NULL
 *
 * Return: @ctx.
 */
struct hostmem_ctx *hostmem_ref(struct hostmem_ctx *ctx)
{
	if (ctx)
		ctx->refcount++;
	return ctx;
}

/**
 * hostmem_unref - drop a reference of a context
 * @ctx: the context, or NULL
 *
 * With the last one the listed regions are freed. Views, VMs and monitors hold references
 * of their own.
 *
 * Return: NULL.
 */
struct hostmem_ctx *hostmem_unref(struct hostmem_ctx *ctx)
{
	if (!ctx || --ctx->refcount)
		return NULL;
	hostmem_list_free(ctx->regions);
	hostmem_pmems_free(ctx->pmems);
	if (ctx->control >= 0)
		close(ctx->control);
	free(ctx);
	return NULL;
}

/**
 * hostmem_set_log_fn - say who writes messages
 * @ctx: the context
 * @fn: called for each message, without a newline at its end; NULL: to stderr
 */
void hostmem_set_log_fn(struct hostmem_ctx *ctx, hostmem_log_fn fn)
{
	ctx->log_fn = fn ? fn : hostmem_log_stderr;
}

/**
 * hostmem_get_log_priority - up to which priority there are messages
 * @ctx: the context
 *
 * Return: LOG_EMERG (none) to LOG_DEBUG, as in syslog.h.
 */
int hostmem_get_log_priority(struct hostmem_ctx *ctx)
{
	return ctx->log_priority;
}

/**
 * hostmem_set_log_priority - say up to which priority there are messages
 * @ctx: the context
 * @priority: LOG_EMERG: none; LOG_ERR: what left something inconsistent; LOG_INFO: also what
 *	failed; LOG_DEBUG: also what is being done
 */
void hostmem_set_log_priority(struct hostmem_ctx *ctx, int priority)
{
	ctx->log_priority = priority;
}

/**
 * hostmem_set_userdata - remember a pointer of the caller's
 * @ctx: the context
 * @userdata: anything; the library does not look at it
 */
void hostmem_set_userdata(struct hostmem_ctx *ctx, void *userdata)
{
	ctx->userdata = userdata;
}

/**
 * hostmem_get_userdata - the pointer of hostmem_set_userdata()
 * @ctx: the context
 *
 * Return: the pointer, or NULL.
 */
void *hostmem_get_userdata(struct hostmem_ctx *ctx)
{
	return ctx->userdata;
}

/* The fd of the control node, opened for changes when it is first needed. */
int hostmem_ctx_control(struct hostmem_ctx *ctx)
{
	int fd;

	if (ctx->control >= 0)
		return ctx->control;
	fd = hostmem_sys_open(HOSTMEM_CONTROL, O_RDWR | O_CLOEXEC);
	if (fd == -ENOENT || fd == -ENXIO)
		fd = -ENODEV;
	if (fd < 0)
		hostmem_info(ctx, HOSTMEM_CONTROL ": %s", strerror(-fd));
	else
		ctx->control = fd;
	return fd;
}

/**
 * hostmem_get_info - the limits of this kernel
 * @ctx: the context
 * @info: out: as described in linux/hostmem.h
 *
 * Takes the right to read the control node only.
 *
 * Return: 0; -ENODEV: the module is not loaded; -EACCES: the caller may not open the
 * control node.
 */
int hostmem_get_info(struct hostmem_ctx *ctx, struct hostmem_info *info)
{
	int fd, rc;

	fd = hostmem_ctx_control(ctx);
	if (fd == -EACCES)
		fd = hostmem_sys_open(HOSTMEM_CONTROL, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	rc = hostmem_sys_ioctl(fd, HOSTMEM_INFO, info);
	if (fd != ctx->control)
		close(fd);
	return rc;
}
