// SPDX-License-Identifier: MIT
#include "live/look_up.h"

#include <algorithm>
#include <memory>
#include <vector>

namespace timeslice::live {

namespace {

// Once may be the machine's fault; and a number may be another process's by and by.
constexpr int kTimesForgiven = 1;
constexpr std::chrono::minutes kAvoidedFor{1};

}  // namespace

model::LookUp LookUps::functions() {
  model::LookUp look_up;
  look_up.ahead = [this](std::span<const uint32_t> tgids) { ask_ahead(tgids); };
  look_up.process = [this](uint32_t tgid) { return facts_of(tgid); };
  look_up.stacks = [this](uint32_t tgid, std::span<const model::StackQuery> queries) {
    return stacks_of(tgid, queries);
  };
  return look_up;
}

void LookUps::was_late(uint32_t tgid) {
  Lateness& lateness = late_[tgid];
  ++lateness.times;
  lateness.last = Clock::now();
}

bool LookUps::is_avoided(uint32_t tgid) const {
  const auto late = late_.find(tgid);
  return late != late_.end() && late->second.times > kTimesForgiven &&
         Clock::now() - late->second.last < kAvoidedFor;
}

// An answer is of this pass or none: later the process may be another program. Who was late comes
// last.
void LookUps::ask_ahead(std::span<const uint32_t> tgids) {
  answers_.clear();
  thread_.begin_pass();
  std::vector<uint32_t> asked;
  for (const uint32_t tgid : tgids)
    if (!is_avoided(tgid)) asked.push_back(tgid);
  std::stable_partition(asked.begin(), asked.end(),
                        [this](uint32_t tgid) { return late_.count(tgid) == 0; });
  const auto facts = std::make_shared<std::vector<ts_process_facts>>(asked.size());
  std::vector<observe::LookUpThread::Job> jobs;
  for (size_t i = 0; i < asked.size(); ++i)
    jobs.emplace_back([facts, i, tgid = asked[i]](observe::ProcessLookUp& files) {
      (*facts)[i] = files.look_up(tgid);
    });
  const auto result = thread_.run(std::move(jobs));
  for (size_t i = 0; i < result.done; ++i) answers_[asked[i]] = (*facts)[i];
  if (result.stuck) was_late(asked[result.done]);
}

std::optional<ts_process_facts> LookUps::facts_of(uint32_t tgid) {
  if (is_avoided(tgid)) {
    ts_process_facts nothing{};
    nothing.tgid = tgid;
    nothing.loop_epoll_fd = -1;
    return nothing;
  }
  const auto answer = answers_.find(tgid);
  if (answer == answers_.end()) return std::nullopt;
  return answer->second;
}

std::optional<std::vector<ts_stack_facts>> LookUps::stacks_of(
    uint32_t tgid, std::span<const model::StackQuery> queries) {
  if (is_avoided(tgid)) return std::vector<ts_stack_facts>();
  std::vector<uint32_t> tids;
  std::vector<uint64_t> stack_pointers;
  for (const model::StackQuery& query : queries) {
    tids.push_back(query.tid);
    stack_pointers.push_back(query.user_sp);
  }
  const auto stacks = std::make_shared<std::vector<ts_stack_facts>>();
  const auto result = thread_.run(
      {[=](observe::ProcessLookUp& files) { *stacks = files.stacks(tgid, tids, stack_pointers); }});
  if (result.stuck) was_late(tgid);
  if (result.done == 0) return std::nullopt;
  return *stacks;
}

}  // namespace timeslice::live
