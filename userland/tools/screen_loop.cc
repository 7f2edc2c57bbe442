// SPDX-License-Identifier: MIT
#include "tools/screen_loop.h"

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdlib>

#include "base/failure.h"
#include "base/seconds.h"
#include "tools/terminal.h"

namespace timeslice::tools {

namespace {

view::ScreenOptions screen_options(const TopOptions& options) {
  view::ScreenOptions screen;
  if (options.ascii) screen.glyphs = view::Glyphs::ascii;
  screen.colour = colour_is_wanted();
  screen.delay_s = options.delay_s;
  screen.order = options.order;
  return screen;
}

}  // namespace

ScreenLoop::ScreenLoop(const TopOptions& options)
    : options_(options),
      end_(loop_, {SIGINT, SIGTERM, SIGHUP}, [this] { stop(); }),
      resize_(loop_, SIGWINCH,
              [this] {
                if (screen_) screen_->resized();
              }),
      timer_(loop_, [this] { next_frame(); }) {
  std::setlocale(LC_ALL, "");
}

void ScreenLoop::open_screen() {
  jobs_.emplace(loop_, screen_);  // first: see there
  screen_.emplace(screen_options(options_));
}

void ScreenLoop::run_loop() {
  struct GivenBack {
    ScreenLoop& owner;
    ~GivenBack() { owner.screen_.reset(); }  // what was shown may take a while to close
  } const given_back{*this};
  listen();
  loop_.run();
}

void ScreenLoop::come_back_in(double seconds) { timer_.start(from_seconds(seconds)); }

bool ScreenLoop::was_last() {
  if (!options_.refreshes || ++shown_ < *options_.refreshes) return false;
  stop();
  return true;
}

void ScreenLoop::listen() {
  loop_.poll(keys_, STDIN_FILENO, POLLIN, [this](loop::Request& request) { on_keys(request); });
}

void ScreenLoop::on_keys(const loop::Request& request) {
  if (request.result() < 0) throw failure_from_errno("cannot wait for keys", -request.result());
  // The terminal has gone: nobody looks any more.
  if (request.result() & (POLLHUP | POLLERR)) return stop();
  for (const view::Action action : screen_->keys_ready())
    action == view::Action::quit ? stop() : act(action);
  listen();
}

}  // namespace timeslice::tools
