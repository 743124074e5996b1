/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_PRIVATE_H
#define _HOSTMEM_PRIVATE_H

#include <linux/fs.h>
#include <linux/kref.h>
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

struct genl_family;
struct hostmem_pmem;
struct hostmem_region;
struct iov_iter;
struct sk_buff;

/* Room for a region's name with a slash in front, and its NUL. */
#define HOSTMEM_NAME_SIZE (PATH_MAX + 1)

/* Room for a message of netlink with the name of a region in it. */
#define HOSTMEM_NL_MSG_SIZE (NLMSG_GOODSIZE + PATH_MAX)

/* The limits that HOSTMEM_INFO reports. */
#define HOSTMEM_MAX_REGIONS 4096
#define HOSTMEM_MAX_BLOCKS BIT_ULL(23)
#define HOSTMEM_MAX_SIZE BIT_ULL(52)

/*
 * A region. Pinned by its views, and by the file that it is, if it is one.
 *
 * Locking: hostmem_regions_lock (mutex); region->lock (mutex) -> region->view_lock (spinlock)
 *   hostmem_regions_lock  the table, listed. No region's lock is taken under it
 *   hostmem_name_lock     dentry, was: see name.c
 *   region->lock          plugged, changing, nr_plugged, poison: writers. What a view may do is
 *                         decided under it: who has it knows that the view is not revoked
 *                         meanwhile. Short: never held while anything is waited for, so that
 *                         whoever asks is answered at once; what takes long has its blocks
 *                         in changing instead
 *   region->view_lock     views and their parents, nr_views, nr_mappings, vm_ops; dead and
 *                         view->revoked against new mappings. A spinlock, because mmap()
 *                         holds the mmap_lock, and the page fault of a copy may wait for that
 *   region->policy_lock   policies, and the policy of the file; under the mmap_lock
 *   region->srcu          the guard reads plugged, view->revoked and poison inside; who
 *                         clears a bit, sets revoked or changes poison makes a cut
 *                         afterwards, which waits for its readers
 *   view->calls           of which revoke and destroy wait for the end, see view.c
 *   immutable once listed: id, size, block_shift, slot_size, segment...
 */
struct hostmem_region {
	struct kref ref;
	u64 id;
	struct dentry *dentry;	/* that is its name; NULL: it has none */
	const char *was;	/* what that was before; NULL: not known */
	u64 size;
	unsigned int block_shift;
	u64 slot_size;
	u32 backing;
	u32 allocation;
	u32 huge;
	struct hostmem_segment segment;
	bool listed;
	bool dead;

	/* plugged, changing, nr_plugged, poison; see above */
	struct mutex lock;
	unsigned long *plugged;
	unsigned long *changing;	/* by a call, whose alone they are until it ends */
	u64 nr_plugged;
	struct hostmem_poison __rcu *poison;
	atomic64_t generation;
	wait_queue_head_t wait;		/* for a new generation */
	wait_queue_head_t drained;	/* for the end of calls on views */

	struct srcu_struct srcu;
	bool has_srcu;

	/* all below; see above */
	spinlock_t view_lock;
	struct list_head views;
	unsigned int nr_views;
	unsigned int nr_mappings;

	struct mutex policy_lock;	/* policies; see above */
	struct list_head policies;
};

/* What is to be told of a view's mappings: see mapped.c. */
struct hostmem_news {
	struct callback_head work;
	struct task_struct *task;	/* whose call has the rest; NULL: none has */
	u8 what;
	u64 start;
	u64 length;
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
	struct hostmem_view *parent;	/* that it is derived from, listed; NULL: none */
	bool outlive;			/* it is not revoked with its parent */
	struct pid *pid;
	unsigned int nr_mappings;
	struct hostmem_news news;
	bool revoked;
	u64 revoked_with;		/* number of the view; 0: told already */
	atomic_t calls;			/* that are behind the door */
	u64 seen;
};

/* Bytes of a region. */
struct hostmem_range {
	u64 start;
	u64 length;
};

/* What was pinned when it was taken away. */
struct hostmem_pins {
	u64 bytes;
	bool wait;	/* until that is nothing */
};

/* What becomes of the memory that is taken out of all page tables. */
enum hostmem_cut {
	HOSTMEM_CUT_FREE,
	HOSTMEM_CUT_KEEP,
};

