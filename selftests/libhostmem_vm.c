// SPDX-License-Identifier: GPL-2.0
/*
 * libhostmem's VMs, against the module and KVM: which slots KVM has, also after an error. This
 * program's own ioctl() stands before the C library's: it fails where a test wants it.
 */
#include <limits.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>
#include <libhostmem.h>

#include "harness.h"
#include "kvm.h"
#include "lib.h"
#include "lib_view.h"

#define PROBE_SLOT 30000

/* Fail so many calls that change a VM's slots, after so many. */
static int fail_after, fail_count;

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == KVM_SET_USER_MEMORY_REGION && fail_count && fail_after-- <= 0) {
		fail_count--;
		errno = ENOMEM;
		return -1;
	}
	return syscall(SYS_ioctl, fd, request, arg);
}

FIXTURE(vm)
{
	struct hm_kvm k;
	struct hostmem_ctx *ctx;
	struct hostmem_region_params params;
	struct hostmem_view *view;
	struct hostmem_vm *vm;
	struct hostmem_binding *binding;
	int fds;
};

/* Slots of one block: bit i of what kvm_slots() tells is block i. */
FIXTURE_SETUP(vm)
{
	struct hostmem_bind_params bind = { .gpa = GPA };

	if (access(HM_CONTROL, F_OK) || !hm_kvm_available())
		SKIP(return, "no hostmem, or no KVM");
	self->fds = hm_count_fds();
	self->k = hm_kvm_new();
	ASSERT_EQ(0, hostmem_new(&self->ctx));
	hostmem_region_params_init(&self->params);
	self->params.size = SIZE;
	self->params.slot_size = HM_BLOCK;
	self->view = create(self->ctx, &self->params);
	ASSERT_EQ(0, hostmem_vm_new(self->ctx, self->k.vm, &self->vm));
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, self->view, &bind, &self->binding));
}

FIXTURE_TEARDOWN(vm)
{
	if (!self->vm)
		return;
	hostmem_vm_unref(self->vm);
	hostmem_view_unref(self->view);
	hostmem_unref(self->ctx);
	hm_kvm_free(&self->k);
	EXPECT_EQ(self->fds, hm_count_fds());
}

/* Whether KVM has a slot there: it refuses one that overlaps. */
static bool kvm_has(struct hm_kvm *k, __u64 gpa)
{
	static char page[8192];
	struct kvm_userspace_memory_region region = {
		.slot = PROBE_SLOT,
		.guest_phys_addr = gpa,
		.memory_size = 4096,
		.userspace_addr = ((uintptr_t)page + 4095) & -4096UL,
	};

	if (ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &region)) {
		HM_TRUE(errno == EEXIST);
		return true;
	}
	region.memory_size = 0;
	HM_OK(ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &region));
	return false;
}

