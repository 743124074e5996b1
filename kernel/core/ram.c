// SPDX-License-Identifier: GPL-2.0
/*
 * Ram backing: one unlinked shmem file per region, on a tmpfs mount of our own, because
 * only a mount's huge= option gives 2 MiB pages without asking the administrator.
 * Swap, migration, memory cgroups and NUMA policy are shmem's.
 *
 * A page that populate() brought in is clean until somebody writes to it or keep
 * marks it dirty. Clean, unmapped and unpinned under its lock, it is a page that
 * nobody has used, and give_back() may drop it without losing a byte.
 *
 * No process owns a region's memory: killing who wrote it frees nothing. So all regions
 * together may hold half of RAM and no more, as one tmpfs may, unless hostmemfs is mounted with
 * another size: beyond that a host without swap ends with everybody killed and nothing freed.
 * What a region holds is what shmem says, in memory and swapped out. The sum over all regions
 * is brought up to date when a region asks for more, so it lags behind by what
 * the last fault of each region added.
 */
#include <linux/cred.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/huge_mm.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/sched/task.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "hostmem_private.h"

/* So many pages more than were counted a region may hold before it is looked at again. */
#define HOSTMEM_RAM_BATCH 32

/*
 * What there is about a segment of ram: its private.
 *
 * Locking: hostmem_ram_lock (spinlock)
 *   hostmem_ram_lock  hostmem_rams, node
 */
struct hostmem_ram {
	struct list_head node;
	struct shmem_inode_info *info;
	atomic_long_t counted;	/* pages of it that hostmem_ram_used has */
	long free_until;	/* with fewer pages than these it need not ask for one more */
};

static DEFINE_SPINLOCK(hostmem_ram_lock);
static LIST_HEAD(hostmem_rams);

/* In pages. */
static unsigned long hostmem_ram_limit;
static atomic_long_t hostmem_ram_used;

static struct vfsmount *hostmem_ram_mnt[2];

/* The credentials of the backing files, by which they are told from all others. */
static const struct cred *hostmem_ram_cred;

/* Not const: mounting takes the string apart. */
static char hostmem_ram_options[][sizeof("huge=always,size=0,nr_inodes=0")] __initdata = {
	[HOSTMEM_HUGE_ALWAYS] = "huge=always,size=0,nr_inodes=0",
	[HOSTMEM_HUGE_NEVER] = "huge=never,size=0,nr_inodes=0",
};

/* Pages in memory and swapped out. */
static long hostmem_ram_held(const struct hostmem_ram *ram)
{
	return READ_ONCE(ram->info->vfs_inode.i_data.nrpages) + READ_ONCE(ram->info->swapped);
}

static bool hostmem_ram_room(void)
{
	return atomic_long_read(&hostmem_ram_used) < READ_ONCE(hostmem_ram_limit);
}

/* Enter in the sum what a region holds now. Whoever wants more has to ask. */
static long hostmem_ram_count(struct hostmem_ram *ram)
{
	long held = hostmem_ram_held(ram);

	atomic_long_add(held - atomic_long_xchg(&ram->counted, held), &hostmem_ram_used);
	WRITE_ONCE(ram->free_until, 0);
	return held;
}

/**
 * hostmem_ram_admit - whether a region may have one more page
 * @segment: of ram
 * @pgoff: of the page
 *
 * Every fault of ram asks, and calls this directly: hostmem_backing_ops.admit.
 *
 * Context: does not sleep.
 * Return: true: there is room for one, or it has it already.
 */
bool hostmem_ram_admit(struct hostmem_segment *segment, pgoff_t pgoff)
{
	struct hostmem_ram *ram = segment->private;
	long held;

	if (likely(hostmem_ram_held(ram) < READ_ONCE(ram->free_until)))
		return true;
	/* The first one comes here. */
	WRITE_ONCE(segment->entered, true);
	held = hostmem_ram_count(ram);
	if (!hostmem_ram_room())
		return xa_load(&segment->file->f_mapping->i_pages, pgoff);
	WRITE_ONCE(ram->free_until, held + HOSTMEM_RAM_BATCH);
	return true;
}

/**
 * hostmem_ram_info - what all ram regions hold, and may hold, together
 * @used: out: bytes
 * @limit: out: bytes
 *
 * Context: does not sleep.
 */
void hostmem_ram_info(u64 *used, u64 *limit)
{
	struct hostmem_ram *ram;

	spin_lock(&hostmem_ram_lock);
	list_for_each_entry(ram, &hostmem_rams, node)
		hostmem_ram_count(ram);
	spin_unlock(&hostmem_ram_lock);
	*used = (u64)atomic_long_read(&hostmem_ram_used) << PAGE_SHIFT;
	*limit = (u64)READ_ONCE(hostmem_ram_limit) << PAGE_SHIFT;
}

/**
 * hostmem_ram_set_limit - say what all ram regions may hold together
 * @limit: bytes
 */
void hostmem_ram_set_limit(u64 limit)
{
	WRITE_ONCE(hostmem_ram_limit, limit >> PAGE_SHIFT);
}

