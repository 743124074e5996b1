/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_PMEM_H
#define _HOSTMEM_PMEM_H

/*
 * What hostmem_nd tells the core of the host's persistent memory, and does for it.
 */
#include <linux/list.h>
#include <linux/types.h>
#include <linux/hostmem.h>
#include <linux/hostmem_reserve.h>

struct file;
struct hostmem_backing_ops;
struct hostmem_poison;
struct module;

#define HOSTMEM_PMEM_NAME_MAX 32

/**
 * struct hostmem_pmem - a pmem namespace that is enabled
 * @node: the core's, in its list
 * @id: the core's; never used again while the module is loaded
 * @name: of the namespace, "namespace0.0"
 * @dev: of its block device or its /dev/dax device, "pmem0", "dax0.0"
 * @mode: HOSTMEM_PMEM_*
 * @map: HOSTMEM_PMEM_MAP_*
 * @spa: first system physical address
 * @size: bytes of the namespace, with all that is not data
 * @data_offset: bytes from @spa to the data
 * @data_size: bytes of the data, 0 if the data is not where the device says
 * @reserve_layout: HOSTMEM_RESERVE_TAIL, HOSTMEM_RESERVE_HEAD, or 0: there is no reserve
 * @reserve_offset: bytes from @spa to the reserve
 * @reserve_size: bytes of the reserve
 * @reserve_uuid: of the reserve
 * @reserve_purpose: what it is for, with a NUL
 * @sync: it can be mapped with MAP_SYNC
 * @read_only: what is written to it may be lost: the owner's, may change at any time
 * @poison: what is bad, or NULL: set by hostmem_pmem_poison() only, which the owner's calls need
 *	no lock against
 */
struct hostmem_pmem {
	struct list_head node;
	u64 id;
	char name[HOSTMEM_PMEM_NAME_MAX];
	char dev[HOSTMEM_PMEM_NAME_MAX];
	u32 mode;
	u32 map;
	u64 spa;
	u64 size;
	u64 data_offset;
	u64 data_size;
	u32 reserve_layout;
	u64 reserve_offset;
	u64 reserve_size;
	u8 reserve_uuid[16];
	char reserve_purpose[HOSTMEM_RESERVE_PURPOSE_MAX];
	bool sync;
	bool read_only;
	struct hostmem_poison *poison;
};

/**
 * struct hostmem_pmem_ops - who knows the host's persistent memory
 * @owner: stays loaded while any of this is in use
 * @extents: HOSTMEM_EXTENTS: fills the array of the user and all of @cmd that is written but
 *	out_lease. With HOSTMEM_EXTENTS_LEASE, *@lease is on success the lease's file. Returns 0
 *	or an errno as in the UAPI header. Context: sleeps
 * @media: HOSTMEM_MEDIA of a namespace by its name, with checked flags: *@out is the file. Returns
 *	0 or an errno as in the UAPI header. Context: sleeps
 * @file: the memory of regions of DAX files and devices
 * @reserve: the memory of regions of reserves
 */
struct hostmem_pmem_ops {
	struct module *owner;
	int (*extents)(struct hostmem_extents *cmd, struct file **lease);
	int (*media)(const char *name, u32 flags, struct file **out);
	const struct hostmem_backing_ops *file;
	const struct hostmem_backing_ops *reserve;
};

void hostmem_pmem_register(const struct hostmem_pmem_ops *ops);
void hostmem_pmem_unregister(void);
int hostmem_pmem_add(struct hostmem_pmem *pmem);
void hostmem_pmem_poison(struct hostmem_pmem *pmem, struct hostmem_poison *poison);
void hostmem_pmem_remove(struct hostmem_pmem *pmem);

#endif /* _HOSTMEM_PMEM_H */
