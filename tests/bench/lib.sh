# SPDX-License-Identifier: MIT
# What the benchmarks share: CPU time of a command, medians, rows of a table. Sourced by each.
set -eu
OUT=${OUT:-.output}
timeslice=$OUT/timeslice
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; [ -z "${sleepers:-}" ] || kill "$sleepers" 2>/dev/null || true' EXIT

# CPU milliseconds (user and system) of a command; its output is thrown away.
cpu_ms() {
  local TIMEFORMAT='%U %S'
  { time "$@" >/dev/null 2>&1; } 2>&1 | tail -n 1 | awk '{print ($1 + $2) * 1000}'
}

# Wall-clock milliseconds of a command.
wall_ms() {
  local TIMEFORMAT='%R'
  { time "$@" >/dev/null 2>&1; } 2>&1 | tail -n 1 | awk '{print $1 * 1000}'
}

# The median of the numbers in a file, with their range: "3.1 (2.9–4.0)", to three digits.
median() {
  sort -g "$1" | awk 'function three(x) { return sprintf(x >= 1000 ? "%.0f" : "%.3g", x) }
    {v[NR] = $1} END {
    m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
    printf "%s (%s–%s)", three(m), three(v[1]), three(v[NR]) }'
}

# The median of the ratios of two files, line by line.
ratio() {
  paste "$1" "$2" | awk '$2 > 0 {print $1 / $2}' >"$scratch/ratio"
  median "$scratch/ratio"
}

need() {
  for program; do
    command -v "$program" >/dev/null || { echo "- absent here: \`$program\`"; return 1; }
  done
}

# Starts a process of $1 threads; its id is in $sleepers. stop_threads ends it.
start_threads() {
  mkfifo "$scratch/hold"
  "$OUT/bench-threads" "$1" <"$scratch/hold" >"$scratch/ready" &
  sleepers=$!
  exec 9>"$scratch/hold"
  until [ -s "$scratch/ready" ]; do
    kill -0 "$sleepers" || exit 1
    sleep 0.05
  done
}

stop_threads() {
  exec 9>&-
  wait "$sleepers" || true
  sleepers=""
  rm -f "$scratch/hold" "$scratch/ready"
}
