#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Power cuts while reserves are made, added and dropped: the guest is killed, the next one repairs
# what it finds. Runs on the host, which boots the guests and reads the media; prints a table.
#   selftests/powercut.sh [-k KERNEL] [-j LANES] [CUTS [SEED]]; without CUTS: HOSTMEM_CUTS, or 8
# Every second time the kernel is another one, unless -k names it. LANES go on side by side, each
# with media of its own.
# Half of the cuts come right after a step that hostmemctl has printed, the others at random.
set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
mib=$((1 << 20))

# On a namespace of 64 MiB, and outside of its first 2 MiB: a file system, noise behind it.
guest_setup() {
	ndctl create-namespace -f -e namespace0.0 -m fsdax -M dev >/dev/null 2>&1
	head -c 62M /dev/urandom >/dev/pmem0
	mkfs.ext4 -q -b 4096 /dev/pmem0 40M
	mount /dev/pmem0 /mnt
	head -c 4M /dev/urandom >/mnt/file
	umount /mnt
	guest_data
}

guest_data() {
	e2fsck -fn /dev/pmem0 >/tmp/fsck 2>&1 || { sed 's/^/# /' /tmp/fsck; return 1; }
	mount -o ro /dev/pmem0 /mnt || return 1
	cksum </mnt/file
	umount /mnt
}

case ${1-} in
setup | data)
	"guest_$1"
	exit
	;;
esac

kernels=(6.12 6.1) lanes=1
while getopts k:j: option; do
	case $option in
	k) kernels=("$OPTARG") ;;
	j) lanes=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
cuts=${1:-${HOSTMEM_CUTS:-8}}
seed=${2:-1}
work=$(mktemp -d)
cleanup() {
	local file
	for file in "$work"/*/pid; do
		[ ! -e "$file" ] || kill -9 "$(cat "$file")" 2>/dev/null
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# An initramfs that boots in a few seconds: busybox, hostmemctl and what these two need.
initramfs() {
	local kernel=$1 image version file root=$work/root-$1 n=10
	image=$("$top/scripts/kernel" image "$kernel")
	version=$(ls "$image/lib/modules")
	mkdir -p "$root/bin" "$root/modules"
	cp "$top/selftests/guest/powercut-init" "$root/init"
	cp /bin/busybox /usr/bin/chrt "$top/build/bin/hostmemctl" "$root/bin"
	for file in sh mkdir mount insmod cat stty mkfifo tr sleep; do
		ln -s busybox "$root/bin/$file"
	done
	LD_LIBRARY_PATH=$top/build/lib ldd "$root/bin/hostmemctl" "$root/bin/chrt" |
		grep -o '/[^ :]* (' | cut -d ' ' -f 1 | sort -u | while read -r file; do
		install -D "$file" "$root/lib64/${file##*/}"
	done
	mkdir -p "$root/lib"
	ln -s ../lib64 "$root/lib/x86_64-linux-gnu"
	{
		for file in nfit nd_pmem dax_pmem device_dax nd_btt; do
			modprobe -C /dev/null -d "$image" -S "$version" --show-depends "$file" 2>/dev/null
		done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$1]++'
		ls "$top/build/$kernel/kernel/core/hostmem.ko" "$top/build/$kernel/kernel/nd/hostmem_nd.ko"
	} | while read -r file; do
		strip -g -o "$root/modules/$n-${file##*/}" "$file"
		n=$((n + 1))
	done
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initrd-$kernel"
	ln -s "$image/kernel" "$work/kernel-$kernel"
}

# What takes time and is not needed, and what an emulated processor cannot do in time.
settings="console=ttyS0 loglevel=5 panic=-1 mitigations=off nokaslr nosmp audit=0 apparmor=0"
settings+=" cryptomgr.notests random.trust_cpu=on tsc=reliable no_timer_check watchdog_thresh=60"
settings+=" rcupdate.rcu_cpu_stall_timeout=150"

# boot KERNEL OPERATION STEP: in the background, in the directory of a lane
boot() {
	: >out
	qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-machine pc,nvdimm=on -accel tcg -m 512m,slots=2,maxmem=4g \
		-kernel "$work/kernel-$1" -initrd "$work/initrd-$1" \
		-append "$settings cut_op=$2 cut_step=$3" \
		-object memory-backend-file,id=nv0,share=on,mem-path=nv0,size=80M \
		-device nvdimm,id=nvdimm0,memdev=nv0,label-size=16M \
		-object memory-backend-file,id=nv1,share=on,mem-path=nv1,size=80M \
		-device nvdimm,id=nvdimm1,memdev=nv1,label-size=16M \
		-serial file:console -serial file:out </dev/null >qemu.log 2>&1 &
	echo $! >pid
}

cut_power() {
	kill -9 "$(cat pid)" 2>/dev/null
	wait "$(cat pid)" 2>/dev/null
	rm pid
}

# Wait for a line, for as long as the guest runs.
line() {
	local deadline=$((SECONDS + 300))
	until grep -qE "$1" out; do
		kill -0 "$(cat pid)" 2>/dev/null && [ $SECONDS -lt $deadline ] || return 1
		sleep 0.02
	done
}

# The data, and all of the space of the reserve but what its superblocks take.
data_intact() {
	cmp -s -i $((2 * mib)) -n $((54 * mib)) nv0 "$work/nv0" &&
		cmp -s -i $((56 * mib + 4096)) -n $((8 * mib - 8192)) nv0 "$work/nv0"
}

# state NAMESPACE LIST: what it is
state() {
	jq -r "map(select(.namespace == \"$1\"))[0] // {} |
		\"\(.mode) \(.map) \(.reserve.layout) \(.reserve.size) \(.data_size)\"" <<<"$2"
}

