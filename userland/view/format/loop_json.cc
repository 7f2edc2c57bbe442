// SPDX-License-Identifier: MIT
#include "view/format/loop_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "view/format/printable.h"

namespace timeslice::view {

namespace {

using Json = nlohmann::ordered_json;

double ms(uint64_t ns) {
  return std::floor(static_cast<double>(ns) / 1e3) / 1e3;
}  // whole microseconds

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }
Json place_or_null(int place) { return place > 0 ? Json(place) : Json(); }

Json frame_json(const model::StackFrame& frame) {
  return {{"function", text_or_null(frame.function)},
          {"file", text_or_null(frame.file)},
          {"line", place_or_null(frame.line)},
          {"column", place_or_null(frame.column)},
          {"exact", frame.exact}};
}

Json block_json(const model::LoopBlock& block) {
  const model::BlockProfile& profile = block.profile;
  const auto function = profile.function();
  Json json = frame_json(function ? function->frame : model::StackFrame());
  json["share"] = function ? Json(function->share) : Json();
  json["samples"] = profile.samples();
  json["phase"] = text_or_null(profile.phase());
  json["start_ns"] = block.start_ns;
  json["duration_ms"] = ms(block.duration_ns);
  json["ended"] = block.ended;
  json["oncpu_ms"] = ms(block.split.oncpu);
  json["wait_ms"] = ms(block.split.wait);
  json["asleep_ms"] = ms(block.split.asleep);
  json["gc_ms"] = profile.samples() ? Json(profile.gc_share() * ms(block.duration_ns)) : Json();
  json["stack"] = Json::array();
  if (function)
    for (const model::StackFrame& frame : function->stack)
      json["stack"].push_back(frame_json(frame));
  return json;
}

double ratio(uint64_t part, uint64_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

Json loop_json(const model::WatchedLoop& loop) {
  const model::LoopFigures& figures = loop.figures;
  Json turns;
  if (figures.turns) turns = ratio(*figures.turns * 1'000'000'000, figures.interval_ns);
  Json blocks = Json::array();
  for (const model::LoopBlock& block : figures.blocks) blocks.push_back(block_json(block));
  return {{"tgid", loop.tgid},
          {"tid", loop.tid},
          {"command", text_or_null(loop.command)},
          {"kind", loop.is_main ? "main" : "worker"},
          {"interval_ms", ms(figures.interval_ns)},
          {"turns_per_s", turns},
          {"utilisation", ratio(figures.active.sum(), figures.interval_ns)},
          {"longest_turn_ms", ms(figures.longest_turn_ns)},
          {"active_ms",
           {{"oncpu", ms(figures.active.oncpu)},
            {"wait", ms(figures.active.wait)},
            {"asleep", ms(figures.active.asleep)}}},
          {"idle_ms",
           {{"asleep", ms(figures.idle_asleep_ns)}, {"ready_waiting", ms(figures.idle_ready_ns)}}},
          {"delay_ms",
           {{"p50", ms(figures.delay_p50_ns)},
            {"p99", ms(figures.delay_p99_ns)},
            {"max", ms(figures.delay_max_ns)}}},
          {"longest_gap_ms", ms(figures.longest_gap_ns)},
          {"blocks", blocks}};
}

Json count_or_null(const std::optional<uint32_t>& count) { return count ? Json(*count) : Json(); }

Json pool_json(const model::WatchedPool& pool) {
  const model::PoolFigures& figures = pool.figures;
  Json queued = Json::array();
  for (const model::QueuedJobs& jobs : figures.jobs)
    queued.push_back(
        {{"kind", jobs.kind}, {"what", text_or_null(jobs.what)}, {"count", jobs.count}});
  return {{"tgid", pool.tgid},
          {"size", figures.threads},
          {"busy", figures.busy},
          {"saturated_ratio", ratio(figures.saturated_looks, figures.looks)},
          {"queue_depth", count_or_null(figures.queued)},
          {"slow_queue_depth", count_or_null(figures.slow)},
          {"longest_queue", figures.most_queued},
          {"queued", queued}};
}

Json refused_json(const std::vector<model::RefusedProcess>& processes) {
  Json refused = Json::array();
  for (const model::RefusedProcess& process : processes)
    refused.push_back({{"tgid", process.tgid}, {"why", process.why}});
  return refused;
}

}  // namespace

void append_json(std::string& out, const model::LoopFrame& frame) {
  Json loops = Json::array(), pools = Json::array();
  for (const model::WatchedLoop& loop : frame.loops) loops.push_back(loop_json(loop));
  for (const model::WatchedPool& pool : frame.pools) pools.push_back(pool_json(pool));
  const Json object = {{"schema", "timeslice/loop/1"},
                       {"time_ns", frame.time_ns},
                       {"source", frame.source},
                       {"loops", loops},
                       {"pools", pools},
                       {"probes", 0},
                       {"trust",
                        {{"dropped_samples", frame.dropped_samples},
                         {"refused", refused_json(frame.refused)},
                         {"unnamed", refused_json(frame.unnamed)}}}};
  append_visible_json(out, object.dump(-1, ' ', false, Json::error_handler_t::replace));
  out += '\n';
}

}  // namespace timeslice::view
