// SPDX-License-Identifier: GPL-2.0
/*
 * NUMA policy of a region of ram: who may set it, for whom it holds, and when it ends. Needs two
 * nodes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/mempolicy.h>

#include "harness.h"
#include "lib.h"

#define SIZE (8 * HM_BLOCK)
#define RW (PROT_READ | PROT_WRITE)

static int _bind_to(void *p, size_t length, int mode, int node)
{
	unsigned long mask = mode == MPOL_DEFAULT ? 0 : 1UL << node;

	return syscall(__NR_mbind, p, length, mode, &mask, 64, 0);
}

#define bind_to(...) HM_OK(_bind_to(__VA_ARGS__))
#define bind_to_err(_err, ...) HM_ERR(_err, _bind_to(__VA_ARGS__))

/* The node to which the policy at @p binds; -1: to none. */
static int policy_at(void *p)
{
	unsigned long mask = 0;
	int mode;

	HM_OK(syscall(__NR_get_mempolicy, &mode, &mask, 64, p, MPOL_F_ADDR));
	return mode == MPOL_BIND ? __builtin_ctzl(mask) : -1;
}

/* The node on which the page at @p is, which this brings in. */
static int node_of(char *p)
{
	int node;

	HM_TRUE(!hm_read_faults(p));
	HM_OK(syscall(__NR_get_mempolicy, &node, NULL, 0, p, MPOL_F_ADDR | MPOL_F_NODE));
	return node;
}

/* What this task would use itself. */
static void prefer(int mode, int node)
{
	unsigned long mask = 1UL << node;

	HM_OK(syscall(__NR_set_mempolicy, mode, mode == MPOL_DEFAULT ? NULL : &mask, 64));
}

/* A named region, all plugged, a mapping of its owner's, and one of a data view. */
FIXTURE(policy) {
	char name[HM_NAME_MAX];
	int owner;
	int data;
	char *p;
	char *vmm;
};

FIXTURE_SETUP(policy)
{
	struct hostmem_region_create cmd;

	if (access("/sys/devices/system/node/node1/meminfo", F_OK))
		SKIP(return, "needs two NUMA nodes");
	cmd = hm_create_cmd(hm_name(self->name), SIZE);
	HM_OK(fchmod(cmd.file_fd, 0444));
	self->owner = hm_create_raw(&cmd);
	hm_plug(self->owner, 0, SIZE);
	self->data = hm_open_node(self->name, O_RDWR);
	self->p = hm_map(self->owner, 0, SIZE, RW);
	self->vmm = hm_map(self->data, 0, SIZE, RW);
	prefer(MPOL_BIND, 0);
}

FIXTURE_TEARDOWN(policy)
{
	if (!self->owner)
		return;
	prefer(MPOL_DEFAULT, 0);
	hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
	close(self->owner);
	close(self->data);
	munmap(self->p, SIZE);
}

static int map_and_bind(void *name)
{
	int fd = hm_open_node(name, O_RDONLY);
	char *p = hm_map(fd, 0, SIZE, PROT_READ);

	bind_to_err(EPERM, p, SIZE, MPOL_BIND, 1);
	bind_to_err(EPERM, p, SIZE, MPOL_INTERLEAVE, 1);
	bind_to_err(EPERM, p + HM_BLOCK, 4096, MPOL_PREFERRED, 1);
	/* What VMMs call for good measure. */
	bind_to(p, SIZE, MPOL_DEFAULT, 0);
	return 0;
}

static int as_nobody(void *name)
{
	HM_OK(setresuid(65534, 65534, 65534));
	return map_and_bind(name);
}

TEST_F(policy, reader)
{
	EXPECT_EQ(0, hm_in_child(map_and_bind, self->name));
	EXPECT_EQ(0, hm_in_child(as_nobody, self->name));
	EXPECT_EQ(-1, policy_at(self->p));
	EXPECT_EQ(0, node_of(self->p));
	EXPECT_EQ(0, node_of(self->p + HM_BLOCK));
	/* Nor does it take away what another has set. */
	bind_to(self->vmm, SIZE, MPOL_BIND, 1);
	EXPECT_EQ(0, hm_in_child(map_and_bind, self->name));
	EXPECT_EQ(1, policy_at(self->p));
	EXPECT_EQ(1, node_of(self->p + 2 * HM_BLOCK));
}

