// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family: what there is, and events. What it tells is compared with what the
 * ioctls tell.
 */
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/genetlink.h>
#include <linux/hostmem_nl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"

#define BLOCKS 4
#define SIZE (BLOCKS * HM_BLOCK)
#define ATTRS 16

/* One message with its attributes by number, as a number and as text. */
struct msg {
	__u8 cmd;
	bool multi;
	__u32 present;
	__u64 value[ATTRS];
	const char *text[ATTRS];	/* "" where there is none */
};

/* What came as the answer to a request. */
struct reply {
	struct msg *msgs;
	int n;
	int packets;
	int err;
	bool changed;		/* what is listed did while it was */
};

struct nl {
	struct mnl_socket *sock;
	__u16 family;
	__u32 group;
	__u32 seq;
	/* Done once, when the first packet of an answer is there, if set. */
	void (*meanwhile)(void *arg);
	void *arg;
};

struct attr {
	__u16 type;
	__u16 length;
	const void *data;
};

#define NUMBER(_type, _value) { _type, sizeof(__u64), (const __u64[]) { _value } }
#define STRING(_type, _text) { _type, strlen(_text) + 1, _text }
#define RAW(_type, _length, _data) { _type, _length, _data }

/* With a NUL behind it. */
static const char *copy(const void *data, size_t length)
{
	char *text = calloc(1, length + 1);

	HM_TRUE(text);
	return memcpy(text, data, length);
}

static void msg_parse(const struct nlmsghdr *nlh, struct msg *msg)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	size_t length, i;
	__u16 type;

	memset(msg, 0, sizeof(*msg));
	for (i = 0; i < ATTRS; i++)
		msg->text[i] = "";
	msg->cmd = genl->cmd;
	msg->multi = nlh->nlmsg_flags & NLM_F_MULTI;
	mnl_attr_for_each(attr, nlh, sizeof(*genl)) {
		type = mnl_attr_get_type(attr);
		length = mnl_attr_get_payload_len(attr);
		HM_TRUE(type < ATTRS && length <= PATH_MAX);
		HM_TRUE(!(msg->present & 1U << type));
		msg->present |= 1U << type;
		if (length <= sizeof(__u64))
			memcpy(&msg->value[type], mnl_attr_get_payload(attr), length);
		msg->text[type] = copy(mnl_attr_get_payload(attr), length);
	}
}

/* Take one packet apart; returns whether it was the last. */
static bool reply_add(struct reply *reply, const struct nlmsghdr *nlh, int length)
{
	const struct nlmsgerr *err;

	for (; mnl_nlmsg_ok(nlh, length); nlh = mnl_nlmsg_next(nlh, &length)) {
		reply->changed |= nlh->nlmsg_flags & NLM_F_DUMP_INTR;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			err = mnl_nlmsg_get_payload(nlh);
			reply->err = -err->error;
			return true;
		}
		if (nlh->nlmsg_type == NLMSG_DONE) {
			reply->err = -*(int *)mnl_nlmsg_get_payload(nlh);
			return true;
		}
		reply->msgs = realloc(reply->msgs, (reply->n + 1) * sizeof(*reply->msgs));
		msg_parse(nlh, &reply->msgs[reply->n++]);
	}
	return false;
}

static struct reply nl_receive(struct nl *nl)
{
	/* The kernel fills no more than that: so a long answer takes many packets. */
	static char buf[8192] __attribute__((aligned(8)));
	struct reply reply = {};
	bool last = false;
	ssize_t n;

	while (!last) {
		n = HM_OK(mnl_socket_recvfrom(nl->sock, buf, sizeof(buf)));
		reply.packets++;
		last = reply_add(&reply, (void *)buf, n);
		if (nl->meanwhile)
			nl->meanwhile(nl->arg);
		nl->meanwhile = NULL;
	}
	return reply;
}

static struct reply nl_send(struct nl *nl, __u16 type, __u8 cmd, __u16 flags,
			    const struct attr *attrs, size_t nr_attrs)
{
	char buf[8192] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;
	size_t i;

	nlh->nlmsg_type = type;
	/* Every answer ends with an acknowledgment, or as a dump does. */
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nlh->nlmsg_seq = ++nl->seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	for (i = 0; i < nr_attrs; i++)
		mnl_attr_put(nlh, attrs[i].type, attrs[i].length, attrs[i].data);
	HM_OK(mnl_socket_sendto(nl->sock, nlh, nlh->nlmsg_len));
	return nl_receive(nl);
}

#define nl_do(_nl, _cmd, ...)							\
({										\
	const struct attr attrs_[] = { __VA_ARGS__ };				\
										\
	nl_send(_nl, (_nl)->family, _cmd, 0, attrs_, HM_ARRAY_SIZE(attrs_));	\
})

#define nl_dump(_nl, _cmd, ...)							\
({										\
	const struct attr attrs_[] = { __VA_ARGS__ };				\
										\
	nl_send(_nl, (_nl)->family, _cmd, NLM_F_DUMP, attrs_, HM_ARRAY_SIZE(attrs_)); \
})

/* A request that must fail, and answer nothing else. */
#define EXPECT_NL_ERR(_err, _reply)						\
	do {									\
		struct reply r_ = _reply;					\
										\
		EXPECT_EQ(_err, r_.err);					\
		EXPECT_EQ(0, r_.n);						\
		free(r_.msgs);							\
	} while (0)

/* The number of the group "events" in the answer of the controller. */
static __u32 nl_find_group(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr, *group, *field;
	const char *name = "";
	__u32 id = 0;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		mnl_attr_for_each_nested(group, attr) {
			mnl_attr_for_each_nested(field, group) {
				if (mnl_attr_get_type(field) == CTRL_ATTR_MCAST_GRP_ID)
					id = mnl_attr_get_u32(field);
				else
					name = mnl_attr_get_str(field);
			}
			if (!strcmp(name, HOSTMEM_MCGRP_EVENTS))
				return id;
		}
	}
	return 0;
}

static __u16 nl_find_family(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			return mnl_attr_get_u16(attr);
	}
	return 0;
}

