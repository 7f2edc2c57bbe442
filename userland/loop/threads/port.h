// SPDX-License-Identifier: MIT
// How do two threads talk without sharing anything? Over a channel with a Port at either end. What
// one port sends, the other's on_message gets, in that order, on the thread of the loop that it's
// bound to. Messages that come before it is bound are kept.
//
//   auto [ours, theirs] = make_channel();  // theirs is sent to another thread
//   ours.bind(loop, [&](Message& answer) { show(answer.text()); });
//   ours.send(Message("how are you?"));
//
// A flood can't starve a loop: in one turn a port delivers at most what had been sent when the turn
// looked, and no more than kMostPerTurn. The rest waits for the next turn, which doesn't sleep.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "loop/core/request.h"
#include "loop/threads/message.h"

namespace timeslice::loop {

class ThreadChannel;
class Receiver;

// The message is the callback's to take from; what it leaves there is dropped.
using OnMessage = std::function<void(Message&)>;

// One end. It moves between threads, but only one of them may use it at a time: that of its loop as
// soon as it is bound.
class Port {
 public:
  static constexpr std::size_t kMostPerTurn = 1024;

  Port() = default;  // a closed one
  Port(Port&& other) noexcept = default;
  Port& operator=(Port&& other) noexcept;
  ~Port() { close(); }

  // Delivers on `loop` from its next turn on, each message in a callback of its own, and holds the
  // loop for as long as the port is open. `on_close` comes after the last message that the other
  // end sent before it was closed; it does not come for a close() of this end. Both may close or
  // destroy the port. If `on_message` throws, the messages behind it stay. A loop that goes closes
  // the ports bound to it.
  void bind(Loop& loop, OnMessage on_message, Task on_close = {});
  // What has not been delivered is kept for the next bind().
  void unbind();
  [[nodiscard]] bool bound() const { return receiver_ != nullptr; }
  // Of a bound port, as in Handle.
  void ref();
  void unref();

  // Never waits for the other side: the queue has no limit but memory. False, and the message is
  // dropped, if either end is closed. Ports inside are unbound first. One that would then be
  // reachable only through itself could never be received: that message is dropped too.
  bool send(Message message);
  // Drops what has not been delivered here. What was sent from here still arrives.
  void close();
  // Not closed from this side. The other end's close is known by on_close, or by a failed send().
  [[nodiscard]] bool is_open() const;

 private:
  friend class ThreadChannel;
  friend std::pair<Port, Port> make_channel();
  Port(std::shared_ptr<ThreadChannel> in, std::shared_ptr<ThreadChannel> out);

  std::shared_ptr<ThreadChannel> in_, out_;
  std::shared_ptr<Receiver> receiver_;  // while bound
};

[[nodiscard]] std::pair<Port, Port> make_channel();

}  // namespace timeslice::loop
