// SPDX-License-Identifier: GPL-2.0
/*
 * What hostmem costs, beside what one would use without it, in one run of one guest. Ours and
 * the rival take turns; each pair gives a ratio, and the table has their median and spread.
 * An emulated processor tells little about a real one: times mean something as ratios only.
 * With -i the guest's clock counts instructions, which leaves out how long one takes: what
 * barriers cost, and where the emulator finds code and pages; what is left is exact.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dax.h"
#include "kvm.h"
#include "lib.h"

#define MIB 0x100000ULL
#define GIB (1024 * MIB)
#define MAX_ROUNDS 64
#define MAX_VALUES 3
#define HUGE_DIR "/dev/shm/hostmem-bench-huge"
#define BASE_DIR "/dev/shm/hostmem-bench-base"

/* Measures one turn and writes a number for each row that it is about. */
typedef void (*turn_fn)(double *values);

struct row {
	const char *what;
	const char *unit;
	const char *promised;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* 1/800 reads better than 0.00125. */
static const char *ratio_text(double ratio, char *text, size_t size)
{
	if (ratio > 0 && ratio < 0.5)
		snprintf(text, size, "1/%.*f", ratio < 0.05 ? 0 : 1, 1 / ratio);
	else
		snprintf(text, size, "%.3f", ratio);
	return text;
}

/* Whether a ms is a million instructions. */
static bool counted;

/* Per round: what ours and the rival took, and the ratio. */
struct results {
	double ours[MAX_ROUNDS];
	double rival[MAX_ROUNDS];
	double ratio[MAX_ROUNDS];
};

static void print_row(const struct row *row, struct results *r, int rounds)
{
	const char *unit = counted ? "M instr." : row->unit;
	char mid[32], low[32], high[32], a[32], b[32];

	ratio_text(median(r->ratio, rounds), mid, sizeof(mid));
	ratio_text(r->ratio[0], low, sizeof(low));
	ratio_text(r->ratio[rounds - 1], high, sizeof(high));
	snprintf(a, sizeof(a), "%.4g %s", median(r->ours, rounds), unit);
	snprintf(b, sizeof(b), "%.4g %s", median(r->rival, rounds), unit);
	printf("%-62s | %14s | %14s | %8s | %8s .. %-8s | %s\n", row->what, a, b, mid, low, high,
	       row->promised);
	fflush(stdout);
}

static void pair(turn_fn ours, turn_fn rival, struct results *results, int nr, int i)
{
	double a[MAX_VALUES], b[MAX_VALUES];
	int v;

	/* Who goes first may have it easier. */
	if (i % 2)
		rival(b);
	ours(a);
	if (!(i % 2))
		rival(b);
	for (v = 0; v < nr; v++) {
		results[v].ours[i] = a[v];
		results[v].rival[i] = b[v];
		results[v].ratio[i] = b[v] ? a[v] / b[v] : 0;
	}
}

static void compete(const struct row *rows, int nr, int rounds, turn_fn ours, turn_fn rival)
{
	struct results results[MAX_VALUES];
	int i;

	for (i = 0; i < rounds; i++)
		pair(ours, rival, results, nr, i);
	for (i = 0; i < nr; i++)
		print_row(&rows[i], &results[i], rounds);
}

/* The same for turns that are short: a round is the median of many pairs. */
static void compete_short(const struct row *row, int rounds, int pairs, turn_fn ours,
			  turn_fn rival)
{
	struct results results, round;
	int i, p;

	for (i = 0; i < rounds; i++) {
		for (p = 0; p < pairs; p++)
			pair(ours, rival, &round, 1, p);
		results.ours[i] = median(round.ours, pairs);
		results.rival[i] = median(round.rival, pairs);
		results.ratio[i] = median(round.ratio, pairs);
	}
	print_row(row, &results, rounds);
}

/* What KVM pays for slots */

#define BIG (1000 * GIB)
/* Small amounts are measured many at once, or they vanish in what the slab has at hand. */
#define VMS 16

/* KiB of kernel memory that KVM's allocations can come from. */
static double kernel_memory(void)
{
	char buf[64];

	/* Makes the kernel add up what each processor has counted. */
	hm_read_file("/proc/sys/vm/stat_refresh", buf, sizeof(buf));
	return (hm_meminfo("Slab") + hm_meminfo("VmallocUsed") + hm_meminfo("PageTables") +
		hm_meminfo("Percpu")) / 1024.0;
}

static void set_slots(struct hm_kvm *k, const struct hostmem_slot *slots, __u32 count, char *addr)
{
	__u32 i;

	for (i = 0; i < count; i++)
		hm_kvm_slot(k, i + 1, slots[i].start, slots[i].length, addr + slots[i].start);
}

static void slots_ours(double *values)
{
	struct hm_kvm k[VMS];
	struct hostmem_slot slots[4];
	__u32 count = HM_ARRAY_SIZE(slots);
	double start, memory;
	char *addr;
	int fd, i;

	for (i = 0; i < VMS; i++)
		k[i] = hm_kvm_new();

	start = hm_now();
	fd = hm_create(BIG);
	hm_plug(fd, 0, GIB);
	addr = hm_map(fd, 0, BIG, PROT_READ | PROT_WRITE);
	hm_slots(fd, GIB, slots, &count);
	set_slots(&k[0], slots, count, addr);
	values[2] = hm_now() - start;

	memory = kernel_memory();
	start = hm_now();
	for (i = 1; i < VMS; i++)
		set_slots(&k[i], slots, count, addr);
	values[1] = (hm_now() - start) / (VMS - 1);
	values[0] = (kernel_memory() - memory) / (VMS - 1);

	for (i = 0; i < VMS; i++)
		hm_kvm_free(&k[i]);
	HM_OK(munmap(addr, BIG));
	close(fd);
}

static void slots_rival(double *values)
{
	struct hm_kvm k = hm_kvm_new();
	double memory, start, slot;
	char *addr;
	int fd;

	memory = kernel_memory();
	start = hm_now();
	fd = HM_OK(memfd_create("rival", MFD_CLOEXEC));
	HM_OK(ftruncate(fd, BIG));
	addr = hm_map_flags(fd, 0, BIG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE);
	slot = hm_now();
	hm_kvm_slot(&k, 1, 0, BIG, addr);
	values[1] = hm_now() - slot;
	values[2] = hm_now() - start;
	values[0] = kernel_memory() - memory;
	hm_kvm_free(&k);
	HM_OK(munmap(addr, BIG));
	close(fd);
}

static void bench_slots(void)
{
	static const struct row rows[] = {
		{ "KVM metadata: 1000 GiB, 1 GiB plugged : one memslot", "KiB",
		  "6.1: 1/800, 6.12: 1/30" },
		{ "KVM slots: 1000 GiB, 1 GiB plugged : one memslot", "ms", "6.1: 1/500" },
		{ "create, plug, map and slots of it : memfd and one memslot", "ms", "" },
	};

	compete(rows, 3, 7, slots_ours, slots_rival);
}

/* How KVM maps the memory */

#define SHARE_SIZE (256 * MIB)
#define SHARE_GPA 0x40000000U

/* Reads all pages of eax..ebx. */
extern const char share_code[], share_code_end[];
asm(".pushsection .rodata\n"
	".code32\n"
	"share_code:\n"
	"1:	mov %eax, (%eax)\n"
	"	add $4096, %eax\n"
	"	cmp %ebx, %eax\n"
	"	jb 1b\n"
	"	out %al, $1\n"
	"share_code_end:\n"
	".code64\n"
	".popsection\n");

/* Percent of @size bytes at @addr that KVM has mapped by 2 MiB after a vCPU wrote to all. */
static double share_of(char *addr, __u64 size)
{
	struct hm_kvm k = hm_kvm_new();
	char path[128], text[32];

	hm_kvm_boot(&k, share_code, share_code_end - share_code);
	hm_kvm_slot(&k, 1, SHARE_GPA, size, addr);
	hm_kvm_set(&k, (struct kvm_regs) { .rax = SHARE_GPA, .rbx = SHARE_GPA + size });
	HM_TRUE(hm_kvm_run(&k) == 1);
	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/pages_2m", getpid(), k.vm);
	HM_OK(hm_read_file(path, text, sizeof(text)));
	hm_kvm_free(&k);
	return atof(text) * (2 * MIB) / size * 100;
}

static void share_ours(double *values)
{
	int fd = hm_create(SHARE_SIZE);
	char *addr;

	hm_plug(fd, 0, SHARE_SIZE);
	addr = hm_map(fd, 0, SHARE_SIZE, PROT_READ | PROT_WRITE);
	values[0] = share_of(addr, SHARE_SIZE);
	HM_OK(munmap(addr, SHARE_SIZE));
	close(fd);
}

static void share_rival(double *values)
{
	int fd = HM_OK(memfd_create("rival", MFD_CLOEXEC));
	char *addr;

	HM_OK(ftruncate(fd, SHARE_SIZE));
	addr = hm_map(fd, 0, SHARE_SIZE, PROT_READ | PROT_WRITE);
	values[0] = share_of(addr, SHARE_SIZE);
	HM_OK(munmap(addr, SHARE_SIZE));
	close(fd);
}

static void bench_share(void)
{
	static const struct row row = {
		"share of RAM that KVM maps by 2 MiB: region : memfd", "%", "100 % : 0 %",
	};

	compete(&row, 1, 3, share_ours, share_rival);
}

/* Preallocation */

struct prealloc {
	pthread_t thread;
	int fd;
	char *addr;
	__u64 start;
	__u64 length;
};

static void *prealloc_region(void *arg)
{
	struct prealloc *p = arg;

	hm_preallocate(p->fd, p->start, p->length);
	return NULL;
}

static void *prealloc_memfd(void *arg)
{
	struct prealloc *p = arg;

	HM_OK(madvise(p->addr + p->start, p->length, MADV_POPULATE_WRITE));
	return NULL;
}

static double prealloc(int fd, char *addr, int threads, void *(*fn)(void *))
{
	struct prealloc p[2];
	double start = hm_now();
	int i;

	for (i = 0; i < threads; i++) {
		p[i] = (struct prealloc) {
			.fd = fd, .addr = addr, .start = i * GIB / threads, .length = GIB / threads,
		};
		HM_TRUE(!pthread_create(&p[i].thread, NULL, fn, &p[i]));
	}
	for (i = 0; i < threads; i++)
		pthread_join(p[i].thread, NULL);
	return hm_now() - start;
}

static double prealloc_ours(int threads)
{
	int fd = hm_create(GIB);
	double ms;

	hm_plug(fd, 0, GIB);
	ms = prealloc(fd, NULL, threads, prealloc_region);
	close(fd);
	return ms;
}

static void prealloc_ours1(double *values)
{
	values[0] = prealloc_ours(1);
}

static void prealloc_ours2(double *values)
{
	values[0] = prealloc_ours(2);
}

static void prealloc_rival(double *values)
{
	int fd = HM_OK(memfd_create("rival", MFD_CLOEXEC));
	char *addr;

	HM_OK(ftruncate(fd, GIB));
	addr = hm_map(fd, 0, GIB, PROT_READ | PROT_WRITE);
	values[0] = prealloc(fd, addr, 2, prealloc_memfd);
	HM_OK(munmap(addr, GIB));
	close(fd);
}

static void bench_prealloc(void)
{
	static const struct row rows[] = {
		{ "preallocate 1 GiB, 2 threads : memfd, POPULATE_WRITE, 2 threads", "ms",
		  "1/5" },
		{ "preallocate 1 GiB, 2 threads : ours, 1 thread", "ms", "1/1.8" },
	};

	compete(&rows[0], 1, 5, prealloc_ours2, prealloc_rival);
	compete(&rows[1], 1, 9, prealloc_ours2, prealloc_ours1);
}

/* Faults: short turns in quick succession, so that few of them are disturbed from outside. */

#define FAULT_SIZE (512 * MIB)

/* Ours [0] and the rival [1]. */
static struct {
	int fd[2];
	char *addr[2];
	size_t step;
	size_t first;
	size_t again;
} faults;

static double touch_all(char *addr, size_t size, size_t step)
{
	double start = hm_now();
	size_t i;

	for (i = 0; i < size; i += step)
		((volatile char *)addr)[i] = 1;
	return hm_now() - start;
}

static void first_ours(double *values)
{
	hm_plug(faults.fd[0], 0, FAULT_SIZE);
	values[0] = touch_all(faults.addr[0], faults.first, faults.step);
	hm_unplug(faults.fd[0], 0, FAULT_SIZE);
}

static void first_rival(double *values)
{
	values[0] = touch_all(faults.addr[1], faults.first, faults.step);
	HM_OK(fallocate(faults.fd[1], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, FAULT_SIZE));
}

static double refault(char *addr)
{
	HM_OK(madvise(addr, faults.again, MADV_DONTNEED));
	return touch_all(addr, faults.again, faults.step);
}

static void refault_ours(double *values)
{
	values[0] = refault(faults.addr[0]);
}

static void refault_rival(double *values)
{
	values[0] = refault(faults.addr[1]);
}

/* A file as the module makes one, on a tmpfs of its own. */
static int tmpfs_file(const char *dir, const char *huge, __u64 size)
{
	char option[64];
	int fd;

	HM_TRUE(!mkdir(dir, 0700) || errno == EEXIST);
	snprintf(option, sizeof(option), "huge=%s,size=0", huge);
	HM_OK(mount("tmpfs", dir, "tmpfs", 0, option));
	fd = HM_OK(open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	HM_OK(ftruncate(fd, size));
	return fd;
}

static void tmpfs_gone(const char *dir, int fd)
{
	close(fd);
	HM_OK(umount(dir));
	HM_OK(rmdir(dir));
}

static void bench_faults_of(const struct row *rows, const char *dir, const char *huge)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, FAULT_SIZE);

