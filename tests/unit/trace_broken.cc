// SPDX-License-Identifier: MIT
// Does a recording that is cut short, or has a wrong byte, still say what it says up to there? One
// with every kind of record is cut at every length, and has every byte changed, one at a time.
#include <cstring>
#include <string>
#include <vector>

#include "base/failure.h"
#include "model/history.h"
#include "model/report.h"
#include "tests/catch.h"
#include "tests/unit/rows.h"
#include "trace/bundle_reader.h"
#include "trace/reader.h"
#include "trace/writer.h"
#include "view/report/report.h"

using namespace timeslice;

namespace {

constexpr uint64_t kBegin = 5'000'000'000, kBootOffset = 7'000'000;

// Two threads that hand a core to each other, on each of two cores, with something rare every now
// and then.
class Made {
 public:
  Made() : writer_(header()) {
    for (uint32_t tid = 100; tid < 104; ++tid) writer_.opening(made_up::thread(100, tid));
    ts_thread_row stranger = made_up::thread(7, 7, "stranger");
    stranger.flags = TS_THREAD_OUTSIDE;
    writer_.opening(stranger);
    writer_.role({100, 100'000, "main", "is the first thread", 0.9});
    for (int round = 0; round < 40; ++round)
      for (uint16_t cpu = 0; cpu < 2; ++cpu) turn(cpu, round);
    writer_.flush();
    std::vector<ts_thread_row> rows;
    for (uint32_t tid = 100; tid < 104; ++tid) rows.push_back(made_up::thread(100, tid));
    bytes_ = writer_.bytes() +
             trace::closing_packets(rows, {now_ns_ + 1000, {0, 3}, 0, 0, 1'000'000, "as asked"});
  }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] uint64_t events() const { return writer_.events(); }

 private:
  static trace::Header header() {
    trace::Header header;
    header.begin_ns = kBegin;
    header.boot_offset_ns = kBootOffset;
    header.realtime_ns = 1'700'000'000'000'000'000;
    header.system = "Linux";
    header.release = "6.18.0";
    header.machine = "x86_64";
    header.cores = 2;
    header.filtered = true;
    header.tgids = {100};
    header.asked = "process 100";
    header.recorder_tgid = 9;
    header.online = {0, 1};
    header.idle = {1};
    return header;
  }

  ts_event head(uint16_t cpu, uint8_t kind, uint32_t tid) {
    now_ns_ += 1700;
    return {now_ns_, tid, cpu, kind, 120};
  }

  void turn(uint16_t cpu, int round) {
    const uint32_t first = 100 + cpu * 2U;
    const uint32_t from = first + (round & 1), to = first + 1 - (round & 1);
    const uint8_t context = round % 5 == 0 ? TS_CONTEXT_SOFTIRQ : TS_CONTEXT_TASK;
    put(ts_event_wake{head(cpu, TS_EVENT_WAKING, to), from, cpu, context, 0});
    const uint16_t left = round % 7 == 0 ? TS_LEAVING_RUNNABLE | TS_LEAVING_INVOLUNTARY
                                         : TS_LEAVING_SLEEP | TS_LEAVING_VOLUNTARY;
    put(ts_event_switch{head(cpu, TS_EVENT_SWITCH, to), from, left, 1, 2, 900});
    if (round % 8 != 3) return;
    // Some come to run and leave again that the filter leaves out, or that are new.
    put(ts_event_switch{head(cpu, TS_EVENT_SWITCH, 7), to, left, 1, 2, TS_WAIT_UNKNOWN});
    put(ts_event_switch{head(cpu, TS_EVENT_SWITCH, 0), 7, left, 1, 2, TS_WAIT_UNKNOWN});
    put(ts_event_migrate{head(cpu, TS_EVENT_MIGRATE, from), cpu, static_cast<uint16_t>(1 - cpu),
                         5});
    const uint32_t born = 1000 + static_cast<uint32_t>(round) * 2 + cpu;
    put(identity(head(cpu, TS_EVENT_FORK, born), "born"));
    put(ts_event_wake{head(cpu, TS_EVENT_WAKE_NEW, born), from, cpu, TS_CONTEXT_UNKNOWN, 0});
    put(ts_event_switch{head(cpu, TS_EVENT_SWITCH, born), 0, 0, 1, 2, 100});
    put(identity(head(cpu, TS_EVENT_EXEC, born), "executed"));
    put(identity(head(cpu, TS_EVENT_RENAME, born), "renamed"));
    put(ts_event_exit{head(cpu, TS_EVENT_EXIT, born), born * 1000ULL, 1, 2, 3, 4, 5, 6});
    put(ts_event_switch{head(cpu, TS_EVENT_SWITCH, to), born,
                        TS_LEAVING_DEAD | TS_LEAVING_VOLUNTARY, 1, 2, 800});
    put(ts_event_lost{head(cpu, TS_EVENT_LOST, 0), 12});
    writer_.flush();
  }

  static ts_event_identity identity(const ts_event& head, const char* comm) {
    ts_event_identity identity{head, head.tid, 1, 100, 0, head.tid * 1000ULL, {}};
    std::strncpy(identity.comm, comm, TS_COMM_SIZE - 1);
    return identity;
  }

  template <typename Record>
  void put(const Record& record) {
    writer_.event(record.event);
  }

  uint64_t now_ns_ = kBegin;
  trace::Writer writer_;
  std::string bytes_;
};

// Keeps the events, and follows them as a report does.
class Reading : public trace::Visitor {
 public:
  explicit Reading(std::string_view bytes) {
    const auto source = trace::in_memory(bytes);
    summary = trace::read(*source, "the recording", *this);
    history->finish(std::max({end_ns_, summary.last_ns, begin_ns_}));
  }