/* Whether KVM had a slot of this number. */
static bool kvm_delete(struct hm_kvm *k, __u32 slot)
{
	struct kvm_userspace_memory_region region = { .slot = slot };

	return !ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* The pieces of a block's size from an address on of which KVM has the first page. */
static __u64 kvm_slots_at(struct hm_kvm *k, __u64 gpa)
{
	__u64 bits = 0;
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		bits |= (__u64)kvm_has(k, gpa + i * HM_BLOCK) << i;
	return bits;
}

#define EXPECT_SLOTS(_bits)							\
do {										\
	EXPECT_EQ(_bits, kvm_slots_at(&self->k, GPA));				\
	EXPECT_EQ(__builtin_popcount(_bits),					\
		  hostmem_binding_get_slot_count(self->binding));		\
} while (0)

/* Bind the view of a binding anew. */
static int rebind(struct hostmem_vm *vm, struct hostmem_view *view,
		  struct hostmem_binding **binding, const struct hostmem_bind_params *params)
{
	HM_TRUE(!hostmem_vm_unbind(*binding));
	return hostmem_vm_bind(vm, view, params, binding);
}

TEST_F_TIMEOUT(vm, bind_errors, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA };
	struct hostmem_binding *b;
	struct hostmem_view *view;
	char name[HM_NAME_MAX];

	EXPECT_EQ(-EBADF, hostmem_vm_new(self->ctx, -1, &self->vm));
	EXPECT_EQ(-ENOTTY, hostmem_vm_new(self->ctx, hostmem_view_get_fd(self->view),
					  &self->vm));
	bind.gpa = GPA + 4096;
	EXPECT_EQ(-EINVAL, hostmem_vm_bind(self->vm, self->view, &bind, &b));
	bind.gpa = 0 - 2 * HM_BLOCK;
	EXPECT_EQ(-EOVERFLOW, hostmem_vm_bind(self->vm, self->view, &bind, &b));
	bind.gpa = GPA;
	bind.first_slot = 32764;
	EXPECT_EQ(-ENOSPC, hostmem_vm_bind(self->vm, self->view, &bind, &b));
	bind.first_slot = 1;
	bind.nr_slots = 32764;
	EXPECT_EQ(-ENOSPC, hostmem_vm_bind(self->vm, self->view, &bind, &b));
	bind.nr_slots = 0;
	bind.slot_size = HM_BLOCK + 4096;
	EXPECT_EQ(-EINVAL, hostmem_vm_bind(self->vm, self->view, &bind, &b));
	bind.slot_size = 0;
	ASSERT_EQ(0, hostmem_view_create(self->ctx, hm_name(name), &self->params, &view));
	EXPECT_EQ(0, hostmem_view_destroy(view, false));
	EXPECT_EQ(-ENODEV, hostmem_vm_bind(self->vm, view, &bind, &b));
	hostmem_view_unref(view);
}

/* A view that cannot write: read-only slots, or none. */
TEST_F_TIMEOUT(vm, bind_readonly, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 4 * GIB };
	struct hostmem_binding *b;
	struct hostmem_view *owner, *view;
	char name[HM_NAME_MAX];

	ASSERT_EQ(0, hostmem_view_create(self->ctx, hm_name(name), &self->params, &owner));
	ASSERT_EQ(0, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_RDONLY, &view));
	EXPECT_EQ(-EPERM, hostmem_vm_bind(self->vm, view, &bind, &b));
	bind.readonly = true;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	EXPECT_EQ(0, plug(owner, 3, 1));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(1, hostmem_binding_get_slot_count(b));
	EXPECT_EQ(0x8, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, hostmem_vm_unbind(b));
	EXPECT_EQ(0, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, hostmem_view_destroy(owner, false));
	hostmem_view_unref(view);
	hostmem_view_unref(owner);
}

/* Congruent with guest physical addresses. */
TEST_F_TIMEOUT(vm, bind_congruence, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 3 * HM_BLOCK };
	struct hostmem_view *view;
	struct hostmem_binding *b;

	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	EXPECT_EQ(0, (uintptr_t)hostmem_binding_get_addr(self->binding) % HM_BLOCK);
	self->params.size = 2 * GIB;
	view = create(self->ctx, &self->params);
	bind.gpa = 4 * GIB + 3 * HM_BLOCK;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	EXPECT_EQ(3 * HM_BLOCK, (uintptr_t)hostmem_binding_get_addr(b) % GIB);
	hostmem_view_unref(view);
}

/* What nobody gave a slot size gets it from the region, or by the rule: 256 for all together. */
TEST_F_TIMEOUT(vm, bind_slot_size, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA, .slot_size = 4 * HM_BLOCK };
	struct hostmem_binding *b[3];
	struct hostmem_view *view;

	EXPECT_EQ(HM_BLOCK, hostmem_binding_get_slot_size(self->binding));
	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	EXPECT_EQ(4 * HM_BLOCK, hostmem_binding_get_slot_size(self->binding));
	EXPECT_EQ(0, hostmem_vm_unbind(self->binding));
	self->params.size = 1024 * GIB;
	self->params.slot_size = 0;
	view = create(self->ctx, &self->params);
	bind.slot_size = 0;
	bind.gpa = 1024 * GIB;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b[0]));
	EXPECT_EQ(4 * GIB, hostmem_binding_get_slot_size(b[0]));
	bind.gpa = 2048 * GIB;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b[1]));
	EXPECT_EQ(1024 * GIB, hostmem_binding_get_slot_size(b[1]));
	EXPECT_EQ(0, hostmem_vm_unbind(b[0]));
	/* As many as there are ids for, after the one that the other can have. */
	bind.nr_slots = 8;
	bind.gpa = 1024 * GIB;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b[2]));
	EXPECT_EQ(128 * GIB, hostmem_binding_get_slot_size(b[2]));
	hostmem_view_unref(view);
}

