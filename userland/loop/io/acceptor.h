// SPDX-License-Identifier: MIT
// Who takes connections out of a listener's queue to pass them on? An Acceptor, as long as somebody
// can use them: what isn't taken waits in the kernel, where it's safe. When descriptors run out it
// rests (rest.h).
#pragma once
#include <functional>

#include "base/unique_fd.h"
#include "loop/core/loop.h"
#include "loop/io/rest.h"

namespace timeslice::loop {

class Acceptor {
 public:
  // `wanted` is asked before each accept, which is made only while the listener is in non-blocking
  // mode. It holds a request, so it must outlive its loop.
  Acceptor(Loop& loop, UniqueFd listener, std::function<bool()> wanted,
           std::function<void(UniqueFd)> on_connection);

  [[nodiscard]] int listener() const { return listener_.get(); }
  // Goes on when there is again somebody to accept for.
  void resume();
  // Whoever has connected by now, wanted or not. Only while the listener is in non-blocking mode.
  void take_last_ones();
  // Accepts no more, and closes the listener.
  void close();
  [[nodiscard]] std::uint64_t rests() const { return rest_.begun(); }

 private:
  void readable();
  [[nodiscard]] bool accept_one();

  Loop& loop_;
  UniqueFd listener_;
  std::function<bool()> wanted_;
  std::function<void(UniqueFd)> on_connection_;
  Request polling_;
  Rest rest_;
  bool closed_ = false;
};

}  // namespace timeslice::loop
