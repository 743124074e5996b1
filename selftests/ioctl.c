// SPDX-License-Identifier: GPL-2.0
/*
 * Every ioctl: what it does, each errno with all else valid, and that a call that fails
 * changes nothing and logs nothing. What all of them promise alike is swept over a table
 * of calls (the fixture "call"), the rest has a test per promise.
 */
#include <assert.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"

static_assert(sizeof(struct hostmem_info) == 48, "hostmem_info");
static_assert(sizeof(struct hostmem_region_create) == 136, "hostmem_region_create");
static_assert(sizeof(struct hostmem_region_open) == 80, "hostmem_region_open");
static_assert(sizeof(struct hostmem_region_destroy) == 8, "hostmem_region_destroy");
static_assert(sizeof(struct hostmem_region_info) == 168, "hostmem_region_info");
static_assert(sizeof(struct hostmem_progress) == 16, "hostmem_progress");
static_assert(sizeof(struct hostmem_region_plug) == 32, "hostmem_region_plug");
static_assert(sizeof(struct hostmem_region_unplug) == 24, "hostmem_region_unplug");
static_assert(sizeof(struct hostmem_region_preallocate) == 32, "hostmem_region_preallocate");
static_assert(sizeof(struct hostmem_region_blocks) == 40, "hostmem_region_blocks");
static_assert(sizeof(struct hostmem_slot) == 16, "hostmem_slot");
static_assert(sizeof(struct hostmem_region_slots) == 40, "hostmem_region_slots");
static_assert(sizeof(struct hostmem_view_revoke) == 16, "hostmem_view_revoke");

#define BLOCKS 4
#define SIZE (BLOCKS * HM_BLOCK)

/* A named region with its first block plugged, an owner's fd and two data views. */
struct world {
	char name[HOSTMEM_NAME_MAX];
	int owner;
	int data;
	int victim;
	__u64 words[1];
	struct hostmem_slot slots[BLOCKS];
};

static void world_make(struct world *w)
{
	w->owner = hm_create_named(hm_name(w->name), SIZE);
	hm_plug(w->owner, 0, HM_BLOCK);
	w->data = hm_open_node(w->name, O_RDWR);
	w->victim = hm_open_node(w->name, O_RDWR);
}

