// SPDX-License-Identifier: GPL-2.0
/*
 * What all ioctls promise alike, swept over a table of calls (the fixture "call"): sizes,
 * flags, rights, fds, dead regions; a call that fails changes nothing and logs nothing.
 */
#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"
#include "world.h"

static_assert(sizeof(struct hostmem_info) == 64, "hostmem_info");
static_assert(sizeof(struct hostmem_region_create) == 72, "hostmem_region_create");
static_assert(sizeof(struct hostmem_region_open) == 16, "hostmem_region_open");
static_assert(sizeof(struct hostmem_region_destroy) == 16, "hostmem_region_destroy");
static_assert(sizeof(struct hostmem_region_info) == 104, "hostmem_region_info");
static_assert(sizeof(struct hostmem_progress) == 16, "hostmem_progress");
static_assert(sizeof(struct hostmem_region_plug) == 32, "hostmem_region_plug");
static_assert(sizeof(struct hostmem_region_unplug) == 32, "hostmem_region_unplug");
static_assert(sizeof(struct hostmem_region_preallocate) == 32, "hostmem_region_preallocate");
static_assert(sizeof(struct hostmem_region_blocks) == 40, "hostmem_region_blocks");
static_assert(sizeof(struct hostmem_slot) == 16, "hostmem_slot");
static_assert(sizeof(struct hostmem_region_slots) == 40, "hostmem_region_slots");
static_assert(sizeof(struct hostmem_view_revoke) == 24, "hostmem_view_revoke");
static_assert(sizeof(struct hostmem_view_derive) == 32, "hostmem_view_derive");

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
	struct hostmem_view_derive derive;
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
	a->open.file_fd = w->file;
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

