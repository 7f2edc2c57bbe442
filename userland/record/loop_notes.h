// SPDX-License-Identifier: MIT
// What do the event loops of the recorded processes do? A LoopWatch looks at them meanwhile; what
// it has seen is written down at each flush: figures since the flush before, and each block when it
// has ended. Whatever becomes of that, the recording goes on, and a sentence says what is missing.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "live/descriptions.h"
#include "live/loop_watch.h"
#include "model/loop_frame.h"
#include "trace/writer.h"

namespace timeslice::record {

class LoopNotes {
 public:
  LoopNotes(uint64_t block_ns, bool quiet) : block_ns_(block_ns), quiet_(quiet) {}

  // From now on the loops of these. `now_ns`: the records' clock, which a time namespace doesn't
  // set; that of who looks may be another.
  void watch(std::vector<uint32_t> tgids, uint64_t now_ns);
  // Writes what is new, if the looking thread lets us have it within that time.
  void write_new(trace::Writer& writer, std::chrono::milliseconds patience);
  // What a file that begins here has to be told again.
  void begin_file() { told_.clear(); }
  // At the end of a file: the blocks that go on.
  void write_open(trace::Writer& writer) const;

  // Once it has ended: why there are no loops; empty: there are some.
  [[nodiscard]] std::string what_is_missing() const;

 private:
  static constexpr std::chrono::milliseconds kForDescriptions{20};
  using Thread = std::pair<uint32_t, uint32_t>;  // tgid and tid

  void write(trace::Writer& writer, const model::LoopFrame& frame);
  void write_loop(trace::Writer& writer, const model::WatchedLoop& loop);
  void write_processes(trace::Writer& writer, const model::LoopFrame& frame);
  void write_pool(trace::Writer& writer, const model::WatchedPool& pool, uint64_t now_ns);
  void write_troubles(trace::Writer& writer, const std::vector<model::RefusedProcess>& processes,
                      bool names_only);
  void write_ended(trace::Writer& writer);
  [[nodiscard]] uint64_t unanswered_ns() const;
  void note_unanswered(const std::string& why);
  void give_up(const std::string& why);
  void say_once(const std::string& sentence);

  uint64_t block_ns_;
  bool quiet_;
  std::optional<live::LoopWatch> watch_;
  live::Descriptions descriptions_{kForDescriptions};
  std::map<uint32_t, uint64_t> up_since_ns_;  // by tgid, as it was first told
  std::vector<uint32_t> watched_;
  bool failed_ = false, seen_any_ = false;
  uint64_t unanswered_since_ns_ = 0;  // 0: the looking thread has answered
  uint64_t ahead_ns_ = 0;             // of the records' clock before ours
  std::map<Thread, trace::LoopBlockNote> open_;
  std::map<uint32_t, uint64_t> pools_taken_ns_;  // by tgid
  std::set<std::pair<uint32_t, bool>> told_;     // troubles in the file that is written
  std::set<std::string> said_;
};

}  // namespace timeslice::record
