// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostmemctl create-namespace
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/ndctl.h>

#include "media.h"

struct create {
	struct ctl_number reserve;
	const char *purpose;
	const char *name;
	bool force;
	struct ctl_number mode;
	struct ctl_number map;
	struct ctl_number align;
	struct ctl_number layout;
	const char *region;
	struct ctl_number size;
	bool dry_run;
	bool human;
};

static const char *const modes[] = { "fsdax", "devdax", NULL };
static const unsigned int mode_values[] = { HOSTMEM_PMEM_FSDAX, HOSTMEM_PMEM_DEVDAX };
static const char *const maps[] = { "mem", "dev", NULL };
static const unsigned int map_values[] = { HOSTMEM_PMEM_MAP_MEM, HOSTMEM_PMEM_MAP_DEV };
static const char *const layouts[] = { "tail", "head", NULL };
static const unsigned int layout_values[] = { HOSTMEM_RESERVE_TAIL, HOSTMEM_RESERVE_HEAD };
static const char *const aligns[] = { "4k", "2m", "1g", NULL };
static const uint64_t align_values[] = { 4 << 10, 2 << 20, 1 << 30 };

#define OPTION(_name, _letter, _arg, _type, _field, _help)	\
	{ .name = _name, .letter = _letter, .arg = _arg, .type = &ctl_type_ ## _type,	\
	  .offset = offsetof(struct create, _field), .help = _help }
#define CHOICE(_name, _letter, _arg, _choices, _field, _help)	\
	{ .name = _name, .letter = _letter, .arg = _arg, .type = &ctl_type_choice,	\
	  .choices = _choices, .offset = offsetof(struct create, _field), .help = _help }

static const struct ctl_option options[] = {
	OPTION("reserve", 'R', "SIZE", size, reserve,
	       "bytes to keep out of the data, a multiple of 2m; 0 drops the reserve"),
	OPTION("for", 0, "PURPOSE", string, purpose,
	       "what it is for, up to 63 characters; \"xen\" computes the size that Xen needs"),
	OPTION("reconfig", 'e', "NAMESPACE", string, name,
	       "use this one: its data stays, but with --force"),
	OPTION("force", 'f', NULL, flag, force, "lose whatever the namespace holds"),
	CHOICE("mode", 'm', "fsdax|devdax", modes, mode, "default: fsdax"),
	CHOICE("map", 'M', "mem|dev", maps, map,
	       "where the struct pages are; default: dev, for --layout head: mem"),
	CHOICE("align", 'a', "4k|2m|1g", aligns, align, "of the data; default: 2m"),
	CHOICE("layout", 'l', "tail|head", layouts, layout,
	       "behind or in front of the data; default: tail, from 4g on head"),
	OPTION("region", 'r', "REGION", string, region, "make it of this region's free space"),
	OPTION("size", 's', "SIZE", size, size, "of a namespace made of free space; default: all"),
	OPTION("dry-run", 'n', NULL, flag, dry_run, "say what would be done, change nothing"),
	OPTION("human", 'u', NULL, flag, human, "sizes with units, addresses in hexadecimal"),
	{ .name = NULL },
};

static const struct ctl_usage usage = {
	.synopsis = "--reserve SIZE [OPTION]...",
	.text = "Make a pmem namespace with a reserve: of free space, else of the only raw namespace\n"
		"that is disabled, or of the one that -e names. A namespace in use is refused, and so\n"
		"is losing data, all that is not zero, without --force. Prints the namespace as JSON.",
	.args = "--reserve",
	.max_args = 0,
	.options = options,
};

/* Everything about one call. */
struct job {
	struct ctl *ctl;
	const struct create *how;
	struct ctl_media media;
	struct ctl_geometry want;
	struct ctl_found found;
	struct hostmem_reserve_superblock sb;
	struct ndctl_region *region;	/* of whose free space it is made, or NULL */
	bool made;	/* it has been */
	bool picked;	/* by us, as nothing else was there */
};

static int check_purpose(struct ctl *ctl, const char *purpose)
{
	size_t i;

	if (!purpose)
		return CTL_GO;
	for (i = 0; purpose[i]; i++) {
		if (purpose[i] < 0x20 || purpose[i] > 0x7e || i + 1 == HOSTMEM_RESERVE_PURPOSE_MAX)
			return ctl_misuse(ctl, "--for %s: not understood; it takes up to %d printable ASCII characters",
					  purpose, HOSTMEM_RESERVE_PURPOSE_MAX - 1);
	}
	return CTL_GO;
}

