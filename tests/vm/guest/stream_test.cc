// SPDX-License-Identifier: MIT
// Does the module's stream hold every event of the threads it was asked for, and say what it lost?
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <numeric>
#include <vector>

#include "observe/kmod_table.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/waiting.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

union Record {
  ts_event event;
  ts_event_switch switched;
  ts_event_wake wake;
  ts_event_migrate migrate;
  ts_event_identity identity;
  ts_event_exit exit;
  ts_event_lost lost;
};

// Whole records of a core's file, from where it was read to last.
class CoreStream {
 public:
  explicit CoreStream(long cpu)
      : fd_(::open(("/sys/kernel/debug/timeslice/stream" + std::to_string(cpu)).c_str(),
                   O_RDONLY | O_CLOEXEC)) {
    REQUIRE(fd_);
  }
  std::vector<Record> read() {
    std::string bytes;
    char part[65536];
    for (ssize_t got; (got = ::read(fd_.get(), part, sizeof part)) > 0;)
      bytes.append(part, static_cast<size_t>(got));
    std::vector<Record> records;
    for (size_t at = 0; at < bytes.size();) {
      Record record{};
      REQUIRE(bytes.size() - at >= sizeof(ts_event));
      std::memcpy(&record.event, bytes.data() + at, sizeof(ts_event));
      const uint32_t size = ts_event_size(record.event.kind);
      REQUIRE(size != 0);
      REQUIRE(bytes.size() - at >= size);
      std::memcpy(&record, bytes.data() + at, size);
      at += size;
      records.push_back(record);
    }
    return records;
  }

 private:
  UniqueFd fd_;
};

std::vector<std::vector<Record>> all_cores() {
  std::vector<std::vector<Record>> cores;
  for (long cpu = 0; cpu < ::sysconf(_SC_NPROCESSORS_ONLN); ++cpu)
    cores.push_back(CoreStream(cpu).read());
  return cores;
}

struct Drops {
  uint64_t records = 0, dropped = 0;
};

Drops drops_of(long cpu) {
  const std::string text = live::read_file(kCores);
  Drops drops;
  unsigned long long records = 0, full = 0, nested = 0;
  const auto line = live::lines_of(text).at(static_cast<size_t>(cpu) + 2);
  REQUIRE(std::sscanf(line.c_str(), "%*u %*u %*u %*u %*u %*u %*u %llu %*u %llu %llu", &records,
                      &full, &nested) == 3);
  drops.records = records;
  drops.dropped = full + nested;
  return drops;
}

}  // namespace

VM_TEST_CASE("the stream has each switch of the threads that were asked for") {
  const live::Cast cast = live::mixed_threads();
  const Module module("stream_tgid=" + std::to_string(cast[0]->pid()));
  std::map<pid_t, live::Truth> before;
  for (const pid_t tid : cast[0]->tids()) before[tid] = live::truth_of(cast[0]->pid(), tid);
  REQUIRE(set_parameter("stream", "1") == 0);
  run_together(cast);
  REQUIRE(set_parameter("stream", "0") == 0);

  std::map<uint32_t, uint64_t> switches, wakes;
  size_t strangers = 0;
  for (const auto& core : all_cores()) {
    uint64_t last_ns = 0;
    for (const Record& record : core) {
      CHECK(record.event.time_ns >= last_ns);
      last_ns = record.event.time_ns;
      CHECK(record.event.kind != TS_EVENT_LOST);
      if (record.event.kind == TS_EVENT_SWITCH) {
        ++switches[record.switched.prev_tid];
        const auto ours = [&](uint32_t tid) { return before.contains(static_cast<pid_t>(tid)); };
        if (!ours(record.event.tid) && !ours(record.switched.prev_tid)) ++strangers;
      }
      if (record.event.kind == TS_EVENT_WAKING) ++wakes[record.event.tid];
    }
  }
  CHECK(strangers == 0);
  for (const pid_t tid : cast[0]->tids()) {
    const live::Truth now = live::truth_of(cast[0]->pid(), tid);
    const uint64_t voluntary = now.nvcsw - before[tid].nvcsw;
    CHECK(switches[static_cast<uint32_t>(tid)] == voluntary + now.nivcsw - before[tid].nivcsw);
    CHECK(wakes[static_cast<uint32_t>(tid)] >= voluntary);
  }
}

