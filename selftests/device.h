/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A pmem device that goes and comes back: a /dev/dax with a reserve, and the regions of the two.
 */
#ifndef _HOSTMEM_SELFTEST_DEVICE_H
#define _HOSTMEM_SELFTEST_DEVICE_H

#include <glob.h>
#include <limits.h>

#include "reserve.h"

#define SIZE (2 * HM_BLOCK)
#define RESERVE (SIZE + 2 * HM_BLOCK)
#define NAMESPACE "namespace0.0"
#define DEVICE_BACKING "file:/dev/dax0.0"

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

/* The two regions of the device, which is there. The names may be NULL. */
static inline void device_regions(struct device *device, char *const names[NR_REGIONS],
				  int fd[NR_REGIONS])
{
	struct hostmem_pmem *pmem = reserve_find(device->ctx, NAMESPACE);

	HM_TRUE(pmem);
	device->spa[RESERVED] = hostmem_pmem_get_spa(pmem) +
				hostmem_pmem_get_reserve_offset(pmem) + HM_BLOCK;
	device->spa[DEVICE] = hostmem_pmem_get_spa(pmem) + hostmem_pmem_get_data_offset(pmem);
	fd[RESERVED] = reserve_region("reserve:" NAMESPACE, names[RESERVED], SIZE);
	fd[DEVICE] = reserve_region(DEVICE_BACKING, names[DEVICE], SIZE);
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
