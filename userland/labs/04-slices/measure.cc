// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <cmath>

#include "labs/04-slices/lab.h"
#include "labs/parts/by_name.h"
#include "labs/parts/overlap.h"
#include "labs/parts/plot.h"
#include "labs/parts/rounds.h"

namespace timeslice::labs::slices {

namespace {

constexpr double kTolerance = 0.25;  // of the ratio, for an answer
constexpr double kClose = 0.2;       // of what the weights say, for an explanation
constexpr double kMostKept = 0.25;   // of the CPU, by others
constexpr size_t kPoints = 30;       // of the two lines

// By the kernel's own table (sched_prio_to_weight), a step is a factor of about 1.25.
double by_weight(int64_t nice) { return std::pow(1.25, static_cast<double>(nice)); }

// CPU time until each of so many moments of the round, ms.
std::vector<double> line_of(const Seen& seen, const Round& round, uint32_t thread) {
  std::vector<double> line(kPoints, 0);
  for (size_t i = 0; i < kPoints; ++i) {
    const uint64_t until = round.begin_ns + (round.end_ns - round.begin_ns) * (i + 1) / kPoints;
    for (const model::Slice& slice : seen.slices) {
      const uint64_t begin = std::max(slice.begin_ns, round.begin_ns);
      const uint64_t end = std::min(slice.end_ns, until);
      if (slice.thread == thread && begin < end) line[i] += static_cast<double>(end - begin) / 1e6;
    }
  }
  return line;
}

Parameters variant(Random& random, const Machine& /*machine*/) {
  return {{"seconds", 2}, {"nice", random.between(3, 7)}};
}

Measured measure(const Seen& seen, const Parameters& parameters) {
  Measured measured;
  const auto round = round_in(seen.output, "both");
  const auto zero = index_named(seen.history, "lab-nice0"),
             nicer = index_named(seen.history, "lab-nicer");
  if (!round || !zero || !nicer) {
    measured.no_verdict = "the workload didn't end well; try again";
    return measured;
  }
  const int64_t nice = parameters.at("nice");
  const std::vector<double> line0 = line_of(seen, *round, *zero),
                            line_nicer = line_of(seen, *round, *nicer);
  const double ratio = line_nicer.back() > 0 ? line0.back() / line_nicer.back() : 0;
  const auto ours = [&](uint32_t thread) { return thread == *zero || thread == *nicer; };
  const double lasted = static_cast<double>(round->end_ns - round->begin_ns);
  const double kept =
      static_cast<double>(kept_from_ns(seen.slices, round->begin_ns, round->end_ns, ours, 1)) /
      lasted;
  measured.figures = {{"ratio", ratio},        {"by_weight", by_weight(nice)},
                      {"cpu_ms_nice0", line0}, {"cpu_ms_nicer", line_nicer},
                      {"nice", nice},          {"kept_ratio", kept}};
  const auto& other = seen.history.threads()[*nicer];
  measured.truths = {
      {"ratio",
       {fmt::format("{:.3f}", ratio)},
       ratio * kTolerance,
       fmt::format("nice 0 had {:.0f} ms of CPU time, nice {} had {:.0f} ms: {:.2f} to 1. The "
                   "weights say {:.2f}.",
                   line0.back(), nice, line_nicer.back(), ratio, by_weight(nice))},
      {"starve",
       {other.slices > 1 ? "yes" : "no"},
       0,
       fmt::format("nice {} got the CPU {} times.", nice, other.slices)},
      {"why",
       {"weight"},
       0,
       fmt::format("CPU time divided by weight: {:.0f} and {:.0f} ms, in {} and {} slices.",
                   line0.back(), line_nicer.back() * by_weight(nice),
                   seen.history.threads()[*zero].slices, other.slices)}};
  if (kept > kMostKept)
    measured.no_verdict = fmt::format(
        "{:.0f} % of the CPU went to other programs meanwhile; close what computes, and try again",
        kept * 100);
  else if (std::abs(ratio / by_weight(nice) - 1) > kClose)
    measured.no_verdict = fmt::format(
        "the shares were {:.2f} to 1 where the weights say {:.2f}: something else took part; try "
        "again",
        ratio, by_weight(nice));
  return measured;
}

// CPU time, and the same divided by weight, which is what virtual runtime is.
std::string picture(const Measured& measured) {
  const auto& figures = measured.figures;
  if (!figures.contains("ratio")) return "";
  const std::vector<double> zero = figures["cpu_ms_nice0"], nicer = figures["cpu_ms_nicer"];
  std::vector<double> weighted = nicer;
  for (double& ms : weighted) ms *= figures["by_weight"].get<double>();
  const std::string name = fmt::format("nice {}", figures["nice"].get<int64_t>());
  return "CPU time\n" + plot({{'0', "nice 0", zero}, {'n', name, nicer}}, "ms") +
         "\nVirtual runtime: CPU time x (weight of nice 0 / own weight)\n" +
         plot({{'0', "nice 0", zero}, {'n', name, weighted}}, "ms");
}

}  // namespace

Lab lab() {
  return {.number = 4,
          .slug = "04-slices",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"both"},
          .picture = picture};
}

}  // namespace timeslice::labs::slices
