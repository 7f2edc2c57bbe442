// SPDX-License-Identifier: MIT
#include "model/pool_figures.h"

#include <algorithm>
#include <utility>

namespace timeslice::model {

void PoolLooks::add(const PoolLook& look) {
  ++now_.looks;
  const uint32_t busy = look.threads - std::min(look.idle, look.threads);
  const uint32_t waiting = look.queued.value_or(0) + look.slow.value_or(0);
  const bool saturated = look.threads > 0 && busy == look.threads;
  busy_ += busy;
  now_.saturated_looks += saturated;
  now_.full_looks += saturated && waiting > 0;
  now_.threads = look.threads;
  if (look.queued) now_.queued = look.queued;
  if (look.slow) now_.slow = look.slow;
  now_.most_queued = std::max(now_.most_queued, waiting);
  const auto& jobs = look.waiting;
  const auto slow =
      jobs.begin() + static_cast<ptrdiff_t>(std::min<size_t>(look.queued.value_or(0), jobs.size()));
  if (look.queued) queue_.add(look.at_ns, {jobs.begin(), slow});
  if (look.slow) slow_queue_.add(look.at_ns, {slow, jobs.end()});
}

std::optional<PoolFigures> PoolLooks::take() {
  if (now_.looks == 0) return std::nullopt;
  now_.busy = static_cast<double>(std::exchange(busy_, 0)) / now_.looks;
  now_.waits = queue_.take();
  const JobWaitFigures slow = slow_queue_.take();
  now_.waits.ended += slow.ended;
  now_.waits.ended_ns += slow.ended_ns;
  now_.waits.longest_ns = std::max(now_.waits.longest_ns, slow.longest_ns);
  return std::exchange(now_, PoolFigures());
}

}  // namespace timeslice::model
