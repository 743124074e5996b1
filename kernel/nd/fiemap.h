/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_ND_FIEMAP_H
#define _HOSTMEM_ND_FIEMAP_H

/*
 * What FIEMAP says of an extent, and what stands against giving an address for it. The selftests
 * compile this too: no file with DAX has all of it.
 */
#include <linux/fiemap.h>
#include <linux/hostmem.h>

/* What may be said of an extent that we can give an address for. */
#define HOSTMEM_FIEMAP_PLAIN (FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED)

struct hostmem_fiemap_reason {
	__u32 flags;
	__u32 reason;
};

/* The first that applies is told. */
static const struct hostmem_fiemap_reason hostmem_fiemap_reasons[] = {
	{ FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN, HOSTMEM_EXTENTS_DELALLOC },
	{ FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL, HOSTMEM_EXTENTS_INLINE },
	{ FIEMAP_EXTENT_UNWRITTEN, HOSTMEM_EXTENTS_UNWRITTEN },
	{ FIEMAP_EXTENT_SHARED, HOSTMEM_EXTENTS_SHARED },
	/* Also what we do not know. */
	{ ~HOSTMEM_FIEMAP_PLAIN, HOSTMEM_EXTENTS_ENCODED },
	{ 0, 0 },
};

/* HOSTMEM_EXTENTS_*, or 0: nothing. */
static inline __u32 hostmem_fiemap_reason(__u32 flags)
{
	const struct hostmem_fiemap_reason *reason = hostmem_fiemap_reasons;

	while (reason->reason && !(flags & reason->flags))
		reason++;
	return reason->reason;
}

#endif /* _HOSTMEM_ND_FIEMAP_H */