declare -A after=(
	[add]="fsdax dev tail $((8 * mib)) $((54 * mib))"
	[drop]="fsdax dev null null $((62 * mib))"
	[head]="fsdax mem head $((8 * mib)) $((54 * mib))"
	[tail]="devdax mem tail $((16 * mib)) $((46 * mib))"
	[raw]="raw null null null $((64 * mib))"
)

complain() {
	echo "# cut $cut, $kernel, ${op:-between two}${when:+ $when}: $*" >>complaints
}

# What was going on when the power was cut, into op, and what the namespaces were before, into
# was. From what the guest has printed.
follow() {
	local word name status
	op=''
	while read -r word name status; do
		case $word in
		begin) op=$name ;;
		end)
			[ "$status" = 0 ] || complain "$name failed: $(grep hostmemctl out | tail -n 1)"
			place "$name"
			was[place]=${after[${name%-f}]} op=''
			;;
		esac
	done < <(grep -E '^(begin|end) ' out)
}

place() {
	case $1 in
	add | drop) place=0 ;;
	*) place=1 ;;
	esac
}

# Which of the states that are good namespace $1 is in; those of create --force: nothing, too.
verdict() {
	local is=${now[$1]}
	place "$op"
	if [ -n "$op" ] && [ "$place" = "$1" ] && [ "$is" = "${after[${op%-f}]}" ]; then
		echo new
	elif [ "$is" = "${was[$1]}" ]; then
		echo old
	elif [ "$op" != "${op%-f}" ] && [ "$1" = 1 ] && [ "$is" = "${after[raw]}" ]; then
		echo empty
	else
		complain "namespace$1.0 is '$is', was '${was[$1]}'"
		echo BAD
	fi
}

# What the guest that came up after the cut has found.
record() {
	local i found list now=()
	data_intact || complain "data after the repair"
	list=$(sed -n 's/^before //p' out)
	[ "$(jq length <<<"$list")" = 2 ] || complain "not all came up: $list"
	list=$(sed -n 's/^after //p' out)
	for i in 0 1; do
		now[i]=$(state namespace$i.0 "$list")
		[[ $(sed -n "s/^repaired namespace$i.0 //p" out | jq -r .found) == @(good|none) ]] ||
			complain "namespace$i.0 is still to be repaired"
	done
	place "$op"
	found=$(sed -n "s/^found namespace$place.0 //p" out | jq -r .found)
	verdict $((1 - place)) >/dev/null
	echo "${op:-between two} | ${when:-at random} | $found | $(verdict "$place")" >>table
	was=("${now[@]}")
}

# Every fifth of the 32 targets: four changes, each at its four steps and four times at random.
aim() {
	local target=$((cut * 5 % 32)) ops=(add drop head tail)
	aim=${ops[target % 4]}
	step=$((target / 4 < 4 ? target / 4 + 1 : 0))
	kernel=${kernels[(cut / lanes + cut) % ${#kernels[@]}]}
}

# What happens in the lane that begins with cut $1.
lane() {
	local cut kernel aim step op='' when='' place was=("${after[drop]}" "${after[raw]}") delay
	RANDOM=$((seed + $1))
	cd "$work/$1" || return
	cp --sparse=always "$work"/nv[01] .
	for ((cut = $1; cut < cuts; cut += lanes)); do
		aim
		boot "$kernel" "$aim" "$step"
		line '^ready' || { complain "the guest does not come up"; return; }
		[ "$cut" = "$1" ] || record
		when=''
		if [ "$step" = 0 ]; then
			line "^begin $aim" || complain "the guest has ended"
			delay=$((RANDOM % 1500))
			sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
		else
			line '^stopped' || complain "the guest has ended"
			when="after $step/4"
		fi
		cut_power
		grep -qE -f "$top/selftests/guest/splats" console &&
			complain "the kernel complained: $(grep -E -f "$top/selftests/guest/splats" console | head -n 3)"
		follow
		data_intact || complain "data after the cut"
	done
	boot "$kernel" none 0
	line '^ready' || { complain "the guest does not come up"; return; }
	record
	cut_power
	guest . data
	cmp -s guest.out "$work/guest.out" || complain "the file system: $(cat guest.out)"
}

# guest DIRECTORY ROLE: a whole one, with a root file system
guest() {
	"$top/selftests/guest/run" -n "$1/nv0" -n "$1/nv1" -- "$top/selftests/powercut.sh" "$2" \
		>"$1/guest.out" 2>"$1/guest.err"
}

echo "TAP version 13"
truncate -s 80M "$work/nv0" "$work/nv1"
for kernel in "${kernels[@]}"; do
	initramfs "$kernel"
done
guest "$work" setup
[ -s "$work/guest.out" ] || { sed 's/^/# /' "$work/guest.err"; echo "not ok 1 set up"; echo 1..1; exit 1; }
for ((i = 0; i < lanes; i++)); do
	mkdir "$work/$i"
	touch "$work/$i/table"
	lane $i &
done
wait
echo "# cuts | change | cut | found | after the repair"
cat "$work"/*/table | sort | uniq -c | sed 's/^ */# /; s/ / | /2'
cat "$work"/*/complaints 2>/dev/null
name="${kernels[*]}: $cuts power cuts: every namespace is the old or the new one, the data is there"
if [ "$(cat "$work"/*/table | wc -l)" = "$cuts" ] && ! ls "$work"/*/complaints >/dev/null 2>&1; then
	echo "ok 1 $name"
else
	echo "not ok 1 $name"
fi
echo 1..1
! ls "$work"/*/complaints >/dev/null 2>&1
