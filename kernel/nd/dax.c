// SPDX-License-Identifier: GPL-2.0
/*
 * The device of a namespace in devdax mode, /dev/daxX.Y.
 *
 * It is a child of the one that enables the namespace, on a bus of its own, and has a driver of its
 * own: device_dax makes the struct pages of the namespace, those of a reserve in front of the data,
 * too, and takes them away when it is unbound, though the namespace stays. Whoever has let
 * somebody use those pages has to hear of it.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/string.h>

#include "hostmem_nd.h"

static void (*hostmem_dax_goes)(struct device *dev);

/* Of the bus. */
static DEFINE_MUTEX(hostmem_dax_lock);
static const struct bus_type *hostmem_dax_bus;

/* Under device_lock() of the device. */
static int hostmem_dax_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct device *dax = data;

	if (action == BUS_NOTIFY_UNBIND_DRIVER && dax->parent)
		hostmem_dax_goes(dax->parent);
	return NOTIFY_DONE;
}

static struct notifier_block hostmem_dax_nb = { .notifier_call = hostmem_dax_notify };

/*
 * Listen to the bus. Nothing but its devices leads to it, so that this is done when one is needed;
 * not when one comes, for we hear of that from a notifier of another bus.
 */
static int hostmem_dax_listen(const struct device *dax)
{
	int rc = 0;

	mutex_lock(&hostmem_dax_lock);
	if (!hostmem_dax_bus) {
		rc = bus_register_notifier(hostmem_bus(dax->bus), &hostmem_dax_nb);
		if (!rc)
			hostmem_dax_bus = dax->bus;
	}
	mutex_unlock(&hostmem_dax_lock);
	return rc;
}

static int hostmem_dax_match(struct device *dev, void *data)
{
	return hostmem_namespace_is_dax(dev);
}

/**
 * hostmem_dax_release - undo hostmem_dax_hold()
 * @dax: what that returned
 */
void hostmem_dax_release(struct device *dax)
{
	if (IS_ERR_OR_NULL(dax))
		return;
	device_unlock(dax);
	put_device(dax);
}

/**
 * hostmem_dax_hold - keep the device of a namespace from losing its driver
 * @pmem_id: number of the namespace
 *
 * Who has entered something in the namespace's lists by then is told when the driver goes.
 *
 * Context: sleeps, for as long as the driver comes or goes, and with hostmem_namespaces_lock.
 * Return: the device, for hostmem_dax_release(); NULL: the namespace is not in devdax mode;
 * ERR_PTR(-ENODEV): it has not that driver; ERR_PTR(-EINTR): a signal came; ERR_PTR(-ENOMEM).
 */
struct device *hostmem_dax_hold(u64 pmem_id)
{
	struct device *dax = NULL;
	struct hostmem_namespace *ns;
	int rc;

	mutex_lock(&hostmem_namespaces_lock);
	ns = hostmem_namespace_numbered(pmem_id);
	if (ns && ns->pmem.mode == HOSTMEM_PMEM_DEVDAX)
		dax = device_find_child(ns->dev, NULL, hostmem_dax_match) ?: ERR_PTR(-ENODEV);
	mutex_unlock(&hostmem_namespaces_lock);
	if (IS_ERR_OR_NULL(dax))
		return dax;
	rc = hostmem_dax_listen(dax);
	/* The driver goes when the last page is let go that somebody has pinned. */
	if (!rc)
		rc = device_lock_interruptible(dax);
	if (rc) {
		put_device(dax);
		return ERR_PTR(rc);
	}
	if (dax->driver && !strcmp(dax->driver->name, "device_dax"))
		return dax;
	hostmem_dax_release(dax);
	return ERR_PTR(-ENODEV);
}

/**
 * hostmem_dax_wait - wait until the driver of a namespace's device has come or gone
 * @dev: the device whose driver enables the namespace
 *
 * Context: sleeps, as hostmem_dax_hold().
 */
void hostmem_dax_wait(struct device *dev)
{
	struct device *dax = device_find_child(dev, NULL, hostmem_dax_match);

	if (!dax)
		return;
	device_lock(dax);
	hostmem_dax_release(dax);
}

/**
 * hostmem_dax_init - say who has to hear that the driver of a namespace's device goes
 * @goes: called with the device whose driver enables the namespace, under device_lock() of
 *	the other
 */
void hostmem_dax_init(void (*goes)(struct device *dev))
{
	hostmem_dax_goes = goes;
}

/**
 * hostmem_dax_exit - nobody has to hear of it any more
 *
 * Context: sleeps, until nobody is being told.
 */
void hostmem_dax_exit(void)
{
	if (hostmem_dax_bus)
		bus_unregister_notifier(hostmem_bus(hostmem_dax_bus), &hostmem_dax_nb);
}
