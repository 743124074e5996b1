// SPDX-License-Identifier: GPL-2.0
/*
 * What all regions of ram hold together is limited: what counts, what happens at the limit,
 * and who may still use what.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "harness.h"
#include "kvm.h"
#include "lib.h"

#define MIB (1ULL << 20)
#define PAGE 4096
#define ROOM (16 * MIB)
#define SIZE (64 * MIB)
#define RW (PROT_READ | PROT_WRITE)

/* What one fault may bring in. */
#define SLACK (2 * MIB)

static __u64 used(void)
{
	struct hostmem_info info;

	hm_limits(&info);
	return info.out_ram_used;
}

static __u64 limit(void)
{
	struct hostmem_info info;

	hm_limits(&info);
	return info.out_ram_limit;
}

static int set_limit(__u64 bytes)
{
	char option[32];

	snprintf(option, sizeof(option), "size=%llu", bytes);
	return _hm_remount(option);
}

/* Write to one page after the other until one cannot be; how many bytes that were. */
static __u64 touch(char *p, __u64 length)
{
	__u64 at;

	for (at = 0; at < length; at += PAGE) {
		if (hm_write_faults(p + at, 't'))
			break;
	}
	return at;
}

/* A limit 16 MiB above what there is, and an on-demand region that is larger. */
FIXTURE(limit) {
	__u64 before;
	int fd;
	char *p;
};

FIXTURE_VARIANT(limit) {
	__u32 huge;
};

FIXTURE_VARIANT_ADD(limit, huge) {
	.huge = HOSTMEM_HUGE_ALWAYS,
};

FIXTURE_VARIANT_ADD(limit, small) {
	.huge = HOSTMEM_HUGE_NEVER,
};

static int make_region(__u32 huge, __u32 allocation)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);

	cmd.huge = huge;
	cmd.allocation = allocation;
	return hm_create_raw(&cmd);
}

FIXTURE_SETUP(limit)
{
	self->fd = make_region(variant->huge, HOSTMEM_ALLOCATION_ONDEMAND);
	hm_plug(self->fd, 0, SIZE);
	self->p = hm_map(self->fd, 0, SIZE, RW);
	self->before = used();
	ASSERT_EQ(0, set_limit(self->before + ROOM));
}

FIXTURE_TEARDOWN(limit)
{
	hm_remount(HM_MOUNT_DEFAULTS);
	munmap(self->p, SIZE);
	close(self->fd);
}

TEST(default_is_half)
{
	__u64 half = hm_meminfo("MemTotal") / 2;

	EXPECT_EQ(half - half % PAGE, limit());
}

TEST(size)
{
	static const char *const wrong[] = {
		"size=", "size=x", "size=-1", "size=%", "size=101%", "size=5%%", "size=5%x",
		"size=1 2", "size=16mx", "size=0x10", "size=m", "size=18446744073709551616",
		"size=99999999999999999999999999", "size=17592186044416m",
	};
	__u64 total = hm_meminfo("MemTotal"), before = limit();
	unsigned int i;

	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++) {
		EXPECT_NE(0, _hm_remount(wrong[i])) {
			TH_LOG("'%s' was taken", wrong[i]);
		}
	}
	EXPECT_NE(0, set_limit(total + PAGE));
	EXPECT_EQ(before, limit());

	hm_remount("size=25%");
	EXPECT_EQ(total * 25 / 100 / PAGE, limit() / PAGE);
	hm_remount("size=100%");
	EXPECT_EQ(total, limit());
	hm_remount("size=16m");
	EXPECT_EQ(16 * MIB, limit());
	hm_remount("size=17M");
	EXPECT_EQ(17 * MIB, limit());
	EXPECT_EQ(0, set_limit(0));
	EXPECT_EQ(0, limit());
	EXPECT_EQ(0, set_limit(512 * MIB));
	EXPECT_EQ(512 * MIB, limit());
	/* A remount that says nothing of it leaves it as it is. */
	hm_remount("huge=always");
	EXPECT_EQ(512 * MIB, limit());
	hm_remount(HM_MOUNT_DEFAULTS);
	EXPECT_EQ(before, limit());
}

