// SPDX-License-Identifier: MIT
// How does a request wait for what polls don't tell apart? The ring's always tell of a half-closed
// peer too (POLLRDHUP), asked for or not, and all tell of an error for as long as it lasts. Whoever
// waits for room in such a socket would be woken at once, again and again, or sit in a kernel
// worker. So those few wait in an epoll set, which tells what it was asked for, and each change
// once (EPOLLET); the ring watches the set, and so does the simulator.
#pragma once
#include <optional>
#include <unordered_map>

#include "base/unique_fd.h"
#include "loop/core/fork_guard.h"
#include "loop/core/list.h"
#include "loop/core/request.h"

namespace timeslice::loop {

class EventSet {
 public:
  // Of the set, which is made when it's first needed.
  [[nodiscard]] int fd() const { return epoll_.get(); }
  [[nodiscard]] bool empty() const { return watches_.empty(); }

  // It waits here until take() hands it over, or until it is unlinked. 0 or -errno.
  int add(Request& request);
  // Hands over what waited for the events that have come, in the order in which it came:
  // tried(request, events), which takes it out if it need not wait longer.
  template <typename Tried>
  void take(Tried tried);
  // Each request that waits here; it may be taken out.
  template <typename Visit>
  void walk(Visit visit) {
    for (auto& [fd, watch] : watches_) watch.waiting.walk(visit);
  }
  // In a forked child, which has closed it.
  void abandon() noexcept { static_cast<void>(epoll_.release()); }

 private:
  static constexpr int kAtOnce = 64;
  struct Watch {
    List<Request> waiting;
  };
  struct Came {
    int fd;
    std::uint32_t events;
  };

  int make();
  int watch(int fd, std::uint32_t events);
  int collect(Came* came);
  static bool concern(const Request& request, std::uint32_t happened);
  void forget(int fd);

  UniqueFd epoll_;
  std::optional<ClosedInChildren> stays_here_;
  std::unordered_map<int, Watch> watches_;
};

template <typename Tried>
void EventSet::take(Tried tried) {
  Came came[kAtOnce];
  const int count = collect(came);
  for (int i = 0; i < count; ++i) {
    const auto found = watches_.find(came[i].fd);
    if (found == watches_.end()) continue;
    found->second.waiting.walk([&](Request& request) {
      if (concern(request, came[i].events)) tried(request, came[i].events);
    });
    if (found->second.waiting.empty()) forget(came[i].fd);
  }
}

}  // namespace timeslice::loop
