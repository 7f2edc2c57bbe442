// SPDX-License-Identifier: MIT
// Does a process keep what its ended threads did, each thing once, whatever was read first?
#include "model/tracker.h"
#include "tests/catch.h"
#include "tests/unit/rows.h"

using namespace timeslice::model;
using made_up::find;

namespace {

constexpr uint64_t kMs = 1'000'000;

// A process's first thread, with what others have left.
ts_thread_row first_thread(uint32_t tgid, uint64_t ended_cpu_ns = 0, uint64_t ended_nvcsw = 0,
                           uint64_t ended_nivcsw = 0) {
  ts_thread_row row = made_up::thread(tgid, tgid);
  row.record.have |= TS_HAVE_ENDED_CPU | TS_HAVE_ENDED_SWITCHES;
  row.ended_cpu_ns = ended_cpu_ns;
  row.ended_nvcsw = ended_nvcsw;
  row.ended_nivcsw = ended_nivcsw;
  return row;
}

ts_thread_row busy_thread(uint32_t tgid, uint32_t tid, uint64_t cpu_ns, uint64_t nvcsw) {
  ts_thread_row row = made_up::thread(tgid, tid);
  row.cpu_ns = cpu_ns;
  row.nvcsw = nvcsw;
  return row;
}

// `thread` ends, and leaves its totals with the first thread's row.
void leave(ts_thread_row& first, const ts_thread_row& thread) {
  first.ended_cpu_ns += thread.cpu_ns;
  first.ended_nvcsw += thread.nvcsw;
  first.ended_nivcsw += thread.nivcsw;
}

}  // namespace

TEST_CASE("threads too short-lived for a row are in their process's sums") {
  made_up::Source source;
  source.threads = {first_thread(10, 5000 * kMs, 700, 90)};
  Tracker tracker;
  const Frame& before = source.pass(tracker);
  CHECK(!before.processes[0]->cpu_pct);
  CHECK(*before.processes[0]->nvcsw == 700);
  source.threads[0] = first_thread(10, 5740 * kMs, 750, 96);
  source.threads[0].cpu_ns = 20 * kMs;
  source.threads[0].nvcsw = 8;
  const Process& process = *source.pass(tracker, 2).processes[0];
  CHECK(*process.cpu_pct == Approx(38));
  CHECK(*process.ended_cpu_pct == Approx(37));
  CHECK(*process.nvcsw_per_s == Approx(29));
  CHECK(*process.ended_nvcsw_per_s == Approx(25));
  CHECK(*process.nivcsw_per_s == Approx(3));
  CHECK(*process.nvcsw == 758);
  CHECK(*process.nivcsw == 96);
  CHECK(!process.is_one_thread());
  const Process& still = *source.pass(tracker).processes[0];
  CHECK(*still.cpu_pct == Approx(0));
  CHECK(*still.nvcsw == 758);
  CHECK(still.is_one_thread());
}

