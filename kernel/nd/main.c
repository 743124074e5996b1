// SPDX-License-Identifier: GPL-2.0
/*
 * The pmem namespaces of the host: those that are enabled now and those that will be, how they come
 * and how they go.
 *
 * libnvdimm exports no list of its devices. A driver for none of them is told their bus, and
 * the bus tells when one gets and loses its driver.
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nd.h>
#include <linux/notifier.h>
#include <linux/slab.h>

#include "hostmem_nd.h"

static int hostmem_nd_probe(struct device *dev)
{
	return -ENODEV;
}

static struct nd_device_driver hostmem_nd_driver = {
	.drv = { .name = "hostmem_nd" },
	.probe = hostmem_nd_probe,
	/* No device has this type. */
	.type = BIT(31),
};

/**
 * hostmem_nd_device - a device of libnvdimm's bus
 * @name: its name there
 *
 * Context: sleeps.
 * Return: the device, with a reference, or NULL.
 */
struct device *hostmem_nd_device(const char *name)
{
	return bus_find_device_by_name(hostmem_bus(hostmem_nd_driver.drv.bus), NULL, name);
}

/* The module is about to go: no more namespaces. */
static bool hostmem_nd_closed;

static int hostmem_nd_fill(struct hostmem_namespace *ns)
{
	struct hostmem_pmem *pmem = &ns->pmem;
	int rc;

	INIT_LIST_HEAD(&ns->leases);
	INIT_LIST_HEAD(&ns->clients);
	rc = hostmem_namespace_describe(hostmem_nd_driver.drv.bus, ns->dev, pmem);
	if (!rc && pmem->reserve_layout) {
		ns->settled = hostmem_ledger_settled(pmem, ns->dev->parent);
		rc = hostmem_ledger_load(pmem, &ns->recorded, &ns->ledger);
	}
	if (!rc)
		rc = hostmem_pmem_add(pmem);
	return rc;
}

/* A namespace has been enabled by the driver of @dev; it may be known already. */
static void hostmem_nd_add(struct device *dev)
{
	struct hostmem_namespace *ns;
	int rc;

	mutex_lock(&hostmem_namespaces_lock);
	if (hostmem_nd_closed || hostmem_namespace_find(dev))
		goto out_unlock;
	ns = kzalloc(sizeof(*ns), GFP_KERNEL);
	if (!ns)
		goto out_unlock;
	ns->dev = dev;
	rc = hostmem_nd_fill(ns);
	if (rc == -EEXIST)
		dev_warn(dev, "ignored: it overlaps a namespace that is known\n");
	else if (rc)
		dev_warn(dev, "ignored: error %d\n", rc);
	if (rc) {
		kvfree(ns->ledger);
		kfree(ns);
		goto out_unlock;
	}
	list_add_tail(&ns->node, &hostmem_namespaces);
	hostmem_inspect_begin(ns);
out_unlock:
	mutex_unlock(&hostmem_namespaces_lock);
}

/* Forget a namespace that is out of the list, and that nobody uses. */
static void hostmem_nd_drop(struct hostmem_namespace *ns)
{
	hostmem_pmem_remove(&ns->pmem);
	kvfree(ns->ledger);
	kfree(ns);
}

/*
 * A namespace, if we know it, is about to be disabled. When this has returned nobody reaches it
 * through us any more.
 */
static void hostmem_nd_remove(struct device *dev)
{
	struct hostmem_namespace *ns;

	mutex_lock(&hostmem_namespaces_lock);
	ns = hostmem_namespace_find(dev);
	if (ns)
		list_del(&ns->node);
	mutex_unlock(&hostmem_namespaces_lock);
	if (!ns)
		return;
	/* If the driver of /dev/dax has begun to go, hostmem_nd_dax_goes() is still at work. */
	hostmem_dax_wait(dev);
	hostmem_leases_revoke(ns);
	hostmem_clients_end(ns, true);
	hostmem_nd_drop(ns);
}

/*
 * The driver of /dev/dax is about to go, and with it the struct pages that it has made. The
 * namespace, and a reserve at its tail, stay.
 */
