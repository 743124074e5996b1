// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family: what there is.
 */
#include <linux/uuid.h>
#include <net/genetlink.h>

#include "hostmem_mapping.h"
#include "hostmem_nl.h"
#include "hostmem_pmem.h"
#include "hostmem_private.h"

/* So many mappings at a time. */
#define HOSTMEM_MAPPINGS_PART 64

static const struct genl_multicast_group hostmem_mcgrps[] = {
	[HOSTMEM_NLGRP_EVENTS] = { .name = HOSTMEM_MCGRP_EVENTS },
};

static struct genl_family hostmem_family __ro_after_init = {
	.name = HOSTMEM_FAMILY_NAME,
	.version = HOSTMEM_FAMILY_VERSION,
	.module = THIS_MODULE,
	/* All others would wait while one of our requests does: they share a mutex. */
	.parallel_ops = true,
	.ops = hostmem_nl_ops,
	.n_ops = ARRAY_SIZE(hostmem_nl_ops),
	.resv_start_op = HOSTMEM_NL_CREATED,
	.mcgrps = hostmem_mcgrps,
	.n_mcgrps = ARRAY_SIZE(hostmem_mcgrps),
};

/* Where the memory is: the path of a file is not for everybody. */
static int hostmem_put_source(struct sk_buff *skb, const struct hostmem_region *region, bool admin)
{
	const struct hostmem_segment *segment = &region->segment;

	if (!segment->source)
		return 0;
	if ((admin || region->backing != HOSTMEM_BACKING_FILE) &&
	    nla_put_string(skb, HOSTMEM_A_REGION_SOURCE, segment->source))
		return -EMSGSIZE;
	return hostmem_put_u64(skb, HOSTMEM_A_REGION_PMEM_ID, segment->pmem_id);
}

static int hostmem_put_region(struct sk_buff *skb, struct hostmem_region *region, bool admin)
{
	u32 views, mappings;
	int rc;

	spin_lock(&region->view_lock);
	views = region->nr_views;
	mappings = region->nr_mappings;
	spin_unlock(&region->view_lock);

	rc = hostmem_put_name(skb, HOSTMEM_A_REGION_NAME, region, false);
	if (rc)
		return rc;
	if (hostmem_put_source(skb, region, admin) ||
	    hostmem_put_u64(skb, HOSTMEM_A_REGION_ID, region->id) ||
	    hostmem_put_u64(skb, HOSTMEM_A_REGION_SIZE, region->size) ||
	    hostmem_put_u64(skb, HOSTMEM_A_REGION_BLOCK_SIZE, hostmem_block_size(region)) ||
	    hostmem_put_u64(skb, HOSTMEM_A_REGION_SLOT_SIZE, region->slot_size) ||
	    hostmem_put_u64(skb, HOSTMEM_A_REGION_PLUGGED,
			    READ_ONCE(region->nr_plugged) << region->block_shift) ||
	    hostmem_put_u64(skb, HOSTMEM_A_REGION_GENERATION,
			    atomic64_read(&region->generation)) ||
	    nla_put_u32(skb, HOSTMEM_A_REGION_BACKING, region->backing) ||
	    nla_put_u32(skb, HOSTMEM_A_REGION_ALLOCATION, region->allocation) ||
	    nla_put_u32(skb, HOSTMEM_A_REGION_HUGE, region->huge) ||
	    nla_put_u32(skb, HOSTMEM_A_REGION_VIEWS, views) ||
	    nla_put_u32(skb, HOSTMEM_A_REGION_MAPPINGS, mappings))
		return -EMSGSIZE;
	return 0;
}

