#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# B8: how long from the command to the first frame?
. "$(dirname "$0")/lib.sh"
runs=${PAIRS:-9}

first() { # file, pattern, command…
  local result=$1
  shift
  "$OUT/bench-first_frame" "$@" >>"$result" || true
}

for _ in $(seq "$runs"); do
  first "$scratch/count" trust "$timeslice" top
  first "$scratch/sched" trust "$timeslice" top --probes sched
  if need runqlat >/dev/null; then first "$scratch/runqlat" Tracing runqlat 10 1; fi
  if need bpftrace >/dev/null; then
    first "$scratch/bpftrace" Attaching bpftrace -e 'tracepoint:sched:sched_switch { @ = count(); }'
  fi
done
echo "### B8: from the command to the first frame"
echo
echo '`tests/bench/b8-first-frame.sh`: ms, median of '"$runs"' runs (range); for the peers until they say that they trace'
echo
echo "| command | ms |"
echo "|---|---|"
echo "| timeslice top | $(median "$scratch/count") |"
echo "| timeslice top --probes sched | $(median "$scratch/sched") |"
[ ! -s "$scratch/runqlat" ] || echo "| runqlat (libbpf-tools) | $(median "$scratch/runqlat") |"
[ ! -s "$scratch/bpftrace" ] || echo "| bpftrace one-liner | $(median "$scratch/bpftrace") |"
