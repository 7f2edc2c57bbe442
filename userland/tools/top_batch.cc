// SPDX-License-Identifier: MIT
// Batch mode: one pass to begin from, then a frame each interval, written to stdout.
#include <chrono>
#include <clocale>
#include <csignal>
#include <ctime>
#include <functional>

#include <fmt/core.h>

#include "base/failure.h"
#include "loop/loop.h"
#include "tools/output.h"
#include "tools/top_run.h"
#include "view/csv.h"
#include "view/json.h"
#include "view/text.h"

namespace timeslice::tools {

namespace {

std::string wall_clock() {
  char text[16];
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::strftime(text, sizeof(text), "%H:%M:%S", &local);
  return text;
}

class Batch {
 public:
  explicit Batch(const TopOptions& options)
      : options_(options),
        interrupt_(loop_, SIGINT, [this] { loop_.stop(); }),
        terminate_(loop_, SIGTERM, [this] { loop_.stop(); }),
        session_(options.watch),
        timer_(loop_, [this] { refresh(); }) {}

  void run() {
    std::signal(SIGPIPE, SIG_IGN);
    if (!session_.note().empty()) fmt::print(stderr, "timeslice: {}\n", session_.note());
    if (options_.format == Format::csv) {
      view::append_csv_header(text_);
      if (!write_all(text_)) return;
    }
    session_.advance();
    const auto delay = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(options_.delay_s));
    loop_.update_time();  // the delay begins now, not when the loop was made
    timer_.start(delay, delay);
    loop_.run();
  }

 private:
  void refresh() {
    const model::Frame& frame = session_.advance();
    text_.clear();
    format(frame);
    const bool last = options_.refreshes && ++done_ >= *options_.refreshes;
    if (!write_all(text_) || last) return loop_.stop();
    if (session_.watched_are_gone()) {
      fmt::print(stderr, "timeslice: the watched processes have ended\n");
      loop_.stop();
    }
  }

  void format(const model::Frame& frame) {
    if (options_.format == Format::json) {
      view::append_json(text_, frame);
    } else if (options_.format == Format::csv) {
      view::append_csv(text_, frame, options_.order);
    } else {
      const std::string clock = wall_clock();
      view::TextOptions how;
      how.order = options_.order;
      how.clock = clock;
      writer_.append(text_, frame, how);
    }
  }

  const TopOptions& options_;
  loop::Loop loop_;
  // Before the session, which takes a while to open and to close: a signal waits until then.
  loop::Signal interrupt_, terminate_;
  Session session_;
  loop::Timer timer_;
  view::TextWriter writer_;
  std::string text_;
  uint64_t done_ = 0;
};

}  // namespace

void run_batch(const TopOptions& options) {
  std::setlocale(LC_CTYPE, "");  // which of a comm's characters can be shown, and how wide they are
  Batch(options).run();
}

void run_top(const TopOptions& options) {
  if (options.format == Format::screen) {
    run_screen(options);
  } else {
    run_batch(options);
  }
}

}  // namespace timeslice::tools
