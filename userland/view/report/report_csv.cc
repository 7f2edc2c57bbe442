// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <iterator>

#include "view/format/csv.h"
#include "view/report/report.h"

namespace timeslice::view {

namespace {

double ms(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

std::string quantile(const model::Report& report, const model::ReportRow& row) {
  const auto us = report.wait_quantile_us(row, 0.99);
  return us ? fmt::format("{:.3f}", *us) : "";
}

}  // namespace

void append_report_csv(std::string& out, const model::Report& report) {
  const bool threads = report.by == model::By::thread;
  if (threads) out += "tgid,tid,comm,role,";
  if (report.by == model::By::process) out += "tgid,comm,threads,";
  if (report.by == model::By::role) out += "role,threads,";
  out +=
      "oncpu_ms,wait_ms,offcpu_ms,unseen_ms,nvcsw,nivcsw,run_delay_ms,waits,wait_p99_us,"
      "wait_max_us,slices,wakeups,migrations\n";
  for (const model::ReportRow& row : report.rows) {
    if (report.by != model::By::role) out += std::to_string(row.tgid) + ",";
    if (threads) out += std::to_string(row.thread->tid) + ",";
    append_csv_field(out, row.name);
    out += ',';
    if (threads)
      append_csv_field(out, model::role_of(*row.thread).name);
    else
      out += std::to_string(row.threads);
    fmt::format_to(
        std::back_inserter(out), ",{:.6f},{:.6f},{:.6f},{:.6f},{},{},{:.6f},{},{},{},{},{},{}\n",
        ms(row.oncpu_ns), ms(row.ready_ns), ms(row.off_sum_ns()), ms(row.unseen_ns), row.voluntary,
        row.involuntary, ms(row.wait_sum_ns), row.waits, quantile(report, row),
        row.waits ? fmt::format("{:.3f}", static_cast<double>(row.wait_max_ns) / 1e3) : "",
        row.slices, row.wakeups, row.migrations);
  }
}

void append_cores_csv(std::string& out, const model::Report& report) {
  out += "cpu,busy_ms,idle_ms,unseen_ms,switches\n";
  for (const model::HistoryCore& core : report.history->cores())
    fmt::format_to(std::back_inserter(out), "{},{:.6f},{},{:.6f},{}\n", core.cpu, ms(core.busy_ns),
                   report.history->info().filtered ? "" : fmt::format("{:.6f}", ms(core.idle_ns)),
                   ms(core.unseen_ns), core.switches);
}

}  // namespace timeslice::view
