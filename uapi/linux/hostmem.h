/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_HOSTMEM_H
#define _UAPI_LINUX_HOSTMEM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: Conventions
 *
 * Offsets and lengths are bytes everywhere. A range is @start and @length; it
 * never wraps and never reaches beyond the view that is asked. Offset 0 is the first byte of
 * that view: of the region, unless the view is derived. Every structure begins with
 * its own size as user space knows it: a kernel that knows more treats the
 * missing tail as zero, a kernel that knows less accepts a longer structure
 * whose unknown tail is zero. Members called out_* are written by the kernel.
 *
 * A call that fails changes nothing, and writes nothing but what its description says. Its
 * errno means one thing:
 *
 * ========== ================================================================
 * ENOTTY     no such call on this kind of file
 * E2BIG      bytes beyond what this kernel knows are not zero
 * EOPNOTSUPP a flag or value that this kernel does not support, or a reserved
 *            member that is not zero
 * EINVAL     understood, and wrong: alignment, a length of zero, a size field
 *            that is too short, a file that is not of hostmemfs,
 *            a region larger than HOSTMEM_INFO allows
 * EOVERFLOW  start + length does not fit in 64 bits
 * ENOENT     no such region or view; the range reaches beyond the view; a block
 *            of the range is not plugged
 * EEXIST     the file is a region; a block of the range is plugged already
 * EBUSY      in use: mapped, or being plugged or unplugged by another call
 * EMSGSIZE   the array is too small; the needed count has been written back
 * EPERM      the file does not carry the right: not an owner fd, the control node not
 *            open for writing; physical addresses without CAP_SYS_ADMIN
 * ENODEV     the region has been destroyed or the view has been revoked; the
 *            device went away
 * ENOMEM     no memory, or the memory cgroup's limit is reached
 * ENOSPC     more regions or more memory than HOSTMEM_INFO allows; no room in the
 *            backing
 * EINTR      killed, or cancelled; nothing is left behind
 * EFAULT     the argument is not readable or not writable
 * EBADF      no such fd
 * ENODATA    the file is empty: nobody has made it a region
 * ENOPKG     the module that answers this, hostmem_nd, is not loaded
 * EHWPOISON  a block is bad: it has lost its contents
 * ETXTBSY    a file that the kernel swaps to
 * EIO        an error of the file system, or it contradicts itself
 * ========== ================================================================
 */

#define HOSTMEM_TYPE (0xBE)

/** HOSTMEM_ABI_VERSION - what HOSTMEM_INFO reports in out_abi_version. */
#define HOSTMEM_ABI_VERSION 1

/** HOSTMEM_SUPER_MAGIC - what statfs() reports in f_type for hostmemfs. */
#define HOSTMEM_SUPER_MAGIC 0x686d6673

/** HOSTMEM_MIN_BLOCK_SIZE - the smallest and the default block size, in bytes. */
#define HOSTMEM_MIN_BLOCK_SIZE (2U << 20)

enum {
	HOSTMEM_CMD_BASE = 0x80,
	HOSTMEM_CMD_INFO = HOSTMEM_CMD_BASE,
	HOSTMEM_CMD_REGION_CREATE = 0x81,
	HOSTMEM_CMD_REGION_OPEN = 0x82,
	HOSTMEM_CMD_REGION_DESTROY = 0x83,
	HOSTMEM_CMD_REGION_INFO = 0x84,
	HOSTMEM_CMD_REGION_PLUG = 0x85,
	HOSTMEM_CMD_REGION_UNPLUG = 0x86,
	HOSTMEM_CMD_REGION_PREALLOCATE = 0x87,
	HOSTMEM_CMD_REGION_BLOCKS = 0x88,
	HOSTMEM_CMD_REGION_SLOTS = 0x89,
	HOSTMEM_CMD_VIEW_REVOKE = 0x8a,
	HOSTMEM_CMD_EXTENTS = 0x8b,
	HOSTMEM_CMD_VIEW_DERIVE = 0x8c,
	HOSTMEM_CMD_MEDIA = 0x8d,
};

