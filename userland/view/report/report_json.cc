// SPDX-License-Identifier: MIT
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "view/format/loop_json.h"
#include "view/format/uring_json.h"
#include "view/report/report.h"

namespace timeslice::view {

namespace {

using Json = nlohmann::ordered_json;

double ms(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

template <typename Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json peer_json(const model::History& history, const model::Pair& pair, uint64_t all) {
  const char* const contexts[] = {"unknown", "task", "softirq", "hardirq"};
  Json peer;
  const bool thread = pair.peer != model::kNobody;
  peer["name"] = thread ? Json(history.threads()[pair.peer].comm)
                        : Json(contexts[pair.context & (TS_CONTEXTS - 1)]);
  peer["tid"] = thread ? Json(history.threads()[pair.peer].tid) : Json(nullptr);
  peer["context"] = contexts[pair.context & (TS_CONTEXTS - 1)];
  peer["count"] = pair.count;
  peer["share"] = all ? static_cast<double>(pair.count) / static_cast<double>(all) : 0.0;
  peer["wait_ms"] = ms(pair.wait_ns);
  return peer;
}

Json top_peer(const model::History& history, const std::vector<model::Pair>& pairs) {
  if (pairs.empty()) return nullptr;
  uint64_t all = 0;
  for (const model::Pair& pair : pairs) all += pair.count;
  return peer_json(history,
                   *std::max_element(pairs.begin(), pairs.end(),
                                     [](const model::Pair& a, const model::Pair& b) {
                                       return a.count < b.count;
                                     }),
                   all);
}

Json off_json(const std::array<uint64_t, model::kOffReasons>& off_ns) {
  Json off = Json::object();
  for (size_t i = 0; i < off_ns.size(); ++i)
    off[model::off_name(static_cast<model::Off>(i))] = ms(off_ns[i]);
  return off;
}

// The sums that a thread, a process and a role have alike.
void add_sums(Json& json, const model::Report& report, const model::ReportRow& row) {
  const model::HistoryInfo& info = report.history->info();
  const double seconds = std::max(static_cast<double>(info.end_ns - info.begin_ns) / 1e9, 1e-9);
  json["cpu_pct"] = ms(row.oncpu_ns) / seconds / 10;
  json["nvcsw"] = row.voluntary;
  json["nivcsw"] = row.involuntary;
  json["nvcsw_per_s"] = static_cast<double>(row.voluntary) / seconds;
  json["nivcsw_per_s"] = static_cast<double>(row.involuntary) / seconds;
  json["unclear_switches"] = row.unclear;
  json["oncpu_ms"] = ms(row.oncpu_ns);
  json["wait_ms"] = ms(row.ready_ns);
  json["offcpu_ms"] = ms(row.off_sum_ns());
  json["unseen_ms"] = ms(row.unseen_ns);
  json["off_ms"] = off_json(row.off_ns);
  json["wait_ms_per_s"] = ms(row.ready_ns) / seconds;
  json["run_delay_ms"] = ms(row.wait_sum_ns);
  json["waits"] = row.waits;
  json["wait_p50_us"] = or_null(report.wait_quantile_us(row, 0.5));
  json["wait_p99_us"] = or_null(report.wait_quantile_us(row, 0.99));
  json["wait_max_us"] =
      row.waits ? Json(static_cast<double>(row.wait_max_ns) / 1e3) : Json(nullptr);
  json["slices"] = row.slices;
  json["wakeups"] = row.wakeups;
  json["migrations"] = row.migrations;
}

Json kernel_json(const model::HistoryThread::Kernel& kernel) {
  if (!kernel.known) return nullptr;
  return {{"nvcsw", kernel.nvcsw},       {"nivcsw", kernel.nivcsw},
          {"cpu_ms", ms(kernel.cpu_ns)}, {"run_delay_ms", ms(kernel.run_delay_ns)},
          {"slices", kernel.slices},     {"migrations", kernel.migrations}};
}

Json thread_json(const model::Report& report, const model::ReportRow& row) {
  const model::HistoryThread& thread = *row.thread;
  const model::Role role = model::role_of(thread);
  const bool known = role.confidence > 0;
  Json json;
  json["tgid"] = thread.tgid;
  json["tid"] = thread.tid;
  json["comm"] = thread.comm;
  json["role"] = role.name;
  json["role_evidence"] = known ? Json(role.evidence) : Json(nullptr);
  json["role_confidence"] = known ? Json(role.confidence) : Json(nullptr);
  json["state"] = nullptr;  // of one moment; a recording is a stretch of time
  json["cpu"] = nullptr;
  json["policy"] = nullptr;
  json["nice"] = thread.prio >= 100 ? Json(thread.prio - 120) : Json(nullptr);
  json["sleeps_in"] = nullptr;
  json["born"] = thread.born;
  json["ended"] = thread.ended;
  add_sums(json, report, row);
  json["wait_max_at_s"] =
      thread.waits
          ? Json(static_cast<double>(thread.wait_max_at_ns - report.history->info().begin_ns) / 1e9)
          : Json(nullptr);
  json["top_preemptor"] = top_peer(*report.history, thread.preemptors);
  json["top_waker"] = top_peer(*report.history, thread.wakers);
  json["kernel"] = kernel_json(thread.kernel);
  return json;
}

Json group_json(const model::Report& report, const model::ReportRow& row) {
  Json json;
  if (report.by == model::By::process) json["tgid"] = row.tgid;
  json[report.by == model::By::process ? "comm" : "role"] = row.name;
  json["threads"] = row.threads;
  add_sums(json, report, row);
  return json;
}

Json levels_json(const std::vector<uint64_t>& levels) {
  Json list = Json::array();
  for (const uint64_t ns : levels) list.push_back(ms(ns));
  return list;
}

Json trust_json(const model::RecordingTrust& trust) {
  return {{"lost_records", trust.lost},
          {"gaps", trust.gaps},
          {"missing_switches", trust.breaks},
          {"missing_slices", trust.beyond.slices},
          {"missing_wait_ms", ms(trust.beyond.wait_ns)},
          {"missing_oncpu_ms", ms(trust.beyond.oncpu_ns)},
          {"broken_parts", trust.broken},
          {"unfollowed_processes", trust.unfollowed},
          {"censored_waits", trust.cut_waits},
          {"unseen_threads", trust.unseen_threads},
          {"suspended_ms", ms(trust.suspended_ns)},
          {"complete", trust.complete && trust.stopped.empty()},
          {"being_recorded", trust.being_recorded},
          {"kernel_waits", trust.kernel_waits},
          {"recorder", trust.recorder.empty() ? Json(nullptr) : Json(trust.recorder)},
          {"recorder_cpu_ms",
           trust.recorder_cpu_ns ? Json(ms(*trust.recorder_cpu_ns)) : Json(nullptr)}};
}

// Of which recording it is.
Json head_json(const model::HistoryInfo& info) {
  Json json;
  json["schema"] = "timeslice/report/1";
  json["duration_s"] = static_cast<double>(info.end_ns - info.begin_ns) / 1e9;
  json["begin_ns"] = info.begin_ns;
  json["realtime_ns"] = info.realtime_ns ? Json(info.realtime_ns) : Json(nullptr);
  json["machine"] = info.machine.empty() ? Json(nullptr) : Json(info.machine);
  json["asked"] = info.asked.empty() ? Json(nullptr) : Json(info.asked);
  return json;
}

}  // namespace

void append_report_json(std::string& out, const model::Report& report) {
  const model::History& history = *report.history;
  const model::HistoryInfo& info = history.info();
  Json json = head_json(info);
  json["cores"] = Json::array();
  for (const model::HistoryCore& core : history.cores())
    json["cores"].push_back({{"cpu", core.cpu},
                             {"busy_ms", ms(core.busy_ns)},
                             {"idle_ms", info.filtered ? Json(nullptr) : Json(ms(core.idle_ns))},
                             {"unseen_ms", ms(core.unseen_ns)},
                             {"switches", core.switches}});
  const char* const lists[] = {"threads", "processes", "roles"};
  Json& rows = json[lists[static_cast<size_t>(report.by)]] = Json::array();
  for (const model::ReportRow& row : report.rows)
    rows.push_back(report.by == model::By::thread ? thread_json(report, row)
                                                  : group_json(report, row));
  add_sums(json["all"], report, report.all);
  json["ran_at_once_ms"] = levels_json(history.concurrency().running_ns);
  json["waited_at_once_ms"] = levels_json(history.concurrency().ready_ns);
  json["trust"] = trust_json(report.trust);
  append_line(out, json);  // a comm may hold any bytes; JSON text may not
}

void append_loops_json(std::string& out, const model::Report& report,
                       const model::LoopFrame& loops) {
  Json json = head_json(report.history->info());
  json["loops"] = loops_json(loops);
  for (size_t i = 0; i < loops.loops.size(); ++i)
    json["loops"][i]["turns"] = or_null(loops.loops[i].figures.turns);
  json["pools"] = pools_json(loops);
  json["trust"] = trust_json(report.trust);
  json["trust"].update(loop_trust_json(loops));
  append_line(out, json);
}

void append_rings_json(std::string& out, const model::Report& report,
                       const model::UringFrame& rings) {
  Json json = head_json(report.history->info());
  json.update(uring_json(rings));
  json["trust"] = trust_json(report.trust);
  json["trust"].update(uring_trust_json(rings));
  append_line(out, json);
}

}  // namespace timeslice::view
