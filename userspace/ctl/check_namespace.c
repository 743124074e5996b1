// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl check-namespace
 */
#include <endian.h>
#include <string.h>

#include "media.h"

struct check {
	bool repair;
	bool human;
};

static const struct ctl_option options[] = {
	{ .name = "repair", .letter = 'R', .type = &ctl_type_flag,
	  .offset = offsetof(struct check, repair),
	  .help = "finish or roll back what was interrupted, and bring it online" },
	{ .name = "human", .letter = 'u', .type = &ctl_type_flag,
	  .offset = offsetof(struct check, human),
	  .help = "sizes with units, addresses in hexadecimal" },
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "NAMESPACE [--repair]",
	.text = "Check the reserve of a pmem namespace, which may be in use, but not for --repair.\n"
		"Prints what was found as JSON; exit status 1: something is to be repaired.",
	.args = "NAMESPACE",
	.min_args = 1,
	.max_args = 1,
	.options = options,
};

/* What was found, in a word for JSON; and whether there is something to repair. */
static const char *verdict(const struct ctl_found *found, bool *broken)
{
	bool drop = le32toh(found->sb.operation) == HOSTMEM_RESERVE_DROP;

	*broken = false;
	if (!found->any)
		return found->whole || found->zero ? "none" : "foreign";
	switch (found->state) {
	case HOSTMEM_RESERVE_ACTIVE:
		*broken = drop || found->copies < 2;
		return drop ? "drop-interrupted" : found->copies < 2 ? "damaged" : "good";
	case HOSTMEM_RESERVE_UNDONE:
		*broken = true;
		return "add-interrupted";
	case HOSTMEM_RESERVE_TORN:
		*broken = true;
		return "torn";
	case HOSTMEM_RESERVE_DROPPED:
	case HOSTMEM_RESERVE_STALE:
		break;
	}
	return found->whole || found->zero ? "none" : "foreign";
}

static void advise(struct ctl_media *media, const struct ctl_found *found, const char *word)
{
	struct ctl *ctl = media->ctl;

	if (found->unreadable)
		ctl_note(ctl, 0, "namespace %s: the page of its info block is a bad block; ndctl clear-errors clears it, hostmemctl check-namespace --repair then finds the rest",
			 media->name);
	else if (!strcmp(word, "foreign"))
		ctl_note(ctl, 0, "namespace %s: something is in the place of the info block that is none",
			 media->name);
	else if (found->any && found->state == HOSTMEM_RESERVE_STALE)
		ctl_note(ctl, 1, "namespace %s: a superblock of another time was found; it means nothing",
			 media->name);
}

static int print(struct ctl_media *media, const struct ctl_found *found, const char *word,
		 bool repaired, bool human)
{
	struct json_object *object = json_object_new_object();
	bool active = found->any && found->state == HOSTMEM_RESERVE_ACTIVE;

	json_object_object_add(object, "namespace", json_object_new_string(media->name));
	json_object_object_add(object, "found", json_object_new_string(word));
	json_object_object_add(object, "repaired", json_object_new_boolean(repaired));
	json_object_object_add(object, "reserve",
			       active ? ctl_json_reserve(media, &found->sb, human) : NULL);
	return ctl_json_print(media->ctl, object, JSON_C_TO_STRING_PRETTY);
}

/* Looked at again when nobody else can change it. */
static int repair(struct ctl_media *media, struct ctl_found *found, bool *broken)
{
	int rc = ctl_media_take(media);

	if (rc != CTL_GO)
		return rc;
	rc = ctl_journal_look(media, found);
	if (!rc)
		rc = ctl_journal_repair(media, found);
	if (!rc)
		rc = ctl_journal_look(media, found);
	if (!rc)
		verdict(found, broken);
	if (rc || *broken)
		ctl_error(media->ctl, "namespace %s: the repair failed: %s; look for bad blocks: hostmemctl list -D",
			  media->name, rc ? strerror(-rc) : "it did not last");
	return ctl_media_release(media, true);
}

/* Whether a change was cut off while it had the namespace offline. */
static bool is_away(const struct ctl_media *media, const struct ctl_found *found)
{
	return !ndctl_namespace_is_active(media->ns) ||
	       (found->whole && ndctl_namespace_get_raw_mode(media->ns) == 1);
}

static int check(struct ctl_media *media, const struct check *how)
{
	struct ctl_found found;
	bool broken, was_broken;
	const char *word;
	int rc;

	rc = ctl_journal_look(media, &found);
	if (rc)
		return ctl_fail(media->ctl, rc, NULL, "namespace %s", media->name);
	word = verdict(&found, &broken);
	was_broken = broken;
	advise(media, &found, word);
	if (how->repair && (broken || is_away(media, &found))) {
		rc = repair(media, &found, &broken);
		if (rc != CTL_GO)
			return rc;
	} else if (broken) {
		ctl_note(media->ctl, 0, "namespace %s: %s; repair it: hostmemctl check-namespace %s --repair",
			 media->name, word, media->name);
	}
	rc = print(media, &found, word, was_broken && !broken, how->human);
	return broken ? CTL_FAILED : rc;
}

int cmd_check_namespace(struct ctl *ctl, int argc, char **argv)
{
	struct check fields = { .repair = false };
	struct ctl_media media;
	int rc;

	rc = ctl_parse(ctl, &usage, &fields, &argc, &argv);
	if (rc != CTL_GO)
		return rc;
	rc = ctl_media_begin(&media, ctl);
	if (rc != CTL_GO)
		return rc;
	rc = ctl_media_find(&media, argv[0]);
	if (rc == CTL_GO && fields.repair)
		rc = ctl_media_writable(&media);
	if (rc == CTL_GO)
		rc = ctl_media_look(&media);
	if (rc == CTL_GO)
		rc = check(&media, &fields);
	ctl_media_end(&media);
	return rc;
}
