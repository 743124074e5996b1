// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who maps a view, as JSON.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "ctl.h"

/* Mappings of one process, and of how many bytes of each it has page table entries. */
struct process {
	const struct hostmem_mapping *mappings;
	unsigned int count;
	uint64_t *bytes;	/* UINT64_MAX: not known */
};

static uint64_t *find_bytes(const struct process *process, unsigned long long address)
{
	unsigned int i;

	for (i = 0; i < process->count; i++) {
		if (process->mappings[i].address == address)
			return &process->bytes[i];
	}
	return NULL;
}

/* What the kernel counts as Rss of each. */
static void read_smaps(const struct process *process)
{
	unsigned long long start, end;
	uint64_t *bytes = NULL;
	char path[32];
	char *line = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", process->mappings->pid);
	file = process->mappings->pid ? fopen(path, "re") : NULL;
	if (!file)
		return;
	while (getline(&line, &room, file) > 0) {
		if (sscanf(line, "%llx-%llx ", &start, &end) == 2)
			bytes = find_bytes(process, start);
		else if (bytes && sscanf(line, "Rss: %llu kB", &start) == 1)
			*bytes = start << 10;
	}
	free(line);
	fclose(file);
}

static struct json_object *json_mapping(const struct hostmem_mapping *mapping, uint64_t bytes,
					bool human)
{
	struct json_object *object = json_object_new_object();
	struct ctl_text command = ctl_pid_command(mapping->pid);
	char prot[4];

	snprintf(prot, sizeof(prot), "%s%s%s", mapping->prot & PROT_READ ? "r" : "",
		 mapping->prot & PROT_WRITE ? "w" : "", mapping->prot & PROT_EXEC ? "x" : "");
	json_object_object_add(object, "pid", json_object_new_int(mapping->pid));
	json_object_object_add(object, "command",
			       *command.s ? json_object_new_string(command.s) : NULL);
	json_object_object_add(object, "start", ctl_json_offset(mapping->start, human));
	json_object_object_add(object, "length", ctl_json_size(mapping->length, human));
	json_object_object_add(object, "prot", json_object_new_string(prot));
	json_object_object_add(object, "bytes", bytes == UINT64_MAX ? NULL :
			       ctl_json_size(bytes, human));
	return object;
}

static int add_process(struct json_object *array, const struct hostmem_mapping *mappings,
		       unsigned int count, const struct ctl_json *how, bool counted)
{
	struct process process = { mappings, count, calloc(count, sizeof(uint64_t)) };
	unsigned int i;

	if (!process.bytes)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		process.bytes[i] = UINT64_MAX;
	if (counted)
		read_smaps(&process);
	for (i = 0; i < count; i++)
		json_object_array_add(array, json_mapping(&mappings[i], process.bytes[i],
							  how->human));
	free(process.bytes);
	return 0;
}

/**
 * ctl_json_mappings - the mappings of a view as an array
 * @list: those of the region
 * @view_id: of the view
 * @how: what to show
 *
 * Return: the array; NULL: they are not known, or no memory.
 */
struct json_object *ctl_json_mappings(const struct ctl_mappings *list, uint64_t view_id,
				      const struct ctl_json *how)
{
	struct json_object *array;
	unsigned int i, n;

	if (!list->known)
		return NULL;
	array = json_object_new_array();
	for (i = 0; i < list->count; i += n) {
		const struct hostmem_mapping *first = &list->mappings[i];

		/* In the order of views, and of processes in each. */
		for (n = 1; i + n < list->count; n++) {
			if (first[n].view_id != first->view_id || first[n].pid != first->pid)
				break;
		}
		if (first->view_id == view_id && add_process(array, first, n, how, list->counted)) {
			json_object_put(array);
			return NULL;
		}
	}
	return array;
}

/**
 * ctl_mappings_read - ask who maps a region
 * @region: as listed
 * @list: out: to be freed by ctl_mappings_free()
 *
 * What takes a right that is missing, or would take too long, is not known.
 *
 * Return: 0, or -errno: -ENOENT if the region has gone meanwhile.
 */
int ctl_mappings_read(struct hostmem_region *region, struct ctl_mappings *list)
{
	int rc;

	list->mappings = NULL;
	list->count = 0;
	/* The pages of a device are in no process's Rss. */
	list->counted = hostmem_region_get_backing(region) == HOSTMEM_BACKING_RAM;
	rc = hostmem_region_get_mapping_list(region, &list->mappings, &list->count);
	list->known = !rc;
	return rc == -EPERM || rc == -EAGAIN ? 0 : rc;
}

void ctl_mappings_free(struct ctl_mappings *list)
{
	free(list->mappings);
}