/**
 * struct hostmem_info - ioctl(HOSTMEM_INFO)
 * @size: sizeof(struct hostmem_info)
 * @flags: must be 0
 * @out_abi_version: HOSTMEM_ABI_VERSION of the module
 * @out_max_regions: regions that can exist at once, anonymous ones included
 * @out_regions: regions that exist
 * @__reserved: 0
 * @out_max_blocks: blocks that one region can have
 * @out_min_block_size: smallest block size in bytes
 * @out_max_size: largest region in bytes
 * @out_ram_limit: what all regions of HOSTMEM_BACKING_RAM may hold together, in bytes: the option
 *	size of the mount, half of the memory unless the administrator says otherwise
 * @out_ram_used: what they hold, in memory and swapped out, in bytes
 *
 * On the control node. Tells the limits of this kernel.
 *
 * At @out_ram_limit a call that allocates fails with ENOSPC, and who touches a page that is not
 * there gets SIGBUS, a vCPU EFAULT from KVM_RUN; pages that are there, or swapped out, can be
 * used. It is exceeded by no more than 2 MiB for each region and each thread that is
 * allocating at that moment. Lowering it frees nothing.
 */
struct hostmem_info {
	__u32 size;
	__u32 flags;
	__u32 out_abi_version;
	__u32 out_max_regions;
	__u32 out_regions;
	__u32 __reserved;
	__aligned_u64 out_max_blocks;
	__aligned_u64 out_min_block_size;
	__aligned_u64 out_max_size;
	__aligned_u64 out_ram_limit;
	__aligned_u64 out_ram_used;
};

#define HOSTMEM_INFO _IO(HOSTMEM_TYPE, HOSTMEM_CMD_INFO)

/* Where the memory of a region comes from: @backing of struct hostmem_region_create. */
#define HOSTMEM_BACKING_RAM 0
/* A file of ext4 or xfs with DAX, or /dev/daxX.Y. */
#define HOSTMEM_BACKING_FILE 1
/* The reserve of a pmem namespace. */
#define HOSTMEM_BACKING_RESERVE 2

/* When it is allocated: @allocation of struct hostmem_region_create. */
#define HOSTMEM_ALLOCATION_ONDEMAND 0
#define HOSTMEM_ALLOCATION_IMMEDIATE 1

/* In which pages: @huge of struct hostmem_region_create. */
#define HOSTMEM_HUGE_ALWAYS 0
#define HOSTMEM_HUGE_NEVER 1

/* Mode of a pmem namespace, in the words of ndctl; told by netlink. */
#define HOSTMEM_PMEM_RAW 0
#define HOSTMEM_PMEM_SECTOR 1
#define HOSTMEM_PMEM_FSDAX 2
#define HOSTMEM_PMEM_DEVDAX 3

/* Where its struct pages are, if it has any: in main memory or on the device. */
#define HOSTMEM_PMEM_MAP_NONE 0
#define HOSTMEM_PMEM_MAP_MEM 1
#define HOSTMEM_PMEM_MAP_DEV 2

