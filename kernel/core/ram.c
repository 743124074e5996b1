// SPDX-License-Identifier: GPL-2.0
/*
 * Ram backing: one unlinked shmem file per region, on a tmpfs mount of our own, because
 * only a mount's huge= option gives 2 MiB pages without asking the administrator.
 * Swap, migration, memory cgroups and NUMA policy are shmem's.
 *
 * A page that populate() brought in is clean until somebody writes to it or keep
 * marks it dirty. Clean, unmapped and unpinned under its lock, it is a page that
 * nobody has used, and give_back() may drop it without losing a byte.
 */
#include <linux/cred.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/sched/task.h>
#include <linux/shmem_fs.h>
#include <linux/workqueue.h>

#include "hostmem_private.h"

static struct vfsmount *hostmem_ram_mnt[2];

/* The credentials of the backing files, by which they are told from all others. */
static const struct cred *hostmem_ram_cred;

/* Not const: mounting takes the string apart. */
static char hostmem_ram_options[][sizeof("huge=always,size=0,nr_inodes=0")] __initdata = {
	[HOSTMEM_HUGE_ALWAYS] = "huge=always,size=0,nr_inodes=0",
	[HOSTMEM_HUGE_NEVER] = "huge=never,size=0,nr_inodes=0",
};

/*
 * /proc/PID/map_files opens what a mapping's file is a file of: the inode itself, past the guard. Only
 * views, which have the backing's credentials, may.
 */
static int hostmem_ram_open_inode(struct inode *inode, struct file *file)
{
	return file->f_cred == hostmem_ram_cred ? 0 : -ENXIO;
}

static const struct file_operations hostmem_ram_inode_fops = {
	.owner = THIS_MODULE,
	.open = hostmem_ram_open_inode,
};

static int hostmem_ram_open(struct hostmem_segment *segment,
			    const struct hostmem_region_create *cmd)
{
	const struct cred *old;
	struct file *file;

	if (cmd->huge > HOSTMEM_HUGE_NEVER || cmd->backing_fd || cmd->backing_pmem)
		return -EOPNOTSUPP;
	/* NORESERVE: memory is accounted when it is allocated, not when a region is declared. */
	old = override_creds(hostmem_ram_cred);
	file = shmem_file_setup_with_mnt(hostmem_ram_mnt[cmd->huge], "hostmem",
					 cmd->region_size, VM_NORESERVE);
	revert_creds(old);
	/* The mount has no limits: what shmem calls no space is want of memory for an inode. */
	if (IS_ERR(file))
		return PTR_ERR(file) == -ENOSPC ? -ENOMEM : PTR_ERR(file);
	file_inode(file)->i_fop = &hostmem_ram_inode_fops;
	segment->file = file;
	return 0;
}

static void hostmem_ram_close(struct hostmem_segment *segment)
{
	fput(segment->file);
}

static loff_t hostmem_ram_populate(struct hostmem_segment *segment, loff_t pos, bool keep)
{
	struct address_space *mapping = segment->file->f_mapping;
	gfp_t gfp = mapping_gfp_mask(mapping) | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	struct folio *folio;
	struct page *page;
	loff_t next;

	page = shmem_read_mapping_page_gfp(mapping, pos >> PAGE_SHIFT, gfp);
	if (IS_ERR(page))
		return PTR_ERR(page);
	folio = page_folio(page);
	next = (loff_t)folio_next_index(folio) << PAGE_SHIFT;
	if (keep) {
		folio_lock(folio);
		if (folio->mapping == mapping)
			folio_mark_dirty(folio);
		folio_unlock(folio);
	}
	folio_put(folio);
	return next;
}

