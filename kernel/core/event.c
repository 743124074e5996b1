// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what the listeners of the netlink group are told. Everything else may call this.
 */
#include <linux/slab.h>
#include <net/genetlink.h>

#include "hostmem_nl.h"
#include "hostmem_pmem.h"
#include "hostmem_private.h"

static const struct genl_family *hostmem_event_family __ro_after_init;

/**
 * hostmem_put_u64 - add a number to a message
 * @skb: the message
 * @attr: HOSTMEM_A_*
 * @value: the number
 *
 * Return: 0, or -EMSGSIZE.
 */
int hostmem_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	/* Unaligned, as netlink attributes are; readers copy. */
	return nla_put(skb, attr, sizeof(value), &value);
}

/**
 * hostmem_put_name - add the name of a region, if it has one, to a message
 * @skb: the message
 * @attr: HOSTMEM_A_*
 * @region: the region
 * @last: as for hostmem_name()
 *
 * Context: sleeps.
 * Return: 0, -EMSGSIZE or -ENOMEM.
 */
int hostmem_put_name(struct sk_buff *skb, int attr, struct hostmem_region *region, bool last)
{
	char *buf = kmalloc(HOSTMEM_NAME_SIZE, GFP_KERNEL);
	const char *name;
	int rc = 0;

	if (!buf)
		return -ENOMEM;
	name = hostmem_name(region, buf, last);
	if (name)
		rc = nla_put_string(skb, attr, name);
	kfree(buf);
	return rc;
}

/**
 * hostmem_put_pmem_name - add to a message what anybody may know of a namespace: no address
 * @skb: the message
 * @pmem: the namespace
 *
 * Return: 0, or -EMSGSIZE.
 */
int hostmem_put_pmem_name(struct sk_buff *skb, const struct hostmem_pmem *pmem)
{
	if (hostmem_put_u64(skb, HOSTMEM_A_PMEM_ID, pmem->id) ||
	    nla_put_string(skb, HOSTMEM_A_PMEM_NAME, pmem->name) ||
	    nla_put_string(skb, HOSTMEM_A_PMEM_DEV, pmem->dev) ||
	    nla_put_u32(skb, HOSTMEM_A_PMEM_MODE, pmem->mode))
		return -EMSGSIZE;
	return 0;
}

static int hostmem_put_event(struct sk_buff *skb, struct hostmem_region *region, u64 view_id,
			     u64 start, u64 length)
{
	int rc = hostmem_put_name(skb, HOSTMEM_A_EVENT_REGION_NAME, region, true);

	if (rc)
		return rc;
	if (view_id && hostmem_put_u64(skb, HOSTMEM_A_EVENT_VIEW_ID, view_id))
		return -EMSGSIZE;
	if (hostmem_put_u64(skb, HOSTMEM_A_EVENT_REGION_ID, region->id) ||
	    hostmem_put_u64(skb, HOSTMEM_A_EVENT_GENERATION,
			    atomic64_read(&region->generation)) ||
	    nla_put_u32(skb, HOSTMEM_A_EVENT_PID, task_tgid_nr(current)) ||
	    hostmem_put_u64(skb, HOSTMEM_A_EVENT_START, start) ||
	    hostmem_put_u64(skb, HOSTMEM_A_EVENT_LENGTH, length))
		return -EMSGSIZE;
	return 0;
}

/**
 * hostmem_event_heard - whether anybody listens
 *
 * Context: does not sleep.
 * Return: false: an event now would be for nobody.
 */
bool hostmem_event_heard(void)
{
	return genl_has_listeners(hostmem_event_family, &init_net, HOSTMEM_NLGRP_EVENTS);
}

/* An empty message if anybody listens, with the event's header in @msg; or NULL. */
static struct sk_buff *hostmem_event_begin(u8 what, void **msg)
{
	struct sk_buff *skb;

	if (!hostmem_event_heard())
		return NULL;
	skb = genlmsg_new(HOSTMEM_NL_MSG_SIZE, GFP_KERNEL);
	if (!skb)
		return NULL;
	/* There is room for it. */
	*msg = genlmsg_put(skb, 0, 0, hostmem_event_family, 0, what);
	return skb;
}

/* Send it unless it could not be filled. */
static void hostmem_event_end(struct sk_buff *skb, void *msg, int rc)
{
	if (rc) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, msg);
	genlmsg_multicast(hostmem_event_family, skb, 0, HOSTMEM_NLGRP_EVENTS, GFP_KERNEL);
}

/**
 * hostmem_event - tell the listeners of the group "events"
 * @region: that changed
 * @what: HOSTMEM_NL_CREATED to HOSTMEM_NL_REVOKED, HOSTMEM_NL_POISONED, HOSTMEM_NL_CLEARED or
 *	HOSTMEM_NL_RENAMED
 * @view_id: of the view that it is about, or 0
 * @start: first byte that changed
 * @length: bytes that changed
 *
 * An event that cannot be allocated is lost, as netlink's are; the generation
 * tells a reader so.
 *
 * Context: sleeps.
 */
void hostmem_event(struct hostmem_region *region, u8 what, u64 view_id, u64 start,
		   u64 length)
{
	struct sk_buff *skb;
	void *msg;

	skb = hostmem_event_begin(what, &msg);
	if (skb)
		hostmem_event_end(skb, msg,
				  hostmem_put_event(skb, region, view_id, start, length));
}

/**
 * hostmem_pmem_event - tell the listeners of the group "events" of a namespace
 * @pmem: that came, goes or has changed
 * @what: HOSTMEM_NL_PMEM_ADDED, HOSTMEM_NL_PMEM_REMOVED or HOSTMEM_NL_PMEM_BADBLOCKS
 *
 * Context: sleeps.
 */
void hostmem_pmem_event(const struct hostmem_pmem *pmem, u8 what)
{
	struct sk_buff *skb;
	void *msg;

	skb = hostmem_event_begin(what, &msg);
	if (skb)
		hostmem_event_end(skb, msg, hostmem_put_pmem_name(skb, pmem));
}

/**
 * hostmem_event_init - say to which family the events belong
 * @family: registered; stays so as long as there can be events
 */
void __init hostmem_event_init(const struct genl_family *family)
{
	hostmem_event_family = family;
}