/**
 * struct hostmem_region_create - ioctl(HOSTMEM_REGION_CREATE)
 * @size: sizeof(struct hostmem_region_create)
 * @flags: must be 0
 * @region_size: bytes, a multiple of @block_size, not 0
 * @block_size: bytes, a power of two, at least HOSTMEM_MIN_BLOCK_SIZE; 0 stands for that
 * @slot_size: KVM slot size in bytes that the creator recommends to VMMs, a multiple of
 *	the block size; 0 leaves it to the library's rule
 * @backing: HOSTMEM_BACKING_*
 * @allocation: HOSTMEM_ALLOCATION_ONDEMAND: a page is allocated when it is first touched;
 *	HOSTMEM_ALLOCATION_IMMEDIATE: plugging a block allocates all of it or fails
 * @huge: HOSTMEM_HUGE_ALWAYS: 2 MiB pages where the kernel finds them;
 *	HOSTMEM_HUGE_NEVER: base pages only, of ram
 * @file_fd: file of hostmemfs that becomes the region, regular, empty, open for writing; -1: an
 *	anonymous region, which dies with its last fd and mapping
 * @out_fd: owner view of the new region, O_RDWR and O_CLOEXEC
 * @backing_fd: HOSTMEM_BACKING_FILE: the file, open for reading and writing; else 0
 * @out_id: number of the region, never used again while the module is loaded
 * @backing_pmem: HOSTMEM_BACKING_RESERVE: the namespace, by its number in the netlink family;
 *	else 0
 *
 * On the control node, open for writing. Creates a region in which no block is plugged. A region
 * that is a file has its name, its mode and its owner: open() with O_CREAT or O_TMPFILE, link(),
 * rename(), chmod(), chown(). It lives until its name, its last fd and mapping have gone; or until
 * it is destroyed; or until the device that its memory is on goes away, which destroys it by force.
 *
 * ftruncate() of an empty file makes it a region, too: of ram, with the options of the mount, and
 * with all blocks plugged.
 *
 * A file must have all its blocks, as after fallocate(), at least @region_size of them, and
 * belong to the caller, or the caller have CAP_LEASE. As long as the region exists the file
 * stays where it is, as with HOSTMEM_EXTENTS_LEASE. A reserve needs CAP_SYS_ADMIN, and is one
 * region's alone; of it all but the first and the last 2 MiB is mapped. Of both, blocks that
 * are plugged have the bytes that they had before, and unplugged ones keep theirs.
 *
 * Errors: EBADF, EINVAL (@file_fd is not of hostmemfs), EOPNOTSUPP, EEXIST (it is a region), ENOSPC
 * (out_max_regions, or larger than the backing), EPERM (@file_fd is not open for writing, @backing
 * needs a right), ENOMEM. Of files and reserves also ENOPKG, ENODEV (no such
 * namespace, or it goes away), ENOENT (it has no reserve), EBUSY (it has a holder, or a page of
 * its last one's region has been pinned for a second), EROFS (a DIMM is not armed, or has been
 * made read-only), ETXTBSY, EINTR, EIO, and as for HOSTMEM_EXTENTS ENXIO, EMEDIUMTYPE, ENODATA,
 * EAGAIN, EILSEQ, EMLINK.
 */
struct hostmem_region_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 region_size;
	__aligned_u64 block_size;
	__aligned_u64 slot_size;
	__u32 backing;
	__u32 allocation;
	__u32 huge;
	__s32 file_fd;
	__s32 out_fd;
	__s32 backing_fd;
	__aligned_u64 out_id;
	__aligned_u64 backing_pmem;
};

#define HOSTMEM_REGION_CREATE _IO(HOSTMEM_TYPE, HOSTMEM_CMD_REGION_CREATE)

/**
 * struct hostmem_region_open - ioctl(HOSTMEM_REGION_OPEN)
 * @size: sizeof(struct hostmem_region_open)
 * @flags: must be 0
 * @file_fd: file of hostmemfs that is the region, however it is open: O_PATH will do
 * @out_fd: owner view of the region, O_RDWR and O_CLOEXEC
 *
 * On the control node, open for writing. open(2) of the file gives a data view, which
 * can map and ask; this gives an owner view, which can change the region.
 *
 * Errors: EBADF, EINVAL (@file_fd is not of hostmemfs), ENODATA, EOPNOTSUPP, EPERM, EMFILE, ENOMEM,
 * ENODEV (destroyed).
 */
struct hostmem_region_open {
	__u32 size;
	__u32 flags;
	__s32 file_fd;
	__s32 out_fd;
};

#define HOSTMEM_REGION_OPEN _IO(HOSTMEM_TYPE, HOSTMEM_CMD_REGION_OPEN)