/* Call @fn for each locked page cache folio that overlaps a range of bytes. */
static void hostmem_ram_walk(struct hostmem_segment *segment, loff_t start, loff_t end,
			     void (*fn)(struct address_space *mapping, struct folio *folio))
{
	struct address_space *mapping = segment->file->f_mapping;
	pgoff_t index = start >> PAGE_SHIFT;
	pgoff_t last = (end - 1) >> PAGE_SHIFT;
	struct folio_batch batch;
	unsigned int i;

	folio_batch_init(&batch);
	while (filemap_get_folios(mapping, &index, last, &batch)) {
		for (i = 0; i < folio_batch_count(&batch); i++) {
			struct folio *folio = batch.folios[i];

			folio_lock(folio);
			if (fn && folio->mapping == mapping)
				fn(mapping, folio);
			folio_unlock(folio);
		}
		folio_batch_release(&batch);
		cond_resched();
	}
}

static void hostmem_ram_drop_unused(struct address_space *mapping, struct folio *folio)
{
	/* The page cache holds one reference per page, the walk holds one. */
	if (folio_test_dirty(folio) || folio_mapped(folio) ||
	    folio_ref_count(folio) != folio_nr_pages(folio) + 1)
		return;
	generic_error_remove_folio(mapping, folio);
}

/*
 * Empty this processor's list of pages on their way to the LRU, which holds references:
 * what lru_add_drain() does, which releasing a batch calls and modules cannot.
 */
static long hostmem_ram_drain(void *unused)
{
	struct folio *folio = page_folio(ZERO_PAGE(0));
	struct folio_batch batch;

	folio_batch_init(&batch);
	folio_get(folio);
	folio_batch_add(&batch, folio);
	folio_batch_release(&batch);
	return 0;
}

static void hostmem_ram_give_back(struct hostmem_segment *segment, loff_t start, loff_t end)
{
	int cpu;

	if (start >= end)
		return;
	for_each_online_cpu(cpu)
		work_on_cpu_safe(cpu, hostmem_ram_drain, NULL);
	hostmem_ram_walk(segment, start, end, hostmem_ram_drop_unused);
}

static void hostmem_ram_discard(struct hostmem_segment *segment, loff_t start, loff_t length)
{
	struct file *file = segment->file;

	/*
	 * The file's own operation: it zaps, then removes page by page under the page
	 * lock, which a fault that passed the guard holds until its entry is in place.
	 */
	WARN_ON_ONCE(file->f_op->fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					   start, length));
}

static void hostmem_ram_settle(struct hostmem_segment *segment, loff_t start, loff_t length)
{
	hostmem_ram_walk(segment, start, start + length, NULL);
}

const struct hostmem_backing_ops hostmem_ram_ops = {
	.open = hostmem_ram_open,
	.close = hostmem_ram_close,
	.populate = hostmem_ram_populate,
	.give_back = hostmem_ram_give_back,
	.discard = hostmem_ram_discard,
	.settle = hostmem_ram_settle,
};

static void hostmem_ram_unmount(unsigned int nr)
{
	while (nr--)
		kern_unmount(hostmem_ram_mnt[nr]);
}

int __init hostmem_ram_init(void)
{
	/* tmpfs is part of the kernel: the type needs no reference. */
	struct file_system_type *type = get_fs_type("tmpfs");
	unsigned int i;

	if (!type)
		return -ENODEV;
	hostmem_ram_cred = prepare_kernel_cred(&init_task);
	if (!hostmem_ram_cred)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(hostmem_ram_mnt); i++) {
		hostmem_ram_mnt[i] = vfs_kern_mount(type, 0, "hostmem",
						    hostmem_ram_options[i]);
		if (IS_ERR(hostmem_ram_mnt[i])) {
			hostmem_ram_unmount(i);
			put_cred(hostmem_ram_cred);
			return PTR_ERR(hostmem_ram_mnt[i]);
		}
	}
	return 0;
}

void hostmem_ram_exit(void)
{
	hostmem_ram_unmount(ARRAY_SIZE(hostmem_ram_mnt));
	put_cred(hostmem_ram_cred);
}
