// SPDX-License-Identifier: MIT
#include "model/job_waits.h"

#include <algorithm>
#include <utility>

namespace timeslice::model {

void JobWaits::end(const Waiting& job, uint64_t at_ns) {
  const uint64_t waited = at_ns - std::min(job.since_ns, at_ns);
  ++now_.ended;
  now_.ended_ns += waited;
  now_.longest_ns = std::max(now_.longest_ns, waited);
}

void JobWaits::add(uint64_t at_ns, const std::vector<uint64_t>& jobs) {
  ++looks_;
  for (uint64_t place = 0; place < jobs.size(); ++place) {
    const auto [known, is_new] = waiting_.try_emplace(jobs[place], Waiting{at_ns, place, looks_});
    if (is_new) continue;
    Waiting& job = known->second;
    if (place > job.place) {
      end(job, at_ns);
      job.since_ns = at_ns;
    }
    job.place = place;
    job.look = looks_;
    now_.longest_ns = std::max(now_.longest_ns, at_ns - std::min(job.since_ns, at_ns));
  }
  std::erase_if(waiting_, [&](const auto& job) {
    if (job.second.look == looks_) return false;
    end(job.second, at_ns);
    return true;
  });
}

JobWaitFigures JobWaits::take() { return std::exchange(now_, {}); }

}  // namespace timeslice::model
