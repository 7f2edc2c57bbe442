#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# B6: what does it cost an event loop that each of its turns is timed? A Node's CPU time per turn, of
# a loop that never waits and of one that waits a millisecond each time; and a server's throughput
# with one connection, where each request is a turn. Alone, watched, with --turns and with --phases.
# NODE=path for another version.
. "$(dirname "$0")/lib.sh"
rounds=${PAIRS:-9}
seconds=${SECONDS_EACH:-3}
node=${NODE:-node}
need "$node" wrk || exit 0

# Each line of its input is an order: how many turns, and how. It answers with the CPU time of a turn
# in ns, and how many there were in a second.
turns='const orders = { busy: (next) => setImmediate(next), waiting: (next) => setTimeout(next, 1) };
require("http").createServer((request, response) => response.end("hello\n"))
  .listen(0, "127.0.0.1", function () { console.log(this.address().port); });
process.stdin.setEncoding("utf8").on("data", (line) => {
  const [order, count] = line.trim().split(" ");
  let left = Number(count);
  const cpu = process.cpuUsage(), start = process.hrtime.bigint();
  const next = () => {
    if (left-- > 0) return orders[order](next);
    const { user, system } = process.cpuUsage(cpu);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    console.log((user + system) * 1000 / count, Math.round(count / seconds));
  };
  next();
});
process.stdin.on("end", () => process.exit());'
coproc script { exec "$node" -e "$turns"; }
# shellcheck disable=SC2154
script_pid=$script_PID
watcher=""
trap 'kill "$script_pid" $watcher 2>/dev/null || true; rm -rf "$scratch"' EXIT
read -r port <&"${script[0]}"

order() { # turns, how, result
  local ns rate
  echo "$2 $1" >&"${script[1]}"
  read -r ns rate <&"${script[0]}"
  echo "$ns" >>"$scratch/$2-$3"
  echo "$rate" >>"$scratch/$2-rate-$3"
}
measure() { # result
  for _ in 1 2 3; do # short ones: some of them are disturbed by nothing
    order 30000 busy "$1"
    order 600 waiting "$1"
  done
  wrk -t1 -c1 -d"$seconds" "http://127.0.0.1:$port/" |
    awk '/^Requests\/sec/ {print $2}' >>"$scratch/requests-$1"
}
watched() { # result, options…
  local result=$1
  shift
  "$timeslice" loop -p "$script_pid" -d 0.5 --json "$@" >"$scratch/watcher" 2>"$scratch/said" &
  watcher=$!
  # Until it shows the loop.
  until grep -qs '"tid"' "$scratch/watcher" || ! kill -0 "$watcher" 2>/dev/null; do sleep 0.05; done
  measure "$result"
  tail -n 1 "$scratch/watcher" >"$scratch/last-$result"
  kill -TERM "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  watcher=""
}
measure warm-up
for _ in $(seq "$rounds"); do
  measure alone
  watched loop
  watched turns --turns --budget 100
  watched phases --phases --budget 100
  sed -nE 's/.*"price_ns_per_wait":([0-9.]+).*/\1/p' "$scratch/last-turns" >>"$scratch/price"
  sed -nE 's/.*"price_ns_per_phase":([0-9.]+).*/\1/p' "$scratch/last-phases" >>"$scratch/phase-price"
done

least() { sort -g "$1" | awk 'NR == 1 {printf "%.0f", $1}'; }
more() { paste "$1" "$2" | awk '{print $1 - $2}' >"$scratch/more" && median "$scratch/more"; }
echo "### B6: timing each turn"
echo
echo "\`tests/bench/b6-turns.sh\`: Node $("$node" --version), $rounds interleaved rounds. CPU time of a turn in ns."
echo
echo "| loop | turns/s alone | alone, least | \`loop\`, least | \`--turns\`, least | \`--phases\`, least | \`--turns\` more than alone, median |"
echo "|---|---|---|---|---|---|---|"
for how in busy waiting; do
  echo "| $how | $(median "$scratch/$how-rate-alone") | $(least "$scratch/$how-alone") | $(least "$scratch/$how-loop") |" \
    "$(least "$scratch/$how-turns") | $(least "$scratch/$how-phases") | $(more "$scratch/$how-turns" "$scratch/$how-alone") |"
done
echo
echo "| one connection | requests/s | relative to alone |"
echo "|---|---|---|"
for row in alone loop turns phases; do
  echo "| $row | $(median "$scratch/requests-$row") | $(ratio "$scratch/requests-$row" "$scratch/requests-alone") |"
done
echo
echo "The price that it measured itself: $(median "$scratch/price") ns for each wait for events; a turn that never"
echo "waits has one, one that waits has two. Of a phase: $(median "$scratch/phase-price") ns, three a turn."
