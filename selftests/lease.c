// SPDX-License-Identifier: GPL-2.0
/*
 * Leases: as long as one is open its file stays where it is, what would move it is refused, and
 * works afterwards; and its holder learns when the device goes away. The device goes away
 * without a file system on it: stock kernels do not survive that.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <libhostmem.h>
#include <linux/fs.h>

#include "dax.h"

#define SIZE (16 * PAGE)

/* How many extents the library's next call has room for, if not 0. */
static __u32 room;

/* The library's calls come by here too. */
int ioctl(int fd, unsigned long request, ...)
{
	struct hostmem_extents *cmd;
	va_list args;

	va_start(args, request);
	cmd = va_arg(args, void *);
	va_end(args);
	if (request == HOSTMEM_EXTENTS && room) {
		cmd->count = room;
		room = 0;
	}
	return syscall(SYS_ioctl, fd, request, cmd);
}

FIXTURE(lease)
{
	const struct dax *dax;
	struct extents e, again;
	char path[128], other[128];
	int fd;
};

FIXTURE_VARIANT(lease)
{
	const struct dax *dax;
};

FIXTURE_VARIANT_ADD(lease, ext4)
{
	.dax = &hm_ext4,
};

FIXTURE_VARIANT_ADD(lease, xfs)
{
	.dax = &hm_xfs,
};

FIXTURE_SETUP(lease)
{
	self->dax = variant->dax;
	dax_make(self->dax);
	self->fd = dax_file(self->dax, "file", self->path);
	snprintf(self->other, sizeof(self->other), "%s/other", dax_dir(self->dax));
	dax_fill(self->fd, 0, SIZE);
	hm_control();
}

FIXTURE_TEARDOWN(lease)
{
	close(self->fd);
	unlink(self->path);
	unlink(self->other);
}

/* What poll() says at once. */
static short polled(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	HM_OK(poll(&pfd, 1, 0));
	return pfd.revents;
}

/* A file, and the name of one beside it. */
struct subject {
	int fd;
	const char *path;
	const char *other;
};

/* Ways to move bytes of a file, or to free them: 0, or -1 and errno. */
struct way {
	const char *what;
	int err;		/* while there is a lease */
	bool xfs;		/* only there */
	int (*go)(const struct subject *s);
};

static int way_shorten(const struct subject *s)
{
	return ftruncate(s->fd, PAGE);
}

static int way_empty(const struct subject *s)
{
	int again = open(s->path, O_RDWR | O_TRUNC | O_CLOEXEC);

	if (again >= 0)
		close(again);
	return again < 0 ? -1 : 0;
}

static int way_punch(const struct subject *s)
{
	return fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE);
}

static int way_zero(const struct subject *s)
{
	return fallocate(s->fd, FALLOC_FL_ZERO_RANGE, PAGE, PAGE);
}

static int way_collapse(const struct subject *s)
{
	return fallocate(s->fd, FALLOC_FL_COLLAPSE_RANGE, PAGE, PAGE);
}

static int way_insert(const struct subject *s)
{
	return fallocate(s->fd, FALLOC_FL_INSERT_RANGE, PAGE, PAGE);
}

static int way_allocate(const struct subject *s)
{
	return fallocate(s->fd, 0, SIZE, PAGE);
}

static int way_write(const struct subject *s)
{
	return pwrite(s->fd, "x", 1, PAGE) == 1 ? 0 : -1;
}

static int way_append(const struct subject *s)
{
	return pwrite(s->fd, "x", 1, SIZE) == 1 ? 0 : -1;
}

static int way_map(const struct subject *s)
{
	void *addr = _hm_map(s->fd, 0, PAGE, PROT_READ | PROT_WRITE);

	return addr == MAP_FAILED ? -1 : munmap(addr, PAGE);
}

static int way_unlink(const struct subject *s)
{
	return unlink(s->path);
}

