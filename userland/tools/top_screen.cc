// SPDX-License-Identifier: MIT
// Screen mode: the same frames on a terminal. A first frame comes at once, with totals and no rates
// yet; the first rates follow after a tenth of a second, so that nobody waits for a whole interval.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdlib>

#include "base/failure.h"
#include "loop/core/ending_signals.h"
#include "loop/core/loop.h"
#include "tools/job_control.h"
#include "tools/screen_options.h"
#include "tools/top_run.h"
#include "view/screen/screen.h"

namespace timeslice::tools {

namespace {

using namespace std::chrono_literals;

class Live {
 public:
  explicit Live(const TopOptions& options)
      : options_(options),
        end_(loop_, {SIGINT, SIGTERM, SIGHUP}, [this] { loop_.stop(); }),
        resize_(loop_, SIGWINCH, [this] { screen_.resized(); }),
        session_(options.watch),
        jobs_(loop_, screen_),
        screen_(screen_options(options)),
        timer_(loop_, [this] { refresh(); }) {}

  void run() {
    screen_.show(session_.advance());
    if (!session_.note().empty()) screen_.say(session_.note());
    loop_.update_time();  // the delay begins now, not when the loop was made
    timer_.start(100ms);
    listen();
    loop_.run();
  }

 private:
  void listen() {
    loop_.poll(keys_, STDIN_FILENO, POLLIN, [this](loop::Request& request) { on_keys(request); });
  }

  void on_keys(const loop::Request& request) {
    if (request.result() < 0) throw failure_from_errno("cannot wait for keys", -request.result());
    // The terminal has gone: nobody looks any more.
    if (request.result() & (POLLHUP | POLLERR)) return loop_.stop();
    for (const view::Action action : screen_.keys_ready()) act(action);
    listen();
  }

  void act(view::Action action) {
    switch (action) {
      case view::Action::quit:
        return loop_.stop();
      case view::Action::climb:
        if (!session_.climb()) screen_.say(session_.note());
        return refresh();
      case view::Action::descend:
        session_.descend();
        if (!session_.note().empty()) screen_.say(session_.note());
        return refresh();
      case view::Action::refresh:
        return refresh();
      case view::Action::delay:
      case view::Action::pause:
        return schedule();
      case view::Action::forward:  // of a recording
      case view::Action::back:
      case view::Action::jump:
      case view::Action::speed:
        return;
    }
  }

  void schedule() {
    timer_.stop();
    if (screen_.paused()) return;
    timer_.start(std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(screen_.delay_s())));
  }

  void refresh() {
    if (screen_.paused()) return;
    screen_.show(session_.advance());
    if (options_.refreshes && ++done_ >= *options_.refreshes) return loop_.stop();
    if (!gone_ && session_.watched_are_gone()) {
      gone_ = true;
      screen_.say("The watched processes have ended; q quits");
    }
    schedule();
  }

  const TopOptions& options_;
  loop::Request keys_;  // outlives the loop that it is in flight on
  loop::Loop loop_;
  // Before the session, which takes a while to open and to close: a signal waits until then.
  loop::EndingSignals end_;
  loop::Signal resize_;
  live::Session session_;
  JobControl jobs_;
  view::Screen screen_;
  loop::Timer timer_;
  uint64_t done_ = 0;
  bool gone_ = false;
};

}  // namespace

void run_screen(const TopOptions& options) {
  std::setlocale(LC_ALL, "");
  Live(options).run();
}

}  // namespace timeslice::tools