	cmd.huge = faults.step == PAGE ? HOSTMEM_HUGE_NEVER : HOSTMEM_HUGE_ALWAYS;
	faults.fd[0] = hm_create_raw(&cmd);
	faults.fd[1] = tmpfs_file(dir, huge, FAULT_SIZE);
	faults.addr[0] = hm_map(faults.fd[0], 0, FAULT_SIZE, PROT_READ | PROT_WRITE);
	faults.addr[1] = hm_map(faults.fd[1], 0, FAULT_SIZE, PROT_READ | PROT_WRITE);

	compete_short(&rows[0], 7, 21, first_ours, first_rival);
	hm_plug(faults.fd[0], 0, FAULT_SIZE);
	touch_all(faults.addr[0], faults.again, faults.step);
	touch_all(faults.addr[1], faults.again, faults.step);
	compete_short(&rows[1], 7, 61, refault_ours, refault_rival);

	HM_OK(munmap(faults.addr[0], FAULT_SIZE));
	HM_OK(munmap(faults.addr[1], FAULT_SIZE));
	close(faults.fd[0]);
	tmpfs_gone(dir, faults.fd[1]);
}

static void bench_faults(void)
{
	static const struct row huge[] = {
		{ "first touch, 2 MiB pages : tmpfs huge=always", "ms", "1.03" },
		{ "refault, 2 MiB pages : tmpfs huge=always", "ms", "1.03" },
	};
	static const struct row base[] = {
		{ "first touch, 4 KiB pages : tmpfs huge=never", "ms", "1.03" },
		{ "refault (write), 4 KiB pages : tmpfs huge=never", "ms", "1.03" },
	};

	faults.step = 2 * MIB;
	faults.first = 8 * MIB;
	faults.again = FAULT_SIZE;
	bench_faults_of(huge, HUGE_DIR, "always");
	faults.step = PAGE;
	faults.first = MIB;
	faults.again = MIB;
	bench_faults_of(base, BASE_DIR, "never");
}

