// SPDX-License-Identifier: MIT
// What does io_uring do for some processes? Probes count its operations while this lives, the
// kernel says of each ring how full it is, and a pass over the threads what they cost.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/uring_frame.h"
#include "observe/source.h"
#include "observe/uring_events.h"
#include "observe/uring_rings.h"

namespace timeslice::live {

class UringWatch {
 public:
  explicit UringWatch(const std::vector<uint32_t>& tgids);  // throws Failure

  // What happened since the call before, or since the construction. Throws Failure.
  model::UringFrame take();

 private:
  struct Process {
    uint32_t tgid;
    observe::RingFinder rings;
    std::string command;
  };
  void read_rings(model::UringFrame& frame, model::UringReading& reading);

  std::vector<Process> processes_;
  std::string note_;
  std::unique_ptr<observe::UringEvents> events_;  // null: no probes here
  std::unique_ptr<observe::Source> source_;
  model::UringInterval interval_;
};

}  // namespace timeslice::live
