// SPDX-License-Identifier: MIT
// How do event loops look in Perfetto's own viewer? Each is a track below its process, with a slice
// for each block; its utilisation, its delays and the process's thread pool are counters. All that
// our own reader wants of them stands in messages of our own, so it passes these over.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "trace/loop_notes.h"

namespace timeslice::trace {

class LoopPackets {
 public:
  // The file's times are CLOCK_MONOTONIC and `boot_offset_ns`.
  explicit LoopPackets(uint64_t boot_offset_ns) : boot_offset_ns_(boot_offset_ns) {}

  // Each appends to `out` what its track is, if that is new, and what happened on it.
  void append(std::string& out, const LoopStretchNote& stretch);
  void append(std::string& out, const LoopBlockNote& block);
  void append(std::string& out, const PoolStretchNote& stretch);

 private:
  struct Track {
    uint32_t kind, tgid, tid;  // one of kTracks; tid 0: the process's
    [[nodiscard]] uint64_t uuid() const;
  };

  void describe(std::string& out, const Track& track);
  void describe_process(std::string& out, uint32_t tgid);
  void count(std::string& out, const Track& track, uint64_t time_ns, double value);
  void append_event(std::string& out, uint64_t time_ns, const std::string& event) const;

  uint64_t boot_offset_ns_;
  std::map<uint64_t, uint64_t> ends_ns_;  // by track: of its last slice
};

// "name (file:line)", without control characters; "blocked" where no function is known.
std::string slice_name(const LoopBlockNote& block);

}  // namespace timeslice::trace
