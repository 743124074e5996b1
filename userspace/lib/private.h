/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * What the files of libhostmem share. Nothing of it is exported: only what libhostmem.h
 * declares has default visibility, and libhostmem.sym lists it.
 */
#ifndef _HOSTMEM_LIB_PRIVATE_H_
#define _HOSTMEM_LIB_PRIVATE_H_

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <syslog.h>
#include <linux/hostmem.h>

#pragma GCC visibility push(default)
#include "libhostmem.h"
#pragma GCC visibility pop

#define HOSTMEM_DIR "/dev/hostmem"
#define HOSTMEM_CONTROL "/dev/hostmem-control"
#define HOSTMEM_2M (2ULL << 20)
#define HOSTMEM_1G (1024ULL << 20)

struct nlmsghdr;
struct nlattr;
struct mnl_socket;

struct hostmem_ctx {
	int refcount;
	hostmem_log_fn log_fn;
	int log_priority;
	void *userdata;
	int control;			/* fd of the control node, -1 before its first use */
	bool listed;			/* @regions is filled */
	struct hostmem_region *regions;	/* owned */
	struct hostmem_pmem *pmems;	/* owned */
};

struct hostmem_view {
	int refcount;
	struct hostmem_ctx *ctx;	/* holds a reference */
	int fd;				/* owned */
	char *path;			/* owned; NULL: without a name, or made of an fd */
	int file;			/* owned; will have that path; -1: has it, or gets none */
	struct hostmem_region_info info; /* as of when the view was made */
};

/* sys.c: system calls that return -errno, and leave errno alone */
int hostmem_sys_ioctl(int fd, unsigned long request, void *arg);
int hostmem_sys_open(const char *path, int flags);
int hostmem_sys_fchmod(int fd, mode_t mode);
int hostmem_sys_fchown(int fd, uid_t uid, gid_t gid);
int hostmem_sys_linkat(int fd, const char *from, const char *to, int flags);
int hostmem_sys_mkdir(const char *path, mode_t mode);
int hostmem_sys_mount(const char *source, const char *path, const char *type,
		      unsigned long flags);
int hostmem_sys_mmap(void *hint, size_t length, int prot, int flags, int fd, off_t offset,
		     void **addr);
int hostmem_sys_munmap(void *addr, size_t length);
int hostmem_sys_poll(int fd, short *revents, int timeout_ms);
int hostmem_sys_eventfd(void);
int hostmem_sys_dup(int fd);

/* ctx.c */
int hostmem_ctx_control(struct hostmem_ctx *ctx);
__attribute__((format(printf, 6, 7)))
void hostmem_ctx_log(struct hostmem_ctx *ctx, int priority, const char *file, int line,
		     const char *fn, const char *format, ...);
#define hostmem_log(ctx, priority, ...) \
	hostmem_ctx_log(ctx, priority, __FILE__, __LINE__, __func__, __VA_ARGS__)
#define hostmem_err(ctx, ...) hostmem_log(ctx, LOG_ERR, __VA_ARGS__)
#define hostmem_info(ctx, ...) hostmem_log(ctx, LOG_INFO, __VA_ARGS__)
#define hostmem_dbg(ctx, ...) hostmem_log(ctx, LOG_DEBUG, __VA_ARGS__)

/* fs.c */
const char *hostmem_name_skip(const char *name);
int hostmem_name_path(const char *name, char **path);
int hostmem_file_check(int fd);
bool hostmem_is_mounted(void);

/* netlink.c: a socket that knows the family */
struct hostmem_netlink {
	struct mnl_socket *sock;
	uint16_t family;
	uint32_t group;			/* of the events */
};

/* The attributes of one message, by number, and what types they have to be. */
struct hostmem_attrs {
	const struct nlattr **table;	/* [max + 1] */
	const uint8_t *types;		/* [max + 1], enum mnl_attr_data_type */
	unsigned int max;
};

int hostmem_netlink_open(struct hostmem_ctx *ctx, struct hostmem_netlink *nl);
void hostmem_netlink_close(struct hostmem_netlink *nl);
struct nlmsghdr *hostmem_netlink_request(const struct hostmem_netlink *nl, void *buf,
					 uint8_t cmd);
int hostmem_netlink_dump(struct hostmem_netlink *nl, struct nlmsghdr *request,
			 int (*message)(const struct nlmsghdr *nlh, void *data), void *data);
int hostmem_netlink_list(struct hostmem_ctx *ctx,
			 int (*list)(struct hostmem_netlink *nl, void *data), void *data);
int hostmem_netlink_parse(const struct nlmsghdr *nlh, struct hostmem_attrs *attrs);
int hostmem_attr_string(const struct nlattr *attr, char **string);
uint64_t hostmem_attr_u64(const struct nlattr *attr);
uint32_t hostmem_attr_u32(const struct nlattr *attr);

/* list.c */
void hostmem_list_free(struct hostmem_region *regions);

/* pmem.c */
void hostmem_pmems_free(struct hostmem_pmem *pmems);

/* poison.c */
int hostmem_badblocks(struct hostmem_ctx *ctx, uint16_t attr, uint64_t id,
		      struct hostmem_badblock **bad, unsigned int *count);

/* view.c */
int hostmem_view_range(const struct hostmem_view *view, unsigned long long start,
		       unsigned long long length, unsigned long long align);

/* block.c */
void hostmem_unplug_own(struct hostmem_view *view, unsigned long long start,
			unsigned long long length);

/* alloc.c */
int hostmem_alloc_run(struct hostmem_view *view, bool plug, unsigned long long start,
		      unsigned long long length, const struct hostmem_alloc *alloc);

/* slots.c */
unsigned long long hostmem_slot_size_default(unsigned long long size,
					     unsigned long long block_size);

/* map.c */
int hostmem_view_map_phase(struct hostmem_view *view, unsigned long long offset,
			   unsigned long long length, int prot, unsigned long long phase,
			   void **addr);

/* @array with room for one element more than @count, or NULL: no memory, it stays as it was. */
static inline void *hostmem_array_grow(void *array, unsigned int count, unsigned int *room,
				       size_t size)
{
	unsigned int more = *room ? 2 * *room : 16;

	if (count < *room)
		return array;
	array = reallocarray(array, more, size);
	if (array)
		*room = more;
	return array;
}

static inline unsigned long long hostmem_align_down(unsigned long long value,
						    unsigned long long align)
{
	return value - value % align;
}

static inline unsigned long long hostmem_div_round_up(unsigned long long value,
						      unsigned long long by)
{
	return value / by + (value % by != 0);
}

#endif /* _HOSTMEM_LIB_PRIVATE_H_ */
