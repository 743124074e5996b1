/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_ND_H
#define _HOSTMEM_ND_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../core/hostmem_pmem.h"
#include "../core/hostmem_poison.h"
#include "../core/hostmem_segment.h"

struct bus_type;
struct device;
struct file;
struct file_operations;
struct inode;
struct hostmem_layout;
struct hostmem_namespace;

/*
 * A lease: what HOSTMEM_EXTENTS is asked about, while it is asked and afterwards. Keeps its file
 * open, and pins the layout of a regular one.
 *
 *   hostmem_namespaces_lock  node, and revoked against the end of the lease
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
 * @ns: the namespace; valid while there is @segment
 * @told: which of the changes of what is bad the region knows
 * @telling: runs of @work that have not told it yet
 * @queued: one of them has not begun
 * @kept: @segment, with a reference for each run
 * @work: tells it
 * @join: the last thing that opens the segment: while it runs the namespace does not go.
 *	NULL: nothing is left to do. Context: sleeps, under hostmem_namespaces_lock
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
	struct hostmem_namespace *ns;
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

/**
 * struct hostmem_namespace - a namespace that the core knows
 *
 * All is under hostmem_namespaces_lock, but what does not change while it is known, and @used once
 * it is out of the table.
 *
 * @node: in hostmem_namespaces
 * @dev: the device whose driver enables it
 * @pmem: what the core knows
 * @leases: of files on it
 * @clients: the regions that use it
 * @left: how many of @clients have left
 * @used: pages of the driver's that regions of the device have had
 * @missed: bad, and libnvdimm could not be told
 * @changes: of what is bad
 * @revalidate: libnvdimm's disks do not know yet what its bus knows
 * @recorded: the ledger that counts
 * @unrecorded: what is bad is not what that says
 * @ledger: what it said when the namespace came, until libnvdimm has been told; or NULL
 * @settled: libnvdimm has been told what it says
 */
struct hostmem_namespace {
	struct list_head node;
	struct device *dev;
	struct hostmem_pmem pmem;
	struct list_head leases;
	struct list_head clients;
	unsigned int left;
	struct hostmem_pages used;
	struct hostmem_pages missed;
	u64 changes;
	bool revalidate;
	struct hostmem_ledger_slot recorded;
	bool unrecorded;
	struct hostmem_poison *ledger;
	bool settled;
};

/* client.c */
static inline struct hostmem_client *hostmem_client_of(const struct hostmem_segment *segment)
{
	return segment->private;
}

int hostmem_client_inspect(struct hostmem_segment *segment);
ssize_t hostmem_client_read(struct hostmem_segment *segment, loff_t pos, struct iov_iter *to);
ssize_t hostmem_client_write(struct hostmem_segment *segment, loff_t pos, struct iov_iter *from);
u64 hostmem_client_pinned(struct hostmem_segment *segment, loff_t start, loff_t length);
int hostmem_client_join(struct hostmem_client *client, u64 pmem_id);
void hostmem_client_retire(struct hostmem_client *client);
void hostmem_client_leave(struct hostmem_client *client);
void hostmem_clients_end(struct hostmem_namespace *ns, bool all);

/* inspect.c */
int hostmem_inspect(struct hostmem_client *client);
void hostmem_inspect_tell(struct work_struct *work);
int hostmem_inspect_learn(u64 spa, u64 length);
void hostmem_inspect_begin(struct hostmem_namespace *ns);
int hostmem_inspect_init(void);
void hostmem_inspect_exit(void);

/* namespace.c */
extern struct mutex hostmem_namespaces_lock;
extern struct list_head hostmem_namespaces;
struct hostmem_namespace *hostmem_namespace_find(const struct device *dev);
struct hostmem_namespace *hostmem_namespace_numbered(u64 id);
int hostmem_namespace_describe(const struct bus_type *bus, struct device *dev,
			       struct hostmem_pmem *pmem);
int hostmem_namespace_armed(struct device *dev, struct hostmem_pmem *pmem);
bool hostmem_namespace_drives(const struct device *dev);
bool hostmem_namespace_is(const struct device *dev);
bool hostmem_namespace_is_dax(const struct device *dev);
bool hostmem_namespace_is_child(const struct device *dev);

/* dax.c */
struct device *hostmem_dax_hold(u64 pmem_id);
void hostmem_dax_release(struct device *dax);
void hostmem_dax_wait(struct device *dev);
void hostmem_dax_init(void (*goes)(struct device *dev));
void hostmem_dax_exit(void);

/* media.c */
int hostmem_media_read(const struct hostmem_pmem *pmem, u64 offset, void *data, size_t length);
int hostmem_media_write(const struct hostmem_pmem *pmem, struct device *dev, u64 offset,
			const void *data, size_t length);
int hostmem_media_look(struct hostmem_pmem *pmem, const char *signature);

/* badblocks.c */
int hostmem_badblocks_read(const struct hostmem_pmem *pmem, struct device *dev,
			   struct hostmem_poison **out);
bool hostmem_badblocks_any(struct device *dev, u64 spa, u64 length);
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
u64 hostmem_layout_find(const struct hostmem_layout *layout, u64 pos, size_t *length);
u64 hostmem_layout_pinned(const struct hostmem_layout *layout, u64 start, u64 length);
void hostmem_layout_free(struct hostmem_layout *layout);

/* backing_file.c */
extern const struct hostmem_backing_ops hostmem_file_ops;

/* backing_reserve.c */
extern const struct hostmem_backing_ops hostmem_reserve_ops;

/* anon.c */
int hostmem_anon_init(void);
void hostmem_anon_exit(void);
struct inode *hostmem_anon_inode(void);
struct file *hostmem_anon_file(struct inode *inode, const char *name, int flags,
			       const struct file_operations *fops, void *private);

/* media_file.c */
int hostmem_nd_media(const char *name, u32 flags, struct file **out);
bool hostmem_media_is_held(const struct hostmem_namespace *ns);

/* main.c */
struct device *hostmem_nd_device(const char *name);

/* lease.c */
struct file *hostmem_lease_take(struct file *file, struct hostmem_extents *cmd);
struct hostmem_lease *hostmem_lease_of(const struct file *file);
void hostmem_leases_revoke(struct hostmem_namespace *ns);

/* drain.c */
/* How long to wait for what is pinned for a moment, and how often to look. */
#define HOSTMEM_DRAIN_MOMENT HZ
#define HOSTMEM_DRAIN_PERIOD (HZ / 20)
bool hostmem_pages_idle(struct hostmem_pages *pages);
u64 hostmem_pages_pinned(struct hostmem_pages pages);
void hostmem_drain(struct hostmem_client *client);
void hostmem_drain_exit(void);

#endif /* _HOSTMEM_ND_H */
