// SPDX-License-Identifier: MIT
// Whose is the next connection? With round_robin the next worker's that is ready and has room; with
// reuse_port the kernel decides, and the manager only stands in for a worker that isn't there. A
// connection that is passed stays open here until the worker says that it has taken it.
#include <algorithm>

#include "loop/cluster/cluster.h"
#include "loop/cluster/cluster_listen.h"
#include "loop/core/net.h"

namespace timeslice::loop {

void Cluster::make_listeners() {
  const auto on_connection = [this](UniqueFd fd) { pass(std::move(fd)); };
  if (options_.policy == ClusterPolicy::round_robin) {
    acceptor_ = std::make_unique<Acceptor>(
        loop_, listen_alone(options_.port, options_.backlog),
        [this] { return unplaced_.empty() && has_taker(); }, on_connection);
    port_ = static_cast<std::uint16_t>(port_of(acceptor_->listener()));
    return;
  }
  std::vector<UniqueFd> listeners =
      listen_together(options_.port, options_.backlog, options_.workers);
  port_ = static_cast<std::uint16_t>(port_of(listeners[0].get()));
  for (unsigned i = 0; i < options_.workers; ++i) {
    Slot& slot = *slots_[i];
    slot.acceptor = std::make_unique<Acceptor>(
        loop_, std::move(listeners[i]),
        [this, &slot] { return manager_accepts(slot) && unplaced_.empty() && has_taker(); },
        on_connection);
  }
}

// They have connected, and a closed listener would reset them. A queue that a worker accepts from
// is emptied by that one.
void Cluster::take_last_ones() {
  if (acceptor_) acceptor_->take_last_ones();
  for (const auto& slot : slots_) {
    if (slot->acceptor && manager_accepts(*slot)) slot->acceptor->take_last_ones();
  }
  place_what_waits();
}

void Cluster::close_listeners() {
  take_last_ones();
  if (acceptor_) acceptor_->close();
  for (const auto& slot : slots_)
    if (slot->acceptor) slot->acceptor->close();
  lost_ += unplaced_.size();
  unplaced_.clear();
}

// For a worker that is to be forked. -1: none.
int Cluster::listener_for(unsigned slot) {
  const Slot& place = *slots_[slot];
  return place.acceptor ? place.acceptor->listener() : -1;
}

// A worker that drains doesn't accept any more.
bool Cluster::is_vacant(const Slot& slot) {
  return slot.current == nullptr || slot.current->state > Worker::State::ready;
}

bool Cluster::manager_accepts(const Slot& slot) {
  return is_vacant(slot) && slot.successor == nullptr && slot.retiring == nullptr;
}

// At the end one that still starts can, too: it reads first what was passed, and then that it's to
// drain.
bool Cluster::can_take(const Worker& worker) const {
  const bool serves = worker.state == Worker::State::ready ||
                      (stopping_ && worker.state == Worker::State::starting);
  const bool has_room = stopping_ || worker.waiting.size() < options_.max_waiting;
  return serves && has_room && !worker.rest->active();
}

bool Cluster::has_taker() const {
  return std::any_of(slots_.begin(), slots_.end(), [this](const auto& slot) {
    return slot->current != nullptr && can_take(*slot->current);
  });
}

Cluster::Worker* Cluster::next_taker() {
  Worker* starting = nullptr;
  for (std::size_t tried = 0; tried < slots_.size(); ++tried) {
    cursor_ = (cursor_ + 1) % slots_.size();
    Worker* worker = slots_[cursor_]->current;
    if (worker == nullptr || !can_take(*worker)) continue;
    if (worker->state == Worker::State::ready) return worker;
    starting = worker;
  }
  return starting;
}

void Cluster::pass(UniqueFd connection) {
  while (Worker* worker = next_taker()) {
    const int error = worker->channel.send(type_of(ClusterFrame::connection), "", connection.get());
    if (error == 0) return worker->waiting.push_back(std::move(connection));
    worker->rest->begin();  // it's dead, which will be seen, or too much waits for it already
  }
  unplaced_.push_back(std::move(connection));
}

void Cluster::place_what_waits() {
  while (!unplaced_.empty() && has_taker()) {
    UniqueFd connection = std::move(unplaced_.front());
    unplaced_.pop_front();
    pass(std::move(connection));
  }
}

void Cluster::pass_what_waits() {
  if (stopping_) return;
  place_what_waits();
  if (acceptor_) return acceptor_->resume();
  for (const auto& slot : slots_) {
    if (manager_accepts(*slot)) slot->acceptor->resume();
  }
}

// The worker speaks of the oldest ones: it gets and acknowledges them in order.
void Cluster::acknowledged(Worker& worker, const std::string& payload, bool taken) {
  const std::optional<std::uint32_t> count = count_of(payload);
  if (!count || *count > worker.waiting.size()) {
    worker.trusted = false;
    return kill(worker, "it acknowledged connections that it was never given");
  }
  for (std::uint32_t i = 0; i < *count; ++i) {
    if (!taken) unplaced_.push_back(std::move(worker.waiting.front()));
    worker.waiting.pop_front();
  }
  (taken ? slots_[worker.slot]->passed : passed_on_) += *count;
  if (!taken) worker.rest->begin();
  pass_what_waits();
}

// From a worker that has ended. After nonsense from it nobody knows which ones it had touched.
void Cluster::take_back(Worker& worker) {
  const bool whole = worker.trusted && !stopping_;
  (whole ? passed_on_ : lost_) += worker.waiting.size();
  if (whole)
    for (UniqueFd& connection : worker.waiting) unplaced_.push_back(std::move(connection));
  worker.waiting.clear();
}

std::uint64_t Cluster::accept_rests() const {
  std::uint64_t sum = acceptor_ ? acceptor_->rests() : 0;
  for (const auto& slot : slots_) sum += slot->acceptor ? slot->acceptor->rests() : 0;
  return sum;
}

}  // namespace timeslice::loop
