// SPDX-License-Identifier: MIT
#include "model/report.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "model/processes.h"

namespace timeslice::model {

namespace {

void add(ReportRow& row, const HistoryThread& thread) {
  ++row.threads;
  row.oncpu_ns += thread.oncpu_ns;
  row.ready_ns += thread.ready_ns;
  row.unseen_ns += thread.unseen_ns;
  for (size_t i = 0; i < kOffReasons; ++i) row.off_ns[i] += thread.off_ns[i];
  row.voluntary += thread.voluntary;
  row.involuntary += thread.involuntary;
  row.unclear += thread.unclear;
  row.slices += thread.slices;
  row.migrations += thread.migrations;
  for (const uint64_t count : thread.wakeups) row.wakeups += count;
  row.waits += thread.waits;
  row.wait_sum_ns += thread.wait_sum_ns;
  row.wait_max_ns = std::max(row.wait_max_ns, thread.wait_max_ns);
  row.wait_hist.add(thread.wait_hist);
}

bool is_shown(const History& history, const HistoryThread& thread, bool with_recorder) {
  if (thread.flags & TS_THREAD_OUTSIDE) return false;
  if (thread.first_ns == thread.last_ns && thread.slices == 0) return false;
  const uint32_t recorder = history.info().recorder_tgid;
  return with_recorder || recorder == 0 || thread.tgid != recorder;
}

}  // namespace

Role role_of(const HistoryThread& thread) {
  Role role = thread.role;
  const bool introduced = thread.start_ns != 0;
  if (thread.flags & TS_THREAD_KERNEL)
    role.name = "kernel";
  else if (role.confidence <= 0 && introduced && thread.tid == thread.tgid)
    role = {"main", "tid = tgid", 0.95};
  return role;
}

std::optional<double> Report::wait_quantile_us(const ReportRow& row, double q) const {
  if (trust.spoils_percentiles(all.waits)) return std::nullopt;
  const auto ns = wait_quantile_ns(row.wait_hist.buckets(), q);
  // A bucket's end may lie beyond the longest wait, which is known.
  return ns ? std::optional(static_cast<double>(std::min(*ns, row.wait_max_ns)) / 1e3)
            : std::nullopt;
}

Report make_report(const History& history, const RecordingTrust& trust, By by, bool with_recorder) {
  Report report;
  report.history = &history;
  report.by = by;
  report.trust = trust;
  report.trust.gaps = history.info().gaps;
  report.trust.breaks = history.info().breaks;
  report.trust.beyond = history.beyond();
  std::map<std::string, size_t> by_role;
  const Processes processes(by == By::process ? history.threads() : std::span<HistoryThread>());
  std::unordered_map<uint32_t, size_t> by_process;
  for (uint32_t index = 0; index < history.threads().size(); ++index) {
    const HistoryThread& thread = history.threads()[index];
    if (!is_shown(history, thread, with_recorder)) continue;
    size_t at = report.rows.size();
    if (by == By::process) at = by_process.try_emplace(processes.of(index), at).first->second;
    if (by == By::role) at = by_role.try_emplace(role_of(thread).name, at).first->second;
    if (at == report.rows.size()) {
      ReportRow& row = report.rows.emplace_back();
      row.tgid = thread.tgid;
      if (by == By::thread) {
        row.thread = &thread;
        row.name = thread.comm;
      } else {
        row.name =
            by == By::role ? role_of(thread).name : history.threads()[processes.of(index)].comm;
      }
    }
    add(report.rows[at], thread);
    add(report.all, thread);
    if (thread.unseen_ns) ++report.trust.unseen_threads;
  }
  std::stable_sort(report.rows.begin(), report.rows.end(),
                   [](const ReportRow& a, const ReportRow& b) { return a.oncpu_ns > b.oncpu_ns; });
  return report;
}

}  // namespace timeslice::model