static int check_options(struct ctl *ctl, const struct create *how)
{
	bool drop = how->reserve.given && !how->reserve.value;

	if (!how->reserve.given && (!how->purpose || strcmp(how->purpose, "xen")))
		return ctl_misuse(ctl, "--reserve SIZE is missing");
	if (drop && !how->name)
		return ctl_misuse(ctl, "--reserve 0: needs -e, the namespace that loses its reserve");
	if (drop && (how->force || how->purpose || how->mode.given || how->map.given ||
		     how->align.given || how->layout.given))
		return ctl_misuse(ctl, "--reserve 0: cannot be combined with options that describe a reserve");
	if (how->name && (how->region || how->size.given))
		return ctl_misuse(ctl, "-e %s: cannot be combined with --region and --size",
				  how->name);
	return check_purpose(ctl, how->purpose);
}

/* What the kernel would not bring up again is refused here. */
static int check_align(struct job *job)
{
	struct ndctl_region *region = ndctl_namespace_get_region(job->media.ns);
	struct ndctl_pfn *pfn = ndctl_region_get_pfn_seed(region);
	struct ndctl_dax *dax = ndctl_region_get_dax_seed(region);
	bool devdax = job->want.mode == HOSTMEM_PMEM_DEVDAX;
	int i, n = devdax ? ndctl_dax_get_num_alignments(dax) : ndctl_pfn_get_num_alignments(pfn);

	for (i = 0; i < n; i++) {
		if ((devdax ? ndctl_dax_get_supported_alignment(dax, i) :
			      ndctl_pfn_get_supported_alignment(pfn, i)) == job->want.align)
			return CTL_GO;
	}
	return ctl_error(job->ctl, "namespace %s: this machine cannot align %s to %s; use another --align",
			 job->media.name, devdax ? "devdax" : "fsdax",
			 ctl_size_arg(job->want.align).s);
}

/* Options, with what they are where they are not given. */
static int want(struct job *job)
{
	const struct create *how = job->how;
	uint64_t need = ctl_geometry_purpose_size(&job->media, how->purpose);
	uint64_t reserve = how->reserve.given ? how->reserve.value : need;
	bool head;

	if (reserve < need)
		return ctl_error(job->ctl, "namespace %s: a reserve of %s is too small for %s; use at least %s",
				 job->media.name, ctl_size_arg(reserve).s, how->purpose,
				 ctl_size_arg(need).s);
	head = how->layout.given ? layout_values[how->layout.value] == HOSTMEM_RESERVE_HEAD :
				   reserve > UINT32_MAX;
	job->want = (struct ctl_geometry) {
		.mode = how->mode.given ? mode_values[how->mode.value] : HOSTMEM_PMEM_FSDAX,
		.map = how->map.given ? map_values[how->map.value] :
		       head ? HOSTMEM_PMEM_MAP_MEM : HOSTMEM_PMEM_MAP_DEV,
		.align = how->align.given ? align_values[how->align.value] : 2 << 20,
		.layout = head ? HOSTMEM_RESERVE_HEAD : HOSTMEM_RESERVE_TAIL,
		.reserve = reserve,
	};
	if (head && job->want.map == HOSTMEM_PMEM_MAP_DEV)
		return ctl_error(job->ctl, "namespace %s: in front of the data a reserve needs the struct pages in main memory; use --map mem",
				 job->media.name);
	return reserve ? check_align(job) : CTL_GO;
}

static void print_step(struct job *job, unsigned int n, const char *what)
{
	ctl_note(job->ctl, 0, "namespace %s: %u/4 %s", job->media.name, n, what);
}

static int fail_interrupted(struct job *job)
{
	return ctl_error(job->ctl, "namespace %s: an earlier change was interrupted; end it first: hostmemctl check-namespace %s --repair",
			 job->media.name, job->media.name);
}

/* What is not all zeros may be data. */
static int check_empty(struct job *job)
{
	struct ctl_media *media = &job->media;
	char type[64];
	uint64_t at;
	int rc;

	rc = ctl_space_signature(media, 0, media->size, type, sizeof(type));
	if (rc > 0)
		return ctl_error(job->ctl, "namespace %s: it holds %s; save the data, then --force",
				 media->name, type);
	if (!rc)
		rc = ctl_space_zero(media, 0, media->size, &at);
	if (rc > 0)
		return ctl_error(job->ctl, "namespace %s: it holds something, perhaps data: it is not zero at %#llx; save that, then --force",
				 media->name, (unsigned long long)at);
	return rc ? ctl_space_fail(media, rc) : CTL_GO;
}

