// SPDX-License-Identifier: MIT
#include "demo/turns.h"

#include <utility>

namespace timeslice::demo {

Response gone_response() {
  return error_response(503, "Others come first, and only clients that keep their side open wait.");
}

void Turns::take(Exchange& exchange, std::uint64_t cost, std::function<void()> start) {
  if (under_way_ < most_at_once_) {
    ++under_way_;
    return start();
  }
  if (exchange.input_ended) return exchange.respond(gone_response());
  if (waiting_cost_ + cost > most_waiting_)
    return exchange.respond(error_response(503, "Too much of this is waiting already."));
  wait(exchange, cost, std::move(start));
}

void Turns::wait(Exchange& exchange, std::uint64_t cost, std::function<void()> start) {
  waiting_cost_ += cost;
  const auto place = waiting_.insert(
      waiting_.end(), {.exchange = &exchange, .cost = cost, .start = std::move(start)});
  exchange.forget = [this, place] { leave(place); };
  exchange.on_input_end = [this, place, &exchange] {
    leave(place);
    exchange.respond(gone_response());
  };
}

std::function<void()> Turns::leave(std::list<Waiting>::iterator place) {
  std::function<void()> start = std::move(place->start);
  place->exchange->forget = nullptr;
  place->exchange->on_input_end = nullptr;
  waiting_cost_ -= place->cost;
  waiting_.erase(place);
  return start;
}

void Turns::end() {
  --under_way_;
  if (waiting_.empty()) return;
  ++under_way_;
  leave(waiting_.begin())();
}

}  // namespace timeslice::demo
