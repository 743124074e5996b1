// SPDX-License-Identifier: GPL-2.0
/*
 * The host's persistent memory: who knows of it, and the table of namespaces that they report.
 */
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "hostmem_nl.h"
#include "hostmem_pmem.h"
#include "hostmem_private.h"

/* Of the table, of the namespaces in it, and of the pointer to who knows. */
DEFINE_MUTEX(hostmem_pmem_lock);
static LIST_HEAD(hostmem_pmems);
static u64 hostmem_pmem_last_id;
static unsigned int hostmem_pmem_list_seq;
static const struct hostmem_pmem_ops *hostmem_pmem_ops;

/**
 * hostmem_pmem_register - say who knows the host's persistent memory
 * @ops: stay the caller's until hostmem_pmem_unregister(); there are no others
 *
 * Context: sleeps.
 */
void hostmem_pmem_register(const struct hostmem_pmem_ops *ops)
{
	mutex_lock(&hostmem_pmem_lock);
	hostmem_pmem_ops = ops;
	mutex_unlock(&hostmem_pmem_lock);
}
EXPORT_SYMBOL_GPL(hostmem_pmem_register);

/**
 * hostmem_pmem_unregister - say that nobody knows it any more
 *
 * When the module that had registered exits: nothing of it can be in use then.
 *
 * Context: sleeps.
 */
void hostmem_pmem_unregister(void)
{
	mutex_lock(&hostmem_pmem_lock);
	hostmem_pmem_ops = NULL;
	mutex_unlock(&hostmem_pmem_lock);
}
EXPORT_SYMBOL_GPL(hostmem_pmem_unregister);

/**
 * hostmem_pmem_ops_get - who knows the host's persistent memory
 *
 * Context: sleeps.
 * Return: stays until module_put() of the owner; NULL: the module for it is not loaded.
 */
const struct hostmem_pmem_ops *hostmem_pmem_ops_get(void)
{
	const struct hostmem_pmem_ops *ops;

	mutex_lock(&hostmem_pmem_lock);
	ops = hostmem_pmem_ops;
	if (ops && !try_module_get(ops->owner))
		ops = NULL;
	mutex_unlock(&hostmem_pmem_lock);
	return ops;
}

static bool hostmem_pmem_overlap(const struct hostmem_pmem *a, const struct hostmem_pmem *b)
{
	return a->spa < b->spa + b->size && b->spa < a->spa + a->size;
}

/**
 * hostmem_pmem_add - report a namespace that can be used
 * @pmem: the namespace, filled but for @node and @id; stays the caller's
 *
 * Tells the listeners of the group "events".
 *
 * Context: sleeps.
 * Return: 0; -EEXIST: it overlaps one that is known; -EINVAL: empty, or past the end
 * of all addresses.
 */
int hostmem_pmem_add(struct hostmem_pmem *pmem)
{
	struct hostmem_pmem *other;
	u64 end;

	if (!pmem->size || check_add_overflow(pmem->spa, pmem->size, &end))
		return -EINVAL;
	mutex_lock(&hostmem_pmem_lock);
	list_for_each_entry(other, &hostmem_pmems, node) {
		if (!hostmem_pmem_overlap(pmem, other))
			continue;
		mutex_unlock(&hostmem_pmem_lock);
		return -EEXIST;
	}
	pmem->id = ++hostmem_pmem_last_id;
	hostmem_pmem_list_seq++;
	list_add_tail(&pmem->node, &hostmem_pmems);
	mutex_unlock(&hostmem_pmem_lock);
	hostmem_pmem_event(pmem, HOSTMEM_NL_PMEM_ADDED);
	return 0;
}
EXPORT_SYMBOL_GPL(hostmem_pmem_add);

/**
 * hostmem_pmem_poison - report what is bad in a namespace
 * @pmem: as hostmem_pmem_add() got it
 * @poison: all that is bad, another list than the last one; is taken over
 *
 * Context: sleeps.
 */
void hostmem_pmem_poison(struct hostmem_pmem *pmem, struct hostmem_poison *poison)
{
	struct hostmem_poison *old = pmem->poison;

	mutex_lock(&hostmem_pmem_lock);
	hostmem_pmem_list_seq++;
	pmem->poison = poison;
	mutex_unlock(&hostmem_pmem_lock);
	kvfree(old);
	hostmem_pmem_event(pmem, HOSTMEM_NL_PMEM_BADBLOCKS);
}
EXPORT_SYMBOL_GPL(hostmem_pmem_poison);

/**
 * hostmem_pmem_remove - report that a namespace is about to go
 * @pmem: as hostmem_pmem_add() got it; without bad ranges afterwards
 *
 * Context: sleeps.
 */
void hostmem_pmem_remove(struct hostmem_pmem *pmem)
{
	mutex_lock(&hostmem_pmem_lock);
	hostmem_pmem_list_seq++;
	list_del(&pmem->node);
	mutex_unlock(&hostmem_pmem_lock);
	kvfree(pmem->poison);
	pmem->poison = NULL;
	hostmem_pmem_event(pmem, HOSTMEM_NL_PMEM_REMOVED);
}
EXPORT_SYMBOL_GPL(hostmem_pmem_remove);

/**
 * hostmem_pmem_seq - changes when a namespace comes, goes, or has other bad ranges
 *
 * Context: under hostmem_pmem_lock.
 * Return: a number that is never 0.
 */
unsigned int hostmem_pmem_seq(void)
{
	lockdep_assert_held(&hostmem_pmem_lock);
	return hostmem_pmem_list_seq ?: 1;
}

/**
 * hostmem_pmem_next - the first known namespace from a number on
 * @id: smallest number
 *
 * Context: under hostmem_pmem_lock, which keeps it.
 * Return: the namespace, or NULL.
 */
struct hostmem_pmem *hostmem_pmem_next(u64 id)
{
	struct hostmem_pmem *pmem;

	lockdep_assert_held(&hostmem_pmem_lock);
	/* In the order of their numbers. */
	list_for_each_entry(pmem, &hostmem_pmems, node) {
		if (pmem->id >= id)
			return pmem;
	}
	return NULL;
}
