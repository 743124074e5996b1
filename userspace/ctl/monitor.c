// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl monitor: one JSON object per line and event
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

struct monitor {
	struct ctl_strings regions;
	struct ctl_number count;
	struct ctl_number seconds;
};

static const struct ctl_option options[] = {
	{ .name = "region", .letter = 'r', .arg = "NAME|ID", .type = &ctl_type_strings,
	  .offset = offsetof(struct monitor, regions),
	  .help = "only events of this region, which need not exist yet (repeatable)" },
	{ .name = "count", .letter = 'n', .arg = "COUNT", .type = &ctl_type_count,
	  .offset = offsetof(struct monitor, count), .help = "end after so many events" },
	{ .name = "timeout", .letter = 't', .arg = "SECONDS", .type = &ctl_type_count,
	  .offset = offsetof(struct monitor, seconds), .help = "end after that time" },
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "[-r NAME|ID]... [-n COUNT] [-t SECONDS]",
	.text = "Print what happens to regions, one JSON object per line, until SIGINT or SIGTERM,\n"
		"or until nobody reads it any more.",
	.args = "",
	.options = options,
};

static bool is_region(const struct hostmem_event *event, const char *name_or_id)
{
	uint64_t id;

	if (event->region_name && !strcmp(event->region_name, ctl_name(name_or_id)))
		return true;
	return !parse_uint(name_or_id, UINT64_MAX, &id) && id == event->region_id;
}

static bool is_wanted(const struct hostmem_event *event, const struct monitor *monitor)
{
	unsigned int i;

	for (i = 0; i < monitor->regions.count; i++) {
		if (is_region(event, monitor->regions.list[i]))
			return true;
	}
	return !monitor->regions.count;
}

static void add_pmem(struct json_object *object, const struct hostmem_event *event)
{
	json_object_object_add(object, "namespace", json_object_new_string(event->pmem_name));
	json_object_object_add(object, "dev", *event->pmem_dev ?
			       json_object_new_string(event->pmem_dev) : NULL);
}

static void add_region(struct json_object *object, const struct hostmem_event *event)
{
	struct ctl_text command = ctl_pid_command(event->pid);

	json_object_object_add(object, "name", event->region_name ?
			       json_object_new_string(event->region_name) : NULL);
	json_object_object_add(object, "id", json_object_new_uint64(event->region_id));
	json_object_object_add(object, "generation",
			       json_object_new_uint64(event->generation));
	json_object_object_add(object, "view_id", json_object_new_uint64(event->view_id));
	json_object_object_add(object, "pid", json_object_new_int(event->pid));
	json_object_object_add(object, "command",
			       *command.s ? json_object_new_string(command.s) : NULL);
	json_object_object_add(object, "start", json_object_new_uint64(event->start));
	json_object_object_add(object, "length", json_object_new_uint64(event->length));
}

static int print_event(struct ctl *ctl, const struct hostmem_event *event)
{
	struct json_object *object = json_object_new_object();
	struct timespec now;
	char stamp[40];

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(stamp, sizeof(stamp), "%lld.%06ld", (long long)now.tv_sec, now.tv_nsec / 1000);
	json_object_object_add(object, "timestamp",
			       json_object_new_double_s(now.tv_sec + now.tv_nsec / 1e9, stamp));
	json_object_object_add(object, "event", json_object_new_string(event->event));
	if (event->pmem_name)
		add_pmem(object, event);
	else
		add_region(object, event);
	return ctl_json_print(ctl, object, JSON_C_TO_STRING_PLAIN) == CTL_OK ? CTL_GO :
									       CTL_FAILED;
}

/* Print all that is there. CTL_GO: wait for more. */
static int drain(struct ctl *ctl, struct hostmem_monitor *source,
		 const struct monitor *monitor, uint64_t *printed)
{
	static const struct hostmem_event lost = { .event = "lost" };
	struct hostmem_event event;
	int rc = CTL_GO;

	while (rc == CTL_GO) {
		rc = hostmem_monitor_receive(source, &event);
		if (rc == -EAGAIN)
			return CTL_GO;
		if (rc && rc != -ENOBUFS)
			return ctl_fail(ctl, rc, ctl_netlink_reasons, "events");
		if (!rc && !is_wanted(&event, monitor)) {
			rc = CTL_GO;
			continue;
		}
		rc = print_event(ctl, rc ? &lost : &event);
		if (rc == CTL_GO && monitor->count.given && ++*printed >= monitor->count.value)
			rc = CTL_OK;
	}
	return rc;
}

/* How long to wait at once: 0, the time is over; -1, for ever. */
static int wait_ms(const struct monitor *monitor, double end)
{
	double left = (end - ctl_now()) * 1000;

	if (!monitor->seconds.given)
		return -1;
	if (left > INT_MAX - 1)
		return INT_MAX;
	return left > 0 ? (int)left + 1 : 0;
}

static int follow(struct ctl *ctl, struct hostmem_monitor *source, int signals,
		  const struct monitor *monitor)
{
	double end = ctl_now() + monitor->seconds.value;
	struct pollfd fds[] = {
		{ .fd = hostmem_monitor_get_fd(source), .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
		{ .fd = STDOUT_FILENO },	/* only whether its reader has gone */
	};
	uint64_t printed = 0;
	int ms, rc;

	ctl_note(ctl, 1, "listening");
	do {
		ms = wait_ms(monitor, end);
		rc = poll(fds, 3, ms);
		if (rc < 0 && errno != EINTR)
			return ctl_fail(ctl, -errno, NULL, "events");
		if ((!rc && !ms) || (rc > 0 && (fds[1].revents || fds[2].revents)))
			return CTL_OK;
		rc = drain(ctl, source, monitor, &printed);
	} while (rc == CTL_GO);
	return rc;
}

static int listen_and_follow(struct ctl *ctl, const struct monitor *monitor)
{
	struct hostmem_monitor *source;
	int rc, signals = ctl_signals_fd();

	if (signals < 0)
		return ctl_fail(ctl, signals, NULL, "signals");
	rc = hostmem_monitor_new(ctl->ctx, &source);
	if (rc) {
		close(signals);
		return ctl_fail(ctl, rc, ctl_netlink_reasons, "events");
	}
	rc = follow(ctl, source, signals, monitor);
	hostmem_monitor_unref(source);
	close(signals);
	return rc;
}

int cmd_monitor(struct ctl *ctl, int argc, char **argv)
{
	struct monitor monitor = { .regions.count = 0 };
	int rc;

	rc = ctl_parse(ctl, &usage, &monitor, &argc, &argv);
	if (rc == CTL_GO)
		rc = ctl_open(ctl, CTL_NEED_NETLINK);
	if (rc == CTL_GO)
		rc = listen_and_follow(ctl, &monitor);
	ctl_strings_free(&monitor.regions);
	return rc;
}
