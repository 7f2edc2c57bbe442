// SPDX-License-Identifier: MIT
#include "loop/core/backend.h"

#include <time.h>

namespace timeslice::loop {

Nanoseconds Backend::now() const {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds{now.tv_sec} + Nanoseconds{now.tv_nsec};
}

void Backend::deliver(Multishot& request, int result, Buffers::Id buffer) {
  tell(request, {result, buffer, false});
}

void Backend::tell(Multishot& request, const Multishot::Shot& shot) {
  request.shots_.push_back(shot);
  ++shots_;
  if (!request.delivery_.linked()) deliveries_.push_back(request.delivery_);
}

Multishot::Shot Backend::take_shot(Multishot*& from) {
  Multishot& request = deliveries_.pop_front().owner;
  const Multishot::Shot shot = request.shots_[request.told_++];
  --shots_;
  if (request.told_ < request.shots_.size()) {
    deliveries_.push_back(request.delivery_);
  } else {
    request.shots_.clear();
    request.told_ = 0;
  }
  from = &request;
  return shot;
}

}  // namespace timeslice::loop
