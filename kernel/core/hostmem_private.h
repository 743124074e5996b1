/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_PRIVATE_H
#define _HOSTMEM_PRIVATE_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/hostmem.h>

#include "hostmem_poison.h"
#include "hostmem_segment.h"

struct hostmem_pmem;
struct hostmem_region;

/* The limits that HOSTMEM_INFO reports. */
#define HOSTMEM_MAX_REGIONS 4096
#define HOSTMEM_MAX_BLOCKS BIT_ULL(23)
#define HOSTMEM_MAX_SIZE BIT_ULL(52)

/*
 * A region. Pinned by its views, and by the table of regions: a named region until
 * it is destroyed, an anonymous one until its last view goes.
 *
 * Locking: hostmem_regions_lock (mutex) -> region->lock (mutex) -> the backing's own
 *   hostmem_regions_lock  the table, listed, the node
 *   region->lock          plugged, pending, nr_plugged, poison: writers; order of changes
 *   region->view_lock     views, nr_views, nr_mappings, vm_ops, and dead and
 *                         view->revoked against new mappings. A spinlock, because mmap()
 *                         holds the mmap_lock, which ranks below the backing's inode lock
 *   region->srcu          the guard reads plugged, view->revoked and poison inside; who
 *                         clears a bit, sets revoked or changes poison waits for its
 *                         readers afterwards
 *   immutable once listed: id, name, size, block_shift, slot_size, segment, mode...
 */
struct hostmem_region {
	struct device dev;
	struct cdev cdev;
	u64 id;
	char name[HOSTMEM_NAME_MAX];
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
	u64 size;
	unsigned int block_shift;
	u64 slot_size;
	u32 backing;
	u32 allocation;
	u32 huge;
	struct hostmem_segment segment;
	bool listed;
	bool dead;

	/* plugged, pending, nr_plugged, poison; see above */
	struct mutex lock;
	unsigned long *plugged;
	unsigned long *pending;
	u64 nr_plugged;
	struct hostmem_poison __rcu *poison;
	atomic64_t generation;
	wait_queue_head_t wait;

	struct srcu_struct srcu;
	bool has_srcu;

	/* all below; see above */
	spinlock_t view_lock;
	struct list_head views;
	unsigned int nr_views;
	unsigned int nr_mappings;
	const struct vm_operations_struct *real_vm_ops;
	struct vm_operations_struct vm_ops;
};

/*
 * A view. Lives as long as its inner file, which the outer file (the fd that user
 * space has) and every mapping pin. Pins the region.
 */
struct hostmem_view {
	struct hostmem_region *region;
	struct file *inner;
	struct file_operations inner_fops;
	struct list_head node;
	u64 id;
	loff_t start;
	loff_t length;
	u32 rights;
	struct pid *pid;
	unsigned int nr_mappings;
	bool revoked;
	u64 seen;
};

/* An ioctl on its way: a kernel copy of the argument, and how to answer. */
struct hostmem_ucmd {
	void __user *ubuffer;
	u32 user_size;
	u32 size;
	void *cmd;
	struct hostmem_view *view;
};

struct hostmem_ioctl_op {
	unsigned int size;
	unsigned int min_size;
	unsigned int ioctl_num;
	u32 rights;
	int (*execute)(struct hostmem_ucmd *ucmd);
};

#define IOCTL_OP(_ioctl, _fn, _struct, _last, _rights)			\
	[_IOC_NR(_ioctl) - HOSTMEM_CMD_BASE] = {			\
		.size = sizeof(_struct) +				\
			BUILD_BUG_ON_ZERO(sizeof(union hostmem_ucmd_buffer) < \
					  sizeof(_struct)),		\
		.min_size = offsetofend(_struct, _last),		\
		.ioctl_num = _ioctl,					\
		.rights = _rights,					\
		.execute = _fn,						\
	}

union hostmem_ucmd_buffer {
	struct hostmem_info info;
	struct hostmem_region_create create;
	struct hostmem_region_open open;
	struct hostmem_region_destroy destroy;
	struct hostmem_region_info region_info;
	struct hostmem_region_plug plug;
	struct hostmem_region_unplug unplug;
	struct hostmem_region_preallocate preallocate;
	struct hostmem_region_blocks blocks;
	struct hostmem_region_slots slots;
	struct hostmem_view_revoke revoke;
	struct hostmem_extents extents;
};

