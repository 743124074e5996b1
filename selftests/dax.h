/* SPDX-License-Identifier: GPL-2.0 */
/*
 * File systems with DAX on the guest's two NVDIMMs, which are overwritten, and where their files
 * are in physical memory.
 *
 * Nobody may read RAM or pmem in use through /dev/mem. That an address is right is shown twice: the
 * page tables of a mapping of the file have it, and the block device has the file's bytes there,
 * read past the page cache. Where the device is, libnvdimm says in sysfs.
 */
#ifndef _HOSTMEM_SELFTEST_DAX_H
#define _HOSTMEM_SELFTEST_DAX_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"

#define PAGE 4096ULL
#define MAX_EXTENTS 8192

struct dax {
	const char *name;
	const char *namespace;
	const char *dev;
	const char *mkfs;
	const char *mount;
};

static const struct dax hm_ext4 = {
	"ext4", "namespace0.0", "pmem0", "mkfs.ext4 -q -F -b 4096", "-o dax=always"
};

/* Nobody supports xfs of less than 300 MB; it works. */
static const struct dax hm_xfs = {
	"xfs", "namespace1.0", "pmem1", "mkfs.xfs --unsupported -q -f", "-o dax=always"
};

/* Run a command that has to succeed; what it says is not looked at. */
__attribute__((format(printf, 1, 2)))
static inline void hm_sh(const char *format, ...)
{
	char command[512];
	va_list args;
	int n;

	n = snprintf(command, sizeof(command), "exec >/dev/null 2>&1; ");
	va_start(args, format);
	vsnprintf(command + n, sizeof(command) - n, format, args);
	va_end(args);
	n = system(command);
	if (n)
		printf("# %s: status %d\n", command, n);
	HM_TRUE(!n);
}

/* The debug kernel takes for one what the others take for ten. */
static inline bool dax_slow(void)
{
	const char *kernel = getenv("HOSTMEM_KERNEL");

	return kernel && !strcmp(kernel, "debug");
}

/* The directory on which a file system is mounted. */
static inline const char *dax_dir(const struct dax *dax)
{
	static char dir[64];

	snprintf(dir, sizeof(dir), "/run/dax-%s", dax->name);
	return dir;
}

static inline void dax_mount(const struct dax *dax, const char *options)
{
	hm_sh("mkdir -p %s && mount -t %s %s /dev/%s %s", dax_dir(dax), dax->name, options,
	      dax->dev, dax_dir(dax));
}

static inline bool dax_mounted(const struct dax *dax)
{
	struct stat on, parent;

	HM_OK(stat("/run", &parent));
	return !stat(dax_dir(dax), &on) && on.st_dev != parent.st_dev;
}

static inline void dax_umount(const struct dax *dax)
{
	if (dax_mounted(dax))
		hm_sh("umount %s", dax_dir(dax));
}

static inline void dax_mode(const struct dax *dax, const char *mode)
{
	hm_sh("ndctl create-namespace -f -e %s --mode %s", dax->namespace, mode);
}

/*
 * Whether the namespace is in fsdax mode, and no test has said that it has bad blocks: to make
 * it anew takes a minute on the debug kernel.
 */
static inline bool dax_is_fsdax(const struct dax *dax)
{
	char path[64], device[256] = "", bad[64];

	snprintf(path, sizeof(path), "/sys/block/%s/device", dax->dev);
	if (readlink(path, device, sizeof(device) - 1) < 0 || !strstr(device, "/pfn"))
		return false;
	snprintf(path, sizeof(path), "/sys/block/%s/badblocks", dax->dev);
	HM_OK(hm_read_file(path, bad, sizeof(bad)));
	return !*bad;
}

static inline void dax_fsdax(const struct dax *dax)
{
	if (!dax_is_fsdax(dax))
		dax_mode(dax, "fsdax --map mem");
}

/* Make the file system, unless an earlier test has left it. */
static inline void dax_make(const struct dax *dax)
{
	if (dax_mounted(dax))
		return;
	dax_fsdax(dax);
	hm_sh("%s /dev/%s", dax->mkfs, dax->dev);
	dax_mount(dax, dax->mount);
}

static inline void dax_end(void)
{
	dax_umount(&hm_ext4);
	dax_umount(&hm_xfs);
}

/* main() of a test that has them. The harness exits. */
static inline int dax_main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (access("/sys/bus/nd/devices/region1", F_OK)) {
		printf("1..0 # SKIP needs two NVDIMMs\n");
		return KSFT_SKIP;
	}
	atexit(dax_end);
	return test_harness_run(argc, argv);
}

/* The address of a device's first byte. */
static inline __u64 dax_base(const char *dev)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), "/sys/block/%s/device/resource", dev);
	HM_OK(hm_read_file(path, text, sizeof(text)));
	return strtoull(text, NULL, 0);
}