static int hostmem_put_view(struct sk_buff *skb, const struct hostmem_view *view)
{
	if (view->revoked && nla_put_flag(skb, HOSTMEM_A_VIEW_REVOKED))
		return -EMSGSIZE;
	if (view->parent && hostmem_put_u64(skb, HOSTMEM_A_VIEW_PARENT, view->parent->id))
		return -EMSGSIZE;
	if (hostmem_put_u64(skb, HOSTMEM_A_VIEW_ID, view->id) ||
	    hostmem_put_u64(skb, HOSTMEM_A_VIEW_REGION_ID, view->region->id) ||
	    hostmem_put_u64(skb, HOSTMEM_A_VIEW_START, view->start) ||
	    hostmem_put_u64(skb, HOSTMEM_A_VIEW_LENGTH, view->length) ||
	    nla_put_u32(skb, HOSTMEM_A_VIEW_PID, pid_vnr(view->pid)) ||
	    nla_put_u32(skb, HOSTMEM_A_VIEW_RIGHTS, view->rights) ||
	    nla_put_u32(skb, HOSTMEM_A_VIEW_MAPPINGS, view->nr_mappings))
		return -EMSGSIZE;
	return 0;
}

/* A message of a dump; cb->seq tells the reader if the list changed on the way. */
static void *hostmem_dump_begin(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	void *msg = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				&hostmem_family, NLM_F_MULTI, cmd);

	if (msg)
		genl_dump_check_consistent(cb, msg);
	return msg;
}

static int hostmem_dump_end(struct sk_buff *skb, void *msg, int rc)
{
	if (rc)
		genlmsg_cancel(skb, msg);
	else
		genlmsg_end(skb, msg);
	return rc;
}

static int hostmem_get_u64(struct nlattr *attr, u64 *value)
{
	if (!attr)
		return -EINVAL;
	*value = nla_get_u64(attr);
	return 0;
}

/* The region that a request names; under hostmem_regions_lock. */
static struct hostmem_region *hostmem_nl_region(struct nlattr **attrs)
{
	if (attrs[HOSTMEM_A_REGION_ID])
		return hostmem_region_find(nla_get_u64(attrs[HOSTMEM_A_REGION_ID]));
	if (attrs[HOSTMEM_A_REGION_NAME])
		return hostmem_region_find_name(nla_data(attrs[HOSTMEM_A_REGION_NAME]));
	return ERR_PTR(-EINVAL);
}

int hostmem_nl_region_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct hostmem_region *region;
	struct sk_buff *reply;
	int rc = -ENOENT;
	void *msg;

	reply = genlmsg_new(HOSTMEM_NL_MSG_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	msg = genlmsg_put_reply(reply, info, &hostmem_family, 0, HOSTMEM_NL_REGION_GET);
	mutex_lock(&hostmem_regions_lock);
	region = hostmem_nl_region(info->attrs);
	if (IS_ERR(region))
		rc = PTR_ERR(region);
	else if (region)
		rc = hostmem_put_region(reply, region, netlink_capable(skb, CAP_SYS_ADMIN));
	mutex_unlock(&hostmem_regions_lock);
	if (rc) {
		nlmsg_free(reply);
		return rc;
	}
	genlmsg_end(reply, msg);
	return genlmsg_reply(reply, info);
}

static int hostmem_dump_region(struct sk_buff *skb, struct netlink_callback *cb,
			       struct hostmem_region *region)
{
	bool admin = netlink_capable(cb->skb, CAP_SYS_ADMIN);
	void *msg = hostmem_dump_begin(skb, cb, HOSTMEM_NL_REGION_GET);

	return msg ? hostmem_dump_end(skb, msg, hostmem_put_region(skb, region, admin)) :
		     -EMSGSIZE;
}

int hostmem_nl_region_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	u64 *next = (u64 *)cb->ctx;
	struct hostmem_region *region;
	int rc = 0;

	mutex_lock(&hostmem_regions_lock);
	cb->seq = hostmem_regions_seq();
	while (!rc) {
		region = hostmem_region_next(next);
		if (!region)
			break;
		rc = hostmem_dump_region(skb, cb, region);
		/* A first packet is a page: too small for a long name. */
		if (rc == -EMSGSIZE && !skb->len &&
		    !pskb_expand_head(skb, 0, HOSTMEM_NL_MSG_SIZE, GFP_KERNEL))
			rc = hostmem_dump_region(skb, cb, region);
		if (!rc)
			++*next;
	}
	mutex_unlock(&hostmem_regions_lock);
	return rc == -EMSGSIZE && skb->len ? skb->len : rc;
}

/* Where a dump of views goes on: in which region, from which view. */
struct hostmem_view_ctx {
	u64 region;
	u64 view;
};

