// SPDX-License-Identifier: GPL-2.0
/*
 * The guard race: two processes with two threads each, and a vCPU, touch random blocks of
 * a region as fast as they can, and a third one pins, preallocates, punches, reads, writes, syncs,
 * derives and destroys, while this process plugs and unplugs blocks and revokes a view.
 *
 * What a broken guard leaves behind may come late: a fault that was on its way when unplug or
 * revoke returned. So everything is looked at twice, at once and a while later, just before
 * the block is plugged again or the revoked mapping goes.
 *
 * A block's or view's state is published in shared memory, with a number that changes with
 * every change. Who touches reads it before and after: if it was the same, then
 * an unplugged block or a revoked view must have given SIGBUS, and all else must not.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/io_uring.h>

#include "harness.h"
#include "kvm.h"
#include "lib.h"

/* Few blocks and few pages in each: who touches and who changes shall meet often. */
#define BLOCKS 8
#define SIZE (BLOCKS * HM_BLOCK)
#define PAGE 4096UL
#define STEP (32 * PAGE)
#define PAGES (HM_BLOCK / STEP)
#define GPA 0x40000000U
/* Each of these pages is touched at 0 and stamped by this process at 64. */
#define STAMP 64
/* Seconds that a vCPU which shares a processor with many may need for one exit. */
#define PATIENCE 300

/* Kinds of state; a number that changes with every change is above them. */
enum { CHANGING, THERE, GONE, WANTED, KINDS };

/* What can be wrong. */
enum { MAPPED, CACHED, REACHED, STALE, LOST, ALIVE, NR_WRONG };
static const char *const wrong_names[NR_WRONG] = {
	[MAPPED] = "mapped", [CACHED] = "cached", [REACHED] = "reached", [STALE] = "stale",
	[LOST] = "lost", [ALIVE] = "alive",
};

enum { PROC_VMM, PROC_BACKEND, NR_PROCS };

struct shared {
	_Atomic bool stop;
	_Atomic __u32 block[BLOCKS];
	/* The view that is revoked, of PROC_BACKEND. */
	_Atomic __u32 victim;
	__u64 victim_id;
	char *victim_addr;
	char *addr[NR_PROCS];
	_Atomic int ready;
	/* A guest physical address that the vCPU shall touch; 0: none, 1: it could, 2: EFAULT. */
	_Atomic __u32 probe;
	_Atomic unsigned long touches, faults, vcpu_exits, vcpu_faults, acts;
	_Atomic unsigned long wrong[NR_WRONG];
};

static struct shared *shared;

static void set_state(_Atomic __u32 *state, __u32 kind)
{
	atomic_store(state, (atomic_load(state) / KINDS + 1) * KINDS + kind);
}

static __u32 kind_of(__u32 state)
{
	return state % KINDS;
}