/* What a file becomes by ftruncate(). Of the superblock. */
struct hostmem_fs_defaults {
	u64 block_size;
	u32 allocation;
	u32 huge;
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
	struct hostmem_view_derive derive;
	struct hostmem_media media;
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

/* The region that a file of hostmemfs is; NULL: it is none yet. */
static inline struct hostmem_region *hostmem_inode_region(const struct inode *inode)
{
	/* Pairs with the store of who has made all of it. */
	return smp_load_acquire(&inode->i_private);
}

static inline struct hostmem_range hostmem_view_range(const struct hostmem_view *view)
{
	return (struct hostmem_range) { .start = view->start, .length = view->length };
}

/* Whether a view, or its region, has been taken away: a last look is under region->lock. */
static inline bool hostmem_view_dead(const struct hostmem_view *view)
{
	return READ_ONCE(view->region->dead) || READ_ONCE(view->revoked);
}

/* The new generation of a region that has changed. */
static inline u64 hostmem_region_bump(struct hostmem_region *region)
{
	u64 generation = atomic64_inc_return(&region->generation);

	wake_up_all(&region->wait);
	return generation;
}

/* ucmd.c */
long hostmem_ioctl(const struct hostmem_ioctl_op *ops, unsigned int nr_ops,
		   struct hostmem_view *view, u32 rights, unsigned int cmd, unsigned long arg);
int hostmem_ucmd_respond(struct hostmem_ucmd *ucmd);
int hostmem_range_check(u64 start, u64 length, u64 align, u64 size);

/* event.c */
void hostmem_event_init(const struct genl_family *family);
bool hostmem_event_heard(void);
void hostmem_event(struct hostmem_region *region, u8 what, u64 view_id, u64 start,
		   u64 length);
void hostmem_pmem_event(const struct hostmem_pmem *pmem, u8 what);
int hostmem_put_u64(struct sk_buff *skb, int attr, u64 value);
int hostmem_put_name(struct sk_buff *skb, int attr, struct hostmem_region *region, bool last);
int hostmem_put_pmem_name(struct sk_buff *skb, const struct hostmem_pmem *pmem);

/* ram.c */
extern const struct hostmem_backing_ops hostmem_ram_ops;
bool hostmem_ram_admit(struct hostmem_segment *segment, pgoff_t pgoff);
int hostmem_ram_init(void);
void hostmem_ram_exit(void);
void hostmem_ram_info(u64 *used, u64 *limit);
void hostmem_ram_set_limit(u64 limit);

/* name.c */
const char *hostmem_name(struct hostmem_region *region, char *buf, bool last);
bool hostmem_name_below(struct hostmem_region *region, struct dentry *dentry);
int hostmem_name_take(struct hostmem_region *region, struct dentry *dentry);
void hostmem_name_drop(struct hostmem_region *region);
void hostmem_name_remove(struct hostmem_region *region);

/* pmem.c */
extern struct mutex hostmem_pmem_lock;
unsigned int hostmem_pmem_seq(void);
struct hostmem_pmem *hostmem_pmem_next(u64 id);
const struct hostmem_pmem_ops *hostmem_pmem_ops_get(void);

/* extents.c */
int hostmem_extents(struct hostmem_ucmd *ucmd);

/* media.c */
int hostmem_media(struct hostmem_ucmd *ucmd);

/* mapped.c */
void hostmem_mapped_front(struct vm_operations_struct *ops);
void hostmem_mapped_tell(struct vm_area_struct *vma, u8 what);
void hostmem_mapped_count(struct hostmem_view *view, int add);

/* policy.c */
#ifdef CONFIG_NUMA
void hostmem_policy_front(struct vm_operations_struct *ops,
			  const struct vm_operations_struct *real);
void hostmem_policy_close(struct vm_area_struct *vma);
void hostmem_policy_revoke(struct hostmem_region *region);
#else
static inline void hostmem_policy_front(struct vm_operations_struct *ops,
					const struct vm_operations_struct *real)
{
}

static inline void hostmem_policy_close(struct vm_area_struct *vma)
{
}

static inline void hostmem_policy_revoke(struct hostmem_region *region)
{
}
#endif

/* segment.c */
int hostmem_segment_open(struct hostmem_segment *segment, const struct hostmem_region_create *cmd);
void hostmem_segment_end(struct hostmem_segment *segment);
void hostmem_segment_close(struct hostmem_segment *segment);

/* guard.c */
int hostmem_guard_mmap(struct hostmem_view *view, struct vm_area_struct *vma);
void hostmem_guard_cut(struct hostmem_region *region, u64 start, u64 length, enum hostmem_cut cut,
		       struct hostmem_pins *pins);

/* view.c */
struct hostmem_view *hostmem_view_alloc(struct hostmem_region *region,
					struct hostmem_view *parent,
					const struct file *user, u32 rights);
void hostmem_view_abort(struct hostmem_view *view);
int hostmem_view_finalize(struct hostmem_view *view);
unsigned int hostmem_views_seq(void);
int hostmem_view_enter(struct hostmem_view *view);
void hostmem_view_exit(struct hostmem_view *view);
void hostmem_views_drain(struct hostmem_region *region);
unsigned long hostmem_view_area(struct hostmem_view *view, unsigned long addr, unsigned long len,
				unsigned long pgoff, unsigned long flags);
int hostmem_view_sync(struct hostmem_view *view, loff_t start, loff_t end, int datasync);
int hostmem_view_punch(struct hostmem_view *view, loff_t start, loff_t length);
int hostmem_view_revoke(struct hostmem_ucmd *ucmd);

/* io.c */
ssize_t hostmem_view_read(struct hostmem_view *view, loff_t pos, struct iov_iter *to);
ssize_t hostmem_view_write(struct hostmem_view *view, loff_t pos, struct iov_iter *from);
loff_t hostmem_view_seek(struct hostmem_view *view, loff_t pos, int whence);

/* block.c */
int hostmem_plug(struct hostmem_view *view, u64 start, u64 length,
		 struct hostmem_progress __user *progress);
int hostmem_preallocate(struct hostmem_view *view, u64 start, u64 length,
			struct hostmem_progress __user *progress);
int hostmem_region_plug(struct hostmem_ucmd *ucmd);
int hostmem_region_unplug(struct hostmem_ucmd *ucmd);
int hostmem_region_preallocate(struct hostmem_ucmd *ucmd);

/* slots.c */
int hostmem_region_blocks(struct hostmem_ucmd *ucmd);
int hostmem_region_slots(struct hostmem_ucmd *ucmd);

/* region.c */
extern struct mutex hostmem_regions_lock;
unsigned int hostmem_regions_count(void);
unsigned int hostmem_regions_seq(void);
struct hostmem_region *hostmem_region_next(u64 *id);
struct hostmem_region *hostmem_region_find(u64 id);
struct hostmem_region *hostmem_region_find_name(const char *name);
bool hostmem_region_get(struct hostmem_region *region);
void hostmem_region_put(struct hostmem_region *region);
u64 hostmem_region_memory(struct hostmem_region *region);
void hostmem_regions_renamed(struct dentry *dentry);
struct hostmem_region *hostmem_region_alloc(const struct hostmem_region_create *cmd);
int hostmem_region_publish(struct hostmem_region *region, u64 view_id);
int hostmem_region_end(struct hostmem_region *region, const struct hostmem_view *view, bool force,
		       struct hostmem_pins *pins);
int hostmem_region_destroy(struct hostmem_ucmd *ucmd);
int hostmem_region_info(struct hostmem_ucmd *ucmd);

/* fd.c */
extern const struct file_operations hostmem_file_fops;
int hostmem_fd_init(void);
void hostmem_fd_exit(void);
struct file *hostmem_fd_owner(struct hostmem_region *region);
int hostmem_fd_give(struct hostmem_ucmd *ucmd, struct file *file, s32 *out_fd,
		    int (*publish)(struct hostmem_view *view, struct inode *inode),
		    struct inode *inode);

/* mount.c */
extern const struct super_operations hostmem_mount_sops;
int hostmem_mount_init(void);
void hostmem_mount_exit(void);

/* fs.c */
struct inode *hostmem_fs_new_inode(struct super_block *sb, umode_t mode);
void hostmem_fs_evict_inode(struct inode *inode);
struct inode *hostmem_fs_inode(struct file *file);
int hostmem_fs_publish(struct inode *inode, struct hostmem_region *region, u64 view_id);

/* create.c */
int hostmem_region_create(struct hostmem_ucmd *ucmd);
int hostmem_region_open(struct hostmem_ucmd *ucmd);

/* netlink.c */
int hostmem_netlink_init(void);
void hostmem_netlink_exit(void);

#endif /* _HOSTMEM_PRIVATE_H */
