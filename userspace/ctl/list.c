// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl list: JSON on stdout and nothing else, always an array
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

struct list {
	bool regions;
	bool views;
	bool slots;
	bool devices;
	bool human;
	struct ctl_strings names;
	struct ctl_strings pids;
};

static const struct ctl_option options[] = {
	{ .name = "regions", .letter = 'R', .type = &ctl_type_flag,
	  .offset = offsetof(struct list, regions), .help = "list regions (default)" },
	{ .name = "views", .letter = 'V', .type = &ctl_type_flag,
	  .offset = offsetof(struct list, views),
	  .help = "and the views of each: who can reach it" },
	{ .name = "slots", .letter = 'S', .type = &ctl_type_flag,
	  .offset = offsetof(struct list, slots), .help = "and the KVM slots of each" },
	{ .name = "devices", .letter = 'D', .type = &ctl_type_flag,
	  .offset = offsetof(struct list, devices),
	  .help = "list pmem namespaces instead: where they are in physical memory" },
	{ .name = "human", .letter = 'u', .type = &ctl_type_flag,
	  .offset = offsetof(struct list, human),
	  .help = "sizes with units, offsets in hexadecimal, as strings" },
	{ .name = "region", .letter = 'r', .arg = "NAME|ID|all", .type = &ctl_type_strings,
	  .offset = offsetof(struct list, names), .help = "only this region (repeatable)" },
	{ .name = "pid", .letter = 'p', .arg = "PID", .type = &ctl_type_strings,
	  .offset = offsetof(struct list, pids),
	  .help = "only regions and views that this process opened (repeatable)" },
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "[-R] [-V] [-S] [-u] [-r NAME|ID|all]... [-p PID]... | -D [-u]",
	.text = "List regions as a JSON array: capital letters add to what is shown, small ones\n"
		"choose of what. With -D, list the enabled pmem namespaces.",
	.args = "",
	.options = options,
};

static bool region_named(struct hostmem_region *region, const struct list *list,
			 struct ctl *ctl)
{
	unsigned int i;

	for (i = 0; i < list->names.count; i++) {
		if (!strcmp(list->names.list[i], "all") ||
		    ctl_find_region(ctl, list->names.list[i]) == region)
			return true;
	}
	return !list->names.count;
}

static bool region_used(struct hostmem_region *region, const struct ctl_json *how)
{
	struct hostmem_user *user;
	unsigned int i;

	hostmem_user_foreach(region, user) {
		for (i = 0; i < how->nr_pids; i++) {
			if (how->pids[i] == (uint64_t)hostmem_user_get_pid(user))
				return true;
		}
	}
	return !how->nr_pids;
}

/* A region that is asked for by name and does not exist is an error, not an empty list. */
static int check_names(struct ctl *ctl, const struct list *list)
{
	unsigned int i;

	for (i = 0; i < list->names.count; i++) {
		if (strcmp(list->names.list[i], "all") &&
		    !ctl_find_region(ctl, list->names.list[i]))
			return ctl_fail_region(ctl, -ENOENT, NULL, list->names.list[i]);
	}
	return CTL_GO;
}

static int parse_pids(struct ctl *ctl, const struct list *list, uint64_t *pids)
{
	unsigned int i;

	for (i = 0; i < list->pids.count; i++) {
		if (parse_uint(list->pids.list[i], INT32_MAX, &pids[i]))
			return ctl_misuse(ctl, "--pid %s: not a process number",
					  list->pids.list[i]);
	}
	return CTL_GO;
}

static int print_regions(struct ctl *ctl, const struct list *list, const struct ctl_json *how)
{
	struct json_object *array, *object;
	struct hostmem_region *region;
	int rc;

	rc = ctl_refresh(ctl);
	if (rc == CTL_GO)
		rc = check_names(ctl, list);
	if (rc != CTL_GO)
		return rc;
	array = json_object_new_array();
	hostmem_region_foreach(ctl->ctx, region) {
		if (!region_named(region, list, ctl) || !region_used(region, how))
			continue;
		rc = ctl_json_region(region, how, &object);
		if (rc == -ENOENT)
			continue;	/* destroyed since the list was made */
		if (rc) {
			json_object_put(array);
			return ctl_fail(ctl, rc, ctl_netlink_reasons, "region %s",
					hostmem_region_get_name(region) ?: "(anonymous)");
		}
		json_object_array_add(array, object);
	}
	return ctl_json_print(ctl, array, JSON_C_TO_STRING_PRETTY);
}

static int print_devices(struct ctl *ctl, const struct list *list)
{
	struct json_object *array, *object;
	struct hostmem_pmem *pmem;
	int rc;

	if (list->regions || list->views || list->slots || list->names.count || list->pids.count)
		return ctl_misuse(ctl, "-D: cannot be combined with options about regions");
	rc = ctl_open(ctl, CTL_NEED_PMEM);
	if (rc != CTL_GO)
		return rc;
	rc = hostmem_pmem_refresh(ctl->ctx);
	if (rc)
		return ctl_fail(ctl, rc, ctl_netlink_reasons, "list of pmem namespaces");
	array = json_object_new_array();
	hostmem_pmem_foreach(ctl->ctx, pmem) {
		rc = ctl_json_pmem(pmem, list->human, &object);
		if (rc == -ENOENT)
			continue;	/* disabled since the list was made */
		if (rc) {
			json_object_put(array);
			return ctl_fail(ctl, rc, ctl_netlink_reasons, "bad blocks of %s",
					hostmem_pmem_get_name(pmem));
		}
		json_object_array_add(array, object);
	}
	return ctl_json_print(ctl, array, JSON_C_TO_STRING_PRETTY);
}

static int run(struct ctl *ctl, const struct list *list)
{
	struct ctl_json how = {
		.views = list->views,
		.slots = list->slots,
		.human = list->human,
		.nr_pids = list->pids.count,
	};
	uint64_t *pids;
	int rc;

	if (list->devices)
		return print_devices(ctl, list);
	pids = calloc(list->pids.count + 1, sizeof(*pids));
	if (!pids)
		return ctl_fail(ctl, -ENOMEM, NULL, "--pid");
	how.pids = pids;
	rc = parse_pids(ctl, list, pids);
	if (rc == CTL_GO)
		rc = ctl_open(ctl, CTL_NEED_NETLINK);
	if (rc == CTL_GO)
		rc = print_regions(ctl, list, &how);
	free(pids);
	return rc;
}

int cmd_list(struct ctl *ctl, int argc, char **argv)
{
	struct list list = { .regions = false };
	int rc;

	rc = ctl_parse(ctl, &usage, &list, &argc, &argv);
	if (rc == CTL_GO)
		rc = run(ctl, &list);
	ctl_strings_free(&list.names);
	ctl_strings_free(&list.pids);
	return rc;
}
