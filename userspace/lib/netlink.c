// SPDX-License-Identifier: LGPL-2.1-only
/*
 * Generic netlink: finding the family, dumping, parsing.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/hostmem_nl.h>

#include "private.h"

/* As much as the kernel puts in one message of a dump. */
#define HOSTMEM_NETLINK_BUFFER 32768
/* How often what changes while it is being read is read. */
#define HOSTMEM_NETLINK_TRIES 32

static const uint8_t hostmem_family_types[CTRL_ATTR_MCAST_GROUPS + 1] = {
	[CTRL_ATTR_FAMILY_ID] = MNL_TYPE_U16,
	[CTRL_ATTR_MCAST_GROUPS] = MNL_TYPE_NESTED,
};

/* Remember the number of the group "events". */
static int hostmem_netlink_group(const struct nlattr *attr, void *data)
{
	struct hostmem_netlink *nl = data;
	const struct nlattr *field, *id = NULL;
	const char *name = NULL;

	mnl_attr_for_each_nested(field, attr) {
		if (mnl_attr_get_type(field) == CTRL_ATTR_MCAST_GRP_NAME &&
		    mnl_attr_validate(field, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(field);
		else if (mnl_attr_get_type(field) == CTRL_ATTR_MCAST_GRP_ID &&
			 mnl_attr_validate(field, MNL_TYPE_U32) >= 0)
			id = field;
	}
	if (name && id && !strcmp(name, HOSTMEM_MCGRP_EVENTS))
		nl->group = mnl_attr_get_u32(id);
	return MNL_CB_OK;
}

static int hostmem_netlink_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *table[CTRL_ATTR_MCAST_GROUPS + 1] = { NULL };
	struct hostmem_attrs attrs = {
		.table = table,
		.types = hostmem_family_types,
		.max = CTRL_ATTR_MCAST_GROUPS,
	};
	struct hostmem_netlink *nl = data;

	if (hostmem_netlink_parse(nlh, &attrs) || !table[CTRL_ATTR_FAMILY_ID])
		return -EBADMSG;
	nl->family = mnl_attr_get_u16(table[CTRL_ATTR_FAMILY_ID]);
	if (table[CTRL_ATTR_MCAST_GROUPS])
		mnl_attr_parse_nested(table[CTRL_ATTR_MCAST_GROUPS], hostmem_netlink_group, nl);
	return 0;
}

static int hostmem_netlink_resolve(struct hostmem_netlink *nl)
{
	struct genlmsghdr *genl;
	struct nlmsghdr *nlh;
	char buf[256];
	int rc;

	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, HOSTMEM_FAMILY_NAME);

	rc = hostmem_netlink_dump(nl, nlh, hostmem_netlink_family, nl);
	return rc == -ENOENT ? -ENODEV : rc;
}

/* Open a socket and find the family. -ENODEV: the module is not loaded. */
int hostmem_netlink_open(struct hostmem_ctx *ctx, struct hostmem_netlink *nl)
{
	int saved = errno;
	int rc = 0;

	memset(nl, 0, sizeof(*nl));
	nl->sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl->sock || mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		rc = -errno;
	errno = saved;
	if (!rc)
		rc = hostmem_netlink_resolve(nl);
	if (rc) {
		hostmem_info(ctx, "netlink: %s", strerror(-rc));
		hostmem_netlink_close(nl);
	}
	return rc;
}

void hostmem_netlink_close(struct hostmem_netlink *nl)
{
	int saved = errno;

	if (nl->sock)
		mnl_socket_close(nl->sock);
	nl->sock = NULL;
	errno = saved;
}

/* Begin a request for a dump in @buf, of at least 256 bytes. */
struct nlmsghdr *hostmem_netlink_request(const struct hostmem_netlink *nl, void *buf,
					 uint8_t cmd)
{
	struct genlmsghdr *genl;
	struct nlmsghdr *nlh;

	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = nl->family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = cmd;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = HOSTMEM_FAMILY_VERSION;
	return nlh;
}

struct hostmem_dump {
	int (*message)(const struct nlmsghdr *nlh, void *data);
	void *data;
	bool changed;			/* while it was being read */
	int rc;
};

static int hostmem_netlink_message(const struct nlmsghdr *nlh, void *data)
{
	struct hostmem_dump *dump = data;

	/* Go on to the end after an error: what is left would disturb the next request. */
	if (!dump->rc && !dump->changed)
		dump->rc = dump->message(nlh, dump->data);
	return MNL_CB_OK;
}

/*
 * The end of a dump carries what the kernel's dump function returned; an acknowledgment
 * begins with what the request's handler did. Both end the answers.
 */
static int hostmem_netlink_end(const struct nlmsghdr *nlh, void *data)
{
	struct hostmem_dump *dump = data;
	int rc = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(rc))
		memcpy(&rc, mnl_nlmsg_get_payload(nlh), sizeof(rc));
	if (!dump->rc && rc < 0)
		dump->rc = rc;
	return MNL_CB_STOP;
}

