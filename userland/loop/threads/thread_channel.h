// SPDX-License-Identifier: MIT
// Where is a message between its two threads? In a ThreadChannel, which goes one way: a queue that
// the sender fills and the receiver empties all at once, and the bell to ring when it was empty.
#pragma once
#include <mutex>
#include <vector>

#include "loop/core/waker.h"
#include "loop/threads/message.h"

namespace timeslice::loop {

class ThreadChannel {
 public:
  ThreadChannel() = default;
  ThreadChannel(const ThreadChannel&) = delete;
  ThreadChannel& operator=(const ThreadChannel&) = delete;

  // The sender's side. False if one of the two has closed, and `message` is still the caller's.
  bool push(Message& message);
  void end();

  // The receiver's side. Moves all to `batch`, which is empty; returns whether nothing comes after.
  bool take(std::vector<Message>& batch);
  // The message is in the receiver's hands, and its ports with it.
  static void arrived(Message& message);
  // What was taken, from `first` on, goes back to the front.
  void put_back(std::vector<Message>& batch, std::size_t first);
  void refuse();
  [[nodiscard]] bool refused() const;
  // Whom to ring; null before that one goes.
  void set_bell(Waker* bell);

 private:
  bool push_ports(Message& message);
  bool enqueue(Message& message);
  void ring();

  mutable std::mutex mutex_;
  std::vector<Message> messages_;
  bool ended_ = false;    // by the sender
  bool refused_ = false;  // by the receiver

  // Apart from the queue's mutex: the woken receiver would find that held by its waker.
  std::mutex bell_mutex_;
  Waker* bell_ = nullptr;

  // The channel that our receiving port is a message of, if it is under way.
  ThreadChannel* carrier_ = nullptr;
};

}  // namespace timeslice::loop
