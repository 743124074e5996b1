#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The demo's act on persistent memory, inside the test guest: a namespace with a reserve, a DAX
# file and the reserve as the NVDIMMs of a VM, and where their bytes are. Overwrites namespace0.0.
# What is quoted with '' expands inside the VM.
# shellcheck disable=SC2016
set -euo pipefail
trap 'echo "demo: failed at line $LINENO" >&2' ERR

here=$(cd "$(dirname "$0")" && pwd)
PATH=$(cd "$here/../build/selftests" && pwd):$PATH
. "$here/vm.sh"
. "$here/stage.sh"
dir=/run/demo-pmem
cleanup() {
	vm_cleanup
	! mountpoint -q $dir || umount $dir
}
trap cleanup EXIT
[ -e /sys/bus/nd/devices/namespace0.0 ] || { echo "demo: needs an NVDIMM: selftests/guest/run -n 256m"; exit 4; }

# Pages of 2 MiB that KVM has mapped, in all VMs.
pages_2m() {
	mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
	cat /sys/kernel/debug/kvm/pages_2m
}

title "A namespace with a reserve of 64 MiB, and ext4 with DAX on the rest"
show hostmemctl create-namespace -e namespace0.0 -f --mode fsdax --map mem --reserve 64m --for demo
# Aligned to 2 MiB, so that the files can be mapped by 2 MiB.
mkfs.ext4 -q -F -b 4096 -E stride=512,stripe-width=512 /dev/pmem0
mkdir -p $dir
mount -o dax=always /dev/pmem0 $dir
fallocate -l 64M $dir/nvdimm
dd if=/dev/zero of=$dir/nvdimm bs=2M count=32 conv=notrunc status=none
show hostmemctl list -Du

title "Two regions: the file, leased where it is, and the reserve, held by nobody else"
quiet hostmemctl create-region nv-file --backing file:$dir/nvdimm
quiet hostmemctl create-region nv-reserve --backing reserve:namespace0.0
show hostmemctl list -Ru
show grep -B1 hostmem /proc/iomem
refused() {
	! "$@" 2>&1
}
check "the file cannot be cut off" refused truncate -s 1M $dir/nvdimm
check "the reserve has one holder" refused hostmemctl create-region other --backing reserve:namespace0.0

title "They are the NVDIMMs of a VM"
quiet hostmemctl create-region nv-ram --size 384M --plug 384M
mkdir "$vm_dir/share"
truncate -s 64M "$vm_dir/disk"
start() {
	local config
	vm_backends "$vm_dir/disk" "$vm_dir/share"
	config=$(hostmemctl vm-config nv-ram --format qemu
		hostmemctl vm-config nv-file --format qemu --dimm --id file
		hostmemctl vm-config nv-reserve --format qemu --dimm --id reserve)
	# shellcheck disable=SC2086
	vm_start $config -m 384M,slots=4,maxmem=8G
}
show hostmemctl vm-config nv-file --format qemu --dimm --id file
start
vm_run 'echo "inside: $(ls /dev/pmem* | tr "\n" " ")"'
before=$(pages_2m)
vm_run 'echo "written inside the VM $((6 * 7))" >/text; dd if=/text of=/dev/pmem0 conv=notrunc 2>/dev/null; dd if=/text of=/dev/pmem1 conv=notrunc 2>/dev/null; sync'
vm_run 'for d in 0 1; do dd if=/dev/pmem$d of=/dev/null bs=2M count=20 2>/dev/null; done; echo "inside: wrote a text to both, read 40 MiB of each"'
after=$(pages_2m)
echo "host: KVM maps $((after - before)) more pages of 2 MiB"
check "KVM maps them by 2 MiB" test $((after - before)) -ge 30

title "The VMM is killed; the next one finds what was written"
vm_kill
start
first='head -c 21 /dev/pmem$d'
vm_run "for d in 0 1; do echo \"inside: pmem\$d: \$($first)\"; done"
found=$(vm_run "for d in 0 1; do $first; echo; done")
check "both have it" test "$(grep -c 'written inside the VM' <<<"$found")" = 2
vm_kill

title "Where the file is in physical memory, and what is there"
quiet hostmemctl destroy-region nv-file
quiet hostmemctl destroy-region nv-ram
show hostmemctl extents $dir/nvdimm -u
spa=$(hostmemctl extents $dir/nvdimm | jq '.extents[0].spa')
reserve=$(hostmemctl list -D | jq '.[] | select(.namespace == "namespace0.0") | .reserve.spa')
umount $dir
quiet hostmemctl destroy-region nv-reserve
# Nobody may look at the memory of a namespace that is in use.
ndctl disable-namespace namespace0.0 >/dev/null 2>&1
# The debug kernel shows its memory to nobody.
if [ -e /dev/mem ]; then
	printf '$ peek memory read %#x\n' "$spa"
	text=$(peek memory read "$spa")
	echo "$text"
	check "the text is at the address that extents gave" test "$text" = "written inside the VM 42"
	text=$(peek memory read $((reserve + (2 << 20))))
	check "and, of the reserve, behind its first 2 MiB" test "$text" = "written inside the VM 42"
fi
ndctl enable-namespace namespace0.0 >/dev/null 2>&1
check "the reserve is found again" test "$(hostmemctl list -D | jq -r '.[] | select(.namespace == "namespace0.0") | .reserve.purpose')" = demo
printf '\nDone.\n'
