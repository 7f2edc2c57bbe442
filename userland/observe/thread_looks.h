// SPDX-License-Identifier: MIT
// What are a few chosen threads doing right now? For who looks a hundred times a second, when a
// pass over all threads would be too much.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bpf/look.h"

namespace timeslice::observe {

class ThreadLooks {
 public:
  ThreadLooks() = default;
  virtual ~ThreadLooks() = default;
  ThreadLooks(const ThreadLooks&) = delete;
  ThreadLooks& operator=(const ThreadLooks&) = delete;

  // A look at each, in this order; valid until the next call. `have` is 0 of one that is gone.
  // Throws Failure.
  virtual std::span<const ts_look> read(std::span<const uint32_t> tids) = 0;
  [[nodiscard]] virtual std::string_view source() const = 0;  // "bpf", "proc"
};

// By BPF, or where that can't be had by the files of /proc, which don't have all registers: then
// `note` says why.
std::unique_ptr<ThreadLooks> open_thread_looks(std::string& note);

}  // namespace timeslice::observe