/* 0, or what the controller says. */
static int nl_open(struct nl *nl)
{
	char buf[8192] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nl->sock = mnl_socket_open(NETLINK_GENERIC);
	HM_TRUE(nl->sock && !mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID));
	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = CTRL_CMD_GETFAMILY;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, HOSTMEM_FAMILY_NAME);
	HM_OK(mnl_socket_sendto(nl->sock, nlh, nlh->nlmsg_len));
	HM_OK(mnl_socket_recvfrom(nl->sock, buf, sizeof(buf)));
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return -((struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
	nl->family = nl_find_family(nlh);
	nl->group = nl_find_group(nlh);
	HM_TRUE(nl->family && nl->group);
	return 0;
}

FIXTURE(nl) {
	struct nl nl;
	char name[HM_NAME_MAX];
	int owner;
	__u64 id;
	int log;
};

FIXTURE_SETUP(nl)
{
	struct hostmem_region_create cmd = hm_create_cmd(hm_name(self->name), SIZE);

	ASSERT_EQ(0, nl_open(&self->nl));
	cmd.slot_size = 2 * HM_BLOCK;
	self->owner = hm_create_raw(&cmd);
	self->id = cmd.out_id;
	hm_plug(self->owner, HM_BLOCK, HM_BLOCK);
	self->log = hm_log_open();
}

FIXTURE_TEARDOWN(nl)
{
	EXPECT_TRUE(hm_log_quiet(self->log));
	_hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
	mnl_socket_close(self->nl.sock);
}

/* Regions */

/* @name is NULL if it has none. */
static bool region_matches(const struct msg *msg, int fd, const char *name)
{
	struct hostmem_region_info info;

	hm_info(fd, &info);
	return msg->cmd == HOSTMEM_NL_REGION_GET &&
	       !strcmp(msg->text[HOSTMEM_A_REGION_NAME], name ?: "") &&
	       !(msg->present & 1U << HOSTMEM_A_REGION_NAME) == !name &&
	       msg->value[HOSTMEM_A_REGION_ID] == info.out_id &&
	       msg->value[HOSTMEM_A_REGION_SIZE] == info.out_size &&
	       msg->value[HOSTMEM_A_REGION_BLOCK_SIZE] == info.out_block_size &&
	       msg->value[HOSTMEM_A_REGION_SLOT_SIZE] == info.out_slot_size &&
	       msg->value[HOSTMEM_A_REGION_PLUGGED] == info.out_plugged &&
	       msg->value[HOSTMEM_A_REGION_GENERATION] == info.out_generation &&
	       msg->value[HOSTMEM_A_REGION_BACKING] == info.out_backing &&
	       msg->value[HOSTMEM_A_REGION_ALLOCATION] == info.out_allocation &&
	       msg->value[HOSTMEM_A_REGION_HUGE] == info.out_huge &&
	       msg->value[HOSTMEM_A_REGION_VIEWS] == info.out_views &&
	       msg->value[HOSTMEM_A_REGION_MAPPINGS] == info.out_mappings;
}

/* All keys but the name, which an anonymous region has not; and no padding. */
/* Of a region of ram that has no name. */
#define REGION_KEYS ((2U << HOSTMEM_A_REGION_MAX) - 2 - (1U << HOSTMEM_A_REGION_PAD) - \
		     (1U << HOSTMEM_A_REGION_NAME) - (1U << HOSTMEM_A_REGION_SOURCE) - \
		     (1U << HOSTMEM_A_REGION_PMEM_ID))

TEST_F(nl, region_by_id_and_name)
{
	struct reply r = nl_do(&self->nl, HOSTMEM_NL_REGION_GET,
			       NUMBER(HOSTMEM_A_REGION_ID, self->id));

	ASSERT_EQ(0, r.err);
	ASSERT_EQ(1, r.n);
	EXPECT_EQ(REGION_KEYS | 1U << HOSTMEM_A_REGION_NAME, r.msgs[0].present);
	EXPECT_TRUE(region_matches(r.msgs, self->owner, self->name));
	hm_map(self->owner, 0, SIZE, PROT_READ);
	hm_plug(self->owner, 0, HM_BLOCK);
	r = nl_do(&self->nl, HOSTMEM_NL_REGION_GET, STRING(HOSTMEM_A_REGION_NAME, self->name));
	ASSERT_EQ(0, r.err);
	ASSERT_EQ(1, r.n);
	EXPECT_TRUE(region_matches(r.msgs, self->owner, self->name));
	EXPECT_EQ(1, r.msgs[0].value[HOSTMEM_A_REGION_MAPPINGS]);
}

TEST_F(nl, anonymous_region)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, 2 * SIZE);
	struct reply r;
	int fd;

	cmd.allocation = HOSTMEM_ALLOCATION_IMMEDIATE;
	cmd.huge = HOSTMEM_HUGE_NEVER;
	fd = hm_create_raw(&cmd);
	r = nl_do(&self->nl, HOSTMEM_NL_REGION_GET, NUMBER(HOSTMEM_A_REGION_ID, cmd.out_id));
	ASSERT_EQ(1, r.n);
	EXPECT_EQ(REGION_KEYS, r.msgs[0].present);
	EXPECT_TRUE(region_matches(r.msgs, fd, NULL));
	close(fd);
	EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_REGION_GET,
				    NUMBER(HOSTMEM_A_REGION_ID, cmd.out_id)));
	/* Its empty name is no name. */
	EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_REGION_GET,
				    STRING(HOSTMEM_A_REGION_NAME, "")));
}

static struct reply ask_by_name(struct nl *nl, const char *name)
{
	return nl_do(nl, HOSTMEM_NL_REGION_GET, STRING(HOSTMEM_A_REGION_NAME, name));
}

/* A name is a path; of what is no region it is none. */
TEST_F(nl, paths)
{
	char dir[HM_NAME_MAX], name[2 * HM_NAME_MAX], below[3 * HM_NAME_MAX];
	struct reply r;
	int fd, empty;

	HM_OK(mkdir(hm_path(hm_name(dir)), 0755));
	snprintf(name, sizeof(name), "%s/%s", dir, self->name);
	fd = hm_create_named(name, SIZE);
	r = ask_by_name(&self->nl, name);
	ASSERT_EQ(1, r.n);
	EXPECT_TRUE(region_matches(r.msgs, fd, name));
	/* Its namesake in the root is another one. */
	r = ask_by_name(&self->nl, self->name);
	ASSERT_EQ(1, r.n);
	EXPECT_TRUE(region_matches(r.msgs, self->owner, self->name));
	EXPECT_NL_ERR(ENOENT, ask_by_name(&self->nl, dir));
	snprintf(below, sizeof(below), "%s/x", name);
	EXPECT_NL_ERR(ENOENT, ask_by_name(&self->nl, below));
	hm_destroy(fd, 0);
	empty = hm_open_node(name, O_CREAT | O_RDWR);
	EXPECT_NL_ERR(ENOENT, ask_by_name(&self->nl, name));
	HM_OK(unlink(hm_path(name)));
	HM_OK(rmdir(hm_path(dir)));
	close(empty);
	close(fd);
}

#define DEPTH 16

/*
 * Who has told no size yet gets packets of a page, which is libmnl's buffer, as long as names are
 * not longer than that.
 */
TEST_F(nl, first_packet)
{
	enum { MANY = 100 };
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;
	int fds[MANY], i;
	struct nl nl;

	for (i = 0; i < MANY; i++)
		fds[i] = hm_create(HM_BLOCK);
	nl.sock = mnl_socket_open(NETLINK_GENERIC);
	HM_TRUE(nl.sock && !mnl_socket_bind(nl.sock, 0, MNL_SOCKET_AUTOPID));
	nlh->nlmsg_type = self->nl.family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = HOSTMEM_NL_REGION_GET;
	genl->version = 1;
	HM_OK(mnl_socket_sendto(nl.sock, nlh, nlh->nlmsg_len));
	EXPECT_GE(4096, recv(mnl_socket_get_fd(nl.sock), NULL, 0, MSG_PEEK | MSG_TRUNC));
	mnl_socket_close(nl.sock);
	for (i = 0; i < MANY; i++)
		close(fds[i]);
}

/* Whether region @id is told in a list, with that name. */
static bool listed_as(struct nl *nl, __u64 id, const char *name)
{
	struct reply r = nl_dump(nl, HOSTMEM_NL_REGION_GET);
	int i;

	HM_TRUE(!r.err);
	for (i = 0; i < r.n; i++) {
		if (r.msgs[i].value[HOSTMEM_A_REGION_ID] == id)
			return !strcmp(name, r.msgs[i].text[HOSTMEM_A_REGION_NAME]);
	}
	return false;
}