/*
 * Pages that something has pinned outlive what takes them away: a device (VFIO, RDMA), io_uring's
 * registered buffers, a pipe after vmsplice(), a read or write under way with O_DIRECT. No page
 * table leads to them, but whoever has pinned them still reads and writes them, and they are
 * freed when he lets go. UNPLUG, REVOKE and DESTROY tell in out_pinned how many bytes of the range
 * are in such pages, whoever pinned them: those of /dev/dax are as large as its alignment.
 * With this flag they wait until there are none, or a signal comes: what they did is done in any
 * case.
 */
#define HOSTMEM_PINS_WAIT 0x2

/* Revoke every view first, instead of refusing while the region is mapped. */
#define HOSTMEM_DESTROY_FORCE 0x1

/**
 * struct hostmem_region_destroy - ioctl(HOSTMEM_REGION_DESTROY)
 * @size: sizeof(struct hostmem_region_destroy)
 * @flags: HOSTMEM_DESTROY_FORCE, HOSTMEM_PINS_WAIT
 * @out_pinned: bytes that are still pinned
 *
 * On an owner view. The file disappears, all memory is freed, mappings that
 * remain (with HOSTMEM_DESTROY_FORCE) get SIGBUS, and every other call on any
 * fd of the region fails with ENODEV. When it has returned nobody can reach
 * the memory any more, and no call that began before still acts on it. Pages that
 * are pinned stay what they are until they are let go; for those of a reserve it waits a second,
 * or until a signal comes, and the reserve has no other holder before.
 *
 * Errors: EOPNOTSUPP, EPERM, EBUSY (mapped), ENODEV (already destroyed).
 */
struct hostmem_region_destroy {
	__u32 size;
	__u32 flags;
	__aligned_u64 out_pinned;
};

#define HOSTMEM_REGION_DESTROY _IO(HOSTMEM_TYPE, HOSTMEM_CMD_REGION_DESTROY)

/* Rights of a view: @out_rights of struct hostmem_region_info. */
#define HOSTMEM_RIGHT_READ 0x1
#define HOSTMEM_RIGHT_WRITE 0x2
/* Change the region, and all that HOSTMEM_RIGHT_DERIVE gives. */
#define HOSTMEM_RIGHT_OWNER 0x4
/* Make views with the same rights or fewer: HOSTMEM_VIEW_DERIVE. */
#define HOSTMEM_RIGHT_DERIVE 0x8

/**
 * struct hostmem_region_info - ioctl(HOSTMEM_REGION_INFO)
 * @size: sizeof(struct hostmem_region_info)
 * @flags: must be 0
 * @out_id: number of the region
 * @out_view_id: number of the view that was asked
 * @out_size: bytes of the region
 * @out_block_size: bytes of a block
 * @out_slot_size: KVM slot size that the creator recommends, in bytes; 0: none
 * @out_plugged: bytes that are plugged
 * @out_generation: grows with every change of blocks or views
 * @out_view_start: first byte of the region that the view covers
 * @out_view_length: bytes of the region that the view covers
 * @out_rights: HOSTMEM_RIGHT_* of the view
 * @out_backing: HOSTMEM_BACKING_*
 * @out_allocation: HOSTMEM_ALLOCATION_*
 * @out_huge: HOSTMEM_HUGE_*
 * @out_views: views that exist
 * @out_mappings: mappings of the region in all processes
 *
 * On any view. After it poll() of this fd waits for a newer generation.
 *
 * Errors: EOPNOTSUPP, ENODEV.
 */
struct hostmem_region_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 out_id;
	__aligned_u64 out_view_id;
	__aligned_u64 out_size;
	__aligned_u64 out_block_size;
	__aligned_u64 out_slot_size;
	__aligned_u64 out_plugged;
	__aligned_u64 out_generation;
	__aligned_u64 out_view_start;
	__aligned_u64 out_view_length;
	__u32 out_rights;
	__u32 out_backing;
	__u32 out_allocation;
	__u32 out_huge;
	__u32 out_views;
	__u32 out_mappings;
};