/* Raw, and to become a namespace with a reserve. What is on free space is of one that was. */
static int prepare_new(struct job *job)
{
	int rc = job->how->force || job->made ? CTL_GO : check_empty(job);

	return rc == CTL_GO ? ctl_geometry_create(&job->media, &job->want, &job->sb) : rc;
}

static int refuse_change(struct job *job, const char *what)
{
	return ctl_error(job->ctl, "namespace %s: --%s cannot be changed without losing all data; leave it out, or save the data, then --force",
			 job->media.name, what);
}

static int check_same(struct job *job, const struct hostmem_infoblock_fields *now)
{
	const struct create *how = job->how;
	bool devdax = !strcmp((const char *)now->signature, HOSTMEM_INFOBLOCK_DEVDAX);
	bool dev = le32toh(now->mode) == HOSTMEM_INFOBLOCK_DEV;
	unsigned int mode = devdax ? HOSTMEM_PMEM_DEVDAX : HOSTMEM_PMEM_FSDAX;
	unsigned int map = dev ? HOSTMEM_PMEM_MAP_DEV : HOSTMEM_PMEM_MAP_MEM;

	if (how->mode.given && mode != job->want.mode)
		return refuse_change(job, "mode");
	if (how->map.given && map != job->want.map)
		return refuse_change(job, "map");
	if (how->align.given && job->want.align != le32toh(now->align))
		return refuse_change(job, "align");
	if (job->want.layout == HOSTMEM_RESERVE_HEAD)
		return ctl_error(job->ctl, "namespace %s: a reserve in front of the data would move the data; use --layout tail, less than 4g, or save the data, then --force",
				 job->media.name);
	return CTL_GO;
}

/* The end of the data becomes the reserve. */
static int prepare_add(struct job *job)
{
	const struct hostmem_infoblock_fields *now = &job->found.block.fields;
	struct hostmem_infoblock canonical;
	unsigned long long offset, length;
	int rc;

	hostmem_infoblock_expand(now, &canonical);
	if (memcmp(&canonical, &job->found.block, sizeof(canonical)) || now->start_pad ||
	    hostmem_infoblock_place(now, job->media.size, &offset, &length))
		return ctl_error(job->ctl, "namespace %s: its info block is not of a kind that is known here; save the data, then --force",
				 job->media.name);
	rc = check_same(job, now);
	if (rc == CTL_GO)
		rc = ctl_geometry_add(&job->media, &job->want, now, &job->sb);
	if (rc != CTL_GO)
		return rc;
	return ctl_space_free(&job->media, offset, length,
			      job->media.size - offset - job->want.reserve);
}

static int prepare_drop(struct job *job)
{
	if (!job->found.any || job->found.state != HOSTMEM_RESERVE_ACTIVE)
		return ctl_error(job->ctl, "namespace %s: it has no reserve; there is nothing to drop",
				 job->media.name);
	job->sb = job->found.sb;
	if (le32toh(job->sb.layout) == HOSTMEM_RESERVE_HEAD)
		return ctl_error(job->ctl, "namespace %s: dropping a reserve in front of the data would move the data; save it, then: ndctl create-namespace -f -e %s",
				 job->media.name, job->media.name);
	job->sb.operation = htole32(HOSTMEM_RESERVE_DROP);
	job->sb.old_block = job->found.block.fields;
	job->sb.new_block = job->found.block.fields;
	ctl_geometry_stock_end(&job->media, &job->sb.new_block);
	return CTL_GO;
}

static int prepare_existing(struct job *job)
{
	bool active = job->found.any && job->found.state == HOSTMEM_RESERVE_ACTIVE;

	if (!job->want.reserve)
		return prepare_drop(job);
	if (active)
		return ctl_error(job->ctl, "namespace %s: it has a reserve of %s already; drop it first: --reserve 0",
				 job->media.name,
				 ctl_size_arg(le64toh(job->found.sb.length)).s);
	return prepare_add(job);
}

/*
 * Whether a change was cut off that can still be ended. A reserve that was to be added where there
 * was no info block, and is none, was never there, or has been destroyed since.
 */
