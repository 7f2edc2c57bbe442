// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <array>

#include "labs/10-routes/lab.h"
#include "labs/parts/by_name.h"
#include "labs/parts/output_lines.h"
#include "labs/parts/rounds.h"

namespace timeslice::labs::routes {

namespace {

constexpr std::array kBackends = {"pool", "uring", "blocking"};
constexpr std::array kOperations = {"socket", "file", "proc", "name"};
// A thread that does them has a part in nearly each; one that happens to run has a part in few.
constexpr double kTakesPart = 0.3, kByChance = 0.05;

enum Group : size_t { kLoop, kPool, kWorkers, kGroups };
constexpr std::array kGroupNames = {"the loop's thread", "a pool thread", "iou-wrk"};

// What one operation took, of each group of threads.
struct Cost {
  double times = 0;                      // how many were done
  std::array<double, kGroups> us{};      // CPU time
  std::array<double, kGroups> slices{};  // times that they got a CPU
  double switches = 0;                   // away from any of them, of their own accord
  uint64_t begin_ns = 0, end_ns = 0;

  // Whoever else took part did it for the loop, which only started it and got the result.
  [[nodiscard]] Group done_by() const {
    if (slices[kPool] > kTakesPart) return kPool;
    return slices[kWorkers] > kTakesPart ? kWorkers : kLoop;
  }
  [[nodiscard]] bool is_clear() const {
    const auto is_between = [](double part) { return part > kByChance && part <= kTakesPart; };
    return !is_between(slices[kPool]) && !is_between(slices[kWorkers]);
  }
};

Group group_of(const model::HistoryThread& thread) {
  if (!took_part(thread)) return kGroups;
  if (thread.comm == "lab-loop" && thread.tid == thread.tgid) return kLoop;
  if (thread.comm.rfind("pool-worker", 0) == 0) return kPool;
  return thread.comm.rfind("iou-", 0) == 0 ? kWorkers : kGroups;
}

// "ops NAME NUMBER BEGIN END", and what the recording shows between the two moments.
Cost cost_of(const Seen& seen, const std::string& name) {
  Cost cost;
  for (auto& words : lines_after(seen.output, "ops " + name))
    words >> cost.times >> cost.begin_ns >> cost.end_ns;
  if (cost.times < 1) return {};
  for (const model::Slice& slice : seen.slices) {
    const uint64_t begin = std::max(slice.begin_ns, cost.begin_ns);
    const uint64_t end = std::min(slice.end_ns, cost.end_ns);
    if (begin >= end || slice.thread == model::kNobody) continue;
    const Group group = group_of(seen.history.threads()[slice.thread]);
    if (group == kGroups) continue;
    cost.us[group] += static_cast<double>(end - begin) / 1e3 / cost.times;
    cost.slices[group] += 1 / cost.times;
    if (slice.voluntary && slice.end_ns <= cost.end_ns) cost.switches += 1 / cost.times;
  }
  return cost;
}

// "backend ASKED FOR"
std::string backend_in(const std::string& output, const std::string& name) {
  std::string serves;
  for (auto& words : lines_after(output, "backend " + name)) words >> serves;
  return serves;
}

Parameters variant(Random& random, const Machine& /*machine*/) {
  return {{"times", random.between(15, 30) * 10}};
}

std::string shares(const Cost& cost) {
  std::string text = "CPU time for each:";
  const char* comma = " ";
  for (size_t group = 0; group < kGroups; ++group) {
    if (cost.slices[group] < kByChance && group != kLoop) continue;
    text += fmt::format("{}{} {:.0f} us", comma, kGroupNames.at(group), cost.us.at(group));
    comma = ", ";
  }
  return text;
}

const char* word_of(Group group) {
  return group == kLoop ? "loop" : group == kPool ? "pool" : "kernel";
}

Measured measure(const Seen& seen, const Parameters& /*parameters*/) {
  Measured measured;
  std::map<std::string, Cost> costs;
  for (const char* backend : kBackends) {
    if (backend_in(seen.output, backend) != backend)
      measured.no_verdict = std::string("this machine doesn't allow the back end ") + backend +
                            "; `timeslice check` says what io_uring needs";
    for (const char* operation : kOperations) {
      const std::string name = std::string(backend) + '-' + operation;
      const Cost& cost = costs[name] = cost_of(seen, name);
      if (cost.times < 1 && measured.no_verdict.empty())
        measured.no_verdict = "the workload didn't end well; try again";
      if (!cost.is_clear() && measured.no_verdict.empty())
        measured.no_verdict =
            "it isn't clear who did " + name + "; close what computes, and try again";
      measured.figures[name] = {{"loop_us", cost.us[kLoop]},
                                {"pool_us", cost.us[kPool]},
                                {"workers_us", cost.us[kWorkers]},
                                {"switches", cost.switches},
                                {"pool_slices", cost.slices[kPool]},
                                {"workers_slices", cost.slices[kWorkers]},
                                {"done_by", kGroupNames.at(cost.done_by())}};
    }
  }
  const auto who = [&](const char* key, const char* name) {
    return Truth{
        key, {word_of(costs[name].done_by())}, 0, name + (": " + shares(costs[name])) + "."};
  };
  const Cost &pool_file = costs["pool-file"], &uring_file = costs["uring-file"],
             &uring_proc = costs["uring-proc"];
  measured.truths = {who("socket", "pool-socket"), who("file", "pool-file"),
                     who("uring", "uring-file")};
  measured.truths.push_back(
      {"switches",
       {uring_file.switches < pool_file.switches ? "uring" : "pool"},
       0,
       fmt::format("Voluntary switches for each file read: pool {:.2f}, uring {:.2f}.",
                   pool_file.switches, uring_file.switches)});
  const bool has_workers = uring_proc.done_by() == kWorkers;
  const bool always = has_workers && uring_file.done_by() == kWorkers;
  measured.truths.push_back(
      {"why",
       {always        ? "pool"
        : has_workers ? "some"
                      : "yes"},
       0,
       fmt::format("On uring, {} read the file, and {} the one of /proc.",
                   kGroupNames.at(uring_file.done_by()), kGroupNames.at(uring_proc.done_by()))});
  return measured;
}

std::string picture(const Measured& measured) {
  std::string text =
      "\nCPU time of the threads, us for each operation\n"
      "back end   operation     loop     pool  iou-wrk   switches   done by\n";
  for (const char* backend : kBackends) {
    for (const char* operation : kOperations) {
      const auto& cost = measured.figures[std::string(backend) + '-' + operation];
      text += fmt::format("{:<10} {:<9}", backend, operation);
      for (const char* group : {"loop_us", "pool_us", "workers_us"}) {
        const double us = cost[group];
        text += us > 0 ? fmt::format(" {:>8.1f}", us) : fmt::format(" {:>8}", "-");
      }
      text += fmt::format(" {:>10.2f}   {}\n", cost["switches"].get<double>(),
                          cost["done_by"].get<std::string>());
    }
    text += '\n';
  }
  return text;
}

}  // namespace

Lab lab() {
  return {.number = 10,
          .slug = "10-routes",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"pool-socket", "pool-file", "uring-file", "uring-proc"},
          .picture = picture};
}

}  // namespace timeslice::labs::routes