/*
 * /proc/PID/map_files opens what a mapping's file is a file of: the inode itself, past the guard.
 * Only views, which have the backing's credentials, may.
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
	struct hostmem_ram *ram;
	const struct cred *old;
	struct file *file;

	if (cmd->huge > HOSTMEM_HUGE_NEVER || cmd->backing_fd || cmd->backing_pmem)
		return -EOPNOTSUPP;
	ram = kzalloc(sizeof(*ram), GFP_KERNEL_ACCOUNT);
	if (!ram)
		return -ENOMEM;
	/* NORESERVE: memory is accounted when it is allocated, not when a region is declared. */
	old = override_creds(hostmem_ram_cred);
	file = shmem_file_setup_with_mnt(hostmem_ram_mnt[cmd->huge], "hostmem",
					 cmd->region_size, VM_NORESERVE);
	revert_creds(old);
	/* The mount has no limits: what shmem calls no space is want of memory for an inode. */
	if (IS_ERR(file)) {
		kfree(ram);
		return PTR_ERR(file) == -ENOSPC ? -ENOMEM : PTR_ERR(file);
	}
	file_inode(file)->i_fop = &hostmem_ram_inode_fops;
	/* Nobody sees its times, which a fault would look after. */
	file_inode(file)->i_flags |= S_NOCMTIME;
	segment->file = file;
	segment->private = ram;
	ram->info = SHMEM_I(file_inode(file));
	spin_lock(&hostmem_ram_lock);
	list_add(&ram->node, &hostmem_rams);
	spin_unlock(&hostmem_ram_lock);
	return 0;
}

static void hostmem_ram_close(struct hostmem_segment *segment)
{
	struct hostmem_ram *ram = segment->private;

	spin_lock(&hostmem_ram_lock);
	list_del(&ram->node);
	spin_unlock(&hostmem_ram_lock);
	atomic_long_sub(atomic_long_read(&ram->counted), &hostmem_ram_used);
	fput(segment->file);
	kfree(ram);
}

/*
 * Whether the machine can do without what is about to be allocated. __GFP_RETRY_MAYFAIL makes
 * us kill nobody, but only until somebody else asks for the memory that we have taken: a
 * page fault, which never fails and kills instead. So leave those what the kernel would leave
 * them under strict overcommit (user_reserve_kbytes): 1/32 of RAM, at most 128 MiB. With
 * a look every 256 KiB, or before each 2 MiB page, that is enough for all
 * threads that look at the same moment, too.
 */
static bool hostmem_ram_spare(void)
{
	long reserve = min(totalram_pages() / 32, (unsigned long)SZ_128M >> PAGE_SHIFT);

	return si_mem_available() + get_nr_swap_pages() > reserve + (SZ_2M >> PAGE_SHIFT);
}

/* Whether a page has lost its contents: EIO to shmem, as a swap device's errors are. */
static bool hostmem_ram_bad(struct address_space *mapping, pgoff_t pgoff)
{
	struct page *page = find_get_page(mapping, pgoff);
	bool bad;

	if (!page)
		return false;
	bad = PageHWPoison(page);
	put_page(page);
	return bad;
}

/* A page, allocated if it is not there, or an ERR_PTR. */
static struct page *hostmem_ram_page(struct address_space *mapping, pgoff_t pgoff)
{
	gfp_t gfp = mapping_gfp_mask(mapping) | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	struct page *page = shmem_read_mapping_page_gfp(mapping, pgoff, gfp);

	if (IS_ERR(page) && hostmem_ram_bad(mapping, pgoff))
		return ERR_PTR(-EHWPOISON);
	return page;
}

