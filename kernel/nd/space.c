// SPDX-License-Identifier: GPL-2.0
/*
 * The table of namespaces: who uses each, and what of it is bad.
 *
 * What is bad is asked again when somebody is about to use more of a namespace, when a machine
 * check has come, and every few seconds, because libnvdimm does not tell what address range scrubs
 * find, nor what has been cleared.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/libnvdimm.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/nd.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "hostmem_nd.h"

#define HOSTMEM_ND_PERIOD (5 * HZ)
/* After that time whoever waits for somebody says for what. */
#define HOSTMEM_ND_PATIENCE (5L * HZ)
#define HOSTMEM_ND_PATIENCE_MAX (600L * HZ)

/* A namespace that the core knows, and the device whose driver enables it. */
struct hostmem_nd_space {
	struct list_head node;
	struct device *dev;
	struct hostmem_pmem pmem;
	struct list_head leases;
	struct list_head clients;
	struct hostmem_pages used;	/* of the driver's, by regions of the device */
	struct hostmem_pages missed;	/* bad, and libnvdimm could not be told */
	u64 changes;			/* of what is bad */
	bool revalidate;		/* libnvdimm's disks do not know yet what its bus knows */
	struct hostmem_ledger_slot recorded;
	bool unrecorded;		/* what is bad is not what the ledger says */
	struct hostmem_poison *ledger;	/* what it said when the namespace came, until it is read */
	bool settled;			/* libnvdimm has been told what it says */
};

/* device_lock() -> hostmem_nd_lock -> libnvdimm's lock of a bus, the core's lock */
static DEFINE_MUTEX(hostmem_nd_lock);
static LIST_HEAD(hostmem_nd_spaces);
/* The module is about to go: no more of them. */
static bool hostmem_nd_closed;
/* For clients to leave, and for regions to have heard. */
static DECLARE_WAIT_QUEUE_HEAD(hostmem_nd_wait);

/* Of regions to hear of what is bad. */
static struct workqueue_struct *hostmem_nd_wq;