/* The longest that can be told, and asked for, is found: 4095 bytes. */
TEST_F(nl, long_paths)
{
	char part[NAME_MAX + 1] = "", path[PATH_MAX] = "";
	int dirs[DEPTH], fd, i;
	struct reply r;

	memset(part, 'd', NAME_MAX);
	dirs[0] = HM_OK(open(HM_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	for (i = 1; i < DEPTH; i++) {
		HM_OK(mkdirat(dirs[i - 1], part, 0755));
		dirs[i] = HM_OK(openat(dirs[i - 1], part, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		strcat(strcat(path, part), "/");
	}
	strcat(path, part);
	ASSERT_EQ(PATH_MAX - 1, strlen(path));
	fd = HM_OK(openat(dirs[DEPTH - 1], part, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	HM_OK(ftruncate(fd, SIZE));
	/* It is a view from its first call on. */
	HM_TRUE(hm_view_id(fd));
	r = ask_by_name(&self->nl, path);
	ASSERT_EQ(1, r.n);
	EXPECT_TRUE(region_matches(r.msgs, fd, path));
	EXPECT_EQ(r.msgs[0].value[HOSTMEM_A_REGION_PLUGGED], SIZE);
	EXPECT_TRUE(listed_as(&self->nl, r.msgs[0].value[HOSTMEM_A_REGION_ID], path));
	EXPECT_TRUE(listed_as(&self->nl, self->id, self->name));
	HM_OK(unlinkat(dirs[DEPTH - 1], part, 0));
	close(fd);
	for (i = DEPTH - 1; i; i--) {
		close(dirs[i]);
		HM_OK(unlinkat(dirs[i - 1], part, AT_REMOVEDIR));
	}
	close(dirs[0]);
}

TEST_F(nl, unknown_region)
{
	static const __u64 wrong[] = { 0, 1ULL << 32, ~0ULL };
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(wrong); i++)
		EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_REGION_GET,
					    NUMBER(HOSTMEM_A_REGION_ID, wrong[i])));
	EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_REGION_GET,
				    STRING(HOSTMEM_A_REGION_NAME, "no-such-region")));
	hm_destroy(self->owner, 0);
	EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_REGION_GET,
				    NUMBER(HOSTMEM_A_REGION_ID, self->id)));
	EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_REGION_GET,
				    STRING(HOSTMEM_A_REGION_NAME, self->name)));
}

/* More than fit in one packet: every one, once, ascending, and all keys in each. */
TEST_F(nl, dump_of_many_regions)
{
	enum { MANY = 300 };
	struct reply r;
	int fds[MANY], i, mine = 0;
	__u64 last = 0;

	for (i = 0; i < MANY; i++)
		fds[i] = hm_create((i + 1) * HM_BLOCK);
	r = nl_dump(&self->nl, HOSTMEM_NL_REGION_GET);
	EXPECT_EQ(0, r.err);
	EXPECT_LT(2, r.packets);
	for (i = 0; i < r.n; i++) {
		EXPECT_TRUE(r.msgs[i].multi);
		EXPECT_LT(last, r.msgs[i].value[HOSTMEM_A_REGION_ID]);
		last = r.msgs[i].value[HOSTMEM_A_REGION_ID];
		if (last <= self->id)
			continue;
		ASSERT_GT(MANY, mine);
		EXPECT_EQ(REGION_KEYS, r.msgs[i].present);
		EXPECT_TRUE(region_matches(&r.msgs[i], fds[mine], NULL));
		mine++;
	}
	EXPECT_EQ(MANY, mine);
	free(r.msgs);
	while (i = --mine, i >= 0)
		close(fds[i]);
	r = nl_dump(&self->nl, HOSTMEM_NL_REGION_GET);
	EXPECT_EQ(self->id, r.msgs[r.n - 1].value[HOSTMEM_A_REGION_ID]);
	EXPECT_TRUE(region_matches(&r.msgs[r.n - 1], self->owner, self->name));
}

/* Malformed */

TEST_F(nl, malformed)
{
	static const __u64 number = 1;
	char text[PATH_MAX + 1];
	struct nl *nl = &self->nl;

	memset(text, 'x', sizeof(text));
	/* Nothing asked for. */
	EXPECT_NL_ERR(EINVAL, nl_do(nl, HOSTMEM_NL_REGION_GET));
	/* Too short. The netlink core logs that, before we see it. */
	EXPECT_NL_ERR(EINVAL, nl_do(nl, HOSTMEM_NL_REGION_GET,
				    RAW(HOSTMEM_A_REGION_ID, 4, &number)));
	EXPECT_NL_ERR(EINVAL, nl_do(nl, HOSTMEM_NL_REGION_GET,
				    RAW(HOSTMEM_A_REGION_ID, 0, &number)));
	/* No NUL, or too long. */
	EXPECT_NL_ERR(EINVAL, nl_do(nl, HOSTMEM_NL_REGION_GET,
				    RAW(HOSTMEM_A_REGION_NAME, 8, text)));
	text[PATH_MAX] = 0;
	EXPECT_NL_ERR(EINVAL, nl_do(nl, HOSTMEM_NL_REGION_GET,
				    RAW(HOSTMEM_A_REGION_NAME, PATH_MAX + 1, text)));
	text[PATH_MAX - 1] = 0;
	EXPECT_NL_ERR(ENOENT, nl_do(nl, HOSTMEM_NL_REGION_GET,
				    RAW(HOSTMEM_A_REGION_NAME, PATH_MAX, text)));
	/* Attributes that are none of this request. */
	EXPECT_NL_ERR(EINVAL, nl_do(nl, HOSTMEM_NL_REGION_GET,
				    NUMBER(HOSTMEM_A_REGION_ID, self->id),
				    NUMBER(HOSTMEM_A_REGION_SIZE, 1)));
	EXPECT_NL_ERR(EINVAL, nl_do(nl, HOSTMEM_NL_REGION_GET,
				    NUMBER(HOSTMEM_A_REGION_ID, self->id), NUMBER(200, 1)));
	EXPECT_NL_ERR(EINVAL, nl_dump(nl, HOSTMEM_NL_REGION_GET, NUMBER(200, 1)));
	EXPECT_NL_ERR(EINVAL, nl_dump(nl, HOSTMEM_NL_VIEW_GET,
				      NUMBER(HOSTMEM_A_VIEW_RIGHTS, 1)));
}

/* Commands that do not exist, or are events. */
TEST_F(nl, unknown_commands)
{
	int cmd;

	for (cmd = 0; cmd < 256; cmd++) {
		if (cmd == HOSTMEM_NL_REGION_GET || cmd == HOSTMEM_NL_VIEW_GET ||
		    cmd == HOSTMEM_NL_PMEM_GET || cmd == HOSTMEM_NL_POISON_GET ||
		    cmd == HOSTMEM_NL_MAPPING_GET)
			continue;
		EXPECT_NL_ERR(EOPNOTSUPP, nl_do(&self->nl, cmd,
						NUMBER(HOSTMEM_A_REGION_ID, self->id)));
		EXPECT_NL_ERR(EOPNOTSUPP, nl_dump(&self->nl, cmd));
	}
}

/* Physical addresses are not for everybody. */
static int pmem_of_nobody(void *arg)
{
	struct nl *nl = arg;

	HM_OK(setuid(65534));
	HM_OK(nl_open(nl));
	if (nl_dump(nl, HOSTMEM_NL_PMEM_GET).err != EPERM)
		return KSFT_FAIL;
	return nl_do(nl, HOSTMEM_NL_PMEM_GET).err != EPERM;
}

TEST_F(nl, pmem)
{
	struct nl nl = {};

	EXPECT_NL_ERR(EINVAL, nl_do(&self->nl, HOSTMEM_NL_PMEM_GET));
	EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_PMEM_GET,
				    STRING(HOSTMEM_A_PMEM_NAME, "namespace9.9")));
	EXPECT_NL_ERR(EINVAL, nl_do(&self->nl, HOSTMEM_NL_PMEM_GET,
				    NUMBER(HOSTMEM_A_PMEM_ID, 1)));
	EXPECT_EQ(0, nl_dump(&self->nl, HOSTMEM_NL_PMEM_GET).err);
	EXPECT_EQ(0, hm_in_child(pmem_of_nobody, &nl));
}

