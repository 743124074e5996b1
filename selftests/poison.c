// SPDX-License-Identifier: GPL-2.0
/*
 * Bad memory under regions. Machine checks are injected, so that the kernel believes that it is
 * bad; what has been bad once stays so, since the emulated NVDIMMs have nothing to clear it with.
 * That is why each kind of region has an NVDIMM of its own, and each test a place of its own.
 */
#include <signal.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <libhostmem.h>

#include "dax.h"
#include "kvm.h"
#include "mce.h"

#ifndef BUS_MCEERR_AR
#define BUS_MCEERR_AR 4
#endif

#define BLOCKS 6
#define SIZE (BLOCKS * HM_BLOCK)
#define RW (PROT_READ | PROT_WRITE)

static const struct dax on_ext4 = {
	"ext4", "namespace1.0", "pmem1", "mkfs.ext4 -q -F -b 4096", "-o dax=always"
};

static const struct dax on_xfs = {
	"xfs", "namespace4.0", "pmem4", "mkfs.xfs --unsupported -q -f -d su=2m,sw=1", "-o dax=always"
};

/* A region of all of its backing, of which the blocks that are not bad are plugged. */
FIXTURE(poison) {
	char name[HM_NAME_MAX];
	char backing[300];
	int owner;
	char *p;
};

FIXTURE_VARIANT(poison) {
	const char *namespace;
	const char *make;	/* a command */
	const struct dax *fs;	/* or a file of it */
	bool large;		/* is mapped by 2 MiB only */
	bool tail;		/* has struct pages of ours */
	bool reserve;
	bool again;		/* what others do too: the debug kernel has no time for it */
};

FIXTURE_VARIANT_ADD(poison, tail) {
	.namespace = "namespace0.0",
	.make = "hostmemctl create-namespace -f -e namespace0.0 --reserve 16m --layout tail",
	.tail = true,
	.reserve = true,
};

FIXTURE_VARIANT_ADD(poison, ext4) {
	.namespace = "namespace1.0",
	.make = "ndctl create-namespace -f -e namespace1.0 --mode fsdax --map mem",
	.fs = &on_ext4,
};

FIXTURE_VARIANT_ADD(poison, head) {
	.namespace = "namespace2.0",
	.make = "hostmemctl create-namespace -f -e namespace2.0 --mode devdax --map mem --reserve 16m --layout head",
	.reserve = true,
	.again = true,
};

FIXTURE_VARIANT_ADD(poison, devdax) {
	.namespace = "namespace3.0",
	.make = "ndctl create-namespace -f -e namespace3.0 --mode devdax --map mem",
	.large = true,
	.again = true,
};

FIXTURE_VARIANT_ADD(poison, xfs) {
	.namespace = "namespace4.0",
	.make = "ndctl create-namespace -f -e namespace4.0 --mode fsdax --map mem",
	.fs = &on_xfs,
	.again = true,
};

/* What a program prints, up to the end of its first line. */
__attribute__((format(printf, 2, 3)))
static void output(char answer[256], const char *format, ...)
{
	char command[512];
	va_list args;
	FILE *pipe;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	pipe = popen(command, "re");
	HM_TRUE(pipe);
	if (!fgets(answer, 256, pipe))
		*answer = '\0';
	pclose(pipe);
	answer[strcspn(answer, "\n")] = '\0';
}

#define EXPECT_OUTPUT(_wanted, ...)					\
({									\
	char answer_[256];						\
									\
	output(answer_, __VA_ARGS__);					\
	EXPECT_STREQ(_wanted, answer_);					\
})

/* Of the region, by netlink. */
static struct hostmem_badblock *bad_of(const char *name, unsigned int *count)
{
	struct hostmem_badblock *bad = NULL;
	struct hostmem_region *region;
	struct hostmem_ctx *ctx;

	HM_TRUE(!hostmem_new(&ctx));
	region = hostmem_region_get_by_name(ctx, name);
	HM_TRUE(region && !hostmem_region_get_badblocks(region, &bad, count));
	hostmem_unref(ctx);
	return bad;
}

