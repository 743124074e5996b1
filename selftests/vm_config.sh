#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# hostmemctl vm-config for NVDIMMs: what it prints works as it is, in QEMU, and for libvirt's schema.
# Needs an NVDIMM of 3 GiB, which it overwrites.
set -Eeuo pipefail

. "$(dirname "$0")/tap.sh"
tmp=$(mktemp -d)
ns=namespace0.0
cleanup() {
	rm -f /dev/hostmem/vm--boot /dev/hostmem/vm--nv
	umount "$tmp/mnt" 2>/dev/null || true
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'if [ $BASH_SUBSHELL = 0 ]; then echo "# line $LINENO failed: $BASH_COMMAND"; cat "$tmp/err"; fi' ERR

echo "TAP version 13"
[ "$(cat /sys/bus/nd/devices/$ns/size 2>/dev/null || echo 0)" -gt $((2 << 30)) ] || { echo "1..0 # SKIP needs an NVDIMM of 3 GiB"; exit 4; }

# config ARGUMENT...: of the NVDIMM
config() {
	rc=0
	hostmemctl vm-config vm--nv --dimm "$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
}

# element XPATH: of the printed domain
element() {
	xmllint --xpath "$1" "$tmp/out" 2>>"$tmp/err"
}

# qemu: takes what is printed
qemu() {
	# shellcheck disable=SC2046
	echo quit | timeout 300 qemu-system-x86_64 -nodefaults -no-user-config -display none -S -accel kvm -machine pc \
		-monitor stdio $(hostmemctl vm-config vm--boot --format qemu) -m 64M,slots=4,maxmem=64G \
		$(hostmemctl vm-config vm--nv --format qemu --dimm 2>/dev/null) >"$tmp/out" 2>"$tmp/err" || echo "rc $?"
	cat "$tmp/err"
}

# A whole domain with the printed device, for libvirt's schema.
whole() {
	cat <<-END
	<domain type='kvm'>
	  <name>vm0</name>
	  <maxMemory slots='4' unit='GiB'>64</maxMemory>
	  <memory unit='MiB'>512</memory>
	  <os><type arch='x86_64' machine='pc'>hvm</type></os>
	  <cpu><numa><cell id='0' cpus='0' memory='512' unit='MiB'/></numa></cpu>
	  $(sed -n '/<devices>/,/<\/devices>/p' "$tmp/out")
	</domain>
	END
}

hostmemctl create-region vm--boot --size 64m --plug 64m >"$tmp/out"

ndctl create-namespace -f -e $ns -m devdax -M mem -a 1G >"$tmp/ndctl" 2>&1
hostmemctl create-region vm--nv --backing file:/dev/dax0.0 >"$tmp/out"
size=$(jq '.[0].size' "$tmp/out")
config --format qemu
is "/dev/dax of 1 GiB: aligned to that" "$rc $(grep -o 'align=[^,]*,size=[0-9]*' "$tmp/out")" "0 align=1024M,size=$size"
if [ -c /dev/kvm ] && command -v qemu-system-x86_64 >/dev/null; then
	is "/dev/dax of 1 GiB: QEMU takes it" "$(qemu)" ""
else
	echo "# no QEMU or no KVM"
fi
config --format libvirt
is "/dev/dax of 1 GiB: libvirt" "$rc $(element "concat(//alignsize, ' ', //size, ' ', //path)")" "0 1048576 $((size >> 10)) /dev/hostmem/vm--nv"
config --format qemu --memory 512m
is "/dev/dax of 1 GiB: not a part of a page" "$rc $(grep -c -e '--memory 512m: not a multiple of 1g' "$tmp/err")" "1 1"
hostmemctl destroy-region vm--nv >"$tmp/out"
hostmemctl create-region vm--nv --backing file:/dev/dax0.0 --block-size 2m >"$tmp/out"
config --format qemu
is "/dev/dax of 1 GiB, in small blocks" "$rc $(grep -o 'align=[^,]*' "$tmp/out")" "0 align=1024M"
hostmemctl destroy-region vm--nv >"$tmp/out"

ndctl create-namespace -f -e $ns -m fsdax -M mem >"$tmp/ndctl" 2>&1
mkfs.ext4 -q -F -b 4096 /dev/pmem0
mkdir "$tmp/mnt"
mount -o dax /dev/pmem0 "$tmp/mnt"
fallocate -l 65m "$tmp/mnt/file"
rc=0
hostmemctl create-region vm--nv --backing "file:$tmp/mnt/file" >"$tmp/out" 2>"$tmp/err" || rc=$?
is "a file of an odd size is refused" "$rc $(grep -c 'its 65m are not a multiple of the block size, 2m; make it 66m, or leave its last 1048576 bytes out: --size 64m' "$tmp/err") $(ls /dev/hostmem)" "1 1 vm--boot"
hostmemctl create-region vm--nv --backing "file:$tmp/mnt/file" --size 64m >"$tmp/out"
config --format libvirt --cell 1 --discard
is "libvirt: an NVDIMM by its path" \
	"$rc $(element "concat(//memory/@model, ' ', //memory/@access, ' ', //memory/@discard, ' ', //path, ' ', //alignsize, ' ', //size, ' ', //node, ' ', count(//pmem), count(//readonly), ' ', count(//*[local-name()='commandline']))")" \
	"0 nvdimm shared yes /dev/hostmem/vm--nv 2048 65536 1 10 0"
config --format libvirt
if command -v virt-xml-validate >/dev/null; then
	whole >"$tmp/domain.xml"
	is "libvirt: by its schema" "$(virt-xml-validate "$tmp/domain.xml" domain 2>&1)" "$tmp/domain.xml validates"
else
	echo "# no virt-xml-validate"
fi
config --format libvirt --id x
is "libvirt: no id" "$rc $(grep -c 'libvirt names its NVDIMMs itself; leave it out' "$tmp/err")" "1 1"
rc=0
hostmemctl vm-config vm--boot --format libvirt >"$tmp/out" 2>"$tmp/err" || rc=$?
is "libvirt: what the host has to allow" "$rc $(xmllint --noout "$tmp/out" 2>&1) $(grep -c 'AppArmor: .* /dev/hostmem/\*\* rw,\|SELinux: .* context=' "$tmp/out")" "0  2"
echo "1..$n"
exit $failed
