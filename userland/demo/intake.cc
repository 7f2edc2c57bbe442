// SPDX-License-Identifier: MIT
#include "demo/intake.h"

#include <cerrno>

namespace timeslice::demo {

namespace {

constexpr auto kRest = std::chrono::milliseconds(50);

// Nothing is wrong with the listener.
bool out_of_resources(int result) {
  return result == -EMFILE || result == -ENFILE || result == -ENOMEM || result == -ENOBUFS;
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
  loop_->accept_many(accepting_, listener_.get(),
                     [this](loop::Request& done) { accepted(done.result()); });
}

void Intake::accepted(int result) {
  if (result >= 0) let_in(UniqueFd(result));
  if (accepting_.in_flight()) return;
  if (stopping_) return close();
  if (out_of_resources(result)) return rest();
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
  rest_->start(kRest);
}

void Intake::stop() {
  stopping_ = true;
  rest_->stop();
  go_on();
  if (accepting_.in_flight())
    accepting_.cancel();
  else
    close();
}

void Intake::close() {
  if (listener_) loop_->close_now(listener_.release());
}

}  // namespace timeslice::demo
