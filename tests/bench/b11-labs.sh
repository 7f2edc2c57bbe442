#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# B11: what do the labs say on a busy machine? Two programs spin at the same time, at the same
# priority. Every lab has to be right then, or give no verdict. ROUNDS, SPINNERS, LABS="2 5".
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-3}
spinners=${SPINNERS:-2}
need node || exit 0

# What is known to be so, whatever the variant.
right=(""
  "pids=3 tids=5 total=threads memory=process why=copy"
  "one=1 two=2 time=less why=preempted"
  "spin=involuntary sleep=voluntary yield=involuntary pipe=voluntary why=runnable"
  "starve=yes why=weight"
  "pinned=none fifo=less why=own"
  "idle=v8 listen=0 why=main"
  "inside=loop main=either why=ms"
  "during=0 after=none await=runs where=oncpu why=one"
  "next=end why=cpus"
  "socket=loop file=pool uring=loop switches=uring why=some"
  "second=less many=equal switches=more killed=some why=cpus"
  "messages=wake memory=less lost=less leak=leak why=local"
  "report=cluster p99=less switches=more login=cpus feed=nothing why=ask")

busy=""
trap 'kill $busy 2>/dev/null || true; rm -rf "$scratch"' EXIT
for _ in $(seq "$spinners"); do
  setsid timeout 3600 sh -c 'while :; do :; done' & # each with a share of its own, if autogroups are on
  busy="$busy $!"
done

verdict_of() { # lab, seed
  local said answer
  said=$(XDG_STATE_HOME=$scratch timeout 120 "$timeslice" lab "$1" --solve --json --seed "$2" 2>>"$scratch/errors" || true)
  case $said in
    *'"verdict":"none"'*) echo none; return ;;
    *'"verdict":"pass"'*) ;;
    *) echo error; return ;;
  esac
  for answer in ${right[$1]}; do
    case $said in
      *"\"${answer%=*}\":\"${answer#*=}\""*) ;;
      *) echo wrong; return ;;
    esac
  done
  echo right
}

echo "### B11: labs on a busy machine"
echo
echo "\`tests/bench/b11-labs.sh\`: $spinners programs spin on $(nproc) CPUs, $rounds rounds"
echo
echo "| lab | right | no verdict | wrong | error |"
echo "|---|---|---|---|---|"
for lab in ${LABS:-$(seq 13)}; do
  : >"$scratch/verdicts"
  for round in $(seq "$rounds"); do verdict_of "$lab" "$((round + 20))" >>"$scratch/verdicts"; done
  row="| $lab |"
  for verdict in right none wrong error; do
    row="$row $(grep -c "^$verdict\$" "$scratch/verdicts" || true) |"
  done
  echo "$row"
done
