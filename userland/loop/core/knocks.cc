// SPDX-License-Identifier: MIT
#include "loop/core/knocks.h"

#include "loop/core/loop.h"

namespace timeslice::loop {

namespace {

constexpr Nanoseconds kFirstPause{250'000};
constexpr unsigned kDoublings = 6;

}  // namespace

void Knocks::add(Request& request) {
  request.op.stage = Operation::Stage::waiting;
  waiting_.push_back(request);
  const Nanoseconds pause = kFirstPause * (1U << request.op.knocks);
  if (request.op.knocks < kDoublings) ++request.op.knocks;
  // All knock at once, when the first of them does.
  if (!timer_.active() || timer_.deadline() > backend_.now() + pause) timer_.start(pause);
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