static bool is_bad(const char *name, __u64 offset, struct hostmem_badblock *out)
{
	struct hostmem_badblock *bad;
	unsigned int i, count;
	bool found = false;

	bad = bad_of(name, &count);
	for (i = 0; i < count; i++) {
		if (bad[i].start > offset || offset >= bad[i].start + bad[i].length)
			continue;
		*out = bad[i];
		found = true;
	}
	free(bad);
	return found;
}

/* Inject, and wait until the region knows. */
static void spoil(const char *name, char *p, __u64 offset, unsigned int order)
{
	struct hostmem_badblock bad;
	int i, fd;

	mce_inject(mce_spa(p + offset), order);
	for (i = 0; i < 600 && !is_bad(name, offset, &bad); i++)
		usleep(50000);
	HM_TRUE(i < 600);
	/* Listed when it is known. A call that plugs waits until nobody reaches it any more. */
	fd = hm_open(name);
	HM_TRUE(_hm_plug(fd, 0, HM_BLOCK) && (errno == EEXIST || errno == EHWPOISON));
	close(fd);
}

static sigjmp_buf env;
static volatile sig_atomic_t touching;
static siginfo_t caught;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	caught = *info;
	if (touching)
		siglongjmp(env, 1);
}

/* The code of the SIGBUS that touching a byte gets, 0: none. Its address is @p, in units. */
static int touch(char *p)
{
	volatile int code = 0;

	if (sigsetjmp(env, 1)) {
		code = caught.si_code;
		HM_TRUE((uintptr_t)caught.si_addr >> 12 == (uintptr_t)p >> 12);
	} else {
		touching = 1;
		*(volatile char *)p += 1;
	}
	touching = 0;
	return code;
}

static void make(const struct _fixture_variant_poison *variant, char backing[300])
{
	char path[128], dev[256];
	int fd;

	output(dev, "hostmemctl list -D | jq -r '.[]|select(.namespace == \"%s\" and .mode != \"raw\").dev'",
	       variant->namespace);
	if (!*dev) {
		hm_sh("%s", variant->make);
		output(dev, "hostmemctl list -D | jq -r '.[]|select(.namespace == \"%s\").dev'",
		       variant->namespace);
		if (variant->fs) {
			hm_sh("%s /dev/%s", variant->fs->mkfs, variant->fs->dev);
			dax_mount(variant->fs, variant->fs->mount);
			fd = dax_file(variant->fs, "region", path);
			HM_OK(fallocate(fd, 0, 0, SIZE));
			close(fd);
		}
	}
	if (variant->reserve)
		snprintf(backing, 300, "reserve:%s", variant->namespace);
	else if (variant->fs)
		snprintf(backing, 300, "file:%s/region", dax_dir(variant->fs));
	else
		snprintf(backing, 300, "file:/dev/%s", dev);
}

static void plug_good(int owner)
{
	__u64 at;

	for (at = 0; at < SIZE; at += HM_BLOCK)
		HM_TRUE(!_hm_plug(owner, at, HM_BLOCK) || errno == EHWPOISON);
}

FIXTURE_SETUP(poison)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	if (variant->again && dax_slow())
		SKIP(return, "done on the other kernels");
	make(variant, self->backing);
	hm_name(self->name);
	hm_sh("hostmemctl create-region %s --backing %s --size %llu --plug 0", self->name,
	      self->backing, (unsigned long long)SIZE);
	self->owner = hm_open(self->name);
	plug_good(self->owner);
	self->p = hm_map(self->owner, 0, SIZE, RW);
	HM_OK(sigaction(SIGBUS, &action, NULL));
}

FIXTURE_TEARDOWN(poison)
{
	munmap(self->p, SIZE);
	_hm_destroy(self->owner, HOSTMEM_DESTROY_FORCE);
	close(self->owner);
}

