// SPDX-License-Identifier: GPL-2.0
/*
 * The pmem namespaces of the host: those that are enabled now and those that will be.
 *
 * libnvdimm exports no list of its devices. A driver for none of them is told their bus, and
 * the bus tells when one gets and loses its driver.
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/nd.h>
#include <linux/notifier.h>

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

/* Under device_lock(), when a driver comes or goes. */
static int hostmem_nd_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct device *dev = data;

	if (action == BUS_NOTIFY_REMOVED_DEVICE)
		hostmem_ledger_forget(dev);
	if (!hostmem_namespace_drives(dev))
		return NOTIFY_DONE;
	if (action == BUS_NOTIFY_BOUND_DRIVER)
		hostmem_nd_add(hostmem_nd_driver.drv.bus, dev);
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
		hostmem_nd_add(hostmem_nd_driver.drv.bus, dev);
	device_unlock(dev);
	return 0;
}

static const struct hostmem_pmem_ops hostmem_nd_ops = {
	.owner = THIS_MODULE,
	.extents = hostmem_nd_extents,
	.file = &hostmem_file_ops,
	.reserve = &hostmem_reserve_ops,
};

static int __init hostmem_nd_init(void)
{
	int rc;

	rc = hostmem_reserve_init();
	if (rc)
		return rc;
	rc = hostmem_nd_begin();
	if (rc)
		goto err_reserve;
	rc = nd_driver_register(&hostmem_nd_driver);
	if (rc)
		goto err_begin;
	rc = bus_register_notifier(hostmem_bus(hostmem_nd_driver.drv.bus), &hostmem_nd_nb);
	if (rc)
		goto err_driver;
	bus_for_each_dev(hostmem_bus(hostmem_nd_driver.drv.bus), NULL, NULL, hostmem_nd_present);
	hostmem_mce_init();
	hostmem_pmem_register(&hostmem_nd_ops);
	return 0;

err_driver:
	nd_driver_unregister(&hostmem_nd_driver);
err_begin:
	hostmem_nd_clear();
err_reserve:
	hostmem_reserve_exit();
	return rc;
}

/* No region uses a namespace and no lease is open: they keep the module. */
static void __exit hostmem_nd_exit(void)
{
	hostmem_pmem_unregister();
	hostmem_drain_exit();
	hostmem_mce_exit();
	hostmem_nd_clear();
	bus_unregister_notifier(hostmem_bus(hostmem_nd_driver.drv.bus), &hostmem_nd_nb);
	hostmem_ledger_forget(NULL);
	nd_driver_unregister(&hostmem_nd_driver);
	hostmem_reserve_exit();
}

module_init(hostmem_nd_init);
module_exit(hostmem_nd_exit);

MODULE_DESCRIPTION("Persistent memory for hostmem: namespaces, where they are and what is in them");
MODULE_AUTHOR("hostmem maintainers");
MODULE_LICENSE("GPL");
