// SPDX-License-Identifier: MIT
// How are all workers replaced while they serve? One slot after another: a successor starts beside
// the worker in place, and only when it's ready the other one drains. With reuse_port both have the
// same listener; with round_robin the manager passes to the current worker. So at each moment
// somebody accepts.
#include "loop/cluster/cluster.h"

namespace timeslice::loop {

void Cluster::reload(Reloaded done) {
  reload_queued_.push_back(std::move(done));
  if (std::exchange(reloading_, true)) return;
  loop_.set_immediate([this] { begin_reload(); });
}

void Cluster::begin_reload() {
  if (stopping_) return end_reload("the cluster was told to stop");
  reload_done_ = std::exchange(reload_queued_, {});
  reload_at_ = 0;
  reload_next_slot();
}

void Cluster::reload_next_slot() {
  if (!reloading_ || stopping_) return;
  if (reload_at_ == slots_.size()) return end_reload("");
  Slot& place = *slots_[reload_at_];
  place.restart.stop();
  place.successor = spawn(reload_at_);
  if (place.successor != nullptr) return;
  const unsigned slot = reload_at_;
  successor_failed(slot);
  refill(slot, nullptr);
}

void Cluster::successor_ready(Worker& worker) {
  Slot& place = *slots_[worker.slot];
  Worker* old = std::exchange(place.current, std::exchange(place.successor, nullptr));
  place.given_up = false;
  place.backoff.reset();
  ++place.reloads;
  ++reload_at_;
  if (old == nullptr) return reload_next_slot();
  place.retiring = old;
  retire(*old);
}

void Cluster::successor_failed(unsigned slot) {
  const bool served = slots_[slot]->current != nullptr;
  end_reload(slots_[slot]->last_end + (served ? "; the worker before it serves on" : ""));
}

void Cluster::end_reload(const std::string& problem) {
  std::vector<Reloaded> done = std::exchange(reload_done_, {});
  if (stopping_)
    for (Reloaded& waiting : std::exchange(reload_queued_, {})) done.push_back(std::move(waiting));
  reloading_ = !reload_queued_.empty();
  if (reloading_) loop_.set_immediate([this] { begin_reload(); });
  report(problem.empty() ? ClusterEvent::Kind::reloaded : ClusterEvent::Kind::reload_failed, 0, -1,
         problem.empty() ? "all workers were replaced" : "the reload failed: " + problem);
  for (const Reloaded& call : done)
    if (call) call(problem);
}

}  // namespace timeslice::loop
