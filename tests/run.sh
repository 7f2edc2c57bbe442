#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Did the tests pass? Runs $OUT/test-SUITE for each suite named, and adds up what each program says
# of itself in its last line, "N passed, N failed, N skipped". The sum is this script's last line.
# A program that crashes, hangs or ends without that line counts as one failed test.
set -uo pipefail

out=${OUT:-.output}
limit=${TEST_SECONDS:-1800} # a program that takes longer is killed
# LEAVE_OUT: a filter of Catch2 for cases that a build can't run ("~name*"). Hidden cases are told to
# stay out as well: a filter that only leaves out would let them in.
# CASES: a filter of Catch2 for the only cases to run (vm: TESTS). ABORT=1: after the first failure no
# more of that program. CI: live tests try other versions of Node, too, which are fetched first.
filter=${CASES:-${LEAVE_OUT:+$LEAVE_OUT~[.]}}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

passed=0 failed=0 skipped=0
reasons=()

run_suite() {
  local suite=$1 program=$out/test-$1 limit=$limit began=$SECONDS status last options=()
  case $suite in
    # Tests of the module run in guests, one for each kernel, and then kernels are fetched first.
    vm) program=tests/vm/run.sh limit=$((4 * limit)) ;;
    page) program=tests/page/run.sh ;;
    *) options=(${filter:+"$filter"} ${ABORT:+--abort}) ;;
  esac
  timeout --kill-after=10 "$limit" "$program" "${options[@]}" >"$log" 2>&1
  status=$?
  last=$(tail -n 1 "$log")
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
    last_passed=${BASH_REMATCH[1]} last_failed=${BASH_REMATCH[2]} last_skipped=${BASH_REMATCH[3]}
    if ((status != 0 && last_failed == 0)); then # it counted no failure, and yet wasn't content
      last_failed=1
      last+=", and then $(why "$status")"
    fi
  else
    last_passed=0 last_failed=1 last_skipped=0
    last="no result: $(why "$status")"
  fi
  passed=$((passed + last_passed)) failed=$((failed + last_failed)) skipped=$((skipped + last_skipped))
  while IFS= read -r reason; do reasons+=("$suite: $reason"); done < <(sed -n 's/^SKIP: //p' "$log")
  if ((last_failed > 0)); then sed "s/^/$suite | /" "$log"; fi
  printf '  %-7s %s (%d s)\n' "${suite^^}" "$last" $((SECONDS - began))
}

why() {
  case $1 in
    124 | 137) echo "it was killed, after $limit s or by somebody else" ;;
    126 | 127) echo "it can't be run" ;;
    *) if (($1 > 128)); then echo "it was ended by signal $(($1 - 128))"; else echo "it ended with status $1"; fi ;;
  esac
}

# Node's other major versions, for the live tests that look into one.
fetch_nodes() {
  local major node
  for major in 22 24 26; do
    if node=$(tests/live/fetch_node.sh "$major" 2>"$log"); then
      NODES=${NODES:+$NODES:}$node
    else
      skipped=$((skipped + 1))
      reasons+=("live: $(tail -n 1 "$log")")
    fi
  done
  export NODES
}

if [[ -n ${CI:-} && " $* " == *" live "* ]]; then fetch_nodes; fi
for suite in "$@"; do run_suite "$suite"; done
for reason in "${reasons[@]}"; do printf '  skipped  %s\n' "$reason"; done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
((failed == 0))
