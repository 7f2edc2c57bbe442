// SPDX-License-Identifier: MIT
// Which wait ends a recording that was told to end at one that is too long?
#include <unistd.h>

#include "record/trigger.h"
#include "tests/catch.h"
#include "tests/unit/events.h"

using timeslice::record::Trigger;

namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint32_t kNobody = 0x7fffffff;  // beyond all tids

void look(Trigger& trigger, uint32_t tid, uint64_t wait_ns) {
  const ts_event_switch arrival = made_up::switched(1, 0, 0, made_up::asleep, tid, wait_ns);
  trigger.look_at(reinterpret_cast<const ts_event&>(arrival));
}

std::string cause_after(double limit_ms, uint32_t tid, uint64_t wait_ns) {
  Trigger trigger(limit_ms);
  look(trigger, tid, wait_ns);
  return trigger.cause();
}

}  // namespace

TEST_CASE("a wait as long as the limit is too long, a shorter one isn't") {
  CHECK(cause_after(5, kNobody, 5 * kMs) == "thread 2147483647 waited 5.0 ms");
  CHECK(cause_after(5, kNobody, 5 * kMs - 1).empty());
  CHECK(cause_after(0, kNobody, 5 * kMs).empty());  // no limit
}

TEST_CASE("an unknown wait, an idle core and the recorder's own threads end no recording") {
  CHECK(cause_after(5, kNobody, TS_WAIT_UNKNOWN).empty());
  CHECK(cause_after(5, 0, 5 * kMs).empty());
  CHECK(cause_after(5, static_cast<uint32_t>(gettid()), 5 * kMs).empty());
}

TEST_CASE("the first wait that is too long is told, whatever comes after it") {
  Trigger trigger(5);
  look(trigger, kNobody, 7 * kMs);
  look(trigger, kNobody - 1, 9 * kMs);
  CHECK(trigger.cause() == "thread 2147483647 waited 7.0 ms");
}
