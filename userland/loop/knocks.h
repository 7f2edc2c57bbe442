// SPDX-License-Identifier: MIT
// How does a connect to a path wait whose listener has no room? Such a socket has no readiness: it
// connects at once, is refused, or is told to try again later, and nothing tells when. A thread
// that waited in the call could be reached by no cancel and no deadline, and there are few threads.
// So it knocks again every few milliseconds, on every back end.
#pragma once
#include "loop/backend.h"
#include "loop/timer.h"

namespace timeslice::loop {

class Knocks {
 public:
  Knocks(Loop& loop, Backend& backend) : backend_(backend), timer_(loop, [this] { knock(); }) {
    timer_.unref();
  }

  // Ends by the back end's cancel() as anything that waits there.
  void add(Request& request);
  // When the loop goes.
  void end();

 private:
  void knock();

  Backend& backend_;
  List<Request> waiting_;
  Timer timer_;
};

}  // namespace timeslice::loop
