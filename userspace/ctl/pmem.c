// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pmem namespaces as JSON: where they are from the module, bad blocks from the kernel's own lists,
 * that of the block device or, where it has none, that of the region through libndctl, and from
 * there also from where on a write is safe.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/hostmem_reserve.h>

#include "media.h"

#define SECTOR 512ULL

/* A bad range, in bytes from the start of the namespace, into the array. */
static void add_range(struct json_object *array, struct hostmem_pmem *pmem, uint64_t start,
		      uint64_t length, bool human)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "offset", ctl_json_offset(start, human));
	json_object_object_add(object, "spa",
			       ctl_json_offset(hostmem_pmem_get_spa(pmem) + start, human));
	json_object_object_add(object, "length", ctl_json_size(length, human));
	json_object_array_add(array, object);
}

/* Of a block device, whose sectors count from the start of the data. */
static int disk_badblocks(struct json_object *array, struct hostmem_pmem *pmem, bool human)
{
	unsigned long long sector, count;
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/block/%s/badblocks", hostmem_pmem_get_dev(pmem));
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fscanf(file, "%llu %llu", &sector, &count) == 2)
		add_range(array, pmem,
			  hostmem_pmem_get_data_offset(pmem) + sector * SECTOR,
			  count * SECTOR, human);
	fclose(file);
	return 0;
}

/* Of a region, whose sectors count from its own start; only what lies in the namespace. */
static int region_badblocks(struct json_object *array, struct hostmem_pmem *pmem,
			    struct ndctl_region *region, bool human)
{
	uint64_t spa = hostmem_pmem_get_spa(pmem), end = spa + hostmem_pmem_get_size(pmem);
	struct badblock *bad;
	uint64_t from, to;

	if (!region)
		return -ENOENT;
	ndctl_region_badblock_foreach(region, bad) {
		from = ndctl_region_get_resource(region) + bad->offset * SECTOR;
		to = from + bad->len * SECTOR;
		from = from > spa ? from : spa;
		to = to < end ? to : end;
		if (from < to)
			add_range(array, pmem, from - spa, to - from, human);
	}
	return 0;
}

/* What libndctl knows. */
static int ask_ndctl(struct hostmem_pmem *pmem, bool human, struct json_object *bad,
		     enum ctl_domain *domain)
{
	unsigned int mode = hostmem_pmem_get_mode(pmem);
	struct ndctl_region *region;
	struct ndctl_namespace *ns;
	struct ndctl_ctx *ndctl;
	int rc;

	if (ndctl_new(&ndctl))
		return -ENOMEM;
	ns = ctl_media_lookup(ndctl, hostmem_pmem_get_name(pmem));
	region = ns ? ndctl_namespace_get_region(ns) : NULL;
	*domain = ctl_region_domain(region);
	if (hostmem_pmem_get_dev(pmem) &&
	    (mode == HOSTMEM_PMEM_RAW || mode == HOSTMEM_PMEM_FSDAX))
		rc = disk_badblocks(bad, pmem, human);
	else
		rc = region_badblocks(bad, pmem, region, human);
	ndctl_unref(ndctl);
	return rc;
}

/* The reserve as an object, or null. */
static struct json_object *json_reserve(struct hostmem_pmem *pmem, bool human)
{
	static const char *const layouts[] = { [HOSTMEM_RESERVE_TAIL] = "tail",
					       [HOSTMEM_RESERVE_HEAD] = "head" };
	unsigned int layout = hostmem_pmem_get_reserve_layout(pmem);
	struct json_object *object;

	if (!layout)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "layout", ctl_json_choice(layouts, 3, layout));
	json_object_object_add(object, "spa",
			       ctl_json_offset(hostmem_pmem_get_spa(pmem) +
					       hostmem_pmem_get_reserve_offset(pmem), human));
	json_object_object_add(object, "size",
			       ctl_json_size(hostmem_pmem_get_reserve_size(pmem), human));
	json_object_object_add(object, "purpose",
			       json_object_new_string(hostmem_pmem_get_reserve_purpose(pmem)));
	return object;
}

/**
 * ctl_json_pmem - a pmem namespace as an object
 * @pmem: as listed
 * @human: sizes with units, addresses in hexadecimal
 * @out: out: the object
 *
 * Return: 0, or -errno: -ENOENT if it has gone meanwhile.
 */
int ctl_json_pmem(struct hostmem_pmem *pmem, bool human, struct json_object **out)
{
	static const char *const modes[] = {
		[HOSTMEM_PMEM_RAW] = "raw", [HOSTMEM_PMEM_SECTOR] = "sector",
		[HOSTMEM_PMEM_FSDAX] = "fsdax", [HOSTMEM_PMEM_DEVDAX] = "devdax",
	};
	static const char *const maps[] = { [HOSTMEM_PMEM_MAP_MEM] = "mem",
					    [HOSTMEM_PMEM_MAP_DEV] = "dev" };
	struct json_object *object, *bad = json_object_new_array();
	unsigned long long data = hostmem_pmem_get_data_size(pmem);
	unsigned int mode = hostmem_pmem_get_mode(pmem);
	const char *dev = hostmem_pmem_get_dev(pmem);
	enum ctl_domain domain;
	int rc;

	rc = ask_ndctl(pmem, human, bad, &domain);
	if (rc) {
		json_object_put(bad);
		return rc;
	}
	object = json_object_new_object();
	json_object_object_add(object, "dev", dev ? json_object_new_string(dev) : NULL);
	json_object_object_add(object, "namespace",
			       json_object_new_string(hostmem_pmem_get_name(pmem)));
	json_object_object_add(object, "mode", ctl_json_choice(modes, 4, mode));
	json_object_object_add(object, "map", hostmem_pmem_get_map(pmem) ?
			       ctl_json_choice(maps, 3, hostmem_pmem_get_map(pmem)) : NULL);
	json_object_object_add(object, "spa", ctl_json_offset(hostmem_pmem_get_spa(pmem), human));
	json_object_object_add(object, "size", ctl_json_size(hostmem_pmem_get_size(pmem), human));
	json_object_object_add(object, "data_offset", data ?
			       ctl_json_offset(hostmem_pmem_get_data_offset(pmem), human) : NULL);
	json_object_object_add(object, "data_size", data ? ctl_json_size(data, human) : NULL);
	json_object_object_add(object, "reserve", json_reserve(pmem, human));
	json_object_object_add(object, "persistence",
			       json_object_new_string(ctl_domain_name(domain)));
	json_object_object_add(object, "badblocks", bad);
	*out = object;
	return 0;
}
