# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Functions to run a real VM with real vhost-user backends; sourced by tests in the guest.

vm_dir=${vm_dir:-$(mktemp -d /dev/shm/vm.XXXXXX)}
vm_pids=()
# The devices that vm_backends serves.
vm_devices=()
# How many seconds a slow machine may take for any of it; more is a hang.
vm_patience=600

# Wait at most $1 seconds until the rest of the arguments succeed.
vm_wait() {
	local end=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# A vhost-user-blk backend for image $1, for ${3:-any number of} requests a second, and a
# virtiofs backend for directory $2.
vm_backends() {
	rm -f "$vm_dir"/{blk,fs}.sock
	qemu-storage-daemon \
		--object "throttle-group,id=limit,x-iops-total=${3:-0}" \
		--blockdev "driver=file,node-name=file,filename=$1" \
		--blockdev driver=throttle,node-name=disk,throttle-group=limit,file=file \
		--export "type=vhost-user-blk,id=blk,node-name=disk,writable=on,addr.type=unix,addr.path=$vm_dir/blk.sock" \
		>"$vm_dir/qsd.log" 2>&1 &
	vm_blk_pid=$!
	/usr/lib/qemu/virtiofsd --socket-path="$vm_dir/fs.sock" -o "source=$2" -o sandbox=chroot \
		>"$vm_dir/virtiofsd.log" 2>&1 &
	vm_fs_pid=$!
	vm_pids+=("$vm_blk_pid" "$vm_fs_pid")
	vm_wait $vm_patience test -S "$vm_dir/blk.sock"
	vm_wait $vm_patience test -S "$vm_dir/fs.sock"
	# shellcheck disable=SC2054
	vm_devices=(-chardev "socket,id=blk,path=$vm_dir/blk.sock" -device vhost-user-blk-pci,chardev=blk
		-chardev "socket,id=fs,path=$vm_dir/fs.sock" -device vhost-user-fs-pci,chardev=fs,tag=share)
}

# An unmodified QEMU; the arguments say where its memory comes from.
vm_start() {
	rm -f "$vm_dir"/tty.{in,out} "$vm_dir/qmp.sock"
	mkfifo "$vm_dir/tty.in" "$vm_dir/tty.out"
	exec {vm_in}<>"$vm_dir/tty.in" {vm_out}<>"$vm_dir/tty.out"
	qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-accel kvm -cpu host -smp 1 \
		-kernel "$HOSTMEM_NESTED_IMAGE/kernel" -initrd "$HOSTMEM_NESTED_INITRD" \
		-append "console=ttyS1 quiet panic=-1 mitigations=off memhp_default_state=online_movable" \
		-chardev "pipe,id=tty,path=$vm_dir/tty" -serial chardev:tty \
		-serial "file:$vm_dir/console" \
		-qmp "unix:$vm_dir/qmp.sock,server=on,wait=off" \
		"${vm_devices[@]}" "$@" >"$vm_dir/qemu.log" 2>&1 &
	vm_pid=$!
	vm_pids+=("$vm_pid")
	vm_answer
}

# Read what the VM prints until its end mark; its status is ours.
vm_answer() {
	local line part='' end=$((SECONDS + vm_patience))
	while [ $SECONDS -lt $end ] && kill -0 "$vm_pid" 2>/dev/null; do
		# What has come of a line when the time is up is its beginning.
		IFS= read -r -t 1 -u "$vm_out" line || { part+=$line; continue; }
		line=$part${line%$'\r'}
		part=''
		case $line in
		# Also behind a line whose end came just when the time was up.
		*"=END= "*)
			part=${line%%=END= *}
			[ -z "$part" ] || printf '%s\n' "$part"
			return "${line##*=END= }" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done
	echo "vm: no answer; its console ends: $(tail -n 5 "$vm_dir/console"); qemu: $(cat "$vm_dir/qemu.log")" >&2
	return 99
}

# Run a shell line inside the VM.
vm_run() {
	printf '%s\n' "$*" >&"$vm_in"
	vm_answer
}

# QMP commands, one per argument; prints the answers.
vm_qmp() {
	local line qmp_in qmp_out command
	coproc socat - "UNIX-CONNECT:$vm_dir/qmp.sock"
	# shellcheck disable=SC2153
	exec {qmp_out}<&"${COPROC[0]}" {qmp_in}>&"${COPROC[1]}"
	for command in '{"execute":"qmp_capabilities"}' "$@"; do
		echo "$command" >&"$qmp_in"
		while IFS= read -r -t $vm_patience -u "$qmp_out" line; do
			case $line in
			'{"return"'* | '{"error"'*) break ;;
			esac
		done
		[[ $command == *qmp_capabilities* ]] || printf '%s\n' "$line"
	done
	kill "$COPROC_PID"
	exec {qmp_in}>&- {qmp_out}<&-
}

vm_kill() {
	{ kill -9 "$vm_pid" && wait "$vm_pid"; } 2>/dev/null || true
	exec {vm_in}<&- {vm_out}<&-
}

vm_cleanup() {
	{ kill -9 "${vm_pids[@]}" && wait "${vm_pids[@]}"; } 2>/dev/null || true
	rm -rf "$vm_dir"
}
