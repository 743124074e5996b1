// SPDX-License-Identifier: GPL-2.0
/*
 * removal [ROUNDS]: a pmem device goes away, again and again, under what uses it: regions of its
 * reserve and of its /dev/dax, to which two processes and a vCPU write in a loop, and a lease.
 * Without ROUNDS: HOSTMEM_REMOVALS, or 10.
 *
 * When the device has been unbound each of them has to come to its end, by SIGBUS or EFAULT, and
 * the memory must not change any more: where there is /dev/mem its checksum is taken right then,
 * and again later.
 *
 * The last close of the device, which frees it, is tried with an interruption at every step.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "kvm.h"

#define GPA 0x40000000ULL
#define RW (PROT_READ | PROT_WRITE)

enum { PROCESS, VMM, VCPU, NR_WRITERS };

struct shared {
	_Atomic unsigned long writes[NR_WRITERS];
	_Atomic int ended[NR_WRITERS];
	_Atomic bool unbound;		/* unbind has returned */
};

static struct shared *shared;

struct round {
	int fd[NR_REGIONS];
	int lease;
	pid_t pid[2];
};

/* for (;;) { for (ecx = 16; ecx--; edi += 4096) *edi = al++; out(1) } */
static const __u8 vcpu_code[] = {
	0x88, 0x07, 0x40, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, 0x49, 0x75, 0xf4, 0xe6, 0x01,
};

static void writer_ends(int who)
{
	shared->ended[who] = 1;
}

/*
 * Write to both regions until both are gone, a little different every time. Before the unbind
 * returns a page may still be entered for who was in time, and written to by who was not.
 */
static void write_all(int who, char *const p[])
{
	unsigned long n, faults[NR_REGIONS] = { 0 };

	for (n = 0; !faults[RESERVED] || !faults[DEVICE]; n++) {
		int i = n % NR_REGIONS;
		bool unbound = shared->unbound;

		if (hm_write_faults(p[i] + n * 4096 % SIZE, n))
			faults[i] += unbound;
		else
			HM_TRUE(!unbound);
		shared->writes[who] = n;
	}
	writer_ends(who);
}

static void map_all(const struct round *round, char *p[])
{
	int i;

	for (i = 0; i < NR_REGIONS; i++)
		p[i] = hm_map(round->fd[i], 0, SIZE, RW);
}

static void run_process(const struct round *round)
{
	char *p[NR_REGIONS];

	map_all(round, p);
	write_all(PROCESS, p);
}

static void run_vcpu(struct hm_kvm *k)
{
	unsigned long n;

	for (n = 0;; n++) {
		hm_kvm_set(k, (struct kvm_regs) {
			.rdi = GPA + n * 65536 % (NR_REGIONS * SIZE), .rcx = 16, .rax = n,
		});
		if (hm_kvm_run(k) < 0)
			break;
		shared->writes[VCPU] = n;
	}
	HM_TRUE(errno == EFAULT);
	writer_ends(VCPU);
}

static void *run_vcpu_thread(void *arg)
{
	run_vcpu(arg);
	return NULL;
}

static void run_vmm(const struct round *round)
{
	char *p[NR_REGIONS];
	pthread_t thread;
	struct hm_kvm k;
	int i;

	map_all(round, p);
	if (!hm_kvm_available()) {
		writer_ends(VCPU);
		write_all(VMM, p);
		return;
	}
	k = hm_kvm_new();
	hm_kvm_boot(&k, vcpu_code, sizeof(vcpu_code));
	for (i = 0; i < NR_REGIONS; i++)
		hm_kvm_slot(&k, 1 + i, GPA + i * SIZE, SIZE, p[i]);
	HM_TRUE(!pthread_create(&thread, NULL, run_vcpu_thread, &k));
	write_all(VMM, p);
	pthread_join(thread, NULL);
}

static int lease_take(const struct device *device, int dax)
{
	struct hostmem_extent_list list;
	int lease;

	HM_TRUE(!hostmem_extents_get(device->ctx, dax, &lease, &list));
	free(list.extents);
	return lease;
}

static void round_begin(struct device *device, struct round *round)
{
	int dax = HM_OK(open("/dev/dax0.0", O_RDWR | O_CLOEXEC));
	char *nameless[NR_REGIONS] = {};
	int i;

	device_regions(device, nameless, round->fd);
	round->lease = lease_take(device, dax);
	close(dax);
	memset(shared, 0, sizeof(*shared));
	for (i = 0; i < 2; i++) {
		round->pid[i] = HM_OK(fork());
		if (round->pid[i])
			continue;
		(i ? run_vmm : run_process)(round);
		_exit(0);
	}
}

