#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# B4: how long does a recording of about 10 M events take to read? The same work (two pairs of processes
# that hand a byte to and fro, one a core) is recorded by us and by perf sched record, one after the
# other; then timeslice report is timed against perf sched latency and perf sched timehist, in turn. Then
# memory: is it the same for a tenth of the events? Takes minutes and 2 GB of $TMPDIR, nearly all for perf.
. "$(dirname "$0")/lib.sh"
rounds=${PAIRS:-9} peer_rounds=${PEER_RUNS:-1} events=${EVENTS:-10000000}

# So many events: each time that a byte goes to and fro is two switches and two wake-ups.
work() { # events
  local pids=() core
  for core in 0 1; do
    chrt -b 0 taskset -c "$core" perf bench -f simple sched pipe -l $(($1 / 8)) &
    pids+=($!)
  done
  wait "${pids[@]}"
}
export -f work

record() { # events, file
  "$timeslice" record -q -o "$2" &
  local recorder=$!
  until [ -s "$2" ]; do
    kill -0 "$recorder" || exit 1
    sleep 0.05
  done
  work "$1" >/dev/null
  kill -TERM "$recorder"
  wait "$recorder"
}

# Wall-clock and CPU milliseconds of a command, each into a file.
time_into() { # name, command…
  local name=$1 TIMEFORMAT='%R %U %S' took
  shift
  took=$({ time "$@" >/dev/null 2>&1; } 2>&1 | tail -n 1)
  awk '{print $1 * 1000}' <<<"$took" >>"$scratch/$name"
  awk '{print ($2 + $3) * 1000}' <<<"$took" >>"$scratch/$name.cpu"
}

# Peak resident memory of a command, in MiB.
peak_mib() { /usr/bin/time -f %M "$@" 2>&1 >/dev/null | awk 'END {printf "%.1f", $1 / 1024}'; }

# Events in millions, as the report counts them: switches and wake-ups.
millions() {
  "$timeslice" report --self --by process --csv "$1" |
    awk -F, '{for (i = 1; i <= NF; ++i) if (NR == 1) at[$i] = i} NR > 1 {n += $at["slices"] + $at["wakeups"]}
      END {printf "%.2f", n / 1e6}'
}

row() { # label, name, file
  printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$(median "$scratch/$2")" "$(median "$scratch/$2.cpu")" \
    "$(grep -c . "$scratch/$2")" "$(ratio "$scratch/$2" "$scratch/ours")" "$(ratio "$scratch/$2.cpu" "$scratch/ours.cpu")" "$3"
}

echo "### B4: from a recording to a report"
echo
need perf taskset chrt || exit 0
record "$events" "$scratch/large.pftrace"
record $((events / 10)) "$scratch/small.pftrace"
perf sched record -m 8192 -o "$scratch/perf.data" bash -c "work $events" >"$scratch/said" 2>&1
grep LOST "$scratch/said" >&2 || true
"$timeslice" report "$scratch/large.pftrace" >/dev/null # into the page cache; perf.data is in it yet
for i in $(seq "$rounds"); do
  time_into ours "$timeslice" report "$scratch/large.pftrace"
  [ "$i" -le "$peer_rounds" ] || continue
  time_into latency perf sched -i "$scratch/perf.data" latency
  time_into timehist perf sched -i "$scratch/perf.data" timehist
done
echo "\`tests/bench/b4-report.sh\`: ms (range); $(millions "$scratch/large.pftrace") M switches and wake-ups in our file of" \
  "$(($(stat -c %s "$scratch/large.pftrace") / 1000000)) MB, the same work in perf's of $(($(stat -c %s "$scratch/perf.data") / 1000000)) MB"
echo
echo "| command | ms | CPU ms | runs | ms, of ours | CPU ms, of ours | peak memory, MiB |"
echo "|---|---|---|---|---|---|---|"
row "timeslice report" ours "$(peak_mib "$timeslice" report "$scratch/large.pftrace")"
row "perf sched latency" latency "$(peak_mib perf sched -i "$scratch/perf.data" latency)"
row "perf sched timehist" timehist ""
echo
echo "The report of $(millions "$scratch/small.pftrace") M events: $(peak_mib "$timeslice" report "$scratch/small.pftrace") MiB at most."
