// SPDX-License-Identifier: MIT
#include "loop/core/fork_guard.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace timeslice::loop {

namespace {

struct Guarded {
  std::mutex mutex;
  std::vector<int> fds;
};

// Never destroyed: a fork may come as late as in an exit handler.
Guarded& guarded() {
  static auto* const all = new Guarded;
  return *all;
}

void in_child() {
  for (const int fd : guarded().fds) ::close(fd);
  guarded().fds.clear();
  ++fork_generation;
  guarded().mutex.unlock();
}

void watch_forks() {
  static const int registered =
      ::pthread_atfork([] { guarded().mutex.lock(); }, [] { guarded().mutex.unlock(); }, in_child);
  static_cast<void>(registered);
}

}  // namespace

ClosedInChildren::ClosedInChildren(int fd) : fd_(fd) {
  watch_forks();
  const std::lock_guard lock(guarded().mutex);
  guarded().fds.push_back(fd_);
}

ClosedInChildren::~ClosedInChildren() {
  const std::lock_guard lock(guarded().mutex);
  auto& fds = guarded().fds;
  fds.erase(std::remove(fds.begin(), fds.end(), fd_), fds.end());
}

}  // namespace timeslice::loop
