// SPDX-License-Identifier: GPL-2.0
/*
 * HOSTMEM_EXTENTS: addresses that are proven, files and devices that are refused, and what the
 * call promises like every other. No file with DAX has delayed allocation, inline or encoded data:
 * of these only the decision is tested. Not reached: ETXTBSY, as the kernel does not swap to a file
 * with DAX, EIO and EINTR.
 */
#include <assert.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/blkpg.h>
#include <linux/fs.h>

#include "../kernel/nd/fiemap.h"
#include "dax.h"

static_assert(sizeof(struct hostmem_extent) == 32, "hostmem_extent");
static_assert(sizeof(struct hostmem_extents) == 48, "hostmem_extents");

#define FILES 100
#define MAX_PAGES 32
/* Single pages that are free for each file when nothing else is. */
#define FREE_PAGES 64
/* More than the kernel module reads or keeps at a time. */
#define MANY_PAGES 2600

FIXTURE(fs)
{
	const struct dax *dax;
	struct extents e;
	char path[128];
	int fd;
};

FIXTURE_VARIANT(fs)
{
	const struct dax *dax;
};

FIXTURE_VARIANT_ADD(fs, ext4)
{
	.dax = &hm_ext4,
};

FIXTURE_VARIANT_ADD(fs, xfs)
{
	.dax = &hm_xfs,
};

FIXTURE_SETUP(fs)
{
	self->dax = variant->dax;
	dax_make(self->dax);
	self->fd = dax_file(self->dax, "file", self->path);
	dax_fill(self->fd, 0, 16 * PAGE);
	hm_control();
}

FIXTURE_TEARDOWN(fs)
{
	close(self->fd);
	unlink(self->path);
}

/* Use up the file system, then free @count pages here and there. */
static void fragment(const struct dax *dax, unsigned int count, unsigned long long *seed)
{
	struct stat st;
	char path[128];
	__u64 step, pages, i, n;
	off_t end = 0;
	int fd = dax_file(dax, "filler", path);

	for (step = 64 << 20; step >= PAGE; step /= 2) {
		while (!fallocate(fd, 0, end, step))
			end += step;
	}
	HM_OK(fstat(fd, &st));
	pages = st.st_size / PAGE;
	/* Each second at most: adjacent ones would be one extent. */
	for (i = n = 0; i < pages / 2 && n < count; i++) {
		if (dax_random(seed) % (pages / 2 - i) >= count - n)
			continue;
		HM_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * i * PAGE,
				PAGE));
		n++;
	}
	HM_TRUE(n == count);
	HM_OK(fsync(fd));
	close(fd);
}

/* Write the pages of all files in random order; some end within a page. */
static void write_files(int *fds, unsigned int files, unsigned long long *seed)
{
	struct {
		unsigned int file, page;
	} all[FILES * MAX_PAGES], swap;
	unsigned int n = 0, f, i, j, pages;

	for (f = 0; f < files; f++) {
		pages = 1 + dax_random(seed) % MAX_PAGES;
		for (i = 0; i < pages; i++, n++) {
			all[n].file = f;
			all[n].page = i;
		}
	}
	for (i = n - 1; i; i--) {
		j = dax_random(seed) % (i + 1);
		swap = all[i];
		all[i] = all[j];
		all[j] = swap;
	}
	for (i = 0; i < n; i++)
		dax_fill(fds[all[i].file], all[i].page * PAGE, PAGE);
	for (f = 0; f < files; f += 2) {
		off_t end = lseek(fds[f], 0, SEEK_END);

		HM_OK(ftruncate(fds[f], end - dax_random(seed) % PAGE));
	}
}

