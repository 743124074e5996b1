/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_MAPPING_H
#define _HOSTMEM_MAPPING_H

/*
 * Mappings of a region, for netlink.
 */
#include <linux/types.h>

struct hostmem_region;

/**
 * struct hostmem_mapping - a range of a region in somebody's address space
 * @key: no two have the same, and it stays as long as the mapping; not for user space
 * @view_id: number of the view through which it was made
 * @pid: process, in the PID namespace of who asks; 0: not known
 * @address: of its first byte, in the process
 * @start: of its first byte, in the region
 * @length: bytes
 * @prot: PROT_READ, PROT_WRITE, PROT_EXEC
 */
struct hostmem_mapping {
	unsigned long key;
	u64 view_id;
	pid_t pid;
	u32 prot;
	u64 address;
	u64 start;
	u64 length;
};

typedef bool (*hostmem_mapping_before)(const struct hostmem_mapping *a,
				       const struct hostmem_mapping *b);

bool hostmem_mapping_by_key(const struct hostmem_mapping *a, const struct hostmem_mapping *b);
bool hostmem_mapping_by_end(const struct hostmem_mapping *a, const struct hostmem_mapping *b);
int hostmem_mappings(struct hostmem_region *region, const struct hostmem_mapping *from,
		     hostmem_mapping_before before, struct hostmem_mapping *array, int max);

#endif /* _HOSTMEM_MAPPING_H */