/* Unplug */

/* Touch all of a mapping in this process and in a child, which stays until @gate closes. */
static pid_t touch_twice(char *addr, int gate[2])
{
	int ready[2];
	pid_t pid;
	char c;

	HM_OK(pipe(gate));
	HM_OK(pipe(ready));
	touch_all(addr, GIB, PAGE);
	fflush(stdout);
	pid = HM_OK(fork());
	if (!pid) {
		close(gate[1]);
		touch_all(addr, GIB, PAGE);
		HM_TRUE(write(ready[1], "", 1) == 1);
		_exit(read(gate[0], &c, 1) != 0);
	}
	HM_TRUE(read(ready[0], &c, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void touch_end(pid_t pid, int gate[2])
{
	close(gate[0]);
	close(gate[1]);
	HM_TRUE(!hm_wait(pid));
}

static void unplug_ours(double *values)
{
	int fd = hm_create(GIB), gate[2];
	double start;
	char *addr;
	pid_t pid;

	hm_plug(fd, 0, GIB);
	addr = hm_map(fd, 0, GIB, PROT_READ | PROT_WRITE);
	pid = touch_twice(addr, gate);
	start = hm_now();
	hm_unplug(fd, 0, GIB);
	values[0] = hm_now() - start;
	touch_end(pid, gate);
	HM_OK(munmap(addr, GIB));
	close(fd);
}

static double punch(int fd)
{
	char *addr = hm_map(fd, 0, GIB, PROT_READ | PROT_WRITE);
	double start, ms;
	int gate[2];
	pid_t pid;

	pid = touch_twice(addr, gate);
	start = hm_now();
	HM_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, GIB));
	ms = hm_now() - start;
	touch_end(pid, gate);
	HM_OK(munmap(addr, GIB));
	return ms;
}

static void unplug_huge(double *values)
{
	int fd = tmpfs_file(HUGE_DIR, "always", GIB);

	values[0] = punch(fd);
	tmpfs_gone(HUGE_DIR, fd);
}

static void unplug_memfd(double *values)
{
	int fd = HM_OK(memfd_create("rival", MFD_CLOEXEC));

	HM_OK(ftruncate(fd, GIB));
	values[0] = punch(fd);
	close(fd);
}

static void bench_unplug(void)
{
	static const struct row rows[] = {
		{ "unplug 1 GiB, mapped twice : punch, 2 MiB pages", "ms", "1.5" },
		{ "unplug 1 GiB, mapped twice : punch, default memfd", "ms", "1/20" },
	};

	compete(&rows[0], 1, 9, unplug_ours, unplug_huge);
	compete(&rows[1], 1, 5, unplug_ours, unplug_memfd);
}

/* Files, as a VMM makes them, and as a balloon frees what is in them */

static void punch_ours(double *values)
{
	int fd = HM_OK(open(HM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));

	HM_OK(ftruncate(fd, GIB));
	values[0] = punch(fd);
	close(fd);
}

static double make_file(const char *path)
{
	double start = hm_now();
	int fd = HM_OK(open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
	char *addr;

	HM_OK(ftruncate(fd, GIB));
	addr = hm_map(fd, 0, GIB, PROT_READ | PROT_WRITE);
	HM_OK(unlink(path));
	HM_OK(munmap(addr, GIB));
	close(fd);
	return hm_now() - start;
}

static void file_ours(double *values)
{
	values[0] = make_file(HM_DIR "bench");
}

static void file_rival(double *values)
{
	values[0] = make_file(HUGE_DIR "/bench");
}

/* Of ours, and of the rival. */
static int read_fd[2];

static double read_all(int fd)
{
	static char buf[MIB];
	double start = hm_now();
	__u64 pos;

	for (pos = 0; pos < GIB; pos += MIB)
		HM_TRUE(pread(fd, buf, MIB, pos) == (ssize_t)MIB);
	return hm_now() - start;
}

static void read_ours(double *values)
{
	values[0] = read_all(read_fd[0]);
}

static void read_rival(double *values)
{
	values[0] = read_all(read_fd[1]);
}

static void bench_files(void)
{
	static const struct row rows[] = {
		{ "punch 1 GiB, mapped twice : tmpfs huge=always", "ms", "1.1" },
		{ "create, ftruncate, mmap, unlink : tmpfs", "ms", "1.5" },
		{ "read 1 GiB : tmpfs huge=always", "ms", "1.1" },
	};
	int i;

	compete(&rows[0], 1, 9, punch_ours, unplug_huge);
	read_fd[0] = HM_OK(open(HM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	HM_OK(ftruncate(read_fd[0], GIB));
	read_fd[1] = tmpfs_file(HUGE_DIR, "always", GIB);
	compete_short(&rows[1], 7, 61, file_ours, file_rival);
	for (i = 0; i < 2; i++)
		HM_OK(fallocate(read_fd[i], 0, 0, GIB));
	compete(&rows[2], 1, 9, read_ours, read_rival);
	close(read_fd[0]);
	tmpfs_gone(HUGE_DIR, read_fd[1]);
}

/* Where a file is */

/* Of a file that is then in 100,000 extents and some: the last pages are together. */
#define EXTENTS_PAGES 105000ULL

static double command(const char *what)
{
	double start = hm_now();

	hm_sh("%s %s/file", what, dax_dir(&hm_ext4));
	return hm_now() - start;
}

static void extents_ours(double *values)
{
	values[0] = command("hostmemctl extents");
}

static void extents_verbose(double *values)
{
	values[0] = command("filefrag -v");
}

static void extents_short(double *values)
{
	values[0] = command("filefrag");
}

/* A file that gets each second page of what another one had. */
static void fragmented_file(void)
{
	char path[128];
	__u64 i;
	int fd;

	dax_make(&hm_ext4);
	fd = dax_file(&hm_ext4, "filler", path);
	for (i = 64 << 20; i >= PAGE; i /= 2) {
		while (!fallocate(fd, 0, lseek(fd, 0, SEEK_END), i))
			;
	}
	HM_TRUE((__u64)lseek(fd, 0, SEEK_END) > 2 * (EXTENTS_PAGES + 1000) * PAGE);
	for (i = 0; i < EXTENTS_PAGES + 1000; i++)
		HM_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * i * PAGE,
				PAGE));
	close(fd);
	fd = dax_file(&hm_ext4, "file", path);
	dax_fill(fd, 0, EXTENTS_PAGES * PAGE);
	HM_OK(fsync(fd));
	close(fd);
}

static void bench_extents(void)
{
	static const struct row rows[] = {
		{ "extents of 100,000 extents : filefrag -v", "ms", "1/2" },
		{ "extents of 100,000 extents : filefrag, which only counts", "ms", "-" },
	};
	struct extents *e = malloc(sizeof(*e));
	char path[128];
	int fd;

	fragmented_file();
	snprintf(path, sizeof(path), "%s/file", dax_dir(&hm_ext4));
	fd = HM_OK(open(path, O_RDONLY | O_CLOEXEC));
	hm_extents_err(EMSGSIZE, fd, 0, e);
	printf("%u extents\n", e->cmd.count);
	close(fd);
	compete(&rows[0], 1, 7, extents_ours, extents_verbose);
	compete(&rows[1], 1, 7, extents_ours, extents_short);
	dax_umount(&hm_ext4);
}

/* Memory that was never touched is slow: whoever comes first would pay for all. */
static void warm_up(void)
{
	size_t size = hm_meminfo("MemFree") / 8 * 7;
	char *addr = hm_map_flags(-1, 0, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);

	madvise(addr, size, MADV_HUGEPAGE);
	touch_all(addr, size, PAGE);
	HM_OK(munmap(addr, size));
}

/* Nothing in the list means everything. */
static bool wanted(const char *name, char **list)
{
	bool found = !*list;

	for (; *list; list++)
		found |= !strcmp(*list, name);
	return found;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} parts[] = {
		{ "slots", bench_slots }, { "share", bench_share }, { "prealloc", bench_prealloc },
		{ "faults", bench_faults }, { "unplug", bench_unplug },
		{ "files", bench_files },
		{ "extents", bench_extents },
	};
	size_t i;

	counted = argc > 1 && !strcmp(argv[1], "-i");
	argv += counted;
	warm_up();
	printf("%-62s | %14s | %14s | %8s | %20s | %s\n", "what: ours : rival", "ours", "rival",
	       "ratio", "spread of ratios", "promised");
	for (i = 0; i < HM_ARRAY_SIZE(parts); i++) {
		if (wanted(parts[i].name, argv + 1))
			parts[i].fn();
	}
	return 0;
}
