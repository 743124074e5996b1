// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl: the verbs, and how one of them is found
 */
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

struct verb {
	const char *name;
	int (*fn)(struct ctl *ctl, int argc, char **argv);
	const char *summary;
};

static const struct verb verbs[] = {
	{ "create-region", cmd_create_region, "create a memory region" },
	{ "destroy-region", cmd_destroy_region, "destroy a region and free its memory" },
	{ "plug", cmd_plug, "make a range of a region exist" },
	{ "unplug", cmd_unplug, "take a range of a region back from everyone" },
	{ "preallocate", cmd_preallocate, "allocate the memory of what is plugged" },
	{ "resize", cmd_resize, "plug or unplug until so much is plugged" },
	{ "revoke", cmd_revoke, "take a region away from those who have a view of it" },
	{ "list", cmd_list, "show regions, who uses them, and their KVM slots" },
	{ "extents", cmd_extents, "show where a file is in physical memory" },
	{ "monitor", cmd_monitor, "follow what happens to regions" },
	{ "create-namespace", cmd_create_namespace, "make a pmem namespace with a reserve" },
	{ "check-namespace", cmd_check_namespace, "check the reserve of a pmem namespace" },
	{ "vm-config", cmd_vm_config, "print what makes a region the memory of a VM" },
	{ "info", cmd_info, "show the limits of the module" },
	{ "load", cmd_load, "load the kernel modules, mount hostmemfs" },
	{ "unload", cmd_unload, "unmount hostmemfs, unload the kernel modules" },
};

#define NR_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void list_verbs(FILE *to)
{
	size_t i;

	for (i = 0; i < NR_VERBS; i++)
		fprintf(to, "  %-16s %s\n", verbs[i].name, verbs[i].summary);
}

static int print_help(void)
{
	printf("Usage: hostmemctl [OPTION]... VERB [ARGUMENT]...\n\n"
	       "Owns the memory of virtual machines: shared, sparse, revocable regions.\n\n"
	       "Verbs:\n");
	list_verbs(stdout);
	printf("\nOptions:\n"
	       "  -v, --verbose    say more on stderr; twice: everything\n"
	       "      --version    version of this command, as the verb version\n"
	       "      --help       this text, as the verb help; after a verb, and as help VERB: its options\n\n"
	       "See hostmemctl(1), and hostmemctl-VERB(1) for each verb.\n");
	return fflush(stdout) ? CTL_FAILED : CTL_OK;
}

static int print_version(void)
{
	printf("hostmemctl %s\n", HOSTMEM_VERSION);
	return fflush(stdout) ? CTL_FAILED : CTL_OK;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein's distance of two short words. */
static size_t distance(const char *a, const char *b)
{
	size_t row[32], i, j, left, up;
	size_t n = strlen(b);

	if (n >= 32 || strlen(a) >= 32)
		return 32;
	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 1; a[i - 1]; i++) {
		left = i;
		for (j = 1; j <= n; j++) {
			up = min3(row[j] + 1, left + 1, row[j - 1] + (a[i - 1] != b[j - 1]));
			row[j - 1] = left;
			left = up;
		}
		row[n] = left;
	}
	return row[n];
}

/* The verb that a word was meant to be; NULL if it is like none. */
static const struct verb *nearest_verb(const char *word)
{
	size_t i, d, best = 4;
	const struct verb *nearest = NULL;

	for (i = 0; i < NR_VERBS; i++) {
		d = distance(word, verbs[i].name);
		/* "create" for create-region */
		if (strlen(word) > 2 && !strncmp(word, verbs[i].name, strlen(word)))
			d = 0;
		if (d < best && d < strlen(word)) {
			best = d;
			nearest = &verbs[i];
		}
	}
	return nearest;
}

static int unknown_verb(const char *word)
{
	const struct verb *nearest = nearest_verb(word);

	fprintf(stderr, "hostmemctl: %s: no such verb", word);
	if (nearest)
		fprintf(stderr, "; did you mean %s?", nearest->name);
	fprintf(stderr, "\nThe verbs are:\n");
	list_verbs(stderr);
	return CTL_USAGE;
}

/* Options in front of the verb: CTL_GO, or the exit status. */
static int global_options(struct ctl *ctl, int argc, char **argv)
{
	static const struct option names[] = {
		{ .name = "verbose", .val = CTL_VERBOSE },
		{ .name = "version", .val = CTL_LONG_ONLY },
		{ .name = "help", .val = CTL_HELP },
		{ .name = NULL },
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+vh", names, NULL)) != -1) {
		switch (c) {
		case 'v':
		case CTL_VERBOSE:
			ctl->verbose++;
			break;
		case CTL_LONG_ONLY:
			return print_version();
		case 'h':
		case CTL_HELP:
			return print_help();
		default:
			return ctl_unknown_option(ctl, c, argv);
		}
	}
	if (optind < argc)
		return CTL_GO;
	fprintf(stderr, "hostmemctl: no verb; the verbs are:\n");
	list_verbs(stderr);
	return CTL_USAGE;
}

/* Who starts us without stdin, stdout or stderr: no other file may take their place. */
static void open_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .verb = NULL };
	size_t i;
	int rc;

	open_standard_files();
	rc = global_options(&ctl, argc, argv);
	if (rc != CTL_GO)
		return rc;
	argc -= optind;
	argv += optind;
	if (!strcmp(argv[0], "version"))
		return print_version();
	if (!strcmp(argv[0], "help")) {
		if (argc == 1)
			return print_help();
		argv[0] = argv[1];
		argv[1] = "--help";
		argc = 2;
	}
	for (i = 0; i < NR_VERBS; i++) {
		if (!strcmp(verbs[i].name, argv[0]))
			break;
	}
	if (i == NR_VERBS)
		return unknown_verb(argv[0]);
	ctl.verb = verbs[i].name;
	rc = verbs[i].fn(&ctl, argc, argv);
	if (ctl.ctx)
		hostmem_unref(ctl.ctx);
	return rc;
}
