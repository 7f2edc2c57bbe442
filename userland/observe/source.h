// SPDX-License-Identifier: MIT
// Where do facts about threads come from? A Source returns, pass by pass, what one mode of
// observation knows: the rows of bpf/wire.h, uninterpreted. Each mode is one Source.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bpf/snapshot.h"

namespace timeslice::observe {

class Source {
 public:
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  // One pass over all threads, or over those of the tgids asked for. Throws Failure.
  virtual const Snapshot& read() = 0;
  [[nodiscard]] std::string_view name() const { return snapshot_.source; }
  [[nodiscard]] Mode mode() const { return snapshot_.mode; }

 protected:
  Source(std::string_view name, Mode mode) {
    snapshot_.source = name;
    snapshot_.mode = mode;
  }

  Snapshot snapshot_;
};

// Each opens its mode, or throws Failure with the reason and the fix.
// `tgids`: only these processes' threads; empty: all.
std::unique_ptr<Source> open_count_source(const std::vector<uint32_t>& tgids);
std::unique_ptr<Source> open_sched_source(const std::vector<uint32_t>& tgids);
std::unique_ptr<Source> open_kmod_source(const std::vector<uint32_t>& tgids);
std::unique_ptr<Source> open_proc_source(const std::vector<uint32_t>& tgids);

}  // namespace timeslice::observe
