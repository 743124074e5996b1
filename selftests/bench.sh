#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# On the host: measure ours beside the rivals, each pair in one guest run. What runs a VM needs
# a guest with KVM, which has one processor.
set -euo pipefail

usage() {
	cat <<-USAGE
	Usage: selftests/bench.sh [-k KERNEL]... [PART]...
	  -k KERNEL  6.1 or 6.12 (default: both)
	  PART       slots, share, prealloc, faults, unplug, files or extents (default: all)
	Prints a table per kernel, and one of faults and files in instructions instead of time.
	Never fails because of a time.
	USAGE
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

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(slots share prealloc faults unplug files extents)
nested=() parallel=() counted=() pmem=()
for part in "${parts[@]}"; do
	case $part in
	slots | share) nested+=("$part") ;;
	prealloc | unplug) parallel+=("$part") ;;
	faults | files) parallel+=("$part") counted+=("$part") ;;
	extents) pmem+=("$part") ;;
	*) usage >&2; exit 2 ;;
	esac
done

for kernel in "${kernels[@]}"; do
	echo "== $kernel: ratios of ours to the rival's; below 1 is better for us"
	[ ${#nested[@]} = 0 ] ||
		selftests/guest/run -k "$kernel" -m 6g -t 1800 -- build/selftests/bench "${nested[@]}"
	[ ${#parallel[@]} = 0 ] ||
		selftests/guest/run -c 2 -k "$kernel" -m 6g -t 1800 -- \
			build/selftests/bench "${parallel[@]}"
	[ ${#counted[@]} = 0 ] ||
		selftests/guest/run --icount -k "$kernel" -m 6g -t 1800 -- \
			build/selftests/bench -i "${counted[@]}"
	[ ${#pmem[@]} = 0 ] ||
		selftests/guest/run -k "$kernel" -n 1g -t 1800 -- build/selftests/bench "${pmem[@]}"
done
