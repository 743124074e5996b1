// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions as JSON: always the same keys, whatever their values.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"

struct json_object *ctl_json_size(uint64_t bytes, bool human)
{
	if (human)
		return json_object_new_string(ctl_size_human(bytes).s);
	return json_object_new_uint64(bytes);
}

struct json_object *ctl_json_offset(uint64_t offset, bool human)
{
	char text[32];

	if (!human)
		return json_object_new_uint64(offset);
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)offset);
	return json_object_new_string(text);
}

/* The name of a value; "unknown" if the module is newer than this command. */
struct json_object *ctl_json_choice(const char *const *names, unsigned int count,
				    unsigned int value)
{
	return json_object_new_string(value < count ? names[value] : "unknown");
}

static struct json_object *json_time(uint64_t seconds, bool human)
{
	time_t value = seconds;
	struct tm tm;
	char text[32];

	if (!human || !gmtime_r(&value, &tm))
		return json_object_new_uint64(seconds);
	strftime(text, sizeof(text), "%FT%TZ", &tm);
	return json_object_new_string(text);
}

static bool user_wanted(struct hostmem_user *user, const struct ctl_json *how)
{
	unsigned int i;

	for (i = 0; i < how->nr_views; i++) {
		if (how->views_only[i] == hostmem_user_get_view_id(user))
			break;
	}
	if (how->nr_views && i == how->nr_views)
		return false;
	for (i = 0; i < how->nr_pids; i++) {
		if (how->pids[i] == (uint64_t)hostmem_user_get_pid(user))
			return true;
	}
	return !how->nr_pids;
}

static struct json_object *json_user(struct hostmem_user *user, const struct ctl_json *how,
				     const struct ctl_mappings *mappings)
{
	struct json_object *object = json_object_new_object();
	bool human = how->human;
	struct ctl_text command = ctl_pid_command(hostmem_user_get_pid(user));
	unsigned int rights = hostmem_user_get_rights(user);
	uint64_t parent = hostmem_user_get_parent(user);
	char text[5];

	snprintf(text, sizeof(text), "%s%s%s%s", rights & HOSTMEM_RIGHT_READ ? "r" : "",
		 rights & HOSTMEM_RIGHT_WRITE ? "w" : "",
		 rights & HOSTMEM_RIGHT_OWNER ? "o" : "",
		 rights & HOSTMEM_RIGHT_DERIVE ? "d" : "");
	json_object_object_add(object, "id",
			       json_object_new_uint64(hostmem_user_get_view_id(user)));
	json_object_object_add(object, "parent", parent ? json_object_new_uint64(parent) : NULL);
	json_object_object_add(object, "pid", json_object_new_int(hostmem_user_get_pid(user)));
	json_object_object_add(object, "command",
			       *command.s ? json_object_new_string(command.s) : NULL);
	json_object_object_add(object, "start",
			       ctl_json_offset(hostmem_user_get_start(user), human));
	json_object_object_add(object, "length",
			       ctl_json_size(hostmem_user_get_length(user), human));
	json_object_object_add(object, "rights", json_object_new_string(text));
	json_object_object_add(object, "mappings",
			       json_object_new_uint64(hostmem_user_get_mappings(user)));
	json_object_object_add(object, "revoked",
			       json_object_new_boolean(hostmem_user_is_revoked(user)));
	json_object_object_add(object, "mapping_list",
			       ctl_json_mappings(mappings, hostmem_user_get_view_id(user), how));
	return object;
}

/**
 * ctl_json_users - the views of a region as an array
 * @region: as listed
 * @how: which, and how to show them
 * @out: out: the array
 *
 * Return: 0, or -errno: -ENOENT if the region has gone meanwhile.
 */
int ctl_json_users(struct hostmem_region *region, const struct ctl_json *how,
		   struct json_object **out)
{
	struct ctl_mappings mappings;
	struct hostmem_user *user;
	int rc;

	rc = ctl_mappings_read(region, &mappings);
	if (rc)
		return rc;
	*out = json_object_new_array();
	hostmem_user_foreach(region, user) {
		if (user_wanted(user, how))
			json_object_array_add(*out, json_user(user, how, &mappings));
	}
	ctl_mappings_free(&mappings);
	return 0;
}

