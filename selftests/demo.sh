#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The demo, inside the test guest: a VM whose memory is a region, from birth to the end.
# Every claim is checked; the first that does not hold ends it with an error.
# What is quoted with '' expands inside the VM.
# shellcheck disable=SC2016
set -euo pipefail
trap 'echo "demo: failed at line $LINENO" >&2' ERR

here=$(cd "$(dirname "$0")" && pwd)
PATH=$(cd "$here/../build/selftests" && pwd):$PATH
. "$here/vm.sh"
. "$here/stage.sh"
trap vm_cleanup EXIT

shmem_kib() {
	awk '/^Shmem:/ { print $2 }' /proc/meminfo
}

plugged() {
	hostmemctl list -R -r "$1" | jq '.[0].plugged'
}

valid_list() {
	hostmemctl list -RVS | jq -e 'all(has("name") and has("slots") and has("view_list"))' >/dev/null
}

title "A region: 64 GiB of addresses, 512 MiB of them plugged"
quiet hostmemctl create-region vm0 --size 64G --plug 512M
show hostmemctl list -Ru
check "list -RVS is valid JSON with all keys" valid_list

title "Two unmodified backends: qemu-storage-daemon (vhost-user-blk) and virtiofsd"
mkdir "$vm_dir/share"
echo "a file from the host" >"$vm_dir/share/hello"
truncate -s 64M "$vm_dir/disk"
mkfs.ext4 -q "$vm_dir/disk"
vm_backends "$vm_dir/disk" "$vm_dir/share"
echo "running"

title "An unmodified QEMU boots Linux on the region, by its path, without hugepages"
show hostmemctl vm-config vm0 --format qemu --memory 512M
config=$(hostmemctl vm-config vm0 --format qemu --memory 512M)
# shellcheck disable=SC2086
vm_start $config -m 512M,slots=4,maxmem=16G
vm_run 'echo "inside: $(uname -sr), $(grep MemTotal /proc/meminfo)"'
vm_run 'mount -t ext4 /dev/vda /mnt/disk && echo "inside: disk mounted"'
vm_run 'dd if=/dev/urandom of=/mnt/disk/data bs=1M count=8 2>/dev/null && sync && md5sum /mnt/disk/data'
vm_run 'mount -t virtiofs share /mnt/share && echo "inside: shared folder says: $(cat /mnt/share/hello)"'
vm_run 'cp /mnt/disk/data /mnt/share/data && sync && echo "inside: copied disk to folder"'
inside=$(vm_run 'md5sum </mnt/disk/data')
outside=$(md5sum <"$vm_dir/share/data")
echo "inside, from the disk: $inside; on the host, in the folder: $outside"
check "they are the same" test "$inside" = "$outside"
check "list -RVS is valid JSON with all keys" valid_list

vm_run 'yes "remember-me-$((6 * 7))" | head -n 100000 >/dev/text; echo "inside: wrote a text to memory"'

title "Who maps the region"
show hostmemctl list -RVu

title "The running VM grows by a second DIMM of 256 MiB"
before=$(vm_run "awk '/MemTotal/ { print \$2 }' /proc/meminfo")
quiet hostmemctl create-region vm0-dimm1 --size 256M --plug 256M
vm_qmp '{"execute":"object-add","arguments":{"qom-type":"memory-backend-file","id":"dimm1","mem-path":"/dev/hostmem/vm0-dimm1","size":268435456,"share":true,"align":2097152}}' \
	'{"execute":"device_add","arguments":{"driver":"pc-dimm","id":"d1","memdev":"dimm1"}}'
grown() {
	[ "$(vm_run "awk '/MemTotal/ { print \$2 }' /proc/meminfo")" -ge $((before + 240 * 1024)) ]
}
check "inside: MemTotal has grown by 256 MiB" vm_wait $vm_patience grown
vm_run 'grep MemTotal /proc/meminfo'
vm_run 'rm -f /mnt/share/data; cp /mnt/disk/data /mnt/share/data && echo "inside: disk and folder still work"'
check "list -RVS is valid JSON with all keys" valid_list

title "kill -9: the VMM is gone, the RAM is not"
vm_kill
show hostmemctl list -Ru -r vm0
show peek vm0 find remember-me-42

title "Unplug: the memory goes back to the host, the old mapping is dead"
mkfifo "$vm_dir/go" "$vm_dir/said"
peek vm0 hold 0 <"$vm_dir/go" >"$vm_dir/said" &
holder=$!
exec {go}>"$vm_dir/go" {said}<"$vm_dir/said"
read -r line <&"$said"
echo "$line"
before=$(shmem_kib)
quiet hostmemctl unplug vm0 0 512M
after=$(shmem_kib)
echo "host: Shmem $before KiB -> $after KiB"
check "at least 100 MiB came back" test $((before - after)) -ge $((100 * 1024))
echo >&"$go"
read -r line <&"$said"
echo "$line"
check "the mapping made before gets SIGBUS" test "${line%% at*}" = "process $holder: SIGBUS"
kill "$holder"
wait "$holder" 2>/dev/null || true
check "nothing is plugged" test "$(plugged vm0)" = 0

quiet hostmemctl destroy-region vm0
quiet hostmemctl destroy-region vm0-dimm1 --force
show hostmemctl list -R
printf '\nDone.\n'
