// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl vm-config: libvirt's memoryBacking choices, checked, and turned into the
 * configuration of a VMM. Reads the state of the region; changes nothing.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm_config.h"

#define MIB (1ULL << 20)

static const char *const formats[] = { "qemu", "libvirt", NULL };
static const char *const sources[] = { "file", "anonymous", "memfd", NULL };
static const char *const accesses[] = { "shared", "private", NULL };
static const char *const allocations[] = { "ondemand", "immediate", NULL };

#define FIELD(name) .offset = offsetof(struct vm_config, name)

static const struct ctl_option options[] = {
	{ .name = "format", .arg = "qemu|libvirt", .type = &ctl_type_choice, FIELD(format),
	  .choices = formats, .help = "QEMU options, one per line, or a libvirt domain" },
	{ .name = "memory", .arg = "S", .type = &ctl_type_size, FIELD(memory),
	  .help = "use the lowest S bytes (default: what is plugged from 0 on)" },
	{ .name = "id", .arg = "ID", .type = &ctl_type_string, FIELD(id),
	  .help = "id of the memory object (default mem0; with --dimm mem1)" },
	{ .name = "dimm", .type = &ctl_type_flag, FIELD(dimm),
	  .help = "as a DIMM, not as the memory that the VM boots on" },
	{ .name = "source", .arg = "file|anonymous|memfd", .type = &ctl_type_choice,
	  .choices = sources, FIELD(source),
	  .help = "file: the region; the others: memory without one" },
	{ .name = "access", .arg = "shared|private", .type = &ctl_type_choice,
	  .choices = accesses, FIELD(access), .help = "a region is always shared" },
	{ .name = "allocation", .arg = "ondemand|immediate", .type = &ctl_type_choice,
	  .choices = allocations, FIELD(allocation),
	  .help = "immediate: QEMU allocates all of it when it starts" },
	{ .name = "threads", .arg = "N", .type = &ctl_type_count, FIELD(threads),
	  .help = "with so many threads" },
	{ .name = "hugepages", .arg = "SIZE", .optional = true, .type = &ctl_type_size_auto,
	  FIELD(hugepages), .help = "hugetlbfs pages (default 2m); only without a region" },
	{ .name = "nodeset", .arg = "SET", .type = &ctl_type_string, FIELD(nodeset),
	  .help = "NUMA cells of the VM that get them, as 0-1,3" },
	{ .name = "cell", .arg = "N[:access=A]", .type = &ctl_type_strings, FIELD(cell_args),
	  .help = "NUMA cell N of the VM; A: shared or private (repeatable)" },
	{ .name = "locked", .type = &ctl_type_flag, FIELD(locked),
	  .help = "lock the memory of the VM; needs --hard-limit" },
	{ .name = "hard-limit", .arg = "S", .type = &ctl_type_size, FIELD(hard_limit),
	  .help = "bytes that the VMM may lock and use in all" },
	{ .name = "nosharepages", .type = &ctl_type_flag, FIELD(nosharepages),
	  .help = "no merging of equal pages (KSM)" },
	{ .name = "discard", .type = &ctl_type_flag, FIELD(discard),
	  .help = "free the contents when the VM ends" },
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "[NAME] --format qemu|libvirt [OPTION]...",
	.text = "Print what makes a region the memory of a VM:\n"
		"    qemu-system-x86_64 $(hostmemctl vm-config vm0 --format qemu) ...",
	.args = "",
	.max_args = 1,
	.options = options,
};

/* As QEMU wants ids; what passes needs no quoting in XML or in a shell either. */
static bool id_is_valid(const char *id)
{
	if (!isalpha((unsigned char)*id) || strlen(id) > 127)
		return false;
	while (isalnum((unsigned char)*id) || (*id && strchr("-._", *id)))
		id++;
	return !*id;
}

/* A region may have any name. This one needs no quoting, in a shell, QEMU's options and XML. */
static bool name_is_plain(const char *name)
{
	while (isalnum((unsigned char)*name) || (*name && strchr("-._/+@:%", *name)))
		name++;
	return !*name;
}

