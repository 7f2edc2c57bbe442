// SPDX-License-Identifier: MIT
// Who lets the clients in? The intake accepts as long as there is room: it pauses at a limit, until
// somebody has left, and rests when descriptors run out. Whoever isn't accepted waits in the
// kernel's queue.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "base/unique_fd.h"
#include "demo/counts.h"
#include "loop/core/loop.h"
#include "loop/io/rest.h"

namespace timeslice::demo {

class Intake {
 public:
  // `on_connection` gets each socket. It holds a request: it must outlive the loop.
  Intake(UniqueFd listener, std::size_t most, Counts& counts,
         std::function<void(UniqueFd)> on_connection);

  // Begins to accept, if there is something to accept from.
  void start(loop::Loop& loop);
  // A connection that somebody else has accepted.
  void let_in(UniqueFd connection);
  // Somebody has left.
  void go_on();
  // Lets in whoever has connected already, accepted or not, and closes the listener. The second
  // call closes it at once.
  void stop();

 private:
  void accepted(int result);
  void accept();
  void rest();
  void empty_queue();
  void close();
  [[nodiscard]] bool full() const { return !stopping_ && counts_.connections >= most_; }

  UniqueFd listener_;
  const std::size_t most_;
  Counts& counts_;
  std::function<void(UniqueFd)> on_connection_;
  loop::Loop* loop_ = nullptr;
  loop::Multishot accepting_;
  std::vector<UniqueFd> at_the_door_;  // accepted, while it was full already
  std::optional<loop::Rest> rest_;
  bool stopping_ = false;
  bool looks_again_ = false;  // in the next turn
  unsigned last_ones_ = 0;    // that may still come in
};

}  // namespace timeslice::demo
