// SPDX-License-Identifier: MIT
#include "base/detached_thread.h"

#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

namespace timeslice {

int start_detached(std::function<void()> work) {
  sigset_t all, former;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) sigdelset(&all, fault);
  pthread_sigmask(SIG_BLOCK, &all, &former);
  int error = 0;
  try {
    std::thread(std::move(work)).detach();
  } catch (const std::system_error& failure) {
    error = failure.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
  return error;
}

}  // namespace timeslice
