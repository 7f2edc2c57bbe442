// SPDX-License-Identifier: MIT
#include "loop/core/hook.h"

#include "loop/core/loop.h"

namespace timeslice::loop {

void Hook::start() {
  if (active()) return;
  loop_.hooks(phase_).push_back(*this);
  activate(loop_.backend_->alive);
}

void Hook::stop() {
  unlink();
  deactivate();
}

}  // namespace timeslice::loop
