// SPDX-License-Identifier: MIT
// Which time of day is shown for a moment that was measured on another clock?
#include "view/format/wall_clock.h"

#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

#include "base/clock.h"
#include "tests/catch.h"

using namespace timeslice;

namespace {

constexpr uint64_t kSecond_ns = 1'000'000'000;

// While it lives, the local time is that of this zone.
class TimeZone {
 public:
  explicit TimeZone(const char* zone) {
    if (const char* before = std::getenv("TZ")) before_ = before;
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  ~TimeZone() {
    before_ ? ::setenv("TZ", before_->c_str(), 1) : ::unsetenv("TZ");
    ::tzset();
  }
  TimeZone(const TimeZone&) = delete;
  TimeZone& operator=(const TimeZone&) = delete;

 private:
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("a moment is shown as the local time and date") {
  const uint64_t moment_ns = 1'772'389'862 * kSecond_ns + 999'999'999;
  {
    const TimeZone zone("UTC0");
    CHECK(view::time_of_day(moment_ns) == "18:31:02");
    CHECK(view::date_and_time(moment_ns) == "2026-03-01 18:31:02");
  }
  const TimeZone zone("East-9");
  CHECK(view::time_of_day(moment_ns) == "03:31:02");
  CHECK(view::date_and_time(moment_ns) == "2026-03-02 03:31:02");
}

TEST_CASE("a moment that isn't known has no time and no date") {
  CHECK(view::time_of_day(0).empty());
  CHECK(view::date_and_time(0).empty());
}

TEST_CASE("two clocks read together tell the time before and after") {
  const ClockPair both{.time_ns = 50 * kSecond_ns, .realtime_ns = 1'000 * kSecond_ns};
  CHECK(both.realtime_at(50 * kSecond_ns) == 1'000 * kSecond_ns);
  CHECK(both.realtime_at(57 * kSecond_ns) == 1'007 * kSecond_ns);
  CHECK(both.realtime_at(48 * kSecond_ns) == 998 * kSecond_ns);
  CHECK(ClockPair{.time_ns = 50 * kSecond_ns}.realtime_at(57 * kSecond_ns) == 0);
}