static int hostmem_dump_views(struct sk_buff *skb, struct netlink_callback *cb,
			      struct hostmem_region *region, u64 *next)
{
	struct hostmem_view *view;
	int rc = 0;
	void *msg;

	spin_lock(&region->view_lock);
	/* With the lock: what changes in this region from now on counts for the next message. */
	cb->seq = hostmem_regions_seq() + hostmem_views_seq();
	/* In the order of their numbers: who comes has a larger one than all that are there. */
	list_for_each_entry(view, &region->views, node) {
		if (view->id < *next)
			continue;
		msg = hostmem_dump_begin(skb, cb, HOSTMEM_NL_VIEW_GET);
		rc = msg ? hostmem_dump_end(skb, msg, hostmem_put_view(skb, view)) :
			   -EMSGSIZE;
		if (rc)
			break;
		*next = view->id + 1;
	}
	spin_unlock(&region->view_lock);
	return rc;
}

int hostmem_nl_view_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *only = genl_info_dump(cb)->attrs[HOSTMEM_A_VIEW_REGION_ID];
	struct hostmem_view_ctx *ctx = (struct hostmem_view_ctx *)cb->ctx;
	struct hostmem_region *region;
	u64 begun = ctx->region;
	int rc = 0;

	mutex_lock(&hostmem_regions_lock);
	cb->seq = hostmem_regions_seq() + hostmem_views_seq();
	while (!rc) {
		region = hostmem_region_next(&ctx->region);
		if (!region)
			break;
		/* The region in which the last message ended has been destroyed. */
		if (ctx->region != begun)
			ctx->view = 0;
		if (!only || nla_get_u64(only) == region->id)
			rc = hostmem_dump_views(skb, cb, region, &ctx->view);
		if (!rc) {
			begun = ++ctx->region;
			ctx->view = 0;
		}
	}
	mutex_unlock(&hostmem_regions_lock);
	return rc == -EMSGSIZE && skb->len ? skb->len : rc;
}

static int hostmem_put_view_by_id(struct sk_buff *skb, u64 id)
{
	struct hostmem_region *region;
	struct hostmem_view *view;
	int rc = -ENOENT;
	u64 next = 0;

	while (rc == -ENOENT && (region = hostmem_region_next(&next))) {
		spin_lock(&region->view_lock);
		list_for_each_entry(view, &region->views, node) {
			if (view->id != id)
				continue;
			rc = hostmem_put_view(skb, view);
			break;
		}
		spin_unlock(&region->view_lock);
		next++;
	}
	return rc;
}

int hostmem_nl_view_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	void *msg;
	u64 id;
	int rc;

	rc = hostmem_get_u64(info->attrs[HOSTMEM_A_VIEW_ID], &id);
	if (rc)
		return rc;
	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	msg = genlmsg_put_reply(reply, info, &hostmem_family, 0, HOSTMEM_NL_VIEW_GET);
	mutex_lock(&hostmem_regions_lock);
	rc = hostmem_put_view_by_id(reply, id);
	mutex_unlock(&hostmem_regions_lock);
	if (rc) {
		nlmsg_free(reply);
		return rc;
	}
	genlmsg_end(reply, msg);
	return genlmsg_reply(reply, info);
}

static int hostmem_put_reserve(struct sk_buff *skb, const struct hostmem_pmem *pmem)
{
	char uuid[UUID_STRING_LEN + 1];

	if (!pmem->reserve_layout)
		return 0;
	snprintf(uuid, sizeof(uuid), "%pUb", pmem->reserve_uuid);
	if (nla_put_u32(skb, HOSTMEM_A_PMEM_RESERVE_LAYOUT, pmem->reserve_layout) ||
	    hostmem_put_u64(skb, HOSTMEM_A_PMEM_RESERVE_OFFSET, pmem->reserve_offset) ||
	    hostmem_put_u64(skb, HOSTMEM_A_PMEM_RESERVE_SIZE, pmem->reserve_size) ||
	    nla_put_string(skb, HOSTMEM_A_PMEM_RESERVE_PURPOSE, pmem->reserve_purpose) ||
	    nla_put_string(skb, HOSTMEM_A_PMEM_RESERVE_UUID, uuid))
		return -EMSGSIZE;
	return 0;
}