/* What df tells. */
TEST_F(limit, statfs)
{
	struct statfs st;

	HM_OK(statfs(HM_DIR, &st));
	EXPECT_EQ(HOSTMEM_SUPER_MAGIC, st.f_type);
	EXPECT_EQ(PAGE, st.f_bsize);
	EXPECT_EQ((self->before + ROOM) / PAGE, st.f_blocks);
	EXPECT_EQ(ROOM / PAGE, st.f_bfree);
	EXPECT_EQ(ROOM / PAGE, st.f_bavail);
	hm_preallocate(self->fd, 0, 2 * HM_BLOCK);
	HM_OK(statfs(HM_DIR, &st));
	EXPECT_EQ((ROOM - 2 * HM_BLOCK) / PAGE, st.f_bfree);
	/* It is never less than nothing. */
	EXPECT_EQ(0, set_limit(PAGE));
	HM_OK(statfs(HM_DIR, &st));
	EXPECT_EQ(1, st.f_blocks);
	EXPECT_EQ(0, st.f_bfree);
}

TEST_F(limit, what_counts)
{
	__u64 page = variant->huge == HOSTMEM_HUGE_ALWAYS ? HM_BLOCK : PAGE;
	char *q;

	/* Not what is plugged, not what is mapped: what is there, once. */
	EXPECT_EQ(self->before, used());
	self->p[0] = 1;
	EXPECT_EQ(self->before + page, used());
	q = hm_map(self->fd, 0, SIZE, RW);
	q[0] = 1;
	EXPECT_EQ(self->before + page, used());
	q[HM_BLOCK] = 1;
	EXPECT_EQ(self->before + 2 * page, used());
	munmap(q, SIZE);
	EXPECT_EQ(self->before + 2 * page, used());
	hm_preallocate(self->fd, 2 * HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(self->before + 2 * page + HM_BLOCK, used());

	hm_unplug(self->fd, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(self->before + page + HM_BLOCK, used());
	HM_OK(madvise(self->p, HM_BLOCK, MADV_REMOVE));
	EXPECT_EQ(self->before + HM_BLOCK, used());
	hm_destroy(self->fd, HOSTMEM_DESTROY_FORCE);
	EXPECT_EQ(self->before, used());
}

TEST_F(limit, the_last_close)
{
	int fd = make_region(variant->huge, HOSTMEM_ALLOCATION_IMMEDIATE);
	int i;

	hm_plug(fd, 0, 4 * HM_BLOCK);
	EXPECT_EQ(self->before + 4 * HM_BLOCK, used());
	close(fd);
	/* The last reference to the file is dropped by whoever comes by. */
	for (i = 0; i < 100 && used() != self->before; i++)
		usleep(10000);
	EXPECT_EQ(self->before, used());
}

TEST_F(limit, fault)
{
	__u64 n = touch(self->p, SIZE);
	int other;
	char *q;

	EXPECT_LE(ROOM, n);
	EXPECT_GE(ROOM + SLACK, n);
	EXPECT_LE(used(), limit() + SLACK);
	/* What is there stays usable, through new mappings, too. */
	EXPECT_EQ(n, touch(self->p, n));
	q = hm_map(self->fd, 0, SIZE, RW);
	EXPECT_EQ(n, touch(q, SIZE));
	/* A read makes a page as well as a write. */
	EXPECT_TRUE(hm_read_faults(q + SIZE - PAGE));
	munmap(q, SIZE);
	/* The limit is everybody's. */
	other = make_region(variant->huge, HOSTMEM_ALLOCATION_ONDEMAND);
	hm_plug(other, 0, SIZE);
	q = hm_map(other, 0, SIZE, RW);
	EXPECT_EQ(0, touch(q, SIZE));
	munmap(q, SIZE);
	close(other);
	/* And what is given back can be used again. */
	HM_OK(madvise(self->p, 4 * HM_BLOCK, MADV_REMOVE));
	EXPECT_EQ(4 * HM_BLOCK, touch(self->p, 4 * HM_BLOCK));
	EXPECT_TRUE(hm_write_faults(self->p + n, 't'));
	EXPECT_EQ(0, set_limit(limit() + 2 * HM_BLOCK));
	EXPECT_FALSE(hm_write_faults(self->p + n, 't'));
}

TEST_F(limit, lowered)
{
	__u64 n = 4 * HM_BLOCK;

	EXPECT_EQ(n, touch(self->p, n));
	EXPECT_EQ(0, set_limit(0));
	EXPECT_EQ(n, touch(self->p, SIZE));
	EXPECT_EQ(self->before + n, used());
}

TEST_F(limit, system_call)
{
	int zero = HM_OK(open("/dev/zero", O_RDONLY));

	touch(self->p, SIZE);
	HM_ERR(EFAULT, read(zero, self->p + SIZE - PAGE, PAGE));
	EXPECT_EQ(PAGE, read(zero, self->p, PAGE));
	close(zero);
	/* It faults in as a store does. */
	HM_ERR(EFAULT, madvise(self->p, SIZE, MADV_POPULATE_WRITE));
	EXPECT_LE(used(), limit() + SLACK);
}

TEST_F(limit, preallocate)
{
	hm_preallocate(self->fd, 0, 2 * HM_BLOCK);
	EXPECT_EQ(self->before + 2 * HM_BLOCK, used());
	EXPECT_EQ(-1, _hm_preallocate(self->fd, 0, SIZE));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(self->before + 2 * HM_BLOCK, used());
	/* All but what is left of it. */
	hm_preallocate(self->fd, 0, ROOM);
	/* At the limit there is nothing to allocate. */
	hm_preallocate(self->fd, 0, ROOM);
	EXPECT_EQ(-1, _hm_preallocate(self->fd, ROOM, PAGE));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(self->before + ROOM, used());
}

TEST_F(limit, plug)
{
	int fd = make_region(variant->huge, HOSTMEM_ALLOCATION_IMMEDIATE);
	struct hostmem_region_info info;

	hm_plug(fd, 0, 2 * HM_BLOCK);
	hm_plug_err(ENOSPC, fd, 2 * HM_BLOCK, SIZE - 2 * HM_BLOCK);
	hm_info(fd, &info);
	EXPECT_EQ(2 * HM_BLOCK, info.out_plugged);
	EXPECT_EQ(self->before + 2 * HM_BLOCK, used());
	hm_plug(fd, 2 * HM_BLOCK, ROOM - 2 * HM_BLOCK);
	hm_plug_err(ENOSPC, fd, ROOM, HM_BLOCK);
	/* Where allocation is on demand plugging takes none. */
	hm_unplug(self->fd, 0, SIZE);
	hm_plug(self->fd, 0, SIZE);
	close(fd);
}

TEST_F(limit, vcpu)
{
	/* mov byte [ebx], 1; add ebx, 4096; jmp to the start */
	static const __u8 code[] = {
		0xc6, 0x03, 0x01, 0x81, 0xc3, 0x00, 0x10, 0x00, 0x00, 0xeb, 0xf5,
	};
	struct kvm_regs regs;
	struct hm_kvm k;

	if (!hm_kvm_available())
		SKIP(return, "no KVM");
	k = hm_kvm_new();
	hm_kvm_boot(&k, code, sizeof(code));
	hm_kvm_slot(&k, 1, 1 << 30, SIZE, self->p);
	hm_kvm_set(&k, (struct kvm_regs) { .rbx = 1 << 30 });
	EXPECT_EQ(-1, hm_kvm_run(&k));
	EXPECT_EQ(EFAULT, errno);
	HM_OK(ioctl(k.vcpu, KVM_GET_REGS, &regs));
	EXPECT_LE(ROOM, regs.rbx - (1 << 30));
	EXPECT_GE(ROOM + SLACK, regs.rbx - (1 << 30));
	/* It goes on from there when there is room. */
	HM_OK(madvise(self->p, HM_BLOCK, MADV_REMOVE));
	EXPECT_EQ(-1, hm_kvm_run(&k));
	EXPECT_LE(used(), limit() + SLACK);
	hm_kvm_free(&k);
}

#define THREADS 4

struct part {
	pthread_t thread;
	char *p;
	__u64 done;
};

static void *touch_part(void *arg)
{
	struct part *part = arg;

	part->done = touch(part->p, SIZE / THREADS);
	return NULL;
}

TEST_F(limit, threads)
{
	struct part parts[THREADS];
	__u64 done = 0;
	int i;

	for (i = 0; i < THREADS; i++) {
		parts[i].p = self->p + SIZE / THREADS * i;
		ASSERT_EQ(0, pthread_create(&parts[i].thread, NULL, touch_part, &parts[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(parts[i].thread, NULL);
		done += parts[i].done;
	}
	EXPECT_LE(ROOM, done);
	EXPECT_LE(used(), limit() + (1 + THREADS) * SLACK);
}

TEST_HARNESS_MAIN
