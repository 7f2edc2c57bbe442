// SPDX-License-Identifier: MIT
#include "view/format/why_json.h"

#include "view/format/loop_parts.h"
#include "view/format/request.h"
#include "view/format/why_sentences.h"

namespace timeslice::view {

namespace {

using namespace model;
using Json = OrderedJson;

double ms(uint64_t ns) { return whole_us_in_ms(ns); }

Json function_json(const BlockFunction& function) {
  Json json = frame_json(function.frame);
  json["share"] = function.share;
  json["samples"] = function.samples;
  const StackFrame* called = function.called();
  json["calling"] = called ? frame_json(*called) : Json();
  json["request"] = text_or_null(text_of(function.requests));
  json["stack"] = Json::array();
  for (const StackFrame& frame : function.stack) json["stack"].push_back(frame_json(frame));
  return json;
}

// The keys of a function are there, null, where none is known.
Json evidence_with(const std::optional<BlockFunction>& function) {
  if (function) return function_json(*function);
  Json json = frame_json(StackFrame());
  json["share"] = json["samples"] = json["calling"] = json["request"] = Json();
  json["stack"] = Json::array();
  return json;
}

Json calls_json(const std::vector<CountedCall>& calls) {
  Json json = Json::array();
  for (const CountedCall& call : calls)
    json.push_back({{"call", call.name}, {"looks", call.looks}});
  return json;
}

Json pool_json(const PoolFigures& pool) {
  return {{"size", pool.threads},
          {"busy", pool.busy},
          {"longest_queue", pool.most_queued},
          {"queued", queued_json(pool.jobs)},
          {"queue_wait_ms",
           pool.waits.ended ? Json(ms(pool.waits.ended_ns / pool.waits.ended)) : Json()},
          {"longest_queue_wait_ms", pool.waits.ended ? Json(ms(pool.waits.longest_ns)) : Json()}};
}

struct Evidence {
  Json operator()(const BlockedLoop& found) const {
    Json json = evidence_with(found.functions.empty() ? std::nullopt
                                                      : std::optional(found.functions.front()));
    json["blocks"] = found.blocks;
    json["blocked_ms"] = ms(found.blocked_ns);
    json["longest_ms"] = ms(found.longest_ns);
    json["goes_on"] = found.goes_on;
    json["phase"] = text_or_null(found.phase);
    json["others"] = Json::array();
    for (size_t i = 1; i < found.functions.size(); ++i)
      json["others"].push_back(function_json(found.functions[i]));
    return json;
  }
  Json operator()(const BusyLoop& found) const {
    Json json = evidence_with(found.function);
    json["utilisation"] = found.utilisation;
    json["longest_turn_ms"] = ms(found.longest_turn_ns);
    return json;
  }
  Json operator()(const Starved& found) const {
    Json by = Json::array();
    for (const StarvedBy& one : found.by)
      by.push_back({{"tgid", one.rival.tgid ? Json(one.rival.tgid) : Json()},
                    {"comm", text_or_null(one.rival.comm)},
                    {"own", one.is_own},
                    {"processes", one.processes},
                    {"share", one.share}});
    return {
        {"waited_ms", ms(found.waited_ns)},
        {"by", by},
        {"cpus", found.limits.cpus ? Json(found.limits.cpus) : Json()},
        {"quota_cpus", found.limits.quota ? Json(*found.limits.quota) : Json()},
        {"periods", found.limits.quota ? Json(found.limits.periods) : Json()},
        {"throttled_periods", found.limits.quota ? Json(found.limits.throttled_periods) : Json()}};
  }
  Json operator()(const TooManyWorkers& found) const {
    return {{"workers", found.workers}, {"cpus", found.cpus}, {"waited_ms", ms(found.waited_ns)}};
  }
  Json operator()(const PoolFull& found) const {
    Json json = pool_json(found.figures);
    json["calls"] = calls_json(found.figures.work.calls);
    json["looks"] = found.figures.work.looks;
    return json;
  }
  Json operator()(const GarbageCollection& found) const {
    Json json = evidence_with(found.function);
    json["gc_ratio"] = found.ratio;
    return json;
  }
  Json operator()(const BlockingCalls& found) const {
    Json json = evidence_with(found.function);
    json["asleep_ms"] = ms(found.asleep_ns);
    json["calls"] = calls_json(found.calls);
    return json;
  }
  Json operator()(const SlowIo& found) const {
    Json peers = Json::array();
    for (const SlowPeer& peer : found.peers)
      peers.push_back({{"peer", text_of(peer.end)},
                       {"connections", peer.connections},
                       {"answers", peer.waits.finished},
                       {"mean_ms", ms(peer.mean_ns())},
                       {"longest_ms", ms(peer.waits.longest_ns)},
                       {"going_on", peer.waits.going_on},
                       {"share", peer.share}});
    return {{"peers", peers},
            {"pool_busy", found.pool_busy},
            {"calls", calls_json(found.pool.calls)},
            {"looks", found.pool.looks}};
  }
  Json operator()(const Idle& found) const {
    return {{"utilisation", found.utilisation},
            {"longest_turn_ms", ms(found.longest_turn_ns)},
            {"delay_p99_ms", ms(found.delay_p99_ns)}};
  }
};

Json cause_json(const Cause& cause, uint64_t watched_ns) {
  Json evidence = std::visit(Evidence{}, cause.finding);
  evidence["tid"] = cause.tid ? Json(cause.tid) : Json();
  return {{"cause", cause_word(cause.finding)},
          {"share", cause.share},
          {"confidence", cause.confidence},
          {"sentence", sentence_of(cause, watched_ns)},
          {"advice", text_or_null(advice_of(cause.finding))},
          {"evidence", evidence}};
}

}  // namespace

void append_json(std::string& out, const std::vector<ToldProcess>& processes,
                 const LoopFrame& loops) {
  Json list = Json::array();
  for (const ToldProcess& told : processes) {
    Json causes = Json::array();
    for (const Cause& cause : told.causes)
      causes.push_back(cause_json(cause, told.process.watched_ns));
    Json process = {{"tgid", told.process.tgid},
                    {"command", text_or_null(told.process.command)},
                    {"watched_ms", ms(told.process.watched_ns)}};
    add_description(process, told.process.description);
    process["causes"] = causes;
    list.push_back(process);
  }
  append_line(out, {{"schema", "timeslice/why/1"},
                    {"time_ns", loops.time_ns},
                    {"source", loops.source},
                    {"processes", list},
                    {"probes", 0},
                    {"trust",
                     {{"dropped_samples", loops.dropped_samples},
                      {"refused", refused_json(loops.refused)},
                      {"unnamed", refused_json(loops.unnamed)}}}});
}

}  // namespace timeslice::view