static loff_t hostmem_ram_populate(struct hostmem_segment *segment, loff_t pos, bool keep)
{
	struct address_space *mapping = segment->file->f_mapping;
	struct folio *folio;
	struct page *page;
	loff_t next;

	if (!hostmem_ram_admit(segment, pos >> PAGE_SHIFT))
		return -ENOSPC;
	/* What is to be kept is there. */
	if (!keep && IS_ALIGNED(pos, SZ_256K) && !hostmem_ram_spare())
		return -ENOMEM;
	page = hostmem_ram_page(mapping, pos >> PAGE_SHIFT);
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

static ssize_t hostmem_ram_read(struct hostmem_segment *segment, loff_t pos, struct iov_iter *to)
{
	struct kiocb kiocb;

	init_sync_kiocb(&kiocb, segment->file);
	kiocb.ki_pos = pos;
	return segment->file->f_op->read_iter(&kiocb, to);
}

/* Up to the end of the page. shmem's own takes the inode's lock, which a punch has for long. */
static ssize_t hostmem_ram_write(struct hostmem_segment *segment, loff_t pos,
				 struct iov_iter *from)
{
	struct address_space *mapping = segment->file->f_mapping;
	size_t n = min_t(size_t, iov_iter_count(from), PAGE_SIZE - offset_in_page(pos));
	struct folio *folio;
	struct page *page;

	if (!hostmem_ram_admit(segment, pos >> PAGE_SHIFT))
		return -ENOSPC;
	if (IS_ALIGNED(pos, SZ_256K) && !hostmem_ram_spare())
		return -ENOMEM;
	page = hostmem_ram_page(mapping, pos >> PAGE_SHIFT);
	if (IS_ERR(page))
		return PTR_ERR(page) == -EHWPOISON ? -EIO : PTR_ERR(page);
	folio = page_folio(page);
	folio_lock(folio);
	/* Punched out meanwhile: there is a new one next time. */
	if (folio->mapping != mapping)
		n = 0;
	else
		n = copy_page_from_iter_atomic(page, offset_in_page(pos), n, from);
	if (n)
		folio_mark_dirty(folio);
	folio_unlock(folio);
	folio_put(folio);
	return n;
}

static loff_t hostmem_ram_seek(struct hostmem_segment *segment, loff_t pos, int whence)
{
	return segment->file->f_op->llseek(segment->file, pos, whence);
}

/* Call @fn for each locked page cache folio that overlaps a range of bytes; returns their sum. */
static u64 hostmem_ram_walk(struct hostmem_segment *segment, loff_t start, loff_t end,
			    u64 (*fn)(struct address_space *mapping, struct folio *folio))
{
	struct address_space *mapping = segment->file->f_mapping;
	pgoff_t index = start >> PAGE_SHIFT;
	pgoff_t last = (end - 1) >> PAGE_SHIFT;
	struct folio_batch batch;
	unsigned int i;
	u64 sum = 0;

	folio_batch_init(&batch);
	while (filemap_get_folios(mapping, &index, last, &batch)) {
		for (i = 0; i < folio_batch_count(&batch); i++) {
			struct folio *folio = batch.folios[i];

			folio_lock(folio);
			if (fn && folio->mapping == mapping)
				sum += fn(mapping, folio);
			folio_unlock(folio);
		}
		folio_batch_release(&batch);
		cond_resched();
	}
	return sum;
}

/* Whether somebody uses a folio that is not mapped, beside the page cache and the walk. */
static bool hostmem_ram_referenced(struct folio *folio)
{
	return folio_ref_count(folio) != folio_nr_pages(folio) + 1;
}

static u64 hostmem_ram_drop_unused(struct address_space *mapping, struct folio *folio)
{
	if (!folio_test_dirty(folio) && !folio_mapped(folio) && !hostmem_ram_referenced(folio))
		generic_error_remove_folio(mapping, folio);
	return 0;
}

/* Whoever maps it has to fault it in again, for which he needs the lock that we have. */
static u64 hostmem_ram_pinned_bytes(struct address_space *mapping, struct folio *folio)
{
	if (folio_mapped(folio))
		unmap_mapping_range(mapping, folio_pos(folio), folio_size(folio), 1);
	return hostmem_ram_referenced(folio) ? folio_size(folio) : 0;
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

static void hostmem_ram_drain_all(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		work_on_cpu_safe(cpu, hostmem_ram_drain, NULL);
}

static u64 hostmem_ram_pinned(struct hostmem_segment *segment, loff_t start, loff_t length)
{
	if (!hostmem_ram_walk(segment, start, start + length, hostmem_ram_pinned_bytes))
		return 0;
	/* Most often it is those lists. */
	hostmem_ram_drain_all();
	return hostmem_ram_walk(segment, start, start + length, hostmem_ram_pinned_bytes);
}

static void hostmem_ram_give_back(struct hostmem_segment *segment, loff_t start, loff_t end)
{
	if (start >= end)
		return;
	hostmem_ram_drain_all();
	hostmem_ram_walk(segment, start, end, hostmem_ram_drop_unused);
	hostmem_ram_count(segment->private);
}

static u64 hostmem_ram_held_bytes(struct hostmem_segment *segment)
{
	return (u64)hostmem_ram_held(segment->private) << PAGE_SHIFT;
}

static int hostmem_ram_punch(struct hostmem_segment *segment, loff_t start, loff_t length)
{
	struct file *file = segment->file;
	int rc;

	/*
	 * The file's own operation: it zaps, then removes page by page under the page
	 * lock, which a fault that passed the guard holds until its entry is in place.
	 */
	rc = file->f_op->fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, length);
	hostmem_ram_count(segment->private);
	return rc;
}

static void hostmem_ram_discard(struct hostmem_segment *segment, loff_t start, loff_t length)
{
	WARN_ON_ONCE(hostmem_ram_punch(segment, start, length));
}

static void hostmem_ram_settle(struct hostmem_segment *segment, loff_t start, loff_t length)
{
	hostmem_ram_walk(segment, start, start + length, NULL);
}

const struct hostmem_backing_ops hostmem_ram_ops = {
	.open = hostmem_ram_open,
	.close = hostmem_ram_close,
	.admit = hostmem_ram_admit,
	.populate = hostmem_ram_populate,
	.held = hostmem_ram_held_bytes,
	.read = hostmem_ram_read,
	.write = hostmem_ram_write,
	.seek = hostmem_ram_seek,
	.punch = hostmem_ram_punch,
	.give_back = hostmem_ram_give_back,
	.discard = hostmem_ram_discard,
	.settle = hostmem_ram_settle,
	.pinned = hostmem_ram_pinned,
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
	hostmem_ram_limit = totalram_pages() / 2;
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
