// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/hostmem.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "hostmem_nl.h"

#include <uapi/linux/hostmem_nl.h>

/* HOSTMEM_NL_REGION_GET - do */
const struct nla_policy hostmem_region_get_nl_policy[HOSTMEM_A_REGION_NAME + 1] = {
	[HOSTMEM_A_REGION_ID] = { .type = NLA_U64, },
	[HOSTMEM_A_REGION_NAME] = { .type = NLA_NUL_STRING, .len = 4095, },
};

/* HOSTMEM_NL_VIEW_GET - do */
const struct nla_policy hostmem_view_get_nl_policy[HOSTMEM_A_VIEW_REGION_ID + 1] = {
	[HOSTMEM_A_VIEW_ID] = { .type = NLA_U64, },
	[HOSTMEM_A_VIEW_REGION_ID] = { .type = NLA_U64, },
};

/* HOSTMEM_NL_PMEM_GET - do */
const struct nla_policy hostmem_pmem_get_nl_policy[HOSTMEM_A_PMEM_NAME + 1] = {
	[HOSTMEM_A_PMEM_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* HOSTMEM_NL_POISON_GET - do */
const struct nla_policy hostmem_poison_get_nl_policy[HOSTMEM_A_POISON_START + 1] = {
	[HOSTMEM_A_POISON_REGION_ID] = { .type = NLA_U64, },
	[HOSTMEM_A_POISON_PMEM_ID] = { .type = NLA_U64, },
	[HOSTMEM_A_POISON_START] = { .type = NLA_U64, },
};

/* HOSTMEM_NL_MAPPING_GET - do */
const struct nla_policy hostmem_mapping_get_nl_policy[HOSTMEM_A_MAPPING_START + 1] = {
	[HOSTMEM_A_MAPPING_REGION_ID] = { .type = NLA_U64, },
	[HOSTMEM_A_MAPPING_START] = { .type = NLA_U64, },
};

/* Ops table for hostmem */
const struct genl_ops hostmem_nl_ops[5] = {
	{
		.cmd		= HOSTMEM_NL_REGION_GET,
		.doit		= hostmem_nl_region_get_doit,
		.dumpit		= hostmem_nl_region_get_dumpit,
		.policy		= hostmem_region_get_nl_policy,
		.maxattr	= HOSTMEM_A_REGION_NAME,
	},
	{
		.cmd		= HOSTMEM_NL_VIEW_GET,
		.doit		= hostmem_nl_view_get_doit,
		.dumpit		= hostmem_nl_view_get_dumpit,
		.policy		= hostmem_view_get_nl_policy,
		.maxattr	= HOSTMEM_A_VIEW_REGION_ID,
	},
	{
		.cmd		= HOSTMEM_NL_PMEM_GET,
		.doit		= hostmem_nl_pmem_get_doit,
		.dumpit		= hostmem_nl_pmem_get_dumpit,
		.policy		= hostmem_pmem_get_nl_policy,
		.maxattr	= HOSTMEM_A_PMEM_NAME,
	},
	{
		.cmd		= HOSTMEM_NL_POISON_GET,
		.doit		= hostmem_nl_poison_get_doit,
		.dumpit		= hostmem_nl_poison_get_dumpit,
		.policy		= hostmem_poison_get_nl_policy,
		.maxattr	= HOSTMEM_A_POISON_START,
	},
	{
		.cmd		= HOSTMEM_NL_MAPPING_GET,
		.doit		= hostmem_nl_mapping_get_doit,
		.dumpit		= hostmem_nl_mapping_get_dumpit,
		.policy		= hostmem_mapping_get_nl_policy,
		.maxattr	= HOSTMEM_A_MAPPING_START,
	},
};

static const struct genl_multicast_group hostmem_nl_mcgrps[] = {
	[HOSTMEM_NLGRP_EVENTS] = { "events", },
};
