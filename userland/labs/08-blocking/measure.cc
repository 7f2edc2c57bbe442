// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "labs/08-blocking/lab.h"
#include "labs/parts/output_lines.h"
#include "labs/parts/rounds.h"

namespace timeslice::labs::blocking {

namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kTick = 10 * kMs;
constexpr uint64_t kBefore = 100 * kMs;  // of each part, in the picture
constexpr size_t kCells = 62;

double ms(uint64_t ns) { return static_cast<double>(ns) / kMs; }

using Times = std::vector<uint64_t>;

Times ticks_in(const std::string& output) {
  Times ticks;
  for (auto& words : lines_after(output, "ticks"))
    for (uint64_t at = 0; words >> at;) ticks.push_back(at);
  return ticks;
}

size_t count_between(const Times& ticks, uint64_t from_ns, uint64_t to_ns) {
  return static_cast<size_t>(std::count_if(
      ticks.begin(), ticks.end(), [&](uint64_t at) { return from_ns <= at && at < to_ns; }));
}

size_t count_in(const Times& ticks, const Round& part) {
  return count_between(ticks, part.begin_ns, part.end_ns);
}

double per_s(const Times& ticks, const Round& part) {
  return static_cast<double>(count_in(ticks, part)) * 1e9 /
         static_cast<double>(part.end_ns - part.begin_ns);
}

// Ticks in the time after the block, beyond those that belong there.
int64_t made_up(const Times& ticks, const Round& block, uint64_t length_ns) {
  const size_t after = count_between(ticks, block.end_ns, block.end_ns + length_ns);
  return std::max<int64_t>(
      static_cast<int64_t>(after) - static_cast<int64_t>(length_ns / kTick) - 1, 0);
}

// What the main thread did in a part of the recording.
struct Doing {
  uint64_t length_ns = 0, oncpu_ns = 0, ready_ns = 0;
  [[nodiscard]] double share(uint64_t ns) const {
    return static_cast<double>(ns) / static_cast<double>(std::max<uint64_t>(length_ns, 1));
  }
  [[nodiscard]] double asleep() const { return 1 - share(oncpu_ns) - share(ready_ns); }
};

uint64_t within(uint64_t begin_ns, uint64_t end_ns, const Round& part) {
  const uint64_t begin = std::max(begin_ns, part.begin_ns), end = std::min(end_ns, part.end_ns);
  return end > begin ? end - begin : 0;
}

Doing doing_in(const Seen& seen, const Round& part, uint32_t pid) {
  Doing doing{part.end_ns - part.begin_ns, 0, 0};
  for (const model::Slice& slice : seen.slices) {
    if (slice.thread == model::kNobody || seen.history.threads()[slice.thread].tid != pid) continue;
    doing.oncpu_ns += within(slice.begin_ns, slice.end_ns, part);
    doing.ready_ns += within(slice.begin_ns - slice.wait_ns, slice.begin_ns, part);
  }
  return doing;
}

// How many ticks came how long after the one before.
struct Gap {
  uint64_t below_ms;
  const char* text;
};
constexpr std::array<Gap, 7> kGaps = {{{8, "under 8 ms"},
                                       {12, "8 to 12 ms"},
                                       {20, "12 to 20 ms"},
                                       {40, "20 to 40 ms"},
                                       {80, "40 to 80 ms"},
                                       {140, "80 to 140 ms"},
                                       {UINT64_MAX / kMs, "140 ms and more"}}};

std::array<int, kGaps.size()> gaps_of(const Times& ticks) {
  std::array<int, kGaps.size()> counts{};
  for (size_t i = 1; i < ticks.size(); ++i) {
    size_t gap = 0;
    while (ticks[i] - ticks[i - 1] >= kGaps[gap].below_ms * kMs) ++gap;
    ++counts[gap];
  }
  return counts;
}

// The number of ticks in each 10 ms, as one character; the part itself is underlined.
nlohmann::json line_of(const Times& ticks, const Round& part) {
  std::string counts, during;
  for (size_t cell = 0; cell < kCells; ++cell) {
    const uint64_t from = part.begin_ns - kBefore + cell * kTick;
    const size_t count = std::min<size_t>(count_between(ticks, from, from + kTick), 9);
    counts += count == 0 ? '.' : static_cast<char>('0' + count);
    during += from + kTick > part.begin_ns && from < part.end_ns ? '=' : ' ';
  }
  return {{"counts", counts}, {"during", during}};
}

Parameters variant(Random& random, const Machine& /*machine*/) {
  return {{"block", random.between(15, 30) * 10}};
}

Measured measure(const Seen& seen, const Parameters& parameters) {
  Measured measured;
  const Times ticks = ticks_in(seen.output);
  const auto calm = span_in(seen.output, "part calm"), block = span_in(seen.output, "part compute"),
             await = span_in(seen.output, "part await");
  uint32_t pid = 0;
  for (auto& words : lines_after(seen.output, "pid")) words >> pid;
  if (!calm || !block || !await || pid == 0) {
    measured.no_verdict = "the program didn't end well; try again";
    return measured;
  }
  const uint64_t length_ns = static_cast<uint64_t>(parameters.at("block")) * kMs;
  const Doing computing = doing_in(seen, *block, pid), waiting = doing_in(seen, *await, pid);
  const size_t during = count_in(ticks, *block), missed = length_ns / kTick;
  const int64_t extra = made_up(ticks, *block, length_ns);
  const double usual = per_s(ticks, *calm), awaiting = per_s(ticks, *await);
  measured.figures = {{"ticks_during", during},
                      {"ticks_missed", missed},
                      {"ticks_made_up", extra},
                      {"ticks_per_s", usual},
                      {"ticks_per_s_awaiting", awaiting},
                      {"oncpu_ratio", computing.share(computing.oncpu_ns)},
                      {"ready_ratio", computing.share(computing.ready_ns)},
                      {"oncpu_ratio_awaiting", waiting.share(waiting.oncpu_ns)},
                      {"gaps", gaps_of(ticks)},
                      {"calm", line_of(ticks, *calm)},
                      {"compute", line_of(ticks, *block)},
                      {"await", line_of(ticks, *await)}};
  const bool runs = awaiting > usual * 0.5, stops = awaiting < usual * 0.1;
  const bool none = static_cast<size_t>(extra) * 4 < missed,
             all = static_cast<size_t>(extra) * 4 > missed * 3;
  const bool is_up = computing.asleep()<0.1, is_asleep = computing.asleep()> 0.9;
  if (usual < 50 || (!runs && !stops) || (!none && !all) || (!is_up && !is_asleep))
    measured.no_verdict = fmt::format(
        "others had the CPU too often (the timer ran {:.0f} times in a second when nothing blocked "
        "it); close what computes, and try again",
        usual);
  measured.truths = {
      {"during",
       {std::to_string(during)},
       0,
       fmt::format("{} times in {:.0f} ms.", during, ms(computing.length_ns))},
      {"after",
       {none ? "none" : "all"},
       0,
       fmt::format("About {} were missed; in the {:.0f} ms after the block there were {} more than "
                   "belong there.",
                   missed, ms(length_ns), extra)},
      {"await",
       {runs ? "runs" : "stops"},
       0,
       fmt::format("{:.0f} ticks in a second; without a block {:.0f}.", awaiting, usual)},
      {"where",
       {is_up ? "oncpu" : "asleep"},
       0,
       fmt::format("Of {:.0f} ms it was on a CPU for {:.0f} ms, and ready for one for {:.0f} ms. "
                   "With await it was on a CPU for {:.0f} ms.",
                   ms(computing.length_ns), ms(computing.oncpu_ns), ms(computing.ready_ns),
                   ms(waiting.oncpu_ns))},
      {"why",
       {"one"},
       0,
       fmt::format("Thread {} computed, and it runs the timer as well: {} ticks meanwhile.", pid,
                   during)}};
  return measured;
}

std::string picture(const Measured& measured) {
  if (!measured.figures.contains("gaps")) return "";
  const nlohmann::json& figures = measured.figures;
  std::string text = "\nTicks in each 10 ms, as time goes on; = is when it waits or computes\n";
  for (const char* part : {"calm", "compute", "await"}) {
    text += fmt::format("{:<9}{}\n", part, figures[part]["counts"].get<std::string>());
    text += fmt::format("{:<9}{}\n", "", figures[part]["during"].get<std::string>());
  }
  text += "\nTime since the tick before\n";
  const auto counts = figures["gaps"].get<std::vector<int>>();
  const int most = std::max(*std::max_element(counts.begin(), counts.end()), 1);
  for (size_t i = 0; i < counts.size() && i < kGaps.size(); ++i) {
    std::string bar;
    for (int cell = 0; cell < (counts[i] * 50 + most - 1) / most; ++cell) bar += "█";
    text += fmt::format("{:<16}{:>5}  {}\n", kGaps[i].text, counts[i], bar);
  }
  return text;
}

}  // namespace

Lab lab() {
  return {.number = 8,
          .slug = "08-blocking",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"compute", "await"},
          .picture = picture};
}

}  // namespace timeslice::labs::blocking
