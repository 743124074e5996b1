#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# libvirt as Debian has it keeps the memory of its domains in hostmemfs, for one line of qemu.conf.
# Runs in the test guest, as root: it adds that line and the user that the daemon wants.
set -Eeuo pipefail

if ! [ -x /usr/sbin/libvirtd ] || ! command -v virsh >/dev/null; then
	echo "1..0 # SKIP libvirt is not installed: scripts/setup"
	exit 4
fi
: "${HOSTMEM_NESTED_IMAGE:?not in the test guest: selftests/guest/run -- selftests/libvirt.sh}"

here=$(cd "$(dirname "$0")" && pwd)
# libvirt gives QEMU a /dev of its own; what both use is elsewhere.
vm_dir=$(mktemp -d /tmp/libvirt.XXXXXX)
tmp=$vm_dir
. "$here/vm.sh"
. "$here/tap.sh"
trap '[ $BASH_SUBSHELL != 0 ] || { echo "# line $LINENO failed: $BASH_COMMAND"; tail -n 20 "$vm_dir"/*.log; }' ERR

cleanup() {
	virsh destroy vm0 >/dev/null 2>&1 || true
	vm_cleanup
	rm -rf /dev/hostmem/libvirt
}
trap cleanup EXIT

mib=$((1 << 20))
setting='memory_backing_dir = "/dev/hostmem"'

# What an installed libvirt finds: the user that its QEMU runs as, and udev's /dev/kvm.
users() {
	if ! getent passwd libvirt-qemu >/dev/null; then
		groupadd --system libvirt-qemu
		useradd --system --no-create-home --home-dir /var/lib/libvirt --shell /usr/sbin/nologin \
			--gid kvm --groups libvirt-qemu libvirt-qemu
	fi
	chgrp kvm /dev/kvm
	chmod 660 /dev/kvm
}

# Without systemd nobody starts them when they are called.
daemons() {
	virtlogd >"$vm_dir/virtlogd.log" 2>&1 &
	vm_pids+=($!)
	libvirtd >"$vm_dir/libvirtd.log" 2>&1 &
	vm_pids+=($!)
	vm_wait $vm_patience test -S /run/libvirt/virtlogd-sock
	vm_wait $vm_patience test -S /run/libvirt/libvirt-sock
}

# The first serial line is the shell inside, the second the kernel's console.
domain() {
	cp "$HOSTMEM_NESTED_IMAGE/kernel" "$vm_dir/kernel"
	cp "$HOSTMEM_NESTED_INITRD" "$vm_dir/initrd"
	cat >"$vm_dir/vm0.xml" <<-END
	<domain type='kvm'>
	  <name>vm0</name>
	  <memory unit='MiB'>256</memory>
	  <memoryBacking><source type='file'/><access mode='shared'/></memoryBacking>
	  <os>
	    <type arch='x86_64' machine='pc'>hvm</type>
	    <kernel>$vm_dir/kernel</kernel>
	    <initrd>$vm_dir/initrd</initrd>
	    <cmdline>console=ttyS1 quiet panic=-1 mitigations=off</cmdline>
	  </os>
	  <features><acpi/></features>
	  <cpu mode='host-passthrough'/>
	  <devices>
	    <controller type='usb' model='none'/>
	    <memballoon model='none'/>
	    <serial type='pipe'><source path='$vm_dir/tty'/></serial>
	    <serial type='file'><source path='$vm_dir/console'/></serial>
	  </devices>
	</domain>
	END
}

# Start the domain, and wait until it has booted.
start() {
	virsh start vm0 >/dev/null
	vm_pid=$(cat /run/libvirt/qemu/vm0.pid)
	vm_answer
}

# dominfo KEY...: values of dominfo, with single blanks
dominfo() {
	local key
	virsh dominfo vm0 >"$tmp/dominfo"
	for key in "$@"; do
		sed -n "s/^$key: *//p" "$tmp/dominfo"
	done | paste -sd' '
}

