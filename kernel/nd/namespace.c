// SPDX-License-Identifier: GPL-2.0
/*
 * Namespaces: the table of those that are enabled, and what libnvdimm says of one.
 *
 * A namespace in raw mode has a driver itself. In the other modes its claim has one, a device
 * beside it, which libnvdimm tells apart by the type's name only.
 */
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/libnvdimm.h>
#include <linux/mutex.h>
#include <linux/nd.h>
#include <linux/string.h>

#include "hostmem_nd.h"

/* Exported, but declared in a header of libnvdimm's own. */
bool pmem_should_map_pages(struct device *dev);

/*
 * Locking: device_lock() -> hostmem_namespaces_lock (mutex) -> locks of libnvdimm's and the core's
 *   hostmem_namespaces_lock  the table; in it what is known of a namespace, its leases and clients
 */
DEFINE_MUTEX(hostmem_namespaces_lock);
LIST_HEAD(hostmem_namespaces);

/**
 * hostmem_namespace_find - a known namespace by its device
 * @dev: the device whose driver enables it
 *
 * Context: under hostmem_namespaces_lock, which keeps it.
 * Return: the namespace, or NULL.
 */
struct hostmem_namespace *hostmem_namespace_find(const struct device *dev)
{
	struct hostmem_namespace *ns;

	lockdep_assert_held(&hostmem_namespaces_lock);
	list_for_each_entry(ns, &hostmem_namespaces, node) {
		if (ns->dev == dev)
			return ns;
	}
	return NULL;
}

/**
 * hostmem_namespace_numbered - a known namespace by its number
 * @id: the core's
 *
 * Context: under hostmem_namespaces_lock, which keeps it.
 * Return: the namespace, or NULL.
 */
struct hostmem_namespace *hostmem_namespace_numbered(u64 id)
{
	struct hostmem_namespace *ns;

	lockdep_assert_held(&hostmem_namespaces_lock);
	list_for_each_entry(ns, &hostmem_namespaces, node) {
		if (ns->pmem.id == id)
			return ns;
	}
	return NULL;
}

struct hostmem_namespace_mode {
	const char *type;
	u32 mode;
	bool claim;
	const char *signature;	/* of its info block, NULL: has none */
};

static const struct hostmem_namespace_mode hostmem_namespace_modes[] = {
	{ "nd_namespace_io", HOSTMEM_PMEM_RAW, false, NULL },
	{ "nd_namespace_pmem", HOSTMEM_PMEM_RAW, false, NULL },
	{ "nd_btt", HOSTMEM_PMEM_SECTOR, true, NULL },
	{ "nd_pfn", HOSTMEM_PMEM_FSDAX, true, HOSTMEM_INFOBLOCK_FSDAX },
	{ "nd_dax", HOSTMEM_PMEM_DEVDAX, true, HOSTMEM_INFOBLOCK_DEVDAX },
};

static const struct hostmem_namespace_mode *hostmem_namespace_mode(const struct device *dev)
{
	size_t i;

	for (i = 0; dev->type && dev->type->name && i < ARRAY_SIZE(hostmem_namespace_modes); i++) {
		if (!strcmp(dev->type->name, hostmem_namespace_modes[i].type))
			return &hostmem_namespace_modes[i];
	}
	return NULL;
}

/**
 * hostmem_namespace_drives - whether a namespace is enabled by a device's driver
 * @dev: a device of libnvdimm's bus
 *
 * Return: true for a namespace and for what claims one.
 */
bool hostmem_namespace_drives(const struct device *dev)
{
	return hostmem_namespace_mode(dev);
}

/**
 * hostmem_namespace_is - whether a device is a namespace, enabled or not
 * @dev: a device of libnvdimm's bus
 *
 * Return: true for one; false for what claims one.
 */
bool hostmem_namespace_is(const struct device *dev)
{
	const struct hostmem_namespace_mode *mode = hostmem_namespace_mode(dev);

	return mode && !mode->claim;
}

struct hostmem_namespace_search {
	struct device *claim;
	struct device *found;
};

static int hostmem_namespace_claimed(struct device *dev, void *data)
{
	struct hostmem_namespace_search *search = data;

	if (!hostmem_namespace_is(dev) || to_ndns(dev)->claim != search->claim)
		return 0;
	search->found = get_device(dev);
	return 1;
}

/* The namespace that a device drives, with a reference, or NULL. */
static struct device *hostmem_namespace_of(const struct bus_type *bus, struct device *dev,
					   const struct hostmem_namespace_mode *mode)
{
	struct hostmem_namespace_search search = { .claim = dev };

	if (!mode->claim)
		return get_device(dev);
	bus_for_each_dev(hostmem_bus(bus), NULL, &search, hostmem_namespace_claimed);
	return search.found;
}

