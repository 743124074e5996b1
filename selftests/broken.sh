#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# On the host: show that the tests see what they are for. Take a mechanism out of a copy of the
# modules, by its patch, and run the test that is about it: it has to fail. Where a test
# needs luck its windows are widened; that alone must not make it fail.
set -euo pipefail

usage() {
	cat <<-USAGE
	Usage: selftests/broken.sh [-k KERNEL]... [VARIANT]...
	  -k KERNEL  6.1, 6.12 or debug (default: 6.1 and 6.12)
	  VARIANT    a mechanism, as in the table in here (default: all)
	HOSTMEM_SECONDS is how long each race lasts (default 60, and 8 with a device).
	USAGE
}

# Of a variant: its patches, what its guest has, and the test. A plain one has no NVDIMMs.
table() {
	cat <<-END
	widen      widen       plain   race
	srcu       widen+srcu  plain   race
	lock       widen+lock  plain   race
	widen_nd   widen       pmem    race_removal
	srcu_nd    widen+srcu  pmem    race_removal
	zap        zap         pmem    race_removal
	dead       dead        plain   mapping -t forced_destroy_concerns_everyone
	admit      admit       plain   region -t revoke
	door       door        plain   door
	commit     commit      plain   door -t plug_at_the_end
	changing   changing    plain   door -t unplug_holds_nobody_up
	held       held        plain   stall
	held_pins  held        plain   pinned -t holds_nobody_up
	held_file  held        pmem    dax_region -r dax.ext4.frozen
	table      table       plain   stall
	guarded    guarded     plain   region -t preallocate_unplugged
	give_back  give_back   plain   limits -f stop
	children   children    plain   derive -t revoked_with_parent
	outlive    outlive     plain   derive -t outlives_parent -t last_outlives
	orphan     orphan      plain   derive -t parent_closed -t outliving_parent_closed
	rights     rights      plain   derive -t from_derived
	map_files  map_files   plain   derive -t map_files
	merge      merge       plain   mapping -t collapse_revoked -t merging_views -t growing
	private    private     plain   mapping -t private
	dump       dump        plain   differs -t core_of_a_large_region
	name       name        plain   hostmemfs -t destroyed
	size       size        plain   hostmemfs -t sizes
	clip       clip        plain   hostmemfs_io -t fallocate_of_a_part
	io         io          plain   hostmemfs_io -t unplugged
	wait       wait        plain   pinned -t waits
	ram_limit  ram_limit   little  ram_limit -t fault -t threads
	spare      spare       little  oom
	who        who         little  policy -t reader
	policy     policy      little  policy -t ends_with_the_mapping -t ends_with_the_process
	pins       pins        pmem    pins -r pins.head.next_holder
	poison     poison      bad     poison -r poison.tail.mapped
	END
}

guest_options() {
	case $1 in
	little) echo "-m 1g --nodes 2" ;;
	bad) printf -- "-n 64m %.0s" 1 2 3 4 5 ;;
	pmem) echo "-n 128m -n 320m" ;;
	esac
}

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
kernels=()
while getopts k:h option; do
	case $option in
	k) kernels+=("$OPTARG") ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ ${#kernels[@]} -gt 0 ] || kernels=(6.1 6.12)
variants=("$@")
[ ${#variants[@]} -gt 0 ] || mapfile -t variants < <(table | cut -d ' ' -f 1)

# Make the modules of a copy: never beside the modules that are shipped.
build() {
	if ! make -s -j "$(nproc)" -C "$(scripts/kernel headers "$1")" M="$2" \
		KBUILD_MODPOST_WARN=1 modules >"$2/log" 2>&1 || grep -q 'warning:' "$2/log"; then
		cat "$2/log" >&2
		return 1
	fi
}

# change DIR PATCHES OPTION...: in the copy
change() {
	local name
	for name in ${2//+/ }; do
		patch -s -d "$1" -p1 "${@:3}" <"selftests/broken/$name.patch" >&2 || return 1
	done
}

# Run a test on the modules of a copy; its exit status.
run() {
	local kernel=$1 dir=$2 guest=$3 test=$4 load="insmod '$2/kernel/core/hostmem.ko'"
	[[ $guest != pmem && $guest != bad ]] || load+=" && insmod '$dir/kernel/nd/hostmem_nd.ko'"
	# shellcheck disable=SC2046
	selftests/guest/run --bare -t $((${HOSTMEM_SECONDS:-60} + 600)) -k "$kernel" \
		$(guest_options "$guest") -- sh -c "echo 1 >/proc/sys/kernel/panic_on_oops
			{ $load; } || exit 3
			mount -t hostmem -o nosuid,nodev hostmem /dev/hostmem || exit 3
			exec build/selftests/$test" 2>&1 |
		sed 's/^\(not \)\?ok/# &/; /^[^#]/s/^/# /'
	return "${PIPESTATUS[0]}"
}

# How a test ended that has to miss what is not there: 1: it failed, 124: it hung, 125: the kernel
# complained, 137: it was killed for want of memory.
verdict() {
	local variant=$1 rc=$2 test=$3
	case $variant.$rc in
	widen*.0) echo "ok $n - $kernel $variant: $test passes, slowed down" ;;
	widen*.*) failed=1; echo "not ok $n - $kernel $variant: $test ended with $rc, only slowed down" ;;
	*.1 | *.124 | *.125 | *.137) echo "ok $n - $kernel $variant: $test misses it, and ended with $rc" ;;
	*.0) failed=1; echo "not ok $n - $kernel $variant: NOT MISSED by $test" ;;
	*) failed=1; echo "not ok $n - $kernel $variant: $test did not run, and ended with $rc" ;;
	esac
}

failed=0 n=0
echo "TAP version 13"
echo "1..$((${#kernels[@]} * ${#variants[@]}))"
for kernel in "${kernels[@]}"; do
	dir=$top/build/broken/$kernel
	rm -rf "$dir"
	mkdir -p "$dir"
	cp -r Kbuild version.mk kernel uapi debian "$dir"
	for variant in "${variants[@]}"; do
		n=$((n + 1)) rc=0
		read -r _ patches guest test < <(table | grep "^$variant ") ||
			{ echo "broken.sh: no such variant: $variant" >&2; exit 2; }
		change "$dir" "$patches"
		build "$kernel" "$dir" || rc=3
		[ $rc -ne 0 ] || run "$kernel" "$dir" "$guest" "$test" </dev/null || rc=$?
		verdict "$variant" "$rc" "$test"
		change "$dir" "$(tr + '\n' <<<"$patches" | tac | paste -s -d +)" -R
	done
done
exit $failed
