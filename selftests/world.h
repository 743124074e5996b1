/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A region and its views that a test can do anything with, and whether a call that failed
 * left everything as it was.
 */
#ifndef _HOSTMEM_SELFTEST_WORLD_H
#define _HOSTMEM_SELFTEST_WORLD_H

#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"

#define BLOCKS 4
#define SIZE (BLOCKS * HM_BLOCK)

/*
 * A named region with its first block plugged: its file by O_PATH, an owner's fd and two data
 * views.
 */
struct world {
	char name[HM_NAME_MAX];
	int file;
	int owner;
	int data;
	int victim;
	__u64 words[1];
	struct hostmem_slot slots[BLOCKS];
};

static inline void world_make(struct world *w)
{
	w->owner = hm_create_named(hm_name(w->name), SIZE);
	hm_plug(w->owner, 0, HM_BLOCK);
	w->file = hm_open_node(w->name, O_PATH);
	w->data = hm_open_node(w->name, O_RDWR);
	w->victim = hm_open_node(w->name, O_RDWR);
}

static inline void world_end(struct world *w)
{
	_hm_destroy(w->owner, HOSTMEM_DESTROY_FORCE);
	close(w->file);
	close(w->owner);
	close(w->data);
	close(w->victim);
}

/* All that a call that fails must leave as it was. */
struct snap {
	struct hostmem_region_info info;
	__u64 words[1];
	__u32 regions;
	int fds;
};

static inline void snap(struct snap *s, int fd)
{
	struct hostmem_info limits;

	memset(s, 0, sizeof(*s));
	hm_info(fd, &s->info);
	hm_blocks(fd, 0, s->info.out_size, s->words, NULL);
	hm_limits(&limits);
	s->regions = limits.out_regions;
	s->fds = hm_count_fds();
}

static inline const char *snap_differs(const struct snap *old, int fd)
{
	struct snap new;

	snap(&new, fd);
	if (old->info.out_generation != new.info.out_generation)
		return "generation";
	if (memcmp(&old->info, &new.info, sizeof(new.info)))
		return "region info";
	if (old->words[0] != new.words[0])
		return "blocks";
	if (old->regions != new.regions)
		return "number of regions";
	return old->fds != new.fds ? "number of fds" : NULL;
}

#define EXPECT_UNCHANGED(_old, _fd)					\
	do {								\
		const char *what_ = snap_differs(_old, _fd);		\
									\
		EXPECT_EQ(NULL, what_) {				\
			TH_LOG("a call that failed changed the %s", what_); \
		}							\
	} while (0)

#endif /* _HOSTMEM_SELFTEST_WORLD_H */
