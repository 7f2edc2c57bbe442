#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# B3: what does recording add to a program that switches all the time, and how long are the files?
# Two processes on one core hand a byte to and fro (SCHED_BATCH, so that each wake-up is followed by a
# switch): alone, recorded by us (the whole machine; and the
# program only), and by perf sched record, in turn. Times are the program's own, so that neither side's
# start counts. Then two such pairs, one a core: is anything lost?
. "$(dirname "$0")/lib.sh"
rounds=${PAIRS:-9} loops=${LOOPS:-200000}
# A core's buffer: 32 MiB for perf, that it loses nothing either; ours has 4 MiB as by default.
perf_pages=${PERF_PAGES:-8192}

work() { exec chrt -b 0 taskset -c "${1:-0}" perf bench -f simple sched pipe -l "$loops"; }
export -f work
export loops

# Runs a command whose last line of figures is the work's seconds; appends ns a switch, and the CPU
# time that all of it took, to files of that name. What it leaves on stderr is in $scratch/said.
measure() { # name, command…
  local name=$1 TIMEFORMAT='%U %S' cpu
  shift
  cpu=$({ time "$@" >"$scratch/out" 2>"$scratch/said"; } 2>&1 | awk '{print $1 + $2}')
  awk -v switches=$((2 * loops)) '/^[0-9.]+$/ {s = $1} END {print s * 1e9 / switches}' "$scratch/out" >>"$scratch/$name"
  awk -v switches=$((2 * loops)) "BEGIN {print $cpu * 1e9 / switches}" >>"$scratch/$name.cpu"
}

# Starts recording the machine; runs the rest once the file is there.
beside_us() { # file, command…
  local file=$1 recorder
  shift
  rm -f "$file"
  "$timeslice" record -q -o "$file" &
  recorder=$!
  until [ -s "$file" ] || ! kill -0 "$recorder" 2>/dev/null; do sleep 0.05; done
  sleep 0.2
  "$@"
  kill -TERM "$recorder"
  wait "$recorder"
}

two_pairs() {
  bash -c 'work 0' &
  local other=$!
  bash -c 'work 1'
  wait "$other"
}

# What a file has in addition to the one without a recorder, line by line.
added() { # name
  paste "$scratch/$1" "$scratch/alone${1#"${1%.cpu}"}" | awk '{print $1 - $2}' >"$scratch/$1.added"
}

# Bytes a switch of the work.
bytes() { awk -v bytes="$(stat -c %s "$1")" -v switches=$((2 * loops)) 'BEGIN {printf "%.1f", bytes / switches}'; }

row() { # label, name, file
  added "$2"
  added "$2.cpu"
  printf '| %s | %s | %s | %s | %s | %s |\n' "$1" "$(median "$scratch/$2")" "$(median "$scratch/$2.added")" \
    "$(median "$scratch/$2.cpu.added")" "$(ratio "$scratch/$2.added" "$scratch/perf.added")" "$(bytes "$3")"
}

echo "### B3: what recording adds"
echo
need perf taskset chrt || exit 0
for _ in $(seq "$rounds"); do
  measure alone bash -c work
  measure machine beside_us "$scratch/machine.pftrace" bash -c work
  measure command "$timeslice" record -q --force -o "$scratch/command.pftrace" -- bash -c work
  measure perf perf sched record -m "$perf_pages" -o "$scratch/perf.data" bash -c work
  if grep -q LOST "$scratch/said"; then echo "perf lost records: $(grep LOST "$scratch/said")" >&2; fi
done
added perf
echo "\`tests/bench/b3-record.sh\`: perf bench sched pipe -l $loops on one CPU, median of $rounds interleaved runs (range)"
echo
echo "| recorded by | ns per switch | added | CPU ns added, all processes | added, relative to perf | bytes per switch with its wake-up |"
echo "|---|---|---|---|---|---|"
echo "| none | $(median "$scratch/alone") | 0 | 0 | 0 | |"
row "timeslice record, the whole machine" machine "$scratch/machine.pftrace"
row "timeslice record, the command only" command "$scratch/command.pftrace"
row "perf sched record -m $perf_pages (the whole machine)" perf "$scratch/perf.data"
echo
rm -f "$scratch/perf.data"
for _ in $(seq 3); do
  beside_us "$scratch/two.pftrace" two_pairs >"$scratch/out"
  "$timeslice" report --json "$scratch/two.pftrace" >"$scratch/two.json"
  rate=$(awk '/^[0-9.]+$/ {if ($1 > s) s = $1} END {printf "%.0f", 4 * '"$loops"' / s / 1000}' "$scratch/out")
  lost=$(sed 's/.*"lost_records":\([0-9]*\).*/\1/' "$scratch/two.json")
  switches=$(grep -o '"switches":[0-9]*' "$scratch/two.json" | awk -F: '{n += $2} END {print n}')
  echo "- Two pairs at once, one per CPU: $((4 * loops)) switches at $rate,000 per second, $switches in the file (others' too), $lost records lost."
done
