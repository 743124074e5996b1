// SPDX-License-Identifier: GPL-2.0-only
/*
 * vm-config --format libvirt: a domain with only what concerns memory, to be merged into
 * a whole one. Names that are printed and ids hold no character that XML would want quoted.
 */
#include <errno.h>
#include <string.h>

#include "vm_config.h"

static void emit_args(const char *option, const char *value)
{
	printf("    <qemu:arg value='%s'/>\n    <qemu:arg value='%s'/>\n", option, value);
}

static void put_hugepages(const struct vm_config *config)
{
	printf("    <hugepages>\n      <page size='%llu' unit='KiB'",
	       (unsigned long long)config->huge_size >> 10);
	if (config->nodeset)
		printf(" nodeset='%s'", config->nodeset);
	printf("/>\n    </hugepages>\n");
}

/*
 * With a region this is about the file that libvirt makes and nobody uses: allocating or
 * locking that would cost as much memory again. The region's own is in -object.
 */
static void put_memory_backing(const struct vm_config *config)
{
	static const char *const sources[] = {
		[VM_FILE] = "file",
		[VM_ANONYMOUS] = "anonymous",
		[VM_MEMFD] = "memfd",
	};
	bool immediate = config->immediate && !config->name;

	printf("  <memoryBacking>\n");
	if (config->huge_size)
		put_hugepages(config);
	if (config->nosharepages)
		printf("    <nosharepages/>\n");
	if (config->locked)
		printf("    <locked/>\n");
	printf("    <source type='%s'/>\n    <access mode='%s'/>\n",
	       sources[config->source.value], config->shared ? "shared" : "private");
	printf("    <allocation mode='%s'", immediate ? "immediate" : "ondemand");
	if (immediate && config->threads.given)
		printf(" threads='%llu'", (unsigned long long)config->threads.value);
	printf("/>\n");
	if (config->discard)
		printf("    <discard/>\n");
	printf("  </memoryBacking>\n");
}

static void put_cells(const struct vm_config *config)
{
	unsigned int i;

	printf("  <cpu>\n    <numa>\n");
	for (i = 0; i < config->nr_cells; i++)
		printf("      <cell id='%u' memory='%llu' unit='KiB' memAccess='%s'/>\n",
		       config->cells[i].id,
		       (unsigned long long)config->memory.value / config->nr_cells >> 10,
		       config->cells[i].shared ? "shared" : "private");
	printf("    </numa>\n  </cpu>\n");
}

static void put_comment(const struct vm_config *config)
{
	printf("  <!-- libvirt's source type='file' is a file that libvirt makes in memory_backing_dir,\n"
	       "       it has no element for a path: so the region is named by qemu:commandline%s.\n"
	       "       The user that QEMU runs as must be able to open the region: create it with owner\n"
	       "       and mode for that. -->\n",
	       config->dimm ?
	       ",\n       and the domain needs <maxMemory slots='...'> and a NUMA cell" :
	       "; the\n       file of libvirt stays empty");
	if (config->pmem)
		printf("  <!-- What the guest writes %s: %s. -->\n",
		       config->persists ? "persists" : "may be lost", config->why);
}

int vm_print_libvirt(struct ctl *ctl, const struct vm_config *config)
{
	int rc = 0;

	printf("<domain type='kvm'%s>\n",
	       config->name ? " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'" : "");
	if (!config->dimm)
		printf("  <memory unit='KiB'>%llu</memory>\n",
		       (unsigned long long)config->memory.value >> 10);
	if (config->locked)
		printf("  <memtune>\n    <hard_limit unit='KiB'>%llu</hard_limit>\n  </memtune>\n",
		       (unsigned long long)config->hard_limit.value >> 10);
	if (config->name)
		put_comment(config);
	if (!config->dimm)
		put_memory_backing(config);
	if (config->nr_cells && !config->dimm)
		put_cells(config);
	if (config->name) {
		printf("  <qemu:commandline>\n");
		rc = vm_qemu_options(config, emit_args, false);
		printf("  </qemu:commandline>\n");
	}
	printf("</domain>\n");
	if (!rc && fflush(stdout))
		rc = -errno;
	if (rc)
		return ctl_error(ctl, "stdout: %s; the output is not complete", strerror(-rc));
	return CTL_OK;
}
