/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A pmem device that goes and comes back: a /dev/dax with a reserve, and the regions of the two.
 */
#ifndef _HOSTMEM_SELFTEST_DEVICE_H
#define _HOSTMEM_SELFTEST_DEVICE_H

#include <glob.h>
#include <limits.h>
#include <libhostmem.h>

#include "dax.h"

#define SIZE (2 * HM_BLOCK)
#define RESERVE (SIZE + 2 * HM_BLOCK)
#define NAMESPACE "namespace0.0"

enum { RESERVED, DEVICE, NR_REGIONS };

struct device {
	struct hostmem_ctx *ctx;
	char name[64];		/* on libnvdimm's bus */
	char driver[256];	/* its directory in sysfs */
	__u64 spa[NR_REGIONS];	/* of the first bytes that the regions map */
};

static inline void device_find(struct device *device)
{
	char path[PATH_MAX], text[64];
	glob_t found;
	size_t i;

	*device->name = 0;
	HM_TRUE(!glob("/sys/bus/nd/devices/dax*/namespace", 0, NULL, &found));
	for (i = 0; i < found.gl_pathc; i++) {
		HM_OK(hm_read_file(found.gl_pathv[i], text, sizeof(text)));
		if (strncmp(text, NAMESPACE "\n", sizeof(NAMESPACE)))
			continue;
		snprintf(path, sizeof(path), "%s", found.gl_pathv[i]);
		*strrchr(path, '/') = 0;
		snprintf(device->name, sizeof(device->name), "%s", strrchr(path, '/') + 1);
	}
	globfree(&found);
	HM_TRUE(*device->name);
	snprintf(path, sizeof(path), "/sys/bus/nd/devices/%s/driver", device->name);
	HM_TRUE(realpath(path, device->driver));
}

static inline void device_write(const struct device *device, const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", device->driver, file);
	/* libnvdimm may report an error although the device is there: look, do not trust. */
	hm_write_file(path, device->name);
}

static inline struct hostmem_pmem *pmem_find(struct hostmem_ctx *ctx)
{
	struct hostmem_pmem *pmem;

	HM_TRUE(!hostmem_pmem_refresh(ctx));
	hostmem_pmem_foreach(ctx, pmem) {
		if (!strcmp(hostmem_pmem_get_name(pmem), NAMESPACE))
			return pmem;
	}
	return NULL;
}

/* A region with or without a name, all plugged. */
static inline int region_create(const char *name, __u32 backing, int fd, __u64 pmem)
{
	struct hostmem_region_create cmd = hm_create_cmd(name, SIZE);
	int region;

	cmd.backing = backing;
	cmd.backing_fd = fd;
	cmd.backing_pmem = pmem;
	region = hm_create_raw(&cmd);
	hm_plug(region, 0, SIZE);
	return region;
}

/* The two regions of the device, which is there. The names may be NULL. */
static inline void device_regions(struct device *device, char *const names[NR_REGIONS],
				  int fd[NR_REGIONS])
{
	struct hostmem_pmem *pmem = pmem_find(device->ctx);
	int dax = HM_OK(open("/dev/dax0.0", O_RDWR | O_CLOEXEC));

	HM_TRUE(pmem);
	device->spa[RESERVED] = hostmem_pmem_get_spa(pmem) +
				hostmem_pmem_get_reserve_offset(pmem) + HM_BLOCK;
	device->spa[DEVICE] = hostmem_pmem_get_spa(pmem) + hostmem_pmem_get_data_offset(pmem);
	fd[RESERVED] = region_create(names[RESERVED], HOSTMEM_BACKING_RESERVE, 0,
				     hostmem_pmem_get_id(pmem));
	fd[DEVICE] = region_create(names[DEVICE], HOSTMEM_BACKING_FILE, dax, 0);
	close(dax);
}

/* 0 where the kernel, the debug kernel, shows nobody its memory. */
static inline __u64 checksum(const struct device *device)
{
	int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC), i;
	__u64 sum = 0;
	size_t n;

	if (fd < 0)
		return 0;
	for (i = 0; i < NR_REGIONS; i++) {
		__u64 *p = hm_map_flags(fd, device->spa[i], SIZE, PROT_READ, MAP_SHARED);

		for (n = 0; n < SIZE / sizeof(*p); n++)
			sum = sum * 0x100000001b3ULL + p[n];
		HM_OK(munmap(p, SIZE));
	}
	close(fd);
	return sum;
}

/* Make the device, and find it. */
static inline void device_make(struct device *device)
{
	hm_sh("hostmemctl create-namespace -e " NAMESPACE " -f --mode devdax --map mem --align 4k --reserve %llu",
	      (unsigned long long)RESERVE);
	HM_TRUE(!hostmem_new(&device->ctx));
	device_find(device);
}

#endif /* _HOSTMEM_SELFTEST_DEVICE_H */
