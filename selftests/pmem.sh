#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# hostmemctl list -D tells of every enabled pmem namespace what libnvdimm says of it in sysfs, in
# every mode, whether it came before the module or later. Needs two NVDIMMs, which it overwrites.
# shellcheck disable=SC2016
set -euo pipefail

. "$(dirname "$0")/tap.sh"
trap 'echo "# line $LINENO failed: $BASH_COMMAND"' ERR

bus=/sys/bus/nd/devices
tmp=$(mktemp -d /dev/shm/pmem.XXXXXX)
trap 'rm -rf "$tmp"' EXIT

echo "TAP version 13"
[ -e $bus/region1 ] || { echo "1..0 # SKIP needs two NVDIMMs"; exit 4; }
echo "1..30"

# field NAMESPACE JQ-EXPRESSION
field() {
	hostmemctl list -D | jq -c "map(select(.namespace == \"$1\"))[0] | $2"
}

# The bytes and the address that a device of libnvdimm has.
place() {
	echo "[$(($(cat "$bus/$1/resource"))),$(cat "$bus/$1/size")]"
}

configure() {
	ndctl create-namespace -f -e namespace0.0 "$@" >"$tmp/ndctl" 2>&1 || cat "$tmp/ndctl"
}

# The device that claims namespace0.0 in this mode, pfn or dax.
claim() {
	local dev
	for dev in "$bus/$1"*; do
		[ "$(cat "$dev/namespace")" != namespace0.0 ] || basename "$dev"
	done
}

# described MODE MAP CLAIM: an fsdax or devdax namespace
described() {
	local what="$1, map $2"
	configure --mode "$1" --map "$2"
	is "$what: mode and map" "$(field namespace0.0 '[.mode,.map]')" "[\"$1\",\"$2\"]"
	is "$what: address and size" "$(field namespace0.0 '[.spa,.size]')" "$whole"
	is "$what: address and size of the data" \
		"$(field namespace0.0 '[.spa + .data_offset,.data_size]')" "$(place "$(claim "$3")")"
}

whole="[$(($(cat $bus/namespace0.0/resource))),$(cat $bus/namespace0.0/size)]"
is "raw: address and size" "$(field namespace0.0 '[.mode,.map,.dev,.spa,.size,.data_offset]')" \
	"[\"raw\",null,\"pmem0\",${whole:1:-1},0]"
is "raw: all is data" "$(field namespace0.0 '.data_size == .size')" true
is "both are there" "$(hostmemctl list -D | jq -c '[.[].namespace] | sort')" \
	'["namespace0.0","namespace1.0"]'
is "keys" "$(hostmemctl list -D | jq -c 'map(keys) | unique')" \
	'[["badblocks","data_offset","data_size","dev","map","mode","namespace","persistence","reserve","size","spa"]]'

described fsdax mem pfn
is "fsdax: device" "$(field namespace0.0 .dev)" '"pmem0"'
described fsdax dev pfn
described devdax mem dax
is "devdax: device" "$(field namespace0.0 .dev)" '"dax0.0"'
described devdax dev dax
hostmemctl list -D >"$tmp/before"

# The same whether it comes later or is there when the module comes.
rmmod hostmem_nd
is "without the module it is loaded again" "$(hostmemctl list -D | jq length)" 2
hostmemctl list -D | jq -S 'sort_by(.namespace)' >"$tmp/after"
is "present at load: the same" "$(jq -S 'sort_by(.namespace)' "$tmp/before" | diff - "$tmp/after" && echo same)" same

hostmemctl -v monitor -n 2 >"$tmp/events" 2>"$tmp/log" &
until grep -q listening "$tmp/log"; do sleep 0.1; done
ndctl disable-namespace namespace0.0 >/dev/null 2>&1
is "disabled: not listed" "$(hostmemctl list -D | jq -c '[.[].namespace]')" '["namespace1.0"]'
ndctl enable-namespace namespace0.0 >/dev/null 2>&1
wait $!
is "events" "$(jq -c '[.event,.namespace,.dev]' "$tmp/events" | tr '\n' ' ')" \
	'["pmem-removed","namespace0.0","dax0.0"] ["pmem-added","namespace0.0","dax0.0"] '

configure --mode sector
is "sector: no place for its data" \
	"$(field namespace0.0 '[.mode,.map,.dev,.data_offset,.data_size]')" '["sector",null,"pmem0s",null,null]'

configure --mode fsdax --map mem
hostmemctl -v monitor -n 1 -t 60 >"$tmp/events" 2>"$tmp/log" &
until grep -q listening "$tmp/log"; do sleep 0.1; done
echo "16 8" >/sys/class/block/pmem0/badblocks
echo "24 1" >/sys/class/block/pmem0/badblocks
echo "99 3" >/sys/class/block/pmem0/badblocks
# The module looks every few seconds.
wait $!
is "bad blocks: event" "$(jq -c '[.event,.namespace,.dev]' "$tmp/events")" '["pmem-badblocks","namespace0.0","pmem0"]'
# It may have looked when not all of them were written, and looks again.
soon "bad blocks: where they are" '[[8192,4608,false],[50688,1536,false]]' \
	field namespace0.0 '(.spa + .data_offset) as $data | .badblocks | map([.spa - $data,.length,.recorded])'
is "bad blocks: offsets" "$(field namespace0.0 '.spa as $spa | .badblocks | map(.spa - .offset == $spa) | unique')" '[true]'
is "bad blocks: when" "$(field namespace0.0 '.badblocks | map(now - .since < 600 and now - .since > -2) | unique')" '[true]'
is "bad blocks: for people" "$(hostmemctl list -D -u | jq -r 'map(.badblocks[])[0] | [.length,.since,.offset] | map(test("^(4.50 KiB.*|20..-..-..T..:..:..Z|0x[0-9a-f]*)$")) | unique[]')" true
# In another mode they are no more: they were of the disk only.
configure --mode devdax --map mem
is "bad blocks: gone with the disk" "$(field namespace0.0 .badblocks)" '[]'
configure --mode fsdax --map mem
rc=0
setpriv --reuid 65534 --clear-groups hostmemctl list -D >"$tmp/out" 2>"$tmp/err" || rc=$?
is "nobody may not see addresses" "$rc $(wc -c <"$tmp/out") $(grep -c 'run hostmemctl as root' "$tmp/err")" "1 0 1"
exit $failed
