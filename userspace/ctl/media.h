/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostmemctl: namespaces as media: what is written on them, and how it is changed.
 */
#ifndef _CTL_MEDIA_H_
#define _CTL_MEDIA_H_

#include <uuid/uuid.h>
#include <ndctl/libndctl.h>
#include "../../kernel/nd/format.h"
#include "ctl.h"

#define CTL_PAGE HOSTMEM_INFOBLOCK_SIZE

/* Devices of one namespace: more than one only where a /dev/dax has been divided. */
#define CTL_MEDIA_DEVICES 8

/*
 * media.c: a namespace as media: looked at without taking it from anybody; or taken offline, when
 * only this process writes to it, all of it
 */
struct ctl_media {
	struct ctl *ctl;
	struct ndctl_ctx *ndctl;
	struct ndctl_namespace *ns;
	const char *name;
	uint64_t spa;
	uint64_t size;
	int look;		/* reads as the whole namespace; -1: not looked at */
	int fd;			/* to write to it; -1: not taken */
	void *page;		/* aligned for O_DIRECT */
	bool was_active;	/* before it was taken */
	char devices[CTL_MEDIA_DEVICES][32];	/* that it then had */
	int enforce;		/* what the label shall say: NDCTL_NS_MODE_*; -1: as it is */
};

struct ndctl_namespace *ctl_media_lookup(struct ndctl_ctx *ndctl, const char *name);
int ctl_media_begin(struct ctl_media *media, struct ctl *ctl);
int ctl_media_find(struct ctl_media *media, const char *name);
void ctl_media_use(struct ctl_media *media, struct ndctl_namespace *ns);
int ctl_media_writable(struct ctl_media *media);
int ctl_media_look(struct ctl_media *media);
int ctl_media_take(struct ctl_media *media);
int ctl_media_read(struct ctl_media *media, uint64_t offset, void *page);
int ctl_media_write(struct ctl_media *media, uint64_t offset, const void *page);
int ctl_media_release(struct ctl_media *media, bool enable);
void ctl_media_end(struct ctl_media *media);
const char *ctl_media_device(struct ctl_media *media);

/* users.c: who uses it */
const char *ctl_media_disk(struct ctl_media *media);
int ctl_media_idle(struct ctl_media *media);
int ctl_media_left(struct ctl_media *media);

/* space.c: what would be lost */
int ctl_space_fail(struct ctl_media *media, int rc);
int ctl_space_signature(struct ctl_media *media, uint64_t offset, uint64_t length, char *type,
			size_t size);
int ctl_space_zero(struct ctl_media *media, uint64_t offset, uint64_t length, uint64_t *at);
int ctl_space_free(struct ctl_media *media, uint64_t offset, uint64_t length, uint64_t keep);

/* geometry.c: where the data and the reserve of a namespace are to be */
struct ctl_geometry {
	unsigned int mode;	/* HOSTMEM_PMEM_FSDAX or HOSTMEM_PMEM_DEVDAX */
	unsigned int map;	/* HOSTMEM_PMEM_MAP_MEM or HOSTMEM_PMEM_MAP_DEV */
	uint64_t align;
	unsigned int layout;	/* HOSTMEM_RESERVE_* */
	uint64_t reserve;	/* bytes; 0: none */
};

int ctl_geometry_create(struct ctl_media *media, const struct ctl_geometry *want,
			struct hostmem_reserve_superblock *sb);
int ctl_geometry_add(struct ctl_media *media, const struct ctl_geometry *want,
		     const struct hostmem_infoblock_fields *now,
		     struct hostmem_reserve_superblock *sb);
void ctl_geometry_stock_end(const struct ctl_media *media,
			    struct hostmem_infoblock_fields *fields);
uint64_t ctl_geometry_purpose_size(const struct ctl_media *media, const char *purpose);

/* journal.c: changing a namespace so that it is the old or the new one at any moment */
struct ctl_found {
	struct hostmem_infoblock block;	/* the page in the place of the info block */
	bool unreadable;		/* that page */
	bool whole;			/* it is an info block */
	bool zero;
	bool any;			/* sb is a superblock; if several, the one that counts */
	struct hostmem_reserve_superblock sb;
	enum hostmem_reserve_state state;
	unsigned int copies;		/* of the two, that are good */
};

int ctl_journal_look(struct ctl_media *media, struct ctl_found *found);
int ctl_journal_run(struct ctl_media *media, struct hostmem_reserve_superblock *sb);
int ctl_journal_repair(struct ctl_media *media, struct ctl_found *found);
struct json_object *ctl_json_reserve(const struct ctl_media *media,
				     const struct hostmem_reserve_superblock *sb, bool human);

#endif /* _CTL_MEDIA_H_ */
