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

// Looks can't tell who is on a CPU: the one who looks is on one itself, maybe in the other's place.
// Where this one doesn't sleep, what is left of the time since the look before may have been
// without a job.
void PoolLooks::add_worker(const WorkerLook& look) {
  PoolWork& work = now_.work;
  ++work.looks;
  const uint64_t oncpu = std::min(look.cpu_ns, look.since_ns);
  const uint64_t wait = std::min(look.wait_ns, look.since_ns - oncpu);
  work.time.oncpu += oncpu;
  work.time.wait += wait;
  if (look.call.empty()) return;
  work.time.asleep += look.since_ns - oncpu - wait;
  ++calls_[look.call];
}

std::optional<PoolFigures> PoolLooks::take() {
  if (now_.looks == 0) return std::nullopt;
  now_.work.calls = sorted_calls(std::exchange(calls_, {}));
  now_.busy = static_cast<double>(std::exchange(busy_, 0)) / now_.looks;
  now_.waits = queue_.take();
  const JobWaitFigures slow = slow_queue_.take();
  now_.waits.ended += slow.ended;
  now_.waits.ended_ns += slow.ended_ns;
  now_.waits.longest_ns = std::max(now_.waits.longest_ns, slow.longest_ns);
  return std::exchange(now_, PoolFigures());
}

}  // namespace timeslice::model
