// SPDX-License-Identifier: MIT
// Does the tracker tell the truth about what changed between two passes?
#include "model/tracker.h"

#include "tests/catch.h"
#include "tests/unit/rows.h"

using namespace timeslice::model;
using made_up::find;

TEST_CASE("the first frame has totals and no rates") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10)};
  source.threads[0].nvcsw = 7;
  Tracker tracker;
  const Frame& frame = source.pass(tracker);
  REQUIRE(!frame.interval_s);
  REQUIRE(frame.threads.size() == 1);
  CHECK(frame.threads[0]->row.nvcsw == 7);
  CHECK(!frame.threads[0]->nvcsw_per_s);
  CHECK(!frame.threads[0]->cpu_pct);
  CHECK(!frame.threads[0]->began);
}

TEST_CASE("rates are growth over the interval") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10)};
  Tracker tracker;
  source.pass(tracker);
  ts_thread_row& row = source.threads[0];
  row.nvcsw = 100;
  row.nivcsw = 50;
  row.cpu_ns = 500'000'000;
  row.run_delay_ns = 20'000'000;
  row.migrations = 4;
  const Frame& frame = source.pass(tracker, 2);
  const Thread& thread = *frame.threads[0];
  CHECK(*frame.interval_s == Approx(2));
  CHECK(*thread.nvcsw_per_s == Approx(50));
  CHECK(*thread.nivcsw_per_s == Approx(25));
  CHECK(*thread.cpu_pct == Approx(25));
  CHECK(*thread.wait_ms_per_s == Approx(10));
  CHECK(*thread.migrations_per_s == Approx(2));
}

TEST_CASE("a wait that is still open counts towards the rate, and only once") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10)};
  source.threads[0].state = 'R';
  Tracker tracker;
  source.pass(tracker);
  source.threads[0].pending_wait_ns = 400'000'000;
  const Frame& waiting = source.pass(tracker);
  CHECK(*waiting.threads[0]->wait_ms_per_s == Approx(400));
  CHECK(waiting.trust.censored_waits == 1);
  source.threads[0].pending_wait_ns = 0;
  source.threads[0].run_delay_ns = 500'000'000;  // it waited 100 ms more, then got the core
  const Frame& got_it = source.pass(tracker);
  CHECK(*got_it.threads[0]->wait_ms_per_s == Approx(100));
  CHECK(got_it.trust.censored_waits == 0);
}

TEST_CASE("what a source doesn't measure is absent, never 0") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10)};
  source.threads[0].record.have = TS_HAVE_CPU;
  Tracker tracker;
  source.pass(tracker);
  const Frame& frame = source.pass(tracker);
  const Thread& thread = *frame.threads[0];
  CHECK(thread.cpu_pct);
  CHECK(!thread.nvcsw_per_s);
  CHECK(!thread.wait_ms_per_s);
  CHECK(!thread.migrations_per_s);
  CHECK(!frame.processes[0]->nvcsw);
  CHECK(!frame.processes[0]->nvcsw_per_s);
  CHECK(!frame.trust.probe_ns_per_switch);
}

TEST_CASE("a thread without a changed row keeps its row, and its rates fall to 0") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10), made_up::thread(10, 11)};
  Tracker tracker;
  source.pass(tracker);
  source.threads[0].nvcsw = 10;
  CHECK(*find(source.pass(tracker), 10)->nvcsw_per_s == Approx(10));
  source.all_news = false;
  source.news = {1};
  const Frame& frame = source.pass(tracker);
  CHECK(*find(frame, 10)->nvcsw_per_s == Approx(0));
  CHECK(find(frame, 10)->row.nvcsw == 10);
  CHECK(*frame.processes[0]->nvcsw_per_s == Approx(0));
}

TEST_CASE("starts and ends are shown for one refresh") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10)};
  Tracker tracker;
  source.pass(tracker);
  source.threads.push_back(made_up::thread(10, 11));
  source.threads[1].nvcsw = 3;
  const Frame& began = source.pass(tracker);
  REQUIRE(find(began, 11));
  CHECK(find(began, 11)->began);
  CHECK(*find(began, 11)->nvcsw_per_s == Approx(3));  // all of it since it began
  CHECK(began.thread_count == 2);
  CHECK(!find(source.pass(tracker), 11)->began);

  source.threads.pop_back();
  const Frame& ended = source.pass(tracker);
  CHECK(!find(ended, 11));
  REQUIRE(find(ended, 11, true));
  CHECK(ended.thread_count == 1);
  CHECK(ended.processes[0]->thread_count == 1);
  CHECK(!find(source.pass(tracker), 11, true));
}

