// SPDX-License-Identifier: MIT
#include "loop/core/request.h"

#include "loop/core/deadline.h"
#include "loop/core/loop.h"

namespace timeslice::loop {

void Request::cancel() {
  if (!in_flight()) return;
  cancel_asked_ = true;
  loop_->backend_->cancel(*this);
}

void Request::expire_after(Nanoseconds time) {
  assert(in_flight());
  if (in_heap()) loop_->timers_.remove(*this);
  loop_->timers_.insert(*this, deadline_after(loop_->backend_->now(), time));
}

}  // namespace timeslice::loop