#define HOSTMEM_REGION_INFO _IO(HOSTMEM_TYPE, HOSTMEM_CMD_REGION_INFO)

/**
 * struct hostmem_progress - watch and stop a call that allocates
 * @out_done: bytes done so far, written by the call while it runs
 * @cancel: set to non-zero by another thread to end the call with EINTR
 * @__reserved: must be 0
 *
 * A signal that does not kill the process does not end the call.
 */
struct hostmem_progress {
	__aligned_u64 out_done;
	__u32 cancel;
	__u32 __reserved;
};

/**
 * struct hostmem_region_plug - ioctl(HOSTMEM_REGION_PLUG)
 * @size: sizeof(struct hostmem_region_plug)
 * @flags: must be 0
 * @start: first byte, a multiple of the block size
 * @length: bytes, a multiple of the block size, not 0
 * @progress: user pointer to a struct hostmem_progress, or 0
 *
 * On an owner view. Makes a range of blocks exist, of ram filled with zeros: all of
 * it or, on error, none. Where allocation is immediate the memory is allocated
 * first, charged to the caller and by its NUMA policy, so that no later access can fail. Calls for
 * different ranges run in parallel.
 *
 * Errors: EINVAL, EOVERFLOW, ENOENT, EOPNOTSUPP, EPERM, EEXIST (a block is
 * plugged), EBUSY (another call is plugging or unplugging a block), EHWPOISON (something in a
 * block is bad: netlink's poison-get tells what), ENOMEM, ENODEV; where allocation is
 * immediate also ENOSPC and EINTR.
 */
struct hostmem_region_plug {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 progress;
};

#define HOSTMEM_REGION_PLUG _IO(HOSTMEM_TYPE, HOSTMEM_CMD_REGION_PLUG)

/**
 * struct hostmem_region_unplug - ioctl(HOSTMEM_REGION_UNPLUG)
 * @size: sizeof(struct hostmem_region_unplug)
 * @flags: HOSTMEM_PINS_WAIT or 0
 * @start: first byte, a multiple of the block size
 * @length: bytes, a multiple of the block size, not 0
 * @out_pinned: bytes that are still pinned
 *
 * On an owner view. Takes a range of blocks back from everyone: when it has
 * returned the memory of ram is free, but for @out_pinned, and every access through any
 * mapping gets SIGBUS. The VMM should have told its guest and removed the KVM slots that
 * are unplugged in full.
 *
 * Errors: EINVAL, EOVERFLOW, ENOENT, EOPNOTSUPP, EPERM, EBUSY (another call is
 * plugging or unplugging a block), ENODEV.
 */
struct hostmem_region_unplug {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 out_pinned;
};

#define HOSTMEM_REGION_UNPLUG _IO(HOSTMEM_TYPE, HOSTMEM_CMD_REGION_UNPLUG)

/**
 * struct hostmem_region_preallocate - ioctl(HOSTMEM_REGION_PREALLOCATE)
 * @size: sizeof(struct hostmem_region_preallocate)
 * @flags: must be 0
 * @start: first byte, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 * @progress: user pointer to a struct hostmem_progress, or 0
 *
 * On a view that can write. Allocates every page of a range of plugged blocks,
 * charged to the caller and by its NUMA policy, unless a mapping that exists has set
 * one for the range by mbind(). Threads may do parts of one range side by side. A call that fails
 * or is interrupted gives back what it had allocated, except for pages that somebody has used
 * since.
 *
 * Errors: EINVAL, EOVERFLOW, EOPNOTSUPP, EPERM (read-only view), ENOENT (a
 * block is not plugged, or was unplugged meanwhile), EHWPOISON, ENOMEM, ENOSPC, EINTR, ENODEV.
 */
struct hostmem_region_preallocate {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 progress;
};

#define HOSTMEM_REGION_PREALLOCATE _IO(HOSTMEM_TYPE, HOSTMEM_CMD_REGION_PREALLOCATE)

