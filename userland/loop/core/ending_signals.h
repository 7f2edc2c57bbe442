// SPDX-License-Identifier: MIT
// Which signals end a program in peace? Those that its starter hasn't told it to ignore: nohup does
// so with SIGHUP, and a shell without job control with the SIGINT of what it starts in the
// background. A handler of ours would undo that.
#pragma once
#include <csignal>
#include <initializer_list>
#include <list>

#include "loop/core/signal.h"

namespace timeslice::loop {

inline bool is_ignored(int signo) {
  struct sigaction action {};
  return ::sigaction(signo, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
         action.sa_handler == SIG_IGN;
}

class EndingSignals {
 public:
  // Takes over those of `numbers` that aren't ignored, as Signal does.
  EndingSignals(Loop& loop, std::initializer_list<int> numbers, const Task& on_signal) {
    for (const int signo : numbers)
      if (!is_ignored(signo)) signals_.emplace_back(loop, signo, on_signal);
  }

 private:
  std::list<Signal> signals_;
};

}  // namespace timeslice::loop
