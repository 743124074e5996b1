// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has a device open or mapped, by /proc.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "ctl.h"

static bool has_open(const char *pid, dev_t device)
{
	struct dirent *entry;
	char path[600];
	struct stat st;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, entry->d_name);
		found = !stat(path, &st) && S_ISCHR(st.st_mode) && st.st_rdev == device;
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool has_mapped(const char *pid, const char *path)
{
	size_t size = strlen(path);
	bool found = false;
	char line[512];
	FILE *file;
	char *at;

	snprintf(line, sizeof(line), "/proc/%s/maps", pid);
	file = fopen(line, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		at = strchr(line, '/');
		found = at && !strncmp(at, path, size) && (at[size] == '\n' || at[size] == ' ');
	}
	if (file)
		fclose(file);
	return found;
}

/**
 * ctl_file_user - find a process that uses a character device
 * @path: of the device
 *
 * Return: its number; 0: there is none, as far as this user can see.
 */
pid_t ctl_file_user(const char *path)
{
	struct dirent *entry;
	pid_t pid = 0;
	struct stat st;
	DIR *proc;

	if (stat(path, &st) || !S_ISCHR(st.st_mode))
		return 0;
	proc = opendir("/proc");
	while (proc && !pid && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (has_open(entry->d_name, st.st_rdev) || has_mapped(entry->d_name, path))
			pid = atoi(entry->d_name);
	}
	if (proc)
		closedir(proc);
	return pid;
}
