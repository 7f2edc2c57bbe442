// SPDX-License-Identifier: MIT
// The columns' reader is timeline/page/decode.js; what is written here, in which order, is read
// there.
#include "timeline/page.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/processes.h"
#include "model/report.h"
#include "timeline/levels.h"
#include "timeline/loop_facts.h"
#include "timeline/ring_facts.h"
#include "timeline/text.h"
#include "timeline_page.inc"

namespace timeslice::timeline {

using nlohmann::json;

namespace {

// A wake-up's moment is kept to 32 ns: its last bits would take a tenth of the page.
constexpr int waking_shift = 6, waking_step_ns = 1 << waking_shift;

// A kind: because, context, leaving, and flags. decode.js has the same shifts.
constexpr unsigned context_shift = 2, leaving_shift = 4, flag_shift = 20;
enum Flag : uint32_t {
  voluntary = 1U << flag_shift,
  begin_cut = 2U << flag_shift,
  end_cut = 4U << flag_shift,
  has_peer = 8U << flag_shift,
  has_wait = 16U << flag_shift,
  has_waking = 32U << flag_shift,
};

uint32_t kind_bits(const model::Slice& s) {
  uint32_t kind = static_cast<uint32_t>(s.because) | (s.context & 3U) << context_shift |
                  static_cast<uint32_t>(s.leaving) << leaving_shift;
  if (s.voluntary) kind |= voluntary;
  if (s.begin_cut) kind |= begin_cut;
  if (s.end_cut) kind |= end_cut;
  if (s.peer != model::kNobody) kind |= has_peer;
  if (s.wait_ns != 0) kind |= has_wait;
  if (s.waking_ns != 0) kind |= has_waking;
  return kind;
}

// What a thread that was preempted waits: since it lost its core. Others: nothing, for all we know.
uint64_t expected_wait(model::Because because, uint64_t begin_ns, uint64_t last_end_ns) {
  const bool known = because == model::Because::preempted && last_end_ns != 0;
  return known && begin_ns > last_end_ns ? begin_ns - last_end_ns : 0;
}

uint64_t since(uint64_t moment_ns, uint64_t begin_ns) {
  return moment_ns > begin_ns ? moment_ns - begin_ns : 0;
}

// What is 0, false or not known is left out, and main.js fills it in again.
json facts_of(const model::HistoryThread& t, uint64_t begin_ns) {
  json facts = {{"tid", t.tid}, {"tgid", t.tgid}, {"comm", t.comm}};
  const auto add = [&](const char* key, const auto& value) {
    if (value != std::decay_t<decltype(value)>()) facts[key] = value;
  };
  if (const model::Role role = model::role_of(t); role.name != "thread") {
    add("role", role.name);
    add("evidence", role.evidence);
    add("confidence", role.confidence);
  }
  add("kernel", (t.flags & TS_THREAD_KERNEL) != 0);
  add("outside", (t.flags & TS_THREAD_OUTSIDE) != 0);
  add("first_ns", since(t.first_ns, begin_ns));
  add("last_ns", since(t.last_ns, begin_ns));
  add("oncpu_ns", t.oncpu_ns);
  add("ready_ns", t.ready_ns);
  add("voluntary", t.voluntary);
  add("involuntary", t.involuntary);
  add("unclear", t.unclear);
  return facts;
}

}  // namespace

// Bytes that are deflated as one, and where the parts of each lane lie in them.
struct TimelinePage::Blob {
  std::string bytes;
  json lanes = json::array();

