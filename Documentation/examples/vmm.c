// SPDX-License-Identifier: LGPL-2.1-only
/*
 * A VMM in a page: guest memory from hostmem, one vCPU, a port that prints.
 *
 * cc vmm.c -o vmm $(pkg-config --cflags --libs libhostmem)
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/kvm.h>
#include <libhostmem.h>

#define SIZE (64ULL << 20)	/* of the region, */
#define PLUG (2ULL << 20)	/* of which so much exists */

/* The library returns -errno, system calls set errno. */
#define LIB(call) check(#call, call)
#define SYS(call) check(#call, (call) < 0 ? -errno : 0)

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

static void check(const char *what, int rc)
{
	errno = -rc;
	if (rc)
		err(1, "%s", what);
}

/* Start at 0x1000 in real mode, print what the guest writes to the port, until it halts. */
static void run(int kvm, int vm)
{
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
	struct kvm_sregs sregs;
	struct kvm_run *state;
	int vcpu, size;

	SYS(vcpu = ioctl(vm, KVM_CREATE_VCPU, 0));
	SYS(size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	state = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	SYS(state == MAP_FAILED ? -1 : 0);
	SYS(ioctl(vcpu, KVM_GET_SREGS, &sregs));
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	SYS(ioctl(vcpu, KVM_SET_SREGS, &sregs));
	SYS(ioctl(vcpu, KVM_SET_REGS, &regs));
	SYS(ioctl(vcpu, KVM_RUN, 0));
	while (state->exit_reason == KVM_EXIT_IO) {
		putchar(*((char *)state + state->io.data_offset));
		SYS(ioctl(vcpu, KVM_RUN, 0));
	}
	if (state->exit_reason != KVM_EXIT_HLT)
		errx(1, "the guest ended for reason %u", state->exit_reason);
}

int main(void)
{
	struct hostmem_bind_params bind = { .gpa = 0 };
	struct hostmem_memory_region backend;
	struct hostmem_region_params params;
	struct hostmem_binding *binding;
	struct hostmem_view *view;
	struct hostmem_ctx *ctx;
	struct hostmem_vm *vm;
	unsigned int count = 1;
	int kvm, vm_fd;
	char *memory;

	SYS(kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC));
	SYS(vm_fd = ioctl(kvm, KVM_CREATE_VM, 0));

	/* A region without a name goes with this process. */
	LIB(hostmem_new(&ctx));
	hostmem_region_params_init(&params);
	params.size = SIZE;
	LIB(hostmem_view_create(ctx, NULL, &params, &view));
	LIB(hostmem_vm_new(ctx, vm_fd, &vm));
	LIB(hostmem_vm_bind(vm, view, &bind, &binding));
	/* What vhost-user's SET_MEM_TABLE sends: backend.fd can map all of it, and nothing else. */
	LIB(hostmem_vm_get_memory_table(vm, &backend, &count));

	/* Memory comes: plug, then give KVM its slots. */
	LIB(hostmem_view_plug(view, 0, PLUG, NULL));
	LIB(hostmem_vm_sync(vm));
	memory = hostmem_binding_get_addr(binding);
	memcpy(memory + 0x1000, code, sizeof(code));
	memcpy(memory + 0x1000 + sizeof(code), message, sizeof(message));
	run(kvm, vm_fd);

	/* Memory goes: the guest knows (it has halted), then the slots, then the blocks. */
	LIB(hostmem_binding_retire(binding, 0, PLUG));
	LIB(hostmem_view_unplug(view, 0, PLUG));
	if (hostmem_binding_get_slot_count(binding))
		errx(1, "slots are left");
	/* From here on a load from memory[0] gets SIGBUS; the kernel on our behalf, EFAULT. */
	if (open(memory, O_RDONLY) >= 0 || errno != EFAULT)
		errx(1, "memory is left");
	printf("It has been taken back\n");
	hostmem_vm_unref(vm);
	hostmem_view_unref(view);
	hostmem_unref(ctx);
	return 0;
}
