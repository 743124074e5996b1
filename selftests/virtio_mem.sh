#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A VM whose memory grows and shrinks: QEMU as Debian has it, with files of hostmemfs made as it and
# libvirt make files, virtio-mem on one and a balloon that reports free pages of the other. What the
# VM gives back comes back to the host.
# What is quoted with '' expands inside the VM.
# shellcheck disable=SC2016
set -Eeuo pipefail
trap '[ $BASH_SUBSHELL != 0 ] || echo "# ${BASH_SOURCE[0]##*/}: line $LINENO failed: $BASH_COMMAND"' ERR

here=$(cd "$(dirname "$0")" && pwd)
. "$here/vm.sh"
. "$here/tap.sh"
cleanup() {
	[ $? = 0 ] || tail -n 20 "$vm_dir/qemu.log" | sed 's/^/# /'
	vm_cleanup
	rm -f /dev/hostmem/{boot,vmem}0
}
trap cleanup EXIT

mib=$((1 << 20))
boot=$((384 * mib)) vmem=$((1 << 30))

# The memory behind a file, in bytes.
occupied() {
	echo $(($(stat -c %b "/dev/hostmem/$1") * 512))
}

at_most() {
	[ "$(occupied "$1")" -le "$2" ]
}

tell() {
	echo "# vmem0 $(($(occupied vmem0) / mib)) MiB, boot0 $(($(occupied boot0) / mib)) MiB"
}

# comes NAME COMMAND [ARG]...: that it succeeds in the end. Without it the rest means nothing.
comes() {
	local rc=0
	vm_wait $vm_patience "${@:2}" || rc=$?
	tell
	is "$1" $rc 0
	[ $rc = 0 ] || exit 1
}

plugged() {
	local size
	size=$(vm_qmp '{"execute":"qom-get","arguments":{"path":"/machine/peripheral/vm0","property":"size"}}')
	[[ $size == "{\"return\": $1}"* ]]
}

mem_total() {
	vm_run "awk '/MemTotal/ { print \$2 * 1024 }' /proc/meminfo"
}

total_is() {
	[ "$(mem_total)" = "$1" ]
}

# resize MIB: what the VM is asked to have of vmem0, until it has it and its kernel counts it
resize() {
	local bytes=$(($1 * mib))
	vm_qmp '{"execute":"qom-set","arguments":{"path":"/machine/peripheral/vm0","property":"requested-size","value":'$bytes'}}' >/dev/null
	comes "$1 MiB asked for: the VM has as much of the region" plugged $bytes
	comes "$1 MiB asked for: so much more than at its boot" total_is $((total + bytes))
}

mapped_by() {
	hostmemctl list -RV | jq -c 'sort_by(.name) | map([.name,.size,.plugged,
		(.view_list | map(select(.mappings > 0).pid) | unique)])'
}

regions() {
	hostmemctl list -R | jq length
}

used() {
	df -B 1 --output=used /dev/hostmem | tail -n 1 | tr -d ' '
}

has_balloon() {
	vm_run 'ls -d /sys/bus/virtio/drivers/virtio_balloon/virtio*' >/dev/null
}

echo "TAP version 13"
# As libvirt makes one; the other one is not there yet.
truncate -s $vmem /dev/hostmem/vmem0
vm_start -machine pc,memory-backend=boot -m 384M,slots=4,maxmem=4G \
	-object "memory-backend-file,id=boot,mem-path=/dev/hostmem/boot0,size=$boot,share=on,align=2M" \
	-object "memory-backend-file,id=vmem,mem-path=/dev/hostmem/vmem0,size=$vmem,share=on,reserve=off" \
	-device virtio-mem-pci,id=vm0,memdev=vmem,node=0,block-size=2M,requested-size=0
is "QEMU boots on a file that it made, with virtio-mem on another one" \
	"$(stat -c %s /dev/hostmem/{boot,vmem}0 | xargs)" "$boot $vmem"
is "list: both are plugged, and mapped by QEMU" "$(mapped_by)" \
	"[[\"boot0\",$boot,$boot,[$vm_pid]],[\"vmem0\",$vmem,$vmem,[$vm_pid]]]"
is "nothing asked for: the region has no memory" "$(occupied vmem0)" 0

total=$(mem_total)
resize 256
vm_run 'mkdir /ram && mount -t tmpfs -o size=90% ram /ram'
# The kernel takes memory of the movable zone first.
vm_run 'dd if=/dev/urandom of=/ram/keep bs=1M count=16 2>/dev/null && dd if=/dev/zero of=/ram/fill bs=1M count=112 2>/dev/null'
sum=$(vm_run 'md5sum </ram/keep')
tell
is "what is used has memory" "$(($(occupied vmem0) >= 120 * mib && $(occupied vmem0) <= 256 * mib))" 1

vm_run 'rm /ram/fill'
is "what was deleted inside still has it" "$(($(occupied vmem0) >= 120 * mib))" 1
resize 64
comes "64 MiB: no more than that, and one block, is occupied" at_most vmem0 $((66 * mib))
is "64 MiB: what the VM has kept is intact" "$(vm_run 'md5sum </ram/keep')" "$sum"
resize 128
vm_run 'dd if=/dev/zero of=/ram/fill bs=1M count=128 2>/dev/null'
tell
is "128 MiB: used up to that, and no further" \
	"$(($(occupied vmem0) >= 96 * mib && $(occupied vmem0) <= 130 * mib))" 1
is "128 MiB: what the VM has kept is intact" "$(vm_run 'md5sum </ram/keep')" "$sum"
vm_run 'rm /ram/*'
resize 0
comes "0 MiB: all of it came back" at_most vmem0 0

# Plugged only now: it would have given back what virtio-mem is to give back.
vm_qmp '{"execute":"device_add","arguments":{"driver":"virtio-balloon-pci","id":"b0","free-page-reporting":true}}' >/dev/null
comes "a balloon with free page reporting" has_balloon
vm_run 'dd if=/dev/zero of=/ram/fill bs=1M count=192 2>/dev/null'
full=$(occupied boot0)
tell
is "a file inside has memory" $((full >= 192 * mib)) 1
vm_run 'rm /ram/fill'
comes "deleted inside: three quarters of it came back" at_most boot0 $((full - 144 * mib))

is "list: both are still plugged, and mapped by QEMU" "$(mapped_by)" \
	"[[\"boot0\",$boot,$boot,[$vm_pid]],[\"vmem0\",$vmem,$vmem,[$vm_pid]]]"
is "QEMU has nothing to complain about" "$(cat "$vm_dir/qemu.log")" ""
vm_kill
is "the VM is killed: its memory stays" $(($(used) > 0)) 1
rm /dev/hostmem/{boot,vmem}0
soon "the files are removed: no region" 0 regions
soon "the files are removed: no memory" 0 used
echo "1..$n"
exit $failed