/**
 * struct hostmem_region_blocks - ioctl(HOSTMEM_REGION_BLOCKS)
 * @size: sizeof(struct hostmem_region_blocks)
 * @flags: must be 0
 * @start: first byte, a multiple of the block size
 * @length: bytes, a multiple of the block size, not 0
 * @bitmap: user pointer to u64 words, (blocks + 63) / 64 of them. Bit i % 64 of word
 *	i / 64 is set if block i, counted from @start, is plugged; bits beyond are 0
 * @out_generation: of the region when the bitmap was taken
 *
 * On any view.
 *
 * Errors: EINVAL, EOVERFLOW, ENOENT, EOPNOTSUPP, EFAULT, ENOMEM, ENODEV.
 */
struct hostmem_region_blocks {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 bitmap;
	__aligned_u64 out_generation;
};

#define HOSTMEM_REGION_BLOCKS _IO(HOSTMEM_TYPE, HOSTMEM_CMD_REGION_BLOCKS)

/**
 * struct hostmem_slot - one KVM memory slot
 * @start: first byte in the view that was asked, a multiple of the slot size
 * @length: bytes; the slot size, less only for the last slot of the view
 */
struct hostmem_slot {
	__aligned_u64 start;
	__aligned_u64 length;
};

/**
 * struct hostmem_region_slots - ioctl(HOSTMEM_REGION_SLOTS)
 * @size: sizeof(struct hostmem_region_slots)
 * @flags: must be 0
 * @slot_size: bytes, a multiple of the block size, not 0
 * @slots: user pointer to an array of struct hostmem_slot
 * @count: in: elements of @slots; out: slots that there are
 * @__reserved: must be 0
 * @out_generation: of the region when the list was taken
 *
 * On any view. The slots in which at least one block is plugged, ascending.
 *
 * Errors: EINVAL, EOPNOTSUPP, EMSGSIZE (@count is then what is needed),
 * EFAULT, ENOMEM, ENODEV.
 */
struct hostmem_region_slots {
	__u32 size;
	__u32 flags;
	__aligned_u64 slot_size;
	__aligned_u64 slots;
	__u32 count;
	__u32 __reserved;
	__aligned_u64 out_generation;
};

#define HOSTMEM_REGION_SLOTS _IO(HOSTMEM_TYPE, HOSTMEM_CMD_REGION_SLOTS)

/**
 * struct hostmem_view_revoke - ioctl(HOSTMEM_VIEW_REVOKE)
 * @size: sizeof(struct hostmem_view_revoke)
 * @flags: HOSTMEM_PINS_WAIT or 0
 * @view_id: as in out_view_id of struct hostmem_region_info and in the views that
 *	the netlink family lists
 * @out_pinned: bytes that are still pinned, by whomever: a VMM that has given its memory to a
 *	device has pinned it, too
 *
 * On an owner view. When it has returned every access through a mapping of
 * that view gets SIGBUS, every call on its fd fails with ENODEV, and none that began before
 * still acts on the memory. The same becomes of the views that are derived from it, unless they
 * were to outlive it. Other views, and the memory, stay as they are.
 *
 * Errors: EOPNOTSUPP, EPERM, ENOENT, EINVAL (the view that asks), ENODEV.
 */
struct hostmem_view_revoke {
	__u32 size;
	__u32 flags;
	__aligned_u64 view_id;
	__aligned_u64 out_pinned;
};

#define HOSTMEM_VIEW_REVOKE _IO(HOSTMEM_TYPE, HOSTMEM_CMD_VIEW_REVOKE)

/* The new view lives on when the one that it is derived from is revoked. */
#define HOSTMEM_DERIVE_OUTLIVE 0x1

