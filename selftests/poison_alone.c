// SPDX-License-Identifier: GPL-2.0
/*
 * Memory goes bad while something stands in the way: whoever reports it waits for nothing that it
 * holds back itself, other regions do not wait for the one that hears late, and what could not be
 * reported is not reported as done.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mce.h"
#include "reserve.h"

#define SIZE (28 * HM_BLOCK)
#define FILE_SIZE (2 * HM_BLOCK)
#define ROUNDS 20
#define RW (PROT_READ | PROT_WRITE)
/* An emulated processor is slow. */
#define SECONDS 60

/* Of the tail of namespace0.0, once its last holder has let go. */
static int create(void)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);
	int i, fd = -1;

	cmd.backing = HOSTMEM_BACKING_RESERVE;
	cmd.backing_pmem = reserve_pmem_id(hm_ext4.namespace);
	for (i = 0; fd < 0 && i < SECONDS * 10; i++) {
		fd = _hm_create_raw(&cmd);
		HM_TRUE(fd >= 0 || errno == EBUSY);
		if (fd < 0)
			usleep(100000);
	}
	return HM_OK(fd);
}

/* Blocks that an earlier test has spoilt are passed over. */
static __u64 plug_next(int fd, __u64 at)
{
	while (_hm_plug(fd, at, HM_BLOCK) < 0) {
		HM_TRUE(errno == EHWPOISON);
		at += HM_BLOCK;
	}
	return at;
}

/* Whether a child has ended in time, well. */
static bool ends(pid_t pid)
{
	int i, status = 1;

	for (i = 0; i < SECONDS * 10; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return !status;
		usleep(100000);
	}
	return false;
}

/* The file system of namespace1.0 is frozen, and a fault on it waits in the guard. */

static pid_t store_in_child(char *p)
{
	pid_t pid = HM_OK(fork());

	if (!pid) {
		*(volatile char *)p = 1;
		_exit(0);
	}
	sleep(2);
	HM_TRUE(!waitpid(pid, NULL, WNOHANG));
	return pid;
}

static pid_t plug_in_child(int fd, __u64 at)
{
	pid_t pid = HM_OK(fork());

	if (pid)
		return pid;
	hm_plug(fd, at, HM_BLOCK);
	_exit(0);
}

static pid_t spoil_in_child(char *p)
{
	pid_t pid = HM_OK(fork());

	if (pid)
		return pid;
	*(volatile char *)p = 1;
	HM_OK(madvise(p, PAGE, MADV_HWPOISON));
	_exit(!hm_read_faults(p));
}

TEST(frozen)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, FILE_SIZE);
	bool plugged, spoilt;
	char path[128], *p, *q;
	pid_t store, plug, spoil;
	int fd, file;
	__u64 spa, at;

	dax_make(&hm_xfs);
	cmd.backing = HOSTMEM_BACKING_FILE;
	cmd.backing_fd = dax_file(&hm_xfs, "region", path);
	HM_OK(fallocate(cmd.backing_fd, 0, 0, FILE_SIZE));
	file = hm_create_raw(&cmd);
	hm_plug(file, 0, FILE_SIZE);
	q = hm_map(file, 0, FILE_SIZE, RW);
	spa = mce_spa(q);
	fd = create();
	at = plug_next(fd, 0);
	p = hm_map(fd, at, HM_BLOCK, RW);

	hm_sh("fsfreeze -f %s", dax_dir(&hm_xfs));
	store = store_in_child(q + HM_BLOCK);
	mce_inject(spa, 9);
	sleep(2);
	spoil = spoil_in_child(p + PAGE);
	spoilt = ends(spoil);
	plug = plug_in_child(fd, at + HM_BLOCK);
	plugged = ends(plug);
	hm_sh("fsfreeze -u %s", dax_dir(&hm_xfs));
	EXPECT_TRUE(spoilt);
	EXPECT_TRUE(plugged);
	EXPECT_TRUE(ends(store));
	if (!spoilt)
		ends(spoil);
	if (!plugged)
		ends(plug);
	HM_OK(munmap(q, FILE_SIZE));
	HM_OK(munmap(p, HM_BLOCK));
	close(file);
	close(cmd.backing_fd);
	close(fd);
	unlink(path);
}

/* The last that keeps a region goes while the kernel reports that a page of it is bad. */

struct racer {
	pthread_barrier_t barrier;
	char *p;
	unsigned int us;
};

static void *unmap_soon(void *arg)
{
	struct racer *racer = arg;

	pthread_barrier_wait(&racer->barrier);
	usleep(racer->us);
	HM_OK(munmap(racer->p, HM_BLOCK));
	return NULL;
}

