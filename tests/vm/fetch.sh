#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where do a kernel and its headers come from, with nothing installed? Downloads Debian's packages of
# SUITE and unpacks them into the cache, once per version. An older version is deleted when it hasn't
# been requested for a day, because until then a run may be using it.
#
#   tests/vm/fetch.sh SUITE PACKAGE
#   tests/vm/fetch.sh --version SUITE PACKAGE   only prints which version is available
#
# Prints the directory: vmlinuz, config, build (for KDIR), release. Packages come from the machine's
# own archive, with the suite replaced, by separate lists: the machine's are unchanged.
set -euo pipefail
only_version=0
if [ "$1" = --version ]; then only_version=1 && shift; fi
suite=$1 package=$2
cache=${TIMESLICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/timeslice}
here=$cache/$suite
mkdir -p "$here/lists/partial" "$here/archives/partial"

say() { printf '%s\n' "$*" >&2; }

# One at a time per suite: the second caller finds what the first has fetched.
exec {lock}>"$here/lock"
flock "$lock"

# The first archive of the machine's sources that isn't a security or updates one.
archive_of_this_machine() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null || true; } |
    awk '/^ *#/{next} $1 == "URIs:" || $1 == "deb"{
           for (i = 2; i <= NF && !found; i++) if ($i ~ /:\/\// && $i !~ /security/) found = $i}
         END{print found}'
}

archive=$(archive_of_this_machine)
[ -n "$archive" ] || { say "No Debian archive is named in this machine's apt sources."; exit 1; }
# What a kernel of these suites also needs is in the suite that they extend.
case $suite in
  *-backports) suites="$suite ${suite%-backports}" ;;
  experimental) suites="$suite sid" ;;
  *) suites=$suite ;;
esac
for one in $suites; do
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$archive" "$one"
done >"$here/sources.list"

private_apt() {
  local tool=$1
  shift
  "$tool" -o Dir::Etc::sourcelist="$here/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$here/lists" -o Dir::Cache::archives="$here/archives" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root \
    -o APT::Default-Release="$suite" -o Acquire::Retries=3 -o APT::Update::Error-Mode=any "$@"
}

# The lists are updated once a day: a kernel released today may wait until tomorrow.
if [ -z "$(find "$here/asked" -mmin -1440 2>/dev/null)" ]; then
  private_apt apt-get update -qq >&2
  touch "$here/asked"
fi

depends() { private_apt apt-cache depends "$1" | awk '$1 == "Depends:"{print $2}'; }
image=$(depends "$package" | grep '^linux-image-')
release=${image#linux-image-}
version=$(private_apt apt-cache policy "$image" | awk '$1 == "Candidate:"{print $2}')
if [ "$only_version" = 1 ]; then
  printf '%s\n' "$version"
  exit 0
fi
kernel=$here/$release-$version

# Prints where it is, notes that it was requested, and deletes what it replaces.
hand_out() {
  local mark
  printf '%s\n' "$package" >"$kernel/package"
  touch "$kernel/complete"
  find "$here" -mindepth 2 -maxdepth 2 -name complete -mmin +1440 | while read -r mark; do
    if [ "$(cat "${mark%/*}/package" 2>/dev/null)" = "$package" ]; then rm -rf "${mark%/*}"; fi
  done
  printf '%s\n' "$kernel"
}

# The mark is written last: what an interrupted run left is made again.
if [ -e "$kernel/complete" ]; then
  hand_out
  exit 0
fi

say "  FETCH   $image $version and its headers"
rm -rf "$kernel" && mkdir -p "$kernel/root"
headers=linux-headers-$release
kbuild=$(depends "$headers" | grep '^linux-kbuild-')
common=$(depends "$headers" | grep -- '-common')
# After Debian 13 the image's package is empty, and names two others that the image and its config are in.
parts=$(depends "$image" | grep -xF -e "linux-binary-$release" -e "linux-base-$release" || echo "$image")
(cd "$kernel" && private_apt apt-get download -qq $parts "$headers" "$common" "$kbuild" >&2)
for deb in "$kernel"/*.deb; do dpkg -x "$deb" "$kernel/root"; done
rm "$kernel"/*.deb

# Headers name each other by absolute paths: let them find each other here.
src=$kernel/root/usr/src/$headers
sed -i "s|/usr/src/|$kernel/root/usr/src/|g" "$src/Makefile"
for link in scripts tools; do
  if [ -L "$src/$link" ]; then ln -sfn "$kernel/root/usr/lib/$kbuild/$link" "$src/$link"; fi
done

# Programs that come with headers may need a newer libc than ours: those run with their suite's.
libc=$kernel/libc/usr/lib/$(uname -m)-linux-gnu
for program in $(find "$kernel/root/usr/lib/$kbuild" -type f -perm -100); do
  [[ $(ldd "$program" 2>&1) == *"' not found"* ]] || continue
  if ! [ -d "$kernel/libc" ]; then
    (cd "$kernel" && private_apt apt-get download -qq libc6 >&2)
    dpkg -x "$kernel"/libc6_*.deb "$kernel/libc"
    rm "$kernel"/*.deb
  fi
  mv "$program" "$program.newer"
  printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' \
    "$libc"/ld-linux*.so.* "$libc" "$program.newer" >"$program"
  chmod +x "$program"
done
ln -s "root/usr/src/$headers" "$kernel/build"
for file in vmlinuz config; do
  place=boot/$file-$release
  [ -e "$kernel/root/$place" ] || place=usr/lib/modules/$release/$file
  ln -s "root/$place" "$kernel/$file"
done
[ -e "$kernel/vmlinuz" ] || { say "No kernel is in $parts."; exit 1; }
printf '%s\n' "$release" >"$kernel/release"
find "$kernel/root" -name '*.ko' -delete # the guest loads none but ours
hand_out