static void world_end(struct world *w)
{
	_hm_destroy(w->owner, HOSTMEM_DESTROY_FORCE);
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

static void snap(struct snap *s, int fd)
{
	struct hostmem_info limits;

	memset(s, 0, sizeof(*s));
	hm_info(fd, &s->info);
	hm_blocks(fd, 0, s->info.out_size, s->words, NULL);
	hm_limits(&limits);
	s->regions = limits.out_regions;
	s->fds = hm_count_fds();
}

static const char *snap_differs(const struct snap *old, int fd)
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

/* The calls */

union arg {
	__u32 size;
	struct hostmem_info info;
	struct hostmem_region_create create;
	struct hostmem_region_open open;
	struct hostmem_region_destroy destroy;
	struct hostmem_region_info region_info;
	struct hostmem_region_plug plug;
	struct hostmem_region_unplug unplug;
	struct hostmem_region_preallocate preallocate;
	struct hostmem_region_blocks blocks;
	struct hostmem_region_slots slots;
	struct hostmem_view_revoke revoke;
	char bytes[16384];
};

static void fill_nothing(struct world *w, union arg *a)
{
	(void)w;
	(void)a;
}

static void fill_create(struct world *w, union arg *a)
{
	(void)w;
	a->create = hm_create_cmd(NULL, HM_BLOCK);
}

static void fill_open(struct world *w, union arg *a)
{
	strcpy((char *)a->open.name, w->name);
}

static void fill_plug(struct world *w, union arg *a)
{
	(void)w;
	a->plug.start = HM_BLOCK;
	a->plug.length = HM_BLOCK;
}

static void fill_unplug(struct world *w, union arg *a)
{
	(void)w;
	a->unplug.length = HM_BLOCK;
}

static void fill_preallocate(struct world *w, union arg *a)
{
	(void)w;
	a->preallocate.length = HM_BLOCK;
}

static void fill_blocks(struct world *w, union arg *a)
{
	a->blocks.length = SIZE;
	a->blocks.bitmap = (uintptr_t)w->words;
}

static void fill_slots(struct world *w, union arg *a)
{
	a->slots.slot_size = HM_BLOCK;
	a->slots.slots = (uintptr_t)w->slots;
	a->slots.count = BLOCKS;
}

static void fill_revoke(struct world *w, union arg *a)
{
	a->revoke.view_id = hm_view_id(w->victim);
}

/* Go back to where the same call succeeds again. */
static void undo_nothing(struct world *w, union arg *a)
{
	(void)w;
	(void)a;
}

static void undo_create(struct world *w, union arg *a)
{
	(void)w;
	HM_OK(close(a->create.out_fd));
}

static void undo_open(struct world *w, union arg *a)
{
	(void)w;
	HM_OK(close(a->open.out_fd));
}

static void undo_destroy(struct world *w, union arg *a)
{
	(void)a;
	world_end(w);
	world_make(w);
}

static void undo_plug(struct world *w, union arg *a)
{
	(void)a;
	hm_unplug(w->owner, HM_BLOCK, HM_BLOCK);
}

static void undo_unplug(struct world *w, union arg *a)
{
	(void)a;
	hm_plug(w->owner, 0, HM_BLOCK);
}

static void undo_revoke(struct world *w, union arg *a)
{
	(void)a;
	HM_OK(close(w->victim));
	w->victim = hm_open_node(w->name, O_RDWR);
}

FIXTURE(call) {
	struct world w;
	struct snap before;
	union arg arg;
	int log;
};

FIXTURE_VARIANT(call) {
	unsigned int num;
	size_t size;
	/* The control node's, else a view's. */
	bool control;
	__u32 rights;
	__u32 flags;		/* that are supported */
	size_t reserved;	/* offset of a reserved __u32, or 0 */
	bool answers;		/* writes to its argument */
	void (*fill)(struct world *w, union arg *a);
	void (*undo)(struct world *w, union arg *a);
};

FIXTURE_VARIANT_ADD(call, info) {
	.num = HOSTMEM_INFO, .size = sizeof(struct hostmem_info), .control = true,
	.answers = true, .fill = fill_nothing, .undo = undo_nothing,
};

FIXTURE_VARIANT_ADD(call, create) {
	.num = HOSTMEM_REGION_CREATE, .size = sizeof(struct hostmem_region_create),
	.control = true, .reserved = offsetof(struct hostmem_region_create, __reserved),
	.answers = true, .fill = fill_create, .undo = undo_create,
};

FIXTURE_VARIANT_ADD(call, open) {
	.num = HOSTMEM_REGION_OPEN, .size = sizeof(struct hostmem_region_open),
	.control = true, .reserved = offsetof(struct hostmem_region_open, __reserved),
	.answers = true, .fill = fill_open, .undo = undo_open,
};

FIXTURE_VARIANT_ADD(call, destroy) {
	.num = HOSTMEM_REGION_DESTROY, .size = sizeof(struct hostmem_region_destroy),
	.rights = HOSTMEM_RIGHT_OWNER, .flags = HOSTMEM_DESTROY_FORCE,
	.fill = fill_nothing, .undo = undo_destroy,
};

FIXTURE_VARIANT_ADD(call, region_info) {
	.num = HOSTMEM_REGION_INFO, .size = sizeof(struct hostmem_region_info),
	.answers = true, .fill = fill_nothing, .undo = undo_nothing,
};

FIXTURE_VARIANT_ADD(call, plug) {
	.num = HOSTMEM_REGION_PLUG, .size = sizeof(struct hostmem_region_plug),
	.rights = HOSTMEM_RIGHT_OWNER, .fill = fill_plug, .undo = undo_plug,
};

FIXTURE_VARIANT_ADD(call, unplug) {
	.num = HOSTMEM_REGION_UNPLUG, .size = sizeof(struct hostmem_region_unplug),
	.rights = HOSTMEM_RIGHT_OWNER, .fill = fill_unplug, .undo = undo_unplug,
};

FIXTURE_VARIANT_ADD(call, preallocate) {
	.num = HOSTMEM_REGION_PREALLOCATE, .size = sizeof(struct hostmem_region_preallocate),
	.rights = HOSTMEM_RIGHT_WRITE, .fill = fill_preallocate, .undo = undo_nothing,
};

FIXTURE_VARIANT_ADD(call, blocks) {
	.num = HOSTMEM_REGION_BLOCKS, .size = sizeof(struct hostmem_region_blocks),
	.answers = true, .fill = fill_blocks, .undo = undo_nothing,
};

FIXTURE_VARIANT_ADD(call, slots) {
	.num = HOSTMEM_REGION_SLOTS, .size = sizeof(struct hostmem_region_slots),
	.reserved = offsetof(struct hostmem_region_slots, __reserved),
	.answers = true, .fill = fill_slots, .undo = undo_nothing,
};

FIXTURE_VARIANT_ADD(call, revoke) {
	.num = HOSTMEM_VIEW_REVOKE, .size = sizeof(struct hostmem_view_revoke),
	.rights = HOSTMEM_RIGHT_OWNER, .fill = fill_revoke, .undo = undo_revoke,
};

FIXTURE_SETUP(call)
{
	world_make(&self->w);
	hm_control();
	self->log = hm_log_open();
	snap(&self->before, self->w.owner);
}

FIXTURE_TEARDOWN(call)
{
	EXPECT_TRUE(hm_log_quiet(self->log));
	world_end(&self->w);
}

typedef const struct _fixture_variant_call call_t;

/* The argument with which the call succeeds. */
static union arg *call_fill(call_t *c, struct world *w, union arg *a)
{
	memset(a, 0, sizeof(*a));
	c->fill(w, a);
	a->size = c->size;
	return a;
}

static int call_on(call_t *c, const struct world *w, void *a)
{
	return ioctl(c->control ? hm_control() : w->owner, c->num, a);
}

TEST_F(call, happy)
{
	union arg *a = call_fill(variant, &self->w, &self->arg);

	ASSERT_EQ(0, call_on(variant, &self->w, a));
	EXPECT_EQ(variant->size, a->size);
	variant->undo(&self->w, a);
}

TEST_F(call, short_length)
{
	union arg *a = call_fill(variant, &self->w, &self->arg);

	for (a->size = 0; a->size < variant->size; a->size++)
		HM_ERR(EINVAL, call_on(variant, &self->w, a));
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

TEST_F(call, long_zero)
{
	static const size_t more[] = { 1, 4, 8, 64, 4096, 8192 };
	union arg *a = &self->arg;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(more); i++) {
		call_fill(variant, &self->w, a);
		a->size += more[i];
		ASSERT_EQ(0, call_on(variant, &self->w, a));
		variant->undo(&self->w, a);
	}
}

TEST_F(call, long_nonzero)
{
	static const size_t more[] = { 1, 4, 8, 64, 4096, 8192 };
	union arg *a = &self->arg;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(more); i++) {
		call_fill(variant, &self->w, a);
		a->size += more[i];
		a->bytes[a->size - 1] = 1;
		HM_ERR(E2BIG, call_on(variant, &self->w, a));
		a->bytes[a->size - 1] = 0;
		a->bytes[variant->size] = 0x80;
		HM_ERR(E2BIG, call_on(variant, &self->w, a));
	}
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

TEST_F(call, unreadable)
{
	char *page = HM_OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	union arg *a = call_fill(variant, &self->w, &self->arg);
	void *fits = page + 4096 - variant->size;

	ASSERT_EQ(0, mprotect(page + 4096, 4096, PROT_NONE));
	HM_ERR(EFAULT, call_on(variant, &self->w, NULL));
	HM_ERR(EFAULT, call_on(variant, &self->w, page + 4096));
	HM_ERR(EFAULT, call_on(variant, &self->w, (void *)-4096UL));

	/* The size is readable, the last byte is not. */
	memcpy(fits + 1, a, variant->size - 1);
	HM_ERR(EFAULT, call_on(variant, &self->w, fits + 1));
	/* Longer than we know, and that is not there. */
	memcpy(fits, a, variant->size);
	*(__u32 *)fits = UINT_MAX;
	HM_ERR(EFAULT, call_on(variant, &self->w, fits));
	EXPECT_UNCHANGED(&self->before, self->w.owner);

	/* All of it is readable, and no more. */
	memcpy(fits, a, variant->size);
	ASSERT_EQ(0, call_on(variant, &self->w, fits));
	memcpy(a, fits, variant->size);
	variant->undo(&self->w, a);
}

TEST_F(call, unwritable)
{
	void *page = HM_OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	union arg *a = call_fill(variant, &self->w, &self->arg);

	memcpy(page, a, variant->size);
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	if (!variant->answers) {
		ASSERT_EQ(0, call_on(variant, &self->w, page));
		variant->undo(&self->w, a);
		return;
	}
	HM_ERR(EFAULT, call_on(variant, &self->w, page));
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

TEST_F(call, flags)
{
	union arg *a = call_fill(variant, &self->w, &self->arg);
	__u32 *flags = (__u32 *)(a->bytes + 4);
	int bit;

	for (bit = 0; bit < 32; bit++) {
		*flags = 1U << bit;
		if (*flags & variant->flags)
			continue;
		HM_ERR(EOPNOTSUPP, call_on(variant, &self->w, a));
		/* Nor beside one that is supported. */
		*flags |= variant->flags;
		HM_ERR(EOPNOTSUPP, call_on(variant, &self->w, a));
	}
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

TEST_F(call, reserved)
{
	union arg *a = call_fill(variant, &self->w, &self->arg);
	__u32 *reserved = (__u32 *)(a->bytes + variant->reserved);
	int bit;

	if (!variant->reserved)
		return;
	for (bit = 0; bit < 32; bit++) {
		*reserved = 1U << bit;
		HM_ERR(EOPNOTSUPP, call_on(variant, &self->w, a));
	}
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

TEST_F(call, wrong_file)
{
	union arg *a = call_fill(variant, &self->w, &self->arg);
	int null = HM_OK(open("/dev/null", O_RDWR));
	int pipes[2];

	HM_OK(pipe(pipes));
	HM_ERR(ENOTTY, ioctl(null, variant->num, a));
	HM_ERR(ENOTTY, ioctl(pipes[0], variant->num, a));
	if (variant->control) {
		HM_ERR(ENOTTY, ioctl(self->w.owner, variant->num, a));
		HM_ERR(ENOTTY, ioctl(self->w.data, variant->num, a));
	} else {
		HM_ERR(ENOTTY, ioctl(hm_control(), variant->num, a));
	}
	close(null);
	close(pipes[0]);
	close(pipes[1]);
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

/* A number is all of it: type, direction and size too. */
TEST_F(call, wrong_number)
{
	const unsigned int nr = _IOC_NR(variant->num);
	const unsigned int nums[] = {
		_IO(HOSTMEM_TYPE + 1, nr), _IO(0, nr), _IOC(_IOC_READ, HOSTMEM_TYPE, nr, 0),
		_IOC(_IOC_READ | _IOC_WRITE, HOSTMEM_TYPE, nr, variant->size),
		_IO(HOSTMEM_TYPE, nr - 0x80),
	};
	union arg *a = call_fill(variant, &self->w, &self->arg);
	int fd = variant->control ? hm_control() : self->w.owner;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(nums); i++)
		HM_ERR(ENOTTY, ioctl(fd, nums[i], a));
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

/* A data view can ask; what needs a right that it has not is refused. */
TEST_F(call, rights)
{
	static const int modes[] = { O_RDWR, O_RDONLY, O_WRONLY };
	union arg *a = &self->arg;
	struct snap before;
	size_t i;
	int fd;

	if (variant->control)
		return;
	for (i = 0; i < HM_ARRAY_SIZE(modes); i++) {
		fd = hm_open_node(self->w.name, modes[i]);
		call_fill(variant, &self->w, a);
		snap(&before, fd);
		if (!variant->rights || (variant->rights == HOSTMEM_RIGHT_WRITE &&
					 modes[i] != O_RDONLY)) {
			ASSERT_EQ(0, ioctl(fd, variant->num, a));
		} else {
			HM_ERR(EPERM, ioctl(fd, variant->num, a));
		}
		EXPECT_UNCHANGED(&before, fd);
		close(fd);
	}
}

TEST_F(call, dead_region)
{
	union arg *a = call_fill(variant, &self->w, &self->arg);
	int other = hm_open(self->w.name);

	if (variant->control)
		return;
	hm_destroy(other, 0);
	HM_ERR(ENODEV, call_on(variant, &self->w, a));
	HM_ERR(ENODEV, ioctl(other, variant->num, a));
	if (!(variant->rights & HOSTMEM_RIGHT_OWNER))
		HM_ERR(ENODEV, ioctl(self->w.data, variant->num, a));
	close(other);
}

TEST_F(call, revoked_view)
{
	union arg *a = call_fill(variant, &self->w, &self->arg);
	struct snap before;
	int other;

	if (variant->control)
		return;
	other = hm_open(self->w.name);
	hm_revoke(self->w.owner, hm_view_id(other));
	hm_revoke(self->w.owner, hm_view_id(self->w.data));
	snap(&before, self->w.owner);
	HM_ERR(ENODEV, ioctl(other, variant->num, a));
	if (!(variant->rights & HOSTMEM_RIGHT_OWNER))
		HM_ERR(ENODEV, ioctl(self->w.data, variant->num, a));
	EXPECT_UNCHANGED(&before, self->w.owner);
	close(other);
}

/* All fds that a call returns. */
TEST_F(call, returned_fd)
{
	union arg *a = call_fill(variant, &self->w, &self->arg);
	int fd;

	if (variant->num != HOSTMEM_REGION_CREATE && variant->num != HOSTMEM_REGION_OPEN)
		return;
	ASSERT_EQ(0, call_on(variant, &self->w, a));
	fd = variant->num == HOSTMEM_REGION_OPEN ? a->open.out_fd : a->create.out_fd;
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & O_ACCMODE);
	close(fd);
}

TEST_F(call, no_fd_left)
{
	union arg *a = call_fill(variant, &self->w, &self->arg);
	struct rlimit old, none = {};

	if (variant->num != HOSTMEM_REGION_CREATE && variant->num != HOSTMEM_REGION_OPEN)
		return;
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none.rlim_max = old.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	HM_ERR(EMFILE, call_on(variant, &self->w, a));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

/* Numbers around ours, on both kinds of file. */
TEST(unknown_numbers)
{
	union arg a = { .size = sizeof(a) };
	struct world w;
	unsigned int nr;

	world_make(&w);
	for (nr = 0; nr < 256; nr++) {
		if (nr > _IOC_NR(HOSTMEM_REGION_OPEN) || nr < _IOC_NR(HOSTMEM_INFO))
			HM_ERR(ENOTTY, ioctl(hm_control(), _IO(HOSTMEM_TYPE, nr), &a));
		if (nr > _IOC_NR(HOSTMEM_VIEW_REVOKE) || nr < _IOC_NR(HOSTMEM_REGION_DESTROY))
			HM_ERR(ENOTTY, ioctl(w.owner, _IO(HOSTMEM_TYPE, nr), &a));
	}
	world_end(&w);
}

#ifdef __x86_64__
/* A kernel without 32-bit system calls: caught, it is not logged as a crash. */
static void no_compat(int sig)
{
	(void)sig;
	_exit(KSFT_SKIP);
}

/* ioctl(2) as a 32-bit program calls it. */
static int compat_info(void *arg)
{
	struct hostmem_info *info = arg;
	long rc;

	signal(SIGSEGV, no_compat);
	asm volatile("int $0x80"
		     : "=a"(rc)
		     : "a"(54), "b"(hm_control()), "c"(HOSTMEM_INFO), "d"(info)
		     : "memory", "r8", "r9", "r10", "r11");
	return rc ? 1 : 0;
}

TEST(compat)
{
	struct hostmem_info *info = HM_OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					       MAP_SHARED | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
	int status;

	info->size = sizeof(*info);
	status = hm_in_child(compat_info, info);
	if (status == KSFT_SKIP)
		SKIP(return, "no 32-bit system calls");
	ASSERT_EQ(0, status);
	EXPECT_EQ(HOSTMEM_ABI_VERSION, info->out_abi_version);
}
#endif

/* Control node and limits */

TEST(control_node)
{
	struct hostmem_info info;
	struct stat st;
	int fd;

	ASSERT_EQ(0, stat(HM_DIR "control", &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0600, st.st_mode & 07777);
	hm_limits(&info);
	EXPECT_EQ(HOSTMEM_ABI_VERSION, info.out_abi_version);
	EXPECT_EQ(HOSTMEM_NAME_MAX, info.out_name_max);
	EXPECT_EQ(HOSTMEM_MIN_BLOCK_SIZE, info.out_min_block_size);
	EXPECT_LT(0, info.out_max_regions);
	EXPECT_LT(0, info.out_max_blocks);
	EXPECT_LE(info.out_max_blocks * info.out_min_block_size, info.out_max_size);
	/* A read-only fd of it will do: the node's mode decides. */
	fd = HM_OK(open(HM_DIR "control", O_RDONLY));
	info.size = sizeof(info);
	EXPECT_EQ(0, ioctl(fd, HOSTMEM_INFO, &info));
	HM_ERR(ENODEV, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	HM_ERR(EINVAL, read(fd, &info, 1));
	close(fd);
}

TEST(count_of_regions)
{
	struct hostmem_info before, with, after;
	int fd, named;
	char name[HOSTMEM_NAME_MAX];

	hm_limits(&before);
	fd = hm_create(HM_BLOCK);
	named = hm_create_named(hm_name(name), HM_BLOCK);
	hm_limits(&with);
	EXPECT_EQ(before.out_regions + 2, with.out_regions);
	close(fd);
	hm_destroy(named, 0);
	close(named);
	hm_limits(&after);
	EXPECT_EQ(before.out_regions, after.out_regions);
}

/* Creation */

FIXTURE(create) {
	struct hostmem_region_create cmd;
	struct hostmem_info before;
	char name[HOSTMEM_NAME_MAX];
	int fds;
	int log;
};

FIXTURE_SETUP(create)
{
	self->cmd = hm_create_cmd(hm_name(self->name), SIZE);
	hm_limits(&self->before);
	self->log = hm_log_open();
	self->fds = hm_count_fds();
}

/* Whatever was refused left no region, no fd and no line in the log. */
FIXTURE_TEARDOWN(create)
{
	struct hostmem_info after;

	hm_limits(&after);
	EXPECT_EQ(self->before.out_regions, after.out_regions);
	EXPECT_EQ(self->fds, hm_count_fds());
	EXPECT_TRUE(hm_log_quiet(self->log));
}

static void create_works(struct hostmem_region_create *cmd)
{
	int fd = hm_create_raw(cmd);

	hm_destroy(fd, 0);
	close(fd);
}

TEST_F(create, all_that_is_asked)
{
	struct hostmem_region_info info;
	int fd;

	self->cmd.region_size = 64 * HM_BLOCK;
	self->cmd.block_size = 4 * HM_BLOCK;
	self->cmd.slot_size = 8 * HM_BLOCK;
	self->cmd.allocation = HOSTMEM_ALLOCATION_IMMEDIATE;
	self->cmd.huge = HOSTMEM_HUGE_NEVER;
	fd = hm_create_raw(&self->cmd);
	hm_info(fd, &info);
	EXPECT_EQ(self->cmd.out_id, info.out_id);
	EXPECT_NE(0, info.out_view_id);
	EXPECT_EQ(64 * HM_BLOCK, info.out_size);
	EXPECT_EQ(4 * HM_BLOCK, info.out_block_size);
	EXPECT_EQ(8 * HM_BLOCK, info.out_slot_size);
	EXPECT_EQ(0, info.out_plugged);
	EXPECT_EQ(0, info.out_view_start);
	EXPECT_EQ(64 * HM_BLOCK, info.out_view_length);
	EXPECT_EQ(HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE | HOSTMEM_RIGHT_OWNER,
		  info.out_rights);
	EXPECT_EQ(HOSTMEM_BACKING_RAM, info.out_backing);
	EXPECT_EQ(HOSTMEM_ALLOCATION_IMMEDIATE, info.out_allocation);
	EXPECT_EQ(HOSTMEM_HUGE_NEVER, info.out_huge);
	EXPECT_EQ(1, info.out_views);
	EXPECT_EQ(0, info.out_mappings);
	EXPECT_STREQ(self->name, (char *)info.out_name);
	hm_destroy(fd, 0);
	close(fd);
}

TEST_F(create, defaults)
{
	struct hostmem_region_info info;
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);
	int fd = hm_create_raw(&cmd);

	hm_info(fd, &info);
	EXPECT_EQ(HM_BLOCK, info.out_block_size);
	EXPECT_EQ(0, info.out_slot_size);
	EXPECT_EQ(HOSTMEM_ALLOCATION_ONDEMAND, info.out_allocation);
	EXPECT_EQ(HOSTMEM_HUGE_ALWAYS, info.out_huge);
	EXPECT_EQ(0, info.out_name[0]);
	close(fd);
}

TEST_F(create, numbers_are_not_reused)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);
	struct hostmem_region_info info;
	__u64 last = 0, last_view = 0;
	int i, fd;

	for (i = 0; i < 5; i++) {
		fd = hm_create_raw(&cmd);
		hm_info(fd, &info);
		EXPECT_LT(last, cmd.out_id);
		EXPECT_LT(last_view, info.out_view_id);
		last = cmd.out_id;
		last_view = info.out_view_id;
		close(fd);
	}
}

TEST_F(create, region_size)
{
	static const __u64 wrong[] = {
		0, 1, 4096, HM_BLOCK - 1, HM_BLOCK + 1, HM_BLOCK + 4096, 1ULL << 63,
		-HM_BLOCK, ~0ULL,
	};
	struct hostmem_region_create *cmd = &self->cmd;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++) {
		cmd->region_size = wrong[i];
		hm_create_raw_err(EINVAL, cmd);
	}
	/* The most blocks that there can be, and one more. */
	cmd->region_size = self->before.out_max_blocks * HM_BLOCK;
	create_works(cmd);
	cmd->region_size += HM_BLOCK;
	hm_create_raw_err(EINVAL, cmd);
	/* The largest region, and the next size. */
	cmd->block_size = 1ULL << 40;
	cmd->region_size = self->before.out_max_size;
	create_works(cmd);
	cmd->region_size += cmd->block_size;
	hm_create_raw_err(EINVAL, cmd);
}

TEST_F(create, block_size)
{
	static const __u64 wrong[] = {
		1, 4096, HM_BLOCK / 2, HM_BLOCK + 4096, 3 * HM_BLOCK, 1ULL << 63, ~0ULL,
	};
	struct hostmem_region_create *cmd = &self->cmd;
	size_t i;

	cmd->region_size = 6ULL << 30;
	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++) {
		cmd->block_size = wrong[i];
		hm_create_raw_err(EINVAL, cmd);
	}
	for (cmd->block_size = HM_BLOCK; cmd->block_size <= 2ULL << 30; cmd->block_size *= 2)
		create_works(cmd);
	/* The size is a multiple of the default block size only. */
	cmd->region_size = 3 * HM_BLOCK;
	cmd->block_size = 2 * HM_BLOCK;
	hm_create_raw_err(EINVAL, cmd);
}

TEST_F(create, slot_size)
{
	static const __u64 wrong[] = { 1, 4096, HM_BLOCK, 3 * HM_BLOCK, ~0ULL };
	struct hostmem_region_create *cmd = &self->cmd;
	size_t i;

	cmd->block_size = 2 * HM_BLOCK;
	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++) {
		cmd->slot_size = wrong[i];
		hm_create_raw_err(EINVAL, cmd);
	}
	cmd->slot_size = 6 * HM_BLOCK;
	create_works(cmd);
	cmd->slot_size = 1ULL << 60;
	create_works(cmd);
}

TEST_F(create, unknown_values)
{
	__u32 *fields[] = { &self->cmd.backing, &self->cmd.allocation, &self->cmd.huge };
	static const __u32 first[] = {
		HOSTMEM_BACKING_RAM + 1, HOSTMEM_ALLOCATION_IMMEDIATE + 1, HOSTMEM_HUGE_NEVER + 1,
	};
	size_t i;
	int bit;

	for (i = 0; i < HM_ARRAY_SIZE(fields); i++) {
		*fields[i] = first[i];
		hm_create_raw_err(EOPNOTSUPP, &self->cmd);
		for (bit = 1; bit < 32; bit++) {
			*fields[i] = 1U << bit;
			hm_create_raw_err(EOPNOTSUPP, &self->cmd);
		}
		*fields[i] = 0;
	}
	create_works(&self->cmd);
}

/* Node */

TEST_F(create, node)
{
	static const __u32 modes[] = { 0, 0600, 0640, 0666, 0777, 0007 };
	char path[128];
	struct stat st;
	size_t i;
	int fd;

	snprintf(path, sizeof(path), HM_DIR "%s", self->name);
	self->cmd.uid = 12;
	self->cmd.gid = 34;
	for (i = 0; i < HM_ARRAY_SIZE(modes); i++) {
		self->cmd.mode = modes[i];
		fd = hm_create_raw(&self->cmd);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_TRUE(S_ISCHR(st.st_mode));
		EXPECT_EQ(modes[i], st.st_mode & 07777);
		EXPECT_EQ(12, st.st_uid);
		EXPECT_EQ(34, st.st_gid);
		hm_destroy(fd, 0);
		EXPECT_EQ(-1, stat(path, &st));
		close(fd);
	}
}

TEST_F(create, wrong_mode_and_owner)
{
	struct hostmem_region_create *cmd = &self->cmd;
	int bit;

	for (bit = 9; bit < 32; bit++) {
		cmd->mode = 0600 | 1U << bit;
		hm_create_raw_err(EINVAL, cmd);
	}
	cmd->mode = 0600;
	cmd->uid = -1;
	hm_create_raw_err(EINVAL, cmd);
	cmd->uid = 0;
	cmd->gid = -1;
	hm_create_raw_err(EINVAL, cmd);
	/* An anonymous region has no node that could have them. */
	*cmd = hm_create_cmd(NULL, SIZE);
	cmd->mode = 0600;
	hm_create_raw_err(EINVAL, cmd);
	cmd->mode = 0;
	cmd->uid = 1;
	hm_create_raw_err(EINVAL, cmd);
	cmd->uid = 0;
	cmd->gid = 1;
	hm_create_raw_err(EINVAL, cmd);
}

/* In a child that inherited the control fd, with groups 1000 and 2000. */
static int create_unprivileged(void *arg)
{
	struct hostmem_region_create *cmd = arg;
	gid_t group = 2000;

	HM_OK(setgroups(1, &group));
	HM_OK(setresgid(1000, 1000, 1000));
	HM_OK(setresuid(1000, 1000, 1000));
	cmd->uid = 1000;
	cmd->gid = 1000;
	create_works(cmd);
	cmd->gid = 2000;
	create_works(cmd);
	cmd->gid = 0;
	hm_create_raw_err(EPERM, cmd);
	cmd->gid = 3000;
	hm_create_raw_err(EPERM, cmd);
	cmd->gid = 1000;
	cmd->uid = 0;
	hm_create_raw_err(EPERM, cmd);
	cmd->uid = 1001;
	hm_create_raw_err(EPERM, cmd);
	/* Nothing was left behind: the name is free. */
	cmd->uid = 1000;
	create_works(cmd);
	*cmd = hm_create_cmd(NULL, SIZE);
	close(hm_create_raw(cmd));
	return 0;
}

TEST_F(create, for_others_needs_cap_chown)
{
	hm_control();
	EXPECT_EQ(0, hm_in_child(create_unprivileged, &self->cmd));
	EXPECT_EQ(self->fds, hm_count_fds());
}

/* Root of a user namespace that maps only itself: others do not exist, or are not its own. */
static int create_in_namespace(void *arg)
{
	struct hostmem_region_create *cmd = arg;
	int fd;

	HM_OK(setresgid(1000, 1000, 1000));
	HM_OK(setresuid(1000, 1000, 1000));
	if (unshare(CLONE_NEWUSER))
		return KSFT_SKIP;
	/* Changing the user made /proc/self root's. */
	HM_OK(prctl(PR_SET_DUMPABLE, 1));
	HM_OK(hm_write_file("/proc/self/setgroups", "deny"));
	HM_OK(hm_write_file("/proc/self/uid_map", "0 1000 1"));
	HM_OK(hm_write_file("/proc/self/gid_map", "0 1000 1"));
	cmd->uid = 1;
	hm_create_raw_err(EINVAL, cmd);
	cmd->uid = 0;
	cmd->gid = 1;
	hm_create_raw_err(EINVAL, cmd);
	cmd->gid = 0;
	fd = hm_create_raw(cmd);
	close(fd);
	return 0;
}

TEST_F(create, in_user_namespace)
{
	char path[128];
	struct stat st;
	int rc, fd;

	hm_control();
	self->fds = hm_count_fds();
	rc = hm_in_child(create_in_namespace, &self->cmd);
	if (rc == KSFT_SKIP)
		SKIP(return, "no user namespaces");
	ASSERT_EQ(0, rc);
	snprintf(path, sizeof(path), HM_DIR "%s", self->name);
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(1000, st.st_uid);
	EXPECT_EQ(1000, st.st_gid);
	fd = hm_open(self->name);
	hm_destroy(fd, 0);
	close(fd);
}

/* One more than the limit is refused, and there is room again when one has gone. */
TEST_F_TIMEOUT(create, max_regions, 600)
{
	struct rlimit files = { .rlim_cur = 8192, .rlim_max = 8192 };
	struct hostmem_info info, full;
	int *fds, n = 0;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	hm_limits(&info);
	fds = calloc(info.out_max_regions, sizeof(*fds));
	while (info.out_regions + n < info.out_max_regions)
		fds[n++] = hm_create(HM_BLOCK);
	hm_create_err(ENOSPC, HM_BLOCK);
	hm_create_named_err(ENOSPC, "one-too-many", HM_BLOCK);
	EXPECT_EQ(-1, access(HM_DIR "one-too-many", F_OK));
	hm_limits(&full);
	EXPECT_EQ(full.out_max_regions, full.out_regions);
	close(fds[0]);
	fds[0] = hm_create_named("one-more", HM_BLOCK);
	hm_destroy(fds[0], 0);
	while (n)
		close(fds[--n]);
	hm_limits(&full);
	EXPECT_EQ(info.out_regions, full.out_regions);
	free(fds);
}

/* Names */

static bool name_char(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '.' || c == '_' || c == '-';
}

static void set_name(__u8 *field, const char *name)
{
	memset(field, 0, HOSTMEM_NAME_MAX);
	memcpy(field, name, strnlen(name, HOSTMEM_NAME_MAX));
}

TEST_F(create, every_character)
{
	struct hostmem_region_create *cmd = &self->cmd;
	struct hostmem_region_open open = { .size = sizeof(open) };
	int c;

	for (c = 1; c < 256; c++) {
		const char first[] = { c, 0 };
		const char second[] = { 'q', c, 0 };

		set_name(cmd->name, first);
		if (name_char(c) && c != '.' && c != '-')
			create_works(cmd);
		else
			hm_create_raw_err(EINVAL, cmd);
		set_name(cmd->name, second);
		if (name_char(c))
			create_works(cmd);
		else
			hm_create_raw_err(EINVAL, cmd);
		/* Opening asks the same of a name. */
		set_name(open.name, second);
		HM_ERR(name_char(c) ? ENOENT : EINVAL,
		       ioctl(hm_control(), HOSTMEM_REGION_OPEN, &open));
	}
}

TEST_F(create, names)
{
	static const char * const wrong[] = {
		".", "..", ".x", "-x", "control", "a/b", "/a", "a/", "../x", "a b", "a\n",
		"\xc3\xa4",
	};
	static const char * const good[] = {
		"a", "0", "_", "control1", "Control", "a..b", "a-", "null", "region0",
	};
	struct hostmem_region_create *cmd = &self->cmd;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++) {
		set_name(cmd->name, wrong[i]);
		hm_create_raw_err(EINVAL, cmd);
		hm_open_err(EINVAL, wrong[i]);
	}
	for (i = 0; i < HM_ARRAY_SIZE(good); i++) {
		set_name(cmd->name, good[i]);
		create_works(cmd);
	}
}

