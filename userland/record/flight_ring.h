// SPDX-License-Identifier: MIT
// What were the last seconds? A flight recorder keeps a recording in memory, in segments that could
// each be the beginning of a file: who was there, then what happened. The oldest go as new ones
// come.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace timeslice::record {

class FlightRing {
 public:
  explicit FlightRing(uint64_t keep_ns) : keep_ns_(keep_ns) {}

  // `opening`: the file's first packets, as of `moment_ns`. `lost`: records until then, by core.
  void begin(uint64_t moment_ns, std::string opening, std::vector<uint64_t> lost) {
    segments_.push_back({moment_ns, std::move(opening), {}, std::move(lost)});
    while (segments_.size() > 1 && segments_[1].begin_ns + keep_ns_ <= moment_ns)
      segments_.pop_front();
  }
  void append(const std::string& events) { segments_.back().events += events; }

  // A whole file, but for its end.
  [[nodiscard]] std::string bytes() const {
    std::string bytes = segments_.front().opening;
    for (const Segment& segment : segments_) bytes += segment.events;
    return bytes;
  }
  [[nodiscard]] uint64_t begin_ns() const { return segments_.front().begin_ns; }
  [[nodiscard]] const std::vector<uint64_t>& lost_before() const { return segments_.front().lost; }
  [[nodiscard]] uint64_t size() const {
    uint64_t size = 0;
    for (const Segment& segment : segments_) size += segment.opening.size() + segment.events.size();
    return size;
  }

 private:
  struct Segment {
    uint64_t begin_ns;
    std::string opening, events;
    std::vector<uint64_t> lost;
  };
  uint64_t keep_ns_;
  std::deque<Segment> segments_;
};

}  // namespace timeslice::record
