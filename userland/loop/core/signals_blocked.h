// SPDX-License-Identifier: MIT
// Which signals shall not disturb this thread for now? While one of these lives, those that it
// names wait; then the former mask is back. Threads and children made meanwhile inherit it. For one
// signal or all, and safe in a signal handler.
#pragma once
#include <csignal>

namespace timeslice::loop {

class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &former_);
  }
  explicit SignalsBlocked(int signo) {
    sigset_t one;
    ::sigemptyset(&one);
    ::sigaddset(&one, signo);
    ::pthread_sigmask(SIG_BLOCK, &one, &former_);
  }
  ~SignalsBlocked() { release(); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  // Before its end: in a child that won't come to it.
  void release() { ::pthread_sigmask(SIG_SETMASK, &former_, nullptr); }

 private:
  sigset_t former_;
};

}  // namespace timeslice::loop