/* It is the view that counts: QEMU binds before it allocates, libvirt maps twice. */
TEST_F(policy, writer)
{
	char *q = hm_map(self->data, 0, SIZE, PROT_READ);

	bind_to(q, HM_BLOCK, MPOL_BIND, 1);
	bind_to(self->vmm + HM_BLOCK, HM_BLOCK, MPOL_BIND, 1);
	EXPECT_EQ(1, node_of(self->vmm));
	EXPECT_EQ(1, node_of(self->p + HM_BLOCK));
	EXPECT_EQ(0, node_of(self->p + 2 * HM_BLOCK));
	bind_to(self->vmm, SIZE, MPOL_DEFAULT, 0);
	EXPECT_EQ(-1, policy_at(self->p + HM_BLOCK));
	munmap(q, SIZE);
	EXPECT_EQ(-1, policy_at(self->p));
}

TEST_F(policy, ends_with_the_mapping)
{
	bind_to(self->vmm, SIZE, MPOL_BIND, 1);
	EXPECT_EQ(1, policy_at(self->p));
	munmap(self->vmm, SIZE);
	EXPECT_EQ(-1, policy_at(self->p));
	EXPECT_EQ(0, node_of(self->p));
}

/* Which of the blocks have a policy, as bits. */
static unsigned int blocks_bound(char *p)
{
	unsigned int bits = 0;
	int i;

	for (i = 0; i < 8; i++)
		bits |= (policy_at(p + i * HM_BLOCK) == 1) << i;
	return bits;
}

