#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# hostmemctl: every verb, with good and with bad input. Runs in the test guest, as root:
#   selftests/guest/run -- selftests/ctl.sh [GROUP]...
set -Eeu

top=$(cd "$(dirname "$0")/.." && pwd)
n=0 failed=0
tmp=$(mktemp -d)
pids=()
nth_call=$top/build/selftests/nth_call.so
trap 'if [ $BASH_SUBSHELL = 0 ]; then echo "# $0: line $LINENO: unexpected failure of: $BASH_COMMAND"; exit 1; fi' ERR
cleanup() {
	local name
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	for name in /dev/hostmem/ctl-*; do
		[ ! -s "$name" ] || hostmemctl destroy-region --force "$name" >/dev/null 2>&1 || true
	done
	rm -rf /dev/hostmem/ctl-*
	rm -rf "$tmp"
}
trap cleanup EXIT

skip() {
	echo "1..0 # SKIP $*"
	exit 4
}
[ "$(id -u)" = 0 ] || skip "not root"
for tool in jq hostmemctl python3 xmllint setpriv script; do
	command -v $tool >/dev/null || skip "$tool is missing"
done
[ -e /sys/module/hostmem ] || modprobe -q hostmem || skip "no module hostmem"

pass() {
	n=$((n + 1))
	echo "ok $n - $1"
}

fail() {
	n=$((n + 1)) failed=$((failed + 1))
	echo "not ok $n - $1"
	sed 's/^/# out: /' "$tmp/out"
	sed 's/^/# err: /' "$tmp/err"
}

run() {
	status=0
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}

# accept TEXT JQ COMMAND...: exits 0, is silent on stderr, and JQ is true of what it prints
accept() {
	local text=$1 filter=$2
	shift 2
	run "$@"
	if [ $status = 0 ] && [ ! -s "$tmp/err" ] && jq -e "$filter" "$tmp/out" >/dev/null 2>&1; then
		pass "$text"
	else
		fail "$text (status $status)"
	fi
}

# refuse TEXT STATUS PATTERN COMMAND...: prints nothing but a message that matches
refuse() {
	local text=$1 wanted=$2 pattern=$3 err
	shift 3
	run "$@"
	err=$(<"$tmp/err")
	if [ $status = "$wanted" ] && [ ! -s "$tmp/out" ] &&
		[[ $err == 'hostmemctl: '* && $err =~ $pattern && $err != *$'\n'* ]]; then
		pass "$text"
	else
		fail "$text (status $status, wanted $wanted)"
	fi
}

# says TEXT PATTERN COMMAND...: exits 0, and stdout matches
says() {
	local text=$1 pattern=$2
	shift 2
	run "$@"
	if [ $status = 0 ] && grep -qE -- "$pattern" "$tmp/out"; then
		pass "$text"
	else
		fail "$text (status $status)"
	fi
}

is() {
	: >"$tmp/err"
	echo "is '$2', should be '$3'" >"$tmp/out"
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1"; fi
}

# wait_for SECONDS COMMAND...
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# map NAME: a process that maps 2 MiB of a region, its pid in $mapper
map() {
	rm -f "$tmp/mapped"
	python3 -S -E -c '
import mmap, os, signal, sys
fd = os.open("/dev/hostmem/" + sys.argv[1], os.O_RDWR)
m = mmap.mmap(fd, 2 << 20)
open(sys.argv[2], "w").close()
signal.pause()' "$1" "$tmp/mapped" &
	mapper=$!
	pids+=("$mapper")
	wait_for 300 test -e "$tmp/mapped"
}

unmap() {
	kill "$mapper"
	wait "$mapper" 2>/dev/null || true
}

nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

destroy() {
	hostmemctl destroy-region --force "$1" >/dev/null
}

keys='["allocation","backing","badblocks","block_size","generation","huge","id","mappings","name","plugged","size","slot_size","views"]'
verbs='create-region destroy-region plug unplug resize preallocate revoke list extents monitor create-namespace check-namespace vm-config info load unload'

test_help() {
	local verb option missing options pages
	says "--help lists the verbs" '^  create-region ' hostmemctl --help
	says "--version" '^hostmemctl [0-9]' hostmemctl --version
	says "version" '^hostmemctl [0-9]' hostmemctl version
	says "help" '^  create-region ' hostmemctl help
	says "help VERB" '^Usage: hostmemctl plug' hostmemctl help plug
	for verb in $verbs; do
		says "$verb --help" "^Usage: hostmemctl $verb" hostmemctl "$verb" --help
		missing='' pages=$(cat "$top"/Documentation/man/{hostmemctl-"$verb".1,_common-options,_threads}.rst)
		mapfile -t options < <(sed -n 's/^ *\(-.,\)\{0,1\} *\(--[a-z-]*\).*/\2/p' "$tmp/out")
		for option in "${options[@]}"; do
			[[ $pages =~ (^|[[:space:]])$option([^a-z-]|$) ]] || missing+=" $option"
		done
		is "$verb: the manual page has all options" "$missing" ''
	done
	run hostmemctl
	is "no verb: usage" $status 2
	run hostmemctl creat-regoin
	is "unknown verb: usage" "$status $(grep -c 'did you mean create-region' "$tmp/err") $(grep -c '^  unload' "$tmp/err")" "2 1 1"
	run hostmemctl help creat-regoin
	is "help: the same" "$status $(grep -c 'did you mean create-region' "$tmp/err")" "2 1"
	refuse "unknown option" 2 '^hostmemctl: list: --frob: no such option' hostmemctl list --frob
	refuse "unknown letter" 2 '^hostmemctl: list: -x: no such option' hostmemctl list -x
	refuse "unknown letter among others" 2 '^hostmemctl: list: -x: no such option' hostmemctl list -xv
	refuse "missing value among others" 2 '^hostmemctl: list: -r: needs a value' hostmemctl list -vr
	refuse "unknown option before the verb" 2 '^hostmemctl: -V: no such option' hostmemctl -V
	refuse "unknown option among others before the verb" 2 '^hostmemctl: -x: no such option' hostmemctl -xv
	refuse "unknown long option before the verb" 2 '^hostmemctl: --frob: no such option' hostmemctl --frob list
	refuse "value where none belongs before the verb" 2 '^hostmemctl: --version=1: takes no value' hostmemctl --version=1
	refuse "value where none belongs" 2 'takes no value' hostmemctl list --views=1
	refuse "missing value" 2 '--region: needs a value' hostmemctl list --region
	refuse "argument too many" 2 'one argument too many' hostmemctl list foo
}

