#!/bin/busybox sh
# The guest's first process: mounts what the tests need, runs them with their output on the second
# serial line (the first is the kernel's), and powers the machine off.
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
# Two other users of the scheduler's tracepoints, whose records are discarded. With them the kernel
# needn't patch its own code when the module is loaded and unloaded under load, which an emulated CPU
# doesn't always survive: with QEMU 7.2 one hangs at the jump before trace_sched_switch(), interrupts
# off, or hits the int3 that is there meanwhile. What is tested, loading and unloading the module, is
# the same. They are attached while one CPU is online, for the same reason. ALONE=1: without them.
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
