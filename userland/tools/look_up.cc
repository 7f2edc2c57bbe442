// SPDX-License-Identifier: MIT
#include "tools/look_up.h"

#include <vector>

namespace timeslice::tools {

model::LookUp look_up_through(observe::ProcessLookUp& files) {
  model::LookUp look_up;
  look_up.process = [&files](uint32_t tgid) { return files.look_up(tgid); };
  look_up.stacks = [](uint32_t tgid, std::span<const model::StackQuery> queries) {
    std::vector<uint32_t> tids;
    std::vector<uint64_t> stack_pointers;
    for (const model::StackQuery& query : queries) {
      tids.push_back(query.tid);
      stack_pointers.push_back(query.user_sp);
    }
    return observe::ProcessLookUp::stacks(tgid, tids, stack_pointers);
  };
  return look_up;
}

}  // namespace timeslice::tools
