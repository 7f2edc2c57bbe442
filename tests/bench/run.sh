#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the benchmarks named (b1 b2 b3 b4 b5 b6 b8 b9 b10), or all, and prints them as Markdown. Peers that aren't
# installed are named as absent; on Debian: apt-get install procps sysstat libbpf-tools bpftrace
# linux-perf libuv1-dev fio wrk.
set -u
here=$(dirname "$0")
echo "$(uname -sr), $(nproc) cores, $(date +%F)"
echo
for script in "$here"/b[0-9]*.sh; do
  name=$(basename "$script" | cut -d- -f1)
  if [ $# -gt 0 ]; then case " $* " in *" $name "*) ;; *) continue ;; esac; fi
  "$script" || echo "- $name failed"
  echo
done
