// SPDX-License-Identifier: MIT
#include "demo/intake.h"

#include <poll.h>

#include <utility>

namespace timeslice::demo {

namespace {

// More than wait in any queue that we make. Without a bound, clients that come faster than they are
// served would keep a server from its end.
constexpr unsigned kLastOnes = 1024;

bool somebody_waits(int listener) {
  pollfd one{.fd = listener, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, 0) == 1;
}

}  // namespace

Intake::Intake(UniqueFd listener, std::size_t most, Counts& counts,
               std::function<void(UniqueFd)> on_connection)
    : listener_(std::move(listener)),
      most_(most),
      counts_(counts),
      on_connection_(std::move(on_connection)) {}

void Intake::start(loop::Loop& loop) {
  loop_ = &loop;
  rest_.emplace(loop, [this] { go_on(); });
  go_on();
}

void Intake::go_on() {
  while (!full() && !at_the_door_.empty()) {
    UniqueFd next = std::move(at_the_door_.back());
    at_the_door_.pop_back();
    on_connection_(std::move(next));
  }
  if (stopping_ || !listener_ || full() || accepting_.in_flight() || rest_->active()) return;
  accept();
}

void Intake::accept() {
  loop_->accept_many(accepting_, listener_.get(),
                     [this](loop::Request& done) { accepted(done.result()); });
}

void Intake::accepted(int result) {
  if (last_ones_ > 0) --last_ones_;
  if (result >= 0) let_in(UniqueFd(result));
  if (accepting_.in_flight()) return;
  const bool must_rest = loop::Rest::is_due(result);
  if (stopping_ && must_rest) last_ones_ = 0;
  if (stopping_) return empty_queue();
  if (must_rest) return rest();
  go_on();  // other errors are those of a client that has gone already
}

void Intake::let_in(UniqueFd connection) {
  ++counts_.accepted;
  if (full()) return at_the_door_.push_back(std::move(connection));
  on_connection_(std::move(connection));
  if (!full()) return;
  if (accepting_.in_flight()) ++counts_.accept_rests;
  accepting_.cancel();
}

void Intake::rest() {
  ++counts_.accept_rests;
  rest_->begin();
}

void Intake::stop() {
  last_ones_ = std::exchange(stopping_, true) ? 0 : kLastOnes;
  rest_->end();
  go_on();
  empty_queue();
}

// Whoever is in the kernel's queue has connected, and would be reset by a closed listener. With the
// loop's own accept, as another process may take them as well: the one asked for may never come.
void Intake::empty_queue() {
  if (!listener_ || looks_again_) return;
  if (last_ones_ == 0 || !somebody_waits(listener_.get())) {
    if (!accepting_.in_flight()) return close();
    return accepting_.cancel();  // its end comes back here
  }
  if (!accepting_.in_flight()) accept();
  looks_again_ = true;
  loop_->set_immediate([this] {
    looks_again_ = false;
    empty_queue();
  });
}

void Intake::close() {
  if (listener_) loop_->close_now(listener_.release());
}

}  // namespace timeslice::demo
