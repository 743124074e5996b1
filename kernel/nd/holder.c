// SPDX-License-Identifier: GPL-2.0
/*
 * Reserve backing: the one holder of a namespace's reserve, and how it is mapped.
 *
 * A tail has no struct pages: libnvdimm leaves it alone. It gets some from us, for as long as it
 * is held, so that it can be mapped by 2 MiB, pinned, and given to KVM. A head lies in what
 * libnvdimm has made pages for. The file that maps it is nobody's but the region's.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/libnvdimm.h>
#include <linux/magic.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/nd.h>
#include <linux/pfn_t.h>
#include <linux/pseudo_fs.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "hostmem_nd.h"

/* Kept by its segment, until that is closed, and by its pages, until nobody has one. */
struct hostmem_holder {
	struct hostmem_client client;
	refcount_t refs;
	struct nd_region *nd_region;	/* for flushing, until the namespace goes */
	u64 spa;			/* of the region's first byte */
	struct resource res;
	struct dev_pagemap pgmap;
	bool has_pages;			/* of our own */
};

static struct vfsmount *hostmem_holder_mnt;

static int hostmem_holder_init_fs(struct fs_context *fc)
{
	return init_pseudo(fc, ANON_INODE_FS_MAGIC) ? 0 : -ENOMEM;
}

/* Without an owner: the mount lasts as long as the module, and must not keep it. */
static struct file_system_type hostmem_holder_fs = {
	.name = "hostmem_reserve",
	.init_fs_context = hostmem_holder_init_fs,
	.kill_sb = kill_anon_super,
};

static vm_fault_t hostmem_holder_enter(struct vm_fault *vmf, unsigned int order)
{
	const struct hostmem_holder *holder = vmf->vma->vm_file->private_data;
	pgoff_t pgoff = round_down(vmf->pgoff, 1UL << order);
	pfn_t pfn = phys_to_pfn_t(holder->spa + ((u64)pgoff << PAGE_SHIFT), PFN_DEV | PFN_MAP);
	unsigned long start = round_down(vmf->address, PAGE_SIZE << order);

	if (!order)
		return vmf_insert_mixed(vmf->vma, vmf->address, pfn);
	if (order != PMD_SHIFT - PAGE_SHIFT || start < vmf->vma->vm_start ||
	    start + (PAGE_SIZE << order) > vmf->vma->vm_end)
		return VM_FAULT_FALLBACK;
	return vmf_insert_pfn_pmd(vmf, pfn, vmf->flags & FAULT_FLAG_WRITE);
}

/* The caller, the core's guard, has checked that the region has the page. */
static vm_fault_t hostmem_holder_fault(struct vm_fault *vmf)
{
	return hostmem_holder_enter(vmf, 0);
}

static vm_fault_t hostmem_holder_huge_fault(struct vm_fault *vmf, hostmem_fault_size size)
{
	return hostmem_holder_enter(vmf, hostmem_fault_order(size));
}

static const struct vm_operations_struct hostmem_holder_vm_ops = {
	.fault = hostmem_holder_fault,
	.huge_fault = hostmem_holder_huge_fault,
};

static int hostmem_holder_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_MIXEDMAP | VM_HUGEPAGE);
	vma->vm_ops = &hostmem_holder_vm_ops;
	return 0;
}

static int hostmem_holder_open_file(struct inode *inode, struct file *file)
{
	file->private_data = inode->i_private;
	return 0;
}

/* Out of the processor's caches, and out of what is before the media. */
static int hostmem_holder_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	const struct hostmem_holder *holder = file->private_data;
	loff_t pos, next;

	end = min_t(loff_t, end, holder->client.size - 1);
	for (pos = start; pos <= end; pos = next) {
		if (fatal_signal_pending(current))
			return -EINTR;
		next = min_t(loff_t, end + 1, round_down(pos, SZ_2M) + SZ_2M);
		arch_wb_cache_pmem(__va(holder->spa + pos), next - pos);
		cond_resched();
	}
	return nvdimm_flush(holder->nd_region, NULL);
}

