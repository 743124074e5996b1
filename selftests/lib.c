// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

#include "lib.h"

#define HM_DEBUGFS "/sys/kernel/debug/"

void hm_fail(const char *file, int line, const char *what, int wanted)
{
	int err = errno;

	fflush(stdout);
	fprintf(stderr, "# %s:%d: %s: %s", file, line, what, strerror(err));
	if (wanted)
		fprintf(stderr, ", not the expected: %s", strerror(wanted));
	fprintf(stderr, "\n");
	_exit(1);
}

int hm_control(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = HM_OK(open(HM_CONTROL, O_RDWR | O_CLOEXEC));
	return fd;
}

const char *hm_name(char name[HM_NAME_MAX])
{
	static int n;

	snprintf(name, HM_NAME_MAX, "t%d_%d", getpid(), __sync_fetch_and_add(&n, 1));
	return name;
}

const char *hm_path(const char *name)
{
	static __thread char path[PATH_MAX];

	snprintf(path, sizeof(path), HM_DIR "%s", name);
	return path;
}

/* Calls */

static struct hostmem_region_create hm_create_cmd_fd(int file_fd, __u64 size)
{
	return (struct hostmem_region_create) { .region_size = size, .file_fd = file_fd };
}

struct hostmem_region_create hm_create_cmd(const char *name, __u64 size)
{
	int fd = name ? hm_open_node(name, O_CREAT | O_EXCL | O_RDWR) : -1;

	return hm_create_cmd_fd(fd, size);
}

static void hm_unlink_fd(int fd)
{
	char link[32], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = HM_OK(readlink(link, path, sizeof(path) - 1));
	path[n] = 0;
	unlink(path);
}

int _hm_create_raw(struct hostmem_region_create *cmd)
{
	int rc, err;

	cmd->size = sizeof(*cmd);
	rc = ioctl(hm_control(), HOSTMEM_REGION_CREATE, cmd);
	err = errno;
	if (cmd->file_fd >= 0) {
		if (rc)
			hm_unlink_fd(cmd->file_fd);
		close(cmd->file_fd);
		cmd->file_fd = -1;
	}
	errno = err;
	return rc ? -1 : cmd->out_fd;
}

int _hm_create(__u64 size)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, size);

	return _hm_create_raw(&cmd);
}

int _hm_create_immediate(__u64 size)
{
	struct hostmem_region_create cmd = hm_create_cmd(NULL, size);

	cmd.allocation = HOSTMEM_ALLOCATION_IMMEDIATE;
	return _hm_create_raw(&cmd);
}

int _hm_create_named(const char *name, __u64 size)
{
	int fd = _hm_open_node(name, O_CREAT | O_EXCL | O_RDWR);
	struct hostmem_region_create cmd = hm_create_cmd_fd(fd, size);

	return fd < 0 ? -1 : _hm_create_raw(&cmd);
}

int _hm_owner(int file_fd)
{
	struct hostmem_region_open cmd = { .size = sizeof(cmd), .file_fd = file_fd };

	return ioctl(hm_control(), HOSTMEM_REGION_OPEN, &cmd) ? -1 : cmd.out_fd;
}

int _hm_open(const char *name)
{
	int file = _hm_open_node(name, O_PATH);
	int owner, err;

	if (file < 0)
		return -1;
	owner = _hm_owner(file);
	err = errno;
	close(file);
	errno = err;
	return owner;
}

int _hm_open_node(const char *name, int flags)
{
	return open(hm_path(name), flags | O_CLOEXEC, 0600);
}

int _hm_destroy(int fd, __u32 flags)
{
	struct hostmem_region_destroy cmd = { .size = sizeof(cmd), .flags = flags };

	return ioctl(fd, HOSTMEM_REGION_DESTROY, &cmd);
}

int _hm_limits(struct hostmem_info *info)
{
	*info = (struct hostmem_info) { .size = sizeof(*info) };
	return ioctl(hm_control(), HOSTMEM_INFO, info);
}

int _hm_info(int fd, struct hostmem_region_info *info)
{
	*info = (struct hostmem_region_info) { .size = sizeof(*info) };
	return ioctl(fd, HOSTMEM_REGION_INFO, info);
}