/**
 * struct hostmem_view_derive - ioctl(HOSTMEM_VIEW_DERIVE)
 * @size: sizeof(struct hostmem_view_derive)
 * @flags: HOSTMEM_DERIVE_OUTLIVE or 0
 * @start: first byte of the new view, in offsets of the view that is asked, a multiple of the
 *	block size
 * @length: bytes of the new view, a multiple of the block size, not 0
 * @rights: HOSTMEM_RIGHT_READ, and of HOSTMEM_RIGHT_WRITE and HOSTMEM_RIGHT_DERIVE what the
 *	view that is asked has and the new one shall have
 * @out_fd: the new view, O_CLOEXEC, O_RDWR with HOSTMEM_RIGHT_WRITE, else O_RDONLY
 *
 * On an owner view, or one with HOSTMEM_RIGHT_DERIVE. The new view is what a less trusted
 * process is given: it reaches no byte outside of its range, and no call on it, on a copy of
 * it or on a mapping gives more rights. Offset 0 is the first byte of the range in every call,
 * and st_size is its length. Opening it again, as through /proc/self/fd, fails.
 *
 * It is revoked with the view that it is derived from, and when that is closed with the one
 * before, unless HOSTMEM_DERIVE_OUTLIVE says otherwise; and by itself, at any time.
 *
 * Errors: EINVAL (also @rights without HOSTMEM_RIGHT_READ), EOVERFLOW, ENOENT, EOPNOTSUPP,
 * EPERM (more than the view has), EMFILE, ENOMEM, ENODEV.
 */
struct hostmem_view_derive {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 length;
	__u32 rights;
	__s32 out_fd;
};

#define HOSTMEM_VIEW_DERIVE _IO(HOSTMEM_TYPE, HOSTMEM_CMD_VIEW_DERIVE)

/**
 * struct hostmem_extent - bytes of a file that are in one piece of physical memory
 * @offset: of the first one in the file
 * @spa: its system physical address
 * @length: bytes
 * @flags: 0; a later kernel may say more
 * @__reserved: 0
 */
struct hostmem_extent {
	__aligned_u64 offset;
	__aligned_u64 spa;
	__aligned_u64 length;
	__u32 flags;
	__u32 __reserved;
};

/* Keep the extents where they are, for as long as out_lease is open. */
#define HOSTMEM_EXTENTS_LEASE 0x1

/*
 * Why a file is refused: @out_reason of struct hostmem_extents. Each comes with one errno, in
 * brackets.
 */
/* Neither a regular file nor a device (EINVAL). */
#define HOSTMEM_EXTENTS_NOT_FILE 1
/* Not on a pmem namespace that is enabled, or not directly (ENXIO). */
#define HOSTMEM_EXTENTS_NOT_PMEM 2
/* On pmem, but not accessed in place: no DAX, or a namespace in sector mode (EMEDIUMTYPE). */
#define HOSTMEM_EXTENTS_NOT_DAX 3
/* Nothing is allocated there (ENODATA). */
#define HOSTMEM_EXTENTS_HOLE 4
/* Allocated, but nothing was written: the file reads as zeros, the memory may not (ENODATA). */
#define HOSTMEM_EXTENTS_UNWRITTEN 5
/* Where it will be has not been decided (EAGAIN). */
#define HOSTMEM_EXTENTS_DELALLOC 6
/* Among the file system's own data (EILSEQ). */
#define HOSTMEM_EXTENTS_INLINE 7
/* Compressed, encrypted, or otherwise not what the file reads as (EILSEQ). */
#define HOSTMEM_EXTENTS_ENCODED 8
/* Belongs to other files too: a write would go elsewhere (EMLINK). */
#define HOSTMEM_EXTENTS_SHARED 9

