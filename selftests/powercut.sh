#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Power cuts while reserves are made, added and dropped: the guest is killed, the next one repairs
# what it finds and checks the data. Runs on the host, which boots the guests; prints a table.
#   selftests/powercut.sh [-k KERNEL] [CUTS [SEED]]
# Every second cut comes right after a step that hostmemctl has printed, the others at random.
set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)

# found NAMESPACE: what the cut left, and what the repair made of it
found() {
	local before after
	before=$(hostmemctl check-namespace "$1" 2>/dev/null | jq -r .found)
	hostmemctl check-namespace "$1" --repair >/dev/null 2>&1 || true
	after=$(hostmemctl check-namespace "$1" | jq -r .found)
	echo "found $1 $before $after"
}

# The file system on the first namespace ends where the reserve begins.
data() {
	e2fsck -fn /dev/pmem0 >/tmp/fsck 2>&1 || { sed 's/^/# /' /tmp/fsck; return 1; }
	mount -o ro /dev/pmem0 /mnt || return 1
	cksum </mnt/file
	umount /mnt
}

guest_setup() {
	ndctl create-namespace -f -e namespace0.0 -m fsdax -M dev >/dev/null 2>&1
	mkfs.ext4 -q -b 4096 /dev/pmem0 40M
	mount /dev/pmem0 /mnt
	head -c 4M /dev/urandom >/mnt/file
	umount /mnt
	data
}

guest_work() {
	found namespace0.0
	found namespace1.0
	echo "data $(data)"
	[ "${1-}" != last ] || return 0
	echo ready
	while :; do
		hostmemctl create-namespace -e namespace0.0 --reserve 8m
		hostmemctl create-namespace -e namespace0.0 --reserve 0
		hostmemctl create-namespace -e namespace1.0 -f --reserve 8m -l head
		hostmemctl create-namespace -e namespace1.0 -f --reserve 16m -m devdax -M mem
	done 2>&1 | grep --line-buffered 'create-namespace:'
}

case ${1-} in
setup | work)
	role=$1
	shift
	"guest_$role" "$@"
	exit
	;;
esac

kernel=6.12
while getopts k: option; do
	[ "$option" = k ] || exit 2
	kernel=$OPTARG
done
shift $((OPTIND - 1))
cuts=${1:-6}
RANDOM=${2:-1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
truncate -s 80M "$work/nv0" "$work/nv1"

guest() {
	exec "$top/selftests/guest/run" -k "$kernel" -n "$work/nv0" -n "$work/nv1" -- \
		"$top/selftests/powercut.sh" "$@" >"$work/out" 2>"$work/err"
}

# at CONDITION...: wait until it is true, for as long as the guest runs
at() {
	until "$@"; do
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.02
	done
}

steps_are() {
	[ "$(grep -c "namespace .* $2/4 " "$work/out")" -gt "$1" ]
}

# Let the guest work, and cut its power.
cut_power() {
	local step=$((cut / 2 % 4 + 1)) delay
	: >"$work/out"
	guest work &
	pid=$!
	at grep -q '^ready$' "$work/out" || return 1
	if ((cut % 2)); then
		at steps_are $((RANDOM % 3)) $step
		when="after $step/4"
	else
		delay=$((RANDOM % 4000))
		sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
		when=random
	fi
	pkill -9 -P "$pid" qemu-system
	wait "$pid" 2>/dev/null
	return 0
}

# What the guest found when it came up after the cut before.
record() {
	local ns before after
	if [ "$(sed -n 's/^data //p' "$work/out")" != "$wanted" ]; then
		echo "# cut $cut ($when): data: $(grep -v create-namespace "$work/out" | tail -n 3 | tr '\n' ' ')"
		bad=$((bad + 1))
	fi
	while read -r _ ns before after; do
		echo "$when | $ns | $before | $after" >>"$work/table"
		case $after in
		good | none) ;;
		*)
			echo "# cut $cut ($when): $ns: $before, then $after"
			bad=$((bad + 1))
			;;
		esac
	done < <(grep '^found ' "$work/out")
}

echo "TAP version 13"
(guest setup) && wanted=$(cat "$work/out")
[ -n "${wanted-}" ] || { sed 's/^/# /' "$work/err"; echo "not ok 1 set up"; echo 1..1; exit 1; }
bad=0 when=
for ((cut = 0; cut < cuts; cut++)); do
	before_cut=$when
	cut_power || { sed 's/^/# /' "$work/out" "$work/err"; bad=$((bad + 1)); break; }
	[ -z "$before_cut" ] || { now=$when when=$before_cut; record; when=$now; }
done
(guest work last)
record
echo "# cuts | cut | namespace | found | after the repair"
sort "$work/table" | uniq -c | sed 's/^ */# /; s/ / | /2'
cut=$cuts
if [ $bad = 0 ] && [ "$(wc -l <"$work/table")" = $((2 * cuts)) ]; then
	echo "ok 1 $kernel: $cuts power cuts: every namespace is the old or the new one, the data is there"
else
	echo "not ok 1 $kernel: $cuts power cuts: $bad bad"
fi
echo 1..1
[ $bad = 0 ]
