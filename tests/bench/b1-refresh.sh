#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# B1: what does one refresh cost in CPU time, beside top and pidstat on the same threads?
# The cost of a refresh is that of 11 refreshes less that of one, over 10.
. "$(dirname "$0")/lib.sh"
pairs=${PAIRS:-9}

a_refresh() { # file, then a command whose last argument is the number of refreshes
  local out=$1 one eleven
  shift
  one=$(cpu_ms "$@" 1)
  eleven=$(cpu_ms "$@" 11)
  awk -v a="$one" -v b="$eleven" 'BEGIN {print (b - a) / 10}' >>"$out"
}

# The screen is drawn on a terminal of 80x24; `script` gives one to whoever has none.
on_screen() { script -qec "stty rows 24 cols 80; exec $timeslice top -d 0.2 -n $1" /dev/null; }
run_top() { top -H -b -d 0.2 -n "$1"; }
run_batch() { "$timeslice" top -b -d 0.2 -n "$1"; }
run_sched() { "$timeslice" top -b --probes sched -d 0.2 -n "$1"; }
run_pidstat() { pidstat -wt 1 "$1"; }

echo "### B1: one refresh, CPU time"
echo
echo '`tests/bench/b1-refresh.sh`: ms of CPU a refresh, median of '"$pairs"' interleaved runs (range)'
echo
echo "| threads | timeslice top (screen) | timeslice top -b | the same, probes sched | top -H -b | top / screen | top / batch |"
echo "|---|---|---|---|---|---|---|"
for threads in ${THREADS:-100 1000 10000 20000}; do
  start_threads "$threads"
  rm -f "$scratch"/b1-*
  for _ in $(seq "$pairs"); do
    a_refresh "$scratch/b1-screen" on_screen
    a_refresh "$scratch/b1-batch" run_batch
    a_refresh "$scratch/b1-sched" run_sched
    a_refresh "$scratch/b1-top" run_top
  done
  if [ "$threads" = 10000 ] && need pidstat >/dev/null; then
    for _ in 1 2 3; do a_refresh "$scratch/b1-pidstat" run_pidstat; done
    pidstat_ms=$(median "$scratch/b1-pidstat")
  fi
  stop_threads
  echo "| $threads | $(median "$scratch/b1-screen") | $(median "$scratch/b1-batch") |" \
    "$(median "$scratch/b1-sched") | $(median "$scratch/b1-top") |" \
    "$(ratio "$scratch/b1-top" "$scratch/b1-screen") | $(ratio "$scratch/b1-top" "$scratch/b1-batch") |"
done
echo
[ -z "${pidstat_ms:-}" ] || echo "pidstat -wt, 10,000 threads, 3 runs: $pidstat_ms ms a sample"
