// SPDX-License-Identifier: MIT
// How long does one wait before the next try? Longer after each failure, up to a cap: what fails at
// once would else be tried thousands of times a second. A run that was stable pays all debts. What
// never comes up at all is given up after a number of tries, because something is wrong with it
// that no waiting cures.
#pragma once
#include <algorithm>
#include <chrono>
#include <optional>

namespace timeslice::loop {

struct BackoffOptions {
  std::chrono::nanoseconds first = std::chrono::milliseconds(100);
  double factor = 2;  // at least 1
  std::chrono::nanoseconds cap = std::chrono::seconds(10);
  // A run of this length forgives the failures before it.
  std::chrono::nanoseconds stable = std::chrono::seconds(10);
  unsigned max_failures = 10;  // starts in a row that came to nothing; 0: no limit
};

class Backoff {
 public:
  explicit Backoff(const BackoffOptions& options) : options_(options), delay_(options.first) {}

  // It was up and ran for `ran`. Returns how long to wait.
  std::chrono::nanoseconds after_run(std::chrono::nanoseconds ran) {
    if (ran >= options_.stable) delay_ = options_.first;
    failed_starts_ = 0;
    return grow();
  }
  // It never came up. Returns how long to wait, or nothing if that was the last try.
  std::optional<std::chrono::nanoseconds> after_failed_start() {
    ++failed_starts_;
    if (options_.max_failures > 0 && failed_starts_ >= options_.max_failures) return std::nullopt;
    return grow();
  }
  void reset() { *this = Backoff(options_); }
  [[nodiscard]] unsigned failed_starts() const { return failed_starts_; }

 private:
  std::chrono::nanoseconds grow() {
    const std::chrono::nanoseconds delay = std::min(delay_, options_.cap);
    const double longer = static_cast<double>(delay.count()) * options_.factor;
    const auto most = static_cast<double>(options_.cap.count());
    delay_ = std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(longer, most)));
    return delay;
  }

  BackoffOptions options_;
  std::chrono::nanoseconds delay_;  // of the next failure
  unsigned failed_starts_ = 0;
};

}  // namespace timeslice::loop
