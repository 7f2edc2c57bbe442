// SPDX-License-Identifier: MIT
#include "model/loop_turns.h"

#include <algorithm>
#include <utility>

namespace timeslice::model {

namespace {

constexpr uint64_t kLongestTick = 10'000'000;  // ns, at 100 Hz

uint64_t less(uint64_t from, uint64_t what) { return from > what ? from - what : 0; }

// All its waits for events until then, the one that goes on included.
uint64_t idle_until(const LoopLook& look) {
  return look.idle_ns + (look.entry_ns ? less(look.at_ns, look.entry_ns) : 0);
}

// Without a count of turns, an unchanged clock says the same of a loop that keeps its times.
bool same_turn_count(const LoopLook& from, const LoopLook& to) {
  if (from.turns && to.turns) return from.turns == to.turns;
  return from.time_ns == to.time_ns && from.idle_ns == to.idle_ns;
}

// How many turns have ended between two looks; 0: not known, or none.
uint64_t turns_passed(const LoopLook& from, const LoopLook& to) {
  return from.turns && to.turns ? less(*to.turns, *from.turns) : 0;
}

uint64_t percentile(const std::vector<uint64_t>& sorted, size_t hundredths) {
  return sorted.empty() ? 0 : sorted[std::min(sorted.size() - 1, sorted.size() * hundredths / 100)];
}

}  // namespace

// Of `part` of the time between two looks: as much was waiting as the kernel has counted, as far as
// the thread wasn't on a CPU. The kernel brings the CPU time of a thread that runs up to date at
// each tick: what then seems to be too much was missing before, and was taken for sleep. Returns
// how much waiting was added.
uint64_t LoopTurns::add_part(TimeSplit& to, uint64_t part, uint64_t cpu, uint64_t wait) {
  const uint64_t oncpu = std::min(cpu, part);
  const uint64_t waited = std::min(wait, part - oncpu);
  to.asleep += part - oncpu - waited;
  const uint64_t late = std::min({cpu - oncpu, to.asleep, kLongestTick});
  to.oncpu += oncpu + late;
  to.wait += waited;
  to.asleep -= late;
  return waited;
}

// How long it was idle between two looks is exact where the loop keeps its times. Where it doesn't,
// and it neither slept for the whole time nor was in one turn, it is what its thread wasn't on a
// CPU or ready for: a turn that sleeps in a call is seen only where it lasts over a look.
// Where the wait is a call that also works, as on a ring, which is given its requests by it, time
// on a CPU isn't idle. What the kernel has counted more of waiting than there was in turns was
// between them.
void LoopTurns::add_interval(const LoopLook& from, const LoopLook& to) {
  const uint64_t interval = less(to.at_ns, from.at_ns);
  const uint64_t cpu = less(to.cpu_ns, from.cpu_ns);
  const uint64_t wait = less(to.wait_ns, from.wait_ns);
  uint64_t idle = 0;
  if (to.keeps_times)
    idle = less(idle_until(to), idle_until(from));
  else if (same_turn_count(from, to) && from.in_turn() == to.in_turn())
    idle = to.in_turn() ? 0 : interval;
  else
    idle = less(interval, cpu + wait);
  idle = std::min(idle, interval);
  if (to.works_in_waits) idle = std::min(idle, less(interval, cpu));
  const uint64_t waited = add_part(now_.active, interval - idle, cpu, wait);
  const uint64_t ready = std::min(wait - waited, idle);
  now_.idle_ready_ns += ready;
  now_.idle_asleep_ns += idle - ready;
}

// The part of the time between two looks that was this turn's. Where the loop slept for the rest of
// it, all that fits was; where the rest was other turns', they had their share.
void LoopTurns::add_to_turn(Turn& turn, const LoopLook& from, const LoopLook& to, uint64_t part,
                            bool others) {
  uint64_t cpu = less(to.cpu_ns, from.cpu_ns), wait = less(to.wait_ns, from.wait_ns);
  if (const uint64_t interval = less(to.at_ns, from.at_ns); others && interval != 0) {
    const double share = static_cast<double>(part) / static_cast<double>(interval);
    cpu = static_cast<uint64_t>(static_cast<double>(cpu) * share);
    wait = static_cast<uint64_t>(static_cast<double>(wait) * share);
  }
  add_part(turn.split, part, cpu, wait);
}

// Exact where the loop slept until the turn began: it woke when that wait, by its own sum, ended.
// Otherwise the loop has looked at the clock since, or in the middle.
void LoopTurns::begin_turn(const LoopLook& from, const LoopLook& to, bool same_count) {
  uint64_t start = std::clamp(to.time_ns, from.at_ns, to.at_ns);
  if (same_count && to.keeps_times && from.entry_ns)
    start = std::clamp(from.entry_ns + less(to.idle_ns, from.idle_ns), from.at_ns, to.at_ns);
  turn_ = Turn{start, {}, {to.at_ns}};
  add_to_turn(*turn_, from, to, to.at_ns - start, from.in_turn());
}

// Exact where the loop sleeps in its next wait. Where it hasn't slept since, the next turn has
// looked at the clock after this one. Of several turns that have passed, this one is taken for the
// long one where the loop has also slept; where it hasn't, half of the time was theirs as far as we
// know. But after the last look that met it, it is given no more than it had lasted by then: where
// looks are far apart, short turns would add up to a block that nobody has seen. And where that
// makes no block of it, it is given its share by their number.
void LoopTurns::end_turn(const LoopLook& from, const LoopLook& to) {
  const uint64_t idle = to.keeps_times ? less(idle_until(to), idle_until(from)) : 0;
  uint64_t end = from.at_ns + less(to.at_ns, from.at_ns) / 2;
  Turn turn = *std::exchange(turn_, std::nullopt);
  const uint64_t passed = turns_passed(from, to);
  if (passed == 1) {
    end = to.entry_ns ? to.entry_ns : to.time_ns;
  } else {
    if (idle != 0) end = less(to.at_ns, idle);
    end = std::min(end, from.at_ns + less(from.at_ns, turn.start_ns));
    if (passed > 1 && less(end, turn.start_ns) < block_ns_)
      end = std::min(end, from.at_ns + less(less(to.at_ns, from.at_ns), idle) / passed);
  }
  end = std::clamp(end, from.at_ns, to.at_ns);
  now_.longest_turn_ns = std::max(now_.longest_turn_ns, less(end, turn.start_ns));
  add_delays(turn, end);
  if (less(end, turn.start_ns) < block_ns_) return;
  add_to_turn(turn, from, to, end - from.at_ns, to.in_turn());
  if (turn.split.sum() == 0) return;  // it ended as we came: nothing is known of it
  now_.blocks.push_back(block_of(turn, end));
}

void LoopTurns::add_delays(const Turn& turn, uint64_t end_ns) {
  for (const uint64_t at : turn.met_ns) delays_ns_.push_back(less(end_ns, at));
}

void LoopTurns::follow_turn(const LoopLook& from, const LoopLook& to) {
  const bool same = same_turn_count(from, to);
  if (turn_ && (!same || !to.in_turn())) {
    // The count moves before the wait begins: a wait in the same count means that this was no turn.
    if (same && to.keeps_times)
      turn_.reset();
    else
      end_turn(from, to);
  }
  if (!to.in_turn()) {
    delays_ns_.push_back(0);
  } else if (turn_) {
    add_to_turn(*turn_, from, to, less(to.at_ns, from.at_ns), false);
    turn_->met_ns.push_back(to.at_ns);
  } else {
    begin_turn(from, to, same);
  }
}

// Of a turn that had begun before the first look, the part before that is taken to have been like
// the rest.
LoopBlock LoopTurns::block_of(const Turn& turn, uint64_t end_ns) {
  LoopBlock block;
  block.start_ns = turn.start_ns;
  block.duration_ns = less(end_ns, turn.start_ns);
  const uint64_t seen = turn.split.sum();
  const double whole =
      seen ? static_cast<double>(block.duration_ns) / static_cast<double>(seen) : 1.0;
  const auto scaled = [&](uint64_t ns) {
    return static_cast<uint64_t>(static_cast<double>(ns) * whole);
  };
  block.split.oncpu = std::min(scaled(turn.split.oncpu), block.duration_ns);
  block.split.wait = std::min(scaled(turn.split.wait), block.duration_ns - block.split.oncpu);
  block.split.asleep = block.duration_ns - block.split.oncpu - block.split.wait;
  block.profile = turn.profile;
  return block;
}

void LoopTurns::add(const LoopLook& look) {
  if (!last_) {
    began_ = look;
    if (look.in_turn()) turn_ = Turn{std::min(look.time_ns, look.at_ns), {}, {look.at_ns}};
  } else {
    now_.longest_gap_ns = std::max(now_.longest_gap_ns, less(look.at_ns, last_->at_ns));
    add_interval(*last_, look);
    follow_turn(*last_, look);
  }
  ++now_.looks;
  last_ = look;
}

uint64_t LoopTurns::turn_ns() const {
  return turn_ && last_ ? less(last_->at_ns, turn_->start_ns) : 0;
}

void LoopFigures::set_delays(std::vector<uint64_t> delays) {
  delays_ns = std::move(delays);
  std::sort(delays_ns.begin(), delays_ns.end());
  delay_p50_ns = percentile(delays_ns, 50);
  delay_p99_ns = percentile(delays_ns, 99);
  delay_max_ns = delays_ns.empty() ? 0 : delays_ns.back();
}

std::optional<LoopFigures> LoopTurns::take() {
  if (!last_ || !began_ || last_->at_ns <= began_->at_ns) return std::nullopt;
  LoopFigures figures = std::exchange(now_, LoopFigures());
  figures.end_ns = last_->at_ns;
  figures.interval_ns = last_->at_ns - began_->at_ns;
  if (began_->turns && last_->turns) figures.turns = less(*last_->turns, *began_->turns);
  std::vector<uint64_t> delays = std::exchange(delays_ns_, {});
  if (turn_) {  // it lasts at least until now
    for (const uint64_t at : std::exchange(turn_->met_ns, {}))
      delays.push_back(less(last_->at_ns, at));
    figures.longest_turn_ns = std::max(figures.longest_turn_ns, turn_ns());
    if (turn_ns() >= block_ns_ && turn_->split.sum() != 0) {
      figures.blocks.push_back(block_of(*turn_, last_->at_ns));
      figures.blocks.back().ended = false;
    }
  }
  figures.set_delays(std::move(delays));
  began_ = last_;
  return figures;
}

}  // namespace timeslice::model
