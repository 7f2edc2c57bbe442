#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# B5: what does our event loop cost, compared with a bare io_uring loop (the limit), fio, libuv and epoll?
# QUICK=1 is a short run for development, without fio; WORKS="nop reads echo timers wake idle" selects.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/b5/sides.sh"
set -o pipefail
if [ "${QUICK:-}" ]; then pairs=${PAIRS:-3} share=8; else pairs=${PAIRS:-9} share=1; fi
bin=$OUT/b5
data=$bin/data
trap 'rm -rf "$scratch" "$data"' EXIT

ours() { # work, count, depth, where
  side uring "ours, io_uring" "$bin/ours uring $*"
  side pool "ours, pool" "$bin/ours pool $*"
}
bare() { side bare "bare ring" "$bin/bare_ring $*"; }
libuv() { side libuv libuv "$bin/libuv_peer $*"; }

nop() {
  begin
  bare nop $((4000000 / share)) 32
  side uring "ours, io_uring" "$bin/ours uring nop $((4000000 / share)) 32"
  measure
  table "No-ops, in batches of 32"
  aim "CPU time relative to the bare ring" uring bare 2 "<=" 1.15
  commands
}

fio_side() { # engine, warm or cold, count, depth
  side "fio_$1" "fio, $1" "fio --name=b5 --filename=$data/$2 --rw=randread --bs=4k --ioengine=$1" \
    "--iodepth=$4 --size=$(stat -c %s "$data/$2") --io_size=$(($3 * 4096)) --norandommap" \
    "--invalidate=$([ "$2" = cold ] && echo 1 || echo 0) --gtod_reduce=1 --output-format=terse"
}

fio_sides() {
  fio_side io_uring "$@"
  if [ "$3" = 1 ]; then fio_side psync "$@"; fi
}

make_files() {
  mkdir -p "$data"
  head -c 512M /dev/urandom >"$data/cold"
  head -c 256M "$data/cold" >"$data/warm"
  sync -f "$data"  # a dirty page can't be dropped
}

reads_at() { # warm or cold, count, depth
  begin
  bare "read-$1" "$2" "$3" "$data/$1"
  ours "read-$1" "$2" "$3" "$data/$1"
  libuv "read-$1" "$2" "$3" "$data/$1"
  if [ -z "${QUICK:-}" ]; then fio_sides "$@"; fi
  measure
  table "4 KiB random reads, $1, depth $3"
  aim "speed relative to the bare ring" bare uring 1 ">=" 0.95
  aim "CPU time relative to the bare ring" uring bare 2
  if [ "$1 $3" = "cold 128" ]; then
    aim "speed relative to libuv" libuv uring 1 ">=" 2.5
    aim "CPU time relative to libuv" uring libuv 2 "<=" 0.25
    aim_of "voluntary switches" uring 3 "<=" 0.02
  fi
  commands
}

reads() {
  local depth
  make_files
  for depth in 1 32 128; do reads_at warm $(((depth == 1 ? 20000 : 60000) / share)) "$depth"; done
  for depth in 1 32 128; do reads_at cold $(((depth == 1 ? 2000 : 6000) / share)) "$depth"; done
  rm -rf "$data"
}

echo_server() { # key, label, program…
  side "$1" "$2" "$bin/client echo $((rounds / share)) $connections $cpus ${*:3} echo 0 0"
}

echo_at() { # connections, CPUs, what they are
  local connections=$1 cpus=$2 rounds
  [ "$1" = 1 ] && rounds=6000 || rounds=20000
  begin
  echo_server bare "bare ring, multishot" "$bin/bare_ring"
  echo_server uring "ours, io_uring" "$bin/ours uring"
  echo_server pool "ours, pool" "$bin/ours pool"
  echo_server epoll "hand-written epoll" "$bin/epoll_peer"
  echo_server libuv libuv "$bin/libuv_peer"
  measure
  table "TCP echo of 64 bytes, $1 connection$([ "$1" = 1 ] || echo s), $3" "CPU ns of the client"
  aim "round trips per second relative to epoll" epoll uring 1 ">=" "$([ "$1" = 1 ] && echo 1.0 || echo 1.1)"
  aim "server's CPU time relative to epoll" uring epoll 2
  aim "server's CPU time relative to the bare ring" uring bare 2
  commands
}

