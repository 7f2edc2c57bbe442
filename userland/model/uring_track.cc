// SPDX-License-Identifier: MIT
#include "model/uring_track.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "model/ends_in.h"

namespace timeslice::model {

namespace {

using Sums = std::map<uint32_t, ts_uring_op>;  // by opcode

void add(Sums& sums, const RingOp& op) {
  ts_uring_op& sum = sums[op.slot];
  for (size_t route = 0; route < TS_URING_ROUTES; ++route)
    sum.completed[route] += op.by_route[route];
  sum.shots += op.shots;
  sum.refused += op.refused;
  sum.without_cqe += op.without_cqe;
  sum.unseen += op.unseen;
  for (const auto& [bucket, count] : op.latencies) {
    uint32_t& all = sum.latency_hist[bucket];
    all += std::min(count, UINT32_MAX - all);
  }
}

std::vector<UringOp> ops_of(const Sums& sums) {
  std::vector<UringOp> ops;
  for (const auto& [slot, sum] : sums) {
    UringOp op = uring_op(slot, sum);
    if (op.count() > 0) ops.push_back(std::move(op));
  }
  std::stable_sort(ops.begin(), ops.end(),
                   [](const UringOp& a, const UringOp& b) { return a.count() > b.count(); });
  return ops;
}

// As of the last moment that is known.
UringRing state_at(const RingTrack& track, uint64_t to_ns) {
  UringRing ring;
  for (const auto& [from_ns, state] : track.states)
    if (from_ns <= to_ns) ring = state;
  ring.tgid = track.tgid;
  ring.fd = track.fd;
  return ring;
}

// Those that were closed before the window, or made after it, aren't in it. Where the last stretch
// left nothing in flight, none was written until there was something.
bool is_in(const RingTrack& track, uint64_t from_ns, uint64_t to_ns) {
  return (!track.states.empty() && track.states.front().first <= to_ns) ||
         std::any_of(track.stretches.begin(), track.stretches.end(),
                     [&](const RingStretch& one) { return ends_in(one.end_ns, from_ns, to_ns); });
}

void add_ring(UringFrame& frame, Sums& all, const RingTrack& track, uint64_t from_ns,
              uint64_t to_ns) {
  Sums sums;
  UringRing ring = state_at(track, to_ns);
  ring.in_flight = 0;
  for (const RingStretch& stretch : track.stretches) {
    if (stretch.end_ns > to_ns) break;
    ring.in_flight = stretch.in_flight;
    if (stretch.end_ns <= from_ns) continue;
    for (const RingOp& op : stretch.ops) {
      add(sums, op);
      add(all, op);
    }
  }
  ring.ops = ops_of(sums);
  if (frame.processes.empty() || frame.processes.back().tgid != track.tgid)
    frame.processes.push_back({track.tgid, track.command, "", false});
  frame.rings.push_back(std::move(ring));
}

// Their figures are added; of threads there are as many as there were at once.
void add_threads(UringFigures& figures, const UringTracks& tracks, uint64_t from_ns,
                 uint64_t to_ns) {
  struct Moment {
    uint32_t submitters = 0, workers = 0, sqpoll = 0;
  };
  std::map<uint64_t, Moment> moments;
  for (const UringThreadStretch& stretch : tracks.threads) {
    if (!ends_in(stretch.end_ns, from_ns, to_ns)) continue;
    figures.submitters.add(stretch.groups.submitters);
    figures.workers.add(stretch.groups.workers);
    figures.sqpoll.add(stretch.groups.sqpoll);
    Moment& moment = moments[stretch.end_ns];
    moment.submitters += stretch.groups.submitters.threads;
    moment.workers += stretch.groups.workers.threads;
    moment.sqpoll += stretch.groups.sqpoll.threads;
  }
  Moment most;
  for (const auto& [end_ns, moment] : moments) {
    most.submitters = std::max(most.submitters, moment.submitters);
    most.workers = std::max(most.workers, moment.workers);
    most.sqpoll = std::max(most.sqpoll, moment.sqpoll);
  }
  figures.submitters.threads = most.submitters;
  figures.workers.threads = most.workers;
  figures.sqpoll.threads = most.sqpoll;
}

// Of who isn't there at the last moment, the last switches are missing; of who came and went
// between two moments, all.
bool some_ended(const UringTracks& tracks, const UringFrame& frame, uint64_t from_ns,
                uint64_t to_ns) {
  uint64_t last_ns = 0;
  for (const UringTrustStretch& stretch : tracks.trust)
    if (ends_in(stretch.end_ns, from_ns, to_ns)) last_ns = stretch.end_ns;
  std::set<uint32_t> there;
  uint32_t submitters = 0;
  for (const UringThreadStretch& stretch : tracks.threads) {
    if (stretch.end_ns != last_ns || stretch.groups.submitters.threads == 0) continue;
    there.insert(stretch.tgid);
    submitters += stretch.groups.submitters.threads;
  }
  return submitters < frame.figures.submitters.threads ||
         std::any_of(frame.rings.begin(), frame.rings.end(), [&](const UringRing& ring) {
           return !ring.ops->empty() && !there.count(ring.tgid);
         });
}

void add_trust(UringFigures& figures, const UringTracks& tracks, uint64_t from_ns, uint64_t to_ns) {
  uint64_t overflows = 0, missed_runs = 0, probe_ns = 0, probe_ops = 0;
  for (const UringTrustStretch& stretch : tracks.trust) {
    if (!ends_in(stretch.end_ns, from_ns, to_ns)) continue;
    figures.interval_ns += stretch.end_ns - stretch.begin_ns;
    overflows += stretch.overflows;
    missed_runs += stretch.missed_runs;
    probe_ns += stretch.probe_ns;
    probe_ops += stretch.probe_ops;
  }
  figures.overflows = overflows;
  figures.missed_runs = missed_runs;
  if (probe_ops > 0)
    figures.probe_ns_per_op = static_cast<double>(probe_ns) / static_cast<double>(probe_ops);
}

}  // namespace

std::array<uint64_t, TS_URING_ROUTES> RingStretch::by_route() const {
  std::array<uint64_t, TS_URING_ROUTES> sums{};
  for (const RingOp& op : ops)
    for (size_t route = 0; route < TS_URING_ROUTES; ++route) sums[route] += op.by_route[route];
  return sums;
}

uint64_t RingStretch::completed() const {
  const auto sums = by_route();
  return std::accumulate(sums.begin(), sums.end(), uint64_t{0});
}

UringFrame summed_up(const UringTracks& tracks, uint64_t from_ns, uint64_t to_ns) {
  UringFrame frame;
  frame.time_ns = to_ns;
  frame.source = "bpf";
  frame.note = tracks.note;
  if (tracks.trust.empty()) return frame;
  Sums all;
  for (const RingTrack& track : tracks.rings)
    if (is_in(track, from_ns, to_ns)) add_ring(frame, all, track, from_ns, to_ns);
  UringFigures& figures = frame.figures;
  figures.ops = ops_of(all);
  figures.unseen = 0;
  for (const auto& [slot, sum] : all) *figures.unseen += sum.unseen;
  figures.submitters_known = true;
  add_threads(figures, tracks, from_ns, to_ns);
  figures.some_ended = some_ended(tracks, frame, from_ns, to_ns);
  add_trust(figures, tracks, from_ns, to_ns);
  return frame;
}

}  // namespace timeslice::model
