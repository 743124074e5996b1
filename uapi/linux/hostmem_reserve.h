/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_HOSTMEM_RESERVE_H
#define _UAPI_LINUX_HOSTMEM_RESERVE_H

#include <linux/types.h>

/**
 * DOC: A reserve on a pmem namespace
 *
 * A reserve is space of an fsdax or devdax namespace that its info block keeps out of the
 * data. Kernels that do not know it bring the namespace up with less data, no more. A
 * superblock in its first and one in its last page, the same bytes in both, say what it is.
 *
 * The namespace's info block decides. A superblock counts only if the info block on the media
 * is, in all of its 4096 bytes, one of the two that the superblock holds; whatever else bears
 * the magic is slack, left over from another time.
 *
 * All numbers are little endian, all offsets bytes from the start of the namespace.
 */

/** HOSTMEM_INFOBLOCK_OFFSET - where the info block of a namespace is */
#define HOSTMEM_INFOBLOCK_OFFSET 4096

/** HOSTMEM_INFOBLOCK_SIZE - bytes of an info block and of a superblock */
#define HOSTMEM_INFOBLOCK_SIZE 4096

#define HOSTMEM_INFOBLOCK_FSDAX "NVDIMM_PFN_INFO"
#define HOSTMEM_INFOBLOCK_DEVDAX "NVDIMM_DAX_INFO"

/* Where the struct pages of the data are. */
#define HOSTMEM_INFOBLOCK_MEM 1
#define HOSTMEM_INFOBLOCK_DEV 2

/**
 * struct hostmem_infoblock_fields - what an info block says
 * @signature: HOSTMEM_INFOBLOCK_FSDAX or HOSTMEM_INFOBLOCK_DEVDAX, with its NUL
 * @uuid: changes when the namespace is configured anew
 * @parent_uuid: of the namespace's label; zero without labels
 * @flags: 0
 * @version_major: 1
 * @version_minor: up to 4 as of Linux 6.12
 * @dataoff: from the start of the namespace, after @start_pad, to the data
 * @npfns: pages of the data
 * @mode: HOSTMEM_INFOBLOCK_MEM or HOSTMEM_INFOBLOCK_DEV
 * @start_pad: bytes in front of everything
 * @end_trunc: bytes behind the data
 * @align: bytes, of @dataoff
 * @page_size: bytes of a page
 * @page_struct_size: bytes of a struct page
 * @zero: 0
 */
struct hostmem_infoblock_fields {
	__u8 signature[16];
	__u8 uuid[16];
	__u8 parent_uuid[16];
	__le32 flags;
	__le16 version_major;
	__le16 version_minor;
	__le64 dataoff;
	__le64 npfns;
	__le32 mode;
	__le32 start_pad;
	__le32 end_trunc;
	__le32 align;
	__le32 page_size;
	__le16 page_struct_size;
	__le16 zero;
};

/**
 * struct hostmem_infoblock - what the kernel keeps on an fsdax or devdax namespace
 * @fields: what it says
 * @padding: 0
 * @checksum: fletcher64 of the block with this member as 0
 */
struct hostmem_infoblock {
	struct hostmem_infoblock_fields fields;
	__u8 padding[3992];
	__le64 checksum;
};

#define HOSTMEM_RESERVE_MAGIC "HOSTMEM_RESERVE"

#define HOSTMEM_RESERVE_VERSION_MAJOR 1
#define HOSTMEM_RESERVE_VERSION_MINOR 0

/** HOSTMEM_RESERVE_ALIGN - bytes, of a reserve's start and length */
#define HOSTMEM_RESERVE_ALIGN (2U << 20)

/**
 * HOSTMEM_RESERVE_OVERHEAD - bytes of a reserve that are not its user's
 *
 * The first and the last HOSTMEM_RESERVE_ALIGN bytes.
 */
#define HOSTMEM_RESERVE_OVERHEAD (2 * HOSTMEM_RESERVE_ALIGN)

/** HOSTMEM_RESERVE_PURPOSE_MAX - bytes of a purpose, with its terminating NUL */
#define HOSTMEM_RESERVE_PURPOSE_MAX 64

/* @layout: behind the data, by end_trunc; or in front of it, by dataoff. */
#define HOSTMEM_RESERVE_TAIL 1
#define HOSTMEM_RESERVE_HEAD 2

