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
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nd.h>
#include <linux/pfn_t.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "hostmem_nd.h"

/* Kept by its segment, until that is closed, and by its pages, until nobody has one. */
struct hostmem_reserve {
	struct hostmem_client client;
	refcount_t refs;
	struct nd_region *nd_region;	/* for flushing, until the namespace goes */
	u64 spa;			/* of the region's first byte */
	struct resource res;
	struct dev_pagemap pgmap;
	bool has_pages;			/* of our own */
};

static vm_fault_t hostmem_reserve_enter(struct vm_fault *vmf, unsigned int order)
{
	const struct hostmem_reserve *reserve = vmf->vma->vm_file->private_data;
	pgoff_t pgoff = round_down(vmf->pgoff, 1UL << order);
	pfn_t pfn = phys_to_pfn_t(reserve->spa + ((u64)pgoff << PAGE_SHIFT), PFN_DEV | PFN_MAP);
	unsigned long start = round_down(vmf->address, PAGE_SIZE << order);

	if (!order)
		return vmf_insert_mixed(vmf->vma, vmf->address, pfn);
	if (order != PMD_SHIFT - PAGE_SHIFT || start < vmf->vma->vm_start ||
	    start + (PAGE_SIZE << order) > vmf->vma->vm_end)
		return VM_FAULT_FALLBACK;
	return vmf_insert_pfn_pmd(vmf, pfn, vmf->flags & FAULT_FLAG_WRITE);
}

/* The caller, the core's guard, has checked that the region has the page. */
static vm_fault_t hostmem_reserve_fault(struct vm_fault *vmf)
{
	return hostmem_reserve_enter(vmf, 0);
}

static vm_fault_t hostmem_reserve_huge_fault(struct vm_fault *vmf, hostmem_fault_size size)
{
	return hostmem_reserve_enter(vmf, hostmem_fault_order(size));
}

static const struct vm_operations_struct hostmem_reserve_vm_ops = {
	.fault = hostmem_reserve_fault,
	.huge_fault = hostmem_reserve_huge_fault,
};

static int hostmem_reserve_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_MIXEDMAP | VM_HUGEPAGE);
	vma->vm_ops = &hostmem_reserve_vm_ops;
	return 0;
}

static int hostmem_reserve_open_file(struct inode *inode, struct file *file)
{
	file->private_data = inode->i_private;
	return 0;
}

/* Out of the processor's caches, and out of what is before the media. */
static int hostmem_reserve_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	const struct hostmem_reserve *reserve = file->private_data;
	loff_t pos, next;

	end = min_t(loff_t, end, reserve->client.size - 1);
	for (pos = start; pos <= end; pos = next) {
		if (fatal_signal_pending(current))
			return -EINTR;
		next = min_t(loff_t, end + 1, round_down(pos, SZ_2M) + SZ_2M);
		arch_wb_cache_pmem(__va(reserve->spa + pos), next - pos);
		cond_resched();
	}
	return nvdimm_flush(reserve->nd_region, NULL);
}

static const struct file_operations hostmem_reserve_fops = {
	.owner = THIS_MODULE,
	.open = hostmem_reserve_open_file,
	.mmap = hostmem_reserve_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.fsync = hostmem_reserve_fsync,
};

static struct file *hostmem_reserve_file(struct hostmem_reserve *reserve)
{
	struct inode *inode = hostmem_anon_inode();

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_fop = &hostmem_reserve_fops;
	inode->i_private = reserve;
	/* Without it 6.1 maps by 4 KiB only. */
	inode->i_flags |= S_DAX;
	/* As devdax: a file with S_DAX that is not one is fsdax, and never pinned for long. */
	inode->i_mode |= S_IFCHR;
	return hostmem_anon_file(inode, "hostmem_reserve", O_RDWR, &hostmem_reserve_fops, reserve);
}

/*
 * A machine check has hit one of our pages. Whoever touches it again after we have returned gets
 * the signal from the fault, with its own address.
 *
 * memory_failure() holds a lock of the host's, and the pagemap: nothing here may wait for them.
 */
static int hostmem_reserve_memory_failure(struct dev_pagemap *pgmap, unsigned long pfn,
					  unsigned long nr_pages, int mf_flags)
{
	struct hostmem_reserve *reserve = container_of(pgmap, struct hostmem_reserve, pgmap);
	int rc = hostmem_inspect_learn(PFN_PHYS(pfn), PFN_PHYS(nr_pages));

	return rc ?: hostmem_inspect(&reserve->client);
}

static const struct dev_pagemap_ops hostmem_reserve_pagemap_ops = {
	.memory_failure = hostmem_reserve_memory_failure,
};

static int hostmem_reserve_make_pages(struct hostmem_reserve *reserve, int nid)
{
	struct dev_pagemap *pgmap = &reserve->pgmap;

	pgmap->type = MEMORY_DEVICE_GENERIC;
	pgmap->ops = &hostmem_reserve_pagemap_ops;
	pgmap->nr_range = 1;
	pgmap->range.start = reserve->spa;
	pgmap->range.end = reserve->spa + reserve->client.size - 1;
	reserve->has_pages = true;
	return PTR_ERR_OR_ZERO(memremap_pages(pgmap, nid));
}

