#!/bin/bash
# SPDX-License-Identifier: MIT
# Which mistakes does no test see? Makes each one-line mistake of tests/mutations in a copy of this
# checkout, builds, and runs the suite that ought to notice. Not part of `make test`: that takes from
# half a minute a mistake up to a few, in a guest.
#
#   tests/mutate.sh [PATTERN]     only those whose line matches (grep -E)
#
# The cases that a line names run first, and if they see nothing, the whole suite. The case that fails
# must fail alone, too, and pass without the mistake: else it was the machine.
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

# The first case that failed (of a long name, its first line), or how the program ended.
first_failure() {
  awk '/\| ----------/ { getline; sub(/^[^|]*\| /, ""); print; exit }' "$log" | grep . ||
    sed -nE 's/^.*\| FAILED: "(.*)", [^"]*$/\1/p' "$log" | head -n 1 | grep . || tail -n 1 "$log"
}
# As a filter that only cases of that name fit.
only() { sed 's/[],[\\"*~]/\\&/g; s/$/*/' <<<"$1"; }

build() { make -j"$(nproc)" build-"$suite" $([ "$suite" = unit ] || echo build) >"$log" 2>&1; }

# passes CASES: do they, or all of the suite if none are named? A guest's run on one kernel, then.
passes() {
  TEST_SECONDS=1200 OUT=.output LEAVE_OUT='' ABORT=1 CASES=$1 TESTS=$1 KERNELS=${KERNELS:-${1:+6.1}} \
    tests/run.sh "$suite" >"$log" 2>&1
  local status=$?
  sed -i 's/\x1b\[[0-9;]*m//g' "$log" # a guest's terminal has colours
  [ $status = 0 ] && grep -qE '^[1-9][0-9]* passed' "$log" # a filter that fits none would see nothing
}

# Does a case pass without the mistake? Asked once for each.
declare -A sound
is_sound() {
  cp "$copy/original" "$file"
  if [ -z "${sound[$suite:$1]:-}" ]; then
    build && passes "$1" && sound[$suite:$1]=yes || sound[$suite:$1]=no
  fi
  [ "${sound[$suite:$1]}" = yes ]
}

# One line of the list: 0 caught, 1 not seen, 2 doesn't count, with a note.
judge() {
  local choice name
  build || { note="doesn't build: $(grep -m1 error: "$log")" && return 2; }
  for choice in ${cases:+"$cases"} ''; do
    passes "$choice" && continue
    name=$(first_failure)
    note="$suite: $name"
    if ! [[ $name =~ ^(no result|[0-9]+ passed) ]]; then choice=$(only "$name"); fi
    passes "$choice" && note="failed once, but not alone: $name" && return 1
    is_sound "$choice" || { note="without the mistake, too, $note" && return 2; }
    return 0
  done
  note="$suite passed"
  return 1
}

one() {
  cp "$file" "$copy/original"
  if ! old=$old new=$new perl -0777 -pi -e '$n = s/\Q$ENV{old}\E/$ENV{new}/g; END { exit($n != 1) }' "$file"; then
    broken=$((broken + 1)) && verdict "no match" "the line has changed; so must this list"
  else
    judge </dev/null
    case $? in
    0) caught=$((caught + 1)) && verdict caught "$note" ;;
    1) unseen=$((unseen + 1)) && verdict "NOT SEEN" "$note" ;;
    2) broken=$((broken + 1)) && verdict "no result" "$note" ;;
    esac
  fi
  cp "$copy/original" "$file"
}

while IFS=$'\037' read -r suite file old new cases; do
  [ -n "$suite" ] && one
done < <(grep -v '^#' tests/mutations | grep -E "${1:-.}" | tr '\t' '\037')
echo "$caught caught, $unseen not seen, $broken that don't apply"
[ $((unseen + broken)) = 0 ]
