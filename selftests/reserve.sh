#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Reserves: hostmemctl create-namespace and check-namespace, with good and bad input, and with media
# that was left in the middle of a change. Needs two NVDIMMs, which it overwrites.
# shellcheck disable=SC2086

set -Eeuo pipefail

. "$(dirname "$0")/tap.sh"

tmp=$(mktemp -d /dev/shm/reserve.XXXXXX)
mkdir "$tmp/mnt"
cleanup() {
	umount "$tmp/mnt" 2>/dev/null || true
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'if [ $BASH_SUBSHELL = 0 ]; then echo "# line $LINENO failed: $BASH_COMMAND"; fi' ERR

echo "TAP version 13"
[ -e /sys/bus/nd/devices/region1 ] || { echo "1..0 # SKIP needs two NVDIMMs"; exit 4; }
ns=namespace0.0 other=namespace1.0
nth_call=$(cd "$(dirname "$0")/.." && pwd)/build/selftests/nth_call.so
# KILL, and in the long form HUP and TERM
signals=9
[ "${HOSTMEM_KILLS-}" != all ] || signals="9 1 15"
size=$(cat /sys/bus/nd/devices/$ns/size)
spa=$(($(cat /sys/bus/nd/devices/$ns/resource)))

create() {
	rc=0
	hostmemctl create-namespace -e "$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
}

# refused NAME STATUS PATTERN ARGUMENT...
refused() {
	local name=$1 status=$2 pattern=$3
	shift 3
	rc=0
	hostmemctl create-namespace "$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
	is "refused: $name" "$rc $(grep -cE -e "$pattern" "$tmp/err") $(wc -c <"$tmp/out")" "$status 1 0"
}

# field JQ-EXPRESSION: of the first namespace
field() {
	hostmemctl list -D | jq -c "map(select(.namespace == \"$ns\"))[0] | $1"
}

# Run a command while the whole namespace is /dev/pmem0.
raw() {
	ndctl disable-namespace $ns >/dev/null 2>&1
	echo 1 >/sys/bus/nd/devices/$ns/force_raw
	ndctl enable-namespace $ns >/dev/null 2>&1
	"$@"
	ndctl disable-namespace $ns >/dev/null 2>&1
	echo 0 >/sys/bus/nd/devices/$ns/force_raw
	ndctl enable-namespace $ns >/dev/null 2>&1
}

get_page() {
	dd if=/dev/pmem0 of="$tmp/$2" bs=4096 skip=$(($1 / 4096)) count=1 iflag=direct status=none
}

# shellcheck disable=SC2317
put_page() {
	dd if="$tmp/$2" of=/dev/pmem0 bs=4096 seek=$(($1 / 4096)) count=1 oflag=direct conv=notrunc status=none
}

# All that describes the namespace, and what is around it.
ends() {
	{ head -c 32K /dev/pmem0; tail -c 65M /dev/pmem0; } | cksum
}

# check [OPTION]: what check-namespace finds, and its exit status
check() {
	rc=0
	hostmemctl check-namespace $ns "$@" >"$tmp/check" 2>"$tmp/err" || rc=$?
	echo "$(jq -r '"\(.found) \(.repaired)"' "$tmp/check") $rc"
}

# made MODE LAYOUT MAP ALIGN RESERVE: there is what was asked for
made() {
	local what="$1, $2, map $3, align $4, reserve $5" stock
	local reserve
	reserve=$(numfmt --from=iec "${5^^}")
	ndctl create-namespace -f -e $ns -m "$1" -M "$3" -a "$(numfmt --from=iec "${4^^}")" >"$tmp/ndctl" 2>&1
	stock=$(field .data_offset)
	create $ns -f --reserve "$5" -m "$1" -l "$2" -M "$3" -a "$4" --for "$what"
	is "$what: created" "$rc" 0
	if [ "$2" = tail ]; then
		is "$what: data and reserve" "$(field '[.mode,.map,.data_offset,.data_size,.reserve.layout,.reserve.spa,.reserve.size,.reserve.purpose]')" \
			"[\"$1\",\"$3\",$stock,$((size - stock - reserve)),\"tail\",$((spa + size - reserve)),$reserve,\"$what\"]"
	else
		is "$what: data and reserve" "$(field '[.mode,.map,.data_offset,.data_size,.reserve.layout,.reserve.spa,.reserve.size,.reserve.purpose]')" \
			"[\"$1\",\"$3\",$((stock + reserve)),$((size - stock - reserve)),\"head\",$((spa + stock)),$reserve,\"$what\"]"
	fi
	is "$what: printed as listed" "$(jq -cS . "$tmp/out")" "$(hostmemctl list -D | jq -cS "map(select(.namespace == \"$ns\"))[0] | del(.badblocks, .persistence)")"
	is "$what: good" "$(check)" "good false 0"
}

test_kinds() {
	made fsdax tail dev 2m 64m
	made fsdax head mem 2m 64m
	made devdax tail mem 4k 6m
	made devdax head mem 2m 128m
	create $ns -f --reserve 64m --dry-run
	is "dry run: nothing changed" "$rc $(field .mode) $(field .reserve.size)" '0 "devdax" 134217728'
	hostmemctl create-namespace -f -e $ns --for xen >"$tmp/out" 2>"$tmp/err"
	is "for xen: as large as Xen needs" "$(field '[.reserve.size,.reserve.purpose]')" "[$(((4 << 20) + (4 << 20))),\"xen\"]"
}

test_refused() {
	local now
	mkfs.ext4 -q -b 4096 /dev/pmem0 64M
	raw ends >"$tmp/before"
	refused "no reserve" 2 '--reserve SIZE is missing'
	refused "not a multiple" 1 "reserve 7m is not a multiple of 2m; use 8m" -f -e $ns --reserve 7m
	refused "too small" 1 "too small; use at least 6m" -f -e $ns --reserve 4m
	refused "larger than the namespace" 1 "no data is left of its 256m" -f -e $ns --reserve 256m
	refused "all but what the struct pages need" 1 "no data is left" -f -e $ns --reserve 250m
	refused "4 GiB behind the data" 1 "$size|no data is left" -f -e $ns --reserve 4g -l tail
	refused "head with struct pages on the device" 1 "use --map mem" -f -e $ns --reserve 64m -l head -M dev
	refused "too small for Xen" 1 "too small for xen; use at least 8m" -f -e $ns --reserve 6m --for xen
	refused "purpose" 2 "up to 63 printable" -e $ns --reserve 64m --for $'a\tb'
	refused "purpose too long" 2 "up to 63 printable" -e $ns --reserve 64m --for "$(printf '%064d' 0)"
	refused "no such namespace" 1 "namespace7.7: there is none of this name" -e namespace7.7 --reserve 64m
	refused "no such mode" 2 "fsdax or devdax" -e $ns --reserve 64m -m raw
	refused "a reserve twice" 1 "has a reserve of 8m already; drop it first" -e $ns --reserve 64m
	refused "drop without -e" 2 'needs -e' --reserve 0
	refused "drop and more" 2 'cannot be combined' -e $ns --reserve 0 --for x
	refused "no free space" 1 "no free space" --reserve 64m --size 128m
	mount /dev/pmem0 "$tmp/mnt"
	refused "mounted" 1 "namespace $ns: in use: /dev/pmem0 is mounted on $tmp/mnt; unmount" -f -e $ns --reserve 64m
	refused "drop while mounted" 1 "in use" -e $ns --reserve 0
	umount "$tmp/mnt"
	rc=0
	setpriv --reuid 65534 --clear-groups hostmemctl create-namespace -f -e $ns --reserve 64m >"$tmp/out" 2>"$tmp/err" || rc=$?
	is "refused: nobody" "$rc $(grep -c 'run hostmemctl as root' "$tmp/err")" "1 1"
	rc=0
	hostmemctl check-namespace namespace7.7 >"$tmp/out" 2>"$tmp/err" || rc=$?
	is "refused: check of what is not there" "$rc $(grep -c 'none of this name' "$tmp/err")" "1 1"
	# As a DIMM is that is not armed.
	now=$(check)
	echo 1 >/sys/bus/nd/devices/region0/read_only
	refused "not armed" 1 "$ns: its DIMM is not armed" -f -e $ns --reserve 64m
	is "not armed: looked at, not repaired" "$(check) $(check --repair) $(grep -c 'not armed' "$tmp/err")" "$now  1 1"
	echo 0 >/sys/bus/nd/devices/region0/read_only
	raw ends >"$tmp/after"
	is "not a byte has changed" "$(cat "$tmp/after")" "$(cat "$tmp/before")"

	ndctl create-namespace -f -e $ns -m sector >"$tmp/ndctl" 2>&1
	refused "sector mode" 1 "sector mode has no room" -f -e $ns --reserve 64m
	ndctl create-namespace -f -e $ns -m raw >"$tmp/ndctl" 2>&1
	mkswap /dev/pmem0 >/dev/null
	refused "raw, in use" 1 "it holds swap; save the data" -e $ns --reserve 64m
	blkdiscard -z -l 1M /dev/pmem0
	head -c 4096 /dev/urandom | dd of=/dev/pmem0 bs=4096 seek=1 status=none
	refused "raw, with something unknown" 1 "not zero at 0x100[0-9a-f]; save that, then --force" -e $ns --reserve 64m
	refused "raw and enabled: not picked" 1 "no namespace that is raw and disabled; choose one" --reserve 64m
	ndctl disable-namespace $ns >/dev/null 2>&1
	ndctl disable-namespace $other >/dev/null 2>&1
	refused "two that could be picked" 1 "more than one namespace that is raw and disabled; choose one" --reserve 64m
	ndctl enable-namespace all >/dev/null 2>&1
}

# unharmed NAME PATTERN: raw, and refused: not a byte has changed, and it has not been away
unharmed() {
	local seqnum
	ends >"$tmp/before"
	seqnum=$(cat /sys/kernel/uevent_seqnum)
	refused "raw, $1" 1 "$2" -e $ns --reserve 64m
	refused "raw, $1, dry run" 1 "$2" -e $ns --reserve 64m -n
	is "raw, $1: as it was" "$(ends) $(cat /sys/kernel/uevent_seqnum)" "$(cat "$tmp/before") $seqnum"
}

# What is not all zeros may be data, wherever it is.
test_raw() {
	ndctl create-namespace -f -e $ns -m raw >"$tmp/ndctl" 2>&1
	blkdiscard -z /dev/pmem0
	mke2fs -q -F -b 4096 -E offset=1048576 /dev/pmem0 100M 2>"$tmp/err"
	unharmed "ext4 at 1 MiB" "not zero at 0x100[0-9a-f]*; save that, then --force"
	blkdiscard -z /dev/pmem0
	printf x | dd of=/dev/pmem0 bs=1 seek=$((size - 1)) status=none
	unharmed "the last byte" "not zero at 0xfffffff; save"
	blkdiscard -z /dev/pmem0
	create $ns --reserve 64m --dry-run
	is "raw, all zeros: a dry run" "$rc $(jq .reserve.size "$tmp/out") $(field .mode)" "0 $((64 << 20)) \"raw\""
	create $ns --reserve 64m
	is "raw, all zeros: made" "$rc $(check)" "0 good false 0"
}

test_add() {
	ndctl create-namespace -f -e $ns -m fsdax -M dev >"$tmp/ndctl" 2>&1
	mkfs.ext4 -q -b 4096 /dev/pmem0
	mount /dev/pmem0 "$tmp/mnt"
	head -c 8M /dev/urandom >"$tmp/mnt/file"
	cksum <"$tmp/mnt/file" >"$tmp/sum"
	umount "$tmp/mnt"
	refused "file system not shrunk" 1 "its ext4 file system has 250m, and only 186m would be left; shrink it: resize2fs" -e $ns --reserve 64m
	refused "another mode" 1 "--mode cannot be changed without losing all data" -e $ns --reserve 64m -m devdax
	refused "another map" 1 "--map cannot be changed" -e $ns --reserve 64m -M mem
	refused "another alignment" 1 "--align cannot be changed" -e $ns --reserve 64m -a 4k
	refused "in front of data" 1 "would move the data" -e $ns --reserve 64m -l head
	e2fsck -fp /dev/pmem0 >/dev/null
	resize2fs /dev/pmem0 180M >/dev/null 2>&1
	create $ns --reserve 64m --for shrunk
	is "added behind a file system" "$rc $(field '[.data_size,.reserve.size,.reserve.purpose]')" "0 [195035136,67108864,\"shrunk\"]"
	is "steps" "$(grep -c "namespace $ns: [1-4]/4 " "$tmp/err")" 4
	mount /dev/pmem0 "$tmp/mnt"
	is "the data is there" "$(cksum <"$tmp/mnt/file")" "$(cat "$tmp/sum")"
	umount "$tmp/mnt"
	create $ns --reserve 0
	is "dropped" "$rc $(field '[.data_size,.reserve]') $(check)" "0 [262144000,null] none false 0"
	refused "nothing to drop" 1 "it has no reserve" -e $ns --reserve 0
	e2fsck -fp /dev/pmem0 >/dev/null
	resize2fs /dev/pmem0 >/dev/null 2>&1
	mount /dev/pmem0 "$tmp/mnt"
	is "the file system has grown, the data is there" "$(stat -f -c '%b %S' "$tmp/mnt" | awk '{ print ($1 * $2 > 200e6) }') $(cksum <"$tmp/mnt/file")" \
		"1 $(cat "$tmp/sum")"
	umount "$tmp/mnt"
	wipefs -qa /dev/pmem0
	mkswap /dev/pmem0 >/dev/null
	refused "what cannot shrink" 1 "it holds swap, which cannot give up its end" -e $ns --reserve 64m
	ndctl create-namespace -f -e $ns -m fsdax -M mem >"$tmp/ndctl" 2>&1
	blkdiscard -z /dev/pmem0 2>/dev/null || dd if=/dev/zero of=/dev/pmem0 bs=1M status=none 2>/dev/null || true
	printf x | dd of=/dev/pmem0 bs=1 seek=$((250 << 20)) status=none
	refused "unknown data" 1 "not zero at 0xfc00000" -e $ns --reserve 64m
	dd if=/dev/zero of=/dev/pmem0 bs=4096 seek=$(((250 << 20) / 4096)) count=1 status=none
	create $ns --reserve 64m
	is "added to an empty namespace" "$rc $(field .reserve.size)" "0 67108864"
	create $ns --reserve 0
	create $ns --reserve 64m
	is "added again" "$rc $(check)" "0 good false 0"
	ndctl create-namespace -f -e $ns -m fsdax -M mem >"$tmp/ndctl" 2>&1
	is "reconfigured by ndctl: the superblocks mean nothing" "$(check) $(field .reserve)" "none false 0 null"
}

# All pages of an addition and of a drop, before and after.
keep_pages() {
	get_page 4096 "$1.info"
	get_page $((size - (64 << 20))) "$1.first"
	get_page $((size - 4096)) "$1.last"
}

put_pages() {
	put_page 4096 "$1"
	put_page $((size - (64 << 20))) "$2"
	put_page $((size - 4096)) "$3"
}

# The page in the middle of being written: new up to the number of pages, old from there on.
tear() {
	{ head -c 72 "$tmp/$2"; tail -c +73 "$tmp/$1"; } >"$tmp/torn"
}

# left NAME INFO FIRST LAST FOUND AFTER RESERVE: media as an interrupted change leaves it
left() {
	raw put_pages "$2" "$3" "$4"
	is "$1: found" "$(check)" "$5"
	is "$1: repaired" "$(check --repair) $(check)" "$6"
	is "$1: then" "$(field .reserve.size)" "$7"
}

test_interrupted() {
	head -c 4096 /dev/zero >"$tmp/zero"
	ndctl create-namespace -f -e $ns -m fsdax -M dev >"$tmp/ndctl" 2>&1
	dd if=/dev/zero of=/dev/pmem0 bs=1M seek=180 status=none 2>/dev/null || true
	raw keep_pages before
	create $ns --reserve 64m
	raw keep_pages with
	tear before.info with.info
	left "add, after the first superblock" before.info with.first zero "none false 0" "none false 0 none false 0" null
	left "add, after both superblocks" before.info with.first with.last "add-interrupted false 1" "add-interrupted true 0 none false 0" null
	left "add, in the info block" torn with.first with.last "torn false 1" "torn true 0 good false 0" 67108864
	left "add, done" with.info with.first with.last "good false 0" "good false 0 good false 0" 67108864
	left "first superblock lost" with.info zero with.last "damaged false 1" "damaged true 0 good false 0" 67108864
	left "last superblock lost" with.info with.first zero "damaged false 1" "damaged true 0 good false 0" 67108864
	raw put_pages before.info with.first with.last
	is "stale after a change by others" "$(ndctl create-namespace -f -e $ns -m fsdax -M mem >/dev/null 2>&1; check)" "none false 0"
	create $ns -f --reserve 64m
	raw keep_pages made
	create $ns -f --reserve 64m --layout head
	raw put_pages zero made.first made.last
	is "no info block, superblocks of two reserves" "$(check --repair) $(check)" "add-interrupted true 0 none false 0"
	head -c 4096 /dev/urandom >"$tmp/noise"
	raw put_pages noise zero zero
	is "foreign info block" "$(check) $(grep -c 'something is in the place of the info block' "$tmp/err")" "foreign false 0 1"
}

# step SIGNAL N COMMAND...: it gets the signal at its Nth call that changes something, if there is one
step() {
	rc=0
	LD_PRELOAD=$nth_call NTH_COMMAND=hostmemctl NTH_SIGNAL=$1 NTH_CALL=$2 "${@:3}" \
		>"$tmp/out" 2>"$tmp/err" || rc=$?
}

# The numbers of the steps that one run of a command had: all, or the writes to the media, which are
# what matters most, the first, the last, and one more, which is none.
steps() {
	sed -n 's/^nth_call: //p' "$tmp/err" >"$tmp/calls"
	if [ "${HOSTMEM_KILLS-}" = all ]; then
		cut -d ' ' -f 1 "$tmp/calls"
	else
		sed -n '1p; $p; / pwrite /p' "$tmp/calls" | cut -d ' ' -f 1 | sort -nu
	fi
	echo $(($(wc -l <"$tmp/calls") + 1))
}

whole() {
	field '[.mode,.map,.data_size,.reserve.layout,.reserve.size]'
}

# content: what is to be there before and after each change
content() {
	case $1 in
	add | drop)
		mount -o ro /dev/pmem0 "$tmp/mnt" && cksum <"$tmp/mnt/file"
		umount "$tmp/mnt"
		;;
	esac
}

# killed WHAT THERE COMMAND...: at each of its steps, from a state that THERE makes
killed() {
	local what=$1 there=$2 old new data signal at now
	shift 2
	$there
	old=$(whole) data=$(content "$what")
	step 0 0 "$@"
	is "$what: unharmed" $rc 0
	new=$(whole)
	steps >"$tmp/steps"
	is "$what: has steps, and makes a difference" "$(($(wc -l <"$tmp/steps") > 5)) $([ "$old" != "$new" ] && echo new)" "1 new"
	for signal in $signals; do
		while read -r at <&3; do
			[ "$(whole)" = "$old" ] || $there
			step "$signal" "$at" "$@"
			sed -n "s/^nth_call: $at /# $what, signal $signal, step $at: /p" "$tmp/err"
			# Who can be asked to end leaves nothing to repair.
			[ "$signal" = 9 ] || is "$what, signal $signal at step $at: not to be repaired" "$(check | grep -cE '^(good|none) false 0')" 1
			check --repair >"$tmp/repair"
			now=$(whole)
			is "$what, signal $signal at step $at: old or new ($rc, $(cat "$tmp/repair"))" \
				"$([ "$now" = "$old" ] || [ "$now" = "$new" ] || echo "$now ") $(check | grep -cE '^(good|none) false 0') $(content "$what")" " 1 $data"
		done 3<"$tmp/steps"
	done
}

without_reserve() {
	[ "$(field .reserve)" = null ] || create $ns --reserve 0
}

with_reserve() {
	[ "$(field .reserve)" != null ] || create $ns --reserve 64m
}

# shellcheck disable=SC2317
nothing() {
	ndctl create-namespace -f -e $ns -m raw >"$tmp/ndctl" 2>&1
	put_page 4096 zero
	check --repair >"$tmp/repair"
}

test_killed() {
	local command=(hostmemctl create-namespace -e "$ns")
	head -c 4096 /dev/zero >"$tmp/zero"
	ndctl create-namespace -f -e $ns -m fsdax -M dev >"$tmp/ndctl" 2>&1
	dd if=/dev/zero of=/dev/pmem0 bs=1M seek=180 status=none 2>/dev/null || true
	mkfs.ext4 -q -b 4096 /dev/pmem0 180M
	mount /dev/pmem0 "$tmp/mnt"
	head -c 1M /dev/urandom >"$tmp/mnt/file"
	umount "$tmp/mnt"
	killed add without_reserve "${command[@]}" --reserve 64m
	killed drop with_reserve "${command[@]}" --reserve 0
	killed new nothing "${command[@]}" -f --reserve 64m --layout head --map mem
}

test_held() {
	create $other -f --reserve 64m -m devdax
	tail -f /dev/null 3<>/dev/dax1.0 &
	until [ "$(cat /proc/$!/comm 2>/dev/null)" = tail ]; do sleep 0.1; done
	refused "open /dev/dax device" 1 "pid $! \(tail\), which has /dev/dax1.0 open or mapped" -f -e $other --reserve 128m
	kill $!
	wait $! 2>/dev/null || true
	create $other -f --reserve 128m -m devdax
	is "no longer open" "$rc" 0
}

# Namespaces of a region with labels, made of its free space.
test_labels() {
	local region=/sys/bus/nd/devices/region1 free at
	local command=(hostmemctl create-namespace -r region1 --size 64m --reserve 16m)
	ndctl disable-region region1 >/dev/null 2>&1
	ndctl init-labels -f nmem1 >"$tmp/ndctl" 2>&1
	ndctl enable-region region1 >/dev/null 2>&1
	free=$(cat $region/available_size)
	hostmemctl create-namespace -r region1 --size 64m --reserve 16m --dry-run >"$tmp/out" 2>"$tmp/err" || true
	is "free space: a dry run leaves it" "$(jq .reserve.size "$tmp/out") $(cat $region/available_size)" "$((16 << 20)) $free"
	refused "more than is free" 1 "are free in one piece" -r region1 --size 4g --reserve 16m
	refused "reserve larger than the namespace made" 1 "no data is left" -r region1 --size 32m --reserve 64m
	refused "no such region" 1 "region7: no free space" -r region7 --reserve 16m
	refused "not a multiple of what the region wants" 1 "a namespace of 100m cannot be made; use a multiple of 16m" -r region1 --size 100m --reserve 6m
	# As one leaves it that was killed, and ndctl.
	cat /proc/sys/kernel/random/uuid >"/sys/bus/nd/devices/$(cat $region/namespace_seed)/uuid"
	step 0 0 "${command[@]}"
	at=$(sed -n '/ pwrite /{s/^nth_call: \([0-9]*\) .*/\1/p; q}' "$tmp/err")
	is "free space: made, although the seed had a uuid" "$rc $([ "$at" -gt 0 ] && echo steps)" "0 steps"
	ndctl destroy-namespace -f "$(jq -r .namespace "$tmp/out")" >"$tmp/ndctl" 2>&1
	step 15 "$at" "${command[@]}"
	is "free space: interrupted, and free again" "$rc $(cat $region/available_size) $(cat "/sys/bus/nd/devices/$(cat $region/namespace_seed)/uuid")" "1 $free "
	is "refused: nothing was made" "$(cat $region/available_size)" "$free"
	rc=0
	hostmemctl create-namespace -r region1 --size 64m --reserve 16m --for first >"$tmp/out" 2>"$tmp/err" || rc=$?
	ns=$(jq -r .namespace "$tmp/out")
	is "free space: a namespace with a reserve" "$rc $(field '[.mode,.size,.reserve.size,.reserve.purpose]') $(check)" \
		"0 [\"fsdax\",$((64 << 20)),$((16 << 20)),\"first\"] good false 0"
	is "free space: what is left" "$(cat $region/available_size)" $((free - (64 << 20)))
	rc=0
	hostmemctl create-namespace --reserve 32m -m devdax -l head --for second >"$tmp/out" 2>"$tmp/err" || rc=$?
	ns=$(jq -r .namespace "$tmp/out")
	is "free space: the rest, chosen without -r" "$rc $(field '[.mode,.size,.reserve.size,.reserve.purpose]') $(check)" \
		"0 [\"devdax\",$((free - (64 << 20))),$((32 << 20)),\"second\"] good false 0"
	is "free space: none is left" "$(cat $region/available_size)" 0
}

if [ $# = 0 ]; then
	killed=killed
	# How a change is made, and so where it can end, is no matter of the kernel's.
	[ "${HOSTMEM_KERNEL-}${HOSTMEM_KILLS-}" != 6.1 ] || killed=''
	set -- raw kinds refused add interrupted $killed held labels
fi
for group in "$@"; do
	"test_$group"
done
echo "1..$n"
exit $failed