/* Of one thing at a time; of ram nothing ever is bad. */
static int poison_of_nobody(void *arg)
{
	struct nl *nl = arg;

	HM_OK(setuid(65534));
	HM_OK(nl_open(nl));
	if (nl_dump(nl, HOSTMEM_NL_POISON_GET, NUMBER(HOSTMEM_A_POISON_PMEM_ID, 1)).err != EPERM)
		return KSFT_FAIL;
	return nl_do(nl, HOSTMEM_NL_POISON_GET, NUMBER(HOSTMEM_A_POISON_PMEM_ID, 1)).err != EPERM;
}

TEST_F(nl, poison)
{
	struct attr region = NUMBER(HOSTMEM_A_POISON_REGION_ID, self->id);
	struct attr pmem = NUMBER(HOSTMEM_A_POISON_PMEM_ID, 1ULL << 60);
	struct attr none = NUMBER(HOSTMEM_A_POISON_REGION_ID, self->id + 1000);
	struct nl nl = {};

	EXPECT_NL_ERR(0, nl_dump(&self->nl, HOSTMEM_NL_POISON_GET, region));
	EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_POISON_GET, region));
	EXPECT_NL_ERR(EINVAL, nl_do(&self->nl, HOSTMEM_NL_POISON_GET));
	EXPECT_NL_ERR(EINVAL, nl_dump(&self->nl, HOSTMEM_NL_POISON_GET));
	EXPECT_NL_ERR(EINVAL, nl_do(&self->nl, HOSTMEM_NL_POISON_GET, region, pmem));
	EXPECT_NL_ERR(EINVAL, nl_dump(&self->nl, HOSTMEM_NL_POISON_GET, region, pmem));
	EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_POISON_GET, none));
	EXPECT_NL_ERR(ENOENT, nl_dump(&self->nl, HOSTMEM_NL_POISON_GET, none));
	EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_POISON_GET, pmem));
	EXPECT_NL_ERR(ENOENT, nl_dump(&self->nl, HOSTMEM_NL_POISON_GET, pmem));
	EXPECT_EQ(0, hm_in_child(poison_of_nobody, &nl));
}

/* Other network namespaces do not know the family. */
static int open_in_net_namespace(void *arg)
{
	struct nl nl = {};

	(void)arg;
	if (unshare(CLONE_NEWNET))
		return KSFT_SKIP;
	return nl_open(&nl);
}

TEST_F(nl, network_namespace)
{
	int rc = hm_in_child(open_in_net_namespace, NULL);

	if (rc == KSFT_SKIP)
		SKIP(return, "no network namespaces");
	EXPECT_EQ(ENOENT, rc);
}

/* Views */

#define VIEW_KEYS ((2U << HOSTMEM_A_VIEW_MAX) - 2 - (1U << HOSTMEM_A_VIEW_PAD) - \
		   (1U << HOSTMEM_A_VIEW_REVOKED) - (1U << HOSTMEM_A_VIEW_PARENT))

static bool view_matches(const struct msg *msg, int fd, pid_t pid)
{
	struct hostmem_region_info info;

	hm_info(fd, &info);
	return msg->cmd == HOSTMEM_NL_VIEW_GET && msg->present == VIEW_KEYS &&
	       msg->value[HOSTMEM_A_VIEW_ID] == info.out_view_id &&
	       msg->value[HOSTMEM_A_VIEW_REGION_ID] == info.out_id &&
	       msg->value[HOSTMEM_A_VIEW_START] == info.out_view_start &&
	       msg->value[HOSTMEM_A_VIEW_LENGTH] == info.out_view_length &&
	       msg->value[HOSTMEM_A_VIEW_RIGHTS] == info.out_rights &&
	       msg->value[HOSTMEM_A_VIEW_PID] == (__u64)pid;
}

TEST_F(nl, views)
{
	int data = hm_open_node(self->name, O_RDWR), ro = hm_open_node(self->name, O_RDONLY);
	int other = hm_create(SIZE);
	struct reply r;

	hm_map(data, 0, HM_BLOCK, PROT_READ);
	hm_map(data, 0, HM_BLOCK, PROT_READ);
	r = nl_dump(&self->nl, HOSTMEM_NL_VIEW_GET, NUMBER(HOSTMEM_A_VIEW_REGION_ID, self->id));
	EXPECT_EQ(0, r.err);
	ASSERT_EQ(3, r.n);
	EXPECT_TRUE(view_matches(&r.msgs[0], self->owner, getpid()));
	EXPECT_TRUE(view_matches(&r.msgs[1], data, getpid()));
	EXPECT_TRUE(view_matches(&r.msgs[2], ro, getpid()));
	EXPECT_EQ(0, r.msgs[0].value[HOSTMEM_A_VIEW_MAPPINGS]);
	EXPECT_EQ(2, r.msgs[1].value[HOSTMEM_A_VIEW_MAPPINGS]);
	/* Of all regions: these and that of the other. */
	r = nl_dump(&self->nl, HOSTMEM_NL_VIEW_GET);
	EXPECT_LE(4, r.n);
	EXPECT_TRUE(view_matches(&r.msgs[r.n - 1], other, getpid()));
	EXPECT_NL_ERR(0, nl_dump(&self->nl, HOSTMEM_NL_VIEW_GET,
				 NUMBER(HOSTMEM_A_VIEW_REGION_ID, ~0ULL)));
}

TEST_F(nl, view_by_id)
{
	int data = hm_open_node(self->name, O_RDWR);
	__u64 id = hm_view_id(data);
	struct reply r;

	r = nl_do(&self->nl, HOSTMEM_NL_VIEW_GET, NUMBER(HOSTMEM_A_VIEW_ID, id));
	ASSERT_EQ(1, r.n);
	EXPECT_TRUE(view_matches(r.msgs, data, getpid()));
	EXPECT_NL_ERR(EINVAL, nl_do(&self->nl, HOSTMEM_NL_VIEW_GET));
	EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_VIEW_GET,
				    NUMBER(HOSTMEM_A_VIEW_ID, ~0ULL)));
	/* A view that is mapped lives on without its fd, and when it has been revoked. */
	hm_map(data, 0, HM_BLOCK, PROT_READ);
	hm_revoke(self->owner, id);
	close(data);
	r = nl_do(&self->nl, HOSTMEM_NL_VIEW_GET, NUMBER(HOSTMEM_A_VIEW_ID, id));
	ASSERT_EQ(1, r.n);
	EXPECT_EQ(VIEW_KEYS | 1U << HOSTMEM_A_VIEW_REVOKED, r.msgs[0].present);
	EXPECT_EQ(1, r.msgs[0].value[HOSTMEM_A_VIEW_MAPPINGS]);
}

/* The one that it is derived from, and when that is closed the one before; an owner has none. */
TEST_F(nl, view_parent)
{
	const __u32 may_derive = HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_DERIVE;
	int parent = hm_derive(self->owner, HM_BLOCK, 2 * HM_BLOCK, may_derive, 0);
	int child = hm_derive(parent, HM_BLOCK, HM_BLOCK, HOSTMEM_RIGHT_READ, 0);
	struct attr by_id = NUMBER(HOSTMEM_A_VIEW_ID, hm_view_id(child));
	struct reply r;

	r = nl_dump(&self->nl, HOSTMEM_NL_VIEW_GET, NUMBER(HOSTMEM_A_VIEW_REGION_ID, self->id));
	ASSERT_EQ(3, r.n);
	EXPECT_EQ(VIEW_KEYS, r.msgs[0].present);
	EXPECT_EQ(hm_view_id(self->owner), r.msgs[1].value[HOSTMEM_A_VIEW_PARENT]);
	EXPECT_EQ(hm_view_id(parent), r.msgs[2].value[HOSTMEM_A_VIEW_PARENT]);
	EXPECT_EQ(2 * HM_BLOCK, r.msgs[2].value[HOSTMEM_A_VIEW_START]);
	EXPECT_EQ(HM_BLOCK, r.msgs[2].value[HOSTMEM_A_VIEW_LENGTH]);
	EXPECT_EQ(may_derive, r.msgs[1].value[HOSTMEM_A_VIEW_RIGHTS]);
	close(parent);
	r = nl_do(&self->nl, HOSTMEM_NL_VIEW_GET, by_id);
	ASSERT_EQ(1, r.n);
	EXPECT_EQ(hm_view_id(self->owner), r.msgs[0].value[HOSTMEM_A_VIEW_PARENT]);
	close(child);
}

