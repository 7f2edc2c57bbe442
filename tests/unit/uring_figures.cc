// SPDX-License-Identifier: MIT
// What do two readings of io_uring's totals say, and how is it shown?
#include <cstring>
#include <nlohmann/json.hpp>

#include "model/uring_frame.h"
#include "tests/catch.h"
#include "view/format/uring_json.h"
#include "view/format/uring_text.h"

namespace timeslice {

namespace {

using namespace model;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint32_t kNop = 0, kRecv = 27;

ts_thread_row thread(uint32_t tid, const char* comm, uint64_t nvcsw, uint64_t nivcsw,
                     uint64_t cpu_ns, bool io_worker = false) {
  ts_thread_row row{};
  row.tgid = 10;
  row.tid = tid;
  row.start_ns = tid;
  row.nvcsw = nvcsw;
  row.nivcsw = nivcsw;
  row.cpu_ns = cpu_ns;
  row.flags = io_worker ? TS_THREAD_IO_WORKER : 0;
  std::strncpy(row.comm, comm, sizeof(row.comm) - 1);
  return row;
}

UringReading reading(uint64_t time_ns, const std::vector<ts_thread_row>& rows) {
  UringReading now;
  now.time_ns = time_ns;
  now.has_ops = true;
  now.ops.resize(TS_URING_SLOTS);
  for (const ts_thread_row& row : rows) now.threads.push_back(&row);
  now.submitters = {10};
  return now;
}

// A second in which NOPs, receptions and a message were completed, by a thread with two workers.
UringFigures made_figures() {
  const std::vector<ts_thread_row> before = {thread(10, "app", 100, 10, kSecond),
                                             thread(11, "other", 0, 0, 0),
                                             thread(12, "iou-sqp-10", 5, 0, kSecond, true)};
  const std::vector<ts_thread_row> after = {thread(10, "app", 130, 12, kSecond + kSecond / 4),
                                            thread(11, "other", 900, 900, kSecond),
                                            thread(12, "iou-sqp-10", 6, 0, 2 * kSecond, true),
                                            thread(13, "iou-wrk-10", 4, 1, kSecond / 10, true)};
  UringReading first = reading(5 * kSecond, before);
  first.ops[kNop].completed[TS_URING_INLINE] = 1000;
  first.ops[kNop].latency_hist[0] = 1000;
  first.overflows = 3;
  UringReading second = reading(6 * kSecond, after);
  second.ops = first.ops;
  second.ops[kNop].completed[TS_URING_INLINE] += 60;
  second.ops[kNop].completed[TS_URING_IO_WQ] += 20;
  second.ops[kNop].completed[TS_URING_ASYNC_CALLBACK] += 20;
  second.ops[kNop].latency_hist[ts_wait_bucket(3'000)] += 90;
  second.ops[kNop].latency_hist[ts_wait_bucket(1'000'000)] += 10;
  second.ops[kRecv].completed[TS_URING_POLL] = 299;
  second.ops[kRecv].shots = 299;
  second.ops[TS_URING_UNNAMED].completed[TS_URING_ASYNC_CALLBACK] = 1;
  second.overflows = 7;
  second.probe_ns = 28'000;
  second.probe_ops = 400;
  UringInterval interval;
  CHECK(interval.advance(first).ops->empty());
  return interval.advance(second);
}

UringFrame made_frame() {
  UringFrame frame;
  frame.time_ns = 9;
  frame.source = "bpf";
  frame.processes = {{10, "app\x1b[31m", "", false}, {20, "", "Permission denied", false}};
  UringRing ring;
  ring.tgid = 10;
  ring.fd = 4;
  ring.sq_entries = 8;
  ring.sq_waiting = 1;
  ring.cq_entries = 16;
  ring.cq_unread = 2;
  ring.sq_thread = 12;
  ring.sq_thread_cpu = 1;
  ring.sq_work_ratio = 0.25;
  ring.files = 3;
  ring.buffers = 1;
  ring.polls = 2;
  ring.overflow = 0;
  UringRing busy;  // says nothing just now
  busy.tgid = 10;
  busy.fd = 5;
  frame.rings = {ring, busy};
  frame.figures = made_figures();
  return frame;
}

}  // namespace

TEST_CASE("io_uring's operations of an interval, by route, with the switches that they cost") {
  const UringFigures figures = made_figures();
  REQUIRE(figures.ops);
  REQUIRE(figures.ops->size() == 3);
  const UringOp& recv = figures.ops->at(0);
  CHECK(recv.op == "RECV");
  CHECK(recv.count() == 299);
  CHECK(recv.shots == 299);
  CHECK_FALSE(recv.p50_ns);  // none of a multishot request
  const UringOp& nop = figures.ops->at(1);
  CHECK(nop.by_route == std::array<uint64_t, TS_URING_ROUTES>{60, 20, 0, 20});
  CHECK(nop.timed == 100);
  CHECK(*nop.p50_ns >= 3'000);
  CHECK(*nop.p50_ns <= 3'750);
  CHECK(*nop.p99_ns >= 1'000'000);
  CHECK(figures.ops->at(2).op == "unnamed");
  CHECK(figures.completed() == 400U);
  CHECK(figures.overflows == 4U);
  // The submitter's 32, the poller's 1, and all 5 of the worker that began meanwhile; not those of
  // a thread that neither submits nor waits.
  CHECK(figures.submitters.switches() == 32);
  CHECK(figures.sqpoll.switches() == 1);
  CHECK(figures.workers.switches() == 5);
  CHECK(*figures.switches_per_op() == Approx(38.0 / 400));
  CHECK(figures.sqpoll.cpu_ns == kSecond);
  CHECK(*figures.probe_ns_per_op == Approx(70));
}

TEST_CASE("without probes, io_uring's operations and what is told by them are absent") {
  const std::vector<ts_thread_row> rows = {thread(12, "iou-wrk-10", 5, 0, 0, true)};
  UringReading now = reading(1, rows);
  now.has_ops = false;
  now.ops.clear();
  UringInterval interval;
  const UringFigures figures = interval.advance(now);
  CHECK_FALSE(figures.ops);
  CHECK_FALSE(figures.overflows);
  CHECK_FALSE(figures.switches_per_op());
  CHECK(figures.workers.threads == 1);
  CHECK_FALSE(figures.submitters_known);
}

TEST_CASE("what a submitter's requests cost isn't known once it has ended") {
  const std::vector<ts_thread_row> rows = {thread(10, "app", 5, 0, 0)};
  UringInterval interval;
  interval.advance(reading(1, rows));
  UringReading now = reading(2, {});
  now.ops[kNop].completed[TS_URING_INLINE] = 1000;
  const UringFigures figures = interval.advance(now);
  CHECK(figures.completed() == 1000U);
  CHECK_FALSE(figures.switches_per_op());
}

TEST_CASE("a thread that SQPOLL's ring names is its poller, whatever it is called") {
  const std::vector<ts_thread_row> rows = {thread(12, "renamed", 5, 0, 0, true)};
  UringReading now = reading(1, rows);
  now.sq_threads = {12};
  UringInterval interval;
  CHECK(interval.advance(now).sqpoll.threads == 1);
}

TEST_CASE("who made a poller is a submitter, and nobody whom a thread of the process names") {
  const std::vector<ts_thread_row> rows = {thread(10, "app", 0, 0, 0), thread(11, "other", 0, 0, 0),
                                           thread(12, "iou-sqp-10", 5, 0, 0, true),
                                           thread(13, "iou-sqp-11", 0, 0, 0)};
  UringReading now = reading(1, rows);
  now.submitters.clear();
  UringInterval interval;
  const UringFigures figures = interval.advance(now);
  CHECK(figures.submitters.threads == 1);
  CHECK(figures.sqpoll.threads == 1);
}

TEST_CASE("opcodes have the kernel's names, and unknown ones their number") {
  CHECK(uring_op_name(0) == "NOP");
  CHECK(uring_op_name(22) == "READ");
  CHECK(uring_op_name(27) == "RECV");
  CHECK(uring_op_name(62) == "PIPE");
  CHECK(uring_op_name(127) == "op 127");
}

TEST_CASE("io_uring is printed by ring and operation") {
  std::string text;
  view::append_text(text, made_frame());
  CHECK(text ==
        "10 app?[31m\n"
        "  ring 4: SQ 1 of 8 waiting, CQ 2 of 16 unread, 2 polls armed\n"
        "    registered: 3 files, 1 buffer\n"
        "    SQPOLL: thread 12 on CPU 1, 25.0% of its CPU time for requests\n"
        "  ring 5: SQ - of - waiting, CQ - of - unread\n"
        "20 \n"
        "  its rings can't be seen: Permission denied\n"
        "OP                     OPS/S INLINE%  ASYNC%   POLL%  IO-WQ%      P50      P99\n"
        "RECV                     299     0.0     0.0   100.0     0.0        -        -\n"
        "NOP                      100    60.0    20.0     0.0    20.0   3.1 us   1.0 ms\n"
        "unnamed                    1     0.0   100.0     0.0     0.0        -        -\n"
        "submitters:    1 thread, 25.0% CPU, 32 switches/s\n"
        "io-wq:         1 thread, 10.0% CPU, 5 switches/s\n"
        "SQPOLL:        1 thread, 100.0% CPU, 1 switches/s\n"
        "0.095 context switches per operation\n"
        "trust: probes 70 ns/operation, 4 CQEs overflowed, 0 ended unseen, 0 missed probe runs\n"
        "\n");
}

TEST_CASE("io_uring as JSON has the contract's keys, and null for what isn't known") {
  std::string text;
  view::append_json(text, made_frame());
  CHECK(text.find('\x1b') == std::string::npos);
  const auto json = nlohmann::json::parse(text);
  CHECK(json["schema"] == "timeslice/uring/1");
  CHECK(json["interval_s"] == 1.0);
  const auto& nop = json["ops"][1];
  CHECK(nop["op"] == "NOP");
  CHECK(nop["count"] == 100);
  CHECK(nop["per_s"] == 100.0);
  CHECK(nop["inline"] == 60);
  CHECK(nop["async_callback"] == 20);
  CHECK(nop["poll"] == 0);
  CHECK(nop["io_wq"] == 20);
  CHECK(nop["p50_us"].get<double>() > 3);
  CHECK(json["ops"][0]["p50_us"].is_null());
  CHECK(json["rings"][0]["sq_entries"] == 8);
  CHECK(json["rings"][0]["sqpoll_tid"] == 12);
  CHECK(json["rings"][1]["sq_entries"].is_null());
  CHECK(json["workers"]["threads"] == 1);
  CHECK(json["workers"]["nvcsw"] == 4);
  CHECK(json["sqpoll"]["cpu_pct"] == 100.0);
  CHECK(json["switches_per_op"].get<double>() == Approx(0.095));
  CHECK(json["trust"]["probe_ns_per_op"] == 70.0);
  UringFrame none = made_frame();
  none.figures = {};
  text.clear();
  view::append_json(text, none);
  const auto bare = nlohmann::json::parse(text);
  for (const char* key : {"ops", "submitters", "switches_per_op"}) CHECK(bare[key].is_null());
  CHECK(bare["trust"]["cq_overflows"].is_null());
}

}  // namespace timeslice
