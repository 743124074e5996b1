// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the data and the reserve of a namespace are to be: what the kernel would write into the
 * info block, but for the reserve.
 */
#include <endian.h>
#include <string.h>

#include "media.h"

/* As the kernel counts, even where a struct page is smaller. */
#define PAGE_STRUCT_SIZE 64
#define MIB2 HOSTMEM_RESERVE_ALIGN

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

static uint64_t coarse(const struct hostmem_infoblock_fields *fields)
{
	uint64_t align = le32toh(fields->align);

	return align > MIB2 ? align : MIB2;
}

/* The rest that the alignment leaves at the end. */
void ctl_geometry_stock_end(const struct ctl_media *media,
			    struct hostmem_infoblock_fields *fields)
{
	uint64_t end = (media->spa + media->size) % coarse(fields);

	fields->end_trunc = htole32(end);
	fields->npfns = htole64((media->size - le64toh(fields->dataoff) - end) / CTL_PAGE);
}

static void stock(const struct ctl_media *media, const struct ctl_geometry *want,
		  struct hostmem_infoblock_fields *fields)
{
	uint64_t pages = (media->size - 2 * CTL_PAGE) / CTL_PAGE;
	uint64_t head = 2 * CTL_PAGE;
	uuid_t uuid;

	if (want->map == HOSTMEM_PMEM_MAP_DEV)
		head += PAGE_STRUCT_SIZE * pages;
	memset(fields, 0, sizeof(*fields));
	strcpy((char *)fields->signature, want->mode == HOSTMEM_PMEM_DEVDAX ?
	       HOSTMEM_INFOBLOCK_DEVDAX : HOSTMEM_INFOBLOCK_FSDAX);
	uuid_generate(uuid);
	memcpy(fields->uuid, uuid, sizeof(fields->uuid));
	ndctl_namespace_get_uuid(media->ns, uuid);
	memcpy(fields->parent_uuid, uuid, sizeof(fields->parent_uuid));
	fields->version_major = htole16(1);
	fields->version_minor = htole16(4);
	fields->mode = htole32(want->map == HOSTMEM_PMEM_MAP_DEV ? HOSTMEM_INFOBLOCK_DEV :
								   HOSTMEM_INFOBLOCK_MEM);
	fields->align = htole32(want->align);
	fields->page_size = htole32(CTL_PAGE);
	fields->page_struct_size = htole16(PAGE_STRUCT_SIZE);
	fields->dataoff = htole64(round_up(media->spa + head, coarse(fields)) - media->spa);
	ctl_geometry_stock_end(media, fields);
}

static int too_large(struct ctl_media *media, uint64_t reserve)
{
	return ctl_error(media->ctl, "namespace %s: with a reserve of %s no data is left of its %s; ask for less",
			 media->name, ctl_size_arg(reserve).s, ctl_size_arg(media->size).s);
}

static int misaligned(struct ctl_media *media, uint64_t reserve, uint64_t step, uint64_t rest)
{
	uint64_t below = reserve < rest ? 0 : (reserve - rest) / step * step + rest;

	return ctl_error(media->ctl, "namespace %s: reserve %s would leave the data misaligned to %s; use %s",
			 media->name, ctl_size_arg(reserve).s, ctl_size_arg(step).s,
			 ctl_size_arg(below + step).s);
}

static int check_size(struct ctl_media *media, uint64_t reserve)
{
	if (media->spa % MIB2 || media->size % MIB2)
		return ctl_error(media->ctl, "namespace %s: its address or its size is not a multiple of 2m; it cannot hold a reserve",
				 media->name);
	if (reserve % MIB2)
		return ctl_error(media->ctl, "namespace %s: reserve %s is not a multiple of 2m; use %s",
				 media->name, ctl_size_arg(reserve).s,
				 ctl_size_arg(round_up(reserve, MIB2)).s);
	if (reserve <= HOSTMEM_RESERVE_OVERHEAD)
		return ctl_error(media->ctl, "namespace %s: reserve %s is too small; use at least %s, of which %s serve to manage it",
				 media->name, ctl_size_arg(reserve).s,
				 ctl_size_arg(HOSTMEM_RESERVE_OVERHEAD + MIB2).s,
				 ctl_size_arg(HOSTMEM_RESERVE_OVERHEAD).s);
	return reserve >= media->size ? too_large(media, reserve) : CTL_GO;
}

static int put_tail(struct ctl_media *media, uint64_t reserve,
		    struct hostmem_infoblock_fields *fields)
{
	uint64_t step = coarse(fields), rest = (media->spa + media->size) % step;

