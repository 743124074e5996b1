// SPDX-License-Identifier: GPL-2.0
/*
 * The pmem namespaces of the host: those that are enabled now and those that will be.
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

/* A namespace that the core knows, and the device whose driver enables it. */
struct hostmem_nd_space {
	struct list_head node;
	struct device *dev;
	struct hostmem_pmem pmem;
	struct list_head leases;
	struct list_head clients;
};

/* device_lock() -> hostmem_nd_lock -> the core's lock */
static DEFINE_MUTEX(hostmem_nd_lock);
static LIST_HEAD(hostmem_nd_spaces);
/* For clients to leave. */
static DECLARE_WAIT_QUEUE_HEAD(hostmem_nd_wait);

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

static struct hostmem_nd_space *hostmem_nd_find(const struct device *dev)
{
	struct hostmem_nd_space *space;

	list_for_each_entry(space, &hostmem_nd_spaces, node) {
		if (space->dev == dev)
			return space;
	}
	return NULL;
}

/* Under device_lock() and hostmem_nd_lock. */
static void hostmem_nd_add(struct device *dev)
{
	struct hostmem_nd_space *space = kzalloc(sizeof(*space), GFP_KERNEL);
	int rc;

	if (!space)
		return;
	space->dev = dev;
	INIT_LIST_HEAD(&space->leases);
	INIT_LIST_HEAD(&space->clients);
	rc = hostmem_namespace_describe(hostmem_nd_driver.drv.bus, dev, &space->pmem);
	if (!rc)
		rc = hostmem_pmem_add(&space->pmem);
	if (rc == -EEXIST)
		dev_warn(dev, "ignored: it overlaps a namespace that is known\n");
	else if (rc)
		dev_warn(dev, "ignored: error %d\n", rc);
	if (rc) {
		kfree(space);
		return;
	}
	list_add_tail(&space->node, &hostmem_nd_spaces);
}

/* End the regions that use a namespace which nobody finds any more. */
static void hostmem_nd_lose(struct hostmem_nd_space *space)
{
	struct hostmem_client *client;

	mutex_lock(&hostmem_nd_lock);
	while ((client = list_first_entry_or_null(&space->clients, struct hostmem_client, node))) {
		struct list_head *node = &client->node;
		struct hostmem_segment *segment = client->segment;
		bool kept = hostmem_segment_get(segment);

		mutex_unlock(&hostmem_nd_lock);
		if (kept) {
			hostmem_segment_lost(segment);
			hostmem_segment_put(segment);
		}
		/* It leaves at its end, which may have begun elsewhere. */
		wait_event(hostmem_nd_wait, READ_ONCE(space->clients.next) != node);
		mutex_lock(&hostmem_nd_lock);
	}
	mutex_unlock(&hostmem_nd_lock);
}

/* Forget a namespace that is out of the list. */
static void hostmem_nd_drop(struct hostmem_nd_space *space)
{
	struct hostmem_lease *lease, *next;

	hostmem_nd_lose(space);
	mutex_lock(&hostmem_nd_lock);
	list_for_each_entry_safe(lease, next, &space->leases, node)
		hostmem_lease_revoke(lease);
	mutex_unlock(&hostmem_nd_lock);
	hostmem_pmem_remove(&space->pmem);
	kfree(space);
}

/**
 * hostmem_nd_join - let a region use a namespace
 * @client: filled but for the node
 * @pmem_id: number of the namespace
 *
 * Context: sleeps.
 * Return: 0: the region ends when the namespace does; -ENODEV: there is none, or it goes;
 * -EBUSY: it has an exclusive client; or what @client's join() returns.
 */
int hostmem_nd_join(struct hostmem_client *client, u64 pmem_id)
{
	struct hostmem_nd_space *space, *found = NULL;
	struct hostmem_client *other;
	int rc = 0;

	mutex_lock(&hostmem_nd_lock);
	list_for_each_entry(space, &hostmem_nd_spaces, node) {
		if (space->pmem.id == pmem_id)
			found = space;
	}
	if (!found) {
		rc = -ENODEV;
		goto out_unlock;
	}
	list_for_each_entry(other, &found->clients, node) {
		if (other->exclusive && client->exclusive)
			rc = -EBUSY;
	}
	if (!rc && client->join)
		rc = client->join(client, &found->pmem, found->dev);
	if (!rc) {
		client->segment->pmem_id = pmem_id;
		list_add_tail(&client->node, &found->clients);
	}
out_unlock:
	mutex_unlock(&hostmem_nd_lock);
	return rc;
}

/**
 * hostmem_nd_leave - undo hostmem_nd_join()
 * @client: joined
 *
 * Context: sleeps.
 */
void hostmem_nd_leave(struct hostmem_client *client)
{
	mutex_lock(&hostmem_nd_lock);
	list_del_init(&client->node);
	mutex_unlock(&hostmem_nd_lock);
	wake_up_all(&hostmem_nd_wait);
}

