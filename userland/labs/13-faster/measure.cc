// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "labs/13-faster/lab.h"
#include "labs/parts/by_name.h"
#include "labs/parts/few_cpus.h"
#include "labs/parts/output_lines.h"
#include "labs/parts/quantile.h"
#include "labs/parts/rounds.h"

namespace timeslice::labs::faster {

namespace {

constexpr double kHelps = 1.4, kDoesnt = 1.25;   // times the throughput of the unchanged server
constexpr double kShorter = 0.77, kAlike = 0.9;  // times the unchanged server's p99, or switches
constexpr double kFewSwitches = 0.2;             // a request: hardly any, or twice as many as that
constexpr double kMostKept = 0.2;  // of the CPUs, by others, where the lab could have used all

constexpr std::array kRoutes = {"report", "login", "feed"};
constexpr std::array kChanges = {"unchanged", "pool", "cluster", "threads", "many"};

// One route under load, with one change.
struct Load {
  uint64_t begin_ns = 0, end_ns = 0;
  double requests = 0, per_second = 0, p99_ms = 0;
  double involuntary = 0;  // switches of the server's threads, for each request
  double server_cpus = 0;  // used by the server's processes
  double loop_cpus = 0;    // of them, by the busiest first thread
  double all_cpus = 0;     // used by the server, the clients, and the other server
};
using Loads = std::map<std::pair<std::string, std::string>, Load>;  // by change and route

// "load CHANGE ROUTE BEGIN END" and "latency CHANGE ROUTE MS…".
Load load_in(const std::string& output, const std::string& name) {
  Load load;
  for (auto& words : lines_after(output, "load " + name)) words >> load.begin_ns >> load.end_ns;
  std::vector<double> latencies;
  for (auto& words : lines_after(output, "latency " + name))
    for (double ms = 0; words >> ms;) latencies.push_back(ms);
  if (latencies.empty() || load.begin_ns >= load.end_ns) return {};
  load.requests = static_cast<double>(latencies.size());
  load.per_second = load.requests * 1e9 / static_cast<double>(load.end_ns - load.begin_ns);
  load.p99_ms = quantile(std::move(latencies), 0.99);
  return load;
}

void look(const Seen& seen, Load& load) {
  const auto& threads = seen.history.threads();
  const std::set<uint32_t> servers = processes_named(seen.history, "lab-server");
  const auto lasted_ns = static_cast<double>(load.end_ns - load.begin_ns);
  std::map<uint32_t, double> loops;  // CPUs used, by process
  for (const model::Slice& slice : seen.slices) {
    const uint64_t begin = std::max(slice.begin_ns, load.begin_ns);
    const uint64_t end = std::min(slice.end_ns, load.end_ns);
    if (begin >= end || slice.thread == model::kNobody) continue;
    const model::HistoryThread& thread = threads[slice.thread];
    if (!took_part(thread)) continue;
    const double cpus = static_cast<double>(end - begin) / lasted_ns;
    load.all_cpus += cpus;
    if (!servers.contains(thread.tgid)) continue;
    load.server_cpus += cpus;
    if (thread.tid == thread.tgid) loops[thread.tgid] += cpus;
    if (!slice.voluntary && !slice.end_cut) load.involuntary += 1 / load.requests;
  }
  for (const auto& [process, cpus] : loops) load.loop_cpus = std::max(load.loop_cpus, cpus);
}

Parameters variant(Random& random, const Machine& machine) {
  const int64_t cpus = few_cpus(machine);
  return {{"ms", random.between(8, 12)},
          {"wait", random.between(5, 9) * 10},
          {"pool", random.between(3, 5) * 4},
          {"cpus", cpus},
          {"many", 4 * cpus}};
}

// Of each change, how many times the unchanged server's throughput.
struct Gains {
  double pool = 0, cluster = 0, threads = 0, many = 0;
  [[nodiscard]] double more_loops() const { return std::max(cluster, threads); }
};

Gains gains_of(const Loads& loads, const char* route) {
  const auto gain = [&](const char* change) {
    return loads.at({change, route}).per_second / loads.at({"unchanged", route}).per_second;
  };
  return {gain("pool"), gain("cluster"), gain("threads"), gain("many")};
}

// Empty: too close to say.
std::string best_for_report(const Gains& gains) {
  if (gains.pool > kHelps && gains.pool > gains.more_loops()) return "pool";
  if (gains.more_loops() < kHelps) return "";
  return gains.many > kHelps * gains.more_loops() ? "many" : "cluster";
}

std::string best_for_login(const Gains& gains) {
  if (gains.pool > kHelps) return "pool";
  if (gains.more_loops() > kHelps) return "worker";
  return std::max(gains.pool, gains.more_loops()) < kDoesnt ? "cpus" : "";
}

std::string best_for_feed(const Gains& gains) {
  if (gains.cluster > kHelps || gains.many > kHelps) return "cluster";
  if (gains.pool > kHelps) return "pool";
  return std::max({gains.pool, gains.cluster, gains.threads, gains.many}) < kDoesnt ? "nothing"
                                                                                    : "";
}

// Of the small cluster's figure and the unchanged server's. Empty: too close to say.
std::string compared(double now, double before) {
  if (now < kShorter * before) return "less";
  if (now > before / kShorter) return "more";
  return now > kAlike * before && now < before / kAlike ? "equal" : "";
}

std::string p99_of_report(const Loads& loads) {
  return compared(loads.at({"cluster", "report"}).p99_ms, loads.at({"unchanged", "report"}).p99_ms);
}

std::string switches_of_report(const Loads& loads) {
  return compared(loads.at({"cluster", "report"}).involuntary + kFewSwitches,
                  loads.at({"unchanged", "report"}).involuntary + kFewSwitches);
}

std::string in_words(const Loads& loads, const char* route) {
  const Gains gains = gains_of(loads, route);
  return fmt::format(
      "Throughput, times that of the unchanged server: larger pool {:.2f}, cluster {:.2f}, worker "
      "threads {:.2f}, large cluster {:.2f}.",
      gains.pool, gains.cluster, gains.threads, gains.many);
}

std::string doubts(const Loads& loads, double cpus) {
  // All of them can fill the CPUs, so those who didn't were kept from it.
  for (const auto& [change, route] : {std::pair{"unchanged", "login"},
                                      {"pool", "login"},
                                      {"cluster", "login"},
                                      {"cluster", "report"},
                                      {"threads", "report"}})
    if (const double kept = 1 - loads.at({change, route}).all_cpus / cpus; kept > kMostKept)
      return fmt::format(
          "{:.0f} % of the CPUs went to other programs while /{} was under load; close what "
          "computes, and try again",
          kept * 100, route);
  if (best_for_report(gains_of(loads, "report")).empty())
    return "no change helped /report clearly; close what computes, and try again";
  if (p99_of_report(loads).empty() || switches_of_report(loads).empty())
    return "it isn't clear what the cluster does to the p99 and the switches of /report; close "
           "what "
           "computes, and try again";
  if (best_for_login(gains_of(loads, "login")).empty() ||
      best_for_feed(gains_of(loads, "feed")).empty())
    return "it isn't clear whether /login or /feed became faster; close what computes, and try "
           "again";
  if (loads.at({"many", "report"}).involuntary <= loads.at({"cluster", "report"}).involuntary)
    return "the large cluster wasn't switched more often than the small one, which it is where "
           "nobody else computes; close what computes, and try again";
  return "";
}

Measured measure(const Seen& seen, const Parameters& parameters) {
  Measured measured;
  Loads loads;
  for (const char* change : kChanges)
    for (const char* route : kRoutes) {
      Load& load = loads[{change, route}] = load_in(seen.output, std::string(change) + ' ' + route);
      if (load.requests < 1) {
        measured.no_verdict = "the workload didn't end well; try again";
        return measured;
      }
      look(seen, load);
      measured.figures[route][change] = {
          {"per_second", load.per_second},   {"p99_ms", load.p99_ms},
          {"involuntary", load.involuntary}, {"server_cpus", load.server_cpus},
          {"loop_cpus", load.loop_cpus},     {"all_cpus", load.all_cpus}};
    }
  const auto say = [&](const char* route, const std::string& best) {
    measured.truths.push_back({route, {best}, 0, in_words(loads, route)});
  };
  say("report", best_for_report(gains_of(loads, "report")));
  const Load &before = loads[{"unchanged", "report"}], &now = loads[{"cluster", "report"}];
  measured.truths.push_back(
      {"p99",
       {p99_of_report(loads)},
       0,
       fmt::format("The p99 of /report was {:.0f} ms, with the cluster {:.0f} "
                   "ms.",
                   before.p99_ms, now.p99_ms)});
  measured.truths.push_back({"switches",
                             {switches_of_report(loads)},
                             0,
                             fmt::format("A request of /report took {:.1f} involuntary switches, "
                                         "with the cluster {:.1f}.",
                                         before.involuntary, now.involuntary)});
  say("login", best_for_login(gains_of(loads, "login")));
  say("feed", best_for_feed(gains_of(loads, "feed")));
  const auto used = [&](const char* route) {
    const Load& load = loads.at({"unchanged", route});
    return fmt::format("/{} {:.2f} CPUs, of them the loop {:.2f}", route, load.server_cpus,
                       load.loop_cpus);
  };
  measured.truths.push_back({"why",
                             {"ask"},
                             0,
                             fmt::format("Unchanged, the server used for {}; for {}; for {}.",
                                         used("report"), used("login"), used("feed"))});
  measured.no_verdict = doubts(loads, static_cast<double>(parameters.at("cpus")));
  if (measured.no_verdict.empty() && !lines_after(seen.output, "broken").empty())
    measured.no_verdict = "a request has got no answer; close what computes, and try again";
  return measured;
}

std::string picture(const Measured& measured) {
  std::string text;
  for (const char* route : kRoutes) {
    if (!measured.figures.contains(route)) return text;
    const auto& loads = measured.figures[route];
    text += fmt::format("\n/{:<10}{:>16}{:>16}{:>18}{:>10}{:>9}\n", route, "requests/s", "p99, ms",
                        "involuntary sw.", "CPUs of", "busiest");
    text += fmt::format("{:>61}{:>10}{:>9}\n", "a request", "server", "loop");
    const auto& before = loads["unchanged"];
    for (const char* change : kChanges) {
      const auto& load = loads[change];
      text += fmt::format("{:<11}", change);
      for (const auto& [key, width] :
           {std::pair{"per_second", 8}, {"p99_ms", 8}, {"involuntary", 10}}) {
        const double now = load[key], was = before[key];
        text += fmt::format("{:>{}.{}f}", now, width, now < 10 ? 1 : 0);
        text += was > 0 ? fmt::format(" ({:>4.{}f}x)", now / was, now < 10 * was ? 2 : 0)
                        : std::string(8, ' ');
      }
      text += fmt::format("{:>10.2f}{:>9.2f}\n", load["server_cpus"].get<double>(),
                          load["loop_cpus"].get<double>());
    }
  }
  return text;
}

}  // namespace

Lab lab() {
  return {.number = 13,
          .slug = "13-faster",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"report", "login", "feed"},
          .picture = picture};
}

}  // namespace timeslice::labs::faster