int _hm_plug_progress(int fd, __u64 start, __u64 length, struct hostmem_progress *progress)
{
	struct hostmem_region_plug cmd = {
		.size = sizeof(cmd),
		.start = start,
		.length = length,
		.progress = (uintptr_t)progress,
	};

	return ioctl(fd, HOSTMEM_REGION_PLUG, &cmd);
}

int _hm_plug(int fd, __u64 start, __u64 length)
{
	return _hm_plug_progress(fd, start, length, NULL);
}

int _hm_unplug(int fd, __u64 start, __u64 length)
{
	struct hostmem_region_unplug cmd = {
		.size = sizeof(cmd),
		.start = start,
		.length = length,
	};

	return ioctl(fd, HOSTMEM_REGION_UNPLUG, &cmd);
}

int _hm_preallocate_progress(int fd, __u64 start, __u64 length,
			     struct hostmem_progress *progress)
{
	struct hostmem_region_preallocate cmd = {
		.size = sizeof(cmd),
		.start = start,
		.length = length,
		.progress = (uintptr_t)progress,
	};

	return ioctl(fd, HOSTMEM_REGION_PREALLOCATE, &cmd);
}

int _hm_preallocate(int fd, __u64 start, __u64 length)
{
	return _hm_preallocate_progress(fd, start, length, NULL);
}

int _hm_blocks(int fd, __u64 start, __u64 length, __u64 *words, __u64 *generation)
{
	struct hostmem_region_blocks cmd = {
		.size = sizeof(cmd),
		.start = start,
		.length = length,
		.bitmap = (uintptr_t)words,
	};
	int rc = ioctl(fd, HOSTMEM_REGION_BLOCKS, &cmd);

	if (!rc && generation)
		*generation = cmd.out_generation;
	return rc;
}

int _hm_slots(int fd, __u64 slot_size, struct hostmem_slot *slots, __u32 *count)
{
	struct hostmem_region_slots cmd = {
		.size = sizeof(cmd),
		.slot_size = slot_size,
		.slots = (uintptr_t)slots,
		.count = *count,
	};
	int rc = ioctl(fd, HOSTMEM_REGION_SLOTS, &cmd);

	*count = cmd.count;
	return rc;
}

int _hm_revoke(int fd, __u64 view_id)
{
	struct hostmem_view_revoke cmd = { .size = sizeof(cmd), .view_id = view_id };

	return ioctl(fd, HOSTMEM_VIEW_REVOKE, &cmd);
}

int _hm_derive(int fd, __u64 start, __u64 length, __u32 rights, __u32 flags)
{
	struct hostmem_view_derive cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.start = start,
		.length = length,
		.rights = rights,
	};

	return ioctl(fd, HOSTMEM_VIEW_DERIVE, &cmd) ? -1 : cmd.out_fd;
}

void *_hm_map_flags(int fd, __u64 offset, __u64 length, int prot, int flags)
{
	return mmap(NULL, length, prot, flags, fd, offset);
}

void *_hm_map(int fd, __u64 offset, __u64 length, int prot)
{
	return _hm_map_flags(fd, offset, length, prot, MAP_SHARED);
}

int _hm_remount(const char *options)
{
	return mount("hostmem", HM_DIR, "hostmem", MS_REMOUNT | MS_NOSUID | MS_NODEV, options);
}

__u64 hm_view_id(int fd)
{
	struct hostmem_region_info info;

	hm_info(fd, &info);
	return info.out_view_id;
}

/* Touching */

static __thread sigjmp_buf hm_touch_env;
static __thread volatile sig_atomic_t hm_touching;

static void hm_sigbus(int sig)
{
	if (hm_touching)
		siglongjmp(hm_touch_env, 1);
	/* Not ours: die of it when the instruction runs again. */
	signal(sig, SIG_DFL);
}

static void hm_catch_sigbus(void)
{
	struct sigaction action = { .sa_handler = hm_sigbus };

	HM_OK(sigaction(SIGBUS, &action, NULL));
}

bool hm_read_faults(const void *addr)
{
	bool faulted = true;

	hm_catch_sigbus();
	if (!sigsetjmp(hm_touch_env, 1)) {
		hm_touching = 1;
		*(const volatile char *)addr;
		faulted = false;
	}
	hm_touching = 0;
	return faulted;
}