TEST_CASE("for a thread that had a row, its process's sums have only what it did since") {
  made_up::Source source;
  source.threads = {first_thread(10), busy_thread(10, 11, 100'000 * kMs, 5000)};
  Tracker tracker;
  source.pass(tracker);
  source.threads[1].cpu_ns += 500 * kMs;
  CHECK(*source.pass(tracker).processes[0]->cpu_pct == Approx(50));
  ts_thread_row last = source.threads[1];
  last.cpu_ns += 200 * kMs;
  last.nvcsw += 7;
  leave(source.threads[0], last);
  source.threads.pop_back();
  const Frame& frame = source.pass(tracker);
  const Process& process = *frame.processes[0];
  CHECK(*process.cpu_pct == Approx(20));
  CHECK(*process.nvcsw_per_s == Approx(7));
  CHECK(*process.nvcsw == 5007);
  // The row of who has ended has no figure of this interval, so that rows never exceed their sum.
  REQUIRE(find(frame, 11, true));
  CHECK(!find(frame, 11, true)->cpu_pct);
  CHECK(find(frame, 11, true)->row.nvcsw == 5000);
}

TEST_CASE("a thread that left after its process's sum was read is counted at the next pass") {
  made_up::Source source;
  source.threads = {first_thread(10), busy_thread(10, 11, 100'000 * kMs, 5000)};
  Tracker tracker;
  source.pass(tracker);
  ts_thread_row last = source.threads[1];
  last.cpu_ns += 300 * kMs;
  source.threads.pop_back();
  const Process& torn = *source.pass(tracker).processes[0];
  CHECK(*torn.cpu_pct == Approx(0));
  CHECK(*torn.nvcsw == 5000);  // a total never falls
  leave(source.threads[0], last);
  const Process& whole = *source.pass(tracker).processes[0];
  CHECK(*whole.cpu_pct == Approx(30));
  CHECK(*whole.nvcsw == 5000);
}

TEST_CASE("what never arrives in a process's sum doesn't hide what others add there") {
  made_up::Source source;
  source.threads = {first_thread(10), busy_thread(10, 11, 100'000 * kMs, 5000)};
  Tracker tracker;
  source.pass(tracker);
  source.threads.pop_back();
  source.pass(tracker);
  source.pass(tracker);
  source.threads[0].ended_cpu_ns = 400 * kMs;
  CHECK(*source.pass(tracker).processes[0]->cpu_pct == Approx(40));
}

TEST_CASE("for a process started since the last pass, everything its ended threads did is new") {
  made_up::Source source;
  source.threads = {first_thread(10)};
  Tracker tracker;
  source.pass(tracker);
  source.threads.push_back(first_thread(20, 250 * kMs, 40));
  const Process& process = *source.pass(tracker).processes[1];
  CHECK(*process.cpu_pct == Approx(25));
  CHECK(*process.nvcsw_per_s == Approx(40));
}

TEST_CASE("a process that reuses an id inherits none of the other's threads") {
  made_up::Source source;
  source.threads = {first_thread(10, 9000 * kMs, 50), busy_thread(10, 11, 7000 * kMs, 20)};
  Tracker tracker;
  source.pass(tracker);
  source.threads = {first_thread(10, 100 * kMs, 4)};
  source.threads[0].start_ns += 5;
  const Process& process = *source.pass(tracker).processes[0];
  CHECK(*process.cpu_pct == Approx(10));
  CHECK(*process.nvcsw == 4);
  source.threads[0].ended_cpu_ns += 50 * kMs;
  CHECK(*source.pass(tracker).processes[0]->cpu_pct == Approx(5));
}

// The first thread ends by it, and its id and its row go on with the totals of the one that execs.
TEST_CASE("exec by another thread is not growth") {
  made_up::Source source;
  const bool busier = GENERATE(false, true);
  const uint64_t first_cpu_ns = busier ? 1000 * kMs : 90'000 * kMs;
  const uint64_t other_cpu_ns = busier ? 90'000 * kMs : 1000 * kMs;
  source.threads = {first_thread(10), busy_thread(10, 11, other_cpu_ns, 30)};
  source.threads[0].cpu_ns = first_cpu_ns;
  source.threads[0].nvcsw = 20;
  Tracker tracker;
  source.pass(tracker);
  source.threads = {first_thread(10, first_cpu_ns, 20)};
  source.threads[0].cpu_ns = other_cpu_ns + 150 * kMs;
  source.threads[0].nvcsw = 33;
  const Frame& frame = source.pass(tracker);
  CHECK(*frame.processes[0]->nvcsw == 53);
  CHECK(!find(frame, 10)->cpu_pct);  // two threads' totals make no rate
  CHECK(*frame.processes[0]->cpu_pct == Approx(15));
  source.threads[0].cpu_ns += 80 * kMs;
  CHECK(*source.pass(tracker).processes[0]->cpu_pct == Approx(8));
}

TEST_CASE("what a process did last is unknown once it is gone") {
  made_up::Source source;
  source.threads = {first_thread(10, 100 * kMs), busy_thread(10, 11, 500 * kMs, 5)};
  Tracker tracker;
  source.pass(tracker);
  source.threads.clear();
  const Process& process = *source.pass(tracker).processes[0];
  CHECK(process.ended);
  CHECK(!process.cpu_pct);
  CHECK(!process.ended_cpu_pct);
  CHECK(!process.nvcsw);
}

TEST_CASE("where the source has no such sums, they are absent, and a process is its threads") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10), busy_thread(10, 11, 100 * kMs, 6)};
  Tracker tracker;
  source.pass(tracker);
  source.threads[0].nvcsw = 3;
  source.threads.pop_back();
  const Process& process = *source.pass(tracker).processes[0];
  CHECK(!process.ended_cpu_pct);
  CHECK(!process.ended_nvcsw_per_s);
  CHECK(*process.nvcsw_per_s == Approx(3));
  CHECK(*process.nvcsw == 3);
}