  void header(const trace::Header& header) override {
    model::HistoryInfo info;
    told = header;
    info.begin_ns = begin_ns_ = header.begin_ns;
    info.filtered = header.filtered;
    history = std::make_unique<model::History>(info);
  }
  void row(trace::Moment moment, const ts_thread_row& row) override {
    moment == trace::Moment::opening ? history->opening(row) : history->closing(row);
  }
  void role(const trace::RoleNote& note) override {
    history->role(note.tid, note.start_ns, {note.name, note.evidence, note.confidence});
  }
  void closing(const trace::Closing& closing) override { end_ns_ = closing.end_ns; }
  void event(const ts_event& event) override {
    in_order &= events.empty() || event.time_ns >= last_ns_;
    last_ns_ = event.time_ns;
    events.emplace_back(reinterpret_cast<const char*>(&event), ts_event_size(event.kind));
    history->event(event);
  }

  // Each thread's times and each core's add up to the window.
  [[nodiscard]] bool adds_up() const {
    bool good = true;
    for (const model::HistoryThread& thread : history->threads())
      if (!(thread.flags & TS_THREAD_OUTSIDE))
        good &= thread.oncpu_ns + thread.ready_ns + thread.off_sum_ns() + thread.unseen_ns ==
                thread.last_ns - thread.first_ns;
    for (const model::HistoryCore& core : history->cores())
      good &= core.busy_ns + core.idle_ns + core.unseen_ns ==
              history->info().end_ns - history->info().begin_ns;
    return good;
  }

  trace::Header told;
  trace::Summary summary;
  std::unique_ptr<model::History> history;
  std::vector<std::string> events;  // the records' bytes
  bool in_order = true;

