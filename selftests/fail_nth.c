// SPDX-License-Identifier: GPL-2.0
/*
 * Every call that allocates, with its first, second, third... allocation failing, until it
 * comes through without that. A call that fails has to say why, leave everything as it was,
 * and work when it is tried again. What it leaves behind unseen, the guest's kmemleak finds.
 *
 * A call may succeed although an allocation failed: there are fallbacks.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"

/* Far more than any of these calls needs. */
#define MAX_NTH 3000
/* Many allocations are those of many pages, or of many VMAs: of these only some fail. */
#define ALL_NTH 40
#define STEP_NTH 61
/* Some pages, all of which are swept. */
#define SOME 0x10000

struct sweep {
	/* An owner view of a region of its own. */
	int fd;
	/* A mapping of it. */
	void *addr;
	size_t mapped;
	char name[HM_NAME_MAX];
	/* A name that is free at first. */
	char other[HM_NAME_MAX];
	/* An empty file. */
	int file_fd;
	/* What the call under test makes. */
	int out_fd;
	void *out_addr;
	__u64 view_id;
	unsigned int iterations, failures;
};

/* What a call that fails must not change. */
struct snapshot {
	__u32 regions;
	__u32 views;
	__u32 mappings;
	__u32 fds;
	__u64 generation;
	__u64 plugged;
	size_t cached;
	bool file;
	bool other;
};

struct call {
	const char *what;
	/* Not under injection: what each attempt needs. */
	void (*before)(struct sweep *s);
	/* The call: 0, or -1 and errno. */
	int (*run)(struct sweep *s);
	/* After it has succeeded although an allocation failed: what is wrong, or NULL. */
	const char *(*check)(struct sweep *s);
	/* After it has succeeded: back to what was. */
	void (*undo)(struct sweep *s);
	/* What it may fail with, ending with 0. */
	int errors[4];
};

