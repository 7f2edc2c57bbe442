// SPDX-License-Identifier: MIT
#include "view/format/uring_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "view/format/number.h"
#include "view/format/printable.h"

namespace timeslice::view {

namespace {

constexpr size_t kMostCommand = 72;  // bytes of a command line

constexpr double kMostPerSecond = 1e15;  // a recording may say anything

double per_s(uint64_t count, uint64_t interval_ns) {
  if (interval_ns == 0) return 0;
  return std::min(static_cast<double>(count) * 1e9 / static_cast<double>(interval_ns),
                  kMostPerSecond);
}

std::string or_dash(const std::optional<uint32_t>& figure) {
  return figure ? grouped(*figure) : "-";
}

std::string time_or_dash(const std::optional<uint64_t>& ns) {
  return ns ? duration(static_cast<double>(*ns)) : "-";
}

// "312 operations: READ 300, NOP 12; inline 96.2%, io-wq 3.8%"
void append_own_ops(std::string& out, const std::vector<model::UringOp>& ops) {
  constexpr size_t kMost = 4;
  constexpr const char* kRoutes[] = {"inline", "async", "poll", "io-wq"};
  uint64_t all = 0;
  std::array<uint64_t, TS_URING_ROUTES> by_route{};
  for (const model::UringOp& op : ops) {
    all += op.count();
    for (size_t route = 0; route < TS_URING_ROUTES; ++route) by_route[route] += op.by_route[route];
  }
  out += "\n    " + counted(all, "operation", "operations");
  for (size_t i = 0; i < ops.size() && i < kMost; ++i)
    out += (i ? ", " : ": ") + ops[i].op + ' ' + grouped(ops[i].count());
  if (ops.size() > kMost) out += ", …";
  const char* before = "; ";
  for (const size_t route :
       {TS_URING_INLINE, TS_URING_ASYNC_CALLBACK, TS_URING_POLL, TS_URING_IO_WQ}) {
    if (by_route[route] == 0) continue;
    out += fmt::format("{}{} {:.1f}%", before, kRoutes[route],
                       100.0 * static_cast<double>(by_route[route]) / static_cast<double>(all));
    before = ", ";
  }
}

void append_ring(std::string& out, const model::UringRing& ring) {
  out += ring.fd < 0 ? std::string("  rings whose descriptors aren't known")
                     : fmt::format("  ring {}: SQ {} of {} waiting, CQ {} of {} unread", ring.fd,
                                   or_dash(ring.sq_waiting), or_dash(ring.sq_entries),
                                   or_dash(ring.cq_unread), or_dash(ring.cq_entries));
  if (ring.in_flight) out += ", " + grouped(*ring.in_flight) + " in flight";
  if (ring.polls.value_or(0)) out += ", " + counted(*ring.polls, "poll", "polls") + " armed";
  if (ring.overflow.value_or(0)) out += ", " + grouped(*ring.overflow) + " CQEs overflowed";
  if (ring.files.value_or(0) || ring.buffers.value_or(0))
    out += "\n    registered: " + counted(ring.files.value_or(0), "file", "files") + ", " +
           counted(ring.buffers.value_or(0), "buffer", "buffers");
  if (ring.sq_thread) {
    out += fmt::format("\n    SQPOLL: thread {}", *ring.sq_thread);
    if (ring.sq_thread_cpu.value_or(-1) >= 0) out += fmt::format(" on CPU {}", *ring.sq_thread_cpu);
    if (ring.sq_work_ratio)
      out += fmt::format(", {:.1f}% of its CPU time for requests", *ring.sq_work_ratio * 100);
  }
  if (ring.ops) append_own_ops(out, *ring.ops);
  out += '\n';
}

void append_process(std::string& out, const model::UringProcess& process,
                    const std::vector<model::UringRing>& rings) {
  out += std::to_string(process.tgid) + ' ';
  append_printable(out, std::string_view(process.command).substr(0, kMostCommand));
  out += '\n';
  size_t shown = 0;
  for (const model::UringRing& ring : rings) {
    if (ring.tgid != process.tgid) continue;
    append_ring(out, ring);
    ++shown;
  }
  if (!process.refused.empty())
    out += "  its rings can't be seen: " + process.refused + '\n';
  else if (process.cut)
    out += "  there may be more rings: it has too many descriptors to look at all\n";
  else if (shown == 0)
    out += "  no ring\n";
}

void append_op(std::string& out, const model::UringOp& op, uint64_t interval_ns) {
  const uint64_t count = op.count();
  const auto share = [&](ts_uring_route route) {
    return 100.0 * static_cast<double>(op.by_route[route]) / static_cast<double>(count);
  };
  fmt::format_to(std::back_inserter(out),
                 "{:<16} {:>11} {:>7.1f} {:>7.1f} {:>7.1f} {:>7.1f} {:>8} {:>8}\n", op.op,
                 grouped(static_cast<uint64_t>(per_s(count, interval_ns) + 0.5)),
                 share(TS_URING_INLINE), share(TS_URING_ASYNC_CALLBACK), share(TS_URING_POLL),
                 share(TS_URING_IO_WQ), time_or_dash(op.p50_ns), time_or_dash(op.p99_ns));
}

void append_threads(std::string& out, const char* who, const model::UringThreads& threads,
                    uint64_t interval_ns) {
  if (threads.threads == 0) return;
  const double cpu =
      interval_ns ? 100.0 * static_cast<double>(threads.cpu_ns) / static_cast<double>(interval_ns)
                  : 0;
  fmt::format_to(std::back_inserter(out), "{:<11} {:>11}, {:.1f}% CPU, {:.0f} switches/s\n", who,
                 counted(threads.threads, "thread", "threads"), cpu,
                 per_s(threads.switches(), interval_ns));
}

void append_trust(std::string& out, const model::UringFigures& figures) {
  if (!figures.ops) return;
  out += "trust: ";
  if (figures.probe_ns_per_op)
    out += fmt::format("probes {:.0f} ns/operation, ", *figures.probe_ns_per_op);
  out += grouped(figures.overflows.value_or(0)) + " CQEs overflowed, " +
         grouped(figures.unseen.value_or(0)) + " ended unseen, " +
         counted(figures.missed_runs.value_or(0), "missed probe run", "missed probe runs") + '\n';
}

}  // namespace

void append_text(std::string& out, const model::UringFrame& frame) {
  const model::UringFigures& figures = frame.figures;
  for (const model::UringProcess& process : frame.processes)
    append_process(out, process, frame.rings);
  if (figures.ops) {
    out += "OP                     OPS/S INLINE%  ASYNC%   POLL%  IO-WQ%      P50      P99\n";
    for (const model::UringOp& op : *figures.ops) append_op(out, op, figures.interval_ns);
  }
  append_threads(out, "submitters:", figures.submitters, figures.interval_ns);
  append_threads(out, "io-wq:", figures.workers, figures.interval_ns);
  append_threads(out, "SQPOLL:", figures.sqpoll, figures.interval_ns);
  if (const auto switches = figures.switches_per_op())
    out += fmt::format("{:.3f} context switches per operation\n", *switches);
  append_trust(out, figures);
  out += '\n';
}

}  // namespace timeslice::view