static int hostmem_put_pmem(struct sk_buff *skb, const struct hostmem_pmem *pmem)
{
	if (hostmem_put_pmem_name(skb, pmem) ||
	    nla_put_u32(skb, HOSTMEM_A_PMEM_MAP, pmem->map) ||
	    hostmem_put_u64(skb, HOSTMEM_A_PMEM_SPA, pmem->spa) ||
	    hostmem_put_u64(skb, HOSTMEM_A_PMEM_SIZE, pmem->size) ||
	    (pmem->sync && nla_put_flag(skb, HOSTMEM_A_PMEM_SYNC)) ||
	    (READ_ONCE(pmem->read_only) && nla_put_flag(skb, HOSTMEM_A_PMEM_READ_ONLY)))
		return -EMSGSIZE;
	if (!pmem->data_size)
		return 0;
	if (hostmem_put_u64(skb, HOSTMEM_A_PMEM_DATA_OFFSET, pmem->data_offset) ||
	    hostmem_put_u64(skb, HOSTMEM_A_PMEM_DATA_SIZE, pmem->data_size))
		return -EMSGSIZE;
	return hostmem_put_reserve(skb, pmem);
}

int hostmem_nl_pmem_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	u64 *next = (u64 *)cb->ctx;
	struct hostmem_pmem *pmem;
	int rc = 0;
	void *msg;

	if (!netlink_capable(cb->skb, CAP_SYS_ADMIN))
		return -EPERM;
	mutex_lock(&hostmem_pmem_lock);
	cb->seq = hostmem_pmem_seq();
	while (!rc) {
		pmem = hostmem_pmem_next(*next);
		if (!pmem)
			break;
		msg = hostmem_dump_begin(skb, cb, HOSTMEM_NL_PMEM_GET);
		rc = msg ? hostmem_dump_end(skb, msg, hostmem_put_pmem(skb, pmem)) :
			   -EMSGSIZE;
		if (!rc)
			*next = pmem->id + 1;
	}
	mutex_unlock(&hostmem_pmem_lock);
	return rc == -EMSGSIZE && skb->len ? skb->len : rc;
}

static int hostmem_put_pmem_named(struct sk_buff *skb, const char *name)
{
	struct hostmem_pmem *pmem;
	u64 next = 0;

	while ((pmem = hostmem_pmem_next(next))) {
		if (!strcmp(pmem->name, name))
			return hostmem_put_pmem(skb, pmem);
		next = pmem->id + 1;
	}
	return -ENOENT;
}

int hostmem_nl_pmem_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *name = info->attrs[HOSTMEM_A_PMEM_NAME];
	struct sk_buff *reply;
	void *msg;
	int rc;

	if (!netlink_capable(skb, CAP_SYS_ADMIN))
		return -EPERM;
	if (!name)
		return -EINVAL;
	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	msg = genlmsg_put_reply(reply, info, &hostmem_family, 0, HOSTMEM_NL_PMEM_GET);
	mutex_lock(&hostmem_pmem_lock);
	rc = hostmem_put_pmem_named(reply, nla_data(name));
	mutex_unlock(&hostmem_pmem_lock);
	if (rc) {
		nlmsg_free(reply);
		return rc;
	}
	genlmsg_end(reply, msg);
	return genlmsg_reply(reply, info);
}

/* Whose bad ranges a request is about, one of the two, and what keeps them. */
struct hostmem_poison_of {
	struct hostmem_region *region;
	int idx;
	struct hostmem_pmem *pmem;
	const struct hostmem_poison *poison;
	bool spa;			/* the reader may know addresses */
};

static int hostmem_poison_hold_pmem(struct hostmem_poison_of *of, u64 id)
{
	if (!of->spa)
		return -EPERM;
	mutex_lock(&hostmem_pmem_lock);
	of->pmem = hostmem_pmem_next(id);
	if (!of->pmem || of->pmem->id != id) {
		mutex_unlock(&hostmem_pmem_lock);
		return -ENOENT;
	}
	of->poison = of->pmem->poison;
	return 0;
}

