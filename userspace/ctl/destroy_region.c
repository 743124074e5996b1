// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl destroy-region
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

struct destroy {
	bool force;
};

static const struct ctl_option options[] = {
	{ .name = "force", .letter = 'f', .type = &ctl_type_flag,
	  .offset = offsetof(struct destroy, force),
	  .help = "take it from the processes that map it: they get SIGBUS" },
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "NAME [--force]",
	.text = "Destroy a region: its memory is freed, its file /dev/hostmem/NAME disappears.\n"
		"Prints its last state as JSON.",
	.args = "NAME",
	.min_args = 1,
	.max_args = 1,
	.options = options,
};

/* Add "pid 123 (command)", once. */
static void add_process(char *text, size_t size, pid_t pid)
{
	struct ctl_text command = ctl_pid_command(pid);
	size_t used = strlen(text);
	char one[96];

	if (*command.s)
		snprintf(one, sizeof(one), "pid %d (%s)", pid, command.s);
	else
		snprintf(one, sizeof(one), "pid %d", pid);
	if (!strstr(text, one))
		snprintf(text + used, size - used, "%s%s", used ? ", " : "", one);
}

/* The processes that map the region; without the right to know, those that opened the views. */
static void list_processes(struct hostmem_region *region, char *text, size_t size)
{
	struct hostmem_mapping *mappings = NULL;
	struct hostmem_user *user;
	unsigned int i, count = 0;

	*text = '\0';
	if (!hostmem_region_get_mapping_list(region, &mappings, &count)) {
		for (i = 0; i < count; i++) {
			if (mappings[i].pid)
				add_process(text, size, mappings[i].pid);
		}
		free(mappings);
		return;
	}
	hostmem_user_foreach(region, user) {
		if (hostmem_user_get_mappings(user) && hostmem_user_get_pid(user))
			add_process(text, size, hostmem_user_get_pid(user));
	}
}

static int fail_busy(struct ctl *ctl, struct hostmem_view *view, const char *name)
{
	struct hostmem_region *region = NULL;
	char processes[512] = "";

	if (!hostmem_refresh(ctl->ctx))
		region = hostmem_region_get_by_id(ctl->ctx, hostmem_view_get_region_id(view));
	if (region)
		list_processes(region, processes, sizeof(processes));
	return ctl_error(ctl, "region %s: mapped by %s: stop it or use --force", name,
			 *processes ? processes : "a process that is not visible here");
}

static int destroy(struct ctl *ctl, struct hostmem_view *view, const char *name, bool force)
{
	struct json_object *object = NULL, *array;
	int rc;

	rc = ctl_json_view(view, &object);
	if (!rc)
		rc = hostmem_view_destroy(view, force);
	if (rc) {
		json_object_put(object);
		return rc == -EBUSY ? fail_busy(ctl, view, name) :
				      ctl_fail_region(ctl, rc, NULL, name);
	}
	ctl_changed(ctl, "region %s has been destroyed", name);
	array = json_object_new_array();
	json_object_array_add(array, object);
	return ctl_json_print(ctl, array, JSON_C_TO_STRING_PRETTY);
}

int cmd_destroy_region(struct ctl *ctl, int argc, char **argv)
{
	struct destroy fields = { .force = false };
	struct hostmem_view *view;
	int rc;

	rc = ctl_parse(ctl, &usage, &fields, &argc, &argv);
	if (rc != CTL_GO)
		return rc;
	rc = ctl_open_owner(ctl, argv[0], &view);
	if (rc != CTL_GO)
		return rc;
	rc = destroy(ctl, view, argv[0], fields.force);
	hostmem_view_unref(view);
	return rc;
}
