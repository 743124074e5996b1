#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Take the memory of a running VM away under it: the VMM and a real vhost-user backend, which
# had mapped it, must not reach it any more; nothing but them suffers.
set -euo pipefail
trap 'echo "not ok - backend.sh: line $LINENO"; cat "$vm_dir"/*.log' ERR

here=$(cd "$(dirname "$0")" && pwd)
. "$here/vm.sh"
trap vm_cleanup EXIT

gone() {
	! kill -0 "$1" 2>/dev/null
}

hostmemctl create-region backend --size 1G --plug 512M >/dev/null
mkdir "$vm_dir/share"
truncate -s 16M "$vm_dir/disk"
vm_backends "$vm_dir/disk" "$vm_dir/share" 2
vm_start -machine pc,memory-backend=mem0 -m 512M \
	-object memory-backend-file,id=mem0,mem-path=/dev/hostmem/backend,size=512M,share=on,align=2M
vm_run 'dd if=/dev/vda of=/dev/null bs=4k count=1 skip=100 2>/dev/null && echo "inside: disk works"'

hostmemctl list -RV -r backend >"$vm_dir/views"
[ "$(jq '.[0].mappings' "$vm_dir/views")" -ge 3 ]
echo "ok - QEMU and both backends map the region"

# With several readers and two requests a second there is always one that the backend has yet to
# answer, in memory that goes away.
# shellcheck disable=SC2016
vm_run 'for at in 200 1200 2200 3200; do'\
	' (dd if=/dev/vda of=/dev/null bs=4k skip=$at iflag=direct) >/dev/null 2>&1 & done;'\
	' until read -r n _ </sys/block/vda/inflight && [ "$n" -gt 2 ]; do :; done'
before=$(awk '/^Shmem:/ { print $2 }' /proc/meminfo)
hostmemctl unplug backend 0 512M >/dev/null
after=$(awk '/^Shmem:/ { print $2 }' /proc/meminfo)
[ $((before - after)) -ge $((32 * 1024)) ]
echo "ok - the memory came back: Shmem $before KiB, then $after KiB"

vm_wait $vm_patience gone "$vm_blk_pid"
rc=0
wait "$vm_blk_pid" 2>/dev/null || rc=$?
[ $rc = 135 ]
echo "ok - the backend was stopped by SIGBUS"
# The VMM either touches a queue itself, or its vCPU ends with EFAULT.
vm_wait $vm_patience sh -c "! kill -0 $vm_pid || grep -q 'Bad address' $vm_dir/qemu.log"
echo "ok - the VMM could not go on"

vm_kill
hostmemctl destroy-region backend --force >/dev/null
[ ! -e /dev/hostmem/backend ]
echo "ok - the region can be destroyed"
