// SPDX-License-Identifier: LGPL-2.1-only
/*
 * Mappings, at addresses that let KVM and the CPU use large pages.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "private.h"

/* Reserve addresses: *base is congruent with @phase modulo @align. */
static int hostmem_reserve(unsigned long long length, unsigned long long align,
			   unsigned long long phase, char **base)
{
	unsigned long long total, head;
	void *addr;
	int rc;

	if (__builtin_add_overflow(length, align, &total) || total > SIZE_MAX)
		return -EOVERFLOW;
	rc = hostmem_sys_mmap(NULL, total, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, &addr);
	if (rc)
		return rc;
	head = (phase - (uintptr_t)addr) % align;
	*base = (char *)addr + head;
	if (head)
		hostmem_sys_munmap(addr, head);
	hostmem_sys_munmap(*base + length, align - head);
	return 0;
}

/* hostmem_view_map() to an address that is congruent with @phase + @offset. */
int hostmem_view_map_phase(struct hostmem_view *view, unsigned long long offset,
			   unsigned long long length, int prot, unsigned long long phase,
			   void **addr)
{
	unsigned long long size = view->info.out_view_length;
	unsigned long long align = size < HOSTMEM_1G ? HOSTMEM_2M : HOSTMEM_1G;
	unsigned long long page = sysconf(_SC_PAGESIZE);
	char *base;
	int rc;

	rc = hostmem_view_range(view, offset, length, page);
	if (rc)
		return rc;
	rc = hostmem_reserve(length, align, phase + offset, &base);
	if (rc)
		return rc;
	rc = hostmem_sys_mmap(base, length, prot, MAP_SHARED | MAP_FIXED, view->fd, offset, addr);
	if (rc)
		hostmem_sys_munmap(base, length);
	return rc;
}

/**
 * hostmem_view_map - map a part of a view
 * @view: the view
 * @offset: bytes from the view's start, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 * @prot: as for mmap(2); PROT_WRITE needs a view that can write
 * @addr: out: where; congruent with the offset in the region modulo 2 MiB, or modulo 1 GiB where
 *	the view is at least that large
 *
 * A shared mapping. Blocks may be plugged and unplugged below it; one that is not plugged gives
 * SIGBUS. The mapping outlives the view.
 *
 * Return: 0; -EINVAL: alignment, or length 0; -EOVERFLOW; -ENOENT: beyond the view; -EACCES:
 * @prot against the view's rights; -ENODEV: the region has been destroyed or the view revoked;
 * -ENOMEM: no address space.
 */
int hostmem_view_map(struct hostmem_view *view, unsigned long long offset,
		     unsigned long long length, int prot, void **addr)
{
	return hostmem_view_map_phase(view, offset, length, prot, view->info.out_view_start, addr);
}

/**
 * hostmem_unmap - undo hostmem_view_map()
 * @addr: what it gave
 * @length: bytes
 *
 * Return: 0, or an error of munmap(2).
 */
int hostmem_unmap(void *addr, unsigned long long length)
{
	return hostmem_sys_munmap(addr, length);
}
