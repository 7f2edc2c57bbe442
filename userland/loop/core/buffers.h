// SPDX-License-Identifier: MIT
// Where does data go that nobody has asked for yet? Into one of these buffers, which many receiving
// requests share: the kernel, or the back end, takes a free one when there is data, and not when
// the waiting begins.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "loop/core/list.h"

namespace timeslice::loop {

class Backend;
class Loop;

class Buffers : public Link {
 public:
  using Id = std::uint16_t;
  static constexpr Id kNone = 0xffff;

  // `count` buffers (rounded up to a power of two, 32,768 at most) of `size` bytes each. To be
  // destroyed after the requests that use it have ended, before or after the loop.
  Buffers(Loop& loop, unsigned count, std::size_t size);
  ~Buffers();

  [[nodiscard]] unsigned count() const { return count_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> at(Id id) const {
    return {memory_.get() + std::size_t{id} * size_, size_};
  }

  // For back ends that choose a buffer themselves. kNone if all are taken.
  Id take();
  void give_back(Id id);

  // Of io_uring: the ring in which the kernel finds free buffers, and its number there.
  void* kernel_ring = nullptr;
  std::uint16_t group = 0;

 private:
  friend class Loop;
  Backend* backend_ = nullptr;  // null once the loop has gone
  const std::uint64_t generation_;
  unsigned count_;
  std::size_t size_;
  std::unique_ptr<std::byte[]> memory_;
  std::vector<Id> free_;
};

}  // namespace timeslice::loop
