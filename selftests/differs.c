// SPDX-License-Identifier: GPL-2.0
/*
 * What differs from a memfd: the table of that name in Documentation/hostmem.rst, line by line, and
 * that what is not in it does not differ. Each call is made of a memfd and of a region of ram, and
 * what comes of it is put in the words of the table.
 */
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "harness.h"
#include "lib.h"

#define PAGE 4096
#define SIZE (4 * HM_BLOCK)
#define RW (PROT_READ | PROT_WRITE)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* A memfd, or an owner's fd of a region that is all plugged; and a mapping of it. */
struct side {
	bool region;
	char name[HM_NAME_MAX];
	int owner;
	int fd;
	char *p;
};

static void side_make(struct side *s, bool region)
{
	memset(s, 0, sizeof(*s));
	s->region = region;
	if (region) {
		s->owner = hm_create_named(hm_name(s->name), SIZE);
		hm_plug(s->owner, 0, SIZE);
		s->fd = hm_open_node(s->name, O_RDWR);
	} else {
		s->fd = HM_OK(memfd_create("differs", MFD_CLOEXEC | MFD_ALLOW_SEALING));
		HM_OK(ftruncate(s->fd, SIZE));
	}
	s->p = HM_OK(mmap(NULL, SIZE, RW, MAP_SHARED, s->fd, 0));
	memset(s->p, 'd', HM_BLOCK);
}

static void side_end(struct side *s)
{
	munmap(s->p, SIZE);
	close(s->fd);
	if (!s->region)
		return;
	hm_destroy(s->owner, HOSTMEM_DESTROY_FORCE);
	close(s->owner);
}

/* The words of the table. */
static const char works[] = "works";

static const char *words(long rc)
{
	static char text[32];

	if (rc != -1)
		return works;
	snprintf(text, sizeof(text), "``%s``", strerrorname_np(errno));
	return text;
}

static bool kernel_is_6_1(void)
{
	struct utsname name;

	HM_OK(uname(&name));
	return !strncmp(name.release, "6.1.", 4);
}

/* Close @fd and pass @rc on. */
static long closing(int fd, long rc)
{
	int err = errno;

	close(fd);
	errno = err;
	return rc;
}

/* The file */

static const char *do_read(struct side *s)
{
	char byte;

	return words(pread(s->fd, &byte, 1, 0));
}

static const char *do_write(struct side *s)
{
	return words(pwrite(s->fd, "x", 1, 0));
}

static const char *do_sendfile(struct side *s)
{
	int null = HM_OK(open("/dev/null", O_WRONLY));
	off_t offset = 0;

	return words(closing(null, sendfile(null, s->fd, &offset, PAGE)));
}

static const char *do_splice(struct side *s)
{
	loff_t offset = 0;
	int pipes[2];
	long rc;

	HM_OK(pipe(pipes));
	rc = closing(pipes[1], splice(s->fd, &offset, pipes[1], NULL, PAGE, 0));
	return words(closing(pipes[0], rc));
}

static const char *do_ftruncate(struct side *s)
{
	return words(ftruncate(s->fd, HM_BLOCK));
}

static const char *do_ftruncate_same(struct side *s)
{
	return words(ftruncate(s->fd, SIZE));
}

static const char *do_fallocate(struct side *s)
{
	return words(fallocate(s->fd, 0, 0, HM_BLOCK));
}

static const char *do_punch(struct side *s)
{
	return words(fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HM_BLOCK));
}

static const char *do_zero_range(struct side *s)
{
	return words(fallocate(s->fd, FALLOC_FL_ZERO_RANGE, 0, HM_BLOCK));
}

static const char *do_seal(struct side *s)
{
	return words(fcntl(s->fd, F_ADD_SEALS, F_SEAL_SHRINK));
}

static const char *do_seek_data(struct side *s)
{
	return words(lseek(s->fd, 0, SEEK_DATA));
}

static const char *do_seek_hole(struct side *s)
{
	return words(lseek(s->fd, 0, SEEK_HOLE));
}

static const char *do_seek_end(struct side *s)
{
	HM_TRUE(HM_OK(lseek(s->fd, 0, SEEK_END)) == (off_t)SIZE);
	return works;
}

static const char *do_st_size(struct side *s)
{
	struct stat st;

	HM_OK(fstat(s->fd, &st));
	return st.st_size == (off_t)SIZE ? works : st.st_size ? "wrong" : "0";
}

