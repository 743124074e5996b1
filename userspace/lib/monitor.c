// SPDX-License-Identifier: LGPL-2.1-only
/*
 * Events, from the netlink group.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/hostmem_nl.h>

#include "private.h"

/* An event comes alone, and its name may have 4095 bytes. */
#define HOSTMEM_MONITOR_BUFFER 8192

/* What stat(2) says of the initial PID namespace, on every kernel: PROC_PID_INIT_INO. */
#define HOSTMEM_PID_INIT_INO 0xeffffffcU

struct hostmem_monitor {
	struct hostmem_ctx *ctx;	/* holds a reference */
	struct hostmem_netlink nl;
	bool pids;			/* those of the events are ours */
	char *buf;			/* [HOSTMEM_MONITOR_BUFFER], with the event's strings */
	int left;			/* bytes that have not been looked at... */
	struct nlmsghdr *next;		/* ...from here on */
};

static const char *const hostmem_event_names[HOSTMEM_NL_MAX + 1] = {
	[HOSTMEM_NL_CREATED] = "created",
	[HOSTMEM_NL_DESTROYED] = "destroyed",
	[HOSTMEM_NL_PLUGGED] = "plugged",
	[HOSTMEM_NL_UNPLUGGED] = "unplugged",
	[HOSTMEM_NL_MAPPED] = "mapped",
	[HOSTMEM_NL_UNMAPPED] = "unmapped",
	[HOSTMEM_NL_REVOKED] = "revoked",
	[HOSTMEM_NL_PMEM_ADDED] = "pmem-added",
	[HOSTMEM_NL_PMEM_REMOVED] = "pmem-removed",
	[HOSTMEM_NL_POISONED] = "poisoned",
	[HOSTMEM_NL_CLEARED] = "cleared",
	[HOSTMEM_NL_PMEM_BADBLOCKS] = "pmem-badblocks",
	[HOSTMEM_NL_RENAMED] = "renamed",
};

static const uint8_t hostmem_event_types[HOSTMEM_A_EVENT_MAX + 1] = {
	[HOSTMEM_A_EVENT_REGION_ID] = MNL_TYPE_U64,
	[HOSTMEM_A_EVENT_REGION_NAME] = MNL_TYPE_NUL_STRING,
	[HOSTMEM_A_EVENT_GENERATION] = MNL_TYPE_U64,
	[HOSTMEM_A_EVENT_VIEW_ID] = MNL_TYPE_U64,
	[HOSTMEM_A_EVENT_PID] = MNL_TYPE_U32,
	[HOSTMEM_A_EVENT_START] = MNL_TYPE_U64,
	[HOSTMEM_A_EVENT_LENGTH] = MNL_TYPE_U64,
};

static const uint8_t hostmem_event_pmem_types[HOSTMEM_A_PMEM_MAX + 1] = {
	[HOSTMEM_A_PMEM_NAME] = MNL_TYPE_NUL_STRING,
	[HOSTMEM_A_PMEM_DEV] = MNL_TYPE_NUL_STRING,
};