  void add(const Lane& lane, uint32_t cpu, uint64_t begin_ns) {
    json sizes = json::array();
    const auto part = [&](const std::string& column) {
      sizes.push_back(column.size());
      bytes += column;
    };
    for (const auto* column : {&lane.kinds, &lane.threads, &lane.peers}) part(*column);
    for (const auto* column : {&lane.gap, &lane.length, &lane.wait, &lane.waking}) {
      part(column->classes());
      part(column->bits());
    }
    lanes.push_back({{"cpu", cpu},
                     {"count", lane.count},
                     {"first_ns", since(lane.first_ns, begin_ns)},
                     {"sizes", sizes}});
  }
};

void TimelinePage::slice(const model::Slice& slice) {
  if (slice.cpu >= lanes_.size()) lanes_.resize(slice.cpu + 1U);
  add(lanes_[slice.cpu], slice);
  ++slices_;
}

void TimelinePage::waiting(const model::Slice& slice) { add(waiting_, slice); }

uint32_t TimelinePage::kind_of(const model::Slice& slice) {
  const uint32_t bits = kind_bits(slice);
  const auto [at, added] = kind_numbers_.try_emplace(bits, static_cast<uint32_t>(kinds_.size()));
  if (added) kinds_.push_back(bits);
  return at->second;
}

void TimelinePage::add(Lane& lane, const model::Slice& slice) {
  if (lane.count++ == 0) lane.first_ns = lane.last_end_ns = slice.begin_ns;
  // A core has one thread at a time: where records were lost, a slice may not reach back either.
  const uint64_t begin_ns = std::max(slice.begin_ns, lane.last_end_ns);
  const uint64_t end_ns = std::max(slice.end_ns, begin_ns);
  append_varint(lane.kinds, kind_of(slice));
  append_varint(lane.threads, slice.thread == model::kNobody ? 0 : 1ULL + slice.thread);
  lane.gap.append(begin_ns - lane.last_end_ns);
  lane.length.append(end_ns - begin_ns);
  lane.last_end_ns = end_ns;

  Before nothing;
  if (slice.thread != model::kNobody && slice.thread >= before_.size())
    before_.resize(slice.thread + 1UL);
  Before& before = slice.thread == model::kNobody ? nothing : before_[slice.thread];
  if (slice.wait_ns != 0)
    lane.wait.append(zigzag(static_cast<int64_t>(
        slice.wait_ns - expected_wait(slice.because, begin_ns, before.end_ns))));
  if (slice.waking_ns != 0) {
    const auto before_ready = static_cast<int64_t>(begin_ns - slice.wait_ns - slice.waking_ns);
    lane.waking.append(zigzag((before_ready + waking_step_ns / 2) >> waking_shift));
  }
  if (slice.peer != model::kNobody) {
    uint32_t& last = before.peers[static_cast<size_t>(slice.because)];
    append_varint(lane.peers, slice.peer == last ? 0 : 1ULL + slice.peer);
    last = slice.peer;
  }
  before.end_ns = end_ns;
}

void TimelinePage::append_levels(Blob& blob, const Lane& lane, uint64_t begin_ns,
                                 uint64_t duration_ns, size_t threads) const {
  const size_t bins = bins_for(lane.count);
  json sizes = json::array();
  if (bins > 0) {
    BinMaker maker(duration_ns, bins, threads);
    NumberReader gap(lane.gap), length(lane.length);
    uint64_t at = since(lane.first_ns, begin_ns);
    for (size_t position = 0; gap.more();) {
      const uint64_t begin = at + gap.next();
      at = begin + length.next();
      maker.add(static_cast<uint32_t>(read_varint(lane.threads, position)) - 1, begin, at);
    }
    for (std::vector<Bin> level = maker.take(); level.size() >= 64; level = coarser(level)) {
      append_level(blob.bytes, level,
                   static_cast<double>(duration_ns) / static_cast<double>(level.size()));
      sizes.push_back(level.size());
    }
  }
  blob.lanes.push_back(sizes);
}

// By number; those that the model knows, too, if nothing ever ran on them.
std::map<uint32_t, const TimelinePage::Lane*> TimelinePage::lanes_of(
    std::span<const model::HistoryCore> cores) const {
  static const Lane idle;
  std::map<uint32_t, const Lane*> lanes;
  for (const model::HistoryCore& core : cores) lanes[core.cpu] = &idle;
  for (size_t cpu = 0; cpu < lanes_.size(); ++cpu)
    if (lanes_[cpu].count > 0) lanes[static_cast<uint32_t>(cpu)] = &lanes_[cpu];
  return lanes;
}

void TimelinePage::write(std::string& out, const model::HistoryInfo& info,
                         std::span<const model::HistoryThread> threads,
                         std::span<const model::HistoryCore> cores, std::string_view trust_line,
                         bool with_recorder, const model::LoopTracks& loops,
                         const model::UringTracks& rings) const {
  const uint64_t duration_ns = since(info.end_ns, info.begin_ns);
  Blob levels, slices;
  json core_facts = json::array(), thread_facts = json::array();
  for (const model::HistoryCore& core : cores)
    core_facts.push_back({{"cpu", core.cpu},
                          {"busy_ns", core.busy_ns},
                          {"idle_ns", core.idle_ns},
                          {"unseen_ns", core.unseen_ns},
                          {"switches", core.switches}});
  for (const auto& [cpu, lane] : lanes_of(cores)) {
    slices.add(*lane, cpu, info.begin_ns);
    append_levels(levels, *lane, info.begin_ns, duration_ns, threads.size());
  }
  slices.add(waiting_, 0, info.begin_ns);
  const model::Processes processes(threads);
  for (uint32_t index = 0; index < threads.size(); ++index) {
    json& thread = thread_facts.emplace_back(facts_of(threads[index], info.begin_ns));
    if (processes.of(index) != index) thread["leader"] = processes.of(index);
    if (!with_recorder && info.recorder_tgid != 0 && threads[index].tgid == info.recorder_tgid)
      thread["hidden"] = true;
  }
  const json facts = {{"schema", "timeslice/timeline/1"},
                      {"machine", info.machine},
                      {"asked", info.asked},
                      {"filtered", info.filtered},
                      {"missing", info.gaps + info.breaks},
                      {"realtime_ms", info.realtime_ns / 1'000'000},
                      {"begin_ns", std::to_string(info.begin_ns)},
                      {"duration_ns", duration_ns},
                      {"trust", trust_line},
                      {"kinds", kinds_},
                      {"cores", core_facts},
                      {"threads", thread_facts},
                      {"loops", loop_facts(loops, threads, info.begin_ns, info.end_ns)},
                      {"rings", ring_facts(rings, threads, info.begin_ns, info.end_ns)},
                      {"levels", levels.lanes},
                      {"lanes", slices.lanes}};
  const auto fill = [&](std::string_view name) {
    if (name == "css") out += timeline_css;
    if (name == "boot") out += timeline_boot;
    if (name == "program")
      append_packed(out, std::string("(() => {'use strict';\n") + timeline_program + "})();");
    if (name == "facts") out += json_for_script(facts);
    if (name == "levels") append_packed(out, levels.bytes);
    if (name == "slices") append_packed(out, slices.bytes);
  };
  // The template names what goes where: {{css}}, {{facts}} …
  std::string_view rest = timeline_html;
  for (size_t at = rest.find("{{"); at != std::string_view::npos; at = rest.find("{{")) {
    out += rest.substr(0, at);
    const size_t end = rest.find("}}", at);
    fill(rest.substr(at + 2, end - at - 2));
    rest.remove_prefix(end + 2);
  }
  out += rest;
}

}  // namespace timeslice::timeline
