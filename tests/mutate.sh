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
# The copy keeps what it has built: a file is only touched where it differs, and what is gone goes.
git ls-files | sort >"$copy/files"
while IFS= read -r path; do
  cmp -s "$path" "$copy/tree/$path" || { mkdir -p "$copy/tree/$(dirname "$path")" && cp "$path" "$copy/tree/$path"; }
done <"$copy/files"
(cd "$copy/tree" && find . -path ./.output -prune -o -type f -printf '%P\n') | sort |
  comm -13 "$copy/files" - | (cd "$copy/tree" && xargs -r -d '\n' rm -f)
cd "$copy/tree" || exit 1

caught=0 unseen=0 broken=0
verdict() { printf '%-9s %s: %s -> %s  (%s)\n' "$1" "$file" "$old" "${new:-nothing}" "$2"; }

# The first case that failed, or how the program ended.
first_failure() { awk '/\| ----------/ { getline; sub(/^[^|]*\| /, ""); print; exit }' "$log" | grep . || tail -n 1 "$log"; }

# Builds the suite and runs it: 0 all passed, 1 something failed, 2 doesn't build.
try() {
  make -j"$(nproc)" build-"$suite" $([ "$suite" = unit ] || echo build) >"$log" 2>&1 || return 2
  OUT=.output LEAVE_OUT='' timeout 900 tests/run.sh "$suite" >"$log" 2>&1 || return 1
}

one() {
  cp "$file" "$copy/original"
  if ! old=$old new=$new perl -0777 -pi -e '$n = s/\Q$ENV{old}\E/$ENV{new}/g; END { exit($n != 1) }' "$file"; then
    broken=$((broken + 1)) && verdict "no match" "the line has changed; so must this list"
  else
    try </dev/null
    case $? in
    0) unseen=$((unseen + 1)) && verdict "NOT SEEN" "$suite passed" ;;
    1) caught=$((caught + 1)) && verdict caught "$suite: $(first_failure)" ;;
    2) broken=$((broken + 1)) && verdict "no build" "$(grep -m1 error: "$log")" ;;
    esac
  fi
  cp "$copy/original" "$file"
}

chosen=$(grep -v '^#' tests/mutations | grep -E "${1:-.}")
for suite in $(cut -f1 <<<"$chosen" | sort -u); do
  try </dev/null || { echo "without a mistake $suite doesn't pass either: $(first_failure)"; exit 1; }
done
while IFS=$'\t' read -r suite file old new; do
  [ -n "$suite" ] && one
done <<<"$chosen"
echo "$caught caught, $unseen not seen, $broken that don't apply"
[ $((unseen + broken)) = 0 ]
