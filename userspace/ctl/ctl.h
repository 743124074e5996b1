/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostmemctl: what the verbs share. Grouped by the file in which it lives.
 *
 * A verb returns its exit status. Everything that it remembers is in a struct of its
 * own and in struct ctl, which main() has.
 */
#ifndef _CTL_H_
#define _CTL_H_

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <json-c/json.h>
#include <libhostmem.h>

#define CTL_CONTROL_NODE "/dev/hostmem-control"
#define CTL_MOUNT "/dev/hostmem"
#define CTL_GIB (1ULL << 30)

/* exit status; CTL_GO: not yet, carry on */
enum {
	CTL_GO = -1,
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
};

struct ctl {
	const char *verb;		/* NULL before it is known */
	struct hostmem_ctx *ctx;	/* NULL before ctl_open() */
	int verbose;
	char changed[4352];		/* what has been done by now: ctl_changed() */
};

/* verbs: one file each */
int cmd_check_namespace(struct ctl *ctl, int argc, char **argv);
int cmd_create_namespace(struct ctl *ctl, int argc, char **argv);
int cmd_create_region(struct ctl *ctl, int argc, char **argv);
int cmd_destroy_region(struct ctl *ctl, int argc, char **argv);
int cmd_extents(struct ctl *ctl, int argc, char **argv);
int cmd_info(struct ctl *ctl, int argc, char **argv);
int cmd_list(struct ctl *ctl, int argc, char **argv);
int cmd_load(struct ctl *ctl, int argc, char **argv);
int cmd_monitor(struct ctl *ctl, int argc, char **argv);
int cmd_plug(struct ctl *ctl, int argc, char **argv);
int cmd_preallocate(struct ctl *ctl, int argc, char **argv);
int cmd_resize(struct ctl *ctl, int argc, char **argv);
int cmd_revoke(struct ctl *ctl, int argc, char **argv);
int cmd_unload(struct ctl *ctl, int argc, char **argv);
int cmd_unplug(struct ctl *ctl, int argc, char **argv);
int cmd_vm_config(struct ctl *ctl, int argc, char **argv);

/* parse.c: text to values and back */
int parse_size(const char *text, uint64_t *value);
int parse_uint(const char *text, uint64_t max, uint64_t *value);
int parse_mode(const char *text, uint64_t *value);
int parse_owner(const char *text, uid_t *uid, gid_t *gid);

struct ctl_text {
	char s[64];
};

struct ctl_text ctl_size_arg(uint64_t bytes);	/* as parse_size() takes it: 2m, 64g */
struct ctl_text ctl_size_human(uint64_t bytes);	/* 64.00 GiB (68.72 GB) */

/* options.c: the command line of a verb, and its help */
struct ctl_number {
	uint64_t value;
	bool given;
};

struct ctl_strings {
	const char **list;	/* freed by ctl_strings_free() */
	unsigned int count;
};

struct ctl_option;
struct ctl_type {
	/* stores @arg at @field: 0, -EINVAL or -ENOMEM */
	int (*parse)(const struct ctl_option *option, const char *arg, void *field);
	const char *expects;
};

struct ctl_option {
	const char *name;
	char letter;			/* 0: none */
	bool optional;			/* the argument may be left out */
	const char *arg;		/* NULL: takes none */
	const struct ctl_type *type;
	const char *const *choices;	/* of ctl_type_choice, up to a NULL */
	size_t offset;			/* of the field in the struct of the verb */
	const char *help;
};

struct ctl_usage {
	const char *synopsis;		/* after the verb */
	const char *text;
	const char *args;		/* names of what is no option */
	int min_args;
	int max_args;
	const struct ctl_option *options;	/* up to one without a name */
};

extern const struct ctl_type ctl_type_flag;	/* bool */
extern const struct ctl_type ctl_type_string;	/* const char * */
extern const struct ctl_type ctl_type_strings;	/* struct ctl_strings */
extern const struct ctl_type ctl_type_size;	/* the rest: struct ctl_number */
extern const struct ctl_type ctl_type_size_auto;	/* 0 for "auto" or nothing */
extern const struct ctl_type ctl_type_count;	/* 1 and more */
extern const struct ctl_type ctl_type_threads;	/* 0 and more */
extern const struct ctl_type ctl_type_mode;
extern const struct ctl_type ctl_type_choice;	/* index in .choices */

