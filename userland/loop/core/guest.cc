// SPDX-License-Identifier: MIT
#include "loop/core/guest.h"

#include "loop/core/loop.h"

namespace timeslice::loop {

Guest::Guest(Loop& loop) { loop.guests_.push_back(*this); }

}  // namespace timeslice::loop