static void report(unsigned int round)
{
	struct racer racer = { .us = round * 100 };
	pthread_t thread;
	int fd = create();

	racer.p = hm_map(fd, plug_next(fd, round * HM_BLOCK), HM_BLOCK, RW);
	*(volatile char *)racer.p = 1;
	close(fd);
	HM_TRUE(!pthread_barrier_init(&racer.barrier, NULL, 2));
	HM_TRUE(!pthread_create(&thread, NULL, unmap_soon, &racer));
	pthread_barrier_wait(&racer.barrier);
	/* It may be too late for it. */
	HM_TRUE(!madvise(racer.p + PAGE, PAGE, MADV_HWPOISON) || errno == EFAULT ||
		errno == ENOMEM);
	pthread_join(thread, NULL);
}

TEST(last_one)
{
	unsigned int round;
	pid_t pid;

	for (round = 0; round < ROUNDS; round++) {
		pid = HM_OK(fork());
		if (!pid) {
			report(round);
			_exit(0);
		}
		ASSERT_TRUE(ends(pid)) TH_LOG("round %u hangs", round);
	}
}

/* Every allocation fails once: either that is said, or the page is out of reach. */
TEST(no_memory)
{
	unsigned int nth = 0, failures = 0;
	int nth_fd, fd;
	bool hit;
	char *p;

	if (!hm_fail_setup())
		SKIP(return, "no fault injection in this kernel");
	nth_fd = HM_OK(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
	fd = create();
	p = hm_map(fd, plug_next(fd, ROUNDS * HM_BLOCK), HM_BLOCK, RW);
	do {
		char *page = p + ++nth * PAGE;

		*(volatile char *)page = 1;
		hm_fail_arm(nth_fd, nth);
		if (madvise(page, PAGE, MADV_HWPOISON) < 0)
			failures++;
		else
			EXPECT_TRUE(hm_read_faults(page));
		hit = hm_fail_disarm(nth_fd);
	} while (hit);
	EXPECT_LT(0, failures);
	close(nth_fd);
	close(fd);
}

#define PIECE_ORDER 26
#define PIECE (1ULL << PIECE_ORDER)

/* Bytes of namespace1.0 that are bad, as everybody is told; its place. */
static __u64 bad_bytes(__u64 *spa, __u64 *end)
{
	struct hostmem_badblock *bad;
	struct hostmem_ctx *ctx;
	struct hostmem_pmem *pmem = reserve_pmem(&ctx, hm_xfs.namespace);
	unsigned int i, count;
	__u64 sum = 0;

	HM_TRUE(pmem);
	*spa = hostmem_pmem_get_spa(pmem);
	*end = *spa + hostmem_pmem_get_size(pmem);
	HM_TRUE(!hostmem_pmem_get_badblocks(pmem, &bad, &count));
	for (i = 0; i < count; i++)
		sum += bad[i].length;
	free(bad);
	hostmem_unref(ctx);
	return sum;
}

/* More than a list of libnvdimm's has room for: 512 ranges of 256 KiB. */
/* Wait until so much is told; returns what is. */
static __u64 told(__u64 wanted)
{
	__u64 spa, end, sum = bad_bytes(&spa, &end);
	int i;

	for (i = 0; sum < wanted && i < SECONDS * 10; i++) {
		usleep(100000);
		sum = bad_bytes(&spa, &end);
	}
	return sum;
}

TEST(much)
{
	__u64 spa, end, at, before, wanted = 0, sum = 0;
	int n = 0;

	before = bad_bytes(&spa, &end);
	for (at = (spa + PIECE - 1) / PIECE * PIECE; at + PIECE <= end; at += PIECE) {
		mce_inject(at, PIECE_ORDER);
		wanted += PIECE;
		/* The kernel has room for some dozens that nobody has looked at. */
		if (!(++n % 32))
			told(wanted);
	}
	if (wanted <= 128 << 20)
		SKIP(return, "the second NVDIMM is too small");
	sum = told(wanted);
	TH_LOG("%llu MiB of %llu MiB are told", (unsigned long long)sum >> 20,
	       (unsigned long long)wanted >> 20);
	EXPECT_LE(wanted, sum);
	EXPECT_GE(wanted + before, sum);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!mce_available()) {
		printf("1..0 # SKIP needs mce-inject\n");
		return KSFT_SKIP;
	}
	if (!access("/sys/bus/nd/devices/region1", F_OK))
		hm_sh("hostmemctl create-namespace -f -e namespace0.0 --reserve 64m --layout tail");
	return dax_main(argc, argv);
}
