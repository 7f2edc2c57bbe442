// SPDX-License-Identifier: MIT
#include "loop/threads/thread_channel.h"

#include <iterator>

#include "loop/threads/port.h"

namespace timeslice::loop {

namespace {

// Ports are seldom sent, and who carries whom crosses channels: one lock for all of that. It is
// taken before a channel's own.
std::mutex carriers;

}  // namespace

bool ThreadChannel::push(Message& message) {
  return message.ports.empty() ? enqueue(message) : push_ports(message);
}

// A port in its own queue, or two in each other's, would keep each other for ever, out of reach.
bool ThreadChannel::push_ports(Message& message) {
  const std::lock_guard lock(carriers);
  for (const ThreadChannel* at = this; at != nullptr; at = at->carrier_)
    for (const Port& port : message.ports)
      if (port.in_.get() == at) return false;
  for (const Port& port : message.ports)
    if (port.in_) port.in_->carrier_ = this;
  return enqueue(message);
}

void ThreadChannel::arrived(Message& message) {
  if (message.ports.empty()) return;
  const std::lock_guard lock(carriers);
  for (const Port& port : message.ports)
    if (port.in_) port.in_->carrier_ = nullptr;
}

bool ThreadChannel::enqueue(Message& message) {
  bool first;
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || refused_) return false;
    first = messages_.empty();
    messages_.push_back(std::move(message));
  }
  if (first) ring();  // otherwise somebody did, and the receiver hasn't come yet
  return true;
}

void ThreadChannel::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ring();
}

bool ThreadChannel::take(std::vector<Message>& batch) {
  const std::lock_guard lock(mutex_);
  batch.swap(messages_);  // and the memory goes to and fro with it
  return ended_;
}

void ThreadChannel::put_back(std::vector<Message>& batch, std::size_t first) {
  const std::lock_guard lock(mutex_);
  messages_.insert(messages_.begin(),
                   std::make_move_iterator(
                       batch.begin() + static_cast<std::vector<Message>::difference_type>(first)),
                   std::make_move_iterator(batch.end()));
  batch.clear();
}

void ThreadChannel::refuse() {
  {
    const std::lock_guard lock(carriers);
    carrier_ = nullptr;
  }
  std::vector<Message> dropped;  // without the lock: ports among them close in turn
  const std::lock_guard lock(mutex_);
  refused_ = true;
  dropped.swap(messages_);
}

bool ThreadChannel::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void ThreadChannel::set_bell(Waker* bell) {
  const std::lock_guard lock(bell_mutex_);
  bell_ = bell;
}

void ThreadChannel::ring() {
  const std::lock_guard lock(bell_mutex_);
  if (bell_ != nullptr) bell_->send();
}

}  // namespace timeslice::loop