/* The first block is there. */
static const char *do_st_blocks(struct side *s)
{
	struct stat st;

	HM_OK(fstat(s->fd, &st));
	return st.st_blocks * 512ULL == HM_BLOCK ? works : "wrong";
}

static const char *do_reopen(struct side *s)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->region ? s->owner : s->fd);
	fd = open(path, O_RDWR);
	return words(closing(fd, fd));
}

static const char *do_fsync(struct side *s)
{
	return words(fsync(s->fd) ?: msync(s->p, SIZE, MS_SYNC));
}

static const char *do_flock(struct side *s)
{
	return words(flock(s->fd, LOCK_SH | LOCK_NB));
}

/* Mapping it */

static const char *map_and_unmap(int fd, int prot, int flags)
{
	char *p = mmap(NULL, SIZE, prot, flags, fd, 0);

	if (p != MAP_FAILED)
		munmap(p, SIZE);
	return words((long)p);
}

static const char *do_map_private(struct side *s)
{
	return map_and_unmap(s->fd, RW, MAP_PRIVATE);
}

static const char *do_map_private_read(struct side *s)
{
	return map_and_unmap(s->fd, PROT_READ, MAP_PRIVATE);
}

static const char *do_map_populate(struct side *s)
{
	return map_and_unmap(s->fd, RW, MAP_SHARED | MAP_POPULATE);
}

static const char *do_map_sync(struct side *s)
{
	return map_and_unmap(s->fd, RW, MAP_SHARED_VALIDATE | MAP_SYNC);
}

static const char *do_map_beyond(struct side *s)
{
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED, s->fd, SIZE);

	if (p != MAP_FAILED)
		munmap(p, PAGE);
	return words((long)p);
}

static const char *remapped(char *from, char *to, size_t size)
{
	const char *what = words((long)to);

	if (to == MAP_FAILED)
		return what;
	if (hm_read_faults(to))
		what = "faults";
	if (to != from)
		munmap(to, size);
	return what;
}

static const char *do_mremap_grow(struct side *s)
{
	munmap(s->p + SIZE / 2, SIZE / 2);
	return remapped(s->p, mremap(s->p, SIZE / 2, SIZE, MREMAP_MAYMOVE), SIZE);
}

static const char *do_mremap_move(struct side *s)
{
	char *to = HM_OK(mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	return remapped(s->p, mremap(s->p, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to), SIZE);
}

static const char *do_mremap_shrink(struct side *s)
{
	return words((long)mremap(s->p, SIZE, HM_BLOCK, 0));
}

static const char *do_mremap_copy(struct side *s)
{
	return remapped(s->p, mremap(s->p, 0, HM_BLOCK, MREMAP_MAYMOVE), HM_BLOCK);
}

static const char *do_mremap_dontunmap(struct side *s)
{
	return remapped(s->p, mremap(s->p, HM_BLOCK, HM_BLOCK,
				     MREMAP_MAYMOVE | MREMAP_DONTUNMAP), HM_BLOCK);
}

static const char *do_remap_file_pages(struct side *s)
{
	/* The second block where the first one was. */
	s->p[HM_BLOCK] = 'r';
	if (remap_file_pages(s->p, HM_BLOCK, 0, HM_BLOCK / PAGE, 0))
		return words(-1);
	return s->p[0] == 'r' ? works : "wrong";
}

static const char *do_mprotect(struct side *s)
{
	int zero = HM_OK(open("/dev/zero", O_RDONLY | O_CLOEXEC));

	HM_OK(mprotect(s->p, PAGE, PROT_READ));
	if (closing(zero, read(zero, s->p, PAGE)) != -1)
		return "wrong";
	return words(mprotect(s->p, PAGE, RW | PROT_EXEC));
}

/* Advice */

static const char *do_mlock(struct side *s)
{
	if (mlock(s->p, SIZE))
		return words(-1);
	return hm_smaps(s->p, "Locked") ? works : "locks nothing";
}

static const char *advise(struct side *s, int advice)
{
	return words(madvise(s->p, SIZE, advice));
}

static const char *do_collapse(struct side *s)
{
	return words(madvise(s->p, HM_BLOCK, MADV_COLLAPSE));
}

static const char *do_ksm(struct side *s)
{
	return advise(s, MADV_MERGEABLE);
}

static const char *do_dontdump(struct side *s)
{
	return advise(s, MADV_DONTDUMP);
}

static const char *do_dodump(struct side *s)
{
	return advise(s, MADV_DODUMP);
}

static const char *do_remove(struct side *s)
{
	if (madvise(s->p, SIZE, MADV_REMOVE))
		return words(-1);
	return hm_is_filled(s->p, 0, HM_BLOCK) ? works : "wrong";
}

static const char *do_dontneed(struct side *s)
{
	if (madvise(s->p, SIZE, MADV_DONTNEED))
		return words(-1);
	return hm_is_filled(s->p, 'd', HM_BLOCK) ? works : "wrong";
}

static const char *do_other_advice(struct side *s)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE, MADV_UNMERGEABLE,
	};
	unsigned int i;

	for (i = 0; i < HM_ARRAY_SIZE(advice); i++) {
		if (madvise(s->p, SIZE, advice[i]))
			return words(-1);
	}
	return works;
}