VM_TEST_CASE("births, new names and ends are in the stream") {
  const Module module("stream=1");
  live::Pipe told;
  live::Child child([&] {
    char byte;
    if (::read(told.out.get(), &byte, 1) != 1) ::_exit(98);
    ::execl("/bin/true", "true", nullptr);
    ::_exit(97);
  });
  REQUIRE(::write(told.in.get(), "x", 1) == 1);
  REQUIRE(child.wait() == 0);
  REQUIRE(set_parameter("stream", "0") == 0);
  bool forked = false, executed = false, ended = false, first_wake = false;
  const auto pid = static_cast<uint32_t>(child.pid());
  for (const auto& core : all_cores())
    for (const Record& record : core) {
      if (record.event.tid != pid) continue;
      if (record.event.kind == TS_EVENT_FORK)
        forked = record.identity.tgid == pid &&
                 record.identity.ppid == static_cast<uint32_t>(::getpid());
      if (record.event.kind == TS_EVENT_EXEC)
        executed = std::string(record.identity.comm) == "true";
      if (record.event.kind == TS_EVENT_WAKE_NEW) first_wake = true;
      if (record.event.kind == TS_EVENT_EXIT) ended = record.exit.cpu_ns > 0;
    }
  CHECK(forked);
  CHECK(first_wake);
  CHECK(executed);
  CHECK(ended);
}

VM_TEST_CASE("what found no room is counted, and said in the stream") {
  const Module module("stream_kib=4 stream_buffers=2 stream=1");
  const live::Cast first = live::ping_pong();
  run_together(first);
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  std::vector<uint64_t> dropped;
  for (long cpu = 0; cpu < cores; ++cpu) dropped.push_back(drops_of(cpu).dropped);
  REQUIRE(std::accumulate(dropped.begin(), dropped.end(), uint64_t{0}) > 0);

  // Read them dry, go on, and read again: the gap is told where it is, and the sums are equal.
  std::vector<CoreStream> streams;
  std::vector<uint64_t> written(static_cast<size_t>(cores)), lost(static_cast<size_t>(cores));
  for (long cpu = 0; cpu < cores; ++cpu) streams.emplace_back(cpu);
  std::vector<bool> went_on(static_cast<size_t>(cores));
  for (int round = 0; round < 2; ++round) {
    if (round == 1) {
      run_together(first);
      REQUIRE(set_parameter("stream", "0") == 0);
    }
    for (size_t cpu = 0; cpu < streams.size(); ++cpu)
      for (const Record& record : streams[cpu].read()) {
        ++written[cpu];
        went_on[cpu] = round == 1;
        if (record.event.kind == TS_EVENT_LOST) lost[cpu] += record.lost.records;
      }
  }
  // A gap is told by the next record of its core, so of those cores that had one.
  uint64_t told = 0;
  for (long cpu = 0; cpu < cores; ++cpu) {
    const auto at = static_cast<size_t>(cpu);
    const Drops drops = drops_of(cpu);
    CHECK(written[at] == drops.records);
    CHECK(lost[at] <= drops.dropped);
    if (went_on[at]) CHECK(lost[at] >= dropped[at]);
    told += lost[at];
  }
  CHECK(told > 0);
}

// While cores write. CoreStream takes nothing but whole records.
VM_TEST_CASE("a reader of the stream never meets a record that is half written") {
  const Module module("stream=1", kLingeringModule);
  const live::Cast cast = live::pinned_ping_pong();
  std::vector<CoreStream> streams;
  for (long cpu = 0; cpu < ::sysconf(_SC_NPROCESSORS_ONLN); ++cpu) streams.emplace_back(cpu);
  size_t met = 0;
  for (int round = 0; round < 5; ++round) {
    for (const auto& player : cast) player->start();
    const size_t enough = met + 500;
    REQUIRE(live::until([&] {
      for (CoreStream& stream : streams) met += stream.read().size();
      return met >= enough;
    }));
    for (const auto& player : cast) player->rest();
  }
}

VM_TEST_CASE("a stream that is off writes nothing") {
  const Module module;
  const auto records = [] {
    uint64_t all = 0;
    for (long cpu = 0; cpu < ::sysconf(_SC_NPROCESSORS_ONLN); ++cpu) all += drops_of(cpu).records;
    return all;
  };
  const live::Cast cast = live::ping_pong();
  run_together(cast);
  CHECK(records() == 0);
  REQUIRE(set_parameter("stream", "1") == 0);
  REQUIRE(set_parameter("stream", "0") == 0);
  const uint64_t before = records();
  run_together(cast);
  CHECK(records() == before);
}

}  // namespace timeslice::vm
