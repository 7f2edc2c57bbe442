// SPDX-License-Identifier: MIT
// Does the module's stream have every event of the requested threads, and say what it lost?
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

#include "observe/kmod_table.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/waiting.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

using Record = ts_any_event;

// Records of a CPU's file, from where the last read ended.
class CoreStream {
 public:
  explicit CoreStream(long cpu)
      : fd_(::open(("/sys/kernel/debug/timeslice/stream" + std::to_string(cpu)).c_str(),
                   O_RDONLY | O_CLOEXEC)) {
    REQUIRE(fd_);
  }
  // All that there is: it never ends within a record.
  std::vector<Record> read() {
    while (take_bytes(65536)) {
    }
    std::vector<Record> records = whole_records();
    REQUIRE(rest_.empty());
    return records;
  }
  // As a slow reader does it: what a few small calls return. What they cut comes with the next.
  std::vector<Record> read_a_little(size_t step, int calls) {
    while (calls-- > 0 && take_bytes(step)) {
    }
    return whole_records();
  }
  // Waits until poll() is woken because there is something to read. False: it wasn't woken before
  // the deadline, at which poll() looks by itself.
  bool wait(std::chrono::milliseconds deadline) {
    const auto end = live::Clock::now() + deadline;
    pollfd poll{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, static_cast<int>(deadline.count())) == 1 && poll.revents == POLLIN &&
           live::Clock::now() < end;
  }

 private:
  bool take_bytes(size_t at_most) {
    const size_t before = rest_.size();
    rest_.resize(before + at_most);
    const ssize_t got = ::read(fd_.get(), rest_.data() + before, at_most);
    rest_.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    return got > 0;
  }
  std::vector<Record> whole_records() {
    std::vector<Record> records;
    size_t at = 0;
    while (rest_.size() - at >= sizeof(ts_event)) {
      Record record{};
      std::memcpy(&record.head, rest_.data() + at, sizeof(ts_event));
      const uint32_t size = ts_event_size(record.head.kind);
      REQUIRE(size != 0);
      if (rest_.size() - at < size) break;
      std::memcpy(&record, rest_.data() + at, size);
      at += size;
      records.push_back(record);
    }
    rest_.erase(0, at);
    return records;
  }

  UniqueFd fd_;
  std::string rest_;
};

std::vector<std::vector<Record>> all_cores() {
  std::vector<std::vector<Record>> cores;
  for (long cpu = 0; cpu < ::sysconf(_SC_NPROCESSORS_ONLN); ++cpu)
    cores.push_back(CoreStream(cpu).read());
  return cores;
}

// Is what was read of one CPU complete and in order? Time never goes back, and the thread that is
// switched away is the one that got the CPU last, unless a gap is noted in between. For an
// unfiltered stream.
struct Continuity {
  uint64_t records = 0, lost = 0, backwards = 0, untold_gaps = 0;

  void take(const std::vector<Record>& read) {
    for (const Record& record : read) {
      ++records;
      if (record.head.time_ns < last_ns_) ++backwards;
      last_ns_ = record.head.time_ns;
      if (record.head.kind == TS_EVENT_LOST) {
        lost += record.lost.records;
        runner_ = kUnknown;
      } else if (record.head.kind == TS_EVENT_SWITCH) {
        if (runner_ != kUnknown && runner_ != record.as_switch.prev_tid) ++untold_gaps;
        runner_ = record.head.tid;
      }
    }
  }

 private:
  static constexpr uint64_t kUnknown = ~uint64_t{0};
  uint64_t last_ns_ = 0, runner_ = kUnknown;
};

// Two processes on CPU 0 that wake each other as long as this exists.
class EndlessPingPong {
 public:
  EndlessPingPong() {
    for (const bool begins : {true, false}) {
      const auto there = begins ? there_ : back_, back = begins ? back_ : there_;
      players_.push_back(std::make_unique<live::Child>([=] {
        live::pin_to(0);
        live::play_ping_pong(*there, *back, 1 << 30, begins);
      }));
    }
  }

 private:
  std::shared_ptr<live::Pipe> there_ = std::make_shared<live::Pipe>(),
                              back_ = std::make_shared<live::Pipe>();
  std::vector<std::unique_ptr<live::Child>> players_;
};

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

