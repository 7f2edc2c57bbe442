// SPDX-License-Identifier: MIT
// Which figures did every thread have at one moment? A pass over the threads takes a while, and
// each is read at a moment of its own. With the records of what happened meanwhile, their rows are
// brought to one moment after the pass: what a row hasn't counted yet is added to it, and what it
// has isn't. A switch's record carries the low bits of the kernel's two counters, so which of both
// it is, is known.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "bpf/wire.h"

namespace timeslice::model {

// What happened from the beginning of the pass on; a copy of the stream's records.
class Meanwhile {
 public:
  void add(const ts_event& event);
  void clear() { bytes_.clear(), at_.clear(); }
  // In the order of time.
  [[nodiscard]] std::vector<const ts_event*> sorted() const;

 private:
  std::vector<char> bytes_;
  std::vector<size_t> at_;
};

// The rows of `threads`, read within [begin_ns, end_ns], as they were at `moment_ns` (not before
// end_ns). `meanwhile` holds all records since begin_ns at least. Threads that began meanwhile are
// added, those that ended are left out. cpu_ns stays as it was read: it lags by up to a tick
// anyway.
std::vector<ts_thread_row> settle(std::span<const ts_thread_row* const> threads, uint64_t begin_ns,
                                  uint64_t end_ns, uint64_t moment_ns, const Meanwhile& meanwhile);

// A row of a core is of an online one, or of one that only has been.
bool is_online(const ts_core_row& core);

// Which online cores had nothing to do at `moment_ns`, by number: those of `cores`, as the same
// pass read them, whose queue was empty and stayed so, or that their last record since begin_ns
// leaves to the idle thread, and that no row of `settled` has a thread on.
std::vector<uint32_t> idle_cores(std::span<const ts_core_row> cores,
                                 std::span<const ts_thread_row> settled, uint64_t begin_ns,
                                 uint64_t moment_ns, const Meanwhile& meanwhile);

}  // namespace timeslice::model
