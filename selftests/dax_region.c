// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of DAX files, /dev/dax and reserves: the guard stands before them as before ram, their
 * bytes stay, KVM maps them by 2 MiB, and they end with their device.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/io_uring.h>

#include "ask.h"
#include "kvm.h"
#include "reserve.h"

#ifndef MAP_SYNC
#define MAP_SYNC 0x80000
#endif
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif

#define BLOCKS 4
#define SIZE (BLOCKS * HM_BLOCK)
#define RW (PROT_READ | PROT_WRITE)
#define RESERVE (SIZE + 2 * HM_BLOCK)

/* With files on multiples of 2 MiB. */
static const struct dax xfs_2m = {
	"xfs", "namespace1.0", "pmem1", "mkfs.xfs --unsupported -q -f -d su=2m,sw=1", "-o dax=always"
};

/* A region of all of its backing, plugged, an owner's fd and a data view. */
FIXTURE(dax) {
	char name[HM_NAME_MAX];
	char backing[160];
	char file[128];		/* behind it; empty: none that can be read */
	int owner;
	int data;
	char *p;
	int log;
};

FIXTURE_VARIANT(dax) {
	const struct dax *fs;	/* or a namespace that is removed and comes back */
	const char *mode;
	const char *layout;
	bool again;		/* what others do too: the debug kernel has no time for it */
};

FIXTURE_VARIANT_ADD(dax, tail) {
	.mode = "fsdax",
	.layout = "tail",
};

FIXTURE_VARIANT_ADD(dax, head) {
	.mode = "fsdax",
	.layout = "head",
	.again = true,
};

FIXTURE_VARIANT_ADD(dax, devdax_tail) {
	.mode = "devdax",
	.layout = "tail",
	.again = true,
};

FIXTURE_VARIANT_ADD(dax, devdax_head) {
	.mode = "devdax",
	.layout = "head",
};

FIXTURE_VARIANT_ADD(dax, devdax) {
	.mode = "devdax",
};

FIXTURE_VARIANT_ADD(dax, ext4) {
	.fs = &hm_ext4,
};

FIXTURE_VARIANT_ADD(dax, xfs) {
	.fs = &xfs_2m,
	.again = true,
};

/* The command line of a shell, which succeeds or not. */
__attribute__((format(printf, 1, 2)))
static bool true_that(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return !system(command);
}

/* A file of that many bytes, of whole 2 MiB pages where the file system finds them. */
static void make_file(const struct dax *fs, char path[128])
{
	int fd;

	dax_make(fs);
	fd = dax_file(fs, "region", path);
	HM_OK(fallocate(fd, 0, 0, SIZE));
	close(fd);
}

static void make(struct _test_data_dax *self, const struct _fixture_variant_dax *variant)
{
	if (variant->fs) {
		make_file(variant->fs, self->file);
		snprintf(self->backing, sizeof(self->backing), "file:%s", self->file);
	} else {
		reserve_make(&(struct reserve){ variant->mode, variant->layout, RESERVE });
		snprintf(self->backing, sizeof(self->backing), "%s",
			 variant->layout ? "reserve:namespace0.0" : "file:/dev/dax0.0");
	}
}

static void create(struct _test_data_dax *self)
{
	self->owner = reserve_region(self->backing, self->name, SIZE);
	self->data = hm_open_node(self->name, O_RDWR | O_CLOEXEC);
	self->p = hm_map(self->data, 0, SIZE, RW);
}

static void destroy(struct _test_data_dax *self)
{
	munmap(self->p, SIZE);
	close(self->data);
	hm_destroy(self->owner, 0);
	close(self->owner);
}

FIXTURE_SETUP(dax)
{
	if (variant->again && dax_slow())
		SKIP(return, "done on the other kernels");
	make(self, variant);
	self->log = hm_log_open();
	hm_name(self->name);
	create(self);
}

FIXTURE_TEARDOWN(dax)
{
	_hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
	if (*self->file)
		unlink(self->file);
	EXPECT_TRUE(hm_log_quiet(self->log));
}