TEST_F(fs, proof)
{
	const char *text = getenv("HOSTMEM_SEED");
	unsigned long long seed = text ? strtoull(text, NULL, 0) : 20240607;
	unsigned int f, total = 0, files = dax_slow() ? FILES / 10 : FILES;
	char name[32], path[128];
	int fds[FILES];

	TH_LOG("seed %llu: HOSTMEM_SEED sets another", seed);
	fragment(self->dax, files * FREE_PAGES, &seed);
	for (f = 0; f < files; f++) {
		snprintf(name, sizeof(name), "random%u", f);
		fds[f] = dax_file(self->dax, name, path);
	}
	write_files(fds, files, &seed);
	for (f = 0; f < files; f++) {
		hm_extents(fds[f], 0, &self->e);
		EXPECT_EQ(-1, self->e.cmd.out_lease);
		EXPECT_EQ(0, self->e.cmd.out_reason);
		extents_prove(fds[f], self->dax->dev, &self->e);
		total += self->e.cmd.count;
	}
	TH_LOG("%u files, %u extents", files, total);
	EXPECT_LT(10 * files, total);

	if (!dax_slow()) {
		dax_fill(self->fd, 0, MANY_PAGES * PAGE);
		hm_extents(self->fd, 0, &self->e);
		EXPECT_LT(2047, self->e.cmd.count);
		extents_prove(self->fd, self->dax->dev, &self->e);
	}
	hm_sh("rm -rf %s/*", dax_dir(self->dax));
}

TEST_F(fs, sizes)
{
	static const __u64 sizes[] = { 0, 1, 4095, 4096, 4097, 300000 };
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(sizes); i++) {
		HM_OK(ftruncate(self->fd, 0));
		dax_fill(self->fd, 0, sizes[i]);
		hm_extents(self->fd, 0, &self->e);
		EXPECT_EQ(sizes[i], self->e.cmd.out_size);
		EXPECT_EQ(!!sizes[i], !!self->e.cmd.count);
		extents_prove(self->fd, self->dax->dev, &self->e);
	}
	/* What is allocated behind the end is not the file's yet. */
	HM_OK(fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 300000, 0x100000));
	hm_extents(self->fd, 0, &self->e);
	extents_prove(self->fd, self->dax->dev, &self->e);
}

/* How the file was opened does not matter, nor whether it has a name. */
TEST_F(fs, opened)
{
	int ro = HM_OK(open(self->path, O_RDONLY | O_CLOEXEC));
	int wo = HM_OK(open(self->path, O_WRONLY | O_CLOEXEC));

	hm_extents(ro, 0, &self->e);
	extents_prove(ro, self->dax->dev, &self->e);
	hm_extents(wo, 0, &self->e);
	extents_prove(ro, self->dax->dev, &self->e);
	HM_OK(unlink(self->path));
	hm_extents(ro, 0, &self->e);
	extents_prove(ro, self->dax->dev, &self->e);
	close(ro);
	close(wo);
}

TEST_F(fs, holes)
{
	static const __u64 at[] = { 0, 5, 15 };
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct stat before, after;
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(at); i++) {
		HM_OK(fallocate(self->fd, punch, at[i] * PAGE, PAGE));
		HM_OK(fstat(self->fd, &before));
		hm_refused(ENODATA, HOSTMEM_EXTENTS_HOLE, at[i] * PAGE, self->fd, &self->e);
		HM_OK(fstat(self->fd, &after));
		EXPECT_EQ(before.st_blocks, after.st_blocks);
		EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
		dax_fill(self->fd, at[i] * PAGE, PAGE);
		hm_extents(self->fd, 0, &self->e);
		extents_prove(self->fd, self->dax->dev, &self->e);
	}
	/* Longer than what is there; and nothing is there. */
	HM_OK(ftruncate(self->fd, 17 * PAGE));
	hm_refused(ENODATA, HOSTMEM_EXTENTS_HOLE, 16 * PAGE, self->fd, &self->e);
	HM_OK(ftruncate(self->fd, 0));
	HM_OK(ftruncate(self->fd, 1));
	hm_refused(ENODATA, HOSTMEM_EXTENTS_HOLE, 0, self->fd, &self->e);
}

TEST_F(fs, unwritten)
{
	/* So large that ext4 does not rather write zeros to all of it. */
	HM_OK(fallocate(self->fd, 0, 16 * PAGE, 64 * PAGE));
	hm_refused(ENODATA, HOSTMEM_EXTENTS_UNWRITTEN, 16 * PAGE, self->fd, &self->e);
	dax_fill(self->fd, 16 * PAGE, PAGE);
	hm_refused(ENODATA, HOSTMEM_EXTENTS_UNWRITTEN, 17 * PAGE, self->fd, &self->e);
	HM_OK(ftruncate(self->fd, 17 * PAGE));
	hm_extents(self->fd, 0, &self->e);
	extents_prove(self->fd, self->dax->dev, &self->e);
	/* A store through a mapping writes too. */
	HM_OK(fallocate(self->fd, 0, 17 * PAGE, PAGE));
	hm_refused(ENODATA, HOSTMEM_EXTENTS_UNWRITTEN, 17 * PAGE, self->fd, &self->e);
	*(char *)hm_map(self->fd, 17 * PAGE, PAGE, PROT_READ | PROT_WRITE) = 1;
	hm_extents(self->fd, 0, &self->e);
	extents_prove(self->fd, self->dax->dev, &self->e);
}