test_create() {
	local name
	accept "create-region" ".|length == 1 and (.[0]|keys == $keys and .name == \"ctl-a\" and .size == 68719476736 and
		.block_size == 2097152 and .plugged == 536870912 and .backing == \"ram\" and .allocation == \"ondemand\" and
		.huge == \"always\" and .views == 0 and .mappings == 0 and .slot_size == 0)" \
		hostmemctl create-region ctl-a --size 64g --plug 512m
	is "file: mode, owner and size" "$(stat -c '%a %u:%g %F %s' /dev/hostmem/ctl-a)" "600 0:0 regular file 68719476736"
	accept "create-region with all options" '.[0]|.size == 1073741824 and .plugged == 33554432 and .block_size == 16777216 and
		.allocation == "immediate" and .huge == "never" and .slot_size == 134217728' \
		hostmemctl create-region ctl-b --size 0x40000000 --plug 32m --block-size 16M --slot-size 128m --backing ram \
		--allocation immediate --threads 2 --huge never --mode 0640 --owner nobody:daemon
	is "file: mode and owner as asked" "$(stat -c '%a %U:%G' /dev/hostmem/ctl-b)" "640 nobody:daemon"
	destroy ctl-b
	accept "owner by numbers" '.[0].slot_size == 0' hostmemctl create-region ctl-b --size 2m --owner 12:34 --slot-size auto
	is "file: owner by numbers" "$(stat -c %u:%g /dev/hostmem/ctl-b)" 12:34
	destroy ctl-b
	for name in "ctl-$(printf 'x%.0s' {1..251})" ctl-b.x 'ctl b' ctl-ä; do
		accept "name '$name'" ".[0].name == \"$name\"" hostmemctl create-region "$name" --size 2m
		destroy "$name"
	done
	refuse "name taken" 1 'create-region: region ctl-a: the name is taken; ' hostmemctl create-region ctl-a --size 2m
	for name in . .. '' ../x a//b a/ a/../b /dev/hostmem/ /x "ctl-$(printf 'x%.0s' {1..252})"; do
		refuse "name '$name'" 1 'the name is not allowed; use a path below /dev/hostmem' hostmemctl create-region "$name" --size 2m
	done
	accept "name -ctl" '.[0].name == "-ctl"' hostmemctl create-region --size 2m -- -ctl
	rm /dev/hostmem/-ctl
	refuse "size 0" 1 '--size is 0' hostmemctl create-region ctl-c --size 0
	refuse "size not a multiple" 1 '--size 3m is not a multiple of the block size, 2m; use 4m' hostmemctl create-region ctl-c --size 3m
	refuse "size beyond the limit" 1 'limit|more than [0-9]+ blocks' hostmemctl create-region ctl-c --size 4194304t
	refuse "block size" 1 '--block-size 3m is not a power of two' hostmemctl create-region ctl-c --size 6m --block-size 3m
	refuse "slot size" 1 '--slot-size 3m is not a multiple' hostmemctl create-region ctl-c --size 6m --slot-size 3m
	refuse "plug beyond the size" 1 'reaches beyond the region' hostmemctl create-region ctl-c --size 2m --plug 4m
	refuse "plug not a multiple" 1 'length 3m is not a multiple of the block size, 2m; use 2m or 4m' hostmemctl create-region ctl-c --size 4m --plug 3m
	is "no region is left when plugging fails" "$(ls /dev/hostmem) $(hostmemctl list | jq length)" "ctl-a 1"
	refuse "backing window" 1 'not supported by this version; use ram, file:PATH' hostmemctl create-region ctl-c --size 2m --backing window
	refuse "backing of no name" 2 'it takes ram, file:PATH, or reserve: with NAMESPACE, uuid=UUID or for=PURPOSE' hostmemctl create-region ctl-c --backing file:
	# The first time what ndctl has to do with its keys may be heard.
	modprobe hostmem_nd 2>/dev/null
	refuse "backing file, missing" 1 'No such file or directory; give a file that exists' hostmemctl create-region ctl-c --backing file:/nosuch
	refuse "backing file, a directory" 1 'Is a directory; give a file' hostmemctl create-region ctl-c --backing file:/
	truncate -s 4m "$tmp/file"
	refuse "backing file, not on pmem" 1 'not on an enabled pmem namespace' hostmemctl create-region ctl-c --backing "file:$tmp/file"
	refuse "backing file, too small" 1 'its 4m are less than a block, 8m; give a larger one' hostmemctl create-region ctl-c --block-size 8m --backing "file:$tmp/file"
	truncate -s 0 "$tmp/file"
	refuse "backing file, empty" 1 'its 0 are less than a block, 2m' hostmemctl create-region ctl-c --backing "file:$tmp/file"
	truncate -s 68161536 "$tmp/file"
	refuse "backing file, of an odd size" 1 'its 66564k are not a multiple of the block size, 2m; make it 66m, or leave its last 1052672 bytes out: --size 64m' \
		hostmemctl create-region ctl-c --backing "file:$tmp/file"
	refuse "backing reserve, missing" 1 'no such namespace is enabled; hostmemctl list -D' hostmemctl create-region ctl-c --backing reserve:ns
	refuse "backing file, huge" 2 '--huge: of ram only' hostmemctl create-region ctl-c --huge never --backing file:/nosuch
	refuse "unknown backing" 2 'it takes ram' hostmemctl create-region ctl-c --size 2m --backing tape
	refuse "unknown owner" 1 'there is no such user or group' hostmemctl create-region ctl-c --size 2m --owner nosuchuser
	refuse "no size" 2 '--size missing' hostmemctl create-region ctl-c
	refuse "no name" 2 'NAME missing' hostmemctl create-region --size 2m
	for name in -1 1x 1kk 2mb '' ' 1m' +1m 0x 0x0x4000 0x+1 0x-1 '0x 1' 1.5g 99999999999999999999 16777216t 18446744073709551616; do
		refuse "size '$name'" 2 '(not understood|too large)' hostmemctl create-region ctl-c --size "$name"
	done
	refuse "mode" 2 'octal' hostmemctl create-region ctl-c --size 2m --mode 888
	refuse "mode too large" 2 'octal' hostmemctl create-region ctl-c --size 2m --mode 1777
	refuse "allocation" 2 'ondemand or immediate' hostmemctl create-region ctl-c --size 2m --allocation later
	refuse "threads without plug" 2 'without --plug' hostmemctl create-region ctl-c --size 2m --threads 2
	refuse "threads -1" 2 'not understood' hostmemctl create-region ctl-c --size 2m --plug 2m --threads=-1
	refuse "no privilege" 1 'run hostmemctl as root' nobody hostmemctl create-region ctl-c --size 2m
}