 private:
  uint64_t begin_ns_ = 0, end_ns_ = 0, last_ns_ = 0;
};

// What was read of the one core is how the other reading of it begins.
bool begins_like(const Reading& whole, const Reading& part, uint16_t cpu) {
  size_t at = 0;
  const auto is_of = [&](const std::string& record) {
    return reinterpret_cast<const ts_event*>(record.data())->cpu == cpu;
  };
  for (const std::string& record : part.events) {
    if (!is_of(record)) continue;
    while (at < whole.events.size() && !is_of(whole.events[at])) ++at;
    if (at == whole.events.size() || whole.events[at++] != record) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a recording truncated at any length is read up to there") {
  const Made made;
  const Reading whole(made.bytes());
  REQUIRE(whole.events.size() == made.events());
  REQUIRE(whole.events.size() > 200);
  REQUIRE(whole.summary.broken == 0);
  REQUIRE(whole.summary.stopped.empty());
  REQUIRE(whole.summary.has_closing);
  REQUIRE(whole.adds_up());
  CHECK(whole.told.online == std::vector<uint32_t>{0, 1});
  CHECK(whole.told.idle == std::vector<uint32_t>{1});

  size_t refused = 0, most = 0;
  std::vector<size_t> wrong;
  for (size_t size = 0; size <= made.bytes().size(); ++size) {
    try {
      // A copy of its own, so that what reads beyond the end is found.
      const std::vector<char> bytes(made.bytes().begin(),
                                    made.bytes().begin() + static_cast<ptrdiff_t>(size));
      const Reading part({bytes.data(), bytes.size()});
      const bool good = part.in_order && part.adds_up() && part.summary.broken == 0 &&
                        part.events.size() >= most && part.events.size() <= whole.events.size() &&
                        begins_like(whole, part, 0) && begins_like(whole, part, 1);
      if (!good) wrong.push_back(size);
      most = part.events.size();
    } catch (const Failure&) {
      ++refused;  // until the header is there
      if (most > 0) wrong.push_back(size);
    }
  }
  CHECK(wrong == std::vector<size_t>{});
  CHECK(refused > 0);
  CHECK(refused < 400);
  CHECK(most == whole.events.size());
}

TEST_CASE("of several recordings in one file the first is read, and the others are reported") {
  const Made made;
  const std::string& first = made.bytes();
  const std::string cut = first.substr(0, first.size() - first.size() / 4);
  const Reading whole(first);
  const auto check_first = [&](const std::string& other) {
    const Reading reading(first + other);
    CHECK(reading.events.size() == whole.events.size());
    CHECK(reading.summary.broken == 0);
    CHECK(reading.adds_up());
    CHECK(reading.told.system == whole.told.system);
    const std::string word = "a second recording begins at byte ";
    REQUIRE(reading.summary.stopped.rfind(word, 0) == 0);
    const size_t at = std::stoul(reading.summary.stopped.substr(word.size()));
    CHECK(at >= first.size());
    CHECK(at < first.size() + other.size());
  };
  check_first(first);
  check_first(cut);
  trace::Header later;
  later.begin_ns = kBegin / 2;
  later.system = "Other";
  check_first(trace::Writer(later).bytes());
  // One of another recorder has no header; it is known by its events.
  trace::Writer nameless(later);
  const size_t header_size = nameless.bytes().size();
  const ts_event_exit ended{.event = {kBegin + 1000, 100, 0, TS_EVENT_EXIT, 120}};
  nameless.event(ended.event);
  nameless.flush();
  check_first(nameless.bytes().substr(header_size));
  // And so is the first, where it is one of another recorder.
  const Reading foreign_first(nameless.bytes().substr(header_size) + first);
  CHECK(foreign_first.summary.stopped.rfind("a second recording begins", 0) == 0);
  CHECK_FALSE(foreign_first.told.ours());
}

TEST_CASE("a recording with any one byte changed is read, or refused with a message") {
  const Made made;
  std::vector<size_t> wrong;
  size_t refused = 0, said = 0;
  for (const int change : {0xff, 0x01})
    for (size_t at = 0; at < made.bytes().size(); ++at) {
      std::string bytes = made.bytes();
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      try {
        const Reading reading(bytes);
        if (reading.summary.broken > 0 || !reading.summary.stopped.empty()) ++said;
        // A byte of a column can't make more records than the file has bytes.
        if (!reading.in_order || !reading.adds_up() || reading.events.size() > bytes.size())
          wrong.push_back(at);
        if (at % 16) continue;
        model::RecordingTrust trust;
        const auto report =
            model::make_report(*reading.history, trust, model::By::process, /*with_recorder=*/true);
        std::string text;
        view::append_report_text(text, report, 0);
        view::append_report_json(text, report);
        view::append_report_csv(text, report);
      } catch (const Failure& failure) {
        ++refused;
        if (std::strlen(failure.what()) < 10) wrong.push_back(at);
      }
    }
  CHECK(wrong == std::vector<size_t>{});
  CHECK(refused > 0);
  CHECK(said > 0);
}