/**
 * hostmem_namespace_is_dax - whether a device is a /dev/dax
 * @dev: a child of a device for which hostmem_namespace_drives() is true
 *
 * Return: true for one.
 */
bool hostmem_namespace_is_dax(const struct device *dev)
{
	return dev->bus && !strcmp(dev->bus->name, "dax");
}

/**
 * hostmem_namespace_is_child - whether a device is what a namespace is used by
 * @dev: a child of a device for which hostmem_namespace_drives() is true
 *
 * Return: true for a disk and for a /dev/dax device.
 */
bool hostmem_namespace_is_child(const struct device *dev)
{
	return (dev->class && !strcmp(dev->class->name, "block")) ||
	       hostmem_namespace_is_dax(dev);
}

static int hostmem_namespace_child(struct device *dev, void *data)
{
	struct hostmem_pmem *pmem = data;

	if (!hostmem_namespace_is_child(dev))
		return 0;
	strscpy(pmem->dev, dev_name(dev), sizeof(pmem->dev));
	return 1;
}

/* An attribute of a device, or NULL. */
static struct device_attribute *hostmem_namespace_attribute(const struct device *dev,
							    const char *name)
{
	const struct attribute_group *const *group = dev->type ? dev->type->groups : NULL;
	struct attribute **attr;

	for (; group && *group; group++) {
		for (attr = (*group)->attrs; attr && *attr; attr++) {
			if (!strcmp((*attr)->name, name))
				return container_of(*attr, struct device_attribute, attr);
		}
	}
	return NULL;
}

/**
 * hostmem_namespace_armed - find out whether what is written to a namespace stays
 * @dev: a device for which hostmem_namespace_drives() is true, with its driver
 * @pmem: out: read_only
 *
 * libnvdimm makes the disks of a region read-only when a DIMM of it is not armed, or the
 * administrator says so. It exports that in an attribute of sysfs only, and nothing keeps
 * anybody from writing to a mapping of a /dev/dax.
 *
 * Context: sleeps.
 * Return: 0 or -ENOMEM.
 */
int hostmem_namespace_armed(struct device *dev, struct hostmem_pmem *pmem)
{
	struct device_attribute *attr = hostmem_namespace_attribute(dev->parent, "read_only");
	bool read_only = true;
	char *text;

	/* A page, as sysfs gives it. */
	text = (char *)get_zeroed_page(GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	/* What does not say that it is armed is not. */
	if (attr && attr->show && attr->show(dev->parent, attr, text) > 0)
		read_only = *text != '0';
	free_page((unsigned long)text);
	WRITE_ONCE(pmem->read_only, read_only);
	return 0;
}

/*
 * What has no info block: all of it is data. Of a kind of memory that is the host's own (e820's
 * memmap=, virtio-pmem) the driver makes struct pages for it even so, and ndctl calls it fsdax.
 */
static void hostmem_namespace_plain(struct device *dev, struct hostmem_pmem *pmem)
{
	pmem->data_size = pmem->size;
	if (!pmem_should_map_pages(dev))
		return;
	pmem->mode = HOSTMEM_PMEM_FSDAX;
	pmem->map = HOSTMEM_PMEM_MAP_MEM;
}

/**
 * hostmem_namespace_describe - fill in what there is to know of a namespace
 * @bus: libnvdimm's
 * @dev: a device for which hostmem_namespace_drives() is true, with its driver
 * @pmem: out: all that is not the core's
 *
 * Context: sleeps; under the device's lock, so that it keeps its driver.
 * Return: 0; -ENODEV: it drives no namespace; -EINVAL: its info block contradicts it; -EIO:
 * its info block is poisoned; -ENXIO; -ENOMEM.
 */
int hostmem_namespace_describe(const struct bus_type *bus, struct device *dev,
			       struct hostmem_pmem *pmem)
{
	const struct hostmem_namespace_mode *mode = hostmem_namespace_mode(dev);
	struct device *ndns = mode ? hostmem_namespace_of(bus, dev, mode) : NULL;
	const struct resource *res;
	int rc = 0;

	if (!ndns)
		return -ENODEV;
	res = &to_nd_namespace_io(ndns)->res;
	strscpy(pmem->name, dev_name(ndns), sizeof(pmem->name));
	pmem->mode = mode->mode;
	pmem->sync = is_nvdimm_sync(to_nd_region(dev->parent));
	pmem->spa = res->start;
	pmem->size = resource_size(res);
	device_for_each_child(dev, pmem, hostmem_namespace_child);
	rc = hostmem_namespace_armed(dev, pmem);
	if (rc)
		goto out_put;
	if (mode->mode == HOSTMEM_PMEM_RAW)
		hostmem_namespace_plain(dev, pmem);
	else if (mode->signature)
		rc = hostmem_media_look(pmem, mode->signature);
out_put:
	put_device(ndns);
	return rc;
}