# A copy of what there is, and back.
test_copy() {
	truncate -s 64m /dev/hostmem/ctl-f
	echo "what was written" | dd of=/dev/hostmem/ctl-f bs=1M seek=10 conv=notrunc status=none
	cp --sparse=always /dev/hostmem/ctl-f "$tmp/copy"
	is "a copy: size and contents" "$(stat -c %s "$tmp/copy") $(cmp "$tmp/copy" /dev/hostmem/ctl-f && echo same)" "67108864 same"
	is "a copy has its holes" $(($(stat -c %b "$tmp/copy") <= 8192)) 1
	is "to read it makes no memory" $(($(stat -c %b /dev/hostmem/ctl-f) <= 8192)) 1
	echo "something else" | dd of=/dev/hostmem/ctl-f bs=1M seek=20 conv=notrunc status=none
	cp --sparse=always "$tmp/copy" /dev/hostmem/ctl-f
	is "back" "$(cmp "$tmp/copy" /dev/hostmem/ctl-f && echo same)" "same"
	is "and its holes" $(($(stat -c %b /dev/hostmem/ctl-f) <= 8192)) 1
	rm /dev/hostmem/ctl-f "$tmp/copy"
}

# Directories, and what other programs do to the files.
test_files() {
	refuse "no directory" 1 'there is no directory /dev/hostmem/ctl-d; make it: mkdir -p /dev/hostmem/ctl-d' \
		hostmemctl create-region ctl-d/vm --size 4m
	mkdir /dev/hostmem/ctl-d
	accept "in a directory" '.[0].name == "ctl-d/vm"' hostmemctl create-region ctl-d/vm --size 4m --plug 2m
	accept "by its path" '.[0].name == "ctl-d/vm" and .[0].plugged == 4194304' hostmemctl plug /dev/hostmem/ctl-d/vm 2m 2m
	refuse "the name of a directory" 1 'a directory has this name; give one below it: ctl-d/NAME' hostmemctl create-region ctl-d --size 4m
	refuse "below a region" 1 'a part of its path is a region' hostmemctl create-region ctl-d/vm/x --size 4m
	refuse "a directory is no region" 1 'a directory' hostmemctl plug ctl-d 0 2m
	mv /dev/hostmem/ctl-d /dev/hostmem/ctl-e
	accept "moved" 'map(.name) == ["ctl-a", "ctl-e/vm"]' hostmemctl list
	accept "list -r PATH" 'length == 1 and .[0].name == "ctl-e/vm"' hostmemctl list -r /dev/hostmem/ctl-e/vm
	refuse "the old name" 1 'there is no such region' hostmemctl unplug ctl-d/vm 0 2m
	exec 8</dev/hostmem/ctl-e/vm
	rm /dev/hostmem/ctl-e/vm
	accept "removed and open" 'map(.name) == ["ctl-a", null] and .[1].views == 1' hostmemctl list
	exec 8<&-
	accept "removed and closed" 'map(.name) == ["ctl-a"]' hostmemctl list
	truncate -s 4m /dev/hostmem/ctl-e/vm
	accept "made by truncate" '.[1] | .name == "ctl-e/vm" and .size == 4194304 and .plugged == 4194304' hostmemctl list
	is "occupies nothing" "$(du -B 1 --apparent-size /dev/hostmem/ctl-e/vm | cut -f 1) $(du -B 1 /dev/hostmem/ctl-e/vm | cut -f 1)" "4194304 0"
	rm /dev/hostmem/ctl-e/vm
	: >/dev/hostmem/ctl-e/vm
	refuse "an empty file" 1 'an empty file, which nobody has made a region yet' hostmemctl plug ctl-e/vm 0 2m
	refuse "an empty file has the name" 1 'an empty file has this name' hostmemctl create-region ctl-e/vm --size 2m
	accept "an empty file is not listed" 'map(.name) == ["ctl-a"]' hostmemctl list
	rm -r /dev/hostmem/ctl-e
	test_copy
	is "df: the limit" "$(df -B 1 --output=size,fstype /dev/hostmem | tail -n 1 | xargs)" "$(hostmemctl info | jq '.[0].ram_limit') hostmem"
}

test_blocks() {
	accept "plug" ".[0]|keys == $keys and .plugged == 536870912 + 4194304" hostmemctl plug ctl-a 1g 4m
	accept "plug by hexadecimal offset" '.[0].plugged == 536870912 + 6291456' hostmemctl plug ctl-a 0x80000000 2m
	accept "plug --preallocate" '.[0].plugged == 536870912 + 14680064' hostmemctl plug ctl-a 3g 8m --preallocate
	refuse "plug twice" 1 'region ctl-a: the block at 1g is plugged already; ' hostmemctl plug ctl-a 1022m 4m
	refuse "plug nothing" 1 'the length is 0' hostmemctl plug ctl-a 1g 0
	refuse "plug misaligned" 1 'offset 1m is not a multiple' hostmemctl plug ctl-a 1m 2m
	refuse "plug beyond" 1 'reaches beyond the region, which ends at 64g' hostmemctl plug ctl-a 64g 2m
	refuse "plug overflow" 1 'more than 64 bits' hostmemctl plug ctl-a 0xffffffffffe00000 4m
	refuse "plug no region" 1 'region ctl-z: there is no such region; hostmemctl list' hostmemctl plug ctl-z 0 2m
	refuse "plug bad name" 1 'the name is not allowed' hostmemctl plug .. 0 2m
	refuse "plug bad offset" 2 'OFFSET x: not an offset' hostmemctl plug ctl-a x 2m
	refuse "plug bad length" 2 'LENGTH 2q: not a size' hostmemctl plug ctl-a 0 2q
	refuse "plug without length" 2 'NAME OFFSET LENGTH missing' hostmemctl plug ctl-a 0
	refuse "plug no privilege" 1 'as root' nobody hostmemctl plug ctl-a 4g 2m
	accept "unplug" '.[0].plugged == 536870912 + 10485760' hostmemctl unplug ctl-a 1g 4m
	refuse "unplug twice" 1 'the block at 1g is not plugged; .*hostmemctl plug ctl-a 1g 2m' hostmemctl unplug ctl-a 1g 4m
	refuse "unplug beyond" 1 'reaches beyond' hostmemctl unplug ctl-a 0 65g
	refuse "unplug misaligned" 1 'length 1m is not a multiple' hostmemctl unplug ctl-a 0 1m
	refuse "unplug no region" 1 'no such region' hostmemctl unplug ctl-z 0 2m
	accept "resize: more" '.[0].plugged == 1073741824' hostmemctl resize ctl-a --plug 1g
	accept "resize: less" '.[0].plugged == 536870912' hostmemctl resize ctl-a --plug 512m
	accept "resize: the highest go" '.[0].slots == [{"start":0,"length":1073741824}]' hostmemctl list -S -r ctl-a
	accept "resize: same" '.[0].plugged == 536870912' hostmemctl resize ctl-a --plug 512m
	refuse "resize beyond" 1 '--plug 65g is more than its size, 64g' hostmemctl resize ctl-a --plug 65g
	refuse "resize misaligned" 1 '--plug 3m is not a multiple' hostmemctl resize ctl-a --plug 3m
	refuse "resize without size" 2 '--plug missing' hostmemctl resize ctl-a
	refuse "resize no region" 1 'no such region' hostmemctl resize ctl-z --plug 2m
}

