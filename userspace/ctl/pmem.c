// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pmem namespaces as JSON
 */
#include <errno.h>
#include <stdlib.h>
#include <linux/hostmem_reserve.h>

#include "media.h"

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
	json_object_object_add(object, "uuid",
			       json_object_new_string(hostmem_pmem_get_reserve_uuid(pmem)));
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
	struct hostmem_badblock *bad = NULL;
	struct json_object *object;
	unsigned long long data = hostmem_pmem_get_data_size(pmem);
	unsigned int mode = hostmem_pmem_get_mode(pmem);
	const char *dev = hostmem_pmem_get_dev(pmem);
	unsigned int count = 0;
	int rc;

	rc = hostmem_pmem_get_badblocks(pmem, &bad, &count);
	if (rc)
		return rc;
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
			       json_object_new_string(ctl_domain_name(ctl_pmem_domain(pmem))));
	json_object_object_add(object, "badblocks", ctl_json_badblocks(bad, count, human));
	free(bad);
	*out = object;
	return 0;
}
