// SPDX-License-Identifier: MIT
// What becomes of a loop in a forked child? It stays the parent's. A ring is bound to the process
// that made it, threads aren't copied, and an epoll set would be shared. So descriptors that are
// named here are closed in every child of fork(2) at once (a child that held a ring would keep its
// closed listeners accepting), and a loop can ask whether it is still at home. Children of
// posix_spawn and vfork need nothing: they exec, and all our descriptors are close-on-exec.
#pragma once
#include <cstdint>

namespace timeslice::loop {

// How many forks this process is away from the first that used a loop. Changes in a forked child,
// before it has a second thread, and only there.
inline std::uint64_t fork_generation = 0;

// Closes `fd` in children that are forked from now on, until it goes. It must go before `fd` is
// closed: in between, another thread's child would close whatever has that number by then.
class ClosedInChildren {
 public:
  explicit ClosedInChildren(int fd);
  ~ClosedInChildren();
  ClosedInChildren(const ClosedInChildren&) = delete;
  ClosedInChildren& operator=(const ClosedInChildren&) = delete;

 private:
  int fd_;
};

}  // namespace timeslice::loop
