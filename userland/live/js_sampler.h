// SPDX-License-Identifier: MIT
// In which JavaScript function is a thread, as far as a sample from outside can tell? Here a look's
// registers, the process's mappings and V8's description of itself come together.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bpf/look.h"
#include "model/block_profile.h"
#include "model/loop_activity.h"
#include "observe/target_memory.h"
#include "runtime/v8_stack.h"

namespace timeslice::live {

class JsSampler {
 public:
  explicit JsSampler(uint32_t tgid);

  // Where the process's functions can't be named, why: a sentence. Empty: they can.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }

  // Absent: the sample was in doubt, or there are no registers to take one by.
  std::optional<model::StackSample> sample(const ts_look& look, uint64_t now_ns,
                                           bool with_requests = false);
  // What V8 does on the thread at the moment: a few words are read, no stack.
  model::VmState state(const ts_look& look);

 private:
  void find_v8();
  void read_mappings(uint64_t now_ns);

  uint32_t tgid_;
  observe::TargetMemory memory_;
  std::string refusal_;
  std::optional<runtime::V8Stacks> stacks_;
  uint64_t image_inode_ = 0;
  uint64_t mappings_read_ns_ = 0;
};

}  // namespace timeslice::live