TEST_F(nl, view_is_gone)
{
	int data = hm_open_node(self->name, O_RDWR);
	__u64 id = hm_view_id(data);

	close(data);
	EXPECT_NL_ERR(ENOENT, nl_do(&self->nl, HOSTMEM_NL_VIEW_GET,
				    NUMBER(HOSTMEM_A_VIEW_ID, id)));
}

/* In a child: open a view, tell by the exit status whether its pid is ours. */
static int view_of_child(void *arg)
{
	const char *name = arg;
	int fd = hm_open_node(name, O_RDWR);
	struct nl nl = {};
	struct reply r;

	HM_TRUE(!nl_open(&nl));
	r = nl_do(&nl, HOSTMEM_NL_VIEW_GET, NUMBER(HOSTMEM_A_VIEW_ID, hm_view_id(fd)));
	return r.n == 1 && view_matches(r.msgs, fd, getpid()) ? 0 : 1;
}

TEST_F(nl, view_of_another_process)
{
	EXPECT_EQ(0, hm_in_child(view_of_child, self->name));
}

TEST_F(nl, dump_of_many_views)
{
	enum { MANY = 300 };
	struct reply r;
	int fds[MANY], i;

	for (i = 0; i < MANY; i++)
		fds[i] = hm_open_node(self->name, i % 2 ? O_RDWR : O_RDONLY);
	r = nl_dump(&self->nl, HOSTMEM_NL_VIEW_GET, NUMBER(HOSTMEM_A_VIEW_REGION_ID, self->id));
	EXPECT_EQ(0, r.err);
	EXPECT_LT(2, r.packets);
	ASSERT_EQ(MANY + 1, r.n);
	for (i = 0; i < MANY; i++)
		EXPECT_TRUE(view_matches(&r.msgs[i + 1], fds[i], getpid()));
}

static void view_comes_and_goes(void *name)
{
	close(hm_open_node(name, O_RDONLY));
}

/* One that comes or goes is noticed; those that stay are all there. */
TEST_F(nl, dump_of_changing_views)
{
	enum { MANY = 300 };
	int fds[MANY], i, j, first = 0;
	struct reply r;
	__u64 id;

	for (i = 0; i < MANY; i++)
		fds[i] = hm_open_node(self->name, O_RDONLY);
	r = nl_dump(&self->nl, HOSTMEM_NL_VIEW_GET, NUMBER(HOSTMEM_A_VIEW_REGION_ID, self->id));
	EXPECT_LT(3, r.packets);
	EXPECT_FALSE(r.changed);
	self->nl.meanwhile = view_comes_and_goes;
	self->nl.arg = self->name;
	r = nl_dump(&self->nl, HOSTMEM_NL_VIEW_GET, NUMBER(HOSTMEM_A_VIEW_REGION_ID, self->id));
	EXPECT_TRUE(r.changed);
	for (i = 0; i < MANY; i++) {
		id = hm_view_id(fds[i]);
		for (j = first; j < r.n && r.msgs[j].value[HOSTMEM_A_VIEW_ID] != id; j++)
			;
		ASSERT_LT(j, r.n);
		first = j;
	}
}

/* Mappings */

#define MAPPING_KEYS ((2U << HOSTMEM_A_MAPPING_MAX) - 2 - (1U << HOSTMEM_A_MAPPING_PAD))

#define ask_mappings(_nl, _id) \
	nl_dump(_nl, HOSTMEM_NL_MAPPING_GET, NUMBER(HOSTMEM_A_MAPPING_REGION_ID, _id))

#define ask_mapping(_nl, _id, _start) \
	nl_do(_nl, HOSTMEM_NL_MAPPING_GET, NUMBER(HOSTMEM_A_MAPPING_REGION_ID, _id), \
	      NUMBER(HOSTMEM_A_MAPPING_START, _start))

/* The only one of a process at an address, or NULL. */
static const struct msg *mapping_at(const struct reply *r, pid_t pid, const void *address)
{
	const struct msg *found = NULL;
	int i;

	for (i = 0; i < r->n; i++) {
		HM_TRUE(r->msgs[i].present == MAPPING_KEYS);
		if (r->msgs[i].value[HOSTMEM_A_MAPPING_PID] != (__u64)pid ||
		    r->msgs[i].value[HOSTMEM_A_MAPPING_ADDRESS] != (uintptr_t)address)
			continue;
		HM_TRUE(!found);
		found = &r->msgs[i];
	}
	return found;
}

static bool mapping_is(const struct msg *msg, __u64 view, __u64 start, __u64 length, int prot)
{
	return msg && msg->value[HOSTMEM_A_MAPPING_VIEW_ID] == view &&
	       msg->value[HOSTMEM_A_MAPPING_START] == start &&
	       msg->value[HOSTMEM_A_MAPPING_LENGTH] == length &&
	       msg->value[HOSTMEM_A_MAPPING_PROT] == (__u64)prot;
}

struct mapper {
	struct nl nl;
	__u64 id;
	int fd;
	char *p, *q;
};

/* In a child that inherited one and makes another through its parent's view. */
static int mapping_of_child(void *arg)
{
	struct mapper *m = arg;
	__u64 view = hm_view_id(m->fd);
	char *r = hm_map(m->fd, 2 * HM_BLOCK, HM_BLOCK, PROT_WRITE);
	struct reply reply;

	HM_TRUE(!nl_open(&m->nl));
	reply = ask_mappings(&m->nl, m->id);
	HM_TRUE(reply.n == 5);
	HM_TRUE(mapping_is(mapping_at(&reply, getpid(), m->p), view, HM_BLOCK, HM_BLOCK,
			   PROT_READ));
	HM_TRUE(mapping_is(mapping_at(&reply, getppid(), m->p), view, HM_BLOCK, HM_BLOCK,
			   PROT_READ));
	HM_TRUE(mapping_is(mapping_at(&reply, getpid(), r), view, 2 * HM_BLOCK, HM_BLOCK,
			   PROT_WRITE));
	HM_TRUE(mapping_at(&reply, getpid(), m->q) && mapping_at(&reply, getppid(), m->q));
	return 0;
}

TEST_F(nl, mappings)
{
	struct mapper m = { .id = self->id };
	int ro = hm_open_node(self->name, O_RDONLY);
	struct reply r;

	EXPECT_NL_ERR(0, ask_mappings(&self->nl, self->id));
	m.fd = hm_open_node(self->name, O_RDWR);
	m.p = hm_map(m.fd, HM_BLOCK, HM_BLOCK, PROT_READ | PROT_WRITE);
	HM_OK(mprotect(m.p, HM_BLOCK, PROT_READ));
	m.q = hm_map(ro, 0, SIZE, PROT_READ);
	r = ask_mappings(&self->nl, self->id);
	EXPECT_EQ(0, r.err);
	ASSERT_EQ(2, r.n);
	EXPECT_EQ(self->id, r.msgs[0].value[HOSTMEM_A_MAPPING_REGION_ID]);
	EXPECT_TRUE(mapping_is(mapping_at(&r, getpid(), m.p), hm_view_id(m.fd), HM_BLOCK, HM_BLOCK,
			       PROT_READ));
	EXPECT_TRUE(mapping_is(mapping_at(&r, getpid(), m.q), hm_view_id(ro), 0, SIZE, PROT_READ));
	EXPECT_EQ(0, hm_in_child(mapping_of_child, &m));
	/* A part goes: two are left, and both are of a view without an fd. */
	close(ro);
	HM_OK(munmap(m.q + HM_BLOCK, HM_BLOCK));
	HM_OK(munmap(m.p, HM_BLOCK));
	r = ask_mappings(&self->nl, self->id);
	ASSERT_EQ(2, r.n);
	EXPECT_NE(NULL, mapping_at(&r, getpid(), m.q));
	EXPECT_NE(NULL, mapping_at(&r, getpid(), m.q + 2 * HM_BLOCK));
}

