// SPDX-License-Identifier: MIT
#include "loop/threads/port.h"

#include <algorithm>
#include <optional>

#include "loop/core/guest.h"
#include "loop/core/loop.h"
#include "loop/threads/thread_channel.h"

namespace timeslice::loop {

// A port's bound state. The port holds it, and so does each callback under way.
class Receiver final : public Guest, public std::enable_shared_from_this<Receiver> {
 public:
  Receiver(Loop& loop, std::shared_ptr<ThreadChannel> in, std::shared_ptr<ThreadChannel> out,
           OnMessage on_message, Task on_close);
  ~Receiver() { assert(!waker_); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // No callback comes after this. What has not been delivered goes back to the channel.
  void stop();
  void ref() { waker_->ref(); }
  void unref() { waker_->unref(); }
  [[nodiscard]] bool stopped() const { return !waker_; }

 private:
  void on_wake();
  void deliver_one();
  void close();
  void loop_ends() noexcept override;
  [[nodiscard]] std::size_t left() const { return batch_.size() - next_; }

  Loop& loop_;
  const std::shared_ptr<ThreadChannel> in_, out_;
  OnMessage on_message_;
  Task on_close_;
  std::vector<Message> batch_;  // taken from the channel; delivered up to next_
  std::size_t next_ = 0;
  bool ended_ = false;  // nothing comes after the batch
  std::optional<Waker> waker_;
};

Receiver::Receiver(Loop& loop, std::shared_ptr<ThreadChannel> in,
                   std::shared_ptr<ThreadChannel> out, OnMessage on_message, Task on_close)
    : Guest(loop),
      loop_(loop),
      in_(std::move(in)),
      out_(std::move(out)),
      on_message_(std::move(on_message)),
      on_close_(std::move(on_close)),
      waker_(std::in_place, loop, [this] { on_wake(); }) {
  in_->set_bell(&*waker_);
  waker_->send();  // for what is there already
}

void Receiver::stop() {
  if (stopped()) return;
  in_->set_bell(nullptr);
  waker_.reset();
  unlink();
  in_->put_back(batch_, next_);
}

// Either goes on with a batch that was too big for one turn, or takes a new one.
void Receiver::on_wake() {
  const std::shared_ptr<Receiver> self = shared_from_this();
  const bool fresh = left() == 0;
  if (fresh) {
    batch_.clear();
    next_ = 0;
    ended_ = in_->take(batch_);
  }
  const bool all = left() <= Port::kMostPerTurn;
  // If a callback throws, the rest of the batch must be woken for as well.
  struct Again {
    Receiver& receiver;
    bool wanted = true;
    ~Again() {
      if (wanted && !receiver.stopped()) receiver.waker_->send();
    }
  } again{*this};
  const Task one = [self] { self->deliver_one(); };
  std::size_t calls = all ? left() + (ended_ ? 1 : 0) : Port::kMostPerTurn;
  for (; calls > 0 && !stopped(); --calls) loop_.run_callback(one);
  again.wanted = !all || !fresh;
}

void Receiver::deliver_one() {
  if (stopped()) return;
  if (left() > 0) {
    Message message = std::move(batch_[next_++]);  // the callback may close the port
    ThreadChannel::arrived(message);
    if (on_message_) on_message_(message);
  } else if (ended_) {
    const Task on_close = std::move(on_close_);
    close();
    if (on_close) on_close();
  }
}

// Both ways. The callbacks go too: they may hold what holds us.
void Receiver::close() {
  const std::shared_ptr<Receiver> self = shared_from_this();
  stop();
  in_->refuse();
  out_->end();
  const OnMessage no_message = std::exchange(on_message_, {});
  const Task no_close = std::exchange(on_close_, {});
}

void Receiver::loop_ends() noexcept { close(); }

Port::Port(std::shared_ptr<ThreadChannel> in, std::shared_ptr<ThreadChannel> out)
    : in_(std::move(in)), out_(std::move(out)) {}

Port& Port::operator=(Port&& other) noexcept {
  if (this == &other) return *this;
  close();
  in_ = std::move(other.in_);
  out_ = std::move(other.out_);
  receiver_ = std::move(other.receiver_);
  return *this;
}

void Port::bind(Loop& loop, OnMessage on_message, Task on_close) {
  assert(in_ && !bound());
  receiver_ =
      std::make_shared<Receiver>(loop, in_, out_, std::move(on_message), std::move(on_close));
}

void Port::unbind() {
  if (const auto receiver = std::exchange(receiver_, nullptr)) receiver->stop();
}

void Port::ref() {
  if (receiver_ && !receiver_->stopped()) receiver_->ref();
}

void Port::unref() {
  if (receiver_ && !receiver_->stopped()) receiver_->unref();
}

bool Port::send(Message message) {
  if (!out_) return false;
  for (Port& port : message.ports) port.unbind();
  return out_->push(message);
}

void Port::close() {
  unbind();
  if (const auto in = std::exchange(in_, nullptr)) in->refuse();
  if (const auto out = std::exchange(out_, nullptr)) out->end();
}

bool Port::is_open() const { return in_ && !in_->refused(); }

std::pair<Port, Port> make_channel() {
  auto one_way = std::make_shared<ThreadChannel>();
  auto other_way = std::make_shared<ThreadChannel>();
  return {Port(one_way, other_way), Port(other_way, one_way)};
}

}  // namespace timeslice::loop