TEST_CASE("a process disappears one refresh after its last thread") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10), made_up::thread(20, 20)};
  Tracker tracker;
  source.pass(tracker);
  source.threads.pop_back();
  const Frame& frame = source.pass(tracker);
  REQUIRE(frame.processes.size() == 2);
  CHECK(frame.processes[1]->ended);
  CHECK(source.pass(tracker).processes.size() == 1);
}

TEST_CASE("a reused tid is another thread") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10), made_up::thread(10, 11)};
  source.threads[1].nvcsw = 1000;
  Tracker tracker;
  source.pass(tracker);
  source.threads[1] = made_up::thread(10, 11);
  source.threads[1].start_ns += 5;
  source.threads[1].nvcsw = 2;
  const Frame& frame = source.pass(tracker);
  REQUIRE(find(frame, 11, true));
  CHECK(find(frame, 11, true)->row.nvcsw == 1000);
  REQUIRE(find(frame, 11));
  CHECK(find(frame, 11)->began);
  CHECK(*find(frame, 11)->nvcsw_per_s == Approx(2));
}

TEST_CASE("rows may move") {
  made_up::Source source;
  for (uint32_t tid = 10; tid < 20; ++tid) source.threads.push_back(made_up::thread(10, tid));
  for (auto& row : source.threads) row.nvcsw = row.tid;
  Tracker tracker;
  source.pass(tracker);
  source.threads.erase(source.threads.begin() + 3);  // all behind it move up by one
  for (auto& row : source.threads) row.nvcsw += 5;
  const Frame& frame = source.pass(tracker);
  CHECK(frame.thread_count == 9);
  CHECK(find(frame, 13, true));
  for (uint32_t tid : {10, 12, 14, 19}) {
    REQUIRE(find(frame, tid));
    CHECK(*find(frame, tid)->nvcsw_per_s == Approx(5));
    CHECK(!find(frame, tid)->began);
  }
}

TEST_CASE("a process sums up its threads") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10, "first"), made_up::thread(10, 11, "second"),
                    made_up::thread(20, 20, "other")};
  Tracker tracker;
  source.pass(tracker);
  source.threads[0].nvcsw = 10;
  source.threads[1].nvcsw = 30;
  const Frame& frame = source.pass(tracker);
  REQUIRE(frame.processes.size() == 2);
  CHECK(frame.processes[0]->comm == "first");
  CHECK(frame.processes[0]->thread_count == 2);
  CHECK(*frame.processes[0]->nvcsw == 40);
  CHECK(*frame.processes[0]->nvcsw_per_s == Approx(40));
  CHECK(*frame.processes[1]->nvcsw_per_s == Approx(0));
}

TEST_CASE("only the selected processes are shown, and only they are looked up") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10, "wanted"), made_up::thread(20, 20, "other")};
  std::vector<uint32_t> asked;
  LookUp look_up;
  look_up.process = [&](uint32_t tgid) {
    asked.push_back(tgid);
    return ts_process_facts{};
  };
  Tracker tracker(look_up,
                  [](const Process& p, const ts_thread_row&) { return p.comm == "wanted"; });
  const Frame& frame = source.pass(tracker);
  CHECK(frame.processes.size() == 1);
  CHECK(frame.thread_count == 1);
  CHECK(asked == std::vector<uint32_t>{10});
}

TEST_CASE("a process is looked up once, and again when it becomes another program") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10, "sh")};
  int asked = 0;
  LookUp look_up;
  look_up.process = [&](uint32_t) {
    ++asked;
    return ts_process_facts{};
  };
  Tracker tracker(look_up);
  for (int i = 0; i < 5; ++i) source.pass(tracker);
  CHECK(asked == 1);
  strcpy(source.threads[0].comm, "node");
  for (int i = 0; i < 5; ++i) source.pass(tracker);
  CHECK(asked == 2);
}

TEST_CASE("a thread that takes another name is told anew") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10, "bun"), made_up::thread(10, 11, "HeapHelper")};
  LookUp look_up;
  look_up.process = [](uint32_t) {
    ts_process_facts facts{};
    facts.runtime = TS_RUNTIME_BUN;
    return facts;
  };
  Tracker tracker(look_up);
  CHECK(made_up::find(source.pass(tracker), 11)->role.name == "heap-helper");
  strcpy(source.threads[1].comm, "other");
  CHECK(made_up::find(source.pass(tracker), 11)->role.name == "thread");
}

