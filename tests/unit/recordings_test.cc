// SPDX-License-Identifier: MIT
// Do we read what Perfetto's own recorder wrote, in its compact and in its plain form? The files
// and what the kernel counted meanwhile are described in tests/unit/recordings/README.
#include <algorithm>
#include <map>

#include "base/failure.h"
#include "play/recording.h"
#include "tests/catch.h"
#include "trace/reader.h"

namespace timeslice {

namespace {

const std::string kDirectory = "tests/unit/recordings/";

struct Expected {
  uint32_t tid;
  uint64_t from_ns, to_ns;  // CLOCK_BOOTTIME
  uint64_t voluntary, involuntary;
};

struct Counter : trace::Visitor {
  explicit Counter(std::vector<Expected> all)
      : expected(std::move(all)), counted(expected.size()) {}
  void header(const trace::Header& header) override { about = header; }
  void row(trace::Moment, const ts_thread_row& row) override { names[row.tid] = row.comm; }
  void role(const trace::RoleNote&) override {}
  void closing(const trace::Closing&) override {}
  void event(const ts_event& event) override {
    CHECK(event.time_ns >= last_ns);
    last_ns = event.time_ns;
    if (event.kind != TS_EVENT_SWITCH) return;
    const auto& record = reinterpret_cast<const ts_event_switch&>(event);
    const uint64_t boot_ns = event.time_ns + about.boot_offset_ns;
    for (size_t i = 0; i < expected.size(); ++i) {
      const Expected& one = expected[i];
      // In the compact form nobody is named as leaving: it is who had come before.
      if (record.prev_tid != one.tid || boot_ns < one.from_ns || boot_ns > one.to_ns) continue;
      ++(record.prev_state & TS_LEAVING_VOLUNTARY ? counted[i].voluntary : counted[i].involuntary);
    }
  }
  struct Count {
    uint64_t voluntary = 0, involuntary = 0;
  };
  std::vector<Expected> expected;
  std::vector<Count> counted;
  trace::Header about;
  std::map<uint32_t, std::string> names;
  uint64_t last_ns = 0;
};

void check_counts(const std::string& file, const std::vector<Expected>& expected) {
  Counter counter(expected);
  const auto bytes = trace::open_file(kDirectory + file);
  const trace::Summary summary = trace::read(*bytes, file, counter);
  CHECK(summary.broken == 0);
  CHECK(summary.stopped.empty());
  CHECK(summary.events > 500);
  CHECK(counter.about.recorder == "perfetto");
  CHECK(counter.about.system == "Linux");
  for (size_t i = 0; i < expected.size(); ++i) {
    INFO(expected[i].tid);
    CHECK(counter.counted[i].voluntary == expected[i].voluntary);
    CHECK(counter.counted[i].involuntary == expected[i].involuntary);
  }
}

}  // namespace

TEST_CASE("switches of a compact trace are the kernel's") {
  check_counts("perfetto-compact.pftrace", {{15085, 1605204714835, 1605215680737, 56, 25},
                                            {15086, 1605204920107, 1605215493158, 40, 14}});
}

TEST_CASE("switches of a plain trace are the kernel's") {
  check_counts("perfetto-plain.pftrace", {{15657, 1620348990787, 1620360927113, 41, 40},
                                          {15658, 1620349257095, 1620360322698, 40, 1}});
}

TEST_CASE("a report of another recorder's trace omits what it doesn't have") {
  play::RecordingOptions options;
  for (const char* file : {"perfetto-compact.pftrace", "perfetto-plain.pftrace"}) {
    INFO(file);
    options.path = kDirectory + file;
    const play::Recording recording = play::read_recording(options);
    CHECK_FALSE(recording.trust.kernel_waits);
    CHECK_FALSE(recording.trust.recorder_cpu_ns);
    for (const model::HistoryThread& thread : recording.history->threads()) {
      CHECK_FALSE(thread.kernel.known);
      CHECK(thread.oncpu_ns + thread.ready_ns + thread.off_sum_ns() + thread.unseen_ns ==
            thread.last_ns - thread.first_ns);
    }
    const model::Report report =
        model::make_report(*recording.history, recording.trust, model::By::process, false);
    CHECK(report.all.waits > 100);
    CHECK(report.all.oncpu_ns > 0);
  }
}

namespace {

struct Golden {
  uint32_t tid;
  uint64_t voluntary, involuntary, slices, run_delay_ns;
};

// Against what the kernel's files said of the threads before and after.
void check_golden(const std::string& file, const std::string& release,
                  const std::vector<Golden>& threads) {
  INFO(file);
  play::RecordingOptions options;
  options.path = kDirectory + file;
  const play::Recording recording = play::read_recording(options);
  CHECK(recording.header.release == release);
  CHECK(recording.trust.complete);
  CHECK_FALSE(recording.trust.loses());
  CHECK(recording.history->info().breaks == 0);
  for (const Golden& golden : threads) {
    INFO(golden.tid);
    const auto all = recording.history->threads();
    const auto thread = std::find_if(all.begin(), all.end(), [&](const model::HistoryThread& one) {
      return one.tid == golden.tid;
    });
    REQUIRE(thread != all.end());
    CHECK(thread->voluntary == golden.voluntary);
    CHECK(thread->involuntary == golden.involuntary);
    CHECK(thread->slices == golden.slices);
    CHECK(thread->wait_sum_ns == golden.run_delay_ns);
    CHECK(thread->kernel.known);
    CHECK(thread->kernel.nvcsw == golden.voluntary);
    CHECK(thread->kernel.nivcsw == golden.involuntary);
    CHECK(thread->kernel.run_delay_ns == golden.run_delay_ns);
    CHECK(thread->unseen_ns == 0);
  }
}

}  // namespace

TEST_CASE("recordings of other kernels have those kernels' counts") {
  check_golden("linux-6.1.pftrace", "6.1.0-50-amd64",
               {{101, 1, 4, 5, 54987052},
                {102, 99, 1, 100, 26817253},
                {103, 1, 5, 6, 67942062},
                {104, 1, 42, 43, 70392806}});
  check_golden("linux-6.12.pftrace", "6.12.95+deb12-amd64",
               {{147, 1, 55, 56, 19070928},
                {148, 100, 1, 101, 32342101},
                {149, 1, 48, 49, 173339935},
                {150, 1, 22, 23, 28614130}});
}

}  // namespace timeslice