/* Numbers that are the same each time. */
static inline unsigned int dax_random(unsigned long long *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

/* A new file in the file system; its path in @path. */
static inline int dax_file(const struct dax *dax, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", dax_dir(dax), name);
	return HM_OK(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

/* Write @length bytes that differ from page to page. */
static inline void dax_fill(int fd, __u64 start, __u64 length)
{
	__u64 page[PAGE / sizeof(__u64)];
	__u64 pos, n;
	size_t i;

	for (pos = start; pos < start + length; pos += n) {
		for (i = 0; i < HM_ARRAY_SIZE(page); i++)
			page[i] = pos * 0x9e3779b97f4a7c15ULL + i + fd;
		n = start + length - pos < PAGE ? start + length - pos : PAGE;
		HM_TRUE(pwrite(fd, page, n, pos) == (ssize_t)n);
	}
}

/* The call, and an array that is large enough for all tests. */
struct extents {
	struct hostmem_extents cmd;
	struct hostmem_extent array[MAX_EXTENTS];
};

static inline int _hm_extents(int fd, __u32 flags, struct extents *e)
{
	e->cmd = (struct hostmem_extents) {
		.size = sizeof(e->cmd), .flags = flags, .fd = fd,
		.extents = (uintptr_t)e->array, .count = MAX_EXTENTS,
	};
	return ioctl(hm_control(), HOSTMEM_EXTENTS, &e->cmd);
}

#define hm_extents(...) HM_OK(_hm_extents(__VA_ARGS__))
#define hm_extents_err(_err, ...) HM_ERR(_err, _hm_extents(__VA_ARGS__))

static inline int hm_lease(int fd, struct extents *e)
{
	hm_extents(fd, HOSTMEM_EXTENTS_LEASE, e);
	HM_TRUE(e->cmd.out_lease >= 0);
	return e->cmd.out_lease;
}

/* A file is refused, for that reason at that place; nothing else is written. */
#define hm_refused(_err, _reason, _at, _fd, _e)				\
({									\
	struct extents *e_ = (_e);					\
									\
	memset(e_->array, 0x55, sizeof(e_->array[0]));			\
	hm_extents_err(_err, _fd, 0, e_);				\
	HM_TRUE(e_->cmd.out_reason == (_reason));			\
	HM_TRUE(e_->cmd.out_offset == (_at));				\
	HM_TRUE(e_->cmd.out_lease == -1 && !e_->cmd.out_size);		\
	HM_TRUE(e_->cmd.count == MAX_EXTENTS);				\
	HM_TRUE(e_->array[0].offset == 0x5555555555555555ULL);		\
})

/* Ascending, without gaps, of whole pages, merged, and all of the file. */
static inline void extents_orderly(const struct extents *e)
{
	const struct hostmem_extent *x = e->array;
	__u64 pos = 0;
	__u32 i;

	for (i = 0; i < e->cmd.count; i++, pos += x++->length) {
		HM_TRUE(x->offset == pos && x->length && !x->flags && !x->__reserved);
		HM_TRUE(!(x->spa % PAGE) && !(x->length % PAGE));
		HM_TRUE(!i || x[-1].spa + x[-1].length != x->spa);
	}
	HM_TRUE(pos == (e->cmd.out_size + PAGE - 1) / PAGE * PAGE);
}

/* The page tables of a mapping of @pages pages say the same. */
static inline void extents_mapped(const struct extents *e, const char *map, __u64 pages)
{
	int fd = HM_OK(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
	const struct hostmem_extent *x = e->array;
	__u64 *entries = malloc(pages * sizeof(*entries));
	ssize_t n = pages * sizeof(*entries);
	__u64 i;

	HM_TRUE(pread(fd, entries, n, (uintptr_t)map / PAGE * sizeof(*entries)) == n);
	for (i = 0; i < pages; i++) {
		if (i * PAGE == x->offset + x->length)
			x++;
		HM_TRUE(entries[i] >> 63);
		HM_TRUE((entries[i] & ((1ULL << 55) - 1)) ==
			(x->spa + i * PAGE - x->offset) / PAGE);
	}
	free(entries);
	close(fd);
}

/* The device has the same bytes there. */
static inline void extents_bytes(const struct extents *e, const char *map, const char *dev)
{
	const __u64 base = dax_base(dev), most = 1 << 20;
	const struct hostmem_extent *x;
	char path[64], *buf;
	__u64 done, n;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", dev);
	fd = HM_OK(open(path, O_RDONLY | O_DIRECT | O_CLOEXEC));
	buf = hm_map_flags(-1, 0, most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	for (x = e->array; x < e->array + e->cmd.count; x++) {
		for (done = 0; done < x->length; done += n) {
			n = x->length - done < most ? x->length - done : most;
			HM_TRUE(pread(fd, buf, n, x->spa + done - base) == (ssize_t)n);
			HM_TRUE(!memcmp(buf, map + x->offset + done, n));
		}
	}
	HM_OK(munmap(buf, most));
	close(fd);
}

/* That all of it is true. */
static inline void extents_prove(int fd, const char *dev, const struct extents *e)
{
	__u64 size = (e->cmd.out_size + PAGE - 1) / PAGE * PAGE;
	struct stat st;
	char *map;

	HM_OK(fstat(fd, &st));
	HM_TRUE(e->cmd.out_size == (__u64)st.st_size);
	extents_orderly(e);
	if (!size)
		return;
	map = hm_map_flags(fd, 0, size, PROT_READ, MAP_SHARED | MAP_POPULATE);
	extents_mapped(e, map, size / PAGE);
	extents_bytes(e, map, dev);
	HM_OK(munmap(map, size));
}

static inline bool extents_same(const struct extents *a, const struct extents *b)
{
	return a->cmd.count == b->cmd.count && a->cmd.out_size == b->cmd.out_size &&
	       !memcmp(a->array, b->array, a->cmd.count * sizeof(a->array[0]));
}

#endif /* _HOSTMEM_SELFTEST_DAX_H */