TEST_F(nl, mapping_by_offset)
{
	struct reply r;
	char *p;

	EXPECT_NL_ERR(ENOENT, ask_mapping(&self->nl, self->id, 0));
	hm_map(self->owner, 0, SIZE, PROT_READ);
	p = hm_map(self->owner, HM_BLOCK, HM_BLOCK, PROT_READ);
	r = ask_mapping(&self->nl, self->id, 2 * HM_BLOCK - 1);
	ASSERT_EQ(1, r.n);
	EXPECT_NE(NULL, mapping_at(&r, getpid(), p));
	r = ask_mapping(&self->nl, self->id, 2 * HM_BLOCK);
	ASSERT_EQ(1, r.n);
	EXPECT_EQ(SIZE, r.msgs[0].value[HOSTMEM_A_MAPPING_LENGTH]);
	EXPECT_NL_ERR(ENOENT, ask_mapping(&self->nl, self->id, SIZE));
}

static int mappings_of_nobody(void *arg)
{
	struct mapper *m = arg;

	HM_OK(setuid(65534));
	HM_OK(nl_open(&m->nl));
	if (ask_mappings(&m->nl, m->id).err != EPERM)
		return KSFT_FAIL;
	return ask_mapping(&m->nl, m->id, 0).err != EPERM;
}

TEST_F(nl, mappings_refused)
{
	struct mapper m = { .id = self->id };

	EXPECT_NL_ERR(EINVAL, nl_dump(&self->nl, HOSTMEM_NL_MAPPING_GET));
	EXPECT_NL_ERR(EINVAL, nl_do(&self->nl, HOSTMEM_NL_MAPPING_GET));
	EXPECT_NL_ERR(ENOENT, ask_mappings(&self->nl, ~0ULL));
	EXPECT_NL_ERR(ENOENT, ask_mapping(&self->nl, ~0ULL, 0));
	EXPECT_EQ(0, hm_in_child(mappings_of_nobody, &m));
}

#define MANY_MAPPINGS 400
#define GAP 16384

struct many {
	int fd;
	char *p[MANY_MAPPINGS];
};

/* Half of them go, as many others come. */
static void mappings_come_and_go(void *arg)
{
	struct many *many = arg;
	int i;

	for (i = 0; i < MANY_MAPPINGS; i += 2) {
		HM_OK(munmap(many->p[i], 4096));
		hm_map(many->fd, GAP * i + 2 * 4096, 4096, PROT_READ);
	}
}

/* More than fit in one packet; what is there all the time is told, once. */
TEST_F(nl, dump_of_many_mappings)
{
	static struct many many;
	struct reply r;
	int i;

	many.fd = self->owner;
	for (i = 0; i < MANY_MAPPINGS; i++)
		many.p[i] = hm_map(self->owner, GAP * i, 4096, PROT_READ);
	r = ask_mappings(&self->nl, self->id);
	EXPECT_EQ(0, r.err);
	EXPECT_LT(3, r.packets);
	ASSERT_EQ(MANY_MAPPINGS, r.n);
	for (i = 0; i < MANY_MAPPINGS; i++)
		EXPECT_NE(NULL, mapping_at(&r, getpid(), many.p[i]));
	self->nl.meanwhile = mappings_come_and_go;
	self->nl.arg = &many;
	r = ask_mappings(&self->nl, self->id);
	EXPECT_EQ(0, r.err);
	EXPECT_LE(MANY_MAPPINGS / 2, r.n);
	for (i = 1; i < MANY_MAPPINGS; i += 2)
		EXPECT_NE(NULL, mapping_at(&r, getpid(), many.p[i]));
}

/* Events */

FIXTURE(event) {
	struct nl nl;
	char name[HM_NAME_MAX];
	int owner;
	__u64 id;
};

FIXTURE_SETUP(event)
{
	struct hostmem_region_create cmd = hm_create_cmd(hm_name(self->name), SIZE);
	int group;

	ASSERT_EQ(0, nl_open(&self->nl));
	group = self->nl.group;
	ASSERT_EQ(0, mnl_socket_setsockopt(self->nl.sock, NETLINK_ADD_MEMBERSHIP, &group,
					   sizeof(group)));
	self->owner = hm_create_raw(&cmd);
	self->id = cmd.out_id;
}

FIXTURE_TEARDOWN(event)
{
	_hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
	mnl_socket_close(self->nl.sock);
}

/* The next event; whether there was one. */
static bool event_any(struct nl *nl, struct msg *msg)
{
	struct pollfd pfd = { .fd = mnl_socket_get_fd(nl->sock), .events = POLLIN };
	static char buf[65536] __attribute__((aligned(8)));

	if (poll(&pfd, 1, 200) != 1)
		return false;
	HM_OK(mnl_socket_recvfrom(nl->sock, buf, sizeof(buf)));
	msg_parse((void *)buf, msg);
	return true;
}

/* The next one about region @id. */
static bool event_next(struct nl *nl, __u64 id, struct msg *msg)
{
	while (event_any(nl, msg)) {
		if (msg->value[HOSTMEM_A_EVENT_REGION_ID] == id)
			return true;
	}
	return false;
}

#define EVENT_KEYS ((2U << HOSTMEM_A_EVENT_MAX) - 2 - (1U << HOSTMEM_A_EVENT_PAD))
#define NO_VIEW 0

#define EXPECT_EVENT(_cmd, _view, _start, _length)				\
	do {									\
		struct msg m_;							\
										\
		ASSERT_TRUE(event_next(&self->nl, self->id, &m_));		\
		EXPECT_EQ(_cmd, m_.cmd);					\
		EXPECT_EQ(EVENT_KEYS & ~((_view) ? 0 : 1U << HOSTMEM_A_EVENT_VIEW_ID), \
			  m_.present);						\
		EXPECT_STREQ(self->name, m_.text[HOSTMEM_A_EVENT_REGION_NAME]);	\
		EXPECT_EQ(_view, m_.value[HOSTMEM_A_EVENT_VIEW_ID]);		\
		EXPECT_EQ((__u64)getpid(), m_.value[HOSTMEM_A_EVENT_PID]);	\
		EXPECT_EQ(_start, m_.value[HOSTMEM_A_EVENT_START]);		\
		EXPECT_EQ(_length, m_.value[HOSTMEM_A_EVENT_LENGTH]);		\
	} while (0)

#define EXPECT_NO_EVENT()							\
	do {									\
		struct msg m_;							\
										\
		EXPECT_FALSE(event_next(&self->nl, self->id, &m_));		\
	} while (0)