static unsigned int count_vmas(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned int n = 0;
	int c;

	HM_TRUE(maps);
	while ((c = getc(maps)) != EOF)
		n += c == '\n';
	fclose(maps);
	return n;
}

static const char *do_dontfork(struct side *s)
{
	unsigned int before = count_vmas();
	int i;

	for (i = 0; i < 100; i++) {
		HM_OK(madvise(s->p + i * 2 * PAGE, PAGE, MADV_DONTFORK));
		HM_OK(madvise(s->p + i * 2 * PAGE, PAGE, MADV_DOFORK));
	}
	i = count_vmas() - before;
	return i < 10 ? works : i == 199 ? "one more VMA for each piece" : "wrong";
}

/* What others do with the memory */

static const char *do_userfaultfd(struct side *s)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)s->p + HM_BLOCK, .len = HM_BLOCK },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return NULL;
	HM_OK(ioctl(fd, UFFDIO_API, &api));
	return words(closing(fd, ioctl(fd, UFFDIO_REGISTER, &reg)));
}

static const char *do_uring(struct side *s)
{
	struct iovec iov = { s->p, HM_BLOCK };
	struct io_uring_params params = { 0 };
	int fd = syscall(__NR_io_uring_setup, 8, &params);
	long rc;

	if (fd < 0)
		return NULL;
	rc = closing(fd, syscall(__NR_io_uring_register, fd, IORING_REGISTER_BUFFERS, &iov, 1));
	/* Later kernels must do it, 6.1 must not: the table says both. */
	if (s->region && (rc == -1 && errno == EOPNOTSUPP) == kernel_is_6_1())
		return "works; 6.1: ``EOPNOTSUPP``";
	return words(rc);
}

