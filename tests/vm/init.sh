#!/bin/busybox sh
# The guest's first and only process: mounts what tests look at, runs them with their words on the
# second serial line (the first is the kernel's), and turns the machine off.
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t debugfs debug /sys/kernel/debug
mount -t tracefs trace /sys/kernel/tracing
mount -t tmpfs tmp /tmp
ip link set lo up
export PATH=/bin OUT=/bin LC_ALL=C
mkdir -p /dev/pts && mount -t devpts pts /dev/pts
# Two other users of the scheduler's tracepoints, whose records go nowhere. With them there, the kernel
# needn't rewrite its own code when the module comes and goes under load, which an emulated core
# doesn't always survive: with QEMU 7.2 one stays for ever at the jump before trace_sched_switch(),
# interrupts off, or meets the int3 that stands there meanwhile. What is tried, the module's coming and
# going, is the same. They come while one core is online, for the same reason. ALONE=1: without them.
other_cores() {
  for core in /sys/devices/system/cpu/cpu[1-9]*/online; do
    if [ -e "$core" ]; then echo "$1" >"$core"; fi
  done
}
if [ -z "$ALONE" ]; then
  other_cores 0
  mkdir -p /sys/kernel/tracing/instances/other
  for user in /sys/kernel/tracing /sys/kernel/tracing/instances/other; do
    echo 0 >$user/tracing_on
    echo 1 >$user/events/sched/enable
    echo 1 >$user/events/task/enable
  done
  other_cores 1
fi
stty -F /dev/ttyS1 raw 2>/dev/null
/bin/test-vm ${TESTS:+"$TESTS"} </dev/null >/dev/ttyS1 2>&1
poweroff -f
