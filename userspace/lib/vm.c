// SPDX-License-Identifier: LGPL-2.1-only
/*
 * VMs: KVM's slots are made those that the regions have.
 *
 * Each binding has the slots that KVM has now (applied). A sync asks the region which there
 * should be (wanted), makes a plan of what to delete and what to add over all bindings,
 * with the ids of the new ones, and only when nothing but KVM can refuse any more carries
 * it out. "applied" is what KVM has after every single step, so that undoing the
 * steps in reverse order gives exactly what there was.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kvm.h>

#include "private.h"

/* What KVM has when it does not say. */
#define HOSTMEM_KVM_SLOTS 32
/* KVM counts the pages of a slot in 31 bits; the largest slot that we choose ourselves. */
#define HOSTMEM_KVM_MAX_PAGES 0x7fffffffULL
#define HOSTMEM_MAX_SLOT_SIZE (4096 * HOSTMEM_1G)
/* Regions that nobody gave a slot size take so many slots together. */
#define HOSTMEM_VM_SLOTS 256

struct hostmem_vm {
	int refcount;
	struct hostmem_ctx *ctx;	/* holds a reference */
	int fd;				/* owned */
	unsigned int max_slots;
	unsigned int readonly;		/* KVM can make slots read-only */
	struct hostmem_binding *bindings; /* owned */
};

/* A slot that KVM has. */
struct hostmem_applied {
	struct hostmem_slot slot;
	unsigned int id;
};

struct hostmem_binding {
	struct hostmem_vm *vm;
	struct hostmem_binding *next;
	struct hostmem_view *view;	/* holds a reference */
	struct hostmem_view *shared;	/* what backends get; NULL: not yet; holds a reference */
	char *addr;			/* mapped */
	unsigned long long gpa;
	unsigned long long size;
	unsigned long long slot_size;
	unsigned int first_slot;
	unsigned int end_slot;		/* exclusive */
	bool readonly;
	struct hostmem_applied *applied; /* ascending */
	unsigned int nr_applied;
	unsigned int room;		/* elements of @applied */
	struct hostmem_slot *wanted;	/* during a sync */
	unsigned int nr_wanted;
};

struct hostmem_step {
	struct hostmem_binding *binding;
	struct hostmem_applied what;
	bool add;
};

struct hostmem_plan {
	struct hostmem_step *steps;	/* first all that delete */
	unsigned int nr;
	unsigned int room;
};

