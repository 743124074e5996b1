#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Reserves outlive reboots into the other kernel: without hostmem's modules there is less data and
# nothing else, with them the reserve is found again. Runs on the host, which boots the guests.
#   selftests/reboot.sh
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)

# The namespaces in the order of their addresses: mode layout map align reserve
kinds=(
	"devdax tail mem 1g 1g"
	"fsdax tail dev 2m 64m"
	"fsdax head mem 2m 64m"
	"fsdax tail mem 4k 6m"
	"devdax tail mem 2m 64m"
	"devdax head mem 2m 64m"
	"devdax tail dev 4k 64m"
)

namespaces() {
	local ns
	for ns in /sys/bus/nd/devices/namespace*; do
		echo "$(cat "$ns/resource") ${ns##*/}"
	done | sort | cut -d ' ' -f 2
}

# fill|sum DEVICE: all of a /dev/dax device, by mmap
dax() {
	python3 -S -E - "$1" "$2" "$(cat "/sys/bus/dax/devices/${2##*/}/size")" <<-'EOF'
	import mmap, os, sys, zlib
	what, path, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
	m = mmap.mmap(os.open(path, os.O_RDWR), size)
	unit = bytes(range(256)) * 4096
	# A GiB takes too long: its ends and pieces between.
	places = range(0, size, max(1 << 20, size // 64 >> 20 << 20))
	crc = 0
	for at in list(places) + [size - (1 << 20)]:
	    if what == "fill":
	        m[at:at + len(unit)] = at.to_bytes(8, "little") + unit[8:]
	    crc = zlib.crc32(m[at:at + len(unit)], crc)
	print(crc, size)
	EOF
}

device() {
	local nd dev region=${1#namespace}
	for nd in /sys/bus/nd/devices/{pfn,dax}"${region%.*}".*; do
		[ "$(cat "$nd/namespace" 2>/dev/null)" = "$1" ] || continue
		for dev in "$nd"/block/* "$nd"/dax[0-9]*.[0-9]*; do
			[ ! -e "/dev/${dev##*/}" ] || echo "${dev##*/}"
		done
	done
}

# What there is to say of namespace $1 of kind $2.
content() {
	local ns=$1 dev
	dev=$(device "$ns")
	if [[ $2 == fsdax* ]]; then
		e2fsck -fn "/dev/$dev" >"/tmp/$ns.fsck" 2>&1 || cat "/tmp/$ns.fsck"
		mount -o ro "/dev/$dev" /mnt
		echo "$(cat "/sys/class/block/$dev/size") $(cksum </mnt/file) $(stat -f -c %b /mnt)"
		umount /mnt
	else
		dax sum "/dev/$dev"
	fi
}

guest_create() {
	local i mode layout map align reserve dev
	for i in "${!kinds[@]}"; do
		read -r mode layout map align reserve <<<"${kinds[i]}"
		hostmemctl create-namespace -f -e "${names[i]}" --reserve "$reserve" --for "kind $i" \
			--mode "$mode" --layout "$layout" --map "$map" --align "$align" \
			>"/tmp/$i" 2>&1 || { cat "/tmp/$i"; continue; }
		dev=$(device "${names[i]}")
		if [ "$mode" = fsdax ]; then
			mkfs.ext4 -q -b 4096 "/dev/$dev"
			mount "/dev/$dev" /mnt
			head -c 8M /dev/urandom >/mnt/file
			umount /mnt
		else
			dax fill "/dev/$dev" >/dev/null
		fi
	done
	guest_content
}

guest_content() {
	local i
	for i in "${!kinds[@]}"; do
		echo "content $i $(content "${names[i]}" "${kinds[i]}")"
	done
}

guest_reserves() {
	local i
	hostmemctl list -D | jq -r 'sort_by(.spa)|to_entries[]|.key as $i|.value|
		"reserve \($i) \(.mode) \(.map) \(.reserve.layout) \(.reserve.size) \(.reserve.purpose)"'
	for i in "${!kinds[@]}"; do
		echo "check $i $(hostmemctl check-namespace "${names[i]}" | jq -r .found)"
	done
}

if [ $# -gt 0 ]; then
	mapfile -t names < <(namespaces)
	"guest_$1"
	exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0 failed=0
# is NAME FILE WANTED-FILE
is() {
	n=$((n + 1))
	if diff "$2" "$3" >"$work/diff"; then
		echo "ok $n $1"
	else
		sed 's/^/# /' "$work/diff"
		echo "not ok $n $1"
		failed=1
	fi
}

# guest OUTPUT KERNEL ROLE [OPTION]...
guest() {
	local out=$1 kernel=$2 role=$3 rc=0
	shift 3
	"$top/selftests/guest/run" -k "$kernel" "$@" "${nvdimms[@]}" -- "$top/selftests/reboot.sh" "$role" \
		>"$out" 2>"$work/err" || rc=$?
	[ $rc = 0 ] || sed 's/^/# /' "$work/err" "$out"
	sort -o "$out" "$out"
}

echo "TAP version 13"
nvdimms=()
for i in "${!kinds[@]}"; do
	size=144
	[[ ${kinds[i]} != *1g ]] || size=$((3072 + 16))
	truncate -s ${size}M "$work/nv$i"
	read -r mode layout map _ reserve <<<"${kinds[i]}"
	echo "reserve $i $mode $map $layout $(numfmt --from=iec "${reserve^^}") kind $i"
	echo "check $i good"
done | sort >"$work/reserves"
for i in "${!kinds[@]}"; do
	nvdimms+=(-n "$work/nv$i")
done

for order in "6.12 6.1" "6.1 6.12"; do
	read -r from to <<<"$order"
	guest "$work/created" "$from" create
	echo ${#kinds[@]} >"$work/all"
	grep -c '^content . [1-9]' "$work/created" >"$work/there" || true
	is "$from: created and filled" "$work/there" "$work/all"
	guest "$work/bare" "$to" content --bare
	is "$to without hostmem: the data of $from" "$work/bare" "$work/created"
	guest "$work/found" "$to" reserves
	is "$to: the reserves of $from" "$work/found" "$work/reserves"
done
echo "1..$n"
exit $failed
