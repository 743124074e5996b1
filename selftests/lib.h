/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_SELFTEST_LIB_H
#define _HOSTMEM_SELFTEST_LIB_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <linux/hostmem.h>

#define HM_BLOCK ((__u64)HOSTMEM_MIN_BLOCK_SIZE)
#define HM_CONTROL "/dev/hostmem-control"
/* Where the file system is mounted. */
#define HM_DIR "/dev/hostmem/"
/* Of the names that the tests give, with the NUL. */
#define HM_NAME_MAX 64

#define HM_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Three tiers: _hm_x() returns what the system call does, or -1 and errno; hm_x() ends
 * the test if it fails; hm_x_err(EINVAL, ...) ends the test unless it fails with that.
 * They work inside and outside of kselftest_harness.h, in forked children and threads.
 */
#define HM_OK(_call)							\
({									\
	__typeof__(_call) _rc = (_call);				\
									\
	if (_rc == (__typeof__(_rc))-1)					\
		hm_fail(__FILE__, __LINE__, #_call, 0);			\
	_rc;								\
})

#define HM_ERR(_err, _call)						\
({									\
	__typeof__(_call) _rc = (_call);				\
									\
	if (_rc != (__typeof__(_rc))-1) {				\
		errno = 0;						\
		hm_fail(__FILE__, __LINE__, #_call, _err);		\
	} else if (errno != (_err)) {					\
		hm_fail(__FILE__, __LINE__, #_call, _err);		\
	}								\
})

#define HM_TRUE(_cond)							\
({									\
	if (!(_cond)) {							\
		errno = 0;						\
		hm_fail(__FILE__, __LINE__, #_cond, 0);			\
	}								\
})

/* Say what failed, and errno unless it is 0, and end the process with KSFT_FAIL. */
void hm_fail(const char *file, int line, const char *what, int wanted)
	__attribute__((noreturn));

/* The control node, opened once per process. */
int hm_control(void);

/* A name that no other test of this boot has: prefix "t", pid and a counter. */
const char *hm_name(char name[HM_NAME_MAX]);

/* Where a region of that name is; valid until the next call of this thread. */
const char *hm_path(const char *name);

/*
 * A command for a region of @size with the defaults; anonymous if @name is NULL, else of a new
 * file of mode 0600, and good for one call.
 */
struct hostmem_region_create hm_create_cmd(const char *name, __u64 size);

/*
 * On the control node, with all fields but size as the caller set them. Returns the fd. Closes
 * file_fd, and takes the file away if it has not become a region.
 */
int _hm_create_raw(struct hostmem_region_create *cmd);
int _hm_create(__u64 size);
int _hm_create_immediate(__u64 size);
int _hm_create_named(const char *name, __u64 size);
/* An owner's fd of the region that a file is. */
int _hm_owner(int file_fd);
int _hm_open(const char *name);
/* A data view: open(2), with mode 0600 if that creates it. */
int _hm_open_node(const char *name, int flags);
int _hm_destroy(int fd, __u32 flags);
int _hm_limits(struct hostmem_info *info);
int _hm_info(int fd, struct hostmem_region_info *info);
int _hm_plug_progress(int fd, __u64 start, __u64 length, struct hostmem_progress *progress);
int _hm_plug(int fd, __u64 start, __u64 length);
int _hm_unplug(int fd, __u64 start, __u64 length);
int _hm_preallocate_progress(int fd, __u64 start, __u64 length,
			     struct hostmem_progress *progress);
int _hm_preallocate(int fd, __u64 start, __u64 length);
/* @generation may be NULL. */
int _hm_blocks(int fd, __u64 start, __u64 length, __u64 *words, __u64 *generation);
int _hm_slots(int fd, __u64 slot_size, struct hostmem_slot *slots, __u32 *count);
int _hm_revoke(int fd, __u64 view_id);
int _hm_derive(int fd, __u64 start, __u64 length, __u32 rights, __u32 flags);
/* MAP_FAILED on error. */
void *_hm_map_flags(int fd, __u64 offset, __u64 length, int prot, int flags);
void *_hm_map(int fd, __u64 offset, __u64 length, int prot);

#define hm_create_raw(...) HM_OK(_hm_create_raw(__VA_ARGS__))
#define hm_create(...) HM_OK(_hm_create(__VA_ARGS__))
#define hm_create_immediate(...) HM_OK(_hm_create_immediate(__VA_ARGS__))
#define hm_create_named(...) HM_OK(_hm_create_named(__VA_ARGS__))
#define hm_owner(...) HM_OK(_hm_owner(__VA_ARGS__))
#define hm_open(...) HM_OK(_hm_open(__VA_ARGS__))
#define hm_open_node(...) HM_OK(_hm_open_node(__VA_ARGS__))
#define hm_destroy(...) HM_OK(_hm_destroy(__VA_ARGS__))
#define hm_limits(...) HM_OK(_hm_limits(__VA_ARGS__))
#define hm_info(...) HM_OK(_hm_info(__VA_ARGS__))
#define hm_plug(...) HM_OK(_hm_plug(__VA_ARGS__))
#define hm_plug_progress(...) HM_OK(_hm_plug_progress(__VA_ARGS__))
#define hm_unplug(...) HM_OK(_hm_unplug(__VA_ARGS__))
#define hm_preallocate(...) HM_OK(_hm_preallocate(__VA_ARGS__))
#define hm_preallocate_progress(...) HM_OK(_hm_preallocate_progress(__VA_ARGS__))
#define hm_blocks(...) HM_OK(_hm_blocks(__VA_ARGS__))
#define hm_slots(...) HM_OK(_hm_slots(__VA_ARGS__))
#define hm_revoke(...) HM_OK(_hm_revoke(__VA_ARGS__))
#define hm_derive(...) HM_OK(_hm_derive(__VA_ARGS__))
#define hm_map(...) HM_OK(_hm_map(__VA_ARGS__))
#define hm_map_flags(...) HM_OK(_hm_map_flags(__VA_ARGS__))

#define hm_create_raw_err(_err, ...) HM_ERR(_err, _hm_create_raw(__VA_ARGS__))
#define hm_create_err(_err, ...) HM_ERR(_err, _hm_create(__VA_ARGS__))
#define hm_create_named_err(_err, ...) HM_ERR(_err, _hm_create_named(__VA_ARGS__))
#define hm_owner_err(_err, ...) HM_ERR(_err, _hm_owner(__VA_ARGS__))
#define hm_open_err(_err, ...) HM_ERR(_err, _hm_open(__VA_ARGS__))
#define hm_open_node_err(_err, ...) HM_ERR(_err, _hm_open_node(__VA_ARGS__))
#define hm_destroy_err(_err, ...) HM_ERR(_err, _hm_destroy(__VA_ARGS__))
#define hm_info_err(_err, ...) HM_ERR(_err, _hm_info(__VA_ARGS__))
#define hm_plug_err(_err, ...) HM_ERR(_err, _hm_plug(__VA_ARGS__))
#define hm_plug_progress_err(_err, ...) HM_ERR(_err, _hm_plug_progress(__VA_ARGS__))
#define hm_unplug_err(_err, ...) HM_ERR(_err, _hm_unplug(__VA_ARGS__))
#define hm_preallocate_err(_err, ...) HM_ERR(_err, _hm_preallocate(__VA_ARGS__))
#define hm_preallocate_progress_err(_err, ...) \
	HM_ERR(_err, _hm_preallocate_progress(__VA_ARGS__))
#define hm_blocks_err(_err, ...) HM_ERR(_err, _hm_blocks(__VA_ARGS__))
#define hm_slots_err(_err, ...) HM_ERR(_err, _hm_slots(__VA_ARGS__))
#define hm_revoke_err(_err, ...) HM_ERR(_err, _hm_revoke(__VA_ARGS__))
#define hm_derive_err(_err, ...) HM_ERR(_err, _hm_derive(__VA_ARGS__))
#define hm_map_err(_err, ...) HM_ERR(_err, _hm_map(__VA_ARGS__))
#define hm_map_flags_err(_err, ...) HM_ERR(_err, _hm_map_flags(__VA_ARGS__))

/* Mount options: "size=64m,huge=never". The others stay as they are. */
int _hm_remount(const char *options);
#define hm_remount(...) HM_OK(_hm_remount(__VA_ARGS__))
#define HM_MOUNT_DEFAULTS \
	"size=50%,huge=always,block_size=2m,allocation=ondemand,mode=0755,uid=0,gid=0"

/* The number of the view behind @fd. */
__u64 hm_view_id(int fd);

/* Load or store one byte. Return whether that got SIGBUS; the process survives it. Thread-safe. */
bool hm_read_faults(const void *addr);
bool hm_write_faults(void *addr, char byte);

/* Whether every byte of a range is @byte. */
bool hm_is_filled(const void *addr, char byte, size_t length);

/* Whether this process has a page table entry with memory (or swap) behind it at @addr. */
bool hm_mapped(const void *addr);
/* Pages of [addr, addr + length) that have one. */
size_t hm_mapped_pages(const void *addr, size_t length);
/* Pages of [addr, addr + length) that are in the page cache, mapped here or not. */
size_t hm_cached_pages(void *addr, size_t length);
/* Bytes of a field of the smaps entry that holds @addr, such as "ShmemPmdMapped". */
__u64 hm_smaps(const void *addr, const char *field);
/* Bytes of a field of /proc/meminfo, such as "Shmem". */
__u64 hm_meminfo(const char *field);

/* Read a whole small file as text; -1 and errno. Write a string to a file; -1 and errno. */
int hm_read_file(const char *path, char *buf, size_t size);
int hm_write_file(const char *path, const char *text);

/* Wait until a thread of this process sleeps, and not for a moment only. */
void hm_wait_asleep(const pid_t *tid);

/* Prepare to make allocations fail; false where the kernel cannot. */
bool hm_fail_setup(void);
/* Through /proc/thread-self/fail-nth: let this thread's nth allocation from now on fail... */
void hm_fail_arm(int fd, unsigned int nth);
/* ...and end that. Whether it came. */
bool hm_fail_disarm(int fd);

/* Open fds of this process. */
int hm_count_fds(void);

/*
 * The kernel's log from now on; whether nothing was written to it since, apart from what a
 * slow machine makes it say. Prints what there is.
 */
int hm_log_open(void);
bool hm_log_quiet(int fd);

/*
 * A struct hostmem_progress that stops the call which reports to it: the kernel's write to
 * it waits (write-protected by userfaultfd) until hm_gate_pass(). So another call can be made
 * while that one is under way, every time.
 */
struct hm_gate {
	int uffd;
	struct hostmem_progress *progress;	/* for the call */
	struct hostmem_progress *alias;		/* the same memory, for us, never waits */
};

/* -1 and errno where there is no userfaultfd that can do that. */
int _hm_gate_init(struct hm_gate *gate);
/* Wait until a call has stopped at it. */
void hm_gate_wait(struct hm_gate *gate);
/* Let it go on, for good. */
void hm_gate_pass(struct hm_gate *gate);

/* Pass an fd over a Unix socket. */
void hm_send_fd(int sock, int fd);
int hm_recv_fd(int sock);

/* Run @fn in a forked child; returns its exit status, or 128 + the signal that ended it. */
int hm_in_child(int (*fn)(void *arg), void *arg);
/* What is left of that for a child that was forked otherwise. */
int hm_wait(pid_t pid);

/* Milliseconds of a clock that nobody sets. */
double hm_now(void);

#endif /* _HOSTMEM_SELFTEST_LIB_H */