VM_TEST_CASE("the stream has each switch of the requested threads") {
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
      CHECK(record.head.time_ns >= last_ns);
      last_ns = record.head.time_ns;
      CHECK(record.head.kind != TS_EVENT_LOST);
      if (record.head.kind == TS_EVENT_SWITCH) {
        ++switches[record.as_switch.prev_tid];
        const auto ours = [&](uint32_t tid) { return before.contains(static_cast<pid_t>(tid)); };
        if (!ours(record.head.tid) && !ours(record.as_switch.prev_tid)) ++strangers;
      }
      if (record.head.kind == TS_EVENT_WAKING) ++wakes[record.head.tid];
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

VM_TEST_CASE("forks, new names and exits are in the stream") {
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
      if (record.head.tid != pid) continue;
      if (record.head.kind == TS_EVENT_FORK)
        forked = record.identity.tgid == pid &&
                 record.identity.ppid == static_cast<uint32_t>(::getpid());
      if (record.head.kind == TS_EVENT_EXEC) executed = std::string(record.identity.comm) == "true";
      if (record.head.kind == TS_EVENT_WAKE_NEW) first_wake = true;
      if (record.head.kind == TS_EVENT_EXIT) ended = record.exit.cpu_ns > 0;
    }
  CHECK(forked);
  CHECK(first_wake);
  CHECK(executed);
  CHECK(ended);
}

VM_TEST_CASE("what found no room is counted, and noted in the stream") {
  const Module module("stream_kib=4 stream_buffers=2 stream=1");
  const live::Cast first = live::ping_pong();
  run_together(first);
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  std::vector<uint64_t> dropped;
  for (long cpu = 0; cpu < cores; ++cpu) dropped.push_back(drops_of(cpu).dropped);
  REQUIRE(std::accumulate(dropped.begin(), dropped.end(), uint64_t{0}) > 0);

  // Read all, go on, and read again: the gap is noted where it is, and the sums are equal.
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
        if (record.head.kind == TS_EVENT_LOST) lost[cpu] += record.lost.records;
      }
  }
  // A gap is noted by the next record of its CPU, so only for CPUs that had one.
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

// Of two sub-buffers: the writer is mostly at the end of one, or finds both full.
VM_TEST_CASE("a slow reader of a full stream gets every record kept, in order") {
  const Module module("stream_kib=4 stream_buffers=2 stream=1", kLingeringModule);
  Continuity seen;
  CoreStream stream(0);
  {
    const EndlessPingPong players;
    for (int round = 0; round < 20; ++round) {
      const uint64_t before = drops_of(0).dropped;
      REQUIRE(live::until([&] { return drops_of(0).dropped > before; }));
      seen.take(stream.read_a_little(100, 100));
    }
    REQUIRE(set_parameter("stream", "0") == 0);
  }
  seen.take(stream.read());
  CHECK(seen.backwards == 0);
  CHECK(seen.untold_gaps == 0);
  CHECK(seen.records == drops_of(0).records);
  CHECK(seen.lost > 0);
  CHECK(seen.lost <= drops_of(0).dropped);
}

VM_TEST_CASE("a reader that keeps up with the stream sees each record exactly once") {
  const Module module("stream_kib=4 stream_buffers=64 stream=1");
  Continuity seen;
  CoreStream stream(0);
  {
    const EndlessPingPong players;
    const uint64_t enough = std::getenv("SLOW") ? 10'000 : 50'000;
    REQUIRE(live::until([&] {
      for (int i = 0; i < 1000; ++i) seen.take(stream.read_a_little(65536, 1));
      return seen.records > enough;
    }));
    REQUIRE(set_parameter("stream", "0") == 0);
  }
  seen.take(stream.read());
  CHECK(seen.backwards == 0);
  CHECK(seen.untold_gaps == 0);
  CHECK(seen.records == drops_of(0).records);
  CHECK(seen.lost <= drops_of(0).dropped);  // the last gap may have had no record after it
}

VM_TEST_CASE("a reader that waits for the stream is woken by each full sub-buffer") {
  const Module module("stream_kib=4 stream=1");
  const EndlessPingPong players;
  CoreStream stream(0);
  for (int i = 0; i < 20; ++i) {
    REQUIRE(stream.wait(live::kDeadline));
    REQUIRE_FALSE(stream.read().empty());
  }
}

// While CPUs write. CoreStream accepts only complete records.
VM_TEST_CASE("a reader of the stream never sees a half-written record") {
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
