// SPDX-License-Identifier: MIT
#include "view/format/turns_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "view/format/number.h"

namespace timeslice::view {

namespace {

constexpr uint64_t kLongestBar = 40;
// The first bucket has all that is below, the last all that is above; between them four are an
// octave.
constexpr size_t kPerOctave = 4;
constexpr size_t kOctaves = 1 + (TS_WAIT_BUCKETS - 1 + kPerOctave - 1) / kPerOctave;

size_t octave_of(size_t bucket) { return bucket == 0 ? 0 : 1 + (bucket - 1) / kPerOctave; }

uint64_t floor_ns(size_t octave) {
  return octave == 0
             ? 0
             : ts_wait_bucket_floor_ns(static_cast<uint32_t>(1 + (octave - 1) * kPerOctave));
}

std::string time(uint64_t ns) { return duration(static_cast<double>(ns)); }

std::string percent_of_cpu(double ratio) { return fmt::format("{:.3g} % of a CPU", 100 * ratio); }

void append_histogram(std::string& out, const model::WaitHistogram& turns) {
  std::array<uint64_t, kOctaves> octaves{};
  for (size_t bucket = 0; bucket < turns.size(); ++bucket)
    octaves[octave_of(bucket)] += turns[bucket];
  const uint64_t most = *std::max_element(octaves.begin(), octaves.end());
  const auto is_there = [](uint64_t count) { return count > 0; };
  const auto first = std::find_if(octaves.begin(), octaves.end(), is_there);
  const auto last = std::find_if(octaves.rbegin(), octaves.rend(), is_there).base();
  for (auto octave = first; octave < last; ++octave) {
    const auto i = static_cast<size_t>(octave - octaves.begin());
    fmt::format_to(std::back_inserter(out), "      {:>7} to {:>7} {:>10}", time(floor_ns(i)),
                   time(floor_ns(i + 1)), grouped(*octave));
    // Whatever is there is seen.
    if (*octave > 0) out += ' ' + std::string((*octave * kLongestBar + most - 1) / most, '#');
    out += '\n';
  }
}

std::string too_much(const model::TurnCosts& costs, const model::TurnProbing& probing) {
  return fmt::format("{:.0f} ns for each of {} turns/s are {}, and --budget allows {}",
                     costs.ns_per_turn, grouped(static_cast<uint64_t>(costs.turns_per_s + 0.5)),
                     percent_of_cpu(costs.cpu_ratio), percent_of_cpu(probing.budget_ratio));
}

void append_phases(std::string& out, const std::array<uint64_t, TS_TURN_PHASES>& ns) {
  out += "      poll " + time(ns[TS_PHASE_POLL]) + ", check and closing " +
         time(ns[TS_PHASE_CHECK]) + ", timers " + time(ns[TS_PHASE_TIMERS]) +
         ", idle and prepare " + time(ns[TS_PHASE_PREPARE]) + '\n';
}

}  // namespace

void append_turns(std::string& out, const model::TurnFigures& figures, uint64_t now_ns) {
  out += "    " + counted(figures.count, "turn", "turns");
  if (figures.count > 0) {
    out += ": p50 " + time(figures.quantile_ns(0.5).value_or(0)) + ", p90 " +
           time(figures.quantile_ns(0.9).value_or(0)) + ", p99 " +
           time(figures.quantile_ns(0.99).value_or(0)) + ", longest " + time(figures.longest_ns);
    const uint64_t end_ns = figures.longest_start_ns + figures.longest_ns;
    if (now_ns > end_ns) out += " (" + time(now_ns - end_ns) + " ago)";
  }
  if (figures.missed > 0) out += "; " + grouped(figures.missed) + " more weren't seen";
  out += '\n';
  if (figures.count > 0 && figures.phases_ns) append_phases(out, *figures.phases_ns);
  if (figures.count > 0) append_histogram(out, figures.turns);
}

void append_probing(std::string& out, const model::TurnProbing& probing) {
  if (probing.attached == 0) return;
  out += counted(probing.attached, "probe", "probes");
  if (probing.costs)
    fmt::format_to(std::back_inserter(out), ": +{:.0f} ns a turn, {} at {} turns/s; {} allowed",
                   probing.costs->ns_per_turn, percent_of_cpu(probing.costs->cpu_ratio),
                   grouped(static_cast<uint64_t>(probing.costs->turns_per_s + 0.5)),
                   percent_of_cpu(probing.budget_ratio));
  if (probing.ns_per_other_call)
    fmt::format_to(std::back_inserter(out), ". Each other system call, of any process: +{:.0f} ns",
                   *probing.ns_per_other_call);
  out += '\n';
}

std::string why_not_timed(const model::TurnProbing& probing) {
  if (!probing.failure.empty() || !probing.overspent) return probing.failure;
  return "turns aren't timed one by one any more: " + too_much(*probing.overspent, probing);
}

std::string why_no_phases(const model::TurnProbing& probing) {
  if (!probing.phases_overspent) return "";
  return "phases aren't told apart any more: " + too_much(*probing.phases_overspent, probing);
}

}  // namespace timeslice::view
