/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/hostmem.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_HOSTMEM_GEN_H
#define _LINUX_HOSTMEM_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/hostmem_nl.h>

extern const struct nla_policy hostmem_region_get_nl_policy[HOSTMEM_A_REGION_NAME + 1];

extern const struct nla_policy hostmem_view_get_nl_policy[HOSTMEM_A_VIEW_REGION_ID + 1];

extern const struct nla_policy hostmem_pmem_get_nl_policy[HOSTMEM_A_PMEM_NAME + 1];

extern const struct nla_policy hostmem_poison_get_nl_policy[HOSTMEM_A_POISON_START + 1];

extern const struct nla_policy hostmem_mapping_get_nl_policy[HOSTMEM_A_MAPPING_START + 1];

/* Ops table for hostmem */
extern const struct genl_ops hostmem_nl_ops[5];

int hostmem_nl_region_get_doit(struct sk_buff *skb, struct genl_info *info);
int hostmem_nl_region_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int hostmem_nl_view_get_doit(struct sk_buff *skb, struct genl_info *info);
int hostmem_nl_view_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int hostmem_nl_pmem_get_doit(struct sk_buff *skb, struct genl_info *info);
int hostmem_nl_pmem_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int hostmem_nl_poison_get_doit(struct sk_buff *skb, struct genl_info *info);
int hostmem_nl_poison_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int hostmem_nl_mapping_get_doit(struct sk_buff *skb, struct genl_info *info);
int hostmem_nl_mapping_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);

enum {
	HOSTMEM_NLGRP_EVENTS,
};

#endif /* _LINUX_HOSTMEM_GEN_H */
