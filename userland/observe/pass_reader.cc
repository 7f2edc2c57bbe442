// SPDX-License-Identifier: MIT
#include "observe/pass_reader.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/clock.h"
#include "base/failure.h"
#include "observe/kfuncs.h"

namespace timeslice::observe {

namespace {

constexpr uint32_t kRenewal = 32;  // as RENEWAL in bpf/pass.h
constexpr uint32_t kRenewNone = kRenewal;
constexpr int kMostCalls = 1024;  // four million rows in one pass: then it is said, not waited for

// From /proc/loadavg's "running/all".
uint32_t threads_now() {
  unsigned all = 0;
  FILE* file = fopen("/proc/loadavg", "re");
  if (!file) return 0;
  if (fscanf(file, "%*f %*f %*f %*u/%u", &all) != 1) all = 0;
  fclose(file);
  return all;
}

}  // namespace

bool prepare_pass(Way way, bpf_program* walk, bpf_program* iterate, bpf_map* cores,
                  bpf_map* seen_threads) {
  bpf_program__set_autoload(walk, way == Way::walk);
  bpf_program__set_autoload(iterate, way == Way::iterate);
  bpf_program__set_autoattach(iterate, false);
  bpf_map__set_max_entries(cores, static_cast<uint32_t>(std::max(libbpf_num_possible_cpus(), 1)));
  bpf_map__set_max_entries(seen_threads, std::max(16384U, 2 * threads_now()));
  return way == Way::iterate || find_kfuncs(walk);
}

PassReader::PassReader(const PassParts& parts)
    : parts_(parts), rows_(parts.rows), cores_(parts.cores) {
  if (parts_.sched_rows) sched_rows_.emplace(parts_.sched_rows);
  if (bpf_program__autoload(parts_.walk)) return;
  iterator_.emplace(parts_.iterate);
}

void PassReader::call_walk() {
  LIBBPF_OPTS(bpf_test_run_opts, options);
  const int error = bpf_prog_test_run_opts(bpf_program__fd(parts_.walk), &options);
  if (error) throw failure_from_errno("cannot run the pass over all threads", -error);
}

void PassReader::call() {
  *parts_.visited = *parts_.used = *parts_.deferred = 0;
  if (iterator_) {
    iterator_->run();
  } else {
    call_walk();
  }
}

void PassReader::take_rows(Snapshot& snapshot) {
  by_position_.resize(*parts_.visited);
  if (parts_.sched_rows) sched_by_position_.resize(*parts_.visited);
  const uint32_t used = std::min(*parts_.used, rows_.size());
  for (uint32_t i = 0; i < used; ++i) {
    const uint32_t position = rows_[i].position;
    if (position >= by_position_.size()) continue;
    by_position_[position] = rows_[i];
    if (parts_.sched_rows) sched_by_position_[position] = (*sched_rows_)[i];
    snapshot.news.push_back(position);
  }
}

void PassReader::take_cores(Snapshot& snapshot) const {
  snapshot.cores.clear();
  for (uint32_t cpu = 0; cpu < cores_.size(); ++cpu)
    if (cores_[cpu].record.kind == TS_RECORD_CORE) snapshot.cores.push_back(cores_[cpu]);
}

void PassReader::point_to_rows(Snapshot& snapshot) const {
  snapshot.threads.resize(by_position_.size());
  for (size_t i = 0; i < by_position_.size(); ++i) snapshot.threads[i] = &by_position_[i];
  snapshot.scheds.resize(sched_by_position_.size());
  for (size_t i = 0; i < sched_by_position_.size(); ++i) {
    const ts_sched_row& row = sched_by_position_[i];
    snapshot.scheds[i] = row.record.kind == TS_RECORD_SCHED ? &row : nullptr;
  }
}

void PassReader::read(Snapshot& snapshot) {
  snapshot.header.version = TS_WIRE_VERSION;
  snapshot.header.time_ns = monotonic_ns();
  snapshot.news.clear();
  *parts_.renew = ++passes_ % kRenewal;
  *parts_.resume_at = 0;
  int calls_left = kMostCalls;
  do {  // again while rows found no room
    call();
    take_rows(snapshot);
    *parts_.renew = kRenewNone;
    *parts_.resume_at = *parts_.first_deferred;
  } while (*parts_.deferred != 0 && --calls_left > 0);
  snapshot.header.lost_records += *parts_.deferred;
  // A thread that moved between two calls has a row of each: the last one stands.
  std::sort(snapshot.news.begin(), snapshot.news.end());
  snapshot.news.erase(std::unique(snapshot.news.begin(), snapshot.news.end()), snapshot.news.end());
  while (!snapshot.news.empty() && snapshot.news.back() >= by_position_.size())
    snapshot.news.pop_back();
  point_to_rows(snapshot);
  take_cores(snapshot);
  snapshot.header.read_ns = monotonic_ns() - snapshot.header.time_ns;
  snapshot.header.self_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

}  // namespace timeslice::observe
