// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: which process has which range of a region in its address space.
 *
 * There is no list of them but the tree of the VMAs of the file behind the region. Its lock keeps a
 * VMA, with its range, its file, and so the view, and its mm; but whoever zaps a large range holds
 * the lock, and who wants to map then waits in front of us: it is not waited for here.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "hostmem_mapping.h"
#include "hostmem_private.h"

/* The process that has an address space, by its number here; 0: it is exiting, or not visible. */
static pid_t hostmem_mapping_pid(const struct mm_struct *mm)
{
	pid_t pid = 0;
#ifdef CONFIG_MEMCG
	struct task_struct *task;

	rcu_read_lock();
	task = rcu_dereference(mm->owner);
	if (task)
		pid = task_tgid_vnr(task);
	rcu_read_unlock();
#endif
	return pid;
}

static void hostmem_mapping_fill(struct hostmem_mapping *mapping, const struct vm_area_struct *vma)
{
	const struct hostmem_view *view = vma->vm_private_data;

	*mapping = (struct hostmem_mapping) {
		.key = (unsigned long)vma,
		.view_id = view->id,
		.pid = hostmem_mapping_pid(vma->vm_mm),
		.address = vma->vm_start,
		.start = (u64)vma->vm_pgoff << PAGE_SHIFT,
		.length = vma->vm_end - vma->vm_start,
		/* They are PROT_*. */
		.prot = READ_ONCE(vma->vm_flags) & (VM_READ | VM_WRITE | VM_EXEC),
	};
}

/* Put one where it belongs among the first @max; returns how many there are now. */
static int hostmem_mapping_insert(struct hostmem_mapping *array, int n, int max,
				  const struct hostmem_mapping *mapping,
				  hostmem_mapping_before before)
{
	int at = n;

	while (at && before(mapping, &array[at - 1]))
		at--;
	if (at == max)
		return n;
	if (n < max)
		n++;
	memmove(&array[at + 1], &array[at], (n - at - 1) * sizeof(*array));
	array[at] = *mapping;
	return n;
}

/**
 * hostmem_mapping_by_key - an order that no mapping changes its place in
 * @a: one
 * @b: another
 *
 * Return: whether @a comes before @b.
 */
bool hostmem_mapping_by_key(const struct hostmem_mapping *a, const struct hostmem_mapping *b)
{
	return a->key < b->key;
}

/**
 * hostmem_mapping_by_end - the order in which they end in the region
 * @a: one
 * @b: another
 *
 * Return: whether @a comes before @b.
 */
bool hostmem_mapping_by_end(const struct hostmem_mapping *a, const struct hostmem_mapping *b)
{
	return a->start + a->length < b->start + b->length;
}

/**
 * hostmem_mappings - the first mappings of a region behind another
 * @region: the region
 * @from: the other, or what stands for it
 * @before: the order
 * @array: out: the mappings, in that order
 * @max: room in @array
 *
 * Context: under hostmem_regions_lock, which keeps the region. Waits for nobody.
 * Return: how many; -EAGAIN: somebody is changing the mappings, or takes memory out of them.
 */
int hostmem_mappings(struct hostmem_region *region, const struct hostmem_mapping *from,
		     hostmem_mapping_before before, struct hostmem_mapping *array, int max)
{
	struct address_space *file = region->segment.file->f_mapping;
	const struct vm_area_struct *vma;
	struct hostmem_mapping mapping;
	struct rb_node *node;
	int n = 0;

	lockdep_assert_held(&hostmem_regions_lock);
	if (!i_mmap_trylock_read(file))
		return -EAGAIN;
	for (node = rb_first_cached(&file->i_mmap); node; node = rb_next(node)) {
		vma = rb_entry(node, struct vm_area_struct, shared.rb);
		/* Others may map the file, too. */
		if (vma->vm_ops != &region->segment.vm_ops)
			continue;
		hostmem_mapping_fill(&mapping, vma);
		if (before(from, &mapping))
			n = hostmem_mapping_insert(array, n, max, &mapping, before);
	}
	i_mmap_unlock_read(file);
	return n;
}
