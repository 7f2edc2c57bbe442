// SPDX-License-Identifier: MIT
// How do single events get out of the kernel? A Stream is stream mode while it is attached:
// the probes of bpf/stream.bpf.c, a ring buffer per CPU, and what was dropped. It returns the
// records of bpf/wire.h in place, as they are in the rings; nothing is interpreted here.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "bpf/wire.h"

namespace timeslice::observe {

struct StreamOptions {
  std::vector<uint32_t> tgids;  // these and all that they fork; empty: the machine
  bool leave_out_self = true;   // our own wake-ups; our switches are always reported
  uint32_t ring_bytes = 0;      // a core; a power of two and of pages; 0: ring_bytes_for(cores)
};

// 4 MiB a core; from 65 cores on less, so that all of them take 256 MiB, but 256 KiB at least.
[[nodiscard]] uint32_t ring_bytes_for(uint32_t cores);

class Stream {
 public:
  // Loads, attaches, and begins at once. Throws Failure, with the reason and what to do about it.
  explicit Stream(const StreamOptions& options);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Becomes readable when a quarter of some ring has been filled since the last time.
  [[nodiscard]] int fd() const;

  // Hands over, core by core, every record that is complete by now; each core's are in the order of
  // time. A record lives only during the call. Returns how many. Throws Failure.
  using Take = std::function<void(const ts_event& event)>;
  size_t consume(const Take& take);

  // A map of the processes that are recorded, for other programs that follow the same.
  [[nodiscard]] int filter() const;
  // Takes a process out of the filter; what it has forked stays in.
  void forget(uint32_t tgid);

  // No probe is left from now on; what the rings hold can still be consumed.
  void detach();

  // CLOCK_MONOTONIC as records have it: the machine's, which a time namespace doesn't set.
  [[nodiscard]] uint64_t now_ns() const;

  // By core; the ring's causes only (enum ts_drop_cause).
  [[nodiscard]] std::vector<ts_stream_core> figures() const;
  // Processes that could not be followed, for the filter was full.
  [[nodiscard]] uint64_t filter_failures() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace timeslice::observe
