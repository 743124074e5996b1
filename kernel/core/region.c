// SPDX-License-Identifier: GPL-2.0
/*
 * Regions: creation, the table of those that exist, their nodes, and their end.
 */
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/hostmem_nl.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "hostmem_private.h"

/* The table, the names, the nodes. */
DEFINE_MUTEX(hostmem_regions_lock);
static DEFINE_XARRAY(hostmem_regions);
static unsigned int hostmem_nr_regions;
static u64 hostmem_last_id;
static unsigned int hostmem_list_seq;

static atomic_t hostmem_last_minor = ATOMIC_INIT(-1);
static dev_t hostmem_devt;
static struct class *hostmem_class;

unsigned int hostmem_regions_count(void)
{
	unsigned int n;

	mutex_lock(&hostmem_regions_lock);
	n = hostmem_nr_regions;
	mutex_unlock(&hostmem_regions_lock);
	return n;
}

/**
 * hostmem_regions_seq - changes when a region is listed or unlisted
 *
 * Context: under hostmem_regions_lock.
 * Return: a number that is never 0.
 */
unsigned int hostmem_regions_seq(void)
{
	lockdep_assert_held(&hostmem_regions_lock);
	return hostmem_list_seq ?: 1;
}

/**
 * hostmem_region_next - the first listed region from a number on
 * @id: in: smallest number; out: the region's number
 *
 * Context: under hostmem_regions_lock, which keeps the region.
 * Return: the region, or NULL.
 */
struct hostmem_region *hostmem_region_next(u64 *id)
{
	struct hostmem_region *region;
	unsigned long index = *id;

	lockdep_assert_held(&hostmem_regions_lock);
	xa_for_each_start(&hostmem_regions, index, region, index) {
		if (!region->listed)
			continue;
		*id = index;
		return region;
	}
	return NULL;
}

/**
 * hostmem_region_get - keep a region that was found in the table
 * @region: the region, kept by the table's lock
 *
 * Return: true; false: it is an anonymous one that is being freed.
 */
bool hostmem_region_get(struct hostmem_region *region)
{
	return kobject_get_unless_zero(&region->dev.kobj);
}

/**
 * hostmem_region_find - a listed region by number
 * @id: its number
 *
 * Context: under hostmem_regions_lock, which keeps the region.
 * Return: the region, or NULL.
 */
struct hostmem_region *hostmem_region_find(u64 id)
{
	struct hostmem_region *region = xa_load(&hostmem_regions, id);

	lockdep_assert_held(&hostmem_regions_lock);
	return region && region->listed ? region : NULL;
}

static struct hostmem_region *hostmem_region_named(const char *name)
{
	struct hostmem_region *region;
	unsigned long index;

	xa_for_each(&hostmem_regions, index, region) {
		if (!strcmp(region->name, name))
			return region;
	}
	return NULL;
}

/**
 * hostmem_region_find_name - a listed region by name
 * @name: its name, not empty
 *
 * Context: under hostmem_regions_lock, which keeps the region.
 * Return: the region, or NULL.
 */
struct hostmem_region *hostmem_region_find_name(const char *name)
{
	struct hostmem_region *region;

	lockdep_assert_held(&hostmem_regions_lock);
	if (!*name)
		return NULL;
	region = hostmem_region_named(name);
	return region && region->listed ? region : NULL;
}

/* Take the name and a place in the table; nobody finds the region yet. */
static int hostmem_region_enroll(struct hostmem_region *region)
{
	int rc;

	mutex_lock(&hostmem_regions_lock);
	if (*region->name && hostmem_region_named(region->name)) {
		rc = -EEXIST;
	} else if (hostmem_nr_regions == HOSTMEM_MAX_REGIONS) {
		rc = -ENOSPC;
	} else {
		region->id = ++hostmem_last_id;
		rc = xa_insert(&hostmem_regions, region->id, region, GFP_KERNEL);
		if (!rc)
			hostmem_nr_regions++;
	}
	mutex_unlock(&hostmem_regions_lock);
	return rc;
}

/**
 * hostmem_region_publish - let everybody find a region
 * @region: with a place in the table
 * @view_id: of its first view
 *
 * From here on the table pins a named region, and it the module, until it ends.
 *
 * Context: sleeps.
 * Return: 0; -ENODEV: it has ended already; or an errno of making its node.
 */
int hostmem_region_publish(struct hostmem_region *region, u64 view_id)
{
	int rc = 0;

	mutex_lock(&hostmem_regions_lock);
	if (READ_ONCE(region->dead))
		rc = -ENODEV;
	else if (*region->name)
		rc = cdev_device_add(&region->cdev, &region->dev);
	if (!rc) {
		if (*region->name) {
			__module_get(THIS_MODULE);
			get_device(&region->dev);
		}
		region->listed = true;
		hostmem_list_seq++;
		/* Told before anybody can change it. */
		hostmem_event(region, HOSTMEM_NL_CREATED, view_id, 0, region->size);
	}
	mutex_unlock(&hostmem_regions_lock);
	return rc;
}

