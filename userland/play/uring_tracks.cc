// SPDX-License-Identifier: MIT
#include "play/uring_tracks.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace timeslice::play {

namespace {

std::optional<int32_t> id_of(std::optional<uint32_t> id) {
  if (!id || *id > INT32_MAX) return std::nullopt;
  return static_cast<int32_t>(*id);
}

model::UringRing state_of(const trace::RingNote& note) {
  model::UringRing ring;
  ring.tgid = note.tgid;
  ring.fd = note.fd;
  ring.sq_entries = note.sq_entries;
  ring.sq_waiting = note.sq_waiting;
  ring.cq_entries = note.cq_entries;
  ring.cq_unread = note.cq_unread;
  ring.sq_thread = id_of(note.sq_thread);
  ring.sq_thread_cpu = id_of(note.sq_thread_cpu);
  if (note.sq_work_ratio && *note.sq_work_ratio >= 0)  // else not a number
    ring.sq_work_ratio = std::min(*note.sq_work_ratio, 1.0);
  ring.files = note.files;
  ring.buffers = note.buffers;
  ring.polls = note.polls;
  ring.overflow = note.overflow;
  return ring;
}

// More than that many operations in a stretch are made up, and their sums could overflow.
uint64_t possible(uint64_t count) { return std::min(count, uint64_t{1} << 40); }

model::RingOp op_of(const trace::RingOpNote& note) {
  model::RingOp op;
  op.slot = note.slot;
  op.by_route[TS_URING_INLINE] = possible(note.in_line);
  op.by_route[TS_URING_ASYNC_CALLBACK] = possible(note.async_callback);
  op.by_route[TS_URING_POLL] = possible(note.poll);
  op.by_route[TS_URING_IO_WQ] = possible(note.io_wq);
  const uint64_t all = std::accumulate(op.by_route.begin(), op.by_route.end(), uint64_t{0});
  op.shots = std::min(note.shots, all);
  op.refused = std::min(note.refused, all);
  op.without_cqe = std::min(note.without_cqe, all);
  op.unseen = possible(note.unseen);
  const size_t buckets = std::min(note.latency_buckets.size(), note.latency_counts.size());
  for (size_t i = 0; i < buckets; ++i)
    if (note.latency_buckets[i] < TS_WAIT_BUCKETS)
      op.latencies.emplace_back(note.latency_buckets[i], note.latency_counts[i]);
  return op;
}

model::RingStretch stretch_of(const trace::RingStretchNote& note) {
  model::RingStretch stretch{note.begin_ns, note.end_ns, note.in_flight, {}};
  for (const trace::RingOpNote& op : note.ops)
    if (op.slot < TS_URING_SLOTS) stretch.ops.push_back(op_of(op));
  return stretch;
}

model::UringThreadStretch stretch_of(const trace::RingThreadsNote& note) {
  return {note.tgid,
          note.begin_ns,
          note.end_ns,
          {{note.submitters, note.submitters_cpu_ns, note.submitters_nvcsw, note.submitters_nivcsw},
           {note.workers, note.workers_cpu_ns, note.workers_nvcsw, note.workers_nivcsw},
           {note.sqpoll, note.sqpoll_cpu_ns, note.sqpoll_nvcsw, note.sqpoll_nivcsw}}};
}

template <typename Stretch>
void sort(std::vector<Stretch>& stretches) {
  std::stable_sort(
      stretches.begin(), stretches.end(),
      [](const Stretch& one, const Stretch& other) { return one.end_ns < other.end_ns; });
}

using Rings = std::map<std::pair<uint32_t, int32_t>, model::RingTrack>;

model::RingTrack& track_of(Rings& rings, uint32_t tgid, int32_t fd) {
  model::RingTrack& track = rings[{tgid, fd}];
  track.tgid = tgid;
  track.fd = fd;
  return track;
}

}  // namespace

model::UringTracks uring_tracks_of(const trace::Header& header, const trace::UringNotes& notes) {
  model::UringTracks tracks;
  tracks.recorded = header.rings;
  Rings rings;
  for (const trace::RingNote& note : notes.rings) {
    model::RingTrack& track = track_of(rings, note.tgid, note.fd);
    track.command = note.command;
    track.states.emplace_back(note.time_ns, state_of(note));
  }
  for (const trace::RingStretchNote& note : notes.stretches)
    if (note.begin_ns < note.end_ns)
      track_of(rings, note.tgid, note.fd).stretches.push_back(stretch_of(note));
  for (auto& [whose, track] : rings) {
    sort(track.stretches);
    std::stable_sort(track.states.begin(), track.states.end(),
                     [](const auto& one, const auto& other) { return one.first < other.first; });
    tracks.rings.push_back(std::move(track));
  }
  for (const trace::RingThreadsNote& note : notes.threads)
    if (note.begin_ns < note.end_ns) tracks.threads.push_back(stretch_of(note));
  sort(tracks.threads);
  for (const trace::RingTrustNote& note : notes.trust)
    if (note.begin_ns < note.end_ns)
      tracks.trust.push_back({note.begin_ns, note.end_ns, note.overflows, note.missed_runs,
                              note.probe_ns, note.probe_ops});
  sort(tracks.trust);
  for (const std::string& why : notes.troubles)
    tracks.note += (tracks.note.empty() ? "" : "; ") + why;
  return tracks;
}

}  // namespace timeslice::play