/* Give the range back, of which nobody has a page. */
static void hostmem_reserve_unmap(struct hostmem_reserve *reserve)
{
	if (reserve->has_pages)
		memunmap_pages(&reserve->pgmap);
	remove_resource(&reserve->res);
	kfree(reserve->res.name);
}

static int hostmem_reserve_map(struct hostmem_reserve *reserve, const struct hostmem_pmem *pmem,
			       int nid)
{
	int rc;

	reserve->res.name = kasprintf(GFP_KERNEL, "hostmem reserve:%s", pmem->name);
	if (!reserve->res.name)
		return -ENOMEM;
	reserve->res.flags = IORESOURCE_MEM | IORESOURCE_BUSY;
	reserve->res.start = reserve->spa;
	reserve->res.end = reserve->spa + reserve->client.size - 1;
	rc = insert_resource(&iomem_resource, &reserve->res);
	if (rc)
		goto err_name;
	if (pmem->reserve_layout == HOSTMEM_RESERVE_TAIL)
		rc = hostmem_reserve_make_pages(reserve, nid);
	if (rc)
		goto err_resource;
	return 0;

err_resource:
	remove_resource(&reserve->res);
err_name:
	kfree(reserve->res.name);
	return rc;
}

static struct hostmem_reserve *hostmem_reserve_of(struct hostmem_client *client)
{
	return container_of(client, struct hostmem_reserve, client);
}

static int hostmem_reserve_join(struct hostmem_client *client, const struct hostmem_pmem *pmem,
				struct device *dev)
{
	struct hostmem_reserve *reserve = hostmem_reserve_of(client);
	struct hostmem_segment *segment = client->segment;
	int rc;

	if (!pmem->reserve_size)
		return -ENOENT;
	if (client->size > pmem->reserve_size - HOSTMEM_RESERVE_OVERHEAD)
		return -ENOSPC;
	reserve->spa = pmem->spa + pmem->reserve_offset + HOSTMEM_RESERVE_OVERHEAD / 2;
	reserve->nd_region = to_nd_region(dev->parent);
	client->layout = hostmem_layout_piece(reserve->spa, client->size);
	if (IS_ERR(client->layout))
		return PTR_ERR(client->layout);
	rc = -ENOMEM;
	segment->source = kasprintf(GFP_KERNEL, "reserve:%s", pmem->name);
	if (!segment->source)
		goto err_layout;
	rc = hostmem_reserve_map(reserve, pmem, dev_to_node(dev));
	if (rc)
		goto err_source;
	client->pages.start = reserve->spa;
	client->pages.end = reserve->spa + client->size;
	return 0;

err_source:
	kfree(segment->source);
err_layout:
	hostmem_layout_free(client->layout);
	return rc;
}

static void hostmem_reserve_put(struct hostmem_reserve *reserve)
{
	if (!refcount_dec_and_test(&reserve->refs))
		return;
	hostmem_layout_free(reserve->client.layout);
	kfree(reserve);
}

static void hostmem_reserve_drained(struct hostmem_client *client)
{
	struct hostmem_reserve *reserve = hostmem_reserve_of(client);

	hostmem_reserve_unmap(reserve);
	hostmem_client_leave(client);
	hostmem_reserve_put(reserve);
}

static int hostmem_reserve_open(struct hostmem_segment *segment,
				const struct hostmem_region_create *cmd)
{
	struct hostmem_reserve *reserve;
	int rc;

	if (cmd->huge != HOSTMEM_HUGE_ALWAYS || cmd->backing_fd)
		return -EOPNOTSUPP;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	reserve = kzalloc(sizeof(*reserve), GFP_KERNEL_ACCOUNT);
	if (!reserve)
		return -ENOMEM;
	refcount_set(&reserve->refs, 2);
	reserve->client.segment = segment;
	reserve->client.drained = hostmem_reserve_drained;
	reserve->client.exclusive = true;
	reserve->client.join = hostmem_reserve_join;
	reserve->client.size = cmd->region_size;
	segment->private = &reserve->client;
	segment->file = hostmem_reserve_file(reserve);
	if (IS_ERR(segment->file)) {
		rc = PTR_ERR(segment->file);
		goto err_reserve;
	}
	rc = hostmem_client_join(&reserve->client, cmd->backing_pmem);
	if (rc)
		goto err_file;
	return 0;

err_file:
	fput(segment->file);
err_reserve:
	kfree(reserve);
	return rc;
}

static void hostmem_reserve_end(struct hostmem_segment *segment)
{
	struct hostmem_client *client = hostmem_client_of(segment);

	hostmem_client_retire(client);
	hostmem_drain(client);
}

static void hostmem_reserve_close(struct hostmem_segment *segment)
{
	fput(segment->file);
	hostmem_reserve_put(hostmem_reserve_of(hostmem_client_of(segment)));
}

const struct hostmem_backing_ops hostmem_reserve_ops = {
	.owner = THIS_MODULE,
	.open = hostmem_reserve_open,
	.end = hostmem_reserve_end,
	.close = hostmem_reserve_close,
	.inspect = hostmem_client_inspect,
	.read = hostmem_client_read,
	.write = hostmem_client_write,
	.pinned = hostmem_client_pinned,
};
