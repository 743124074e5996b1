#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What scrubs find becomes known to regions and to the ledger, and what is cleared is forgotten by
# both, whether hostmem sees it or not. Needs a machine whose firmware does these things:
# selftests/guest/run --scrub; overwrites its memory.
# shellcheck disable=SC2016
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/tap.sh"
trap 'echo "# line $LINENO failed: $BASH_COMMAND"' ERR

tmp=$(mktemp -d /dev/shm/scrub.XXXXXX)
ns=namespace0.0
mib=$((1 << 20))
pids=()
cleanup() {
	kill "${pids[@]}" 2>/dev/null || true
	! mountpoint -q /mnt || umount /mnt
	rm -rf "$tmp"
}
trap cleanup EXIT

echo "TAP version 13"
grep -q clear_error /sys/bus/nd/devices/ndbus0/commands 2>/dev/null ||
	{ echo "1..0 # SKIP needs firmware that clears errors"; exit 4; }

quiet() {
	"$@" >"$tmp/out" 2>"$tmp/err" || { cat "$tmp/out" "$tmp/err"; return 1; }
}

field() {
	hostmemctl list -D | jq -c ".[0] | $1"
}

bad() {
	field '.badblocks | map([.offset,.length,.recorded])'
}

# inject OFFSET [OPTION]...: a bad page there in the part of the namespace that ndctl sees
inject() {
	quiet ndctl inject-error $ns --block=$(($1 / 512)) --count=8 "${@:2}"
}

scrub() {
	quiet ndctl start-scrub ndbus0
	quiet ndctl wait-scrub ndbus0
}

# How it goes when the region is touched.
touch_byte() {
	local line
	echo >&"${held[1]}"
	read -r -t 120 line <&"${held[0]}"
	case $line in
	*SIGBUS*) echo SIGBUS ;;
	*byte*) echo byte ;;
	esac
}

event() {
	jq -c "[.event,.name,.start,.length] | select(.[0] == \"$1\")" "$tmp/events"
}

inject $((16 * mib)) --no-notify
is "found by nobody yet" "$(bad)" "[]"
scrub
soon "found by a scrub" "[[$((16 * mib)),4096,false]]" bad
quiet ndctl clear-errors $ns
soon "cleared" "[]" bad

# A page of a file and of the region of it, in use.
quiet hostmemctl create-namespace -f -e $ns --reserve 16m --mode fsdax --map mem
quiet mkfs.ext4 -q -b 4096 /dev/pmem0
mount -o dax=always /dev/pmem0 /mnt
dd if=/dev/zero of=/mnt/region bs=1M count=8 conv=fsync status=none
quiet hostmemctl create-region file --backing file:/mnt/region
hostmemctl -v monitor >"$tmp/events" 2>"$tmp/log" &
pids+=($!)
until grep -q listening "$tmp/log"; do sleep 0.1; done
at=$((2 * mib + 4096))
coproc held { exec "$here/../build/selftests/peek" file hold $at; }
pids+=("$held_PID")
read -r -t 120 _ <&"${held[0]}"
is "good" "$(touch_byte)" byte
spa=$(hostmemctl extents /mnt/region |
	jq ".extents[] | select(.offset <= $at and .offset + .length > $at) | .spa + $at - .offset")
data=$(field '.spa + .data_offset')
# At once, not sector by sector.
inject $((spa - data)) --no-notify
scrub
soon "bad in use: event" "[\"poisoned\",\"file\",$at,4096]" event poisoned
is "bad in use: fault" "$(touch_byte)" SIGBUS
is "bad in use: recorded" "$(bad)" "[[$((spa - $(field .spa))),4096,true]]"
dd if=/dev/zero of=/dev/pmem0 bs=4096 seek=$(((spa - data) / 4096)) count=1 oflag=direct \
	conv=notrunc status=none
soon "written anew: event" "[\"cleared\",\"file\",$at,4096]" event cleared
is "written anew: no fault" "$(touch_byte)" byte
is "written anew: not recorded" "$(bad)" "[]"
kill "${pids[@]}"
wait "${pids[@]}" 2>/dev/null || true
pids=()
quiet hostmemctl destroy-region file
umount /mnt

# In the reserve, which ndctl sees while the namespace is disabled only.
quiet ndctl disable-namespace $ns
inject $((120 * mib))
quiet ndctl enable-namespace $ns
soon "in the reserve" "[[$((120 * mib)),4096,true]]" bad
quiet ndctl clear-errors $ns
is "ndctl passes over the reserve of what is enabled" "$(bad)" "[[$((120 * mib)),4096,true]]"
quiet ndctl disable-namespace $ns
quiet ndctl clear-errors $ns
is "cleared while disabled" "$(bad)" "[]"
rmmod hostmem_nd
is "nothing in the ledger" "$(bad)" "[]"
quiet hostmemctl create-region all --backing reserve:$ns --size 12m
is "a region of it" "$(hostmemctl list -r all | jq '.[0].plugged')" $((12 * mib))
quiet hostmemctl destroy-region all

# Nobody sees it: then it has to be cleared again.
quiet ndctl disable-namespace $ns
inject $((122 * mib))
quiet ndctl enable-namespace $ns
soon "in the reserve again" "[[$((122 * mib)),4096,true]]" bad
rmmod hostmem_nd
quiet ndctl disable-namespace $ns
quiet ndctl clear-errors $ns
soon "cleared without the module: known by the ledger" "[[$((122 * mib)),4096,true]]" bad

# The bus goes, and what libnvdimm knows with it; the firmware knows of nothing.
echo ACPI0012:00 >/sys/bus/acpi/drivers/nfit/unbind
is "no bus" "$(hostmemctl list -D)" "[
]"
echo ACPI0012:00 >/sys/bus/acpi/drivers/nfit/bind
soon "a new bus is told" "[[$((122 * mib)),4096,true]]" bad
is "libnvdimm is" "$(cat /sys/bus/nd/devices/region0/badblocks)" "$((122 * mib / 512)) 8"
quiet ndctl disable-namespace $ns
quiet ndctl clear-errors $ns
is "cleared again" "$(bad)" "[]"
rmmod hostmem_nd
is "and for good" "$(bad)" "[]"
exit $failed
