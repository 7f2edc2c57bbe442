// SPDX-License-Identifier: MIT
#include "loop/knocks.h"

#include "loop/loop.h"

namespace timeslice::loop {

namespace {

constexpr Nanoseconds kBetweenKnocks{5'000'000};

}  // namespace

void Knocks::add(Request& request) {
  request.op.stage = Operation::Stage::waiting;
  waiting_.push_back(request);
  if (!timer_.active()) timer_.start(kBetweenKnocks);
}

void Knocks::knock() {
  List<Request> now;
  now.append(waiting_);
  while (!now.empty()) {
    Request& request = now.pop_front();
    request.op.stage = Operation::Stage::idle;
    backend_.submit(request);
  }
}

void Knocks::end() {
  while (!waiting_.empty()) backend_.cancel(waiting_.front());
}

}  // namespace timeslice::loop
