// SPDX-License-Identifier: MIT
// Batch mode: one pass to begin from, then a frame each interval, written to stdout.
#include <csignal>

#include "base/clock.h"
#include "base/seconds.h"
#include "loop/core/ending_signals.h"
#include "loop/core/loop.h"
#include "tools/frame_printer.h"
#include "tools/least_privilege.h"
#include "tools/top_run.h"
#include "view/format/say.h"
#include "view/format/wall_clock.h"

namespace timeslice::tools {

namespace {

class Batch {
 public:
  explicit Batch(const TopOptions& options)
      : options_(options),
        end_(loop_, {SIGINT, SIGTERM}, [this] { loop_.stop(); }),
        session_(options.watch),
        timer_(loop_, [this] { refresh(); }),
        printer_(options.format, options.order) {}

  void run() {
    if (!session_.note().empty()) view::say(session_.note());
    if (!printer_.begin()) return;
    session_.advance();
    const auto delay = from_seconds(options_.delay_s);
    timer_.start(delay, delay);
    loop_.run();
  }

 private:
  void refresh() {
    const model::Frame& frame = session_.advance();
    const bool last = options_.refreshes && ++done_ >= *options_.refreshes;
    if (!printer_.print(frame, view::time_of_day(realtime_ns())) || last) return loop_.stop();
    if (session_.watched_are_gone()) {
      view::say("the watched processes have ended");
      loop_.stop();
    }
  }

  const TopOptions& options_;
  loop::Loop loop_;
  // Before the session, which takes a while to open and to close: a signal waits until then.
  loop::EndingSignals end_;
  live::Session session_;
  loop::Timer timer_;
  FramePrinter printer_;
  uint64_t done_ = 0;
};

}  // namespace

void run_batch(const TopOptions& options) { Batch(options).run(); }

void run_top(const TopOptions& options) {
  keep_rights_for(options.replay.empty() ? Work::watching : Work::reading);
  const bool screen = options.format == Format::screen;
  if (!options.replay.empty())
    screen ? run_replay_screen(options) : run_replay_batch(options);
  else
    screen ? run_screen(options) : run_batch(options);
}

}  // namespace timeslice::tools
