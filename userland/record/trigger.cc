// SPDX-License-Identifier: MIT
#include "record/trigger.h"

#include <fmt/core.h>
#include <unistd.h>

#include "view/format/number.h"

namespace timeslice::record {

namespace {

// Is it one of our own threads? Asked for waits that are too long only.
bool is_own(uint32_t tid) {
  return ::access(("/proc/self/task/" + std::to_string(tid)).c_str(), F_OK) == 0;
}

}  // namespace

void Trigger::look_at(const ts_event& event) {
  if (wait_ns_ <= 0 || event.kind != TS_EVENT_SWITCH || event.tid == 0 || !cause_.empty()) return;
  const auto& record = reinterpret_cast<const ts_event_switch&>(event);
  if (record.wait_ns == TS_WAIT_UNKNOWN) return;
  const auto wait_ns = static_cast<double>(record.wait_ns);
  if (wait_ns < wait_ns_ || is_own(event.tid)) return;
  cause_ = fmt::format("thread {} waited {}", event.tid, view::duration(wait_ns));
}

}  // namespace timeslice::record
