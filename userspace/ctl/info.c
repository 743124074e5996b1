// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl info: the limits of the module, and what is used of them
 */
#include <errno.h>

#include "ctl.h"

struct info {
	bool human;
};

static const struct ctl_option options[] = {
	{ .name = "human", .letter = 'u', .type = &ctl_type_flag,
	  .offset = offsetof(struct info, human), .help = "sizes with units, as strings" },
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "[-u]",
	.text = "Print the limits of the loaded module, and what is used of them, as JSON.",
	.args = "",
	.options = options,
};

static struct json_object *json_info(const struct hostmem_info *info, bool human)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "abi_version",
			       json_object_new_uint64(info->out_abi_version));
	json_object_object_add(object, "regions", json_object_new_uint64(info->out_regions));
	json_object_object_add(object, "max_regions",
			       json_object_new_uint64(info->out_max_regions));
	json_object_object_add(object, "max_blocks", json_object_new_uint64(info->out_max_blocks));
	json_object_object_add(object, "min_block_size",
			       ctl_json_size(info->out_min_block_size, human));
	json_object_object_add(object, "max_size", ctl_json_size(info->out_max_size, human));
	json_object_object_add(object, "ram_used", ctl_json_size(info->out_ram_used, human));
	json_object_object_add(object, "ram_limit", ctl_json_size(info->out_ram_limit, human));
	return object;
}

int cmd_info(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_reason reasons[] = {
		{ EACCES, "no permission to open it", "run hostmemctl as root" },
		{ ENODEV, "the module is not loaded any more", "run hostmemctl load" },
		{ 0, NULL, NULL },
	};
	struct info fields = { .human = false };
	struct json_object *array;
	struct hostmem_info info;
	int rc;

	rc = ctl_parse(ctl, &usage, &fields, &argc, &argv);
	if (rc == CTL_GO)
		rc = ctl_open(ctl, CTL_NEED_CONTROL);
	if (rc != CTL_GO)
		return rc;
	rc = hostmem_get_info(ctl->ctx, &info);
	if (rc)
		return ctl_fail(ctl, rc, reasons, CTL_CONTROL_NODE);
	array = json_object_new_array();
	json_object_array_add(array, json_info(&info, fields.human));
	return ctl_json_print(ctl, array, JSON_C_TO_STRING_PRETTY);
}
