#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A reserve is found again by its uuid and by its purpose, whatever its namespace is called by then.
# Needs two NVDIMMs, and overwrites the second.
set -Eeuo pipefail

. "$(dirname "$0")/tap.sh"
tmp=$(mktemp -d)
trap 'rm -f /dev/hostmem/names; rm -rf "$tmp"' EXIT
trap 'if [ $BASH_SUBSHELL = 0 ]; then echo "# line $LINENO failed: $BASH_COMMAND"; cat "$tmp/err"; fi' ERR

echo "TAP version 13"
[ -e /sys/bus/nd/devices/region1 ] || { echo "1..0 # SKIP needs two NVDIMMs"; exit 4; }

region() {
	ndctl "$1-region" region1 >"$tmp/ndctl" 2>&1
}

# make PURPOSE: a namespace with a reserve; prints its uuid
make() {
	hostmemctl create-namespace -r region1 --size 48m --reserve 6m --for "$1" 2>"$tmp/err" | jq -r .reserve.uuid
}

# what PURPOSE: the names of the namespaces with such a reserve
what() {
	hostmemctl list -D | jq -r "map(select(.reserve.purpose == \"$1\").namespace) | sort | join(\", \")"
}

# taken BACKING: creates a region on it, and prints what it begins with
taken() {
	hostmemctl create-region names --backing "$1" 2>"$tmp/err" >"$tmp/out" || true
	if [ -e /dev/hostmem/names ]; then
		head -c 8 /dev/hostmem/names
		hostmemctl destroy-region names >/dev/null
	fi
}

# refused NAME STATUS PATTERN BACKING
refused() {
	local rc=0
	hostmemctl create-region names --backing "$4" >"$tmp/out" 2>"$tmp/err" || rc=$?
	is "refused: $1" "$rc $(grep -cE -e "$3" "$tmp/err") $(wc -c <"$tmp/out")" "$2 1 0"
}

region disable
ndctl init-labels -f nmem1 >"$tmp/ndctl" 2>&1
region enable
a=$(make tenant-a) b=$(make tenant-b) c=$(make tenant-c)
is "what is made has a uuid, and is listed with it" \
	"$(hostmemctl list -D | jq -r '.[] | select(.namespace | startswith("namespace1.")).reserve.uuid // empty' | sort | xargs)" "$(printf '%s\n' "$a" "$b" "$c" | sort | xargs)"
for tenant in a b c; do
	hostmemctl create-region names --backing "reserve:for=tenant-$tenant" >"$tmp/out" 2>"$tmp/err"
	printf 'tenant-%s' $tenant | dd of=/dev/hostmem/names conv=notrunc status=none
	hostmemctl destroy-region names >"$tmp/out"
done

before=$(what tenant-c)
ndctl destroy-namespace -f "$(what tenant-a)" >"$tmp/ndctl" 2>&1
region disable
region enable
is "it was $before: now it is called otherwise" "$([ "$(what tenant-c)" != "$before" ] && echo yes)" yes
is "by its uuid" "$(taken "reserve:uuid=$c") $(taken "reserve:uuid=${b^^}")" "tenant-c tenant-b"
is "by its purpose" "$(taken reserve:for=tenant-c) $(taken reserve:for=tenant-b)" "tenant-c tenant-b"
refused "the uuid of one that has gone" 1 "reserve:uuid=$a: no such namespace is enabled; hostmemctl list -D" "reserve:uuid=$a"
refused "the purpose of one that has gone" 1 "reserve:for=tenant-a: no such namespace is enabled" reserve:for=tenant-a
refused "no uuid" 2 'reserve: with NAMESPACE, uuid=UUID or for=PURPOSE' reserve:uuid=
refused "no purpose" 2 'reserve: with NAMESPACE, uuid=UUID or for=PURPOSE' reserve:for=
d=$(make tenant-c)
refused "a purpose that two have" 1 "several are meant by that: $(what tenant-c); name one: reserve:uuid=UUID" reserve:for=tenant-c
is "by its uuid, of two" "$(taken "reserve:uuid=$c")" "tenant-c"
is "and the other" "$(other=$(taken "reserve:uuid=$d" | tr -d '\0'); [ "$other" = tenant-c ] || echo another)" another
echo "1..$n"
exit $failed
