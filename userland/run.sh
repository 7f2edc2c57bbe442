#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What does the scheduler do with a live process? `make run` starts one and shows `timeslice top` on
# it: by default our own demo under its own load; APP=node: a small Node server; PID=…: a process
# that runs already. Without a terminal it prints five refreshes and ends. Nothing is left running.
set -eu

timeslice=$1
as_root=""
if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then as_root=sudo; fi

if [ -t 0 ] && [ -t 1 ]; then view=(); else view=(-b -n 5 -d 0.5); fi

watched=${PID:-}
started=""
finish() {
  [ -z "$started" ] || kill "$started" 2>/dev/null || true
  [ -z "$started" ] || wait "$started" 2>/dev/null || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ -z "$watched" ] && [ "${APP:-demo}" = node ]; then
  command -v node >/dev/null || { echo "APP=node needs node, which is not installed" >&2; exit 1; }
  node "$(dirname "$0")/demo/server.js" &
  started=$!
  watched=$started
elif [ -z "$watched" ] && [ "${APP:-demo}" = demo ]; then
  "$timeslice" demo --port 0 --load 2>/dev/null &
  started=$!
  watched=$started
elif [ -z "$watched" ]; then
  echo "APP=$APP is unknown; use APP=demo, APP=node or PID=…" >&2
  exit 2
fi

status=0
$as_root "$timeslice" top "${view[@]}" -p "$watched" || status=$?
exit "$status"
