// SPDX-License-Identifier: GPL-2.0
/*
 * The guard race about a device that goes and comes back: while regions of its reserve and of its
 * /dev/dax are touched, pinned, unplugged, revoked, synced and destroyed the device is unbound.
 *
 * The state of the device is published in shared memory, with a number that changes from one time
 * that the device is there to the next, when the two regions are new ones. When unbind has
 * returned nothing of the old ones can be reached, or is mapped, and the memory does not change;
 * nor can it be reached when the device is back.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <linux/io_uring.h>

#include "device.h"

#define BLOCKS (SIZE / HM_BLOCK)
#define RW (PROT_READ | PROT_WRITE)
#define RIGHTS (HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE)
#define TOUCHERS (2 * NR_REGIONS)

/* Kinds of state, in their order; the round is above them. */
enum { STARTING, THERE, GOING, GONE, KINDS };

/* What can be wrong. */
enum { MAPPED, REACHED, CHANGED, ALIVE, NR_WRONG };
static const char *const wrong_names[NR_WRONG] = {
	[MAPPED] = "mapped", [REACHED] = "reached", [CHANGED] = "changed", [ALIVE] = "alive",
};

struct shared {
	_Atomic __u32 state;
	_Atomic bool stop;
	char names[NR_REGIONS][HM_NAME_MAX];
	/* Where a toucher has its region mapped, from the round on that is given. */
	char *addr[TOUCHERS];
	_Atomic __u32 mapped[TOUCHERS];
	_Atomic unsigned long touches, faults, acts, failed;
	_Atomic unsigned long wrong[NR_WRONG];
};

static struct shared *shared;

