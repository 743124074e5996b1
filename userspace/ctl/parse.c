// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sizes, numbers, modes and owners: from the command line and to the screen.
 */
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

/* What a character stands for, or a value above all bases. */
static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Digits only: no blanks, no sign, no prefix. */
static int parse_number(const char *text, unsigned int base, const char **end, uint64_t *value)
{
	uint64_t number = 0;

	if (digit(*text) >= base)
		return -EINVAL;
	for (; digit(*text) < base; text++) {
		if (__builtin_mul_overflow(number, base, &number) ||
		    __builtin_add_overflow(number, digit(*text), &number))
			return -ERANGE;
	}
	*end = text;
	*value = number;
	return 0;
}

/**
 * parse_size - read a size or an offset
 * @text: decimal or, with 0x, hexadecimal; k, m, g or t behind it multiply by powers of 1024
 * @value: out: bytes
 *
 * Return: 0, -EINVAL (not a size), -ERANGE (does not fit in 64 bits).
 */
int parse_size(const char *text, uint64_t *value)
{
	static const char units[] = "kmgt";
	const char *unit, *end;
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	uint64_t number;
	int rc;

	rc = parse_number(hex ? text + 2 : text, hex ? 16 : 10, &end, &number);
	if (rc)
		return rc;
	if (*end) {
		unit = strchr(units, tolower((unsigned char)*end));
		if (!unit || end[1])
			return -EINVAL;
		if (__builtin_mul_overflow(number, 1ULL << (10 * (unit - units + 1)), &number))
			return -ERANGE;
	}
	*value = number;
	return 0;
}

/**
 * parse_uint - read a decimal number
 * @text: digits only
 * @max: largest that is accepted
 * @value: out
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int parse_uint(const char *text, uint64_t max, uint64_t *value)
{
	const char *end;
	int rc = parse_number(text, 10, &end, value);

	if (rc)
		return rc;
	if (*end)
		return -EINVAL;
	return *value > max ? -ERANGE : 0;
}

/* Permission bits, octal. */
int parse_mode(const char *text, uint64_t *value)
{
	const char *end;
	int rc = parse_number(text, 8, &end, value);

	if (rc)
		return rc;
	return *end || *value > 0777 ? -EINVAL : 0;
}

static int parse_user(const char *text, uid_t *uid)
{
	const struct passwd *user = getpwnam(text);
	uint64_t number;

	if (user) {
		*uid = user->pw_uid;
		return 0;
	}
	if (parse_uint(text, UINT32_MAX - 1, &number))
		return -ENOENT;
	*uid = number;
	return 0;
}

static int parse_group(const char *text, gid_t *gid)
{
	const struct group *group = getgrnam(text);
	uint64_t number;

	if (group) {
		*gid = group->gr_gid;
		return 0;
	}
	if (parse_uint(text, UINT32_MAX - 1, &number))
		return -ENOENT;
	*gid = number;
	return 0;
}

/**
 * parse_owner - read an owner
 * @text: USER, USER:GROUP or :GROUP, each by name or number
 * @uid: out, unchanged without a user
 * @gid: out, unchanged without a group
 *
 * Return: 0, -EINVAL (empty), -ENOENT (nobody of that name), -ENOMEM.
 */
int parse_owner(const char *text, uid_t *uid, gid_t *gid)
{
	char *user = strdup(text);
	char *group;
	int rc = 0;

	if (!user)
		return -ENOMEM;
	group = strchr(user, ':');
	if (group)
		*group++ = '\0';
	if (!*user && (!group || !*group))
		rc = -EINVAL;
	if (!rc && *user)
		rc = parse_user(user, uid);
	if (!rc && group && *group)
		rc = parse_group(group, gid);
	free(user);
	return rc;
}

struct ctl_text ctl_size_arg(uint64_t bytes)
{
	static const char *const units[] = { "", "k", "m", "g", "t" };
	struct ctl_text text;
	unsigned int i = 0;

	while (bytes && bytes % 1024 == 0 && i < 4) {
		bytes /= 1024;
		i++;
	}
	snprintf(text.s, sizeof(text.s), "%llu%s", (unsigned long long)bytes, units[i]);
	return text;
}

static unsigned int scale(double *number, double step)
{
	unsigned int i = 0;

	while (*number >= step && i < 6) {
		*number /= step;
		i++;
	}
	return i;
}

struct ctl_text ctl_size_human(uint64_t bytes)
{
	static const char *const units[] = { "", "K", "M", "G", "T", "P", "E" };
	struct ctl_text text;
	double two = bytes, ten = bytes;
	unsigned int i, j;

	if (bytes < 1024) {
		snprintf(text.s, sizeof(text.s), "%u B", (unsigned int)bytes);
		return text;
	}
	i = scale(&two, 1024);
	j = scale(&ten, 1000);
	snprintf(text.s, sizeof(text.s), "%.2f %siB (%.2f %sB)", two, units[i], ten,
		 j == 1 ? "k" : units[j]);
	return text;
}
