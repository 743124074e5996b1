#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Bad blocks in and around reserves: the namespace comes back, its data works, and after a reboot
# into the other kernel they are still known. Runs on the host, which boots the guests.
#   selftests/ledger.sh [FROM TO]: kernels, 6.1 6.12 unless told
# shellcheck disable=SC2016,SC2086
set -Eeuo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/selftests/tap.sh"

# Of namespace 0 and 1; both have a file system and a reserve of 64 MiB.
layouts=("tail dev" "head mem")
mib=$((1 << 20))

field() {
	hostmemctl list -D | jq -c "map(select(.namespace == \"namespace$1.0\"))[0] | $2"
}

# poison N OFFSET ORDER: an uncorrected error of 2^ORDER bytes, from the start of the reserve
poison() {
	local inject=/sys/kernel/debug/mce-inject known
	known=$(field "$1" .badblocks)
	echo sw >$inject/flags
	printf '%#x' $(($(field "$1" .reserve.spa) + $2)) >$inject/addr
	echo 0xbc00000000080000 >$inject/status
	echo "$3" >$inject/misc
	echo 4 >$inject/bank
	for _ in {1..100}; do
		[ "$(field "$1" .badblocks)" = "$known" ] || return 0
		sleep 0.1
	done
	echo "# no bad block at $2" >&2
}

# What there is of namespace $1 when it has gone and come back.
comes_back() {
	ndctl disable-namespace "namespace$1.0" >/dev/null 2>&1
	ndctl enable-namespace "namespace$1.0" >/dev/null 2>&1
	works "$1"
}

works() {
	field "$1" '[.mode,.data_size,.reserve.size,.reserve.purpose]'
	mount "/dev/pmem$1" /mnt
	echo x >>/mnt/more
	cksum </mnt/file
	umount /mnt
}

# What is bad, in bytes from the start of the reserve.
bad() {
	field "$1" '.reserve.spa as $at | .badblocks | map([.spa - $at,.length,.recorded])'
}

# Offsets: the user's part, the two superblocks, and the ledger's slots.
user=$((32 * mib))
last=$((64 * mib - 4096))
slots=("$((64 << 10))" "$((128 << 10))" "$((192 << 10))" "$((256 << 10))")

guest_create() {
	local i layout map before all
	for i in "${!layouts[@]}"; do
		read -r layout map <<<"${layouts[i]}"
		hostmemctl create-namespace -f -e "namespace$i.0" --reserve 64m -l "$layout" -M "$map" \
			--for "ledger $i" >"$tmp/out" 2>"$tmp/err"
		mkfs.ext4 -q -b 4096 "/dev/pmem$i" 64M
		mount "/dev/pmem$i" /mnt
		head -c 8M /dev/urandom >/mnt/file
		umount /mnt
		before=$(comes_back "$i")
		is "$layout: nothing is bad" "$(bad "$i")" "[]"
		poison "$i" $user 12
		is "$layout, bad in the reserve: recorded" "$(bad "$i")" "[[$user,4096,true]]"
		is "$layout, bad in the reserve: comes back" "$(comes_back "$i")" "$before"
		poison "$i" $last 12
		all="[[$user,4096,true],[$last,4096,true]]"
		is "$layout, bad last superblock: comes back" "$(comes_back "$i")" "$before"
		is "$layout, bad last superblock: recorded" "$(bad "$i")" "$all"
		poison "$i" "${slots[2]}" 6
		poison "$i" "${slots[0]}" 6
		all="[[${slots[0]},512,true],[${slots[2]},512,true],${all#[}"
		is "$layout, bad slots of the ledger: recorded" "$(bad "$i")" "$all"
		is "$layout, bad slots of the ledger: comes back" "$(comes_back "$i")" "$before"
		rc=0
		hostmemctl create-region r --backing "reserve:namespace$i.0" --size 60m 2>"$tmp/err" >"$tmp/out" || rc=$?
		is "$layout: a region of all of it" "$rc $(grep -c 'is bad' "$tmp/err")" "1 1"
	done
	for i in "${!layouts[@]}"; do
		echo "content $i $(works "$i" | tr '\n' ' ')"
		echo "bad $i $(field "$i" .badblocks)"
	done
	echo "reserve $(field 0 '.reserve.spa - .spa')"
	# The kernel itself does not survive this twice in one boot.
	poison 0 $((-$(field 0 '.reserve.spa - .spa') + mib)) 6
	is "bad struct pages of the kernel: known" "$(field 0 ".badblocks[0].offset")" $mib
}

