// SPDX-License-Identifier: MIT
// The screen of a recording: its moments follow each other by the clock, at whatever speed, until a
// key stops them. The end of the recording stops them too.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cmath>
#include <csignal>

#include "base/failure.h"
#include "loop/core/ending_signals.h"
#include "loop/core/loop.h"
#include "play/playback.h"
#include "tools/job_control.h"
#include "tools/screen_options.h"
#include "tools/top_run.h"
#include "tools/wall_clock.h"
#include "view/screen/screen.h"

namespace timeslice::tools {

namespace {

// No terminal shows more frames than that; beyond, each frame is several steps on.
constexpr double kLeastWait_s = 0.04;

class Player {
 public:
  explicit Player(const TopOptions& options)
      : options_(options),
        end_(loop_, {SIGINT, SIGTERM, SIGHUP}, [this] { loop_.stop(); }),
        resize_(loop_, SIGWINCH, [this] { screen_.resized(); }),
        playback_(options.replay, options.watch.comm_glob, true),
        jobs_(loop_, screen_),
        screen_(screen_options(options)),
        timer_(loop_, [this] { play(); }) {}

  void run() {
    jump(playback_.begin_ns() + interval_ns());
    if (!playback_.notes().empty()) screen_.say(playback_.notes().front());
    loop_.update_time();
    schedule();
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
      case view::Action::forward:
        step(1);
        return schedule();
      case view::Action::back:
        jump(playback_.now_ns() - std::min(interval_ns(), since_begin_ns()));
        return schedule();
      case view::Action::jump:
        jump(screen_.jump_ns());
        return schedule();
      case view::Action::pause:
        if (!screen_.paused() && playback_.at_end()) jump(playback_.begin_ns() + interval_ns());
        return schedule();
      case view::Action::delay:
      case view::Action::speed:
        return schedule();
      default:
        return;  // of what is live
    }
  }

  void schedule() {
    timer_.stop();
    if (screen_.paused() || playback_.at_end()) return;
    timer_.start(std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(wait_s())));
  }

  void play() {
    if (screen_.paused()) return;
    step(std::max(1L, std::lround(screen_.speed() * wait_s() / screen_.delay_s())));
    if (options_.refreshes && ++done_ >= *options_.refreshes) return loop_.stop();
    schedule();
  }

  void step(long steps) {
    const model::Frame* frame = nullptr;
    for (; steps > 0 && (frame == nullptr || !playback_.at_end()); --steps)
      frame = &playback_.step(interval_ns());
    show(*frame);
  }

  void jump(uint64_t to_ns) { show(playback_.jump(to_ns, interval_ns())); }

  void show(const model::Frame& frame) {
    view::TimeBar bar;
    bar.begin_ns = playback_.begin_ns();
    bar.end_ns = playback_.end_ns();
    bar.now_ns = playback_.now_ns();
    bar.began = date_and_time(playback_.realtime_ns(playback_.begin_ns()));
    bar.clock = time_of_day(playback_.realtime_ns(playback_.now_ns()));
    screen_.show(frame, std::move(bar));
    if (!playback_.at_end()) return;
    screen_.pause();
    screen_.say("The recording ends here; 0 to 9 jump, p plays it again, q quits");
  }

  [[nodiscard]] uint64_t interval_ns() const {
    return static_cast<uint64_t>(screen_.delay_s() * 1e9);
  }
  [[nodiscard]] double wait_s() const {
    return std::max(screen_.delay_s() / screen_.speed(), kLeastWait_s);
  }
  [[nodiscard]] uint64_t since_begin_ns() const {
    return playback_.now_ns() - playback_.begin_ns();
  }

  const TopOptions& options_;
  loop::Request keys_;  // outlives the loop that it is in flight on
  loop::Loop loop_;
  loop::EndingSignals end_;
  loop::Signal resize_;
  play::Playback playback_;
  JobControl jobs_;
  view::Screen screen_;
  loop::Timer timer_;
  uint64_t done_ = 0;
};

}  // namespace

void run_replay_screen(const TopOptions& options) {
  std::setlocale(LC_ALL, "");
  Player(options).run();
}

}  // namespace timeslice::tools