TEST_F(fs, shared)
{
	struct file_clone_range range = {
		.src_fd = self->fd, .src_offset = 4 * PAGE, .src_length = 2 * PAGE,
	};
	char path[128];
	int copy;

	if (self->dax != &hm_xfs)
		SKIP(return, "ext4 shares nothing");
	copy = dax_file(self->dax, "copy", path);
	HM_OK(ioctl(copy, FICLONERANGE, &range));
	hm_refused(EMLINK, HOSTMEM_EXTENTS_SHARED, 4 * PAGE, self->fd, &self->e);
	hm_refused(EMLINK, HOSTMEM_EXTENTS_SHARED, 0, copy, &self->e);
	/* A write makes a copy of what it writes to. */
	dax_fill(copy, 0, 2 * PAGE);
	hm_extents(copy, 0, &self->e);
	extents_prove(copy, self->dax->dev, &self->e);
	hm_extents(self->fd, 0, &self->e);
	extents_prove(self->fd, self->dax->dev, &self->e);
	close(copy);
	HM_OK(unlink(path));
}

/* Without DAX a file has its bytes elsewhere. */
TEST_F(fs, no_dax)
{
	close(self->fd);
	dax_umount(self->dax);
	dax_mount(self->dax, "-o dax=never");
	self->fd = HM_OK(open(self->path, O_RDWR | O_CLOEXEC));
	hm_refused(EMEDIUMTYPE, HOSTMEM_EXTENTS_NOT_DAX, 0, self->fd, &self->e);
	close(self->fd);
	dax_umount(self->dax);
	dax_mount(self->dax, self->dax->mount);
	self->fd = HM_OK(open(self->path, O_RDWR | O_CLOEXEC));
	hm_extents(self->fd, 0, &self->e);
	extents_prove(self->fd, self->dax->dev, &self->e);
}

/* Neither the array nor anything else is written if it is too small. */
TEST_F(fs, array)
{
	struct extents *e = &self->e;
	char *page = HM_OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	struct hostmem_extent *fits;
	unsigned int i, n;

	/* Collapsing takes out what connects two extents. */
	for (i = 0; i < 4; i++)
		HM_OK(fallocate(self->fd, FALLOC_FL_COLLAPSE_RANGE, (1 + 2 * i) * PAGE, PAGE));
	hm_extents(self->fd, 0, e);
	n = e->cmd.count;
	ASSERT_LE(5, n);
	extents_prove(self->fd, self->dax->dev, e);
	fits = (struct hostmem_extent *)(page + 4096) - n;
	HM_OK(mprotect(page + 4096, 4096, PROT_NONE));
	e->cmd.extents = (uintptr_t)fits;
	for (e->cmd.count = i = 0; i < n; e->cmd.count = ++i) {
		HM_ERR(EMSGSIZE, ioctl(hm_control(), HOSTMEM_EXTENTS, &e->cmd));
		EXPECT_EQ(n, e->cmd.count);
		EXPECT_EQ(12 * PAGE, e->cmd.out_size);
		EXPECT_EQ(0, fits->length);
	}
	ASSERT_EQ(0, ioctl(hm_control(), HOSTMEM_EXTENTS, &e->cmd));
	EXPECT_EQ(0, memcmp(fits, e->array, n * sizeof(*fits)));
	/* More room than there is memory. */
	e->cmd.count = ~0U;
	ASSERT_EQ(0, ioctl(hm_control(), HOSTMEM_EXTENTS, &e->cmd));
	EXPECT_EQ(n, e->cmd.count);
	e->cmd.extents++;
	HM_ERR(EFAULT, ioctl(hm_control(), HOSTMEM_EXTENTS, &e->cmd));
	e->cmd.extents = 0;
	HM_ERR(EFAULT, ioctl(hm_control(), HOSTMEM_EXTENTS, &e->cmd));
}

