// SPDX-License-Identifier: GPL-2.0
/*
 * NUMA policy: mbind() of a shared mapping sets the policy of the file behind it. Left to itself
 * that is one for everybody, set by anybody who can read, and it stays when who set it has gone.
 *
 * So a policy is taken only from a view that can write and is not derived from another, and ends
 * with the mapping that it was set through. For that we note who set which range: a mapping is
 * known by its mm, which a fork's child does not share, and by the address at which the region
 * would begin in it. A mapping that is moved has another address, and its policy ends, too. When
 * the VMAs of a mapping are closed their part of its policies is taken out of the file.
 */
#include <linux/mempolicy.h>
#include <linux/slab.h>

#include "hostmem_private.h"

/* A range whose policy is that of a mapping. Ranges do not overlap. */
struct hostmem_policy {
	struct list_head node;
	const struct hostmem_view *view;
	const struct mm_struct *mm;	/* compared only: it has VMAs as long as this exists */
	unsigned long base;
	pgoff_t start;
	pgoff_t end;
};

static unsigned long hostmem_policy_base(const struct vm_area_struct *vma)
{
	return vma->vm_start - (vma->vm_pgoff << PAGE_SHIFT);
}

/* Take the policy of a range out of the file. */
static void hostmem_policy_drop(const struct hostmem_view *view, pgoff_t start, pgoff_t end)
{
	/* All that shmem looks at, as in its own calls. */
	struct vm_area_struct vma = {
		.vm_end = (end - start) << PAGE_SHIFT,
		.vm_pgoff = start,
		.vm_file = view->inner,
	};

	/* It needs memory if a range is in the middle of another: the file keeps that one then. */
	view->region->segment.real_vm_ops->set_policy(&vma, NULL);
}

/* A range is no longer @policy's. */
static void hostmem_policy_cut(struct hostmem_policy *policy, pgoff_t start, pgoff_t end)
{
	struct hostmem_policy *rest;

	if (start <= policy->start && end >= policy->end) {
		list_del(&policy->node);
		kfree(policy);
	} else if (start <= policy->start) {
		policy->start = max(policy->start, end);
	} else if (end >= policy->end) {
		policy->end = min(policy->end, start);
	} else {
		rest = kmemdup(policy, sizeof(*policy), GFP_KERNEL | __GFP_NOFAIL);
		rest->start = end;
		list_add(&rest->node, &policy->node);
		policy->end = start;
	}
}

/* mbind(): vm_operations_struct.set_policy. */
static int hostmem_policy_set(struct vm_area_struct *vma, struct mempolicy *new)
{
	struct hostmem_view *view = vma->vm_private_data;
	struct hostmem_region *region = view->region;
	struct hostmem_policy *policy, *next, *mine;
	pgoff_t start = vma->vm_pgoff;
	pgoff_t end = start + vma_pages(vma);
	int rc;

	/* Who has none to set has set none that this would end; VMMs do it for good measure. */
	if (!(view->rights & HOSTMEM_RIGHT_WRITE) || view->parent)
		return new ? -EPERM : 0;
	mine = kzalloc(sizeof(*mine), GFP_KERNEL_ACCOUNT);
	if (!mine)
		return -ENOMEM;
	mutex_lock(&region->policy_lock);
	rc = READ_ONCE(view->revoked) ? -EPERM : region->segment.real_vm_ops->set_policy(vma, new);
	if (rc)
		goto out_unlock;
	list_for_each_entry_safe(policy, next, &region->policies, node)
		hostmem_policy_cut(policy, start, end);
	if (new) {
		mine->view = view;
		mine->mm = vma->vm_mm;
		mine->base = hostmem_policy_base(vma);
		mine->start = start;
		mine->end = end;
		list_add(&mine->node, &region->policies);
		mine = NULL;
	}
out_unlock:
	mutex_unlock(&region->policy_lock);
	kfree(mine);
	return rc;
}

/**
 * hostmem_policy_front - put us in front of the backing's set_policy()
 * @ops: a copy of @real
 * @real: operations of the backing
 */
void hostmem_policy_front(struct vm_operations_struct *ops,
			  const struct vm_operations_struct *real)
{
	if (real->set_policy)
		ops->set_policy = hostmem_policy_set;
}

/**
 * hostmem_policy_close - end the policies that were set through a VMA
 * @vma: that is being closed
 *
 * Context: sleeps.
 */
void hostmem_policy_close(struct vm_area_struct *vma)
{
	struct hostmem_view *view = vma->vm_private_data;
	struct hostmem_region *region = view->region;
	unsigned long base = hostmem_policy_base(vma);
	struct hostmem_policy *policy, *next;
	pgoff_t start, end;

	/* Who has set one has it in the VMA, too. */
	if (!vma_policy(vma))
		return;
	mutex_lock(&region->policy_lock);
	list_for_each_entry_safe(policy, next, &region->policies, node) {
		if (policy->mm != vma->vm_mm || policy->base != base || policy->view != view)
			continue;
		start = max(policy->start, vma->vm_pgoff);
		end = min(policy->end, vma->vm_pgoff + vma_pages(vma));
		if (start >= end)
			continue;
		hostmem_policy_drop(view, start, end);
		hostmem_policy_cut(policy, start, end);
	}
	mutex_unlock(&region->policy_lock);
}

/**
 * hostmem_policy_revoke - end the policies that were set through revoked views
 * @region: their region
 *
 * Context: sleeps.
 */
void hostmem_policy_revoke(struct hostmem_region *region)
{
	struct hostmem_policy *policy, *next;

	mutex_lock(&region->policy_lock);
	list_for_each_entry_safe(policy, next, &region->policies, node) {
		if (!READ_ONCE(policy->view->revoked))
			continue;
		hostmem_policy_drop(policy->view, policy->start, policy->end);
		hostmem_policy_cut(policy, policy->start, policy->end);
	}
	mutex_unlock(&region->policy_lock);
}
