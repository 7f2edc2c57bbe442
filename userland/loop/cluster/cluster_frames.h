// SPDX-License-Identifier: MIT
// What do the manager of a cluster and its workers say to each other? These frames, over one
// IpcChannel for each worker.
//
// A connection is passed in two steps, so that it's never in nobody's hands: the manager keeps its
// own descriptor until the worker says `taken`, and the worker touches the connection only after
// that has been sent. So what a dead worker hadn't said to have taken is whole, and goes to another
// one.
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

namespace timeslice::loop {

enum class ClusterFrame : std::uint16_t {
  // From the manager.
  connection = 1,  // with a descriptor
  drain,           // take no more, finish what was begun, end
  // From the worker.
  ready,      // it can serve
  heartbeat,  // its loop turns
  taken,      // a count: so many of the oldest connections passed are the worker's now
  refused,    // a count: so many came without their descriptor, as the worker has none left
  leaving,    // it drains without having been asked to
  // Both ways.
  message,  // of the program's own
};

inline constexpr std::uint16_t type_of(ClusterFrame frame) {
  return static_cast<std::uint16_t>(frame);
}

inline std::string count_payload(std::uint32_t count) {
  std::string payload(sizeof count, '\0');
  std::memcpy(payload.data(), &count, sizeof count);
  return payload;
}

inline std::optional<std::uint32_t> count_of(const std::string& payload) {
  std::uint32_t count;
  if (payload.size() != sizeof count) return std::nullopt;
  std::memcpy(&count, payload.data(), sizeof count);
  return count;
}

}  // namespace timeslice::loop