/* Those of the region's slot size, else of 1 GiB, or of one slot if it is smaller. */
static unsigned long long slot_size_of(struct hostmem_region *region)
{
	unsigned long long block = hostmem_region_get_block_size(region);
	unsigned long long size = hostmem_region_get_size(region);
	unsigned long long slot = hostmem_region_get_slot_size(region);

	if (slot)
		return slot;
	slot = block > CTL_GIB ? block : CTL_GIB;
	return size < slot ? size : slot;
}

static int json_slots(struct hostmem_region *region, bool human, struct json_object **out)
{
	struct hostmem_slot *slots = NULL;
	struct json_object *slot;
	unsigned int i, count = 0;
	int rc;

	*out = NULL;
	rc = hostmem_region_get_slots(region, slot_size_of(region), &slots, &count);
	/* Who may not read the region is told no more than that. */
	if (rc == -EACCES || rc == -EPERM)
		return 0;
	if (rc)
		return rc;
	*out = json_object_new_array();
	for (i = 0; i < count; i++) {
		slot = json_object_new_object();
		json_object_object_add(slot, "start", ctl_json_offset(slots[i].start, human));
		json_object_object_add(slot, "length", ctl_json_size(slots[i].length, human));
		json_object_array_add(*out, slot);
	}
	free(slots);
	return 0;
}

static void json_sizes(struct json_object *object, const struct hostmem_region_info *info,
		       bool human)
{
	json_object_object_add(object, "size", ctl_json_size(info->out_size, human));
	json_object_object_add(object, "block_size", ctl_json_size(info->out_block_size, human));
	json_object_object_add(object, "plugged", ctl_json_size(info->out_plugged, human));
}

static void json_kinds(struct json_object *object, const struct hostmem_region_info *info,
		       const char *source)
{
	static const char *const allocations[] = {
		[HOSTMEM_ALLOCATION_ONDEMAND] = "ondemand",
		[HOSTMEM_ALLOCATION_IMMEDIATE] = "immediate",
	};
	static const char *const huges[] = {
		[HOSTMEM_HUGE_ALWAYS] = "always",
		[HOSTMEM_HUGE_NEVER] = "never",
	};
	static const char *const backings[] = {
		[HOSTMEM_BACKING_RAM] = "ram",
		[HOSTMEM_BACKING_FILE] = "file",
		[HOSTMEM_BACKING_RESERVE] = "reserve",
	};

	json_object_object_add(object, "backing", source ? json_object_new_string(source) :
			       ctl_json_choice(backings, 3, info->out_backing));
	json_object_object_add(object, "allocation",
			       ctl_json_choice(allocations, 2, info->out_allocation));
	json_object_object_add(object, "huge", ctl_json_choice(huges, 2, info->out_huge));
}

/**
 * ctl_json_badblocks - what is bad as an array
 * @bad: as listed
 * @count: how many
 * @human: sizes with units, offsets and addresses in hexadecimal, a time that people can read
 *
 * Return: the array.
 */
struct json_object *ctl_json_badblocks(const struct hostmem_badblock *bad, unsigned int count,
				       bool human)
{
	struct json_object *array = json_object_new_array();
	struct json_object *object;
	unsigned int i;

	for (i = 0; i < count; i++) {
		object = json_object_new_object();
		json_object_object_add(object, "offset", ctl_json_offset(bad[i].start, human));
		json_object_object_add(object, "spa", bad[i].spa ?
				       ctl_json_offset(bad[i].spa, human) : NULL);
		json_object_object_add(object, "length", ctl_json_size(bad[i].length, human));
		json_object_object_add(object, "since", json_time(bad[i].since, human));
		json_object_object_add(object, "recorded",
				       json_object_new_boolean(bad[i].recorded));
		json_object_array_add(array, object);
	}
	return array;
}

/* Nothing of ram ever is. */
static int json_region_badblocks(struct hostmem_region *region, bool human,
				 struct json_object **out)
{
	struct hostmem_badblock *bad = NULL;
	unsigned int count = 0;
	int rc = 0;

	if (hostmem_region_get_backing(region) != HOSTMEM_BACKING_RAM)
		rc = hostmem_region_get_badblocks(region, &bad, &count);
	if (!rc)
		*out = ctl_json_badblocks(bad, count, human);
	free(bad);
	return rc;
}

