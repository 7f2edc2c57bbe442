// SPDX-License-Identifier: MIT
// What becomes of a write that nobody can read any more? A result: -EPIPE for a pipe whose reader
// has gone, as it is for a socket, and -EFBIG for a file that may grow no longer; not the signals
// SIGPIPE and SIGXFSZ, which would end the program. Where MSG_NOSIGNAL saves a send, nothing saves
// a write, on a ring neither, and to block the signals would cost two system calls a turn. So a
// program that has made no choice of its own ignores them. One that handles them goes on doing so.
//
// Each loop sees to that at its start; who writes without a loop calls it at the program's.
// spawn() gives children the default back.
#pragma once
#include <csignal>
#include <initializer_list>

namespace timeslice::loop {

inline void ignore_signals_of_writes() {
  for (const int signo : {SIGPIPE, SIGXFSZ}) {
    struct sigaction action {};
    if (::sigaction(signo, nullptr, &action) == 0 && action.sa_handler == SIG_DFL)
      ::signal(signo, SIG_IGN);
  }
}

}  // namespace timeslice::loop
