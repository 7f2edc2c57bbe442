// SPDX-License-Identifier: MIT
// What is each thread called while a recording is written? The compact form wants a name with every
// switch; the kernel's records have it only when it changes.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "bpf/wire.h"

namespace timeslice::trace {

class Names {
 public:
  void set(uint32_t tid, const char (&comm)[TS_COMM_SIZE], uint32_t flags) {
    Name& name = names_[tid];
    std::memcpy(name.comm.data(), comm, TS_COMM_SIZE);
    name.outside = (flags & TS_THREAD_OUTSIDE) != 0;
    ++changes_;
  }
  // Empty where it isn't known.
  [[nodiscard]] std::string_view comm(uint32_t tid) const {
    if (tid == 0) return "swapper";
    const auto found = names_.find(tid);
    if (found == names_.end()) return {};
    return {found->second.comm.data(), strnlen(found->second.comm.data(), TS_COMM_SIZE)};
  }
  // Left out by the recording's filter. Who isn't known is.
  [[nodiscard]] bool is_outside(uint32_t tid) const {
    const auto found = names_.find(tid);
    return tid != 0 && (found == names_.end() || found->second.outside);
  }
  // Moves with every set(), so that a copy can tell that it is out of date.
  [[nodiscard]] uint64_t changes() const { return changes_; }

 private:
  struct Name {
    std::array<char, TS_COMM_SIZE> comm{};
    bool outside = false;
  };
  std::unordered_map<uint32_t, Name> names_;
  uint64_t changes_ = 0;
};

}  // namespace timeslice::trace