/**
 * struct hostmem_extents - ioctl(HOSTMEM_EXTENTS)
 * @size: sizeof(struct hostmem_extents)
 * @flags: HOSTMEM_EXTENTS_LEASE or 0
 * @fd: a regular file of ext4 or xfs with DAX, the block device of a pmem namespace in raw or
 *	fsdax mode or a partition of it, /dev/daxX.Y, or a lease, which stands for what it was
 *	taken of. How it was opened does not matter
 * @count: in: elements of @extents; out: extents that there are
 * @extents: user pointer to an array of struct hostmem_extent
 * @out_size: bytes of the file
 * @out_offset: of a refused file: where the reason was found
 * @out_reason: of a refused file: HOSTMEM_EXTENTS_NOT_FILE to HOSTMEM_EXTENTS_SHARED
 * @out_lease: with HOSTMEM_EXTENTS_LEASE an fd, O_CLOEXEC; else -1
 *
 * On the control node, with CAP_SYS_ADMIN. Where in physical memory a file is: all of it,
 * ascending, without gaps, adjacent extents merged, as it was at one moment. The file is
 * written back first. Offsets and lengths are multiples of the page size: the last extent may
 * reach beyond @out_size, up to the end of its page. An empty file has no extents.
 *
 * The layout of a regular file is pinned during the call, and with HOSTMEM_EXTENTS_LEASE until
 * the last copy of the lease is closed: what could move or free its bytes fails, for everybody.
 * write(), making it shorter, all that fallocate() does, cloning, deduplicating and new
 * writable shared mappings fail with ETXTBSY; unlinking and renaming it, and renaming another
 * file over it, with EPERM. Mappings made before stay writable, and the file can be made longer.
 * Leases of one file add up. A lease keeps its file open.
 *
 * A device that goes away revokes its leases: poll() wakes with POLLHUP and POLLERR, calls
 * with the lease as @fd fail with ENODEV. Until then poll() reports nothing.
 *
 * A call that refuses a file writes @out_reason and @out_offset; one that fails with EMSGSIZE
 * writes @count and @out_size. Neither changes @extents.
 *
 * Errors: EOPNOTSUPP, EPERM, ENOPKG, EBADF, those of the reasons, ETXTBSY, EBUSY
 * (HOSTMEM_MEDIA_ALONE), EMSGSIZE, ENODEV, EINTR, ENOMEM, EFAULT, EMFILE, EIO or another error
 * of the file system.
 */
struct hostmem_extents {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 count;
	__aligned_u64 extents;
	__aligned_u64 out_size;
	__aligned_u64 out_offset;
	__u32 out_reason;
	__s32 out_lease;
};

#define HOSTMEM_EXTENTS _IO(HOSTMEM_TYPE, HOSTMEM_CMD_EXTENTS)

/* No region and no lease begins on the namespace as long as out_fd is open. */
#define HOSTMEM_MEDIA_ALONE 0x1

/**
 * struct hostmem_media - ioctl(HOSTMEM_MEDIA)
 * @size: sizeof(struct hostmem_media)
 * @flags: HOSTMEM_MEDIA_ALONE or 0
 * @name: user pointer to the name of a pmem namespace, "namespace0.0", with its NUL
 * @out_fd: O_CLOEXEC, O_RDONLY: a regular file as long as the namespace
 * @__reserved: must be 0
 *
 * On the control node, with CAP_SYS_ADMIN. The file reads as what is on the media at that moment:
 * all bytes of the namespace, with its info block and its reserve, whether it is disabled,
 * enabled in whatever mode, or in use. To have it open takes nothing from anybody; it cannot
 * be mapped, or opened again. read() fails with EIO where a byte is bad, and with ENODEV when the
 * namespace has gone, or got another place or size.
 *
 * With HOSTMEM_MEDIA_ALONE it fails if a region or a lease is on the namespace, or another such
 * file is open, and creating one fails with EBUSY until the last copy of @out_fd is closed, also
 * when the namespace is disabled and enabled meanwhile. Whoever uses it without hostmem is not
 * asked.
 *
 * Errors: EOPNOTSUPP, EPERM, ENOPKG, ENOENT (no such namespace, or it has no size), EBUSY,
 * ENOMEM, EFAULT, EMFILE.
 */
struct hostmem_media {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__s32 out_fd;
	__u32 __reserved;
};

#define HOSTMEM_MEDIA _IO(HOSTMEM_TYPE, HOSTMEM_CMD_MEDIA)

#endif /* _UAPI_LINUX_HOSTMEM_H */
