// SPDX-License-Identifier: MIT
// What do workers and owner hear of each other? Frames of the workers become states, messages and
// counters; what happens becomes events and figures for the owner.
#include <algorithm>

#include "loop/cluster/cluster.h"
#include "loop/cluster/cluster_words.h"

namespace timeslice::loop {

void Cluster::start_channel(Worker& worker) {
  worker.channel.start(
      loop_,
      {.on_frame = [this, &worker](Frame& frame) { on_frame(worker, frame); },
       .on_flushed = {},
       .on_end = [this, &worker](IpcEnd how,
                                 const std::string& why) { on_link_end(worker, how, why); }});
}

void Cluster::on_frame(Worker& worker, Frame& frame) {
  worker.last_sign = loop_.now();
  switch (static_cast<ClusterFrame>(frame.type)) {
    case ClusterFrame::heartbeat:
      return;
    case ClusterFrame::taken:
      return acknowledged(worker, frame.payload, true);
    case ClusterFrame::refused:
      return acknowledged(worker, frame.payload, false);
    case ClusterFrame::ready:
      return became_ready(worker);
    case ClusterFrame::leaving:
      retire(worker);
      return pass_what_waits();
    case ClusterFrame::message:
      if (on_message_) on_message_(worker.slot, std::move(frame.payload));
      return;
    case ClusterFrame::connection:  // the manager's own
    case ClusterFrame::drain:
      break;
  }
  worker.trusted = false;
  kill(worker, "it sent a frame of unknown type " + std::to_string(frame.type));
}

// Too late, if it is to end already, or has.
void Cluster::became_ready(Worker& worker) {
  if (worker.state != Worker::State::starting) return;
  worker.state = Worker::State::ready;
  worker.was_ready = true;
  worker.ready_at = loop_.now();
  worker.limit->stop();
  report(ClusterEvent::Kind::ready, worker.slot, worker.process.pid, worker.name() + " is ready");
  if (slots_[worker.slot]->successor == &worker) successor_ready(worker);
  pass_what_waits();
}

// Mostly its exit follows at once. A worker that lives without a link is of no use.
void Cluster::on_link_end(Worker& worker, IpcEnd how, const std::string& why) {
  if (worker.state == Worker::State::ended) return;
  if (how == IpcEnd::garbage || how == IpcEnd::error) {
    worker.trusted = false;
    return kill(worker, "its link failed (" + why + ")");
  }
  if (worker.state == Worker::State::terminated) return;
  worker.state = Worker::State::terminated;
  worker.limit->start(options_.kill_after);
}

int Cluster::send(unsigned slot, std::string message) {
  if (slot >= slots_.size() || slots_[slot]->current == nullptr) return -ESRCH;
  return slots_[slot]->current->channel.send(type_of(ClusterFrame::message), std::move(message));
}

unsigned Cluster::broadcast(const std::string& message) {
  unsigned count = 0;
  for (unsigned slot = 0; slot < slots_.size(); ++slot) count += send(slot, message) == 0 ? 1U : 0U;
  return count;
}

std::size_t Cluster::queued_bytes(unsigned slot) const {
  const Worker* worker = slot < slots_.size() ? slots_[slot]->current : nullptr;
  return worker != nullptr ? worker->channel.queued_bytes() : 0;
}

void Cluster::report(ClusterEvent::Kind kind, unsigned slot, pid_t pid, const std::string& text,
                     Nanoseconds delay) {
  if (on_event_) on_event_({.kind = kind, .slot = slot, .pid = pid, .delay = delay, .text = text});
}

std::vector<SlotStats> Cluster::stats() const {
  using State = SlotStats::State;
  std::vector<SlotStats> all;
  for (unsigned i = 0; i < slots_.size(); ++i) {
    const Slot& slot = *slots_[i];
    const Worker* worker = slot.current != nullptr ? slot.current : slot.successor;
    SlotStats stats{.state = slot.restart.active() ? State::waiting
                             : slot.given_up       ? State::given_up
                                                   : State::stopped,
                    .slot = i,
                    .pid = -1,
                    .restarts = slot.restarts,
                    .reloads = slot.reloads,
                    .passed = slot.passed,
                    .waiting = 0,
                    .heartbeat_age = Nanoseconds{-1},
                    .last_end = slot.last_end};
    if (worker != nullptr) {
      stats.state = worker->state == Worker::State::starting ? State::starting
                    : worker->state == Worker::State::ready  ? State::ready
                                                             : State::draining;
      stats.pid = worker->process.pid;
      stats.waiting = worker->waiting.size();
      if (worker->last_sign >= Nanoseconds{0})
        stats.heartbeat_age = loop_.now() - worker->last_sign;
    }
    all.push_back(std::move(stats));
  }
  return all;
}

}  // namespace timeslice::loop