/*
 * Out of the table. True for one caller, if it was listed, who tells, and drops the table's
 * reference of a named region.
 */
static bool hostmem_region_withdraw(struct hostmem_region *region)
{
	bool listed;

	mutex_lock(&hostmem_regions_lock);
	listed = region->listed;
	if (listed) {
		region->listed = false;
		hostmem_list_seq++;
		if (*region->name)
			cdev_device_del(&region->cdev, &region->dev);
	}
	if (region->id && xa_load(&hostmem_regions, region->id) == region) {
		xa_erase(&hostmem_regions, region->id);
		hostmem_nr_regions--;
	}
	mutex_unlock(&hostmem_regions_lock);
	return listed;
}

static void hostmem_region_free(struct device *dev)
{
	struct hostmem_region *region = container_of(dev, struct hostmem_region, dev);

	/* The end of an anonymous region that nobody has destroyed. */
	if (hostmem_region_withdraw(region))
		hostmem_event(region, HOSTMEM_NL_DESTROYED, 0, 0, region->size);
	if (region->has_srcu) {
		/* A fault handler may have outlived the last mapping. */
		synchronize_srcu_expedited(&region->srcu);
		cleanup_srcu_struct(&region->srcu);
	}
	hostmem_segment_close(&region->segment);
	kvfree(region->plugged);
	kvfree(region->changing);
	kvfree(rcu_dereference_protected(region->poison, true));
	kfree(region);
}

static char *hostmem_region_devnode(hostmem_devnode_device *dev, umode_t *mode, kuid_t *uid,
				    kgid_t *gid)
{
	const struct hostmem_region *region = container_of(dev, struct hostmem_region, dev);

	/* Whoever removes the node asks for its name only. */
	if (mode) {
		/* With a type it is never 0, which would stand for a default. */
		*mode = region->mode | S_IFCHR;
		*uid = region->uid;
		*gid = region->gid;
	}
	return kasprintf(GFP_KERNEL, "hostmem/%s", region->name);
}

static const struct device_type hostmem_region_type = {
	.name = "hostmem_region",
	.devnode = hostmem_region_devnode,
	.release = hostmem_region_free,
};

/* A NUL-terminated name, NUL to its end, that can be a file name. */
static int hostmem_name_check(const u8 *name)
{
	size_t len = strnlen(name, HOSTMEM_NAME_MAX);
	size_t i;

	if (len == HOSTMEM_NAME_MAX || memchr_inv(name + len, 0, HOSTMEM_NAME_MAX - len))
		return -EINVAL;
	if (name[0] == '.' || name[0] == '-' || !strcmp(name, "control"))
		return -EINVAL;
	for (i = 0; i < len; i++) {
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("._-", name[i])))
			return -EINVAL;
	}
	return 0;
}

/**
 * hostmem_region_get_named - a listed region by a name that user space gave
 * @name: HOSTMEM_NAME_MAX bytes
 *
 * Return: the region, for put_device(), or ERR_PTR(-EINVAL) or ERR_PTR(-ENOENT).
 */
struct hostmem_region *hostmem_region_get_named(const u8 *name)
{
	struct hostmem_region *region;
	int rc;

	rc = hostmem_name_check(name);
	if (rc)
		return ERR_PTR(rc);
	mutex_lock(&hostmem_regions_lock);
	region = hostmem_region_find_name(name);
	if (region)
		get_device(&region->dev);
	mutex_unlock(&hostmem_regions_lock);
	return region ?: ERR_PTR(-ENOENT);
}

static int hostmem_create_check_node(const struct hostmem_region_create *cmd)
{
	int rc = hostmem_name_check(cmd->name);

	if (rc)
		return rc;
	if (!*cmd->name)
		return cmd->mode || cmd->uid || cmd->gid ? -EINVAL : 0;
	return cmd->mode & ~0777 ? -EINVAL : 0;
}

static int hostmem_create_check(const struct hostmem_region_create *cmd, u64 block_size)
{
	if (cmd->flags || cmd->allocation > HOSTMEM_ALLOCATION_IMMEDIATE)
		return -EOPNOTSUPP;
	if (block_size < HOSTMEM_MIN_BLOCK_SIZE || !is_power_of_2(block_size))
		return -EINVAL;
	if (!cmd->region_size || !IS_ALIGNED(cmd->region_size, block_size) ||
	    cmd->region_size > HOSTMEM_MAX_SIZE ||
	    cmd->region_size / block_size > HOSTMEM_MAX_BLOCKS ||
	    !IS_ALIGNED(cmd->slot_size, block_size))
		return -EINVAL;
	return hostmem_create_check_node(cmd);
}