static __u32 rnd(__u32 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Those who touch */

struct toucher {
	pthread_t thread;
	char *addr;
	char *victim;
	__u32 seed;
};

/* Judge a touch by what was true all the time that it took. */
static void judge(__u32 block, __u32 view, bool faulted)
{
	if (kind_of(block) == GONE || kind_of(view) == GONE) {
		if (!faulted)
			shared->wrong[REACHED]++;
	} else if (kind_of(block) == THERE && kind_of(view) == THERE && faulted) {
		shared->wrong[LOST]++;
	}
}

static void touch_once(struct toucher *t)
{
	__u32 r = rnd(&t->seed), nr = r % BLOCKS;
	bool use_victim = t->victim && r & 0x100, faulted;
	char *block = (use_victim ? t->victim : t->addr) + nr * HM_BLOCK;
	char *page = block + (r >> 9) % PAGES * STEP;
	__u32 always = THERE, state, view;

	/* Without its page table entries the next touch has to ask the guard again. */
	if (r >> 30 != 3)
		madvise(block, HM_BLOCK, MADV_DONTNEED);
	state = atomic_load(&shared->block[nr]);
	view = use_victim ? atomic_load(&shared->victim) : always;
	faulted = r & 0x20000000 ? hm_write_faults(page, r) : hm_read_faults(page);
	if (state == atomic_load(&shared->block[nr]) &&
	    view == (use_victim ? atomic_load(&shared->victim) : always))
		judge(state, view, faulted);
	shared->touches++;
	shared->faults += faulted;
}

static void *touch(void *arg)
{
	while (!shared->stop)
		touch_once(arg);
	return NULL;
}

/*
 * The vCPU: edx random, ebx mask, ebp base, edi accesses until it exits. race_touch touches
 * eax once.
 */
extern const char race_code[], race_touch[], race_code_end[];
asm(".pushsection .rodata\n"
	".code32\n"
	"race_code:\n"
	"	imul $1103515245, %edx, %edx\n"
	"	add $12345, %edx\n"
	"	mov %edx, %eax\n"
	"	and %ebx, %eax\n"
	"	add %ebp, %eax\n"
	"	test %edx, %edx\n"
	"	js 1f\n"
	"	mov (%eax), %esi\n"
	"	jmp 2f\n"
	"1:	mov %edx, (%eax)\n"
	"2:	dec %ecx\n"
	"	jnz race_code\n"
	"	out %al, $1\n"
	"	mov %edi, %ecx\n"
	"	jmp race_code\n"
	"race_touch:\n"
	"	mov (%eax), %esi\n"
	"	out %al, $2\n"
	"race_code_end:\n"
	".code64\n"
	".popsection\n");

static void vcpu_start(struct hm_kvm *k, __u32 random)
{
	hm_kvm_set(k, (struct kvm_regs) {
		.rdx = random, .rbx = (SIZE - 1) & ~(STEP - 1), .rbp = GPA,
		.rcx = 8, .rdi = 8,
	});
}

static void vcpu_probe(struct hm_kvm *k, __u32 gpa)
{
	hm_kvm_set(k, (struct kvm_regs) { .rip = race_touch - race_code, .rax = gpa });
	atomic_store(&shared->probe, hm_kvm_run(k) == 2 ? 1 : 2);
}

static void *vcpu(void *arg)
{
	struct toucher *t = arg;
	struct hm_kvm k = hm_kvm_new();
	__u32 gpa;

	hm_kvm_boot(&k, race_code, race_code_end - race_code);
	hm_kvm_slot(&k, 1, GPA, SIZE, t->addr);
	vcpu_start(&k, rnd(&t->seed));
	while (!shared->stop) {
		gpa = atomic_load(&shared->probe);
		if (gpa >= GPA)
			vcpu_probe(&k, gpa);
		else if (hm_kvm_run(&k) < 0)
			shared->vcpu_faults++;
		else
			shared->vcpu_exits++;
		vcpu_start(&k, rnd(&t->seed));
	}
	hm_kvm_free(&k);
	return NULL;
}

/* Open a view to be revoked; its mapping takes the place of the one before. */
static int new_victim(const char *name)
{
	int fd = hm_open_node(name, O_RDWR);

	shared->victim_addr = HM_OK((char *)mmap(shared->victim_addr, SIZE,
						 PROT_READ | PROT_WRITE, MAP_SHARED |
						 (shared->victim_addr ? MAP_FIXED : 0), fd, 0));
	shared->victim_id = hm_view_id(fd);
	set_state(&shared->victim, THERE);
	return fd;
}

/* While the others touch: a new view for each that was revoked, whose fd must be dead. */
static void replace_victims(const char *name, int victim)
{
	struct hostmem_region_info info;

	while (!shared->stop) {
		usleep(200);
		if (kind_of(atomic_load(&shared->victim)) != WANTED)
			continue;
		if (!_hm_info(victim, &info) || errno != ENODEV)
			shared->wrong[ALIVE]++;
		close(victim);
		victim = new_victim(name);
	}
}

static void toucher_process(int nr, const char *name)
{
	struct toucher touchers[3] = { };
	int fd = hm_open_node(name, O_RDWR), victim = -1, threads = 2, i;
	char *addr = hm_map(fd, 0, SIZE, PROT_READ | PROT_WRITE);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Who changes, and the kernel threads it waits for, go first: more changes. */
	HM_OK(setpriority(PRIO_PROCESS, 0, 19));
	shared->addr[nr] = addr;
	if (nr == PROC_BACKEND)
		victim = new_victim(name);
	else
		threads += hm_kvm_available();
	for (i = 0; i < threads; i++) {
		touchers[i].addr = addr;
		touchers[i].victim = victim < 0 ? NULL : shared->victim_addr;
		touchers[i].seed = getpid() * 31 + i + 1;
		HM_TRUE(!pthread_create(&touchers[i].thread, NULL, i < 2 ? touch : vcpu,
					&touchers[i]));
	}
	shared->ready++;
	if (victim >= 0)
		replace_victims(name, victim);
	for (i = 0; i < threads; i++)
		pthread_join(touchers[i].thread, NULL);
	exit(0);
}

/* Those who call */

struct actor {
	pthread_t thread;
	void (*act)(struct actor *a);
	const char *name;
	int fd;		/* a data view... */
	char *addr;	/* ...and its mapping */
	int owner;
	int pipe[2];
	int ring;
	__u32 seed;
};

/* What a call may end with when the block is not plugged, or goes while it runs. */
static void act_may_fail(int rc)
{
	HM_TRUE(!rc || errno == ENOENT || errno == EFAULT || errno == ENODEV || errno == EBUSY);
}

static char *act_block(struct actor *a)
{
	return a->addr + rnd(&a->seed) % BLOCKS * HM_BLOCK;
}

static void act_preallocate(struct actor *a)
{
	act_may_fail(_hm_preallocate(a->fd, act_block(a) - a->addr, HM_BLOCK));
}

/* Of a page that nobody else looks at. */
static void act_punch(struct actor *a)
{
	char *p = act_block(a) + rnd(&a->seed) % PAGES * STEP + STEP / 2;

	if (rnd(&a->seed) % 2)
		madvise(p, PAGE, MADV_REMOVE);
	else
		act_may_fail(fallocate(a->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       p - a->addr, PAGE));
}

/* Write and read a page that nobody else looks at, past all page tables. */
static void act_io(struct actor *a)
{
	__u32 nr = rnd(&a->seed) % BLOCKS, state = atomic_load(&shared->block[nr]);
	off_t pos = nr * HM_BLOCK + rnd(&a->seed) % PAGES * STEP + STEP / 2;
	static char buf[PAGE];
	bool written = pwrite(a->fd, buf, PAGE, pos) == (ssize_t)PAGE;

	if (state == atomic_load(&shared->block[nr]))
		judge(state, THERE, !written);
	HM_TRUE(pread(a->fd, buf, PAGE, pos) == (ssize_t)PAGE);
}

/* A region that is made by its size, and has lost its name before it is used. */
static void act_file(struct actor *a)
{
	char name[HM_NAME_MAX];
	int fd = hm_open_node(hm_name(name), O_CREAT | O_EXCL | O_RDWR);
	char *p;

	HM_OK(ftruncate(fd, HM_BLOCK));
	HM_OK(unlink(hm_path(name)));
	p = hm_map(fd, 0, HM_BLOCK, PROT_READ | PROT_WRITE);
	close(fd);
	if (hm_write_faults(p + rnd(&a->seed) % PAGES * STEP, 1))
		shared->wrong[LOST]++;
	munmap(p, HM_BLOCK);
}

static void act_sync(struct actor *a)
{
	act_may_fail(fsync(a->fd));
	msync(act_block(a), HM_BLOCK, MS_SYNC);
}

/* Have pages in a pipe for a while: they may be freed, and then stay what they were. */
static void act_splice(struct actor *a)
{
	struct iovec iov = { .iov_base = act_block(a), .iov_len = 4 * PAGE };
	static char buf[4 * PAGE];
	ssize_t n = vmsplice(a->pipe[1], &iov, 1, 0);

	usleep(rnd(&a->seed) % 1024);
	while (n > 0)
		n -= HM_OK(read(a->pipe[0], buf, sizeof(buf)));
}

/* The longest pins that there are. */
static void act_register(struct actor *a)
{
	struct iovec iov = { .iov_base = act_block(a), .iov_len = HM_BLOCK };

	if (a->ring < 0 ||
	    syscall(SYS_io_uring_register, a->ring, IORING_REGISTER_BUFFERS, &iov, 1))
		return;
	usleep(rnd(&a->seed) % 1024);
	HM_OK(syscall(SYS_io_uring_register, a->ring, IORING_UNREGISTER_BUFFERS, NULL, 0));
}

/* A view of two blocks, its own view of the second one, and the end of the first one. */
static void act_derive(struct actor *a)
{
	__u32 rights = HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE, nr = rnd(&a->seed) % (BLOCKS - 1);
	int parent = hm_derive(a->owner, nr * HM_BLOCK, 2 * HM_BLOCK,
			       rights | HOSTMEM_RIGHT_DERIVE, 0);
	int child = hm_derive(parent, HM_BLOCK, HM_BLOCK, rights, 0);
	char *p = hm_map(child, 0, HM_BLOCK, PROT_READ | PROT_WRITE);

	hm_read_faults(p + rnd(&a->seed) % PAGES * STEP);
	hm_revoke(a->owner, hm_view_id(parent));
	if (!hm_read_faults(p))
		shared->wrong[REACHED]++;
	munmap(p, HM_BLOCK);
	close(parent);
	close(child);
}

/* A region of our own that goes while it is mapped. */
static void act_destroy(struct actor *a)
{
	int fd = hm_create(HM_BLOCK);
	char *p = hm_map(fd, 0, HM_BLOCK, PROT_READ | PROT_WRITE);

	hm_plug(fd, 0, HM_BLOCK);
	hm_write_faults(p + rnd(&a->seed) % PAGES * STEP, 1);
	hm_destroy(fd, HOSTMEM_DESTROY_FORCE);
	if (!hm_read_faults(p))
		shared->wrong[REACHED]++;
	munmap(p, HM_BLOCK);
	close(fd);
}

static void *actor(void *arg)
{
	struct actor *a = arg;
	struct io_uring_params params = {};

	a->fd = hm_open_node(a->name, O_RDWR);
	a->addr = hm_map(a->fd, 0, SIZE, PROT_READ | PROT_WRITE);
	a->owner = hm_open(a->name);
	HM_OK(pipe(a->pipe));
	/* Where there is none, nothing is registered. */
	a->ring = syscall(SYS_io_uring_setup, 1, &params);
	while (!shared->stop) {
		a->act(a);
		shared->acts++;
		usleep(rnd(&a->seed) % 512);
	}
	return NULL;
}

static void actor_process(const char *name)
{
	static void (*const acts[])(struct actor *a) = {
		act_preallocate, act_punch, act_io, act_file, act_sync, act_splice, act_register,
		act_derive, act_destroy,
	};
	struct actor actors[HM_ARRAY_SIZE(acts)] = {};
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	HM_OK(setpriority(PRIO_PROCESS, 0, 19));
	for (i = 0; i < HM_ARRAY_SIZE(acts); i++) {
		actors[i].act = acts[i];
		actors[i].name = name;
		actors[i].seed = getpid() * 31 + i + 1;
		HM_TRUE(!pthread_create(&actors[i].thread, NULL, actor, &actors[i]));
	}
	shared->ready++;
	for (i = 0; i < HM_ARRAY_SIZE(acts); i++)
		pthread_join(actors[i].thread, NULL);
	exit(0);
}

/* Who changes and checks */

struct race {
	int fd;
	char *addr;
	pid_t pid[NR_PROCS], actors;
	int pagemap[NR_PROCS];
	bool plugged[BLOCKS];
	__u64 stamp[BLOCKS];
	__u64 last_stamp;
	bool has_vcpu;
	__u32 seed;
	unsigned long plugs, unplugs, revokes;
};

static void complain(int what, unsigned long n, const char *when, int where)
{
	/* The first few say enough. */
	if (n && !shared->wrong[what])
		printf("# %s: %lu pages, %s, %d\n", wrong_names[what], n, when, where);
	shared->wrong[what] += n;
}

/* Pages of a range of another process that have a page table entry with something in it. */
static unsigned long mapped_pages(int pagemap, const char *addr, size_t length)
{
	static __u64 entries[SIZE / PAGE];
	size_t bytes = length / PAGE * sizeof(*entries), i;
	unsigned long n = 0;

	HM_TRUE(pread(pagemap, entries, bytes, (uintptr_t)addr / PAGE * sizeof(*entries)) ==
		(ssize_t)bytes);
	for (i = 0; i < length / PAGE; i++)
		n += !!(entries[i] >> 62);
	return n;
}

static void probe_vcpu(struct race *r, int nr)
{
	double end = hm_now() + PATIENCE * 1e3;

	if (!r->has_vcpu)
		return;
	atomic_store(&shared->probe, GPA + nr * HM_BLOCK);
	while (atomic_load(&shared->probe) >= GPA && hm_now() < end)
		usleep(100);
	HM_TRUE(atomic_load(&shared->probe) < GPA);
	complain(REACHED, atomic_load(&shared->probe) == 1, "by the vCPU, block", nr);
}

/* Nothing of an unplugged block is left: page tables, page cache, probes. */
static void check_gone(struct race *r, int nr, const char *when)
{
	size_t offset = nr * HM_BLOCK;
	int i;

	for (i = 0; i < NR_PROCS; i++)
		complain(MAPPED, mapped_pages(r->pagemap[i], shared->addr[i] + offset, HM_BLOCK),
			 when, nr);
	complain(MAPPED, mapped_pages(r->pagemap[PROC_BACKEND], shared->victim_addr + offset,
				      HM_BLOCK), when, nr);
	complain(MAPPED, hm_mapped_pages(r->addr + offset, HM_BLOCK), when, nr);
	complain(CACHED, hm_cached_pages(r->addr + offset, HM_BLOCK), when, nr);
	complain(REACHED, !hm_read_faults(r->addr + offset), when, nr);
	complain(REACHED, !hm_write_faults(r->addr + offset + PAGE, 1), when, nr);
}

static void plug_block(struct race *r, int nr)
{
	char *block = r->addr + nr * HM_BLOCK;
	unsigned long stale = 0, i;

	check_gone(r, nr, "before plug, block");
	set_state(&shared->block[nr], CHANGING);
	hm_plug(r->fd, nr * HM_BLOCK, HM_BLOCK);
	r->stamp[nr] = ++r->last_stamp;
	for (i = 0; i < PAGES; i++) {
		__u64 *stamp = (__u64 *)(block + i * STEP + STAMP);

		stale += !!*stamp;
		*stamp = r->stamp[nr];
	}
	complain(STALE, stale, "after plug, block", nr);
	r->plugged[nr] = true;
	r->plugs++;
	set_state(&shared->block[nr], THERE);
}

static void unplug_block(struct race *r, int nr)
{
	set_state(&shared->block[nr], CHANGING);
	hm_unplug(r->fd, nr * HM_BLOCK, HM_BLOCK);
	set_state(&shared->block[nr], GONE);
	check_gone(r, nr, "after unplug, block");
	probe_vcpu(r, nr);
	r->plugged[nr] = false;
	r->unplugs++;
}

static void check_revoked(struct race *r, const char *when)
{
	complain(MAPPED, mapped_pages(r->pagemap[PROC_BACKEND], shared->victim_addr, SIZE),
		 when, r->revokes);
}

/* What other views see is as it was. */
static void check_data(struct race *r)
{
	int nr;

	for (nr = 0; nr < BLOCKS; nr++) {
		char *page = r->addr + nr * HM_BLOCK + rnd(&r->seed) % PAGES * STEP;

		if (r->plugged[nr])
			complain(LOST, hm_read_faults(page) ||
				 *(__u64 *)(page + STAMP) != r->stamp[nr], "block", nr);
	}
}

static void revoke_view(struct race *r)
{
	set_state(&shared->victim, CHANGING);
	hm_revoke(r->fd, shared->victim_id);
	set_state(&shared->victim, GONE);
	check_revoked(r, "after revoke");
	check_data(r);
	usleep(rnd(&r->seed) % 4096);
	check_revoked(r, "a while after revoke");
	r->revokes++;
	set_state(&shared->victim, WANTED);
}

static void change(struct race *r)
{
	int nr = rnd(&r->seed) % BLOCKS;

	if (kind_of(atomic_load(&shared->victim)) == THERE && rnd(&r->seed) % 3 == 0)
		revoke_view(r);
	else if (r->plugged[nr])
		unplug_block(r, nr);
	else
		plug_block(r, nr);
}

static void start(struct race *r, const char *name)
{
	char path[64];
	int i;

	for (i = 0; i < NR_PROCS; i++) {
		r->pid[i] = HM_OK(fork());
		if (!r->pid[i])
			toucher_process(i, name);
		snprintf(path, sizeof(path), "/proc/%d/pagemap", r->pid[i]);
		r->pagemap[i] = HM_OK(open(path, O_RDONLY | O_CLOEXEC));
	}
	r->actors = HM_OK(fork());
	if (!r->actors)
		actor_process(name);
	while (shared->ready < NR_PROCS + 1)
		usleep(1000);
}

static void stop(struct race *r)
{
	int nr, i;

	for (nr = 0; nr < BLOCKS; nr++) {
		if (!r->plugged[nr])
			check_gone(r, nr, "at the end, block");
	}
	shared->stop = true;
	for (i = 0; i < NR_PROCS; i++)
		hm_wait(r->pid[i]);
	HM_TRUE(!hm_wait(r->actors));
}

static unsigned long report(const struct race *r, const char *name)
{
	unsigned long sum = 0;
	int i;

	printf("# %s: %lu plugs, %lu unplugs, %lu revokes; %lu touches, %lu with SIGBUS; ", name,
	       r->plugs, r->unplugs, r->revokes, shared->touches, shared->faults);
	printf("vCPU: %lu exits, %lu EFAULT; %lu other calls; ", shared->vcpu_exits,
	       shared->vcpu_faults, shared->acts);
	printf("violations:");
	for (i = 0; i < NR_WRONG; i++) {
		printf(" %s %lu", wrong_names[i], shared->wrong[i]);
		sum += shared->wrong[i];
	}
	printf("\n");
	return sum;
}

FIXTURE(race)
{
	struct race race;
	char name[HM_NAME_MAX];
};

FIXTURE_VARIANT(race)
{
	const char *name;
	__u32 huge;
};

FIXTURE_VARIANT_ADD(race, huge)
{
	.name = "2 MiB pages", .huge = HOSTMEM_HUGE_ALWAYS,
};

FIXTURE_VARIANT_ADD(race, base)
{
	.name = "4 KiB pages", .huge = HOSTMEM_HUGE_NEVER,
};

FIXTURE_SETUP(race)
{
	struct hostmem_region_create cmd;

	shared = HM_OK((struct shared *)mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	hm_name(self->name);
	cmd = hm_create_cmd(self->name, SIZE);
	cmd.huge = variant->huge;
	self->race.fd = hm_create_raw(&cmd);
	self->race.addr = hm_map(self->race.fd, 0, SIZE, PROT_READ | PROT_WRITE);
	self->race.seed = time(NULL) | 1;
	self->race.has_vcpu = hm_kvm_available();
	setvbuf(stdout, NULL, _IOLBF, 0);
}

FIXTURE_TEARDOWN(race)
{
	hm_destroy(self->race.fd, HOSTMEM_DESTROY_FORCE);
	close(self->race.fd);
}

/* HOSTMEM_SECONDS, 60 by default, are shared by the two variants. */
TEST_F_TIMEOUT(race, guard, 3600)
{
	const char *seconds = getenv("HOSTMEM_SECONDS");
	struct race *r = &self->race;
	double end;
	int nr;

	if (geteuid())
		SKIP(return, "reading the page tables of others needs root");
	for (nr = 0; nr < BLOCKS; nr++)
		set_state(&shared->block[nr], GONE);
	start(r, self->name);
	end = hm_now() + (seconds ? atof(seconds) : 60) * 1e3 / 2;
	while (hm_now() < end)
		change(r);
	stop(r);
	EXPECT_EQ(0, report(r, variant->name));
	EXPECT_LT(0, r->unplugs);
	EXPECT_LT(0, r->revokes);
	EXPECT_LT(0, shared->touches);
	EXPECT_LT(0, shared->acts);
}

TEST_HARNESS_MAIN