TEST_F(fs, length)
{
	static const size_t more[] = { 1, 8, 4096 };
	struct {
		struct hostmem_extents cmd;
		char more[4096];
	} arg = {};
	size_t i;

	hm_extents(self->fd, 0, &self->e);
	arg.cmd = self->e.cmd;
	for (i = 0; i < sizeof(arg.cmd); i++) {
		arg.cmd.size = i;
		HM_ERR(EINVAL, ioctl(hm_control(), HOSTMEM_EXTENTS, &arg));
	}
	for (i = 0; i < HM_ARRAY_SIZE(more); i++) {
		arg.cmd.size = sizeof(arg.cmd) + more[i];
		ASSERT_EQ(0, ioctl(hm_control(), HOSTMEM_EXTENTS, &arg));
		arg.more[more[i] - 1] = 1;
		HM_ERR(E2BIG, ioctl(hm_control(), HOSTMEM_EXTENTS, &arg));
		arg.more[more[i] - 1] = 0;
	}
}

TEST_F(fs, flags)
{
	int bit, fds = hm_count_fds();

	for (bit = 1; bit < 32; bit++) {
		hm_extents_err(EOPNOTSUPP, self->fd, 1U << bit, &self->e);
		hm_extents_err(EOPNOTSUPP, self->fd, 1U << bit | HOSTMEM_EXTENTS_LEASE, &self->e);
	}
	EXPECT_EQ(fds, hm_count_fds());
}

/* An argument that cannot be answered to, with and without a lease to be taken back. */
TEST_F(fs, unwritable)
{
	struct hostmem_extents *cmd = HM_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
						 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	int fds = hm_count_fds();

	hm_extents(self->fd, 0, &self->e);
	*cmd = self->e.cmd;
	HM_OK(mprotect(cmd, PAGE, PROT_READ));
	HM_ERR(EFAULT, ioctl(hm_control(), HOSTMEM_EXTENTS, cmd));
	HM_OK(mprotect(cmd, PAGE, PROT_READ | PROT_WRITE));
	cmd->flags = HOSTMEM_EXTENTS_LEASE;
	HM_OK(mprotect(cmd, PAGE, PROT_READ));
	HM_ERR(EFAULT, ioctl(hm_control(), HOSTMEM_EXTENTS, cmd));
	HM_ERR(EFAULT, ioctl(hm_control(), HOSTMEM_EXTENTS, NULL));
	EXPECT_EQ(fds, hm_count_fds());
	/* No pin is left. */
	HM_OK(ftruncate(self->fd, 0));
	HM_OK(ftruncate(self->fd, PAGE));
	HM_OK(mprotect(cmd, PAGE, PROT_READ | PROT_WRITE));
	cmd->flags = 0;
	HM_OK(mprotect(cmd, PAGE, PROT_READ));
	HM_ERR(EFAULT, ioctl(hm_control(), HOSTMEM_EXTENTS, cmd));
}

static int as_nobody(void *arg)
{
	struct extents *e = arg;

	HM_OK(setresuid(65534, 65534, 65534));
	HM_ERR(EPERM, _hm_extents(e->cmd.fd, 0, e));
	HM_ERR(EPERM, _hm_extents(e->cmd.fd, HOSTMEM_EXTENTS_LEASE, e));
	return 0;
}

/* The control node may be open: addresses need CAP_SYS_ADMIN besides. */
TEST_F(fs, capability)
{
	self->e.cmd.fd = self->fd;
	EXPECT_EQ(0, hm_in_child(as_nobody, &self->e));
}

TEST_F(fs, no_fd_left)
{
	struct rlimit old, none = {};

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none.rlim_max = old.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	hm_extents_err(EMFILE, self->fd, HOSTMEM_EXTENTS_LEASE, &self->e);
	hm_extents(self->fd, 0, &self->e);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	HM_OK(ftruncate(self->fd, 0));
}

