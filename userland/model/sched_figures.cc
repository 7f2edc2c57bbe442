// SPDX-License-Identifier: MIT
#include "model/sched_figures.h"

#include <algorithm>
#include <utility>

#include "model/peers.h"
#include "model/rates.h"
#include "model/waits.h"

namespace timeslice::model {

namespace {

std::optional<TopPeer> first_of(const std::vector<TopPeer>& peers) {
  return peers.empty() ? std::nullopt : std::optional(peers.front());
}

// The peers are made anew only when there was a new event: most threads sleep most of the time.
void copy_totals(SchedFigures& sched, const ts_sched_row& row) {
  uint64_t wakeups = 0, wakeups_before = 0;
  for (uint32_t i = 0; i < TS_CONTEXTS; ++i) {
    wakeups_before += std::exchange(sched.wakeups[i], row.wakeups[i]);
    wakeups += row.wakeups[i];
  }
  if (sched.involuntary != row.involuntary) {
    sched.preemptors = peers_of(row.preemptors, row.involuntary);
    sched.top_preemptor = first_of(sched.preemptors);
    sched.last_preemptor = peer_in(row.preemptors, row.last_preemptor, row.involuntary);
  }
  if (wakeups != wakeups_before) {
    sched.wakers = peers_of(row.wakers, wakeups);
    sched.top_waker = first_of(sched.wakers);
    sched.last_waker = peer_in(row.wakers, row.last_waker, wakeups);
  }
  sched.voluntary = row.voluntary;
  sched.involuntary = row.involuntary;
  sched.missed = row.missed;
  sched.missed_waits = row.missed_waits;
  sched.waits = row.waits;
  sched.wait_sum_ns = row.wait_sum_ns;
  sched.wait_max_us =
      row.waits != 0 ? Figure(static_cast<double>(row.wait_max_ns) / 1e3) : std::nullopt;
}

// Only the waits that ended since the last row: they alone make this interval's p99.
void take_waits(SchedFigures& sched, const ts_sched_row& row) {
  WaitHistogram hist;
  std::copy(std::begin(row.wait_hist), std::end(row.wait_hist), hist.begin());
  if (const auto p99 = wait_quantile_ns(waits_between(sched.wait_hist, hist), 0.99))
    sched.wait_p99_us = static_cast<double>(*p99) / 1e3;
  sched.wait_hist = hist;
}

}  // namespace

void take_sched_row(SchedMemory& memory, const ts_sched_row& row, uint64_t now_ns) {
  if (memory.since_ns != row.since_ns) memory = {{}, row.since_ns};
  SchedFigures& sched = memory.figures;
  const bool quiet = sched.waits == row.waits;
  sched.seconds = growth(row.since_ns, now_ns) / kNsPerS;
  copy_totals(sched, row);
  sched.wait_p99_us.reset();
  if (!quiet) take_waits(sched, row);
}

}  // namespace timeslice::model
