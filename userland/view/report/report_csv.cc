// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "model/block_groups.h"
#include "view/format/csv.h"
#include "view/format/description.h"
#include "view/report/report.h"

namespace timeslice::view {

namespace {

double ms(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

std::string quantile(const model::Report& report, const model::ReportRow& row) {
  const auto us = report.wait_quantile_us(row, 0.99);
  return us ? fmt::format("{:.3f}", *us) : "";
}

std::string ratio(const std::optional<double>& ratio) {
  return ratio ? fmt::format("{:.6f}", *ratio) : "";
}

// What blocked it most.
void append_costliest(std::string& out, const std::vector<model::LoopBlock>& blocks) {
  const std::vector<model::BlockGroup> groups = model::by_function(blocks);
  const auto found = groups.empty() ? std::nullopt : groups.front().profile.function();
  out += ',';
  if (found) append_csv_field(out, found->frame.function);
  out += ',';
  if (found) append_csv_field(out, found->frame.file);
  out += ',';
  if (found && found->frame.line > 0) out += std::to_string(found->frame.line);
  out += '\n';
}

void append_loop(std::string& out, const model::LoopFrame& frame, const model::WatchedLoop& loop) {
  const model::LoopFigures& f = loop.figures;
  const model::LoopActivity& activity = loop.activity;
  const auto vm = [&](uint32_t looks) {
    return ratio(activity.vm_looks ? std::optional(1.0 * looks / activity.vm_looks) : std::nullopt);
  };
  uint64_t blocked_ns = 0;
  for (const model::LoopBlock& block : f.blocks) blocked_ns += block.duration_ns;
  fmt::format_to(std::back_inserter(out), "{},{},{},", loop.tgid, loop.tid,
                 loop.is_main ? "main" : "worker");
  if (const auto* process = description_of(frame.processes, loop.tgid))
    append_csv_field(out, process->name);
  out += ',';
  append_csv_field(out, loop.command);
  fmt::format_to(std::back_inserter(out),
                 ",{:.6f},{},{},{:.6f},{:.6f},{:.6f},{:.6f},{:.6f},{:.6f},{:.6f},{:.6f},{:.6f},"
                 "{:.6f},{},{},{},{},{},{:.6f}",
                 ms(f.interval_ns), f.turns ? std::to_string(*f.turns) : "", ratio(f.turns_per_s()),
                 f.utilisation(), ms(f.active.oncpu), ms(f.active.wait), ms(f.active.asleep),
                 ms(f.idle_asleep_ns), ms(f.idle_ready_ns), ms(f.longest_turn_ns),
                 ms(f.delay_p50_ns), ms(f.delay_p99_ns), ms(f.delay_max_ns),
                 ratio(loop.activity.gc_ratio()), vm(activity.vm.javascript),
                 vm(activity.vm.compiler), vm(activity.vm.native), f.blocks.size(), ms(blocked_ns));
  append_costliest(out, f.blocks);
}

}  // namespace

void append_loops_csv(std::string& out, const model::LoopFrame& loops) {
  out +=
      "tgid,tid,kind,name,command,interval_ms,turns,turns_per_s,utilisation,oncpu_ms,wait_ms,"
      "asleep_ms,idle_asleep_ms,idle_ready_waiting_ms,longest_turn_ms,delay_p50_ms,delay_p99_ms,"
      "delay_max_ms,gc_ratio,javascript_ratio,compiler_ratio,native_ratio,blocks,blocked_ms,"
      "function,file,line\n";
  for (const model::WatchedLoop& loop : loops.loops) append_loop(out, loops, loop);
}

// A line an operation of a ring; one that has done nothing has one without an operation.
void append_rings_csv(std::string& out, const model::UringFrame& rings) {
  out +=
      "tgid,fd,command,in_flight,op,count,inline,async_callback,poll,io_wq,multishot,refused,"
      "without_cqe,p50_us,p99_us\n";
  const auto us = [](const std::optional<uint64_t>& ns) {
    return ns ? fmt::format("{:.3f}", static_cast<double>(*ns) / 1e3) : "";
  };
  for (const model::UringRing& ring : rings.rings) {
    std::string whose = fmt::format("{},{},", ring.tgid, ring.fd);
    for (const model::UringProcess& process : rings.processes)
      if (process.tgid == ring.tgid) append_csv_field(whose, process.command);
    fmt::format_to(std::back_inserter(whose), ",{},", ring.in_flight.value_or(0));
    if (!ring.ops || ring.ops->empty()) out += whose + ",,,,,,,,,,\n";
    for (const model::UringOp& op : ring.ops.value_or(std::vector<model::UringOp>()))
      fmt::format_to(std::back_inserter(out), "{}{},{},{},{},{},{},{},{},{},{},{}\n", whose, op.op,
                     op.count(), op.by_route[TS_URING_INLINE], op.by_route[TS_URING_ASYNC_CALLBACK],
                     op.by_route[TS_URING_POLL], op.by_route[TS_URING_IO_WQ], op.shots, op.refused,
                     op.without_cqe, us(op.p50_ns), us(op.p99_ns));
  }
}

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