/* A page of a block goes bad while it is mapped. */
TEST_F(poison, mapped)
{
	__u64 at = HM_BLOCK + 3 * 4096;
	char *p = self->p, *bad = p + at;
	struct hostmem_badblock entry;
	char event[256];
	__u64 spa;
	int i;

	memset(p + HM_BLOCK, 1, HM_BLOCK);
	spa = mce_spa(bad);
	hm_sh("(exec hostmemctl -v monitor -r %s -n 1 -t 600 >/run/events 2>/run/log) &",
	      self->name);
	hm_sh("until grep -q listening /run/log; do sleep 0.1; done");
	spoil(self->name, p, at, 6);
	EXPECT_EQ(BUS_MCEERR_AR, touch(bad));
	EXPECT_EQ(BUS_MCEERR_AR, touch(bad + 4095));
	/* The other pages are good, unless there are only large ones. */
	for (i = 0; i < 512; i++)
		EXPECT_EQ(i == 3 || variant->large ? BUS_MCEERR_AR : 0,
			  touch(p + HM_BLOCK + i * 4096));
	EXPECT_EQ(0, touch(p + 2 * HM_BLOCK));
	EXPECT_EQ(0, touch(p));
	if (!variant->large)
		EXPECT_TRUE(hm_is_filled(bad + 4096 + 1, 1, 4095));
	HM_TRUE(is_bad(self->name, at, &entry));
	EXPECT_EQ(at, entry.start);
	EXPECT_EQ(512, entry.length);
	EXPECT_EQ(spa, entry.spa);
	EXPECT_EQ(variant->reserve, entry.recorded);
	EXPECT_LE((long long)time(NULL) - 600, (long long)entry.since);
	EXPECT_GE((long long)time(NULL), (long long)entry.since);
	for (i = 0; i < 600 && !system("test ! -s /run/events"); i++)
		usleep(50000);
	snprintf(event, sizeof(event), "[\"poisoned\",\"%s\",%llu,512]", self->name,
		 (unsigned long long)at);
	EXPECT_OUTPUT(event, "jq -c '[.event,.name,.start,.length]' /run/events");
}

