// SPDX-License-Identifier: MIT
#include "model/uring_figures.h"

#include <algorithm>
#include <numeric>

#include "bpf/uring_names.h"
#include "model/waits.h"

namespace timeslice::model {

namespace {

ts_uring_op difference(const ts_uring_op& later, const ts_uring_op& earlier) {
  ts_uring_op between = later;
  for (int route = 0; route < TS_URING_ROUTES; ++route)
    between.completed[route] -= earlier.completed[route];
  between.shots -= earlier.shots;
  between.refused -= earlier.refused;
  between.without_cqe -= earlier.without_cqe;
  between.unseen -= earlier.unseen;
  for (int i = 0; i < TS_WAIT_BUCKETS; ++i) between.latency_hist[i] -= earlier.latency_hist[i];
  return between;
}

}  // namespace

UringOp uring_op(uint32_t slot, const ts_uring_op& between) {
  UringOp op;
  op.op = uring_op_name(slot);
  std::copy_n(between.completed, TS_URING_ROUTES, op.by_route.begin());
  op.shots = between.shots;
  op.refused = between.refused;
  op.without_cqe = between.without_cqe;
  const std::span<const uint32_t> latencies(between.latency_hist);
  op.timed = std::accumulate(latencies.begin(), latencies.end(), uint64_t{0});
  op.p50_ns = wait_quantile_ns(latencies, 0.5);
  op.p99_ns = wait_quantile_ns(latencies, 0.99);
  return op;
}

std::string uring_op_name(uint32_t opcode) {
  if (opcode == TS_URING_UNNAMED) return "unnamed";
  const char* const name = ts_uring_op_name(opcode);
  return name ? name : "op " + std::to_string(opcode);
}

uint64_t UringOp::count() const {
  return std::accumulate(by_route.begin(), by_route.end(), uint64_t{0});
}

std::optional<uint64_t> UringFigures::completed() const {
  if (!ops) return std::nullopt;
  uint64_t sum = 0;
  for (const UringOp& op : *ops) sum += op.count();
  return sum;
}

std::optional<double> UringFigures::switches_per_op() const {
  const std::optional<uint64_t> done = completed();
  if (!done || *done == 0 || submitters.threads == 0 || some_ended) return std::nullopt;
  const uint64_t all = submitters.switches() + workers.switches() + sqpoll.switches();
  return static_cast<double>(all) / static_cast<double>(*done);
}

UringFigures UringInterval::advance(const UringReading& now) {
  UringFigures figures;
  figures.interval_ns = first_ ? 0 : now.time_ns - time_ns_;
  figures.submitters_known = now.has_ops;
  for (const auto& [tgid, groups] : threads_.advance(now.threads, now.submitters, now.sq_threads)) {
    figures.submitters.add(groups.submitters);
    figures.workers.add(groups.workers);
    figures.sqpoll.add(groups.sqpoll);
  }
  if (now.has_ops) add_ops(figures, now);
  first_ = false;
  time_ns_ = now.time_ns;
  return figures;
}

void UringInterval::add_ops(UringFigures& figures, const UringReading& now) {
  figures.ops.emplace();
  figures.overflows = first_ ? 0 : now.overflows - overflows_;
  figures.missed_runs = first_ ? 0 : now.missed_runs - missed_runs_;
  figures.unseen = 0;
  if (now.probe_ops > 0)
    figures.probe_ns_per_op =
        static_cast<double>(now.probe_ns) / static_cast<double>(now.probe_ops);
  for (uint32_t slot = 0; !first_ && slot < now.ops.size(); ++slot) {
    const ts_uring_op between = difference(now.ops[slot], ops_[slot]);
    *figures.unseen += between.unseen;
    UringOp op = uring_op(slot, between);
    if (op.count() > 0) figures.ops->push_back(std::move(op));
  }
  std::stable_sort(figures.ops->begin(), figures.ops->end(),
                   [](const UringOp& a, const UringOp& b) { return a.count() > b.count(); });
  ops_ = now.ops;
  overflows_ = now.overflows;
  missed_runs_ = now.missed_runs;
}

}  // namespace timeslice::model
