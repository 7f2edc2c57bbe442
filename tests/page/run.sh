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
node "$here/drive.mjs" "$work/page.html" ${truth:+--truth "$truth"} "$@"
