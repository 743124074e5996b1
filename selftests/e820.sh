#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Persistent memory that is main memory, by the kernel's memmap=: a namespace that has no labels, and
# without an info block is fsdax even so. Needs one, which it overwrites.
set -Eeuo pipefail

. "$(dirname "$0")/tap.sh"

tmp=$(mktemp -d /dev/shm/e820.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
trap 'if [ $BASH_SUBSHELL = 0 ]; then echo "# line $LINENO failed: $BASH_COMMAND"; fi' ERR

echo "TAP version 13"
grep -q 'memmap=[^ ]*!' /proc/cmdline || { echo "1..0 # SKIP needs memmap="; exit 4; }
modprobe -a nd_e820 nd_pmem dax_pmem device_dax ext4
modprobe hostmem_nd
ns=namespace0.0
until [ -b /dev/pmem0 ]; do sleep 0.1; done
size=$(cat /sys/bus/nd/devices/$ns/size)

field() {
	hostmemctl list -D | jq -c "map(select(.namespace == \"$ns\"))[0] | $1"
}

# create ARGUMENT...: its status, and the line of stderr that counts
create() {
	rc=0
	hostmemctl create-namespace "$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
}

disable() {
	ndctl disable-namespace $ns >/dev/null 2>&1
}

is "without an info block: listed as ndctl does" "$(field '[.mode,.map,.dev,.data_offset,.data_size]')" \
	"$(ndctl list -N | jq -c ".[0] | [.mode,.map,.blockdev,0,$size]")"
create --reserve 32m
is "enabled: not picked" "$rc $(grep -c 'no namespace that is raw and disabled' "$tmp/err")" "1 1"
dd if=/dev/zero of=/dev/pmem0 bs=1M status=none 2>/dev/null || true
printf x | dd of=/dev/pmem0 bs=1 seek=$((size - 1)) status=none
create -e $ns --reserve 32m
is "the last byte is not zero: refused" "$rc $(grep -c 'not zero at' "$tmp/err") $(field .mode)" '1 1 "fsdax"'
dd if=/dev/zero of=/dev/pmem0 bs=1M seek=$(((size >> 20) - 1)) status=none 2>/dev/null || true
disable
create --reserve 32m --for e820
is "disabled: picked" "$rc $(field '[.mode,.map,.reserve.size,.reserve.purpose]')" "0 [\"fsdax\",\"dev\",$((32 << 20)),\"e820\"]"
disable
create --reserve 32m
is "with an info block: not picked" "$rc $(grep -c 'has an info block' "$tmp/err")" "1 1"
ndctl enable-namespace $ns >/dev/null 2>&1

for mode in fsdax devdax; do
	for layout in tail head; do
		create -f -e $ns --reserve 32m -m $mode -l $layout -M mem
		is "$mode, $layout" "$rc $(field '[.mode,.reserve.layout]')" "0 [\"$mode\",\"$layout\"]"
		is "$mode, $layout: a region of it" "$(hostmemctl create-region rs --backing reserve:$ns | jq '.[0].size')" $((28 << 20))
		hostmemctl destroy-region rs >/dev/null
	done
done

ndctl destroy-namespace -f $ns >/dev/null 2>&1 || true
ndctl enable-namespace $ns >/dev/null 2>&1 || true
create -e $ns --reserve 32m
is "destroyed by ndctl: not an interrupted change, but not empty" "$rc $(grep -c 'not zero at' "$tmp/err")" "1 1"
create -f -e $ns --reserve 32m
is "destroyed by ndctl, and lost: made anew" "$rc $(hostmemctl check-namespace $ns | jq -r .found)" "0 good"
echo "1..$n"
exit $failed
