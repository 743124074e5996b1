// SPDX-License-Identifier: GPL-2.0
/*
 * For scripts: hold WHAT NAME. Has something of hostmem or of a device, and nothing else of it,
 * from the line that it prints until one comes on its standard input.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib.h"

static void leave(const char *name)
{
	int fd = hm_create_named(name, HM_BLOCK);
	char *p;

	hm_plug(fd, 0, HM_BLOCK);
	p = hm_map(fd, 0, HM_BLOCK, PROT_READ | PROT_WRITE);
	memset(p, 1, HM_BLOCK);
}

/* What leave() has left is still in it. */
static void look(const char *name)
{
	char *p = hm_map(hm_open_node(name, O_RDONLY), 0, HM_BLOCK, PROT_READ);

	HM_TRUE(hm_is_filled(p, 1, HM_BLOCK));
}

static void destroy(const char *name)
{
	hm_destroy(hm_open(name), 0);
}

static void hold_control(const char *name)
{
	(void)name;
	hm_control();
}

static void hold_fd(const char *name)
{
	(void)name;
	hm_create(HM_BLOCK);
	close(hm_control());
}

static void hold_mapping(const char *name)
{
	int fd = hm_create(HM_BLOCK);
	char *p;

	(void)name;
	hm_plug(fd, 0, HM_BLOCK);
	p = hm_map(fd, 0, HM_BLOCK, PROT_READ | PROT_WRITE);
	*p = 1;
	close(fd);
	close(hm_control());
}

/* The region goes, its view stays. */
static void hold_view(const char *name)
{
	int fd = hm_create_named(name, HM_BLOCK);

	hm_open_node(name, O_RDONLY);
	hm_destroy(fd, 0);
	close(fd);
	close(hm_control());
}

/* Of a path: a lease of a device or a file with DAX, and nothing else. */
static void hold_lease(const char *path)
{
	struct hostmem_extent extents[64];
	struct hostmem_extents cmd = {
		.size = sizeof(cmd), .flags = HOSTMEM_EXTENTS_LEASE,
		.fd = HM_OK(open(path, O_RDONLY)),
		.extents = (uintptr_t)extents, .count = HM_ARRAY_SIZE(extents),
	};

	HM_OK(ioctl(hm_control(), HOSTMEM_EXTENTS, &cmd));
	close(cmd.fd);
	close(hm_control());
}

static void hold_open(const char *path)
{
	HM_OK(open(path, O_RDWR));
}

/* Of a path: a mapping of its first block. */
static void hold_map(const char *path)
{
	int fd = HM_OK(open(path, O_RDWR));
	volatile char *p = hm_map(fd, 0, HM_BLOCK, PROT_READ | PROT_WRITE);

	(void)*p;
	close(fd);
}

static const struct {
	const char *what;
	void (*fn)(const char *name);
	bool wait;
} things[] = {
	{ "leave", leave, false },
	{ "look", look, false },
	{ "destroy", destroy, false },
	{ "control", hold_control, true },
	{ "fd", hold_fd, true },
	{ "mapping", hold_mapping, true },
	{ "view", hold_view, true },
	{ "lease", hold_lease, true },
	{ "open", hold_open, true },
	{ "map", hold_map, true },
};

int main(int argc, char **argv)
{
	char line[16];
	size_t i;

	for (i = 0; argc == 3 && i < HM_ARRAY_SIZE(things); i++) {
		if (strcmp(argv[1], things[i].what))
			continue;
		things[i].fn(argv[2]);
		if (!things[i].wait)
			return 0;
		puts("held");
		fflush(stdout);
		return !fgets(line, sizeof(line), stdin);
	}
	fprintf(stderr, "hold: leave|look|destroy|control|fd|mapping|view NAME, lease|open|map PATH\n");
	return 2;
}