# The figures are those of the server's process; but ns are the wall time of a round trip as the client
# sees it. If the client's CPU time comes near to that, the client is the limit.
echoes() {
  local connections
  for connections in 1 64; do
    echo_at "$connections" 0,0 "server and client on one CPU"
    [ "$(nproc)" -lt 2 ] || echo_at "$connections" 0,1 "each on a CPU of its own"
    echo_at "$connections" - "on any CPU"
  done
}

timers_at() { # cancel or expire, how many at a time, in all
  begin
  side uring "ours" "$bin/ours uring timer-$1 $(($3 / share)) $2"
  libuv "timer-$1" $(($3 / share)) "$2"
  measure
  table "Timers, $2 at a time: insert and $1"
  aim "speed by CPU time relative to libuv" libuv uring 2 ">=" 2
  commands
}

timers() {
  timers_at cancel 1000 1000000
  timers_at expire 1000 12000
  timers_at cancel 100000 800000
  timers_at expire 100000 400000
}

wake_at() { # 1 or 2 loops, CPUs, what they are
  local count=$((8000 / share))
  begin
  bare wake "$count" "$1" "$2"
  ours wake "$count" "$1" "$2"
  side epoll "eventfd, epoll" "$bin/epoll_peer wake $count $1 $2"
  side edge "eventfd, epoll, edge-triggered" "$bin/epoll_peer wake-edge $count $1 $2"
  libuv wake "$count" "$1" "$2"
  measure
  table "Wake-up and reply, $([ "$1" = 1 ] && echo "a thread and a loop" || echo "two loops"), $3"
  aim "time relative to eventfd and epoll" uring epoll 1 "<=" 0.7
  aim "CPU time relative to eventfd and epoll" uring epoll 2
  commands
}

wakes() {
  local loops
  for loops in 1 2; do
    wake_at "$loops" 0,0 "on one CPU"
    [ "$(nproc)" -lt 2 ] || wake_at "$loops" 0,1 "each on a CPU of its own"
  done
}

idle_row() { # label, server…
  local line="$bin/client idle $((10000 / share)) - - ${*:2} echo 0 0"
  rm -f "$scratch"/idle*
  for _ in 1 2 3; do $line >>"$scratch/idle" 2>"$scratch/idle-why" || break; done
  if [ ! -s "$scratch/idle" ]; then
    echo "| $1 | not available: $(head -n 1 "$scratch/idle-why") | | |"
    return
  fi
  cut -f1 "$scratch/idle" >"$scratch/idle-rss"
  cut -f2 "$scratch/idle" >"$scratch/idle-slab"
  echo "| $1 | $(median "$scratch/idle-rss") | $(median "$scratch/idle-slab") | \`$line\` |"
}

# The slabs are the whole machine's: useful only if nothing else on it starts or ends.
idle() {
  ulimit -n "$(ulimit -Hn)"
  echo "#### Memory per idle connection in bytes, with $((10000 / share)) of them"
  echo
  echo "| server | resident memory of the server | kernel slabs, both ends | command |"
  echo "|---|---|---|---|"
  idle_row "bare ring, multishot" "$bin/bare_ring"
  idle_row "ours, io_uring" "$bin/ours uring"
  idle_row "ours, pool" "$bin/ours pool"
  idle_row "hand-written epoll" "$bin/epoll_peer"
  idle_row libuv "$bin/libuv_peer"
  echo
}

echo "### B5: the event loop"
echo
echo "\`tests/bench/b5-loop.sh\`: figures per operation, as the median of $pairs interleaved runs (range). Counts are medians;" \
  "system calls were counted in one more run, with \`COUNT_SYSCALLS=1\`. All figures are for the whole process, including its kernel workers."
echo
[ "${QUICK:-}" ] || need fio || true
[ -x "$bin/libuv_peer" ] || echo "- not installed here: libuv"
for work in ${WORKS:-nop reads echo timers wake idle}; do
  case $work in
  echo) echoes ;;
  wake) wakes ;;
  *) "$work" ;;
  esac
done
