/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sources are written for 6.12. This file, included before each of them,
 * gives 6.1 what it lacks under the name that 6.12 has. No other file looks at
 * the kernel's version.
 */
#ifndef _HOSTMEM_COMPAT_H
#define _HOSTMEM_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "hostmem needs Linux 6.1 or newer"
#endif

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pagemap.h>

/* 6.3: an inode operation is told an idmapping, not a user namespace. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
typedef struct user_namespace hostmem_idmap;
#else
typedef struct mnt_idmap hostmem_idmap;
#endif

/* 6.3: vm_flags is written by helpers only. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.4: the functions about a bus take a constant one. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define hostmem_bus(bus) ((struct bus_type *)(bus))
#else
#define hostmem_bus(bus) (bus)
#endif

/* 6.5: a file of one inode that shows the path of another has a kind of its own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
static inline struct file *backing_file_open(const struct file *user_file, int flags,
					     const struct path *real_path, const struct cred *cred)
{
	return open_with_fake_path(&user_file->f_path, flags, d_inode(real_path->dentry), cred);
}
#else
#include <linux/backing-file.h>
#endif

/* 6.5: a file that cannot lend its pages is copied from. Before, those of a page cache are lent. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define copy_splice_read generic_file_splice_read
#endif

/* 6.6: huge_fault() is told an order. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
typedef enum page_entry_size hostmem_fault_size;

static inline unsigned int hostmem_fault_order(hostmem_fault_size size)
{
	switch (size) {
	case PE_SIZE_PUD:
		return PUD_SHIFT - PAGE_SHIFT;
	case PE_SIZE_PMD:
		return PMD_SHIFT - PAGE_SHIFT;
	default:
		return 0;
	}
}
#else
typedef unsigned int hostmem_fault_size;

static inline unsigned int hostmem_fault_order(hostmem_fault_size size)
{
	return size;
}
#endif

/* 6.7: the times of an inode are written by functions. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline void hostmem_inode_changed(struct inode *inode)
{
	inode->i_mtime = current_time(inode);
	inode->i_ctime = inode->i_mtime;
}

static inline void hostmem_inode_begun(struct inode *inode)
{
	hostmem_inode_changed(inode);
	inode->i_atime = inode->i_mtime;
}
#else
static inline void hostmem_inode_changed(struct inode *inode)
{
	inode_set_mtime_to_ts(inode, inode_set_ctime_current(inode));
}

static inline void hostmem_inode_begun(struct inode *inode)
{
	simple_inode_init_ts(inode);
}
#endif

/* 6.7: what a dump was asked for is a struct genl_info; both have attrs. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define genl_info_dump(cb) genl_dumpit_info(cb)
#endif

/* 6.8: generic_error_remove_page() became a folio operation. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
static inline int generic_error_remove_folio(struct address_space *mapping,
					     struct folio *folio)
{
	return generic_error_remove_page(mapping, &folio->page);
}
#endif

/* 6.10: the mm's own choice of an address is made by a function. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
static inline unsigned long mm_get_unmapped_area(struct mm_struct *mm, struct file *file,
						 unsigned long addr, unsigned long len,
						 unsigned long pgoff, unsigned long flags)
{
	return mm->get_unmapped_area(file, addr, len, pgoff, flags);
}
#endif

/* 6.11: a file that can be mapped with MAP_SYNC says so in a flag of its own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define HOSTMEM_FOPS_MMAP_SYNC .mmap_supported_flags = MAP_SYNC
#else
#define HOSTMEM_FOPS_MMAP_SYNC .fop_flags = FOP_MMAP_SYNC
#endif

#endif /* _HOSTMEM_COMPAT_H */
