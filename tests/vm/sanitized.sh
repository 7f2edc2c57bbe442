#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the kernel of tests/vm/sanitized.config from Debian's kernel source, once for each version of
# that source and of this configuration. Prints its directory, as fetch.sh does: vmlinuz, build (for
# KDIR), release.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${TIMESLICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/timeslice}
package=linux-source-6.1
version=$(apt-cache policy "$package" | awk '$1 == "Candidate:"{print $2}')
kernel=$cache/sanitized/$version-$(sha256sum <tests/vm/sanitized.config | cut -c 1-12)

say() { printf '%s\n' "$*" >&2; }

# One at a time: the second caller finds what the first has built.
mkdir -p "$cache/sanitized"
exec {lock}>"$cache/sanitized/lock"
flock "$lock"

if [ -e "$kernel/complete" ]; then
  printf '%s\n' "$kernel"
  exit 0
fi
say "  KERNEL  $package $version with KASAN, lockdep and kmemleak (some minutes, once)"
rm -rf "$kernel" && mkdir -p "$kernel/tree"
(cd "$kernel" && apt-get -o APT::Sandbox::User=root download -qq "$package" >&2 && dpkg -x ./*.deb unpacked && rm ./*.deb)
tar -xf "$kernel"/unpacked/usr/src/linux-source-*.tar.xz -C "$kernel/tree" --strip-components=1
rm -rf "$kernel/unpacked"

build() { make -s -C "$kernel/tree" CC=gcc HOSTCC=gcc KBUILD_BUILD_TIMESTAMP=@0 "$@"; }

# A check that the configuration lost, for lack of another option, would not be made.
require_checks() {
  local option
  for option in KASAN PROVE_LOCKING PROVE_RCU DEBUG_ATOMIC_SLEEP DEBUG_KMEMLEAK MODULE_UNLOAD RELAY; do
    grep -q "^CONFIG_$option=y" "$kernel/tree/.config" || {
      say "CONFIG_$option can't be had with tests/vm/sanitized.config"
      return 1
    }
  done
}

{
  build tinyconfig
  (cd "$kernel/tree" && scripts/kconfig/merge_config.sh -m .config "$OLDPWD/tests/vm/sanitized.config")
  build olddefconfig
} >"$kernel/log" 2>&1
require_checks
build -j"$(nproc)" bzImage modules >>"$kernel/log" 2>&1 || {
  tail -n 30 "$kernel/log" >&2
  exit 1
}
ln -s tree "$kernel/build"
cp "$kernel/tree/arch/x86/boot/bzImage" "$kernel/vmlinuz"
sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' "$kernel/tree/include/generated/utsrelease.h" >"$kernel/release"
# Of the tree, modules need only headers and tools.
find "$kernel/tree" \( -name '*.o' -o -name '*.a' -o -name '*.c' -o -name vmlinux \) \
  -not -path '*/scripts/*' -not -path '*/tools/*' -delete
touch "$kernel/complete"
printf '%s\n' "$kernel"
