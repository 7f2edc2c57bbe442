// SPDX-License-Identifier: MIT
#include "view/format/wall_clock.h"

#include <ctime>

namespace timeslice::view {

namespace {

std::string written(uint64_t realtime_ns, const char* form) {
  if (realtime_ns == 0) return "";
  char text[32];
  const auto seconds = static_cast<std::time_t>(realtime_ns / 1'000'000'000);
  std::tm local{};
  localtime_r(&seconds, &local);
  return {text, std::strftime(text, sizeof(text), form, &local)};
}

}  // namespace

std::string time_of_day(uint64_t realtime_ns) { return written(realtime_ns, "%H:%M:%S"); }

std::string date_and_time(uint64_t realtime_ns) {
  return written(realtime_ns, "%Y-%m-%d %H:%M:%S");
}

}  // namespace timeslice::view
