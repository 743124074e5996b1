// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether what is written to pmem is there after a power failure: what the platform promises of
 * the memory, and whether a mapping can promise the same.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <ndctl/libndctl.h>

#include "ctl.h"

static struct ndctl_region *find_region(struct ndctl_ctx *ndctl, const char *name)
{
	struct ndctl_namespace *ns;
	struct ndctl_region *region;
	struct ndctl_bus *bus;

	ndctl_bus_foreach(ndctl, bus)
		ndctl_region_foreach(bus, region)
			ndctl_namespace_foreach(region, ns)
				if (!strcmp(ndctl_namespace_get_devname(ns), name))
					return region;
	return NULL;
}

/*
 * As the kernel sees it: a platform that has DIMMs and says nothing about them is taken to write
 * back what is on its way to them; one that has none gives no promise.
 */
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
 * @pmem: a namespace, as listed
 *
 * Return: the domain; CTL_DOMAIN_UNKNOWN also where libndctl does not know the namespace.
 */
enum ctl_domain ctl_pmem_domain(struct hostmem_pmem *pmem)
{
	enum ctl_domain domain = CTL_DOMAIN_UNKNOWN;
	struct ndctl_region *region;
	struct ndctl_ctx *ndctl;

	if (ndctl_new(&ndctl))
		return domain;
	region = find_region(ndctl, hostmem_pmem_get_name(pmem));
	if (region)
		domain = region_domain(region);
	ndctl_unref(ndctl);
	return domain;
}

const char *ctl_domain_name(enum ctl_domain domain)
{
	static const char *const names[] = {
		[CTL_DOMAIN_UNKNOWN] = "unknown",
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
