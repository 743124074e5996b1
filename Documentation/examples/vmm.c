// SPDX-License-Identifier: LGPL-2.1-only
/*
 * A VMM in a page: guest memory from hostmem, one vCPU, a port that prints.
 *
 * cc vmm.c -o vmm $(pkg-config --cflags --libs libhostmem)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kvm.h>
#include <libhostmem.h>

#define SIZE (64ULL << 20)	/* of the region, */
#define PLUG (2ULL << 20)	/* of which so much exists */

static const char message[] = "Hello from memory that can be taken back\n";
static const unsigned char code[] = {
	0xbe, 0x0d, 0x10,	/* mov $0x100d, %si	the message, behind the code */
	0xac,			/* lodsb */
	0x84, 0xc0,		/* test %al, %al */
	0x74, 0x04,		/* je .+6 */
	0xe6, 0xe9,		/* out %al, $0xe9 */
	0xeb, 0xf7,		/* jmp .-7 */
	0xf4,			/* hlt */
};

static int check(const char *what, int rc)
{
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-rc));
		exit(1);
	}
	return rc;
}

/* The same for system calls. */
static int sys(const char *what, int rc)
{
	return check(what, rc < 0 ? -errno : rc);
}

/* Run until the guest halts; returns how many bytes of the message it wrote. */
static size_t run(int vcpu, struct kvm_run *state)
{
	size_t n = 0;

	for (;;) {
		sys("KVM_RUN", ioctl(vcpu, KVM_RUN, 0));
		if (state->exit_reason != KVM_EXIT_IO)
			break;
		putchar(*((char *)state + state->io.data_offset));
		n++;
	}
	return state->exit_reason == KVM_EXIT_HLT ? n : 0;
}

static int start(int kvm, int vm, struct kvm_run **state)
{
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
	struct kvm_sregs sregs;
	int vcpu = sys("KVM_CREATE_VCPU", ioctl(vm, KVM_CREATE_VCPU, 0));
	int size = sys("KVM_GET_VCPU_MMAP_SIZE", ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));

	*state = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	sys("mmap", *state == MAP_FAILED ? -1 : 0);
	sys("KVM_GET_SREGS", ioctl(vcpu, KVM_GET_SREGS, &sregs));
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	sys("KVM_SET_SREGS", ioctl(vcpu, KVM_SET_SREGS, &sregs));
	sys("KVM_SET_REGS", ioctl(vcpu, KVM_SET_REGS, &regs));
	return vcpu;
}

/* The kernel reads on our behalf: EFAULT where we would get SIGBUS. */
static int reachable(const void *addr)
{
	int fds[2];

	sys("pipe", pipe(fds));
	return write(fds[1], addr, 1) == 1;
}

int main(void)
{
	int kvm = sys("/dev/kvm", open("/dev/kvm", O_RDWR | O_CLOEXEC));
	int vm_fd = sys("KVM_CREATE_VM", ioctl(kvm, KVM_CREATE_VM, 0));
	struct hostmem_bind_params bind = { .gpa = 0 };
	struct hostmem_region_params params;
	struct hostmem_binding *binding;
	struct hostmem_view *view;
	struct hostmem_ctx *ctx;
	struct kvm_run *state;
	struct hostmem_vm *vm;
	char *memory;
	size_t n;
	int vcpu;

	/* A region without a name goes with this process. */
	check("hostmem_new", hostmem_new(&ctx));
	hostmem_region_params_init(&params);
	params.size = SIZE;
	check("create", hostmem_view_create(ctx, NULL, &params, &view));
	check("vm", hostmem_vm_new(ctx, vm_fd, &vm));
	check("bind", hostmem_vm_bind(vm, view, &bind, &binding));

	/* Memory comes: plug, then give KVM its slots. */
	check("plug", hostmem_view_plug(view, 0, PLUG, NULL));
	check("sync", hostmem_vm_sync(vm));
	memory = hostmem_binding_get_addr(binding);
	memcpy(memory + 0x1000, code, sizeof(code));
	memcpy(memory + 0x1000 + sizeof(code), message, sizeof(message));
	vcpu = start(kvm, vm_fd, &state);
	n = run(vcpu, state);

	/* Memory goes: the guest knows (it has halted), then the slots, then the blocks. */
	check("retire", hostmem_binding_retire(binding, 0, PLUG));
	check("unplug", hostmem_view_unplug(view, 0, PLUG));
	if (n != strlen(message) || reachable(memory) ||
	    hostmem_binding_get_slot_count(binding))
		return 1;
	printf("It has been taken back\n");
	hostmem_vm_unref(vm);
	hostmem_view_unref(view);
	hostmem_unref(ctx);
	return 0;
}
