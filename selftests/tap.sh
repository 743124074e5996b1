# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What tests that are scripts say; sourced by them. They end with: exit $failed

n=0 failed=0

# is NAME VALUE WANTED: else also what a command has left in $tmp/err
is() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n $1"
	else
		echo "# is '$2', should be '$3'"
		sed 's/^/# /' "${tmp-}/err" 2>/dev/null || true
		echo "not ok $n $1"
		# shellcheck disable=SC2034
		failed=1
	fi
}

# soon NAME WANTED COMMAND [ARG]...: what it prints in the end, for what comes by itself
soon() {
	local got end=$((SECONDS + 120))
	until got=$("${@:3}") && [ "$got" = "$2" ] || [ $SECONDS -gt $end ]; do
		sleep 0.2
	done
	is "$1" "$got" "$2"
}
