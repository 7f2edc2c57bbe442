// SPDX-License-Identifier: MIT
#include "view/format/why_sentences.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "view/format/code_place.h"
#include "view/format/number.h"
#include "view/format/printable.h"
#include "view/format/request.h"

namespace timeslice::view {

namespace {

using namespace model;

constexpr size_t kMostTold = 3;  // of a list

std::string time(uint64_t ns) { return duration(static_cast<double>(ns)); }

// "43 %", and "0.6 %" of what is small.
std::string percent(double share) {
  return fmt::format("{:.{}f} %", share * 100, share < 0.0995 ? 1 : 0);
}

double share_of(uint64_t part, uint64_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string text(std::string_view untrusted) {
  std::string out;
  append_printable(out, untrusted);
  return out;
}

std::string samples_in(const BlockFunction& function) {
  std::string out =
      function.samples == function.of
          ? "all " + counted(function.of, "sample", "samples")
          : grouped(function.samples) + " of " + counted(function.of, "sample", "samples");
  if (function.of == 1) out = "the only sample";
  out += " of its stack ";
  out += function.samples == 1 ? "is in " : "are in ";
  append_place(out, function);
  if (!function.requests.all.empty()) out += ", while serving " + text(text_of(function.requests));
  return out;
}

template <typename List, typename Tell>
std::string listed(const List& list, Tell tell) {
  std::string out;
  for (size_t i = 0; i < std::min<size_t>(list.size(), kMostTold); ++i)
    out += (i ? ", " : "") + tell(list[i]);
  return out + (list.size() > kMostTold ? ", ..." : "");
}

std::string calls_in(const std::vector<CountedCall>& calls) {
  uint64_t looks = 0;
  for (const CountedCall& call : calls) looks += call.looks;
  return listed(calls, [&](const CountedCall& call) {
    return call.name + " (" + percent(share_of(call.looks, looks)) + ")";
  });
}

std::string rivals_of(const StarvedBy& by) {
  if (by.is_own) return "other threads of its own";
  if (by.rival.tid == 0 && by.rival.comm.empty()) return "nobody";
  const std::string name = text(by.rival.comm);
  if (by.processes > 1) return grouped(by.processes) + " processes " + name;
  return by.rival.tgid ? name + " (pid " + std::to_string(by.rival.tgid) + ")" : name;
}

std::string job_of(const QueuedJobs& jobs) {
  std::string out = grouped(jobs.count) + " ";
  if (jobs.what.empty()) return out + text(jobs.kind);
  return out + (jobs.kind == "work" ? "" : text(jobs.kind) + " ") + text(jobs.what);
}

struct Teller {
  const Cause& cause;
  uint64_t watched_ns;

  [[nodiscard]] std::string loop() const {
    return cause.is_main ? "The event loop"
                         : "The event loop of worker thread " + std::to_string(cause.tid);
  }

  std::string operator()(const BlockedLoop& found) const {
    std::string out =
        loop() + " was blocked " + (found.blocks == 1 ? "once" : grouped(found.blocks) + " times") +
        ", for " + time(found.blocked_ns) + " of " + time(watched_ns) +
        (found.blocks == 1 ? "" : ", the longest time for " + time(found.longest_ns)) +
        (found.goes_on ? "; it still is" : "") + ".";
    if (found.functions.empty()) return out + " No function can be named.";
    return out + " In the blocks " + samples_in(found.functions.front()) + ".";
  }
  std::string operator()(const BusyLoop& found) const {
    std::string out = loop() + " is busy " + percent(found.utilisation) + " of the time";
    out += found.has_blocks ? ", beyond its blocks as well"
                            : ", though no turn took longer than " + time(found.longest_turn_ns);
    out += ": there is more work than one thread can do.";
    if (found.function) out += " Of that work, " + samples_in(*found.function) + ".";
    return out;
  }
  std::string operator()(const Starved& found) const {
    std::string out = loop() + " was ready to run but waited for a CPU for " +
                      time(found.waited_ns) + " of " + time(watched_ns) + ".";
    if (!found.by.empty())
      out += " Meanwhile its CPU was used by " +
             listed(found.by,
                    [](const StarvedBy& by) {
                      return rivals_of(by) + " (" + percent(by.share) + " of the looks)";
                    }) +
             ".";
    if (found.limits.throttled_periods)
      out += fmt::format(" Its cgroup's limit of {:.2g} CPUs was used up in {} of {} periods.",
                         found.limits.quota.value_or(0), grouped(found.limits.throttled_periods),
                         grouped(found.limits.periods));
    return out;
  }
  std::string operator()(const TooManyWorkers& found) const {
    return fmt::format(
               "{} workers compute on {:.2g} {}, so they wait for each other: this one for ",
               grouped(found.workers), found.cpus, found.cpus == 1 ? "CPU" : "CPUs") +
           time(found.waited_ns) + " of " + time(watched_ns) + ".";
  }
  std::string operator()(const PoolFull& found) const {
    const PoolFigures& pool = found.figures;
    std::string out = "The thread pool was full: " + percent(cause.share) + " of the time its " +
                      counted(pool.threads, "thread was", "threads were all") +
                      " busy while jobs waited, " + grouped(pool.most_queued) + " at most";
    if (pool.waits.ended)
      out += ", each for " + time(pool.waits.ended_ns / pool.waits.ended) + " on average and " +
             time(pool.waits.longest_ns) + " at most";
    out += ".";
    if (!pool.jobs.empty()) out += " At the end there waited " + listed(pool.jobs, job_of) + ".";
    return out + work_of(found.figures.work);
  }
  static std::string work_of(const PoolWork& work) {
    if (work.time.sum() == 0) return "";
    if (work.time.asleep == 0) return " Its threads compute.";
    return " While they had a job, its threads slept for " +
           percent(share_of(work.time.asleep, work.time.sum())) + " of the time: in " +
           calls_in(work.calls) + ".";
  }
  std::string operator()(const GarbageCollection& found) const {
    std::string out =
        "Garbage collection took " + percent(found.ratio) + " of the time of " +
        (cause.is_main ? "the event loop." : "worker thread " + std::to_string(cause.tid) + ".");
    if (found.function) out += " When it ran, " + samples_in(*found.function) + ".";
    return out;
  }
  std::string operator()(const BlockingCalls& found) const {
    std::string out = loop() + " slept in system calls for " + time(found.asleep_ns) + " of " +
                      time(watched_ns) + ", while nothing else could be done on it";
    if (!found.calls.empty()) out += ": in " + calls_in(found.calls);
    out += ".";
    if (found.function) out += " Of those times, " + samples_in(*found.function) + ".";
    return out;
  }
  std::string operator()(const SlowIo& found) const {
    if (found.peers.empty())
      return fmt::format(
                 "Jobs of its thread pool wait for slow input or output: {:.1f} of its "
                 "threads are busy on average.",
                 found.pool_busy) +
             work_of(found.pool);
    return "It waits for answers over the network: " + listed(found.peers, told_peer) + ".";
  }
  static std::string told_peer(const SlowPeer& peer) {
    return text_of(peer.end) + " took " + time(peer.mean_ns()) + " on average for " +
           counted(peer.waits.finished, "answer", "answers") + ", " + time(peer.waits.longest_ns) +
           " at most, and was waited for " + percent(peer.share) + " of the time";
  }
  std::string operator()(const Idle& found) const {
    std::string out = "Nothing holds it up: " +
                      (found.loops == 1 ? std::string("its event loop is busy ")
                                        : "the busiest of its event loops is busy ") +
                      percent(found.utilisation) + " of the time";
    out += found.longest_turn_ns ? ", and its longest turn took " + time(found.longest_turn_ns)
                                 : ", in turns too short to be met by a look";
    return out + ".";
  }
};

bool is_lock(const BlockingCalls& found) {
  return !found.function && !found.calls.empty() && found.calls.front().name == "futex";
}

struct Adviser {
  std::string operator()(const BlockedLoop& found) const {
    if (found.functions.empty()) return "Look at the functions: timeslice loop -p PID.";
    return "Use an asynchronous form of it, do it in parts, or give it to a worker thread.";
  }
  std::string operator()(const BusyLoop& /*found*/) const {
    return "Do less for each event, or spread the work over worker threads or a cluster.";
  }
  std::string operator()(const Starved& found) const {
    if (found.limits.throttled_periods) return "Raise the cgroup's limit (cpu.max), or do less.";
    return "Keep the others from its CPU (taskset, cpusets), lower their priority (nice), or take "
           "a "
           "machine with more CPUs.";
  }
  std::string operator()(const TooManyWorkers& found) const {
    return fmt::format("Start as many workers as there are CPUs for them: {:.0f}.",
                       std::max(found.cpus, 1.0));
  }
  std::string operator()(const PoolFull& found) const {
    const TimeSplit& time = found.figures.work.time;
    return time.asleep * 2 > time.sum()
               ? "Its threads mostly sleep: more of them help (UV_THREADPOOL_SIZE)."
               : "Its threads compute: as many as there are CPUs help (UV_THREADPOOL_SIZE), beyond "
                 "that only less work.";
  }
  std::string operator()(const GarbageCollection& /*found*/) const {
    return "Allocate less there, or give the young generation more room "
           "(--max-semi-space-size).";
  }
  std::string operator()(const BlockingCalls& found) const {
    if (is_lock(found))
      return "A futex is a lock that another of its threads holds: find what that one waits for, "
             "mostly a CPU.";
    return "Use the asynchronous form of what makes these calls.";
  }
  std::string operator()(const SlowIo& /*found*/) const {
    return "The loop itself has time: look at what answers slowly.";
  }
  std::string operator()(const Idle& /*found*/) const { return ""; }
};

}  // namespace

std::string sentence_of(const Cause& cause, uint64_t watched_ns) {
  return std::visit(Teller{cause, watched_ns}, cause.finding);
}

std::string advice_of(const Finding& finding) { return std::visit(Adviser{}, finding); }

std::string title_of(const Finding& finding) {
  std::string title = cause_word(finding);
  std::replace(title.begin(), title.end(), '_', ' ');
  return title;
}

const char* confidence_word(double confidence) {
  if (confidence >= 0.8) return "sure";
  return confidence >= 0.5 ? "likely" : "possible";
}

}  // namespace timeslice::view