static void hostmem_nd_dax_goes(struct device *dev)
{
	struct hostmem_namespace *ns;

	mutex_lock(&hostmem_namespaces_lock);
	ns = hostmem_namespace_find(dev);
	mutex_unlock(&hostmem_namespaces_lock);
	if (!ns)
		return;
	/* It stays: hostmem_nd_remove() waits for us. */
	hostmem_leases_revoke(ns);
	hostmem_clients_end(ns, false);
}

/* Take one off the list. */
static struct hostmem_namespace *hostmem_nd_pop(void)
{
	struct hostmem_namespace *ns;

	mutex_lock(&hostmem_namespaces_lock);
	hostmem_nd_closed = true;
	ns = list_first_entry_or_null(&hostmem_namespaces, struct hostmem_namespace, node);
	if (ns)
		list_del(&ns->node);
	mutex_unlock(&hostmem_namespaces_lock);
	return ns;
}

/*
 * Forget all namespaces, for good, when nobody uses one. As long as one is known its device must
 * not go without our being told: while the work looks at it, that is. So this comes before the
 * notifier's end.
 */
static void hostmem_nd_clear(void)
{
	struct hostmem_namespace *ns;

	while ((ns = hostmem_nd_pop()))
		hostmem_nd_drop(ns);
	hostmem_inspect_exit();
}

/* Under device_lock(), when a driver comes or goes. */
static int hostmem_nd_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct device *dev = data;

	if (action == BUS_NOTIFY_REMOVED_DEVICE)
		hostmem_ledger_forget(dev);
	if (!hostmem_namespace_drives(dev))
		return NOTIFY_DONE;
	if (action == BUS_NOTIFY_BOUND_DRIVER)
		hostmem_nd_add(dev);
	else if (action == BUS_NOTIFY_UNBIND_DRIVER)
		hostmem_nd_remove(dev);
	return NOTIFY_DONE;
}

static struct notifier_block hostmem_nd_nb = { .notifier_call = hostmem_nd_notify };

static int hostmem_nd_present(struct device *dev, void *data)
{
	if (!hostmem_namespace_drives(dev))
		return 0;
	device_lock(dev);
	if (dev->driver)
		hostmem_nd_add(dev);
	device_unlock(dev);
	return 0;
}

static const struct hostmem_pmem_ops hostmem_nd_ops = {
	.owner = THIS_MODULE,
	.extents = hostmem_nd_extents,
	.media = hostmem_nd_media,
	.file = &hostmem_file_ops,
	.reserve = &hostmem_reserve_ops,
};

static int __init hostmem_nd_init(void)
{
	int rc;

	rc = hostmem_anon_init();
	if (rc)
		return rc;
	hostmem_dax_init(hostmem_nd_dax_goes);
	rc = hostmem_inspect_init();
	if (rc)
		goto err_anon;
	rc = nd_driver_register(&hostmem_nd_driver);
	if (rc)
		goto err_inspect;
	rc = bus_register_notifier(hostmem_bus(hostmem_nd_driver.drv.bus), &hostmem_nd_nb);
	if (rc)
		goto err_driver;
	bus_for_each_dev(hostmem_bus(hostmem_nd_driver.drv.bus), NULL, NULL, hostmem_nd_present);
	hostmem_mce_init();
	hostmem_pmem_register(&hostmem_nd_ops);
	return 0;

err_driver:
	nd_driver_unregister(&hostmem_nd_driver);
err_inspect:
	hostmem_inspect_exit();
err_anon:
	hostmem_anon_exit();
	return rc;
}

/* No region uses a namespace and no lease is open: they keep the module. */
static void __exit hostmem_nd_exit(void)
{
	hostmem_pmem_unregister();
	hostmem_drain_exit();
	hostmem_mce_exit();
	hostmem_dax_exit();
	hostmem_nd_clear();
	bus_unregister_notifier(hostmem_bus(hostmem_nd_driver.drv.bus), &hostmem_nd_nb);
	hostmem_ledger_forget(NULL);
	nd_driver_unregister(&hostmem_nd_driver);
	hostmem_anon_exit();
}

module_init(hostmem_nd_init);
module_exit(hostmem_nd_exit);

MODULE_DESCRIPTION("Persistent memory for hostmem: namespaces, where they are and what is in them");
MODULE_AUTHOR("hostmem maintainers");
MODULE_LICENSE("GPL");
MODULE_VERSION(HOSTMEM_VERSION);
