/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * libhostmem: what a VMM links to use hostmem.
 *
 * Functions that return int return 0 or -errno; they never print, exit, or set errno.
 * Sizes and offsets are bytes. A context and everything made from it belong to one
 * thread at a time. The functions are described where they are defined.
 */
#ifndef _LIBHOSTMEM_H_
#define _LIBHOSTMEM_H_

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/hostmem.h>

#ifdef __cplusplus
extern "C" {
#endif

/* context (ctx.c) */
struct hostmem_ctx;
typedef void (*hostmem_log_fn)(struct hostmem_ctx *ctx, int priority, const char *file,
			       int line, const char *fn, const char *format, va_list args);

int hostmem_new(struct hostmem_ctx **ctx);
struct hostmem_ctx *hostmem_ref(struct hostmem_ctx *ctx);
struct hostmem_ctx *hostmem_unref(struct hostmem_ctx *ctx);
void hostmem_set_log_fn(struct hostmem_ctx *ctx, hostmem_log_fn fn);
int hostmem_get_log_priority(struct hostmem_ctx *ctx);
void hostmem_set_log_priority(struct hostmem_ctx *ctx, int priority);
void hostmem_set_userdata(struct hostmem_ctx *ctx, void *userdata);
void *hostmem_get_userdata(struct hostmem_ctx *ctx);
int hostmem_get_info(struct hostmem_ctx *ctx, struct hostmem_info *info);

/* hostmemfs, where regions have names: paths below /dev/hostmem, with or without that (fs.c) */
int hostmem_mount(struct hostmem_ctx *ctx);

/* what there is, by netlink (list.c): snapshots, owned by the context until the next refresh */
struct hostmem_region;
struct hostmem_user;

int hostmem_refresh(struct hostmem_ctx *ctx);
struct hostmem_region *hostmem_region_get_first(struct hostmem_ctx *ctx);
struct hostmem_region *hostmem_region_get_next(struct hostmem_region *region);
struct hostmem_region *hostmem_region_get_by_name(struct hostmem_ctx *ctx, const char *name);
struct hostmem_region *hostmem_region_get_by_id(struct hostmem_ctx *ctx, uint64_t id);
#define hostmem_region_foreach(ctx, region)			\
	for (region = hostmem_region_get_first(ctx);		\
	     region;						\
	     region = hostmem_region_get_next(region))
struct hostmem_ctx *hostmem_region_get_ctx(struct hostmem_region *region);
uint64_t hostmem_region_get_id(struct hostmem_region *region);
const char *hostmem_region_get_name(struct hostmem_region *region); /* NULL: none */
unsigned long long hostmem_region_get_size(struct hostmem_region *region);
unsigned long long hostmem_region_get_block_size(struct hostmem_region *region);
unsigned long long hostmem_region_get_slot_size(struct hostmem_region *region);
unsigned long long hostmem_region_get_plugged(struct hostmem_region *region);
uint64_t hostmem_region_get_generation(struct hostmem_region *region);
unsigned int hostmem_region_get_backing(struct hostmem_region *region);
const char *hostmem_region_get_source(struct hostmem_region *region);	/* NULL: ram, or secret */
uint64_t hostmem_region_get_pmem_id(struct hostmem_region *region);	/* 0: ram */
unsigned int hostmem_region_get_allocation(struct hostmem_region *region);
unsigned int hostmem_region_get_huge(struct hostmem_region *region);
unsigned int hostmem_region_get_views(struct hostmem_region *region);
unsigned int hostmem_region_get_mappings(struct hostmem_region *region);
/* the slots of a listed region that the caller may read; *slots is to be freed by the caller */
int hostmem_region_get_slots(struct hostmem_region *region, unsigned long long slot_size,
			     struct hostmem_slot **slots, unsigned int *count);

/* what is bad, by netlink (poison.c) */
struct hostmem_badblock {
	unsigned long long start;	/* in the region or in the namespace */
	unsigned long long length;	/* a multiple of 512 */
	unsigned long long spa;		/* of start; 0: that takes CAP_SYS_ADMIN */
	unsigned long long since;	/* when it was found, seconds since 1970 */
	bool recorded;			/* in the ledger of the namespace's reserve */
};

/* *bad is to be freed by the caller */
int hostmem_region_get_badblocks(struct hostmem_region *region, struct hostmem_badblock **bad,
				 unsigned int *count);

/* who maps a region, by netlink (mapping.c) */
struct hostmem_mapping {
	uint64_t view_id;		/* of the view through which */
	pid_t pid;			/* 0: not visible here, or exiting */
	unsigned long long address;	/* in that process */
	unsigned long long start;	/* in the region */
	unsigned long long length;
	unsigned int prot;		/* PROT_* */
};

/* *mappings is to be freed by the caller; needs CAP_SYS_ADMIN */
int hostmem_region_get_mapping_list(struct hostmem_region *region,
				    struct hostmem_mapping **mappings, unsigned int *count);

/* a view that some process has, as listed */
struct hostmem_user *hostmem_user_get_first(struct hostmem_region *region);
struct hostmem_user *hostmem_user_get_next(struct hostmem_user *user);
#define hostmem_user_foreach(region, user)			\
	for (user = hostmem_user_get_first(region);		\
	     user;						\
	     user = hostmem_user_get_next(user))
uint64_t hostmem_user_get_view_id(struct hostmem_user *user);
unsigned long long hostmem_user_get_start(struct hostmem_user *user);
unsigned long long hostmem_user_get_length(struct hostmem_user *user);
pid_t hostmem_user_get_pid(struct hostmem_user *user);
unsigned int hostmem_user_get_rights(struct hostmem_user *user);
unsigned int hostmem_user_get_mappings(struct hostmem_user *user);
bool hostmem_user_is_revoked(struct hostmem_user *user);
uint64_t hostmem_user_get_parent(struct hostmem_user *user);	/* 0: none */

/* pmem namespaces that are enabled, by netlink (pmem.c): a snapshot like that of the regions */
struct hostmem_pmem;

int hostmem_pmem_refresh(struct hostmem_ctx *ctx);
struct hostmem_pmem *hostmem_pmem_get_first(struct hostmem_ctx *ctx);
struct hostmem_pmem *hostmem_pmem_get_next(struct hostmem_pmem *pmem);
#define hostmem_pmem_foreach(ctx, pmem)				\
	for (pmem = hostmem_pmem_get_first(ctx);		\
	     pmem;						\
	     pmem = hostmem_pmem_get_next(pmem))
struct hostmem_ctx *hostmem_pmem_get_ctx(struct hostmem_pmem *pmem);
uint64_t hostmem_pmem_get_id(struct hostmem_pmem *pmem);
const char *hostmem_pmem_get_name(struct hostmem_pmem *pmem);
const char *hostmem_pmem_get_dev(struct hostmem_pmem *pmem);	/* NULL: none */
unsigned int hostmem_pmem_get_mode(struct hostmem_pmem *pmem);
unsigned int hostmem_pmem_get_map(struct hostmem_pmem *pmem);
unsigned long long hostmem_pmem_get_spa(struct hostmem_pmem *pmem);
unsigned long long hostmem_pmem_get_size(struct hostmem_pmem *pmem);
unsigned long long hostmem_pmem_get_data_offset(struct hostmem_pmem *pmem);
unsigned long long hostmem_pmem_get_data_size(struct hostmem_pmem *pmem);
unsigned int hostmem_pmem_get_reserve_layout(struct hostmem_pmem *pmem);	/* 0: none */
unsigned long long hostmem_pmem_get_reserve_offset(struct hostmem_pmem *pmem);
unsigned long long hostmem_pmem_get_reserve_size(struct hostmem_pmem *pmem);
const char *hostmem_pmem_get_reserve_purpose(struct hostmem_pmem *pmem);
const char *hostmem_pmem_get_reserve_uuid(struct hostmem_pmem *pmem);
bool hostmem_pmem_is_sync(struct hostmem_pmem *pmem);
bool hostmem_pmem_is_read_only(struct hostmem_pmem *pmem);
/* *bad is to be freed by the caller */
int hostmem_pmem_get_badblocks(struct hostmem_pmem *pmem, struct hostmem_badblock **bad,
			       unsigned int *count);
/* all bytes of a namespace by its name, enabled or not, to be read; HOSTMEM_MEDIA_* */
int hostmem_pmem_open_media(struct hostmem_ctx *ctx, const char *name, unsigned int flags, int *fd);

/* where a file is in physical memory (extents.c) */
struct hostmem_extent_list {
	struct hostmem_extent *extents;	/* to be freed by the caller */
	unsigned int count;
	unsigned long long size;	/* bytes of the file */
	unsigned int reason;		/* of a refused file: HOSTMEM_EXTENTS_* ... */
	unsigned long long offset;	/* ...and where it was found */
};

int hostmem_extents_get(struct hostmem_ctx *ctx, int fd, int *lease,
			struct hostmem_extent_list *list);

/* views: an fd of a region; offsets count from the view's start (view.c, block.c, alloc.c) */
struct hostmem_view;

struct hostmem_region_params {
	unsigned long long size;
	unsigned long long block_size;	/* 0: the kernel's smallest */
	unsigned long long slot_size;	/* 0: by the rule of hostmem_slot_size() */
	unsigned int backing;		/* HOSTMEM_BACKING_* */
	int backing_fd;			/* HOSTMEM_BACKING_FILE: the file; else 0 */
	uint64_t backing_pmem;		/* HOSTMEM_BACKING_RESERVE: hostmem_pmem_get_id(); else 0 */
	unsigned int allocation;	/* HOSTMEM_ALLOCATION_* */
	unsigned int huge;		/* HOSTMEM_HUGE_* */
	mode_t mode;			/* of the file; ignored without a name */
	uid_t uid;
	gid_t gid;
};

/* how to allocate: NULL stands for one thread and no callback */
struct hostmem_alloc {
	unsigned int threads;		/* 0: one for each processor that may be used */
	bool now;			/* also where the region would wait for the first touch */
	/*
	 * Called about ten times a second, and once at the end of a success, when it is too
	 * late to cancel, in the calling thread. Non-zero cancels: what was allocated is
	 * given back (see hostmem_view_preallocate()), the call returns -ECANCELED.
	 */
	int (*progress)(void *data, unsigned long long done, unsigned long long total);
	void *data;
};

enum hostmem_open {
	HOSTMEM_OPEN_RDONLY,
	HOSTMEM_OPEN_RDWR,
	HOSTMEM_OPEN_OWNER,
};

void hostmem_region_params_init(struct hostmem_region_params *params);
int hostmem_view_create(struct hostmem_ctx *ctx, const char *name,
			const struct hostmem_region_params *params,
			struct hostmem_view **view);
/* create in two steps: what is killed between them leaves nothing */
int hostmem_view_prepare(struct hostmem_ctx *ctx, const char *name,
			 const struct hostmem_region_params *params,
			 struct hostmem_view **view);
int hostmem_view_link(struct hostmem_view *view);
int hostmem_view_open(struct hostmem_ctx *ctx, const char *name, enum hostmem_open how,
		      struct hostmem_view **view);
int hostmem_view_from_fd(struct hostmem_ctx *ctx, int fd, struct hostmem_view **view);
/* a view of a part, with fewer rights, whose fd can be handed to somebody who is trusted less */
int hostmem_view_derive(struct hostmem_view *view, unsigned long long start,
			unsigned long long length, unsigned int rights, unsigned int flags,
			struct hostmem_view **derived);
struct hostmem_view *hostmem_view_ref(struct hostmem_view *view);
struct hostmem_view *hostmem_view_unref(struct hostmem_view *view);
struct hostmem_ctx *hostmem_view_get_ctx(struct hostmem_view *view);
int hostmem_view_get_fd(struct hostmem_view *view);
uint64_t hostmem_view_get_id(struct hostmem_view *view);
uint64_t hostmem_view_get_region_id(struct hostmem_view *view);
const char *hostmem_view_get_name(struct hostmem_view *view);	/* NULL: none */
unsigned long long hostmem_view_get_start(struct hostmem_view *view);	/* in the region */
unsigned long long hostmem_view_get_size(struct hostmem_view *view);
unsigned long long hostmem_view_get_block_size(struct hostmem_view *view);
unsigned long long hostmem_view_get_slot_size(struct hostmem_view *view);
unsigned int hostmem_view_get_allocation(struct hostmem_view *view);
unsigned int hostmem_view_get_rights(struct hostmem_view *view);
bool hostmem_view_is_owner(struct hostmem_view *view);
int hostmem_view_get_info(struct hostmem_view *view, struct hostmem_region_info *info);

int hostmem_view_destroy(struct hostmem_view *view, bool force);
int hostmem_view_revoke(struct hostmem_view *view, uint64_t view_id);
int hostmem_view_plug(struct hostmem_view *view, unsigned long long start,
		      unsigned long long length, const struct hostmem_alloc *alloc);
int hostmem_view_unplug(struct hostmem_view *view, unsigned long long start,
			unsigned long long length);
int hostmem_view_preallocate(struct hostmem_view *view, unsigned long long start,
			     unsigned long long length, const struct hostmem_alloc *alloc);
struct hostmem_range {
	unsigned long long start;	/* in the view */
	unsigned long long length;
};

/*
 * Plug the lowest free blocks, or unplug the highest plugged ones, until @plugged bytes are.
 * *changed is to be freed by the caller: what this call plugged or unplugged; may be NULL
 */
int hostmem_view_resize(struct hostmem_view *view, unsigned long long plugged,
			const struct hostmem_alloc *alloc, struct hostmem_range **changed,
			unsigned int *count);
/* *bitmap is to be freed by the caller: (length / block_size + 63) / 64 words */
int hostmem_view_get_blocks(struct hostmem_view *view, unsigned long long start,
			    unsigned long long length, uint64_t **bitmap,
			    uint64_t *generation);
int hostmem_view_get_slots(struct hostmem_view *view, unsigned long long slot_size,
			   struct hostmem_slot **slots, unsigned int *count,
			   uint64_t *generation);
/* wait for a change since the view was last asked: 1 changed, 0 timeout, -ENODEV dead */
int hostmem_view_wait(struct hostmem_view *view, int timeout_ms);

/* mappings (map.c): congruent with the region modulo 2 MiB, or 1 GiB where a view is that large */
int hostmem_view_map(struct hostmem_view *view, unsigned long long offset,
		     unsigned long long length, int prot, void **addr);
int hostmem_unmap(void *addr, unsigned long long length);

/* KVM (vm.c, slots.c) */
struct hostmem_vm;
struct hostmem_binding;

/* what virtio-mem's rule for the number of slots of one region looks at */
struct hostmem_slot_rule {
	unsigned int kvm_max;		/* slots that KVM supports */
	unsigned int kvm_free;
	unsigned int vhost_max;		/* the smallest limit of the VM's vhost backends... */
	unsigned int vhost_free;	/* ...UINT_MAX where each gets one region, as ours do */
	unsigned int required;		/* slots that all other devices need... */
	unsigned int used;		/* ...and already have */
	unsigned long long maxram;	/* bytes of device memory of the VM in all... */
	unsigned long long ram;		/* ...of which boot memory */
	unsigned long long used_ram;	/* ...of which regions that have decided already */
	unsigned long long size;	/* of this region */
	unsigned long long block_size;
};

unsigned long long hostmem_slot_size(const struct hostmem_slot_rule *rule);

struct hostmem_bind_params {
	unsigned long long gpa;		/* congruent with the mapping modulo 2 MiB */
	unsigned int first_slot;	/* KVM slot ids first_slot ... */
	unsigned int nr_slots;		/* ... + nr_slots - 1 are ours; 0: as many as needed */
	unsigned long long slot_size;	/* 0: the region's, else by the rule */
	bool readonly;
};

int hostmem_vm_new(struct hostmem_ctx *ctx, int kvm_vm_fd, struct hostmem_vm **vm);
struct hostmem_vm *hostmem_vm_ref(struct hostmem_vm *vm);
struct hostmem_vm *hostmem_vm_unref(struct hostmem_vm *vm);
/* maps the view, and keeps a reference to it; no slot exists before the first sync */
int hostmem_vm_bind(struct hostmem_vm *vm, struct hostmem_view *view,
		    const struct hostmem_bind_params *params,
		    struct hostmem_binding **binding);
/* make KVM's slots those of the regions: all of them, or on error as they were */
int hostmem_vm_sync(struct hostmem_vm *vm);
/* as sync, but as if @length bytes at @start were unplugged already: call before unplug */
int hostmem_binding_retire(struct hostmem_binding *binding, unsigned long long start,
			   unsigned long long length);
/* take the slots of a region out, unmap it */
int hostmem_vm_unbind(struct hostmem_binding *binding);
void *hostmem_binding_get_addr(struct hostmem_binding *binding);
unsigned long long hostmem_binding_get_slot_size(struct hostmem_binding *binding);
unsigned int hostmem_binding_get_slot_count(struct hostmem_binding *binding);

/* one entry of the table that vhost-user's SET_MEM_TABLE or ADD_MEM_REG carries */
struct hostmem_memory_region {
	unsigned long long gpa;
	unsigned long long size;
	unsigned long long user_addr;
	unsigned long long mmap_offset;
	int fd;
};

/*
 * One entry for each binding, with an fd that can map its range and nothing else; *count: in, room
 * in @table; out, entries. -EMSGSIZE
 */
int hostmem_vm_get_memory_table(struct hostmem_vm *vm, struct hostmem_memory_region *table,
				unsigned int *count);

/* events (monitor.c) */
struct hostmem_monitor;

struct hostmem_event {
	const char *event;	/* "created", "destroyed", "plugged", "renamed", ... */
	uint64_t region_id;
	const char *region_name;	/* NULL: it never had one; valid until the next receive */
	uint64_t generation;
	uint64_t view_id;	/* 0: none */
	pid_t pid;		/* who did it; 0: this is not the initial PID namespace */
	unsigned long long start;
	unsigned long long length;
	const char *pmem_name;	/* namespace of "pmem-added", "pmem-removed", "pmem-badblocks", */
	const char *pmem_dev;	/* which have nothing else; both valid until the next receive */
};

int hostmem_monitor_new(struct hostmem_ctx *ctx, struct hostmem_monitor **monitor);
struct hostmem_monitor *hostmem_monitor_unref(struct hostmem_monitor *monitor);
int hostmem_monitor_get_fd(struct hostmem_monitor *monitor);
/* 0; -EAGAIN: nothing there; -ENOBUFS: events were lost */
int hostmem_monitor_receive(struct hostmem_monitor *monitor, struct hostmem_event *event);

#ifdef __cplusplus
}
#endif

#endif /* _LIBHOSTMEM_H_ */
