// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of a region and what its files can do: plug, unplug, blocks, slots, revoke and
 * destroy, each errno with all else valid, also while another call is under way; poll, lseek.
 */
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"
#include "world.h"

/* Ranges, blocks and slots */

FIXTURE(region) {
	struct world w;
	struct snap before;
	int log;
};

FIXTURE_SETUP(region)
{
	world_make(&self->w);
	hm_control();
	self->log = hm_log_open();
	snap(&self->before, self->w.owner);
}

FIXTURE_TEARDOWN(region)
{
	EXPECT_TRUE(hm_log_quiet(self->log));
	world_end(&self->w);
}

typedef int (*range_fn)(int fd, __u64 start, __u64 length);

static int range_blocks(int fd, __u64 start, __u64 length)
{
	__u64 words[8];

	return _hm_blocks(fd, start, length, words, NULL);
}

static const range_fn range_calls[] = {
	_hm_plug, _hm_unplug, _hm_preallocate, range_blocks,
};

#define for_each_range_call(_fn) \
	for (const range_fn *_fn = range_calls; \
	     _fn < range_calls + HM_ARRAY_SIZE(range_calls); _fn++)

TEST_F(region, range_overflow)
{
	for_each_range_call(fn) {
		HM_ERR(EOVERFLOW, (*fn)(self->w.owner, -HM_BLOCK, HM_BLOCK));
		HM_ERR(EOVERFLOW, (*fn)(self->w.owner, -HM_BLOCK, 2 * HM_BLOCK));
		HM_ERR(EOVERFLOW, (*fn)(self->w.owner, HM_BLOCK, -HM_BLOCK));
		HM_ERR(EOVERFLOW, (*fn)(self->w.owner, ~0ULL, ~0ULL));
	}
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

TEST_F(region, range_misaligned)
{
	for_each_range_call(fn) {
		const __u64 unit = *fn == _hm_preallocate ? 4096 : HM_BLOCK;

		HM_ERR(EINVAL, (*fn)(self->w.owner, 0, 0));
		HM_ERR(EINVAL, (*fn)(self->w.owner, SIZE, 0));
		HM_ERR(EINVAL, (*fn)(self->w.owner, 1, unit));
		HM_ERR(EINVAL, (*fn)(self->w.owner, unit / 2, unit));
		HM_ERR(EINVAL, (*fn)(self->w.owner, 0, unit - 1));
		HM_ERR(EINVAL, (*fn)(self->w.owner, 0, unit / 2));
		HM_ERR(EINVAL, (*fn)(self->w.owner, 0, unit + 1));
	}
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

TEST_F(region, range_beyond_the_end)
{
	for_each_range_call(fn) {
		HM_ERR(ENOENT, (*fn)(self->w.owner, SIZE, HM_BLOCK));
		HM_ERR(ENOENT, (*fn)(self->w.owner, 0, SIZE + HM_BLOCK));
		HM_ERR(ENOENT, (*fn)(self->w.owner, SIZE - HM_BLOCK, 2 * HM_BLOCK));
		HM_ERR(ENOENT, (*fn)(self->w.owner, 1ULL << 62, HM_BLOCK));
	}
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

TEST_F(region, plug_and_unplug)
{
	struct hostmem_region_info info;
	__u64 words[1], generation;

	hm_plug(self->w.owner, HM_BLOCK, 3 * HM_BLOCK);
	hm_blocks(self->w.owner, 0, SIZE, words, &generation);
	EXPECT_EQ(0xf, words[0]);
	hm_info(self->w.owner, &info);
	EXPECT_EQ(SIZE, info.out_plugged);
	EXPECT_EQ(generation, info.out_generation);
	EXPECT_LT(self->before.info.out_generation, generation);

	hm_unplug(self->w.owner, HM_BLOCK, HM_BLOCK);
	hm_blocks(self->w.owner, 0, SIZE, words, NULL);
	EXPECT_EQ(0xd, words[0]);
	hm_info(self->w.owner, &info);
	EXPECT_EQ(3 * HM_BLOCK, info.out_plugged);
	EXPECT_LT(generation, info.out_generation);
}

/* All of a range or nothing. */
TEST_F(region, plug_plugged)
{
	hm_plug_err(EEXIST, self->w.owner, 0, HM_BLOCK);
	hm_plug_err(EEXIST, self->w.owner, 0, SIZE);
	EXPECT_UNCHANGED(&self->before, self->w.owner);
	hm_plug(self->w.owner, 2 * HM_BLOCK, HM_BLOCK);
	snap(&self->before, self->w.owner);
	hm_plug_err(EEXIST, self->w.owner, HM_BLOCK, 3 * HM_BLOCK);
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

TEST_F(region, unplug_unplugged)
{
	hm_unplug_err(ENOENT, self->w.owner, HM_BLOCK, HM_BLOCK);
	hm_unplug_err(ENOENT, self->w.owner, 0, 2 * HM_BLOCK);
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

TEST_F(region, preallocate)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);
	char *p;
	int fd;

	cmd.huge = HOSTMEM_HUGE_NEVER;
	fd = hm_create_raw(&cmd);
	p = hm_map(fd, 0, SIZE, PROT_READ);
	hm_plug(fd, 0, HM_BLOCK);
	EXPECT_EQ(0, hm_cached_pages(p, SIZE));
	hm_preallocate(fd, 4096, 3 * 4096);
	EXPECT_EQ(3, hm_cached_pages(p, SIZE));
	EXPECT_EQ(3, hm_cached_pages(p + 4096, 3 * 4096));
	hm_preallocate(fd, 0, HM_BLOCK);
	EXPECT_EQ(512, hm_cached_pages(p, SIZE));
	/* Again, and nothing happens. */
	hm_preallocate(fd, 0, HM_BLOCK);
	EXPECT_EQ(512, hm_cached_pages(p, SIZE));
	EXPECT_TRUE(hm_is_filled(p, 0, HM_BLOCK));
	munmap(p, SIZE);
	close(fd);
}

/* The part before the unplugged block was allocated, and is given back. */
TEST_F(region, preallocate_unplugged)
{
	void *p = hm_map(self->w.owner, 0, SIZE, PROT_READ);

	snap(&self->before, self->w.owner);
	hm_preallocate_err(ENOENT, self->w.owner, HM_BLOCK, HM_BLOCK);
	hm_preallocate_err(ENOENT, self->w.owner, HM_BLOCK, 4096);
	hm_preallocate_err(ENOENT, self->w.owner, 0, 2 * HM_BLOCK);
	EXPECT_EQ(0, hm_cached_pages(p, SIZE));
	EXPECT_UNCHANGED(&self->before, self->w.owner);
	munmap(p, SIZE);
}

static __u64 block_pattern(int blocks)
{
	return blocks >= 64 ? ~0ULL : (1ULL << blocks) - 1;
}

/* Words in which bits beyond the range are 0, and nothing is written behind them. */
TEST_F(region, blocks)
{
	int fd = hm_create(130 * HM_BLOCK);
	__u64 words[5];

	hm_plug(fd, 0, 130 * HM_BLOCK);
	for (int n = 1; n <= 130; n++) {
		memset(words, 0xaa, sizeof(words));
		hm_blocks(fd, 0, n * HM_BLOCK, words, NULL);
		for (int i = 0; i < 4; i++) {
			const __u64 want = i * 64 < n ? block_pattern(n - i * 64) :
							0xaaaaaaaaaaaaaaaaULL;

			EXPECT_EQ(want, words[i]);
		}
	}
	/* Counted from the start of the range. */
	hm_unplug(fd, 70 * HM_BLOCK, HM_BLOCK);
	hm_blocks(fd, 65 * HM_BLOCK, 65 * HM_BLOCK, words, NULL);
	EXPECT_EQ(~(1ULL << 5), words[0]);
	EXPECT_EQ(1, words[1]);
	close(fd);
}

TEST_F(region, blocks_unwritable)
{
	char *page = HM_OK(mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	hm_blocks_err(EFAULT, self->w.owner, 0, SIZE, NULL, NULL);
	hm_blocks_err(EFAULT, self->w.owner, 0, SIZE, (void *)page, NULL);
	HM_OK(mprotect(page, 4096, PROT_READ | PROT_WRITE));
	HM_OK(munmap(page + 4096, 4096));
	hm_blocks_err(EFAULT, self->w.owner, 0, SIZE, (void *)(page + 4092), NULL);
	hm_blocks(self->w.owner, 0, SIZE, (void *)(page + 4088), NULL);
	EXPECT_UNCHANGED(&self->before, self->w.owner);
	munmap(page, 4096);
}

TEST_F(region, slots)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, 10 * HM_BLOCK);
	struct hostmem_slot slots[8];
	__u32 count = 8;
	int fd = hm_create_raw(&cmd);

	hm_slots(fd, HM_BLOCK, slots, &count);
	EXPECT_EQ(0, count);
	hm_plug(fd, HM_BLOCK, HM_BLOCK);
	hm_plug(fd, 9 * HM_BLOCK, HM_BLOCK);
	count = 8;
	hm_slots(fd, HM_BLOCK, slots, &count);
	ASSERT_EQ(2, count);
	EXPECT_EQ(HM_BLOCK, slots[0].start);
	EXPECT_EQ(HM_BLOCK, slots[0].length);
	EXPECT_EQ(9 * HM_BLOCK, slots[1].start);
	/* Any multiple will do; the last slot is what is left. */
	count = 8;
	hm_slots(fd, 3 * HM_BLOCK, slots, &count);
	ASSERT_EQ(2, count);
	EXPECT_EQ(0, slots[0].start);
	EXPECT_EQ(3 * HM_BLOCK, slots[0].length);
	EXPECT_EQ(9 * HM_BLOCK, slots[1].start);
	EXPECT_EQ(HM_BLOCK, slots[1].length);
	close(fd);
}

/* A slot as large as the region or larger is one slot, up to the largest number. */
TEST_F(region, slots_large)
{
	static const __u64 sizes[] = { SIZE, 2 * SIZE, 1ULL << 40, 1ULL << 63, -HM_BLOCK };
	struct hostmem_slot slot;
	__u32 count;

	for (size_t i = 0; i < HM_ARRAY_SIZE(sizes); i++) {
		count = 1;
		EXPECT_EQ(0, _hm_slots(self->w.owner, sizes[i], &slot, &count)) {
			TH_LOG("slot size %#llx: errno %d", sizes[i], errno);
		}
		EXPECT_EQ(1, count);
		EXPECT_EQ(0, slot.start);
		EXPECT_EQ(SIZE, slot.length);
	}
}

TEST_F(region, slots_wrong)
{
	static const __u64 wrong[] = { 0, 1, 4096, HM_BLOCK - 1, HM_BLOCK + 4096, ~0ULL };
	__u32 count;

	for (size_t i = 0; i < HM_ARRAY_SIZE(wrong); i++) {
		count = BLOCKS;
		hm_slots_err(EINVAL, self->w.owner, wrong[i], self->w.slots, &count);
	}
	count = BLOCKS;
	hm_slots_err(EFAULT, self->w.owner, HM_BLOCK, NULL, &count);
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

/* Too small: told how many, and nothing behind the array is written. */
TEST_F(region, slots_too_many)
{
	struct hostmem_slot slots[BLOCKS];
	__u32 room, count;

	hm_plug(self->w.owner, HM_BLOCK, 3 * HM_BLOCK);
	snap(&self->before, self->w.owner);
	for (room = 0; room < BLOCKS; room++) {
		memset(slots, 0xaa, sizeof(slots));
		count = room;
		hm_slots_err(EMSGSIZE, self->w.owner, HM_BLOCK, slots, &count);
		EXPECT_EQ(BLOCKS, count);
		EXPECT_TRUE(hm_is_filled(slots + room, 0xaa,
					 (BLOCKS - room) * sizeof(*slots)));
	}
	count = 0;
	hm_slots_err(EMSGSIZE, self->w.owner, HM_BLOCK, NULL, &count);
	EXPECT_UNCHANGED(&self->before, self->w.owner);
	/* A count from above is enough, however large. */
	count = UINT_MAX;
	hm_slots(self->w.owner, HM_BLOCK, slots, &count);
	EXPECT_EQ(BLOCKS, count);
}

TEST_F(region, progress_wrong)
{
	struct hostmem_progress progress = {};
	int bit;

	for (bit = 0; bit < 32; bit++) {
		progress.__reserved = 1U << bit;
		hm_plug_progress_err(EOPNOTSUPP, self->w.owner, HM_BLOCK, HM_BLOCK, &progress);
		hm_preallocate_progress_err(EOPNOTSUPP, self->w.owner, 0, HM_BLOCK, &progress);
	}
	hm_plug_progress_err(EFAULT, self->w.owner, HM_BLOCK, HM_BLOCK, (void *)8);
	hm_preallocate_progress_err(EFAULT, self->w.owner, 0, HM_BLOCK, (void *)8);
	EXPECT_UNCHANGED(&self->before, self->w.owner);
	progress.__reserved = 0;
	hm_preallocate_progress(self->w.owner, 0, HM_BLOCK, &progress);
	EXPECT_EQ(HM_BLOCK, progress.out_done);
	/* On demand there is nothing to do. */
	hm_plug_progress(self->w.owner, HM_BLOCK, HM_BLOCK, &progress);
}

TEST_F(region, cancelled)
{
	struct hostmem_progress progress = { .cancel = 1 };
	int fd = hm_create_immediate(SIZE);
	void *p = hm_map(fd, 0, SIZE, PROT_READ);

	snap(&self->before, fd);
	hm_plug_progress_err(EINTR, fd, 0, SIZE, &progress);
	EXPECT_UNCHANGED(&self->before, fd);
	EXPECT_EQ(0, hm_cached_pages(p, SIZE));
	EXPECT_EQ(0, progress.out_done);
	hm_preallocate_progress_err(EINTR, self->w.owner, 0, HM_BLOCK, &progress);
	munmap(p, SIZE);
	close(fd);
}

struct plugger {
	pthread_t thread;
	int fd;
	__u64 start;
	__u64 length;
	struct hm_gate gate;
	int err;
};

static void *plugger_run(void *arg)
{
	struct plugger *p = arg;

	p->err = _hm_plug_progress(p->fd, p->start, p->length, p->gate.progress) ? errno : 0;
	return NULL;
}

/* A thread that is in the middle of plugging two blocks. Returns false without userfaultfd. */
static bool plugger_start(struct plugger *p, int fd)
{
	p->fd = fd;
	p->start = HM_BLOCK;
	p->length = 2 * HM_BLOCK;
	if (_hm_gate_init(&p->gate))
		return false;
	HM_TRUE(!pthread_create(&p->thread, NULL, plugger_run, p));
	hm_gate_wait(&p->gate);
	return true;
}

static int plugger_end(struct plugger *p)
{
	hm_gate_pass(&p->gate);
	pthread_join(p->thread, NULL);
	close(p->gate.uffd);
	return p->err;
}

/* What another call is plugging can be neither plugged nor unplugged; the rest can. */
TEST_F(region, busy_while_plugging)
{
	int fd = hm_create_immediate(SIZE);
	struct plugger p;
	__u64 words[1];

	if (!plugger_start(&p, fd))
		SKIP(return, "no userfaultfd write protection");
	hm_plug_err(EBUSY, fd, HM_BLOCK, HM_BLOCK);
	hm_plug_err(EBUSY, fd, 0, SIZE);
	hm_unplug_err(EBUSY, fd, HM_BLOCK, HM_BLOCK);
	hm_unplug_err(EBUSY, fd, 2 * HM_BLOCK, 2 * HM_BLOCK);
	/* It does not exist yet. */
	hm_blocks(fd, 0, SIZE, words, NULL);
	EXPECT_EQ(0, words[0]);
	hm_plug(fd, 0, HM_BLOCK);
	hm_unplug(fd, 0, HM_BLOCK);
	hm_plug(fd, 3 * HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(0, plugger_end(&p));
	hm_blocks(fd, 0, SIZE, words, NULL);
	EXPECT_EQ(0xe, words[0]);
	close(fd);
}

TEST_F(region, destroyed_while_plugging)
{
	int fd = hm_create_immediate(SIZE);
	__u64 shmem;
	struct plugger p;

	if (!plugger_start(&p, fd))
		SKIP(return, "no userfaultfd write protection");
	hm_destroy(fd, 0);
	EXPECT_EQ(ENODEV, plugger_end(&p));
	shmem = hm_meminfo("Shmem");
	/* Nothing is left for the fd to keep. */
	close(fd);
	EXPECT_GE(shmem, hm_meminfo("Shmem"));
	EXPECT_GE(hm_meminfo("Shmem") + HM_BLOCK, shmem);
}

TEST_F(region, revoked_while_plugging)
{
	struct hostmem_region_create cmd;
	char name[HM_NAME_MAX];
	struct plugger p;
	int fd, other;

	cmd = hm_create_cmd(hm_name(name), SIZE);
	cmd.allocation = HOSTMEM_ALLOCATION_IMMEDIATE;
	fd = hm_create_raw(&cmd);
	other = hm_open(name);
	if (!plugger_start(&p, other))
		SKIP(return, "no userfaultfd write protection");
	hm_revoke(fd, hm_view_id(other));
	EXPECT_EQ(ENODEV, plugger_end(&p));
	hm_blocks(fd, 0, SIZE, self->before.words, NULL);
	EXPECT_EQ(0, self->before.words[0]);
	hm_destroy(fd, 0);
	close(fd);
	close(other);
}

TEST_F(region, cancelled_while_plugging)
{
	int fd = hm_create_immediate(SIZE);
	void *map = hm_map(fd, 0, SIZE, PROT_READ);
	struct plugger p;

	if (!plugger_start(&p, fd))
		SKIP(return, "no userfaultfd write protection");
	p.gate.alias->cancel = 1;
	EXPECT_EQ(EINTR, plugger_end(&p));
	hm_blocks(fd, 0, SIZE, self->before.words, NULL);
	EXPECT_EQ(0, self->before.words[0]);
	EXPECT_EQ(0, hm_cached_pages(map, SIZE));
	hm_plug(fd, 0, SIZE);
	munmap(map, SIZE);
	close(fd);
}

/* Revoke */

TEST_F(region, revoke)
{
	__u64 id = hm_view_id(self->w.victim);
	struct hostmem_region_info info;

	hm_revoke(self->w.owner, id);
	hm_info_err(ENODEV, self->w.victim, &info);
	hm_info(self->w.owner, &info);
	EXPECT_LT(self->before.info.out_generation, info.out_generation);
	hm_info(self->w.data, &info);
	EXPECT_EQ(HM_BLOCK, info.out_plugged);
	HM_ERR(ENODEV, _hm_map(self->w.victim, 0, HM_BLOCK, PROT_READ));
}

TEST_F(region, revoke_wrong)
{
	__u64 foreign, id = hm_view_id(self->w.victim);
	int other = hm_create(HM_BLOCK);

	/* A view of another region is none of this one. */
	foreign = hm_view_id(other);
	snap(&self->before, self->w.owner);
	hm_revoke_err(ENOENT, self->w.owner, 0);
	hm_revoke_err(ENOENT, self->w.owner, ~0ULL);
	hm_revoke_err(ENOENT, self->w.owner, foreign);
	hm_revoke_err(EINVAL, self->w.owner, hm_view_id(self->w.owner));
	EXPECT_UNCHANGED(&self->before, self->w.owner);
	hm_revoke(self->w.owner, id);
	snap(&self->before, self->w.owner);
	hm_revoke_err(ENOENT, self->w.owner, id);
	EXPECT_UNCHANGED(&self->before, self->w.owner);
	hm_view_id(other);
	close(other);
}

/* Destroy */

TEST_F(region, destroy_mapped)
{
	char *p;

	hm_plug(self->w.owner, HM_BLOCK, HM_BLOCK);
	p = hm_map(self->w.data, 0, SIZE, PROT_READ | PROT_WRITE);
	EXPECT_FALSE(hm_write_faults(p, 1));
	snap(&self->before, self->w.owner);
	EXPECT_EQ(1, self->before.info.out_mappings);
	hm_destroy_err(EBUSY, self->w.owner, 0);
	EXPECT_UNCHANGED(&self->before, self->w.owner);
	hm_destroy(self->w.owner, HOSTMEM_DESTROY_FORCE);
	EXPECT_TRUE(hm_read_faults(p));
	EXPECT_TRUE(hm_write_faults(p + HM_BLOCK, 1));
	HM_ERR(ENODEV, _hm_map(self->w.data, 0, HM_BLOCK, PROT_READ));
	hm_destroy_err(ENODEV, self->w.owner, 0);
	hm_destroy_err(ENODEV, self->w.owner, HOSTMEM_DESTROY_FORCE);
	munmap(p, SIZE);
}

/* The memory goes at once, though fds stay. */
TEST_F(region, destroy_frees)
{
	__u64 shmem;
	int fd = hm_create(32 * HM_BLOCK);

	hm_plug(fd, 0, 32 * HM_BLOCK);
	hm_preallocate(fd, 0, 32 * HM_BLOCK);
	shmem = hm_meminfo("Shmem");
	hm_destroy(fd, 0);
	EXPECT_LE(hm_meminfo("Shmem"), shmem - 30 * HM_BLOCK);
	close(fd);
}

/* An anonymous region goes with its last fd or mapping, a named one stays. */
TEST_F(region, anonymous_dies)
{
	__u64 shmem;
	int fd = hm_create(32 * HM_BLOCK);
	char *p;

	hm_plug(fd, 0, 32 * HM_BLOCK);
	hm_preallocate(fd, 0, 32 * HM_BLOCK);
	shmem = hm_meminfo("Shmem");
	p = hm_map(fd, 0, HM_BLOCK, PROT_READ);
	close(fd);
	EXPECT_FALSE(hm_read_faults(p));
	EXPECT_GE(hm_meminfo("Shmem"), shmem - 2 * HM_BLOCK);
	munmap(p, HM_BLOCK);
	EXPECT_LE(hm_meminfo("Shmem"), shmem - 30 * HM_BLOCK);
}

/* Files: poll, lseek, fdinfo, what they cannot do */

static short poll_now(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	HM_OK(poll(&pfd, 1, 0));
	return pfd.revents;
}

TEST_F(region, poll_tells_changes)
{
	struct hostmem_region_info info;
	__u64 words[1];
	__u32 count = BLOCKS;
	int data;

	/* What info, blocks and slots have told is no news. */
	EXPECT_EQ(0, poll_now(self->w.owner));
	hm_info(self->w.data, &info);
	EXPECT_EQ(0, poll_now(self->w.data));
	hm_plug(self->w.owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(POLLIN, poll_now(self->w.owner));
	EXPECT_EQ(POLLIN, poll_now(self->w.data));
	hm_blocks(self->w.data, 0, SIZE, words, NULL);
	EXPECT_EQ(0, poll_now(self->w.data));
	EXPECT_EQ(POLLIN, poll_now(self->w.owner));
	hm_unplug(self->w.owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(POLLIN, poll_now(self->w.data));
	hm_slots(self->w.data, HM_BLOCK, self->w.slots, &count);
	EXPECT_EQ(0, poll_now(self->w.data));
	/* A view comes and goes. */
	data = hm_open_node(self->w.name, O_RDONLY);
	EXPECT_EQ(0, poll_now(data));
	EXPECT_EQ(POLLIN, poll_now(self->w.data));
	hm_info(self->w.data, &info);
	close(data);
	EXPECT_EQ(POLLIN, poll_now(self->w.data));
}

TEST_F(region, poll_tells_the_end)
{
	hm_revoke(self->w.owner, hm_view_id(self->w.victim));
	EXPECT_EQ(POLLHUP | POLLERR, poll_now(self->w.victim));
	EXPECT_EQ(POLLIN, poll_now(self->w.data));
	hm_destroy(self->w.owner, 0);
	EXPECT_EQ(POLLHUP | POLLERR, poll_now(self->w.data));
	EXPECT_EQ(POLLHUP | POLLERR, poll_now(self->w.owner));
}

/* In a child: poll until something comes; the exit status is what did. */
static pid_t poll_in_child(int fd)
{
	struct hostmem_region_info info;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	pid_t pid;

	hm_info(fd, &info);
	pid = HM_OK(fork());
	if (pid) {
		usleep(200000);
		return pid;
	}
	_exit(poll(&pfd, 1, 20000) == 1 ? pfd.revents : 0);
}

TEST_F(region, poll_wakes_up)
{
	pid_t pid;

	pid = poll_in_child(self->w.data);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	hm_plug(self->w.owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(POLLIN, hm_wait(pid));
	pid = poll_in_child(self->w.data);
	hm_unplug(self->w.owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(POLLIN, hm_wait(pid));
	pid = poll_in_child(self->w.data);
	hm_revoke(self->w.owner, hm_view_id(self->w.victim));
	EXPECT_EQ(POLLIN, hm_wait(pid));
	pid = poll_in_child(self->w.data);
	hm_revoke(self->w.owner, hm_view_id(self->w.data));
	EXPECT_TRUE(hm_wait(pid) & POLLHUP);
	pid = poll_in_child(self->w.owner);
	hm_destroy(self->w.owner, 0);
	EXPECT_TRUE(hm_wait(pid) & POLLHUP);
}

TEST_F(region, lseek_tells_the_size)
{
	const int fds[] = { self->w.owner, self->w.data };

	for (size_t i = 0; i < HM_ARRAY_SIZE(fds); i++) {
		EXPECT_EQ(SIZE, lseek(fds[i], 0, SEEK_END));
		EXPECT_EQ(0, lseek(fds[i], 0, SEEK_SET));
		EXPECT_EQ(4096, lseek(fds[i], 4096, SEEK_CUR));
		EXPECT_EQ(SIZE + 1, lseek(fds[i], 1, SEEK_END));
		HM_ERR(EINVAL, lseek(fds[i], -1, SEEK_SET));
	}
}

TEST_F(region, keeps_its_size)
{
	EXPECT_EQ(0, ftruncate(self->w.owner, SIZE));
	HM_ERR(EPERM, ftruncate(self->w.owner, SIZE - HM_BLOCK));
	EXPECT_EQ(0, ftruncate(self->w.data, SIZE));
	HM_ERR(EPERM, ftruncate(self->w.data, SIZE - HM_BLOCK));
}

/* A page that has lost its contents is said to have, by a call as by a fault. */
TEST(preallocate_bad_page)
{
	int fd = hm_create(HM_BLOCK);
	char *p = hm_map(fd, 0, HM_BLOCK, PROT_READ | PROT_WRITE);

	hm_plug(fd, 0, HM_BLOCK);
	memset(p, 'b', HM_BLOCK);
	if (!madvise(p + 4096, 4096, MADV_HWPOISON)) {
		EXPECT_TRUE(hm_read_faults(p + 4096));
		hm_preallocate_err(EHWPOISON, fd, 0, HM_BLOCK);
		hm_preallocate(fd, 8192, 4096);
	} else {
		TH_LOG("no MADV_HWPOISON: %d", errno);
	}
	munmap(p, HM_BLOCK);
	close(fd);
}

TEST_F(region, fdinfo)
{
	char path[64], text[1024], want[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->w.data);
	HM_OK(hm_read_file(path, text, sizeof(text)));
	snprintf(want, sizeof(want), "hostmem-region:\t%llu\n", self->before.info.out_id);
	EXPECT_NE(NULL, strstr(text, want));
	snprintf(want, sizeof(want), "hostmem-view:\t%llu\n", hm_view_id(self->w.data));
	EXPECT_NE(NULL, strstr(text, want));
	snprintf(want, sizeof(want), "hostmem-rights:\t%#x\n",
		 HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE);
	EXPECT_NE(NULL, strstr(text, want));
}

TEST_HARNESS_MAIN