shmem_kib() {
	awk '/^Shmem:/ { print $2 }' /proc/meminfo
}

test_allocation() {
	local before after rc signal
	hostmemctl create-region ctl-m --size 4g --plug 64m >/dev/null
	before=$(shmem_kib)
	accept "resize --threads allocates" '.[0].plugged == 268435456' hostmemctl resize ctl-m --plug 256m --threads 2
	after=$(shmem_kib)
	is "it did" $((after - before > 150000)) 1
	run script -qec "hostmemctl plug ctl-m 1g 256m --threads 2 >$tmp/json" /dev/null
	is "a bar on a terminal" "$status $(grep -c 'ctl-m: \[#* *\] *100%  0.25 of 0.25 GiB' "$tmp/out") $(jq '.[0].plugged' "$tmp/json")" "0 1 536870912"
	is "unplug gives back" "$(hostmemctl resize ctl-m --plug 0 | jq '.[0].plugged') $(($(shmem_kib) - before < 50000))" "0 1"

	hostmemctl plug ctl-m 0 64m >/dev/null
	hostmemctl plug ctl-m 128m 64m >/dev/null
	before=$(shmem_kib)
	accept "preallocate: a range" ".[0]|keys == $keys and .plugged == 134217728" hostmemctl preallocate ctl-m 4k 32m
	after=$(shmem_kib)
	is "preallocate: it is there" $((after - before > 30000 && after - before < 40000)) 1
	run script -qec "hostmemctl preallocate ctl-m --threads 2 >$tmp/json" /dev/null
	is "preallocate: all, and one bar for it" "$status $(grep -c 'ctl-m: \[#* *\] *100%  0.12 of 0.12 GiB' "$tmp/out") $(($(shmem_kib) - before > 120000))" "0 1 1"
	refuse "preallocate what is not plugged" 1 'the block at 64m is not plugged' hostmemctl preallocate ctl-m 0 128m
	refuse "preallocate beyond" 1 'reaches beyond' hostmemctl preallocate ctl-m 0 8g
	refuse "preallocate no whole pages" 1 'use multiples of 4k' hostmemctl preallocate ctl-m 1 4k
	refuse "preallocate nothing" 1 'use multiples of 4k' hostmemctl preallocate ctl-m 0 0
	refuse "preallocate without length" 2 'LENGTH missing' hostmemctl preallocate ctl-m 0
	refuse "preallocate no region" 1 'no such region' hostmemctl preallocate ctl-z
	hostmemctl plug ctl-m 1g 1g >/dev/null
	mount -o remount,size=256m /dev/hostmem
	refuse "preallocate beyond the limit" 1 'region ctl-m: all regions of ram together .*; but 128.00 MiB .* in front of that have been allocated' \
		hostmemctl preallocate ctl-m
	mount -o remount,size=50% /dev/hostmem
	hostmemctl resize ctl-m --plug 0 >/dev/null

	# At the call that plugs, and, as 2 GiB take longer than that, a moment after it has begun.
	local plug=(hostmemctl create-region ctl-n --allocation immediate --threads 1)
	NTH_COMMAND=hostmemctl LD_PRELOAD=$nth_call "${plug[@]}" --size 2m --plug 2m 2>"$tmp/calls" >"$tmp/out"
	destroy ctl-n
	before=$(shmem_kib)
	for signal in 2 1 15; do
		rc=0
		NTH_COMMAND=hostmemctl NTH_CALL=$(sed -n '/ linkat /q; s/^nth_call: \([0-9]*\) ioctl .*/\1/p' "$tmp/calls" | tail -n 1) \
			NTH_SIGNAL=$signal NTH_DELAY=50 LD_PRELOAD=$nth_call "${plug[@]}" --size 2g --plug 2g >"$tmp/out" 2>"$tmp/err" || rc=$?
		is "signal $signal: exit status, message, no region" "$rc $(grep -c 'cancelled; what was allocated has been given back' "$tmp/err") $(ls -d /dev/hostmem/ctl-n 2>/dev/null || true)" "1 1 "
		is "signal $signal: memory is free again" $(($(shmem_kib) - before < 50000)) 1
	done
	accept "a signal that is ignored changes nothing" '.[0].plugged == 67108864' bash -c "trap '' HUP
		NTH_COMMAND=hostmemctl NTH_CALL=3 NTH_SIGNAL=1 LD_PRELOAD=$nth_call \
			hostmemctl create-region ctl-n --size 64m --plug 64m --threads 1 2>/dev/null"
	destroy ctl-n

	if echo +memory >/sys/fs/cgroup/cgroup.subtree_control && mkdir -p /sys/fs/cgroup/ctl &&
		echo 64M >/sys/fs/cgroup/ctl/memory.max; then
		refuse "create beyond memory.max" 1 'region ctl-n: no memory, or the limit of the memory cgroup is reached; ' \
			bash -c "echo \$\$ >/sys/fs/cgroup/ctl/cgroup.procs
				exec hostmemctl create-region ctl-n --size 256m --plug 256m --allocation immediate"
		refuse "plug --threads beyond memory.max" 1 'no memory' \
			bash -c "echo \$\$ >/sys/fs/cgroup/ctl/cgroup.procs
				exec hostmemctl plug ctl-m 2g 256m --threads 2"
		refuse "resize --threads beyond memory.max" 1 'no memory' \
			bash -c "echo \$\$ >/sys/fs/cgroup/ctl/cgroup.procs
				exec hostmemctl resize ctl-m --plug 256m --threads 2"
		accept "nothing is left" 'map(.name) == ["ctl-a", "ctl-m"] and .[1].plugged == 0' hostmemctl list
		rmdir /sys/fs/cgroup/ctl
	else
		echo "# no memory cgroups"
	fi
	test_limits
	destroy ctl-m
}

# Which limit it is that stands in the way.
test_limits() {
	local ratio=/proc/sys/vm/overcommit_ratio old
	old=$(cat $ratio)
	echo 2 >/proc/sys/vm/overcommit_memory
	echo 25 >$ratio
	refuse "create beyond the commit limit" 1 'region ctl-n: the host commits itself to no more than .*vm.overcommit_memory is 2.* raise the limit: sysctl vm.overcommit_ratio' \
		hostmemctl create-region ctl-n --size 1g --plug 1g --allocation immediate
	refuse "resize beyond the commit limit" 1 'region ctl-m: the host commits itself to no more than' \
		hostmemctl resize ctl-m --plug 1g --threads 2
	echo 0 >/proc/sys/vm/overcommit_memory
	echo "$old" >$ratio
	mount -o remount,size=64m /dev/hostmem
	refuse "create beyond the limit" 1 'region ctl-n: all regions of ram together may hold 64.00 MiB .*128.00 MiB .*raise the limit: mount -o remount,size=SIZE /dev/hostmem' \
		hostmemctl create-region ctl-n --size 1g --plug 128m --allocation immediate
	refuse "plug beyond the limit" 1 'region ctl-m: all regions of ram together' hostmemctl plug ctl-m 2g 128m --preallocate
	accept "info: ram_limit" '.[0]|.ram_limit == 67108864 and .ram_used < 67108864' hostmemctl info
	mount -o remount,size=50% /dev/hostmem
	is "nothing is left of it" "$(hostmemctl list | jq -c 'map(.name)') $(hostmemctl list -r ctl-m | jq '.[0].plugged')" '["ctl-a","ctl-m"] 0'
}

