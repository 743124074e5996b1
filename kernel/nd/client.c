// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: the regions that use a namespace. They join it, leave it, and are ended when it goes.
 */
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "hostmem_nd.h"

/* After that time whoever waits for somebody says for what. */
#define HOSTMEM_CLIENT_PATIENCE (5L * HZ)
#define HOSTMEM_CLIENT_PATIENCE_MAX (600L * HZ)

/* For clients to leave. */
static DECLARE_WAIT_QUEUE_HEAD(hostmem_client_left);

/* Pages of a file are its file system's, which waits for who has one before others get it. */
static void hostmem_client_use(struct hostmem_namespace *ns, const struct hostmem_client *client)
{
	u64 start = ns->pmem.spa + ns->pmem.data_offset;

	if (client->exclusive || ns->pmem.mode != HOSTMEM_PMEM_DEVDAX)
		return;
	ns->used.start = start;
	ns->used.end = max(ns->used.end, start + client->size);
}

/* Whether a region uses struct pages that the driver of /dev/dax has made. */
static bool hostmem_client_borrows(const struct hostmem_namespace *ns,
				   const struct hostmem_client *client)
{
	if (ns->pmem.mode != HOSTMEM_PMEM_DEVDAX)
		return false;
	return !client->exclusive || ns->pmem.reserve_layout == HOSTMEM_RESERVE_HEAD;
}

/* 0 if there is no exclusive client; -EAGAIN: one that has ended; -EBUSY. */
static int hostmem_client_alone(const struct hostmem_namespace *ns)
{
	const struct hostmem_client *other;

	list_for_each_entry(other, &ns->clients, node) {
		if (other->exclusive)
			return other->segment ? -EBUSY : -EAGAIN;
	}
	return 0;
}

static int hostmem_client_try(struct hostmem_client *client, u64 pmem_id)
{
	struct device *dax = hostmem_dax_hold(pmem_id);
	struct hostmem_namespace *ns;
	int rc;

	mutex_lock(&hostmem_namespaces_lock);
	ns = hostmem_namespace_numbered(pmem_id);
	rc = ns ? 0 : -ENODEV;
	if (!rc && hostmem_media_is_held(ns))
		rc = -EBUSY;
	if (!rc && hostmem_client_borrows(ns, client))
		rc = PTR_ERR_OR_ZERO(dax);
	if (!rc && client->exclusive)
		rc = hostmem_client_alone(ns);
	if (!rc)
		rc = hostmem_namespace_armed(ns->dev, &ns->pmem);
	if (!rc && ns->pmem.read_only)
		rc = -EROFS;
	if (!rc && client->join)
		rc = client->join(client, &ns->pmem, ns->dev);
	if (!rc) {
		client->segment->pmem_id = pmem_id;
		client->segment->sync = ns->pmem.sync;
		client->ns = ns;
		INIT_WORK(&client->work, hostmem_inspect_tell);
		hostmem_client_use(ns, client);
		list_add_tail(&client->node, &ns->clients);
	}
	mutex_unlock(&hostmem_namespaces_lock);
	hostmem_dax_release(dax);
	return rc;
}

/**
 * hostmem_client_join - let a region use a namespace
 * @client: filled but for the node
 * @pmem_id: number of the namespace
 *
 * Who begins anew right after its end does not have to try again: an exclusive client that has
 * ended, and waits for pages that somebody has pinned, is waited for, as long as it waits itself.
 *
 * Context: sleeps.
 * Return: 0: the region ends when the namespace does; -ENODEV: there is none, it goes, or its
 * struct pages do; -EBUSY: it has an exclusive client, or somebody has it alone; -EROFS: it is not
 * armed; or what @client's join() returns.
 */
int hostmem_client_join(struct hostmem_client *client, u64 pmem_id)
{
	unsigned long end = jiffies + HOSTMEM_DRAIN_MOMENT;
	int rc;

	while ((rc = hostmem_client_try(client, pmem_id)) == -EAGAIN) {
		if (time_after(jiffies, end) || signal_pending(current))
			return -EBUSY;
		schedule_timeout_interruptible(HOSTMEM_DRAIN_PERIOD);
	}
	/* Where this fails plug asks again. */
	if (!rc)
		hostmem_inspect(client);
	return rc;
}

/**
 * hostmem_client_inspect - the backings' inspect()
 * @segment: whose private is a client that has joined
 *
 * Context: sleeps, as hostmem_inspect().
 * Return: 0 or what that returns.
 */
int hostmem_client_inspect(struct hostmem_segment *segment)
{
	return hostmem_inspect(hostmem_client_of(segment));
}

/**
 * hostmem_client_read - the backings' read()
 * @segment: whose private is a client that has joined, of memory that has no file system in front
 * @pos: first byte, in the region
 * @to: where to
 *
 * Return: bytes; -EFAULT.
 */
ssize_t hostmem_client_read(struct hostmem_segment *segment, loff_t pos, struct iov_iter *to)
{
	size_t length = iov_iter_count(to);
	u64 spa = hostmem_layout_find(hostmem_client_of(segment)->layout, pos, &length);

	/* A machine check ends it early; what is known to be bad is not asked for. */
	return _copy_mc_to_iter(__va(spa), length, to) ?: -EFAULT;
}

/**
 * hostmem_client_write - the backings' write()
 * @segment: as for hostmem_client_read()
 * @pos: first byte, in the region
 * @from: where from
 *
 * Past the processor's caches; fsync() does the rest.
 *
 * Return: bytes; -EFAULT.
 */