/**
 * hostmem_nd_attach - find out on which namespace a lease's file is
 * @lease: has a file; from now on it is revoked when the namespace goes
 * @cmd: out: the reason, if the file is refused
 *
 * Context: sleeps.
 * Return: 0; -ENXIO or -EMEDIUMTYPE: refused; -EIO.
 */
int hostmem_nd_attach(struct hostmem_lease *lease, struct hostmem_extents *cmd)
{
	struct hostmem_nd_space *space;
	int rc;

	mutex_lock(&hostmem_nd_lock);
	list_for_each_entry(space, &hostmem_nd_spaces, node) {
		if (!hostmem_device_holds(space->dev, lease->file))
			continue;
		rc = hostmem_device_place(&space->pmem, lease, cmd);
		if (!rc) {
			lease->pmem_id = space->pmem.id;
			list_add_tail(&lease->node, &space->leases);
		}
		goto out_unlock;
	}
	rc = hostmem_extents_refuse(cmd, HOSTMEM_EXTENTS_NOT_PMEM, 0);
out_unlock:
	mutex_unlock(&hostmem_nd_lock);
	return rc;
}

/**
 * hostmem_nd_detach - undo hostmem_nd_attach()
 * @lease: attached or not, revoked or not
 *
 * Context: sleeps.
 */
void hostmem_nd_detach(struct hostmem_lease *lease)
{
	mutex_lock(&hostmem_nd_lock);
	list_del_init(&lease->node);
	mutex_unlock(&hostmem_nd_lock);
}

static void hostmem_nd_bound(struct device *dev)
{
	mutex_lock(&hostmem_nd_lock);
	/* The notifier and the search at load may both find it. */
	if (!hostmem_nd_find(dev))
		hostmem_nd_add(dev);
	mutex_unlock(&hostmem_nd_lock);
}

static void hostmem_nd_unbind(struct device *dev)
{
	struct hostmem_nd_space *space;

	mutex_lock(&hostmem_nd_lock);
	space = hostmem_nd_find(dev);
	if (space)
		list_del(&space->node);
	mutex_unlock(&hostmem_nd_lock);
	if (space)
		hostmem_nd_drop(space);
}

/* Under device_lock(). */
static int hostmem_nd_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct device *dev = data;

	if (!hostmem_namespace_drives(dev))
		return NOTIFY_DONE;
	if (action == BUS_NOTIFY_BOUND_DRIVER)
		hostmem_nd_bound(dev);
	else if (action == BUS_NOTIFY_UNBIND_DRIVER)
		hostmem_nd_unbind(dev);
	return NOTIFY_DONE;
}

static struct notifier_block hostmem_nd_nb = { .notifier_call = hostmem_nd_notify };

static int hostmem_nd_present(struct device *dev, void *data)
{
	if (!hostmem_namespace_drives(dev))
		return 0;
	device_lock(dev);
	if (dev->driver)
		hostmem_nd_bound(dev);
	device_unlock(dev);
	return 0;
}

static int __init hostmem_nd_init(void)
{
	int rc;

	rc = hostmem_holder_init();
	if (rc)
		return rc;
	rc = nd_driver_register(&hostmem_nd_driver);
	if (rc)
		goto err_holder;
	rc = bus_register_notifier(hostmem_bus(hostmem_nd_driver.drv.bus), &hostmem_nd_nb);
	if (rc)
		goto err_driver;
	bus_for_each_dev(hostmem_bus(hostmem_nd_driver.drv.bus), NULL, NULL, hostmem_nd_present);
	hostmem_extents_register(&hostmem_nd_extents_ops);
	hostmem_backing_register(HOSTMEM_BACKING_FILE, &hostmem_file_ops);
	hostmem_backing_register(HOSTMEM_BACKING_RESERVE, &hostmem_holder_ops);
	return 0;

err_driver:
	nd_driver_unregister(&hostmem_nd_driver);
err_holder:
	hostmem_holder_exit();
	return rc;
}

/* No region uses a namespace and no lease is open: they keep the module. */
static void __exit hostmem_nd_exit(void)
{
	struct hostmem_nd_space *space, *next;

	hostmem_backing_unregister(HOSTMEM_BACKING_RESERVE);
	hostmem_backing_unregister(HOSTMEM_BACKING_FILE);
	hostmem_extents_unregister();
	bus_unregister_notifier(hostmem_bus(hostmem_nd_driver.drv.bus), &hostmem_nd_nb);
	list_for_each_entry_safe(space, next, &hostmem_nd_spaces, node) {
		list_del(&space->node);
		hostmem_nd_drop(space);
	}
	nd_driver_unregister(&hostmem_nd_driver);
	hostmem_holder_exit();
}

module_init(hostmem_nd_init);
module_exit(hostmem_nd_exit);

MODULE_DESCRIPTION("Persistent memory for hostmem: namespaces, where they are and what is in them");
MODULE_AUTHOR("hostmem maintainers");
MODULE_LICENSE("GPL");
