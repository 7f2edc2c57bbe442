// SPDX-License-Identifier: MIT
// Which thread is it, since the machine was started? Its number alone doesn't say: the kernel gives
// it to another one when this one has ended. With the moment of its start it does, and so does a
// process's number with that of its first thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>

namespace timeslice {

struct ThreadKey {
  uint32_t tid = 0;
  uint64_t start_ns = 0;  // CLOCK_BOOTTIME
  bool operator==(const ThreadKey&) const = default;
  bool operator<(const ThreadKey& other) const {
    return std::tie(tid, start_ns) < std::tie(other.tid, other.start_ns);
  }
};

}  // namespace timeslice

template <>
struct std::hash<timeslice::ThreadKey> {
  std::size_t operator()(const timeslice::ThreadKey& key) const noexcept {
    return std::hash<std::uint64_t>()(key.start_ns ^ (std::uint64_t{key.tid} << 42));
  }
};
