#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Does the module hold inside real kernels? For each line of tests/vm/kernels: fetches the kernel,
# builds the module for it, boots QEMU with our programs in an initramfs, and reads the output of the
# tests in the guest and the kernel's log. The last line counts the tests of all kernels.
#
#   tests/vm/run.sh [--sanitize]   on the kernel of tests/vm/sanitized.config instead
#   tests/vm/run.sh [--newest]     on the newest kernel of Debian's archive instead
#   KERNELS="6.1 6.12"   only these      TESTS=NAME   only these cases (a filter of Catch2)
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${OUT:-.output}
work=$out/vm
limit=${VM_SECONDS:-2400} # a guest that takes longer hangs; 50 s are usual, ten times that on a busy machine
passed=0 failed=0 skipped=0
list=tests/vm/kernels sanitize=0
# Where spinlocks sleep: starting and ending threads, loading under load, readers and the stream.
in_real_time='*burst*,*reserve empty*,*skipped threads*,*loads and unloads*,*fork storm*,*two CPUs wake*,*stream*,nothing is left*'
many=forky # this kernel boots once more, on 64 cores
newest_in="experimental sid forky trixie-backports" # where Debian's newest kernel may be
if [ "${1:-}" = --sanitize ]; then list=/dev/null sanitize=1; fi
mkdir -p "$work"
. tests/vm/guest.sh

count_failure() {
  failed=$((failed + 1))
  printf 'FAILED: %s\n' "$*"
}

# Lockdep's, too: after its first report it is silent.
complaints='Kernel panic|BUG:|Oops|detected (expedited )?stalls|self-detected stall|soft lockup|WARNING: (possible|suspicious)'

# The results of the guest's tests, and complaints of the kernel that no single test has seen.
read_results() {
  local status=$? name=$1 prefix=$2 note=$3 last # the status is that of boot
  tr -d '\r' <"$prefix.results" >"$prefix.plain"
  grep '^TABLE' "$prefix.plain" | sed 's/^TABLE/   /'
  last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$prefix.plain" | tail -n 1)
  if [ -z "$last" ]; then
    count_failure "the guest with $name ended without a result (QEMU's status is $status); its last output was:"
    tail -n 20 "$prefix.plain" "$prefix.console"
    grep -aE "$complaints|RIP: |segfault|traps: " "$prefix.console" | head -n 8
    return
  fi
  read -r p _ f _ s _ <<<"$last"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  grep '^SKIP' "$prefix.plain"
  if [ "$((p + f + s))" = 0 ]; then count_failure "no test was run in the guest with $name"; fi
  if [ "$f" != 0 ]; then grep -v '^TABLE' "$prefix.plain"; fi
  if grep -E "$complaints" "$prefix.console" >"$prefix.bad"; then
    count_failure "the kernel $name complained: $(head -n 1 "$prefix.bad")"
  fi
  printf '  %-7s %s (%s)\n' "VM $name" "$last" "$note"
}

# try_kernel NAME DIRECTORY [VARIABLE=VALUE…]: a kernel as fetch.sh and sanitized.sh leave it.
try_kernel() {
  local name=$1 kernel=$2 release began=$SECONDS tests=${TESTS:-} modules=()
  shift 2
  release=$(cat "$kernel/release")
  if kmod/build.sh "$kernel/build" "$out" &&
    kmod/build.sh "$kernel/build" "$out" lingering "-DTIMESLICE_LINGER=300 -DTIMESLICE_RESERVE=4"; then
    modules=("$out/kmod/$release/timeslice.ko" "$out/kmod/$release-lingering/timeslice.ko")
  else
    count_failure "the module doesn't build for $name; only tests that don't need it are run"
    tests=[bpf]
  fi
  make_initramfs "$work/$name.initramfs" "${modules[@]}" || {
    count_failure "no initramfs for $name"
    return
  }
  boot multi "$kernel/vmlinuz" "$work/$name" "$limit" ${tests:+"TESTS=\"$tests\""} "$@"
  read_results "$name" "$work/$name" "$release, $((SECONDS - began)) s"
  if [ -n "$tests" ]; then return; fi
  began=$SECONDS
  cp "$work/$name.initramfs" "$work/$name-alone.initramfs"
  boot single "$kernel/vmlinuz" "$work/$name-alone" "$limit" ALONE=1 TESTS=[alone] "$@"
  read_results "$name" "$work/$name-alone" "alone, $((SECONDS - began)) s"
  if [ "$name" != "$many" ]; then return; fi
  began=$SECONDS
  mv "$work/$name-alone.initramfs" "$work/$name-many.initramfs"
  # In turns: of 64 that share a few, one is surely on an instruction that another rewrites. And each CPU
  # would measure its speed as it comes up (lpj), which fails, because they wait for one another.
  VM_CPUS=64 VM_MEMORY=2048 boot single "$kernel/vmlinuz" "$work/$name-many" "$limit" \
    lpj=10000000 TESTS=[cores] "$@"
  read_results "$name" "$work/$name-many" "64 cores, $((SECONDS - began)) s"
}

version_in() { tests/vm/fetch.sh --version "$1" "$2" </dev/null; }

# Writes a list of kernels with only the newest one, and says which that is.
list_newest() {
  local package=linux-image-amd64 version=0 suite candidate one
  for one in $newest_in; do
    candidate=$(version_in "$one" "$package")
    if [ -z "$candidate" ]; then
      echo "  VM      $one doesn't tell which kernel it has, and is left out"
    elif dpkg --compare-versions "$candidate" gt "$version"; then
      version=$candidate suite=$one
    fi
  done
  if [ "$version" = 0 ]; then return 1; fi
  echo "  VM      the newest kernel is $version, of $suite$(listed_as "$version")"
  echo "newest $suite $package" >"$1"
}

# listed_as VERSION: does the list have the same kernel? Part of a sentence, or nothing.
listed_as() {
  local name suite package
  while read -r name suite package _; do
    case $name in '#'* | '') continue ;; esac
    if [ "$(version_in "$suite" "$package")" = "$1" ]; then echo "; the list has it as $name"; fi
  done <tests/vm/kernels
}

# Archives of other distributions have no such suites.
distribution=$(. /etc/os-release && echo "$ID")
if [ "$distribution" != debian ]; then
  echo "SKIP: the guests' kernels come from Debian's archive, and this is $distribution"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi

if [ "${1:-}" = --newest ]; then
  list=$work/newest many=newest
  list_newest "$list" || {
    count_failure "no suite of the archive tells which kernel is the newest"
    list=/dev/null
  }
fi

while read -r name suite package _; do
  case $name in '#'* | '') continue ;; esac
  if [ -n "${KERNELS:-}" ] && [[ " $KERNELS " != *" $name "* ]]; then continue; fi
  kernel=$(tests/vm/fetch.sh "$suite" "$package" </dev/null) || {
    count_failure "the kernel $name can't be fetched"
    continue
  }
  case $name in
    *-rt) TESTS=${TESTS:-$in_real_time} try_kernel "$name" "$kernel" SLOW=1 </dev/null ;;
    *) try_kernel "$name" "$kernel" </dev/null ;;
  esac
done <"$list"

if [ "$sanitize" = 1 ]; then
  # It has no type information, so no BPF to compare with; and its checks make it slow (SLOW).
  if kernel=$(tests/vm/sanitized.sh); then
    VM_MEMORY=768 try_kernel sanitized "$kernel" WITHOUT_BPF=1 SLOW=1
  else
    count_failure "the kernel with every check doesn't build"
  fi
fi

printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