/* What is not on the medium yet, or in an inode: only files without DAX are like that. */
TEST(not_in_blocks)
{
	static const struct dax inlined = {
		"ext4", NULL, "pmem1", "mkfs.ext4 -q -F -b 4096 -I 256 -O inline_data",
		"-o dax=never"
	};
	struct extents *e = malloc(sizeof(*e));
	char path[128];
	int fd;

	dax_umount(&hm_ext4);
	dax_umount(&hm_xfs);
	dax_fsdax(&hm_xfs);
	hm_sh("%s /dev/pmem1", inlined.mkfs);
	dax_mount(&inlined, inlined.mount);
	fd = dax_file(&inlined, "inline", path);
	HM_TRUE(write(fd, "text", 4) == 4);
	hm_sh("sync && filefrag -v %s | grep inline", path);
	hm_refused(EMEDIUMTYPE, HOSTMEM_EXTENTS_NOT_DAX, 0, fd, e);
	close(fd);
	fd = dax_file(&inlined, "delayed", path);
	dax_fill(fd, 0, 64 * PAGE);
	hm_sh("filefrag -v %s | grep delalloc", path);
	hm_refused(EMEDIUMTYPE, HOSTMEM_EXTENTS_NOT_DAX, 0, fd, e);
	hm_sh("filefrag -v %s | grep delalloc", path);
	close(fd);
	dax_umount(&inlined);
}

TEST(reasons)
{
	static const struct {
		__u32 flags, reason;
	} cases[] = {
		{ 0, 0 },
		{ FIEMAP_EXTENT_LAST, 0 },
		{ FIEMAP_EXTENT_MERGED | FIEMAP_EXTENT_LAST, 0 },
		{ FIEMAP_EXTENT_UNKNOWN, HOSTMEM_EXTENTS_DELALLOC },
		{ FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC, HOSTMEM_EXTENTS_DELALLOC },
		{ FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_NOT_ALIGNED, HOSTMEM_EXTENTS_INLINE },
		{ FIEMAP_EXTENT_DATA_TAIL | FIEMAP_EXTENT_NOT_ALIGNED, HOSTMEM_EXTENTS_INLINE },
		{ FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_LAST, HOSTMEM_EXTENTS_UNWRITTEN },
		{ FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_LAST, HOSTMEM_EXTENTS_SHARED },
		{ FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_UNWRITTEN, HOSTMEM_EXTENTS_UNWRITTEN },
		{ FIEMAP_EXTENT_ENCODED, HOSTMEM_EXTENTS_ENCODED },
		{ FIEMAP_EXTENT_DATA_ENCRYPTED | FIEMAP_EXTENT_ENCODED, HOSTMEM_EXTENTS_ENCODED },
		{ FIEMAP_EXTENT_NOT_ALIGNED, HOSTMEM_EXTENTS_ENCODED },
		{ 0x80000000, HOSTMEM_EXTENTS_ENCODED },
	};
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(cases); i++)
		EXPECT_EQ(cases[i].reason, hostmem_fiemap_reason(cases[i].flags));
}

TEST(files_refused)
{
	int null = HM_OK(open("/dev/null", O_RDWR));
	int dir = HM_OK(open("/", O_RDONLY));
	int path = HM_OK(open("/", O_PATH));
	int shm = HM_OK(memfd_create("test", 0));
	struct extents *e = malloc(sizeof(*e));
	int pipes[2], sock;

	HM_OK(pipe(pipes));
	sock = HM_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	hm_refused(EINVAL, HOSTMEM_EXTENTS_NOT_FILE, 0, pipes[0], e);
	hm_refused(EINVAL, HOSTMEM_EXTENTS_NOT_FILE, 0, sock, e);
	hm_refused(EINVAL, HOSTMEM_EXTENTS_NOT_FILE, 0, dir, e);
	hm_refused(ENXIO, HOSTMEM_EXTENTS_NOT_PMEM, 0, hm_control(), e);
	hm_refused(ENXIO, HOSTMEM_EXTENTS_NOT_PMEM, 0, null, e);
	hm_refused(ENXIO, HOSTMEM_EXTENTS_NOT_PMEM, 0, shm, e);
	hm_extents_err(EBADF, path, 0, e);
	hm_extents_err(EBADF, -1, 0, e);
	hm_extents_err(EBADF, 1 << 20, 0, e);
}

/* A device is one extent, at its address and of its size. */
static void device_is(const char *path, __u64 spa, __u64 size)
{
	struct extents *e = malloc(sizeof(*e));
	int fd = HM_OK(open(path, O_RDONLY | O_CLOEXEC));

	hm_extents(fd, 0, e);
	HM_TRUE(e->cmd.count == 1 && e->cmd.out_size == size);
	HM_TRUE(!e->array[0].offset && e->array[0].spa == spa && e->array[0].length == size);
	e->cmd.count = 0;
	HM_ERR(EMSGSIZE, ioctl(hm_control(), HOSTMEM_EXTENTS, &e->cmd));
	HM_TRUE(e->cmd.count == 1);
	free(e);
	close(fd);
}

