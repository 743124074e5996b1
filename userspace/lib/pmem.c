// SPDX-License-Identifier: LGPL-2.1-only
/*
 * The pmem namespaces that are enabled, as netlink tells it, and the media of any.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libmnl/libmnl.h>
#include <linux/hostmem_nl.h>
#include <linux/hostmem_reserve.h>

#include "private.h"

#define HOSTMEM_PMEM_NAME_MAX 32
/* As text, with its NUL. */
#define HOSTMEM_UUID_SIZE 37

struct hostmem_pmem {
	struct hostmem_ctx *ctx;
	struct hostmem_pmem *next;
	uint64_t id;
	char name[HOSTMEM_PMEM_NAME_MAX];
	char dev[HOSTMEM_PMEM_NAME_MAX];
	unsigned int mode;
	unsigned int map;
	unsigned long long spa;
	unsigned long long size;
	unsigned long long data_offset;
	unsigned long long data_size;
	unsigned int reserve_layout;
	unsigned long long reserve_offset;
	unsigned long long reserve_size;
	char reserve_purpose[HOSTMEM_RESERVE_PURPOSE_MAX];
	char reserve_uuid[HOSTMEM_UUID_SIZE];
	bool sync;
	bool read_only;
};

static const uint8_t hostmem_pmem_types[HOSTMEM_A_PMEM_MAX + 1] = {
	[HOSTMEM_A_PMEM_ID] = MNL_TYPE_U64,
	[HOSTMEM_A_PMEM_NAME] = MNL_TYPE_NUL_STRING,
	[HOSTMEM_A_PMEM_DEV] = MNL_TYPE_NUL_STRING,
	[HOSTMEM_A_PMEM_MODE] = MNL_TYPE_U32,
	[HOSTMEM_A_PMEM_MAP] = MNL_TYPE_U32,
	[HOSTMEM_A_PMEM_SPA] = MNL_TYPE_U64,
	[HOSTMEM_A_PMEM_SIZE] = MNL_TYPE_U64,
	[HOSTMEM_A_PMEM_DATA_OFFSET] = MNL_TYPE_U64,
	[HOSTMEM_A_PMEM_DATA_SIZE] = MNL_TYPE_U64,
	[HOSTMEM_A_PMEM_RESERVE_LAYOUT] = MNL_TYPE_U32,
	[HOSTMEM_A_PMEM_RESERVE_OFFSET] = MNL_TYPE_U64,
	[HOSTMEM_A_PMEM_RESERVE_SIZE] = MNL_TYPE_U64,
	[HOSTMEM_A_PMEM_RESERVE_PURPOSE] = MNL_TYPE_NUL_STRING,
	[HOSTMEM_A_PMEM_RESERVE_UUID] = MNL_TYPE_NUL_STRING,
	[HOSTMEM_A_PMEM_SYNC] = MNL_TYPE_FLAG,
	[HOSTMEM_A_PMEM_READ_ONLY] = MNL_TYPE_FLAG,
};

/* A list being read. */
struct hostmem_pmem_listing {
	struct hostmem_ctx *ctx;
	struct hostmem_pmem *pmems;
	struct hostmem_pmem **tail;
};

void hostmem_pmems_free(struct hostmem_pmem *pmems)
{
	struct hostmem_pmem *next;

	for (; pmems; pmems = next) {
		next = pmems->next;
		free(pmems);
	}
}

static void hostmem_pmem_text(char *to, size_t size, const struct nlattr *attr)
{
	snprintf(to, size, "%s", attr ? mnl_attr_get_str(attr) : "");
}