TEST_F_TIMEOUT(vm, sync, SECONDS)
{
	EXPECT_SLOTS(0);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0);
	plug_bits(self->view, 0x8421);
	EXPECT_SLOTS(0);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x8421);
	EXPECT_EQ(0, unplug(self->view, 0, 1));
	EXPECT_EQ(0, plug(self->view, 1, 4));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x843e);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x843e);
	EXPECT_EQ(0, hostmem_view_resize(self->view, 0, NULL, NULL, NULL));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0);
}

/* KVM refuses in the middle, after slots have been deleted: they are there again. */
TEST_F_TIMEOUT(vm, sync_rollback_of_overlap, SECONDS)
{
	char *own = hm_map_flags(-1, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);

	plug_bits(self->view, 0x000f);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x000f);
	/* The VMM has something in block 6, beside its first page. */
	hm_kvm_slot(&self->k, 100, GPA + 6 * HM_BLOCK + 4096, 4096, own);
	EXPECT_EQ(0, unplug(self->view, 1, 2));
	EXPECT_EQ(0, plug(self->view, 5, 3));
	EXPECT_EQ(-EEXIST, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x000f);
	EXPECT_EQ(-EEXIST, hostmem_binding_retire(self->binding, 0, HM_BLOCK));
	EXPECT_SLOTS(0x000f);
	hm_kvm_slot(&self->k, 100, 0, 0, own);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x00e9);
}

/* Each single call of a sync fails once. */
TEST_F_TIMEOUT(vm, sync_rollback_of_each_step, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 4 * GIB };
	struct hostmem_binding *b;
	struct hostmem_view *view = create(self->ctx, &self->params);
	int i;

	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	plug_bits(self->view, 0x00f0);
	plug_bits(view, 0x000f);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0, hostmem_view_resize(view, 0, NULL, NULL, NULL));
	EXPECT_EQ(0, unplug(self->view, 5, 2));
	plug_bits(self->view, 0x0301);
	plug_bits(view, 0x0070);
	/* 6 are deleted, 6 added. */
	for (i = 0; i < 12; i++) {
		fail_after = i;
		fail_count = 1;
		EXPECT_EQ(-ENOMEM, hostmem_vm_sync(self->vm));
		EXPECT_EQ(0, fail_count);
		EXPECT_SLOTS(0x00f0);
		EXPECT_EQ(0x000f, kvm_slots_at(&self->k, bind.gpa));
		EXPECT_EQ(4, hostmem_binding_get_slot_count(b));
	}
	fail_after = 12;
	fail_count = 1;
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	fail_count = 0;
	EXPECT_SLOTS(0x0391);
	EXPECT_EQ(0x0070, kvm_slots_at(&self->k, bind.gpa));
	hostmem_view_unref(view);
}

/* KVM refuses the rollback too: said at LOG_ERR, what KVM has is known, the next sync mends. */
TEST_F_TIMEOUT(vm, sync_rollback_fails, SECONDS)
{
	struct logged log = {};

	hostmem_set_userdata(self->ctx, &log);
	hostmem_set_log_fn(self->ctx, log_fn);
	hostmem_set_log_priority(self->ctx, LOG_ERR);
	plug_bits(self->view, 0x000f);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0, unplug(self->view, 0, 2));
	EXPECT_EQ(0, plug(self->view, 8, 1));
	fail_after = 2;
	fail_count = 2;
	EXPECT_EQ(-ENOMEM, hostmem_vm_sync(self->vm));
	EXPECT_EQ(1, log.n);
	EXPECT_EQ(LOG_ERR, log.priority);
	EXPECT_SLOTS(0x000d);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x010c);
	EXPECT_EQ(1, log.n);
}

