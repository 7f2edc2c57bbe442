// SPDX-License-Identifier: MIT
// Has a thread waited too long for a core? Of a recording that ends then. With a filter, of those
// recorded, for no others' waits are known.
#pragma once
#include <string>

#include "bpf/wire.h"

namespace timeslice::record {

class Trigger {
 public:
  explicit Trigger(double wait_ms) : wait_ns_(wait_ms * 1e6) {}  // 0: never

  void look_at(const ts_event& event);
  // What set it off, as a sentence's beginning; empty: nothing yet.
  [[nodiscard]] const std::string& cause() const { return cause_; }

 private:
  double wait_ns_;
  std::string cause_;
};

}  // namespace timeslice::record
