// SPDX-License-Identifier: MIT
// How is a screen stopped by Ctrl-Z, and continued by fg? At a moment of the loop's, not in the
// middle of a drawing as ncurses' own handler would: the terminal is given back, the process stops,
// and once it's continued the screen is taken and drawn anew. Who was stopped by SIGSTOP draws it
// anew as well, for others have had the terminal meanwhile.
#pragma once
#include <csignal>
#include <optional>

#include "loop/core/ending_signals.h"
#include "loop/core/loop.h"
#include "view/screen/screen.h"

namespace timeslice::tools {

class JobControl {
 public:
  // Made before the screen: where ncurses finds a handler, it leaves SIGTSTP alone.
  JobControl(loop::Loop& loop, std::optional<view::Screen>& screen)
      : screen_(screen), continue_(loop, SIGCONT, [this] { screen_->resume(); }) {
    if (!loop::is_ignored(SIGTSTP)) stop_.emplace(loop, SIGTSTP, [this] { stop(); });
  }

 private:
  // Without a shell that could continue it, the kernel lets the process go on at once.
  void stop() {
    screen_->suspend();
    struct sigaction stops {};
    struct sigaction ours {};
    stops.sa_handler = SIG_DFL;
    ::sigaction(SIGTSTP, &stops, &ours);
    ::raise(SIGTSTP);
    ::sigaction(SIGTSTP, &ours, nullptr);
    screen_->resume();
  }

  std::optional<view::Screen>& screen_;
  loop::Signal continue_;
  std::optional<loop::Signal> stop_;
};

}  // namespace timeslice::tools