static bool is_pending(const struct ctl_found *found)
{
	if (!found->any)
		return false;
	switch (found->state) {
	case HOSTMEM_RESERVE_ACTIVE:
		return found->copies < 2 ||
		       le32toh(found->sb.operation) == HOSTMEM_RESERVE_DROP;
	case HOSTMEM_RESERVE_UNDONE:
		return !found->zero;
	case HOSTMEM_RESERVE_TORN:
		return true;
	case HOSTMEM_RESERVE_DROPPED:
	case HOSTMEM_RESERVE_STALE:
		break;
	}
	return false;
}

/* What is on the media decides what this call is. */
static int decide(struct job *job)
{
	const struct ctl_found *found = &job->found;
	bool fresh = job->how->force || job->made;

	if (found->unreadable)
		return ctl_error(job->ctl, "namespace %s: the page of its info block is a bad block; clear it: ndctl clear-errors %s",
				 job->media.name, job->media.name);
	if (!fresh && is_pending(found))
		return fail_interrupted(job);
	if (!fresh && found->whole && job->picked)
		return ctl_error(job->ctl, "no free space, and namespace %s, which is disabled, has an info block, and so perhaps data; choose one: -e NAMESPACE",
				 job->media.name);
	if (!fresh && found->whole)
		return prepare_existing(job);
	return job->want.reserve ? prepare_new(job) : prepare_drop(job);
}

static int prepare(struct job *job)
{
	int rc = ctl_journal_look(&job->media, &job->found);

	if (rc)
		return ctl_fail(job->ctl, rc, NULL, "namespace %s", job->media.name);
	memset(&job->sb, 0, sizeof(job->sb));
	rc = decide(job);
	if (rc == CTL_GO) {
		job->sb.generation = htole64(job->found.any ?
					     le64toh(job->found.sb.generation) + 1 : 1);
		if (job->how->purpose)
			snprintf((char *)job->sb.purpose, sizeof(job->sb.purpose), "%s",
				 job->how->purpose);
	}
	return rc;
}

static int print(struct job *job, const char *dev)
{
	const struct hostmem_infoblock_fields *now = &job->sb.new_block;
	bool devdax = !strcmp((const char *)now->signature, HOSTMEM_INFOBLOCK_DEVDAX);
	bool dev_map = le32toh(now->mode) == HOSTMEM_INFOBLOCK_DEV;
	bool add = le32toh(job->sb.operation) == HOSTMEM_RESERVE_ADD;
	struct json_object *object = json_object_new_object();
	bool human = job->how->human;
	unsigned long long offset, length;

	hostmem_infoblock_place(now, job->media.size, &offset, &length);
	json_object_object_add(object, "dev", dev ? json_object_new_string(dev) : NULL);
	json_object_object_add(object, "namespace", json_object_new_string(job->media.name));
	json_object_object_add(object, "mode", json_object_new_string(modes[devdax]));
	json_object_object_add(object, "map", json_object_new_string(maps[dev_map]));
	json_object_object_add(object, "spa", ctl_json_offset(job->media.spa, human));
	json_object_object_add(object, "size", ctl_json_size(job->media.size, human));
	json_object_object_add(object, "data_offset", ctl_json_offset(offset, human));
	json_object_object_add(object, "data_size", ctl_json_size(length, human));
	json_object_object_add(object, "reserve",
			       add ? ctl_json_reserve(&job->media, &job->sb, human) : NULL);
	return ctl_json_print(job->ctl, object, JSON_C_TO_STRING_PRETTY);
}

/* Online again, is it what it should be? */
static int verify(struct job *job)
{
	struct ndctl_pfn *pfn = ndctl_namespace_get_pfn(job->media.ns);
	struct ndctl_dax *dax = ndctl_namespace_get_dax(job->media.ns);
	uint64_t length = le64toh(job->sb.new_block.npfns) * CTL_PAGE;
	uint64_t got = pfn ? ndctl_pfn_get_size(pfn) : dax ? ndctl_dax_get_size(dax) : 0;

	if (got != length)
		return ctl_error(job->ctl, "namespace %s: it is back with %llu bytes of data instead of %llu; see dmesg, then: hostmemctl check-namespace %s",
				 job->media.name, (unsigned long long)got,
				 (unsigned long long)length, job->media.name);
	print_step(job, 4, "online");
	return print(job, ctl_media_device(&job->media));
}