/* As a fault does: who replaces the list waits for us, and we for nobody. */
static int hostmem_poison_hold_region(struct hostmem_poison_of *of, u64 id)
{
	mutex_lock(&hostmem_regions_lock);
	of->region = hostmem_region_find(id);
	if (!of->region) {
		mutex_unlock(&hostmem_regions_lock);
		return -ENOENT;
	}
	of->idx = srcu_read_lock(&of->region->srcu);
	of->poison = srcu_dereference(of->region->poison, &of->region->srcu);
	return 0;
}

static int hostmem_poison_hold(struct hostmem_poison_of *of, struct sk_buff *skb,
			       struct nlattr **attrs)
{
	u64 id;

	of->spa = netlink_capable(skb, CAP_SYS_ADMIN);
	if (!attrs[HOSTMEM_A_POISON_PMEM_ID] == !attrs[HOSTMEM_A_POISON_REGION_ID])
		return -EINVAL;
	if (!hostmem_get_u64(attrs[HOSTMEM_A_POISON_PMEM_ID], &id))
		return hostmem_poison_hold_pmem(of, id);
	return hostmem_poison_hold_region(of, nla_get_u64(attrs[HOSTMEM_A_POISON_REGION_ID]));
}

static void hostmem_poison_release(struct hostmem_poison_of *of)
{
	if (of->pmem) {
		mutex_unlock(&hostmem_pmem_lock);
	} else {
		srcu_read_unlock(&of->region->srcu, of->idx);
		mutex_unlock(&hostmem_regions_lock);
	}
}

static int hostmem_put_bad(struct sk_buff *skb, const struct hostmem_poison_of *of,
			   const struct hostmem_bad *bad)
{
	if (hostmem_put_u64(skb, of->pmem ? HOSTMEM_A_POISON_PMEM_ID : HOSTMEM_A_POISON_REGION_ID,
			    of->pmem ? of->pmem->id : of->region->id) ||
	    hostmem_put_u64(skb, HOSTMEM_A_POISON_START, bad->start) ||
	    hostmem_put_u64(skb, HOSTMEM_A_POISON_LENGTH, bad->length) ||
	    (of->spa && hostmem_put_u64(skb, HOSTMEM_A_POISON_SPA, bad->spa)) ||
	    hostmem_put_u64(skb, HOSTMEM_A_POISON_SINCE, bad->since) ||
	    (of->poison->recorded && nla_put_flag(skb, HOSTMEM_A_POISON_RECORDED)))
		return -EMSGSIZE;
	return 0;
}

int hostmem_nl_poison_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	u64 *next = (u64 *)cb->ctx;
	struct hostmem_poison_of of = {};
	void *msg;
	int rc;

	rc = hostmem_poison_hold(&of, cb->skb, genl_info_dump(cb)->attrs);
	if (rc)
		return rc;
	/* A list that is there stays as it is. */
	cb->seq = of.poison ? of.poison->serial : 1;
	while (!rc && of.poison && *next < of.poison->count) {
		msg = hostmem_dump_begin(skb, cb, HOSTMEM_NL_POISON_GET);
		rc = msg ? hostmem_dump_end(skb, msg,
					    hostmem_put_bad(skb, &of, &of.poison->bad[*next])) :
			   -EMSGSIZE;
		if (!rc)
			++*next;
	}
	hostmem_poison_release(&of);
	return rc == -EMSGSIZE && skb->len ? skb->len : rc;
}

int hostmem_nl_poison_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct hostmem_bad *bad;
	struct hostmem_poison_of of = {};
	struct sk_buff *reply;
	u64 start = 0;
	void *msg;
	int rc;

	hostmem_get_u64(info->attrs[HOSTMEM_A_POISON_START], &start);
	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	msg = genlmsg_put_reply(reply, info, &hostmem_family, 0, HOSTMEM_NL_POISON_GET);
	rc = hostmem_poison_hold(&of, skb, info->attrs);
	if (!rc) {
		bad = hostmem_poison_find(of.poison, start, U64_MAX - start);
		rc = bad ? hostmem_put_bad(reply, &of, bad) : -ENOENT;
		hostmem_poison_release(&of);
	}
	if (rc) {
		nlmsg_free(reply);
		return rc;
	}
	genlmsg_end(reply, msg);
	return genlmsg_reply(reply, info);
}

