// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>

#include "labs/02-parallel/lab.h"
#include "labs/parts/overlap.h"
#include "labs/parts/rounds.h"

namespace timeslice::labs::parallel {

namespace {

constexpr uint64_t kMs = 1'000'000;
// Somebody else's programs may take a CPU now and then. Where they take more, times say nothing.
constexpr double kMostKept = 0.15;

double ms(uint64_t ns) { return static_cast<double>(ns) / kMs; }

// Of one round: who ran when, of the three.
struct Part {
  Round round;
  Overlap overlap;
  uint64_t slices = 0;       // of the three
  uint64_t involuntary = 0;  // of these, ended by the kernel while the thread could have gone on
  double kept = 0;  // of the CPUs' time that they could have had: the share they didn't get
  [[nodiscard]] uint64_t lasted() const { return round.end_ns - round.begin_ns; }
};

Part part_of(const Seen& seen, const Round& round, size_t cpus) {
  Part part{round, {}, 0, 0, 0};
  const auto is_ours = [&](uint32_t thread) {
    return seen.history.threads()[thread].comm.rfind("lab-", 0) == 0;
  };
  part.overlap = overlap_of(seen.slices, round.begin_ns, round.end_ns, is_ours);
  uint64_t had = 0;
  for (size_t n = 1; n < part.overlap.ns.size(); ++n) had += n * part.overlap.ns[n];
  const uint64_t kept = kept_from_ns(seen.slices, round.begin_ns, round.end_ns, is_ours, cpus);
  part.kept = static_cast<double>(kept) / static_cast<double>(std::max<uint64_t>(had + kept, 1));
  for (const model::Slice& slice : seen.slices) {
    if (slice.begin_ns < round.begin_ns || slice.end_ns > round.end_ns || !is_ours(slice.thread))
      continue;
    ++part.slices;
    part.involuntary += !slice.voluntary;
  }
  return part;
}

Truth most_at_once(const char* key, const Part& part) {
  std::string evidence = fmt::format("At most {} at once:", part.overlap.most());
  for (size_t n = 1; n <= 3; ++n)
    evidence += fmt::format("{} {} for {:.0f} ms", n == 1 ? "" : ",", n, ms(part.overlap.ns_of(n)));
  return {key, {std::to_string(part.overlap.most())}, 0, evidence + "."};
}

nlohmann::json at_once(const Overlap& overlap) {
  nlohmann::json times = nlohmann::json::array();
  for (size_t n = 0; n <= 3; ++n) times.push_back(ms(overlap.ns_of(n)));
  return times;
}

Parameters variant(Random& random, const Machine& /*machine*/) {
  return {{"ms", random.between(15, 30) * 10}};
}

Measured measure(const Seen& seen, const Parameters& parameters) {
  Measured measured;
  const auto one = round_in(seen.output, "one"), two = round_in(seen.output, "two");
  if (!one || !two) {
    measured.no_verdict = "the workload didn't end well; try again";
    return measured;
  }
  const Part on_one = part_of(seen, *one, 1), on_two = part_of(seen, *two, 2);
  const double kept = std::max(on_one.kept, on_two.kept);
  const double shorter =
      static_cast<double>(on_two.lasted()) / static_cast<double>(on_one.lasted());
  measured.figures = {{"ms", parameters.at("ms")},
                      {"most_on_one", on_one.overlap.most()},
                      {"most_on_two", on_two.overlap.most()},
                      {"time_ratio", shorter},
                      {"involuntary", on_one.involuntary},
                      {"kept_ratio", kept},
                      {"at_once_ms", {at_once(on_one.overlap), at_once(on_two.overlap)}}};
  if (kept > kMostKept)
    measured.no_verdict = fmt::format(
        "{:.0f} % of the CPU time went to other programs meanwhile; close what computes, and try "
        "again",
        kept * 100);
  measured.truths = {most_at_once("one", on_one), most_at_once("two", on_two)};
  measured.truths.push_back(
      {"time",
       {shorter > 0.9   ? "same"
        : shorter < 0.4 ? "third"
                        : "less"},
       0,
       fmt::format("On one CPU it took {:.0f} ms, on two {:.0f} ms: {:.2f} times as long.",
                   ms(on_one.lasted()), ms(on_two.lasted()), shorter)});
  const bool took_turns = on_one.involuntary >= 6;  // each was stopped twice at least
  measured.truths.push_back(
      {"why",
       {took_turns ? "preempted" : "finished"},
       0,
       fmt::format("On one CPU the three had {} slices, of which {} were ended by the kernel.",
                   on_one.slices, on_one.involuntary)});
  return measured;
}

// How long none of them ran, one, two and three.
std::string picture(const Measured& measured) {
  if (!measured.figures.contains("at_once_ms")) return "";
  std::string text = fmt::format("{:<12}{:>12}{:>12}{:>12}{:>12}\n", "running", "none", "one",
                                 "two at once", "three");
  const char* const rounds[] = {"on one CPU", "on two CPUs"};
  for (size_t i = 0; i < 2; ++i) {
    text += fmt::format("{:<12}", rounds[i]);
    for (const auto& ms : measured.figures["at_once_ms"][i])
      text += fmt::format("{:>9.0f} ms", ms.get<double>());
    text += '\n';
  }
  return text;
}

}  // namespace

Lab lab() {
  return {.number = 2,
          .slug = "02-parallel",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"one", "two"},
          .picture = picture};
}

}  // namespace timeslice::labs::parallel