/* All of them write. */
static void round_wait(void)
{
	int who;

	for (who = 0; who < NR_WRITERS; who++) {
		while (shared->writes[who] < 100 && !shared->ended[who])
			sched_yield();
	}
}

/*
 * A process that is stopped, and when it runs leaves the processor to an idle one for some ten
 * microseconds at a time: after each of them whatever waits for RCU is freed. It has to be there
 * before the files are that are to be closed.
 */
static pid_t slicer_start(void)
{
	pid_t pid = HM_OK(fork());
	double start;

	if (pid)
		return pid;
	HM_OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	raise(SIGSTOP);
	for (;;) {
		usleep(20);
		start = hm_now();
		while (hm_now() < start + 120)
			;
	}
}

static void close_in_slices(int fd, pid_t slicer)
{
	struct sched_param priority = { .sched_priority = 0 };

	HM_OK(kill(slicer, SIGCONT));
	HM_OK(sched_setscheduler(0, SCHED_IDLE, &priority));
	close(fd);
	HM_OK(sched_setscheduler(0, SCHED_OTHER, &priority));
	HM_OK(kill(slicer, SIGSTOP));
}

/* The last close is that of a region or that of a lease. */
static void last_close(const struct device *device, bool leased, pid_t slicer)
{
	int dax = HM_OK(open("/dev/dax0.0", O_RDWR | O_CLOEXEC));
	int fd = leased ? lease_take(device, dax) :
			  reserve_region(DEVICE_BACKING, NULL, SIZE);

	close(dax);
	device_write(device, "unbind");
	close_in_slices(fd, slicer);
	device_write(device, "bind");
}

static void round_end(struct device *device, struct round *round)
{
	struct pollfd poll_lease = { .fd = round->lease };
	struct hostmem_region_info info;
	__u64 sum = checksum(device);
	int i;

	HM_TRUE(poll(&poll_lease, 1, 0) == 1);
	HM_TRUE(poll_lease.revents == (POLLHUP | POLLERR));
	HM_TRUE(!reserve_find(device->ctx, NAMESPACE));
	for (i = 0; i < 2; i++)
		HM_TRUE(!hm_wait(round->pid[i]));
	for (i = 0; i < NR_WRITERS; i++)
		HM_TRUE(shared->ended[i]);
	for (i = 0; i < NR_REGIONS; i++) {
		hm_info_err(ENODEV, round->fd[i], &info);
		hm_plug_err(ENODEV, round->fd[i], 0, HM_BLOCK);
		hm_map_err(ENODEV, round->fd[i], 0, HM_BLOCK, RW);
		close(round->fd[i]);
	}
	close(round->lease);
	HM_TRUE(checksum(device) == sum);
}

int main(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : getenv("HOSTMEM_REMOVALS");
	unsigned int i, rounds = wanted ? atoi(wanted) : 10;
	struct device device = { .ctx = NULL };
	unsigned long writes[NR_WRITERS] = { 0 };
	struct round round;
	int who, fds, log;
	pid_t slicer;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (access("/sys/bus/nd/devices/region0", F_OK)) {
		printf("1..0 # SKIP needs an NVDIMM\n");
		return 4;
	}
	printf("TAP version 13\n1..3\n");
	device_make(&device);
	slicer = slicer_start();
	shared = hm_map_flags(-1, 0, sizeof(*shared), RW, MAP_SHARED | MAP_ANONYMOUS);
	log = hm_log_open();
	fds = 0;
	for (i = 0; i < rounds; i++) {
		round_begin(&device, &round);
		round_wait();
		device_write(&device, "unbind");
		shared->unbound = true;
		round_end(&device, &round);
		for (who = 0; who < NR_WRITERS; who++)
			writes[who] += shared->writes[who];
		device_write(&device, "bind");
		/* From the second round on the library has all that it opens. */
		if (i)
			HM_TRUE(fds == hm_count_fds());
		fds = hm_count_fds();
		if (i % 100 == 99)
			printf("# %u rounds\n", i + 1);
	}
	printf("ok 1 %u removals%s\n", rounds, access("/dev/mem", F_OK) ? "" : " with checksums");
	printf("# under %lu writes of a process, %lu of a VMM, %lu of its vCPU\n",
	       writes[PROCESS], writes[VMM], writes[VCPU]);
	for (i = 0; i < 4; i++)
		last_close(&device, i % 2, slicer);
	printf("ok 2 last closes of regions and leases\n");
	printf("%s 3 the kernel has nothing to complain about\n",
	       hm_log_quiet(log) ? "ok" : "not ok");
	hostmem_unref(device.ctx);
	HM_OK(kill(slicer, SIGKILL));
	return 0;
}
