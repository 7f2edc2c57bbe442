// SPDX-License-Identifier: MIT
#include "loop/guest.h"

#include "loop/loop.h"

namespace timeslice::loop {

Guest::Guest(Loop& loop) { loop.guests_.push_back(*this); }

}  // namespace timeslice::loop
