// SPDX-License-Identifier: MIT
// The screen of a recording: its moments follow each other by the clock, at whatever speed, until a
// key stops them. The end of the recording stops them too.
#include <algorithm>
#include <cmath>

#include "play/playback.h"
#include "tools/screen_loop.h"
#include "view/format/wall_clock.h"

namespace timeslice::tools {

namespace {

// No terminal shows more frames than that; beyond, each frame is several steps on.
constexpr double kLeastWait_s = 0.04;

class Player : public ScreenLoop {
 public:
  explicit Player(const TopOptions& options)
      : ScreenLoop(options), playback_(options.replay, options.watch.comm_glob, true) {
    open_screen();
  }

  void run() {
    jump(playback_.begin_ns() + interval_ns());
    if (!playback_.notes().empty()) screen().say(playback_.notes().front());
    schedule();
    run_loop();
  }

 private:
  void act(view::Action action) override {
    switch (action) {
      case view::Action::forward:
        step(1);
        return schedule();
      case view::Action::back:
        jump(playback_.now_ns() - std::min(interval_ns(), since_begin_ns()));
        return schedule();
      case view::Action::jump:
        jump(screen().jump_ns());
        return schedule();
      case view::Action::pause:
        if (!screen().paused() && playback_.at_end()) jump(playback_.begin_ns() + interval_ns());
        return schedule();
      case view::Action::delay:
      case view::Action::speed:
        return schedule();
      case view::Action::quit:
      case view::Action::climb:  // of what is live
      case view::Action::descend:
      case view::Action::refresh:
        return;
    }
  }

  void schedule() { screen().paused() || playback_.at_end() ? stay() : come_back_in(wait_s()); }

  void next_frame() override {
    if (screen().paused()) return;
    step(std::max(1L, std::lround(screen().speed() * wait_s() / screen().delay_s())));
    if (!was_last()) schedule();
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
    bar.began = view::date_and_time(playback_.realtime_ns(playback_.begin_ns()));
    bar.clock = view::time_of_day(playback_.realtime_ns(playback_.now_ns()));
    screen().show(frame, std::move(bar));
    if (!playback_.at_end()) return;
    screen().pause();
    screen().say("End of the recording: 0 to 9 jump, p plays it again, q quits");
  }

  [[nodiscard]] uint64_t interval_ns() const {
    return static_cast<uint64_t>(screen().delay_s() * 1e9);
  }
  [[nodiscard]] double wait_s() const {
    return std::max(screen().delay_s() / screen().speed(), kLeastWait_s);
  }
  [[nodiscard]] uint64_t since_begin_ns() const {
    return playback_.now_ns() - playback_.begin_ns();
  }

  play::Playback playback_;
};

}  // namespace

void run_replay_screen(const TopOptions& options) { Player(options).run(); }

}  // namespace timeslice::tools
