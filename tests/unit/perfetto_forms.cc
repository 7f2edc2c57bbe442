// SPDX-License-Identifier: MIT
// Is all that another recorder's file tells understood as it is meant: names wherever they stand,
// wake-ups of either kind?
#include <zlib.h>

#include <algorithm>

#include "base/failure.h"
#include "model/history.h"
#include "model/lanes.h"
#include "model/report.h"
#include "play/recording.h"
#include "tests/catch.h"
#include "tests/unit/history_loader.h"
#include "tests/unit/perfetto_file.h"
#include "trace/reader.h"
#include "view/report/lanes.h"
#include "view/report/report.h"

using namespace timeslice;
using namespace timeslice::perfetto;

namespace {

model::History read(const std::string& file) {
  HistoryLoader loader;
  const trace::Summary summary = trace::read(*trace::in_memory(file), "made", loader);
  CHECK(summary.broken == 0);
  loader.history->finish(summary.last_ns);
  return *std::move(loader.history);
}

const model::HistoryThread& thread(const model::History& history, uint32_t tid) {
  const auto threads = history.threads();
  const auto found =
      std::find_if(threads.begin(), threads.end(), [&](const auto& one) { return one.tid == tid; });
  REQUIRE(found != threads.end());
  return *found;
}

// 500 sleeps from 5 ms on, is woken at 10 ms and gets its core at 14 ms.
std::string a_wait(const std::vector<std::string>& wake_ups) {
  std::vector<std::string> events{switch_event(1 * kMs, {900}, 1, {500, "my"}),
                                  switch_event(5 * kMs, {500, "my"}, 1, {900, "x"})};
  events.insert(events.end(), wake_ups.begin(), wake_ups.end());
  events.push_back(switch_event(14 * kMs, {900, "x"}, 0, {500, "my"}));
  events.push_back(switch_event(20 * kMs, {500, "my"}, 1, {0, "swapper/0"}));
  return bundle(0, events);
}

}  // namespace

TEST_CASE("a name in a switch or a wake-up applies from then on") {
  const model::History history =
      read(tree({{500, 500, {"/usr/bin/told"}}}) +
           bundle(0, {switch_event(1 * kMs, {900, "was here"}, 1, {500, "now"}),
                      wake_event(2 * kMs, field::Event::sched_waking, 500, {700, "only woken"}),
                      switch_event(3 * kMs, {500, "now"}, 1, {0, "swapper/0"}),
                      switch_event(4 * kMs, {0, "swapper/0"}, 0, {500, "renamed"}),
                      switch_event(5 * kMs, {500, "renamed"}, 1, {0, "swapper/0"})}));
  CHECK(thread(history, 500).comm == "renamed");
  CHECK(thread(history, 900).comm == "was here");
  CHECK(thread(history, 700).comm == "only woken");
  CHECK(history.threads().size() == 3);
}

TEST_CASE("what Perfetto's own recorder lost is a gap of its core") {
  const std::string first = bundle(0, {switch_event(1 * kMs, {900}, 1, {500, "my"})});
  const std::vector<std::string> then{switch_event(9 * kMs, {500, "my"}, 1, {0, "swapper/0"})};
  const model::History whole = read(first + bundle(0, then));
  CHECK(whole.info().gaps == 0);
  CHECK(thread(whole, 500).oncpu_ns == 8 * kMs);
  const model::History cut = read(first + bundle(0, then, true));
  CHECK(cut.info().gaps == 1);
  CHECK(thread(cut, 500).oncpu_ns == 0);
  CHECK(thread(cut, 500).unseen_ns == 8 * kMs);
}

TEST_CASE("threads that reuse an id have separate names") {
  const model::History history = read(bundle(0, {switch_event(1 * kMs, {0}, 0, {500, "first"}),
                                                 switch_event(2 * kMs, {500, "first"}, 16, {0}),
                                                 switch_event(3 * kMs, {0}, 0, {500, "second"}),
                                                 switch_event(4 * kMs, {500, "second"}, 1, {0})}));
  REQUIRE(history.threads().size() == 2);
  CHECK(history.threads()[0].comm == "first");
  CHECK(history.threads()[1].comm == "second");
}