static void hostmem_pmem_reserve(struct hostmem_pmem *pmem, const struct nlattr **a)
{
	pmem->reserve_layout = hostmem_attr_u32(a[HOSTMEM_A_PMEM_RESERVE_LAYOUT]);
	pmem->reserve_offset = hostmem_attr_u64(a[HOSTMEM_A_PMEM_RESERVE_OFFSET]);
	pmem->reserve_size = hostmem_attr_u64(a[HOSTMEM_A_PMEM_RESERVE_SIZE]);
	hostmem_pmem_text(pmem->reserve_purpose, sizeof(pmem->reserve_purpose),
			  a[HOSTMEM_A_PMEM_RESERVE_PURPOSE]);
	hostmem_pmem_text(pmem->reserve_uuid, sizeof(pmem->reserve_uuid),
			  a[HOSTMEM_A_PMEM_RESERVE_UUID]);
}

static int hostmem_list_pmem(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *a[HOSTMEM_A_PMEM_MAX + 1] = { NULL };
	struct hostmem_attrs attrs = { a, hostmem_pmem_types, HOSTMEM_A_PMEM_MAX };
	struct hostmem_pmem_listing *list = data;
	struct hostmem_pmem *pmem;

	if (hostmem_netlink_parse(nlh, &attrs) || !a[HOSTMEM_A_PMEM_NAME])
		return -EBADMSG;
	pmem = calloc(1, sizeof(*pmem));
	if (!pmem)
		return -ENOMEM;
	pmem->ctx = list->ctx;
	pmem->id = hostmem_attr_u64(a[HOSTMEM_A_PMEM_ID]);
	hostmem_pmem_text(pmem->name, sizeof(pmem->name), a[HOSTMEM_A_PMEM_NAME]);
	hostmem_pmem_text(pmem->dev, sizeof(pmem->dev), a[HOSTMEM_A_PMEM_DEV]);
	pmem->mode = hostmem_attr_u32(a[HOSTMEM_A_PMEM_MODE]);
	pmem->map = hostmem_attr_u32(a[HOSTMEM_A_PMEM_MAP]);
	pmem->spa = hostmem_attr_u64(a[HOSTMEM_A_PMEM_SPA]);
	pmem->size = hostmem_attr_u64(a[HOSTMEM_A_PMEM_SIZE]);
	pmem->data_offset = hostmem_attr_u64(a[HOSTMEM_A_PMEM_DATA_OFFSET]);
	pmem->data_size = hostmem_attr_u64(a[HOSTMEM_A_PMEM_DATA_SIZE]);
	hostmem_pmem_reserve(pmem, a);
	pmem->sync = a[HOSTMEM_A_PMEM_SYNC];
	pmem->read_only = a[HOSTMEM_A_PMEM_READ_ONLY];
	*list->tail = pmem;
	list->tail = &pmem->next;
	return 0;
}

static int hostmem_list_pmems(struct hostmem_netlink *nl, void *data)
{
	struct hostmem_pmem_listing *list = data;
	char buf[256];

	hostmem_pmems_free(list->pmems);
	list->pmems = NULL;
	list->tail = &list->pmems;
	return hostmem_netlink_dump(nl, hostmem_netlink_request(nl, buf, HOSTMEM_NL_PMEM_GET),
				    hostmem_list_pmem, list);
}

/**
 * hostmem_pmem_refresh - read again which pmem namespaces are enabled
 * @ctx: the context
 *
 * On success the namespaces that the context had listed are freed. On error they stay as they
 * were. Without the module hostmem_nd the list is empty.
 *
 * Return: 0; -EPERM: needs CAP_SYS_ADMIN, because it tells physical addresses; -ENODEV: the
 * module hostmem is not loaded, or this is not the initial network namespace; -EAGAIN; -ENOMEM;
 * -EBADMSG: an answer that cannot be understood; or an error of socket(2).
 */
int hostmem_pmem_refresh(struct hostmem_ctx *ctx)
{
	struct hostmem_pmem_listing list = { .ctx = ctx };
	int rc;

	rc = hostmem_netlink_list(ctx, hostmem_list_pmems, &list);
	if (rc) {
		hostmem_pmems_free(list.pmems);
		return rc;
	}
	hostmem_pmems_free(ctx->pmems);
	ctx->pmems = list.pmems;
	return 0;
}