/* As for chown(): a node for somebody else, or for a foreign group, needs CAP_CHOWN. */
static int hostmem_region_set_owner(struct hostmem_region *region,
				    const struct hostmem_region_create *cmd)
{
	region->mode = cmd->mode;
	region->uid = make_kuid(current_user_ns(), cmd->uid);
	region->gid = make_kgid(current_user_ns(), cmd->gid);
	if (!uid_valid(region->uid) || !gid_valid(region->gid))
		return -EINVAL;
	if (uid_eq(region->uid, current_fsuid()) && in_group_p(region->gid))
		return 0;
	return capable(CAP_CHOWN) ? 0 : -EPERM;
}

/* A node that somebody has kept must never become another region's: no minor is used again. */
static int hostmem_region_init_node(struct hostmem_region *region,
				    const struct hostmem_region_create *cmd)
{
	int rc = hostmem_region_set_owner(region, cmd);
	int minor;

	if (rc)
		return rc;
	minor = atomic_inc_return(&hostmem_last_minor);
	if (minor >= HOSTMEM_MINORS) {
		atomic_dec(&hostmem_last_minor);
		return -ENOSPC;
	}
	region->dev.devt = MKDEV(MAJOR(hostmem_devt), minor);
	region->dev.class = hostmem_class;
	cdev_init(&region->cdev, &hostmem_node_fops);
	region->cdev.owner = THIS_MODULE;
	return dev_set_name(&region->dev, "%s", region->name);
}

static int hostmem_region_init(struct hostmem_region *region,
			       const struct hostmem_region_create *cmd)
{
	size_t words = BITS_TO_LONGS(hostmem_nr_blocks(region));
	int rc;

	region->plugged = kvcalloc(words, sizeof(long), GFP_KERNEL_ACCOUNT);
	region->changing = kvcalloc(words, sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!region->plugged || !region->changing)
		return -ENOMEM;
	rc = init_srcu_struct(&region->srcu);
	if (rc)
		return rc;
	region->has_srcu = true;
	rc = hostmem_segment_open(&region->segment, cmd);
	if (rc)
		return rc;
	if (*region->name)
		rc = hostmem_region_init_node(region, cmd);
	return rc;
}

/**
 * hostmem_region_alloc - make a region that nobody can find yet
 * @cmd: what it shall be like
 *
 * Its name and its place in the table are taken.
 *
 * Context: sleeps.
 * Return: the region, for put_device(), or an ERR_PTR.
 */
struct hostmem_region *hostmem_region_alloc(const struct hostmem_region_create *cmd)
{
	u64 block_size = cmd->block_size ?: HOSTMEM_MIN_BLOCK_SIZE;
	struct hostmem_region *region;
	int rc;

	rc = hostmem_create_check(cmd, block_size);
	if (rc)
		return ERR_PTR(rc);
	region = kzalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);
	if (!region)
		return ERR_PTR(-ENOMEM);
	device_initialize(&region->dev);
	region->dev.type = &hostmem_region_type;
	mutex_init(&region->lock);
	spin_lock_init(&region->view_lock);
	mutex_init(&region->policy_lock);
	INIT_LIST_HEAD(&region->policies);
	INIT_LIST_HEAD(&region->views);
	init_waitqueue_head(&region->wait);
	init_waitqueue_head(&region->drained);
	region->size = cmd->region_size;
	region->block_shift = ilog2(block_size);
	region->slot_size = cmd->slot_size;
	region->backing = cmd->backing;
	region->allocation = cmd->allocation;
	region->huge = cmd->huge;
	memcpy(region->name, cmd->name, sizeof(region->name));

	rc = hostmem_region_init(region, cmd);
	if (!rc)
		rc = hostmem_region_enroll(region);
	if (rc) {
		put_device(&region->dev);
		return ERR_PTR(rc);
	}
	return region;
}

/* Dead from here on: no mapping can be made. Refused while there are any, unless forced. */
static int hostmem_region_kill(struct hostmem_region *region, const struct hostmem_view *view,
			       bool force)
{
	int rc = 0;

	lockdep_assert_held(&region->lock);
	spin_lock(&region->view_lock);
	if (region->dead || (view && view->revoked))
		rc = -ENODEV;
	else if (region->nr_mappings && !force)
		rc = -EBUSY;
	else
		region->dead = true;
	spin_unlock(&region->view_lock);
	if (!rc) {
		bitmap_zero(region->plugged, hostmem_nr_blocks(region));
		region->nr_plugged = 0;
	}
	return rc;
}