static bool faults(char *p)
{
	return hm_read_faults(p) && hm_write_faults(p, 1);
}

/* Every byte of every block says which it is. */
static void fill(char *p, int seed)
{
	int i;

	for (i = 0; i < BLOCKS; i++)
		memset(p + i * HM_BLOCK, seed + i, HM_BLOCK);
}

static bool is_filled(const char *p, int seed)
{
	int i;

	for (i = 0; i < BLOCKS; i++) {
		if (!hm_is_filled(p + i * HM_BLOCK, seed + i, HM_BLOCK))
			return false;
	}
	return true;
}

TEST_F(dax, contents)
{
	char *q;

	fill(self->p, 10);
	EXPECT_TRUE(!msync(self->p, SIZE, MS_SYNC) || !variant->layout);
	q = hm_map(self->owner, 0, SIZE, PROT_READ);
	EXPECT_TRUE(is_filled(q, 10));
	HM_OK(munmap(q, SIZE));
	destroy(self);
	create(self);
	EXPECT_TRUE(is_filled(self->p, 10));
}

/* As a file: what mappings see, and of the memory that there is. */
TEST_F(dax, read_and_write)
{
	char *buf = malloc(SIZE);
	struct stat st;

	fill(self->p, 40);
	EXPECT_EQ(SIZE, pread(self->data, buf, SIZE, 0));
	EXPECT_TRUE(is_filled(buf, 40));
	EXPECT_EQ(2, pread(self->owner, buf, 2, HM_BLOCK - 1));
	EXPECT_TRUE(buf[0] == 40 && buf[1] == 41);
	if (variant->fs) {
		/* It knows which of its blocks have been written to. */
		HM_ERR(EOPNOTSUPP, pwrite(self->data, buf, 1, 0));
	} else {
		memset(buf, 'w', 4096);
		EXPECT_EQ(4096, pwrite(self->data, buf, 4096, HM_BLOCK - 1));
		EXPECT_TRUE(hm_is_filled(self->p + HM_BLOCK - 1, 'w', 4096));
		EXPECT_TRUE(self->p[HM_BLOCK - 2] == 40 && self->p[HM_BLOCK + 4095] == 41);
		EXPECT_TRUE(!fsync(self->data) || !variant->layout);
	}
	HM_ERR(EOPNOTSUPP, fallocate(self->data, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				     HM_BLOCK));
	EXPECT_EQ(0, fallocate(self->data, 0, 0, SIZE));
	/* What is not plugged keeps its bytes, and shows none of them. */
	hm_unplug(self->owner, HM_BLOCK, HM_BLOCK);
	HM_OK(fstat(self->data, &st));
	EXPECT_EQ(SIZE - HM_BLOCK, st.st_blocks * 512);
	EXPECT_EQ(SIZE, pread(self->data, buf, SIZE, 0));
	EXPECT_TRUE(hm_is_filled(buf + HM_BLOCK, 0, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(buf + 2 * HM_BLOCK, 42, HM_BLOCK));
	if (!variant->fs)
		HM_ERR(ENXIO, pwrite(self->data, buf, 1, HM_BLOCK));
	EXPECT_EQ(HM_BLOCK, lseek(self->data, 0, SEEK_HOLE));
	EXPECT_EQ(2 * HM_BLOCK, lseek(self->data, HM_BLOCK, SEEK_DATA));
	hm_plug(self->owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(1, pread(self->data, buf, 1, 2 * HM_BLOCK - 1));
	EXPECT_EQ(41, *buf);
	free(buf);
}

/* Nobody is told the path. */
static int source_of_nobody(void *arg)
{
	struct hostmem_region *region;
	struct hostmem_ctx *ctx;

	HM_OK(setuid(65534));
	HM_TRUE(!hostmem_new(&ctx) && !hostmem_refresh(ctx));
	region = hostmem_region_get_by_name(ctx, arg);
	HM_TRUE(region && hostmem_region_get_backing(region) == HOSTMEM_BACKING_FILE);
	return hostmem_region_get_source(region) ? KSFT_FAIL : KSFT_PASS;
}

TEST_F(dax, the_file_has_them)
{
	char page[4096];
	int fd;

	if (!variant->fs)
		SKIP(return, "no file to read");
	EXPECT_EQ(0, hm_in_child(source_of_nobody, self->name));
	fill(self->p, 20);
	EXPECT_EQ(0, fsync(self->data));
	fd = HM_OK(open(self->file, O_RDONLY | O_CLOEXEC));
	HM_TRUE(pread(fd, page, 4096, 3 * HM_BLOCK + 4096) == 4096);
	EXPECT_TRUE(hm_is_filled(page, 23, 4096));
}

TEST_F(dax, unplug)
{
	char *q = hm_map(self->owner, 0, SIZE, RW);

	fill(self->p, 30);
	EXPECT_FALSE(hm_write_faults(q + HM_BLOCK, 31));
	hm_unplug(self->owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(0, hm_mapped_pages(self->p + HM_BLOCK, HM_BLOCK));
	EXPECT_EQ(0, hm_mapped_pages(q + HM_BLOCK, HM_BLOCK));
	EXPECT_TRUE(faults(self->p + HM_BLOCK));
	EXPECT_TRUE(faults(q + 2 * HM_BLOCK - 1));
	EXPECT_TRUE(hm_is_filled(q, 30, HM_BLOCK));
	EXPECT_TRUE(hm_is_filled(q + 2 * HM_BLOCK, 32, HM_BLOCK));
	/* It frees nothing. */
	hm_plug(self->owner, HM_BLOCK, HM_BLOCK);
	EXPECT_TRUE(is_filled(self->p, 30));
	HM_OK(munmap(q, SIZE));
}

static int write_a_byte(void *arg)
{
	*(char *)arg = 1;
	return 0;
}

/* Not the one that is written to: which of the two wins when the file system thaws is open. */
static int unplug_another_block(void *arg)
{
	hm_unplug(*(int *)arg, HM_BLOCK, HM_BLOCK);
	return 0;
}

static pid_t in_background(int (*fn)(void *arg), void *arg)
{
	pid_t pid = HM_OK(fork());

	if (!pid)
		_exit(fn(arg));
	return pid;
}

/* Wait until a process is stopped in the kernel, or has ended. */
static bool is_stuck(pid_t pid)
{
	char path[32], text[512], *state;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (i = 0; i < 300; i++, usleep(100000)) {
		HM_OK(hm_read_file(path, text, sizeof(text)));
		state = strrchr(text, ')');
		HM_TRUE(state);
		if (state[2] == 'D' || state[2] == 'Z')
			return state[2] == 'D';
	}
	return false;
}

/* A frozen file system stops a write, and the unplug that waits for it; nobody who asks. */
TEST_F(dax, frozen)
{
	pid_t writer, unplugger;
	bool answered;

	if (variant->fs != &hm_ext4)
		SKIP(return, "needs a file system that can be frozen");
	hm_sh("fsfreeze -f %s", dax_dir(variant->fs));
	writer = in_background(write_a_byte, self->p);
	EXPECT_TRUE(is_stuck(writer));
	unplugger = in_background(unplug_another_block, &self->owner);
	EXPECT_TRUE(is_stuck(unplugger));
	answered = ask_answered(self->data);
	hm_sh("fsfreeze -u %s", dax_dir(variant->fs));
	EXPECT_TRUE(answered);
	EXPECT_EQ(0, hm_wait(writer));
	EXPECT_EQ(0, hm_wait(unplugger));
}

TEST_F(dax, revoke)
{
	char *q = hm_map(self->owner, 0, SIZE, RW);

	fill(self->p, 40);
	hm_revoke(self->owner, hm_view_id(self->data));
	EXPECT_EQ(0, hm_mapped_pages(self->p, SIZE));
	EXPECT_TRUE(faults(self->p));
	EXPECT_TRUE(is_filled(q, 40));
	hm_map_err(ENODEV, self->data, 0, SIZE, RW);
	HM_ERR(ENODEV, fsync(self->data));
	HM_OK(munmap(q, SIZE));
}

TEST_F(dax, read_only)
{
	int fd = hm_open_node(self->name, O_RDONLY | O_CLOEXEC);
	char *q = hm_map(fd, 0, SIZE, PROT_READ);

	fill(self->p, 50);
	EXPECT_TRUE(is_filled(q, 50));
	hm_map_err(EACCES, fd, 0, SIZE, RW);
	HM_ERR(EACCES, mprotect(q, SIZE, RW));
	HM_OK(munmap(q, SIZE));
	/* /dev/dax is never mapped privately, and says so. */
	if (variant->fs || variant->layout) {
		q = hm_map_flags(fd, 0, SIZE, PROT_READ, MAP_PRIVATE);
		EXPECT_TRUE(is_filled(q, 50));
		HM_OK(munmap(q, SIZE));
	}
	hm_map_flags_err(EOPNOTSUPP, self->data, 0, SIZE, RW, MAP_PRIVATE);
	close(fd);
}

/* A mapping that promises that what was written stays. */
TEST_F(dax, sync)
{
	char *q = hm_map_flags(self->data, 0, SIZE, RW, MAP_SHARED_VALIDATE | MAP_SYNC);

	fill(q, 60);
	EXPECT_TRUE(is_filled(self->p, 60));
	HM_OK(munmap(q, SIZE));
}

/* What virtio-pmem has is written by the host, when it is asked to: no mapping can promise that. */
TEST(asynchronous)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, HM_BLOCK);
	int fd;

	if (!true_that("modprobe -q virtio_pmem; "
		       "test -e /sys/bus/nd/devices/namespace2.0"))
		SKIP(return, "no virtio-pmem");
	hm_sh("hostmemctl create-namespace -e namespace2.0 -f --reserve 6m");
	cmd.backing = HOSTMEM_BACKING_RESERVE;
	cmd.backing_pmem = reserve_pmem_id("namespace2.0");
	fd = hm_create_raw(&cmd);
	hm_plug(fd, 0, HM_BLOCK);
	hm_map_flags_err(EOPNOTSUPP, fd, 0, HM_BLOCK, RW, MAP_SHARED_VALIDATE | MAP_SYNC);
	memset(hm_map(fd, 0, HM_BLOCK, RW), 1, HM_BLOCK);
	HM_OK(fsync(fd));
	close(fd);
}

static __u64 unplug_pinned(int fd)
{
	struct hostmem_region_unplug cmd = { .size = sizeof(cmd), .length = SIZE };

	HM_OK(ioctl(fd, HOSTMEM_REGION_UNPLUG, &cmd));
	return cmd.out_pinned;
}

/* What the kernel pins for others. */
TEST_F(dax, pinned)
{
	bool large = !variant->fs && !strcmp(variant->mode, "devdax") &&
		     (!variant->layout || strcmp(variant->layout, "tail"));
	struct iovec there = { .iov_base = self->p + HM_BLOCK, .iov_len = 1 << 20 };
	char *buf = malloc(1 << 20);
	struct iovec here = { .iov_base = buf, .iov_len = 1 << 20 };
	int pipes[2];

	fill(self->p, 70);
	EXPECT_EQ(1 << 20, process_vm_readv(getpid(), &here, 1, &there, 1, 0));
	EXPECT_TRUE(hm_is_filled(buf, 71, 1 << 20));
	HM_OK(pipe(pipes));
	there.iov_len = 4096;
	EXPECT_EQ(4096, vmsplice(pipes[1], &there, 1, 0));
	/* It is told how much that is, in pages of the device. */
	EXPECT_EQ(large ? HM_BLOCK : 4096, unplug_pinned(self->owner));
	EXPECT_TRUE(faults(self->p + HM_BLOCK));
	EXPECT_EQ(4096, read(pipes[0], buf, 4096));
	EXPECT_TRUE(hm_is_filled(buf, 71, 4096));
	hm_plug(self->owner, 0, SIZE);
	fill(self->p, 70);
	EXPECT_EQ(0, unplug_pinned(self->owner));
	free(buf);
}

/* For long, as VFIO and io_uring do it. */
TEST_F(dax, pinned_for_long)
{
	struct iovec buffer = { .iov_base = self->p, .iov_len = HM_BLOCK };
	const char *kernel = getenv("HOSTMEM_KERNEL");
	struct io_uring_params params = {};
	int ring, rc;

	if (kernel && !strcmp(kernel, "6.1"))
		SKIP(return, "io_uring of 6.1 takes shared mappings of shmem only");
	ring = syscall(__NR_io_uring_setup, 4, &params);
	if (ring < 0)
		SKIP(return, "no io_uring");
	memset(self->p, 1, HM_BLOCK);
	rc = syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1);
	/* The kernel does not let anybody keep pages of a file system with DAX. */
	EXPECT_EQ(variant->fs ? -EOPNOTSUPP : 0, rc < 0 ? -errno : rc);
	close(ring);
}

