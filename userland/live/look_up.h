// SPDX-License-Identifier: MIT
// Through what does the model learn what isn't in a row? Here the model's questions meet the files
// and memory of processes, for it knows no system call itself. No process can keep us by not
// answering: what isn't known in time is asked again at the next pass, and who was late twice isn't
// asked for a minute.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "model/group.h"
#include "observe/look_up_thread.h"

namespace timeslice::live {

class LookUps {
 public:
  // This outlives the result.
  model::LookUp functions();

 private:
  using Clock = std::chrono::steady_clock;
  struct Lateness {
    int times = 0;
    Clock::time_point last;
  };

  void ask_ahead(std::span<const uint32_t> tgids);
  std::optional<ts_process_facts> facts_of(uint32_t tgid);
  std::optional<std::vector<ts_stack_facts>> stacks_of(uint32_t tgid,
                                                       std::span<const model::StackQuery> queries);
  void was_late(uint32_t tgid);
  [[nodiscard]] bool is_avoided(uint32_t tgid) const;

  observe::LookUpThread thread_;
  std::map<uint32_t, ts_process_facts> answers_;  // of the pass that goes on
  std::map<uint32_t, Lateness> late_;
};

}  // namespace timeslice::live