bool hm_write_faults(void *addr, char byte)
{
	bool faulted = true;

	hm_catch_sigbus();
	if (!sigsetjmp(hm_touch_env, 1)) {
		hm_touching = 1;
		*(volatile char *)addr = byte;
		faulted = false;
	}
	hm_touching = 0;
	return faulted;
}

bool hm_is_filled(const void *addr, char byte, size_t length)
{
	const char *p = addr;

	/* Each byte is the one before it: memcmp() is fast where every instruction is emulated. */
	return !length || (*p == byte && !memcmp(p, p + 1, length - 1));
}

/* What is resident */

size_t hm_mapped_pages(const void *addr, size_t length)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t nr = length / page, n = 0, i;
	__u64 *entries = calloc(nr, sizeof(*entries));
	int fd = HM_OK(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
	ssize_t got;

	got = pread(fd, entries, nr * sizeof(*entries),
		    (uintptr_t)addr / page * sizeof(*entries));
	HM_TRUE(got == (ssize_t)(nr * sizeof(*entries)));
	for (i = 0; i < nr; i++)
		n += !!(entries[i] >> 62);	/* bit 63: present, bit 62: in swap */
	close(fd);
	free(entries);
	return n;
}

bool hm_mapped(const void *addr)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return hm_mapped_pages((void *)((uintptr_t)addr & -page), page);
}

size_t hm_cached_pages(void *addr, size_t length)
{
	size_t nr = length / sysconf(_SC_PAGESIZE), n = 0, i;
	unsigned char *vec = calloc(nr, 1);

	HM_OK(mincore(addr, length, vec));
	for (i = 0; i < nr; i++)
		n += vec[i] & 1;
	free(vec);
	return n;
}

/* "Field:   123 kB" */
static bool hm_field(const char *line, const char *field, __u64 *bytes)
{
	size_t len = strlen(field);

	if (strncmp(line, field, len) || line[len] != ':')
		return false;
	*bytes = strtoull(line + len + 1, NULL, 10) << 10;
	return true;
}

__u64 hm_smaps(const void *addr, const char *field)
{
	unsigned long start, end;
	bool inside = false;
	__u64 bytes = ~0ULL;
	char line[512];
	FILE *f;

	f = fopen("/proc/self/smaps", "re");
	HM_TRUE(f);
	while (bytes == ~0ULL && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (uintptr_t)addr && (uintptr_t)addr < end;
		else if (inside)
			hm_field(line, field, &bytes);
	}
	fclose(f);
	HM_TRUE(bytes != ~0ULL);
	return bytes;
}

__u64 hm_meminfo(const char *field)
{
	__u64 bytes = ~0ULL;
	char line[128];
	FILE *f;

	f = fopen("/proc/meminfo", "re");
	HM_TRUE(f);
	while (bytes == ~0ULL && fgets(line, sizeof(line), f))
		hm_field(line, field, &bytes);
	fclose(f);
	HM_TRUE(bytes != ~0ULL);
	return bytes;
}

/* Files, fds and processes */

int hm_read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	buf[n < 0 ? 0 : n] = 0;
	close(fd);
	return n < 0 ? -1 : 0;
}

int hm_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

bool hm_fail_setup(void)
{
	static const char *const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "failslab/probability", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_page_alloc/probability", "0" },
	};
	char path[128];
	size_t i;

	if (access("/proc/self/fail-nth", W_OK))
		return false;
	for (i = 0; i < HM_ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), HM_DEBUGFS "%s", settings[i][0]);
		if (hm_write_file(path, settings[i][1]))
			return false;
	}
	return true;
}

void hm_fail_arm(int fd, unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	HM_TRUE(pwrite(fd, text, n, 0) == n);
}

/* Disarming may itself be what fails; then nothing else did. */
bool hm_fail_disarm(int fd)
{
	char text[16] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	while (pwrite(fd, "0", 1, 0) != 1)
		n = -1;
	return n > 0 && atoi(text) == 0;
}

int hm_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	HM_TRUE(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3;	/* without ".", ".." and the directory itself */
}

int hm_log_open(void)
{
	int fd = HM_OK(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));

	HM_OK(lseek(fd, 0, SEEK_END));
	return fd;
}