/* Page faults that touching every 4 KiB page takes: one each 2 MiB. */
TEST_F(dax, mapped_by_2m)
{
	struct rusage before, after;
	__u64 i;

	HM_TRUE(!((uintptr_t)self->p & (HM_BLOCK - 1)));
	HM_OK(getrusage(RUSAGE_SELF, &before));
	for (i = 0; i < SIZE; i += 4096)
		self->p[i] = 1;
	HM_OK(getrusage(RUSAGE_SELF, &after));
	EXPECT_LE(after.ru_minflt - before.ru_minflt, BLOCKS + 8);
}

/* Of the only VM in the guest: the number in KVM's statistics. */
static long kvm_stat(const char *name)
{
	char path[320], text[32];
	struct dirent *entry;
	long sum = 0;
	DIR *dir;

	true_that("mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug");
	dir = opendir("/sys/kernel/debug/kvm");
	while (dir && (entry = readdir(dir))) {
		if (!strchr(entry->d_name, '-'))
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%s/%s", entry->d_name, name);
		if (hm_read_file(path, text, sizeof(text)) >= 0)
			sum += atol(text);
	}
	if (dir)
		closedir(dir);
	return sum;
}

#define GPA 0x40000000ULL

/* for (ecx times) { *edi = al; edi += 4096; } out(1) */
static const __u8 touch_pages[] = {
	0x88, 0x07, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, 0x49, 0x75, 0xf5, 0xe6, 0x01,
};

