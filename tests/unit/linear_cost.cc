// SPDX-License-Identifier: MIT
// Does a recording cost as much as there is in it, however that is spread? Sixteen times as much
// of the same takes about sixteen times the CPU time, or some more for want of cache; where
// everything is looked through for each, 256 times. And it takes memory by the thread.
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <functional>

#include "model/history.h"
#include "model/lanes.h"
#include "model/report.h"
#include "tests/catch.h"

using namespace timeslice;
using namespace timeslice::model;

namespace {

constexpr uint32_t kFew = 4'000, kMany = 16 * kFew;

// Feeds a history of one core with switches, a microsecond apart.
class OneCore {
 public:
  explicit OneCore(Listener* listener = nullptr) : history({.begin_ns = 1}) {
    if (listener) history.listen(*listener);
  }
  void run(uint32_t tid, uint16_t state) {
    ts_event_switch record{};
    record.event = {now_ns += 1000, tid, 0, TS_EVENT_SWITCH, 120};
    record.prev_tid = had_;
    record.prev_state = state;
    history.event(record.event);
    had_ = tid;
  }
  void wake(uint32_t tid, uint32_t waker) {
    ts_event_wake record{};
    record.event = {now_ns += 1000, tid, 0, TS_EVENT_WAKING, 120};
    record.waker_tid = waker;
    record.context = TS_CONTEXT_TASK;
    history.event(record.event);
  }
  History history;
  uint64_t now_ns = 1;

 private:
  uint32_t had_ = 0;
};

double cpu_seconds(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  const double before = now();
  work();
  return now() - before;
}

// `work(n)`: whatever is done with n of a kind.
void check_linear(const std::function<void(uint32_t)>& work) {
  // The shortest of several: a host may take time that is charged to us.
  double few = 1e9, many = 1e9;
  for (int i = 0; i < 5; ++i) {
    few = std::min(few, cpu_seconds([&] { work(kFew); }));
    many = std::min(many, cpu_seconds([&] { work(kMany); }));
  }
  CAPTURE(few, many);
  CHECK(many < 90 * few);
}

}  // namespace

TEST_CASE("a thread woken by very many others costs no more per waker") {
  check_linear([](uint32_t n) {
    OneCore core;
    for (uint32_t i = 0; i < n; ++i) {
      core.wake(7, 1000 + i);
      core.run(7, TS_LEAVING_SLEEP);
      core.run(0, TS_LEAVING_SLEEP);
    }
    core.wake(7, 1000);  // once more, by the first of them
    core.run(7, TS_LEAVING_SLEEP);
    core.history.finish(core.now_ns);
    const HistoryThread& woken = core.history.threads()[0];
    REQUIRE(woken.tid == 7);
    CHECK(woken.wakers.size() == n);
    uint64_t times = 0, most = 0;
    for (const Pair& pair : woken.wakers) times += pair.count, most = std::max(most, pair.count);
    CHECK(times == n + 1);
    CHECK(most == 2);
  });
}

TEST_CASE("a report by process costs no more per process if there are very many") {
  check_linear([](uint32_t n) {
    OneCore core;
    for (uint32_t i = 0; i < n; ++i) core.run(1000 + i, TS_LEAVING_SLEEP);
    core.history.finish(core.now_ns);
    const Report report = make_report(core.history, {}, By::process, false);
    CHECK(report.rows.size() == n);
  });
}

// Bytes that the allocator has given out. AddressSanitizer's doesn't say.
size_t allocated() {
  const auto now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

TEST_CASE("a thread of a report takes less than a kilobyte") {
  constexpr uint32_t n = 1 << 16;  // so that no vector has room left that isn't used
  const size_t before = allocated();
  OneCore core;
  for (uint32_t i = 0; i < n; ++i) core.run(1000 + i, TS_LEAVING_SLEEP);
  core.history.finish(core.now_ns);
  const Report report = make_report(core.history, {}, By::thread, false);
  REQUIRE(report.rows.size() == n);
  CHECK((allocated() - before) / n < 1024);
}

TEST_CASE("lanes cost no more per thread if very many share a cell") {
  check_linear([](uint32_t n) {
    Lanes lanes(1, 1 + uint64_t{n} * 1000, 1);
    OneCore core(&lanes);
    for (uint32_t i = 0; i < n; ++i) core.run(1000 + i, TS_LEAVING_SLEEP);
    core.history.finish(core.now_ns);
    CHECK(lanes.cores().at(0).at(0).size() >= n - 1);
  });
}
