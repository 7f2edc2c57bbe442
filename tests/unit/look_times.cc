// SPDX-License-Identifier: MIT
// Does a recorder look at who is new with its next flush, at nobody twice for it, and never for
// more than its share of the time?
#include "record/look_times.h"

#include "tests/catch.h"

using namespace timeslice;
using record::LookTimes;

namespace {

constexpr uint64_t kMs = 1'000'000;

ts_event_identity born(uint32_t tid, uint32_t tgid, uint32_t flags = 0) {
  ts_event_identity identity{};
  identity.event.kind = TS_EVENT_FORK;
  identity.event.tid = tid;
  identity.tgid = tgid;
  identity.flags = flags;
  return identity;
}

ts_event_identity begun(uint32_t tid, uint32_t flags = 0) {
  ts_event_identity identity = born(tid, tid, flags);
  identity.event.kind = TS_EVENT_EXEC;
  return identity;
}

bool is_due_after(const ts_event_identity& identity) {
  LookTimes times;
  times.note(identity);
  return times.due(1000 * kMs);
}

}  // namespace

TEST_CASE("a new thread and a new program are examined, a fork not before it is one") {
  CHECK_FALSE(LookTimes().due(1000 * kMs));
  CHECK(is_due_after(born(101, 100)));
  CHECK(is_due_after(begun(100)));
  CHECK_FALSE(is_due_after(born(100, 100)));
}

TEST_CASE("kernel threads and threads that aren't recorded are not examined") {
  CHECK_FALSE(is_due_after(born(101, 100, TS_THREAD_KERNEL)));
  CHECK_FALSE(is_due_after(born(101, 100, TS_THREAD_OUTSIDE)));
  CHECK_FALSE(is_due_after(begun(100, TS_THREAD_OUTSIDE)));
}

TEST_CASE("an examined thread is no longer new, one that appeared meanwhile is") {
  LookTimes times;
  times.note(born(101, 100));
  times.begin();
  times.end(1000 * kMs, 0);
  CHECK_FALSE(times.due(9000 * kMs));
  times.note(born(102, 100));
  times.begin();
  times.note(born(103, 100));
  times.end(9000 * kMs, 0);
  CHECK(times.due(9000 * kMs));
}

TEST_CASE("examining new threads takes a 50th of the time, and an early request isn't lost") {
  LookTimes times;
  times.begin();
  times.end(1000 * kMs, 10 * kMs);
  times.note(born(101, 100));
  CHECK_FALSE(times.due(1200 * kMs));
  CHECK_FALSE(times.due(1499 * kMs));
  CHECK(times.due(1500 * kMs));
}