static const struct file_operations hostmem_holder_fops = {
	.owner = THIS_MODULE,
	.open = hostmem_holder_open_file,
	.mmap = hostmem_holder_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.fsync = hostmem_holder_fsync,
};

static struct file *hostmem_holder_file(struct hostmem_holder *holder)
{
	struct inode *inode = alloc_anon_inode(hostmem_holder_mnt->mnt_sb);
	struct file *file;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_fop = &hostmem_holder_fops;
	inode->i_private = holder;
	/* Without it 6.1 maps by 4 KiB only. */
	inode->i_flags |= S_DAX;
	/* As devdax: a file with S_DAX that is not one is fsdax, and never pinned for long. */
	inode->i_mode |= S_IFCHR;
	/* The last fput() puts the operations. The segment keeps us loaded until then. */
	__module_get(THIS_MODULE);
	file = alloc_file_pseudo(inode, hostmem_holder_mnt, "hostmem_reserve", O_RDWR,
				 &hostmem_holder_fops);
	if (IS_ERR(file)) {
		iput(inode);
		module_put(THIS_MODULE);
		return file;
	}
	file->private_data = holder;
	return file;
}

/*
 * A machine check has hit one of our pages. Whoever touches it again after we have returned gets
 * the signal from the fault, with its own address.
 *
 * memory_failure() holds a lock of the host's, and the pagemap: nothing here may wait for them.
 */
static int hostmem_holder_memory_failure(struct dev_pagemap *pgmap, unsigned long pfn,
					 unsigned long nr_pages, int mf_flags)
{
	struct hostmem_holder *holder = container_of(pgmap, struct hostmem_holder, pgmap);
	int rc = hostmem_nd_learn(PFN_PHYS(pfn), PFN_PHYS(nr_pages));

	return rc ?: hostmem_nd_inspect(&holder->client);
}

static const struct dev_pagemap_ops hostmem_holder_pagemap_ops = {
	.memory_failure = hostmem_holder_memory_failure,
};

static int hostmem_holder_make_pages(struct hostmem_holder *holder, int nid)
{
	struct dev_pagemap *pgmap = &holder->pgmap;

	pgmap->type = MEMORY_DEVICE_GENERIC;
	pgmap->ops = &hostmem_holder_pagemap_ops;
	pgmap->nr_range = 1;
	pgmap->range.start = holder->spa;
	pgmap->range.end = holder->spa + holder->client.size - 1;
	holder->has_pages = true;
	return PTR_ERR_OR_ZERO(memremap_pages(pgmap, nid));
}

/* Give the range back, of which nobody has a page. */
static void hostmem_holder_unmap(struct hostmem_holder *holder)
{
	if (holder->has_pages)
		memunmap_pages(&holder->pgmap);
	remove_resource(&holder->res);
	kfree(holder->res.name);
}

static int hostmem_holder_map(struct hostmem_holder *holder, const struct hostmem_pmem *pmem,
			      int nid)
{
	int rc;

	holder->res.name = kasprintf(GFP_KERNEL, "hostmem reserve:%s", pmem->name);
	if (!holder->res.name)
		return -ENOMEM;
	holder->res.flags = IORESOURCE_MEM | IORESOURCE_BUSY;
	holder->res.start = holder->spa;
	holder->res.end = holder->spa + holder->client.size - 1;
	rc = insert_resource(&iomem_resource, &holder->res);
	if (rc)
		goto err_name;
	if (pmem->reserve_layout == HOSTMEM_RESERVE_TAIL)
		rc = hostmem_holder_make_pages(holder, nid);
	if (rc)
		goto err_resource;
	return 0;

err_resource:
	remove_resource(&holder->res);
err_name:
	kfree(holder->res.name);
	return rc;
}

static struct hostmem_holder *hostmem_holder_of(struct hostmem_client *client)
{
	return container_of(client, struct hostmem_holder, client);
}

static int hostmem_holder_join(struct hostmem_client *client, const struct hostmem_pmem *pmem,
			       struct device *dev)
{
	struct hostmem_holder *holder = hostmem_holder_of(client);
	struct hostmem_segment *segment = client->segment;
	int rc;

