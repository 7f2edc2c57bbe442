// SPDX-License-Identifier: MIT
// What does a sleeping loop sleep on, besides its requests? This eventfd. Many wakes before the
// loop looks cost one write: only the first one finds `asked_` clear.
#pragma once
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace timeslice::loop {

class WakeFd {
 public:
  // Blocking, because io_uring takes O_NONBLOCK as a wish for -EAGAIN. We read only when it's
  // ready.
  WakeFd() : fd_(::eventfd(0, EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "cannot make an eventfd");
  }
  ~WakeFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  WakeFd(const WakeFd&) = delete;
  WakeFd& operator=(const WakeFd&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

  // In a forked child, whose descriptor is closed already.
  void abandon() noexcept { fd_ = -1; }

  // Thread-safe and async-signal-safe, as are its two halves: did nobody ask before? and the write.
  void wake() noexcept {
    if (ask()) write();
  }
  [[nodiscard]] bool asked() const noexcept { return asked_; }
  bool ask() noexcept { return !asked_.exchange(true); }
  void write() noexcept {
    const int saved = errno;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
    errno = saved;
  }

  // After the descriptor was read, and before looking for what the wakers left: whoever comes later
  // writes again, whoever came before has left its things already.
  void acknowledge() noexcept { asked_.exchange(false); }

 private:
  int fd_;
  std::atomic<bool> asked_{false};
};

}  // namespace timeslice::loop