TEST_F(create, name_length)
{
	struct hostmem_region_create *cmd = &self->cmd;
	struct hostmem_region_open open = { .size = sizeof(open) };
	char path[128];
	int i, fd;

	/* No NUL at the end. */
	memset(cmd->name, 'x', HOSTMEM_NAME_MAX);
	hm_create_raw_err(EINVAL, cmd);
	memset(open.name, 'x', HOSTMEM_NAME_MAX);
	HM_ERR(EINVAL, ioctl(hm_control(), HOSTMEM_REGION_OPEN, &open));
	/* The longest. */
	cmd->name[HOSTMEM_NAME_MAX - 1] = 0;
	fd = hm_create_raw(cmd);
	snprintf(path, sizeof(path), HM_DIR "%s", (char *)cmd->name);
	EXPECT_EQ(0, access(path, F_OK));
	close(hm_open((char *)cmd->name));
	hm_destroy(fd, 0);
	close(fd);
	/* Something behind the NUL, anywhere. */
	for (i = 2; i < HOSTMEM_NAME_MAX; i++) {
		set_name(cmd->name, "x");
		cmd->name[i] = 'y';
		hm_create_raw_err(EINVAL, cmd);
		set_name(open.name, "x");
		open.name[i] = 'y';
		HM_ERR(EINVAL, ioctl(hm_control(), HOSTMEM_REGION_OPEN, &open));
	}
	/* That makes no anonymous region either. */
	set_name(cmd->name, "");
	cmd->name[1] = 'y';
	hm_create_raw_err(EINVAL, cmd);
}

