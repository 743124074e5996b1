#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# scripts/check itself: whatever goes wrong in a group is a failure that names the test and where its
# log is. Runs on the host; the guest is a script that prints what a bad one does.
# shellcheck disable=SC2016
set -Eeuo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/selftests/tap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'if [ $BASH_SUBSHELL = 0 ]; then echo "# line $LINENO failed: $BASH_COMMAND"; fi' ERR

mkdir -p "$tmp/scripts" "$tmp/selftests/guest"
cp "$top"/scripts/{check,soak,tap.awk} "$tmp/scripts"
cp "$top/selftests/guest/splats" "$tmp/selftests/guest"

# check [VARIABLE=VALUE]...: with a guest that does what its standard input says
check() {
	{ echo '#!/bin/bash'; cat -; } >"$tmp/selftests/guest/run"
	chmod +x "$tmp/selftests/guest/run"
	rc=0
	env K=6.12 T="dax_region removal" "$@" "$tmp/scripts/check" >"$tmp/out" 2>"$tmp/progress" || rc=$?
	sed -n '/^# Failed:/,$s/^#   *//p' "$tmp/out" >"$tmp/failed"
	last=$(tail -n 1 "$tmp/out")
}

logs=build/check/6.12-regions
good='echo "# BEGIN dax_region"; echo 1..2; echo ok 1 a; echo ok 2 b; echo "# END dax_region 0 12"'
end='echo "# BEGIN removal"; echo ok 1 c; echo "# END removal 0 34"'

echo "TAP version 13"
check <<<"$good; $end"
is "good" "$rc $last" "0 4 passed, 0 failed, 0 skipped"
is "good: numbers" "$(grep '^ok' "$tmp/out" | tr '\n' ' ')" \
	"ok 1 - 6.12 dax_region: a ok 2 - 6.12 dax_region: b ok 3 - 6.12 removal: c ok 4 - 6.12 regions: the kernel has nothing to complain about "
is "good: the slowest first" "$(grep -A 1 '^# The slowest' "$tmp/out" | tail -n 1)" "#      3.4 s  6.12 removal (regions)"
is "good: what begins and ends" "$(grep -c '6.12 regions \(begins: dax_region removal\|ends after .* 1 of 1 done\)' "$tmp/progress")" 2

check <<<"$good; $end; exit 4"
is "the guest fails" "$rc $last" "1 3 passed, 1 failed, 0 skipped"

check <<<'echo "# BEGIN dax_region"; echo ok 1 a; echo not ok 2 b; echo "# END dax_region 1 12";'"$end"
is "a test fails" "$rc $last" "1 3 passed, 2 failed, 0 skipped"
is "a test fails: which, and where" "$(head -n 2 "$tmp/failed" | tr '\n' ' ')" "6.12 dax_region: b $logs/log "

check <<<'echo "# BEGIN dax_region"; echo not ok 1 a; echo "# END dax_region 0 12";'"$end"
is "a test fails but exits with 0" "$rc $last" "1 2 passed, 1 failed, 0 skipped"

check <<<'echo "# BEGIN dax_region"; echo 1..3; echo ok 1 a; echo "# END dax_region 0 12";'"$end"
is "a test ends early" "$rc $(head -n 1 "$tmp/failed")" "1 6.12 dax_region: 1 of the 3 that it promised"

check <<<"$good"'; echo "# BEGIN removal"; echo "# hm"; : >"$HOSTMEM_CONSOLE_DIR/console-x"; echo killed >&2; exit 124'
is "the guest is killed: the test that ran" "$rc $(head -n 1 "$tmp/failed")" "1 6.12 removal: did not end: # hm"
is "the guest is killed: its console" "$(sed -n 2p "$tmp/failed")" "$logs/log $logs/console-x"
is "the guest is killed: it, too" "$(sed -n 3p "$tmp/failed")" "6.12 regions: the guest: killed"

check <<<"$good; exit 0"
is "a test does not run" "$rc $(head -n 1 "$tmp/failed")" "1 6.12 removal: did not run"

check <<<'kill -9 $PPID; sleep 1'
is "its runner is killed" "$rc $(head -n 1 "$tmp/failed")" "1 6.12 regions: it was killed"

check <<<"$good; $end"'
printf "selftests: dax_region\nfine\nselftests: removal\nBUG: x\n" >"$HOSTMEM_CONSOLE_DIR/console-x"; echo "BUG: x" >&2; exit 125'
is "the kernel complains: in which test" "$rc $(head -n 1 "$tmp/failed")" "1 6.12 regions: the guest: BUG: x (in removal)"

check T=nosuch <<<"$good; $end"
is "nothing has run" "$rc $last" "1 0 passed, 0 failed, 0 skipped"

check <<<'echo "# BEGIN dax_region"; echo "1..0 # SKIP no device"; echo "# END dax_region 4 1";'"$end"
is "skipped" "$rc $last" "0 2 passed, 0 failed, 1 skipped"

# soak [VARIABLE=VALUE]...: what it counts, with a guest as above
soak() {
	check T=nosuch <<<"$1"
	rc=0
	env K=6.12 T="dax_region removal" HOST= ROUNDS=3 LOAD=1 "${@:2}" "$tmp/scripts/soak" >"$tmp/out" 2>"$tmp/progress" || rc=$?
	counts=$(sed -n 's/^# \([a-z_]*\) .*6.12 */\1 /p' "$tmp/out" | tr -s ' \n' ' ')
}

soak "$good; $end"
is "soak: all pass" "$rc $counts" \
	"0 dax_region 1 of 1 3 of 3 3 of 3 guest 1 of 1 3 of 3 3 of 3 removal 1 of 1 3 of 3 3 of 3 "
soak "$good"'; echo "# BEGIN removal"; [[ $HOSTMEM_CONSOLE_DIR == *idle-2* ]] || echo ok 1 c; echo "# END removal 0 1"
	[[ $HOSTMEM_CONSOLE_DIR != *idle-2* ]] || exit 125' PARTS="idle busy"
is "soak: once not" "$rc $counts" \
	"1 dax_region 3 of 3 3 of 3 guest 2 of 3 3 of 3 removal 3 of 3 3 of 3 "
is "soak: which" "$(grep -c '^# *6.12 regions: the guest:' "$tmp/progress")" 1
soak "$good"'; [[ $HOSTMEM_CONSOLE_DIR != *busy* ]] || kill -9 $PPID; '"$end" PARTS="idle busy"
is "soak: never in one part" "$rc $counts" \
	"1 dax_region 3 of 3 0 of 3 guest 3 of 3 0 of 3 removal 3 of 3 0 of 3 "

counting="echo >>'$tmp/count'; $good; $end"
soak "$counting" PARTS=idle ROUNDS=2
soak "$counting" PARTS=idle
is "soak: goes on where it was" "$rc $(wc -l <"$tmp/count") $counts" \
	"0 3 dax_region 3 of 3 guest 3 of 3 removal 3 of 3 "
soak "$counting" PARTS=idle AGAIN=1
is "soak: or begins anew" "$rc $(wc -l <"$tmp/count")" "0 6"
soak "$counting "
is "soak: so it does for other sources" "$rc $(wc -l <"$tmp/count")" "0 13"
echo "1..$n"
exit $failed
