// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in a range of a namespace: libblkid knows by its signature, libext2fs how large an
 * ext file system is, and where nobody knows only zeros are free.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <blkid/blkid.h>
#include <ext2fs/ext2fs.h>

#include "media.h"

#define CHUNK (4ULL << 20)

/**
 * ctl_space_fail - say why it cannot be found out what is in a range
 * @media: the namespace
 * @rc: -errno
 *
 * Return: CTL_FAILED.
 */
int ctl_space_fail(struct ctl_media *media, int rc)
{
	static const struct ctl_reason reasons[] = {
		{ EIO, "a bad block is in it, so that it cannot be told what would be lost",
		  "clear it: ndctl clear-errors; or lose all data: --force" },
		{ EINTR, "interrupted; it is as it was", "run it again" },
		{ 0, NULL, NULL },
	};

	return ctl_fail(media->ctl, rc, reasons, "namespace %s", media->name);
}

/**
 * ctl_space_signature - what a range is, by what it begins with
 * @media: that is looked at or taken
 * @offset: bytes from the start of the namespace
 * @length: bytes
 * @type: out: "ext4", "xfs", "gpt"...
 * @size: bytes of @type
 *
 * Return: 1: found; 0: nothing that libblkid knows; or -errno.
 */
int ctl_space_signature(struct ctl_media *media, uint64_t offset, uint64_t length, char *type,
			size_t size)
{
	blkid_probe probe = blkid_new_probe();
	const char *value;
	int rc;

	if (!probe)
		return -ENOMEM;
	rc = blkid_probe_set_device(probe, media->look, offset, length) ? -EIO : 0;
	if (!rc) {
		blkid_probe_enable_partitions(probe, 1);
		blkid_probe_enable_superblocks(probe, 1);
		blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
		rc = blkid_do_safeprobe(probe);
		/* 1: nothing; -2: several; else an error */
		if (rc == -2)
			snprintf(type, size, "several things at once");
		else if (!rc && (!blkid_probe_lookup_value(probe, "TYPE", &value, NULL) ||
				 !blkid_probe_lookup_value(probe, "PTTYPE", &value, NULL)))
			snprintf(type, size, "%s", value);
		rc = rc == 1 ? 0 : rc == 0 || rc == -2 ? 1 : -EIO;
	}
	blkid_free_probe(probe);
	return rc;
}

/* Bytes of an ext file system at an offset. */
static int ext_size(struct ctl_media *media, uint64_t offset, uint64_t *size, bool *clean)
{
	int fd = fcntl(media->look, F_DUPFD_CLOEXEC, 0);
	char number[16], options[64];
	ext2_filsys fs;

	if (fd < 0)
		return -EMFILE;
	snprintf(number, sizeof(number), "%d", fd);
	snprintf(options, sizeof(options), "offset=%llu", (unsigned long long)offset);
	/* It closes the fd in its end; how it fails does not tell whether it has. */
	if (ext2fs_open2(number, options, EXT2_FLAG_64BITS, 0, 0, unixfd_io_manager, &fs))
		return -EINVAL;
	*size = ext2fs_blocks_count(fs->super) * fs->blocksize;
	*clean = !ext2fs_has_feature_journal_needs_recovery(fs->super) &&
		 !(fs->super->s_state & EXT2_ERROR_FS);
	ext2fs_close(fs);
	return 0;
}

static int ext_free(struct ctl_media *media, uint64_t offset, uint64_t keep, const char *type)
{
	uint64_t size;
	bool clean;
	int rc;

	rc = ext_size(media, offset, &size, &clean);
	if (rc)
		return ctl_error(media->ctl, "namespace %s: its %s file system cannot be read; check it: e2fsck -f",
				 media->name, type);
	if (!clean)
		return ctl_error(media->ctl, "namespace %s: its %s file system was not unmounted cleanly; check it: e2fsck -f",
				 media->name, type);
	if (size > keep)
		return ctl_error(media->ctl, "namespace %s: its %s file system has %s, and only %s would be left; shrink it: resize2fs DEVICE %lluK",
				 media->name, type, ctl_size_arg(size).s, ctl_size_arg(keep).s,
				 (unsigned long long)keep >> 10);
	return CTL_GO;
}

/* Where the first byte is that is not zero: 1; 0: none; or -errno, -EINTR. */
static int search(struct ctl_media *media, uint64_t offset, uint64_t length, char *chunk,
		  struct ctl_progress *progress, uint64_t *at)
{
	uint64_t done = 0, n, i;
	ssize_t got;

	while (done < length) {
		n = length - done < CHUNK ? length - done : CHUNK;
		got = pread(media->look, chunk, n, offset + done);
		if (got != (ssize_t)n)
			return got < 0 ? -errno : -ENXIO;
		if (!hostmem_is_zero(chunk, n)) {
			for (i = 0; !chunk[i]; i++)
				;
			*at = offset + done + i;
			return 1;
		}
		done += n;
		if (ctl_progress_step(progress, done, length))
			return -EINTR;
	}
	return 0;
}

/**
 * ctl_space_zero - whether there is nothing but zeros in a range
 * @media: that is looked at or taken
 * @offset: bytes from the start of the namespace
 * @length: bytes
 * @at: out: where the first byte is that is not zero
 *
 * Shows a bar; ends at SIGINT and SIGTERM.
 *
 * Return: 0: it is all zeros; 1: it is not; -EINTR, or another -errno.
 */
int ctl_space_zero(struct ctl_media *media, uint64_t offset, uint64_t length, uint64_t *at)
{
	struct ctl_progress progress;
	char *chunk = malloc(CHUNK);
	int rc;

	if (!chunk)
		return -ENOMEM;
	ctl_progress_begin(&progress, media->name);
	rc = search(media, offset, length, chunk, &progress, at);
	ctl_progress_end(&progress);
	free(chunk);
	return rc;
}

static int zero_free(struct ctl_media *media, uint64_t offset, uint64_t length)
{
	uint64_t at = 0;
	int rc = ctl_space_zero(media, offset, length, &at);

	if (rc > 0)
		return ctl_error(media->ctl, "namespace %s: the space that the reserve would take is in use: it is not zero at %#llx; free it, or lose all data: --force",
				 media->name, (unsigned long long)at);
	return rc ? ctl_space_fail(media, rc) : CTL_GO;
}

/**
 * ctl_space_free - whether the end of the data can be taken away
 * @media: that is looked at or taken
 * @offset: of the data, bytes from the start of the namespace
 * @length: bytes of the data
 * @keep: bytes that stay
 *
 * Return: CTL_GO, or CTL_FAILED after a message that says what would be lost.
 */
int ctl_space_free(struct ctl_media *media, uint64_t offset, uint64_t length, uint64_t keep)
{
	char type[64];
	int rc = ctl_space_signature(media, offset, length, type, sizeof(type));

	if (rc < 0)
		return ctl_space_fail(media, rc);
	if (!rc)
		return zero_free(media, offset + keep, length - keep);
	if (!strncmp(type, "ext", 3))
		return ext_free(media, offset, keep, type);
	return ctl_error(media->ctl, "namespace %s: it holds %s, which cannot give up its end; save the data, then --force",
			 media->name, type);
}
