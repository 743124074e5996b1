#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module cannot be removed while somebody has something of it, and can be right afterwards.
set -euo pipefail
trap 'echo "# line $LINENO failed: $BASH_COMMAND"' ERR

cycles=20
# On a kernel that looks at every access each takes seconds.
[ ! -e /sys/kernel/debug/kmemleak ] || cycles=5
here=$(cd "$(dirname "$0")" && pwd)
hold=${HOSTMEM_SELFTESTS:-$here/../build/selftests}/hold
name=unload$$

echo "TAP version 13"
[ -w /dev/hostmem-control ] || { echo "1..0 # SKIP no hostmem"; exit 4; }
[ -x "$hold" ] || { echo "1..0 # SKIP $hold is not built"; exit 4; }
tests=(control fd view mapping)
echo "1..$((${#tests[@]} + 4))"

# A test that was killed leaves its region behind, and that would pin the module.
find /dev/hostmem -type f -printf '%P\n' | while IFS= read -r left; do
	echo "# left behind by another test: $left"
	"$hold" destroy "$left" || rm -f "/dev/hostmem/$left"
done

n=0 failed=0
result() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n $2"
	else
		echo "not ok $n $2"
		failed=1
	fi
}

# The reference count that the last close drops may take a moment: files go by task work.
unload() {
	local _
	for _ in $(seq 300); do
		rmmod hostmem 2>/dev/null && return
		sleep 0.1
	done
	rmmod hostmem
}

attach() {
	mount -t hostmem -o nosuid,nodev hostmem /dev/hostmem
}

load() {
	modprobe hostmem && [ -c /dev/hostmem-control ] && attach
}

# While hold has something of kind $1: refused; when it has let go: clean. The mount is taken away
# first, if need be from under an open file: it is not what the module is kept by.
refused_while() {
	local rc=0
	coproc HOLD { "$hold" "$1" "$name"; }
	local pid=$HOLD_PID
	read -r _ <&"${HOLD[0]}" || rc=1
	umount -l /dev/hostmem || rc=1
	if rmmod hostmem 2>/dev/null; then
		echo "# rmmod succeeded while a $1 existed"
		rc=1
	fi
	echo >&"${HOLD[1]}" || rc=1
	wait "$pid" || rc=1
	unload || rc=1
	load || rc=1
	return $rc
}

for t in "${tests[@]}"; do
	rc=0
	refused_while "$t" || rc=1
	result $rc "refused while there is a $t"
done

rc=0
if rmmod hostmem 2>/dev/null; then
	echo "# rmmod succeeded while it was mounted"
	load
	rc=1
fi
umount /dev/hostmem || rc=1
unload || rc=1
[ ! -e /dev/hostmem-control ] || rc=1
load || rc=1
result $rc "refused while the file system is mounted"

# A named region pins it with no process at all, mounted or not, and is found again.
rc=0
"$hold" leave "$name"
umount /dev/hostmem || rc=1
if rmmod hostmem 2>/dev/null; then
	echo "# rmmod succeeded while a region existed"
	load
	rc=1
else
	[ ! -e "/dev/hostmem/$name" ] || rc=1
	attach || rc=1
	[ -f "/dev/hostmem/$name" ] || rc=1
	"$hold" look "$name" || rc=1
	"$hold" destroy "$name" || rc=1
	[ ! -e "/dev/hostmem/$name" ] || rc=1
fi
umount /dev/hostmem || rc=1
unload || rc=1
[ ! -e /dev/hostmem-control ] || rc=1
load || rc=1
result $rc "refused while there is a region of nobody"

rc=0
for _ in $(seq $cycles); do
	"$hold" leave "$name" && "$hold" destroy "$name" || rc=1
	umount /dev/hostmem || rc=1
	unload || rc=1
	load || rc=1
done
result $rc "unloaded and loaded $cycles times"

rc=0
"$hold" leave "$name" && "$hold" destroy "$name" || rc=1
grep -q '^hostmem ' /proc/modules || rc=1
result $rc "works afterwards"
exit $failed
