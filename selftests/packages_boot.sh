#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# On the host, as root: the packages on a fresh Debian 12. apt installs them there, and DKMS builds
# the modules for both kernels; they are upgraded; that system boots, and README's section on use is
# gone through line by line, with nothing of this tree at hand; they are removed and purged, and
# leave nothing.
#   selftests/packages_boot.sh [-k KERNEL]...
# shellcheck disable=SC2016
set -Eeuo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# What is mounted for it ends with it.
[ -n "${HOSTMEM_PACKAGES_UNSHARED-}" ] ||
	HOSTMEM_PACKAGES_UNSHARED=1 exec unshare --mount --propagation private "$0" "$@"

cd "$top"
. selftests/tap.sh
kernels=()
while getopts k: option; do
	[ "$option" = k ] || exit 2
	kernels+=("$OPTARG")
done
[ ${#kernels[@]} -gt 0 ] || kernels=(6.1 6.12)
base=$(selftests/guest/debian)
archives=$(dirname "$base")/debian-archives
tmp=$(mktemp -d)
root=$tmp/root
trap 'umount -R "$root" 2>/dev/null || true; rm -rf "$tmp"' EXIT
trap 'if [ $BASH_SUBSHELL = 0 ]; then echo "# line $LINENO failed: $BASH_COMMAND"; fi' ERR

version=$(sed -n '1s/^hostmem (\(.*\)).*/\1/p' debian/changelog)
next=$version.1

# The packages of this tree, and those of the version after it.
build() {
	mkdir -p "$tmp"/{next,packages/{1,2}}
	make -s deb
	cp build/deb/*.deb "$tmp/packages/1"
	tar -c --exclude=./build --exclude=./.git . | tar -x -C "$tmp/next"
	sed -i "1s/($version)/($next)/" "$tmp/next/debian/changelog"
	make -s -C "$tmp/next" deb
	cp "$tmp"/next/build/deb/*.deb "$tmp/packages/2"
	rm -f "$tmp"/packages/*/*-dbgsym_*
}

# in_root COMMAND [ARG]...: there, with what a command expects of a system that runs
in_root() {
	local rc=0
	mount --bind /proc "$root/proc"
	mount --bind /dev "$root/dev"
	mount --bind "$archives" "$root/var/cache/apt/archives"
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive "$@" || rc=$?
	umount "$root"/{proc,dev,var/cache/apt/archives}
	return "$rc"
}

apt() {
	in_root apt-get -q -y -o APT::Sandbox::User=root "$@"
}

# passes NAME COMMAND [ARG]...: it exits with 0
passes() {
	local rc=0
	"${@:2}" >"$tmp/log" 2>&1 || rc=$?
	tail -n 30 "$tmp/log" >"$tmp/err"
	is "$1" "$rc" 0
	: >"$tmp/err"
}

# Names of all files, but for those of what has run: logs, caches, apt's and dpkg's own.
list() {
	(cd "$root" && find . \( -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt -o -path ./packages \
		-o -path './var/lib/dpkg/*-old' -o -path ./var/lib/dpkg/triggers -o -path ./tmp -o -path ./run \
		\) -prune -o -print | sort)
}

# install_packages DIRECTORY [OPTION]...: all that are in it
install_packages() {
	local files=("$root/packages/$1"/*.deb)
	apt install "${@:2}" "${files[@]#"$root"}"
}

# A Debian that has what the packages depend on.
prepare() {
	mkdir -p "$root" "$tmp"/{upper,work} "$archives"
	mount -t overlay -o "lowerdir=$base,upperdir=$tmp/upper,workdir=$tmp/work" overlay "$root"
	cp -r "$tmp/packages" "$root"
	apt update
	mapfile -t needs < <(install_packages 1 --simulate | awk '/^Inst/ && $2 !~ /hostmem/ { print $2 }')
	apt install "${needs[@]}"
	# This machine runs another kernel.
	echo 'autoinstall_all_kernels="yes"' >>"$root/etc/dkms/framework.conf"
	in_root dkms generate_mok
}

# modules VERSION: for which kernels they are there
modules() {
	local k
	for k in "$root"/lib/modules/*; do
		k=${k##*/}
		[ "$(modinfo -b "$root" -k "$k" -F version hostmem 2>/dev/null)" != "$1" ] ||
			[ "$(modinfo -b "$root" -k "$k" -F version hostmem_nd 2>/dev/null)" != "$1" ] || echo "$k"
	done | xargs
}

# Commands of README's section on use: lines that are indented by two, up to a remark.
readme() {
	sed -n '/^Using it$/,/^Where is what$/s/^  \([a-z].*\)/\1/p' README | sed 's/    *[^ ].*//'
}

# In the guest: what the section takes for granted.
guest_prepare() {
	local file
	until systemctl -q is-active dev-hostmem.mount || [ "$SECONDS" -gt 120 ]; do
		sleep 1
	done
	systemctl -q is-active dev-hostmem.mount
	echo "$? dev-hostmem.mount is active"
	systemctl -q is-active systemd-modules-load.service
	echo "$? systemd-modules-load.service has loaded all"
	[ "$(stat -c '%a %U' /dev/hostmem-control)" = "600 root" ]
	echo "$? udev knows the control node"
	hostmemctl create-namespace -f -e namespace1.0 --mode fsdax --map mem --reserve 6m >/dev/null &&
		mkfs.ext4 -q -F -b 4096 -E stride=512,stripe-width=512 /dev/pmem1 &&
		mount -o dax=always /dev/pmem1 /mnt
	echo "$? a file system with DAX"
	for file in nvdimm file; do
		fallocate -l 64M "/mnt/$file"
		dd if=/dev/zero of="/mnt/$file" bs=2M count=32 conv=notrunc status=none
	done
}

# guest_line LINE: run it, as somebody does who reads it
guest_line() {
	local line=$1 id
	case $line in
	qemu*) line=${line#*\$\(} line=${line%%)*} ;;
	*monitor) line="timeout 5 $line || [ \$? = 124 ]" ;;
	*revoke*)
		exec 9<>/dev/hostmem/vm0
		id=$(hostmemctl list -V -r vm0 | sed -n '/view_list/,$s/.*"id": *\([0-9]*\).*/\1/p')
		line="${line% *} ${id%%$'\n'*}"
		;;
	esac
	eval "$line" >/tmp/out 2>&1
}

