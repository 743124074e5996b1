#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# hostmemctl extents tells where files and devices are, and says what is wrong with those that it
# refuses. Needs two NVDIMMs, which it overwrites.
set -euo pipefail

. "$(dirname "$0")/tap.sh"
trap 'echo "# line $LINENO failed: $BASH_COMMAND"' ERR

tmp=$(mktemp -d /dev/shm/extents.XXXXXX)
trap 'umount -q "$tmp/ext4" "$tmp/xfs" || true; rm -rf "$tmp"' EXIT

echo "TAP version 13"
[ -e /sys/bus/nd/devices/region1 ] || { echo "1..0 # SKIP needs two NVDIMMs"; exit 4; }
echo "1..34"

# refused NAME WANTED ARGUMENT...: exit status, what is on stdout, the message
refused() {
	local name=$1 wanted=$2 rc=0
	shift 2
	hostmemctl extents "$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
	is "refused: $name" "$rc$(cat "$tmp/out") $(head -n 1 "$tmp/err")" "1 hostmemctl: extents: $wanted"
}

# assembled FILE DEV JSON: the same bytes, put together from where the block device has them.
assembled() {
	local base offset spa length
	base=$(($(cat "/sys/block/$2/device/resource")))
	jq -r '.extents[] | "\(.offset) \(.spa) \(.length)"' "$3" |
		while read -r offset spa length; do
			dd if="/dev/$2" of="$tmp/copy" bs=4k iflag=direct conv=notrunc status=none \
				skip=$(((spa - base) / 4096)) seek=$((offset / 4096)) count=$((length / 4096))
		done
	cmp "$1" "$tmp/copy" && echo same
	rm -f "$tmp/copy"
}

# The length of the first extent, as people read it.
first_length() {
	local length
	length=$(jq '.extents[0].length' "$1")
	awk -v n="$length" 'BEGIN { printf "%.2f KiB (%.2f kB)", n / 1024, n / 1000 }'
}

for i in 0 1; do
	# To make it anew takes a minute on the debug kernel.
	[[ $(readlink /sys/block/pmem$i/device)$(cat /sys/block/pmem$i/badblocks) == */pfn+([0-9.]) ]] ||
		ndctl create-namespace -f -e namespace$i.0 --mode fsdax --map mem >/dev/null 2>&1
done
mkdir "$tmp/ext4" "$tmp/xfs"
mkfs.ext4 -q -F -b 4096 /dev/pmem0
mkfs.xfs --unsupported -q -f /dev/pmem1 >/dev/null 2>&1
mount -o dax=always /dev/pmem0 "$tmp/ext4"
mount -o dax=always /dev/pmem1 "$tmp/xfs"

dev=pmem0 ns=namespace0.0
for fs in ext4 xfs; do
	file=$tmp/$fs/file
	# Whatever is taken out leaves a boundary behind.
	dd if=/dev/urandom of="$file" bs=64k count=40 status=none
	for i in 1 3 5 7 9 11; do fallocate -c -o ${i}00k -l 20k "$file"; done
	hostmemctl extents "$file" >"$tmp/json"
	hostmemctl extents -u "$file" >"$tmp/human"
	is "$fs: keys" "$(jq -c '[keys,(.extents|map(keys)|unique)]' "$tmp/json")" \
		'[["dev","extents","namespace","path","size"],[["length","offset","spa"]]]'
	is "$fs: what the file is" "$(jq -c '[.path,.dev,.namespace,.size]' "$tmp/json")" \
		"[\"$file\",\"$dev\",\"$ns\",$(stat -c %s "$file")]"
	is "$fs: extents" "$(jq '.extents|length >= 7' "$tmp/json")" true
	is "$fs: bytes" "$(assembled "$file" $dev "$tmp/json")" same
	is "$fs: for people" "$(jq -c '[.size,.extents[1].offset|type] + [.extents[0]|.offset,.length]' "$tmp/human")" \
		'["string","string","0x0","'"$(first_length "$tmp/json")"'"]'
	is "$fs: for people, the same addresses" \
		"$(jq -r '.extents[].spa' "$tmp/human" | while read -r spa; do echo $((spa)); done)" \
		"$(jq '.extents[].spa' "$tmp/json")"
	: >"$tmp/$fs/empty"
	is "$fs: empty" "$(hostmemctl extents "$tmp/$fs/empty" | jq -c '[.dev,.size,.extents]')" '[null,0,[]]'

	fallocate -p -o 64k -l 4k "$file"
	refused "$fs: hole" "$file: a hole at 0x10000; write to all of the file, zeros where it is empty" "$file"
	fallocate -l 1m "$tmp/$fs/unwritten"
	refused "$fs: unwritten" "$tmp/$fs/unwritten: allocated but never written at 0x0; write to all of the file, zeros where it is empty" \
		"$tmp/$fs/unwritten"
	dev=pmem1 ns=namespace1.0