static int way_replace(const struct subject *s)
{
	int new = HM_OK(open(s->other, O_RDWR | O_CREAT | O_CLOEXEC, 0600));

	close(new);
	return rename(s->other, s->path);
}

static int way_rename(const struct subject *s)
{
	return rename(s->path, s->other);
}

static int clone_file(const char *from, const char *to)
{
	int src = HM_OK(open(from, O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
	int dst = HM_OK(open(to, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	int rc = ioctl(dst, FICLONE, src);
	int err = errno;

	close(src);
	close(dst);
	errno = err;
	return rc;
}

static int way_clone_from(const struct subject *s)
{
	return clone_file(s->path, s->other);
}

static int way_clone_to(const struct subject *s)
{
	return clone_file(s->other, s->path);
}

static int way_dedupe(const struct subject *s)
{
	struct {
		struct file_dedupe_range range;
		struct file_dedupe_range_info info;
	} arg = { .range = { .src_length = PAGE, .dest_count = 1 } };
	char page[PAGE];
	int rc;

	arg.info.dest_fd = HM_OK(open(s->other, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	HM_TRUE(pread(s->fd, page, PAGE, 0) == PAGE);
	HM_TRUE(pwrite(arg.info.dest_fd, page, PAGE, 0) == PAGE);
	rc = ioctl(s->fd, FIDEDUPERANGE, &arg);
	if (!rc && arg.info.status < 0) {
		errno = -arg.info.status;
		rc = -1;
	}
	close(arg.info.dest_fd);
	return rc;
}

static const struct way ways[] = {
	{ "make it shorter", ETXTBSY, false, way_shorten },
	{ "empty it", ETXTBSY, false, way_empty },
	{ "punch", ETXTBSY, false, way_punch },
	{ "zero", ETXTBSY, false, way_zero },
	{ "collapse", ETXTBSY, false, way_collapse },
	{ "insert", ETXTBSY, false, way_insert },
	{ "allocate", ETXTBSY, false, way_allocate },
	{ "write", ETXTBSY, false, way_write },
	{ "append", ETXTBSY, false, way_append },
	{ "map", ETXTBSY, false, way_map },
	{ "unlink", EPERM, false, way_unlink },
	{ "replace", EPERM, false, way_replace },
	{ "rename", EPERM, false, way_rename },
	{ "clone from it", ETXTBSY, true, way_clone_from },
	{ "clone to it", ETXTBSY, true, way_clone_to },
	{ "deduplicate", ETXTBSY, true, way_dedupe },
};

TEST_F(lease, refuses)
{
	struct subject s = { .path = self->path, .other = self->other };
	const struct way *way;
	struct stat st;
	int lease, rc;

	for (way = ways; way < ways + HM_ARRAY_SIZE(ways); way++) {
		if (way->xfs && self->dax != &hm_xfs)
			continue;
		close(self->fd);
		unlink(self->other);
		self->fd = dax_file(self->dax, "file", self->path);
		s.fd = self->fd;
		dax_fill(self->fd, 0, SIZE);
		lease = hm_lease(self->fd, &self->e);
		rc = way->go(&s);
		EXPECT_EQ(-1, rc);
		EXPECT_EQ(way->err, errno) {
			TH_LOG("%s: %s", way->what, strerror(errno));
		}
		EXPECT_EQ(0, polled(lease));
		/* All is where it was, with and without the file's own fd. */
		HM_OK(stat(self->path, &st));
		EXPECT_EQ(SIZE, st.st_size);
		hm_extents(lease, 0, &self->again);
		EXPECT_TRUE(extents_same(&self->e, &self->again));
		extents_prove(self->fd, self->dax->dev, &self->e);
		close(lease);
		rc = way->go(&s);
		EXPECT_EQ(0, rc) {
			TH_LOG("%s, afterwards: %s", way->what, strerror(errno));
		}
	}
}

/* What is not refused does no harm. */
TEST_F(lease, allows)
{
	char *map = hm_map(self->fd, 0, SIZE, PROT_READ | PROT_WRITE);
	int lease = hm_lease(self->fd, &self->e);
	__u64 i;

	EXPECT_EQ(FD_CLOEXEC, fcntl(lease, F_GETFD));
	for (i = 0; i < SIZE; i += PAGE / 2)
		map[i] = i / PAGE + 1;
	HM_OK(link(self->path, self->other));
	hm_map(self->fd, 0, SIZE, PROT_READ);
	extents_prove(self->fd, self->dax->dev, &self->e);
	EXPECT_EQ(3, map[2 * PAGE]);
	HM_OK(ftruncate(self->fd, SIZE + 1));
	hm_refused(ENODATA, HOSTMEM_EXTENTS_HOLE, SIZE, lease, &self->again);
	/* A call that failed leaves the pin of the lease alone. */
	HM_ERR(ETXTBSY, ftruncate(self->fd, 0));
	close(lease);
	HM_OK(ftruncate(self->fd, 0));
}

TEST_F(lease, swapon)
{
	int lease;

	HM_OK(ftruncate(self->fd, 0));
	dax_fill(self->fd, 0, 4 * SIZE);
	hm_sh("mkswap %s", self->path);
	lease = hm_lease(self->fd, &self->e);
	HM_ERR(EBUSY, swapon(self->path, 0));
	close(lease);
	HM_OK(ftruncate(self->fd, 0));
}

/* The last one counts, whoever has it, and calls without one do not. */
TEST_F(lease, several)
{
	int i, fd, leases[3];

	for (i = 0; i < 3; i++) {
		fd = HM_OK(open(self->path, O_RDONLY | O_CLOEXEC));
		leases[i] = hm_lease(fd, &self->e);
		close(fd);
		hm_extents(self->fd, 0, &self->again);
		EXPECT_TRUE(extents_same(&self->e, &self->again));
	}
	for (i = 0; i < 3; i++) {
		HM_ERR(ETXTBSY, ftruncate(self->fd, 0));
		fd = HM_OK(dup(leases[i]));
		close(leases[i]);
		HM_ERR(ETXTBSY, ftruncate(self->fd, 0));
		close(fd);
	}
	HM_OK(ftruncate(self->fd, 0));
}

/* A lease of a lease is one of the file. */
TEST_F(lease, of_a_lease)
{
	int first = hm_lease(self->fd, &self->e);
	int second = hm_lease(first, &self->again);

	EXPECT_TRUE(extents_same(&self->e, &self->again));
	close(first);
	HM_ERR(ETXTBSY, ftruncate(self->fd, 0));
	hm_extents(second, 0, &self->again);
	EXPECT_TRUE(extents_same(&self->e, &self->again));
	close(second);
	HM_OK(ftruncate(self->fd, 0));
}

TEST_F(lease, library)
{
	struct hostmem_extent_list list;
	struct hostmem_ctx *ctx;
	unsigned int i;
	int lease;

	for (i = 1; i < 8; i += 2)
		HM_OK(fallocate(self->fd, FALLOC_FL_COLLAPSE_RANGE, i * PAGE, PAGE));
	hm_extents(self->fd, 0, &self->e);
	ASSERT_LE(4, self->e.cmd.count);
	ASSERT_EQ(0, hostmem_new(&ctx));
	for (i = 0; i < 3; i++) {
		room = i;
		ASSERT_EQ(0, hostmem_extents_get(ctx, self->fd, i ? &lease : NULL, &list));
		EXPECT_EQ(0, room);
		EXPECT_EQ(self->e.cmd.count, list.count);
		EXPECT_EQ(self->e.cmd.out_size, list.size);
		EXPECT_EQ(0, memcmp(list.extents, self->e.array,
				    list.count * sizeof(*list.extents)));
		free(list.extents);
		if (!i)
			continue;
		HM_ERR(ETXTBSY, ftruncate(self->fd, 0));
		close(lease);
	}
	HM_OK(fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE));
	EXPECT_EQ(-ENODATA, hostmem_extents_get(ctx, self->fd, &lease, &list));
	EXPECT_EQ(HOSTMEM_EXTENTS_HOLE, list.reason);
	EXPECT_EQ(PAGE, list.offset);
	EXPECT_EQ(NULL, list.extents);
	EXPECT_EQ(-EBADF, hostmem_extents_get(ctx, -1, NULL, &list));
	EXPECT_EQ(0, list.reason);
	HM_OK(ftruncate(self->fd, 0));
	hostmem_unref(ctx);
}

static int lease_and_die(void *arg)
{
	struct extents *e = arg;

	hm_lease(e->cmd.fd, e);
	HM_ERR(ETXTBSY, ftruncate(e->cmd.fd, 0));
	kill(getpid(), SIGKILL);
	return 0;
}

TEST_F(lease, holder_dies)
{
	self->e.cmd.fd = self->fd;
	EXPECT_EQ(128 + SIGKILL, hm_in_child(lease_and_die, &self->e));
	HM_OK(ftruncate(self->fd, 0));
}

/* A lease keeps the file system as an open file does, and no longer. */
TEST_F(lease, umount)
{
	int lease = hm_lease(self->fd, &self->e);

	close(self->fd);
	HM_ERR(EBUSY, umount(dax_dir(self->dax)));
	close(lease);
	dax_umount(self->dax);
	dax_mount(self->dax, self->dax->mount);
	self->fd = HM_OK(open(self->path, O_RDWR | O_CLOEXEC));
	hm_extents(self->fd, 0, &self->again);
	/* Nor is anything left on the medium. */
	EXPECT_TRUE(extents_same(&self->e, &self->again));
}

struct frozen {
	struct extents *e;
	int fd, rc, err;
	pid_t tid;
	bool done;
};

static void *frozen_punch(void *arg)
{
	struct frozen *f = arg;

	__atomic_store_n(&f->tid, gettid(), __ATOMIC_RELEASE);
	f->rc = fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE);
	f->done = true;
	return NULL;
}

static void *frozen_lease(void *arg)
{
	struct frozen *f = arg;

	__atomic_store_n(&f->tid, gettid(), __ATOMIC_RELEASE);
	f->rc = _hm_extents(f->fd, HOSTMEM_EXTENTS_LEASE, f->e);
	f->err = errno;
	f->done = true;
	return NULL;
}

/* Who was let by before the lease, and waits for a frozen file system, comes first. */
TEST_F(lease, frozen)
{
	struct frozen punch = { .fd = self->fd }, lease = { .fd = self->fd, .e = &self->e };
	int dir = HM_OK(open(dax_dir(self->dax), O_RDONLY | O_CLOEXEC));
	pthread_t threads[2];
	bool waited;

	HM_OK(ioctl(dir, FIFREEZE, 0));
	pthread_create(&threads[0], NULL, frozen_punch, &punch);
	hm_wait_asleep(&punch.tid);
	pthread_create(&threads[1], NULL, frozen_lease, &lease);
	hm_wait_asleep(&lease.tid);
	waited = !punch.done && !lease.done;
	HM_OK(ioctl(dir, FITHAW, 0));
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	close(dir);
	EXPECT_TRUE(waited);
	EXPECT_EQ(0, punch.rc);
	EXPECT_EQ(-1, lease.rc);
	EXPECT_EQ(ENODATA, lease.err);
	EXPECT_EQ(PAGE, self->e.cmd.out_offset);
	dax_fill(self->fd, PAGE, PAGE);
	hm_extents(self->fd, 0, &self->e);
	extents_prove(self->fd, self->dax->dev, &self->e);
}

static unsigned long mapped_pages(void)
{
	char text[64];

	HM_OK(hm_read_file("/proc/self/statm", text, sizeof(text)));
	return strtoul(text, NULL, 10);
}

/* Whatever allocation fails, no fd, no pin and no memory is left. */
TEST_F_TIMEOUT(lease, fail_nth, 1200)
{
	int nth_fd, rc, err, fds = hm_count_fds();
	unsigned int nth = 0, failures = 0;
	unsigned long mapped;
	bool hit;

	if (!hm_fail_setup())
		SKIP(return, "no fault injection in this kernel");
	nth_fd = HM_OK(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
	hm_extents(self->fd, 0, &self->again);
	mapped = mapped_pages();
	do {
		hm_fail_arm(nth_fd, ++nth);
		rc = _hm_extents(self->fd, HOSTMEM_EXTENTS_LEASE, &self->e);
		err = errno;
		hit = hm_fail_disarm(nth_fd);
		if (rc) {
			failures++;
			HM_TRUE(hit && err == ENOMEM);
		} else {
			HM_TRUE(extents_same(&self->e, &self->again));
			HM_ERR(ETXTBSY, fallocate(self->fd, 0, 0, PAGE));
			close(self->e.cmd.out_lease);
		}
		HM_OK(fallocate(self->fd, 0, 0, PAGE));
		HM_TRUE(hm_count_fds() == fds + 1);
		HM_TRUE(mapped_pages() == mapped);
	} while (hit);
	TH_LOG("%u attempts, %u failed", nth, failures);
	EXPECT_LT(3, failures);
	close(nth_fd);
}

struct restless {
	int fd;
	bool stop;
	unsigned int moved, refused;
};

/* Move what is in the file, again and again. */
static void *move(void *arg)
{
	struct restless *r = arg;
	__u64 at = 0;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		usleep(1000);
		at = (at + 3 * PAGE) % SIZE;
		if (fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, PAGE)) {
			HM_TRUE(errno == ETXTBSY);
			__atomic_add_fetch(&r->refused, 1, __ATOMIC_RELAXED);
			continue;
		}
		/* Whoever asks now finds a hole, and keeps us from filling it meanwhile. */
		while (pwrite(r->fd, r, sizeof(*r), at) < 0) {
			HM_TRUE(errno == ETXTBSY);
			usleep(1000);
		}
		__atomic_add_fetch(&r->moved, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void wait_for_more(unsigned int *counter)
{
	unsigned int before = __atomic_load_n(counter, __ATOMIC_RELAXED);

	while (__atomic_load_n(counter, __ATOMIC_RELAXED) == before)
		usleep(1000);
}

/* Whoever gets a lease while others move the file gets a layout that stays. */
TEST_F(lease, race)
{
	struct restless r = { .fd = self->fd };
	unsigned int leases, holes = 0;
	pthread_t thread;
	int lease;

	HM_TRUE(!pthread_create(&thread, NULL, move, &r));
	for (leases = 0; leases < 10; leases++) {
		wait_for_more(&r.moved);
		while (_hm_extents(self->fd, HOSTMEM_EXTENTS_LEASE, &self->e)) {
			HM_TRUE(errno == ENODATA);
			holes++;
			usleep(5000);
		}
		lease = self->e.cmd.out_lease;
		wait_for_more(&r.refused);
		hm_extents(lease, 0, &self->again);
		HM_TRUE(extents_same(&self->e, &self->again));
		extents_prove(self->fd, self->dax->dev, &self->e);
		close(lease);
	}
	r.stop = true;
	pthread_join(thread, NULL);
	TH_LOG("%u leases, %u holes found, moved %u times, %u times refused", leases, holes,
	       r.moved, r.refused);
}

/* Wait in poll(), as a holder does. */
static void *wait_for_end(void *arg)
{
	struct pollfd pfd = { .fd = *(int *)arg, .events = POLLIN };

	HM_TRUE(poll(&pfd, 1, -1) == 1);
	return (void *)(intptr_t)pfd.revents;
}

/* The device of a lease goes, comes back, and goes for good: whatever the lease's holder does. */
static void device_goes(const char *path)
{
	struct extents *e = malloc(sizeof(*e));
	int fd = HM_OK(open(path, O_RDWR | O_CLOEXEC));
	int other = HM_OK(open("/dev/pmem0", O_RDONLY | O_CLOEXEC));
	int lease = hm_lease(fd, e), stays = hm_lease(other, e), late;
	pthread_t thread;
	void *revents;

	HM_TRUE(!polled(lease));
	HM_TRUE(!pthread_create(&thread, NULL, wait_for_end, &lease));
	usleep(200000);
	hm_sh("ndctl disable-namespace namespace1.0");
	HM_TRUE(!pthread_join(thread, &revents));
	HM_TRUE((intptr_t)revents == (POLLHUP | POLLERR));
	HM_TRUE(polled(lease) == (POLLHUP | POLLERR));
	hm_extents_err(ENODEV, lease, 0, e);
	hm_extents_err(ENODEV, lease, HOSTMEM_EXTENTS_LEASE, e);
	hm_refused(ENXIO, HOSTMEM_EXTENTS_NOT_PMEM, 0, fd, e);
	/* The other device's has nothing to do with it. */
	HM_TRUE(!polled(stays));
	hm_extents(stays, 0, e);

	hm_sh("ndctl enable-namespace namespace1.0");
	late = HM_OK(open(path, O_RDWR | O_CLOEXEC));
	HM_TRUE(polled(lease) == (POLLHUP | POLLERR));
	hm_extents_err(ENODEV, lease, 0, e);
	hm_refused(ENXIO, HOSTMEM_EXTENTS_NOT_PMEM, 0, fd, e);
	close(fd);
	fd = hm_lease(late, e);
	close(late);
	HM_TRUE(!polled(fd));
	/* Nor do leases keep the namespace from becoming something else. */
	hm_sh("ndctl create-namespace -f -e namespace1.0 --mode raw");
	HM_TRUE(polled(fd) == (POLLHUP | POLLERR));
	close(lease);
	close(fd);
	close(stays);
	close(other);
	free(e);
}

TEST(block_device_goes)
{
	dax_umount(&hm_xfs);
	dax_fsdax(&hm_xfs);
	device_goes("/dev/pmem1");
}

TEST(devdax_goes)
{
	dax_umount(&hm_xfs);
	dax_mode(&hm_xfs, "devdax --map mem");
	device_goes("/dev/dax1.0");
}

static int unload(void)
{
	return syscall(SYS_delete_module, "hostmem_nd", O_NONBLOCK);
}

/* The module stays until the last lease has gone, revoked or not. */
TEST(module)
{
	struct extents *e = malloc(sizeof(*e));
	int fd, lease, control;

	dax_umount(&hm_xfs);
	dax_mode(&hm_xfs, "raw");
	fd = HM_OK(open("/dev/pmem1", O_RDONLY | O_CLOEXEC));
	lease = hm_lease(fd, e);
	HM_ERR(EAGAIN, unload());
	control = hm_control();
	hm_sh("hostmemctl unload 2>&1 | grep -q 'module hostmem: in use by a process that has %s open: pid %d'",
	      HM_CONTROL, getpid());
	/* Without that it is the lease. */
	close(control);
	hm_sh("hostmemctl unload 2>&1 | grep -q 'module hostmem_nd: in use by a process that holds a lease; end it'");
	HM_TRUE(open(HM_CONTROL, O_RDWR | O_CLOEXEC) == control);
	hm_extents(lease, 0, e);
	hm_sh("ndctl disable-namespace namespace1.0");
	HM_ERR(EAGAIN, unload());
	close(lease);
	HM_OK(unload());
	hm_sh("modprobe hostmem_nd");
	close(fd);
}

int main(int argc, char **argv)
{
	return dax_main(argc, argv);
}
