// SPDX-License-Identifier: GPL-2.0
/*
 * Pins of pages: who has pinned a page of a region (O_DIRECT, vmsplice(), VFIO, io_uring) keeps it
 * when the region ends, and reads and writes it until it is let go.
 *
 * A pin is a reference on a page and on nothing else. The struct pages of a range can be removed,
 * and a reserve be given to its next holder, only when the pages themselves are idle. Nobody
 * can pin another one when all mappings are gone and none can be made, so that one pass over
 * the pages is enough: what has been idle once stays so.
 *
 * Who ends a region waits a moment for what is pinned for a moment. What is pinned for longer is
 * left to a work item, and the reserve is nobody else's until then. Who takes the device away
 * has to wait for as long as it takes: there is nothing else that would be safe.
 */
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/memremap.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "hostmem_nd.h"

/* Clients that have been left to the work item. */
static DEFINE_MUTEX(hostmem_drain_lock);
static LIST_HEAD(hostmem_drain_list);

static void hostmem_drain_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(hostmem_drain_later, hostmem_drain_work);

/* What a page belongs to; NULL: it is not a device's any more, and maybe something else's. */
static struct folio *hostmem_pages_folio(u64 spa, struct dev_pagemap **pgmap)
{
	*pgmap = get_dev_pagemap(PHYS_PFN(spa), *pgmap);
	return *pgmap ? page_folio(pfn_to_page(PHYS_PFN(spa))) : NULL;
}

/* A device's has one reference from the beginning, and none for being mapped. */
static bool hostmem_pages_used(struct folio *folio)
{
	return folio_ref_count(folio) > 1;
}

/**
 * hostmem_pages_idle - whether nobody has a page any more
 * @pages: out of all page tables for good; out: the rest of them, from the
 *	first that somebody has on
 *
 * Context: sleeps.
 * Return: true: nobody has any.
 */
bool hostmem_pages_idle(struct hostmem_pages *pages)
{
	struct dev_pagemap *pgmap = NULL;
	struct folio *folio;

	while (pages->start < pages->end) {
		folio = hostmem_pages_folio(pages->start, &pgmap);
		if (!folio || hostmem_pages_used(folio))
			break;
		pages->start = PFN_PHYS(folio_pfn(folio) + folio_nr_pages(folio));
		cond_resched();
	}
	if (!pgmap)
		pages->start = pages->end;
	put_dev_pagemap(pgmap);
	return pages->start >= pages->end;
}

/**
 * hostmem_pages_pinned - how much somebody has of some pages
 * @pages: out of the page tables of those who are asked about
 *
 * Context: sleeps.
 * Return: bytes; large pages count as a whole, but for what is outside of @pages.
 */
u64 hostmem_pages_pinned(struct hostmem_pages pages)
{
	struct dev_pagemap *pgmap = NULL;
	struct folio *folio;
	u64 next, bytes = 0;

	for (; pages.start < pages.end; pages.start = next) {
		folio = hostmem_pages_folio(pages.start, &pgmap);
		if (!folio)
			break;
		next = min(PFN_PHYS(folio_pfn(folio) + folio_nr_pages(folio)), pages.end);
		if (hostmem_pages_used(folio))
			bytes += next - pages.start;
		cond_resched();
	}
	put_dev_pagemap(pgmap);
	return bytes;
}

/* Until all is idle; false: a signal came, or it takes too long. */
static bool hostmem_drain_moment(struct hostmem_pages *pages)
{
	unsigned long end = jiffies + HOSTMEM_DRAIN_MOMENT;
	bool idle;

	while (!(idle = hostmem_pages_idle(pages)) && time_before(jiffies, end) &&
	       !signal_pending(current))
		schedule_timeout_interruptible(HOSTMEM_DRAIN_PERIOD);
	return idle;
}

/* Off the list, or NULL: there is none whose pages are idle. */
static struct hostmem_client *hostmem_drain_next(void)
{
	struct hostmem_client *client, *found = NULL;

	mutex_lock(&hostmem_drain_lock);
	list_for_each_entry(client, &hostmem_drain_list, drain) {
		if (!hostmem_pages_idle(&client->pages))
			continue;
		found = client;
		list_del(&found->drain);
		break;
	}
	if (!list_empty(&hostmem_drain_list))
		queue_delayed_work(system_long_wq, &hostmem_drain_later, HOSTMEM_DRAIN_PERIOD);
	mutex_unlock(&hostmem_drain_lock);
	return found;
}

static void hostmem_drain_work(struct work_struct *work)
{
	struct hostmem_client *client;

	while ((client = hostmem_drain_next())) {
		client->drained(client);
		/* hostmem_drain_exit() waits for us, when nothing keeps the module any more. */
		module_put(THIS_MODULE);
	}
}

/**
 * hostmem_drain - wait until nobody has a page of a region that has ended
 * @client: whose pages are out of all page tables for good, and whose drained() is called when
 *	they are idle: by this, if they are soon, or afterwards
 *
 * Context: sleeps, for no longer than a moment, nor when a signal is pending; something keeps the
 * module loaded.
 */
void hostmem_drain(struct hostmem_client *client)
{
	if (hostmem_drain_moment(&client->pages)) {
		client->drained(client);
		return;
	}
	__module_get(THIS_MODULE);
	mutex_lock(&hostmem_drain_lock);
	list_add_tail(&client->drain, &hostmem_drain_list);
	queue_delayed_work(system_long_wq, &hostmem_drain_later, HOSTMEM_DRAIN_PERIOD);
	mutex_unlock(&hostmem_drain_lock);
}

/**
 * hostmem_drain_exit - the module is about to go
 *
 * Nothing is queued afterwards: who is on the list keeps the module, so that it is empty, and the
 * work queues itself for no other reason; and hostmem_drain() is called by the end of a segment,
 * which keeps the module until it is closed. What can be left is the work that has put the last of
 * these references and is on its way back, for which this waits.
 *
 * Context: sleeps; when no client is left.
 */
void hostmem_drain_exit(void)
{
	cancel_delayed_work_sync(&hostmem_drain_later);
}