TEST_CASE("no name in a process tree is cut at a slash unless it is a path") {
  const model::History history =
      read(tree({{15, 15, {"ksoftirqd/0"}},
                 {77, 77, {"kworker/0:1"}},
                 {60, 60, {"sshd: root@pts/0"}},
                 {61, 61, {"/opt/chrome/chrome --type=gpu --dir=/tmp/x"}},
                 {62, 62, {"./server", "--root", "/srv/www"}},
                 {501, 500, {"a/b"}}}) +
           bundle(0, {switch_event(1 * kMs, {0}, 0, {500})}));
  CHECK(thread(history, 15).comm == "ksoftirqd/0");
  CHECK(thread(history, 77).comm == "kworker/0:1");
  CHECK(thread(history, 60).comm == "sshd: root@pts/");  // as long as a comm can be
  CHECK(thread(history, 61).comm == "chrome");
  CHECK(thread(history, 62).comm == "server");
  CHECK(thread(history, 501).comm == "a/b");
}

TEST_CASE("all threads that ran in Perfetto's recordings have a name") {
  for (const char* form : {"compact", "plain"}) {
    CAPTURE(form);
    play::RecordingOptions options;
    options.path = std::string("tests/unit/recordings/perfetto-") + form + ".pftrace";
    const play::Recording recording = play::read_recording(options);
    size_t ran = 0, nameless = 0;
    for (const model::HistoryThread& one : recording.history->threads()) {
      if (one.slices == 0) continue;
      ++ran;
      nameless += one.comm.empty();
    }
    CHECK(ran > 20);
    CHECK(nameless == 0);
  }
}

TEST_CASE("a wait begins at sched_wakeup where no sched_waking was recorded") {
  const auto waking = wake_event(10 * kMs, field::Event::sched_waking, 900, {500, "my"});
  const auto wakeup = wake_event(10 * kMs, field::Event::sched_wakeup, 900, {500, "my"});
  const auto later = wake_event(11 * kMs, field::Event::sched_wakeup, 900, {500, "my"});

  const model::History only = read(a_wait({wakeup}));
  CHECK(thread(only, 500).wait_sum_ns == 4 * kMs);
  CHECK(thread(only, 500).off_sum_ns() == 5 * kMs);
  // It is told where the thread is queued: by whom isn't in it.
  REQUIRE(thread(only, 500).wakers.size() == 1);
  CHECK(thread(only, 500).wakers[0].peer == model::kNobody);

  // Where both were, the waking is the wake-up, and isn't counted twice.
  const model::History both = read(a_wait({waking, later}));
  const model::HistoryThread& woken = thread(both, 500);
  CHECK(woken.wait_sum_ns == 4 * kMs);
  CHECK(woken.wakeups[TS_CONTEXT_UNKNOWN] == 1);
  REQUIRE(woken.wakers.size() == 1);
  CHECK(both.threads()[woken.wakers[0].peer].tid == 900);
}

namespace {

std::string deflated(const std::string& bytes) {
  std::string packed(compressBound(bytes.size()), '\0');
  uLongf size = packed.size();
  REQUIRE(compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                   reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()) == Z_OK);
  packed.resize(size);
  return packed;
}

std::string packed(const std::string& packets) {
  return packet(field::Packet::compressed_packets, deflated(packets));
}

