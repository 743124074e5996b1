/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_SELFTEST_KVM_H
#define _HOSTMEM_SELFTEST_KVM_H

/*
 * A VM of one vCPU without paging, in flat 32-bit protected mode: the smallest guest that
 * touches memory. Its code is one page at guest physical address 0, slot 0.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>

#include "lib.h"

struct hm_kvm {
	int kvm;
	int vm;
	int vcpu;
	struct kvm_run *run;
	size_t run_size;
	void *code;
};

/* Whether there is a KVM that can make a VM. */
static inline bool hm_kvm_available(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* A VM without memory and vCPU. */
static inline struct hm_kvm hm_kvm_new(void)
{
	struct hm_kvm k = { .vcpu = -1 };

	k.kvm = HM_OK(open("/dev/kvm", O_RDWR | O_CLOEXEC));
	k.vm = HM_OK(ioctl(k.kvm, KVM_CREATE_VM, 0));
	return k;
}

/* A slot; size 0 deletes it. */
static inline void hm_kvm_slot(struct hm_kvm *k, __u32 slot, __u64 gpa, __u64 size, void *addr)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)addr,
	};

	HM_OK(ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &region));
}

static inline void hm_kvm_flat(struct kvm_segment *segment, __u8 type)
{
	*segment = (struct kvm_segment) {
		.limit = 0xffffffff, .selector = 8, .type = type,
		.present = 1, .db = 1, .s = 1, .g = 1,
	};
}

/* Give the VM its vCPU, which begins with @code. */
static inline void hm_kvm_boot(struct hm_kvm *k, const void *code, size_t length)
{
	struct kvm_sregs sregs;

	k->code = hm_map_flags(-1, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	memcpy(k->code, code, length);
	hm_kvm_slot(k, 0, 0, 4096, k->code);

	k->vcpu = HM_OK(ioctl(k->vm, KVM_CREATE_VCPU, 0));
	k->run_size = HM_OK(ioctl(k->kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	k->run = hm_map_flags(k->vcpu, 0, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED);

	HM_OK(ioctl(k->vcpu, KVM_GET_SREGS, &sregs));
	hm_kvm_flat(&sregs.cs, 11);
	hm_kvm_flat(&sregs.ds, 3);
	sregs.es = sregs.ds;
	sregs.ss = sregs.ds;
	sregs.cr0 |= 1;
	HM_OK(ioctl(k->vcpu, KVM_SET_SREGS, &sregs));
}

/* Registers, with the instruction pointer in @regs.rip; interrupts stay off. */
static inline void hm_kvm_set(struct hm_kvm *k, struct kvm_regs regs)
{
	regs.rflags = 2;
	HM_OK(ioctl(k->vcpu, KVM_SET_REGS, &regs));
}

/* What an exit looks like that no test expects. */
static inline void hm_kvm_dump(struct hm_kvm *k)
{
	const __u64 *data = k->run->internal.data;
	const __u8 *code = k->code;
	struct kvm_regs regs;
	int i;

	HM_OK(ioctl(k->vcpu, KVM_GET_REGS, &regs));
	fprintf(stderr, "vCPU: exit %u, suberror %u, data %llx %llx %llx\n", k->run->exit_reason,
		k->run->internal.suberror, data[0], data[1], data[2]);
	fprintf(stderr, "vCPU: ip %llx flags %llx ax %llx bx %llx cx %llx dx %llx\n", regs.rip,
		regs.rflags, regs.rax, regs.rbx, regs.rcx, regs.rdx);
	fprintf(stderr, "vCPU: si %llx di %llx bp %llx sp %llx, code:", regs.rsi, regs.rdi,
		regs.rbp, regs.rsp);
	for (i = 0; i < 64; i++)
		fprintf(stderr, " %02x", code[i]);
	fprintf(stderr, "\n");
}

/*
 * Run until the guest writes to a port. Return the port, or -1 where the guest touched memory
 * that is not there (or a signal came: errno tells).
 */
static inline int hm_kvm_run(struct hm_kvm *k)
{
	if (ioctl(k->vcpu, KVM_RUN, 0)) {
		HM_TRUE(errno == EFAULT || errno == EINTR);
		return -1;
	}
	if (k->run->exit_reason != KVM_EXIT_IO)
		hm_kvm_dump(k);
	HM_TRUE(k->run->exit_reason == KVM_EXIT_IO);
	return k->run->io.port;
}

static inline void hm_kvm_free(struct hm_kvm *k)
{
	if (k->vcpu >= 0) {
		munmap(k->run, k->run_size);
		munmap(k->code, 4096);
		close(k->vcpu);
	}
	close(k->vm);
	close(k->kvm);
}

#endif /* _HOSTMEM_SELFTEST_KVM_H */
