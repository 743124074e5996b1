// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing a namespace so that at any moment it is the old one, the new one, or one whose info
 * block is being written and whose superblocks tell how to end that.
 *
 * To add a reserve: superblocks first, then the info block, which makes them count. To drop one:
 * superblocks that say so, the info block, then no superblocks. Each page is flushed and read
 * back before the next one is written.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "media.h"

static const struct ctl_reason reasons[] = {
	{ EIO, "a page cannot be written or does not keep what was written",
	  "choose another size, or clear bad blocks: ndctl clear-errors" },
	{ EINTR, "interrupted; it is as it was", "run it again" },
	{ 0, NULL, NULL },
};

static uint64_t copy_at(const struct hostmem_reserve_superblock *sb, unsigned int i)
{
	uint64_t start = le64toh(sb->start);

	return i ? start + le64toh(sb->length) - CTL_PAGE : start;
}

/* How many of the two copies are as they should be. */
static unsigned int count_copies(struct ctl_media *media,
				 const struct hostmem_reserve_superblock *sb)
{
	struct hostmem_reserve_superblock copy;
	unsigned int i, n = 0;

	for (i = 0; i < 2; i++)
		n += !ctl_media_read(media, copy_at(sb, i), &copy) &&
		     !memcmp(&copy, sb, sizeof(copy));
	return n;
}

/* One that counts is better than a stale one; of those, the younger one. */
static bool better(const struct ctl_found *found, enum hostmem_reserve_state state,
		   const struct hostmem_reserve_superblock *sb)
{
	bool counts = state != HOSTMEM_RESERVE_STALE;
	bool counted = found->state != HOSTMEM_RESERVE_STALE;

	if (!found->any)
		return true;
	if (counts != counted)
		return counts;
	return le64toh(sb->generation) > le64toh(found->sb.generation);
}

/**
 * ctl_journal_look - read what is written on a namespace
 * @media: that is looked at or taken
 * @found: out
 *
 * Return: 0 or -errno; a bad block is no error.
 */
int ctl_journal_look(struct ctl_media *media, struct ctl_found *found)
{
	struct hostmem_reserve_superblock sb;
	__u64 places[HOSTMEM_SUPERBLOCK_PLACES];
	enum hostmem_reserve_state state;
	struct hostmem_infoblock scratch;
	unsigned int i, n;
	int rc;

	memset(found, 0, sizeof(*found));
	rc = ctl_media_read(media, HOSTMEM_INFOBLOCK_OFFSET, &found->block);
	if (rc && rc != -EIO)
		return rc;
	found->unreadable = rc;
	found->zero = !rc && hostmem_is_zero(&found->block, sizeof(found->block));
	found->whole = !rc && hostmem_infoblock_whole(&found->block);
	n = hostmem_superblock_places(found->whole ? &found->block.fields : NULL, media->spa,
				      media->size, places);
	for (i = 0; i < n; i++) {
		rc = ctl_media_read(media, places[i], &sb);
		if (rc && rc != -EIO)
			return rc;
		if (rc || hostmem_superblock_check(&sb, media->size, places[i]))
			continue;
		state = hostmem_superblock_state(&sb, &found->block, &scratch);
		if (!better(found, state, &sb))
			continue;
		found->any = true;
		found->sb = sb;
		found->state = state;
	}
	if (found->any)
		found->copies = count_copies(media, &found->sb);
	return 0;
}

static int write_copies(struct ctl_media *media, const struct hostmem_reserve_superblock *sb)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < 2; i++)
		rc = ctl_media_write(media, copy_at(sb, i), sb);
	return rc;
}

/* Nothing but the superblock itself is wiped. */
static int wipe_copies(struct ctl_media *media, const struct hostmem_reserve_superblock *sb)
{
	static const char zero[CTL_PAGE];
	struct hostmem_reserve_superblock copy;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < 2; i++) {
		rc = ctl_media_read(media, copy_at(sb, i), &copy);
		if (rc == -EIO)
			rc = 0;
		else if (!rc && !memcmp(&copy, sb, sizeof(copy)))
			rc = ctl_media_write(media, copy_at(sb, i), zero);
	}
	return rc;
}

static int write_infoblock(struct ctl_media *media,
			   const struct hostmem_infoblock_fields *fields)
{
	struct hostmem_infoblock block;

	hostmem_infoblock_expand(fields, &block);
	return ctl_media_write(media, HOSTMEM_INFOBLOCK_OFFSET, &block);
}

static void step(struct ctl_media *media, unsigned int n, const char *what)
{
	ctl_note(media->ctl, 0, "namespace %s: %u/4 %s", media->name, n, what);
}