# After a reboot: what is known is what the ledger says.
guest_look() {
	local i
	for i in "${!layouts[@]}"; do
		echo "content $i $(comes_back "$i" | tr '\n' ' ')"
		echo "bad $i $(field "$i" .badblocks)"
		hostmemctl create-region r --backing "reserve:namespace$i.0" --size 32m --plug 28m >"$tmp/out"
		is "libnvdimm knows, too" "$(wc -l <"/sys/bus/nd/devices/region$i/badblocks")" 4
		is "plugged but for the bad block" "$(jq -c '.[0] | [.plugged,(.badblocks | map([.offset,.length,.recorded]))]' "$tmp/out")" \
			"[$((28 * mib)),[[$((user - 2 * mib)),4096,true]]]"
		hostmemctl destroy-region r >/dev/null
	done
}

# guest_end NEWEST: all slots are bad, first but for the newest, which is the only good one left:
# what is bad is known, but no longer recorded. A new reserve has no ledger yet.
guest_end() {
	local i
	guest_look
	for i in 1 3; do
		[ "$i" = "$1" ] || poison 0 "${slots[i]}" 6
	done
	is "all other slots bad: not recorded" "$(field 0 '.badblocks | map(.recorded) | unique')" "[false]"
	poison 0 "${slots[$1]}" 6
	is "all slots bad: not recorded" "$(field 0 '.badblocks | map(.recorded) | unique')" "[false]"
	hostmemctl create-namespace -f -e namespace1.0 --reserve 62m -l head -M mem >"$tmp/out" 2>"$tmp/err"
	is "another reserve: its own ledger" "$(field 1 '.badblocks | map(.recorded) | unique')" "[true]"
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'if [ $BASH_SUBSHELL = 0 ]; then echo "# line $LINENO failed: $BASH_COMMAND"; fi' ERR

if [ $# = 1 ]; then
	mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
	[ -e /sys/kernel/debug/mce-inject ] || modprobe mce-inject
	# shellcheck disable=SC2086
	guest_$1
	exit $failed
fi

# boot KERNEL ROLE: its tests count here
boot() {
	local line rc=0
	"$top/selftests/guest/run" -k "$1" -n "$tmp/nv0" -n "$tmp/nv1" -- "$top/selftests/ledger.sh" "$2" \
		>"$tmp/log" 2>"$tmp/err" || rc=$?
	while IFS= read -r line; do
		case $line in
		ok* | not*)
			n=$((n + 1))
			echo "${line%%[0-9]*}$n $1: ${line#*[0-9] }"
			[[ $line == ok* ]] || failed=1
			;;
		content* | bad* | reserve*) ;;
		*) echo "$line" ;;
		esac
	done <"$tmp/log"
	is "$1: $2 ends well" $rc 0
	grep '^bad\|^content' "$tmp/log" >"$tmp/${2%% *}" || true
}

# Generation and checksum of each ledger of namespace 0, as it is on the media.
ledgers() {
	local i at
	for i in "${!slots[@]}"; do
		at=$((reserve + slots[i]))
		echo "$i $(od -An -t u8 -j $((at + 24)) -N 8 "$tmp/nv0")" \
			"$(dd if="$tmp/nv0" bs=4k skip=$((at / 4096)) count=4 status=none | cksum)"
	done
}

echo "TAP version 13"
from=${1-6.1} to=${2-6.12}
truncate -s 256M "$tmp/nv0" "$tmp/nv1"
boot "$from" create
reserve=$(awk '/^reserve/ { print $2 }' "$tmp/log")
boot "$to" look
is "$to: what $from has recorded, and its data" "$(cat "$tmp/look")" "$(cat "$tmp/create")"
newest=$(ledgers | sort -n -k 2 | tail -n 1)
boot "$from" "end ${newest%% *}"
is "$from again: the only good ledger is still there" "$(ledgers | grep "^${newest%% *} ")" "$newest"
is "$from again: the same" "$(cat "$tmp/end")" "$(cat "$tmp/create")"
echo "1..$n"
exit $failed
