// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>

#include "labs/11-cluster/lab.h"
#include "labs/parts/by_name.h"
#include "labs/parts/few_cpus.h"
#include "labs/parts/output_lines.h"
#include "labs/parts/quantile.h"
#include "labs/parts/rounds.h"

namespace timeslice::labs::workers {

namespace {

constexpr double kMuchLess = 0.65, kAsMuch = 0.8, kMore = 1.3;  // times the other one
constexpr double kMostKept = 0.25;  // of its time, that a worker with a CPU of its own waits for it
constexpr double kMostLate = 4;     // times what a burst takes where nobody else computes
constexpr size_t kBar = 40;         // characters

// What was seen with so many workers.
struct Load {
  std::string name;
  double workers = 0, requests = 0, broken = 0, silent = 0, mb = 0;
  Round round;
  double p50_ms = 0, p99_ms = 0;
  double wait_ms = 0, involuntary = 0;  // of a request
  double taken = 0;                     // of these switches, those by which another worker ran
  double cpus = 0, manager_cpus = 0;    // used
  double kept = 0;                      // share of the time in which workers could have run
};

// "load NAME WORKERS BEGIN END BROKEN SILENT MB" and "latency NAME MS…".
bool read_load(const std::string& output, Load& load) {
  std::vector<double> latencies;
  for (auto& words : lines_after(output, "load " + load.name))
    words >> load.workers >> load.round.begin_ns >> load.round.end_ns >> load.broken >>
        load.silent >> load.mb;
  for (auto& words : lines_after(output, "latency " + load.name))
    for (double ms = 0; words >> ms;) latencies.push_back(ms);
  if (latencies.empty() || load.round.begin_ns >= load.round.end_ns) return false;
  load.requests = static_cast<double>(latencies.size());
  load.p50_ms = quantile(latencies, 0.5);
  load.p99_ms = quantile(latencies, 0.99);
  return true;
}

void look(const Seen& seen, Load& load) {
  const auto workers = processes_named(seen.history, "lab-worker"),
             manager = processes_named(seen.history, "lab-manager");
  double ran_ns = 0, manager_ns = 0, waited_ns = 0, involuntary = 0, taken = 0;
  const auto is_worker = [&](uint32_t thread) {
    return thread != model::kNobody && workers.contains(seen.history.threads()[thread].tgid);
  };
  for (const model::Slice& slice : seen.slices) {
    if (slice.thread == model::kNobody || slice.end_ns <= load.round.begin_ns) continue;
    if (slice.begin_ns >= load.round.end_ns) continue;
    const uint32_t process = seen.history.threads()[slice.thread].tgid;
    const auto ns = static_cast<double>(slice.end_ns - slice.begin_ns);
    if (manager.contains(process)) manager_ns += ns;
    if (!is_worker(slice.thread)) continue;
    ran_ns += ns;
    waited_ns += static_cast<double>(slice.wait_ns);
    involuntary += !slice.voluntary && !slice.end_cut;
    taken += slice.because == model::Because::preempted && is_worker(slice.peer);
  }
  const auto lasted_ns = static_cast<double>(load.round.end_ns - load.round.begin_ns);
  load.wait_ms = waited_ns / 1e6 / load.requests;
  load.involuntary = involuntary / load.requests;
  load.taken = taken / load.requests;
  load.cpus = ran_ns / lasted_ns;
  load.manager_cpus = manager_ns / lasted_ns;
  load.kept = ran_ns > 0 ? waited_ns / (waited_ns + ran_ns) : 0;
}

// "event MS TEXT", as the manager told it; a line each.
std::string events_in(const std::string& output) {
  std::string text;
  for (auto& words : lines_after(output, "event")) {
    std::string rest;
    double ms = 0;
    if (words >> ms && std::getline(words, rest)) text += fmt::format("{:>7.0f} ms {}\n", ms, rest);
  }
  return text;
}

double left_in(const std::string& output) {
  double left = 0;
  for (auto& words : lines_after(output, "left")) words >> left;
  return left;
}

Parameters variant(Random& random, const Machine& machine) {
  const int64_t cpus = few_cpus(machine);
  return {{"ms", random.between(9, 13)}, {"cpus", cpus}, {"many", 4 * cpus}};
}

const char* compared(double now, double before) {
  if (now < kMuchLess * before) return "less";
  return now > kMore * before ? "more" : "equal";
}

Truth truth_of_p99(const char* key, const Load& before, const Load& now, bool longer_is_equal) {
  const std::string found = compared(now.p99_ms, before.p99_ms);
  return {key,
          {longer_is_equal && found == "more" ? "equal" : found},
          0,
          fmt::format("p99 with {} worker{} {:.0f} ms, with {} workers {:.0f} ms.", before.workers,
                      before.workers == 1 ? "" : "s", before.p99_ms, now.workers, now.p99_ms)};
}

Truth truth_of_killed(const Load& killed, double left) {
  const bool goes_on = killed.requests > 0 && left == killed.workers;
  return {
      "killed",
      {goes_on ? "some" : "all"},
      0,
      fmt::format("Answered: {}. Broken: {}. Never answered, since the connection had just been "
                  "handed to that worker: {}. Workers in the end: {}.",
                  killed.requests, killed.broken, killed.silent, left)};
}

// `burst_ms`: what the requests of one moment take on all CPUs, as it was before the load began.
std::string doubts(const Load& one, const Load& each, const Load& many, const Load& killed,
                   double burst_ms) {
  if (one.broken + one.silent + each.broken + each.silent + many.broken + many.silent > 0)
    return "requests broke though no worker was killed; close what computes, and try again";
  if (each.kept > kMostKept)
    return fmt::format(
        "with a worker for each CPU, they waited for a CPU in {:.0f} % of their time, so other "
        "programs had the CPUs; close what computes, and try again",
        each.kept * 100);
  if (each.p99_ms > kMostLate * burst_ms)
    return fmt::format(
        "with a worker for each CPU, the p99 was {:.0f} ms, where the CPUs alone need {:.0f} ms: "
        "something else had them; close what computes, and try again",
        each.p99_ms, burst_ms);
  const auto is_between = [](double now, double before) {
    return now >= kMuchLess * before && now < kAsMuch * before;
  };
  if (is_between(each.p99_ms, one.p99_ms) || is_between(many.p99_ms, each.p99_ms))
    return "the p99 of different numbers of workers are too close; close what computes, and try "
           "again";
  if (killed.broken + killed.silent == 0) return "nobody was using the worker that was killed";
  return "";
}

nlohmann::json figures_of(const Load& load) {
  return {
      {"workers", load.workers}, {"requests", load.requests}, {"p50_ms", load.p50_ms},
      {"p99_ms", load.p99_ms},   {"wait_ms", load.wait_ms},   {"involuntary", load.involuntary},
      {"taken", load.taken},     {"cpus", load.cpus},         {"manager_cpus", load.manager_cpus},
      {"broken", load.broken},   {"silent", load.silent},     {"mb", load.mb},
      {"kept_ratio", load.kept}};
}

Measured measure(const Seen& seen, const Parameters& parameters) {
  Measured measured;
  Load one{.name = "one"}, each{.name = "each"}, killed{.name = "killed"}, many{.name = "many"};
  for (Load* const load : {&one, &each, &killed, &many}) {
    if (!read_load(seen.output, *load)) {
      measured.no_verdict = "the workload didn't end well; try again";
      return measured;
    }
    look(seen, *load);
  }
  const double left = left_in(seen.output);
  measured.figures = {{"loads", {figures_of(one), figures_of(each), figures_of(many)}},
                      {"killed", figures_of(killed)},
                      {"left", left},
                      {"events", events_in(seen.output)}};
  measured.truths = {
      truth_of_p99("second", one, each, false),
      truth_of_p99("many", each, many, true),
      {"switches",
       {compared(many.taken, each.taken)},
       0,
       fmt::format("For each request a worker took the CPU from another one {:.2f} times with {} "
                   "workers, {:.2f} times with {}.",
                   each.taken, each.workers, many.taken, many.workers)},
      truth_of_killed(killed, left),
      {"why",
       {"cpus"},
       0,
       fmt::format("A request waited {:.1f} ms for a CPU with {} workers, {:.1f} ms with {}; the "
                   "manager used {:.0f} % of a CPU.",
                   each.wait_ms, each.workers, many.wait_ms, many.workers,
                   many.manager_cpus * 100)}};
  const auto burst_ms = static_cast<double>(parameters.at("ms") * parameters.at("many")) /
                        static_cast<double>(parameters.at("cpus"));
  measured.no_verdict = doubts(one, each, many, killed, burst_ms);
  return measured;
}

void append_curve(std::string& text, const nlohmann::json& loads, const char* key,
                  const char* heading) {
  double most = 0;
  for (const auto& load : loads) most = std::max(most, load[key].get<double>());
  text += fmt::format("\n{}\n", heading);
  for (const auto& load : loads) {
    const double value = load[key], workers = load["workers"];
    text +=
        fmt::format("{:>3} {:<7} {:>8.1f} ", workers, workers == 1 ? "worker" : "workers", value);
    const auto eighths =
        static_cast<size_t>(most > 0 ? value / most * static_cast<double>(kBar * 8) : 0);
    for (size_t i = 0; i < eighths / 8; ++i) text += "█";
    constexpr const char* kParts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    text += fmt::format("{}\n", kParts[eighths % 8]);
  }
}

std::string picture(const Measured& measured) {
  std::string text;
  if (!measured.figures.contains("loads")) return text;
  const nlohmann::json& loads = measured.figures["loads"];
  append_curve(text, loads, "p50_ms", "half of the requests are answered within so many ms (p50)");
  append_curve(text, loads, "p99_ms", "99 of 100 are answered within so many ms (p99)");
  append_curve(text, loads, "wait_ms", "time waited for a CPU, ms for each request");
  append_curve(text, loads, "taken",
               "times that a worker took the CPU from another, for each request");
  text += "\nworkers requests CPUs used: by workers, by the manager memory involuntary/request\n";
  for (const auto& load : loads)
    text += fmt::format("{:>7} {:>8} {:>22.2f} {:>15.2f} {:>4} MB {:>19.1f}\n",
                        load["workers"].get<double>(), load["requests"].get<double>(),
                        load["cpus"].get<double>(), load["manager_cpus"].get<double>(),
                        load["mb"].get<double>(), load["involuntary"].get<double>());
  const nlohmann::json& killed = measured.figures["killed"];
  text += fmt::format("\nA worker is killed. The manager's messages:\n{}",
                      measured.figures["events"].get<std::string>());
  text += fmt::format(
      "The clients: {} requests answered, {} broken, {} without an answer.\n"
      "Workers in the end: {}.\n",
      killed["requests"].get<double>(), killed["broken"].get<double>(),
      killed["silent"].get<double>(), measured.figures["left"].get<double>());
  return text;
}

}  // namespace

Lab lab() {
  return {.number = 11,
          .slug = "11-cluster",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"one", "each", "many"},
          .picture = picture};
}

}  // namespace timeslice::labs::workers