/* Of what the kernel told, in whichever way. */
static struct json_object *json_region(const char *name, const char *source,
				       const struct hostmem_region_info *info, bool human)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", name ? json_object_new_string(name) : NULL);
	json_object_object_add(object, "id", json_object_new_uint64(info->out_id));
	json_sizes(object, info, human);
	json_kinds(object, info, source);
	json_object_object_add(object, "generation",
			       json_object_new_uint64(info->out_generation));
	json_object_object_add(object, "views", json_object_new_uint64(info->out_views));
	json_object_object_add(object, "mappings", json_object_new_uint64(info->out_mappings));
	json_object_object_add(object, "slot_size", ctl_json_size(info->out_slot_size, human));
	return object;
}

/* What a list says of a region, as the region itself would. */
static struct hostmem_region_info region_info(struct hostmem_region *region)
{
	return (struct hostmem_region_info) {
		.out_id = hostmem_region_get_id(region),
		.out_size = hostmem_region_get_size(region),
		.out_block_size = hostmem_region_get_block_size(region),
		.out_slot_size = hostmem_region_get_slot_size(region),
		.out_plugged = hostmem_region_get_plugged(region),
		.out_generation = hostmem_region_get_generation(region),
		.out_backing = hostmem_region_get_backing(region),
		.out_allocation = hostmem_region_get_allocation(region),
		.out_huge = hostmem_region_get_huge(region),
		.out_views = hostmem_region_get_views(region),
		.out_mappings = hostmem_region_get_mappings(region),
	};
}

/**
 * ctl_json_region - a region as an object
 * @region: as listed
 * @how: what to show of it
 * @out: out: the object
 *
 * Return: 0, or -errno: -ENOENT if the region has gone meanwhile.
 */
int ctl_json_region(struct hostmem_region *region, const struct ctl_json *how,
		    struct json_object **out)
{
	struct json_object *object, *bad = NULL, *slots = NULL, *users = NULL;
	struct hostmem_region_info info = region_info(region);
	int rc;

	rc = json_region_badblocks(region, how->human, &bad);
	if (!rc && how->slots)
		rc = json_slots(region, how->human, &slots);
	if (!rc && how->views)
		rc = ctl_json_users(region, how, &users);
	if (rc) {
		json_object_put(bad);
		json_object_put(slots);
		return rc;
	}
	object = json_region(hostmem_region_get_name(region), hostmem_region_get_source(region),
			     &info, how->human);
	json_object_object_add(object, "badblocks", bad);
	if (how->slots)
		json_object_object_add(object, "slots", slots);
	if (how->views)
		json_object_object_add(object, "view_list", users);
	*out = object;
	return 0;
}

/**
 * ctl_json_view - the region of a view as an object, as ctl_json_region() makes it
 * @view: which is not counted
 * @out: out: the object
 *
 * Works where netlink does not: then what is bad, and what exactly the backing is, is not known.
 *
 * Return: 0, or -errno: -ENODEV if the region has been destroyed.
 */
int ctl_json_view(struct hostmem_view *view, struct json_object **out)
{
	struct hostmem_ctx *ctx = hostmem_view_get_ctx(view);
	const char *name = hostmem_view_get_name(view);
	struct hostmem_region *region = NULL;
	struct hostmem_region_info info;
	struct json_object *bad = NULL;
	int rc;

	rc = hostmem_view_get_info(view, &info);
	if (rc)
		return rc;
	info.out_views -= !!info.out_views;
	if (!hostmem_refresh(ctx))
		region = hostmem_region_get_by_id(ctx, info.out_id);
	if (region)
		json_region_badblocks(region, false, &bad);
	else if (info.out_backing == HOSTMEM_BACKING_RAM)
		bad = json_object_new_array();
	*out = json_region(region ? hostmem_region_get_name(region) : name,
			   region ? hostmem_region_get_source(region) : NULL, &info, false);
	json_object_object_add(*out, "badblocks", bad);
	return 0;
}

/**
 * ctl_json_print - print to stdout, flushed
 * @ctl: the command
 * @object: is given up
 * @flags: JSON_C_TO_STRING_*
 *
 * Return: CTL_OK, or CTL_FAILED after a message.
 */
int ctl_json_print(struct ctl *ctl, struct json_object *object, int flags)
{
	int rc = 0;

	printf("%s\n", json_object_to_json_string_ext(object,
						      flags | JSON_C_TO_STRING_NOSLASHESCAPE));
	if (fflush(stdout) || ferror(stdout))
		rc = -errno;
	json_object_put(object);
	if (rc)
		return ctl_error(ctl, "stdout: %s; the output is not complete", strerror(-rc));
	return CTL_OK;
}