	if (!pmem->reserve_size)
		return -ENOENT;
	if (client->size > pmem->reserve_size - HOSTMEM_RESERVE_OVERHEAD)
		return -ENOSPC;
	holder->spa = pmem->spa + pmem->reserve_offset + HOSTMEM_RESERVE_OVERHEAD / 2;
	holder->nd_region = to_nd_region(dev->parent);
	client->layout = hostmem_layout_piece(holder->spa, client->size);
	if (IS_ERR(client->layout))
		return PTR_ERR(client->layout);
	rc = -ENOMEM;
	segment->source = kasprintf(GFP_KERNEL, "reserve:%s", pmem->name);
	if (!segment->source)
		goto err_layout;
	rc = hostmem_holder_map(holder, pmem, dev_to_node(dev));
	if (rc)
		goto err_source;
	client->pages.start = holder->spa;
	client->pages.end = holder->spa + client->size;
	return 0;

err_source:
	kfree(segment->source);
err_layout:
	hostmem_layout_free(client->layout);
	return rc;
}

static void hostmem_holder_put(struct hostmem_holder *holder)
{
	if (!refcount_dec_and_test(&holder->refs))
		return;
	hostmem_layout_free(holder->client.layout);
	kfree(holder);
}

static void hostmem_holder_drained(struct hostmem_client *client)
{
	struct hostmem_holder *holder = hostmem_holder_of(client);

	hostmem_holder_unmap(holder);
	hostmem_nd_leave(client);
	hostmem_holder_put(holder);
}

static int hostmem_holder_open(struct hostmem_segment *segment,
			       const struct hostmem_region_create *cmd)
{
	struct hostmem_holder *holder;
	int rc;

	if (cmd->huge != HOSTMEM_HUGE_ALWAYS || cmd->backing_fd)
		return -EOPNOTSUPP;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	holder = kzalloc(sizeof(*holder), GFP_KERNEL_ACCOUNT);
	if (!holder)
		return -ENOMEM;
	refcount_set(&holder->refs, 2);
	holder->client.segment = segment;
	holder->client.drained = hostmem_holder_drained;
	holder->client.exclusive = true;
	holder->client.join = hostmem_holder_join;
	holder->client.size = cmd->region_size;
	segment->private = holder;
	segment->file = hostmem_holder_file(holder);
	if (IS_ERR(segment->file)) {
		rc = PTR_ERR(segment->file);
		goto err_holder;
	}
	rc = hostmem_nd_join(&holder->client, cmd->backing_pmem);
	if (rc)
		goto err_file;
	return 0;

err_file:
	fput(segment->file);
err_holder:
	kfree(holder);
	return rc;
}

static int hostmem_holder_inspect(struct hostmem_segment *segment)
{
	struct hostmem_holder *holder = segment->private;

	return hostmem_nd_inspect(&holder->client);
}

static void hostmem_holder_end(struct hostmem_segment *segment)
{
	struct hostmem_holder *holder = segment->private;

	hostmem_nd_retire(&holder->client);
	hostmem_drain(&holder->client);
}

static void hostmem_holder_close(struct hostmem_segment *segment)
{
	struct hostmem_holder *holder = segment->private;

	fput(segment->file);
	hostmem_holder_put(holder);
}

const struct hostmem_backing_ops hostmem_holder_ops = {
	.owner = THIS_MODULE,
	.open = hostmem_holder_open,
	.end = hostmem_holder_end,
	.close = hostmem_holder_close,
	.inspect = hostmem_holder_inspect,
};

/**
 * hostmem_holder_init - prepare for holders
 *
 * Return: 0 or -ENOMEM.
 */
int hostmem_holder_init(void)
{
	hostmem_holder_mnt = kern_mount(&hostmem_holder_fs);
	return PTR_ERR_OR_ZERO(hostmem_holder_mnt);
}

/**
 * hostmem_holder_exit - undo hostmem_holder_init()
 */
void hostmem_holder_exit(void)
{
	kern_unmount(hostmem_holder_mnt);
}
