// SPDX-License-Identifier: MIT
#include "loop/core/buffers.h"

#include <algorithm>
#include <bit>

#include "loop/core/fork_guard.h"
#include "loop/core/loop.h"

namespace timeslice::loop {

Buffers::Buffers(Loop& loop, unsigned count, std::size_t size)
    : backend_(loop.backend_.get()),
      generation_(fork_generation),
      count_(std::bit_ceil(std::clamp(count, 1U, 1U << 15))),
      size_(std::max<std::size_t>(size, 1)),
      memory_(new std::byte[count_ * size_]) {
  free_.reserve(count_);
  for (unsigned id = count_; id-- > 0;) free_.push_back(static_cast<Id>(id));
  loop.buffers_.push_back(*this);
  backend_->add(*this);
}

Buffers::~Buffers() {
  // In a forked child the ring's descriptor is closed, and its number may be another ring's.
  if (backend_ && generation_ == fork_generation) backend_->remove(*this);
}

Buffers::Id Buffers::take() {
  if (free_.empty()) return kNone;
  const Id id = free_.back();
  free_.pop_back();
  return id;
}

void Buffers::give_back(Id id) {
  if (kernel_ring)
    backend_->give_back(*this, id);
  else
    free_.push_back(id);
}

}  // namespace timeslice::loop