static void hostmem_nd_watch(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(hostmem_nd_work, hostmem_nd_watch);

static struct hostmem_nd_space *hostmem_nd_find(const struct device *dev)
{
	struct hostmem_nd_space *space;

	list_for_each_entry(space, &hostmem_nd_spaces, node) {
		if (space->dev == dev)
			return space;
	}
	return NULL;
}

/*
 * Struct pages on the device: the kernel writes them anew each time, and does not stop trying to
 * clear what it knows to be bad there.
 */
static bool hostmem_bad_is_of_kernel(const struct hostmem_pmem *pmem, const struct hostmem_bad *bad)
{
	return pmem->map == HOSTMEM_PMEM_MAP_DEV && bad->start < pmem->data_offset;
}

/*
 * Tell libnvdimm of a bad range. If that has no room for it, it is kept, together with all that is
 * between it and another such range, and what is bad in the namespace is not known until then.
 */
static int hostmem_space_add(struct hostmem_nd_space *space, u64 start, u64 end)
{
	struct hostmem_pages *missed = &space->missed;
	int rc;

	if (missed->end) {
		start = min(start, missed->start);
		end = max(end, missed->end);
	}
	rc = hostmem_badblocks_add(space->dev, start, end - start);
	space->revalidate = true;
	*missed = (struct hostmem_pages) { rc ? start : 0, rc ? end : 0 };
	return rc;
}

/* Tell libnvdimm what the ledger says. */
static int hostmem_space_feed(struct hostmem_nd_space *space, const struct hostmem_poison *known)
{
	const struct hostmem_bad *bad;
	int rc = 0;
	u32 i;

	for (i = 0; !rc && i < space->ledger->count; i++) {
		bad = &space->ledger->bad[i];
		if (hostmem_bad_is_of_kernel(&space->pmem, bad) ||
		    hostmem_poison_covers(known, bad->start, bad->length))
			continue;
		rc = hostmem_badblocks_add(space->dev, space->pmem.spa + bad->start, bad->length);
		space->revalidate = true;
	}
	return rc;
}

/* What libnvdimm says, and, once told, the ledger and what it has not been told yet. */
static int hostmem_space_read(struct hostmem_nd_space *space, struct hostmem_poison **poison)
{
	int rc = 0;

	if (space->missed.end)
		rc = hostmem_space_add(space, space->missed.start, space->missed.end);
	if (!rc)
		rc = hostmem_badblocks_read(&space->pmem, space->dev, poison);
	if (rc || !space->ledger || space->settled)
		return rc;
	rc = hostmem_space_feed(space, *poison);
	kvfree(*poison);
	*poison = NULL;
	return rc ?: hostmem_badblocks_read(&space->pmem, space->dev, poison);
}

/* When it was found: that of what it overlaps, if that was known. */
static void hostmem_poison_date(const struct hostmem_poison *old, struct hostmem_poison *poison)
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

static void hostmem_space_record(struct hostmem_nd_space *space, const struct hostmem_poison *old,
				 struct hostmem_poison *poison)
{
	if (!space->pmem.reserve_layout)
		return;
	/* That aside, what is the same need not be written. */
	if (poison)
		poison->recorded = old && old->recorded;
	if (!hostmem_poison_same(old, poison))
		space->unrecorded = true;
	if (space->unrecorded && !space->pmem.read_only)
		space->unrecorded = hostmem_ledger_store(&space->pmem, space->dev, &space->recorded,
							 poison);
	if (poison)
		poison->recorded = !space->unrecorded;
}

/* Ask what is bad in a namespace now. Under hostmem_nd_lock. */
static int hostmem_space_update(struct hostmem_nd_space *space)
{
	const struct hostmem_poison *old = space->ledger ?: space->pmem.poison;
	struct hostmem_poison *poison;
	int rc;

	rc = hostmem_namespace_armed(space->dev, &space->pmem);
	if (!rc)
		rc = hostmem_space_read(space, &poison);
	if (rc)
		return rc;
	hostmem_poison_date(old, poison);
	hostmem_space_record(space, old, poison);
	kvfree(space->ledger);
	space->ledger = NULL;
	if (space->pmem.reserve_layout && !space->settled)
		space->settled = !hostmem_ledger_settle(&space->pmem, space->dev->parent);
	if (hostmem_poison_same(space->pmem.poison, poison)) {
		kvfree(poison);
		return 0;
	}
	space->changes++;
	hostmem_pmem_poison(&space->pmem, poison);
	return 0;
}

/* Tell a region what of it is bad. Runs once at a time for each, so that they hear in order. */
static void hostmem_client_tell(struct work_struct *work)
{
	struct hostmem_client *client = container_of(work, struct hostmem_client, work);
	struct hostmem_segment *segment = client->kept;
	struct hostmem_poison *poison = NULL;
	u64 changes = 0;
	int rc = -ENODEV;

	mutex_lock(&hostmem_nd_lock);
	client->queued = false;
	if (client->segment) {
		changes = client->space->changes;
		rc = hostmem_layout_poison(client->layout, client->size,
					   client->space->pmem.poison, &poison);
	}
	mutex_unlock(&hostmem_nd_lock);
	if (!rc)
		hostmem_segment_poison(segment, poison);
	mutex_lock(&hostmem_nd_lock);
	if (!rc)
		WRITE_ONCE(client->told, changes);
	/* Pairs with hostmem_client_wait(). */
	smp_store_release(&client->telling, client->telling - 1);
	mutex_unlock(&hostmem_nd_lock);
	wake_up_all(&hostmem_nd_wait);
	/* Maybe the last one: then the segment ends here, and the client with it. */
	hostmem_segment_put(segment);
}

/* Let a region hear of what it does not know yet. Under hostmem_nd_lock. */
static void hostmem_client_queue(struct hostmem_client *client)
{
	if (client->queued || !client->segment || client->told == client->space->changes ||
	    !hostmem_segment_get(client->segment))
		return;
	client->kept = client->segment;
	client->queued = true;
	WRITE_ONCE(client->telling, client->telling + 1);
	queue_work(hostmem_nd_wq, &client->work);
}

/*
 * Wait until a region knows. Whoever waits may keep the struct pages of the region from being
 * removed, as memory_failure() does: the end of a segment, which waits for that, is the work's.
 */
static int hostmem_client_wait(struct hostmem_client *client, u64 changes)
{
	/* Pairs with hostmem_client_tell(): */
	if (wait_event_killable(hostmem_nd_wait, READ_ONCE(client->told) >= changes ||
				/* then told is what it was when the telling had ended. */
				!smp_load_acquire(&client->telling)))
		return -EINTR;
	/* One that is ending has nothing to be told. */
	return READ_ONCE(client->told) >= changes || !READ_ONCE(client->segment) ? 0 : -ENOMEM;
}

/* Ask what is bad in a namespace now, and let its regions hear. Under hostmem_nd_lock. */
static int hostmem_space_refresh(struct hostmem_nd_space *space)
{
	struct hostmem_client *client;
	int rc = hostmem_space_update(space);

	list_for_each_entry(client, &space->clients, node)
		hostmem_client_queue(client);
	return rc;
}

/**
 * hostmem_nd_inspect - find out what of a region is bad
 * @client: joined, and kept by the caller
 *
 * When it has returned 0, the region does not reach what libnvdimm knows to be bad. It waits for
 * no other region.
 *
 * Context: sleeps, under no lock that a fault handler of the region's file takes.
 * Return: 0; -ENOMEM; -EINTR: killed.
 */
int hostmem_nd_inspect(struct hostmem_client *client)
{
	u64 changes = 0;
	int rc = 0;

	mutex_lock(&hostmem_nd_lock);
	if (client->segment) {
		rc = hostmem_space_refresh(client->space);
		changes = client->space->changes;
	}
	mutex_unlock(&hostmem_nd_lock);
	return rc ?: hostmem_client_wait(client, changes);
}

/* The region of libnvdimm, with a reference, whose disks have to look again, or NULL. */
static struct device *hostmem_nd_revalidate(void)
{
	struct hostmem_nd_space *space;
	struct device *region = NULL;

	mutex_lock(&hostmem_nd_lock);
	list_for_each_entry(space, &hostmem_nd_spaces, node) {
		if (!space->revalidate)
			continue;
		space->revalidate = false;
		region = get_device(space->dev->parent);
		break;
	}
	mutex_unlock(&hostmem_nd_lock);
	return region;
}

static void hostmem_nd_watch(struct work_struct *work)
{
	struct hostmem_nd_space *space;
	struct device *region;

	mutex_lock(&hostmem_nd_lock);
	/* What fails now is tried again the next time. */
	list_for_each_entry(space, &hostmem_nd_spaces, node)
		hostmem_space_refresh(space);
	mutex_unlock(&hostmem_nd_lock);
	while ((region = hostmem_nd_revalidate())) {
		nvdimm_region_notify(to_nd_region(region), NVDIMM_REVALIDATE_POISON);
		put_device(region);
	}
	mutex_lock(&hostmem_nd_lock);
	if (!list_empty(&hostmem_nd_spaces))
		queue_delayed_work(system_long_wq, &hostmem_nd_work, HOSTMEM_ND_PERIOD);
	mutex_unlock(&hostmem_nd_lock);
}

static int hostmem_space_learn(struct hostmem_nd_space *space, u64 start, u64 end)
{
	const struct hostmem_pmem *pmem = &space->pmem;

	start = max(start, pmem->spa);
	end = min(end, pmem->spa + pmem->size);
	if (start >= end)
		return 0;
	mod_delayed_work(system_long_wq, &hostmem_nd_work, 0);
	/* Who was told before us may have told libnvdimm. */
	if (!hostmem_space_update(space) &&
	    hostmem_poison_covers(pmem->poison, start - pmem->spa, end - start))
		return 0;
	return hostmem_space_add(space, start, end);
}

/**
 * hostmem_nd_learn - hear of memory that is bad
 * @spa: of the first byte
 * @length: bytes
 *
 * The regions are told soon, or by hostmem_nd_inspect().
 *
 * Context: sleeps.
 * Return: 0; -ENOMEM: libnvdimm is told later; until then nothing can be plugged on the namespace.
 */
int hostmem_nd_learn(u64 spa, u64 length)
{
	struct hostmem_nd_space *space;
	int rc = 0, failed;

	mutex_lock(&hostmem_nd_lock);
	list_for_each_entry(space, &hostmem_nd_spaces, node) {
		failed = hostmem_space_learn(space, spa, spa + length);
		rc = rc ?: failed;
	}
	mutex_unlock(&hostmem_nd_lock);
	return rc;
}

static int hostmem_space_init(struct hostmem_nd_space *space, const struct bus_type *bus)
{
	struct hostmem_pmem *pmem = &space->pmem;
	int rc;

	INIT_LIST_HEAD(&space->leases);
	INIT_LIST_HEAD(&space->clients);
	rc = hostmem_namespace_describe(bus, space->dev, pmem);
	if (!rc && pmem->reserve_layout) {
		space->settled = hostmem_ledger_settled(pmem, space->dev->parent);
		rc = hostmem_ledger_load(pmem, &space->recorded, &space->ledger);
	}
	if (!rc)
		rc = hostmem_pmem_add(pmem);
	return rc;
}

/**
 * hostmem_nd_add - a namespace has been enabled
 * @bus: libnvdimm's
 * @dev: the device whose driver enables it; may be known already
 *
 * Context: sleeps; under device_lock().
 */
void hostmem_nd_add(const struct bus_type *bus, struct device *dev)
{
	struct hostmem_nd_space *space;
	int rc;

	mutex_lock(&hostmem_nd_lock);
	if (hostmem_nd_closed || hostmem_nd_find(dev))
		goto out_unlock;
	space = kzalloc(sizeof(*space), GFP_KERNEL);
	if (!space)
		goto out_unlock;
	space->dev = dev;
	rc = hostmem_space_init(space, bus);
	if (rc == -EEXIST)
		dev_warn(dev, "ignored: it overlaps a namespace that is known\n");
	else if (rc)
		dev_warn(dev, "ignored: error %d\n", rc);
	if (rc) {
		kvfree(space->ledger);
		kfree(space);
		goto out_unlock;
	}
	list_add_tail(&space->node, &hostmem_nd_spaces);
	/* What is left to do or has failed is the work's. */
	if (hostmem_space_update(space) || space->revalidate)
		mod_delayed_work(system_long_wq, &hostmem_nd_work, 0);
	else
		queue_delayed_work(system_long_wq, &hostmem_nd_work, HOSTMEM_ND_PERIOD);
out_unlock:
	mutex_unlock(&hostmem_nd_lock);
}

/* End a region, unless it ends by itself. Under hostmem_nd_lock, which it lets go of. */
static void hostmem_nd_end(struct hostmem_client *client)
{
	struct hostmem_segment *segment = client->segment;
	bool kept = segment && hostmem_segment_get(segment);

	mutex_unlock(&hostmem_nd_lock);
	if (kept) {
		hostmem_segment_lost(segment);
		hostmem_segment_put(segment);
	}
	mutex_lock(&hostmem_nd_lock);
}

/* Why the namespace cannot go yet: for the page at @start; 0: it is not a page. */
static void hostmem_nd_wait_for(const struct hostmem_nd_space *space, u64 start)
{
	if (start)
		dev_warn(space->dev, "%s cannot go yet: the page at %#llx is pinned\n",
			 space->pmem.name, start);
	else
		dev_warn(space->dev, "%s cannot go yet: a region on it is still ending\n",
			 space->pmem.name);
}

/* End the regions that use a namespace which nobody finds any more. */
static void hostmem_nd_lose(struct hostmem_nd_space *space)
{
	long patience = HOSTMEM_ND_PATIENCE;
	struct hostmem_client *client;
	struct list_head *node;
	u64 start;

	mutex_lock(&hostmem_nd_lock);
	while ((client = list_first_entry_or_null(&space->clients, struct hostmem_client, node))) {
		node = &client->node;
		hostmem_nd_end(client);
		if (space->clients.next != node)
			continue;
		/* It leaves at its end, which may have begun elsewhere, or has still to come. */
		start = client->segment ? 0 : client->pages.start;
		mutex_unlock(&hostmem_nd_lock);
		if (!wait_event_timeout(hostmem_nd_wait, READ_ONCE(space->clients.next) != node,
					patience)) {
			hostmem_nd_wait_for(space, start);
			patience = min(2 * patience, HOSTMEM_ND_PATIENCE_MAX);
		}
		mutex_lock(&hostmem_nd_lock);
	}
	mutex_unlock(&hostmem_nd_lock);
}

/*
 * The driver takes away the struct pages of its data, and waits for nobody who has one. Regions of
 * a device have had theirs there.
 */
static void hostmem_nd_drain(struct hostmem_nd_space *space)
{
	long patience = HOSTMEM_ND_PATIENCE;
	unsigned long start = jiffies;

	while (!hostmem_pages_idle(&space->used)) {
		if (time_after(jiffies, start + patience)) {
			hostmem_nd_wait_for(space, space->used.start);
			patience = min(2 * patience, HOSTMEM_ND_PATIENCE_MAX);
			start = jiffies;
		}
		schedule_timeout_uninterruptible(HZ / 20);
	}
}

/* Whoever has a lease lets go of what it has pinned, too. */
static void hostmem_nd_revoke(struct hostmem_nd_space *space)
{
	struct hostmem_lease *lease, *next;

	mutex_lock(&hostmem_nd_lock);
	list_for_each_entry_safe(lease, next, &space->leases, node)
		hostmem_lease_revoke(lease);
	mutex_unlock(&hostmem_nd_lock);
}

/* Forget a namespace that is out of the list, and that nobody uses. */
static void hostmem_nd_drop(struct hostmem_nd_space *space)
{
	hostmem_pmem_remove(&space->pmem);
	kvfree(space->ledger);
	kfree(space);
}

/**
 * hostmem_nd_remove - a namespace is about to be disabled
 * @dev: the device whose driver enables it; need not be known
 *
 * When this has returned nobody reaches the namespace through us any more, and nobody has
 * a page of it pinned that a region had mapped: to go on without that would not be safe.
 *
 * Context: sleeps, for as long as a page is pinned; under device_lock().
 */
void hostmem_nd_remove(struct device *dev)
{
	struct hostmem_nd_space *space;

	mutex_lock(&hostmem_nd_lock);
	space = hostmem_nd_find(dev);
	if (space)
		list_del(&space->node);
	mutex_unlock(&hostmem_nd_lock);
	if (!space)
		return;
	hostmem_nd_revoke(space);
	hostmem_nd_lose(space);
	hostmem_nd_drain(space);
	hostmem_nd_drop(space);
}

/**
 * hostmem_nd_begin - prepare for namespaces
 *
 * Return: 0 or -ENOMEM.
 */
int hostmem_nd_begin(void)
{
	/* One may wait for long: until a file system thaws. */
	hostmem_nd_wq = alloc_workqueue("hostmem_nd", WQ_UNBOUND, WQ_UNBOUND_MAX_ACTIVE);
	return hostmem_nd_wq ? 0 : -ENOMEM;
}

/* Take one off the list. */
static struct hostmem_nd_space *hostmem_nd_pop(void)
{
	struct hostmem_nd_space *space;

	mutex_lock(&hostmem_nd_lock);
	hostmem_nd_closed = true;
	space = list_first_entry_or_null(&hostmem_nd_spaces, struct hostmem_nd_space, node);
	if (space)
		list_del(&space->node);
	mutex_unlock(&hostmem_nd_lock);
	return space;
}

/**
 * hostmem_nd_clear - forget all namespaces, for good
 *
 * As long as one is known its device must not go without our being told: while the work looks at
 * it, that is. So this comes before the notifier's end.
 *
 * Context: sleeps; when nobody uses one.
 */
void hostmem_nd_clear(void)
{
	struct hostmem_nd_space *space;

	while ((space = hostmem_nd_pop()))
		hostmem_nd_drop(space);
	cancel_delayed_work_sync(&hostmem_nd_work);
	/* The work that has let go of the last region may still be on its way back. */
	destroy_workqueue(hostmem_nd_wq);
}

/* Pages of a file are its file system's, which waits for who has one before others get it. */
static void hostmem_space_use(struct hostmem_nd_space *space, const struct hostmem_client *client)
{
	u64 start = space->pmem.spa + space->pmem.data_offset;

	if (client->exclusive || space->pmem.mode != HOSTMEM_PMEM_DEVDAX)
		return;
	space->used.start = start;
	space->used.end = max(space->used.end, start + client->size);
}

/**
 * hostmem_nd_join - let a region use a namespace
 * @client: filled but for the node
 * @pmem_id: number of the namespace
 *
 * Context: sleeps.
 * Return: 0: the region ends when the namespace does; -ENODEV: there is none, or it goes;
 * -EBUSY: it has an exclusive client; -EROFS: it is not armed; or what @client's join() returns.
 */
int hostmem_nd_join(struct hostmem_client *client, u64 pmem_id)
{
	struct hostmem_nd_space *space, *found = NULL;
	struct hostmem_client *other;
	int rc = 0;

	mutex_lock(&hostmem_nd_lock);
	list_for_each_entry(space, &hostmem_nd_spaces, node) {
		if (space->pmem.id == pmem_id)
			found = space;
	}
	if (!found) {
		rc = -ENODEV;
		goto out_unlock;
	}
	list_for_each_entry(other, &found->clients, node) {
		if (other->exclusive && client->exclusive)
			rc = -EBUSY;
	}
	if (!rc)
		rc = hostmem_namespace_armed(found->dev, &found->pmem);
	if (!rc && found->pmem.read_only)
		rc = -EROFS;
	if (!rc && client->join)
		rc = client->join(client, &found->pmem, found->dev);
	if (!rc) {
		client->segment->pmem_id = pmem_id;
		client->segment->sync = found->pmem.sync;
		client->space = found;
		INIT_WORK(&client->work, hostmem_client_tell);
		hostmem_space_use(found, client);
		list_add_tail(&client->node, &found->clients);
	}
out_unlock:
	mutex_unlock(&hostmem_nd_lock);
	/* Where this fails plug asks again. */
	if (!rc)
		hostmem_nd_inspect(client);
	return rc;
}

/**
 * hostmem_nd_retire - the segment of a client ends
 * @client: joined; stays so until it leaves, but nobody looks for its segment any more
 *
 * Context: sleeps.
 */
void hostmem_nd_retire(struct hostmem_client *client)
{
	mutex_lock(&hostmem_nd_lock);
	WRITE_ONCE(client->segment, NULL);
	mutex_unlock(&hostmem_nd_lock);
}

/**
 * hostmem_nd_leave - undo hostmem_nd_join()
 * @client: joined
 *
 * Context: sleeps.
 */
void hostmem_nd_leave(struct hostmem_client *client)
{
	mutex_lock(&hostmem_nd_lock);
	WRITE_ONCE(client->segment, NULL);
	list_del_init(&client->node);
	mutex_unlock(&hostmem_nd_lock);
	wake_up_all(&hostmem_nd_wait);
}

/**
 * hostmem_nd_attach - find out on which namespace a lease's file is
 * @lease: has a file; from now on it is revoked when the namespace goes
 * @cmd: out: the reason, if the file is refused
 *
 * Context: sleeps.
 * Return: 0; -ENXIO or -EMEDIUMTYPE: refused; -EIO.
 */
int hostmem_nd_attach(struct hostmem_lease *lease, struct hostmem_extents *cmd)
{
	struct hostmem_nd_space *space;
	int rc;

	mutex_lock(&hostmem_nd_lock);
	list_for_each_entry(space, &hostmem_nd_spaces, node) {
		if (!hostmem_device_holds(space->dev, lease->file))
			continue;
		rc = hostmem_device_place(&space->pmem, lease, cmd);
		if (!rc) {
			lease->pmem_id = space->pmem.id;
			list_add_tail(&lease->node, &space->leases);
		}
		goto out_unlock;
	}
	rc = hostmem_device_refuse(cmd, HOSTMEM_EXTENTS_NOT_PMEM, 0);
out_unlock:
	mutex_unlock(&hostmem_nd_lock);
	return rc;
}

/**
 * hostmem_nd_detach - undo hostmem_nd_attach()
 * @lease: attached or not, revoked or not
 *
 * Context: sleeps.
 */
void hostmem_nd_detach(struct hostmem_lease *lease)
{
	mutex_lock(&hostmem_nd_lock);
	list_del_init(&lease->node);
	mutex_unlock(&hostmem_nd_lock);
}
