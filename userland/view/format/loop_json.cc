// SPDX-License-Identifier: MIT
#include "view/format/loop_json.h"

#include "view/format/description.h"
#include "view/format/loop_parts.h"
#include "view/format/request.h"
#include "view/format/turns_text.h"
#include "view/format/vm_text.h"

namespace timeslice::view {

namespace {

using Json = OrderedJson;

double ms(uint64_t ns) { return whole_us_in_ms(ns); }

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
  json["vm_ms"] = vm_json(profile.vm(), profile.samples(), ms(block.duration_ns));
  json["request"] = text_or_null(function ? text_of(function->requests) : "");
  json["stack"] = Json::array();
  if (function)
    for (const model::StackFrame& frame : function->stack)
      json["stack"].push_back(frame_json(frame));
  return json;
}

double ratio(uint64_t part, uint64_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

Json figure_or_null(const std::optional<double>& figure) { return figure ? Json(*figure) : Json(); }

Json ms_or_null(const std::optional<uint64_t>& ns) { return ns ? Json(ms(*ns)) : Json(); }

Json turns_json(const model::TurnFigures& timed) {
  return {{"count", timed.count},
          {"sum", ms(timed.sum_ns)},
          {"p50", ms_or_null(timed.quantile_ns(0.5))},
          {"p90", ms_or_null(timed.quantile_ns(0.9))},
          {"p99", ms_or_null(timed.quantile_ns(0.99))},
          {"max", timed.count ? Json(ms(timed.longest_ns)) : Json()},
          {"max_start_ns", timed.count ? Json(timed.longest_start_ns) : Json()},
          {"missed", timed.missed}};
}

// The last bucket has no end.
Json histogram_json(const model::WaitHistogram& turns) {
  Json histogram = Json::array();
  const auto us = [](uint32_t bucket) {
    return static_cast<double>(ts_wait_bucket_floor_ns(bucket)) / 1e3;
  };
  for (uint32_t bucket = 0; bucket < turns.size(); ++bucket)
    if (turns[bucket] > 0)
      histogram.push_back({{"from_us", us(bucket)},
                           {"to_us", bucket + 1 < turns.size() ? Json(us(bucket + 1)) : Json()},
                           {"count", turns[bucket]}});
  return histogram;
}

Json phases_json(const std::array<uint64_t, TS_TURN_PHASES>& ns) {
  return {{"poll", ms(ns[TS_PHASE_POLL])},
          {"check", ms(ns[TS_PHASE_CHECK])},
          {"timers", ms(ns[TS_PHASE_TIMERS])},
          {"prepare", ms(ns[TS_PHASE_PREPARE])}};
}

Json loop_json(const model::WatchedLoop& loop) {
  const model::LoopFigures& figures = loop.figures;
  Json blocks = Json::array();
  for (const model::LoopBlock& block : figures.blocks) blocks.push_back(block_json(block));
  return {{"tgid", loop.tgid},
          {"tid", loop.tid},
          {"command", text_or_null(loop.command)},
          {"kind", loop.is_main ? "main" : "worker"},
          {"interval_ms", ms(figures.interval_ns)},
          {"turns_per_s", figure_or_null(figures.turns_per_s())},
          {"utilisation", figures.utilisation()},
          {"longest_turn_ms", ms(figures.longest_turn_ns)},
          {"turn_ms", loop.timed ? turns_json(*loop.timed) : Json()},
          {"histogram", loop.timed ? histogram_json(loop.timed->turns) : Json()},
          {"phases_ms",
           loop.timed && loop.timed->phases_ns ? phases_json(*loop.timed->phases_ns) : Json()},
          {"gc_ratio", figure_or_null(loop.activity.gc_ratio())},
          {"vm_ratio", vm_json(loop.activity.vm, loop.activity.vm_looks, 1)},
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

// Of the jobs that a look met while they waited.
Json mean_wait_ms(const model::JobWaitFigures& waits) {
  return waits.ended ? Json(ms(waits.ended_ns / waits.ended)) : Json();
}

// Of the time that its threads had a job.
Json work_json(const model::PoolWork& work) {
  if (work.looks == 0) return {};
  Json calls = Json::array();
  for (const model::CountedCall& call : work.calls)
    calls.push_back({{"call", call.name}, {"looks", call.looks}});
  return {{"oncpu_ms", ms(work.time.oncpu)},
          {"wait_ms", ms(work.time.wait)},
          {"asleep_ms", ms(work.time.asleep)},
          {"calls", calls}};
}

Json pool_json(const model::WatchedPool& pool) {
  const model::PoolFigures& figures = pool.figures;
  return {{"tgid", pool.tgid},
          {"size", figures.threads},
          {"busy", figures.busy},
          {"saturated_ratio", ratio(figures.saturated_looks, figures.looks)},
          {"queue_depth", count_or_null(figures.queued)},
          {"slow_queue_depth", count_or_null(figures.slow)},
          {"longest_queue", figures.most_queued},
          {"queued", queued_json(figures.jobs)},
          {"queue_wait_ms", mean_wait_ms(figures.waits)},
          {"work", work_json(figures.work)}};
}

// What timing turns costs, and why it may not be done.
void add_probing(Json& object, const model::TurnProbing& probing) {
  using Costs = std::optional<model::TurnCosts>;
  const auto of = [](const Costs& costs, double model::TurnCosts::*figure) {
    return costs ? Json((*costs).*figure) : Json();
  };
  object["probes"] = probing.attached;
  object["price_ns_per_turn"] = of(probing.costs, &model::TurnCosts::ns_per_turn);
  object["price_ns_per_wait"] = figure_or_null(probing.ns_per_wait);
  object["price_ns_per_other_call"] = figure_or_null(probing.ns_per_other_call);
  object["price_ns_per_phase"] = figure_or_null(probing.ns_per_phase);
  object["price_cpu_ratio"] = of(probing.costs, &model::TurnCosts::cpu_ratio);
  object["turns_note"] = text_or_null(why_not_timed(probing));
  object["phases_note"] = text_or_null(why_no_phases(probing));
}

}  // namespace

OrderedJson loops_json(const model::LoopFrame& frame) {
  Json loops = Json::array();
  for (const model::WatchedLoop& loop : frame.loops) {
    const model::ProcessDescription* process = description_of(frame.processes, loop.tgid);
    loops.push_back(loop_json(loop));
    add_description(loops.back(), process ? *process : model::ProcessDescription());
  }
  return loops;
}

OrderedJson pools_json(const model::LoopFrame& frame) {
  Json pools = Json::array();
  for (const model::WatchedPool& pool : frame.pools) pools.push_back(pool_json(pool));
  return pools;
}

OrderedJson loop_trust_json(const model::LoopFrame& frame) {
  return {{"dropped_samples", frame.dropped_samples},
          {"refused", refused_json(frame.refused)},
          {"unnamed", refused_json(frame.unnamed)}};
}

void append_json(std::string& out, const model::LoopFrame& frame) {
  Json object = {
      {"schema", "timeslice/loop/1"}, {"time_ns", frame.time_ns},   {"source", frame.source},
      {"loops", loops_json(frame)},   {"pools", pools_json(frame)},
  };
  add_probing(object, frame.turn_probes.value_or(model::TurnProbing()));
  object["trust"] = loop_trust_json(frame);
  object["trust"]["unphased"] = refused_json(frame.unphased);
  append_line(out, object);
}

}  // namespace timeslice::view