TEST_F_TIMEOUT(vm, unbind_rollback, SECONDS)
{
	plug_bits(self->view, 0x0111);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	fail_after = 2;
	fail_count = 1;
	EXPECT_EQ(-ENOMEM, hostmem_vm_unbind(self->binding));
	EXPECT_SLOTS(0x0111);
	EXPECT_FALSE(hm_read_faults(hostmem_binding_get_addr(self->binding)));
	EXPECT_EQ(0, hostmem_vm_unbind(self->binding));
	EXPECT_EQ(0, kvm_slots_at(&self->k, GPA));
}

/* Not enough ids: nothing has been tried. */
TEST_F_TIMEOUT(vm, sync_without_ids, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA, .first_slot = 10, .nr_slots = 3 };

	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	plug_bits(self->view, 0x0007);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x0007);
	EXPECT_EQ(0, unplug(self->view, 0, 1));
	EXPECT_EQ(0, plug(self->view, 3, 2));
	fail_count = INT_MAX;
	EXPECT_EQ(-ENOSPC, hostmem_vm_sync(self->vm));
	EXPECT_EQ(INT_MAX, fail_count);
	fail_count = 0;
	EXPECT_SLOTS(0x0007);
	/* Those that are given up in the same sync will do. */
	EXPECT_EQ(0, unplug(self->view, 1, 1));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x001c);
	EXPECT_EQ(0, unplug(self->view, 2, 3));
	EXPECT_EQ(0, plug(self->view, 13, 3));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0xe000);
	/* And no others were used: KVM has no such slots to delete. */
	EXPECT_FALSE(kvm_delete(&self->k, 9));
	EXPECT_FALSE(kvm_delete(&self->k, 13));
	EXPECT_TRUE(kvm_delete(&self->k, 12));
}

/* Two bindings whose ids are the same ones. */
TEST_F_TIMEOUT(vm, shared_ids, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA, .first_slot = 5, .nr_slots = 4 };
	struct hostmem_view *view = create(self->ctx, &self->params);
	struct hostmem_binding *b;

	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	bind.gpa = 4 * GIB;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	plug_bits(self->view, 0x0003);
	plug_bits(view, 0x0030);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x0003);
	EXPECT_EQ(0x0030, kvm_slots_at(&self->k, bind.gpa));
	/* Full; but what one gives up the other takes, also from the second to the first. */
	EXPECT_EQ(0, plug(view, 6, 1));
	EXPECT_EQ(-ENOSPC, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0, unplug(self->view, 0, 1));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x0002);
	EXPECT_EQ(0x0070, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, unplug(view, 4, 3));
	EXPECT_EQ(0, plug(self->view, 8, 3));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x0702);
	EXPECT_EQ(0, kvm_slots_at(&self->k, bind.gpa));
	/* Unbinding frees ids and leaves the other alone. */
	EXPECT_EQ(0, plug(view, 0, 2));
	EXPECT_EQ(-ENOSPC, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0, hostmem_vm_unbind(self->binding));
	EXPECT_EQ(0, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0x0003, kvm_slots_at(&self->k, bind.gpa));
	hostmem_view_unref(view);
}

/* The memory of a region that has gone is no longer in the VM; the others are looked after. */
TEST_F_TIMEOUT(vm, sync_after_destroy, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 4 * GIB };
	struct hostmem_view *view = create(self->ctx, &self->params);
	struct hostmem_binding *b;

	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	plug_bits(self->view, 0x0103);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0x0103);
	EXPECT_EQ(-EBUSY, hostmem_view_destroy(self->view, false));
	EXPECT_EQ(0, hostmem_view_destroy(self->view, true));
	EXPECT_EQ(-ENODEV, hostmem_binding_retire(self->binding, 0, HM_BLOCK));
	plug_bits(view, 0x0001);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_SLOTS(0);
	EXPECT_EQ(0x0001, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, hostmem_vm_unbind(self->binding));
	hostmem_view_unref(view);
}

