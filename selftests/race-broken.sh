#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# On the host: show that the race test sees what it is for. Build the module with the windows of
# the guard widened and without the SRCU wait, without the page lock pass, and with both,
# and run the test on each: it has to fail, to fail, and to pass.
set -euo pipefail

usage() {
	cat <<-USAGE
	Usage: selftests/race-broken.sh [-k KERNEL]... [VARIANT]...
	  -k KERNEL  6.1, 6.12 or debug (default: 6.1 and 6.12)
	  VARIANT    SRCU, LOCK or WIDEN (default: all)
	HOSTMEM_SECONDS (default 60) is how long each test runs.
	USAGE
}

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
kernels=()
while getopts k:h option; do
	case $option in
	k) kernels+=("$OPTARG") ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ ${#kernels[@]} -gt 0 ] || kernels=(6.1 6.12)
variants=("$@")
[ ${#variants[@]} -gt 0 ] || variants=(SRCU LOCK WIDEN)

# Never beside the modules that are shipped.
build() {
	local dir=$top/build/broken-$1/$2
	mkdir -p "$dir"
	find "$dir" -type l -delete
	cp -rs "$top/Kbuild" "$top/kernel" "$top/uapi" "$dir"
	make -s -C "$(scripts/kernel headers "$2")" M="$dir" HOSTMEM_BREAK_GUARD="$1" \
		KBUILD_MODPOST_WARN=1 modules >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
	echo "$dir/kernel/core/hostmem.ko"
}

failed=0 n=0
echo "TAP version 13"
echo "1..$((${#kernels[@]} * ${#variants[@]}))"
for kernel in "${kernels[@]}"; do
	for variant in "${variants[@]}"; do
		n=$((n + 1)) want=1 rc=0
		[ "$variant" != WIDEN ] || want=0
		module=$(build "$variant" "$kernel")
		selftests/guest/run --bare -k "$kernel" -- sh -c \
			"insmod '$module' && exec build/selftests/race" 2>&1 |
			sed 's/^\(not \)\?ok/# &/; /^[^#]/s/^/# /' || rc=${PIPESTATUS[0]}
		if [ "$rc" -eq "$want" ]; then
			echo "ok $n - $kernel $variant: race ended with $rc, as it should"
		else
			echo "not ok $n - $kernel $variant: race ended with $rc, not $want"
			failed=1
		fi
	done
done
exit $failed
