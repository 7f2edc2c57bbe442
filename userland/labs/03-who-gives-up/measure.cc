// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "labs/03-who-gives-up/lab.h"
#include "labs/parts/by_name.h"

namespace timeslice::labs::who_gives_up {

namespace {

constexpr uint64_t kFewest = 20;  // switches of which to say "most"
constexpr double kMost = 0.75;

Parameters variant(Random& random, const Machine& /*machine*/) {
  return {{"times", random.between(8, 20) * 25}, {"ms", random.between(20, 30) * 10}};
}

Measured measure(const Seen& seen, const Parameters& /*parameters*/) {
  Measured measured;
  for (const char* key : {"spin", "sleep", "yield", "pipe"}) {
    const auto thread = thread_named(seen.history, std::string("lab-") + key);
    const uint64_t voluntary = thread ? thread->voluntary : 0;
    const uint64_t involuntary = thread ? thread->involuntary : 0;
    measured.figures[key] = {{"voluntary", voluntary}, {"involuntary", involuntary}};
    const uint64_t all = voluntary + involuntary;
    const double share = all ? static_cast<double>(voluntary) / static_cast<double>(all) : 0;
    if (all < kFewest || (share < kMost && share > 1 - kMost))
      measured.no_verdict = fmt::format(
          "{} had {} voluntary and {} involuntary switches, which says too little; "
          "close what computes, and try again",
          key, voluntary, involuntary);
    measured.truths.push_back(
        {key,
         {share > 0.5 ? "voluntary" : "involuntary"},
         0,
         fmt::format("{} voluntary switches, {} involuntary ones.", voluntary, involuntary)});
  }
  const auto yield = thread_named(seen.history, "lab-yield");
  const bool by_runnable = yield && yield->involuntary > yield->voluntary;
  measured.truths.push_back({"why",
                             {by_runnable ? "runnable" : "call"},
                             0,
                             fmt::format("yield called the kernel each time, and {} of its {} "
                                         "switches count as involuntary.",
                                         yield ? yield->involuntary : 0,
                                         yield ? yield->involuntary + yield->voluntary : 0)});
  return measured;
}

std::string picture(const Measured& measured) {
  std::string text = fmt::format("{:<12}{:>12}{:>14}\n", "switches", "voluntary", "involuntary");
  for (const auto& [program, switches] : measured.figures.items())
    text += fmt::format("{:<12}{:>12}{:>14}\n", program, switches["voluntary"].get<uint64_t>(),
                        switches["involuntary"].get<uint64_t>());
  return text;
}

}  // namespace

Lab lab() {
  return {.number = 3,
          .slug = "03-who-gives-up",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"spin", "sleep", "yield", "pipe"},
          .by_reason = true,
          .picture = picture};
}

}  // namespace timeslice::labs::who_gives_up
