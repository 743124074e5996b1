#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# On the host: show that the tests see what they are for. Take a mechanism out of a copy of the
# modules, by its patch, and run the test that is about it: it has to fail. Where a test
# needs luck its windows are widened; that alone must not make it fail.
set -euo pipefail

usage() {
	cat <<-USAGE
	Usage: selftests/broken.sh [-k KERNEL]... [VARIANT]...
	  -k KERNEL  6.1, 6.12 or debug (default: 6.1 and 6.12)
	  VARIANT    srcu, lock, widen or door (default: all)
	HOSTMEM_SECONDS (default 60) is how long each run of race lasts.
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
[ ${#variants[@]} -gt 0 ] || variants=(srcu lock widen door)

# Of a variant: its patches, the test, and what that ends with.
declare -A patches=([srcu]="widen srcu" [lock]="widen lock" [widen]=widen [door]=door)
declare -A tests=([srcu]=race [lock]=race [widen]=race [door]=door)
declare -A wanted=([srcu]=1 [lock]=1 [widen]=0 [door]=1)

# Never beside the modules that are shipped.
build() {
	local dir=$top/build/broken-$1/$2 name
	rm -rf "$dir"
	mkdir -p "$dir"
	cp -r "$top/Kbuild" "$top/kernel" "$top/uapi" "$dir"
	for name in ${patches[$1]}; do
		patch -s -d "$dir" -p1 <"selftests/broken/$name.patch" >&2 || exit 1
	done
	make -s -C "$(scripts/kernel headers "$2")" M="$dir" \
		KBUILD_MODPOST_WARN=1 modules >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
	echo "$dir/kernel/core/hostmem.ko"
}

failed=0 n=0
echo "TAP version 13"
echo "1..$((${#kernels[@]} * ${#variants[@]}))"
for kernel in "${kernels[@]}"; do
	for variant in "${variants[@]}"; do
		n=$((n + 1)) want=${wanted[$variant]} rc=0
		module=$(build "$variant" "$kernel")
		selftests/guest/run --bare -k "$kernel" -- sh -c \
			"insmod '$module' && exec build/selftests/${tests[$variant]}" 2>&1 |
			sed 's/^\(not \)\?ok/# &/; /^[^#]/s/^/# /' || rc=${PIPESTATUS[0]}
		if [ "$rc" -eq "$want" ]; then
			echo "ok $n - $kernel $variant: ${tests[$variant]} ended with $rc, as it should"
		else
			echo "not ok $n - $kernel $variant: ${tests[$variant]} ended with $rc, not $want"
			failed=1
		fi
	done
done
exit $failed