TEST_F(create, name_taken)
{
	int fd = hm_create_raw(&self->cmd);
	struct snap before;

	snap(&before, fd);
	hm_create_named_err(EEXIST, self->name, HM_BLOCK);
	hm_create_named_err(EEXIST, self->name, SIZE);
	EXPECT_UNCHANGED(&before, fd);
	/* It stays taken when nobody has it open, and is free when it is destroyed. */
	close(fd);
	hm_create_named_err(EEXIST, self->name, SIZE);
	fd = hm_open(self->name);
	hm_destroy(fd, 0);
	create_works(&self->cmd);
	close(fd);
}

TEST_F(create, open_by_name)
{
	struct hostmem_region_info info;
	int fd = hm_create_raw(&self->cmd);
	int again = hm_open(self->name);

	hm_info(again, &info);
	EXPECT_EQ(self->cmd.out_id, info.out_id);
	EXPECT_EQ(2, info.out_views);
	EXPECT_EQ(HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE | HOSTMEM_RIGHT_OWNER,
		  info.out_rights);
	EXPECT_NE(hm_view_id(fd), info.out_view_id);
	hm_destroy(again, 0);
	hm_open_err(ENOENT, self->name);
	hm_open_err(ENOENT, "no-such-region");
	hm_open_err(ENOENT, "");
	hm_open_node_err(ENOENT, self->name, O_RDWR);
	close(fd);
	close(again);
}

