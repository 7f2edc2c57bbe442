// SPDX-License-Identifier: MIT
// Who wants to be called once in every turn? A hook, in one of three phases: idle and prepare come
// before the wait for events, check after it. An active idle hook keeps the loop from sleeping.
#pragma once
#include <cstdint>

#include "loop/core/request.h"

namespace timeslice::loop {

enum class Phase : std::uint8_t { idle, prepare, check };

class Hook : public Handle, public Link {
 public:
  Hook(Loop& loop, Phase phase, Task on_turn)
      : loop_(loop), phase_(phase), on_turn_(std::move(on_turn)) {}
  ~Hook() { stop(); }

  void start();
  void stop();

 private:
  friend class Loop;
  Loop& loop_;
  Phase phase_;
  Task on_turn_;
};

}  // namespace timeslice::loop
