# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# How the acts of the demo speak; sourced by them.

title() {
	printf '\n== %s\n' "$*"
}

show() {
	printf '$ %s\n' "$*"
	"$@"
}

# The same, when what it prints is not the point.
quiet() {
	printf '$ %s\n' "$*"
	"$@" >/dev/null
}

check() {
	local what=$1
	shift
	if "$@"; then
		printf '   ok: %s\n' "$what"
	else
		printf '   NOT TRUE: %s\n' "$what"
		exit 1
	fi
}