static int hostmem_monitor_join(struct hostmem_monitor *m)
{
	uint32_t group = m->nl.group;
	int saved = errno;
	int rc = 0;
	int fd;

	if (!group)
		return -EOPNOTSUPP;
	fd = mnl_socket_get_fd(m->nl.sock);
	if (mnl_socket_setsockopt(m->nl.sock, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		rc = -errno;
	errno = saved;
	return rc;
}

/* Events have pids of the initial PID namespace. */
static bool hostmem_monitor_knows_pids(void)
{
	int saved = errno;
	struct stat st;
	bool knows;

	knows = !stat("/proc/self/ns/pid", &st) && st.st_ino == HOSTMEM_PID_INIT_INO;
	errno = saved;
	return knows;
}

/**
 * hostmem_monitor_new - listen for events
 * @ctx: the context
 * @monitor: out: the monitor
 *
 * Every event from now on is received. Any user may listen. Who did it is told in the initial PID
 * namespace only, and where /proc is mounted; elsewhere event->pid is 0.
 *
 * Return: 0; -ENODEV: the module is not loaded, or this is not the initial network
 * namespace; -ENOMEM; or an error of socket(2).
 */
int hostmem_monitor_new(struct hostmem_ctx *ctx, struct hostmem_monitor **monitor)
{
	struct hostmem_monitor *m;
	int rc;

	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->buf = malloc(HOSTMEM_MONITOR_BUFFER);
	if (!m->buf) {
		free(m);
		return -ENOMEM;
	}
	rc = hostmem_netlink_open(ctx, &m->nl);
	if (rc)
		goto err_buf;
	rc = hostmem_monitor_join(m);
	if (rc)
		goto err_netlink;
	m->pids = hostmem_monitor_knows_pids();
	m->ctx = hostmem_ref(ctx);
	*monitor = m;
	return 0;

err_netlink:
	hostmem_netlink_close(&m->nl);
err_buf:
	free(m->buf);
	free(m);
	return rc;
}

/**
 * hostmem_monitor_unref - stop listening
 * @monitor: the monitor, or NULL
 *
 * Return: NULL.
 */
struct hostmem_monitor *hostmem_monitor_unref(struct hostmem_monitor *monitor)
{
	if (!monitor)
		return NULL;
	hostmem_netlink_close(&monitor->nl);
	hostmem_unref(monitor->ctx);
	free(monitor->buf);
	free(monitor);
	return NULL;
}

/**
 * hostmem_monitor_get_fd - for poll(2)
 * @monitor: the monitor
 *
 * Return: an fd that is readable when there are events; after it was, call
 * hostmem_monitor_receive() until that returns -EAGAIN.
 */
int hostmem_monitor_get_fd(struct hostmem_monitor *monitor)
{
	return mnl_socket_get_fd(monitor->nl.sock);
}

static int hostmem_monitor_fill(struct hostmem_monitor *m)
{
	int saved = errno;
	ssize_t n;

	n = mnl_socket_recvfrom(m->nl.sock, m->buf, HOSTMEM_MONITOR_BUFFER);
	if (n < 0)
		n = -errno;
	errno = saved;
	if (n < 0)
		return n;
	m->next = (struct nlmsghdr *)m->buf;
	m->left = n;
	return 0;
}

static int hostmem_monitor_parse_pmem(const struct nlmsghdr *nlh, struct hostmem_event *event)
{
	const struct nlattr *a[HOSTMEM_A_PMEM_MAX + 1] = { NULL };
	struct hostmem_attrs attrs = { a, hostmem_event_pmem_types, HOSTMEM_A_PMEM_MAX };

	if (hostmem_netlink_parse(nlh, &attrs) || !a[HOSTMEM_A_PMEM_NAME] ||
	    !a[HOSTMEM_A_PMEM_DEV])
		return -ENOMSG;
	event->pmem_name = mnl_attr_get_str(a[HOSTMEM_A_PMEM_NAME]);
	event->pmem_dev = mnl_attr_get_str(a[HOSTMEM_A_PMEM_DEV]);
	return 0;
}

static int hostmem_monitor_parse_region(struct hostmem_monitor *m, const struct nlmsghdr *nlh,
					struct hostmem_event *event)
{
	const struct nlattr *a[HOSTMEM_A_EVENT_MAX + 1] = { NULL };
	struct hostmem_attrs attrs = { a, hostmem_event_types, HOSTMEM_A_EVENT_MAX };

	if (hostmem_netlink_parse(nlh, &attrs))
		return -ENOMSG;
	event->region_id = hostmem_attr_u64(a[HOSTMEM_A_EVENT_REGION_ID]);
	if (a[HOSTMEM_A_EVENT_REGION_NAME])
		event->region_name = mnl_attr_get_str(a[HOSTMEM_A_EVENT_REGION_NAME]);
	event->generation = hostmem_attr_u64(a[HOSTMEM_A_EVENT_GENERATION]);
	event->view_id = hostmem_attr_u64(a[HOSTMEM_A_EVENT_VIEW_ID]);
	event->pid = m->pids ? hostmem_attr_u32(a[HOSTMEM_A_EVENT_PID]) : 0;
	event->start = hostmem_attr_u64(a[HOSTMEM_A_EVENT_START]);
	event->length = hostmem_attr_u64(a[HOSTMEM_A_EVENT_LENGTH]);
	return 0;
}

static bool hostmem_monitor_is_pmem(uint8_t cmd)
{
	return cmd == HOSTMEM_NL_PMEM_ADDED || cmd == HOSTMEM_NL_PMEM_REMOVED ||
	       cmd == HOSTMEM_NL_PMEM_BADBLOCKS;
}

/* -ENOMSG: not an event that we know. */
static int hostmem_monitor_parse(struct hostmem_monitor *m, const struct nlmsghdr *nlh,
				 struct hostmem_event *event)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != m->nl.family ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl) ||
	    genl->cmd > HOSTMEM_NL_MAX || !hostmem_event_names[genl->cmd])
		return -ENOMSG;
	memset(event, 0, sizeof(*event));
	event->event = hostmem_event_names[genl->cmd];
	if (hostmem_monitor_is_pmem(genl->cmd))
		return hostmem_monitor_parse_pmem(nlh, event);
	return hostmem_monitor_parse_region(m, nlh, event);
}

/**
 * hostmem_monitor_receive - take the next event
 * @monitor: the monitor
 * @event: out: the event; its strings stay until the next call
 *
 * Does not wait: poll(2) hostmem_monitor_get_fd() for that.
 *
 * Return: 0; -EAGAIN: there is none; -ENOBUFS: events were lost because they were not taken
 * fast enough: hostmem_refresh() tells what there is now, and then go on; -EINTR.
 */
int hostmem_monitor_receive(struct hostmem_monitor *monitor, struct hostmem_event *event)
{
	const struct nlmsghdr *nlh;
	int rc;

	do {
		if (!mnl_nlmsg_ok(monitor->next, monitor->left)) {
			rc = hostmem_monitor_fill(monitor);
			if (rc)
				return rc;
		}
		if (!mnl_nlmsg_ok(monitor->next, monitor->left))
			return -EAGAIN;
		nlh = monitor->next;
		monitor->next = mnl_nlmsg_next(monitor->next, &monitor->left);
		rc = hostmem_monitor_parse(monitor, nlh, event);
	} while (rc == -ENOMSG);
	return rc;
}