TEST_F(event, all)
{
	__u64 view;
	int data;
	char *p;

	EXPECT_EVENT(HOSTMEM_NL_CREATED, hm_view_id(self->owner), 0, SIZE);
	hm_plug(self->owner, HM_BLOCK, 2 * HM_BLOCK);
	EXPECT_EVENT(HOSTMEM_NL_PLUGGED, NO_VIEW, HM_BLOCK, 2 * HM_BLOCK);
	data = hm_open_node(self->name, O_RDWR);
	view = hm_view_id(data);
	p = hm_map(data, HM_BLOCK, 3 * HM_BLOCK, PROT_READ);
	EXPECT_EVENT(HOSTMEM_NL_MAPPED, view, HM_BLOCK, 3 * HM_BLOCK);
	hm_unplug(self->owner, 2 * HM_BLOCK, HM_BLOCK);
	EXPECT_EVENT(HOSTMEM_NL_UNPLUGGED, NO_VIEW, 2 * HM_BLOCK, HM_BLOCK);
	hm_revoke(self->owner, view);
	EXPECT_EVENT(HOSTMEM_NL_REVOKED, view, 0, SIZE);
	munmap(p, 3 * HM_BLOCK);
	EXPECT_EVENT(HOSTMEM_NL_UNMAPPED, view, HM_BLOCK, 3 * HM_BLOCK);
	hm_destroy(self->owner, 0);
	EXPECT_EVENT(HOSTMEM_NL_DESTROYED, NO_VIEW, 0, SIZE);
	close(data);
	EXPECT_NO_EVENT();
}

TEST_F(event, generation)
{
	struct hostmem_region_info info;
	struct msg msg;

	hm_plug(self->owner, 0, HM_BLOCK);
	hm_info(self->owner, &info);
	ASSERT_TRUE(event_next(&self->nl, self->id, &msg));
	ASSERT_TRUE(event_next(&self->nl, self->id, &msg));
	EXPECT_EQ(HOSTMEM_NL_PLUGGED, msg.cmd);
	EXPECT_EQ(info.out_generation, msg.value[HOSTMEM_A_EVENT_GENERATION]);
	hm_unplug(self->owner, 0, HM_BLOCK);
	ASSERT_TRUE(event_next(&self->nl, self->id, &msg));
	EXPECT_LT(info.out_generation, msg.value[HOSTMEM_A_EVENT_GENERATION]);
}

/* What is refused is no event; nor is asking. */
TEST_F(event, none_for_failures)
{
	struct hostmem_region_info info;

	EXPECT_EVENT(HOSTMEM_NL_CREATED, hm_view_id(self->owner), 0, SIZE);
	hm_unplug_err(ENOENT, self->owner, 0, HM_BLOCK);
	hm_plug_err(ENOENT, self->owner, SIZE, HM_BLOCK);
	hm_create_named_err(EEXIST, self->name, SIZE);
	hm_revoke_err(ENOENT, self->owner, ~0ULL);
	hm_map_err(EINVAL, self->owner, SIZE, HM_BLOCK, PROT_READ);
	hm_map_flags_err(EOPNOTSUPP, self->owner, 0, HM_BLOCK, PROT_WRITE, MAP_PRIVATE);
	hm_info(self->owner, &info);
	hm_map(self->owner, 0, HM_BLOCK, PROT_READ);
	EXPECT_EVENT(HOSTMEM_NL_MAPPED, info.out_view_id, 0, HM_BLOCK);
	hm_destroy_err(EBUSY, self->owner, 0);
	EXPECT_NO_EVENT();
}

/* What became of the name of a region, and nothing but that; @name is the one that is told. */
#define EXPECT_RENAMED(_id, _name)						\
	do {									\
		struct msg m_;							\
										\
		ASSERT_TRUE(event_next(&self->nl, _id, &m_));			\
		EXPECT_EQ(HOSTMEM_NL_RENAMED, m_.cmd);				\
		EXPECT_TRUE(m_.present & 1U << HOSTMEM_A_EVENT_REGION_NAME);	\
		EXPECT_STREQ(_name, m_.text[HOSTMEM_A_EVENT_REGION_NAME]);	\
		EXPECT_EQ((__u64)getpid(), m_.value[HOSTMEM_A_EVENT_PID]);	\
		EXPECT_FALSE(event_next(&self->nl, _id, &m_));			\
	} while (0)

static void rename_to(const char *old, const char *new)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), HM_DIR "%s", old);
	HM_OK(rename(path, hm_path(new)));
}

/* The name by which region @id is known now; NULL: none. */
static const char *name_of(__u64 id)
{
	/* Not the one on which events come. */
	struct nl nl = {};
	struct reply r;

	HM_TRUE(!nl_open(&nl));
	r = nl_do(&nl, HOSTMEM_NL_REGION_GET, NUMBER(HOSTMEM_A_REGION_ID, id));
	HM_TRUE(r.n == 1);
	mnl_socket_close(nl.sock);
	return r.msgs[0].present & 1U << HOSTMEM_A_REGION_NAME ?
		r.msgs[0].text[HOSTMEM_A_REGION_NAME] : NULL;
}

TEST_F(event, renamed)
{
	char dir[HM_NAME_MAX], other[HM_NAME_MAX], below[2 * HM_NAME_MAX];
	struct msg msg;

	EXPECT_EVENT(HOSTMEM_NL_CREATED, hm_view_id(self->owner), 0, SIZE);
	HM_OK(mkdir(hm_path(hm_name(dir)), 0755));
	snprintf(below, sizeof(below), "%s/vm", dir);
	rename_to(self->name, below);
	EXPECT_RENAMED(self->id, below);
	EXPECT_STREQ(below, name_of(self->id));
	/* With the directory. */
	rename_to(dir, hm_name(other));
	snprintf(below, sizeof(below), "%s/vm", other);
	EXPECT_RENAMED(self->id, below);
	EXPECT_STREQ(below, name_of(self->id));
	EXPECT_EQ(0, unlink(hm_path(below)));
	EXPECT_RENAMED(self->id, below);
	EXPECT_EQ(NULL, name_of(self->id));
	EXPECT_EQ(0, rmdir(hm_path(other)));
	/* The name that it had stays with its events. */
	hm_plug(self->owner, 0, HM_BLOCK);
	ASSERT_TRUE(event_next(&self->nl, self->id, &msg));
	EXPECT_EQ(HOSTMEM_NL_PLUGGED, msg.cmd);
	EXPECT_STREQ(below, msg.text[HOSTMEM_A_EVENT_REGION_NAME]);
}

