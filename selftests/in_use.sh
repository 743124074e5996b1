#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Verbs that read a namespace or refuse to change it, while something uses it: not a byte, no
# region, no mapping and no device changes, the user lives on, and the refusal names who it is.
# Needs two NVDIMMs, which it overwrites; what it leaves of the second one is memory of the system.
# shellcheck disable=SC2317,SC2086
set -Eeuo pipefail

. "$(dirname "$0")/tap.sh"

tmp=$(mktemp -d /dev/shm/in_use.XXXXXX)
mkdir "$tmp/mnt"
bin=$(cd "$(dirname "$0")/.." && pwd)/build/selftests
ns=namespace0.0 user='' go=''
cleanup() {
	[ -z "$user" ] || kill "$user" 2>/dev/null || true
	umount "$tmp/mnt" 2>/dev/null || true
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'if [ $BASH_SUBSHELL = 0 ]; then echo "# line $LINENO failed: $BASH_COMMAND"; fi' ERR

echo "TAP version 13"
[ -e /sys/bus/nd/devices/region1 ] || { echo "1..0 # SKIP needs two NVDIMMs"; exit 4; }
modprobe -a dm_mod kmem 2>/dev/null || true

# All that must stay: bytes, regions with their mappings, namespaces, the number of what has happened
# to devices.
state() {
	sync
	"$bin/peek" media sum $ns
	hostmemctl list -R -V | jq -cS .
	hostmemctl list -D | jq -cS .
	cat /sys/kernel/uevent_seqnum
	cat /sys/bus/nd/devices/namespace*/force_raw
}

# verb STATUS PATTERN VERB ARGUMENT...: on stderr nothing but one line with the pattern
verb() {
	local status=$1 pattern=$2 rc=0
	shift 2
	hostmemctl "$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
	[ "$rc $(grep -cE -e "$pattern" "$tmp/err")" = "$status 1" ] && return
	echo "# $*: $rc $(tr '\n' ' ' <"$tmp/err")"
}

# Whoever is $user is still there, and what it uses is what it was.
lives() {
	[ -z "$user" ] || kill -0 "$user" || echo "# the user is gone"
}

# used NAME PATTERN: by somebody whom the pattern names
used() {
	local what=$1 pattern="namespace $ns: in use.*$2"
	state >"$tmp/before"
	{
		hostmemctl check-namespace $ns >"$tmp/out" 2>"$tmp/err" || echo "# check: $?"
		jq -r .found "$tmp/out"
		hostmemctl check-namespace $ns --repair >"$tmp/out" 2>"$tmp/err" || echo "# repair: $?"
		verb 1 "$pattern" create-namespace -f -e $ns --reserve 8m -n
		verb 1 "$pattern" create-namespace -e $ns --reserve 0
		verb 1 "$pattern" create-namespace -f -e $ns --reserve 8m
		lives
	} >"$tmp/verbs" 2>&1
	is "$what: found, and refused" "$(cat "$tmp/verbs")" good
	state >"$tmp/after"
	is "$what: nothing has changed" "$(diff "$tmp/before" "$tmp/after" && echo same)" same
}

# hold WHAT NAME: a process that does until let_go
hold() {
	rm -f "$tmp/go" "$tmp/held"
	mkfifo "$tmp/go"
	"$bin/hold" "$@" <"$tmp/go" >"$tmp/held" &
	user=$!
	exec {go}>"$tmp/go"
	until grep -q held "$tmp/held"; do sleep 0.1; done
}

let_go() {
	echo >&"$go"
	exec {go}>&-
	wait "$user" || echo "# $1: the user: $?"
	user=''
}

# held NAME WHAT PATH: by a process that holds it
held() {
	hold "$2" "$3"
	used "$1" "pid $user \(hold\)"
	let_go "$1"
}

# mapped NAME BACKING: by a region that a process maps
mapped() {
	hostmemctl create-region r --backing "$2" >/dev/null
	hold map /dev/hostmem/r
	used "$1" "region r of pid $user \(hold\).*destroy-region r"
	let_go "$1"
}

test_fsdax() {
	hostmemctl create-namespace -f -e $ns --reserve 8m -M mem >/dev/null 2>&1
	mapped "region of a reserve" reserve:$ns
	used "region that has only its name left" "region r; destroy it first: hostmemctl destroy-region r"
	hostmemctl destroy-region r >/dev/null
	held "open disk" open /dev/pmem0
	held "mapped disk" map /dev/pmem0
	held "lease" lease /dev/pmem0
	mkswap /dev/pmem0 >/dev/null
	swapon /dev/pmem0
	used "swap" "/dev/pmem0 is swap; run swapoff"
	swapoff /dev/pmem0
	if dmsetup create --noudevsync in_use --table "0 2048 linear /dev/pmem0 0" 2>"$tmp/err"; then
		used "device-mapper" "dm-[0-9]+ is made of /dev/pmem0.*dmsetup"
		dmsetup remove --noudevsync in_use
	fi
	mkfs.ext4 -qF -b 4096 -E lazy_itable_init=0,lazy_journal_init=0 /dev/pmem0
	mount -o dax,noatime /dev/pmem0 "$tmp/mnt"
	used "mounted" "/dev/pmem0 is mounted on $tmp/mnt; unmount"
	fallocate -l 4m "$tmp/mnt/file"
	dd if=/dev/zero of="$tmp/mnt/file" bs=4M count=1 conv=notrunc,fsync status=none
	mapped "region of a file" "file:$tmp/mnt/file"
	hostmemctl destroy-region r >/dev/null
	umount "$tmp/mnt"
}

# In a mount namespace that is not ours.
test_elsewhere() {
	rm -f "$tmp/ready"
	unshare -m --propagation private bash -c \
		"mount /dev/pmem0 $tmp/mnt && touch $tmp/ready && exec tail -f /dev/null" &
	user=$!
	until [ -e "$tmp/ready" ]; do sleep 0.1; done
	used "mounted elsewhere" "mounted on .*as pid $user"
	kill $user
	wait $user 2>/dev/null || true
	user=''
	# Its mount goes a little later.
	until mkswap /dev/pmem0 >/dev/null 2>&1; do sleep 0.1; done
}

# When nobody uses it any more, it can be changed.
test_idle() {
	hostmemctl check-namespace $ns --repair >"$tmp/out" 2>"$tmp/err"
	is "not in use: nothing to repair" "$(jq -c '[.found,.repaired]' "$tmp/out")" '["good",false]'
	hostmemctl create-namespace -e $ns -f --reserve 16m >/dev/null 2>"$tmp/err"
	is "not in use: changed" "$(hostmemctl list -D | jq -c "map(select(.namespace == \"$ns\"))[0].reserve.size")" $((16 << 20))
}

# What is disabled stays so; a dry run of free space makes nothing.
test_disabled() {
	ndctl disable-namespace $ns >/dev/null 2>&1
	state >"$tmp/before"
	hostmemctl check-namespace $ns >"$tmp/check" 2>"$tmp/err"
	hostmemctl create-namespace -n -f -e $ns --reserve 8m >"$tmp/dry" 2>"$tmp/err"
	verb 1 "has a reserve of 16m already" create-namespace -e $ns --reserve 8m
	is "disabled: looked at" "$(jq -r .found "$tmp/check") $(jq .reserve.size "$tmp/dry")" "good $((8 << 20))"
	state >"$tmp/after"
	is "disabled: nothing has changed" "$(diff "$tmp/before" "$tmp/after" && echo same)" same
	ndctl enable-namespace $ns >/dev/null 2>&1
}

test_devdax() {
	ns=namespace1.0
	hostmemctl create-namespace -f -e $ns --reserve 8m -m devdax -M mem >/dev/null 2>&1
	mapped "region of /dev/dax" file:/dev/dax1.0
	hostmemctl destroy-region r >/dev/null
	held "open /dev/dax" open /dev/dax1.0
	held "mapped /dev/dax" map /dev/dax1.0
}

# To the end of the guest.
test_kmem() {
	[ -d /sys/bus/dax/drivers/kmem ] || { echo "ok $((++n)) # SKIP kmem: no such driver"; return 0; }
	echo dax1.0 >/sys/bus/dax/drivers/device_dax/unbind
	echo dax1.0 >/sys/bus/dax/drivers/kmem/new_id 2>/dev/null || echo dax1.0 >/sys/bus/dax/drivers/kmem/bind
	used "memory of the system" "dax1.0 is memory of the system"
}

[ $# -gt 0 ] || set -- fsdax elsewhere idle disabled devdax kmem
for group in "$@"; do
	"test_$group"
done
echo "1..$n"
exit $failed
