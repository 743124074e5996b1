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

/* What the host has to be told where libvirt does not see which file QEMU opens. */
static void put_comment(const struct vm_config *config)
{
	printf("  <!-- libvirt's source type='file' is a file that libvirt makes in memory_backing_dir, it has an\n"
	       "       element for a path of an NVDIMM only: so the region is named by qemu:commandline%s.\n"
	       "       libvirt does not know of it then, and the host has to allow it:\n"
	       "       - the user that QEMU runs as: create the region with owner and mode for him;\n"
	       "       - AppArmor: the line  " CTL_MOUNT "/** rw,  in\n"
	       "         /etc/apparmor.d/local/abstractions/libvirt-qemu;\n"
	       "       - SELinux: hostmemfs mounted with the option context=system_u:object_r:svirt_image_t:s0.\n"
	       "       It is a file and no device: cgroup_device_acl stays as it is. -->\n",
	       config->dimm ?
	       ",\n       and the domain needs <maxMemory slots='...'> and a NUMA cell" :
	       "; the\n       file of libvirt stays empty");
}

/* The one memory device for which libvirt takes a path, and allows it to QEMU. */
static void put_nvdimm(const struct vm_config *config)
{
	printf("  <!-- To be merged into a domain with <maxMemory slots='...'> and a NUMA cell.\n"
	       "       What the guest writes %s: %s. -->\n",
	       config->persists ? "persists" : "may be lost", config->why);
	if (config->nosharepages)
		printf("  <memoryBacking>\n    <nosharepages/>\n  </memoryBacking>\n");
	printf("  <devices>\n    <memory model='nvdimm' access='shared'%s>\n      <source>\n"
	       "        <path>" CTL_MOUNT "/%s</path>\n"
	       "        <alignsize unit='KiB'>%llu</alignsize>\n%s      </source>\n",
	       config->discard ? " discard='yes'" : "", config->name,
	       (unsigned long long)config->align >> 10,
	       config->persists ? "        <pmem/>\n" : "");
	/* Read-only is what libvirt calls a DIMM that is not armed. */
	printf("      <target>\n        <size unit='KiB'>%llu</size>\n        <node>%u</node>\n%s"
	       "      </target>\n    </memory>\n  </devices>\n",
	       (unsigned long long)config->memory.value >> 10,
	       config->nr_cells ? config->cells[0].id : 0,
	       config->persists ? "" : "        <readonly/>\n");
}

static int put_commandline(const struct vm_config *config)
{
	int rc;

	printf("  <qemu:commandline>\n");
	rc = vm_qemu_options(config, emit_args, false);
	printf("  </qemu:commandline>\n");
	return rc;
}

/* A region by a path, or other memory of libvirt's own. */
static int put_memory(const struct vm_config *config)
{
	if (config->pmem) {
		put_nvdimm(config);
		return 0;
	}
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
	return config->name ? put_commandline(config) : 0;
}

int vm_print_libvirt(struct ctl *ctl, const struct vm_config *config)
{
	bool commandline = config->name && !config->pmem;
	int rc;

	printf("<domain type='kvm'%s>\n",
	       commandline ? " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'" : "");
	rc = put_memory(config);
	printf("</domain>\n");
	if (!rc && fflush(stdout))
		rc = -errno;
	if (rc)
		return ctl_error(ctl, "stdout: %s; the output is not complete", strerror(-rc));
	return CTL_OK;
}
