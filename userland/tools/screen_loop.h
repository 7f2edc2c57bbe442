// SPDX-License-Identifier: MIT
// What does every screen do on the loop, whatever it shows? It hears keys, signals and Ctrl-Z,
// waits for its next frame, and ends when the terminal goes.
#pragma once
#include <optional>

#include "loop/core/ending_signals.h"
#include "loop/core/loop.h"
#include "tools/job_control.h"
#include "tools/top_run.h"
#include "view/screen/screen.h"

namespace timeslice::tools {

class ScreenLoop {
 public:
  virtual ~ScreenLoop() = default;
  ScreenLoop(const ScreenLoop&) = delete;
  ScreenLoop& operator=(const ScreenLoop&) = delete;

 protected:
  // Signals are held from here on: what is shown may take a while to open.
  explicit ScreenLoop(const TopOptions& options);

  // Takes the terminal. Throws Failure.
  void open_screen();
  [[nodiscard]] view::Screen& screen() { return *screen_; }
  [[nodiscard]] const view::Screen& screen() const { return *screen_; }

  // Until stop(), or until the terminal has gone. Gives the terminal back.
  void run_loop();
  void stop() { loop_.stop(); }
  // Calls next_frame() once, in so many seconds.
  void come_back_in(double seconds);
  void stay() { timer_.stop(); }
  // A frame was shown in its time: ends the loop after as many as were asked for.
  [[nodiscard]] bool was_last();

 private:
  virtual void next_frame() = 0;
  // Not for Action::quit.
  virtual void act(view::Action action) = 0;

  void listen();
  void on_keys(const loop::Request& request);

  const TopOptions& options_;
  loop::Request keys_;  // outlives the loop that it is in flight on
  loop::Loop loop_;
  loop::EndingSignals end_;
  loop::Signal resize_;
  std::optional<JobControl> jobs_;
  std::optional<view::Screen> screen_;
  loop::Timer timer_;
  uint64_t shown_ = 0;
};

}  // namespace timeslice::tools
