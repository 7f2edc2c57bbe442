#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the module for the kernel whose headers are in KDIR, in the output directory: the kernel's
# build system writes next to the sources, so it gets a copy of them.
#
#   kmod/build.sh KDIR OUT              leaves OUT/kmod/RELEASE/timeslice.ko
#   kmod/build.sh KDIR OUT NAME FLAGS   a test build, in OUT/kmod/RELEASE-NAME
set -eu
kdir=$1 out=$2 name=${3:-} flags=${4:-}
cd "$(dirname "$0")/.."

if ! [ -e "$kdir/Makefile" ]; then
  echo "There are no kernel headers in $kdir: install linux-headers-$(uname -r)," \
    "or set KDIR= to others. Everything else works without the module." >&2
  exit 1
fi
release=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' "$kdir/include/generated/utsrelease.h")
if ! grep -qs '^CONFIG_MODULES=y' "$kdir/.config" "$kdir/include/config/auto.conf"; then
  echo "The kernel $release can't load modules (CONFIG_MODULES is off). Everything else works without." >&2
  exit 1
fi
work=$out/kmod/$release${name:+-$name}
mkdir -p "$work/kmod" "$work/bpf"
cp -u kmod/*.[ch] kmod/Kbuild "$work/kmod/"
cp -u bpf/wire.h "$work/bpf/"
# Headers of an older release may name a compiler that isn't installed; gcc 12 works for them as well.
cc=gcc
command -v gcc-12 >/dev/null && cc=gcc-12
# Headers of a newer release assume a newer compiler: an option that aligns functions (gcc 14), and an
# attribute (gcc 15).
older=()
if ! echo | "$cc" -fmin-function-alignment=16 -E - >/dev/null 2>&1; then
  older=(CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=)
  flags="-Wno-attributes $flags"
fi
# Headers with a vmlinux would have pahole write type information, which nothing reads of this module.
make -s -C "$kdir" M="$(realpath "$work/kmod")" CC="$cc" CONFIG_DEBUG_INFO_BTF_MODULES= "${older[@]}" KCFLAGS="$flags" modules >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 1
}
grep 'warning:' "$work/log" | grep -v 'pahole version' >&2 || true
mv "$work/kmod/timeslice.ko" "$work/timeslice.ko.new"
mv "$work/timeslice.ko.new" "$work/timeslice.ko"
printf '  %-7s %s\n' KMOD "$work/timeslice.ko" >&2