/* What others in the kernel say: of a late processor, or of what a test does to them. */
static bool hm_log_noise(const char *text)
{
	static const char * const noise[] = {
		"hrtimer:", "perf:", "clocksource:", "sched:", "tsc:", "TSC ", "workqueue:",
		"random:", "audit:", "mmap: ", "netlink: '", "kvm: user requested TSC",
	};
	size_t i;

	for (i = 0; i < HM_ARRAY_SIZE(noise); i++) {
		if (!strncmp(text, noise[i], strlen(noise[i])))
			return true;
	}
	return false;
}

bool hm_log_quiet(int fd)
{
	bool quiet = true;
	char record[8192];
	ssize_t n;
	char *text;

	while ((n = read(fd, record, sizeof(record) - 1)) > 0) {
		record[n] = 0;
		text = strchr(record, ';');
		/* Facilities other than 0 are what processes wrote. */
		if (!text || strtoul(record, NULL, 10) > 7 || hm_log_noise(text + 1))
			continue;
		quiet = false;
		fprintf(stderr, "# the kernel logged: %s", text + 1);
	}
	HM_TRUE(n < 0 && errno == EAGAIN);
	return quiet;
}

int _hm_gate_init(struct hm_gate *gate)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
	};
	size_t page = sysconf(_SC_PAGESIZE);
	struct uffdio_register reg = { .range.len = page, .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int fd = HM_OK(memfd_create("gate", MFD_CLOEXEC));

	HM_OK(ftruncate(fd, page));
	gate->progress = HM_OK(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	gate->alias = HM_OK(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	close(fd);
	/* Present, so that reading it does not wait. */
	memset(gate->progress, 0, page);
	gate->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (gate->uffd < 0 || ioctl(gate->uffd, UFFDIO_API, &api))
		return -1;
	reg.range.start = (uintptr_t)gate->progress;
	wp.range = reg.range;
	if (ioctl(gate->uffd, UFFDIO_REGISTER, &reg))
		return -1;
	return ioctl(gate->uffd, UFFDIO_WRITEPROTECT, &wp);
}

void hm_gate_wait(struct hm_gate *gate)
{
	struct pollfd pfd = { .fd = gate->uffd, .events = POLLIN };
	struct uffd_msg msg;

	/* Better a test that fails than one that hangs. */
	HM_TRUE(poll(&pfd, 1, 20000) == 1);
	HM_TRUE(read(gate->uffd, &msg, sizeof(msg)) == sizeof(msg));
	HM_TRUE(msg.event == UFFD_EVENT_PAGEFAULT);
}

void hm_gate_pass(struct hm_gate *gate)
{
	struct uffdio_writeprotect wp = {
		.range = {
			.start = (uintptr_t)gate->progress,
			.len = sysconf(_SC_PAGESIZE),
		},
	};

	HM_OK(ioctl(gate->uffd, UFFDIO_WRITEPROTECT, &wp));
}

union hm_fd_control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

void hm_send_fd(int sock, int fd)
{
	union hm_fd_control control = {};
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	HM_OK(sendmsg(sock, &msg, 0));
}

int hm_recv_fd(int sock)
{
	union hm_fd_control control = {};
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg;
	int fd;

	HM_OK(recvmsg(sock, &msg, MSG_CMSG_CLOEXEC));
	cmsg = CMSG_FIRSTHDR(&msg);
	HM_TRUE(cmsg && cmsg->cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* @tid is written by the thread when it has begun. */
void hm_wait_asleep(const pid_t *tid)
{
	char path[64], text[512];
	int seen = 0;

	while (seen < 10) {
		usleep(10000);
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
			 __atomic_load_n(tid, __ATOMIC_ACQUIRE));
		if (hm_read_file(path, text, sizeof(text)))
			continue;
		/* pid (name) state */
		seen = strrchr(text, ')')[2] == 'R' ? 0 : seen + 1;
	}
}

double hm_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

int hm_wait(pid_t pid)
{
	int status;

	HM_OK(waitpid(pid, &status, 0));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int hm_in_child(int (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = HM_OK(fork());
	if (!pid)
		_exit(fn(arg));
	return hm_wait(pid);
}
