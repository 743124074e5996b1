/* SPDX-License-Identifier: GPL-2.0 */
/* Machine checks that are injected: the kernel believes that memory is bad. */
#ifndef _HOSTMEM_SELFTEST_MCE_H
#define _HOSTMEM_SELFTEST_MCE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib.h"

#ifndef MADV_HWPOISON
#define MADV_HWPOISON 100
#endif

#define MCE_INJECT "/sys/kernel/debug/mce-inject/"

static inline bool mce_available(void)
{
	return !system("mountpoint -q /sys/kernel/debug ||"
		       "mount -t debugfs none /sys/kernel/debug") &&
	       (!access(MCE_INJECT, F_OK) || !system("modprobe mce-inject"));
}

/* The system physical address of a byte that is mapped. What is only read may be elsewhere. */
static inline __u64 mce_spa(char *p)
{
	int fd = HM_OK(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
	__u64 entry;

	*(volatile char *)p = 1;
	HM_TRUE(pread(fd, &entry, sizeof(entry), (uintptr_t)p / 4096 * sizeof(entry)) ==
		sizeof(entry));
	HM_TRUE(entry >> 63);
	close(fd);
	return (entry & ((1ULL << 55) - 1)) * 4096 + (uintptr_t)p % 4096;
}

/* An uncorrected error of AMD's memory controller, of 2^@order bytes. */
static inline void mce_inject(__u64 spa, unsigned int order)
{
	char text[32];

	HM_OK(hm_write_file(MCE_INJECT "flags", "sw\n"));
	HM_OK(hm_write_file(MCE_INJECT "status", "0xbc00000000080000"));
	snprintf(text, sizeof(text), "%#llx", (unsigned long long)spa);
	HM_OK(hm_write_file(MCE_INJECT "addr", text));
	snprintf(text, sizeof(text), "%u", order);
	HM_OK(hm_write_file(MCE_INJECT "misc", text));
	HM_OK(hm_write_file(MCE_INJECT "bank", "4"));
}

#endif /* _HOSTMEM_SELFTEST_MCE_H */