/* A block device that needs no hardware; NULL where the kernel has none. */
static const char *do_direct(struct side *s)
{
	int fd;

	if (system("modprobe -q brd rd_nr=1 rd_size=4096"))
		return NULL;
	fd = open("/dev/ram0", O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (pwrite(fd, s->p, PAGE, 0) != PAGE)
		return words(closing(fd, -1));
	return words(closing(fd, pread(fd, s->p + PAGE, PAGE, 0)));
}

static const char *do_vmsplice(struct side *s)
{
	struct iovec iov = { s->p, PAGE };
	int pipes[2];
	char byte;

	HM_OK(pipe(pipes));
	if (vmsplice(pipes[1], &iov, 1, 0) != PAGE)
		return words(-1);
	HM_TRUE(read(pipes[0], &byte, 1) == 1 && byte == 'd');
	close(pipes[0]);
	close(pipes[1]);
	return works;
}

static const char *do_vm_readv(struct side *s)
{
	char buffer[PAGE];
	struct iovec local = { buffer, PAGE }, remote = { s->p, PAGE };

	HM_OK(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	return words(process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
}

static const char *do_proc_mem(struct side *s)
{
	int fd = HM_OK(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
	char byte;

	HM_TRUE(pread(fd, &byte, 1, (uintptr_t)s->p) == 1 && byte == 'd');
	return words(closing(fd, pwrite(fd, "m", 1, (uintptr_t)s->p)));
}

static const char *bind_first_node(void *p)
{
	unsigned long mask = 1;

	return words(syscall(__NR_mbind, p, SIZE, MPOL_BIND, &mask, 64, 0));
}

static const char *do_mbind(struct side *s)
{
	return bind_first_node(s->p);
}

static const char *do_mbind_reader(struct side *s)
{
	char path[128];
	const char *what;
	char *p;
	int fd;

	if (s->region)
		snprintf(path, sizeof(path), HM_DIR "%s", s->name);
	else
		snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fd);
	fd = HM_OK(open(path, O_RDONLY));
	p = HM_OK(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0));
	what = bind_first_node(p);
	munmap(p, SIZE);
	close(fd);
	return what;
}

/* A core dump */

#define CORE "/dev/shm/differs.core"
#define PATTERN "/proc/sys/kernel/core_pattern"

static int die_with_core(void *arg)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	(void)arg;
	HM_OK(setrlimit(RLIMIT_CORE, &all));
	abort();
}

static const char *do_core(struct side *s)
{
	char old[256];
	struct stat st;
	__u64 before;

	HM_OK(hm_read_file(PATTERN, old, sizeof(old)));
	HM_OK(hm_write_file(PATTERN, CORE));
	before = hm_cached_pages(s->p, SIZE);
	HM_TRUE(hm_in_child(die_with_core, NULL) == 128 + SIGABRT);
	HM_OK(hm_write_file(PATTERN, old));
	HM_OK(stat(CORE, &st));
	unlink(CORE);
	if (st.st_size >= (off_t)SIZE)
		return works;
	return hm_cached_pages(s->p, SIZE) == before ? "left out" : "makes pages";
}

struct row {
	const char *what;
	const char *(*call)(struct side *s);
};

/* In the words, and the order, of the table. */
static const struct row table[] = {
	{ "``ftruncate()``", do_ftruncate },
	{ "``F_ADD_SEALS``", do_seal },
	{ "an owner's ``/proc/self/fd``", do_reopen },
	{ "``MAP_PRIVATE``, writable", do_map_private },
	{ "mapping beyond the end", do_map_beyond },
	{ "``mremap()`` to more", do_mremap_grow },
	{ "``mremap()`` of 0 bytes", do_mremap_copy },
	{ "``mlock()``", do_mlock },
	{ "``MADV_DODUMP``", do_dodump },
	{ "in a core dump", do_core },
	{ "``MADV_DONTFORK``, ``_DOFORK``", do_dontfork },
	{ "userfaultfd", do_userfaultfd },
	{ "io_uring's fixed buffers", do_uring },
	{ "``mbind()`` by a reader", do_mbind_reader },
};

/* What does not differ. */
static const struct row same[] = {
	{ "read", do_read },
	{ "write", do_write },
	{ "sendfile", do_sendfile },
	{ "splice", do_splice },
	{ "SEEK_DATA", do_seek_data },
	{ "SEEK_HOLE", do_seek_hole },
	{ "ftruncate to what it has", do_ftruncate_same },
	{ "fallocate", do_fallocate },
	{ "FALLOC_FL_PUNCH_HOLE", do_punch },
	{ "FALLOC_FL_ZERO_RANGE", do_zero_range },
	{ "st_size", do_st_size },
	{ "st_blocks", do_st_blocks },
	{ "SEEK_END", do_seek_end },
	{ "fsync, msync", do_fsync },
	{ "flock", do_flock },
	{ "MAP_PRIVATE, read-only", do_map_private_read },
	{ "MAP_POPULATE", do_map_populate },
	{ "MAP_SYNC", do_map_sync },
	{ "mremap to elsewhere", do_mremap_move },
	{ "mremap to less", do_mremap_shrink },
	{ "MREMAP_DONTUNMAP", do_mremap_dontunmap },
	{ "remap_file_pages", do_remap_file_pages },
	{ "MADV_COLLAPSE", do_collapse },
	{ "mprotect", do_mprotect },
	{ "KSM", do_ksm },
	{ "MADV_DONTDUMP", do_dontdump },
	{ "MADV_REMOVE", do_remove },
	{ "MADV_DONTNEED", do_dontneed },
	{ "other advice", do_other_advice },
	{ "O_DIRECT", do_direct },
	{ "vmsplice", do_vmsplice },
	{ "process_vm_readv, _writev", do_vm_readv },
	{ "/proc/self/mem", do_proc_mem },
	{ "mbind", do_mbind },
};

/* What comes of a call; false: the kernel has no such thing. */
static bool outcome(const struct row *row, bool region, char *text, size_t size)
{
	const char *what;
	struct side s;

	side_make(&s, region);
	what = row->call(&s);
	if (what)
		snprintf(text, size, "%s", what);
	side_end(&s);
	return what;
}

/* Read the table: the next line of three columns after its heading. */
static FILE *table_open(void)
{
	const char *top = getenv("HOSTMEM_TOP");
	char path[4096], line[256];
	FILE *doc;

	snprintf(path, sizeof(path), "%s/Documentation/hostmem.rst", top ?: "..");
	doc = fopen(path, "re");
	if (!doc)
		return NULL;
	while (fgets(line, sizeof(line), doc)) {
		if (!strncmp(line, "call ", 5) && strstr(line, "memfd"))
			return doc;
	}
	fclose(doc);
	return NULL;
}

static void trim(char *s)
{
	size_t n = strlen(s);

	while (n && (s[n - 1] == ' ' || s[n - 1] == '\n'))
		s[--n] = '\0';
}

/* The columns are as wide as the lines above and below say. */
static bool table_next(FILE *doc, size_t *columns, char cells[3][128])
{
	char line[256];
	int i;

	while (fgets(line, sizeof(line), doc)) {
		if (line[0] == '=' && columns[1])
			return false;
		if (line[0] != '=')
			break;
		columns[1] = strchr(line, ' ') - line + 1;
		columns[2] = strchr(line + columns[1], ' ') - line + 1;
	}
	for (i = 2; i >= 0; i--) {
		snprintf(cells[i], 128, "%s", line + columns[i]);
		line[columns[i]] = '\0';
		trim(cells[i]);
	}
	return true;
}

TEST(line_by_line)
{
	char cells[3][128], memfd[128], region[128];
	size_t columns[3] = { 0 };
	FILE *doc = table_open();
	unsigned int i;

	if (!doc)
		SKIP(return, "no Documentation/hostmem.rst");
	for (i = 0; table_next(doc, columns, cells); i++) {
		ASSERT_GT(HM_ARRAY_SIZE(table), i);
		ASSERT_STREQ(table[i].what, cells[0]);
		if (!outcome(&table[i], false, memfd, sizeof(memfd)) ||
		    !outcome(&table[i], true, region, sizeof(region))) {
			TH_LOG("%s: not on this kernel", cells[0]);
			continue;
		}
		EXPECT_STREQ(cells[1], memfd) {
			TH_LOG("%s of a memfd", cells[0]);
		}
		EXPECT_STREQ(cells[2], region) {
			TH_LOG("%s of a region", cells[0]);
		}
	}
	EXPECT_EQ(HM_ARRAY_SIZE(table), i);
	fclose(doc);
}

TEST(nothing_else)
{
	char memfd[128], region[128];
	unsigned int i;

	for (i = 0; i < HM_ARRAY_SIZE(same); i++) {
		if (!outcome(&same[i], false, memfd, sizeof(memfd)) ||
		    !outcome(&same[i], true, region, sizeof(region))) {
			TH_LOG("%s: not on this kernel", same[i].what);
			continue;
		}
		EXPECT_STREQ(memfd, region) {
			TH_LOG("%s", same[i].what);
		}
	}
}

/* Sparse and large: what is dumped is what there is, and nothing is made for it. */
TEST(core_of_a_large_region)
{
	__u64 size = 16ULL << 30, plugged = 256 * HM_BLOCK;
	struct hostmem_info before, after;
	int fd = hm_create(size);
	double begin, took;
	char old[256];
	struct stat st;
	char *p;

	hm_plug(fd, 0, plugged);
	p = hm_map(fd, 0, size, RW);
	memset(p, 1, 2 * HM_BLOCK);
	hm_limits(&before);
	HM_OK(hm_read_file(PATTERN, old, sizeof(old)));
	HM_OK(hm_write_file(PATTERN, CORE));
	begin = hm_now();
	EXPECT_EQ(128 + SIGABRT, hm_in_child(die_with_core, NULL));
	took = hm_now() - begin;
	HM_OK(hm_write_file(PATTERN, old));
	HM_OK(stat(CORE, &st));
	unlink(CORE);
	hm_limits(&after);
	TH_LOG("%.1f s, %lld KiB", took / 1e3, (long long)st.st_blocks / 2);
	EXPECT_EQ(before.out_ram_used, after.out_ram_used);
	EXPECT_GT(64 << 20, st.st_size);
	/* It was 3 s for each GiB. */
	EXPECT_GT(20e3, took);
	close(fd);
}

TEST_HARNESS_MAIN