std::string refusal(const std::string& file) {
  try {
    HistoryLoader loader;
    trace::read(*trace::in_memory(file), "made", loader);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

// Over and over the same: what deflate packs best.
std::string bomb(size_t bytes) { return std::string(bytes, '\0'); }

}  // namespace

TEST_CASE("deflated packets are read as if they weren't") {
  const auto waking = wake_event(10 * kMs, field::Event::sched_waking, 900, {500, "my"});
  const std::string names = tree({{33, 33, {"of the tree"}}});
  const std::string first = a_wait({waking});
  const std::string second = bundle(0, {switch_event(30 * kMs, {0}, 0, {500, "my"}),
                                        switch_event(37 * kMs, {500, "my"}, 1, {0})});
  const std::string beside = bundle(1, {switch_event(2 * kMs, {0}, 0, {600, "beside"}),
                                        switch_event(32 * kMs, {600, "beside"}, 1, {0})});
  const model::History plain = read(names + first + beside + second);
  for (const std::string& file :
       {packed(names + first + beside + second), packed(names + beside) + first + packed(second)}) {
    const model::History history = read(file);
    CHECK(thread(history, 33).comm == "of the tree");
    for (const uint32_t tid : {500, 600, 900}) {
      CHECK(thread(history, tid).oncpu_ns == thread(plain, tid).oncpu_ns);
      CHECK(thread(history, tid).ready_ns == thread(plain, tid).ready_ns);
      CHECK(thread(history, tid).off_ns == thread(plain, tid).off_ns);
    }
  }
  CHECK(thread(plain, 500).oncpu_ns == 17 * kMs);
}

TEST_CASE("packets that can't be unpacked are damaged parts, or the reason for refusing the file") {
  const std::string whole = bundle(0, {switch_event(1 * kMs, {0}, 0, {500, "my"})});
  const std::string cut = deflated(whole).substr(0, 20);
  const std::string broken = packet(field::Packet::compressed_packets, cut);
  CHECK(refusal(broken).find("can't be unpacked") != std::string::npos);
  CHECK(refusal(packet(field::Packet::compressed_packets, "\x28\xb5\x2f\xfd zstd"))
            .find("not deflated") != std::string::npos);
  CHECK(refusal(packed(packed(whole))).find("can't be unpacked") != std::string::npos);

  HistoryLoader loader;
  const trace::Summary summary = trace::read(*trace::in_memory(whole + broken), "made", loader);
  CHECK(summary.broken == 1);
  CHECK(loader.history->threads().size() == 1);
}

TEST_CASE("a file that unpacks to far more than its size is refused") {
  const std::string whole = bundle(0, {switch_event(1 * kMs, {0}, 0, {500, "my"})});
  // One packet of 7 MB is within the limit, two aren't: each weighs 7 KB.
  const std::string one = packed(bomb(7 << 20));
  CHECK(refusal(whole + one).empty());
  CHECK(refusal(whole + one + one).find("more than 16 times its size") != std::string::npos);
  // More than any packet may have.
  CHECK(refusal(packed(bomb(9 << 20))).find("can't be unpacked") != std::string::npos);
}

TEST_CASE("a compressed file is refused as such") {
  const std::string refused = refusal("\x1f\x8b\x08 and so on");
  CHECK(refused == "made is compressed by gzip; unpack it first");
  CHECK(refusal("\x28\xb5\x2f\xfd and so on").find("zstd") != std::string::npos);
}

TEST_CASE("a thread without a name is shown as such") {
  const std::string file =
      bundle(0, {switch_event(1 * kMs, {0}, 0, {500, ""}),
                 wake_event(2 * kMs, field::Event::sched_waking, 500, {600, ""}),
                 switch_event(3 * kMs, {500, ""}, 1, {600, ""}),
                 switch_event(4 * kMs, {600, ""}, 1, {0})});
  const model::History history = read(file);
  const model::Report report = model::make_report(history, {}, model::By::thread, false);
  std::string text;
  view::append_report_text(text, report, 0);
  CHECK(text.find(" 500 (no name) ") != std::string::npos);
  CHECK(text.find("(no name)/500 woke (no name)/600") != std::string::npos);
  model::Lanes lanes(1 * kMs, 4 * kMs, view::lane_cells(80));
  text.clear();
  view::append_lanes(text, report, lanes, {});
  CHECK(text.find("(no name)/500") != std::string::npos);
}