test_list() {
	local id
	hostmemctl create-region ctl-b --size 6m --plug 2m >/dev/null
	hostmemctl create-region ctl-c --size 1g --slot-size 128m >/dev/null
	hostmemctl plug ctl-c 0 2m >/dev/null
	hostmemctl plug ctl-c 512m 4m >/dev/null
	accept "list: keys" "length == 3 and all(keys == $keys)" hostmemctl list
	accept "list -R is the same" "length == 3 and all(keys == $keys)" hostmemctl list -R
	accept "list -S: the region's slot size" '.[0].slots == [{"start":0,"length":134217728},{"start":536870912,"length":134217728}]' \
		hostmemctl list -S -r ctl-c
	accept "list -S: a region below 1 GiB" '.[0].slots == [{"start":0,"length":6291456}]' hostmemctl list -S -r ctl-b
	accept "list -RVS: keys" "length == 3 and all(keys == ($keys + [\"slots\",\"view_list\"] | sort))" hostmemctl list -RVS
	id=$(hostmemctl list -r ctl-b | jq '.[0].id')
	accept "list -r ID" 'length == 1 and .[0].name == "ctl-b"' hostmemctl list -r "$id"
	accept "list -r twice" 'map(.name) == ["ctl-a","ctl-b"]' hostmemctl list -r ctl-b --region=ctl-a
	accept "list -r all" 'length == 3' hostmemctl list -r all
	refuse "list -r of nothing" 1 'region ctl-z: there is no such region' hostmemctl list -r ctl-z
	accept "list -u" '.[0]|.size == "64.00 GiB (68.72 GB)" and .block_size == "2.00 MiB (2.10 MB)" and .slot_size == "0 B" and
		.slots[0].start == "0x0" and (.id|type) == "number"' hostmemctl list -uS -r ctl-a
	accept "nobody may list" 'length == 3' nobody hostmemctl list
	accept "list -S: nobody sees no slots" 'length == 3 and all(has("slots") and .slots == null)' nobody hostmemctl list -S
	# What ndctl's modprobe configuration says when it finds no keys is not ours.
	modprobe libnvdimm 2>/dev/null
	accept "list -D without a namespace" '. == []' hostmemctl list -D
	refuse "list -D -S" 2 'cannot be combined' hostmemctl list -DS
	refuse "nobody may not list -D" 1 'it shows physical addresses; run hostmemctl as root' nobody hostmemctl list -D
	refuse "list -p x" 2 'not a process number' hostmemctl list -p x
	accept "list -p of a stranger" '. == []' hostmemctl list -p 1

	map ctl-b
	accept "list -V: a view" ".[0]|.views == 1 and .mappings == 1 and (.view_list|length == 1 and (.[0]|
		keys == [\"command\",\"id\",\"length\",\"mapping_list\",\"mappings\",\"parent\",\"pid\",\"revoked\",\"rights\",\"start\"] and
		(.mapping_list|length == 1 and (.[0]|keys == [\"bytes\",\"command\",\"length\",\"pid\",\"prot\",\"start\"] and
		.pid == $mapper and .command == \"python3\" and .start == 0 and .length == 2097152 and .prot == \"rw\" and .bytes == 0)) and
		.pid == $mapper and .command == \"python3\" and .start == 0 and .length == 6291456 and
		.rights == \"rw\" and .parent == null and .mappings == 1 and .revoked == false))" hostmemctl list -V -r ctl-b
	accept "list -p" 'length == 1 and .[0].name == "ctl-b" and (.[0].view_list|length) == 1' hostmemctl list -V -p "$mapper"
	accept "list -V: nobody does not know who maps" '.[0].view_list|map(.mappings, .mapping_list) == [1, null]' \
		nobody hostmemctl list -V -r ctl-b
	exec 9</dev/hostmem/ctl-b
	accept "list -V: a reader" '.[0].view_list|map(.rights) == ["rw", "r"]' hostmemctl list -V -r ctl-b
	exec 9<&-
	refuse "destroy while mapped" 1 "^hostmemctl: destroy-region: region ctl-b: mapped by pid $mapper \(python3\): stop it or use --force" \
		hostmemctl destroy-region ctl-b
	accept "destroy --force" '.[0]|.name == "ctl-b" and .views == 1 and .mappings == 1 and .plugged == 2097152' \
		hostmemctl destroy-region ctl-b --force
	unmap
	accept "destroy" ".[0]|keys == $keys and .name == \"ctl-c\" and .views == 0" hostmemctl destroy-region ctl-c
	refuse "destroy again" 1 'region ctl-c: there is no such region' hostmemctl destroy-region ctl-c
	refuse "destroy without privilege" 1 'as root' nobody hostmemctl destroy-region ctl-a
	run bash -c 'hostmemctl list >/dev/full'
	is "a full disk" "$status $(grep -c 'stdout: No space left on device' "$tmp/err")" "1 1"
}

test_revoke() {
	local id other
	hostmemctl create-region ctl-r --size 4m --plug 4m >/dev/null
	map ctl-r
	id=$(hostmemctl list -V -r ctl-r | jq '.[0].view_list[0].id')
	exec 8</dev/hostmem/ctl-r
	other=$(hostmemctl list -V -r ctl-r | jq '.[0].view_list[1].id')
	refuse "revoke a view that is not there" 1 "region ctl-r: view 1: the region has no such view, .*hostmemctl list -V" hostmemctl revoke ctl-r "$id" 1
	accept "nothing was revoked" '.[0].view_list|map(.revoked) == [false, false]' hostmemctl list -V -r ctl-r
	refuse "revoke: not an id" 2 'VIEW x: not the id of a view' hostmemctl revoke ctl-r x
	refuse "revoke without a view" 2 'NAME VIEW missing' hostmemctl revoke ctl-r
	refuse "revoke of no region" 1 'region ctl-z: there is no such region' hostmemctl revoke ctl-z 1
	refuse "revoke without privilege" 1 'as root' nobody hostmemctl revoke ctl-r "$id"
	accept "revoke" "length == 2 and all(.revoked) and map(.id) == [$id, $other] and .[0].pid == $mapper and (.[0].mapping_list|length) == 1" \
		hostmemctl revoke ctl-r "$id" "$other"
	refuse "revoke again" 1 "view $id: the region has no such view, or it has been revoked already" hostmemctl revoke ctl-r "$id"
	exec 8<&-
	unmap
	accept "info" '.[0]|keys == ["abi_version","max_blocks","max_regions","max_size","min_block_size","ram_limit","ram_used","regions"]
		and .regions >= 2 and .max_regions == 4096 and .min_block_size == 2097152' hostmemctl info
	accept "info -u" '.[0].min_block_size == "2.00 MiB (2.10 MB)"' hostmemctl info -u
	refuse "info without privilege" 1 'no permission to open it' nobody hostmemctl info
	destroy ctl-r
}

test_monitor() {
	local rc monitor
	hostmemctl -v monitor -r ctl-e -n 5 >"$tmp/events" 2>"$tmp/log" &
	monitor=$!
	pids+=("$monitor")
	wait_for 300 grep -q listening "$tmp/log"
	hostmemctl create-region ctl-e --size 4m --plug 4m >/dev/null
	hostmemctl plug ctl-a 10g 2m >/dev/null
	hostmemctl unplug ctl-e 2m 2m >/dev/null
	map ctl-e
	unmap
	destroy ctl-e
	rc=0
	wait_for 300 grep -q destroyed "$tmp/events" && wait "$monitor" || rc=$?
	cp "$tmp/events" "$tmp/out"
	is "monitor: events of one region" "$rc $(jq -r .event "$tmp/events" | tr '\n' ' ')" "0 renamed unplugged mapped unmapped destroyed "
	is "monitor: keys" "$(jq -c keys "$tmp/events" | sort -u)" \
		'["command","event","generation","id","length","name","pid","start","timestamp","view_id"]'
	is "monitor: one line each" "$(wc -l <"$tmp/events")" 5
	is "monitor: values" "$(jq -c 'select(.event == "unplugged")|[.name, .start, .length, .view_id]' "$tmp/events")" '["ctl-e",2097152,2097152,0]'
	is "monitor: who mapped" "$(jq -c "select(.event == \"mapped\")|.pid == $mapper and .view_id > 0" "$tmp/events")" true
	run timeout 300 hostmemctl monitor -t 1
	is "monitor -t ends with 0" "$status $(wc -c <"$tmp/out")" "0 0"
	hostmemctl -v monitor 2>"$tmp/log" &
	wait_for 300 grep -q listening "$tmp/log"
	kill -TERM $!
	rc=0
	wait $! || rc=$?
	is "monitor: SIGTERM ends with 0" $rc 0
	refuse "monitor -n 0" 2 'an integer from 1' hostmemctl monitor -n 0
	hostmemctl -v monitor -r ctl-e -r ctl-f -n 3000000 -t 3000000000 >"$tmp/events" 2>"$tmp/log" &
	monitor=$!
	pids+=("$monitor")
	wait_for 300 grep -q listening "$tmp/log"
	truncate -s 2m /dev/hostmem/ctl-d /dev/hostmem/ctl-e /dev/hostmem/ctl-f
	rm /dev/hostmem/ctl-[def]
	wait_for 300 grep -q 'ctl-f.*destroyed\|destroyed.*ctl-f' "$tmp/events"
	kill "$monitor"
	wait "$monitor"
	is "monitor: several regions" "$(jq -r .name "$tmp/events" | sort -u | xargs)" "ctl-e ctl-f"
	mkfifo "$tmp/fifo"
	timeout 60 hostmemctl monitor >"$tmp/fifo" &
	monitor=$!
	pids+=("$monitor")
	exec 8<"$tmp/fifo"
	exec 8<&-
	rc=0
	wait "$monitor" || rc=$?
	is "monitor: ends when its reader has gone" $rc 0
	refuse "monitor without netlink" 1 'events: the netlink family of the module is missing here' unshare -n hostmemctl monitor
	refuse "list without netlink" 1 'list of regions: the netlink family of the module is missing here; .* use the first network namespace' unshare -n hostmemctl list
	hostmemctl unplug ctl-a 10g 2m >/dev/null
}

vm() {
	hostmemctl vm-config ctl-a --format "$@"
}

no_region() {
	hostmemctl vm-config --format "$@"
}

qemu_starts() {
	echo quit | timeout 300 qemu-system-x86_64 -nodefaults -no-user-config -display none -S -accel kvm -machine pc \
		-monitor stdio "$@"
}

test_vm_config() {
	local format
	hostmemctl create-region ctl-i --size 64m --plug 64m --allocation immediate >/dev/null
	run vm qemu
	is "vm-config: qemu" "$status $(cat "$tmp/out")" "0 -m 512M
-object memory-backend-file,id=mem0,mem-path=/dev/hostmem/ctl-a,align=2M,size=536870912,share=on,prealloc=off
-machine memory-backend=mem0"
	run vm qemu --memory 64m --access shared --source file --allocation immediate --threads 2 --nosharepages --discard --id ram
	is "vm-config: qemu, more" "$status $(cat "$tmp/out")" "0 -m 64M
-object memory-backend-file,id=ram,mem-path=/dev/hostmem/ctl-a,align=2M,size=67108864,share=on,prealloc=on,prealloc-threads=2,merge=off,discard-data=on
-machine memory-backend=ram,mem-merge=off"
	run vm qemu --cell 0:access=shared
	is "vm-config: qemu, a cell" "$(tail -n 1 "$tmp/out")" "-numa node,nodeid=0,memdev=mem0"
	run vm qemu --cell 1 --id mem1
	is "vm-config: qemu, a further cell has no -m" "$(grep -c -e '-m ' "$tmp/out")" "0"
	run vm qemu --dimm --cell 0
	is "vm-config: qemu, a DIMM" "$status $(cat "$tmp/out")" "0 -object memory-backend-file,id=mem1,mem-path=/dev/hostmem/ctl-a,align=2M,size=536870912,share=on,prealloc=off
-device pc-dimm,id=dimm-mem1,memdev=mem1,node=0"
	run vm qemu --locked --hard-limit 1g
	is "vm-config: qemu, locked" "$status $(tail -n 1 "$tmp/out") $(grep -c LimitMEMLOCK=1073741824 "$tmp/err")" "0 -overcommit mem-lock=on 1"
	says "vm-config: an immediate region" 'size=67108864,share=on,prealloc=on' hostmemctl vm-config ctl-i --format qemu
	says "vm-config: nobody may ask, where all is plugged" 'mem-path=/dev/hostmem/ctl-i' nobody hostmemctl vm-config ctl-i --format qemu
	refuse "vm-config: nobody knows what is" 1 'region ctl-a: no permission to open it; .* whom its mode admits' \
		nobody hostmemctl vm-config ctl-a --format qemu
	says "vm-config: memfd" '^-object memory-backend-memfd,id=mem0,size=1073741824,share=on,hugetlb=on,hugetlbsize=1073741824,prealloc=on,prealloc-threads=4$' \
		no_region qemu --source memfd --memory 1g --hugepages 1g --threads 4
	says "vm-config: anonymous" '^-object memory-backend-ram,id=mem0,size=1073741824,share=off,prealloc=off$' no_region qemu --source anonymous --memory 1g
	run no_region qemu --source memfd --memory 1g --hugepages --nodeset 1 --cell 0 --cell 1:access=private
	is "vm-config: memfd, cells" "$status $(sed 's/memory-backend-//' "$tmp/out")" "0 -m 1024M
-object memfd,id=mem0-node0,size=536870912,share=on,prealloc=on
-numa node,nodeid=0,memdev=mem0-node0
-object memfd,id=mem0-node1,size=536870912,share=off,hugetlb=on,hugetlbsize=2097152,prealloc=on
-numa node,nodeid=1,memdev=mem0-node1"

	run vm libvirt --allocation immediate --threads 2 --nosharepages --discard
	cp "$tmp/out" "$tmp/a.xml"
	is "vm-config: libvirt is XML" "$status $(xmllint --noout "$tmp/a.xml" 2>&1)" "0 "
	is "vm-config: libvirt, the path" "$(xmllint --xpath "string(//*[local-name()='arg'][2]/@value)" "$tmp/a.xml")" \
		"memory-backend-file,id=mem0,mem-path=/dev/hostmem/ctl-a,align=2M,size=536870912,share=on,prealloc=on,prealloc-threads=2,merge=off,discard-data=on"
	is "vm-config: libvirt, memoryBacking" "$(xmllint --xpath 'concat(/domain/memory, " ", //source/@type, " ", //access/@mode, " ", //allocation/@mode, " ", count(//nosharepages|//discard))' "$tmp/a.xml")" \
		"524288 file shared ondemand 2"
	run vm libvirt --dimm --cell 0
	cp "$tmp/out" "$tmp/b.xml"
	is "vm-config: libvirt, a DIMM" "$status $(xmllint --xpath "concat(count(//memory), ' ', //*[local-name()='arg'][4]/@value)" "$tmp/b.xml")" \
		"0 0 pc-dimm,id=dimm-mem1,memdev=mem1,node=0"
	run no_region libvirt --source memfd --memory 2g --hugepages 2m --nodeset 0-1 --cell 0 --cell 1:access=private --threads 3 --locked --hard-limit 3g
	cp "$tmp/out" "$tmp/c.xml"
	is "vm-config: libvirt, memfd" "$status $(xmllint --xpath 'concat(//page/@size, " ", //page/@nodeset, " ", //source/@type, " ", //allocation/@mode, " ", //allocation/@threads, " ", //hard_limit, " ", count(//locked), " ", //cell[2]/@memAccess, " ", //cell[2]/@memory)' "$tmp/c.xml")" \
		"0 2048 0-1 memfd immediate 3 3145728 1 private 1048576"

	for format in qemu libvirt; do
		refuse "$format: private" 1 'region ctl-a: access private, .*kernel refuses' vm $format --access private
		refuse "$format: private cell" 1 'kernel refuses' vm $format --cell 0:access=private
		refuse "$format: several cells" 1 'into one cell' vm $format --cell 0 --cell 1
		refuse "$format: memfd of a region" 1 '--source memfd would leave it unused' vm $format --source memfd
		refuse "$format: anonymous of a region" 1 '--source anonymous would leave it unused' vm $format --source anonymous
		refuse "$format: huge pages of a region" 1 'use --huge always at creation' vm $format --hugepages
		refuse "$format: huge pages on demand" 1 'use --allocation immediate' no_region $format --source memfd --memory 1g --hugepages --allocation ondemand
		refuse "$format: huge pages of anonymous" 1 'use --source memfd' no_region $format --source anonymous --memory 1g --hugepages
		refuse "$format: threads on demand" 1 'add --allocation immediate' vm $format --threads 2
		refuse "$format: on demand of an immediate region" 1 'create it with --allocation ondemand' hostmemctl vm-config ctl-i --format $format --allocation ondemand
		refuse "$format: locked without a limit" 1 'add --hard-limit' vm $format --locked
		refuse "$format: discard of an immediate region" 1 'hostmemctl unplug' hostmemctl vm-config ctl-i --format $format --discard
		refuse "$format: discard without a file" 1 'leave it out' no_region $format --source memfd --memory 1g --discard
		refuse "$format: a hole" 1 'first hole is at 512m; plug it: hostmemctl plug ctl-a 512m 512m' vm $format --memory 1g
		refuse "$format: more than there is" 1 'more than its size, 64g' vm $format --memory 65g
	done
	refuse "vm-config: locked region in libvirt" 1 'unused copy' vm libvirt --locked --hard-limit 1g
	refuse "vm-config: region in a cell of libvirt" 1 'use --dimm' vm libvirt --cell 0
	refuse "vm-config: limit too low" 1 'less than the memory' vm qemu --locked --hard-limit 1m
	refuse "vm-config: limit without lock" 1 'add --locked' vm qemu --hard-limit 1g
	refuse "vm-config: nodeset without pages" 1 'give --hugepages too' vm qemu --nodeset 0
	refuse "vm-config: nodeset without cells" 1 'describe it by --cell 1' no_region qemu --source memfd --memory 1g --hugepages --nodeset 0-1
	refuse "vm-config: page size" 1 'not a page size' no_region qemu --source memfd --memory 1g --hugepages=3m
	refuse "vm-config: memory 0" 1 'multiple' no_region qemu --source memfd --memory 0
	refuse "vm-config: DIMM of nothing" 1 'name one' no_region qemu --source memfd --memory 1g --dimm
	refuse "vm-config: no region" 1 'no such region' hostmemctl vm-config ctl-z --format qemu
	refuse "vm-config: format missing" 2 '--format missing' hostmemctl vm-config ctl-a
	refuse "vm-config: unknown format" 2 'qemu or libvirt' hostmemctl vm-config ctl-a --format xen
	refuse "vm-config: name missing" 2 'NAME of the region missing' no_region qemu
	refuse "vm-config: size missing" 2 '--memory missing' no_region qemu --source memfd
	refuse "vm-config: id" 2 'a letter, then' vm qemu --id 'a,b'
	for format in x 0:access=rw 0:foo 0,1 1234; do
		refuse "vm-config: cell $format" 2 '--cell' vm qemu --cell $format
	done
	for format in x 1- 3-1 0,,1 0-; do
		refuse "vm-config: nodeset $format" 2 'not a set of cells' no_region qemu --source memfd --memory 1g --hugepages --nodeset $format
	done
	hostmemctl create-region ctl-h --size 8m >/dev/null
	refuse "vm-config: nothing plugged" 1 'first hole is at 0; plug it: hostmemctl plug ctl-h 0 2m' hostmemctl vm-config ctl-h --format qemu
	hostmemctl plug ctl-h 4m 2m >/dev/null
	refuse "vm-config: a hole of 4m" 1 'hostmemctl plug ctl-h 0 4m' hostmemctl vm-config ctl-h --format qemu --memory 6m
	destroy ctl-h

	if [ -c /dev/kvm ] && command -v qemu-system-x86_64 >/dev/null; then
		# shellcheck disable=SC2046
		run qemu_starts $(vm qemu --memory 64m --allocation immediate --threads 2 --nosharepages --discard) \
			-m 64M,slots=2,maxmem=1G $(hostmemctl vm-config ctl-i --format qemu --dimm)
		is "QEMU takes it" "$status $(cat "$tmp/err")" "0 "
		# shellcheck disable=SC2046
		run qemu_starts $(vm qemu --cell 0) $(hostmemctl vm-config ctl-i --format qemu --cell 1 --id mem1) -m 576M
		is "QEMU takes cells" "$status $(cat "$tmp/err")" "0 "
		# As it makes files of tmpfs and hugetlbfs, with a name and without.
		run qemu_starts -m 64M -machine memory-backend=m -object memory-backend-file,id=m,mem-path=/dev/hostmem/ctl-q,size=64M,share=on
		is "QEMU makes a region" "$status $(cat "$tmp/err")" "0 "
		accept "and it stays" '.[0] | .size == 67108864 and .plugged == 67108864' hostmemctl list -r ctl-q
		destroy ctl-q
		run qemu_starts -m 64M -machine memory-backend=m -object memory-backend-file,id=m,mem-path=/dev/hostmem,size=64M,share=on,prealloc=on
		is "QEMU makes a region of its own" "$status $(cat "$tmp/err") $(hostmemctl list | jq -c 'map(.name)')" '0  ["ctl-a","ctl-i"]'
	else
		echo "# no QEMU or no KVM"
	fi
	destroy ctl-i
}

complete_line() {
	# shellcheck disable=SC2034
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	_hostmemctl
	echo "${COMPREPLY[*]}"
}

test_completion() {
	# shellcheck source=/dev/null
	. "$top/userspace/ctl/completion/hostmemctl"
	is "completion: verbs" "$(complete_line hostmemctl un)" "unplug unload"
	is "completion: every verb" "$(complete_line hostmemctl '')" "$verbs help version"
	is "completion: help" "$(complete_line hostmemctl help pl)" "plug"
	is "completion: options" "$(complete_line hostmemctl create-region x --s)" "--size --slot-size"
	is "completion: values" "$(complete_line hostmemctl create-region x --huge '')" "always never"
	is "completion: values behind =" "$(complete_line hostmemctl vm-config --format = q)" "qemu"
	is "completion: regions" "$(complete_line hostmemctl plug '')" "ctl-a"
	is "completion: no second region" "$(complete_line hostmemctl plug ctl-a '')" ""
	is "completion: regions of list" "$(complete_line hostmemctl list -r '')" "all ctl-a"
	is "completion: region behind an option" "$(complete_line hostmemctl resize --plug 1g '')" "ctl-a"
	exec 8</dev/hostmem/ctl-a
	is "completion: views of revoke" "$(complete_line hostmemctl revoke ctl-a '')" \
		"$(hostmemctl list -V -r ctl-a | jq '.[0].view_list[0].id')"
	exec 8<&-
}

test_module() {
	local mounted
	refuse "unload while in use" 1 'module hostmem: in use by regions: ctl-a; destroy them first' hostmemctl unload
	refuse "unload in another network namespace" 1 'module hostmem: in use by 1 regions, whose names' unshare -n hostmemctl unload
	destroy ctl-a
	exec 9</dev/hostmem-control
	refuse "unload while open" 1 'in use by a process' hostmemctl unload
	exec 9<&-
	exec 9</dev/hostmem
	refuse "unload while a directory is open" 1 '/dev/hostmem: in use: a process has a file or its working directory there' hostmemctl unload
	exec 9<&-
	is "a refused unload changes nothing" "$(ls -d /sys/module/hostmem_nd) $(grep -c '^hostmem /dev/hostmem ' /proc/mounts)" "/sys/module/hostmem_nd 1"
	mount -o remount,size=64m /dev/hostmem
	mounted=$(grep '^hostmem /dev/hostmem ' /proc/mounts)
	unshare -m sh -c "touch $tmp/apart; exec sleep 300" &
	wait_for 300 test -e "$tmp/apart"
	refuse "unload while mounted elsewhere" 1 'hostmemfs is mounted elsewhere; end that first: grep hostmem /proc/\*/mounts$' hostmemctl unload
	kill $!
	wait $! 2>/dev/null || true
	is "is undone" "$(ls -d /sys/module/hostmem_nd) $(grep '^hostmem /dev/hostmem ' /proc/mounts)" "/sys/module/hostmem_nd $mounted"
	run hostmemctl unload
	is "unload" "$status $(ls -d /sys/module/hostmem 2>/dev/null || true)$(grep -c ' hostmem ' /proc/mounts)" "0 0"
	run hostmemctl unload
	is "unload again" "$status" 0
	refuse "nobody cannot load" 1 'kernel module hostmem: not loaded; run "modprobe hostmem" as root' nobody hostmemctl list
	accept "list loads" '. == []' hostmemctl list
	hostmemctl unload
	accept "create-region loads, and mounts" '.[0].name == "ctl-a"' hostmemctl create-region ctl-a --size 2m
	destroy ctl-a
	hostmemctl unload
	run hostmemctl -v load
	is "load" "$status $(echo /sys/module/hostmem*) $(cat "$tmp/err")" "0 /sys/module/hostmem /sys/module/hostmem_nd \
hostmemctl: load: module hostmem: loaded
hostmemctl: load: module hostmem_nd: loaded"
	is "load mounts" "$(stat -f -c %t /dev/hostmem) $(grep -c '^hostmem /dev/hostmem hostmem rw,nosuid,nodev,' /proc/mounts)" "686d6673 1"
	refuse "load too much" 2 'one argument too many' hostmemctl load kvm
}

if [ $# = 0 ] && [ "${HOSTMEM_KERNEL-}" = debug ]; then
	# Ten times as slow there, and what is only about words does not reach the module.
	echo "ok $((n += 1)) - help, create, monitor, vm_config, completion, module # SKIP done on the other kernels"
	set -- files blocks allocation list revoke
elif [ $# = 0 ]; then
	set -- help create files blocks allocation list revoke monitor vm_config completion module
fi
for group in "$@"; do
	# All groups but the first two find this region.
	case $group in
	help | create) ;;
	*) [ -e /dev/hostmem/ctl-a ] || hostmemctl create-region ctl-a --size 64g --plug 512m >/dev/null ;;
	esac
	"test_$group"
done
echo "1..$n"
[ $failed = 0 ]