done

odd=$tmp/xfs/$'a "b"\\\n\xc3\xa9'
cp --reflink=always "$tmp/xfs/empty" "$odd"
is "any name" "$(hostmemctl extents "$odd" | jq -r .path)" "$odd"
dd if=/dev/urandom of="$tmp/xfs/original" bs=64k count=2 status=none
cp --reflink=always "$tmp/xfs/original" "$tmp/xfs/copy"
refused "shared" "$tmp/xfs/copy: shared with another file at 0x0; copy it: cp --reflink=never" "$tmp/xfs/copy"
rm "$tmp/xfs/original"
hostmemctl extents "$tmp/xfs/copy" >"$tmp/json"
is "not shared any more" "$(assembled "$tmp/xfs/copy" pmem1 "$tmp/json")" same

is "block device" "$(hostmemctl extents /dev/pmem0 | jq -c '[.dev,.size,.extents]')" \
	"[\"pmem0\",$(blockdev --getsize64 /dev/pmem0),[{\"offset\":0,\"spa\":$(($(cat /sys/block/pmem0/device/resource))),\"length\":$(blockdev --getsize64 /dev/pmem0)}]]"
not_pmem="not on an enabled pmem namespace, or not directly; hostmemctl list -D shows the namespaces"
refused "another device" "/dev/null: $not_pmem" /dev/null
refused "another file system" "$tmp/err: $not_pmem" "$tmp/err"
refused "directory" "$tmp: neither a file nor a device; give a file on a DAX file system, /dev/pmemX or /dev/daxX.Y" "$tmp"
mkfifo "$tmp/fifo"
refused "fifo" "$tmp/fifo: neither a file nor a device; give a file on a DAX file system, /dev/pmemX or /dev/daxX.Y" "$tmp/fifo"
refused "no file" "/nowhere: No such file or directory; give a file that can be opened" /nowhere
umount "$tmp/ext4"
mount -o dax=never /dev/pmem0 "$tmp/ext4"
echo text >"$tmp/ext4/file"
refused "without DAX" "$tmp/ext4/file: on a pmem namespace, but not accessed in place; use a namespace in fsdax mode, with ext4 or xfs mounted with -o dax" \
	"$tmp/ext4/file"

rmmod hostmem_nd
is "without the module it is loaded again" "$(hostmemctl extents /dev/pmem1 | jq '.extents|length')" 1
rc=0
chmod 755 "$tmp"
echo text >"$tmp/xfs/readable"
setpriv --reuid 65534 --clear-groups hostmemctl extents "$tmp/xfs/readable" >"$tmp/out" 2>"$tmp/err" || rc=$?
is "nobody may not see addresses" "$rc$(cat "$tmp/out") $(cat "$tmp/err")" \
	"1 hostmemctl: extents: $tmp/xfs/readable: it shows physical addresses; run hostmemctl as root"
rc=0
hostmemctl extents >"$tmp/out" 2>"$tmp/err" || rc=$?
is "usage" "$rc$(cat "$tmp/out") $(grep -c 'hostmemctl extents --help' "$tmp/err")" "2 1"
rc=0
hostmemctl extents "$tmp/xfs/readable" >/dev/full 2>"$tmp/err" || rc=$?
is "full disk" "$rc $(grep -c 'the output is not complete' "$tmp/err")" "1 1"
is "it was all written as it is" "$(cat "$tmp/xfs/readable")" text
is "and it says how" "$(hostmemctl extents --help | grep -c -- '--human')" 1
exit $failed
