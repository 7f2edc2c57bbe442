// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "view/format/loop_text.h"
#include "view/format/number.h"
#include "view/format/printable.h"
#include "view/format/uring_text.h"
#include "view/format/wall_clock.h"
#include "view/report/report.h"
#include "view/screen/histogram.h"

namespace timeslice::view {

namespace {

using Out = std::back_insert_iterator<std::string>;

double ms(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

double window_ns(const model::Report& report) {
  const model::HistoryInfo& info = report.history->info();
  return static_cast<double>(std::max<uint64_t>(info.end_ns - info.begin_ns, 1));
}

std::string clean(std::string_view text) {
  Scratch scratch;
  return std::string(printable(text, scratch));
}

// Without a recorded name: a blank would look as if there were no thread.
std::string name_or_none(std::string_view comm) { return comm.empty() ? "(no name)" : clean(comm); }

std::string quantile(const model::Report& report, const model::ReportRow& row, double q) {
  const auto us = report.wait_quantile_us(row, q);
  return us ? duration(*us * 1e3) : "-";
}

void append_head(std::string& out, const model::Report& report) {
  const model::HistoryInfo& info = report.history->info();
  const double seconds = window_ns(report) / 1e9;
  fmt::format_to(Out(out), "timeslice report: {:.6f} s of {}", seconds,
                 info.asked.empty() ? "the machine" : clean(info.asked));
  if (!info.machine.empty()) fmt::format_to(Out(out), ", {}", clean(info.machine));
  if (info.realtime_ns) fmt::format_to(Out(out), ", {}", date_and_time(info.realtime_ns));
  out += "\n";
}

// For what share of the time did k threads run, or wait, at the same time?
void append_levels(std::string& out, const char* what, const std::vector<uint64_t>& levels,
                   double window) {
  fmt::format_to(Out(out), "{:<16}", what);
  constexpr size_t shown = 9;
  double rest = 0;
  for (size_t k = 0; k < levels.size(); ++k) {
    const double share = 100 * static_cast<double>(levels[k]) / window;
    if (k < shown)
      fmt::format_to(Out(out), " {}: {:.1f}%", k, share);
    else
      rest += share;
  }
  if (levels.size() > shown) fmt::format_to(Out(out), " more: {:.1f}%", rest);
  out += "\n";
}

std::string peer_name(const model::History& history, const model::Pair& pair) {
  if (pair.peer == model::kNobody) {
    if (pair.context == TS_CONTEXT_SOFTIRQ) return "(softirq)";
    return pair.context == TS_CONTEXT_HARDIRQ ? "(hardirq)" : "(unknown)";
  }
  const model::HistoryThread& peer = history.threads()[pair.peer];
  return fmt::format("{}/{}", name_or_none(peer.comm), peer.tid);
}

struct Deed {
  const model::HistoryThread* to;
  const model::Pair* pair;
};

struct DeedTable {
  std::vector<model::Pair> model::HistoryThread::*pairs;
  const char *title, *wait, *verb;
  bool by_count;  // else by wait
};

constexpr DeedTable kWakers = {&model::HistoryThread::wakers, "Who woke whom", "THEN WAITED",
                               "woke", false};
// The wait isn't the preemptor's doing: it may leave at once, and others run for all the rest.
constexpr DeedTable kPreemptors = {
    &model::HistoryThread::preemptors,
    "Who preempted whom: the first to run; others may have run before the thread got a CPU again",
    "THEN WAITED", "preempted", true};

void append_deeds(std::string& out, const model::Report& report, const DeedTable& table) {
  constexpr size_t shown = 10;
  const model::History& history = *report.history;
  std::vector<Deed> deeds;
  for (const model::HistoryThread& thread : history.threads()) {
    const bool recorder = thread.tgid == history.info().recorder_tgid;
    for (const model::Pair& pair : thread.*table.pairs)
      if (!recorder) deeds.push_back({&thread, &pair});
  }
  if (deeds.empty()) return;
  const auto key = [&](const Deed& deed) {
    return table.by_count ? std::pair(deed.pair->count, deed.pair->wait_ns)
                          : std::pair(deed.pair->wait_ns, deed.pair->count);
  };
  std::sort(deeds.begin(), deeds.end(),
            [&](const Deed& a, const Deed& b) { return key(a) > key(b); });
  fmt::format_to(Out(out), "\n{}\n{:>9} {:>11}  who\n", table.title, "TIMES", table.wait);
  for (size_t i = 0; i < std::min(shown, deeds.size()); ++i)
    fmt::format_to(Out(out), "{:>9} {:>11}  {} {} {}/{}\n", grouped(deeds[i].pair->count),
                   duration(static_cast<double>(deeds[i].pair->wait_ns)),
                   peer_name(history, *deeds[i].pair), table.verb, name_or_none(deeds[i].to->comm),
                   deeds[i].to->tid);
  if (deeds.size() > shown) fmt::format_to(Out(out), "{:>9} more\n", deeds.size() - shown);
}

void append_histogram(std::string& out, const model::Report& report) {
  WaitHistogram buckets{};
  std::copy(report.all.wait_hist.begin(), report.all.wait_hist.end(), buckets.begin());
  const auto lines = fold_histogram(buckets, 24);
  if (lines.empty()) return;
  uint64_t most = 1;
  for (const HistogramLine& line : lines) most = std::max(most, line.count);
  fmt::format_to(Out(out), "\nWaits for a CPU, all threads: {}, {} in total, the longest {}\n",
                 grouped(report.all.waits), duration(static_cast<double>(report.all.wait_sum_ns)),
                 duration(static_cast<double>(report.all.wait_max_ns)));
  for (const HistogramLine& line : lines) {
    const auto width = static_cast<size_t>(50 * line.count / most);
    fmt::format_to(Out(out), "{:>9} {:>10} {}\n", duration(static_cast<double>(line.floor_ns)),
                   grouped(line.count),
                   std::string(line.count ? std::max<size_t>(width, 1) : 0, '#'));
  }
}

void append_rows(std::string& out, const model::Report& report, size_t most_rows) {
  const double window = window_ns(report);
  const bool threads = report.by == model::By::thread;
  fmt::format_to(
      Out(out),
      "\n{:>7} {:>7} {:<15} {:<16} {:>6} {:>10} {:>10} {:>11} {:>9} {:>9} {:>8} {:>8} {:>6}\n",
      threads ? "TID" : "THREADS",
      threads                           ? "TGID"
      : report.by == model::By::process ? "TGID"
                                        : "",
      report.by == model::By::role ? "ROLE" : "COMM", threads ? "ROLE" : "", "%CPU", "ON-CPU ms",
      "WAIT ms", "OFF-CPU ms", "VOLUNT", "INVOL", "WAIT p99", "MAX", "MIGR");
  size_t shown = 0, still = 0;
  for (const model::ReportRow& row : report.rows) {
    if (!row.active()) {
      ++still;
      continue;
    }
    if (most_rows && shown == most_rows) continue;
    ++shown;
    fmt::format_to(
        Out(out),
        "{:>7} {:>7} {:<15} {:<16} {:>6.1f} {:>10.3f} {:>10.3f} {:>11.3f} {:>9} {:>9} {:>8} {:>8} "
        "{:>6}\n",
        threads ? row.thread->tid : row.threads,
        report.by == model::By::role ? std::string() : std::to_string(row.tgid),
        name_or_none(row.name), threads ? clean(model::role_of(*row.thread).name) : "",
        100 * static_cast<double>(row.oncpu_ns) / window, ms(row.oncpu_ns), ms(row.ready_ns),
        ms(row.off_sum_ns()), row.voluntary, row.involuntary, quantile(report, row, 0.99),
        row.waits ? duration(static_cast<double>(row.wait_max_ns)) : "-", row.migrations);
  }
  const size_t hidden = report.rows.size() - still - shown;
  if (hidden) fmt::format_to(Out(out), "{:>7} more ran; --rows 0 shows them\n", hidden);
  if (still)
    fmt::format_to(Out(out), "{:>7} {} slept all the time\n", still,
                   !threads     ? "of them"
                   : still == 1 ? "thread"
                                : "threads");
  fmt::format_to(Out(out),
                 "{:>7} {:>7} {:<15} {:<16} {:>6.1f} {:>10.3f} {:>10.3f} {:>11.3f} {:>9} {:>9} "
                 "{:>8} {:>8} {:>6}\n",
                 "", "", "all", "", 100 * static_cast<double>(report.all.oncpu_ns) / window,
                 ms(report.all.oncpu_ns), ms(report.all.ready_ns), ms(report.all.off_sum_ns()),
                 report.all.voluntary, report.all.involuntary, quantile(report, report.all, 0.99),
                 report.all.waits ? duration(static_cast<double>(report.all.wait_max_ns)) : "-",
                 report.all.migrations);
}

void append_off_reasons(std::string& out, const model::Report& report) {
  out += "off-CPU reasons:";
  for (size_t i = 0; i < model::kOffReasons; ++i)
    if (report.all.off_ns[i])
      fmt::format_to(Out(out), " {}: {:.3f} ms", model::off_name(static_cast<model::Off>(i)),
                     ms(report.all.off_ns[i]));
  if (report.all.unseen_ns)
    fmt::format_to(Out(out), " unknown: {:.3f} ms", ms(report.all.unseen_ns));
  out += "\n";
}

}  // namespace

std::string recording_trust_line(const model::RecordingTrust& trust) {
  std::string line = "trust: ";
  const auto add = [&](uint64_t value, const char* one, const char* several, const char* what) {
    if (value) fmt::format_to(Out(line), "{} {}, ", counted(value, one, several), what);
  };
  if (!trust.loses()) line += "nothing lost, ";
  add(trust.lost, "record", "records", "lost (no percentiles)");
  if (!trust.lost) add(trust.gaps, "gap", "gaps", "(no percentiles)");
  add(trust.breaks, "switch", "switches", "missing");
  if (trust.beyond.slices)
    fmt::format_to(Out(line), "{} missing that the kernel counted, with {} of waiting, ",
                   counted(trust.beyond.slices, "slice", "slices"),
                   duration(static_cast<double>(trust.beyond.wait_ns)));
  if (trust.beyond.oncpu_ns)
    fmt::format_to(Out(line), "on-CPU time {} below the kernel's, ",
                   duration(static_cast<double>(trust.beyond.oncpu_ns)));
  add(trust.broken, "damaged part", "damaged parts", "skipped");
  add(trust.unfollowed, "process", "processes", "not followed");
  add(trust.unseen_threads, "thread", "threads", "seen only part of the time");
  add(trust.cut_waits, "wait", "waits", "still open at the window's edge");
  if (trust.suspended_ns)
    fmt::format_to(Out(line), "machine suspended for {}, ",
                   duration(static_cast<double>(trust.suspended_ns)));
  if (trust.being_recorded)
    line += "still being recorded, ";
  else if (!trust.complete)
    line += "no end marker, ";
  if (!trust.stopped.empty()) line += trust.stopped + ", ";
  if (!trust.kernel_waits) line += "waits measured from the wake-up, ";
  if (trust.recorder_cpu_ns)
    fmt::format_to(Out(line), "recorder used {} of CPU time",
                   duration(static_cast<double>(*trust.recorder_cpu_ns)));
  else
    fmt::format_to(Out(line), "recorded by {}",
                   trust.recorder.empty() ? "an unknown program" : trust.recorder);
  return line;
}

void append_cores_text(std::string& out, const model::Report& report) {
  const double window = window_ns(report);
  fmt::format_to(Out(out), "{:>5} {:>7} {:>12} {:>12} {:>11} {:>11}\n", "CPU", "BUSY%", "BUSY ms",
                 "IDLE ms", "SWITCHES", "SWITCHES/s");
  for (const model::HistoryCore& core : report.history->cores()) {
    const bool idle_known = !report.history->info().filtered;
    fmt::format_to(
        Out(out), "{:>5} {:>7.1f} {:>12.3f} {:>12} {:>11} {:>11.0f}{}\n", core.cpu,
        100 * static_cast<double>(core.busy_ns) / window, ms(core.busy_ns),
        idle_known ? fmt::format("{:.3f}", ms(core.idle_ns)) : "-", grouped(core.switches),
        static_cast<double>(core.switches) * 1e9 / window,
        core.unseen_ns && idle_known ? fmt::format("  {:.3f} ms unknown", ms(core.unseen_ns)) : "");
  }
}

void append_rings_text(std::string& out, const model::Report& report,
                       const model::UringFrame& rings) {
  if (rings.rings.empty())
    out += "no io_uring ring was seen\n\n";
  else
    append_text(out, rings);
  if (!rings.note.empty()) fmt::format_to(Out(out), "{}\n", clean(rings.note));
  out += recording_trust_line(report.trust) + "\n";
}

void append_loops_text(std::string& out, const model::Report& report,
                       const model::LoopFrame& loops) {
  if (loops.loops.empty())
    out += "no event loop was seen\n\n";
  else
    append_text(out, loops);
  const auto append_troubles = [&](const std::vector<model::RefusedProcess>& processes) {
    for (const model::RefusedProcess& process : processes)
      fmt::format_to(Out(out), "process {}: {}\n", process.tgid, clean(process.why));
  };
  append_troubles(loops.refused);
  append_troubles(loops.unnamed);
  out += recording_trust_line(report.trust) + "\n";
}

void append_report_text(std::string& out, const model::Report& report, size_t most_rows) {
  const model::Concurrency& concurrency = report.history->concurrency();
  append_head(out, report);
  append_cores_text(out, report);
  append_levels(out, "running threads:", concurrency.running_ns, window_ns(report));
  append_levels(out, "waiting threads:", concurrency.ready_ns, window_ns(report));
  append_off_reasons(out, report);
  append_rows(out, report, most_rows);
  append_deeds(out, report, kPreemptors);
  append_deeds(out, report, kWakers);
  append_histogram(out, report);
  out += "\n" + recording_trust_line(report.trust) + "\n";
}

}  // namespace timeslice::view
