// SPDX-License-Identifier: GPL-2.0
/*
 * hostmem_slot_size(), virtio-mem's rule for the slots of one region. It only computes: this
 * runs anywhere, without the module.
 *
 * A vhost backend gets one region for each of ours, whatever slots KVM has of it: VMMs set
 * vhost_max and vhost_free to UINT_MAX, as plenty() does. The rule still knows the
 * others, for VMMs that hand out single slots.
 */
#include <limits.h>
#include <libhostmem.h>

#include "harness.h"

#define MIB (1024ULL << 10)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

/* 1 TiB of device memory in one region, and no limit but the rule's own: 256 slots of 4 GiB. */
static struct hostmem_slot_rule plenty(void)
{
	return (struct hostmem_slot_rule) {
		.kvm_max = 32764,
		.kvm_free = 32764,
		.vhost_max = UINT_MAX,
		.vhost_free = UINT_MAX,
		.maxram = TIB + 4 * GIB,
		.ram = 4 * GIB,
		.size = TIB,
		.block_size = 2 * MIB,
	};
}

#define SLOT_SIZE(...)						\
({								\
	struct hostmem_slot_rule rule_ = plenty();		\
								\
	rule_ = with(rule_, (struct change) { __VA_ARGS__ });	\
	hostmem_slot_size(&rule_);				\
})

/* What differs from plenty(); 0 stands for what that says, NONE for 0. */
struct change {
	unsigned int kvm_max, kvm_free, vhost_max, vhost_free, required, used;
	unsigned long long maxram, ram, used_ram, size, block_size;
};

#define NONE (UINT_MAX - 1)

static unsigned int pick(unsigned int change, unsigned int value)
{
	if (change == NONE)
		return 0;
	return change ? change : value;
}

static struct hostmem_slot_rule with(struct hostmem_slot_rule rule, struct change change)
{
	rule.kvm_max = pick(change.kvm_max, rule.kvm_max);
	rule.kvm_free = pick(change.kvm_free, rule.kvm_free);
	rule.vhost_max = pick(change.vhost_max, rule.vhost_max);
	rule.vhost_free = pick(change.vhost_free, rule.vhost_free);
	rule.required = change.required;
	rule.used = change.used;
	rule.used_ram = change.used_ram;
	rule.maxram = change.maxram ? change.maxram : rule.maxram;
	rule.ram = change.ram ? change.ram : rule.ram;
	rule.size = change.size ? change.size : rule.size;
	rule.block_size = change.block_size ? change.block_size : rule.block_size;
	return rule;
}

TEST(plenty_of_slots)
{
	EXPECT_EQ(4 * GIB, SLOT_SIZE());
}

TEST(fewer_than_509_slots_in_all)
{
	EXPECT_EQ(TIB, SLOT_SIZE(.kvm_max = NONE));
	EXPECT_EQ(TIB, SLOT_SIZE(.kvm_max = 508));
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.kvm_max = 509));
	EXPECT_EQ(TIB, SLOT_SIZE(.vhost_max = 508));
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.vhost_max = 509));
	EXPECT_EQ(TIB, SLOT_SIZE(.kvm_max = 509, .vhost_max = 508));
	EXPECT_EQ(TIB, SLOT_SIZE(.kvm_max = 508, .vhost_max = 509));
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.kvm_max = 509, .vhost_max = 509));
}

/* 8 slots, as many vhost-user backends have: one, where they would be told of KVM's slots... */
TEST(backend_of_8_slots)
{
	EXPECT_EQ(TIB, SLOT_SIZE(.vhost_max = 8, .vhost_free = 7));
	EXPECT_EQ(16 * GIB, SLOT_SIZE(.vhost_max = 8, .size = 16 * GIB));
	EXPECT_EQ(GIB, SLOT_SIZE(.vhost_max = 8, .size = 64 * MIB));
	/* ...but they are told of regions, and that does not limit KVM. */
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.vhost_max = UINT_MAX, .vhost_free = UINT_MAX));
}

