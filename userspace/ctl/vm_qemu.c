// SPDX-License-Identifier: GPL-2.0-only
/*
 * vm-config --format qemu
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm_config.h"

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

static void put_backend(FILE *to, const struct vm_config *config, const char *id,
			uint64_t size, const struct vm_cell *cell)
{
	static const char *const kinds[] = {
		[VM_FILE] = "file",
		[VM_ANONYMOUS] = "ram",
		[VM_MEMFD] = "memfd",
	};
	bool huge = cell ? cell->huge : config->huge_size;

	fprintf(to, "memory-backend-%s,id=%s", kinds[config->source.value], id);
	/* Aligned, so that KVM can use large pages: QEMU would align to 4 KiB. */
	if (config->name)
		fprintf(to, ",mem-path=" CTL_MOUNT "/%s,align=%lluM", config->name,
			(unsigned long long)config->align >> 20);
	fprintf(to, ",size=%llu,share=%s", (unsigned long long)size,
		on_off(cell ? cell->shared : config->shared));
	if (huge)
		fprintf(to, ",hugetlb=on,hugetlbsize=%llu",
			(unsigned long long)config->huge_size);
	fprintf(to, ",prealloc=%s", on_off(config->immediate));
	if (config->threads.given)
		fprintf(to, ",prealloc-threads=%llu",
			(unsigned long long)config->threads.value);
	if (config->nosharepages)
		fprintf(to, ",merge=off");
	if (config->discard)
		fprintf(to, ",discard-data=on");
	if (config->persists)
		fprintf(to, ",pmem=on");
}

/* 0 or -ENOMEM. */
static int emit_backend(const struct vm_config *config, vm_emit_fn emit, const char *id,
			uint64_t size, const struct vm_cell *cell)
{
	char *value = NULL;
	size_t length;
	FILE *to = open_memstream(&value, &length);

	if (!to)
		return -ENOMEM;
	put_backend(to, config, id, size, cell);
	if (fclose(to)) {
		free(value);
		return -ENOMEM;
	}
	emit("-object", value);
	free(value);
	return 0;
}

static int emit_cells(const struct vm_config *config, vm_emit_fn emit)
{
	uint64_t size = config->memory.value / config->nr_cells;
	char id[256], value[320];
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < config->nr_cells; i++) {
		const struct vm_cell *cell = &config->cells[i];

		if (config->name)
			snprintf(id, sizeof(id), "%s", config->id);
		else
			snprintf(id, sizeof(id), "%s-node%u", config->id, cell->id);
		rc = emit_backend(config, emit, id, size, cell);
		snprintf(value, sizeof(value), "node,nodeid=%u,memdev=%s", cell->id, id);
		if (!rc)
			emit("-numa", value);
	}
	if (!rc && config->nosharepages)
		emit("-machine", "mem-merge=off");
	return rc;
}

static int emit_dimm(const struct vm_config *config, vm_emit_fn emit)
{
	char value[320], node[32] = "";
	int rc;

	rc = emit_backend(config, emit, config->id, config->memory.value, NULL);
	if (rc)
		return rc;
	if (config->nr_cells)
		snprintf(node, sizeof(node), ",node=%u", config->cells[0].id);
	if (config->pmem)
		emit("-machine", "nvdimm=on");
	snprintf(value, sizeof(value), "%s,id=dimm-%s,memdev=%s%s%s",
		 config->pmem ? "nvdimm" : "pc-dimm", config->id, config->id, node,
		 config->pmem && !config->persists ? ",unarmed=on" : "");
	emit("-device", value);
	return 0;
}

static int emit_boot_memory(const struct vm_config *config, vm_emit_fn emit)
{
	char value[320];
	int rc;

	rc = emit_backend(config, emit, config->id, config->memory.value, NULL);
	if (rc)
		return rc;
	snprintf(value, sizeof(value), "memory-backend=%s%s", config->id,
		 config->nosharepages ? ",mem-merge=off" : "");
	emit("-machine", value);
	return 0;
}

/**
 * vm_qemu_options - the options that QEMU takes
 * @config: checked
 * @emit: called for each
 * @with_size: also -m
 *
 * Return: 0 or -ENOMEM.
 */
int vm_qemu_options(const struct vm_config *config, vm_emit_fn emit, bool with_size)
{
	char value[32];
	int rc;

	if (config->dimm)
		return emit_dimm(config, emit);
	snprintf(value, sizeof(value), "%lluM",
		 (unsigned long long)config->memory.value >> 20);
	/* A further cell adds to the memory of the VM: who starts it knows the sum. */
	if (with_size && !(config->name && config->nr_cells && config->cells[0].id))
		emit("-m", value);
	rc = config->nr_cells ? emit_cells(config, emit) : emit_boot_memory(config, emit);
	if (!rc && config->locked)
		emit("-overcommit", "mem-lock=on");
	return rc;
}

static void emit_line(const char *option, const char *value)
{
	printf("%s %s\n", option, value);
}

int vm_print_qemu(struct ctl *ctl, const struct vm_config *config)
{
	int rc = vm_qemu_options(config, emit_line, true);

	if (!rc && fflush(stdout))
		rc = -errno;
	if (rc)
		return ctl_error(ctl, "stdout: %s; the output is not complete", strerror(-rc));
	if (config->pmem)
		ctl_note(ctl, 0, "note: region %s: what the guest writes %s: %s", config->name,
			 config->persists ? "persists" : "may be lost", config->why);
	if (config->locked)
		ctl_note(ctl, 0, "note: QEMU has no option for --hard-limit; start it under prlimit --memlock=%llu or systemd-run -p LimitMEMLOCK=%llu",
			 (unsigned long long)config->hard_limit.value,
			 (unsigned long long)config->hard_limit.value);
	if (config->locked && config->name)
		ctl_note(ctl, 0, "note: region %s: mlock() does not reach the memory of a region, only QEMU's own; switch swap off to keep it in memory",
			 config->name);
	return CTL_OK;
}
