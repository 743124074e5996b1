// SPDX-License-Identifier: GPL-2.0
/*
 * What is bad in a namespace: found out, recorded, and told to the regions on it.
 *
 * It is asked again when somebody is about to use more of a namespace, when a machine check has
 * come, and every few seconds, because libnvdimm does not tell what address range scrubs find, nor
 * what has been cleared. Each region hears by a work item of its own: none waits for another.
 */
#include <linux/device.h>
#include <linux/libnvdimm.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/nd.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "hostmem_nd.h"

#define HOSTMEM_WATCH_PERIOD (5 * HZ)

/* Of regions to hear of what is bad. */
static struct workqueue_struct *hostmem_inspect_wq;
/* For regions to have heard. */
static DECLARE_WAIT_QUEUE_HEAD(hostmem_inspect_heard);

static void hostmem_watch(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(hostmem_watch_work, hostmem_watch);

/*
 * Tell libnvdimm of a bad range. If that has no room for it, it is kept, together with all that is
 * between it and another such range, and what is bad in the namespace is not known until then.
 */
static int hostmem_bad_add(struct hostmem_namespace *ns, u64 start, u64 end)
{
	struct hostmem_pages *missed = &ns->missed;
	int rc;

	if (missed->end) {
		start = min(start, missed->start);
		end = max(end, missed->end);
	}
	rc = hostmem_badblocks_add(ns->dev, start, end - start);
	ns->revalidate = true;
	*missed = (struct hostmem_pages) { rc ? start : 0, rc ? end : 0 };
	return rc;
}

/* Tell libnvdimm what the ledger says. */
static int hostmem_bad_feed(struct hostmem_namespace *ns, const struct hostmem_poison *known)
{
	const struct hostmem_bad *bad;
	int rc = 0;
	u32 i;

	for (i = 0; !rc && i < ns->ledger->count; i++) {
		bad = &ns->ledger->bad[i];
		/*
		 * Struct pages on the device: the kernel writes them anew each time, and does not
		 * stop trying to clear what it knows to be bad there.
		 */
		if (ns->pmem.map == HOSTMEM_PMEM_MAP_DEV && bad->start < ns->pmem.data_offset)
			continue;
		if (hostmem_poison_covers(known, bad->start, bad->length))
			continue;
		rc = hostmem_badblocks_add(ns->dev, ns->pmem.spa + bad->start, bad->length);
		ns->revalidate = true;
	}
	return rc;
}

/* What libnvdimm says, and, once told, the ledger and what it has not been told yet. */
static int hostmem_bad_read(struct hostmem_namespace *ns, struct hostmem_poison **poison)
{
	int rc = 0;

	if (ns->missed.end)
		rc = hostmem_bad_add(ns, ns->missed.start, ns->missed.end);
	if (!rc)
		rc = hostmem_badblocks_read(&ns->pmem, ns->dev, poison);
	if (rc || !ns->ledger || ns->settled)
		return rc;
	rc = hostmem_bad_feed(ns, *poison);
	kvfree(*poison);
	*poison = NULL;
	return rc ?: hostmem_badblocks_read(&ns->pmem, ns->dev, poison);
}

/* When it was found: that of what it overlaps, if that was known. */
static void hostmem_bad_date(const struct hostmem_poison *old, struct hostmem_poison *poison)
{
	time64_t now = ktime_get_real_seconds();
	const struct hostmem_bad *known;
	struct hostmem_bad *bad;
	u32 i;

	for (i = 0; poison && i < poison->count; i++) {
		bad = &poison->bad[i];
		known = hostmem_poison_find(old, bad->start, bad->length);
		bad->since = known ? known->since : now;
	}
}

static void hostmem_bad_record(struct hostmem_namespace *ns, const struct hostmem_poison *old,
			       struct hostmem_poison *poison)
{
	if (!ns->pmem.reserve_layout)
		return;
	/* That aside, what is the same need not be written. */
	if (poison)
		poison->recorded = old && old->recorded;
	if (!hostmem_poison_same(old, poison))
		ns->unrecorded = true;
	if (ns->unrecorded && !ns->pmem.read_only)
		ns->unrecorded = hostmem_ledger_store(&ns->pmem, ns->dev, &ns->recorded,
						      poison);
	if (poison)
		poison->recorded = !ns->unrecorded;
}

/* Ask what is bad in a namespace now. Under hostmem_namespaces_lock. */
static int hostmem_bad_update(struct hostmem_namespace *ns)
{
	const struct hostmem_poison *old = ns->ledger ?: ns->pmem.poison;
	struct hostmem_poison *poison;
	int rc;

	rc = hostmem_namespace_armed(ns->dev, &ns->pmem);
	if (!rc)
		rc = hostmem_bad_read(ns, &poison);
	if (rc)
		return rc;
	hostmem_bad_date(old, poison);
	hostmem_bad_record(ns, old, poison);
	kvfree(ns->ledger);
	ns->ledger = NULL;
	if (ns->pmem.reserve_layout && !ns->settled)
		ns->settled = !hostmem_ledger_settle(&ns->pmem, ns->dev->parent);
	if (hostmem_poison_same(ns->pmem.poison, poison)) {
		kvfree(poison);
		return 0;
	}
	ns->changes++;
	hostmem_pmem_poison(&ns->pmem, poison);
	return 0;
}

/**
 * hostmem_inspect_tell - tell a region what of it is bad
 * @work: of a client; runs once at a time for each, so that it hears in order
 */
void hostmem_inspect_tell(struct work_struct *work)
{
	struct hostmem_client *client = container_of(work, struct hostmem_client, work);
	struct hostmem_segment *segment = client->kept;
	struct hostmem_poison *poison = NULL;
	u64 changes = 0;
	int rc = -ENODEV;

	mutex_lock(&hostmem_namespaces_lock);
	client->queued = false;
	if (client->segment) {
		changes = client->ns->changes;
		rc = hostmem_layout_poison(client->layout, client->size,
					   client->ns->pmem.poison, &poison);
	}
	mutex_unlock(&hostmem_namespaces_lock);
	if (!rc)
		hostmem_segment_poison(segment, poison);
	mutex_lock(&hostmem_namespaces_lock);
	if (!rc)
		WRITE_ONCE(client->told, changes);
	/* Pairs with hostmem_inspect_wait(). */
	smp_store_release(&client->telling, client->telling - 1);
	mutex_unlock(&hostmem_namespaces_lock);
	wake_up_all(&hostmem_inspect_heard);
	/* Maybe the last one: then the segment ends here, and the client with it. */
	hostmem_segment_put(segment);
}

/* Let a region hear of what it does not know yet. Under hostmem_namespaces_lock. */
static void hostmem_inspect_queue(struct hostmem_client *client)
{
	if (client->queued || !client->segment || client->told == client->ns->changes ||
	    !hostmem_segment_get(client->segment))
		return;
	client->kept = client->segment;
	client->queued = true;
	WRITE_ONCE(client->telling, client->telling + 1);
	queue_work(hostmem_inspect_wq, &client->work);
}

/*
 * Wait until a region knows. Whoever waits may keep the struct pages of the region from being
 * removed, as memory_failure() does: the end of a segment, which waits for that, is the work's.
 */
static int hostmem_inspect_wait(struct hostmem_client *client, u64 changes)
{
	/* Pairs with hostmem_inspect_tell(): */
	if (wait_event_killable(hostmem_inspect_heard, READ_ONCE(client->told) >= changes ||
				/* then told is what it was when the telling had ended. */
				!smp_load_acquire(&client->telling)))
		return -EINTR;
	/* One that is ending has nothing to be told. */
	return READ_ONCE(client->told) >= changes || !READ_ONCE(client->segment) ? 0 : -ENOMEM;
}

/* Ask what is bad in a namespace now, and let its regions hear. Under hostmem_namespaces_lock. */
static int hostmem_bad_refresh(struct hostmem_namespace *ns)
{
	struct hostmem_client *client;
	int rc = hostmem_bad_update(ns);

	list_for_each_entry(client, &ns->clients, node)
		hostmem_inspect_queue(client);
	return rc;
}

/**
 * hostmem_inspect - find out what of a region is bad
 * @client: joined, and kept by the caller
 *
 * When it has returned 0, the region does not reach what libnvdimm knows to be bad. It waits for
 * no other region.
 *
 * Context: sleeps, under no lock that a fault handler of the region's file takes.
 * Return: 0; -ENOMEM; -EINTR: killed.
 */
int hostmem_inspect(struct hostmem_client *client)
{
	u64 changes = 0;
	int rc = 0;

	mutex_lock(&hostmem_namespaces_lock);
	if (client->segment) {
		rc = hostmem_bad_refresh(client->ns);
		changes = client->ns->changes;
	}
	mutex_unlock(&hostmem_namespaces_lock);
	return rc ?: hostmem_inspect_wait(client, changes);
}

/* The region of libnvdimm, with a reference, whose disks have to look again, or NULL. */
static struct device *hostmem_watch_revalidate(void)
{
	struct hostmem_namespace *ns;
	struct device *region = NULL;

	mutex_lock(&hostmem_namespaces_lock);
	list_for_each_entry(ns, &hostmem_namespaces, node) {
		if (!ns->revalidate)
			continue;
		ns->revalidate = false;
		region = get_device(ns->dev->parent);
		break;
	}
	mutex_unlock(&hostmem_namespaces_lock);
	return region;
}

static void hostmem_watch(struct work_struct *work)
{
	struct hostmem_namespace *ns;
	struct device *region;

	mutex_lock(&hostmem_namespaces_lock);
	/* What fails now is tried again the next time. */
	list_for_each_entry(ns, &hostmem_namespaces, node)
		hostmem_bad_refresh(ns);
	mutex_unlock(&hostmem_namespaces_lock);
	while ((region = hostmem_watch_revalidate())) {
		nvdimm_region_notify(to_nd_region(region), NVDIMM_REVALIDATE_POISON);
		put_device(region);
	}
	mutex_lock(&hostmem_namespaces_lock);
	if (!list_empty(&hostmem_namespaces))
		queue_delayed_work(system_long_wq, &hostmem_watch_work, HOSTMEM_WATCH_PERIOD);
	mutex_unlock(&hostmem_namespaces_lock);
}

static int hostmem_bad_learn(struct hostmem_namespace *ns, u64 start, u64 end)
{
	const struct hostmem_pmem *pmem = &ns->pmem;

	start = max(start, pmem->spa);
	end = min(end, pmem->spa + pmem->size);
	if (start >= end)
		return 0;
	mod_delayed_work(system_long_wq, &hostmem_watch_work, 0);
	/* Who was told before us may have told libnvdimm. */
	if (!hostmem_bad_update(ns) &&
	    hostmem_poison_covers(pmem->poison, start - pmem->spa, end - start))
		return 0;
	return hostmem_bad_add(ns, start, end);
}

/**
 * hostmem_inspect_learn - hear of memory that is bad
 * @spa: of the first byte
 * @length: bytes
 *
 * The regions are told soon, or by hostmem_inspect().
 *
 * Context: sleeps.
 * Return: 0; -ENOMEM: libnvdimm is told later; until then nothing can be plugged on the namespace.
 */
int hostmem_inspect_learn(u64 spa, u64 length)
{
	struct hostmem_namespace *ns;
	int rc = 0, failed;

	mutex_lock(&hostmem_namespaces_lock);
	list_for_each_entry(ns, &hostmem_namespaces, node) {
		failed = hostmem_bad_learn(ns, spa, spa + length);
		rc = rc ?: failed;
	}
	mutex_unlock(&hostmem_namespaces_lock);
	return rc;
}

/**
 * hostmem_inspect_begin - begin to look at a namespace
 * @ns: has just been entered in the table
 *
 * Context: sleeps; under hostmem_namespaces_lock.
 */
void hostmem_inspect_begin(struct hostmem_namespace *ns)
{
	/* What is left to do or has failed is the work's. */
	if (hostmem_bad_update(ns) || ns->revalidate)
		mod_delayed_work(system_long_wq, &hostmem_watch_work, 0);
	else
		queue_delayed_work(system_long_wq, &hostmem_watch_work, HOSTMEM_WATCH_PERIOD);
}

/**
 * hostmem_inspect_init - prepare for namespaces
 *
 * Return: 0 or -ENOMEM.
 */
int hostmem_inspect_init(void)
{
	/* One may wait for long: until a file system thaws. */
	hostmem_inspect_wq = alloc_workqueue("hostmem_nd", WQ_UNBOUND, WQ_UNBOUND_MAX_ACTIVE);
	return hostmem_inspect_wq ? 0 : -ENOMEM;
}

/**
 * hostmem_inspect_exit - undo hostmem_inspect_init()
 *
 * Nothing is queued afterwards: the watch is, by itself, by who learns of bad memory and by who
 * enters a namespace, only under the lock and for one in the table, which stays empty; and what
 * tells a region keeps its segment, which keeps the module.
 *
 * Context: sleeps; when no namespace is known any more.
 */
void hostmem_inspect_exit(void)
{
	cancel_delayed_work_sync(&hostmem_watch_work);
	/* The work that has let go of the last region may still be on its way back. */
	destroy_workqueue(hostmem_inspect_wq);
}
