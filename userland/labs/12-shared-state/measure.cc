// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>

#include "labs/12-shared-state/lab.h"
#include "labs/parts/by_name.h"
#include "labs/parts/output_lines.h"
#include "labs/parts/quantile.h"
#include "labs/parts/rounds.h"

namespace timeslice::labs::shared_state {

namespace {

constexpr double kMostByChance = 0.3;  // switches a trip where nobody has to wait
constexpr double kClearly = 1.15;      // times as long as the other one

// Of one way to tell the other one something.
struct Way {
  double us = 0, switches = 0;  // of a round trip: medians of the repetitions
};

// Away from the threads of the workload.
double switches_between(const Seen& seen, uint64_t begin_ns, uint64_t end_ns) {
  double switches = 0;
  for (const model::Slice& slice : seen.slices)
    if (slice.end_ns > begin_ns && slice.end_ns <= end_ns && !slice.end_cut &&
        slice.thread != model::kNobody && took_part(seen.history.threads()[slice.thread]))
      ++switches;
  return switches;
}

// "trips NAME NUMBER BEGIN END MEDIAN", a line for each repetition.
Way way_of(const Seen& seen, const std::string& name) {
  std::vector<double> us, switches;
  for (auto& words : lines_after(seen.output, "trips " + name)) {
    double trips = 0, ns = 0;
    uint64_t begin = 0, end = 0;
    if (!(words >> trips >> begin >> end >> ns) || trips < 1) continue;
    us.push_back(ns / 1e3);
    switches.push_back(switches_between(seen, begin, end) / trips);
  }
  return {quantile(us, 0.5), quantile(switches, 0.5)};
}

struct Count {
  int64_t made = 0, final = 0;
  [[nodiscard]] int64_t lost() const { return made - final; }
};

// "count NAME MADE FINAL".
Count count_of(const std::string& output, const std::string& name) {
  Count count;
  for (auto& words : lines_after(output, "count " + name)) words >> count.made >> count.final;
  return count;
}

// "answer NAME USER SAID": how many were told the other one's name, of how many?
struct Answers {
  int all = 0, wrong = 0;
  std::string said;
};

Answers answers_of(const std::string& output, const std::string& name) {
  Answers answers;
  for (auto& words : lines_after(output, "answer " + name)) {
    std::string user, said;
    if (!(words >> user >> said)) continue;
    ++answers.all;
    answers.wrong += user != said;
    answers.said +=
        fmt::format("{}{} is answered \"{}\"", answers.said.empty() ? "" : ", ", user, said);
  }
  return answers;
}

Parameters variant(Random& random, const Machine& /*machine*/) {
  return {{"trips", random.between(5, 9) * 10}, {"adds", random.between(20, 30) * 1'000'000}};
}

const char* choice_of_messages(const Way& ipc, const Way& messages, const Way& shared) {
  if (messages.switches < kMostByChance || messages.us < shared.us) return "free";
  return messages.us > ipc.us * kClearly ? "more" : "wake";
}

const char* choice_of_memory(const Way& messages, const Way& shared) {
  if (shared.switches < kMostByChance) return "none";
  return shared.us * kClearly < messages.us ? "less" : "same";
}

std::string in_words(const char* name, const Way& way) {
  return fmt::format("{} {:.0f} us and {:.1f} switches", name, way.us, way.switches);
}

Measured measure(const Seen& seen, const Parameters& /*parameters*/) {
  const Way ipc = way_of(seen, "ipc"), messages = way_of(seen, "messages"),
            shared = way_of(seen, "shared");
  const Count plain = count_of(seen.output, "plain"), atomic = count_of(seen.output, "atomic");
  const Answers global = answers_of(seen.output, "global"),
                storage = answers_of(seen.output, "storage");
  Measured measured;
  const auto figures = [](const Way& way) {
    return nlohmann::json{{"us", way.us}, {"switches", way.switches}};
  };
  measured.figures = {{"ipc", figures(ipc)},       {"messages", figures(messages)},
                      {"shared", figures(shared)}, {"adds", plain.made},
                      {"plain", plain.final},      {"atomic", atomic.final},
                      {"global", global.said},     {"storage", storage.said}};
  measured.truths = {
      {"messages",
       {choice_of_messages(ipc, messages, shared)},
       0,
       fmt::format("A round trip: {}, {}.", in_words("processes", ipc),
                   in_words("threads", messages))},
      {"memory",
       {choice_of_memory(messages, shared)},
       0,
       fmt::format("A round trip: {}, {}.", in_words("messages", messages),
                   in_words("shared memory", shared))},
      {"lost",
       {plain.lost() > 0   ? "less"
        : plain.lost() < 0 ? "more"
                           : "exact"},
       0,
       fmt::format("{} additions made n {}: {} were lost. With Atomics.add it was {}.", plain.made,
                   plain.final, plain.lost(), atomic.final)},
      {"leak", {global.wrong > 0 ? "leak" : "nothing"}, 0, global.said + "."},
      {"why",
       {"local"},
       0,
       fmt::format("On one thread, with a global, {} of {} answers were wrong; with "
                   "AsyncLocalStorage, {} of {}.",
                   global.wrong, global.all, storage.wrong, storage.all)}};
  if (ipc.us == 0 || messages.us == 0 || shared.us == 0 || plain.made == 0 || global.all != 2 ||
      storage.all != 2)
    measured.no_verdict = "the workload didn't end well; try again";
  else if (plain.lost() == 0)
    measured.no_verdict =
        "no addition was lost, so neither worker came between the other's load and store; close "
        "what computes, and try again";
  else if (atomic.lost() != 0 || global.wrong == 0 || storage.wrong != 0)
    measured.no_verdict = "this isn't how Atomics and AsyncLocalStorage behave; try again";
  else if (messages.us < shared.us * kClearly || messages.us > ipc.us * kClearly)
    measured.no_verdict = fmt::format(
        "round trips took {:.0f}, {:.0f} and {:.0f} us, which says too little; close what "
        "computes, and try again",
        ipc.us, messages.us, shared.us);
  return measured;
}

std::string picture(const Measured& measured) {
  const nlohmann::json& figures = measured.figures;
  std::string text = "\na round trip (medians)        us   switches\n";
  for (const auto& [key, name] : {std::pair{"ipc", "two processes, IPC"},
                                  {"messages", "two threads, postMessage"},
                                  {"shared", "two threads, memory"}})
    text += fmt::format("{:<26} {:>5.0f} {:>10.1f}\n", name, figures[key]["us"].get<double>(),
                        figures[key]["switches"].get<double>());
  const int64_t made = figures["adds"];
  text += fmt::format("\n{} additions by two workers       n in the end         lost\n", made);
  for (const auto& [key, name] :
       {std::pair{"plain", "n[0]++"}, {"atomic", "Atomics.add(n, 0, 1)"}}) {
    const int64_t final = figures[key];
    text += fmt::format("{:<37} {:>14} {:>12}\n", name, final, made - final);
  }
  text += "\nada and bob ask the server at the same time\n";
  text += fmt::format("{:<22} {}\n", "a global", figures["global"].get<std::string>());
  text += fmt::format("{:<22} {}\n", "AsyncLocalStorage", figures["storage"].get<std::string>());
  return text;
}

}  // namespace

Lab lab() {
  return {.number = 12,
          .slug = "12-shared-state",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"ipc", "messages", "shared", "plain"},
          .picture = picture};
}

}  // namespace timeslice::labs::shared_state