TEST_F(event, named_later)
{
	struct hostmem_region_info info;
	char name[HM_NAME_MAX], path[32];
	struct msg msg;
	int fd;

	fd = HM_OK(open(HM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	HM_OK(ftruncate(fd, SIZE));
	hm_info(fd, &info);
	ASSERT_TRUE(event_next(&self->nl, info.out_id, &msg));
	EXPECT_EQ(HOSTMEM_NL_CREATED, msg.cmd);
	EXPECT_FALSE(msg.present & 1U << HOSTMEM_A_EVENT_REGION_NAME);
	ASSERT_TRUE(event_next(&self->nl, info.out_id, &msg));
	EXPECT_EQ(HOSTMEM_NL_PLUGGED, msg.cmd);
	EXPECT_EQ(SIZE, msg.value[HOSTMEM_A_EVENT_LENGTH]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	HM_OK(linkat(AT_FDCWD, path, AT_FDCWD, hm_path(hm_name(name)), AT_SYMLINK_FOLLOW));
	EXPECT_RENAMED(info.out_id, name);
	EXPECT_STREQ(name, name_of(info.out_id));
	HM_OK(unlink(hm_path(name)));
	EXPECT_RENAMED(info.out_id, name);
	close(fd);
	ASSERT_TRUE(event_next(&self->nl, info.out_id, &msg));
	EXPECT_EQ(HOSTMEM_NL_DESTROYED, msg.cmd);
	EXPECT_STREQ(name, msg.text[HOSTMEM_A_EVENT_REGION_NAME]);
}

/*
 * The kinds of the events, as bits, that are left of region @id, and in @others of the others; all
 * have @name.
 */
static __u32 events_of(struct nl *nl, __u64 id, const char *name, __u32 *others)
{
	__u32 kinds = 0;
	struct msg msg;

	*others = 0;
	while (event_any(nl, &msg)) {
		HM_TRUE(!strcmp(name, msg.text[HOSTMEM_A_EVENT_REGION_NAME]));
		if (msg.value[HOSTMEM_A_EVENT_REGION_ID] == id)
			kinds |= 1U << msg.cmd;
		else
			*others |= 1U << msg.cmd;
	}
	return kinds;
}

/* Over another region: that loses its name, and lives on while it is open. */
TEST_F(event, renamed_over)
{
	char name[HM_NAME_MAX];
	struct hostmem_region_info info;
	struct msg msg;
	__u32 lost;
	int other;

	other = hm_create_named(hm_name(name), HM_BLOCK);
	hm_info(other, &info);
	while (event_any(&self->nl, &msg))
		;
	rename_to(self->name, name);
	EXPECT_EQ(NULL, name_of(info.out_id));
	EXPECT_STREQ(name, name_of(self->id));
	close(other);
	EXPECT_EQ((1U << HOSTMEM_NL_RENAMED), events_of(&self->nl, self->id, name, &lost));
	EXPECT_EQ((1U << HOSTMEM_NL_RENAMED | 1U << HOSTMEM_NL_DESTROYED), lost);
}

TEST_F(event, anonymous)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, SIZE);
	int fd = hm_create_raw(&cmd);
	struct msg msg;

	ASSERT_TRUE(event_next(&self->nl, cmd.out_id, &msg));
	EXPECT_EQ(HOSTMEM_NL_CREATED, msg.cmd);
	EXPECT_EQ(EVENT_KEYS & ~(1U << HOSTMEM_A_EVENT_REGION_NAME), msg.present);
	close(fd);
	ASSERT_TRUE(event_next(&self->nl, cmd.out_id, &msg));
	EXPECT_EQ(HOSTMEM_NL_DESTROYED, msg.cmd);
	EXPECT_EQ(SIZE, msg.value[HOSTMEM_A_EVENT_LENGTH]);
	EXPECT_FALSE(event_next(&self->nl, cmd.out_id, &msg));
}

/* Whatever becomes of a mapping on the way, it is one when it comes and one when it goes. */
TEST_F(event, pieces)
{
	__u64 view = hm_view_id(self->owner);
	char *p = hm_map(self->owner, 0, SIZE, PROT_READ);
	struct hostmem_region_info info;
	char *to;
	int i;

	EXPECT_EVENT(HOSTMEM_NL_CREATED, view, 0, SIZE);
	EXPECT_EVENT(HOSTMEM_NL_MAPPED, view, 0, SIZE);
	for (i = 0; i < 100; i++) {
		HM_OK(madvise(p + i * 8192, 4096, MADV_DONTFORK));
		HM_OK(madvise(p + i * 8192, 4096, MADV_DOFORK));
	}
	EXPECT_NO_EVENT();
	hm_info(self->owner, &info);
	EXPECT_EQ(200, info.out_mappings);
	munmap(p + HM_BLOCK, HM_BLOCK);
	EXPECT_EVENT(HOSTMEM_NL_UNMAPPED, view, HM_BLOCK, HM_BLOCK);
	/* All the pieces of the first block at once, then the rest. */
	munmap(p, HM_BLOCK);
	EXPECT_EVENT(HOSTMEM_NL_UNMAPPED, view, 0, HM_BLOCK);
	to = HM_OK(mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	HM_OK(mremap(p + 2 * HM_BLOCK, HM_BLOCK, HM_BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_NO_EVENT();
	munmap(to, HM_BLOCK);
	EXPECT_EVENT(HOSTMEM_NL_UNMAPPED, view, 2 * HM_BLOCK, HM_BLOCK);
	munmap(p, SIZE);
	EXPECT_EVENT(HOSTMEM_NL_UNMAPPED, view, 3 * HM_BLOCK, SIZE - 3 * HM_BLOCK);
	/* Mapped over itself: both are told, in this order. */
	p = hm_map(self->owner, 0, HM_BLOCK, PROT_READ);
	EXPECT_EVENT(HOSTMEM_NL_MAPPED, view, 0, HM_BLOCK);
	HM_OK(mmap(p, HM_BLOCK, PROT_READ, MAP_SHARED | MAP_FIXED, self->owner, 0));
	EXPECT_EVENT(HOSTMEM_NL_UNMAPPED, view, 0, HM_BLOCK);
	EXPECT_EVENT(HOSTMEM_NL_MAPPED, view, 0, HM_BLOCK);
	EXPECT_NO_EVENT();
	munmap(p, HM_BLOCK);
	hm_info(self->owner, &info);
	EXPECT_EQ(0, info.out_mappings);
}

static void split_and_die(char *p, int go)
{
	char byte;
	int i;

	/* What a fork has mapped is told when its caller is back. */
	HM_TRUE(read(go, &byte, 1) == 1);
	for (i = 0; i < 100; i++)
		HM_OK(madvise(p + i * 8192, 4096, MADV_DONTFORK));
	_exit(0);
}

/* A fork maps, and its end unmaps, once, in however many pieces. */
TEST_F(event, pieces_of_a_child)
{
	__u64 view = hm_view_id(self->owner);
	char *p = hm_map(self->owner, 0, SIZE, PROT_READ);
	struct msg msg;
	int pipes[2];
	pid_t pid;

	EXPECT_EVENT(HOSTMEM_NL_CREATED, view, 0, SIZE);
	EXPECT_EVENT(HOSTMEM_NL_MAPPED, view, 0, SIZE);
	HM_OK(mprotect(p + HM_BLOCK, HM_BLOCK, PROT_NONE));
	HM_OK(pipe(pipes));
	pid = HM_OK(fork());
	if (!pid)
		split_and_die(p, pipes[0]);
	HM_TRUE(write(pipes[1], "", 1) == 1);
	EXPECT_EQ(0, hm_wait(pid));
	EXPECT_EVENT(HOSTMEM_NL_MAPPED, view, 0, SIZE);
	ASSERT_TRUE(event_next(&self->nl, self->id, &msg));
	EXPECT_EQ(HOSTMEM_NL_UNMAPPED, msg.cmd);
	EXPECT_EQ(0, msg.value[HOSTMEM_A_EVENT_START]);
	EXPECT_EQ(SIZE, msg.value[HOSTMEM_A_EVENT_LENGTH]);
	EXPECT_NE((__u64)getpid(), msg.value[HOSTMEM_A_EVENT_PID]);
	EXPECT_NO_EVENT();
}

static int map_and_die(void *arg)
{
	hm_map(*(int *)arg, 0, HM_BLOCK, PROT_READ);
	return 0;
}

/* A process that dies unmaps, and it is said who. */
TEST_F(event, of_another_process)
{
	__u64 view = hm_view_id(self->owner);
	struct msg map, unmap;

	EXPECT_EVENT(HOSTMEM_NL_CREATED, view, 0, SIZE);
	EXPECT_EQ(0, hm_in_child(map_and_die, &self->owner));
	ASSERT_TRUE(event_next(&self->nl, self->id, &map));
	EXPECT_EQ(HOSTMEM_NL_MAPPED, map.cmd);
	EXPECT_NE((__u64)getpid(), map.value[HOSTMEM_A_EVENT_PID]);
	ASSERT_TRUE(event_next(&self->nl, self->id, &unmap));
	EXPECT_EQ(HOSTMEM_NL_UNMAPPED, unmap.cmd);
	EXPECT_EQ(map.value[HOSTMEM_A_EVENT_PID], unmap.value[HOSTMEM_A_EVENT_PID]);
	EXPECT_NO_EVENT();
}

TEST_HARNESS_MAIN