/**
 * hostmem_pmem_get_first - the first namespace that hostmem_pmem_refresh() read
 * @ctx: the context
 *
 * Return: the namespace, owned by the context until the next hostmem_pmem_refresh(), or NULL.
 */
struct hostmem_pmem *hostmem_pmem_get_first(struct hostmem_ctx *ctx)
{
	return ctx->pmems;
}

/**
 * hostmem_pmem_get_next - the namespace after another
 * @pmem: the other
 *
 * Return: the namespace, or NULL.
 */
struct hostmem_pmem *hostmem_pmem_get_next(struct hostmem_pmem *pmem)
{
	return pmem->next;
}

/**
 * hostmem_pmem_get_ctx - the context of a namespace
 * @pmem: the namespace
 *
 * Return: the context that listed it.
 */
struct hostmem_ctx *hostmem_pmem_get_ctx(struct hostmem_pmem *pmem)
{
	return pmem->ctx;
}

/**
 * hostmem_pmem_get_id - the number of a namespace
 * @pmem: the namespace
 *
 * Return: a number that it has while it is enabled, never used again.
 */
uint64_t hostmem_pmem_get_id(struct hostmem_pmem *pmem)
{
	return pmem->id;
}

/**
 * hostmem_pmem_get_name - the name of a namespace
 * @pmem: the namespace
 *
 * Return: the name that ndctl gives it.
 */
const char *hostmem_pmem_get_name(struct hostmem_pmem *pmem)
{
	return pmem->name;
}

/**
 * hostmem_pmem_get_dev - the device of a namespace
 * @pmem: the namespace
 *
 * Return: the name of its block device or its /dev/dax device, or NULL.
 */
const char *hostmem_pmem_get_dev(struct hostmem_pmem *pmem)
{
	return *pmem->dev ? pmem->dev : NULL;
}

/**
 * hostmem_pmem_get_mode - the mode of a namespace
 * @pmem: the namespace
 *
 * Return: HOSTMEM_PMEM_RAW, _SECTOR, _FSDAX or _DEVDAX.
 */
unsigned int hostmem_pmem_get_mode(struct hostmem_pmem *pmem)
{
	return pmem->mode;
}

/**
 * hostmem_pmem_get_map - where the struct pages of a namespace are
 * @pmem: the namespace
 *
 * Return: HOSTMEM_PMEM_MAP_*.
 */
unsigned int hostmem_pmem_get_map(struct hostmem_pmem *pmem)
{
	return pmem->map;
}

/**
 * hostmem_pmem_get_spa - where a namespace is
 * @pmem: the namespace
 *
 * Return: its first system physical address.
 */
unsigned long long hostmem_pmem_get_spa(struct hostmem_pmem *pmem)
{
	return pmem->spa;
}

/**
 * hostmem_pmem_get_size - how large a namespace is
 * @pmem: the namespace
 *
 * Return: bytes, with all that is not data.
 */
unsigned long long hostmem_pmem_get_size(struct hostmem_pmem *pmem)
{
	return pmem->size;
}

/**
 * hostmem_pmem_get_data_offset - where the data of a namespace begins
 * @pmem: the namespace
 *
 * Return: bytes from its start; means nothing in sector mode.
 */
unsigned long long hostmem_pmem_get_data_offset(struct hostmem_pmem *pmem)
{
	return pmem->data_offset;
}

/**
 * hostmem_pmem_get_data_size - how much data a namespace can hold
 * @pmem: the namespace
 *
 * Return: bytes; 0 in sector mode, whose data is not in one piece.
 */
unsigned long long hostmem_pmem_get_data_size(struct hostmem_pmem *pmem)
{
	return pmem->data_size;
}