	if (reserve > UINT32_MAX)
		return ctl_error(media->ctl, "namespace %s: a reserve of %s does not fit behind the data, where 4g is too much already; use --layout head",
				 media->name, ctl_size_arg(reserve).s);
	if (reserve % step != rest)
		return misaligned(media, reserve, step, rest);
	if (le64toh(fields->dataoff) + reserve + step > media->size)
		return too_large(media, reserve);
	fields->end_trunc = htole32(reserve);
	fields->npfns = htole64((media->size - le64toh(fields->dataoff) - reserve) / CTL_PAGE);
	return CTL_GO;
}

static int put_head(struct ctl_media *media, uint64_t reserve,
		    struct hostmem_infoblock_fields *fields)
{
	uint64_t step = coarse(fields), start = le64toh(fields->dataoff);

	if (reserve % step)
		return misaligned(media, reserve, step, 0);
	if (start + reserve + step > media->size)
		return too_large(media, reserve);
	fields->dataoff = htole64(start + reserve);
	ctl_geometry_stock_end(media, fields);
	return CTL_GO;
}

static void fill(struct ctl_media *media, struct hostmem_reserve_superblock *sb,
		 unsigned int layout, uint64_t start, uint64_t reserve)
{
	uuid_t uuid;

	uuid_generate(uuid);
	memcpy(sb->uuid, uuid, sizeof(sb->uuid));
	strcpy((char *)sb->magic, HOSTMEM_RESERVE_MAGIC);
	sb->version_major = htole16(HOSTMEM_RESERVE_VERSION_MAJOR);
	sb->version_minor = htole16(HOSTMEM_RESERVE_VERSION_MINOR);
	sb->layout = htole32(layout);
	sb->operation = htole32(HOSTMEM_RESERVE_ADD);
	sb->namespace_size = htole64(media->size);
	sb->start = htole64(start);
	sb->length = htole64(reserve);
}

/**
 * ctl_geometry_create - a new namespace with a reserve
 * @media: the namespace, of which nothing stays
 * @want: what it shall be
 * @sb: in: all zero; out: filled but for purpose and generation
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_geometry_create(struct ctl_media *media, const struct ctl_geometry *want,
			struct hostmem_reserve_superblock *sb)
{
	struct hostmem_infoblock_fields *fields = &sb->new_block;
	uint64_t start;
	int rc;

	rc = check_size(media, want->reserve);
	if (rc != CTL_GO)
		return rc;
	stock(media, want, fields);
	if (want->layout == HOSTMEM_RESERVE_TAIL) {
		start = media->size - want->reserve;
		rc = put_tail(media, want->reserve, fields);
	} else {
		start = le64toh(fields->dataoff);
		rc = put_head(media, want->reserve, fields);
	}
	if (rc == CTL_GO)
		fill(media, sb, want->layout, start, want->reserve);
	return rc;
}

/**
 * ctl_geometry_add - a reserve behind the data of a namespace that stays
 * @media: the namespace
 * @want: its reserve
 * @now: its info block
 * @sb: in: all zero; out: filled but for purpose and generation
 *
 * Return: CTL_GO, or CTL_FAILED after a message.
 */
int ctl_geometry_add(struct ctl_media *media, const struct ctl_geometry *want,
		     const struct hostmem_infoblock_fields *now,
		     struct hostmem_reserve_superblock *sb)
{
	int rc;

	rc = check_size(media, want->reserve);
	if (rc != CTL_GO)
		return rc;
	sb->old_block = *now;
	sb->new_block = *now;
	rc = put_tail(media, want->reserve, &sb->new_block);
	if (rc == CTL_GO)
		fill(media, sb, HOSTMEM_RESERVE_TAIL, media->size - want->reserve,
		     want->reserve);
	return rc;
}

/**
 * ctl_geometry_purpose_size - the reserve that a known purpose needs
 * @media: the namespace
 * @purpose: "xen": a struct page_info of 32 bytes and an entry of 8 in the table of machine
 *	frames for each page of the namespace
 *
 * Return: bytes; 0: not a purpose that needs so much.
 */
uint64_t ctl_geometry_purpose_size(const struct ctl_media *media, const char *purpose)
{
	if (!purpose || strcmp(purpose, "xen"))
		return 0;
	return round_up(media->size / CTL_PAGE * (32 + 8), MIB2) + HOSTMEM_RESERVE_OVERHEAD;
}