/* Nor by system calls. */
TEST_F(poison, system_calls)
{
	char *p = self->p + 1024;
	int zero, file;

	zero = HM_OK(open("/dev/zero", O_RDONLY | O_CLOEXEC));
	file = HM_OK(open("/dev/shm", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
	spoil(self->name, self->p, 1024, 9);
	HM_ERR(EFAULT, write(file, p, 512));
	HM_ERR(EFAULT, read(zero, p, 512));
	EXPECT_EQ(BUS_MCEERR_AR, touch(self->p));
	close(zero);
	close(file);
}

/* A block with something bad is not plugged; resize passes over it. */
TEST_F(poison, plug)
{
	__u64 at = 2 * HM_BLOCK + (1 << 20);
	char text[256];

	spoil(self->name, self->p, at, 12);
	EXPECT_EQ(BUS_MCEERR_AR, touch(self->p + at));
	hm_unplug(self->owner, 2 * HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(BUS_ADRERR, touch(self->p + at));
	hm_plug_err(EHWPOISON, self->owner, 2 * HM_BLOCK, HM_BLOCK);
	hm_plug_err(EHWPOISON, self->owner, 2 * HM_BLOCK, HM_BLOCK);
	EXPECT_EQ(BUS_ADRERR, touch(self->p + at));
	EXPECT_OUTPUT("1", "hostmemctl plug %s 4m 2m 2>&1 | grep -c 'region %s.*is bad.*hostmemctl list'",
		      self->name, self->name);
	output(text, "hostmemctl list -r %s | jq -c '.[0].badblocks|map(select(.offset == %llu))[0]|[.length,.spa > 0,.since > 0,.recorded]'",
	       self->name, (unsigned long long)at);
	EXPECT_STREQ(variant->reserve ? "[4096,true,true,true]" : "[4096,true,true,false]", text);
	/* Nobody but root is told addresses. */
	EXPECT_OUTPUT("[null]", "setpriv --reuid 65534 --clear-groups hostmemctl list -r %s | jq -c '.[0].badblocks|map(.spa)|unique'",
		      self->name);
}

/* What is bad when the region is created is so from the beginning. */
TEST_F(poison, created)
{
	__u64 at = 3 * HM_BLOCK + 4096;
	struct hostmem_badblock entry;
	char text[256];

	spoil(self->name, self->p, at, 6);
	HM_OK(munmap(self->p, SIZE));
	hm_destroy(self->owner, 0);
	close(self->owner);
	EXPECT_OUTPUT("1", "hostmemctl create-region %s --backing %s --size %llu 2>&1 | grep -c 'region %s.*is bad'",
		      self->name, self->backing, (unsigned long long)SIZE, self->name);
	hm_sh("hostmemctl create-region %s --backing %s --size %llu --plug 0", self->name,
	      self->backing, (unsigned long long)SIZE);
	EXPECT_TRUE(is_bad(self->name, at, &entry));
	self->owner = hm_open(self->name);
	self->p = hm_map(self->owner, 0, SIZE, RW);
	hm_plug_err(EHWPOISON, self->owner, 0, SIZE);
	hm_sh("hostmemctl resize %s --plug 4m", self->name);
	output(text, "hostmemctl list -S -r %s | jq -c '[.[0].plugged,(.[0].slots|map(.start,.length))]'",
	       self->name);
	EXPECT_EQ('[', *text);
	EXPECT_EQ(0, touch(self->p + 4 * HM_BLOCK));
	hm_sh("! hostmemctl resize %s --plug %llu", self->name, (unsigned long long)SIZE);
}

#define GPA 0x40000000ULL

/* *edi = al; out(1) */
static const __u8 touch_byte[] = { 0x88, 0x07, 0xe6, 0x01 };

static int vm_touch(struct hm_kvm *k, __u64 offset)
{
	hm_kvm_set(k, (struct kvm_regs) { .rdi = GPA + offset, .rax = 1 });
	return hm_kvm_run(k);
}

/* A vCPU's thread gets the signal, with the address in its own process. */
TEST_F(poison, vm)
{
	__u64 at = 5 * HM_BLOCK + 7 * 4096;
	struct hm_kvm k;

	if (!hm_kvm_available())
		SKIP(return, "no KVM");
	k = hm_kvm_new();
	hm_kvm_boot(&k, touch_byte, sizeof(touch_byte));
	hm_kvm_slot(&k, 1, GPA, SIZE, self->p);
	EXPECT_EQ(1, vm_touch(&k, at));
	spoil(self->name, self->p, at, 6);
	memset(&caught, 0, sizeof(caught));
	EXPECT_EQ(-1, vm_touch(&k, at));
	EXPECT_EQ(BUS_MCEERR_AR, caught.si_code);
	EXPECT_EQ((uintptr_t)(self->p + at), (uintptr_t)caught.si_addr & ~4095UL);
	EXPECT_EQ(variant->large ? -1 : 1, vm_touch(&k, at + 4096));
	EXPECT_EQ(1, vm_touch(&k, 4 * HM_BLOCK));
	hm_kvm_free(&k);
}

/* The kernel's own handling of a memory error comes to us where the pages are ours. */
TEST_F(poison, memory_failure)
{
	__u64 at = 4 * HM_BLOCK + 9 * 4096;
	struct hostmem_badblock entry;
	char *q;

	if (!variant->tail)
		SKIP(return, "not our pages");
	q = hm_map(self->owner, 0, SIZE, RW);
	EXPECT_EQ(0, touch(self->p + at));
	EXPECT_EQ(0, touch(q + at));
	HM_OK(madvise(self->p + at, 4096, MADV_HWPOISON));
	EXPECT_EQ(BUS_MCEERR_AR, touch(self->p + at));
	EXPECT_EQ(BUS_MCEERR_AR, touch(q + at));
	EXPECT_EQ(0, touch(q + at + 4096));
	HM_TRUE(is_bad(self->name, at, &entry));
	EXPECT_EQ(at, entry.start);
	EXPECT_EQ(4096, entry.length);
	HM_OK(munmap(q, SIZE));
}

static void unmount(void)
{
	dax_umount(&on_ext4);
	dax_umount(&on_xfs);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (access(dax_slow() ? "/sys/bus/nd/devices/region1" : "/sys/bus/nd/devices/region4",
		   F_OK)) {
		printf("1..0 # SKIP needs five NVDIMMs, the debug kernel two\n");
		return KSFT_SKIP;
	}
	if (!mce_available()) {
		printf("1..0 # SKIP needs mce-inject\n");
		return KSFT_SKIP;
	}
	atexit(unmount);
	return test_harness_run(argc, argv);
}