/**
 * hostmem_region_end - take a region out of the table and its memory out of all page tables
 * @region: pinned by the caller, who is in no call that hostmem_view_enter() let in
 * @view: whose right it is to do so, or NULL: the memory is lost
 * @force: though it is mapped
 * @pins: what is pinned afterwards, or NULL
 *
 * Context: sleeps; under no lock that a call on a view or a fault may need.
 * Return: 0; -EBUSY: it is mapped; -ENODEV: it has ended before, or the view has been revoked.
 */
int hostmem_region_end(struct hostmem_region *region, const struct hostmem_view *view, bool force,
		       struct hostmem_pins *pins)
{
	bool listed;
	int rc;

	mutex_lock(&region->lock);
	rc = hostmem_region_kill(region, view, force);
	mutex_unlock(&region->lock);
	if (rc)
		return rc;
	listed = hostmem_region_withdraw(region);
	/* Those first who may still make memory that the cut is to free. */
	hostmem_views_drain(region);
	hostmem_guard_cut(region, 0, region->size, HOSTMEM_CUT_FREE, pins);
	hostmem_segment_end(&region->segment);
	hostmem_region_bump(region);
	/* One that is only just being created has not been told of. */
	if (!listed)
		return 0;
	hostmem_event(region, HOSTMEM_NL_DESTROYED, 0, 0, region->size);
	if (*region->name) {
		put_device(&region->dev);
		module_put(THIS_MODULE);
	}
	return 0;
}

/**
 * hostmem_region_destroy - HOSTMEM_REGION_DESTROY
 * @ucmd: the ioctl, on an owner view
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_region_destroy(struct hostmem_ucmd *ucmd)
{
	struct hostmem_region_destroy *cmd = ucmd->cmd;
	struct hostmem_pins pins = { .wait = cmd->flags & HOSTMEM_PINS_WAIT };
	int rc;

	if (cmd->flags & ~(HOSTMEM_DESTROY_FORCE | HOSTMEM_PINS_WAIT))
		return -EOPNOTSUPP;
	rc = hostmem_region_end(ucmd->view->region, ucmd->view,
				cmd->flags & HOSTMEM_DESTROY_FORCE, &pins);
	if (rc)
		return rc;
	/* Done, whether it can be answered or not. */
	cmd->out_pinned = pins.bytes;
	hostmem_ucmd_respond(ucmd);
	return 0;
}

/**
 * hostmem_region_info - HOSTMEM_REGION_INFO
 * @ucmd: the ioctl, on any view
 *
 * Return: 0 or an errno as in the UAPI header.
 */
int hostmem_region_info(struct hostmem_ucmd *ucmd)
{
	struct hostmem_region_info *cmd = ucmd->cmd;
	struct hostmem_view *view = ucmd->view;
	struct hostmem_region *region = view->region;

	if (cmd->flags)
		return -EOPNOTSUPP;
	if (hostmem_view_dead(view))
		return -ENODEV;
	cmd->out_id = region->id;
	cmd->out_view_id = view->id;
	cmd->out_size = region->size;
	cmd->out_block_size = hostmem_block_size(region);
	cmd->out_slot_size = region->slot_size;
	cmd->out_view_start = view->start;
	cmd->out_view_length = view->length;
	cmd->out_rights = view->rights;
	cmd->out_backing = region->backing;
	cmd->out_allocation = region->allocation;
	cmd->out_huge = region->huge;
	memcpy(cmd->out_name, region->name, sizeof(cmd->out_name));

	mutex_lock(&region->lock);
	cmd->out_plugged = region->nr_plugged << region->block_shift;
	cmd->out_generation = atomic64_read(&region->generation);
	mutex_unlock(&region->lock);
	WRITE_ONCE(view->seen, cmd->out_generation);

	spin_lock(&region->view_lock);
	cmd->out_views = region->nr_views;
	cmd->out_mappings = region->nr_mappings;
	spin_unlock(&region->view_lock);
	return hostmem_ucmd_respond(ucmd);
}

int hostmem_regions_init(void)
{
	int rc;

	hostmem_class = class_create("hostmem");
	if (IS_ERR(hostmem_class))
		return PTR_ERR(hostmem_class);
	rc = alloc_chrdev_region(&hostmem_devt, 0, HOSTMEM_MINORS, "hostmem");
	if (rc)
		class_destroy(hostmem_class);
	return rc;
}

void hostmem_regions_exit(void)
{
	unregister_chrdev_region(hostmem_devt, HOSTMEM_MINORS);
	class_destroy(hostmem_class);
}
