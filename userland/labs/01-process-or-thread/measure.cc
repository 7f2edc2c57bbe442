// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "labs/01-process-or-thread/lab.h"

namespace timeslice::labs::process_or_thread {

namespace {

struct Starts {
  uint64_t shortest_ns = UINT64_MAX;
  int64_t fewest_faults = INT64_MAX;
  int count = 0;
};

Starts starts_of(const std::string& output, const std::string& what) {
  Starts starts;
  std::istringstream lines(output);
  std::string word;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    uint64_t ns = 0;
    int64_t faults = 0;
    if (!(words >> word >> ns >> faults) || word != what) continue;
    starts.shortest_ns = std::min(starts.shortest_ns, ns);
    starts.fewest_faults = std::min(starts.fewest_faults, faults);
    ++starts.count;
  }
  return starts;
}

std::optional<int64_t> total_in(const std::string& output) {
  const size_t at = output.rfind("total ");
  return at == std::string::npos ? std::nullopt : std::optional(std::atoll(&output[at + 6]));
}

Parameters variant(Random& random, const Machine& /*machine*/) {
  return {{"start", random.between(1, 9) * 100}, {"step", random.between(2, 9)}};
}

Measured measure(const Seen& seen, const Parameters& parameters) {
  Measured measured;
  std::set<uint32_t> pids, tids;
  nlohmann::json threads = nlohmann::json::array();
  for (const model::HistoryThread& thread : seen.history.threads()) {
    if (thread.comm.rfind("lab-", 0) != 0) continue;
    pids.insert(thread.tgid);
    tids.insert(thread.tid);
    threads.push_back({{"tgid", thread.tgid}, {"tid", thread.tid}, {"comm", thread.comm}});
  }
  const auto total = total_in(seen.output);
  const Starts thread = starts_of(seen.output, "thread"), child = starts_of(seen.output, "child");
  if (!total || thread.count != 2 || child.count != 2 || tids.size() != 5) {
    measured.no_verdict = "the workload didn't end well, or wasn't seen whole; try again";
    return measured;
  }
  const int64_t start = parameters.at("start"), step = parameters.at("step");
  measured.figures = {{"threads", threads},
                      {"total", *total},
                      {"start", start},
                      {"thread_start_us", static_cast<double>(thread.shortest_ns) / 1e3},
                      {"child_start_us", static_cast<double>(child.shortest_ns) / 1e3},
                      {"thread_faults", thread.fewest_faults},
                      {"child_faults", child.fewest_faults}};
  const char* const who = *total == start              ? "nothing"
                          : *total == start + 2 * step ? "threads"
                          : *total == start + 4 * step ? "all"
                                                       : "";
  const bool child_costs_more =
      child.shortest_ns > thread.shortest_ns && child.fewest_faults > thread.fewest_faults;
  measured.truths = {
      {"pids", {std::to_string(pids.size())}, 0, fmt::format("TGIDs: {}.", fmt::join(pids, ", "))},
      {"tids", {std::to_string(tids.size())}, 0, fmt::format("TIDs: {}.", fmt::join(tids, ", "))},
      {"total", {who}, 0, fmt::format("It printed {}.", *total)},
      {"memory",
       {child_costs_more ? "process" : "equal"},
       0,
       fmt::format("A thread ran after {:.0f} us, with {} page faults; a process after {:.0f} us, "
                   "with {}.",
                   static_cast<double>(thread.shortest_ns) / 1e3, thread.fewest_faults,
                   static_cast<double>(child.shortest_ns) / 1e3, child.fewest_faults)},
      {"why",
       {"copy"},
       0,
       fmt::format("The children added {} each to their copies; {} is what the threads made of "
                   "the {}.",
                   step, *total, start)}};
  return measured;
}

// A box for each process, with its threads in it.
std::string picture(const Measured& measured) {
  if (!measured.figures.contains("threads")) return "";
  std::string text;
  uint64_t box = 0;
  for (const auto& thread : measured.figures["threads"]) {
    const uint64_t tgid = thread["tgid"];
    if (tgid != box) {
      if (box != 0) text += "  +----------------------------------\n";
      text += fmt::format("  +-- process {} ---- memory, files --\n", tgid);
    }
    box = tgid;
    text += fmt::format("  |   thread {} {}\n", thread["tid"].get<uint64_t>(),
                        thread["comm"].get<std::string>());
  }
  return text + "  +----------------------------------\n";
}

}  // namespace

Lab lab() {
  return {.number = 1,
          .slug = "01-process-or-thread",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .picture = picture,
          .page = {},
          .source = {},
          .script = {}};
}

}  // namespace timeslice::labs::process_or_thread