static int parse_cell(struct ctl *ctl, struct vm_config *config, const char *text)
{
	static const char key[] = ":access=";
	size_t digits = strspn(text, "0123456789");
	const char *access = text + digits;
	struct vm_cell *cell = &config->cells[config->nr_cells];
	unsigned int i;

	if (!digits || digits > 3 || atoi(text) >= VM_MAX_CELLS ||
	    (*access && strncmp(access, key, strlen(key))))
		return ctl_misuse(ctl, "--cell %s: not understood; it takes N or N:access=shared|private, N from 0 to %d",
				  text, VM_MAX_CELLS - 1);
	cell->id = atoi(text);
	cell->shared = config->shared;
	if (*access) {
		access += strlen(key);
		if (strcmp(access, "shared") && strcmp(access, "private"))
			return ctl_misuse(ctl, "--cell %s: access is shared or private", text);
		cell->shared = !strcmp(access, "shared");
	}
	for (i = 0; i < config->nr_cells; i++) {
		if (config->cells[i].id == cell->id)
			return ctl_misuse(ctl, "--cell %s: given twice", text);
	}
	config->nr_cells++;
	return CTL_GO;
}

static int cell_compare(const void *a, const void *b)
{
	const struct vm_cell *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int parse_cells(struct ctl *ctl, struct vm_config *config)
{
	unsigned int i;
	int rc = CTL_GO;

	if (config->cell_args.count > VM_MAX_CELLS)
		return ctl_misuse(ctl, "--cell: more than %d", VM_MAX_CELLS);
	for (i = 0; rc == CTL_GO && i < config->cell_args.count; i++)
		rc = parse_cell(ctl, config, config->cell_args.list[i]);
	qsort(config->cells, config->nr_cells, sizeof(config->cells[0]), cell_compare);
	return rc;
}

/* Mark the cells first to last as ones with huge pages. */
static int mark_nodes(struct ctl *ctl, struct vm_config *config, unsigned long first,
		      unsigned long last)
{
	unsigned int i;

	for (; first <= last; first++) {
		for (i = 0; i < config->nr_cells && config->cells[i].id != first; i++)
			;
		if (i < config->nr_cells)
			config->cells[i].huge = true;
		else if (first || config->nr_cells)
			return ctl_error(ctl, "--nodeset %s: the VM has no NUMA cell %lu; describe it by --cell %lu",
					 config->nodeset, first, first);
	}
	return CTL_GO;
}

static int parse_nodeset(struct ctl *ctl, struct vm_config *config)
{
	const char *text = config->nodeset;
	unsigned long first, last;
	int used, rc;

	do {
		used = 0;
		if (sscanf(text, "%3lu%n", &first, &used) != 1 || !isdigit((unsigned char)*text))
			goto misuse;
		last = first;
		text += used;
		if (*text == '-') {
			text++;
			if (sscanf(text, "%3lu%n", &last, &used) != 1 ||
			    !isdigit((unsigned char)*text) || last < first)
				goto misuse;
			text += used;
		}
		if (*text && *text != ',')
			goto misuse;
		rc = mark_nodes(ctl, config, first, last);
		if (rc != CTL_GO)
			return rc;
	} while (*text++ == ',');
	return CTL_GO;

misuse:
	return ctl_misuse(ctl, "--nodeset %s: not a set of cells, as 0-1,3", config->nodeset);
}

/* Huge pages: refused as libvirt does, and where a region has its own. */
static int check_hugepages(struct ctl *ctl, struct vm_config *config)
{
	unsigned int i;

	if (config->nodeset && !config->hugepages.given)
		return ctl_error(ctl, "--nodeset: says which cells get huge pages; give --hugepages too");
	if (!config->hugepages.given)
		return CTL_GO;
	if (config->name)
		return ctl_error(ctl, "region %s: --hugepages means pages of hugetlbfs, a region brings 2 MiB pages of its own; use --huge always at creation",
				 config->name);
	if (config->source.value == VM_ANONYMOUS)
		return ctl_error(ctl, "--hugepages: anonymous memory cannot be made of them; use --source memfd");
	if (config->allocation.given && !config->allocation.value)
		return ctl_error(ctl, "--hugepages: cannot be allocated on demand, a missing page would kill the VM; use --allocation immediate");
	config->huge_size = config->hugepages.value ? config->hugepages.value : 2 * MIB;
	if (config->huge_size < 4096 || config->huge_size & (config->huge_size - 1))
		return ctl_error(ctl, "--hugepages %s: not a page size; use 2m or 1g",
				 ctl_size_arg(config->huge_size).s);
	for (i = 0; i < config->nr_cells; i++)
		config->cells[i].huge = !config->nodeset;
	return config->nodeset ? parse_nodeset(ctl, config) : CTL_GO;
}

static int check_allocation(struct ctl *ctl, struct vm_config *config,
			    struct hostmem_region *region)
{
	bool region_immediate = region && hostmem_region_get_allocation(region) ==
					  HOSTMEM_ALLOCATION_IMMEDIATE;

	if (region_immediate && config->allocation.given && !config->allocation.value)
		return ctl_error(ctl, "region %s: --allocation ondemand, but it was created to allocate what is plugged at once; create it with --allocation ondemand",
				 config->name);
	if (config->allocation.given)
		config->immediate = config->allocation.value;
	else
		config->immediate = region_immediate || config->hugepages.given;
	if (config->threads.given && !config->immediate)
		return ctl_error(ctl, "--threads: nothing is allocated in advance on demand; add --allocation immediate");
	if (config->discard && !config->name)
		return ctl_error(ctl, "--discard: memory without a file is freed with the VM anyway; leave it out");
	if (config->discard && region_immediate)
		return ctl_error(ctl, "region %s: --discard, but it was created to keep what is plugged allocated; create it with --allocation ondemand, or hostmemctl unplug it when the VM has ended",
				 config->name);
	return CTL_GO;
}

static int check_access(struct ctl *ctl, const struct vm_config *config)
{
	unsigned int i;
	bool shared = config->shared;

	for (i = 0; i < config->nr_cells; i++)
		shared &= config->cells[i].shared;
	if (config->name && !shared)
		return ctl_error(ctl, "region %s: access private, but the kernel refuses writable private mappings of a region, whose copies could not be taken back; use access shared, or --source anonymous without a region",
				 config->name);
	if (config->name && config->nr_cells > 1)
		return ctl_error(ctl, "region %s: several --cell, but QEMU maps a region from offset 0 and so into one cell; create a region for each cell and run vm-config for each",
				 config->name);
	if (config->name && config->nr_cells && !config->dimm &&
	    config->format.value == VM_LIBVIRT)
		return ctl_error(ctl, "region %s: --cell, but libvirt gives its NUMA cells memory of its own only; use --dimm to put the region into a cell, or --format qemu",
				 config->name);
	return CTL_GO;
}

static int check_lock(struct ctl *ctl, const struct vm_config *config)
{
	if (config->locked && !config->hard_limit.given)
		return ctl_error(ctl, "--locked: without a limit a VM could lock all memory of the host; add --hard-limit S, more than the memory of the VM");
	if (!config->locked && config->hard_limit.given)
		return ctl_error(ctl, "--hard-limit: limits what --locked locks; add --locked");
	if (config->locked && config->name && config->format.value == VM_LIBVIRT)
		return ctl_error(ctl, "region %s: --locked would make libvirt lock its own, unused copy of the memory, and mlock() does not reach a region; leave it out, and switch swap off",
				 config->name);
	if (config->locked && config->hard_limit.value < config->memory.value)
		return ctl_error(ctl, "--hard-limit %s: less than the memory of the VM, %s; use more than that",
				 ctl_size_arg(config->hard_limit.value).s,
				 ctl_size_arg(config->memory.value).s);
	return CTL_GO;
}

static int check_source(struct ctl *ctl, struct vm_config *config)
{
	if (config->name && config->source.given && config->source.value != VM_FILE)
		return ctl_error(ctl, "region %s: --source %s would leave it unused; use --source file, or leave the region out",
				 config->name, sources[config->source.value]);
	if (!config->name && config->source.value == VM_FILE)
		return ctl_misuse(ctl, "NAME of the region missing, or --source anonymous or memfd");
	if (!config->name && config->dimm)
		return ctl_error(ctl, "--dimm: adds a region to a VM; name one");
	if (!config->name && !config->memory.given)
		return ctl_misuse(ctl, "--memory missing, without a region that tells the size");
	/* As QEMU: what has no file is private. */
	config->shared = config->access.given ? config->access.value == VM_SHARED :
						config->source.value != VM_ANONYMOUS;
	return CTL_GO;
}

/*
 * How much is plugged from offset 0 on, and which hole follows. Asked in slots of one block; where
 * all or nothing is plugged nobody has to be asked, which takes the right to read the region.
 */
static int find_prefix(struct hostmem_region *region, uint64_t *prefix, uint64_t *hole_end)
{
	struct hostmem_slot *slots = NULL;
	unsigned int i, count = 0;
	int rc;

	*prefix = hostmem_region_get_plugged(region);
	*hole_end = hostmem_region_get_size(region);
	if (!*prefix || *prefix == *hole_end)
		return 0;
	rc = hostmem_region_get_slots(region, hostmem_region_get_block_size(region), &slots,
				      &count);
	if (rc)
		return rc;
	*prefix = 0;
	for (i = 0; i < count && slots[i].start == *prefix; i++)
		*prefix += slots[i].length;
	if (i < count)
		*hole_end = slots[i].start;
	free(slots);
	return 0;
}

static int check_prefix(struct ctl *ctl, struct vm_config *config,
			struct hostmem_region *region)
{
	uint64_t block = hostmem_region_get_block_size(region);
	uint64_t size = hostmem_region_get_size(region);
	uint64_t prefix, hole_end, end;
	int rc;

	rc = find_prefix(region, &prefix, &hole_end);
	if (rc)
		return ctl_fail_region(ctl, rc, NULL, config->name);
	if (!config->memory.given)
		config->memory.value = prefix;
	if (config->memory.value > size)
		return ctl_error(ctl, "region %s: --memory %s is more than its size, %s; use at most that",
				 config->name, ctl_size_arg(config->memory.value).s,
				 ctl_size_arg(size).s);
	if (prefix && config->memory.value <= prefix)
		return CTL_GO;
	end = (config->memory.value + block - 1) / block * block;
	if (end < block)
		end = block;
	if (end > hole_end)
		end = hole_end;
	return ctl_error(ctl, "region %s: QEMU maps all from 0 to %s, but the first hole is at %s; plug it: hostmemctl plug %s %s %s",
			 config->name,
			 config->memory.given ? ctl_size_arg(config->memory.value).s : "the end",
			 ctl_size_arg(prefix).s, config->name, ctl_size_arg(prefix).s,
			 ctl_size_arg(end - prefix).s);
}

/* Sizes, once they are known. */
static int check_memory(struct ctl *ctl, const struct vm_config *config)
{
	uint64_t parts = config->nr_cells ? config->nr_cells : 1;
	uint64_t unit = config->huge_size > MIB ? config->huge_size : MIB;
	unsigned int i;

	/* QEMU rounds up to it, and would reach beyond the region. */
	if (config->align > HOSTMEM_MIN_BLOCK_SIZE)
		unit = config->align;

	if (!config->memory.value || config->memory.value % (unit * parts))
		return ctl_error(ctl, "--memory %s: not a multiple of %s%s; use one",
				 ctl_size_arg(config->memory.value).s, ctl_size_arg(unit).s,
				 parts > 1 ? " in each cell" : "");
	for (i = 0; !config->name && i < config->nr_cells; i++) {
		if (config->cells[i].id != i)
			return ctl_error(ctl, "--cell: cell %u is missing; describe all from 0 on",
					 i);
	}
	return CTL_GO;
}

/* A DIMM of pmem is an NVDIMM: say whether it is worth the name. */
static int check_pmem(struct ctl *ctl, struct vm_config *config, struct hostmem_region *region)
{
	struct hostmem_pmem *pmem;
	int rc;

	if (!config->dimm || hostmem_region_get_backing(region) == HOSTMEM_BACKING_RAM)
		return CTL_GO;
	rc = hostmem_pmem_refresh(ctl->ctx);
	if (rc)
		return ctl_fail(ctl, rc, ctl_netlink_reasons, "namespace of region %s",
				config->name);
	config->pmem = true;
	config->why = "its namespace is gone";
	hostmem_pmem_foreach(ctl->ctx, pmem) {
		if (hostmem_pmem_get_id(pmem) == hostmem_region_get_pmem_id(region))
			config->persists = ctl_pmem_persists(pmem, &config->why);
	}
	return CTL_GO;
}

/* What libvirt makes itself has names of its own. */
static int check_id(struct ctl *ctl, struct vm_config *config)
{
	if (config->id && config->pmem && config->format.value == VM_LIBVIRT)
		return ctl_error(ctl, "region %s: --id, but libvirt names its NVDIMMs itself; leave it out",
				 config->name);
	if (!config->id)
		config->id = config->dimm ? "mem1" : "mem0";
	return CTL_GO;
}

/* A region that is named: as it is now. */
static int find_region(struct ctl *ctl, struct vm_config *config,
		       struct hostmem_region **region)
{
	int rc;

	*region = NULL;
	if (!config->name)
		return CTL_GO;
	if (!name_is_plain(config->name))
		return ctl_error(ctl, "region %s: its name holds what a shell, QEMU or XML would take for something else; rename it: mv, to letters, digits and -._/+@:%%",
				 config->name);
	rc = ctl_open(ctl, CTL_NEED_NETLINK);
	if (rc == CTL_GO)
		rc = ctl_refresh(ctl);
	if (rc != CTL_GO)
		return rc;
	*region = hostmem_region_get_by_name(ctl->ctx, config->name);
	if (!*region)
		return ctl_fail_region(ctl, -ENOENT, NULL, config->name);
	config->align = ctl_backing_align(*region);
	return CTL_GO;
}

static int check(struct ctl *ctl, struct vm_config *config)
{
	struct hostmem_region *region;
	int rc;

	if (!config->format.given)
		return ctl_misuse(ctl, "--format missing: qemu or libvirt");
	if (config->id && !id_is_valid(config->id))
		return ctl_misuse(ctl, "--id %s: a letter, then letters, digits, '-', '.' and '_'",
				  config->id);
	rc = check_source(ctl, config);
	if (rc == CTL_GO)
		rc = parse_cells(ctl, config);
	if (rc == CTL_GO)
		rc = check_hugepages(ctl, config);
	if (rc == CTL_GO)
		rc = check_access(ctl, config);
	if (rc == CTL_GO)
		rc = find_region(ctl, config, &region);
	if (rc == CTL_GO)
		rc = check_allocation(ctl, config, region);
	if (rc == CTL_GO && region)
		rc = check_prefix(ctl, config, region);
	if (rc == CTL_GO && region)
		rc = check_pmem(ctl, config, region);
	if (rc == CTL_GO)
		rc = check_id(ctl, config);
	if (rc == CTL_GO)
		rc = check_memory(ctl, config);
	return rc == CTL_GO ? check_lock(ctl, config) : rc;
}

int cmd_vm_config(struct ctl *ctl, int argc, char **argv)
{
	struct vm_config config = { .name = NULL };
	int rc;

	rc = ctl_parse(ctl, &usage, &config, &argc, &argv);
	if (rc == CTL_GO && argc)
		config.name = ctl_name(argv[0]);
	if (rc == CTL_GO)
		rc = check(ctl, &config);
	if (rc == CTL_GO)
		rc = config.format.value == VM_QEMU ? vm_print_qemu(ctl, &config) :
						      vm_print_libvirt(ctl, &config);
	ctl_strings_free(&config.cell_args);
	return rc;
}
