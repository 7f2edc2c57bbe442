// SPDX-License-Identifier: MIT
// When is tried again what failed for want of descriptors or memory? After a rest: at once it would
// fail again, at full speed, and nobody tells when a descriptor is free. A connection that isn't
// accepted meanwhile is safe in the kernel's queue, one that isn't passed on with who holds it.
#pragma once
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <utility>

#include "loop/core/loop.h"

namespace timeslice::loop {

class Rest {
 public:
  // `try_again` is called when a rest is over. It may begin the next one.
  Rest(Loop& loop, Task try_again) : timer_(loop, std::move(try_again)) {}

  // Of an accept's -errno: the process or the machine has run out, and the listener is as good as
  // before.
  static bool is_due(int result) {
    return result == -EMFILE || result == -ENFILE || result == -ENOMEM || result == -ENOBUFS;
  }

  // For 50 ms from now on, also when it has begun already. Holds the loop.
  void begin() {
    ++begun_;
    timer_.start(kTime);
  }
  // Nothing is tried by it any more, until the next begin().
  void end() { timer_.stop(); }
  [[nodiscard]] bool active() const { return timer_.active(); }
  // How many there were.
  [[nodiscard]] std::uint64_t begun() const { return begun_; }

 private:
  static constexpr auto kTime = std::chrono::milliseconds(50);

  Timer timer_;
  std::uint64_t begun_ = 0;
};

}  // namespace timeslice::loop
