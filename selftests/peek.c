// SPDX-License-Identifier: GPL-2.0
/*
 * peek NAME find TEXT: look for a text in the plugged blocks of a region and say where.
 * peek NAME hold OFFSET: map the region, touch a byte, then touch it again for each line
 * on standard input and say what happened.
 * peek media sum NAMESPACE: print a checksum of all bytes of a pmem namespace.
 * peek memory read ADDRESS: print the text at a physical address that no driver has.
 */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/hostmem.h>

static sigjmp_buf fault;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(fault, 1);
}

/* Look in one block; an unplugged one ends here by SIGBUS. */
static const char *find_in(const char *block, size_t size, const char *text)
{
	if (sigsetjmp(fault, 1))
		return NULL;
	return memmem(block, size, text, strlen(text));
}

static int find(const char *map, const struct hostmem_region_info *info, const char *text)
{
	size_t size = info->out_block_size;
	const char *p;

	for (size_t at = 0; at < info->out_size; at += size) {
		p = find_in(map + at, size, text);
		if (!p)
			continue;
		printf("found at offset %#zx of the region: \"%.*s\"\n", (size_t)(p - map),
		       (int)strcspn(p, "\n"), p);
		return 0;
	}
	printf("not found\n");
	return 1;
}

static int hold(volatile char *map, size_t offset)
{
	char line[16];

	do {
		if (sigsetjmp(fault, 1))
			printf("process %d: SIGBUS at offset %#zx\n", getpid(), offset);
		else
			printf("process %d: byte at offset %#zx is %#x\n", getpid(), offset,
			       (unsigned char)map[offset]);
		fflush(stdout);
	} while (fgets(line, sizeof(line), stdin));
	return 0;
}

static int read_memory(unsigned long long address)
{
	int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	const char *map = MAP_FAILED;

	if (fd >= 0)
		map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, address & ~4095ULL);
	if (map == MAP_FAILED) {
		perror("/dev/mem");
		return 1;
	}
	map += address & 4095;
	printf("%.*s\n", (int)strcspn(map, "\n"), map);
	return 0;
}

/* Takes it from nobody. */
static int sum_media(const char *name)
{
	struct hostmem_media cmd = { .size = sizeof(cmd), .name = (uintptr_t)name };
	int control = open("/dev/hostmem-control", O_RDWR | O_CLOEXEC);
	static uint64_t data[1 << 17];
	uint64_t sum = 0;
	ssize_t n, i;

	if (control < 0 || ioctl(control, HOSTMEM_MEDIA, &cmd)) {
		perror(name);
		return 1;
	}
	while ((n = read(cmd.out_fd, data, sizeof(data))) > 0) {
		for (i = 0; i < n / 8; i++)
			sum = sum * 0x100000001b3ULL + data[i];
	}
	printf("%#llx\n", (unsigned long long)sum);
	return n < 0;
}

int main(int argc, char **argv)
{
	struct hostmem_region_info info = { .size = sizeof(info) };
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	char path[PATH_MAX];
	char *map;
	int fd;

	if (argc != 4)
		return 2;
	if (!strcmp(argv[1], "memory"))
		return read_memory(strtoull(argv[3], NULL, 0));
	if (!strcmp(argv[1], "media"))
		return sum_media(argv[3]);
	snprintf(path, sizeof(path), "/dev/hostmem/%s", argv[1]);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, HOSTMEM_REGION_INFO, &info)) {
		perror(path);
		return 1;
	}
	map = mmap(NULL, info.out_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		perror(path);
		return 1;
	}
	sigaction(SIGBUS, &action, NULL);
	if (!strcmp(argv[2], "find"))
		return find(map, &info, argv[3]);
	if (!strcmp(argv[2], "hold"))
		return hold(map, strtoull(argv[3], NULL, 0));
	return 2;
}