TEST_CASE(
    "an unanswered look-up is repeated at each pass, and all of a pass are announced in advance") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10, "late"), made_up::thread(20, 20, "known"),
                    made_up::thread(30, 30, "kernel")};
  source.threads[0].user_sp = 0x1000;
  source.threads[2].flags = TS_THREAD_KERNEL;
  bool late = true;
  std::vector<std::vector<uint32_t>> ahead;
  std::vector<uint32_t> asked, stacks_asked;
  LookUp look_up;
  look_up.ahead = [&](std::span<const uint32_t> tgids) {
    ahead.emplace_back(tgids.begin(), tgids.end());
  };
  look_up.process = [&](uint32_t tgid) -> std::optional<ts_process_facts> {
    asked.push_back(tgid);
    if (late && tgid == 10) return std::nullopt;
    ts_process_facts facts{};
    facts.runtime = TS_RUNTIME_NODE;
    facts.loop_epoll_fd = 5;
    return facts;
  };
  look_up.stacks = [&](uint32_t tgid,
                       std::span<const StackQuery>) -> std::optional<std::vector<ts_stack_facts>> {
    stacks_asked.push_back(tgid);
    if (late) return std::nullopt;
    return std::vector<ts_stack_facts>{};
  };
  Tracker tracker(look_up);
  for (int i = 0; i < 3; ++i) source.pass(tracker);
  using Tgids = std::vector<uint32_t>;
  CHECK(ahead == std::vector<Tgids>{{10, 20}, {10}, {10}});
  CHECK(asked == Tgids{10, 20, 10, 10});
  CHECK(stacks_asked.empty());  // it isn't known to be Node
  late = false;
  source.pass(tracker);
  CHECK(ahead.back() == Tgids{10});
  CHECK(stacks_asked == Tgids{10});
  source.pass(tracker);
  CHECK(ahead.back().empty());
  CHECK(asked.size() == 5);
  CHECK(stacks_asked.size() == 1);
}

namespace {

ts_sched_row sched_row(uint64_t since_ns) {
  ts_sched_row row{};
  row.record = {TS_RECORD_SCHED, sizeof(row), 0};
  row.since_ns = since_ns;
  row.last_preemptor = row.last_waker = TS_PEERS;
  return row;
}

void add_waits(ts_sched_row& row, uint64_t ns, uint32_t count) {
  row.waits += count;
  row.wait_sum_ns += ns * count;
  row.wait_max_ns = std::max<uint64_t>(row.wait_max_ns, ns);
  row.wait_hist[ts_wait_bucket(ns)] += count;
}

}  // namespace

TEST_CASE("the p99 is that of this interval's waits only") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10)};
  source.scheds = {sched_row(1)};
  add_waits(source.scheds[0], 50'000'000, 1000);
  Tracker tracker;
  source.pass(tracker);
  add_waits(source.scheds[0], 100'000, 100);
  const Thread* thread = find(source.pass(tracker), 10);
  REQUIRE(thread->sched);
  CHECK(*thread->sched->wait_p99_us >= 100);
  CHECK(*thread->sched->wait_p99_us <= 125);
  CHECK(thread->sched->waits == 1100);
  // Nothing waited in this interval: there is no p99 to show.
  CHECK(!find(source.pass(tracker), 10)->sched->wait_p99_us);
}

TEST_CASE("a thread without storage has no aggregate figures, and is counted") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10), made_up::thread(10, 11)};
  source.scheds = {sched_row(1), ts_sched_row{}};
  Tracker tracker;
  const Frame& frame = source.pass(tracker);
  CHECK(find(frame, 10)->sched);
  CHECK(!find(frame, 11)->sched);
  CHECK(frame.trust.unseeded_threads == 1);
}

TEST_CASE("CPUs: busy share of the observed time, and switches per second") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10)};
  ts_core_row core{};
  core.record = {TS_RECORD_CORE, sizeof(core),
                 TS_HAVE_CORE_SWITCHES | TS_HAVE_CORE_QUEUE | TS_HAVE_CORE_BUSY};
  core.queue_len = 3;
  source.cores = {core};
  Tracker tracker;
  CHECK(!source.pass(tracker).cores[0].busy_ratio);
  source.cores[0].switches = 500;
  source.cores[0].busy_ns = 1'500'000'000;
  source.cores[0].idle_ns = 500'000'000;
  const Frame& frame = source.pass(tracker, 2);
  CHECK(*frame.cores[0].busy_ratio == Approx(0.75));
  CHECK(*frame.cores[0].switches_per_s == Approx(250));
  CHECK(*frame.cores[0].queue_len == 3);
}

TEST_CASE("our own CPU time is in percent of one CPU") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10)};
  Tracker tracker;
  source.pass(tracker);
  source.header.self_cpu_ns = 100'000'000;
  CHECK(*source.pass(tracker, 2).trust.self_cpu_pct == Approx(5));
}