TEST_F_TIMEOUT(vm, sync_after_revoke, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 4 * GIB };
	struct hostmem_view *owner, *view;
	struct hostmem_binding *b;
	char name[HM_NAME_MAX];

	ASSERT_EQ(0, hostmem_view_create(self->ctx, hm_name(name), &self->params, &owner));
	ASSERT_EQ(0, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_RDWR, &view));
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	plug_bits(owner, 0x0103);
	plug_bits(self->view, 0x0011);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0x0103, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, hostmem_view_revoke(owner, hostmem_view_get_id(view)));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0, kvm_slots_at(&self->k, bind.gpa));
	EXPECT_EQ(0, hostmem_binding_get_slot_count(b));
	EXPECT_SLOTS(0x0011);
	EXPECT_EQ(0, hostmem_vm_unbind(b));
	EXPECT_EQ(0, hostmem_view_destroy(owner, false));
	hostmem_view_unref(view);
	hostmem_view_unref(owner);
}

TEST_F_TIMEOUT(vm, retire, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA, .slot_size = 4 * HM_BLOCK };

	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	EXPECT_EQ(0, plug(self->view, 0, BLOCKS));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0xffff, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(-EINVAL, hostmem_binding_retire(self->binding, 4096, HM_BLOCK));
	EXPECT_EQ(-EINVAL, hostmem_binding_retire(self->binding, 0, 0));
	EXPECT_EQ(-ENOENT, hostmem_binding_retire(self->binding, SIZE, HM_BLOCK));
	EXPECT_EQ(-EOVERFLOW, hostmem_binding_retire(self->binding, HM_BLOCK, 0 - HM_BLOCK));
	/* A part of a slot, then its other part. */
	EXPECT_EQ(0, hostmem_binding_retire(self->binding, HM_BLOCK, 3 * HM_BLOCK));
	EXPECT_EQ(0xffff, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(0, unplug(self->view, 1, 3));
	EXPECT_EQ(0, hostmem_binding_retire(self->binding, 0, HM_BLOCK));
	EXPECT_EQ(0xfff0, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(0, unplug(self->view, 0, 1));
	/* A whole one, with what is beside it: the slots of those parts stay. */
	EXPECT_EQ(0, hostmem_binding_retire(self->binding, 7 * HM_BLOCK, 6 * HM_BLOCK));
	EXPECT_EQ(0xf0f0, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(0, unplug(self->view, 7, 6));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0xf0f0, kvm_slots_at(&self->k, GPA));
	/* Several, and blocks that are not plugged; if they stay plugged a sync adds them. */
	EXPECT_EQ(0, hostmem_binding_retire(self->binding, 0, SIZE));
	EXPECT_EQ(0, kvm_slots_at(&self->k, GPA));
	EXPECT_EQ(0, hostmem_binding_get_slot_count(self->binding));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0xf0f0, kvm_slots_at(&self->k, GPA));
}

/* The last slot is smaller; a region that is smaller than its slot has one. */
TEST_F_TIMEOUT(vm, last_slot, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA, .slot_size = 6 * HM_BLOCK };

	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	plug_bits(self->view, 0x8000);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0xf000, kvm_slots_at(&self->k, GPA));
	EXPECT_FALSE(kvm_has(&self->k, GPA + SIZE));
	bind.slot_size = GIB;
	ASSERT_EQ(0, rebind(self->vm, self->view, &self->binding, &bind));
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(0xffff, kvm_slots_at(&self->k, GPA));
	EXPECT_FALSE(kvm_has(&self->k, GPA + SIZE));
}

