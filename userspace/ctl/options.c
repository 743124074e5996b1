// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line of a verb, from a table that also makes its --help.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define CTL_MAX_OPTIONS 32

static int flag_parse(const struct ctl_option *option, const char *arg, void *field)
{
	(void)option;
	(void)arg;
	*(bool *)field = true;
	return 0;
}

static int string_parse(const struct ctl_option *option, const char *arg, void *field)
{
	(void)option;
	*(const char **)field = arg;
	return *arg ? 0 : -EINVAL;
}

static int strings_parse(const struct ctl_option *option, const char *arg, void *field)
{
	struct ctl_strings *strings = field;
	const char **list;

	(void)option;
	if (!*arg)
		return -EINVAL;
	list = realloc(strings->list, (strings->count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	list[strings->count++] = arg;
	strings->list = list;
	return 0;
}

void ctl_strings_free(struct ctl_strings *strings)
{
	free(strings->list);
	strings->list = NULL;
	strings->count = 0;
}

static int number_parsed(struct ctl_number *number, int rc)
{
	number->given = !rc;
	return rc;
}

static int size_parse(const struct ctl_option *option, const char *arg, void *field)
{
	struct ctl_number *number = field;

	(void)option;
	return number_parsed(number, parse_size(arg, &number->value));
}

static int size_auto_parse(const struct ctl_option *option, const char *arg, void *field)
{
	struct ctl_number *number = field;

	if (arg && strcmp(arg, "auto"))
		return size_parse(option, arg, field);
	number->value = 0;
	return number_parsed(number, 0);
}

static int count_parse(const struct ctl_option *option, const char *arg, void *field)
{
	struct ctl_number *number = field;
	int rc = parse_uint(arg, INT64_MAX, &number->value);

	(void)option;
	return number_parsed(number, !rc && !number->value ? -EINVAL : rc);
}

static int threads_parse(const struct ctl_option *option, const char *arg, void *field)
{
	struct ctl_number *number = field;

	(void)option;
	return number_parsed(number, parse_uint(arg, 1024, &number->value));
}

static int mode_parse(const struct ctl_option *option, const char *arg, void *field)
{
	struct ctl_number *number = field;

	(void)option;
	return number_parsed(number, parse_mode(arg, &number->value));
}

static int choice_parse(const struct ctl_option *option, const char *arg, void *field)
{
	struct ctl_number *number = field;

	for (number->value = 0; option->choices[number->value]; number->value++) {
		if (!strcmp(option->choices[number->value], arg))
			return number_parsed(number, 0);
	}
	return -EINVAL;
}

const struct ctl_type ctl_type_flag = { flag_parse, "no value" };
const struct ctl_type ctl_type_string = { string_parse, "something that is not empty" };
const struct ctl_type ctl_type_strings = { strings_parse, "something that is not empty" };
const struct ctl_type ctl_type_size = {
	size_parse, "an integer with nothing or k, m, g or t (powers of 1024) behind it"
};

const struct ctl_type ctl_type_size_auto = {
	size_auto_parse, "auto or an integer with nothing or k, m, g or t behind it"
};

const struct ctl_type ctl_type_count = { count_parse, "an integer from 1" };
const struct ctl_type ctl_type_threads = { threads_parse, "an integer from 0 to 1024" };
const struct ctl_type ctl_type_mode = { mode_parse, "octal permission bits, at most 0777" };
const struct ctl_type ctl_type_choice = { choice_parse, NULL };

static unsigned int options_count(const struct ctl_option *options)
{
	unsigned int n = 0;

	while (options && options[n].name)
		n++;
	return n;
}

static void option_help(const struct ctl_option *option)
{
	char head[80];

	snprintf(head, sizeof(head), "%c%c%c --%s%s%s%s", option->letter ? '-' : ' ',
		 option->letter ? option->letter : ' ', option->letter ? ',' : ' ',
		 option->name, option->arg ? (option->optional ? "[=" : " ") : "",
		 option->arg ? option->arg : "", option->optional ? "]" : "");
	if (strlen(head) > 26)
		printf("  %s\n  %26s  %s\n", head, "", option->help);
	else
		printf("  %-26s  %s\n", head, option->help);
}

static int print_help(struct ctl *ctl, const struct ctl_usage *usage)
{
	const struct ctl_option *option;

	printf("Usage: hostmemctl %s%s%s\n\n%s\n\nOptions:\n", ctl->verb,
	       *usage->synopsis ? " " : "", usage->synopsis, usage->text);
	for (option = usage->options; option && option->name; option++)
		option_help(option);
	printf("  %-26s  %s\n  %-26s  %s\n\nSee hostmemctl-%s(1).\n", "-v, --verbose",
	       "say more on stderr; twice: everything", "    --help", "this text", ctl->verb);
	return fflush(stdout) ? CTL_FAILED : CTL_OK;
}

/* Letters and long names as getopt_long() wants them. */
static void getopt_tables(const struct ctl_option *options, char *letters,
			  struct option *names)
{
	unsigned int i, n = options_count(options);

	*letters++ = ':';
	*letters++ = 'v';
	*letters++ = 'h';
	for (i = 0; i < n; i++) {
		names[i] = (struct option) {
			.name = options[i].name,
			.has_arg = !options[i].arg ? no_argument :
				   options[i].optional ? optional_argument :
							 required_argument,
			.val = CTL_LONG_ONLY + i,
		};
		if (!options[i].letter)
			continue;
		*letters++ = options[i].letter;
		if (options[i].arg)
			*letters++ = ':';
	}
	*letters = '\0';
	names[n++] = (struct option) { .name = "verbose", .val = CTL_VERBOSE };
	names[n++] = (struct option) { .name = "help", .val = CTL_HELP };
	names[n] = (struct option) { .name = NULL };
}

static int option_misuse(struct ctl *ctl, const struct ctl_option *option, const char *arg,
			 int rc)
{
	char choices[128] = "";
	unsigned int i;

	if (rc == -ENOMEM)
		return ctl_fail(ctl, rc, NULL, "--%s", option->name);
	if (rc == -ERANGE)
		return ctl_misuse(ctl, "--%s %s: the number is too large", option->name, arg);
	for (i = 0; option->choices && option->choices[i]; i++) {
		if (i)
			strncat(choices, option->choices[i + 1] ? ", " : " or ",
				sizeof(choices) - strlen(choices) - 1);
		strncat(choices, option->choices[i], sizeof(choices) - strlen(choices) - 1);
	}
	return ctl_misuse(ctl, "--%s %s: not understood; it takes %s", option->name, arg,
			  i ? choices : option->type->expects);
}

/* An argument that may be left out is also taken from the next word, if that is one. */
static const char *optional_arg(const struct ctl_option *option, char **argv, void *field)
{
	const char *next = argv[optind];

	if (optarg || !option->optional || !next || option->type->parse(option, next, field))
		return optarg;
	optind++;
	return next;
}

static int apply_option(struct ctl *ctl, const struct ctl_usage *usage, void *fields, int c,
			char **argv)
{
	const struct ctl_option *option = usage->options;
	unsigned int i, n = options_count(option);
	const char *arg;
	void *field;
	int rc;

	for (i = 0; i < n; i++) {
		if (c == CTL_LONG_ONLY + (int)i || (option[i].letter && c == option[i].letter))
			break;
	}
	if (i == n)
		return ctl_misuse(ctl, "no such option");
	option += i;
	field = (char *)fields + option->offset;
	arg = optional_arg(option, argv, field);
	rc = option->type->parse(option, arg, field);
	return rc ? option_misuse(ctl, option, arg ? arg : "", rc) : CTL_GO;
}

/**
 * ctl_unknown_option - say what getopt_long() did not like
 * @ctl: the command
 * @c: what it returned: '?', or ':' for a missing value
 * @argv: as given to it
 *
 * A letter is named alone: it may be one of several in a word.
 *
 * Return: CTL_USAGE.
 */
int ctl_unknown_option(struct ctl *ctl, int c, char **argv)
{
	const char *word = argv[optind - 1];

	if (c == ':' && optopt < CTL_VERBOSE)
		return ctl_misuse(ctl, "-%c: needs a value", optopt);
	if (c == ':')
		return ctl_misuse(ctl, "%s: needs a value", word);
	if (optopt >= CTL_VERBOSE)
		return ctl_misuse(ctl, "%s: takes no value", word);
	if (optopt)
		return ctl_misuse(ctl, "-%c: no such option", optopt);
	return ctl_misuse(ctl, "%s: no such option, or short for several", word);
}

/**
 * ctl_parse - read the command line of a verb
 * @ctl: the command
 * @usage: what there may be
 * @fields: struct of the verb, filled by its options
 * @argc: in: arguments, with the verb; out: arguments that are no options
 * @argv: in: the verb first; out: the first argument that is no option
 *
 * Return: CTL_GO, or the exit status: after --help, or a message about what is wrong.
 */
int ctl_parse(struct ctl *ctl, const struct ctl_usage *usage, void *fields, int *argc,
	      char ***argv)
{
	struct option names[CTL_MAX_OPTIONS + 3];
	char letters[2 * CTL_MAX_OPTIONS + 4];
	int c, rc;

	getopt_tables(usage->options, letters, names);
	opterr = 0;
	optind = 0;	/* start anew: main() has used it */
	while ((c = getopt_long(*argc, *argv, letters, names, NULL)) != -1) {
		switch (c) {
		case 'v':
		case CTL_VERBOSE:
			ctl->verbose++;
			break;
		case 'h':
		case CTL_HELP:
			return print_help(ctl, usage);
		case '?':
		case ':':
			return ctl_unknown_option(ctl, c, *argv);
		default:
			rc = apply_option(ctl, usage, fields, c, *argv);
			if (rc != CTL_GO)
				return rc;
		}
	}
	*argc -= optind;
	*argv += optind;
	if (*argc < usage->min_args)
		return ctl_misuse(ctl, "%s missing", usage->args);
	if (*argc > usage->max_args)
		return ctl_misuse(ctl, "%s: one argument too many", (*argv)[usage->max_args]);
	return CTL_GO;
}