static int hostmem_kvm_set(struct hostmem_binding *b, const struct hostmem_applied *what,
			   bool add)
{
	struct kvm_userspace_memory_region region = {
		.slot = what->id,
		.flags = b->readonly ? KVM_MEM_READONLY : 0,
		.guest_phys_addr = b->gpa + what->slot.start,
		.memory_size = add ? what->slot.length : 0,
		.userspace_addr = (uintptr_t)b->addr + what->slot.start,
	};
	int rc;

	rc = hostmem_sys_ioctl(b->vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
	hostmem_dbg(b->vm->ctx, "%s slot %u gpa %#llx + %#llx: %d", add ? "add" : "delete",
		    what->id, (unsigned long long)region.guest_phys_addr,
		    (unsigned long long)what->slot.length, rc);
	return rc;
}

/* Where a slot that begins at @start is, or would have to be. */
static unsigned int hostmem_applied_find(const struct hostmem_binding *b,
					 unsigned long long start)
{
	unsigned int low = 0;
	unsigned int high = b->nr_applied;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (b->applied[middle].slot.start < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int hostmem_step_do(const struct hostmem_step *step, bool add)
{
	struct hostmem_binding *b = step->binding;
	struct hostmem_applied *at;
	size_t tail;
	int rc;

	rc = hostmem_kvm_set(b, &step->what, add);
	if (rc)
		return rc;
	at = b->applied + hostmem_applied_find(b, step->what.slot.start);
	tail = b->applied + b->nr_applied - at;
	if (add) {
		memmove(at + 1, at, tail * sizeof(*at));
		*at = step->what;
		b->nr_applied++;
	} else {
		memmove(at, at + 1, (tail - 1) * sizeof(*at));
		b->nr_applied--;
	}
	return 0;
}

/* All steps, or none. */
static int hostmem_plan_run(const struct hostmem_plan *plan, struct hostmem_ctx *ctx)
{
	const struct hostmem_step *step;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < plan->nr && !rc; i++)
		rc = hostmem_step_do(&plan->steps[i], plan->steps[i].add);
	if (!rc)
		return 0;
	step = &plan->steps[--i];
	hostmem_info(ctx, "slot %u at %#llx: %s", step->what.id,
		     (unsigned long long)step->what.slot.start, strerror(-rc));
	while (i--) {
		step = &plan->steps[i];
		if (hostmem_step_do(step, !step->add))
			hostmem_err(ctx, "slot %u at %#llx is lost until the next sync",
				    step->what.id, (unsigned long long)step->what.slot.start);
	}
	return rc;
}

static int hostmem_plan_step(struct hostmem_plan *plan, struct hostmem_binding *b,
			     const struct hostmem_applied *what, bool add)
{
	struct hostmem_step *steps;

	steps = hostmem_array_grow(plan->steps, plan->nr, &plan->room, sizeof(*steps));
	if (!steps)
		return -ENOMEM;
	plan->steps = steps;
	plan->steps[plan->nr++] = (struct hostmem_step) {
		.binding = b,
		.what = *what,
		.add = add,
	};
	return 0;
}

/* What is applied and not wanted; marks the ids of what stays in @ids. */
static int hostmem_plan_deletes(struct hostmem_plan *plan, struct hostmem_binding *b,
				bool *ids)
{
	unsigned int w = 0;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < b->nr_applied && !rc; i++) {
		while (w < b->nr_wanted && b->wanted[w].start < b->applied[i].slot.start)
			w++;
		if (w < b->nr_wanted && b->wanted[w].start == b->applied[i].slot.start)
			ids[b->applied[i].id] = true;
		else
			rc = hostmem_plan_step(plan, b, &b->applied[i], false);
	}
	return rc;
}

static bool hostmem_is_applied(const struct hostmem_binding *b, unsigned long long start)
{
	unsigned int i = hostmem_applied_find(b, start);

	return i < b->nr_applied && b->applied[i].slot.start == start;
}

/* What is wanted and not applied, each with an id of its own. */
static int hostmem_plan_adds(struct hostmem_plan *plan, struct hostmem_binding *b, bool *ids)
{
	struct hostmem_applied what = { .id = b->first_slot };
	unsigned int w;
	int rc;

	for (w = 0; w < b->nr_wanted; w++) {
		if (hostmem_is_applied(b, b->wanted[w].start))
			continue;
		while (what.id < b->end_slot && ids[what.id])
			what.id++;
		if (what.id == b->end_slot)
			return -ENOSPC;
		ids[what.id] = true;
		what.slot = b->wanted[w];
		rc = hostmem_plan_step(plan, b, &what, true);
		if (rc)
			return rc;
	}
	return 0;
}

/* Room for all that is applied and all that is wanted: carrying out needs no memory. */
static int hostmem_plan_room(struct hostmem_binding *b)
{
	unsigned int room = b->nr_applied + b->nr_wanted;
	struct hostmem_applied *applied;

	if (room <= b->room)
		return 0;
	applied = reallocarray(b->applied, room, sizeof(*applied));
	if (!applied)
		return -ENOMEM;
	b->applied = applied;
	b->room = room;
	return 0;
}

static int hostmem_plan_make(struct hostmem_plan *plan, struct hostmem_vm *vm)
{
	struct hostmem_binding *b;
	bool *ids;
	int rc = 0;

	ids = calloc(vm->max_slots, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (b = vm->bindings; b && !rc; b = b->next) {
		rc = hostmem_plan_room(b);
		if (!rc)
			rc = hostmem_plan_deletes(plan, b, ids);
	}
	for (b = vm->bindings; b && !rc; b = b->next)
		rc = hostmem_plan_adds(plan, b, ids);
	free(ids);
	return rc;
}

/* Make KVM's slots the wanted ones of all bindings; frees the lists. */
static int hostmem_vm_apply(struct hostmem_vm *vm)
{
	struct hostmem_plan plan = { NULL, 0, 0 };
	struct hostmem_binding *b;
	int rc;

	rc = hostmem_plan_make(&plan, vm);
	if (!rc)
		rc = hostmem_plan_run(&plan, vm->ctx);
	else
		hostmem_info(vm->ctx, "%s", strerror(-rc));
	free(plan.steps);
	for (b = vm->bindings; b; b = b->next) {
		free(b->wanted);
		b->wanted = NULL;
		b->nr_wanted = 0;
	}
	return rc;
}

/* The slots of a bitmap of blocks. */
static int hostmem_slots_of_blocks(const struct hostmem_binding *b, const uint64_t *bitmap,
				   struct hostmem_slot **slots, unsigned int *count)
{
	unsigned long long block = b->view->info.out_block_size;
	unsigned long long nr = b->size / block;
	struct hostmem_slot *array;
	unsigned long long i, start;
	unsigned int n = 0;

	array = calloc(hostmem_div_round_up(b->size, b->slot_size), sizeof(*array));
	if (!array)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		if (!(bitmap[i / 64] >> (i % 64) & 1))
			continue;
		start = hostmem_align_down(i * block, b->slot_size);
		array[n].start = start;
		array[n].length = b->size - start < b->slot_size ? b->size - start :
								   b->slot_size;
		i = (start + array[n].length) / block - 1;
		n++;
	}
	*slots = array;
	*count = n;
	return 0;
}

/* What a binding would want if a range of blocks were not plugged. */
static int hostmem_binding_want_without(struct hostmem_binding *b, unsigned long long start,
					unsigned long long length)
{
	unsigned long long block = b->view->info.out_block_size;
	uint64_t *bitmap;
	unsigned long long i;
	int rc;

	rc = hostmem_view_get_blocks(b->view, 0, b->size, &bitmap, NULL);
	if (rc)
		return rc;
	for (i = start / block; i < (start + length) / block; i++)
		bitmap[i / 64] &= ~(1ULL << (i % 64));
	rc = hostmem_slots_of_blocks(b, bitmap, &b->wanted, &b->nr_wanted);
	free(bitmap);
	return rc;
}

/* What all bindings want, but for one that has been asked already. */
static int hostmem_vm_want(struct hostmem_vm *vm, const struct hostmem_binding *except)
{
	struct hostmem_binding *b;
	int rc = 0;

	for (b = vm->bindings; b && !rc; b = b->next) {
		if (b == except)
			continue;
		rc = hostmem_view_get_slots(b->view, b->slot_size, &b->wanted,
					    &b->nr_wanted, NULL);
		/* The memory of a region that has gone is not wanted in the VM. */
		if (rc == -ENODEV)
			rc = 0;
	}
	for (b = vm->bindings; rc && b; b = b->next) {
		free(b->wanted);
		b->wanted = NULL;
		b->nr_wanted = 0;
	}
	return rc;
}

/**
 * hostmem_vm_sync - make KVM's slots those of the regions
 * @vm: the VM
 *
 * To be called after each plug, before the guest is told. A slot exists where at least one of
 * its blocks is plugged. First what has vanished is deleted, then what is new is added; slots
 * that stay are not touched. A region that has been destroyed, or whose view has been
 * revoked, has no slots. Each change costs KVM a grace period: plug many blocks, then
 * sync once. vCPUs may run.
 *
 * On error everything is as it was before. Should KVM refuse even that, for want of memory, a
 * message of priority LOG_ERR is logged, and the next sync tries again.
 *
 * Return: 0; -ENOSPC: not enough slot ids, nothing has been tried; -EEXIST: a slot overlaps
 * one that the VMM made; -ENOMEM; or another error of KVM_SET_USER_MEMORY_REGION.
 */
int hostmem_vm_sync(struct hostmem_vm *vm)
{
	int rc;

	rc = hostmem_vm_want(vm, NULL);
	return rc ? rc : hostmem_vm_apply(vm);
}

/**
 * hostmem_binding_retire - sync as if blocks were unplugged already
 * @binding: the binding
 * @start: bytes from the view's start, a multiple of the block size
 * @length: bytes, a multiple of the block size, not 0
 *
 * To be called after the guest has given the blocks up, and before they are unplugged: slots
 * in which nothing else is plugged are deleted. A slot that keeps other blocks stays. Do not
 * call hostmem_vm_sync() before the unplug, it would add them again.
 *
 * Return: 0; -EINVAL: alignment, or length 0; -EOVERFLOW; -ENOENT: beyond the view; -ENODEV: the
 * region has been destroyed; and the errors of hostmem_vm_sync().
 */
int hostmem_binding_retire(struct hostmem_binding *binding, unsigned long long start,
			   unsigned long long length)
{
	const struct hostmem_region_info *info = &binding->view->info;
	int rc;

	rc = hostmem_view_range(binding->view, start, length, info->out_block_size);
	if (!rc)
		rc = hostmem_binding_want_without(binding, start, length);
	if (!rc)
		rc = hostmem_vm_want(binding->vm, binding);
	return rc ? rc : hostmem_vm_apply(binding->vm);
}

/**
 * hostmem_vm_new - take a VM
 * @ctx: the context
 * @kvm_vm_fd: what KVM_CREATE_VM returned, in this process; stays the caller's
 * @vm: out: the VM, with one reference
 *
 * A duplicate of the fd is held: KVM's VM lives at least until the last hostmem_vm_unref().
 *
 * Return: 0; -EBADF, -ENOTTY: not an fd of a VM; -EMFILE; -ENOMEM.
 */
int hostmem_vm_new(struct hostmem_ctx *ctx, int kvm_vm_fd, struct hostmem_vm **vm)
{
	struct hostmem_vm *v;
	int max, readonly;

	max = hostmem_sys_ioctl(kvm_vm_fd, KVM_CHECK_EXTENSION, (void *)KVM_CAP_NR_MEMSLOTS);
	if (max < 0)
		return max;
	readonly = hostmem_sys_ioctl(kvm_vm_fd, KVM_CHECK_EXTENSION,
				     (void *)KVM_CAP_READONLY_MEM);
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->fd = hostmem_sys_dup(kvm_vm_fd);
	if (v->fd < 0) {
		max = v->fd;
		free(v);
		return max;
	}
	v->refcount = 1;
	v->max_slots = max ? max : HOSTMEM_KVM_SLOTS;
	v->readonly = readonly > 0;
	v->ctx = hostmem_ref(ctx);
	*vm = v;
	return 0;
}

/**
 * hostmem_vm_ref - take a reference of a VM
 * @vm: the VM, or NULL
 *
 * Return: @vm.
 */
struct hostmem_vm *hostmem_vm_ref(struct hostmem_vm *vm)
{
	if (vm)
		vm->refcount++;
	return vm;
}

static void hostmem_binding_free(struct hostmem_binding *b)
{
	hostmem_unmap(b->addr, b->size);
	hostmem_view_unref(b->shared);
	hostmem_view_unref(b->view);
	free(b->applied);
	free(b);
}

/**
 * hostmem_vm_unref - drop a reference of a VM
 * @vm: the VM, or NULL
 *
 * With the last one all bindings end: their slots are deleted and their regions unmapped.
 *
 * Return: NULL.
 */
struct hostmem_vm *hostmem_vm_unref(struct hostmem_vm *vm)
{
	struct hostmem_binding *b;
	unsigned int i;

	if (!vm || --vm->refcount)
		return NULL;
	while ((b = vm->bindings)) {
		for (i = 0; i < b->nr_applied; i++)
			hostmem_kvm_set(b, &b->applied[i], false);
		vm->bindings = b->next;
		hostmem_binding_free(b);
	}
	close(vm->fd);
	hostmem_unref(vm->ctx);
	free(vm);
	return NULL;
}

/* Slots that the regions bound so far can have. */
static unsigned long long hostmem_vm_slots(const struct hostmem_vm *vm)
{
	const struct hostmem_binding *b;
	unsigned long long n = 0;

	for (b = vm->bindings; b; b = b->next)
		n += hostmem_div_round_up(b->size, b->slot_size);
	return n;
}

/* The slot size of a binding that was not given one: of the region, or by the rule. */
static unsigned long long hostmem_binding_rule(const struct hostmem_binding *b)
{
	unsigned long long taken = hostmem_vm_slots(b->vm);
	unsigned int ids = b->end_slot - b->first_slot;
	struct hostmem_slot_rule rule = {
		.kvm_max = b->vm->max_slots,
		.vhost_max = UINT_MAX,
		.vhost_free = UINT_MAX,
		.maxram = b->size,
		.size = b->size,
		.block_size = b->view->info.out_block_size,
	};
	unsigned long long size;

	if (b->view->info.out_slot_size)
		return b->view->info.out_slot_size;
	/* What the others can have is required, and as good as used. */
	rule.required = taken < HOSTMEM_VM_SLOTS ? taken : HOSTMEM_VM_SLOTS;
	rule.used = rule.required;
	rule.kvm_free = taken < b->vm->max_slots ? b->vm->max_slots - taken : 0;
	if (rule.kvm_free > ids)
		rule.kvm_free = ids;
	size = hostmem_slot_size(&rule);
	return size < HOSTMEM_MAX_SLOT_SIZE ? size : HOSTMEM_MAX_SLOT_SIZE;
}

static int hostmem_binding_init(struct hostmem_binding *b,
				const struct hostmem_bind_params *params)
{
	const struct hostmem_region_info *info = &b->view->info;
	unsigned long long end;

	if (__builtin_add_overflow(params->gpa, info->out_view_length, &end))
		return -EOVERFLOW;
	if (params->gpa % HOSTMEM_2M)
		return -EINVAL;
	if (!params->readonly && !(info->out_rights & HOSTMEM_RIGHT_WRITE))
		return -EPERM;
	if (params->readonly && !b->vm->readonly)
		return -EOPNOTSUPP;
	if (params->first_slot >= b->vm->max_slots ||
	    params->nr_slots > b->vm->max_slots - params->first_slot)
		return -ENOSPC;
	b->gpa = params->gpa;
	b->size = info->out_view_length;
	b->first_slot = params->first_slot;
	b->end_slot = params->nr_slots ? params->first_slot + params->nr_slots :
					 b->vm->max_slots;
	b->readonly = params->readonly;
	b->slot_size = params->slot_size ? params->slot_size : hostmem_binding_rule(b);
	if (!b->slot_size || b->slot_size % info->out_block_size)
		return -EINVAL;
	end = b->slot_size < b->size ? b->slot_size : b->size;
	return end / sysconf(_SC_PAGESIZE) > HOSTMEM_KVM_MAX_PAGES ? -EINVAL : 0;
}

/**
 * hostmem_vm_bind - give a VM the memory of a view
 * @vm: the VM
 * @view: of a region, or of a part of one; a reference is kept
 * @params: where; slot ids come from first_slot on, nr_slots of them or, if that is 0, as many
 *	as KVM has; ids that another binding has in use are left out. The VMM's own slots must
 *	not be among them: KVM would move them. slot_size 0: what the region's creator
 *	recommends, else by the rule of hostmem_slot_size(), with at most 256 slots for all
 *	bindings together
 * @binding: out: the binding, owned by the VM until hostmem_vm_unbind()
 *
 * Maps the view, congruent with the guest's addresses modulo 2 MiB, or 1 GiB where it is
 * at least that large. No slot exists before the first hostmem_vm_sync().
 *
 * Return: 0; -EINVAL: gpa is not a multiple of 2 MiB, slot_size not of the block size or beyond
 * KVM's 2^31 - 1 pages; -EOVERFLOW: gpa; -EPERM: the
 * view cannot write, and not readonly; -EOPNOTSUPP: KVM has no read-only slots; -ENOSPC: KVM
 * does not have these slot ids; -ENODEV: the region has been destroyed or the view revoked;
 * -ENOMEM.
 */
int hostmem_vm_bind(struct hostmem_vm *vm, struct hostmem_view *view,
		    const struct hostmem_bind_params *params,
		    struct hostmem_binding **binding)
{
	struct hostmem_binding **tail = &vm->bindings;
	struct hostmem_binding *b;
	int prot = PROT_READ;
	void *addr;
	int rc;

	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->vm = vm;
	b->view = view;
	rc = hostmem_binding_init(b, params);
	if (rc)
		goto err;
	if (view->info.out_rights & HOSTMEM_RIGHT_WRITE)
		prot |= PROT_WRITE;
	rc = hostmem_view_map_phase(view, 0, b->size, prot, b->gpa, &addr);
	if (rc)
		goto err;
	b->addr = addr;
	hostmem_view_ref(view);
	while (*tail)
		tail = &(*tail)->next;
	*tail = b;
	*binding = b;
	return 0;

err:
	hostmem_info(vm->ctx, "gpa %#llx: %s", params->gpa, strerror(-rc));
	free(b);
	return rc;
}

/**
 * hostmem_vm_unbind - take a region out of a VM
 * @binding: the binding
 *
 * Deletes its slots, unmaps the region, drops the reference of the view, and frees the binding.
 * On error all is as it was before. Other bindings are not touched.
 *
 * Return: 0, or an error of KVM_SET_USER_MEMORY_REGION.
 */
int hostmem_vm_unbind(struct hostmem_binding *binding)
{
	struct hostmem_binding **at = &binding->vm->bindings;
	struct hostmem_plan plan = { NULL, 0, 0 };
	unsigned int i;
	int rc = 0;

	for (i = 0; i < binding->nr_applied && !rc; i++)
		rc = hostmem_plan_step(&plan, binding, &binding->applied[i], false);
	if (!rc)
		rc = hostmem_plan_run(&plan, binding->vm->ctx);
	free(plan.steps);
	if (rc)
		return rc;
	while (*at != binding)
		at = &(*at)->next;
	*at = binding->next;
	hostmem_binding_free(binding);
	return 0;
}

/**
 * hostmem_binding_get_addr - where a bound region is mapped
 * @binding: the binding
 *
 * Return: address of the region's first byte; the mapping is the binding's.
 */
void *hostmem_binding_get_addr(struct hostmem_binding *binding)
{
	return binding->addr;
}

/**
 * hostmem_binding_get_slot_size - the slot size that was chosen
 * @binding: the binding
 *
 * Return: bytes; the last slot of the region may be smaller.
 */
unsigned long long hostmem_binding_get_slot_size(struct hostmem_binding *binding)
{
	return binding->slot_size;
}

/**
 * hostmem_binding_get_slot_count - how many slots KVM has of a region
 * @binding: the binding
 *
 * Return: their number, after the last sync.
 */
unsigned int hostmem_binding_get_slot_count(struct hostmem_binding *binding)
{
	return binding->nr_applied;
}

/*
 * Make the view that backends get, once: of the range and with the rights to read and write of the
 * binding, and with none to change the region or to derive more.
 */
static int hostmem_binding_share(struct hostmem_binding *b)
{
	unsigned int rights = b->view->info.out_rights;
	unsigned int data = HOSTMEM_RIGHT_READ;

	if (b->shared)
		return 0;
	if (!b->readonly)
		data |= rights & HOSTMEM_RIGHT_WRITE;
	if (rights & (HOSTMEM_RIGHT_OWNER | HOSTMEM_RIGHT_DERIVE))
		return hostmem_view_derive(b->view, 0, b->size, data, 0, &b->shared);
	/* It can do no more than map; that it cannot be made read-only is known beforehand. */
	if (rights & ~data)
		return -EPERM;
	b->shared = hostmem_view_ref(b->view);
	return 0;
}

/**
 * hostmem_vm_get_memory_table - what vhost-user backends are to be told
 * @vm: the VM
 * @table: out: one entry for each binding, in the order of hostmem_vm_bind(), however many
 *	slots KVM has of it
 * @count: in: room in @table; out: entries, also where there is not enough room
 *
 * The fds are of views that can map the range of their binding, and nothing else: never the fd of a
 * view that can change its region. They are derived from the bound view once, belong to the
 * binding, and are revoked with the bound view. A view that may not derive is given as it is, if
 * it can do no more than the binding.
 *
 * Return: 0; -EMSGSIZE: not enough room, @table has not been written; -EPERM: a binding is
 * read-only, its view can write and may not derive; and the errors of hostmem_view_derive().
 */
int hostmem_vm_get_memory_table(struct hostmem_vm *vm, struct hostmem_memory_region *table,
				unsigned int *count)
{
	struct hostmem_binding *b;
	unsigned int room = *count;
	unsigned int n = 0;
	int rc = 0;

	for (b = vm->bindings; b; b = b->next)
		n++;
	*count = n;
	if (n > room)
		return -EMSGSIZE;
	for (b = vm->bindings; b && !rc; b = b->next)
		rc = hostmem_binding_share(b);
	if (rc)
		return rc;
	for (b = vm->bindings; b; b = b->next)
		*table++ = (struct hostmem_memory_region) {
			.gpa = b->gpa,
			.size = b->size,
			.user_addr = (uintptr_t)b->addr,
			.mmap_offset = 0,
			.fd = b->shared->fd,
		};
	return 0;
}
