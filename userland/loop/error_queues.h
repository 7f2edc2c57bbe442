// SPDX-License-Identifier: MIT
// Which sockets may have a queue of errors that nobody reads? One that lasts makes a socket ready
// for good, with nothing to receive: io_uring then tries a receive 128 times, and at last has one
// of its few workers wait in the call. So those are received from by another way. It's asked of the
// system once for each descriptor, until the loop closes it: an option that is set after the first
// receive isn't noticed, nor is a new file under a number that was closed past the loop.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace timeslice::loop {

class ErrorQueues {
 public:
  // Whether the socket was told to keep errors, or when and where its data went.
  bool may_have(int fd);
  // Its number may be another file's from now on.
  void forget(int fd);

 private:
  bool ask(int fd);

  enum class Known : std::uint8_t { nothing, no, yes };
  std::vector<Known> known_;  // by descriptor
};

inline bool ErrorQueues::may_have(int fd) {
  const auto at = static_cast<std::size_t>(fd);
  if (at < known_.size() && known_[at] != Known::nothing) return known_[at] == Known::yes;
  return ask(fd);
}

inline void ErrorQueues::forget(int fd) {
  const auto at = static_cast<std::size_t>(fd);
  if (at < known_.size()) known_[at] = Known::nothing;
}

}  // namespace timeslice::loop