TEST_F(policy, ends_in_pieces)
{
	bind_to(self->vmm, SIZE, MPOL_BIND, 1);
	munmap(self->vmm + 3 * HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(0xf7, blocks_bound(self->p));
	munmap(self->vmm, HM_BLOCK);
	EXPECT_EQ(0xf6, blocks_bound(self->p));
	/* Two VMAs and a hole. */
	munmap(self->vmm + 2 * HM_BLOCK, 4 * HM_BLOCK);
	EXPECT_EQ(0xc2, blocks_bound(self->p));
	/* Split by something else: still its own. */
	HM_OK(mprotect(self->vmm + 6 * HM_BLOCK, HM_BLOCK, PROT_READ));
	EXPECT_EQ(0xc2, blocks_bound(self->p));
	munmap(self->vmm + 6 * HM_BLOCK, 2 * HM_BLOCK);
	EXPECT_EQ(0x02, blocks_bound(self->p));
	/* What is mapped over is gone as well. */
	hm_map_flags(-1, 0, 4096, RW, MAP_PRIVATE | MAP_ANONYMOUS);
	HM_OK(mmap(self->vmm + HM_BLOCK, HM_BLOCK, RW, MAP_SHARED | MAP_FIXED, self->data,
		   HM_BLOCK));
	EXPECT_EQ(0, blocks_bound(self->p));
}

static int vmm_exits(void *name)
{
	char *p = hm_map(hm_open_node(name, O_RDWR), 0, SIZE, RW);

	bind_to(p, SIZE, MPOL_BIND, 1);
	return node_of(p);
}

static int vmm_dies(void *name)
{
	vmm_exits(name);
	raise(SIGKILL);
	return 0;
}

TEST_F(policy, ends_with_the_process)
{
	EXPECT_EQ(1, hm_in_child(vmm_exits, self->name));
	EXPECT_EQ(-1, policy_at(self->p));
	EXPECT_EQ(128 + SIGKILL, hm_in_child(vmm_dies, self->name));
	EXPECT_EQ(-1, policy_at(self->p));
	EXPECT_EQ(0, node_of(self->p + HM_BLOCK));
}

static int only_exits(void *vmm)
{
	/* Before exit(), in a part of it, too. */
	munmap((char *)vmm + HM_BLOCK, HM_BLOCK);
	return 0;
}

static int binds_the_same(void *vmm)
{
	bind_to((char *)vmm + HM_BLOCK, HM_BLOCK, MPOL_PREFERRED, 1);
	return 0;
}

TEST_F(policy, fork)
{
	bind_to(self->vmm, SIZE, MPOL_BIND, 1);
	EXPECT_EQ(0, hm_in_child(only_exits, self->vmm));
	EXPECT_EQ(0xff, blocks_bound(self->p));
	/* What the child has set itself was the parent's no more. */
	EXPECT_EQ(0, hm_in_child(binds_the_same, self->vmm));
	EXPECT_EQ(0xfd, blocks_bound(self->p));
	EXPECT_EQ(-1, policy_at(self->p + HM_BLOCK));
	munmap(self->vmm, SIZE);
	EXPECT_EQ(0, blocks_bound(self->p));
}

TEST_F(policy, the_last_one_holds)
{
	char *q = hm_map(hm_open_node(self->name, O_RDWR), 0, SIZE, RW);

	bind_to(self->vmm, SIZE, MPOL_BIND, 1);
	bind_to(q + 2 * HM_BLOCK, 2 * HM_BLOCK, MPOL_BIND, 1);
	munmap(self->vmm, SIZE);
	EXPECT_EQ(0x0c, blocks_bound(self->p));
	bind_to(self->p, SIZE, MPOL_BIND, 1);
	munmap(q, SIZE);
	EXPECT_EQ(0xff, blocks_bound(self->p));
	bind_to(self->p, SIZE, MPOL_DEFAULT, 0);
	EXPECT_EQ(0, blocks_bound(self->p));
}

TEST_F(policy, moved)
{
	char *q;

	bind_to(self->vmm, SIZE, MPOL_BIND, 1);
	q = HM_OK(mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	q = HM_OK(mremap(self->vmm, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, q));
	EXPECT_EQ(0, blocks_bound(self->p));
	munmap(q, SIZE);
	EXPECT_EQ(0, blocks_bound(self->p));
}

TEST_F(policy, revoked)
{
	bind_to(self->vmm, SIZE, MPOL_BIND, 1);
	hm_revoke(self->owner, hm_view_id(self->data));
	EXPECT_EQ(0, blocks_bound(self->p));
	bind_to_err(EPERM, self->vmm, SIZE, MPOL_BIND, 0);
	bind_to_err(EPERM, self->vmm + HM_BLOCK, HM_BLOCK, MPOL_PREFERRED, 1);
	EXPECT_EQ(-1, policy_at(self->p + HM_BLOCK));
	munmap(self->vmm, SIZE);
	EXPECT_EQ(0, node_of(self->p));
}

/* As the UAPI says: by the caller's own, once the VMM before has gone. */
TEST_F(policy, preallocate)
{
	EXPECT_EQ(1, hm_in_child(vmm_exits, self->name));
	hm_unplug(self->owner, 0, SIZE);
	hm_plug(self->owner, 0, SIZE);
	hm_preallocate(self->owner, 0, HM_BLOCK);
	prefer(MPOL_BIND, 1);
	hm_preallocate(self->owner, HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(0, node_of(self->p));
	EXPECT_EQ(1, node_of(self->p + HM_BLOCK));
	/* As long as a mapping has one it comes first. */
	bind_to(self->vmm, SIZE, MPOL_BIND, 0);
	hm_preallocate(self->owner, 2 * HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(0, node_of(self->p + 2 * HM_BLOCK));
}

/* An unmodified VMM with host-nodes=. */
TEST_F(policy, qemu)
{
	char command[512];

	if (system("command -v qemu-system-x86_64 >/dev/null"))
		SKIP(return, "no QEMU");
	snprintf(command, sizeof(command),
		 "echo quit | qemu-system-x86_64 -nodefaults -no-user-config -display none -S -machine pc,memory-backend=m -monitor stdio -m 16M -object memory-backend-file,id=m,mem-path=%s%s,size=16M,share=on,align=2M,prealloc=on,host-nodes=1,policy=bind 2>&1 >/dev/null | sed 's/^/# /'",
		 HM_DIR, self->name);
	EXPECT_EQ(0, system(command));
	EXPECT_EQ(1, node_of(self->p));
	EXPECT_EQ(1, node_of(self->p + SIZE - 4096));
	EXPECT_EQ(0, blocks_bound(self->p));
}

TEST_HARNESS_MAIN