TEST(all_others_require)
{
	/* 256 less what is required, here all of which is used. */
	EXPECT_EQ(4 * GIB + 18 * MIB, SLOT_SIZE(.required = 1, .used = 1));
	EXPECT_EQ(8 * GIB, SLOT_SIZE(.required = 128, .used = 128));
	EXPECT_EQ(TIB / 2, SLOT_SIZE(.required = 254, .used = 254));
	EXPECT_EQ(TIB, SLOT_SIZE(.required = 255, .used = 255));
	EXPECT_EQ(TIB, SLOT_SIZE(.required = 256, .used = 256));
	EXPECT_EQ(TIB, SLOT_SIZE(.required = 257, .used = 257));
	EXPECT_EQ(TIB, SLOT_SIZE(.required = UINT_MAX, .used = UINT_MAX));
}

/* What is required and not yet used has to stay free. */
TEST(free_and_reserved)
{
	EXPECT_EQ(TIB, SLOT_SIZE(.kvm_free = NONE));
	EXPECT_EQ(TIB, SLOT_SIZE(.kvm_free = 1));
	EXPECT_EQ(TIB / 2, SLOT_SIZE(.kvm_free = 2));
	EXPECT_EQ(TIB / 2, SLOT_SIZE(.vhost_free = 2));
	EXPECT_EQ(TIB / 4, SLOT_SIZE(.kvm_free = 8, .vhost_free = 4));
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.kvm_free = 256));
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.kvm_free = 257));
	/* 6 reserved */
	EXPECT_EQ(TIB, SLOT_SIZE(.kvm_free = 5, .required = 10, .used = 4));
	EXPECT_EQ(TIB, SLOT_SIZE(.kvm_free = 6, .required = 10, .used = 4));
	EXPECT_EQ(TIB, SLOT_SIZE(.kvm_free = 7, .required = 10, .used = 4));
	EXPECT_EQ(TIB / 2, SLOT_SIZE(.kvm_free = 8, .required = 10, .used = 4));
	EXPECT_EQ(TIB, SLOT_SIZE(.vhost_free = 6, .required = 10, .used = 4));
	EXPECT_EQ(TIB / 2, SLOT_SIZE(.vhost_free = 8, .required = 10, .used = 4));
	/* Others use more than was foreseen: nothing is reserved, and it does not wrap. */
	EXPECT_EQ(TIB / 2, SLOT_SIZE(.kvm_free = 2, .required = 4, .used = 10));
	EXPECT_EQ(TIB / 2, SLOT_SIZE(.kvm_free = 2, .used = UINT_MAX));
}

/* Regions share by size what has not been decided on. */
TEST(shares)
{
	/* Two halves: 128 slots each. */
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.size = TIB / 2));
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.size = TIB / 2, .used_ram = TIB / 2,
				     .required = 128, .used = 128));
	/* The last one may have all that is left. */
	EXPECT_EQ(2 * GIB, SLOT_SIZE(.size = TIB / 2, .used_ram = TIB / 2));
	/* A quarter of 100. */
	EXPECT_EQ(TIB / 100 - TIB / 100 % (2 * MIB) + 2 * MIB,
		  SLOT_SIZE(.size = TIB / 4, .kvm_free = 100));
	/* 1.5 of 256, rounded down; less than one is one. */
	EXPECT_EQ(6 * GIB, SLOT_SIZE(.size = 6 * GIB));
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.size = 8 * GIB));
	EXPECT_EQ(2 * GIB, SLOT_SIZE(.size = 2 * GIB));
	/* Nothing else can come: its share is all, also where the VMM says 0 is left. */
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.used_ram = TIB));
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.maxram = 2 * GIB));
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.maxram = 4 * GIB + TIB / 2));
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.used_ram = TIB / 2));
	EXPECT_EQ(TIB, SLOT_SIZE(.used_ram = ULLONG_MAX - GIB));
}

TEST(no_smaller_than_1_gib)
{
	EXPECT_EQ(GIB, SLOT_SIZE(.size = 256 * GIB, .maxram = 260 * GIB));
	EXPECT_EQ(GIB, SLOT_SIZE(.size = 255 * GIB, .maxram = 259 * GIB));
	EXPECT_EQ(GIB + 2 * MIB, SLOT_SIZE(.size = 256 * GIB + 2 * MIB,
					   .maxram = 260 * GIB + 2 * MIB));
	EXPECT_EQ(GIB, SLOT_SIZE(.size = 2 * MIB, .maxram = 4 * GIB + 2 * MIB));
}