static __u32 count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	__u32 n = 0;

	HM_TRUE(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static struct snapshot snapshot(struct sweep *s)
{
	struct snapshot shot;
	struct hostmem_region_info info;
	struct hostmem_info limits;

	memset(&shot, 0, sizeof(shot));
	hm_limits(&limits);
	shot.regions = limits.out_regions;
	shot.fds = count_fds();
	if (*s->name)
		shot.file = !access(hm_path(s->name), F_OK);
	if (*s->other)
		shot.other = !access(hm_path(s->other), F_OK);
	hm_info(s->fd, &info);
	shot.views = info.out_views;
	shot.mappings = info.out_mappings;
	shot.generation = info.out_generation;
	shot.plugged = info.out_plugged;
	if (s->addr)
		shot.cached = hm_cached_pages(s->addr, s->mapped);
	return shot;
}

static const char *changed(const struct snapshot *a, const struct snapshot *b)
{
	if (a->regions != b->regions)
		return "regions";
	if (a->views != b->views)
		return "views";
	if (a->mappings != b->mappings)
		return "mappings";
	if (a->fds != b->fds)
		return "fds";
	if (a->generation != b->generation)
		return "generation";
	if (a->plugged != b->plugged)
		return "plugged";
	if (a->cached != b->cached)
		return "page cache";
	if (a->file != b->file)
		return "file";
	return a->other != b->other ? "other file" : NULL;
}

static bool is_expected(const struct call *call, int err)
{
	size_t i;

	for (i = 0; call->errors[i]; i++) {
		if (call->errors[i] == err)
			return true;
	}
	return false;
}

/* One attempt. Returns whether an allocation failed; counts what is wrong in @wrong. */
static bool attempt(struct sweep *s, const struct call *call, int nth_fd, unsigned int nth,
		    unsigned int *wrong)
{
	struct snapshot before, after;
	const char *what;
	int rc, err;
	bool hit;

	if (call->before)
		call->before(s);
	before = snapshot(s);
	hm_fail_arm(nth_fd, nth);
	rc = call->run(s);
	err = errno;
	hit = hm_fail_disarm(nth_fd);
	s->iterations++;
	if (rc) {
		s->failures++;
		after = snapshot(s);
		what = changed(&before, &after);
		if (what || !hit || !is_expected(call, err)) {
			printf("# %s, allocation %u: %s%s%s%s", call->what, nth, strerror(err),
			       hit ? "" : ", but nothing was injected",
			       what ? ", changed: " : "", what ?: "");
			printf(" (%zu and %zu cached pages)\n", before.cached, after.cached);
			++*wrong;
		}
		if (call->run(s)) {
			printf("# %s, after allocation %u failed, again: %s\n", call->what, nth,
			       strerror(errno));
			HM_TRUE(!"the next call succeeds");
		}
	}
	what = !rc && call->check ? call->check(s) : NULL;
	if (what) {
		printf("# %s, allocation %u: no error, but %s\n", call->what, nth, what);
		++*wrong;
	}
	if (call->undo)
		call->undo(s);
	return hit;
}

static unsigned int sweep(struct sweep *s, const struct call *call)
{
	int nth_fd = HM_OK(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
	unsigned int nth = 1, wrong = 0;

	s->iterations = 0;
	s->failures = 0;
	while (attempt(s, call, nth_fd, nth, &wrong)) {
		nth += nth < ALL_NTH ? 1 : STEP_NTH;
		HM_TRUE(nth < MAX_NTH);
	}
	close(nth_fd);
	printf("# %s: %u attempts, %u failed, %u wrong\n", call->what, s->iterations,
	       s->failures, wrong);
	return wrong;
}

/* The calls */

static int run_create(struct sweep *s)
{
	s->out_fd = _hm_create(4 * HM_BLOCK);
	return s->out_fd < 0 ? -1 : 0;
}

static void undo_fd(struct sweep *s)
{
	close(s->out_fd);
}

static void before_tmpfile(struct sweep *s)
{
	s->file_fd = HM_OK(open(HM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

static int run_create_file(struct sweep *s)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, 4 * HM_BLOCK);

	cmd.size = sizeof(cmd);
	cmd.file_fd = s->file_fd;
	if (ioctl(hm_control(), HOSTMEM_REGION_CREATE, &cmd))
		return -1;
	s->out_fd = cmd.out_fd;
	return 0;
}

static const char *check_create_file(struct sweep *s)
{
	return lseek(s->file_fd, 0, SEEK_END) == 4 * HM_BLOCK ? NULL : "the file has another size";
}

static void undo_create_file(struct sweep *s)
{
	close(s->file_fd);
	close(s->out_fd);
}

static int run_truncate(struct sweep *s)
{
	return ftruncate(s->file_fd, 4 * HM_BLOCK);
}

static void undo_tmpfile(struct sweep *s)
{
	close(s->file_fd);
}

/* Whether a file is left that could be made, but not opened, is not up to its file system. */
static int run_open_creat(struct sweep *s)
{
	int err;

	s->out_fd = _hm_open_node(s->other, O_CREAT | O_RDWR);
	err = errno;
	if (s->out_fd < 0)
		unlink(hm_path(s->other));
	errno = err;
	return s->out_fd < 0 ? -1 : 0;
}

static void undo_other(struct sweep *s)
{
	HM_OK(unlink(hm_path(s->other)));
}

static void undo_open_creat(struct sweep *s)
{
	close(s->out_fd);
	undo_other(s);
}

static int run_open_tmpfile(struct sweep *s)
{
	s->out_fd = open(HM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return s->out_fd < 0 ? -1 : 0;
}

static int run_link(struct sweep *s)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->file_fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, hm_path(s->other), AT_SYMLINK_FOLLOW);
}

static void undo_link(struct sweep *s)
{
	undo_tmpfile(s);
	undo_other(s);
}

static int run_mkdir(struct sweep *s)
{
	return mkdir(hm_path(s->other), 0755);
}

static void undo_mkdir(struct sweep *s)
{
	HM_OK(rmdir(hm_path(s->other)));
}

static int move(const char *old, const char *new)
{
	char path[sizeof(HM_DIR) + HM_NAME_MAX];

	snprintf(path, sizeof(path), HM_DIR "%s", old);
	return rename(path, hm_path(new));
}

static int run_rename(struct sweep *s)
{
	return move(s->name, s->other);
}

static void undo_rename(struct sweep *s)
{
	HM_OK(move(s->other, s->name));
}

static void before_other(struct sweep *s)
{
	close(hm_create_named(s->other, HM_BLOCK));
}

static int run_unlink(struct sweep *s)
{
	return unlink(hm_path(s->other));
}

static int run_allocate(struct sweep *s)
{
	return fallocate(s->fd, 0, 0, SOME);
}

static int run_punch(struct sweep *s)
{
	return fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HM_BLOCK);
}

static int run_statfs(struct sweep *s)
{
	struct statfs st;

	(void)s;
	return statfs(HM_DIR, &st);
}

static int run_open(struct sweep *s)
{
	s->out_fd = _hm_open(s->name);
	return s->out_fd < 0 ? -1 : 0;
}

static int run_open_node(struct sweep *s)
{
	s->out_fd = _hm_open_node(s->name, O_RDWR);
	return s->out_fd < 0 ? -1 : 0;
}

static int run_map(struct sweep *s)
{
	s->out_addr = _hm_map(s->fd, 0, 4 * HM_BLOCK, PROT_READ | PROT_WRITE);
	return s->out_addr == MAP_FAILED ? -1 : 0;
}

static void undo_map(struct sweep *s)
{
	HM_OK(munmap(s->out_addr, 4 * HM_BLOCK));
}

static void before_unplugged(struct sweep *s)
{
	struct hostmem_region_info info;

	hm_info(s->fd, &info);
	if (info.out_plugged)
		hm_unplug(s->fd, 0, info.out_plugged);
}

static void before_plugged(struct sweep *s)
{
	struct hostmem_region_info info;

	hm_info(s->fd, &info);
	if (!info.out_plugged)
		hm_plug(s->fd, 0, HM_BLOCK);
}

static int run_plug(struct sweep *s)
{
	return _hm_plug(s->fd, 0, HM_BLOCK);
}

static void before_empty(struct sweep *s)
{
	before_unplugged(s);
	hm_plug(s->fd, 0, HM_BLOCK);
}

static int run_preallocate(struct sweep *s)
{
	return _hm_preallocate(s->fd, 0, SOME);
}

/* A fault is tried again until there is memory: it may not end in SIGBUS. */
static int run_touch(struct sweep *s)
{
	errno = EFAULT;
	return hm_write_faults(s->addr, 1) ? -1 : 0;
}

static int run_blocks(struct sweep *s)
{
	__u64 words[1];

	return _hm_blocks(s->fd, 0, 4 * HM_BLOCK, words, NULL);
}

static int run_slots(struct sweep *s)
{
	struct hostmem_slot slots[4];
	__u32 count = HM_ARRAY_SIZE(slots);

	return _hm_slots(s->fd, HM_BLOCK, slots, &count);
}

static void before_touched(struct sweep *s)
{
	before_plugged(s);
	HM_TRUE(!hm_write_faults(s->addr, 1));
}

static int run_unplug(struct sweep *s)
{
	return _hm_unplug(s->fd, 0, HM_BLOCK);
}

static void before_view(struct sweep *s)
{
	before_touched(s);
	s->out_fd = hm_open_node(s->name, O_RDWR);
	s->out_addr = hm_map(s->out_fd, 0, 4 * HM_BLOCK, PROT_READ | PROT_WRITE);
	HM_TRUE(!hm_write_faults(s->out_addr, 1));
	s->view_id = hm_view_id(s->out_fd);
}

static int run_derive(struct sweep *s)
{
	s->out_fd = _hm_derive(s->fd, 0, HM_BLOCK, HOSTMEM_RIGHT_READ, 0);
	return s->out_fd < 0 ? -1 : 0;
}

static int run_revoke(struct sweep *s)
{
	return _hm_revoke(s->fd, s->view_id);
}

static void undo_view(struct sweep *s)
{
	HM_TRUE(hm_read_faults(s->out_addr));
	undo_map(s);
	undo_fd(s);
}

static void before_destroy(struct sweep *s)
{
	s->out_fd = hm_create(4 * HM_BLOCK);
	hm_plug(s->out_fd, 0, HM_BLOCK);
	s->out_addr = hm_map(s->out_fd, 0, 4 * HM_BLOCK, PROT_READ | PROT_WRITE);
	HM_TRUE(!hm_write_faults(s->out_addr, 1));
}

static int run_destroy(struct sweep *s)
{
	return _hm_destroy(s->out_fd, HOSTMEM_DESTROY_FORCE);
}

static int run_fork(struct sweep *s)
{
	pid_t pid = fork();

	if (!pid)
		_exit(hm_write_faults(s->addr, 2));
	if (pid < 0)
		return -1;
	HM_TRUE(!hm_wait(pid));
	return 0;
}

FIXTURE(fail_nth)
{
	struct sweep sweep;
	bool available;
};

FIXTURE_VARIANT(fail_nth)
{
	__u32 huge;
	__u32 allocation;
};

FIXTURE_VARIANT_ADD(fail_nth, huge)
{
	.huge = HOSTMEM_HUGE_ALWAYS,
};

FIXTURE_VARIANT_ADD(fail_nth, base)
{
	.huge = HOSTMEM_HUGE_NEVER,
};

FIXTURE_VARIANT_ADD(fail_nth, immediate_huge)
{
	.huge = HOSTMEM_HUGE_ALWAYS, .allocation = HOSTMEM_ALLOCATION_IMMEDIATE,
};

FIXTURE_VARIANT_ADD(fail_nth, immediate_base)
{
	.huge = HOSTMEM_HUGE_NEVER, .allocation = HOSTMEM_ALLOCATION_IMMEDIATE,
};

FIXTURE_SETUP(fail_nth)
{
	struct sweep *s = &self->sweep;
	struct hostmem_region_create cmd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	self->available = hm_fail_setup();
	hm_name(s->name);
	hm_name(s->other);
	cmd = hm_create_cmd(s->name, 4 * HM_BLOCK);
	cmd.huge = variant->huge;
	cmd.allocation = variant->allocation;
	s->fd = hm_create_raw(&cmd);
	s->mapped = 4 * HM_BLOCK;
	s->addr = hm_map(s->fd, 0, s->mapped, PROT_READ | PROT_WRITE);
}

FIXTURE_TEARDOWN(fail_nth)
{
	hm_destroy(self->sweep.fd, HOSTMEM_DESTROY_FORCE);
	close(self->sweep.fd);
}

/* What depends on how a region allocates has the variants; the rest is swept in the first. */
#define FAIL_NTH(_name, _variants, ...)						\
	TEST_F_TIMEOUT(fail_nth, _name, 1200)					\
	{									\
		struct call call = { .what = #_name, __VA_ARGS__ };		\
										\
		if (!self->available)						\
			SKIP(return, "no fault injection in this kernel");	\
		if (!(_variants) && (variant->huge || variant->allocation))	\
			SKIP(return, "the same in all variants");		\
		EXPECT_EQ(0, sweep(&self->sweep, &call));			\
	}

FAIL_NTH(create, false, .run = run_create, .undo = undo_fd, .errors = { ENOMEM })
FAIL_NTH(create_file, false, .before = before_tmpfile, .run = run_create_file,
	 .check = check_create_file, .undo = undo_create_file, .errors = { ENOMEM })
FAIL_NTH(truncate, false, .before = before_tmpfile, .run = run_truncate,
	 .check = check_create_file, .undo = undo_tmpfile, .errors = { ENOMEM })
FAIL_NTH(open_creat, false, .run = run_open_creat, .undo = undo_open_creat, .errors = { ENOMEM })
FAIL_NTH(open_tmpfile, false, .run = run_open_tmpfile, .undo = undo_fd, .errors = { ENOMEM })
FAIL_NTH(link, false, .before = before_tmpfile, .run = run_link, .undo = undo_link,
	 .errors = { ENOMEM })
FAIL_NTH(mkdir, false, .run = run_mkdir, .undo = undo_mkdir, .errors = { ENOMEM })
FAIL_NTH(rename, false, .run = run_rename, .undo = undo_rename, .errors = { ENOMEM })
FAIL_NTH(unlink, false, .before = before_other, .run = run_unlink, .errors = { ENOMEM })
FAIL_NTH(statfs, false, .run = run_statfs, .errors = { ENOMEM })
FAIL_NTH(open, false, .run = run_open, .undo = undo_fd, .errors = { ENOMEM })
FAIL_NTH(open_node, false, .run = run_open_node, .undo = undo_fd, .errors = { ENOMEM })
FAIL_NTH(derive, false, .run = run_derive, .undo = undo_fd, .errors = { ENOMEM })
FAIL_NTH(map, false, .run = run_map, .undo = undo_map, .errors = { ENOMEM })
FAIL_NTH(plug, true, .before = before_unplugged, .run = run_plug,
	 .errors = { variant->allocation ? ENOMEM : 0, ENOSPC })
FAIL_NTH(preallocate, true, .before = before_empty, .run = run_preallocate,
	 .errors = { ENOMEM, ENOSPC })
FAIL_NTH(allocate, true, .before = before_empty, .run = run_allocate,
	 .errors = { ENOMEM, ENOSPC })
FAIL_NTH(punch, false, .before = before_touched, .run = run_punch, .errors = { ENOMEM })
FAIL_NTH(touch, true, .before = before_empty, .run = run_touch)
FAIL_NTH(blocks, false, .before = before_plugged, .run = run_blocks, .errors = { ENOMEM })
FAIL_NTH(slots, false, .before = before_plugged, .run = run_slots, .errors = { ENOMEM })
FAIL_NTH(unplug, true, .before = before_touched, .run = run_unplug)
FAIL_NTH(revoke, true, .before = before_view, .run = run_revoke, .undo = undo_view)
FAIL_NTH(destroy, false, .before = before_destroy, .run = run_destroy, .undo = undo_view)
FAIL_NTH(fork, true, .before = before_touched, .run = run_fork, .errors = { ENOMEM, EAGAIN })

TEST_HARNESS_MAIN