# In the guest: the same packages again, while there is a region.
guest_upgrade() {
	local mount
	hostmemctl create-region kept --size 4M --plug 4M >/dev/null
	mount=$(grep ' /dev/hostmem ' /proc/self/mountinfo)
	dpkg -i /packages/2/{hostmem,libhostmem0}_*.deb >/tmp/out 2>&1
	echo "$? an upgrade while there is a region"
	[ -n "$mount" ] && [ "$(grep ' /dev/hostmem ' /proc/self/mountinfo)" = "$mount" ] && [ -e /dev/hostmem/kept ]
	echo "$? the upgrade leaves the mount and the region"
}

# guest LINE...: prints the exit status of each, and what it said if that is not 0
guest() {
	local line rc
	guest_prepare
	for line in "$@"; do
		rc=0
		(guest_line "$line") || rc=$?
		echo "$rc $line"
		[ "$rc" = 0 ] || sed 's/^/# /' /tmp/out
	done
	guest_upgrade
}

boot() {
	local k=$1 rc what lines=()
	mapfile -t lines < <(readme | grep -v '^make\|^apt')
	selftests/guest/run -k "$k" --root "$root" -n 256m -n 256m -t 1200 -- bash -c \
		"$(declare -f guest_prepare guest_line guest_upgrade guest); guest \"\$@\"" guest "${lines[@]}" \
		>"$tmp/out" 2>"$tmp/err" || echo "$? the guest ends well" >>"$tmp/out"
	is "$k: what README says is tried" "$(grep -c '^[0-9]' "$tmp/out")" $((6 + ${#lines[@]}))
	while read -r rc what; do
		[ "$rc" != '#' ] || { echo "# $what"; continue; }
		is "$k: $what" "$rc" 0
	done <"$tmp/out"
}

echo "TAP version 13"
passes "the packages are built" build
passes "a fresh Debian 12" prepare
list >"$tmp/before"
all=$(cd "$root/lib/modules" && echo *)

passes "installation" install_packages 1
is "DKMS has built the modules for all kernels" "$(modules "$version")" "$all"
passes "the example builds" in_root sh -c 'cc -o /tmp/vmm /usr/share/doc/libhostmem-dev/examples/vmm.c $(pkg-config --cflags --libs libhostmem)'
passes "upgrade" install_packages 2
is "upgrade: the modules" "$(modules "$next")" "$all"
is "upgrade: the sources" "$(cd "$root/usr/src" && echo hostmem-*)" "hostmem-$next"
is "upgrade: what DKMS knows" "$(cd "$root/var/lib/dkms/hostmem" && echo [0-9]*)" "$next"
for k in "${kernels[@]}"; do
	boot "$k"
done
ours='hostmem hostmem-dkms libhostmem0 libhostmem-dev'
# shellcheck disable=SC2086
passes "removal" apt remove $ours
is "removal: the modules" "$(modules "$next")" ''
# Not by apt, which knows only what is installed or in an archive.
# shellcheck disable=SC2086
passes "purge" in_root dpkg --purge $ours
is "purge leaves nothing" "$(list | diff "$tmp/before" - >"$tmp/err" && echo same)" same
echo "1..$n"
exit $failed
