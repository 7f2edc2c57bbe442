// SPDX-License-Identifier: MIT
#include "loop/threads/shared_buffer.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace timeslice::loop {

namespace {

static_assert(std::atomic_ref<std::int64_t>::required_alignment <= alignof(std::max_align_t));

// calloc takes big memory as fresh pages, which are zero without being touched.
std::shared_ptr<std::byte> zeroes(std::size_t bytes) {
  void* memory = std::calloc(std::max<std::size_t>(bytes, 1), 1);
  if (memory == nullptr) throw std::bad_alloc();
  return {static_cast<std::byte*>(memory), &std::free};
}

timespec deadline_after(Nanoseconds timeout) {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t ns = now.tv_nsec + timeout.count() % kSecond;
  return {.tv_sec = now.tv_sec + timeout.count() / kSecond + ns / kSecond, .tv_nsec = ns % kSecond};
}

// The wait that takes a point in time rather than a span, so that a signal's interruption doesn't
// prolong it; its clock is CLOCK_MONOTONIC unless told otherwise. Returns 0 or -errno.
int futex_wait(std::int32_t* word, std::int32_t expected, const timespec* deadline) {
  const long result = ::syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline,
                                nullptr, FUTEX_BITSET_MATCH_ANY);
  return result == 0 ? 0 : -errno;
}

}  // namespace

SharedBuffer::SharedBuffer(std::size_t bytes) : size_(bytes), memory_(zeroes(bytes)) {}

WaitResult SharedBuffer::wait(std::size_t index, std::int32_t expected, Nanoseconds timeout) const {
  std::int32_t* word = futex(index);
  const bool for_ever = timeout < Nanoseconds{0};
  const timespec deadline = for_ever ? timespec{} : deadline_after(timeout);
  for (;;) {
    const int result = futex_wait(word, expected, for_ever ? nullptr : &deadline);
    if (result == 0) return WaitResult::ok;
    if (result == -EAGAIN) return WaitResult::not_equal;
    if (result == -ETIMEDOUT) return WaitResult::timed_out;
    if (result != -EINTR) throw std::system_error(-result, std::generic_category(), "futex wait");
  }
}

int SharedBuffer::notify(std::size_t index, int count) const {
  std::int32_t* word = futex(index);
  if (count <= 0) return 0;  // the kernel would wake one all the same
  const long woken = ::syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
  if (woken < 0) throw std::system_error(errno, std::generic_category(), "futex wake");
  return static_cast<int>(woken);
}

std::int32_t* SharedBuffer::futex(std::size_t index) const {
  if (index >= size_ / sizeof(std::int32_t)) throw_out_of_range(index, sizeof(std::int32_t));
  return reinterpret_cast<std::int32_t*>(memory_.get()) + index;
}

void SharedBuffer::throw_out_of_range(std::size_t index, std::size_t cell_size) const {
  throw std::out_of_range("cell " + std::to_string(index) + " of " + std::to_string(cell_size) +
                          " bytes is not in a shared buffer of " + std::to_string(size_) +
                          " bytes");
}

}  // namespace timeslice::loop
