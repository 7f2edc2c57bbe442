// SPDX-License-Identifier: MIT
#include "view/format/uring_json.h"

#include "view/format/loop_parts.h"

namespace timeslice::view {

namespace {

using Json = OrderedJson;

template <typename Figure>
Json or_null(const std::optional<Figure>& figure) {
  return figure ? Json(*figure) : Json();
}

Json us_or_null(const std::optional<uint64_t>& ns) {
  return ns ? Json(static_cast<double>(*ns) / 1e3) : Json();
}

Json per_s(uint64_t count, uint64_t interval_ns) {
  if (interval_ns == 0) return {};
  return static_cast<double>(count) * 1e9 / static_cast<double>(interval_ns);
}

Json cpu_pct(uint64_t cpu_ns, uint64_t interval_ns) {
  if (interval_ns == 0) return {};
  return static_cast<double>(cpu_ns) * 100 / static_cast<double>(interval_ns);
}

Json op_json(const model::UringOp& op, uint64_t interval_ns) {
  return {{"op", op.op},
          {"count", op.count()},
          {"per_s", per_s(op.count(), interval_ns)},
          {"inline", op.by_route[TS_URING_INLINE]},
          {"async_callback", op.by_route[TS_URING_ASYNC_CALLBACK]},
          {"poll", op.by_route[TS_URING_POLL]},
          {"io_wq", op.by_route[TS_URING_IO_WQ]},
          {"multishot", op.shots},
          {"refused", op.refused},
          {"without_cqe", op.without_cqe},
          {"p50_us", us_or_null(op.p50_ns)},
          {"p99_us", us_or_null(op.p99_ns)}};
}

Json ops_json(const std::optional<std::vector<model::UringOp>>& of, uint64_t interval_ns) {
  if (!of) return {};
  Json ops = Json::array();
  for (const model::UringOp& op : *of) ops.push_back(op_json(op, interval_ns));
  return ops;
}

// What it has done itself is there only where each ring's own operations are known.
Json ring_json(const model::UringRing& ring, uint64_t interval_ns) {
  Json json{{"tgid", ring.tgid},
            {"fd", ring.fd},
            {"sq_entries", or_null(ring.sq_entries)},
            {"sq_waiting", or_null(ring.sq_waiting)},
            {"cq_entries", or_null(ring.cq_entries)},
            {"cq_unread", or_null(ring.cq_unread)},
            {"cq_overflow", or_null(ring.overflow)},
            {"armed_polls", or_null(ring.polls)},
            {"sqpoll_tid", or_null(ring.sq_thread)},
            {"sqpoll_cpu", or_null(ring.sq_thread_cpu)},
            {"sqpoll_work_ratio", or_null(ring.sq_work_ratio)},
            {"registered_files", or_null(ring.files)},
            {"registered_buffers", or_null(ring.buffers)}};
  if (!ring.ops) return json;
  json["in_flight"] = or_null(ring.in_flight);
  json["ops"] = ops_json(ring.ops, interval_ns);
  return json;
}

Json threads_json(const model::UringThreads& threads, uint64_t interval_ns) {
  return {{"threads", threads.threads},
          {"cpu_pct", cpu_pct(threads.cpu_ns, interval_ns)},
          {"nvcsw", threads.voluntary},
          {"nivcsw", threads.involuntary}};
}

Json processes_json(const std::vector<model::UringProcess>& processes) {
  Json json = Json::array();
  for (const model::UringProcess& process : processes)
    json.push_back({{"tgid", process.tgid},
                    {"command", text_or_null(process.command)},
                    {"rings_refused", text_or_null(process.refused)},
                    {"rings_cut", process.cut}});
  return json;
}

}  // namespace

OrderedJson uring_json(const model::UringFrame& frame) {
  const model::UringFigures& figures = frame.figures;
  const uint64_t interval = figures.interval_ns;
  Json rings = Json::array();
  for (const model::UringRing& ring : frame.rings) rings.push_back(ring_json(ring, interval));
  return {{"interval_s", static_cast<double>(interval) / 1e9},
          {"source", frame.source},
          {"processes", processes_json(frame.processes)},
          {"rings", rings},
          {"ops", ops_json(figures.ops, interval)},
          {"submitters",
           figures.submitters_known ? threads_json(figures.submitters, interval) : Json()},
          {"workers", threads_json(figures.workers, interval)},
          {"sqpoll", threads_json(figures.sqpoll, interval)},
          {"switches_per_op", or_null(figures.switches_per_op())}};
}

OrderedJson uring_trust_json(const model::UringFrame& frame) {
  const model::UringFigures& figures = frame.figures;
  return {{"cq_overflows", or_null(figures.overflows)},
          {"unseen_completions", or_null(figures.unseen)},
          {"missed_probe_runs", or_null(figures.missed_runs)},
          {"probe_ns_per_op", or_null(figures.probe_ns_per_op)},
          {"note", text_or_null(frame.note)}};
}

void append_json(std::string& out, const model::UringFrame& frame) {
  Json object = {{"schema", "timeslice/uring/1"}, {"time_ns", frame.time_ns}};
  object.update(uring_json(frame));
  object["trust"] = uring_trust_json(frame);
  append_line(out, object);
}

}  // namespace timeslice::view
