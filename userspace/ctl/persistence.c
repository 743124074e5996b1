// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether what is written to pmem is there after a power failure: what the platform promises of
 * the memory, and whether a mapping can promise the same.
 */
#include "media.h"

static enum ctl_domain region_domain(struct ndctl_region *region)
{
	switch (ndctl_region_get_persistence_domain(region)) {
	case PERSISTENCE_CPU_CACHE:
		return CTL_DOMAIN_CPU_CACHE;
	case PERSISTENCE_MEM_CTRL:
		return CTL_DOMAIN_MEMORY_CONTROLLER;
	default:
		return ndctl_region_get_mappings(region) ? CTL_DOMAIN_PLATFORM :
							   CTL_DOMAIN_UNKNOWN;
	}
}

/**
 * ctl_pmem_domain - how far a write has to come to survive a power failure
 * @pmem: where it goes
 *
 * As the kernel sees it: a platform that has DIMMs and says nothing about them is taken to write
 * back what is on its way to them; one that has none gives no promise, nor does a DIMM that is not
 * armed.
 *
 * Return: the domain, or CTL_DOMAIN_UNKNOWN.
 */
enum ctl_domain ctl_pmem_domain(struct hostmem_pmem *pmem)
{
	enum ctl_domain domain = CTL_DOMAIN_UNKNOWN;
	struct ndctl_namespace *ns;
	struct ndctl_ctx *ndctl;

	if (hostmem_pmem_is_read_only(pmem))
		return CTL_DOMAIN_UNARMED;
	if (ndctl_new(&ndctl))
		return domain;
	ns = ctl_media_lookup(ndctl, hostmem_pmem_get_name(pmem));
	if (ns)
		domain = region_domain(ndctl_namespace_get_region(ns));
	ndctl_unref(ndctl);
	return domain;
}

const char *ctl_domain_name(enum ctl_domain domain)
{
	static const char *const names[] = {
		[CTL_DOMAIN_UNKNOWN] = "unknown",
		[CTL_DOMAIN_UNARMED] = "unarmed",
		[CTL_DOMAIN_PLATFORM] = "platform",
		[CTL_DOMAIN_MEMORY_CONTROLLER] = "memory_controller",
		[CTL_DOMAIN_CPU_CACHE] = "cpu_cache",
	};

	return names[domain];
}

/**
 * ctl_pmem_persists - whether a guest may rely on what it writes and flushes
 * @pmem: the namespace that its memory is on
 * @why: out: the reason
 *
 * Return: true if it may.
 */
bool ctl_pmem_persists(struct hostmem_pmem *pmem, const char **why)
{
	if (hostmem_pmem_is_read_only(pmem)) {
		*why = "its DIMM is not armed, or has been made read-only";
		return false;
	}
	if (!hostmem_pmem_is_sync(pmem)) {
		*why = "it cannot be mapped with MAP_SYNC";
		return false;
	}
	switch (ctl_pmem_domain(pmem)) {
	case CTL_DOMAIN_CPU_CACHE:
		*why = "mapped with MAP_SYNC, and the platform writes back its caches";
		return true;
	case CTL_DOMAIN_MEMORY_CONTROLLER:
		*why = "mapped with MAP_SYNC, and what has left the caches is safe";
		return true;
	case CTL_DOMAIN_PLATFORM:
		*why = "mapped with MAP_SYNC, on DIMMs, which the kernel trusts";
		return true;
	default:
		*why = "the platform does not say that what has left the caches is safe";
		return false;
	}
}
