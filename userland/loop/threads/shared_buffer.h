// SPDX-License-Identifier: MIT
// How do threads share memory without a data race? As cells of a SharedBuffer, which are read and
// changed by atomic operations alone, and on which a thread can sleep until another one notifies
// it. A SharedBuffer is a handle: copies name the same memory, which goes with the last of them.
//
//   SharedBuffer shared(4);
//   shared.wait(0, 0);  // this thread: sleeps as long as cell 0 holds 0
//
//   shared.store<std::int32_t>(0, 1);  // another one, with its own copy of the handle
//   shared.notify(0);
#pragma once
#include <atomic>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "loop/core/timer.h"

namespace timeslice::loop {

enum class WaitResult : std::uint8_t { ok, not_equal, timed_out };

class SharedBuffer {
 public:
  // Zero-filled, aligned for every cell. Throws std::bad_alloc.
  explicit SharedBuffer(std::size_t bytes);

  [[nodiscard]] std::size_t size() const { return size_; }  // in bytes
  [[nodiscard]] std::byte* data() const { return memory_.get(); }

  // `index` counts cells of T, int32_t or int64_t: a cell is never misaligned. One that isn't
  // wholly inside throws std::out_of_range. All are sequentially consistent, and those that change
  // a cell return what it held before.
  template <typename T>
  [[nodiscard]] T load(std::size_t index) const {
    return cell<T>(index).load();
  }
  template <typename T>
  void store(std::size_t index, std::type_identity_t<T> value) const {
    cell<T>(index).store(value);
  }
  template <typename T>
  T add(std::size_t index, std::type_identity_t<T> value) const {
    return cell<T>(index).fetch_add(value);
  }
  template <typename T>
  T sub(std::size_t index, std::type_identity_t<T> value) const {
    return cell<T>(index).fetch_sub(value);
  }
  template <typename T>
  T and_(std::size_t index, std::type_identity_t<T> value) const {
    return cell<T>(index).fetch_and(value);
  }
  template <typename T>
  T or_(std::size_t index, std::type_identity_t<T> value) const {
    return cell<T>(index).fetch_or(value);
  }
  template <typename T>
  T exchange(std::size_t index, std::type_identity_t<T> value) const {
    return cell<T>(index).exchange(value);
  }
  // Stores `desired` if the cell holds `expected`, which the returned value then equals.
  template <typename T>
  T compare_exchange(std::size_t index, std::type_identity_t<T> expected,
                     std::type_identity_t<T> desired) const {
    cell<T>(index).compare_exchange_strong(expected, desired);
    return expected;
  }

  // Sleeps on an int32_t cell if it holds `expected`, until a notify() or until `timeout` has
  // passed on CLOCK_MONOTONIC (negative: for ever); signals don't cut it short. It blocks the whole
  // thread, its loop too, and terminate() can't end it. As with every futex, memory that was one
  // before can bring an `ok` that nobody sent: look at the cell again.
  WaitResult wait(std::size_t index, std::int32_t expected,
                  Nanoseconds timeout = Nanoseconds{-1}) const;
  // Wakes up to `count` of the sleepers on the cell, the longest asleep first. Returns how many.
  int notify(std::size_t index, int count = INT_MAX) const;

 private:
  template <typename T>
  [[nodiscard]] std::atomic_ref<T> cell(std::size_t index) const {
    static_assert(std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::int64_t>);
    static_assert(std::atomic_ref<T>::is_always_lock_free);
    if (index >= size_ / sizeof(T)) throw_out_of_range(index, sizeof(T));
    return std::atomic_ref<T>(reinterpret_cast<T*>(memory_.get())[index]);
  }
  [[noreturn]] void throw_out_of_range(std::size_t index, std::size_t cell_size) const;
  [[nodiscard]] std::int32_t* futex(std::size_t index) const;

  std::size_t size_;
  std::shared_ptr<std::byte> memory_;
};

}  // namespace timeslice::loop
