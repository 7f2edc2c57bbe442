#!/bin/bash
# SPDX-License-Identifier: MIT
# Which mistakes does no test see? Makes each one-line mistake of tests/mutations in a copy of this
# checkout, builds, and runs the suite that ought to notice. Not part of `make test`: a mistake takes
# about half a minute.
#
#   tests/mutate.sh [PATTERN]     only those whose line matches (grep -E)
#
# Last line: N caught, N not seen, N that don't apply.
set -u
cd "$(dirname "$0")/.."
copy=$PWD/.output/mutate
log=$copy/log
mkdir -p "$copy/tree"
# The copy keeps what it has built: a file is only touched where it differs.
git ls-files | while IFS= read -r path; do
  cmp -s "$path" "$copy/tree/$path" || { mkdir -p "$copy/tree/${path%/*}" && cp -p "$path" "$copy/tree/$path"; }
done
cd "$copy/tree" || exit 1

caught=0 unseen=0 broken=0
verdict() { printf '%-9s %s: %s -> %s  (%s)\n' "$1" "$file" "$old" "${new:-nothing}" "$2"; }

# Builds the suite and runs it: 0 all passed, 1 something failed, 2 doesn't build.
try() {
  make -j"$(nproc)" build-"$suite" $([ "$suite" = live ] && echo build) >"$log" 2>&1 || return 2
  OUT=.output LEAVE_OUT='' timeout 900 tests/run.sh "$suite" >"$log" 2>&1 || return 1
}

one() {
  cp -p "$file" "$copy/original"
  if ! old=$old new=$new perl -0777 -pi -e '$n = s/\Q$ENV{old}\E/$ENV{new}/g; END { exit($n != 1) }' "$file"; then
    broken=$((broken + 1)) && verdict "no match" "the line has changed; so must this list"
  else
    try
    case $? in
    0) unseen=$((unseen + 1)) && verdict "NOT SEEN" "$suite passed" ;;
    1) caught=$((caught + 1)) && verdict caught "$suite: $(grep -cE '^ +FAILED|failed' "$log") lines of failures" ;;
    2) broken=$((broken + 1)) && verdict "no build" "$(grep -m1 error: "$log")" ;;
    esac
  fi
  cp "$copy/original" "$file"
}

while IFS=$'\t' read -r suite file old new; do
  case $suite in '' | '#'*) continue ;; esac
  one
done < <(grep -E "${1:-.}" tests/mutations)
echo "$caught caught, $unseen not seen, $broken that don't apply"
[ $((unseen + broken)) = 0 ]
