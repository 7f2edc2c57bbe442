// SPDX-License-Identifier: MIT
#include "timeline/ring_facts.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace timeslice::timeline {

using nlohmann::json;

namespace {

constexpr size_t kMostRings = 64;
constexpr size_t kMostStretches = 2000;  // of a ring; where there are more, several become one

using Routes = std::array<uint64_t, TS_URING_ROUTES>;

struct Stretch {
  uint64_t begin_ns = 0, end_ns = 0, in_flight = 0;
  std::map<uint32_t, Routes> ops;  // by opcode
};

void add(Stretch& sum, const model::RingStretch& one) {
  sum.end_ns = one.end_ns;
  sum.in_flight = std::max(sum.in_flight, one.in_flight);
  for (const model::RingOp& op : one.ops) {
    Routes& routes = sum.ops[op.slot];
    for (size_t route = 0; route < routes.size(); ++route) routes[route] += op.by_route[route];
  }
}

std::vector<Stretch> stretches_of(const model::RingTrack& track, uint64_t begin_ns,
                                  uint64_t end_ns) {
  std::vector<const model::RingStretch*> inside;
  for (const model::RingStretch& stretch : track.stretches)
    if (stretch.begin_ns < end_ns && stretch.end_ns > begin_ns &&
        (stretch.in_flight > 0 || stretch.completed() > 0))
      inside.push_back(&stretch);
  const size_t at_once = (inside.size() + kMostStretches - 1) / kMostStretches;
  std::vector<Stretch> stretches;
  for (size_t i = 0; i < inside.size(); ++i) {
    if (i % at_once == 0) stretches.emplace_back().begin_ns = inside[i]->begin_ns;
    add(stretches.back(), *inside[i]);
  }
  return stretches;
}

// The part of it that lies in the window; its operations are those of all of it.
json facts_of(const Stretch& stretch, uint64_t begin_ns, uint64_t end_ns) {
  json ops = json::object();
  for (const auto& [slot, routes] : stretch.ops) ops[model::uring_op_name(slot)] = routes;
  return {{"begin_ns", std::max(stretch.begin_ns, begin_ns) - begin_ns},
          {"end_ns", std::min(stretch.end_ns, end_ns) - begin_ns},
          {"length_ns", stretch.end_ns - stretch.begin_ns},
          {"in_flight", stretch.in_flight},
          {"ops", std::move(ops)}};
}

std::string name_of(const model::RingTrack& track, std::span<const model::HistoryThread> threads) {
  if (!track.command.empty()) return track.command;
  for (const model::HistoryThread& thread : threads)
    if (thread.tid == track.tgid && thread.tgid == track.tgid) return thread.comm;
  return "";
}

}  // namespace

json ring_facts(const model::UringTracks& tracks, std::span<const model::HistoryThread> threads,
                uint64_t begin_ns, uint64_t end_ns) {
  std::vector<std::pair<uint64_t, json>> rings;
  for (const model::RingTrack& track : tracks.rings) {
    json stretches = json::array();
    uint64_t completed = 0;
    for (const Stretch& stretch : stretches_of(track, begin_ns, end_ns)) {
      for (const auto& [slot, routes] : stretch.ops)
        for (const uint64_t count : routes) completed += count;
      stretches.push_back(facts_of(stretch, begin_ns, end_ns));
    }
    if (stretches.empty()) continue;
    rings.emplace_back(completed, json{{"tgid", track.tgid},
                                       {"fd", track.fd},
                                       {"name", name_of(track, threads)},
                                       {"stretches", std::move(stretches)}});
  }
  std::stable_sort(rings.begin(), rings.end(),
                   [](const auto& one, const auto& other) { return one.first > other.first; });
  json facts = json::array();
  for (auto& [completed, ring] : rings)
    if (facts.size() < kMostRings) facts.push_back(std::move(ring));
  return facts;
}

}  // namespace timeslice::timeline
