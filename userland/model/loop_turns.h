// SPDX-License-Identifier: MIT
// What did an event loop do, by looks at it from outside? A hundred times a second its own words
// are read (how many turns, since when it waits for events, how long it has waited in all) beside
// what the kernel has counted of its thread. A turn is what lies between two waits for events: its
// callbacks. Nobody can do anything else on the loop until it ends.
//
//   active = on a CPU + waiting for one + asleep in a call        (within turns)
//   idle   = asleep until an event + ready, but waiting for a CPU (between them)
//
// A turn that lasts from one look to the next one is seen. Of a loop that keeps its times, as
// Node's do, idle time is exact, and so are the moments between a turn and a wait next to it; any
// other moment lies between two looks.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "model/block_profile.h"
#include "model/time_split.h"

namespace timeslice::model {

struct LoopLook {
  uint64_t at_ns = 0;             // CLOCK_MONOTONIC
  std::optional<uint64_t> turns;  // since the loop began
  bool polls = false;             // its thread sleeps until there are events
  // What the loop keeps of its waits for events.
  bool keeps_times = false;
  bool works_in_waits = false;  // the call that waits also does work
  uint64_t entry_ns = 0;        // CLOCK_MONOTONIC, since when it waits; 0: it doesn't
  uint64_t idle_ns = 0;         // before that, in all
  uint64_t time_ns = 0;         // when it last looked at the clock, less than 1 ms ago then
  // What the kernel has counted of its thread.
  uint64_t cpu_ns = 0;
  uint64_t wait_ns = 0;  // on the run queue, the wait that goes on included

  [[nodiscard]] bool in_turn() const { return keeps_times ? entry_ns == 0 : !polls; }
};

// A turn that lasted at least as long as a block is said to.
struct LoopBlock {
  uint64_t start_ns = 0;  // CLOCK_MONOTONIC
  uint64_t duration_ns = 0;
  TimeSplit split;
  bool ended = true;  // false: it goes on
  BlockProfile profile;
};

struct LoopFigures {
  uint64_t end_ns = 0;  // CLOCK_MONOTONIC, the interval's last look
  uint64_t interval_ns = 0;
  uint32_t looks = 0;
  uint64_t longest_gap_ns = 0;  // between two looks: a turn shorter than that may be unseen
  std::optional<uint64_t> turns;
  TimeSplit active;
  uint64_t idle_asleep_ns = 0, idle_ready_ns = 0;
  uint64_t longest_turn_ns = 0;  // of those that a look has met; 0: none
  // How long an event that comes at any moment waits until the turn that goes on has ended.
  uint64_t delay_p50_ns = 0, delay_p99_ns = 0, delay_max_ns = 0;
  std::vector<uint64_t> delays_ns;  // as each look found it, in ascending order
  // Those that ended in the interval, and last the one that goes on.
  std::vector<LoopBlock> blocks;

  // Makes `delays_ns` that, and the figures that come of it.
  void set_delays(std::vector<uint64_t> delays_ns);
  // Absent: the loop doesn't count its turns.
  [[nodiscard]] std::optional<double> turns_per_s() const {
    if (!turns || interval_ns == 0) return std::nullopt;
    return static_cast<double>(*turns) * 1e9 / static_cast<double>(interval_ns);
  }
  // The samples of all its blocks.
  [[nodiscard]] BlockProfile blocks_profile() const {
    BlockProfile profile;
    for (const LoopBlock& block : blocks) profile.add(block.profile);
    return profile;
  }
  // The share of the time within turns; 0 to 1.
  [[nodiscard]] double utilisation() const {
    return interval_ns ? static_cast<double>(active.sum()) / static_cast<double>(interval_ns) : 0;
  }
};

class LoopTurns {
 public:
  explicit LoopTurns(uint64_t block_ns) : block_ns_(block_ns) {}

  void add(const LoopLook& look);
  // The figures since the last call. Absent as long as there weren't two looks.
  std::optional<LoopFigures> take();

  // How long the present turn has been going on, at the last look; 0: there is none.
  [[nodiscard]] uint64_t turn_ns() const;
  // A sample of the stack, taken at the last look: its turn's; null: there is none.
  [[nodiscard]] BlockProfile* profile() { return turn_ ? &turn_->profile : nullptr; }

 private:
  // A turn that looks have met.
  struct Turn {
    uint64_t start_ns;
    TimeSplit split;               // until the last look
    std::vector<uint64_t> met_ns;  // by looks
    BlockProfile profile{};
  };

  void add_interval(const LoopLook& from, const LoopLook& to);
  void follow_turn(const LoopLook& from, const LoopLook& to);
  void begin_turn(const LoopLook& from, const LoopLook& to, bool same_count);
  void end_turn(const LoopLook& from, const LoopLook& to);
  static uint64_t add_part(TimeSplit& to, uint64_t part, uint64_t cpu, uint64_t wait);
  static void add_to_turn(Turn& turn, const LoopLook& from, const LoopLook& to, uint64_t part,
                          bool others);
  [[nodiscard]] static LoopBlock block_of(const Turn& turn, uint64_t end_ns);
  void add_delays(const Turn& turn, uint64_t end_ns);

  uint64_t block_ns_;
  std::optional<LoopLook> last_;
  std::optional<Turn> turn_;
  std::optional<LoopLook> began_;  // the interval's first look
  LoopFigures now_;
  std::vector<uint64_t> delays_ns_;
};

}  // namespace timeslice::model