static inline u64 hostmem_block_size(const struct hostmem_region *region)
{
	return 1ULL << region->block_shift;
}

static inline struct hostmem_region *hostmem_segment_region(struct hostmem_segment *segment)
{
	return container_of(segment, struct hostmem_region, segment);
}

static inline u64 hostmem_nr_blocks(const struct hostmem_region *region)
{
	return region->size >> region->block_shift;
}

/* main.c */
long hostmem_ioctl(const struct hostmem_ioctl_op *ops, unsigned int nr_ops,
		   struct hostmem_view *view, unsigned int cmd, unsigned long arg);
int hostmem_ucmd_respond(struct hostmem_ucmd *ucmd);

/* region.c */
extern struct mutex hostmem_regions_lock;
int hostmem_regions_init(void);
void hostmem_regions_exit(void);
unsigned int hostmem_regions_count(void);
unsigned int hostmem_regions_seq(void);
struct hostmem_region *hostmem_region_next(u64 *id);
struct hostmem_region *hostmem_region_find(u64 id);
struct hostmem_region *hostmem_region_find_name(const char *name);
int hostmem_region_create(struct hostmem_ucmd *ucmd);
int hostmem_region_open(struct hostmem_ucmd *ucmd);
int hostmem_region_destroy(struct hostmem_ucmd *ucmd);
int hostmem_region_info(struct hostmem_ucmd *ucmd);
int hostmem_region_end(struct hostmem_region *region, bool force);
void hostmem_region_orphaned(struct hostmem_region *region);
u64 hostmem_region_bump(struct hostmem_region *region);
int hostmem_region_range(struct hostmem_region *region, u64 start, u64 length, u64 align);

/* block.c */
int hostmem_region_plug(struct hostmem_ucmd *ucmd);
int hostmem_region_unplug(struct hostmem_ucmd *ucmd);
int hostmem_region_preallocate(struct hostmem_ucmd *ucmd);

/* ram.c */
extern const struct hostmem_backing_ops hostmem_ram_ops;
int hostmem_ram_init(void);
void hostmem_ram_exit(void);

/* segment.c */
int hostmem_segment_open(struct hostmem_segment *segment, const struct hostmem_region_create *cmd);
void hostmem_segment_end(struct hostmem_segment *segment);
void hostmem_segment_close(struct hostmem_segment *segment);
void hostmem_segment_discard(struct hostmem_segment *segment, loff_t start, loff_t length);

/* view.c */
extern const struct file_operations hostmem_node_fops;
struct hostmem_view *hostmem_view_alloc(struct hostmem_region *region, fmode_t mode,
					u32 rights);
void hostmem_view_abort(struct hostmem_view *view);
struct file *hostmem_view_file(struct hostmem_view *view);
int hostmem_view_finalize(struct hostmem_view *view);
int hostmem_view_revoke(struct hostmem_ucmd *ucmd);

/* guard.c */
int hostmem_guard_mmap(struct hostmem_view *view, struct vm_area_struct *vma);
void hostmem_guard_wait(struct hostmem_region *region);

/* slots.c */
int hostmem_region_blocks(struct hostmem_ucmd *ucmd);
int hostmem_region_slots(struct hostmem_ucmd *ucmd);
bool hostmem_slot_next(struct hostmem_region *region, u64 slot_size, u64 *pos,
		       struct hostmem_slot *slot);

/* pmem.c */
extern struct mutex hostmem_pmem_lock;
unsigned int hostmem_pmem_seq(void);
struct hostmem_pmem *hostmem_pmem_next(u64 id);
const struct hostmem_pmem_ops *hostmem_pmem_ops_get(void);

/* extents.c */
int hostmem_extents(struct hostmem_ucmd *ucmd);

/* netlink.c */
int hostmem_netlink_init(void);
void hostmem_netlink_exit(void);
void hostmem_event(struct hostmem_region *region, u8 what, u64 view_id, u64 start,
		   u64 length);
void hostmem_pmem_event(const struct hostmem_pmem *pmem, u8 what);

#endif /* _HOSTMEM_PRIVATE_H */