static int hostmem_put_mapping(struct sk_buff *skb, u64 region_id,
			       const struct hostmem_mapping *mapping)
{
	if (hostmem_put_u64(skb, HOSTMEM_A_MAPPING_REGION_ID, region_id) ||
	    hostmem_put_u64(skb, HOSTMEM_A_MAPPING_VIEW_ID, mapping->view_id) ||
	    nla_put_u32(skb, HOSTMEM_A_MAPPING_PID, mapping->pid) ||
	    hostmem_put_u64(skb, HOSTMEM_A_MAPPING_ADDRESS, mapping->address) ||
	    hostmem_put_u64(skb, HOSTMEM_A_MAPPING_START, mapping->start) ||
	    hostmem_put_u64(skb, HOSTMEM_A_MAPPING_LENGTH, mapping->length) ||
	    nla_put_u32(skb, HOSTMEM_A_MAPPING_PROT, mapping->prot))
		return -EMSGSIZE;
	return 0;
}

static int hostmem_mappings_of(u64 region_id, const struct hostmem_mapping *from,
			       hostmem_mapping_before before, struct hostmem_mapping *array,
			       int max)
{
	struct hostmem_region *region;
	int n = -ENOENT;

	mutex_lock(&hostmem_regions_lock);
	region = hostmem_region_find(region_id);
	if (region)
		n = hostmem_mappings(region, from, before, array, max);
	mutex_unlock(&hostmem_regions_lock);
	return n;
}

/* Addresses of other processes: nothing for everybody. */
int hostmem_nl_mapping_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *attr = genl_info_dump(cb)->attrs[HOSTMEM_A_MAPPING_REGION_ID];
	struct hostmem_mapping *part, from = { .key = cb->args[0] };
	int n, i, rc = 0;
	void *msg;
	u64 id;

	if (!netlink_capable(cb->skb, CAP_SYS_ADMIN))
		return -EPERM;
	if (hostmem_get_u64(attr, &id))
		return -EINVAL;
	part = kmalloc_array(HOSTMEM_MAPPINGS_PART, sizeof(*part), GFP_KERNEL);
	if (!part)
		return -ENOMEM;
	n = hostmem_mappings_of(id, &from, hostmem_mapping_by_key, part, HOSTMEM_MAPPINGS_PART);
	for (i = 0; i < n && !rc; i++) {
		msg = hostmem_dump_begin(skb, cb, HOSTMEM_NL_MAPPING_GET);
		rc = msg ? hostmem_dump_end(skb, msg, hostmem_put_mapping(skb, id, &part[i])) :
			   -EMSGSIZE;
		if (!rc)
			cb->args[0] = part[i].key;
	}
	kfree(part);
	return n < 0 ? n : skb->len;
}

int hostmem_nl_mapping_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct hostmem_mapping mapping, from = {};
	struct sk_buff *reply;
	void *msg;
	u64 id;
	int n;

	if (!netlink_capable(skb, CAP_SYS_ADMIN))
		return -EPERM;
	if (hostmem_get_u64(info->attrs[HOSTMEM_A_MAPPING_REGION_ID], &id))
		return -EINVAL;
	hostmem_get_u64(info->attrs[HOSTMEM_A_MAPPING_START], &from.start);
	n = hostmem_mappings_of(id, &from, hostmem_mapping_by_end, &mapping, 1);
	if (n <= 0)
		return n ?: -ENOENT;
	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	msg = genlmsg_put_reply(reply, info, &hostmem_family, 0, HOSTMEM_NL_MAPPING_GET);
	n = hostmem_put_mapping(reply, id, &mapping);
	if (n) {
		nlmsg_free(reply);
		return n;
	}
	genlmsg_end(reply, msg);
	return genlmsg_reply(reply, info);
}

int __init hostmem_netlink_init(void)
{
	int rc = genl_register_family(&hostmem_family);

	if (!rc)
		hostmem_event_init(&hostmem_family);
	return rc;
}

void hostmem_netlink_exit(void)
{
	genl_unregister_family(&hostmem_family);
}