/* Rounded up to a block; the region's last slot is what remains. */
TEST(last_slot)
{
	unsigned long long slot = SLOT_SIZE(.size = TIB + 2 * MIB,
					    .maxram = TIB + 4 * GIB + 2 * MIB);

	EXPECT_EQ(4 * GIB + 2 * MIB, slot);
	EXPECT_EQ(255, (TIB + 2 * MIB) / slot);
	EXPECT_EQ(4 * GIB - 508 * MIB, (TIB + 2 * MIB) % slot);
	slot = SLOT_SIZE(.size = 10 * GIB + 2 * MIB, .maxram = 14 * GIB + 2 * MIB);
	EXPECT_EQ(GIB, slot);
	EXPECT_EQ(2 * MIB, (10 * GIB + 2 * MIB) % slot);
}

TEST(blocks_larger_than_1_gib)
{
	EXPECT_EQ(GIB, SLOT_SIZE(.size = 64 * GIB, .maxram = 68 * GIB, .block_size = GIB));
	EXPECT_EQ(2 * GIB, SLOT_SIZE(.size = 64 * GIB, .maxram = 68 * GIB,
				     .block_size = 2 * GIB));
	EXPECT_EQ(4 * GIB, SLOT_SIZE(.block_size = 2 * GIB));
	EXPECT_EQ(16 * GIB, SLOT_SIZE(.block_size = 16 * GIB));
	EXPECT_EQ(TIB, SLOT_SIZE(.block_size = TIB));
	EXPECT_EQ(512 * GIB, SLOT_SIZE(.block_size = 256 * GIB, .kvm_free = 3));
}

TEST(impossible)
{
	struct hostmem_slot_rule rule = plenty();

	rule.size = 0;
	EXPECT_EQ(0, hostmem_slot_size(&rule));
	rule = plenty();
	rule.block_size = 0;
	EXPECT_EQ(0, hostmem_slot_size(&rule));
	/* Rounded up it would be 2^64. */
	EXPECT_EQ(0, SLOT_SIZE(.size = ULLONG_MAX, .kvm_max = 1));
	EXPECT_EQ(1ULL << 63, SLOT_SIZE(.size = 1ULL << 63, .kvm_max = 1));
	EXPECT_EQ(1ULL << 55, SLOT_SIZE(.size = 1ULL << 63, .maxram = ULLONG_MAX,
					.ram = ULLONG_MAX - (1ULL << 63)));
}

/* The rule once more, word by word from its description, and what it promises. */
static unsigned int limit_of(const struct hostmem_slot_rule *r)
{
	long long max = r->vhost_max < r->kvm_max ? r->vhost_max : r->kvm_max;
	long long free = r->vhost_free < r->kvm_free ? r->vhost_free : r->kvm_free;
	long long reserved = r->required > r->used ? (long long)r->required - r->used : 0;
	long long n = 256 - (long long)r->required;

	if (max < 509 || r->required >= 256)
		return 1;
	if (free - reserved < n)
		n = free - reserved;
	if (n < 1)
		return 1;
	if (r->size != r->maxram - r->ram)
		n = (double)n * r->size / (r->maxram - r->ram - r->used_ram);
	return n < 1 ? 1 : n;
}

TEST(sweep)
{
	static const unsigned int counts[] = { 0, 1, 2, 7, 255, 256, 508, 509, 32764 };
	const unsigned int nr = sizeof(counts) / sizeof(*counts);
	struct hostmem_slot_rule r = plenty();
	unsigned long long slot;
	unsigned int limit, i;

	for (i = 0; i < nr * nr * nr * nr * 16; i++) {
		r.kvm_max = counts[i % nr];
		r.kvm_free = counts[i / nr % nr];
		r.required = counts[i / nr / nr % nr];
		r.used = counts[i / nr / nr / nr % nr];
		r.block_size = 2 * MIB << i % 13;
		r.size = r.block_size * (1 + i % 509);
		r.used_ram = r.size * (i % 3);
		r.maxram = r.ram + r.used_ram + r.size * (1 + i % 5);
		limit = limit_of(&r);
		slot = hostmem_slot_size(&r);
		ASSERT_EQ(0, slot % r.block_size);
		ASSERT_LE(GIB, slot);
		ASSERT_GE(limit, (r.size + slot - 1) / slot);
		/* No larger than needed. */
		if (slot > GIB && slot > r.block_size)
			ASSERT_LT((slot - r.block_size) * limit, r.size);
	}
}

TEST_HARNESS_MAIN
