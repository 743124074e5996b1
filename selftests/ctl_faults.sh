#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# hostmemctl's verbs that change regions, with a fault at every step: killed or asked to end right
# before each call that changes something, with nowhere to print to, without netlink. The region is
# as it was or as it shall be, and the exit status says which.
# Runs in the test guest, as root. HOSTMEM_KILLS=all sends every signal at every step.
# shellcheck disable=SC2086
set -Eeuo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/tap.sh"
tmp=$(mktemp -d)
nth_call=$here/../build/selftests/nth_call.so
trap '[ $BASH_SUBSHELL != 0 ] || { echo "# line $LINENO failed: $BASH_COMMAND"; cat "$tmp/err"; }' ERR

cleanup() {
	rm -f /dev/hostmem/faults
	rm -rf "$tmp"
}
trap cleanup EXIT

echo "TAP version 13"
[ -e /sys/module/hostmem ] || modprobe -q hostmem || { echo "1..0 # SKIP no module hostmem"; exit 4; }

# What there is: "faults 4194304"
state() {
	hostmemctl list | sed -n 's/.*"name":"\?\([^",]*\).*/\1/p; s/.*"plugged":\([0-9]*\).*/\1/p' | xargs
}

# The verbs: what is there before, the command, what is there after it.
declare -A before=() command=() after=()
verb() {
	before[$1]=$2 command[$1]="hostmemctl $3" after[$1]=$4
}
verb create-region '' "create-region faults --size 8m --plug 4m --threads 1 --mode 640 --owner 0:12" 'faults 4194304'
verb plug 'faults 2097152' "plug faults 4m 2m --preallocate" 'faults 4194304'
verb unplug 'faults 4194304' "unplug faults 2m 2m" 'faults 2097152'
verb grow 'faults 2097152' "resize faults --plug 8m --threads 1" 'faults 8388608'
verb shrink 'faults 8388608' "resize faults --plug 2m" 'faults 2097152'
verb destroy-region 'faults 2097152' "destroy-region faults" ''
verbs='create-region plug unplug grow shrink destroy-region'

# prepare VERB: what is there before it
prepare() {
	rm -f /dev/hostmem/faults
	[ -z "${before[$1]}" ] ||
		hostmemctl create-region faults --size 8m --plug "${before[$1]#* }" >/dev/null
}

# Whether the exit status is true, where the region is as it was, as it shall be, or neither.
verdict() {
	local verb=$1 signal=$2 rc=$3 now
	now=$(state)
	case $now in
	"${after[$verb]}") now=new ;;
	"${before[$verb]}") now=old ;;
	esac
	case $rc-$now in
	0-new | 1-old | 137-old | 137-new | $((128 + signal))-old) echo true ;;
	*) echo "$rc, $now" ;;
	esac
}

# faults VERB SIGNAL CALLS: what is wrong when it comes right before each of the calls
faults() {
	local verb=$1 signal=$2 calls=$3 i rc wrong='' said
	prepare "$verb"
	for ((i = 1; i <= calls; i++)); do
		[ "$(state)" = "${before[$verb]}" ] || prepare "$verb"
		rc=0
		NTH_COMMAND=hostmemctl NTH_CALL=$i NTH_SIGNAL=$signal LD_PRELOAD=$nth_call \
			${command[$verb]} >"$tmp/out" 2>"$tmp/err" || rc=$?
		said=$(verdict "$verb" "$signal" $rc)
		[ "$said" = true ] || wrong+=" $i: $said;"
	done
	echo "$wrong"
}

# How many calls it makes, from a run without a fault
calls() {
	prepare "$1"
	NTH_COMMAND=hostmemctl LD_PRELOAD=$nth_call ${command[$1]} 2>"$tmp/calls" >"$tmp/out"
	grep -c '^nth_call: ' "$tmp/calls"
}

signals="9 1"
[ "${HOSTMEM_KILLS-}" != all ] || signals="9 1 2 15"
for verb in $verbs; do
	count=$(calls "$verb")
	is "$verb: has calls to be interrupted at" $((count >= 4)) 1
	for signal in $signals; do
		is "$verb: signal $signal before each of its calls" \
			"$(faults "$verb" "$signal" "$count")" ''
	done
done

for verb in $verbs; do
	prepare "$verb"
	rc=0
	${command[$verb]} >/dev/full 2>"$tmp/err" || rc=$?
	is "$verb: nowhere to print to: done, and said" \
		"$rc $(grep -c 'stdout: No space left on device; the output is not complete; but .* has been' "$tmp/err") $(state)" "1 1 ${after[$verb]}"
	prepare "$verb"
	rc=0
	unshare -n ${command[$verb]} >"$tmp/out" 2>"$tmp/err" || rc=$?
	is "$verb: without netlink: done, and printed" \
		"$rc $(jq -c '.[0]|[.name, .backing, .views, .badblocks]' "$tmp/out") $(wc -c <"$tmp/err") $(state)" \
		"0 [\"faults\",\"ram\",0,[]] 0 ${after[$verb]}"
done

# Nothing is printed into a file that took the place of stdout.
prepare create-region
hostmemctl create-region faults --size 2m --plug 2m <&- >&- 2>&-
hostmemctl plug faults 0 2m <&- >&- 2>&- || true
hostmemctl resize faults --plug 2m <&- >&- 2>&-
is "with stdin, stdout and stderr closed: the region is empty" "$(state) $(tr -d '\0' </dev/hostmem/faults | wc -c)" "faults 2097152 0"
rm /dev/hostmem/faults

# Or has ended, if this time it makes fewer calls.
is_stopped() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	[[ $stat == *') '[TZ]' '* ]]
}

# beside CALLS: what is wrong when, right before each of the calls of a resize that will not find the
# memory, another command plugs a block
beside() {
	local count=$1 i rc pid wrong='' now
	for ((i = 1; i <= count; i++)); do
		rc=0
		NTH_COMMAND=hostmemctl NTH_CALL=$i NTH_SIGNAL=19 LD_PRELOAD=$nth_call \
			hostmemctl resize faults --plug 48m --threads 2 >"$tmp/out" 2>"$tmp/err" &
		pid=$!
		until is_stopped $pid; do sleep 0.05; done
		hostmemctl plug faults 60m 2m >/dev/null
		kill -CONT $pid 2>/dev/null || true
		wait $pid || rc=$?
		now=$(state)
		[ "$rc $now" = "1 faults 4194304" ] || wrong+=" $i: $rc $now;"
		hostmemctl unplug faults 60m 2m >/dev/null
	done
	echo "$wrong"
}

hostmemctl create-region faults --size 64m --plug 2m >/dev/null
mount -o remount,size=24m /dev/hostmem
NTH_COMMAND=hostmemctl LD_PRELOAD=$nth_call hostmemctl resize faults --plug 48m --threads 2 >"$tmp/out" 2>"$tmp/calls" || true
is "a resize that fails takes back what it plugged, and no more" "$(beside "$(grep -c '^nth_call: ' "$tmp/calls")")" ''
mount -o remount,size=50% /dev/hostmem

echo "1..$n"
exit $failed