static void set_state(__u32 kind)
{
	atomic_store(&shared->state, (atomic_load(&shared->state) / KINDS + (kind == STARTING)) *
		     KINDS + kind);
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

/* Wait until the device is there in another round than @last; false: it is time to stop. */
static bool next_round(__u32 *last)
{
	__u32 state;

	do {
		usleep(500);
		state = atomic_load(&shared->state);
		if (shared->stop)
			return false;
	} while (kind_of(state) != THERE || state / KINDS == *last);
	*last = state / KINDS;
	return true;
}

static bool in_round(__u32 round)
{
	return !shared->stop && atomic_load(&shared->state) == round * KINDS + THERE;
}

/* Those who touch */

struct toucher {
	pthread_t thread;
	int nr;
	__u32 seed;
};

/*
 * Without its page table entries the next touch has to ask the guard again: most of the time. But
 * what is left behind when the device goes is not to be cleaned up, by one half while it goes.
 */
static bool wants_fault(const struct toucher *t, __u32 kind, __u32 random)
{
	return (kind < GOING || (kind == GOING && t->nr < NR_REGIONS)) && random % 4;
}

static void touch_once(struct toucher *t, char *p)
{
	__u32 r = rnd(&t->seed), state;
	char *block = p + r % BLOCKS * HM_BLOCK;
	char *page = block + (r >> 9) % 512 * PAGE;
	bool faulted;

	state = atomic_load(&shared->state);
	if (wants_fault(t, kind_of(state), r >> 18))
		madvise(block, HM_BLOCK, MADV_DONTNEED);
	state = atomic_load(&shared->state);
	faulted = r & 0x20000000 ? hm_write_faults(page, r) : hm_read_faults(page);
	if (!faulted && kind_of(state) == GONE && state == atomic_load(&shared->state))
		shared->wrong[REACHED]++;
	shared->touches++;
	shared->faults += faulted;
}

static void *touch(void *arg)
{
	struct toucher *t = arg;
	const char *name = shared->names[t->nr % NR_REGIONS];
	__u32 round = 0;
	char *p;
	int fd;

	while (next_round(&round)) {
		fd = _hm_open_node(name, O_RDWR);
		if (fd < 0)
			continue;
		p = _hm_map(fd, 0, SIZE, RW);
		close(fd);
		if (p == MAP_FAILED)
			continue;
		shared->addr[t->nr] = p;
		atomic_store(&shared->mapped[t->nr], round);
		/* Into the next round: what has gone does not come back with the device. */
		while (!shared->stop && atomic_load(&shared->state) <= round * KINDS + GONE)
			touch_once(t, p);
		while (!shared->stop && kind_of(atomic_load(&shared->state)) != THERE)
			usleep(500);
		if (!shared->stop && !hm_read_faults(p + rnd(&t->seed) % BLOCKS * HM_BLOCK))
			shared->wrong[REACHED]++;
		atomic_store(&shared->mapped[t->nr], 0);
		munmap(p, SIZE);
	}
	return NULL;
}

static void toucher_process(void)
{
	struct toucher touchers[TOUCHERS];
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Who unbinds, and the kernel threads it waits for, go first: more changes. */
	HM_OK(setpriority(PRIO_PROCESS, 0, 19));
	for (i = 0; i < TOUCHERS; i++) {
		touchers[i] = (struct toucher) { .nr = i, .seed = getpid() * 31 + i + 1 };
		HM_TRUE(!pthread_create(&touchers[i].thread, NULL, touch, &touchers[i]));
	}
	for (i = 0; i < TOUCHERS; i++)
		pthread_join(touchers[i].thread, NULL);
	exit(0);
}

/* Those who call: whatever they call may fail, as the region may be gone at any time. */

struct actor {
	pthread_t thread;
	int (*act)(struct actor *a);
	int region;
	int owner;
	char *addr;
	int pipe[2];
	int ring;
	__u32 seed;
};

static char *act_block(struct actor *a)
{
	return a->addr + rnd(&a->seed) % BLOCKS * HM_BLOCK;
}

/* Nobody else plugs. */
static int act_unplug(struct actor *a)
{
	char *block = act_block(a);

	if (_hm_unplug(a->owner, block - a->addr, HM_BLOCK))
		return -1;
	if (!hm_read_faults(block) || !hm_write_faults(block + PAGE, 1))
		shared->wrong[REACHED]++;
	return _hm_plug(a->owner, block - a->addr, HM_BLOCK);
}

static int act_sync(struct actor *a)
{
	fsync(a->owner);
	return msync(act_block(a), HM_BLOCK, MS_SYNC);
}

static int act_preallocate(struct actor *a)
{
	/* Of memory of somebody's it frees nothing. */
	madvise(act_block(a), PAGE, MADV_REMOVE);
	return _hm_preallocate(a->owner, act_block(a) - a->addr, HM_BLOCK);
}

static int act_splice(struct actor *a)
{
	struct iovec iov = { .iov_base = act_block(a), .iov_len = 4 * PAGE };
	static char buf[4 * PAGE];
	ssize_t n = vmsplice(a->pipe[1], &iov, 1, 0);

	if (n < 0)
		return -1;
	usleep(rnd(&a->seed) % 1024);
	while (n > 0)
		n -= HM_OK(read(a->pipe[0], buf, sizeof(buf)));
	return 0;
}

static int act_register(struct actor *a)
{
	struct iovec iov = { .iov_base = act_block(a), .iov_len = HM_BLOCK };

	if (syscall(SYS_io_uring_register, a->ring, IORING_REGISTER_BUFFERS, &iov, 1))
		return -1;
	usleep(rnd(&a->seed) % 1024);
	return syscall(SYS_io_uring_register, a->ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
}

static int act_derive(struct actor *a)
{
	int fd = _hm_derive(a->owner, HM_BLOCK, HM_BLOCK, RIGHTS, 0), rc = -1;
	struct hostmem_region_info info;
	char *p;

	if (fd < 0)
		return -1;
	p = _hm_map(fd, 0, HM_BLOCK, RW);
	if (p != MAP_FAILED) {
		hm_read_faults(p);
		if (!_hm_info(fd, &info))
			rc = _hm_revoke(a->owner, info.out_view_id);
		if (!rc && !hm_read_faults(p))
			shared->wrong[REACHED]++;
		munmap(p, HM_BLOCK);
	}
	close(fd);
	return rc;
}

/* Sometimes in the same moment as the device goes. */
static int act_destroy(struct actor *a)
{
	usleep(rnd(&a->seed) % (64 << 10));
	if (_hm_destroy(a->owner, HOSTMEM_DESTROY_FORCE))
		return -1;
	if (!hm_read_faults(act_block(a)))
		shared->wrong[REACHED]++;
	return 0;
}

static void act_round(struct actor *a, __u32 round)
{
	a->owner = _hm_open(shared->names[a->region]);
	if (a->owner < 0)
		return;
	a->addr = _hm_map(a->owner, 0, SIZE, RW);
	if (a->addr != MAP_FAILED) {
		do {
			shared->failed += !!a->act(a);
			shared->acts++;
			usleep(rnd(&a->seed) % 512);
		} while (in_round(round));
		munmap(a->addr, SIZE);
	}
	close(a->owner);
}

static void *actor(void *arg)
{
	struct io_uring_params params = {};
	struct actor *a = arg;
	__u32 round = 0;

	HM_OK(pipe(a->pipe));
	/* Where there is none, nothing is registered. */
	a->ring = syscall(SYS_io_uring_setup, 1, &params);
	while (next_round(&round)) {
		/* There is something for the others to act upon most of the time. */
		if (a->act != act_destroy || rnd(&a->seed) % 4 == 0)
			act_round(a, round);
	}
	return NULL;
}

static void actor_process(void)
{
	static int (*const acts[])(struct actor *a) = {
		act_unplug, act_sync, act_preallocate, act_splice, act_register, act_derive,
		act_destroy,
	};
	struct actor actors[HM_ARRAY_SIZE(acts)][NR_REGIONS] = {};
	size_t i, j;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	HM_OK(setpriority(PRIO_PROCESS, 0, 19));
	for (i = 0; i < HM_ARRAY_SIZE(acts); i++) {
		for (j = 0; j < NR_REGIONS; j++) {
			actors[i][j] = (struct actor) {
				.act = acts[i], .region = j, .seed = getpid() * 31 + i * 2 + j + 1,
			};
			HM_TRUE(!pthread_create(&actors[i][j].thread, NULL, actor,
						&actors[i][j]));
		}
	}
	for (i = 0; i < HM_ARRAY_SIZE(acts); i++) {
		for (j = 0; j < NR_REGIONS; j++)
			pthread_join(actors[i][j].thread, NULL);
	}
	exit(0);
}

/* Who unbinds and checks */

struct race {
	struct device device;
	int fd[NR_REGIONS];
	pid_t touchers, actors;
	int pagemap;
	__u32 seed;
	unsigned long rounds;
};

static void complain(int what, unsigned long n, unsigned long round)
{
	if (n)
		printf("# %s: %lu, in round %lu\n", wrong_names[what], n, round);
	shared->wrong[what] += n;
}

/* Pages of the touchers that have a page table entry with something in it. */
static unsigned long mapped_pages(struct race *r)
{
	static __u64 entries[SIZE / PAGE];
	unsigned long n = 0;
	size_t i;
	int t;

	for (t = 0; t < TOUCHERS; t++) {
		if (atomic_load(&shared->mapped[t]) != atomic_load(&shared->state) / KINDS)
			continue;
		HM_TRUE(pread(r->pagemap, entries, sizeof(entries),
			      (uintptr_t)shared->addr[t] / PAGE * sizeof(*entries)) ==
			sizeof(entries));
		for (i = 0; i < HM_ARRAY_SIZE(entries); i++)
			n += !!(entries[i] >> 62);
	}
	return n;
}

static void check_gone(struct race *r)
{
	struct hostmem_region_info info;
	__u64 sum = checksum(&r->device);
	int i;

	complain(MAPPED, mapped_pages(r), r->rounds);
	for (i = 0; i < NR_REGIONS; i++) {
		complain(ALIVE, !_hm_info(r->fd[i], &info) || errno != ENODEV, r->rounds);
		complain(ALIVE, _hm_map(r->fd[i], 0, SIZE, RW) != MAP_FAILED, r->rounds);
		close(r->fd[i]);
	}
	complain(ALIVE, !!reserve_find(r->device.ctx, NAMESPACE), r->rounds);
	usleep(rnd(&r->seed) % 4096);
	complain(MAPPED, mapped_pages(r), r->rounds);
	complain(CHANGED, checksum(&r->device) != sum, r->rounds);
}

static void one_round(struct race *r)
{
	char *names[NR_REGIONS];
	int i;

	set_state(STARTING);
	for (i = 0; i < NR_REGIONS; i++) {
		hm_name(shared->names[i]);
		names[i] = shared->names[i];
	}
	device_regions(&r->device, names, r->fd);
	set_state(THERE);
	usleep(20000 + rnd(&r->seed) % (128 << 10));
	set_state(GOING);
	device_write(&r->device, "unbind");
	set_state(GONE);
	check_gone(r);
	device_write(&r->device, "bind");
	r->rounds++;
}

static unsigned long report(const struct race *r)
{
	unsigned long sum = 0;
	int i;

	printf("# %lu removals; %lu touches, %lu with SIGBUS; %lu calls, %lu failed; violations:",
	       r->rounds, shared->touches, shared->faults, shared->acts, shared->failed);
	for (i = 0; i < NR_WRONG; i++) {
		printf(" %s %lu", wrong_names[i], shared->wrong[i]);
		sum += shared->wrong[i];
	}
	printf("\n");
	return sum;
}

static void race_start(struct race *r)
{
	char path[64];

	shared = hm_map_flags(-1, 0, sizeof(*shared), RW, MAP_SHARED | MAP_ANONYMOUS);
	device_make(&r->device);
	r->seed = time(NULL) | 1;
	r->touchers = HM_OK(fork());
	if (!r->touchers)
		toucher_process();
	snprintf(path, sizeof(path), "/proc/%d/pagemap", r->touchers);
	r->pagemap = HM_OK(open(path, O_RDONLY | O_CLOEXEC));
	r->actors = HM_OK(fork());
	if (!r->actors)
		actor_process();
}

static void race_end(struct race *r)
{
	int i;

	/* The regions of the last round have gone. */
	shared->stop = true;
	HM_TRUE(!hm_wait(r->touchers));
	HM_TRUE(!hm_wait(r->actors));
	for (i = 0; i < NR_REGIONS; i++)
		hm_open_err(ENOENT, shared->names[i]);
	hostmem_unref(r->device.ctx);
}

int main(void)
{
	const char *seconds = getenv("HOSTMEM_SECONDS");
	struct race race = {};
	bool right, quiet;
	double end;
	int log;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (access("/sys/bus/nd/devices/region0", F_OK)) {
		printf("1..0 # SKIP needs an NVDIMM\n");
		return KSFT_SKIP;
	}
	printf("TAP version 13\n1..2\n");
	race_start(&race);
	log = hm_log_open();
	end = hm_now() + (seconds ? atof(seconds) : 8) * 1e3;
	while (hm_now() < end)
		one_round(&race);
	race_end(&race);
	right = !report(&race);
	quiet = hm_log_quiet(log);
	printf("%s 1 %lu removals\n", right ? "ok" : "not ok", race.rounds);
	printf("%s 2 the kernel has nothing to complain about\n", quiet ? "ok" : "not ok");
	return right && quiet ? KSFT_PASS : KSFT_FAIL;
}
