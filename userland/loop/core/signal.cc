// SPDX-License-Identifier: MIT
#include "loop/core/signal.h"

#include <sched.h>

#include <array>
#include <system_error>

#include "loop/core/loop.h"

namespace timeslice::loop {

namespace {

// A handler gets nothing but the number, so the way from there to the Signal's waker is global.
std::array<std::atomic<Waker*>, NSIG> wakers{};
std::atomic<int> handlers_running{0};
static_assert(std::atomic<Waker*>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

std::system_error failure(int error, int signo) {
  return {error, std::generic_category(), "cannot handle signal " + std::to_string(signo)};
}

// `how`: SIG_BLOCK or SIG_UNBLOCK. Whether it was blocked.
bool set_blocked(int how, int signo) {
  sigset_t one;
  sigset_t former;
  ::sigemptyset(&one);
  ::sigaddset(&one, signo);
  ::pthread_sigmask(how, &one, &former);
  return ::sigismember(&former, signo) == 1;
}

}  // namespace

void Signal::handle(int signo) {
  ++handlers_running;
  if (Waker* waker = wakers[static_cast<std::size_t>(signo)]) waker->send();
  --handlers_running;
}

Signal::Signal(Loop& loop, int signo, Task on_signal)
    : signo_(signo), waker_(loop, std::move(on_signal)) {
  waker_.unref();
  if (signo <= 0 || signo >= NSIG) throw failure(EINVAL, signo);
  Waker* nobody = nullptr;
  std::atomic<Waker*>& slot = wakers[static_cast<std::size_t>(signo)];
  if (!slot.compare_exchange_strong(nobody, &waker_)) throw failure(EBUSY, signo);
  struct sigaction action {};
  action.sa_handler = &Signal::handle;
  action.sa_flags = SA_RESTART;
  ::sigfillset(&action.sa_mask);
  if (::sigaction(signo, &action, &former_) != 0) {
    const int error = errno;
    slot = nullptr;
    throw failure(error, signo);
  }
  was_blocked_ = set_blocked(SIG_UNBLOCK, signo);
}

Signal::~Signal() {
  if (was_blocked_) set_blocked(SIG_BLOCK, signo_);
  ::sigaction(signo_, &former_, nullptr);
  wakers[static_cast<std::size_t>(signo_)] = nullptr;
  // A handler may be under way on another thread, with the waker in its hand.
  while (handlers_running != 0) ::sched_yield();
}

}  // namespace timeslice::loop
