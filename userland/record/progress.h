// SPDX-License-Identifier: MIT
// What does the user see during a recording? A line on stderr, at most twice per second,
// if that is a terminal.
#pragma once
#include <cstdint>

namespace timeslice::record {

class Progress {
 public:
  explicit Progress(bool quiet);

  [[nodiscard]] bool due(uint64_t now_ns) const;
  struct Figures {
    uint64_t now_ns, begin_ns, events, bytes, lost;
  };
  void show(const Figures& figures);
  // Takes the line away.
  void clear() const;

 private:
  bool shown_here_;
  uint64_t shown_ns_ = 0;  // 0: never
};

}  // namespace timeslice::record
