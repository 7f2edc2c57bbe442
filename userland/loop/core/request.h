// SPDX-License-Identifier: MIT
// What is one operation while it is under way? A Request: what to do, its arguments, its result,
// the way it took, its deadline, and whom to call. The caller owns it and it does not move: the
// kernel, an epoll set or a pool thread holds its address. Starting allocates nothing beyond what
// the callback captures.
//
// The one rule: a request, its buffer and its path stay untouched from start to *its own*
// completion, also after cancel(): a cancelled read may have been written into already. That is
// asserted.
#pragma once
#include <cstdint>
#include <functional>
#include <utility>

#include "loop/core/done.h"
#include "loop/core/fork_guard.h"
#include "loop/core/handle.h"
#include "loop/core/list.h"
#include "loop/core/operation.h"
#include "loop/core/timer_heap.h"

namespace timeslice::loop {

class Loop;
class Request;
using Task = std::function<void()>;

class Request : public Handle, public Link, public TimerNode {
 public:
  Request() : TimerNode(Owner::request) {}
  ~Request() {
    // In a forked child the parent's requests never end.
    assert((!in_flight() || fork_generation > 0) &&
           "a request must not go before its own completion");
  }

  // From the start until just before its (last) callback; then it may be started again, or
  // destroyed.
  [[nodiscard]] bool in_flight() const { return active(); }
  // >= 0 as the system call would return (bytes, an fd, poll's events), or -errno.
  [[nodiscard]] int result() const { return op.result; }
  [[nodiscard]] Route route() const { return op.route; }

  // Asks for an early end. The callback comes all the same: with -ECANCELED, or with the real
  // result if that was quicker. Work that runs on a thread already can't be cut short.
  // (A kernel worker that a cancel wakes says -EINTR; that is told as -ECANCELED, too.)
  void cancel();
  // Of a lazy send: somebody waits for it now.
  void hurry() { op.flags = in_flight() && op.kind == Kind::send ? 0 : op.flags; }
  // Of a request in flight: cancels it when this time has passed from now on; its result is then
  // -ETIMEDOUT, or the real one if that was quicker.
  void expire_after(Nanoseconds time);

  Operation op;
  Task job;  // of work

 private:
  friend class Loop;
  bool cancel_asked_ = false;
  bool expired_ = false;
  Loop* loop_ = nullptr;
  Done done_;
};

}  // namespace timeslice::loop