/* Up to here nothing counts that was written. */
static int prepare(struct ctl_media *media, struct hostmem_reserve_superblock *sb)
{
	static const struct hostmem_infoblock_fields none;
	int rc = 0;

	if (hostmem_is_zero(&sb->old_block, sizeof(sb->old_block)))
		rc = write_infoblock(media, &none);
	if (rc)
		return rc;
	step(media, 1, "the old info block stands");
	rc = write_copies(media, sb);
	if (!rc)
		step(media, 2, "superblocks written");
	if (!rc && ctl_signals_pending())
		rc = -EINTR;
	return rc;
}

/**
 * ctl_journal_run - add or drop a reserve
 * @media: that is taken, on which what is in the way has been looked at
 * @sb: filled but for the checksum; with a zero old block the page in the place of the info
 *	block is cleared first
 *
 * Prints its steps. Interrupted or failed before the info block is written, it undoes what
 * it did.
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_journal_run(struct ctl_media *media, struct hostmem_reserve_superblock *sb)
{
	bool add = le32toh(sb->operation) == HOSTMEM_RESERVE_ADD;
	int rc;

	hostmem_seal(sb, sizeof(*sb));
	if (hostmem_superblock_check(sb, media->size, le64toh(sb->start)))
		return ctl_error(media->ctl, "namespace %s: this makes no reserve, which is an error in hostmemctl; report it",
				 media->name);
	rc = prepare(media, sb);
	if (rc) {
		if (add)
			wipe_copies(media, sb);
		return ctl_fail(media->ctl, rc, reasons, "namespace %s", media->name);
	}
	rc = write_infoblock(media, &sb->new_block);
	if (rc)
		return ctl_error(media->ctl, "namespace %s: the info block cannot be written: %s; repair it: hostmemctl check-namespace %s --repair",
				 media->name, strerror(-rc), media->name);
	step(media, 3, "the new info block stands");
	if (!add)
		wipe_copies(media, sb);
	return CTL_GO;
}

/* As if it had been added like this: what was before no longer matters. */
static int settle(struct ctl_media *media, struct ctl_found *found)
{
	struct hostmem_reserve_superblock *sb = &found->sb;

	if (le32toh(sb->operation) == HOSTMEM_RESERVE_DROP) {
		sb->new_block = sb->old_block;
		memset(&sb->old_block, 0, sizeof(sb->old_block));
		sb->operation = htole32(HOSTMEM_RESERVE_ADD);
		sb->generation = htole64(le64toh(sb->generation) + 1);
		hostmem_seal(sb, sizeof(*sb));
	}
	return write_copies(media, sb);
}

/*
 * Without an info block a superblock that was never wiped, of a reserve in another place, says
 * the same: it goes, too.
 */
static int roll_back(struct ctl_media *media, struct ctl_found *found)
{
	int rc;

	do {
		rc = wipe_copies(media, &found->sb);
		if (!rc)
			rc = ctl_journal_look(media, found);
	} while (!rc && found->any && found->state == HOSTMEM_RESERVE_UNDONE);
	return rc;
}

/**
 * ctl_journal_repair - finish or roll back what was cut off
 * @media: that is taken
 * @found: what ctl_journal_look() found; unspecified afterwards
 *
 * A reserve that exists stays, with two good superblocks. An info block that is still the
 * old one stays, and the superblocks go. A torn info block becomes the new one.
 *
 * Return: 0 or -errno.
 */
int ctl_journal_repair(struct ctl_media *media, struct ctl_found *found)
{
	struct hostmem_reserve_superblock *sb = &found->sb;
	int rc;

	if (!found->any)
		return 0;
	switch (found->state) {
	case HOSTMEM_RESERVE_ACTIVE:
		return settle(media, found);
	case HOSTMEM_RESERVE_UNDONE:
		return roll_back(media, found);
	case HOSTMEM_RESERVE_TORN:
		rc = write_infoblock(media, &sb->new_block);
		if (rc || le32toh(sb->operation) == HOSTMEM_RESERVE_ADD)
			return rc ? rc : write_copies(media, sb);
		return wipe_copies(media, sb);
	case HOSTMEM_RESERVE_DROPPED:
	case HOSTMEM_RESERVE_STALE:
		break;
	}
	return 0;
}

/* A reserve as hostmemctl list -D shows it. */
struct json_object *ctl_json_reserve(const struct ctl_media *media,
				     const struct hostmem_reserve_superblock *sb, bool human)
{
	struct json_object *object = json_object_new_object();
	bool tail = le32toh(sb->layout) == HOSTMEM_RESERVE_TAIL;
	char uuid[UUID_STR_LEN];

	uuid_unparse_lower(sb->uuid, uuid);
	json_object_object_add(object, "layout", json_object_new_string(tail ? "tail" : "head"));
	json_object_object_add(object, "spa",
			       ctl_json_offset(media->spa + le64toh(sb->start), human));
	json_object_object_add(object, "size", ctl_json_size(le64toh(sb->length), human));
	json_object_object_add(object, "purpose",
			       json_object_new_string((const char *)sb->purpose));
	json_object_object_add(object, "uuid", json_object_new_string(uuid));
	return object;
}
