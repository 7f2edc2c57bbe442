// SPDX-License-Identifier: MIT
#include "view/format/loop_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "model/block_groups.h"
#include "view/format/code_place.h"
#include "view/format/description.h"
#include "view/format/number.h"
#include "view/format/printable.h"
#include "view/format/request.h"
#include "view/format/turns_text.h"
#include "view/format/vm_text.h"

namespace timeslice::view {

namespace {

constexpr size_t kMostCommand = 72;  // bytes of a command line
constexpr uint32_t kFewSamples = 2;  // one that wasn't in JavaScript may be chance
constexpr double kBusy = 0.05;       // of the time: what V8 does is worth a line

double percent(uint64_t part, uint64_t whole) {
  return whole ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string turns_per_s(const model::LoopFigures& figures) {
  const auto turns = figures.turns_per_s();
  return turns ? fmt::format("{:.0f}", *turns) : "-";
}

std::string ms(uint64_t ns) { return fmt::format("{:.1f}", static_cast<double>(ns) / 1e6); }

void append_blocks(std::string& out, const model::BlockGroup& blocks) {
  const auto time = [](auto ns) { return duration(static_cast<double>(ns)); };
  out += blocks.goes_on ? "    blocked, so far for " : "    blocked for ";
  out += time(blocks.split.sum());
  if (blocks.count > 1)
    out += " in " + grouped(blocks.count) + " turns (longest " + time(blocks.longest_ns) + ")";
  const auto found = blocks.profile.function();
  if (found) {
    out += "\n      by ";
    append_place(out, *found);
    fmt::format_to(std::back_inserter(out), ", in {} of {}", found->samples,
                   counted(blocks.profile.samples(), "sample", "samples"));
  }
  out += "\n      " + time(blocks.split.oncpu) + " on CPU, " + time(blocks.split.wait) +
         " waiting for a CPU, " + time(blocks.split.asleep) + " asleep in a call";
  const std::string phase = blocks.profile.phase();
  if (!phase.empty()) out += "; phase: " + phase;
  const model::VmLooks& vm = blocks.profile.vm();
  if (vm.sum() - vm.javascript >= kFewSamples)
    out += "\n      " + vm_text(vm, blocks.profile.samples());
  if (found && !found->requests.all.empty()) {
    out += "\n      while serving ";
    append_printable(out, text_of(found->requests));
  }
  out += '\n';
}

void append_process(std::string& out, const model::LoopFrame& frame,
                    const model::WatchedLoop& loop) {
  out += std::to_string(loop.tgid) + ' ';
  const model::ProcessDescription* process = description_of(frame.processes, loop.tgid);
  if (process && !process->name.empty())
    append_description(out, *process);
  else
    append_printable(out, std::string_view(loop.command).substr(0, kMostCommand));
  out += '\n';
}

void append_vm(std::string& out, const model::LoopActivity& activity) {
  if (activity.vm.sum() < kBusy * activity.vm_looks) return;
  const std::string text = vm_text(activity.vm, activity.vm_looks);
  if (!text.empty()) out += "    " + text + " of the time\n";
}

constexpr size_t kMostKinds = 3;  // of waiting jobs that are told

void append_jobs(std::string& out, const std::vector<model::QueuedJobs>& jobs) {
  for (size_t i = 0; i < std::min(jobs.size(), kMostKinds); ++i) {
    out += (i == 0 ? ": " : ", ") + grouped(jobs[i].count) + " " + jobs[i].kind;
    if (jobs[i].what.empty()) continue;
    out += ' ';
    append_printable(out, jobs[i].what);
  }
  if (jobs.size() > kMostKinds) out += ", ...";
}

constexpr size_t kMostCalls = 3;  // that are told

// What the pool's threads did with their jobs.
void append_work(std::string& out, const model::PoolWork& work) {
  const uint64_t whole = work.time.sum();
  if (whole == 0) return;
  std::vector<std::string> parts;
  const auto add = [&](uint64_t ns, const std::string& what) {
    if (ns != 0) parts.push_back(fmt::format("{:.0f}% {}", percent(ns, whole), what));
  };
  std::string calls;
  for (size_t i = 0; i < std::min(work.calls.size(), kMostCalls); ++i)
    calls += (i == 0 ? "" : ", ") + work.calls[i].name;
  add(work.time.oncpu, "on CPU");
  add(work.time.wait, "waiting for a CPU");
  add(work.time.asleep, "asleep in " + calls);
  fmt::format_to(std::back_inserter(out), "      with a job: {}\n", fmt::join(parts, ", "));
}

void append_pool(std::string& out, const model::PoolFigures& pool) {
  fmt::format_to(std::back_inserter(out), "    pool: {}, {:.1f} busy, all busy {:.0f}% of the time",
                 counted(pool.threads, "thread", "threads"), pool.busy,
                 percent(pool.saturated_looks, pool.looks));
  if (pool.queued) {
    out += "; " + counted(*pool.queued + pool.slow.value_or(0), "job", "jobs") + " waiting";
    append_jobs(out, pool.jobs);
  }
  out += '\n';
  append_work(out, pool.work);
}

}  // namespace

void append_text(std::string& out, const model::LoopFrame& frame) {
  out += "    TID KIND    TURNS/S   UTIL%  ONCPU%   WAIT% ASLEEP%  READY% LONGEST DELAY99\n";
  uint32_t process = 0;
  for (const model::WatchedLoop& loop : frame.loops) {
    if (loop.tgid != process) append_process(out, frame, loop);
    process = loop.tgid;
    const model::LoopFigures& f = loop.figures;
    const uint64_t whole = f.interval_ns;
    fmt::format_to(std::back_inserter(out),
                   "{:>7} {:<6} {:>8} {:>7.1f} {:>7.1f} {:>7.1f} {:>7.1f} {:>7.1f} {:>7} {:>7}\n",
                   loop.tid, loop.is_main ? "main" : "worker", turns_per_s(f),
                   percent(f.active.sum(), whole), percent(f.active.oncpu, whole),
                   percent(f.active.wait, whole), percent(f.active.asleep, whole),
                   percent(f.idle_ready_ns, whole), ms(f.longest_turn_ns), ms(f.delay_p99_ns));
    append_vm(out, loop.activity);
    if (loop.timed) append_turns(out, *loop.timed, frame.time_ns);
    for (const model::BlockGroup& blocks : model::by_function(f.blocks)) append_blocks(out, blocks);
    if (!loop.is_main) continue;
    for (const model::WatchedPool& pool : frame.pools)
      if (pool.tgid == loop.tgid) append_pool(out, pool.figures);
  }
  if (frame.turn_probes) append_probing(out, *frame.turn_probes);
  out += '\n';
}

}  // namespace timeslice::view
