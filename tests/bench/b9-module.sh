#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# B9: what does the module add to a switch, and what do our BPF programs for the same accounting? In a
# guest, for there the module loads; two processes on one core hand a byte to and fro, with neither,
# with the module, with BPF, in turn. Each round is one line of three in tests/vm/guest/cost_test.cc.
. "$(dirname "$0")/lib.sh"
out=$OUT

echo "## B9: ns a switch, by the module and by BPF"
echo
need qemu-system-x86_64 busybox cpio || exit 0
make build-vm >/dev/null 2>&1 || { echo "- the guest's programs don't build"; exit 0; }
. tests/vm/guest.sh
echo "| kernel of the guest | neither | module | BPF | module adds | BPF adds | module / BPF, of what they add |"
echo "|---|---|---|---|---|---|---|"
while read -r name suite package _; do
  case $name in '#'* | '' | 5.10) continue ;; esac
  kernel=$(tests/vm/fetch.sh "$suite" "$package" </dev/null)
  kmod/build.sh "$kernel/build" "$OUT" 2>/dev/null </dev/null
  make_initramfs "$scratch/b9.initramfs" "$OUT/kmod/$(cat "$kernel/release")/timeslice.ko"
  boot single "$kernel/vmlinuz" "$scratch/b9" 300 ALONE=1 TESTS=B9
  for who in neither module BPF; do
    # (Catch2 puts its colours before the first of them.)
    tr -d '\r' <"$scratch/b9.results" | sed -n "s/.*B9 $who \([0-9]*\)$/\1/p" >"$scratch/$who"
  done
  paste "$scratch/module" "$scratch/neither" | awk '{print $1 - $2}' >"$scratch/module_adds"
  paste "$scratch/BPF" "$scratch/neither" | awk '{print $1 - $2}' >"$scratch/bpf_adds"
  printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$(cat "$kernel/release")" "$(median "$scratch/neither")" \
    "$(median "$scratch/module")" "$(median "$scratch/BPF")" "$(median "$scratch/module_adds")" \
    "$(median "$scratch/bpf_adds")" "$(ratio "$scratch/module_adds" "$scratch/bpf_adds")"
done <tests/vm/kernels
