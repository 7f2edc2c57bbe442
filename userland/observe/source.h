// SPDX-License-Identifier: MIT
// Where do facts about threads come from? A Source hands out, pass by pass, what one way of looking
// knows: the rows of bpf/wire.h, nothing interpreted. Each rung of the ladder is one Source.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bpf/wire.h"

namespace timeslice::observe {

// What one pass brought. The rows live until the source's next pass.
struct Snapshot {
  ts_snapshot_header header{};
  std::vector<const ts_thread_row*> threads;
  // Beside `threads`, null where a thread has none; empty on a rung without scheduling probes.
  std::vector<const ts_sched_row*> scheds;
  // Indices into `threads` whose row is another than at the pass before: those that ran, run, wait,
  // or stand where another thread stood. All others have slept since then. At a source's first
  // pass: all of them.
  std::vector<uint32_t> news;
  std::vector<ts_core_row> cores;  // in no order
};

class Source {
 public:
  virtual ~Source() = default;
  // One pass over all threads, or over those of the tgids asked for. Throws Failure.
  virtual const Snapshot& read() = 0;
  [[nodiscard]] virtual const char* name() const = 0;  // "bpf", "kmod", "proc": JSON's `source`
  [[nodiscard]] virtual const char* rung() const = 0;  // "count", "aggregate", "proc"
};

// Each opens its rung, or throws Failure with the reason and what to do about it.
// `tgids`: only these processes' threads; empty: all.
std::unique_ptr<Source> open_count_source(const std::vector<uint32_t>& tgids);
std::unique_ptr<Source> open_sched_source(const std::vector<uint32_t>& tgids);
std::unique_ptr<Source> open_kmod_source(const std::vector<uint32_t>& tgids);
std::unique_ptr<Source> open_proc_source(const std::vector<uint32_t>& tgids);

}  // namespace timeslice::observe
