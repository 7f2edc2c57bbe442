// SPDX-License-Identifier: MIT
#include "view/format/loop_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "view/format/number.h"
#include "view/format/printable.h"

namespace timeslice::view {

namespace {

constexpr size_t kMostCommand = 72;  // bytes of a command line
constexpr double kFewSamples = 1.5;  // one sample in the garbage collector may be chance

double percent(uint64_t part, uint64_t whole) {
  return whole ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string turns_per_s(const model::LoopFigures& figures) {
  if (!figures.turns) return "-";
  return fmt::format("{:.0f}", static_cast<double>(*figures.turns) * 1e9 /
                                   static_cast<double>(figures.interval_ns));
}

std::string ms(uint64_t ns) { return fmt::format("{:.1f}", static_cast<double>(ns) / 1e6); }

void append_place(std::string& out, const model::StackFrame& frame) {
  append_printable(out, frame.function.empty() ? "(anonymous)" : frame.function);
  if (frame.file.empty()) return;
  out += frame.exact ? " (" : " (about ";
  append_printable(out, frame.file);
  if (frame.line > 0) out += ':' + std::to_string(frame.line);
  out += ')';
}

// Blocks of one function at one line, told together; or one that goes on.
struct Blocks {
  std::optional<model::StackFrame> function, called;  // what it called then, if anything
  bool goes_on = false;
  uint64_t count = 0, longest_ns = 0, samples = 0;
  model::TimeSplit split;
  double own_samples = 0, gc_samples = 0, gc_ns = 0;
  std::string phase;

  void add(const model::LoopBlock& block) {
    ++count;
    longest_ns = std::max(longest_ns, block.duration_ns);
    split.oncpu += block.split.oncpu;
    split.wait += block.split.wait;
    split.asleep += block.split.asleep;
    samples += block.profile.samples();
    if (const auto found = block.profile.function()) {
      own_samples += found->share * block.profile.samples();
      if (!function) take_names(*found);
    }
    gc_samples += block.profile.gc_share() * block.profile.samples();
    gc_ns += block.profile.gc_share() * static_cast<double>(block.duration_ns);
    phase = block.profile.phase();
  }
  void take_names(const model::BlockFunction& found) {
    function = found.frame;
    const model::StackFrame& innermost = found.stack.front();
    if (innermost.function != function->function || innermost.file != function->file)
      called = innermost;
  }
};

// The longest in all first, and those that go on before them.
std::vector<Blocks> by_function(const std::vector<model::LoopBlock>& blocks) {
  std::vector<Blocks> groups;
  for (const model::LoopBlock& block : blocks) {
    const auto function = block.profile.function();
    const auto same = [&](const Blocks& group) {
      return block.ended && !group.goes_on && group.function.has_value() == function.has_value() &&
             (!function || (group.function->function == function->frame.function &&
                            group.function->file == function->frame.file &&
                            group.function->line == function->frame.line));
    };
    auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end()) {
      groups.emplace_back();
      group = groups.end() - 1;
      group->goes_on = !block.ended;
    }
    group->add(block);
  }
  std::stable_sort(groups.begin(), groups.end(), [](const Blocks& one, const Blocks& other) {
    return std::make_pair(one.goes_on, one.split.sum()) >
           std::make_pair(other.goes_on, other.split.sum());
  });
  return groups;
}

void append_blocks(std::string& out, const Blocks& blocks) {
  const auto time = [](auto ns) { return duration(static_cast<double>(ns)); };
  out += blocks.goes_on ? "    blocked, so far for " : "    blocked for ";
  out += time(blocks.split.sum());
  if (blocks.count > 1)
    out += " in " + grouped(blocks.count) + " turns (longest " + time(blocks.longest_ns) + ")";
  if (blocks.function) {
    out += " by ";
    append_place(out, *blocks.function);
    if (blocks.called) {
      out += ", calling ";
      append_place(out, *blocks.called);
    }
    fmt::format_to(std::back_inserter(out), ", in {:.0f} of {}", blocks.own_samples,
                   counted(blocks.samples, "sample", "samples"));
  }
  out += "\n      " + time(blocks.split.oncpu) + " on CPU, " + time(blocks.split.wait) +
         " waiting for a CPU, " + time(blocks.split.asleep) + " asleep in a call";
  if (blocks.gc_samples >= kFewSamples)
    out += "; " + time(blocks.gc_ns) + " of it garbage collection";
  if (!blocks.phase.empty()) out += "; phase: " + blocks.phase;
  out += '\n';
}

void append_process(std::string& out, const model::WatchedLoop& loop) {
  out += std::to_string(loop.tgid) + ' ';
  append_printable(out, std::string_view(loop.command).substr(0, kMostCommand));
  out += '\n';
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

void append_pool(std::string& out, const model::PoolFigures& pool) {
  fmt::format_to(std::back_inserter(out), "    pool: {}, {:.1f} busy, all busy {:.0f}% of the time",
                 counted(pool.threads, "thread", "threads"), pool.busy,
                 percent(pool.saturated_looks, pool.looks));
  if (pool.queued) {
    out += "; " + counted(*pool.queued + pool.slow.value_or(0), "job", "jobs") + " waiting";
    append_jobs(out, pool.jobs);
  }
  out += '\n';
}

}  // namespace

void append_text(std::string& out, const model::LoopFrame& frame) {
  out += "    TID KIND    TURNS/S   UTIL%  ONCPU%   WAIT% ASLEEP%  READY% LONGEST DELAY99\n";
  uint32_t process = 0;
  for (const model::WatchedLoop& loop : frame.loops) {
    if (loop.tgid != process) append_process(out, loop);
    process = loop.tgid;
    const model::LoopFigures& f = loop.figures;
    const uint64_t whole = f.interval_ns;
    fmt::format_to(std::back_inserter(out),
                   "{:>7} {:<6} {:>8} {:>7.1f} {:>7.1f} {:>7.1f} {:>7.1f} {:>7.1f} {:>7} {:>7}\n",
                   loop.tid, loop.is_main ? "main" : "worker", turns_per_s(f),
                   percent(f.active.sum(), whole), percent(f.active.oncpu, whole),
                   percent(f.active.wait, whole), percent(f.active.asleep, whole),
                   percent(f.idle_ready_ns, whole), ms(f.longest_turn_ns), ms(f.delay_p99_ns));
    for (const Blocks& blocks : by_function(f.blocks)) append_blocks(out, blocks);
    if (!loop.is_main) continue;
    for (const model::WatchedPool& pool : frame.pools)
      if (pool.tgid == loop.tgid) append_pool(out, pool.figures);
  }
  out += '\n';
}

}  // namespace timeslice::view