/* A node decides by open(2)'s mode; the file's mode by who opens it. */
TEST_F(create, data_views)
{
	static const struct {
		int flags;
		__u32 rights;
	} modes[] = {
		{ O_RDONLY, HOSTMEM_RIGHT_READ },
		{ O_WRONLY, HOSTMEM_RIGHT_WRITE },
		{ O_RDWR, HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE },
	};
	struct hostmem_region_info info;
	int owner = hm_create_raw(&self->cmd);
	size_t i;
	int fd;

	for (i = 0; i < HM_ARRAY_SIZE(modes); i++) {
		fd = hm_open_node(self->name, modes[i].flags);
		hm_info(fd, &info);
		EXPECT_EQ(modes[i].rights, info.out_rights);
		EXPECT_EQ(2, info.out_views);
		EXPECT_EQ(SIZE, info.out_view_length);
		close(fd);
	}
	hm_destroy(owner, 0);
	close(owner);
}

/* Region: ranges, blocks and slots */

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
	char name[HOSTMEM_NAME_MAX];
	struct plugger p;
	int fd, other;

	cmd = hm_create_cmd(hm_name(name), SIZE);
	cmd.allocation = HOSTMEM_ALLOCATION_IMMEDIATE;
	fd = hm_create_raw(&cmd);
	other = hm_open(name);
	if (!plugger_start(&p, other))
		SKIP(return, "no userfaultfd write protection");
	hm_revoke(fd, hm_view_id(other));
	/* It began while it had the right: either answer tells the truth. */
	if (plugger_end(&p))
		EXPECT_EQ(ENODEV, p.err);
	hm_blocks(fd, 0, SIZE, self->before.words, NULL);
	EXPECT_EQ(p.err ? 0 : 6, self->before.words[0]);
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
		HM_ERR(EINVAL, lseek(fds[i], 1, SEEK_END));
		HM_ERR(EINVAL, lseek(fds[i], -1, SEEK_SET));
	}
}

TEST_F(region, not_a_byte_stream)
{
	char byte = 0;

	HM_ERR(EINVAL, read(self->w.owner, &byte, 1));
	HM_ERR(EINVAL, write(self->w.owner, &byte, 1));
	HM_ERR(EINVAL, ftruncate(self->w.owner, SIZE));
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