/*
 * Remember that what is listed changed on the way, and take that flag off: libmnl would stop
 * at it, and leave the rest for the next request.
 */
static void hostmem_netlink_changed(struct hostmem_dump *dump, char *buf, int length)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

	for (; mnl_nlmsg_ok(nlh, length); nlh = mnl_nlmsg_next(nlh, &length)) {
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			dump->changed = true;
		nlh->nlmsg_flags &= ~NLM_F_DUMP_INTR;
	}
}

static int hostmem_netlink_receive(struct hostmem_netlink *nl, unsigned int seq, char *buf,
				   struct hostmem_dump *dump)
{
	mnl_cb_t control[NLMSG_MIN_TYPE] = {
		[NLMSG_DONE] = hostmem_netlink_end,
		[NLMSG_ERROR] = hostmem_netlink_end,
	};
	unsigned int port = mnl_socket_get_portid(nl->sock);
	ssize_t n;
	int rc;

	do {
		do {
			n = mnl_socket_recvfrom(nl->sock, buf, HOSTMEM_NETLINK_BUFFER);
		} while (n < 0 && errno == EINTR);
		if (n < 0)
			return -errno;
		hostmem_netlink_changed(dump, buf, n);
		rc = mnl_cb_run2(buf, n, seq, port, hostmem_netlink_message, dump,
				 control, NLMSG_MIN_TYPE);
		if (rc < 0)
			return -errno;
	} while (rc > MNL_CB_STOP);
	if (!dump->rc && dump->changed)
		return -EAGAIN;
	return dump->rc;
}

/*
 * Send a request, and call @message for each answer until it returns non-zero. -EAGAIN: what is
 * listed changed on the way; the socket is ready for the next request.
 */
int hostmem_netlink_dump(struct hostmem_netlink *nl, struct nlmsghdr *request,
			 int (*message)(const struct nlmsghdr *nlh, void *data), void *data)
{
	struct hostmem_dump dump = { .message = message, .data = data };
	int saved = errno;
	char *buf;
	int rc;

	buf = malloc(HOSTMEM_NETLINK_BUFFER);
	if (!buf)
		return -ENOMEM;
	if (mnl_socket_sendto(nl->sock, request, request->nlmsg_len) < 0)
		rc = -errno;
	else
		rc = hostmem_netlink_receive(nl, request->nlmsg_seq, buf, &dump);
	free(buf);
	errno = saved;
	return rc;
}

/* Open a socket and call @list, which makes dumps from scratch, until nothing changes meanwhile. */
int hostmem_netlink_list(struct hostmem_ctx *ctx,
			 int (*list)(struct hostmem_netlink *nl, void *data), void *data)
{
	struct hostmem_netlink nl;
	unsigned int tries = 0;
	int saved = errno;
	int rc;

	rc = hostmem_netlink_open(ctx, &nl);
	if (rc)
		return rc;
	/* Wait a little longer each time, half a second in all. */
	do {
		poll(NULL, 0, tries);
		rc = list(&nl, data);
	} while (rc == -EAGAIN && ++tries < HOSTMEM_NETLINK_TRIES);
	errno = saved;
	hostmem_netlink_close(&nl);
	if (rc)
		hostmem_info(ctx, "netlink: %s", strerror(-rc));
	return rc;
}

static int hostmem_netlink_attr(const struct nlattr *attr, void *data)
{
	struct hostmem_attrs *attrs = data;
	unsigned int type = mnl_attr_get_type(attr);

	/* A newer kernel may send more than we know. */
	if (type > attrs->max || attrs->types[type] == MNL_TYPE_UNSPEC)
		return MNL_CB_OK;
	if (mnl_attr_validate(attr, attrs->types[type]) < 0)
		return MNL_CB_ERROR;
	attrs->table[type] = attr;
	return MNL_CB_OK;
}

/* Fill the table of a message's attributes. -EBADMSG: one has not the type it has to be. */
int hostmem_netlink_parse(const struct nlmsghdr *nlh, struct hostmem_attrs *attrs)
{
	int saved = errno;
	int rc;

	rc = mnl_attr_parse(nlh, sizeof(struct genlmsghdr), hostmem_netlink_attr, attrs);
	errno = saved;
	return rc < 0 ? -EBADMSG : 0;
}

/* A copy of an attribute, to be freed by the caller, NULL if it is absent: 0 or -ENOMEM. */
int hostmem_attr_string(const struct nlattr *attr, char **string)
{
	*string = attr ? strdup(mnl_attr_get_str(attr)) : NULL;
	return attr && !*string ? -ENOMEM : 0;
}

/* The value of an attribute, 0 if it is absent. */
uint64_t hostmem_attr_u64(const struct nlattr *attr)
{
	return attr ? mnl_attr_get_u64(attr) : 0;
}

uint32_t hostmem_attr_u32(const struct nlattr *attr)
{
	return attr ? mnl_attr_get_u32(attr) : 0;
}
