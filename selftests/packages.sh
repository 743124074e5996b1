#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# On the host: "make deb", what is in the packages, the headers that they have; "make install" and
# "make uninstall", and what they say when something is missing. Installs nothing on this machine;
# packages_boot.sh installs the packages on another one. The modules of 6.12 have been built.
# shellcheck disable=SC2016
set -Eeuo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
. selftests/tap.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'if [ $BASH_SUBSHELL = 0 ]; then echo "# line $LINENO failed: $BASH_COMMAND"; fi' ERR
unset MAKEFLAGS MAKELEVEL
version=$(sed -n '1s/^hostmem (\(.*\)).*/\1/p' debian/changelog)
release=$(scripts/kernel release 6.12)
root=$tmp/root

# passes NAME COMMAND [ARG]...: it exits with 0
passes() {
	local rc=0
	"${@:2}" >"$tmp/err" 2>&1 || rc=$?
	tail -n 30 "$tmp/err" >"$tmp/err.end"
	mv "$tmp/err.end" "$tmp/err"
	is "$1" "$rc" 0
	: >"$tmp/err"
}

# What is in a directory, but for the documentation that every package has.
list() {
	(cd "$1" && find . ! -type d ! -path './usr/share/doc/*' -printf '%P\n' | sort)
}

manuals() {
	local page
	for page in Documentation/man/hostmemctl*.1.rst; do
		page=${page##*/}
		echo "usr/share/man/man1/${page%.rst}$1"
	done
}

wanted() {
	case $1 in
	hostmem)
		printf '%s\n' lib/systemd/system/dev-hostmem.mount lib/udev/rules.d/60-hostmem.rules \
			usr/bin/hostmemctl usr/lib/modules-load.d/hostmem.conf \
			usr/share/bash-completion/completions/hostmemctl
		manuals .gz
		;;
	libhostmem0) printf '%s\n' "$lib"/libhostmem.so.{0,"$version"} ;;
	libhostmem-dev)
		printf '%s\n' usr/include/{libhostmem,linux/hostmem,linux/hostmem_nl,linux/hostmem_reserve}.h \
			"$lib"/{libhostmem.a,libhostmem.so,pkgconfig/libhostmem.pc}
		;;
	hostmem-dkms)
		git ls-files Kbuild version.mk kernel uapi debian/changelog | sed "s|^|usr/src/hostmem-$version/|"
		echo "usr/src/hostmem-$version/dkms.conf"
		;;
	esac | sort
}

# Lines of a field with several values.
field() {
	sed -n "/^$1:/,/^[^ ]/{ s/^$1://; /^[^ ]*:/!p }" debian/control | tr -d ' \n' | tr , '\n'
}

echo "TAP version 13"
passes "make deb" make -s deb
passes "lintian finds no error and no warning" lintian --fail-on error,warning build/deb/hostmem_*.changes
lib=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
for package in hostmem libhostmem0 libhostmem-dev hostmem-dkms; do
	deb=$(ls build/deb/"${package}"_"${version}"_*.deb)
	dpkg -x "$deb" "$tmp/$package"
	dpkg -x "$deb" "$root"
	is "$package: what is in it" "$(list "$tmp/$package" | diff <(wanted $package) - && echo same)" same
done

source=$root/usr/src/hostmem-$version
is "the version of the command" "$(LD_LIBRARY_PATH=$root/$lib "$root/usr/bin/hostmemctl" --version)" "hostmemctl $version"
is "the version of the library" "$(sed -n 's/^Version: //p' "$root/$lib/pkgconfig/libhostmem.pc")" "$version"
is "the version for DKMS" "$(. "$source/dkms.conf"; echo "$PACKAGE_VERSION")" "$version"
for module in core/hostmem nd/hostmem_nd; do
	is "the version of $module" "$(modinfo -F version "build/6.12/kernel/$module.ko")" "$version"
done
is "DKMS builds for Linux 6.1 and 6.12 only" "$(. "$source/dkms.conf"; for k in 5.10.0-9-amd64 6.1.0-56-amd64 \
	6.10.1-amd64 6.12.9+deb12-amd64 6.18.1; do [[ ! $k =~ $BUILD_EXCLUSIVE_KERNEL ]] || echo $k; done | xargs)" \
	"6.1.0-56-amd64 6.12.9+deb12-amd64"
is "DKMS builds without the warnings of W=1" "$(grep -rl W=1 "$source" || true)" ''

# As a program sees them that is built with the packages.
export PKG_CONFIG_LIBDIR=$root/$lib/pkgconfig:/$lib/pkgconfig:/usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
read -ra flags <<<"$(PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 pkg-config --cflags libhostmem)"
for header in libhostmem linux/hostmem linux/hostmem_nl linux/hostmem_reserve; do
	passes "$header.h alone" gcc -x c -std=c90 -fsyntax-only -Wall -Wextra -Werror "${flags[@]}" - <<<"#include <$header.h>"
done
read -ra flags <<<"$(PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 pkg-config --cflags --libs libhostmem)"
passes "the example VMM" gcc -o "$tmp/vmm" "$root/usr/share/doc/libhostmem-dev/examples/vmm.c" "${flags[@]}"

# A system that has what every Debian has, in which nothing else stays.
mkdir -p "$tmp"/system/{lib/{modules/"$release",systemd/system,udev/rules.d},usr/lib/modules-load.d,opt/h/{bin,include,lib,share/man}}
list_all() {
	(cd "$tmp/system" && find . | sort)
}
before=$(list_all)
passes "make install" make -s -o modules install KVER=6.12 PREFIX=/opt/h DESTDIR="$tmp/system"
is "make install: the modules" "$(cd "$tmp/system/lib/modules" && find . -type f | sort | xargs)" \
	"./$release/updates/hostmem.ko ./$release/updates/hostmem_nd.ko"
is "make install: the command and its pages" "$(find "$tmp"/system/opt/h/{bin,share/man} -type f | wc -l)" \
	$((1 + $(manuals '' | wc -l)))
is "make install: pkg-config" "$(PKG_CONFIG_LIBDIR=$tmp/system/opt/h/lib/pkgconfig:/$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR='' \
	pkg-config --cflags --libs libhostmem | xargs)" "-I/opt/h/include -L/opt/h/lib -lhostmem"
passes "make uninstall" make -s uninstall PREFIX=/opt/h DESTDIR="$tmp/system"
is "make uninstall leaves nothing" "$(diff <(echo "$before") <(list_all) && echo same)" same

is "make for a kernel without headers" "$(make -s KVER=1.2.3 modules 2>&1 | sed -n 's/; *or name.*//; s/, or name.*//; 1p')" \
	"kernel: no headers of kernel 1.2.3: install linux-headers-1.2.3"
rc=0
make -s KVER=1.2.3 install PREFIX=/opt/h DESTDIR="$tmp/system" >/dev/null 2>&1 || rc=$?
is "make install for such a kernel installs nothing" "$rc $(diff <(echo "$before") <(list_all) && echo same)" "2 same"
is "make without its libraries" "$(make -s userspace PKG_CONFIG=false 2>&1 | sed -n '1s/.*apt-get install //p' | tr ' ' '\n' | sort | xargs)" \
	"$(field Build-Depends-Arch | grep -v 'python3-docutils\|pkg-config' | sort | xargs)"
echo "1..$n"
exit $failed
