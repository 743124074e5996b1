/* SPDX-License-Identifier: GPL-2.0 */
/* Views of small regions, made and changed by libhostmem, and what it logged. */
#ifndef _HOSTMEM_SELFTEST_LIB_VIEW_H
#define _HOSTMEM_SELFTEST_LIB_VIEW_H

#include <stdarg.h>
#include <stdio.h>
#include <libhostmem.h>

#include "lib.h"

#define MIB (1024ULL << 10)
#define GIB (1024 * MIB)
#define BLOCKS 16
#define SIZE (BLOCKS * HM_BLOCK)
#define GPA GIB
/* An emulated processor is slow, the more so if others emulate theirs beside it. */
#define SECONDS 600

static inline int plug(struct hostmem_view *view, unsigned int block, unsigned int n)
{
	return hostmem_view_plug(view, block * HM_BLOCK, n * HM_BLOCK, NULL);
}

static inline int unplug(struct hostmem_view *view, unsigned int block, unsigned int n)
{
	return hostmem_view_unplug(view, block * HM_BLOCK, n * HM_BLOCK);
}

/* Plug blocks by a bitmap. */
static inline void plug_bits(struct hostmem_view *view, __u64 bits)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		if (bits >> i & 1)
			HM_TRUE(!plug(view, i, 1));
	}
}

/* A region without a name. */
static inline struct hostmem_view *create(struct hostmem_ctx *ctx,
					  const struct hostmem_region_params *params)
{
	struct hostmem_view *view;

	HM_TRUE(!hostmem_view_create(ctx, NULL, params, &view));
	return view;
}

struct logged {
	int n, priority;
	char text[256];
};

static inline void log_fn(struct hostmem_ctx *ctx, int priority, const char *file, int line,
			  const char *fn, const char *format, va_list args)
{
	struct logged *log = hostmem_get_userdata(ctx);

	HM_TRUE(file && line && fn);
	log->n++;
	log->priority = priority;
	vsnprintf(log->text, sizeof(log->text), format, args);
}

#endif /* _HOSTMEM_SELFTEST_LIB_VIEW_H */
