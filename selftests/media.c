// SPDX-License-Identifier: GPL-2.0
/*
 * HOSTMEM_MEDIA: all bytes of a namespace, whatever it is used as, and having it alone. Not
 * reached: EINTR, and ENODEV of a namespace that has changed, which nobody of ours does meanwhile.
 */
#include <assert.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "reserve.h"

static_assert(sizeof(struct hostmem_media) == 24, "hostmem_media");

#define NAMESPACE "namespace0.0"
#define RESERVE (4 * HM_BLOCK)

static int _media(const char *name, __u32 flags)
{
	struct hostmem_media cmd = {
		.size = sizeof(cmd), .flags = flags, .name = (uintptr_t)name, .out_fd = -1,
	};
	int rc = ioctl(hm_control(), HOSTMEM_MEDIA, &cmd);

	return rc ? rc : cmd.out_fd;
}

#define media(...) HM_OK(_media(__VA_ARGS__))
#define media_err(_err, ...) HM_ERR(_err, _media(__VA_ARGS__))

/* With a reserve behind the data, and a text at the start of that. */
FIXTURE(reserved)
{
	struct hostmem_ctx *ctx;
	struct hostmem_pmem *pmem;
	char page[2][PAGE];
};

FIXTURE_SETUP(reserved)
{
	static const struct reserve kind = { "fsdax", "tail", RESERVE };
	int fd;

	reserve_make(&kind);
	self->pmem = reserve_pmem(&self->ctx, NAMESPACE);
	memset(self->page[0], 0x5a, PAGE);
	fd = HM_OK(open("/dev/pmem0", O_RDWR | O_CLOEXEC));
	ASSERT_EQ(PAGE, pwrite(fd, self->page[0], PAGE, 0));
	ASSERT_EQ(0, fsync(fd));
	close(fd);
	hm_control();
}

FIXTURE_TEARDOWN(reserved)
{
	hostmem_unref(self->ctx);
}

/* What is where the data begins, and that there is an info block. */
static void shows(int fd, __u64 data, char page[2][PAGE])
{
	HM_TRUE(pread(fd, page[1], PAGE, data) == PAGE);
	HM_TRUE(!memcmp(page[0], page[1], PAGE));
	HM_TRUE(pread(fd, page[1], PAGE, PAGE) == PAGE);
	HM_TRUE(!strcmp(page[1], "NVDIMM_PFN_INFO"));
}

