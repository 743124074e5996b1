// SPDX-License-Identifier: GPL-2.0
/*
 * The parsers of info blocks, superblocks and ledgers, on the host, with address and undefined
 * behaviour sanitizers: what they accept, what they refuse, and 100,000 mutations.
 *   format [SEED]
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kernel/nd/format.h"

#define MIB (1ULL << 20)
#define SIZE (256 * MIB)
#define SPA (5ULL << 30)
#define MUTATIONS 100000
/* A ledger is four times as large. */
#define LEDGER_MUTATIONS 25000

typedef struct hostmem_reserve_superblock superblock;

static unsigned long long seed = 1;
static unsigned int tests, failed;

static unsigned int rnd(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static void is(const char *name, bool good)
{
	printf("%s %u %s\n", good ? "ok" : "not ok", ++tests, name);
	failed += !good;
}

static struct hostmem_infoblock_fields fields(unsigned int mode, unsigned long long dataoff,
					      unsigned int end_trunc)
{
	struct hostmem_infoblock_fields f = {
		.signature = HOSTMEM_INFOBLOCK_FSDAX,
		.uuid = "0123456789abcdef",
		.version_major = htole16(1),
		.version_minor = htole16(4),
		.dataoff = htole64(dataoff),
		.npfns = htole64((SIZE - dataoff - end_trunc) / 4096),
		.mode = htole32(mode),
		.end_trunc = htole32(end_trunc),
		.align = htole32(2 * MIB),
		.page_size = htole32(4096),
		.page_struct_size = htole16(64),
	};

	return f;
}

static superblock reserve(unsigned int layout, unsigned int operation)
{
	unsigned long long length = 64 * MIB;
	bool tail = layout == HOSTMEM_RESERVE_TAIL;
	superblock sb = {
		.magic = HOSTMEM_RESERVE_MAGIC,
		.version_major = htole16(HOSTMEM_RESERVE_VERSION_MAJOR),
		.layout = htole32(layout),
		.operation = htole32(operation),
		.generation = htole64(1),
		.namespace_size = htole64(SIZE),
		.start = htole64(tail ? SIZE - length : 2 * MIB),
		.length = htole64(length),
		.uuid = { 1 },
		.purpose = "a test",
	};
	struct hostmem_infoblock_fields with =
		tail ? fields(HOSTMEM_INFOBLOCK_DEV, 6 * MIB, length) :
		       fields(HOSTMEM_INFOBLOCK_MEM, 2 * MIB + length, 0);
	struct hostmem_infoblock_fields without = fields(HOSTMEM_INFOBLOCK_DEV, 6 * MIB, 0);

	if (operation == HOSTMEM_RESERVE_DROP) {
		sb.old_block = with;
		sb.new_block = without;
	} else {
		sb.new_block = with;
		if (tail)
			sb.old_block = without;
	}
	hostmem_seal(&sb, sizeof(sb));
	return sb;
}

static bool accepted(superblock *sb, unsigned long long at)
{
	return !hostmem_superblock_check(sb, SIZE, at);
}

static bool changed_is_refused(size_t offset, unsigned long long value, size_t size)
{
	superblock sb = reserve(HOSTMEM_RESERVE_TAIL, HOSTMEM_RESERVE_ADD);

	value = htole64(value);
	memcpy((char *)&sb + offset, &value, size);
	hostmem_seal(&sb, sizeof(sb));
	return !accepted(&sb, SIZE - 4096);
}

#define REFUSED(member, value)								\
	is("refused: " #member " " #value,						\
	   changed_is_refused(offsetof(superblock, member), value,			\
			      sizeof(((superblock *)0)->member) > 8 ? 1 :		\
			      sizeof(((superblock *)0)->member)))

static void test_check(void)
{
	superblock sb = reserve(HOSTMEM_RESERVE_TAIL, HOSTMEM_RESERVE_ADD);

	is("tail, last page", accepted(&sb, SIZE - 4096));
	is("tail, first page", accepted(&sb, SIZE - 64 * MIB));
	is("not in any other page", !accepted(&sb, SIZE - 8192));
	is("not on a larger namespace", hostmem_superblock_check(&sb, 2 * SIZE, SIZE - 4096));
	sb.padding[17] = 1;
	is("checksum", !accepted(&sb, SIZE - 4096));
	sb = reserve(HOSTMEM_RESERVE_TAIL, HOSTMEM_RESERVE_DROP);
	is("drop", accepted(&sb, SIZE - 4096));
	memset(&sb.new_block, 0, sizeof(sb.new_block));
	hostmem_seal(&sb, sizeof(sb));
	is("refused: drop of the whole namespace", !accepted(&sb, SIZE - 4096));
	sb = reserve(HOSTMEM_RESERVE_HEAD, HOSTMEM_RESERVE_ADD);
	is("head", accepted(&sb, 2 * MIB) && accepted(&sb, 66 * MIB - 4096));
	sb.new_block.mode = htole32(HOSTMEM_INFOBLOCK_DEV);
	hostmem_seal(&sb, sizeof(sb));
	is("refused: head with struct pages on the device", !accepted(&sb, 2 * MIB));
	sb = reserve(HOSTMEM_RESERVE_HEAD, HOSTMEM_RESERVE_ADD);
	sb.old_block = fields(HOSTMEM_INFOBLOCK_MEM, 2 * MIB, 0);
	hostmem_seal(&sb, sizeof(sb));
	is("refused: head that moved data", !accepted(&sb, 2 * MIB));
}

static void test_members(void)
{
	REFUSED(magic, 'h');
	REFUSED(version_major, 2);
	REFUSED(layout, 0);
	REFUSED(layout, 3);
	REFUSED(operation, 0);
	REFUSED(operation, 3);
	REFUSED(operation, HOSTMEM_RESERVE_DROP);
	REFUSED(flags, 1);
	REFUSED(generation, 0);
	REFUSED(namespace_size, SIZE / 2);
	REFUSED(start, 0);
	REFUSED(start, SIZE - 62 * MIB);
	REFUSED(start, SIZE - 64 * MIB + 4096);
	REFUSED(start, ~0ULL << 21);
	REFUSED(length, 0);
	REFUSED(length, 4 * MIB);
	REFUSED(length, 62 * MIB);
	REFUSED(length, 64 * MIB + 4096);
	REFUSED(length, ~0ULL << 21);
	REFUSED(uuid, 0);
	REFUSED(purpose, 7);
	REFUSED(purpose, 0);
	REFUSED(padding, 1);
	REFUSED(new_block.signature, 'X');
	REFUSED(new_block.uuid, 'X');
	REFUSED(new_block.parent_uuid, 'X');
	REFUSED(new_block.flags, 1);
	REFUSED(new_block.dataoff, SIZE);
	REFUSED(new_block.dataoff, SIZE - 64 * MIB);
	REFUSED(new_block.mode, 3);
	REFUSED(new_block.start_pad, 4096);
	REFUSED(new_block.end_trunc, 62 * MIB);
	REFUSED(new_block.zero, 1);
	REFUSED(old_block.signature, 'X');
	REFUSED(old_block.dataoff, 8 * MIB);
	REFUSED(old_block.end_trunc, 64 * MIB);
	REFUSED(old_block.end_trunc, 66 * MIB);
}

/* The page as it is when writing the new block over the old one was cut off. */
static void tear(const superblock *sb, unsigned int words, bool random,
		 struct hostmem_infoblock *page)
{
	struct hostmem_infoblock new_page;
	unsigned int i;

	hostmem_infoblock_expand(&sb->old_block, page);
	hostmem_infoblock_expand(&sb->new_block, &new_page);
	for (i = 0; i < HOSTMEM_INFOBLOCK_SIZE / 8; i++) {
		if (random ? rnd(2) : i < words)
			memcpy((char *)page + 8 * i, (char *)&new_page + 8 * i, 8);
	}
}

static bool tears_are_seen(const superblock *sb)
{
	enum hostmem_reserve_state state, before, after;
	struct hostmem_infoblock page, old_page, new_page, scratch;
	unsigned int i;

	hostmem_infoblock_expand(&sb->old_block, &old_page);
	hostmem_infoblock_expand(&sb->new_block, &new_page);
	before = hostmem_superblock_state(sb, &old_page, &scratch);
	after = hostmem_superblock_state(sb, &new_page, &scratch);
	for (i = 0; i < 2000; i++) {
		tear(sb, i, i > HOSTMEM_INFOBLOCK_SIZE / 8, &page);
		state = hostmem_superblock_state(sb, &page, &scratch);
		if (!memcmp(&page, &new_page, sizeof(page)) ? state != after :
		    !memcmp(&page, &old_page, sizeof(page)) ? state != before :
							      state != HOSTMEM_RESERVE_TORN)
			return false;
	}
	return true;
}

static bool state_is(const superblock *sb, const struct hostmem_infoblock *page,
		     enum hostmem_reserve_state state)
{
	struct hostmem_infoblock scratch;

	return hostmem_superblock_state(sb, page, &scratch) == state;
}

static void test_state(void)
{
	superblock add = reserve(HOSTMEM_RESERVE_TAIL, HOSTMEM_RESERVE_ADD);
	superblock drop = reserve(HOSTMEM_RESERVE_TAIL, HOSTMEM_RESERVE_DROP);
	superblock head = reserve(HOSTMEM_RESERVE_HEAD, HOSTMEM_RESERVE_ADD);
	struct hostmem_infoblock page;

	hostmem_infoblock_expand(&add.new_block, &page);
	is("new block of add", state_is(&add, &page, HOSTMEM_RESERVE_ACTIVE));
	is("old block of drop", state_is(&drop, &page, HOSTMEM_RESERVE_ACTIVE));
	page.fields.uuid[3] ^= 1;
	is("another uuid", state_is(&add, &page, HOSTMEM_RESERVE_STALE));
	page.fields.uuid[3] ^= 1;
	page.padding[99] = 1;
	is("not zero behind it", state_is(&add, &page, HOSTMEM_RESERVE_STALE));
	hostmem_infoblock_expand(&add.old_block, &page);
	is("old block of add", state_is(&add, &page, HOSTMEM_RESERVE_UNDONE));
	is("new block of drop", state_is(&drop, &page, HOSTMEM_RESERVE_DROPPED));
	memset(&page, 0, sizeof(page));
	is("no block before", state_is(&head, &page, HOSTMEM_RESERVE_UNDONE));
	is("add cut off", tears_are_seen(&add));
	is("drop cut off", tears_are_seen(&drop));
	is("create cut off", tears_are_seen(&head));
}

static void test_places(void)
{
	superblock head = reserve(HOSTMEM_RESERVE_HEAD, HOSTMEM_RESERVE_ADD);
	__u64 places[HOSTMEM_SUPERBLOCK_PLACES];
	bool first = false, last = false;
	unsigned int i, n;

	n = hostmem_superblock_places(NULL, SPA, SIZE, places);
	for (i = 0; i < n; i++)
		first |= places[i] == 2 * MIB;
	is("places without an info block", n == 2 && places[0] == SIZE - 4096 && first);
	n = hostmem_superblock_places(&head.new_block, SPA, SIZE, places);
	for (i = 0; i < n; i++)
		last |= places[i] == 66 * MIB - 4096;
	is("places with an info block", last);
	is("places on next to nothing", !hostmem_superblock_places(NULL, SPA, 4095, places));
}

static void mutate(void *data, size_t size)
{
	unsigned int n = 1 + rnd(8);

	while (n--) {
		/* Where something is more often than in the padding. */
		size_t at = rnd(2) ? rnd(320) : rnd(size);

		((unsigned char *)data)[at] = rnd(4) ? rnd(256) : rnd(2) ? 0 : 0xff;
	}
}

/* Whatever is accepted lies in the namespace, in front of or behind its data. */
static bool harmless(const superblock *sb)
{
	unsigned long long start = le64toh(sb->start), length = le64toh(sb->length);
	bool drop = le32toh(sb->operation) == HOSTMEM_RESERVE_DROP;
	__u64 offset, data;

	if (start < 8192 || length <= 4 * MIB || start > SIZE || length > SIZE - start)
		return false;
	if (!memchr(sb->purpose, 0, sizeof(sb->purpose)))
		return false;
	if (hostmem_infoblock_place(drop ? &sb->old_block : &sb->new_block, SIZE, &offset, &data))
		return false;
	return offset + data <= start || start + length <= offset;
}

static void test_mutations(void)
{
	unsigned int i, unsealed = 0, sealed = 0, bad = 0, blocks = 0;
	struct hostmem_infoblock page, scratch;
	__u64 places[HOSTMEM_SUPERBLOCK_PLACES], offset, length;
	superblock sb, original;

	for (i = 0; i < MUTATIONS; i++) {
		original = reserve(1 + rnd(2), HOSTMEM_RESERVE_ADD);
		if (!rnd(3))
			original = reserve(HOSTMEM_RESERVE_TAIL, HOSTMEM_RESERVE_DROP);
		hostmem_infoblock_expand(rnd(2) ? &original.new_block : &original.old_block, &page);
		if (rnd(2))
			mutate(&page, sizeof(page));
		if (hostmem_infoblock_whole(&page) &&
		    !hostmem_infoblock_place(&page.fields, SIZE, &offset, &length)) {
			blocks++;
			bad += offset > SIZE || length > SIZE - offset;
		}
		hostmem_superblock_places(&page.fields, SPA, SIZE, places);
		sb = original;
		mutate(&sb, sizeof(sb));
		if (memcmp(&sb, &original, sizeof(sb)))
			unsealed += !hostmem_superblock_check(&sb, SIZE, le64toh(sb.start));
		hostmem_seal(&sb, sizeof(sb));
		if (hostmem_superblock_check(&sb, SIZE, le64toh(sb.start)))
			continue;
		sealed++;
		bad += !harmless(&sb);
		hostmem_superblock_state(&sb, &page, &scratch);
	}
	printf("# %u mutations: %u superblocks and %u info blocks still good\n", MUTATIONS, sealed,
	       blocks);
	is("no mutation passes the checksum", !unsealed);
	is("some pass with a new checksum", sealed && blocks);
	is("none of them reaches beyond the namespace or into the data", !bad);
}

static const __u8 owner[16] = { 7, 7 };

static struct hostmem_ledger ledger_of(unsigned int count)
{
	struct hostmem_ledger ledger = {
		.magic = HOSTMEM_LEDGER_MAGIC,
		.version_major = htole16(HOSTMEM_LEDGER_VERSION_MAJOR),
		.count = htole32(count),
		.generation = htole64(9),
	};
	unsigned int i;

	memcpy(ledger.uuid, owner, sizeof(owner));
	for (i = 0; i < count; i++)
		ledger.entries[i] = (struct hostmem_ledger_entry) {
			.start = htole64(i * 8192ULL),
			.length = htole64(512 << (i % 4)),
			.since = htole64(1700000000 + i),
		};
	hostmem_seal(&ledger, sizeof(ledger));
	return ledger;
}

static bool ledger_accepted(struct hostmem_ledger *ledger)
{
	return !hostmem_ledger_check(ledger, owner, SIZE);
}

static bool entry_accepted(unsigned int i, unsigned long long start, unsigned long long length)
{
	struct hostmem_ledger ledger = ledger_of(3);

	ledger.entries[i].start = htole64(start);
	ledger.entries[i].length = htole64(length);
	hostmem_seal(&ledger, sizeof(ledger));
	return ledger_accepted(&ledger);
}

static bool ledger_changed_is_refused(size_t offset, unsigned char value)
{
	struct hostmem_ledger ledger = ledger_of(3);

	((unsigned char *)&ledger)[offset] = value;
	hostmem_seal(&ledger, sizeof(ledger));
	return !ledger_accepted(&ledger);
}

#define LEDGER_REFUSED(member, value)							\
	is("ledger, refused: " #member " " #value,					\
	   ledger_changed_is_refused(offsetof(struct hostmem_ledger, member), value))

static void test_ledger(void)
{
	struct hostmem_ledger ledger = ledger_of(0);

	is("ledger, empty", ledger_accepted(&ledger));
	ledger = ledger_of(HOSTMEM_LEDGER_ENTRIES);
	is("ledger, full", ledger_accepted(&ledger));
	ledger.entries[5].since ^= 1;
	is("ledger, refused: checksum", !ledger_accepted(&ledger));
	ledger = ledger_of(3);
	is("ledger, refused: of another reserve",
	   hostmem_ledger_check(&ledger, (const __u8 *)"another reserve", SIZE));
	is("ledger, refused: of a larger namespace", hostmem_ledger_check(&ledger, owner, 8192));
	is("ledger, first and last sector", entry_accepted(0, 0, 512) &&
	   entry_accepted(2, SIZE - 512, 512) && entry_accepted(2, 20480, SIZE - 20480));
	is("ledger, refused: beyond the namespace", !entry_accepted(2, SIZE, 512) &&
	   !entry_accepted(2, SIZE - 512, 1024) && !entry_accepted(2, -512ULL, 512) &&
	   !entry_accepted(2, SIZE - 512, -512ULL));
	is("ledger, refused: not whole sectors", !entry_accepted(1, 8193, 512) &&
	   !entry_accepted(1, 8192, 511) && !entry_accepted(1, 8192, 0));
	is("ledger, refused: not ascending", !entry_accepted(1, 0, 512) &&
	   !entry_accepted(1, 512, 512) && !entry_accepted(1, 8192, 8192) &&
	   !entry_accepted(1, 32768, 512));
	LEDGER_REFUSED(magic, 'h');
	LEDGER_REFUSED(magic[15], 'X');
	LEDGER_REFUSED(version_major, 2);
	LEDGER_REFUSED(count, 2);
	LEDGER_REFUSED(count, 4);
	LEDGER_REFUSED(generation, 0);
	LEDGER_REFUSED(zero, 1);
	LEDGER_REFUSED(entries[3], 1);
	LEDGER_REFUSED(entries[HOSTMEM_LEDGER_ENTRIES - 1], 1);
}

static void test_ledger_mutations(void)
{
	unsigned int i, unsealed = 0, sealed = 0, beyond = 0;
	struct hostmem_ledger ledger, original;
	__u32 j;

	for (i = 0; i < LEDGER_MUTATIONS; i++) {
		original = ledger_of(rnd(20));
		ledger = original;
		mutate(&ledger, sizeof(ledger));
		if (memcmp(&ledger, &original, sizeof(ledger)))
			unsealed += ledger_accepted(&ledger);
		hostmem_seal(&ledger, sizeof(ledger));
		if (!ledger_accepted(&ledger))
			continue;
		sealed++;
		for (j = 0; j < le32toh(ledger.count); j++)
			beyond += le64toh(ledger.entries[j].start) > SIZE ||
				  le64toh(ledger.entries[j].length) >
				  SIZE - le64toh(ledger.entries[j].start);
	}
	printf("# %u mutations: %u ledgers still good\n", LEDGER_MUTATIONS, sealed);
	is("ledger, no mutation passes the checksum", !unsealed);
	is("ledger, some pass with a new checksum", sealed);
	is("ledger, none of them reaches beyond the namespace", !beyond);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0) | 1;
	printf("TAP version 13\n# seed %llu\n", seed);
	test_check();
	test_members();
	test_state();
	test_places();
	test_ledger();
	test_mutations();
	test_ledger_mutations();
	printf("1..%u\n", tests);
	return failed ? 1 : 0;
}