/* However many slots KVM has, a backend is told of one entry for each region. */
TEST_F_TIMEOUT(vm, memory_table, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 4 * GIB };
	struct hostmem_memory_region table[3] = {};
	struct hostmem_view *view;
	struct hostmem_binding *b;
	unsigned int count = 1;
	int fd;

	self->params.size = 2 * SIZE;
	view = create(self->ctx, &self->params);
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, view, &bind, &b));
	plug_bits(self->view, 0x5555);
	plug_bits(view, 0xffff);
	EXPECT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(8, hostmem_binding_get_slot_count(self->binding));
	EXPECT_EQ(16, hostmem_binding_get_slot_count(b));
	EXPECT_EQ(-EMSGSIZE, hostmem_vm_get_memory_table(self->vm, table, &count));
	EXPECT_EQ(2, count);
	EXPECT_EQ(0, table[0].size);
	count = HM_ARRAY_SIZE(table);
	EXPECT_EQ(0, hostmem_vm_get_memory_table(self->vm, table, &count));
	ASSERT_EQ(2, count);
	EXPECT_EQ(GPA, table[0].gpa);
	EXPECT_EQ(SIZE, table[0].size);
	EXPECT_EQ((uintptr_t)hostmem_binding_get_addr(self->binding), table[0].user_addr);
	EXPECT_EQ(0, table[0].mmap_offset);
	EXPECT_NE(hostmem_view_get_fd(self->view), table[0].fd);
	EXPECT_EQ(4 * GIB, table[1].gpa);
	EXPECT_EQ(2 * SIZE, table[1].size);
	EXPECT_EQ((uintptr_t)hostmem_binding_get_addr(b), table[1].user_addr);
	EXPECT_NE(hostmem_view_get_fd(view), table[1].fd);
	fd = table[1].fd;
	EXPECT_EQ(0, hostmem_vm_unbind(self->binding));
	EXPECT_EQ(0, hostmem_vm_get_memory_table(self->vm, table, &count));
	EXPECT_EQ(1, count);
	EXPECT_EQ(4 * GIB, table[0].gpa);
	/* Made once. */
	EXPECT_EQ(fd, table[0].fd);
	hostmem_view_unref(view);
}

/* The only entry. */
static struct hostmem_memory_region only_entry(struct hostmem_vm *vm)
{
	struct hostmem_memory_region entry;
	unsigned int count = 1;

	HM_TRUE(!hostmem_vm_get_memory_table(vm, &entry, &count) && count == 1);
	return entry;
}

struct backend {
	int fd;
	__u64 own_view;
	__u64 vmm_view;
};

/* As another user, with nothing but the fd: it can map, ask, and nothing else. */
static int backend(void *arg)
{
	struct hostmem_view_derive derive = {
		.size = sizeof(derive), .length = HM_BLOCK, .rights = HOSTMEM_RIGHT_READ,
	};
	struct hostmem_region_info info;
	struct backend *b = arg;
	char path[64];
	__u64 bits;
	char *p;

	HM_OK(setuid(65534));
	hm_info(b->fd, &info);
	HM_TRUE(info.out_rights == (HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE));
	HM_TRUE(info.out_view_id == b->own_view);
	hm_blocks(b->fd, 0, SIZE, &bits, NULL);
	HM_TRUE(bits == 1);
	p = hm_map(b->fd, 0, SIZE, PROT_READ | PROT_WRITE);
	HM_TRUE(*p == 'v');
	*p = 'b';
	HM_TRUE(hm_read_faults(p + HM_BLOCK));
	hm_plug_err(EPERM, b->fd, HM_BLOCK, HM_BLOCK);
	hm_unplug_err(EPERM, b->fd, 0, HM_BLOCK);
	hm_revoke_err(EPERM, b->fd, b->vmm_view);
	hm_destroy_err(EPERM, b->fd, HOSTMEM_DESTROY_FORCE);
	HM_ERR(EPERM, ioctl(b->fd, HOSTMEM_VIEW_DERIVE, &derive));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", b->fd);
	HM_TRUE(open(path, O_RDWR) == -1);
	return 0;
}

TEST_F_TIMEOUT(vm, backend_can_only_map, SECONDS)
{
	struct hostmem_memory_region entry = only_entry(self->vm);
	struct backend b = {
		.fd = entry.fd,
		.own_view = hm_view_id(entry.fd),
		.vmm_view = hostmem_view_get_id(self->view),
	};
	struct stat st;
	char *p = hostmem_binding_get_addr(self->binding);

	HM_OK(fstat(entry.fd, &st));
	EXPECT_TRUE(S_ISREG(st.st_mode));
	EXPECT_EQ(SIZE, st.st_size);
	plug_bits(self->view, 1);
	*p = 'v';
	EXPECT_EQ(0, hm_in_child(backend, &b));
	EXPECT_EQ('b', *p);
	/* The VMM takes it from all backends at once. */
	p = hm_map(entry.fd, 0, HM_BLOCK, PROT_READ);
	EXPECT_FALSE(hm_read_faults(p));
	EXPECT_EQ(0, hostmem_view_revoke(self->view, b.own_view));
	EXPECT_TRUE(hm_read_faults(p));
	EXPECT_FALSE(hm_read_faults(hostmem_binding_get_addr(self->binding)));
	HM_OK(munmap(p, HM_BLOCK));
}