static __u64 number_in(const char *path)
{
	char text[32];

	HM_OK(hm_read_file(path, text, sizeof(text)));
	return strtoull(text, NULL, 0);
}

TEST(block_device)
{
	dax_umount(&hm_xfs);
	dax_mode(&hm_xfs, "raw");
	device_is("/dev/pmem1", number_in("/sys/bus/nd/devices/namespace1.0/resource"),
		  number_in("/sys/bus/nd/devices/namespace1.0/size"));
}

static void partition_call(int op, int number, __u64 start, __u64 length)
{
	struct blkpg_partition part = { .start = start, .length = length, .pno = number };
	struct blkpg_ioctl_arg arg = { .op = op, .datalen = sizeof(part), .data = &part };
	int fd = HM_OK(open("/dev/pmem1", O_RDONLY | O_CLOEXEC));

	HM_OK(ioctl(fd, BLKPG, &arg));
	close(fd);
}

TEST(partition)
{
	static const struct dax second = {
		"ext4", NULL, "pmem1p2", "mkfs.ext4 -q -F -b 4096", "-o dax=always"
	};
	const __u64 start = 65 << 20, length = 128 << 20;
	struct extents *e = malloc(sizeof(*e));
	char path[128];
	int fd;

	dax_umount(&hm_ext4);
	dax_umount(&hm_xfs);
	dax_fsdax(&hm_xfs);
	device_is("/dev/pmem1", dax_base("pmem1"), 512 * number_in("/sys/block/pmem1/size"));
	partition_call(BLKPG_ADD_PARTITION, 2, start, length);
	device_is("/dev/pmem1p2", dax_base("pmem1") + start, length);
	hm_sh("%s /dev/pmem1p2", second.mkfs);
	dax_mount(&second, second.mount);
	fd = dax_file(&second, "file", path);
	dax_fill(fd, 0, 300 * PAGE);
	hm_extents(fd, 0, e);
	extents_prove(fd, "pmem1", e);
	close(fd);
	dax_umount(&second);
	partition_call(BLKPG_DEL_PARTITION, 2, 0, 0);
}

TEST(devdax)
{
	const __u64 length = 2 << 20;
	struct extents *e = malloc(sizeof(*e));
	char *map;
	int fd;

	dax_umount(&hm_xfs);
	dax_mode(&hm_xfs, "devdax --map mem");
	device_is("/dev/dax1.0", number_in("/sys/bus/dax/devices/dax1.0/resource"),
		  number_in("/sys/bus/dax/devices/dax1.0/size"));
	fd = HM_OK(open("/dev/dax1.0", O_RDWR | O_CLOEXEC));
	hm_extents(fd, 0, e);
	map = hm_map_flags(fd, 0, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE);
	extents_mapped(e, map, length / PAGE);
	HM_OK(munmap(map, length));
	close(fd);
}

TEST(sector_mode)
{
	struct extents *e = malloc(sizeof(*e));
	int fd;

	dax_umount(&hm_xfs);
	dax_mode(&hm_xfs, "sector");
	fd = HM_OK(open("/dev/pmem1s", O_RDONLY | O_CLOEXEC));
	hm_refused(EMEDIUMTYPE, HOSTMEM_EXTENTS_NOT_DAX, 0, fd, e);
	close(fd);
}

TEST(no_module)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, HM_BLOCK);
	struct extents *e = malloc(sizeof(*e));
	int fd = HM_OK(open("/dev/pmem0", O_RDONLY | O_CLOEXEC));

	HM_OK(syscall(SYS_delete_module, "hostmem_nd", O_NONBLOCK));
	hm_extents_err(ENOPKG, fd, 0, e);
	hm_extents_err(ENOPKG, -1, HOSTMEM_EXTENTS_LEASE, e);
	hm_extents_err(EOPNOTSUPP, fd, 2, e);
	cmd.backing = HOSTMEM_BACKING_FILE;
	cmd.backing_fd = fd;
	hm_create_raw_err(ENOPKG, &cmd);
	cmd.backing = HOSTMEM_BACKING_RESERVE;
	hm_create_raw_err(ENOPKG, &cmd);
	hm_sh("modprobe hostmem_nd");
	hm_extents(fd, 0, e);
}

int main(int argc, char **argv)
{
	return dax_main(argc, argv);
}
