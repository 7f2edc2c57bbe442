// SPDX-License-Identifier: MIT
#include "record/uring_notes.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/failure.h"
#include "observe/targets.h"
#include "observe/uring_rings.h"
#include "view/format/say.h"

namespace timeslice::record {

namespace {

using namespace std::chrono_literals;

constexpr auto kStatesEvery = 1s;
constexpr auto kForStates = 10ms;  // that a flush takes for reading how full rings are
constexpr size_t kMostRings = 4096;

observe::UringChoice choice(int filter) {
  observe::UringChoice choice;
  choice.filter = filter;
  choice.all = filter < 0;
  choice.left_out = static_cast<uint32_t>(getpid());
  choice.by_ring = true;
  return choice;
}

trace::RingOpNote difference(uint32_t slot, const ts_uring_op& now, const ts_uring_op& before) {
  const auto completed = [&](ts_uring_route route) {
    return now.completed[route] - before.completed[route];
  };
  trace::RingOpNote note;
  note.slot = slot;
  note.in_line = completed(TS_URING_INLINE);
  note.async_callback = completed(TS_URING_ASYNC_CALLBACK);
  note.poll = completed(TS_URING_POLL);
  note.io_wq = completed(TS_URING_IO_WQ);
  note.shots = now.shots - before.shots;
  note.refused = now.refused - before.refused;
  note.submitted = now.submitted - before.submitted;
  note.without_cqe = now.without_cqe - before.without_cqe;
  note.unseen = now.unseen - before.unseen;
  note.latency_sum_ns = now.latency_sum_ns - before.latency_sum_ns;
  for (uint32_t bucket = 0; bucket < TS_WAIT_BUCKETS; ++bucket) {
    const uint32_t count = now.latency_hist[bucket] - before.latency_hist[bucket];
    if (count == 0) continue;
    note.latency_buckets.push_back(bucket);
    note.latency_counts.push_back(count);
  }
  return note;
}

bool is_empty(const trace::RingOpNote& op) {
  return op.submitted == 0 && op.unseen == 0 &&
         op.in_line + op.async_callback + op.poll + op.io_wq == 0;
}

std::optional<uint32_t> id_of(const std::optional<int32_t>& id) {
  if (!id || *id < 0) return std::nullopt;
  return static_cast<uint32_t>(*id);
}

trace::RingNote note_of(const observe::RingInfo& info) {
  trace::RingNote note;
  note.sq_entries = info.sq_entries;
  note.sq_waiting = info.sq_waiting;
  note.cq_entries = info.cq_entries;
  note.cq_unread = info.cq_unread;
  note.sq_thread = id_of(info.sq_thread);
  note.sq_thread_cpu = id_of(info.sq_thread_cpu);
  note.sq_work_ratio = info.sq_work_ratio();
  note.files = info.files;
  note.buffers = info.buffers;
  note.polls = info.polls;
  note.overflow = info.overflow;
  return note;
}

}  // namespace

UringNotes::UringNotes(int filter, std::function<bool(uint32_t tgid)> is_recorded, bool quiet)
    : is_recorded_(std::move(is_recorded)), quiet_(quiet) {
  try {
    source_ = observe::open_count_source({});
    events_ = std::make_unique<observe::UringEvents>(choice(filter));
  } catch (const Failure& failure) {
    give_up(failure.what());
  }
}

void UringNotes::begin(uint64_t now_ns) {
  last_ns_ = now_ns;
  try {
    if (!events_) return;
    before_ = events_->read();
    Stretches passed;
    take_ops(before_, passed);
    static_cast<void>(take_threads(before_));
  } catch (const Failure& failure) {
    give_up(failure.what());
  }
}

void UringNotes::write_new(trace::Writer& writer, uint64_t now_ns) {
  try {
    if (events_ && now_ns > last_ns_) write(writer, now_ns);
  } catch (const Failure& failure) {
    give_up(failure.what());
  }
  if (!trouble_.empty()) writer.ring_trouble(trouble_);
}

void UringNotes::write(trace::Writer& writer, uint64_t now_ns) {
  observe::UringTotals totals = events_->read();
  Stretches stretches;
  take_ops(totals, stretches);
  take_rings(totals, stretches);
  write_threads(writer, totals, now_ns);
  write_states(writer, now_ns);
  for (auto& [whose, stretch] : stretches) {
    const bool rests = stretch.ops.empty() && stretch.in_flight == 0;
    const auto known = rings_.find(whose);
    if (rests && (known == rings_.end() || known->second.rests)) continue;
    rings_[whose].rests = rests;
    stretch.tgid = whose.first;
    stretch.fd = whose.second;
    stretch.begin_ns = last_ns_;
    stretch.end_ns = now_ns;
    writer.ring_stretch(stretch);
  }
  write_trust(writer, totals, now_ns);
  last_ns_ = now_ns;
  before_ = std::move(totals);
}

void UringNotes::take_ops(const observe::UringTotals& totals, Stretches& stretches) {
  for (const auto& [key, op] : totals.ring_ops) {
    const Ring whose{key.tgid, key.fd};
    ts_uring_op& before = ops_before_[{whose, key.slot}];
    trace::RingOpNote note = difference(key.slot, op, before);
    before = op;
    trace::RingStretchNote& stretch = stretches[whose];
    if (!is_empty(note)) stretch.ops.push_back(std::move(note));
  }
  for (const ts_uring_key& key : totals.forgotten)
    ops_before_.erase({{key.tgid, key.fd}, key.slot});
}

// Of a ring that was closed with requests in flight, nobody sees how they end.
void UringNotes::take_rings(const observe::UringTotals& totals, Stretches& stretches) {
  for (auto& [whose, known] : rings_) stretches[whose];
  for (const auto& [address, ring] : totals.rings) {
    const Ring whose{ring.tgid, ring.fd};
    if (rings_.size() >= kMostRings && !rings_.count(whose)) continue;
    seen_any_ = true;
    Known& known = rings_[whose];
    if (ring.fd >= 0 && ring.since_ns < known.since_ns) {
      events_->forget(address);
      continue;
    }
    known.address = address;
    known.since_ns = ring.since_ns;
    trace::RingStretchNote& stretch = stretches[whose];
    stretch.in_flight = 0;
    if (ring.in_flight <= 0) continue;
    if (!stretch.ops.empty() || observe::is_ring(ring.tgid, ring.fd))
      stretch.in_flight = static_cast<uint64_t>(ring.in_flight);
  }
}

void UringNotes::write_trust(trace::Writer& writer, const observe::UringTotals& totals,
                             uint64_t now_ns) {
  writer.ring_trust({last_ns_, now_ns, totals.overflows - before_.overflows,
                     totals.missed_runs - before_.missed_runs, totals.probe_ns - before_.probe_ns,
                     totals.probe_ops - before_.probe_ops});
}

std::map<uint32_t, model::UringThreadGroups> UringNotes::take_threads(
    const observe::UringTotals& totals) {
  const auto self = static_cast<uint32_t>(getpid());
  std::vector<const ts_thread_row*> rows;
  for (const ts_thread_row* row : source_->read().threads) {
    if (row->tgid == self || !is_recorded_(row->tgid)) continue;
    rows.push_back(row);
    if (row->tid != row->tgid) continue;
    const auto ring = rings_.lower_bound({row->tgid, -1});
    if (ring != rings_.end() && ring->first.first == row->tgid)
      names_[row->tgid].assign(row->comm, strnlen(row->comm, sizeof(row->comm)));
  }
  const std::set<uint32_t> submitters(totals.submitters.begin(), totals.submitters.end());
  return threads_.advance(rows, submitters, sq_threads_);
}

void UringNotes::write_threads(trace::Writer& writer, const observe::UringTotals& totals,
                               uint64_t now_ns) {
  for (const auto& [tgid, groups] : take_threads(totals)) {
    const auto& [submitting, workers, sqpoll] = groups;
    writer.ring_threads({tgid, last_ns_, now_ns, submitting.threads, workers.threads,
                         sqpoll.threads, submitting.cpu_ns, workers.cpu_ns, sqpoll.cpu_ns,
                         submitting.voluntary, workers.voluntary, sqpoll.voluntary,
                         submitting.involuntary, workers.involuntary, sqpoll.involuntary});
  }
}

// That there is one is told at once; how full it is, when there is time.
void UringNotes::write_states(trace::Writer& writer, uint64_t now_ns) {
  const auto start = Clock::now();
  for (auto& [whose, known] : rings_) {
    if (!known.told) write_state(writer, whose, now_ns);
    known.told = true;
  }
  if (start < next_states_) return;
  next_states_ = start + kStatesEvery;
  for (auto at = rings_.lower_bound(next_state_); at != rings_.end();) {
    if (Clock::now() - start > kForStates) {
      next_state_ = at->first;
      next_states_ = start;
      return;
    }
    if (write_state(writer, at->first, now_ns) || !at->second.rests) {
      ++at;
      continue;
    }
    events_->forget(at->second.address);
    at = rings_.erase(at);
  }
  next_state_ = {};
}

// False: it has been closed, and stays as it was.
bool UringNotes::write_state(trace::Writer& writer, const Ring& whose, uint64_t now_ns) {
  const auto& [tgid, fd] = whose;
  const auto info = observe::read_ring(tgid, fd);
  if (info && info->sq_thread) sq_threads_.insert(static_cast<uint32_t>(*info->sq_thread));
  const bool is_open = info || (fd < 0 && (tgid == 0 || observe::process_exists(tgid)));
  if (!is_open && rings_[whose].told) return false;
  trace::RingNote note = info ? note_of(*info) : trace::RingNote{};
  note.tgid = tgid;
  note.fd = fd;
  note.time_ns = now_ns;
  note.command = names_[tgid];
  writer.ring(note);
  return is_open;
}

void UringNotes::give_up(const std::string& why) {
  events_.reset();
  trouble_ = "io_uring is not recorded: " + why;
  if (!quiet_) view::say(trouble_);
}

std::string UringNotes::what_is_missing() const {
  if (seen_any_ || !trouble_.empty()) return "";
  return "no io_uring ring was seen in the recorded processes";
}

}  // namespace timeslice::record
