/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_ND_H
#define _HOSTMEM_ND_H

#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../core/hostmem_pmem.h"
#include "../core/hostmem_poison.h"
#include "../core/hostmem_segment.h"

struct bus_type;
struct device;
struct file;
struct inode;
struct hostmem_layout;
struct hostmem_nd_space;

/*
 * A lease: what HOSTMEM_EXTENTS is asked about, while it is asked and afterwards. Keeps its file
 * open, and pins the layout of a regular one.
 *
 *   hostmem_nd_lock  node, and revoked against the end of the lease
 *   immutable        file, spa, length, pinned, once it is attached and pinned
 */
struct hostmem_lease {
	struct list_head node;		/* in those of the namespace, until it is revoked */
	struct file *file;
	u64 pmem_id;			/* of the namespace */
	u64 spa;			/* of the first byte of the device that the file is on... */
	u64 length;			/* ...and the bytes of that device */
	bool pinned;
	bool revoked;			/* written once; read anywhere */
	wait_queue_head_t wait;		/* for revoked */
};

/**
 * struct hostmem_pages - a range of pages
 * @start: system physical address of the first byte
 * @end: of the byte behind the last one
 */
struct hostmem_pages {
	u64 start;
	u64 end;
};

/**
 * struct hostmem_client - a region that uses a namespace
 *
 * It is complete before it joins: the namespace may go, and with it the region, at once.
 *
 * @node: in those of the namespace, until it leaves
 * @segment: of the region, open from join() on; NULL: it has ended
 * @exclusive: there is at most one such client
 * @size: bytes of the region
 * @layout: where they are, when it has joined
 * @space: the namespace; valid while there is @segment
 * @told: which of the changes of what is bad the region knows
 * @telling: runs of @work that have not told it yet
 * @queued: one of them has not begun
 * @kept: @segment, with a reference for each run
 * @work: tells it
 * @join: the last thing that opens the segment: while it runs the namespace does not go.
 *	NULL: nothing is left to do. Context: sleeps, under hostmem_nd_lock
 * @pages: for hostmem_drain()
 * @drain: the node in its list
 * @drained: nobody has any of @pages: leave, and let others have them. Context: sleeps
 */
struct hostmem_client {
	struct list_head node;
	struct hostmem_segment *segment;
	bool exclusive;
	u64 size;
	struct hostmem_layout *layout;
	struct hostmem_nd_space *space;
	u64 told;
	unsigned int telling;
	bool queued;
	struct hostmem_segment *kept;
	struct work_struct work;
	int (*join)(struct hostmem_client *client, const struct hostmem_pmem *pmem,
		    struct device *dev);
	struct hostmem_pages pages;
	struct list_head drain;
	void (*drained)(struct hostmem_client *client);
};

/**
 * struct hostmem_ledger_slot - the ledger that counts
 * @generation: its own; 0: there is none
 * @tried: the largest generation that anything has been written with, or tried to
 * @slot: where it is
 */
struct hostmem_ledger_slot {
	u64 generation;
	u64 tried;
	unsigned int slot;
};

/* space.c */
void hostmem_nd_add(const struct bus_type *bus, struct device *dev);
void hostmem_nd_remove(struct device *dev);
int hostmem_nd_begin(void);
void hostmem_nd_clear(void);
int hostmem_nd_learn(u64 spa, u64 length);
int hostmem_nd_inspect(struct hostmem_client *client);
int hostmem_nd_join(struct hostmem_client *client, u64 pmem_id);
void hostmem_nd_retire(struct hostmem_client *client);
void hostmem_nd_leave(struct hostmem_client *client);
int hostmem_nd_attach(struct hostmem_lease *lease, struct hostmem_extents *cmd);
void hostmem_nd_detach(struct hostmem_lease *lease);

/* namespace.c */
int hostmem_namespace_describe(const struct bus_type *bus, struct device *dev,
			       struct hostmem_pmem *pmem);
int hostmem_namespace_armed(struct device *dev, struct hostmem_pmem *pmem);
bool hostmem_namespace_drives(const struct device *dev);
bool hostmem_namespace_is_child(const struct device *dev);

/* media.c */
int hostmem_media_read(const struct hostmem_pmem *pmem, u64 offset, void *data, size_t length);
int hostmem_media_write(const struct hostmem_pmem *pmem, struct device *dev, u64 offset,
			const void *data, size_t length);
int hostmem_media_look(struct hostmem_pmem *pmem, const char *signature);

/* badblocks.c */
int hostmem_badblocks_read(const struct hostmem_pmem *pmem, struct device *dev,
			   struct hostmem_poison **out);
int hostmem_badblocks_add(struct device *dev, u64 spa, u64 length);

/* ledger.c */
int hostmem_ledger_load(const struct hostmem_pmem *pmem, struct hostmem_ledger_slot *last,
			struct hostmem_poison **out);
int hostmem_ledger_store(const struct hostmem_pmem *pmem, struct device *dev,
			 struct hostmem_ledger_slot *last, const struct hostmem_poison *poison);
bool hostmem_ledger_settled(const struct hostmem_pmem *pmem, const struct device *region);
int hostmem_ledger_settle(const struct hostmem_pmem *pmem, const struct device *region);
void hostmem_ledger_forget(const struct device *region);

/* mce.c */
#ifdef CONFIG_X86_MCE
void hostmem_mce_init(void);
void hostmem_mce_exit(void);
#else
static inline void hostmem_mce_init(void)
{
}

static inline void hostmem_mce_exit(void)
{
}
#endif

/* device.c */
int hostmem_device_refuse(struct hostmem_extents *cmd, u32 reason, u64 offset);
bool hostmem_device_holds(struct device *dev, struct file *file);
int hostmem_device_place(const struct hostmem_pmem *pmem, struct hostmem_lease *lease,
			 struct hostmem_extents *cmd);
int hostmem_device_check(struct file *file, struct hostmem_extents *cmd);
void hostmem_device_put(struct file *file);

/* extents.c */
int hostmem_nd_extents(struct hostmem_extents *cmd, struct file **lease);

/* layout.c */
struct hostmem_layout *hostmem_layout_read(struct hostmem_lease *lease,
					   struct hostmem_extents *cmd, bool unwritten);
struct hostmem_layout *hostmem_layout_piece(u64 spa, u64 length);
int hostmem_layout_poison(const struct hostmem_layout *layout, u64 size,
			  const struct hostmem_poison *poison, struct hostmem_poison **out);
u64 hostmem_layout_size(const struct hostmem_layout *layout);
int hostmem_layout_answer(const struct hostmem_layout *layout, struct hostmem_extents *cmd);
void hostmem_layout_free(struct hostmem_layout *layout);

/* backing_file.c */
extern const struct hostmem_backing_ops hostmem_file_ops;

/* backing_reserve.c */
extern const struct hostmem_backing_ops hostmem_reserve_ops;
int hostmem_reserve_init(void);
void hostmem_reserve_exit(void);

/* lease.c */
struct file *hostmem_lease_take(struct file *file, struct hostmem_extents *cmd);
struct hostmem_lease *hostmem_lease_of(const struct file *file);
void hostmem_lease_revoke(struct hostmem_lease *lease);

/* drain.c */
bool hostmem_pages_idle(struct hostmem_pages *pages);
void hostmem_drain(struct hostmem_client *client);
void hostmem_drain_exit(void);

#endif /* _HOSTMEM_ND_H */