/* what getopt_long() returns for long names, above all letters: so it tells which was meant */
enum {
	CTL_VERBOSE = 256,
	CTL_HELP,
	CTL_LONG_ONLY,		/* the first of a verb's own */
};

int ctl_unknown_option(struct ctl *ctl, int c, char **argv);
int ctl_parse(struct ctl *ctl, const struct ctl_usage *usage, void *fields, int *argc,
	      char ***argv);
void ctl_strings_free(struct ctl_strings *strings);

/* error.c: messages */
struct ctl_reason {
	int err;		/* 0 ends a list */
	const char *cause;
	const char *way_out;
};

/* what it means of the netlink family that lists regions and namespaces, and tells events */
extern const struct ctl_reason ctl_netlink_reasons[];

/* a message on stderr; CTL_FAILED */
int ctl_error(struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* the same, pointing to --help; CTL_USAGE */
int ctl_misuse(struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* from now on every error says that this has been done: "region vm0 has been created" */
void ctl_changed(struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* a message for -v, or (level 0) for everybody */
void ctl_note(struct ctl *ctl, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* what a list says of -errno, or NULL */
const struct ctl_reason *ctl_find_reason(const struct ctl_reason *reasons, int rc);
/* what went wrong by errno: from @reasons, or what it means of anything; CTL_FAILED */
int ctl_fail(struct ctl *ctl, int rc, const struct ctl_reason *reasons, const char *format,
	     ...) __attribute__((format(printf, 4, 5)));
/* the same, of a region */
int ctl_fail_region(struct ctl *ctl, int rc, const struct ctl_reason *reasons, const char *name);
/* the same for a call about a range of blocks */
int ctl_fail_range(struct ctl *ctl, struct hostmem_view *view, int rc, uint64_t start,
		   uint64_t length);
int ctl_fail_name(struct ctl *ctl, const char *name);
int ctl_fail_access(struct ctl *ctl, const char *name, const char *doing);

/* memory.c */
int ctl_fail_memory(struct ctl *ctl, struct hostmem_view *view, int rc, uint64_t length);

/* module.c: libkmod, and the mount */
int ctl_module_load(struct ctl *ctl, const char *only);
int ctl_module_unload(struct ctl *ctl);
bool ctl_module_is_loaded(const char *name);

/* region.c: opening, finding and printing regions */
enum ctl_need {
	CTL_NEED_NETLINK,
	CTL_NEED_CONTROL,
	CTL_NEED_PMEM,
};

int ctl_open(struct ctl *ctl, enum ctl_need need);
int ctl_mount(struct ctl *ctl);
int ctl_refresh(struct ctl *ctl);
int ctl_open_owner(struct ctl *ctl, const char *name, struct hostmem_view **view);
const char *ctl_name(const char *name_or_path);
struct hostmem_region *ctl_find_region(struct ctl *ctl, const char *name_or_id);
int ctl_print_region(struct ctl *ctl, struct hostmem_view *view);
/* command of a process, or an empty text */
struct ctl_text ctl_pid_command(pid_t pid);

/* backing.c */
struct ctl_backing {
	unsigned int kind;	/* HOSTMEM_BACKING_* */
	const char *name;	/* path or namespace; NULL: ram */
	int fd;			/* of a file; 0: none */
	uint64_t pmem;		/* of a reserve */
	uint64_t room;		/* bytes */
	uint64_t block;		/* smallest block size; 0: any */
};

int ctl_backing_parse(struct ctl *ctl, const char *text, struct ctl_backing *backing);
enum ctl_need ctl_backing_need(const struct ctl_backing *backing);
int ctl_backing_open(struct ctl *ctl, struct ctl_backing *backing);
void ctl_backing_close(struct ctl_backing *backing);
uint64_t ctl_backing_align(struct hostmem_region *region);
int ctl_backing_fail(struct ctl *ctl, const struct ctl_backing *backing, uint64_t size, int rc);

/* json.c */
struct ctl_json {
	bool views;
	bool slots;
	bool human;
	const uint64_t *pids;	/* only their views... */
	unsigned int nr_pids;	/* ...if not 0 */
	const uint64_t *views_only;	/* only these... */
	unsigned int nr_views;	/* ...if not 0 */
};

struct json_object *ctl_json_size(uint64_t bytes, bool human);
struct json_object *ctl_json_offset(uint64_t offset, bool human);
struct json_object *ctl_json_badblocks(const struct hostmem_badblock *bad, unsigned int count,
				       bool human);
struct json_object *ctl_json_choice(const char *const *names, unsigned int count,
				    unsigned int value);
int ctl_json_users(struct hostmem_region *region, const struct ctl_json *how,
		   struct json_object **out);
int ctl_json_region(struct hostmem_region *region, const struct ctl_json *how,
		    struct json_object **out);
int ctl_json_view(struct hostmem_view *view, struct json_object **out);
int ctl_json_print(struct ctl *ctl, struct json_object *object, int flags);

/* mapping.c */
struct ctl_mappings {
	struct hostmem_mapping *mappings;
	unsigned int count;
	bool known;
	bool counted;		/* the kernel counts their pages as the process's */
};

int ctl_mappings_read(struct hostmem_region *region, struct ctl_mappings *list);
void ctl_mappings_free(struct ctl_mappings *list);
struct json_object *ctl_json_mappings(const struct ctl_mappings *list, uint64_t view_id,
				      const struct ctl_json *how);

/* pmem.c */
int ctl_json_pmem(struct hostmem_pmem *pmem, bool human, struct json_object **out);

/* persistence.c */
enum ctl_domain {
	CTL_DOMAIN_UNKNOWN,
	CTL_DOMAIN_UNARMED,
	CTL_DOMAIN_PLATFORM,
	CTL_DOMAIN_MEMORY_CONTROLLER,
	CTL_DOMAIN_CPU_CACHE,
};

enum ctl_domain ctl_pmem_domain(struct hostmem_pmem *pmem);
const char *ctl_domain_name(enum ctl_domain domain);
bool ctl_pmem_persists(struct hostmem_pmem *pmem, const char **why);

/* holder.c */
pid_t ctl_file_user(const char *path);
pid_t ctl_lease_user(uint64_t id);
bool ctl_disk_use(const char *name, char *use, size_t size);

/* signals.c: SIGINT, SIGTERM, SIGHUP */
void ctl_signals_hold(void);
bool ctl_signals_pending(void);
int ctl_signals_fd(void);

/* progress.c: the bar, and Ctrl-C */
struct ctl_progress {
	const char *what;
	bool terminal;
	bool shown;
	double begun;
};

void ctl_progress_begin(struct ctl_progress *progress, const char *what);
int ctl_progress_step(void *data, unsigned long long done, unsigned long long total);
void ctl_progress_end(struct ctl_progress *progress);
double ctl_now(void);

/* blocks.c: plugging, with allocation */
struct ctl_alloc {
	struct ctl_number threads;
	bool preallocate;		/* where the region would wait for the first touch */
};

int ctl_plug(struct hostmem_view *view, uint64_t start, uint64_t length,
	     const struct ctl_alloc *how, struct ctl_progress *progress);
int ctl_resize(struct hostmem_view *view, uint64_t plugged, const struct ctl_alloc *how,
	       struct ctl_progress *progress, uint64_t *unplugged);
int ctl_preallocate(struct hostmem_view *view, const struct ctl_alloc *how,
		    struct ctl_progress *progress, struct hostmem_range *failed, uint64_t *done);
/* the first block in the range that is (not) plugged: 1 found, 0 none, or -errno */
int ctl_find_block(struct hostmem_view *view, uint64_t start, uint64_t length, bool plugged,
		   uint64_t *offset);

#endif /* _CTL_H_ */
