/* SPDX-License-Identifier: GPL-2.0-only */
/* vm-config: what its files share. */
#ifndef _CTL_VM_CONFIG_H_
#define _CTL_VM_CONFIG_H_

#include "ctl.h"

#define VM_MAX_CELLS 128

enum { VM_QEMU, VM_LIBVIRT };
enum { VM_FILE, VM_ANONYMOUS, VM_MEMFD };
enum { VM_SHARED, VM_PRIVATE };

struct vm_cell {
	unsigned int id;
	bool shared;
	bool huge;
};

struct vm_config {
	/* as asked for */
	const char *name;		/* of the region, or NULL */
	const char *nodeset;
	const char *id;
	struct ctl_strings cell_args;
	struct ctl_number format;
	struct ctl_number source;
	struct ctl_number access;
	struct ctl_number allocation;
	struct ctl_number threads;
	struct ctl_number hugepages;	/* 0: of the default size */
	struct ctl_number hard_limit;
	struct ctl_number memory;
	bool locked;
	bool nosharepages;
	bool discard;
	bool dimm;

	/* as worked out */
	bool shared;
	bool immediate;
	uint64_t align;			/* of the region's mapping */
	uint64_t huge_size;		/* 0: none */
	bool pmem;			/* the DIMM is an NVDIMM... */
	bool persists;			/* ...that keeps what is written... */
	const char *why;		/* ...or not */
	struct vm_cell cells[VM_MAX_CELLS];
	unsigned int nr_cells;
};

/* vm_qemu.c: each option and its value, in order */
typedef void (*vm_emit_fn)(const char *option, const char *value);
int vm_qemu_options(const struct vm_config *config, vm_emit_fn emit, bool with_size);
int vm_print_qemu(struct ctl *ctl, const struct vm_config *config);

/* vm_libvirt.c */
int vm_print_libvirt(struct ctl *ctl, const struct vm_config *config);

#endif /* _CTL_VM_CONFIG_H_ */
