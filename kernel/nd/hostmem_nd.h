/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_ND_H
#define _HOSTMEM_ND_H

#include <linux/build_bug.h>
#include <linux/types.h>

#include "../core/hostmem_pmem.h"

struct bus_type;
struct device;

/* Where the info block of an fsdax or devdax namespace is. */
#define HOSTMEM_INFOBLOCK_OFFSET 4096

/* Its mode: where the struct pages are. */
#define HOSTMEM_INFOBLOCK_MEM 1
#define HOSTMEM_INFOBLOCK_DEV 2

/**
 * struct hostmem_infoblock - what the kernel keeps on an fsdax or devdax namespace
 * @signature: HOSTMEM_INFOBLOCK_FSDAX or HOSTMEM_INFOBLOCK_DEVDAX
 * @uuid: changes when the namespace is reconfigured
 * @parent_uuid: of the namespace's label
 * @flags: 0
 * @version_major: 1
 * @version_minor: up to 4 as of Linux 6.12
 * @dataoff: bytes from the start of the namespace, after @start_pad, to the data
 * @npfns: pages of the data
 * @mode: HOSTMEM_INFOBLOCK_MEM or HOSTMEM_INFOBLOCK_DEV
 * @start_pad: bytes in front of everything
 * @end_trunc: bytes behind the data
 * @align: bytes, of @dataoff
 * @page_size: bytes of a page
 * @page_struct_size: bytes of a struct page
 * @padding: 0
 * @checksum: fletcher64 of the block with this field as 0
 */
struct hostmem_infoblock {
	u8 signature[16];
	u8 uuid[16];
	u8 parent_uuid[16];
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
	u8 padding[3994];
	__le64 checksum;
};

static_assert(sizeof(struct hostmem_infoblock) == 4096);

#define HOSTMEM_INFOBLOCK_FSDAX "NVDIMM_PFN_INFO"
#define HOSTMEM_INFOBLOCK_DEVDAX "NVDIMM_DAX_INFO"

/* infoblock.c */
int hostmem_infoblock_parse(struct hostmem_infoblock *block, const char *signature,
			    struct hostmem_pmem *pmem);

/* namespace.c */
int hostmem_namespace_describe(const struct bus_type *bus, struct device *dev,
			       struct hostmem_pmem *pmem);
bool hostmem_namespace_drives(const struct device *dev);

#endif /* _HOSTMEM_ND_H */
