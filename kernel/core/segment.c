// SPDX-License-Identifier: GPL-2.0
/*
 * Segments: the kinds of memory that there are, and their beginning and end.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "hostmem_pmem.h"
#include "hostmem_private.h"

/* Who provides a kind of memory, or an ERR_PTR. Its owner stays until module_put(). */
static const struct hostmem_backing_ops *hostmem_backing_get(u32 backing)
{
	const struct hostmem_pmem_ops *pmem;

	if (backing == HOSTMEM_BACKING_RAM)
		return &hostmem_ram_ops;
	if (backing != HOSTMEM_BACKING_FILE && backing != HOSTMEM_BACKING_RESERVE)
		return ERR_PTR(-EOPNOTSUPP);
	pmem = hostmem_pmem_ops_get();
	if (!pmem)
		return ERR_PTR(-ENOPKG);
	return backing == HOSTMEM_BACKING_FILE ? pmem->file : pmem->reserve;
}

/**
 * hostmem_segment_open - give a region its memory
 * @segment: of the region, zeroed
 * @cmd: how it is to be
 *
 * Return: 0; -EOPNOTSUPP: no such kind; -ENOPKG: the module for it is not loaded; or what
 * the kind's open() returns.
 */
int hostmem_segment_open(struct hostmem_segment *segment, const struct hostmem_region_create *cmd)
{
	const struct hostmem_backing_ops *ops;
	int rc;

	ops = hostmem_backing_get(cmd->backing);
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	segment->ops = ops;
	segment->entered = !ops->admit;
	rc = ops->open(segment, cmd);
	if (rc) {
		segment->file = NULL;
		module_put(ops->owner);
	}
	return rc;
}

/**
 * hostmem_segment_end - let others have the memory
 * @segment: of a region that nobody can use any more
 *
 * Context: sleeps; once only, or when the region is freed.
 */
void hostmem_segment_end(struct hostmem_segment *segment)
{
	if (segment->ended)
		return;
	segment->ended = true;
	if (segment->ops->end)
		segment->ops->end(segment);
}

/**
 * hostmem_segment_close - undo hostmem_segment_open()
 * @segment: opened, or not
 *
 * Context: sleeps.
 */
void hostmem_segment_close(struct hostmem_segment *segment)
{
	if (!segment->file)
		return;
	hostmem_segment_end(segment);
	segment->ops->close(segment);
	kfree(segment->source);
	module_put(segment->ops->owner);
}
