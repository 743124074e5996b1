// SPDX-License-Identifier: GPL-2.0
/*
 * What the module makes of damaged media. Info blocks and superblocks are mutated and written
 * to namespace0.0, which is then enabled; the module reports a reserve if and only if the same
 * parser in user space finds one in what was written. Overwrites namespace0.0.
 *   fuzz_reserve [MUTATIONS [SEED]]
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libhostmem.h>
#include <linux/hostmem_nl.h>
#include <ndctl/libndctl.h>

#include "../kernel/nd/format.h"

#define PAGE HOSTMEM_INFOBLOCK_SIZE
#define MIB (1ULL << 20)
#define NAMESPACE "namespace0.0"
#define DEFAULT_MUTATIONS 100

typedef struct hostmem_reserve_superblock superblock;

/* The pages of a namespace with a reserve, as hostmemctl makes them. */
enum { INFO, FIRST, LAST, PAGES };

struct media {
	__u64 at[PAGES];
	unsigned char page[PAGES][PAGE];
};

static const char *const kinds[] = {
	"-m fsdax -M mem -l tail -R 6m",
	"-m fsdax -M mem -l head -R 8m",
	"-m fsdax -M mem -l tail -R 64m",
	"-m fsdax -M dev -l tail -R 6m",
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct fuzz {
	struct ndctl_ctx *ndctl;
	struct ndctl_namespace *ns;
	struct hostmem_ctx *ctx;
	__u64 spa;
	__u64 size;
	struct media kinds[KINDS];
	unsigned int reported;		/* reserves */
	unsigned int enabled;		/* with an info block that the kernel accepted */
	unsigned int wrong;
};

/* What a parser says of the media. */
struct verdict {
	unsigned int layout;		/* 0: no reserve */
	__u64 offset;
	__u64 size;
	char purpose[HOSTMEM_RESERVE_PURPOSE_MAX];
};

static unsigned long long seed = 1;

static unsigned int rnd(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static void die(const char *what, int rc)
{
	printf("# %s: %s\nnot ok 1 %s\n1..1\n", what, strerror(rc < 0 ? -rc : rc), what);
	exit(1);
}

static struct ndctl_namespace *find(struct ndctl_ctx *ndctl)
{
	struct ndctl_namespace *ns;
	struct ndctl_region *region;
	struct ndctl_bus *bus;

	ndctl_bus_foreach(ndctl, bus)
		ndctl_region_foreach(bus, region)
			ndctl_namespace_foreach(region, ns)
				if (!strcmp(ndctl_namespace_get_devname(ns), NAMESPACE))
					return ns;
	return NULL;
}

/* Anew when others have changed it: libndctl would not see that. */
static void look(struct fuzz *fuzz)
{
	if (fuzz->ndctl)
		ndctl_unref(fuzz->ndctl);
	if (ndctl_new(&fuzz->ndctl))
		die("libndctl", ENOMEM);
	fuzz->ns = find(fuzz->ndctl);
}

/* Open the whole namespace, as a block device in raw mode. */
static int take(struct fuzz *fuzz)
{
	char path[64];
	int fd, rc;

	rc = ndctl_namespace_disable_safe(fuzz->ns);
	if (rc >= 0)
		rc = ndctl_namespace_set_raw_mode(fuzz->ns, 1);
	if (rc >= 0)
		rc = ndctl_namespace_enable(fuzz->ns);
	if (rc < 0)
		die("raw mode", rc);
	snprintf(path, sizeof(path), "/dev/%s", ndctl_namespace_get_block_device(fuzz->ns));
	fd = open(path, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		die(path, errno);
	return fd;
}

/* Enable it as what is on the media; the kernel may refuse that. */
static void release(struct fuzz *fuzz, int fd)
{
	int rc;

	close(fd);
	rc = ndctl_namespace_disable_safe(fuzz->ns);
	if (rc >= 0)
		rc = ndctl_namespace_set_raw_mode(fuzz->ns, 0);
	if (rc < 0)
		die("end of raw mode", rc);
	ndctl_namespace_enable(fuzz->ns);
	/* What claims it may come up later. */
	ndctl_bus_wait_probe(ndctl_namespace_get_bus(fuzz->ns));
}

static void transfer(int fd, bool out, __u64 at, void *page)
{
	static unsigned char aligned[PAGE] __attribute__((aligned(PAGE)));
	ssize_t n;

	if (out) {
		memcpy(aligned, page, PAGE);
		n = pwrite(fd, aligned, PAGE, at);
	} else {
		n = pread(fd, aligned, PAGE, at);
		memcpy(page, aligned, PAGE);
	}
	if (n != PAGE)
		die(out ? "write" : "read", n < 0 ? errno : EIO);
}

/* Put the pages there, or zeros in their places. */
static void put(int fd, struct media *media, bool wipe)
{
	unsigned char zero[PAGE] = { 0 };
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		if (media->at[i] + PAGE <= (__u64)lseek(fd, 0, SEEK_END))
			transfer(fd, true, media->at[i], wipe ? zero : media->page[i]);
	}
}

static const superblock *last_of(const struct media *media)
{
	return (const superblock *)media->page[LAST];
}

/* Have hostmemctl make a namespace of that kind, and keep its pages. */
static void make(struct fuzz *fuzz, unsigned int kind)
{
	struct media *media = &fuzz->kinds[kind];
	__u64 places[HOSTMEM_SUPERBLOCK_PLACES];
	struct hostmem_infoblock *block = (void *)media->page[INFO];
	unsigned int i, n;
	char command[256];
	int fd, rc;

	snprintf(command, sizeof(command),
		 "hostmemctl create-namespace -f -e " NAMESPACE " %s >/dev/null 2>&1", kinds[kind]);
	rc = system(command);
	if (rc)
		die(command, EIO);
	look(fuzz);
	fd = take(fuzz);
	media->at[INFO] = HOSTMEM_INFOBLOCK_OFFSET;
	transfer(fd, false, media->at[INFO], block);
	n = hostmem_superblock_places(&block->fields, fuzz->spa, fuzz->size, places);
	for (i = 0; i < n; i++) {
		transfer(fd, false, places[i], media->page[LAST]);
		if (!hostmem_superblock_check((void *)media->page[LAST], fuzz->size, places[i]))
			break;
	}
	if (i == n)
		die("a reserve is not found", ENOENT);
	media->at[FIRST] = le64toh(last_of(media)->start);
	media->at[LAST] = media->at[FIRST] + le64toh(last_of(media)->length) - PAGE;
	memcpy(media->page[FIRST], media->page[LAST], PAGE);
	/* Not to be found later. */
	put(fd, media, true);
	release(fuzz, fd);
}

static void scribble(void *page)
{
	unsigned int n = 1 + rnd(8);

	while (n--) {
		/* Where something is more often than in the padding. */
		unsigned int at = rnd(4) ? rnd(336) : rnd(PAGE);

		((unsigned char *)page)[at] ^= 1 + rnd(255);
	}
}

/* The mutations; each gets a copy of a good namespace. */

static void superblocks_scribbled(struct media *media)
{
	scribble(media->page[FIRST]);
	scribble(media->page[LAST]);
}

static void superblocks_resealed(struct media *media)
{
	scribble(media->page[LAST]);
	hostmem_seal(media->page[LAST], PAGE);
	memcpy(media->page[FIRST], media->page[LAST], PAGE);
}

static void one_scribbled(struct media *media)
{
	scribble(media->page[rnd(2) ? FIRST : LAST]);
}

static void one_resealed(struct media *media)
{
	unsigned int which = rnd(2) ? FIRST : LAST;

	scribble(media->page[which]);
	hostmem_seal(media->page[which], PAGE);
}

static void numbers_resealed(struct media *media)
{
	static const __u64 values[] = { 0, 1, 4095, 4096, 2 * MIB, 4 * MIB, 6 * MIB, 8 * MIB,
					1ULL << 31, 1ULL << 32, 1ULL << 63, ~0ULL, ~0ULL << 21 };
	superblock *sb = (superblock *)media->page[LAST];
	__le64 value = htole64(values[rnd(sizeof(values) / sizeof(values[0]))]);

	switch (rnd(4)) {
	case 0:
		sb->start = value;
		break;
	case 1:
		sb->length = value;
		break;
	case 2:
		sb->namespace_size = value;
		break;
	default:
		sb->generation = value;
		break;
	}
	hostmem_seal(sb, sizeof(*sb));
	memcpy(media->page[FIRST], media->page[LAST], PAGE);
}

/* As a drop that has not begun to write the info block, or has ended. */
static void dropped(struct media *media)
{
	superblock *sb = (superblock *)media->page[LAST];

	sb->operation = htole32(HOSTMEM_RESERVE_DROP);
	sb->old_block = sb->new_block;
	sb->new_block.end_trunc = 0;
	if (rnd(2))
		hostmem_infoblock_expand(&sb->new_block, (void *)media->page[INFO]);
	hostmem_seal(sb, sizeof(*sb));
	memcpy(media->page[FIRST], media->page[LAST], PAGE);
}

static void moved(struct media *media)
{
	media->at[rnd(2) ? FIRST : LAST] += rnd(2) ? PAGE : 2 * MIB - PAGE;
}

static void block_scribbled(struct media *media)
{
	scribble(media->page[INFO]);
}

/* Not the numbers at which the kernel's own parser stumbles. */
static void block_resealed(struct media *media)
{
	struct hostmem_infoblock *block = (void *)media->page[INFO];
	struct hostmem_infoblock_fields *fields = &block->fields;

	switch (rnd(7)) {
	case 0:
		fields->uuid[rnd(16)] ^= 1 + rnd(255);
		break;
	case 1:
		fields->parent_uuid[rnd(16)] ^= 1 + rnd(255);
		break;
	case 2:
		fields->flags = htole32(1 + rnd(1 << 30));
		break;
	case 3:
		fields->npfns = htole64(rnd(1 << 30));
		break;
	case 4:
		fields->zero = htole16(1 + rnd(65535));
		break;
	case 5:
		fields->version_minor = htole16(5 + rnd(9));
		break;
	default:
		block->padding[rnd(sizeof(block->padding))] ^= 1 + rnd(255);
		break;
	}
	hostmem_seal(block, sizeof(*block));
}

/* More or less data than the superblock says. */
static void block_moved(struct media *media)
{
	struct hostmem_infoblock *block = (void *)media->page[INFO];
	struct hostmem_infoblock_fields *fields = &block->fields;
	unsigned long long by = (1 + rnd(8)) * 2 * MIB;

	if (rnd(2))
		fields->end_trunc ^= htole32(by);
	else
		fields->dataoff = htole64(le64toh(fields->dataoff) + by);
	hostmem_seal(block, sizeof(*block));
}

static void block_torn(struct media *media)
{
	const superblock *sb = last_of(media);
	struct hostmem_infoblock old_block;
	unsigned int at;

	hostmem_infoblock_expand(&sb->old_block, &old_block);
	for (at = 8 * rnd(24); at < PAGE; at += 8)
		memcpy(media->page[INFO] + at, (char *)&old_block + at, 8);
}

static void all_scribbled(struct media *media)
{
	superblocks_scribbled(media);
	block_scribbled(media);
}

static const struct mutation {
	const char *name;
	void (*apply)(struct media *media);
	bool never;	/* there is a reserve afterwards */
} mutations[] = {
	{ "both superblocks", superblocks_scribbled, true },
	{ "both superblocks, new checksum", superblocks_resealed, false },
	{ "one superblock", one_scribbled, false },
	{ "one superblock, new checksum", one_resealed, false },
	{ "numbers, new checksum", numbers_resealed, false },
	{ "dropped", dropped, false },
	{ "superblock elsewhere", moved, false },
	{ "info block", block_scribbled, true },
	{ "info block, new checksum", block_resealed, true },
	{ "info block of another size", block_moved, true },
	{ "torn info block", block_torn, true },
	{ "all three", all_scribbled, true },
};

#define MUTATIONS (sizeof(mutations) / sizeof(mutations[0]))

static void read_media(const struct media *media, __u64 at, void *page)
{
	unsigned int i;

	memset(page, 0, PAGE);
	for (i = 0; i < PAGES; i++) {
		if (media->at[i] == at)
			memcpy(page, media->page[i], PAGE);
	}
}

/* What there is on the media, for user space. */
static void parse(const struct fuzz *fuzz, const struct media *media, struct verdict *verdict)
{
	struct hostmem_infoblock block, scratch;
	__u64 places[HOSTMEM_SUPERBLOCK_PLACES];
	unsigned int i, n;
	superblock sb;

	memset(verdict, 0, sizeof(*verdict));
	memcpy(&block, media->page[INFO], sizeof(block));
	if (!hostmem_infoblock_whole(&block))
		return;
	n = hostmem_superblock_places(&block.fields, fuzz->spa, fuzz->size, places);
	for (i = 0; i < n && !verdict->layout; i++) {
		read_media(media, places[i], &sb);
		if (hostmem_superblock_check(&sb, fuzz->size, places[i]) ||
		    hostmem_superblock_state(&sb, &block, &scratch) != HOSTMEM_RESERVE_ACTIVE)
			continue;
		verdict->layout = le32toh(sb.layout);
		verdict->offset = le64toh(sb.start);
		verdict->size = le64toh(sb.length);
		memcpy(verdict->purpose, sb.purpose, sizeof(verdict->purpose));
	}
}

/* What the module says of it; false: nothing at all. */
static bool ask(struct fuzz *fuzz, struct verdict *verdict, unsigned int *mode)
{
	struct hostmem_pmem *pmem;
	int rc;

	memset(verdict, 0, sizeof(*verdict));
	rc = hostmem_pmem_refresh(fuzz->ctx);
	if (rc)
		die("list", rc);
	hostmem_pmem_foreach(fuzz->ctx, pmem) {
		if (strcmp(hostmem_pmem_get_name(pmem), NAMESPACE))
			continue;
		*mode = hostmem_pmem_get_mode(pmem);
		verdict->layout = hostmem_pmem_get_reserve_layout(pmem);
		if (!verdict->layout)
			return true;
		verdict->offset = hostmem_pmem_get_reserve_offset(pmem);
		verdict->size = hostmem_pmem_get_reserve_size(pmem);
		snprintf(verdict->purpose, sizeof(verdict->purpose), "%s",
			 hostmem_pmem_get_reserve_purpose(pmem));
		return true;
	}
	return false;
}

static void judge(struct fuzz *fuzz, const struct mutation *mutation, unsigned int kind,
		  const struct media *media)
{
	struct verdict is, should;
	unsigned int mode = 0;
	bool listed, up;

	parse(fuzz, media, &should);
	listed = ask(fuzz, &is, &mode);
	up = listed && (mode == HOSTMEM_PMEM_FSDAX || mode == HOSTMEM_PMEM_DEVDAX);
	/* A reserve of a namespace that the kernel does not bring up is none. */
	if (!up)
		memset(&should, 0, sizeof(should));
	fuzz->enabled += up;
	fuzz->reported += is.layout != 0;
	if (!memcmp(&is, &should, sizeof(is)) && !(mutation->never && is.layout))
		return;
	fuzz->wrong++;
	printf("# %s, %s, before seed %llu: %s, reserve %u at %#llx of %#llx, should be %u at %#llx of %#llx\n",
	       kinds[kind], mutation->name, seed, up ? "up" : listed ? "raw" : "not there",
	       is.layout, is.offset, is.size, should.layout, should.offset, should.size);
}

static void mutate(struct fuzz *fuzz, unsigned int n)
{
	const struct mutation *mutation = &mutations[n % MUTATIONS];
	static struct media media;
	unsigned int kind = rnd(KINDS);
	int fd = take(fuzz);

	/* Nothing of the one before. */
	if (n)
		put(fd, &media, true);
	media = fuzz->kinds[kind];
	mutation->apply(&media);
	put(fd, &media, false);
	release(fuzz, fd);
	judge(fuzz, mutation, kind, &media);
}

static void run(struct fuzz *fuzz, unsigned int count)
{
	struct mutation none = { "as it was made", NULL, false };
	unsigned int i, good;
	int fd;

	for (i = 0; i < KINDS; i++)
		make(fuzz, i);
	for (i = 0; i < KINDS; i++) {
		fd = take(fuzz);
		put(fd, &fuzz->kinds[i], false);
		release(fuzz, fd);
		good = fuzz->reported;
		judge(fuzz, &none, i, &fuzz->kinds[i]);
		if (fuzz->reported == good)
			printf("# not reported: %s\n", kinds[i]);
		fd = take(fuzz);
		put(fd, &fuzz->kinds[i], true);
		release(fuzz, fd);
	}
	good = fuzz->reported;
	printf("%s 1 reserves that are whole are reported\n", good == KINDS ? "ok" : "not ok");
	for (i = 0; i < count; i++)
		mutate(fuzz, i);
	fd = take(fuzz);
	put(fd, &(struct media){ .at = { HOSTMEM_INFOBLOCK_OFFSET } }, true);
	release(fuzz, fd);
	printf("# %u mutations: %u times the kernel accepted the info block, %u times there was a reserve\n",
	       count, fuzz->enabled - good, fuzz->reported - good);
	printf("%s 2 %u mutations: a reserve is reported if and only if it is whole\n",
	       fuzz->wrong ? "not ok" : "ok", count);
	printf("1..2\n");
	fuzz->wrong += good != KINDS;
}

int main(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : getenv("HOSTMEM_MUTATIONS");
	static struct fuzz fuzz;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0) | 1;
	if (hostmem_new(&fuzz.ctx))
		die("libhostmem", ENOMEM);
	look(&fuzz);
	if (!fuzz.ns) {
		printf("1..0 # SKIP needs an NVDIMM\n");
		return 4;
	}
	fuzz.spa = ndctl_namespace_get_resource(fuzz.ns);
	fuzz.size = ndctl_namespace_get_size(fuzz.ns);
	run(&fuzz, wanted ? strtoul(wanted, NULL, 0) : DEFAULT_MUTATIONS);
	ndctl_unref(fuzz.ndctl);
	hostmem_unref(fuzz.ctx);
	return fuzz.wrong ? 1 : 0;
}
