# SPDX-License-Identifier: MIT
# How is a guest built and booted? With an initramfs of busybox, our programs and the libraries they
# need, in QEMU without hardware support, which works inside other virtual machines as well.

# make_initramfs FILE [MODULE LINGERING]: the module, and its build with prolonged handlers
make_initramfs() {
  local root program library
  root=$(mktemp -d)
  chmod 755 "$root"
  mkdir -p "$root/bin"
  cp "$(command -v busybox)" "$root/bin/busybox" &&
    cp "$out/timeslice" "$out/test-vm" "$root/bin/" &&
    cp tests/vm/init.sh "$root/init" || return 1
  if [ -n "${2:-}" ]; then
    cp "$2" "$root/timeslice.ko" && cp "$3" "$root/timeslice-lingering.ko" || return 1
  fi
  strip -g "$root/bin/timeslice" "$root/bin/test-vm"
  for program in timeslice test-vm; do
    for library in $(ldd "$out/$program" | grep -o '/[^ ]*'); do
      install -D "$library" "$root$library"
    done
  done
  (cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$1"
  rm -rf "$root"
}

# The guest's clock is its time stamp counter, which QEMU keeps the same on all CPUs: reading the
# other one, an emulated HPET, takes longer than the rest of a switch.
#
# Two things are off that fail while a kernel boots whose emulated CPUs are slow, on a busy machine.
# While identify_cpu() rewrites a CPU's features, page tables seem to have four levels: if they have
# five (la57) and an interrupt comes just then, KASAN takes the kernel's own addresses for wild ones.
# And a CPU counts timer interrupts for a time measured by a clock that runs on while the CPU starves.
#
# boot THREADS VMLINUZ PREFIX SECONDS [VARIABLE=VALUE…]: leaves PREFIX.console and PREFIX.results.
# It may be starved for a minute on a busy machine: so the kernel calls only longer times a stall.
#
# THREADS: multi, the guest's CPUs at the same time, or single, in turns. The variables are those of
# init.sh.
boot() {
  local threads=$1 vmlinuz=$2 prefix=$3 seconds=$4
  shift 4
  local patience="rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60 workqueue.watchdog_thresh=120"
  timeout --kill-after=5 "$seconds" qemu-system-x86_64 -accel "tcg,thread=$threads" -cpu max,la57=off \
    -smp "${VM_CPUS:-2}" -m "${VM_MEMORY:-1024}" -nodefaults -no-reboot -display none \
    -kernel "$vmlinuz" -initrd "$prefix.initramfs" \
    -serial "file:$prefix.console" -serial "file:$prefix.results" \
    -append "console=ttyS0 panic=-1 oops=panic tsc=reliable clocksource=tsc no_timer_check $patience $*" </dev/null
}