/* What has been seen may have changed before it was taken: it is looked at again. */
static int change(struct job *job)
{
	int rc = ctl_media_take(&job->media);
	bool devdax;

	if (rc != CTL_GO)
		return rc;
	rc = prepare(job);
	if (rc == CTL_GO)
		rc = ctl_journal_run(&job->media, &job->sb);
	if (rc != CTL_GO) {
		ctl_media_release(&job->media, job->media.was_active);
		return rc;
	}
	devdax = !strcmp((const char *)job->sb.new_block.signature, HOSTMEM_INFOBLOCK_DEVDAX);
	job->media.enforce = devdax ? NDCTL_NS_MODE_DEVDAX : NDCTL_NS_MODE_FSDAX;
	rc = ctl_media_release(&job->media, true);
	return rc == CTL_GO ? verify(job) : rc;
}

/* A namespace that there is. */
static int reconfigure(struct job *job)
{
	int rc = ctl_media_look(&job->media);

	if (rc == CTL_GO)
		rc = ctl_media_idle(&job->media);
	if (rc == CTL_GO)
		rc = prepare(job);
	if (rc != CTL_GO)
		return rc;
	return job->how->dry_run ? print(job, NULL) : change(job);
}

/* Where the kernel would put a namespace: in the first gap that is large enough. */
static uint64_t first_fit(struct ndctl_region *region, uint64_t size)
{
	uint64_t start = ndctl_region_get_resource(region), from, to;
	struct ndctl_namespace *ns;
	bool again;

	do {
		again = false;
		ndctl_namespace_foreach(region, ns) {
			from = ndctl_namespace_get_resource(ns);
			to = from + ndctl_namespace_get_size(ns);
			if (from == ULLONG_MAX || from >= start + size || to <= start)
				continue;
			start = to;
			again = true;
		}
	} while (again);
	return start;
}

/* What would become of free space, of which nothing is taken yet. */
static int plan(struct job *job)
{
	struct ndctl_namespace *ns = ndctl_region_get_namespace_seed(job->region);
	uint64_t free = ndctl_region_get_max_available_extent(job->region);
	uint64_t size = job->how->size.given ? job->how->size.value : free;
	const char *name = ndctl_region_get_devname(job->region);
	uint64_t align = ndctl_region_get_align(job->region);

	if (!ns || size > free)
		return ctl_error(job->ctl, "region %s: %s are free in one piece; ask for no more",
				 name, ctl_size_arg(free).s);
	if (!size || (align && align != ULONG_MAX && size % align))
		return ctl_error(job->ctl, "region %s: a namespace of %s cannot be made; use a multiple of %s",
				 name, ctl_size_arg(size).s, ctl_size_arg(align).s);
	ctl_media_use(&job->media, ns);
	job->media.spa = first_fit(job->region, size);
	job->media.size = size;
	return CTL_GO;
}

/* What the next namespace is made of, without what somebody has left who was not done. */
static struct ndctl_namespace *clean_seed(struct ndctl_region *region)
{
	struct ndctl_namespace *ns = ndctl_region_get_namespace_seed(region);
	uuid_t uuid;

	uuid_clear(uuid);
	ndctl_namespace_get_uuid(ns, uuid);
	/* Of one without a size this deletes the uuid, and what libndctl knows. */
	if (uuid_is_null(uuid) || ndctl_namespace_delete(ns))
		return ns;
	return ndctl_region_get_namespace_seed(region);
}

/* Free space becomes a namespace. */
static int allocate(struct job *job)
{
	struct ndctl_namespace *ns = clean_seed(job->region);
	uint64_t size = job->media.size;
	uuid_t uuid;
	int rc;

	if (!ns)
		return ctl_error(job->ctl, "region %s: its free space has been taken; run it again",
				 ndctl_region_get_devname(job->region));
	uuid_generate(uuid);
	rc = ndctl_namespace_set_uuid(ns, uuid);
	job->made = !rc;
	job->media.ns = ns;
	job->media.name = ndctl_namespace_get_devname(ns);
	if (!rc)
		rc = ndctl_namespace_set_size(ns, size);
	if (rc)
		return ctl_error(job->ctl, "region %s: a namespace of %s cannot be made: %s",
				 ndctl_region_get_devname(job->region), ctl_size_arg(size).s,
				 strerror(-rc));
	ctl_media_use(&job->media, ns);
	return CTL_GO;
}

/* It becomes free space again; without a size it loses the uuid, too. */
static void discard(struct job *job)
{
	const char *name = job->media.name;
	int rc;

	ndctl_namespace_disable_invalidate(job->media.ns);
	rc = ndctl_namespace_delete(job->media.ns);
	if (rc)
		ctl_error(job->ctl, "namespace %s: it was made, and cannot be deleted again: %s; do it: ndctl destroy-namespace -f %s",
			  name, strerror(-rc), name);
}

