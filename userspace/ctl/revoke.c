// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl revoke
 */
#include <errno.h>
#include <stdlib.h>

#include "ctl.h"

static const struct ctl_usage usage = {
	.synopsis = "NAME VIEW...",
	.text = "Take a region away from those who have a view of it: their mappings get SIGBUS.\n"
		"VIEW is its id, as hostmemctl list -V shows. Prints the views as JSON.",
	.args = "NAME VIEW",
	.min_args = 2,
	.max_args = INT32_MAX,
};

static int fail_view(struct ctl *ctl, const char *name, uint64_t id, int rc)
{
	static const struct ctl_reason reasons[] = {
		{ ENOENT, "the region has no such view, or it has been revoked already",
		  "hostmemctl list -V shows those that it has" },
		{ ENODEV, "the region was destroyed meanwhile",
		  "hostmemctl list shows the regions that there are" },
		{ 0, NULL, NULL },
	};

	return ctl_fail(ctl, rc, reasons, "region %s: view %llu", name, (unsigned long long)id);
}

static bool has_view(struct hostmem_region *region, uint64_t id)
{
	struct hostmem_user *user;

	hostmem_user_foreach(region, user) {
		if (hostmem_user_get_view_id(user) == id)
			return !hostmem_user_is_revoked(user);
	}
	return false;
}

/* All of them are there, and none is the one that we ask with: else nothing is changed. */
static int check_views(struct ctl *ctl, struct hostmem_view *owner, const char *name,
		       const struct ctl_json *how)
{
	struct hostmem_region *region;
	unsigned int i;
	uint64_t id;
	int rc;

	rc = ctl_refresh(ctl);
	if (rc != CTL_GO)
		return rc;
	region = hostmem_region_get_by_id(ctl->ctx, hostmem_view_get_region_id(owner));
	if (!region)
		return ctl_fail_region(ctl, -ENODEV, NULL, name);
	for (i = 0; i < how->nr_views; i++) {
		id = how->views_only[i];
		if (id == hostmem_view_get_id(owner) || !has_view(region, id))
			return fail_view(ctl, name, id, -ENOENT);
	}
	return CTL_GO;
}

/* What has become of them; those whose last file and mapping have gone are not there any more. */
static int print_views(struct ctl *ctl, uint64_t region_id, const char *name,
		       const struct ctl_json *how)
{
	struct hostmem_region *region;
	struct json_object *array;
	int rc;

	rc = ctl_refresh(ctl);
	if (rc != CTL_GO)
		return rc;
	region = hostmem_region_get_by_id(ctl->ctx, region_id);
	rc = region ? ctl_json_users(region, how, &array) : -ENODEV;
	if (rc)
		return ctl_fail_region(ctl, rc, NULL, name);
	return ctl_json_print(ctl, array, JSON_C_TO_STRING_PRETTY);
}

static int revoke_views(struct ctl *ctl, const char *name, const struct ctl_json *how)
{
	struct hostmem_view *owner;
	uint64_t region_id;
	unsigned int i;
	int rc;

	rc = ctl_open_owner(ctl, name, &owner);
	if (rc != CTL_GO)
		return rc;
	region_id = hostmem_view_get_region_id(owner);
	rc = check_views(ctl, owner, name, how);
	for (i = 0; i < how->nr_views && rc == CTL_GO; i++) {
		rc = hostmem_view_revoke(owner, how->views_only[i]);
		rc = rc ? fail_view(ctl, name, how->views_only[i], rc) : CTL_GO;
		if (rc == CTL_GO)
			ctl_changed(ctl, "%u of the views %s been revoked", i + 1,
				    i ? "have" : "has");
	}
	hostmem_view_unref(owner);
	return rc == CTL_GO ? print_views(ctl, region_id, name, how) : rc;
}

int cmd_revoke(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_json how = { .views_only = NULL };
	uint64_t *views;
	int rc, i;

	rc = ctl_parse(ctl, &usage, NULL, &argc, &argv);
	if (rc != CTL_GO)
		return rc;
	views = calloc(argc, sizeof(*views));
	if (!views)
		return ctl_fail_region(ctl, -ENOMEM, NULL, argv[0]);
	for (i = 1; i < argc && rc == CTL_GO; i++) {
		if (parse_uint(argv[i], UINT64_MAX, &views[i - 1]))
			rc = ctl_misuse(ctl, "VIEW %s: not the id of a view", argv[i]);
	}
	how.views_only = views;
	how.nr_views = argc - 1;
	if (rc == CTL_GO)
		rc = revoke_views(ctl, argv[0], &how);
	free(views);
	return rc;
}