/* @operation: what the change of the info block from old to new does. */
#define HOSTMEM_RESERVE_ADD 1
#define HOSTMEM_RESERVE_DROP 2

/**
 * struct hostmem_reserve_superblock - what is in the first and in the last page of a reserve
 * @magic: HOSTMEM_RESERVE_MAGIC, with its NUL
 * @version_major: HOSTMEM_RESERVE_VERSION_MAJOR; another one is not understood
 * @version_minor: larger ones give a meaning to what is padding here
 * @layout: HOSTMEM_RESERVE_TAIL or HOSTMEM_RESERVE_HEAD
 * @operation: HOSTMEM_RESERVE_ADD or HOSTMEM_RESERVE_DROP
 * @flags: 0
 * @generation: 1 and more, one more with each operation on the namespace
 * @namespace_size: bytes of the namespace
 * @start: of the reserve, a multiple of HOSTMEM_RESERVE_ALIGN
 * @length: bytes, a multiple of HOSTMEM_RESERVE_ALIGN, more than HOSTMEM_RESERVE_OVERHEAD
 * @uuid: of this reserve, random, not zero; ties the ledger to it
 * @purpose: printable ASCII that the creator chose, filled up with NUL; may be empty
 * @old_block: info block before the operation; all zero: there was none, the page was zero
 * @new_block: info block after it
 * @padding: 0
 * @checksum: fletcher64 of the superblock with this member as 0
 *
 * The info block with the reserve is the new one of HOSTMEM_RESERVE_ADD, the old one of
 * HOSTMEM_RESERVE_DROP. Its end_trunc is @length (tail), or its mode is
 * HOSTMEM_INFOBLOCK_MEM and its dataoff @start + @length (head).
 */
struct hostmem_reserve_superblock {
	__u8 magic[16];
	__le16 version_major;
	__le16 version_minor;
	__le32 layout;
	__le32 operation;
	__le32 flags;
	__le64 generation;
	__le64 namespace_size;
	__le64 start;
	__le64 length;
	__u8 uuid[16];
	__u8 purpose[HOSTMEM_RESERVE_PURPOSE_MAX];
	struct hostmem_infoblock_fields old_block;
	struct hostmem_infoblock_fields new_block;
	__u8 padding[3752];
	__le64 checksum;
};

/**
 * HOSTMEM_LEDGER_SLOTS - places for a ledger
 *
 * The first is HOSTMEM_LEDGER_STRIDE bytes behind the start of the reserve, each of the others as
 * many behind the one before.
 */
#define HOSTMEM_LEDGER_SLOTS 4
#define HOSTMEM_LEDGER_STRIDE (64U << 10)

/** HOSTMEM_LEDGER_SIZE - bytes of a ledger */
#define HOSTMEM_LEDGER_SIZE (16U << 10)

#define HOSTMEM_LEDGER_MAGIC "HOSTMEM_LEDGER\0"

#define HOSTMEM_LEDGER_VERSION_MAJOR 1
#define HOSTMEM_LEDGER_VERSION_MINOR 0

#define HOSTMEM_LEDGER_ENTRIES 680

/**
 * struct hostmem_ledger_entry - a bad range of the namespace
 * @start: from the start of the namespace, a multiple of 512
 * @length: bytes, a multiple of 512, not 0
 * @since: when it was found, seconds since 1970
 */
struct hostmem_ledger_entry {
	__le64 start;
	__le64 length;
	__le64 since;
};

/**
 * struct hostmem_ledger - the bad ranges of a namespace, all of them
 * @magic: HOSTMEM_LEDGER_MAGIC, with its two NULs
 * @version_major: HOSTMEM_LEDGER_VERSION_MAJOR; another one is not understood
 * @version_minor: larger ones give a meaning to what is 0 here
 * @count: entries that are used
 * @generation: 1 and more; the ledger with the largest one counts
 * @uuid: that of the reserve
 * @zero: 0
 * @entries: ascending, none touches another; 0 from @count on
 * @checksum: fletcher64 of the ledger with this member as 0
 */
struct hostmem_ledger {
	__u8 magic[16];
	__le16 version_major;
	__le16 version_minor;
	__le32 count;
	__le64 generation;
	__u8 uuid[16];
	__le64 zero;
	struct hostmem_ledger_entry entries[HOSTMEM_LEDGER_ENTRIES];
	__le64 checksum;
};

#endif /* _UAPI_LINUX_HOSTMEM_RESERVE_H */
