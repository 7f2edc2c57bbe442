// SPDX-License-Identifier: MIT
// Screen mode: the same frames on a terminal. A first frame comes at once, with totals and no rates
// yet; the first rates follow after a tenth of a second, so that nobody waits for a whole interval.
#include "tools/screen_loop.h"

namespace timeslice::tools {

namespace {

constexpr double kFirstRates_s = 0.1;

class Live : public ScreenLoop {
 public:
  explicit Live(const TopOptions& options) : ScreenLoop(options), session_(options.watch) {
    open_screen();
  }

  void run() {
    screen().show(session_.advance());
    if (!session_.note().empty()) screen().say(session_.note());
    come_back_in(kFirstRates_s);
    run_loop();
  }

 private:
  void act(view::Action action) override {
    switch (action) {
      case view::Action::climb:
        if (!session_.climb()) screen().say(session_.note());
        return next_frame();
      case view::Action::descend:
        session_.descend();
        if (!session_.note().empty()) screen().say(session_.note());
        return next_frame();
      case view::Action::refresh:
        return next_frame();
      case view::Action::delay:
      case view::Action::pause:
        return schedule();
      case view::Action::quit:
      case view::Action::forward:  // of a recording
      case view::Action::back:
      case view::Action::jump:
      case view::Action::speed:
        return;
    }
  }

  void schedule() { screen().paused() ? stay() : come_back_in(screen().delay_s()); }

  void next_frame() override {
    if (screen().paused()) return;
    screen().show(session_.advance());
    if (was_last()) return;
    if (!gone_ && session_.watched_are_gone()) {
      gone_ = true;
      screen().say("The watched processes have ended; press q to quit");
    }
    schedule();
  }

  live::Session session_;
  bool gone_ = false;
};

}  // namespace

void run_screen(const TopOptions& options) { Live(options).run(); }

}  // namespace timeslice::tools