/* A namespace of free space, which is free again if anything fails. */
static int make(struct job *job)
{
	int rc = ctl_geometry_create(&job->media, &job->want, &job->sb);

	if (rc != CTL_GO || job->how->dry_run)
		return rc == CTL_GO ? print(job, NULL) : rc;
	rc = allocate(job);
	if (rc == CTL_GO)
		rc = change(job);
	if (job->made && rc != CTL_OK)
		discard(job);
	return rc;
}

/* The first region with free space, or the one that was asked for; NULL: none. */
static struct ndctl_region *free_region(struct job *job)
{
	struct ndctl_region *region;
	struct ndctl_bus *bus;
	uint64_t free;

	ndctl_bus_foreach(job->media.ndctl, bus) {
		ndctl_region_foreach(bus, region) {
			free = ndctl_region_get_max_available_extent(region);
			if (job->how->region &&
			    strcmp(ndctl_region_get_devname(region), job->how->region))
				continue;
			if (free && free != ULLONG_MAX && ndctl_region_get_nstype(region) !=
			    ND_DEVICE_NAMESPACE_IO)
				return region;
		}
	}
	return NULL;
}

/* Whether a namespace could be picked: with a size, disabled, and claimed by nothing. */
static bool is_spare(struct ndctl_namespace *ns)
{
	return ndctl_namespace_get_size(ns) && !ndctl_namespace_is_active(ns) &&
	       !ndctl_namespace_get_btt(ns) && !ndctl_namespace_get_pfn(ns) &&
	       !ndctl_namespace_get_dax(ns);
}

/* How many could; the last one of them. */
static unsigned int spare_namespaces(struct job *job, struct ndctl_namespace **last)
{
	struct ndctl_namespace *ns;
	struct ndctl_region *region;
	struct ndctl_bus *bus;
	unsigned int n = 0;

	ndctl_bus_foreach(job->media.ndctl, bus) {
		ndctl_region_foreach(bus, region) {
			ndctl_namespace_foreach(region, ns) {
				if (!is_spare(ns))
					continue;
				*last = ns;
				n++;
			}
		}
	}
	return n;
}

static int choose(struct job *job)
{
	struct ndctl_namespace *ns = NULL;
	unsigned int n;

	if (job->how->name)
		return ctl_media_find(&job->media, job->how->name);
	job->region = free_region(job);
	if (job->region)
		return plan(job);
	if (job->how->region || job->how->size.given)
		return ctl_error(job->ctl, "%s%s: no free space; ndctl list -R shows what there is",
				 job->how->region ? "region " : "regions",
				 job->how->region ? job->how->region : "");
	n = spare_namespaces(job, &ns);
	if (n != 1)
		return ctl_error(job->ctl, "no free space, and %s namespace that is raw and disabled; choose one: -e NAMESPACE",
				 n ? "more than one" : "no");
	job->picked = true;
	ctl_media_use(&job->media, ns);
	return CTL_GO;
}

static int create(struct job *job)
{
	int rc = choose(job);

	if (rc == CTL_GO && ndctl_namespace_get_mode(job->media.ns) == NDCTL_NS_MODE_SECTOR)
		rc = ctl_error(job->ctl, "namespace %s: sector mode has no room for a reserve; save the data, then: ndctl create-namespace -f -e %s -m raw",
			       job->media.name, job->media.name);
	if (rc == CTL_GO)
		rc = ctl_media_writable(&job->media);
	if (rc == CTL_GO)
		rc = want(job);
	if (rc != CTL_GO)
		return rc;
	return job->region ? make(job) : reconfigure(job);
}

int cmd_create_namespace(struct ctl *ctl, int argc, char **argv)
{
	struct create fields = { .name = NULL };
	struct job *job;
	int rc;

	rc = ctl_parse(ctl, &usage, &fields, &argc, &argv);
	if (rc == CTL_GO)
		rc = check_options(ctl, &fields);
	if (rc != CTL_GO)
		return rc;
	job = calloc(1, sizeof(*job));
	if (!job)
		return ctl_fail(ctl, -ENOMEM, NULL, "namespaces");
	job->ctl = ctl;
	job->how = &fields;
	rc = ctl_media_begin(&job->media, ctl);
	if (rc == CTL_GO) {
		rc = create(job);
		ctl_media_end(&job->media);
	}
	free(job);
	return rc;
}
