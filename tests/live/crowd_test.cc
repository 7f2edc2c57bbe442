// SPDX-License-Identifier: MIT
// Do we hold out in a crowd: a process of ten thousand threads, and a thousand processes that begin
// and end every second?
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/looking.h"
#include "tests/live/storm.h"
#include "tests/live/top_json.h"

namespace timeslice::live {

namespace {

constexpr size_t kThreads = 10'000;

void* pause_for_ever(void*) {
  for (;;) pause();
}

// A process with so many threads that do nothing, on the smallest of stacks.
struct Crowd {
  Crowd()
      : child([this] {
          pthread_attr_t attributes;
          pthread_attr_init(&attributes);
          pthread_attr_setstacksize(&attributes, 16384);
          pthread_t thread;
          for (size_t i = 0; i < kThreads; ++i)
            if (pthread_create(&thread, &attributes, pause_for_ever, nullptr) != 0) _exit(98);
          if (::write(ready.in.get(), "", 1) != 1) _exit(98);
          pause_for_ever(nullptr);
        }) {
    char byte;
    REQUIRE(read_fully(ready.out.get(), &byte, 1));
  }
  Pipe ready;
  Child child;
};

constexpr uint64_t kFewest = 500;  // processes: that is a storm, however long it takes

struct Watched {
  uint64_t rss_early = 0, rss_late = 0;
  double began = 0;   // what was shown, from the first refresh on
  uint64_t made = 0;  // by the storm, meanwhile: surely no more than began
};

// One refresh: how many began since the one before?
double take_refresh(Command& command) {
  const auto line = command.line();
  REQUIRE(line);
  const Json frame = Json::parse(*line);
  // The kernel may refuse storage for a moment at fork; the next pass makes it.
  CHECK(frame["trust"]["storage_failures"] <= 10);
  CHECK(frame["trust"]["lost_records"] == 0);
  if (!frame["began_per_s"].is_number()) return 0;
  return frame["began_per_s"].get<double>() * frame["interval_s"].get<double>();
}

// A top that sees everything, until the storm has made enough; and then until a refresh or two
// after its end.
Watched watch_storm(Storm& storm, const std::string& probes) {
  Command command(top({"--json", "-d", "0.1", "--probes", probes}));
  Watched watched;
  watched.began = take_refresh(command);
  const uint64_t before = storm.made();  // after the first refresh: none of them is too many
  for (int i = 2; i <= 25 || storm.made() < before + kFewest; ++i) {
    watched.began += take_refresh(command);
    if (i == 5) watched.rss_early = status_figure(command.pid(), "VmRSS");
  }
  watched.rss_late = status_figure(command.pid(), "VmRSS");
  watched.made = storm.stop() - before;
  // The refreshes that lie in the pipe are older than the end.
  for (int i = 0; i < 20 && watched.began < static_cast<double>(watched.made); ++i)
    watched.began += take_refresh(command);
  command.signal(SIGTERM);
  const Outcome outcome = command.finish();
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  return watched;
}

}  // namespace

TEST_CASE("one pass has all of ten thousand threads") {
  const Crowd crowd;
  const std::vector<uint32_t> tgid{static_cast<uint32_t>(crowd.child.pid())};
  REQUIRE(status_figure(crowd.child.pid(), "Threads") == kThreads + 1);
  CHECK(observe::open_count_source(tgid)->read().threads.size() == kThreads + 1);
  CHECK(observe::open_proc_source(tgid)->read().threads.size() == kThreads + 1);
  Look look(observe::open_sched_source(tgid));
  const model::Frame& frame = look.advance();
  CHECK(frame.threads.size() == kThreads + 1);
  CHECK(frame.thread_count == kThreads + 1);
  CHECK(frame.trust.unseeded_threads == 0);
  CHECK(frame.trust.storage_failures == 0);
  std::set<uint32_t> tids;
  for (const model::Thread* thread : frame.threads) tids.insert(thread->row.tid);
  CHECK(tids.size() == kThreads + 1);
}

TEST_CASE("top shows ten thousand threads") {
  const Crowd crowd;
  const std::vector<Json> frames =
      objects_in(run(top({"-b", "-n", "1", "-d", "0.1", "--json"})).out);
  REQUIRE(frames.size() == 1);
  const Json process = find_by(frames[0]["processes"], "tgid", crowd.child.pid());
  REQUIRE(process.is_object());
  CHECK(process["threads"] == kThreads + 1);
  size_t shown = 0;
  for (const Json& thread : frames[0]["threads"]) shown += thread["tgid"] == crowd.child.pid();
  CHECK(shown == kThreads + 1);
}

TEST_CASE("a storm of short-lived processes neither breaks count mode nor exhausts memory") {
  Storm storm(1000);
  const Watched watched = watch_storm(storm, "none");
  CHECK(watched.rss_late < 2 * watched.rss_early);
}

TEST_CASE("a storm of short-lived processes is counted in aggregate mode") {
  Storm storm(1000);
  const Watched watched = watch_storm(storm, "sched");
  CHECK(watched.rss_late < 2 * watched.rss_early);
  // One may have been under way at the start; the rates are rounded.
  CHECK(watched.began >= static_cast<double>(watched.made) * 0.99 - 1);
}

TEST_CASE("aggregate mode counts every thread that starts or ends") {
  const auto source = observe::open_sched_source({});
  Storm storm(1000);
  const uint64_t all_before = machine_forks();
  const ts_snapshot_header before = source->read().header;
  const uint64_t made_before = storm.made();
  REQUIRE(until([&] { return storm.made() > made_before + 500; }));
  const uint64_t made = storm.stop() - made_before;
  const ts_snapshot_header now = source->read().header;
  CHECK(now.forked - before.forked >= made - 1);  // one may have been under way at the start
  CHECK(now.ended - before.ended >= made - 1);
  CHECK(now.forked - before.forked <= machine_forks() - all_before);
  CHECK(now.storage_failures == 0);
}

}  // namespace timeslice::live