TEST_F(reserved, reads_all)
{
	__u64 size = hostmem_pmem_get_size(self->pmem);
	__u64 start = hostmem_pmem_get_reserve_offset(self->pmem);
	int fd = media(NAMESPACE, 0);
	struct stat st;
	char byte[2];

	shows(fd, hostmem_pmem_get_data_offset(self->pmem), self->page);
	ASSERT_EQ(PAGE, pread(fd, self->page[1], PAGE, start));
	EXPECT_EQ(0, memcmp(self->page[1], HOSTMEM_RESERVE_MAGIC, strlen(HOSTMEM_RESERVE_MAGIC)));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_TRUE(S_ISREG(st.st_mode) && (__u64)st.st_size == size);
	EXPECT_EQ((off_t)size, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(0, pread(fd, byte, 1, size));
	EXPECT_EQ(1, pread(fd, byte, 2, size - 1));
	close(fd);
}

/* More than is mapped at a time, from an odd place. */
TEST_F(reserved, reads_at_once)
{
	size_t length = 5 * HM_BLOCK + 7, i;
	int fd = media(NAMESPACE, 0);
	char *all = malloc(length), part[61];
	char *nowhere = HM_OK(mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	ASSERT_EQ((ssize_t)length, pread(fd, all, length, 13));
	for (i = 0; i + sizeof(part) <= length; i += 65537) {
		ASSERT_EQ((ssize_t)sizeof(part), pread(fd, part, sizeof(part), 13 + i));
		ASSERT_EQ(0, memcmp(part, all + i, sizeof(part)));
	}
	HM_ERR(EFAULT, pread(fd, nowhere, 1, 0));
	close(fd);
	free(all);
}

/* Nothing else can be done with it. */
TEST_F(reserved, only_reads)
{
	int fd = media(NAMESPACE, 0);
	char path[32];

	HM_ERR(EBADF, write(fd, "", 1));
	HM_TRUE(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV);
	HM_TRUE(ftruncate(fd, 0) < 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	HM_ERR(ENXIO, open(path, O_RDONLY));
	close(fd);
}

/* The same file, while the namespace goes and comes. */
TEST_F(reserved, disabled)
{
	__u64 data = hostmem_pmem_get_data_offset(self->pmem);
	int fd = media(NAMESPACE, 0), other;

	hm_sh("ndctl disable-namespace " NAMESPACE);
	shows(fd, data, self->page);
	other = media(NAMESPACE, 0);
	shows(other, data, self->page);
	hm_sh("ndctl enable-namespace " NAMESPACE);
	shows(fd, data, self->page);
	close(other);
	close(fd);
}

TEST_F(reserved, bad)
{
	int fd = media(NAMESPACE, 0);

	media_err(ENOENT, "namespace7.7", 0);
	media_err(ENOENT, "region0", 0);
	media_err(ENOENT, "pfn0.0", 0);
	media_err(ENOENT, "", 0);
	media_err(ENOENT, "namespace0.0namespace0.0namespace0.0", 0);
	media_err(EFAULT, NULL, 0);
	media_err(EOPNOTSUPP, NAMESPACE, 2);
	media_err(EOPNOTSUPP, NAMESPACE, 1U << 31);
	close(fd);
}

TEST_F(reserved, length)
{
	static const size_t more[] = { 1, 8, 4096 };
	struct {
		struct hostmem_media cmd;
		char more[4096];
	} arg = { .cmd.name = (uintptr_t)NAMESPACE };
	size_t i;

	for (i = 0; i < sizeof(arg.cmd); i++) {
		arg.cmd.size = i;
		HM_ERR(EINVAL, ioctl(hm_control(), HOSTMEM_MEDIA, &arg));
	}
	for (i = 0; i < HM_ARRAY_SIZE(more); i++) {
		arg.cmd.size = sizeof(arg.cmd) + more[i];
		ASSERT_EQ(0, ioctl(hm_control(), HOSTMEM_MEDIA, &arg));
		close(arg.cmd.out_fd);
		arg.more[more[i] - 1] = 1;
		HM_ERR(E2BIG, ioctl(hm_control(), HOSTMEM_MEDIA, &arg));
		arg.more[more[i] - 1] = 0;
	}
	arg.cmd.__reserved = 1;
	HM_ERR(EOPNOTSUPP, ioctl(hm_control(), HOSTMEM_MEDIA, &arg));
}

TEST_F(reserved, unwritable)
{
	struct hostmem_media *cmd = HM_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	int fds = hm_count_fds();

	cmd->size = sizeof(*cmd);
	cmd->flags = HOSTMEM_MEDIA_ALONE;
	cmd->name = (uintptr_t)NAMESPACE;
	HM_OK(mprotect(cmd, PAGE, PROT_READ));
	HM_ERR(EFAULT, ioctl(hm_control(), HOSTMEM_MEDIA, cmd));
	HM_ERR(EFAULT, ioctl(hm_control(), HOSTMEM_MEDIA, NULL));
	EXPECT_EQ(fds, hm_count_fds());
	/* Nobody is left who has it alone. */
	close(media(NAMESPACE, HOSTMEM_MEDIA_ALONE));
}

static int as_nobody(void *arg)
{
	(void)arg;
	HM_OK(setresuid(65534, 65534, 65534));
	media_err(EPERM, NAMESPACE, 0);
	return 0;
}

TEST_F(reserved, capability)
{
	EXPECT_EQ(0, hm_in_child(as_nobody, NULL));
}

TEST_F(reserved, no_fd_left)
{
	struct rlimit old, none = {};

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none.rlim_max = old.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	media_err(EMFILE, NAMESPACE, HOSTMEM_MEDIA_ALONE);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	close(media(NAMESPACE, HOSTMEM_MEDIA_ALONE));
}

/* Who has it alone keeps regions, leases and others out; who has any of them, him. */
TEST_F(reserved, alone)
{
	struct extents *e = malloc(sizeof(*e));
	int alone, region, lease, disk;

	disk = HM_OK(open("/dev/pmem0", O_RDONLY | O_CLOEXEC));
	alone = media(NAMESPACE, HOSTMEM_MEDIA_ALONE);
	media_err(EBUSY, NAMESPACE, HOSTMEM_MEDIA_ALONE);
	close(media(NAMESPACE, 0));
	reserve_region_err(EBUSY, "reserve:" NAMESPACE, NULL, HM_BLOCK);
	hm_extents_err(EBUSY, disk, 0, e);
	hm_extents_err(EBUSY, disk, HOSTMEM_EXTENTS_LEASE, e);
	/* Another namespace is not meant. */
	close(media("namespace1.0", HOSTMEM_MEDIA_ALONE));
	close(alone);

	region = reserve_region("reserve:" NAMESPACE, NULL, HM_BLOCK);
	media_err(EBUSY, NAMESPACE, HOSTMEM_MEDIA_ALONE);
	close(media(NAMESPACE, 0));
	close(region);
	lease = hm_lease(disk, e);
	media_err(EBUSY, NAMESPACE, HOSTMEM_MEDIA_ALONE);
	close(lease);
	close(disk);
	close(media(NAMESPACE, HOSTMEM_MEDIA_ALONE));
	free(e);
}

/* Alone, also when it has been away. */
TEST_F(reserved, alone_across)
{
	int alone = media(NAMESPACE, HOSTMEM_MEDIA_ALONE);

	hm_sh("ndctl disable-namespace " NAMESPACE);
	hm_sh("ndctl enable-namespace " NAMESPACE);
	reserve_region_err(EBUSY, "reserve:" NAMESPACE, NULL, HM_BLOCK);
	close(alone);
	close(reserve_region("reserve:" NAMESPACE, NULL, HM_BLOCK));
}

TEST_F(reserved, library)
{
	int fd;

	ASSERT_EQ(0, hostmem_pmem_open_media(self->ctx, NAMESPACE, 0, &fd));
	shows(fd, hostmem_pmem_get_data_offset(self->pmem), self->page);
	close(fd);
	EXPECT_EQ(-ENOENT, hostmem_pmem_open_media(self->ctx, "namespace7.7", 0, &fd));
}

/* It keeps the module that answers; without that nobody does. */
TEST_F(reserved, module)
{
	int fd = media(NAMESPACE, 0);

	HM_ERR(EAGAIN, syscall(SYS_delete_module, "hostmem_nd", O_NONBLOCK));
	close(fd);
	HM_OK(syscall(SYS_delete_module, "hostmem_nd", O_NONBLOCK));
	media_err(ENOPKG, NAMESPACE, 0);
	hm_sh("modprobe hostmem_nd");
	close(media(NAMESPACE, 0));
}

int main(int argc, char **argv)
{
	return dax_main(argc, argv);
}
