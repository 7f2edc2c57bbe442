#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Does the timeline's page work in a browser? Makes a page of a made-up recording with the unit
# tests' program, and lets tests/page/drive.mjs drive it. Arguments go on to it (--shots DIR, --bench).
# TIMESLICE_PAGE_SIZE="1000000 8 200" makes it another size: slices, cores, threads.
set -euo pipefail

out=${OUT:-.output}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! command -v node >/dev/null; then
  printf 'SKIP: no node to drive a browser with\n0 passed, 0 failed, 1 skipped\n'
  exit 0
fi
truth=$work/truth.json
# A large page's slices would not fit through the driver.
if [ -n "${TIMESLICE_PAGE_SIZE:-}" ]; then truth=; fi
if ! TIMESLICE_PAGE=$work/page.html TIMESLICE_TRUTH=$truth "$out/test-unit" '[.page]' >"$work/log" 2>&1; then
  cat "$work/log"
  exit 1
fi
grep -m1 'a slice' "$work/log"
passed=0 failed=0 skipped=0

# Drives a page, and adds up what the driver counts in its last line.
drive() {
  local status=0
  echo "== $1"
  shift
  node "$here/drive.mjs" "$@" >"$work/log" 2>&1 || status=$?
  cat "$work/log"
  local last
  last=$(tail -n 1 "$work/log")
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
    skipped=$((skipped + BASH_REMATCH[3]))
    if ((status != 0 && BASH_REMATCH[2] == 0)); then failed=$((failed + 1)); fi
  else
    failed=$((failed + 1))
  fi
}

drive "a page of a made-up recording" "$work/page.html" ${truth:+--truth "$truth"} "$@"

# And one of what really happened: a busy shell and all that it forks, beside whatever runs here.
if [ -z "${TIMESLICE_PAGE_SIZE:-}" ]; then
  if "$out/timeslice" record -q -o "$work/real.pftrace" --seconds 2 2>"$work/why" & then
    recorder=$!
    sh -c 'i=0; while [ $i -lt 400 ]; do /bin/true; i=$((i + 1)); done'
    if wait "$recorder"; then
      "$out/timeslice" timeline "$work/real.pftrace" -o "$work/real.html"
      "$out/timeslice" report "$work/real.pftrace" --json >"$work/real.json"
      drive "a page of a real recording" "$work/real.html" --real --report "$work/real.json" "$@"
    else
      printf 'SKIP: no real recording: %s\n' "$(cat "$work/why")"
      skipped=$((skipped + 1))
    fi
  fi
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
((failed == 0))
