#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# B2: what does looking add to a program that switches all the time? Each watcher runs beside the same
# work, in turn with the work alone.
. "$(dirname "$0")/lib.sh"
rounds=${PAIRS:-9}

pipe_work() { perf bench sched pipe -l "${LOOPS:-100000}"; }
messaging_work() { perf bench sched messaging -g 10 -l 200; }

# Runs "$work" beside a watcher that is up once $2 appears in its output.
beside() { # result file, pattern, watcher…
  local result=$1 pattern=$2
  shift 2
  : >"$scratch/watcher"
  "$@" >"$scratch/watcher" 2>&1 &
  local watcher=$!
  for _ in $(seq 200); do
    grep -q "$pattern" "$scratch/watcher" && break
    sleep 0.05
  done
  if grep -q "$pattern" "$scratch/watcher"; then
    wall_ms "$work" >>"$result"
  else
    echo "the watcher never started: $*" >&2
  fi
  kill -TERM "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
}

each_round() {
  wall_ms "$work" >>"$scratch/alone"
  beside "$scratch/count" trust "$timeslice" top -b -d 0.2
  beside "$scratch/sched" trust "$timeslice" top -b -d 0.2 --probes sched
  if need runqlat >/dev/null; then beside "$scratch/runqlat" Tracing stdbuf -oL runqlat 100 1; fi
  if need cpudist >/dev/null; then beside "$scratch/cpudist" Tracing stdbuf -oL cpudist 100 1; fi
  if need bpftrace >/dev/null; then
    beside "$scratch/bpftrace" Attaching stdbuf -oL bpftrace -e 'tracepoint:sched:sched_switch { @ = count(); }'
  fi
}

row() { # label, file
  [ -s "$scratch/$2" ] || { echo "| $1 | absent | |"; return; }
  echo "| $1 | $(median "$scratch/$2") | $(ratio "$scratch/$2" "$scratch/alone") |"
}

echo "### B2: what looking adds"
echo
need perf || exit 0
for work in pipe_work messaging_work; do
  rm -f "$scratch"/{alone,count,sched,runqlat,cpudist,bpftrace}
  for _ in $(seq "$rounds"); do each_round; done
  echo "\`tests/bench/b2-probes.sh\`: $(declare -f "$work" | sed -n '3s/^ *//p'), median of $rounds interleaved runs (range)"
  echo
  echo "| watched by | wall ms | relative to alone |"
  echo "|---|---|---|"
  row "none" alone
  row "timeslice top, count mode, 5 refreshes per second" count
  row "timeslice top, aggregate mode" sched
  row "runqlat (libbpf-tools)" runqlat
  row "cpudist (libbpf-tools)" cpudist
  row "bpftrace, count of sched_switch" bpftrace
  echo
done
