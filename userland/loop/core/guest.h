// SPDX-License-Identifier: MIT
// Who must hear that a loop goes away, while it can still be reached? Whatever other threads ring
// it through: a bound port's sender, a worker that ends. A guest is told first, on the loop's own
// thread, and from then on keeps everyone off the loop.
#pragma once
#include "loop/core/list.h"

namespace timeslice::loop {

class Loop;

class Guest : public Link {
 protected:
  // On the loop's thread, like everything else here.
  explicit Guest(Loop& loop);
  ~Guest() = default;

  // Called at most once, and not after an unlink(). No callback runs any more.
  virtual void loop_ends() noexcept = 0;

 private:
  friend class Loop;
};

}  // namespace timeslice::loop
