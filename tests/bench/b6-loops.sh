#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# B6: what does it cost to watch event loops? A Node server's throughput under wrk, alone and watched;
# and our own CPU time for ten Node processes that wait. NODE=path for another version.
. "$(dirname "$0")/lib.sh"
rounds=${PAIRS:-7}
seconds=${SECONDS_EACH:-4}
node=${NODE:-node}
need "$node" wrk || exit 0

serve='const server = require("http").createServer((request, response) => response.end("hello\n"));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
setTimeout(() => process.exit(), 1000 * Number(process.argv[1]));'
"$node" -e "$serve" 900 >"$scratch/port" &
server=$!
trap 'kill "$server" $waiting 2>/dev/null || true; rm -rf "$scratch"' EXIT
waiting=""
until [ -s "$scratch/port" ]; do sleep 0.05; done

requests() { # result file
  wrk -t1 -c8 -d"$seconds" "http://127.0.0.1:$(cat "$scratch/port")/" |
    awk '/^Requests\/sec/ {print $2}' >>"$1"
}
watched() { # result file, command…
  local result=$1
  shift
  "$@" >"$scratch/watcher" 2>&1 &
  local watcher=$!
  until [ -s "$scratch/watcher" ] || ! kill -0 "$watcher" 2>/dev/null; do sleep 0.05; done
  requests "$result"
  kill -TERM "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
}
for _ in $(seq "$rounds"); do
  requests "$scratch/alone"
  watched "$scratch/loop" "$timeslice" loop -p "$server" -d 0.5
  watched "$scratch/top" "$timeslice" top -b -d 0.5 -p "$server"
done
echo "### B6: watching event loops"
echo
echo "\`tests/bench/b6-loops.sh\`: Node $("$node" --version) under \`wrk -t1 -c8\`, $rounds interleaved runs"
echo
echo "| watched by | requests/s | relative to alone |"
echo "|---|---|---|"
for row in alone loop top; do
  echo "| ${row/alone/none} | $(median "$scratch/$row") | $(ratio "$scratch/$row" "$scratch/alone") |"
done
kill "$server"

for _ in $(seq 10); do
  "$node" -e 'setInterval(() => {}, 100); setTimeout(() => process.exit(), 600000)' &
  waiting+=" $!"
done
sleep 1
pids=$(tr ' ' ',' <<<"${waiting# }")
for _ in $(seq "$rounds"); do
  cpu_ms "$timeslice" loop -p "$pids" -n 1 -d 1 >>"$scratch/one"
  cpu_ms "$timeslice" loop -p "$pids" -n 1 -d 5 >>"$scratch/five"
done
paste "$scratch/five" "$scratch/one" | awk '{print ($1 - $2) / 40}' >"$scratch/share"
echo
echo "Our own CPU for 10 Node processes at 100 looks per second: $(median "$scratch/share") % of a CPU,"
echo "after $(median "$scratch/one") ms in the first second."