/**
 * hostmem_pmem_get_reserve_layout - where the reserve of a namespace is
 * @pmem: the namespace
 *
 * Return: HOSTMEM_RESERVE_TAIL: behind the data; HOSTMEM_RESERVE_HEAD: in front of it; 0: there
 * is no reserve.
 */
unsigned int hostmem_pmem_get_reserve_layout(struct hostmem_pmem *pmem)
{
	return pmem->reserve_layout;
}

/**
 * hostmem_pmem_get_reserve_offset - where the reserve of a namespace begins
 * @pmem: the namespace
 *
 * Return: bytes from the start of the namespace.
 */
unsigned long long hostmem_pmem_get_reserve_offset(struct hostmem_pmem *pmem)
{
	return pmem->reserve_offset;
}

/**
 * hostmem_pmem_get_reserve_size - how large the reserve of a namespace is
 * @pmem: the namespace
 *
 * Return: bytes, with HOSTMEM_RESERVE_OVERHEAD that its user does not get.
 */
unsigned long long hostmem_pmem_get_reserve_size(struct hostmem_pmem *pmem)
{
	return pmem->reserve_size;
}

/**
 * hostmem_pmem_get_reserve_purpose - what the reserve of a namespace is for
 * @pmem: the namespace
 *
 * Return: what its creator said, owned by the namespace; may be empty.
 */
const char *hostmem_pmem_get_reserve_purpose(struct hostmem_pmem *pmem)
{
	return pmem->reserve_purpose;
}

/**
 * hostmem_pmem_get_reserve_uuid - which reserve a namespace has
 * @pmem: the namespace
 *
 * Names of namespaces change with a reboot; this is the reserve's as long as it exists.
 *
 * Return: the uuid as text, in lower case, owned by the namespace; empty: there is no reserve.
 */
const char *hostmem_pmem_get_reserve_uuid(struct hostmem_pmem *pmem)
{
	return pmem->reserve_uuid;
}

/**
 * hostmem_pmem_is_sync - whether a namespace can be mapped with MAP_SYNC
 * @pmem: the namespace
 *
 * Return: true if a write that was flushed from the caches needs no fsync().
 */
bool hostmem_pmem_is_sync(struct hostmem_pmem *pmem)
{
	return pmem->sync;
}

/**
 * hostmem_pmem_is_read_only - whether what is written to a namespace may be lost
 * @pmem: the namespace
 *
 * Return: true if a DIMM of it is not armed, or its region of libnvdimm has been made read-only:
 * no region can be created on it.
 */
bool hostmem_pmem_is_read_only(struct hostmem_pmem *pmem)
{
	return pmem->read_only;
}

/**
 * hostmem_pmem_open_media - look at what is on a namespace
 * @ctx: the context
 * @name: of the namespace, which need not be enabled, nor listed
 * @flags: HOSTMEM_MEDIA_ALONE: no region and no lease begins on it until the fd is closed; or 0
 * @fd: out: an fd that reads as all bytes of the namespace; the caller closes it
 *
 * Needs CAP_SYS_ADMIN and the module hostmem_nd. Takes nothing from whoever uses the namespace.
 *
 * Return: 0; -EPERM or -EACCES: the right is missing; -ENODEV: the module hostmem is not loaded;
 * -ENOPKG: the module hostmem_nd is not loaded; -ENOENT: no such namespace, or it has no size;
 * -EBUSY: with HOSTMEM_MEDIA_ALONE, a region or a lease is on it, or another has it alone;
 * -EOPNOTSUPP: @flags; -EMFILE; -ENOMEM.
 */
int hostmem_pmem_open_media(struct hostmem_ctx *ctx, const char *name, unsigned int flags, int *fd)
{
	struct hostmem_media cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.name = (uintptr_t)name,
	};
	int control = hostmem_ctx_control(ctx);
	int rc;

	if (control < 0)
		return control;
	rc = hostmem_sys_ioctl(control, HOSTMEM_MEDIA, &cmd);
	if (!rc)
		*fd = cmd.out_fd;
	return rc;
}
