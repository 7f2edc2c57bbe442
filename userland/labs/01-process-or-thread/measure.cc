// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "labs/01-process-or-thread/lab.h"
#include "labs/parts/by_name.h"
#include "labs/parts/output_lines.h"

namespace timeslice::labs::process_or_thread {

namespace {

struct Starts {
  uint64_t shortest_ns = UINT64_MAX;
  int64_t fewest_faults = INT64_MAX;
  int64_t shared_at_first = 0, shared_then = 0;  // KiB, of the last one
  int count = 0;
};

Starts starts_of(const std::string& output, const std::string& what) {
  Starts starts;
  for (auto& words : lines_after(output, what)) {
    Starts one;
    if (!(words >> one.shortest_ns >> one.fewest_faults >> one.shared_at_first >> one.shared_then))
      continue;
    starts.shared_at_first = one.shared_at_first;
    starts.shared_then = one.shared_then;
    starts.shortest_ns = std::min(starts.shortest_ns, one.shortest_ns);
    starts.fewest_faults = std::min(starts.fewest_faults, one.fewest_faults);
    ++starts.count;
  }
  return starts;
}

std::optional<int64_t> total_in(const std::string& output) {
  int64_t total = 0;
  for (auto& words : lines_after(output, "total"))
    if (words >> total) return total;
  return std::nullopt;
}

Parameters variant(Random& random, const Machine& /*machine*/) {
  return {{"start", random.between(1, 9) * 100}, {"step", random.between(2, 9)}};
}

Measured measure(const Seen& seen, const Parameters& parameters) {
  Measured measured;
  std::set<uint32_t> pids, tids;
  nlohmann::json threads = nlohmann::json::array();
  for (const model::HistoryThread& thread : seen.history.threads()) {
    if (!took_part(thread) || thread.comm.rfind("lab-", 0) != 0) continue;
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
                      {"child_total", *total + step},
                      {"thread_start_us", static_cast<double>(thread.shortest_ns) / 1e3},
                      {"child_start_us", static_cast<double>(child.shortest_ns) / 1e3},
                      {"thread_faults", thread.fewest_faults},
                      {"child_faults", child.fewest_faults},
                      {"child_shared_kib", child.shared_at_first},
                      {"child_shared_kib_after_writing", child.shared_then}};
  const char* const who = *total == start              ? "nothing"
                          : *total == start + 2 * step ? "threads"
                          : *total == start + 4 * step ? "all"
                                                       : "";
  const bool more_faults = child.fewest_faults > thread.fewest_faults;
  if (more_faults != (child.shortest_ns > thread.shortest_ns))
    measured.no_verdict =
        "page faults and the time to start don't agree on which of the two costs more, so "
        "something "
        "else held one of them up; close what computes, and try again";
  measured.truths = {
      {"pids", {std::to_string(pids.size())}, 0, fmt::format("TGIDs: {}.", fmt::join(pids, ", "))},
      {"tids", {std::to_string(tids.size())}, 0, fmt::format("TIDs: {}.", fmt::join(tids, ", "))},
      {"total", {who}, 0, fmt::format("It printed {}.", *total)},
      {"memory",
       {more_faults ? "process" : "equal"},
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

constexpr const char* kEnd = "  +--------------------------------------------------\n";

// A box for each process, with its threads in it, and its own `total`.
std::string boxes(const nlohmann::json& figures) {
  std::string text;
  uint64_t box = 0;
  for (const auto& thread : figures["threads"]) {
    const uint64_t tgid = thread["tgid"];
    const bool is_first = tgid != box;
    if (is_first)
      text +=
          fmt::format("{}  {:-<51}\n", box == 0 ? "" : kEnd, fmt::format("+-- process {} ", tgid));
    box = tgid;
    const std::string name = thread["comm"];
    const int64_t total = name == "lab-child" ? figures["child_total"].get<int64_t>()
                                              : figures["total"].get<int64_t>();
    text += fmt::format("  |   thread {:<8} {:<12}", thread["tid"].get<uint64_t>(), name);
    text += is_first ? fmt::format("   total = {}\n", total) : "\n";
  }
  return text + kEnd;
}

std::string picture(const Measured& measured) {
  const auto& figures = measured.figures;
  if (!figures.contains("threads")) return "";
  const auto line = [&](const char* what, const std::string& start) {
    return fmt::format("  {:<12} {:>16.0f} {:>14}\n", what,
                       figures[start + "_start_us"].get<double>(),
                       figures[start + "_faults"].get<int64_t>());
  };
  return boxes(figures) +
         fmt::format("\n  {:<12} {:>16} {:>14}\n", "", "runs after, us", "page faults") +
         line("a thread", "thread") + line("a process", "child") +
         fmt::format("  Shared by a child and its parent: {} KiB; after it has written: {} KiB.\n",
                     figures["child_shared_kib"].get<int64_t>(),
                     figures["child_shared_kib_after_writing"].get<int64_t>());
}

}  // namespace

Lab lab() {
  return {.number = 1,
          .slug = "01-process-or-thread",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .picture = picture};
}

}  // namespace timeslice::labs::process_or_thread
