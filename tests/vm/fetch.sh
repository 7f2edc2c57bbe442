#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where do a kernel and its headers come from, with nothing installed? Downloads Debian's packages of
# SUITE and unpacks them into the cache, once for each version.
#
#   tests/vm/fetch.sh SUITE PACKAGE
#
# Prints the directory: vmlinuz, config, build (for KDIR), release. The source of packages is the
# machine's own, with the suite replaced, in lists of its own: the machine's stay as they are.
set -euo pipefail
suite=$1 package=$2
cache=${TIMESLICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/timeslice}
here=$cache/$suite
mkdir -p "$here/lists/partial" "$here/archives/partial"

say() { printf '%s\n' "$*" >&2; }

# The first archive of the machine's sources that isn't a security or updates one.
archive_of_this_machine() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null || true; } |
    awk '/^ *#/{next} $1 == "URIs:" || $1 == "deb"{
           for (i = 2; i <= NF && !found; i++) if ($i ~ /:\/\// && $i !~ /security/) found = $i}
         END{print found}'
}

archive=$(archive_of_this_machine)
[ -n "$archive" ] || { say "No Debian archive is named in this machine's apt sources."; exit 1; }
printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
  "$archive" "$suite" >"$here/sources.list"

private_apt() {
  local tool=$1
  shift
  "$tool" -o Dir::Etc::sourcelist="$here/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$here/lists" -o Dir::Cache::archives="$here/archives" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}

# The lists are asked for once a day: a kernel that came today may wait until tomorrow.
if [ -z "$(find "$here/lists" -name '*_Packages' -mmin -1440 2>/dev/null)" ]; then
  private_apt apt-get update -qq >&2
fi

depends() { private_apt apt-cache depends "$1" | awk '$1 == "Depends:"{print $2}'; }
image=$(depends "$package" | grep '^linux-image-')
release=${image#linux-image-}
version=$(private_apt apt-cache policy "$image" | awk '$1 == "Candidate:"{print $2}')
kernel=$here/$release-$version
# The mark is written last: what a broken run left is made anew.
if [ -e "$kernel/complete" ]; then
  printf '%s\n' "$kernel"
  exit 0
fi

say "  FETCH   $image $version and its headers"
rm -rf "$kernel" && mkdir -p "$kernel/root"
headers=linux-headers-$release
kbuild=$(depends "$headers" | grep '^linux-kbuild-')
common=$(depends "$headers" | grep -- '-common')
(cd "$kernel" && private_apt apt-get download -qq "$image" "$headers" "$common" "$kbuild" >&2)
for deb in "$kernel"/*.deb; do dpkg -x "$deb" "$kernel/root"; done
rm "$kernel"/*.deb

# Headers name each other by absolute paths: let them find each other here.
src=$kernel/root/usr/src/$headers
sed -i "s|/usr/src/|$kernel/root/usr/src/|g" "$src/Makefile"
for link in scripts tools; do
  if [ -L "$src/$link" ]; then ln -sfn "$kernel/root/usr/lib/$kbuild/$link" "$src/$link"; fi
done
ln -s "root/usr/src/$headers" "$kernel/build"
ln -s "root/boot/vmlinuz-$release" "$kernel/vmlinuz"
ln -s "root/boot/config-$release" "$kernel/config"
printf '%s\n' "$release" >"$kernel/release"
find "$kernel/root" -name '*.ko' -delete # the guest loads none but ours
touch "$kernel/complete"
printf '%s\n' "$kernel"