regions() {
	hostmemctl list -R | jq -c "map([$1])"
}

used() {
	df -B1 --output=used /dev/hostmem | awk 'NR == 2 { print $1 }'
}

# All of what a domain holds: limits, mount, directory.
held() {
	echo "$(hostmemctl info | jq -c '[.[0].regions,.[0].ram_used]')" \
		"$(used)" "$(ls -A /dev/hostmem/libvirt/qemu)"
}

echo "TAP version 13"
echo "1..18"
chmod 755 "$vm_dir"
mkfifo "$vm_dir"/tty.{in,out}
exec {vm_in}<>"$vm_dir/tty.in" {vm_out}<>"$vm_dir/tty.out"
ln -s /var/log/libvirt/qemu/vm0.log "$vm_dir/qemu.log"
# Domains that the host starts by itself are not for here.
rm -rf /etc/libvirt/qemu/autostart
users
cp -a /etc/libvirt "$vm_dir/etc"
echo "$setting" >>/etc/libvirt/qemu.conf
daemons
domain
virsh define "$vm_dir/vm0.xml" >/dev/null
before=$(held)
is "nothing is there before" "$before" "[0,0] 0 "

rc=0
start || rc=$?
is "the domain boots" $rc 0
is "dominfo is right" "$(dominfo State 'Max memory' 'Used memory')" "running 262144 KiB 262144 KiB"
hostmemctl list -RV >"$tmp/list"
is "its memory is a region" \
	"$(jq -c 'map([.name,.size,.plugged,.backing,.allocation,.views,.mappings])' "$tmp/list")" \
	"[[\"libvirt/qemu/1-vm0/pc.ram\",$((256 * mib)),$((256 * mib)),\"ram\",\"ondemand\",1,1]]"
is "QEMU maps all of it" \
	"$(jq -c '.[0].view_list[0]|[.pid,.rights,(.mapping_list[]|.pid,.length,.prot)]' "$tmp/list")" \
	"[$vm_pid,\"rw\",$vm_pid,$((256 * mib)),\"rw\"]"
file=/dev/hostmem/libvirt/qemu/1-vm0/pc.ram
is "ls: the file" "$(stat -c '%F %s %U' $file)" "regular file $((256 * mib)) libvirt-qemu"
is "maps: its path" "$(awk '/hostmem/ { print $6 }' "/proc/$vm_pid/maps")" $file
occupied=$(du -B1 $file | cut -f 1)
echo "# du: $((occupied / mib)) MiB when it has booted"
is "du: less than what is written to next" "$((occupied > 0 && occupied < 144 * mib))" 1
vm_run 'dd if=/dev/zero of=/dev/null bs=144M count=1 2>/dev/null'
occupied=$(du -B1 $file | cut -f 1)
echo "# du: $((occupied / mib)) MiB when 144 MiB have been written to"
is "du: it has become more" "$((occupied >= 144 * mib && occupied <= 256 * mib))" 1
is "df: no less" "$(($(used) >= occupied))" 1

virsh destroy vm0 >/dev/null
soon "destroy frees all of it" "$before" held
is "dominfo: shut off" "$(dominfo State)" "shut off"

rc=0
start || rc=$?
is "it boots again" $rc 0
is "another region" "$(regions .name,.plugged)" "[[\"libvirt/qemu/2-vm0/pc.ram\",$((256 * mib))]]"
# Without memory QEMU crashes, and the domain with it; nothing else does.
is "unplugged like any other" \
	"$(hostmemctl unplug libvirt/qemu/2-vm0/pc.ram 0 256M | jq '.[0].plugged') $(used)" "0 0"
soon "libvirt sees the domain's end" "shut off" dominfo State
soon "and leaves nothing" "$before" held
virsh undefine vm0 >/dev/null
is "libvirt's files have one line more" "$(diff -rN "$vm_dir/etc" /etc/libvirt | grep '^[<>]')" "> $setting"
exit $failed