ssize_t hostmem_client_write(struct hostmem_segment *segment, loff_t pos, struct iov_iter *from)
{
	size_t length = iov_iter_count(from);
	u64 spa = hostmem_layout_find(hostmem_client_of(segment)->layout, pos, &length);

	return _copy_from_iter_flushcache(__va(spa), length, from) ?: -EFAULT;
}

/**
 * hostmem_client_pinned - the backings' pinned()
 * @segment: whose private is a client that has joined
 * @start: first byte, in the region
 * @length: bytes
 *
 * Context: sleeps.
 * Return: bytes, as of hostmem_layout_pinned().
 */
u64 hostmem_client_pinned(struct hostmem_segment *segment, loff_t start, loff_t length)
{
	return hostmem_layout_pinned(hostmem_client_of(segment)->layout, start, length);
}

/**
 * hostmem_client_retire - the segment of a client ends
 * @client: joined; stays so until it leaves, but nobody looks for its segment any more
 *
 * Context: sleeps.
 */
void hostmem_client_retire(struct hostmem_client *client)
{
	mutex_lock(&hostmem_namespaces_lock);
	WRITE_ONCE(client->segment, NULL);
	mutex_unlock(&hostmem_namespaces_lock);
}

/**
 * hostmem_client_leave - undo hostmem_client_join()
 * @client: joined
 *
 * Context: sleeps.
 */
void hostmem_client_leave(struct hostmem_client *client)
{
	mutex_lock(&hostmem_namespaces_lock);
	WRITE_ONCE(client->segment, NULL);
	list_del_init(&client->node);
	WRITE_ONCE(client->ns->left, client->ns->left + 1);
	mutex_unlock(&hostmem_namespaces_lock);
	wake_up_all(&hostmem_client_left);
}

/* End a region, unless it ends by itself. Under hostmem_namespaces_lock, which it lets go of. */
static void hostmem_client_end(struct hostmem_client *client)
{
	struct hostmem_segment *segment = client->segment;
	bool kept = segment && hostmem_segment_get(segment);

	mutex_unlock(&hostmem_namespaces_lock);
	if (kept) {
		hostmem_segment_lost(segment);
		hostmem_segment_put(segment);
	}
	mutex_lock(&hostmem_namespaces_lock);
}

/* Why the namespace cannot go yet: for the page at @start; 0: it is not a page. */
static void hostmem_client_say(const struct hostmem_namespace *ns, u64 start)
{
	if (start)
		dev_warn(ns->dev, "%s cannot go yet: the page at %#llx is pinned\n",
			 ns->pmem.name, start);
	else
		dev_warn(ns->dev, "%s cannot go yet: a region on it is still ending\n",
			 ns->pmem.name);
}

/* The next one that has to go, or NULL. */
static struct hostmem_client *hostmem_clients_next(struct hostmem_namespace *ns, bool all)
{
	struct hostmem_client *client;

	list_for_each_entry(client, &ns->clients, node) {
		if (all || hostmem_client_borrows(ns, client))
			return client;
	}
	return NULL;
}

static void hostmem_clients_lose(struct hostmem_namespace *ns, bool all)
{
	long patience = HOSTMEM_CLIENT_PATIENCE;
	struct hostmem_client *client;
	unsigned int left;
	u64 start;

	mutex_lock(&hostmem_namespaces_lock);
	while ((client = hostmem_clients_next(ns, all))) {
		left = ns->left;
		hostmem_client_end(client);
		if (ns->left != left)
			continue;
		/* It leaves at its end, which may have begun elsewhere, or has still to come. */
		start = client->segment ? 0 : client->pages.start;
		mutex_unlock(&hostmem_namespaces_lock);
		if (!wait_event_timeout(hostmem_client_left, READ_ONCE(ns->left) != left,
					patience)) {
			hostmem_client_say(ns, start);
			patience = min(2 * patience, HOSTMEM_CLIENT_PATIENCE_MAX);
		}
		mutex_lock(&hostmem_namespaces_lock);
	}
	mutex_unlock(&hostmem_namespaces_lock);
}

/*
 * The driver takes away the struct pages of its data, and waits for nobody who has one. Regions of
 * a device have had theirs there.
 */
static void hostmem_clients_drain(struct hostmem_namespace *ns)
{
	long patience = HOSTMEM_CLIENT_PATIENCE;
	unsigned long start = jiffies;

	while (!hostmem_pages_idle(&ns->used)) {
		if (time_after(jiffies, start + patience)) {
			hostmem_client_say(ns, ns->used.start);
			patience = min(2 * patience, HOSTMEM_CLIENT_PATIENCE_MAX);
			start = jiffies;
		}
		schedule_timeout_uninterruptible(HOSTMEM_DRAIN_PERIOD);
	}
}

/**
 * hostmem_clients_end - end the regions that use a namespace
 * @ns: that no other one can join
 * @all: also those whose struct pages do not come from the driver of /dev/dax
 *
 * When it has returned nobody reaches the namespace through such a region, and nobody has a page
 * of it pinned that such a region had mapped: to go on without that would not be safe.
 *
 * Context: sleeps, for as long as a page is pinned.
 */
void hostmem_clients_end(struct hostmem_namespace *ns, bool all)
{
	hostmem_clients_lose(ns, all);
	hostmem_clients_drain(ns);
}