static void fill_derive(struct world *w, union arg *a)
{
	(void)w;
	a->derive.length = HM_BLOCK;
	a->derive.rights = HOSTMEM_RIGHT_READ;
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

static void undo_derive(struct world *w, union arg *a)
{
	(void)w;
	HM_OK(close(a->derive.out_fd));
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
	bool answers;		/* fails if it cannot write to its argument */
	void (*fill)(struct world *w, union arg *a);
	void (*undo)(struct world *w, union arg *a);
};

FIXTURE_VARIANT_ADD(call, info) {
	.num = HOSTMEM_INFO, .size = sizeof(struct hostmem_info), .control = true,
	.answers = true, .fill = fill_nothing, .undo = undo_nothing,
};

FIXTURE_VARIANT_ADD(call, create) {
	.num = HOSTMEM_REGION_CREATE, .size = sizeof(struct hostmem_region_create),
	.control = true, .reserved = offsetof(struct hostmem_region_create, backing_fd),
	.answers = true, .fill = fill_create, .undo = undo_create,
};

FIXTURE_VARIANT_ADD(call, open) {
	.num = HOSTMEM_REGION_OPEN, .size = sizeof(struct hostmem_region_open),
	.control = true, .answers = true, .fill = fill_open, .undo = undo_open,
};

FIXTURE_VARIANT_ADD(call, destroy) {
	.num = HOSTMEM_REGION_DESTROY, .size = sizeof(struct hostmem_region_destroy),
	.rights = HOSTMEM_RIGHT_OWNER, .flags = HOSTMEM_DESTROY_FORCE | HOSTMEM_PINS_WAIT,
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
	.rights = HOSTMEM_RIGHT_OWNER, .flags = HOSTMEM_PINS_WAIT,
	.fill = fill_unplug, .undo = undo_unplug,
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
	.rights = HOSTMEM_RIGHT_OWNER, .flags = HOSTMEM_PINS_WAIT,
	.fill = fill_revoke, .undo = undo_revoke,
};

FIXTURE_VARIANT_ADD(call, derive) {
	.num = HOSTMEM_VIEW_DERIVE, .size = sizeof(struct hostmem_view_derive),
	.rights = HOSTMEM_RIGHT_OWNER | HOSTMEM_RIGHT_DERIVE, .flags = HOSTMEM_DERIVE_OUTLIVE,
	.answers = true, .fill = fill_derive, .undo = undo_derive,
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

	if (variant->num != HOSTMEM_REGION_CREATE && variant->num != HOSTMEM_REGION_OPEN &&
	    variant->num != HOSTMEM_VIEW_DERIVE)
		return;
	ASSERT_EQ(0, call_on(variant, &self->w, a));
	if (variant->num == HOSTMEM_VIEW_DERIVE)
		fd = a->derive.out_fd;
	else
		fd = variant->num == HOSTMEM_REGION_OPEN ? a->open.out_fd : a->create.out_fd;
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(variant->num == HOSTMEM_VIEW_DERIVE ? O_RDONLY : O_RDWR,
		  fcntl(fd, F_GETFL) & O_ACCMODE);
	close(fd);
}

TEST_F(call, no_fd_left)
{
	union arg *a = call_fill(variant, &self->w, &self->arg);
	struct rlimit old, none = {};

	if (variant->num != HOSTMEM_REGION_CREATE && variant->num != HOSTMEM_REGION_OPEN &&
	    variant->num != HOSTMEM_VIEW_DERIVE)
		return;
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none.rlim_max = old.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	HM_ERR(EMFILE, call_on(variant, &self->w, a));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_UNCHANGED(&self->before, self->w.owner);
}

/* What the caller names by file_fd */

static int fd_none(struct world *w)
{
	(void)w;
	return -2;
}

static int fd_closed(struct world *w)
{
	int fd = HM_OK(dup(w->file));

	close(fd);
	return fd;
}

static int fd_null(struct world *w)
{
	(void)w;
	return HM_OK(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static int fd_memfd(struct world *w)
{
	(void)w;
	return HM_OK(memfd_create("file", MFD_CLOEXEC));
}

static int fd_control(struct world *w)
{
	(void)w;
	return HM_OK(open(HM_CONTROL, O_RDWR | O_CLOEXEC));
}

static int fd_directory(struct world *w)
{
	(void)w;
	return HM_OK(open(HM_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int fd_derived(struct world *w)
{
	return hm_derive(w->owner, 0, HM_BLOCK, HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE, 0);
}

static int fd_empty(struct world *w)
{
	(void)w;
	return HM_OK(open(HM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

static int fd_empty_readonly(struct world *w)
{
	char name[HM_NAME_MAX];
	int fd;

	(void)w;
	close(hm_open_node(hm_name(name), O_CREAT | O_RDWR));
	fd = hm_open_node(name, O_RDONLY);
	HM_OK(unlink(hm_path(name)));
	return fd;
}

static int fd_region(struct world *w)
{
	return hm_open_node(w->name, O_RDWR);
}

static int fd_region_readonly(struct world *w)
{
	return hm_open_node(w->name, O_RDONLY);
}

static int fd_destroyed(struct world *w)
{
	int fd, owner;
	char name[HM_NAME_MAX];

	(void)w;
	owner = hm_create_named(hm_name(name), HM_BLOCK);
	fd = hm_open_node(name, O_RDWR);
	hm_destroy(owner, 0);
	close(owner);
	return fd;
}

/* What to create of it a region, and to open it as one, fails with; 0: it does not. */
static const struct {
	const char *what;
	int (*fd)(struct world *w);
	int create;
	int open;
} files[] = {
	{ "no fd", fd_none, EBADF, EBADF },
	{ "closed", fd_closed, EBADF, EBADF },
	{ "/dev/null", fd_null, EINVAL, EINVAL },
	{ "memfd", fd_memfd, EINVAL, EINVAL },
	{ "control node", fd_control, EINVAL, EINVAL },
	{ "directory", fd_directory, EINVAL, EINVAL },
	{ "derived view", fd_derived, EINVAL, EINVAL },
	{ "empty", fd_empty, 0, ENODATA },
	{ "empty, read-only", fd_empty_readonly, EPERM, ENODATA },
	{ "region", fd_region, EEXIST, 0 },
	{ "region, read-only", fd_region_readonly, EPERM, 0 },
	{ "destroyed region", fd_destroyed, EEXIST, ENODEV },
};

static int file_create(int fd)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, HM_BLOCK);

	cmd.size = sizeof(cmd);
	cmd.file_fd = fd;
	if (ioctl(hm_control(), HOSTMEM_REGION_CREATE, &cmd))
		return errno;
	close(cmd.out_fd);
	return 0;
}

static int file_open(int fd)
{
	int owner = _hm_owner(fd);

	if (owner < 0)
		return errno;
	close(owner);
	return 0;
}

TEST(file_fd)
{
	struct world w;
	size_t i;
	int fd;

	world_make(&w);
	for (i = 0; i < HM_ARRAY_SIZE(files); i++) {
		fd = files[i].fd(&w);
		EXPECT_EQ(files[i].open, file_open(fd)) {
			TH_LOG("open: %s", files[i].what);
		}
		EXPECT_EQ(files[i].create, file_create(fd)) {
			TH_LOG("create: %s", files[i].what);
		}
		close(fd);
	}
	/* To open no file is not to open an anonymous region. */
	EXPECT_EQ(EBADF, file_open(-1));
	/* O_PATH will do. */
	EXPECT_EQ(0, file_open(w.file));
	world_end(&w);
}

/* Numbers around ours, on both kinds of file. */
TEST(unknown_numbers)
{
	union arg a = { .size = sizeof(a) };
	struct world w;
	unsigned int nr;

	world_make(&w);
	for (nr = 0; nr < 256; nr++) {
		if (nr != _IOC_NR(HOSTMEM_EXTENTS) && nr != _IOC_NR(HOSTMEM_MEDIA) &&
		    (nr > _IOC_NR(HOSTMEM_REGION_OPEN) || nr < _IOC_NR(HOSTMEM_INFO)))
			HM_ERR(ENOTTY, ioctl(hm_control(), _IO(HOSTMEM_TYPE, nr), &a));
		if (nr != _IOC_NR(HOSTMEM_VIEW_DERIVE) &&
		    (nr > _IOC_NR(HOSTMEM_VIEW_REVOKE) || nr < _IOC_NR(HOSTMEM_REGION_DESTROY)))
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

TEST_HARNESS_MAIN