static int vm_touch(struct hm_kvm *k, __u64 offset, __u64 length, __u8 byte)
{
	hm_kvm_set(k, (struct kvm_regs) {
		.rdi = GPA + offset, .rcx = length / 4096, .rax = byte,
	});
	return hm_kvm_run(k);
}

TEST_F(dax, vm)
{
	struct hm_kvm k;
	long large;

	if (!hm_kvm_available())
		SKIP(return, "no KVM");
	k = hm_kvm_new();
	hm_kvm_boot(&k, touch_pages, sizeof(touch_pages));
	hm_kvm_slot(&k, 1, GPA, SIZE, self->p);
	large = kvm_stat("pages_2m");
	EXPECT_EQ(1, vm_touch(&k, 0, SIZE, 0x55));
	EXPECT_EQ(BLOCKS, kvm_stat("pages_2m") - large);
	EXPECT_EQ(0x55, self->p[3 * HM_BLOCK + 8192]);
	hm_unplug(self->owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(-1, vm_touch(&k, HM_BLOCK, 4096, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, vm_touch(&k, 2 * HM_BLOCK, HM_BLOCK, 2));
	hm_plug(self->owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(1, vm_touch(&k, HM_BLOCK, 4096, 3));
	hm_kvm_free(&k);
}

/* Whether hostmemctl makes no region of a backing, and says that. */
static bool refuses(const char *backing, const char *says)
{
	return true_that("hostmemctl create-region no --backing %s 2>&1 | grep -q '%s'", backing,
			 says);
}

static bool in_iomem(const char *what)
{
	return true_that("grep -q '%s' /proc/iomem", what);
}

TEST_F(dax, one_holder)
{
	if (!variant->layout)
		SKIP(return, "not a reserve");
	EXPECT_TRUE(in_iomem("hostmem reserve:namespace0.0"));
	EXPECT_TRUE(refuses("reserve:namespace0.0", "another region has it"));
	destroy(self);
	EXPECT_FALSE(in_iomem("hostmem reserve"));
	create(self);
}

static const char *const changes[] = {
	"truncate -s 1m %s", "fallocate -p -o 0 -l 2m %s", "rm -f %s",
	"dd if=/dev/zero of=%s bs=4k count=1 conv=notrunc status=none",
};

TEST_F(dax, the_file_stays)
{
	char command[256];
	size_t i;

	if (!variant->fs)
		SKIP(return, "no file");
	fill(self->p, 80);
	for (i = 0; i < HM_ARRAY_SIZE(changes); i++) {
		snprintf(command, sizeof(command), changes[i], self->file);
		EXPECT_FALSE(true_that("%s 2>/dev/null", command));
	}
	EXPECT_TRUE(is_filled(self->p, 80));
	/* Not through a mapping either. */
	HM_TRUE(madvise(self->p, HM_BLOCK, MADV_REMOVE) < 0);
	destroy(self);
	EXPECT_TRUE(true_that("truncate -s 1m %s", self->file));
	EXPECT_EQ(0, unlink(self->file));
	make_file(variant->fs, self->file);
	create(self);
}

static bool is_unarmed(void)
{
	return true_that("hostmemctl list -D | jq -e 'any(.namespace == \"namespace0.0\" and "
			 ".persistence == \"unarmed\")' >/dev/null");
}

/* A DIMM that is not armed looks like this; its memory is not handed out to be written to. */
TEST_F(dax, not_armed)
{
	const char *switched = "/sys/bus/nd/devices/region0/read_only";

	if (variant->fs)
		SKIP(return, "a file system cannot be mounted there");
	destroy(self);
	HM_OK(hm_write_file(switched, "1"));
	EXPECT_TRUE(refuses(self->backing, "not armed"));
	EXPECT_TRUE(is_unarmed());
	HM_OK(hm_write_file(switched, "0"));
	/* libnvdimm says so, too. */
	close(self->log);
	self->log = hm_log_open();
	create(self);
	EXPECT_FALSE(is_unarmed());
}

/* The namespace goes away under two mappings, and comes back. */
TEST_F(dax, device_goes)
{
	struct hostmem_region_info info;
	char *q;

	if (variant->fs)
		SKIP(return, "a mounted file system does not survive it");
	q = hm_map(self->owner, 0, SIZE, RW);
	fill(self->p, 90);
	EXPECT_TRUE(is_filled(q, 90));
	hm_sh("ndctl disable-namespace namespace0.0");
	EXPECT_EQ(0, hm_mapped_pages(self->p, SIZE));
	EXPECT_EQ(0, hm_mapped_pages(q, SIZE));
	EXPECT_TRUE(faults(self->p));
	EXPECT_TRUE(faults(q + SIZE - 1));
	hm_info_err(ENODEV, self->data, &info);
	hm_info_err(ENODEV, self->owner, &info);
	hm_plug_err(ENODEV, self->owner, 0, HM_BLOCK);
	hm_map_err(ENODEV, self->data, 0, SIZE, RW);
	hm_destroy_err(ENODEV, self->owner, 0);
	HM_ERR(ENODEV, fsync(self->data));
	HM_ERR(ENODEV, pread(self->data, &info, 1, 0));
	HM_ERR(ENODEV, pwrite(self->owner, &info, 1, 0));
	HM_ERR(ENODEV, fallocate(self->data, 0, 0, HM_BLOCK));
	hm_open_err(ENOENT, self->name);
	EXPECT_FALSE(in_iomem("hostmem reserve"));
	hm_sh("ndctl enable-namespace namespace0.0");
	HM_OK(munmap(self->p, SIZE));
	HM_OK(munmap(q, SIZE));
	close(self->data);
	close(self->owner);
	create(self);
	EXPECT_TRUE(is_filled(self->p, 90));
}

#define DEVICE_DAX "/sys/bus/dax/drivers/device_dax/"

/*
 * The namespace stays, but the driver of its /dev/dax goes, and takes away the struct pages that it
 * has made. Those of a reserve at the tail are not among them.
 */
TEST_F(dax, driver_goes)
{
	struct hostmem_region_info info;

	if (variant->fs || strcmp(variant->mode, "devdax"))
		SKIP(return, "no /dev/dax");
	fill(self->p, 100);
	HM_OK(hm_write_file(DEVICE_DAX "unbind", "dax0.0"));
	if (variant->layout && !strcmp(variant->layout, "tail")) {
		EXPECT_TRUE(is_filled(self->p, 100));
		HM_OK(hm_write_file(DEVICE_DAX "bind", "dax0.0"));
		return;
	}
	EXPECT_EQ(0, hm_mapped_pages(self->p, SIZE));
	EXPECT_TRUE(faults(self->p));
	hm_info_err(ENODEV, self->owner, &info);
	EXPECT_FALSE(true_that("hostmemctl create-region %s --backing %s >/dev/null 2>&1",
			       self->name, self->backing));
	/* device_dax does not come back well where the file of its device is still open. */
	HM_OK(munmap(self->p, SIZE));
	close(self->data);
	close(self->owner);
	HM_OK(hm_write_file(DEVICE_DAX "bind", "dax0.0"));
	create(self);
	EXPECT_TRUE(is_filled(self->p, 100));
}

/* What is refused, without a region */

FIXTURE(refused) {
	struct hostmem_region_create cmd;
	char path[128];
	int fds;
};

FIXTURE_SETUP(refused)
{
	dax_make(&hm_ext4);
	hm_control();
	self->fds = hm_count_fds();
	self->cmd = hm_create_cmd(NULL, SIZE);
	self->cmd.backing = HOSTMEM_BACKING_FILE;
	self->cmd.backing_fd = dax_file(&hm_ext4, "refused", self->path);
}

FIXTURE_TEARDOWN(refused)
{
	close(self->cmd.backing_fd);
	unlink(self->path);
	EXPECT_EQ(self->fds, hm_count_fds());
}

TEST_F(refused, files)
{
	int fd = self->cmd.backing_fd;
	int other;

	/* Empty, holes, too small; then not. */
	hm_create_raw_err(ENOSPC, &self->cmd);
	HM_OK(ftruncate(fd, SIZE));
	hm_create_raw_err(ENODATA, &self->cmd);
	HM_OK(fallocate(fd, 0, 0, SIZE - HM_BLOCK));
	hm_create_raw_err(ENODATA, &self->cmd);
	HM_OK(ftruncate(fd, SIZE - 1));
	HM_OK(fallocate(fd, 0, 0, SIZE - 1));
	hm_create_raw_err(ENOSPC, &self->cmd);
	HM_OK(fallocate(fd, 0, 0, SIZE));
	other = hm_create_raw(&self->cmd);
	HM_ERR(ETXTBSY, ftruncate(fd, 0));
	close(other);
	HM_OK(ftruncate(fd, 0));
}

TEST_F(refused, fds)
{
	int fd = self->cmd.backing_fd;

	HM_OK(fallocate(fd, 0, 0, SIZE));
	self->cmd.backing_fd = -1;
	hm_create_raw_err(EBADF, &self->cmd);
	self->cmd.backing_fd = HM_OK(open(self->path, O_RDONLY | O_CLOEXEC));
	hm_create_raw_err(EBADF, &self->cmd);
	close(self->cmd.backing_fd);
	self->cmd.backing_fd = HM_OK(open("/dev/pmem0", O_RDWR | O_CLOEXEC));
	hm_create_raw_err(EINVAL, &self->cmd);
	close(self->cmd.backing_fd);
	self->cmd.backing_fd = HM_OK(open("/dev/zero", O_RDWR | O_CLOEXEC));
	hm_create_raw_err(ENXIO, &self->cmd);
	close(self->cmd.backing_fd);
	self->cmd.backing_fd = HM_OK(open("/dev/shm", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
	hm_create_raw_err(ENXIO, &self->cmd);
	close(self->cmd.backing_fd);
	self->cmd.backing_fd = hm_control();
	hm_create_raw_err(ENXIO, &self->cmd);
	self->cmd.backing_fd = fd;
	self->cmd.backing_pmem = 1;
	hm_create_raw_err(EOPNOTSUPP, &self->cmd);
	self->cmd.backing_pmem = 0;
	self->cmd.huge = HOSTMEM_HUGE_NEVER;
	hm_create_raw_err(EOPNOTSUPP, &self->cmd);
}

TEST_F(refused, reserves)
{
	int fd = self->cmd.backing_fd;

	self->cmd.backing = HOSTMEM_BACKING_RESERVE;
	hm_create_raw_err(EOPNOTSUPP, &self->cmd);
	self->cmd.backing_fd = 0;
	hm_create_raw_err(ENODEV, &self->cmd);
	self->cmd.backing_pmem = ~0ULL;
	hm_create_raw_err(ENODEV, &self->cmd);
	self->cmd.backing = HOSTMEM_BACKING_RESERVE + 1;
	hm_create_raw_err(EOPNOTSUPP, &self->cmd);
	self->cmd.backing_fd = fd;
	EXPECT_TRUE(refuses("reserve:namespace0.0", "has no reserve"));
	EXPECT_TRUE(refuses("reserve:nosuch", "no such namespace"));
	EXPECT_TRUE(refuses("file:/nosuch", "No such file"));
}

/* Somebody else's file, and a reserve, without the right. */
static int as_nobody(void *arg)
{
	struct _test_data_refused *self = arg;

	HM_OK(setresgid(65534, 65534, 65534));
	HM_OK(setresuid(65534, 65534, 65534));
	hm_create_raw_err(EPERM, &self->cmd);
	self->cmd.backing = HOSTMEM_BACKING_RESERVE;
	self->cmd.backing_fd = 0;
	hm_create_raw_err(EPERM, &self->cmd);
	return 0;
}

TEST_F(refused, nobody)
{
	HM_OK(fallocate(self->cmd.backing_fd, 0, 0, SIZE));
	EXPECT_EQ(0, hm_in_child(as_nobody, self));
}

/* Every allocation fails once: no region, nothing held, and the next attempt is as good as any. */
static unsigned int fail_each(struct hostmem_region_create *cmd, int nth_fd)
{
	unsigned int nth = 0, failures = 0;
	int fd, err, fds = hm_count_fds();
	bool hit;

	do {
		hm_fail_arm(nth_fd, ++nth);
		fd = _hm_create_raw(cmd);
		err = errno;
		hit = hm_fail_disarm(nth_fd);
		if (fd < 0)
			failures++;
		else
			close(fd);
		HM_TRUE(fd >= 0 || (hit && err == ENOMEM));
		HM_TRUE(hm_count_fds() == fds);
	} while (hit);
	close(hm_create_raw(cmd));
	return failures;
}

TEST_F(refused, no_memory)
{
	int fd = self->cmd.backing_fd, nth_fd;

	if (!hm_fail_setup())
		SKIP(return, "no fault injection in this kernel");
	nth_fd = HM_OK(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
	HM_OK(fallocate(fd, 0, 0, SIZE));
	EXPECT_LT(3, fail_each(&self->cmd, nth_fd));
	/* For the end of the test something else takes the file's place. */
	HM_OK(dup2(nth_fd, fd));
	/* Not a tail: the kernel warns where its own making of struct pages fails. */
	reserve_make(&(struct reserve){ "fsdax", "head", RESERVE });
	self->cmd.backing = HOSTMEM_BACKING_RESERVE;
	self->cmd.backing_fd = 0;
	self->cmd.backing_pmem = reserve_pmem_id(hm_ext4.namespace);
	EXPECT_LT(3, fail_each(&self->cmd, nth_fd));
	self->cmd.backing_fd = fd;
	close(nth_fd);
}

int main(int argc, char **argv)
{
	return dax_main(argc, argv);
}
