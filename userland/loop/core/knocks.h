// SPDX-License-Identifier: MIT
// How does a connect to a path wait whose listener has no room, or a datagram whose receiver has
// none? Nothing tells when there is: the socket that sends is as ready as ever. A thread that
// waited in the call could be reached by no cancel and no deadline, and there are few threads; to
// try whenever the socket is ready would be to try all the time. So it knocks again after a pause,
// on every back end, and each pause is twice the last one, from 0.25 to 16 ms.
#pragma once
#include "loop/core/backend.h"
#include "loop/core/timer.h"

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