/* A part of a region is the memory of a VM; backends get no more than what the VM has of it. */
TEST_F_TIMEOUT(vm, part_of_a_region, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = 4 * GIB };
	struct hostmem_memory_region table[2];
	struct hostmem_region_info info;
	struct hostmem_view *part;
	struct hostmem_binding *b;
	unsigned int count = 2;

	ASSERT_EQ(0, hostmem_view_derive(self->view, 8 * HM_BLOCK, 4 * HM_BLOCK,
					 HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE |
					 HOSTMEM_RIGHT_DERIVE, 0, &part));
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, part, &bind, &b));
	plug_bits(self->view, 1 << 7 | 1 << 9 | 1 << 12);
	ASSERT_EQ(0, hostmem_vm_sync(self->vm));
	EXPECT_EQ(3, hostmem_binding_get_slot_count(self->binding));
	EXPECT_EQ(1, hostmem_binding_get_slot_count(b));
	EXPECT_EQ(1 << 1, kvm_slots_at(&self->k, 4 * GIB) & 0xf);
	ASSERT_EQ(0, hostmem_vm_get_memory_table(self->vm, table, &count));
	EXPECT_EQ(4 * HM_BLOCK, table[1].size);
	hm_info(table[1].fd, &info);
	EXPECT_EQ(8 * HM_BLOCK, info.out_view_start);
	EXPECT_EQ(4 * HM_BLOCK, info.out_view_length);
	EXPECT_EQ(HOSTMEM_RIGHT_READ | HOSTMEM_RIGHT_WRITE, info.out_rights);
	EXPECT_EQ(0, hostmem_binding_retire(b, HM_BLOCK, HM_BLOCK));
	EXPECT_EQ(0, hostmem_binding_get_slot_count(b));
	EXPECT_EQ(-ENOENT, hostmem_binding_retire(b, 4 * HM_BLOCK, HM_BLOCK));
	EXPECT_EQ(0, hostmem_vm_unbind(b));
	hostmem_view_unref(part);
}

/* A view that could do more than the binding, and cannot be made less, is not handed out. */
TEST_F_TIMEOUT(vm, backend_of_a_data_view, SECONDS)
{
	struct hostmem_bind_params bind = { .gpa = GPA, .readonly = true };
	struct hostmem_memory_region entry;
	struct hostmem_view *owner, *data;
	char name[HM_NAME_MAX];
	struct hostmem_binding *b;
	unsigned int count = 1;

	ASSERT_EQ(0, hostmem_vm_unbind(self->binding));
	ASSERT_EQ(0, hostmem_view_create(self->ctx, hm_name(name), &self->params, &owner));
	ASSERT_EQ(0, hostmem_view_open(self->ctx, name, HOSTMEM_OPEN_RDWR, &data));
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, data, &bind, &b));
	EXPECT_EQ(-EPERM, hostmem_vm_get_memory_table(self->vm, &entry, &count));
	ASSERT_EQ(0, hostmem_vm_unbind(b));
	bind.readonly = false;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, data, &bind, &b));
	EXPECT_EQ(hostmem_view_get_fd(data), only_entry(self->vm).fd);
	ASSERT_EQ(0, hostmem_vm_unbind(b));
	bind.readonly = true;
	ASSERT_EQ(0, hostmem_vm_bind(self->vm, owner, &bind, &b));
	entry = only_entry(self->vm);
	HM_TRUE(_hm_map(entry.fd, 0, HM_BLOCK, PROT_WRITE) == MAP_FAILED);
	ASSERT_EQ(0, hostmem_vm_unbind(b));
	EXPECT_EQ(0, hostmem_view_destroy(owner, true));
	hostmem_view_unref(data);
	hostmem_view_unref(owner);
}

TEST_HARNESS_MAIN
