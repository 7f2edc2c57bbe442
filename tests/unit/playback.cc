// SPDX-License-Identifier: MIT
// Does a jump in a recording come to the very frame that playing would have come to? And does its
// reader give the same events again from any place that it was told to remember?
#include "play/playback.h"

#include <unistd.h>

#include <cstdio>
#include <random>

#include "tests/catch.h"
#include "tests/unit/events.h"
#include "tests/unit/rows.h"
#include "trace/writer.h"
#include "view/format/json.h"

using namespace timeslice;
using made_up::asleep;
using made_up::dead;
using made_up::forked;
using made_up::preempted;
using made_up::switched;
using made_up::woken;

namespace {

constexpr uint64_t begin_ns = 1'000'000'000;
constexpr uint64_t step_ns = 10'000'000;

// A file that goes away.
struct Scratch {
  Scratch() {
    const int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    close(fd);
  }
  ~Scratch() { unlink(path); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void write(const std::string& bytes) const {
    FILE* file = fopen(path, "w");
    REQUIRE(file != nullptr);
    REQUIRE(fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size());
    REQUIRE(fclose(file) == 0);
  }
  char path[32] = "/tmp/timeslice-test-XXXXXX";
};

// A machine that does what the dice say: on each of two cores threads come, go, wake each other,
// are born and end.
class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed), writer_(header()) {
    for (uint32_t tid = 100; tid < 110; ++tid) {
      writer_.opening(made_up::thread(100, tid));
      sleepers_.push_back(tid);
    }
    writer_.role({101, 101'000, "libuv-worker", "made up", 0.99});
    writer_.role({101, 101'000, "v8-worker", "a guess", 0.5});
    writer_.runtime({100, 100'000, "deno"});
    writer_.runtime({100, 100'000, "node"});
    writer_.runtime({100, 99, "bun"});  // who had the number before
  }

  std::string recording(size_t events) {
    for (size_t i = 0; i < events; ++i) {
      time_ns_ += roll(2'000);
      core(static_cast<uint16_t>(roll(2)));
    }
    writer_.flush();
    trace::Closing closing;
    closing.end_ns = time_ns_ + 5'000;
    return writer_.bytes() + trace::closing_packets({}, closing);
  }

 private:
  static trace::Header header() {
    trace::Header header;
    header.begin_ns = begin_ns;
    header.realtime_ns = 1'700'000'000'000'000'000;
    header.cores = 2;
    header.recorder = "timeslice";
    return header;
  }
  uint64_t roll(uint64_t sides) { return random_() % sides; }

  uint32_t take(std::vector<uint32_t>& from) {
    if (from.empty()) return 0;
    std::swap(from[roll(from.size())], from.back());
    const uint32_t tid = from.back();
    from.pop_back();
    return tid;
  }

  template <typename Event>
  void write(const Event& event) {
    writer_.event(reinterpret_cast<const ts_event&>(event));
  }

  void core(uint16_t cpu) {
    if (roll(2) == 0)
      wake(cpu);
    else
      change(cpu);
  }

  void wake(uint16_t cpu) {
    uint32_t tid = take(sleepers_);
    if (roll(200) == 0) {
      if (tid != 0) sleepers_.push_back(tid);
      tid = next_tid_++;
      write(forked(time_ns_, cpu, runs_[cpu], 100, tid, time_ns_));
    }
    if (tid == 0) return;
    write(woken(time_ns_, cpu, tid, runs_[cpu]));
    ready_.push_back(tid);
  }

  void change(uint16_t cpu) {
    const uint32_t prev = runs_[cpu];
    const uint32_t next = take(ready_);
    if (prev == next) return;
    uint16_t state = TS_LEAVING_RUNNABLE;
    if (prev >= 110 && roll(100) == 0) {
      state = dead;
    } else if (prev != 0 && (next == 0 || roll(2) == 0)) {
      state = asleep;
      sleepers_.push_back(prev);
    } else if (prev != 0) {
      state = preempted;
      ready_.push_back(prev);
    }
    write(switched(time_ns_, cpu, prev, state, next, next ? roll(5'000) : TS_WAIT_UNKNOWN));
    runs_[cpu] = next;
  }

  std::mt19937 random_;
  trace::Writer writer_;
  uint64_t time_ns_ = begin_ns;
  uint32_t next_tid_ = 110;
  uint32_t runs_[2] = {};
  std::vector<uint32_t> sleepers_, ready_;
};

std::string json(const model::Frame& frame) {
  std::string text;
  view::append_json(text, frame);
  return text;
}

std::vector<uint64_t> times_of(trace::Reader& reader) {
  std::vector<uint64_t> times;
  while (reader.next()) times.push_back(reader.event().time_ns * 2 + reader.event().cpu);
  return times;
}

}  // namespace

TEST_CASE("a jump comes to the frame that playing comes to") {
  const Scratch file;
  file.write(Dice(1).recording(700'000));
  play::Playback playing(file.path, "", false);
  std::vector<std::string> frames{json(playing.step(0))};
  while (!playing.at_end()) frames.push_back(json(playing.step(step_ns)));
  REQUIRE(frames.size() > 50);

  play::Playback jumping(file.path, "", true);
  std::mt19937 random(2);
  const size_t last = frames.size() - 2;  // the end is no whole step from the one before
  for (const size_t at : {last, size_t{0}, size_t{1}, size_t{2}}) {
    CAPTURE(at);
    CHECK(json(jumping.jump(begin_ns + at * step_ns, step_ns)) == frames[at]);
  }
  for (int i = 0; i < 40; ++i) {
    const size_t at = random() % last;
    CAPTURE(at);
    CHECK(json(jumping.jump(begin_ns + at * step_ns, step_ns)) == frames[at]);
    CHECK(json(jumping.step(step_ns)) == frames[at + 1]);
  }
}

// Names and roles must not depend on what was seen before: whose first thread ends, who turns out
// late to be of another process, and what takes another name.
TEST_CASE("a jump comes to the same names, runtimes and roles") {
  const Scratch file;
  trace::Header header;
  header.begin_ns = begin_ns;
  header.cores = 1;
  trace::Writer writer(header);
  for (const uint32_t tid : {100, 101, 102}) writer.opening(made_up::thread(100, tid));
  writer.runtime({100, 100'000, "node"});
  const auto event = [&](const auto& record) {
    writer.event(reinterpret_cast<const ts_event&>(record));
  };
  const uint64_t ms = 1'000'000;
  const auto named = [&](uint64_t at_ms, uint32_t tgid, uint32_t tid, const char* comm) {
    auto record = forked(begin_ns + at_ms * ms, 0, 0, tgid, tid, uint64_t{tid} * 1'000, comm);
    record.event.kind = TS_EVENT_RENAME;
    event(record);
  };
  event(switched(begin_ns + ms, 0, 0, TS_LEAVING_RUNNABLE, 100, 0));
  event(switched(begin_ns + 5 * ms, 0, 100, dead, 102, 0));
  named(15, 102, 102, "other");  // a process of its own
  named(25, 100, 101, "late");
  event(switched(begin_ns + 95 * ms, 0, 102, asleep, 0, 0));
  writer.flush();
  trace::Closing closing;
  closing.end_ns = begin_ns + 100 * ms;
  file.write(writer.bytes() + trace::closing_packets({}, closing));

  play::Playback playing(file.path, "", false), jumping(file.path, "", true);
  playing.step(0);
  for (uint64_t at = 1; at <= 10; ++at) {
    CAPTURE(at);
    CHECK(json(playing.step(step_ns)) == json(jumping.jump(begin_ns + at * step_ns, step_ns)));
  }
  const model::Frame& frame = playing.step(0);
  REQUIRE(frame.processes.size() == 2);
  CHECK(frame.processes[0]->runtime == "node");
  CHECK(made_up::find(frame, 102)->role.name == "main");
}

TEST_CASE("moments beyond a recording's ends are its ends") {
  const Scratch file;
  file.write(Dice(3).recording(1'000));
  play::Playback playback(file.path, "", true);
  playback.jump(UINT64_MAX, step_ns);
  CHECK(playback.at_end());
  CHECK(playback.now_ns() == playback.end_ns());
  playback.step(step_ns);
  CHECK(playback.now_ns() == playback.end_ns());
  CHECK_FALSE(playback.jump(0, step_ns).interval_s);
  CHECK(playback.now_ns() == begin_ns);
  CHECK(playback.realtime_ns(begin_ns + 5) == 1'700'000'000'000'000'005);
}

TEST_CASE("the surest role that the recorder found out is shown") {
  const Scratch file;
  file.write(Dice(4).recording(1'000));
  play::Playback playback(file.path, "", false);
  const model::Frame& frame = playback.step(step_ns);
  const model::Thread* thread = made_up::find(frame, 101);
  REQUIRE(thread != nullptr);
  CHECK(thread->role.name == "libuv-worker");
  CHECK(thread->role.evidence == "made up");
}

TEST_CASE("what the recorder found to run in a process is its role in a replay") {
  const Scratch file;
  file.write(Dice(4).recording(1'000));
  play::Playback playback(file.path, "", false);
  const model::Frame& frame = playback.step(step_ns);
  REQUIRE(frame.processes.size() == 1);
  CHECK(frame.processes[0]->runtime == "node");
  CHECK(made_up::find(frame, 102)->role.name == "thread");  // roles are told by the recorder only
}

TEST_CASE("a reader goes on from any place that it was told to remember") {
  const std::string bytes = Dice(5).recording(50'000);
  const auto source = trace::in_memory(bytes);
  trace::Reader reader(*source, "made up");
  const std::vector<uint64_t> all = times_of(reader);
  CHECK(reader.summary().events == all.size());
  CHECK(std::is_sorted(all.begin(), all.end()));
  reader.rewind();
  CHECK(times_of(reader) == all);
  for (const size_t place : {size_t{1}, size_t{2}, all.size() / 2, all.size()}) {
    CAPTURE(place);
    reader.rewind();
    for (size_t i = 0; i < place; ++i) REQUIRE(reader.next());
    const trace::Reader::Mark mark = reader.mark();
    while (reader.next()) {
    }
    reader.go_to(mark);
    const bool same = times_of(reader) ==
                      std::vector<uint64_t>(all.begin() + static_cast<long>(place) - 1, all.end());
    CHECK(same);
  }
}

TEST_CASE("a recording of Perfetto's own recorder is played as far as it goes") {
  for (const char* name : {"compact", "plain"}) {
    CAPTURE(name);
    play::Playback playback(std::string("tests/unit/recordings/perfetto-") + name + ".pftrace", "",
                            false);
    playback.step(0);
    const model::Frame* frame = nullptr;
    while (!playback.at_end()) frame = &playback.step(step_ns);
    REQUIRE(frame != nullptr);
    const bool compact = std::string(name) == "compact";
    const model::Thread* pong = made_up::find(*frame, compact ? 15086 : 15658);
    if (!pong) pong = made_up::find(*frame, compact ? 15086 : 15658, true);
    if (pong) CHECK(pong->row.nvcsw >= 40);
    for (const model::Thread* thread : frame->threads) CHECK(thread->row.prio < 140);
  }
}
