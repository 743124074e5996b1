// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has a device open or mapped, and what a disk is used as, by /proc and sysfs.
 *
 * Of what a process has open only the link is read: to ask for more may wait for a file system
 * that does not answer.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "ctl.h"

/*
 * Whether a path is that of a device or of a partition of it; also one that has gone, or has come
 * again under the same name.
 */
static bool is_device(const char *path, const char *device)
{
	size_t size = strlen(device);

	if (strncmp(path, device, size))
		return false;
	path += size;
	if (path[0] == 'p' && isdigit((unsigned char)path[1]))
		path += 1 + strspn(path + 1, "0123456789");
	return !*path || *path == '\n' || *path == ' ';
}

/* What one process has of a file: an entry of its fd directory. */
struct opened {
	const char *pid;
	const char *fd;
	char link[256];
};

typedef bool opened_fn(const struct opened *opened, const void *data);

static bool any_opened(const char *pid, opened_fn *wanted, const void *data)
{
	struct opened opened = { .pid = pid };
	struct dirent *entry;
	bool found = false;
	char path[300];
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		n = readlinkat(dirfd(dir), entry->d_name, opened.link, sizeof(opened.link) - 1);
		if (n < 0)
			continue;
		opened.link[n] = 0;
		opened.fd = entry->d_name;
		found = wanted(&opened, data);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool is_opened(const struct opened *opened, const void *device)
{
	return is_device(opened->link, device);
}

static bool has_mapped(const char *pid, const char *device)
{
	bool found = false;
	char line[512];
	FILE *file;
	char *at;

	snprintf(line, sizeof(line), "/proc/%s/maps", pid);
	file = fopen(line, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		at = strchr(line, '/');
		found = at && is_device(at, device);
	}
	if (file)
		fclose(file);
	return found;
}

typedef bool process_fn(const char *pid, const void *data);

/* The first other process of which something is true, or 0. */
static pid_t find_process(process_fn *wanted, const void *data)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t pid = 0;

	while (proc && !pid && (entry = readdir(proc))) {
		if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != getpid() &&
		    wanted(entry->d_name, data))
			pid = atoi(entry->d_name);
	}
	if (proc)
		closedir(proc);
	return pid;
}

static bool uses_device(const char *pid, const void *device)
{
	return any_opened(pid, is_opened, device) || has_mapped(pid, device);
}

/**
 * ctl_file_user - find another process that uses a device
 * @path: of the device; its partitions count
 *
 * Return: its number; 0: there is none, as far as this user can see.
 */
pid_t ctl_file_user(const char *path)
{
	return find_process(uses_device, path);
}

/* Whether a file is a lease on the namespace of this number. */
static bool is_lease(const struct opened *opened, const void *data)
{
	const uint64_t *id = data;
	unsigned long long got = 0;
	char path[300];
	FILE *file;

	if (strcmp(opened->link, "anon_inode:[hostmem-lease]"))
		return false;
	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", opened->pid, opened->fd);
	file = fopen(path, "re");
	while (file && fgets(path, sizeof(path), file)) {
		if (sscanf(path, "hostmem-pmem: %llu", &got) == 1)
			break;
	}
	if (file)
		fclose(file);
	return got == *id;
}

static bool has_lease(const char *pid, const void *id)
{
	return any_opened(pid, is_lease, id);
}

/**
 * ctl_lease_user - find a process that has a lease on a pmem namespace
 * @id: its number
 *
 * Return: its number; 0: there is none, as far as this user can see.
 */
pid_t ctl_lease_user(uint64_t id)
{
	return find_process(has_lease, &id);
}

/* A disk that somebody may use, and as what. */
struct disk {
	const char *name;		/* "pmem0" */
	char path[64];			/* "/dev/pmem0" */
	char *use;
	size_t size;
};

/* Is one thing on top of it, device-mapper's or md's? */
static bool has_holder(const struct disk *disk, const char *directory)
{
	struct dirent *entry;
	bool found = false;
	char path[400];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/holders", directory);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(disk->use, disk->size, "/dev/%s is made of %s; remove that first: %s",
			 entry->d_name, disk->path,
			 strncmp(entry->d_name, "md", 2) ? "dmsetup remove" : "mdadm --stop");
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The same for its partitions. */
static bool is_stacked(const struct disk *disk)
{
	char directory[64], path[340];
	struct dirent *entry;
	bool found;
	DIR *dir;

	snprintf(directory, sizeof(directory), "/sys/class/block/%s", disk->name);
	found = has_holder(disk, directory);
	dir = opendir(directory);
	while (dir && !found && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, disk->name, strlen(disk->name)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		found = has_holder(disk, path);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool is_swap(const struct disk *disk)
{
	FILE *file = fopen("/proc/swaps", "re");
	bool found = false;
	char line[512];

	while (file && !found && fgets(line, sizeof(line), file))
		found = is_device(line, disk->path);
	if (file)
		fclose(file);
	if (found)
		snprintf(disk->use, disk->size, "%s is swap; run swapoff first", disk->path);
	return found;
}

/* The mounts that a process sees: "36 35 259:0 / /mnt rw,noatime shared:1 - ext4 /dev/pmem0 rw". */
static bool sees_mount(const char *pid, const void *data)
{
	const struct disk *disk = data;
	char line[1024], place[256];
	bool found = false;
	FILE *file;
	char *at;

	snprintf(line, sizeof(line), "/proc/%s/mountinfo", pid);
	file = fopen(line, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		at = strstr(line, " - ");
		at = at ? strchr(at + 3, ' ') : NULL;
		found = at && is_device(at + 1, disk->path) &&
			sscanf(line, "%*s %*s %*s %*s %255s", place) == 1;
	}
	if (file)
		fclose(file);
	if (found)
		snprintf(disk->use, disk->size, "%s is mounted on %s; unmount it first",
			 disk->path, place);
	return found;
}

static bool is_mounted(struct disk *disk)
{
	size_t length;
	pid_t pid;

	if (sees_mount("self", disk))
		return true;
	/* In a mount namespace of somebody else. */
	pid = find_process(sees_mount, disk);
	if (!pid)
		return false;
	length = strlen(disk->use);
	snprintf(disk->use + length, disk->size - length, " (as pid %d, %s, sees it)", pid,
		 ctl_pid_command(pid).s);
	return true;
}

/**
 * ctl_disk_use - what a disk is used as
 * @name: "pmem0"; its partitions count
 * @use: out: what, and the way out: for after a colon
 * @size: bytes of @use
 *
 * Return: true if it is.
 */
bool ctl_disk_use(const char *name, char *use, size_t size)
{
	struct disk disk = { .name = name, .use = use, .size = size };

	snprintf(disk.path, sizeof(disk.path), "/dev/%s", name);
	return is_stacked(&disk) || is_swap(&disk) || is_mounted(&disk);
}
