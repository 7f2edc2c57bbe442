// SPDX-License-Identifier: MIT
// How does io_uring look in Perfetto's own viewer? As counters below each process: of each of its
// rings the operations per second by opcode and route, those in flight, and the slowest; and what
// its workers and pollers take. Our own reader passes these over, as it does those of loops.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "trace/uring_notes.h"

namespace timeslice::trace {

class UringPackets {
 public:
  // The file's times are CLOCK_MONOTONIC and `boot_offset_ns`.
  explicit UringPackets(uint64_t boot_offset_ns) : boot_offset_ns_(boot_offset_ns) {}

  // Each appends to `out` what its counters are, where those are new, and their values.
  void append(std::string& out, const RingStretchNote& stretch);
  void append(std::string& out, const RingThreadsNote& threads);

 private:
  struct Track {
    uint32_t tgid;
    int32_t fd;
    uint32_t slot;   // an opcode, or one of those that stand for other things
    uint32_t which;  // its route; or else which of those things
    [[nodiscard]] uint64_t uuid() const;
    [[nodiscard]] uint64_t ring() const;  // what all of a ring's have in common
  };

  void describe_process(std::string& out, uint32_t tgid);
  void describe(std::string& out, const Track& track, const std::string& name);
  void count(std::string& out, uint64_t uuid, uint64_t time_ns, double value);
  void count(std::string& out, const Track& track, const std::string& name, uint64_t time_ns,
             double value);

  uint64_t boot_offset_ns_;
  std::map<uint64_t, double> values_;  // by track: its last one; and each process's track
};

}  // namespace timeslice::trace
