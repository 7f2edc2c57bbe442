// SPDX-License-Identifier: MIT
// Is what a recording says of event loops read back as it was written, and does Perfetto's viewer
// find tracks and slices in it? Whatever a file says, its figures stay what figures can be.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "base/failure.h"
#include "play/loop_tracks.h"
#include "play/recording.h"
#include "tests/catch.h"
#include "tests/unit/perfetto_file.h"
#include "tests/unit/read_back.h"
#include "trace/message.h"
#include "trace/packets.h"
#include "trace/people.h"
#include "trace/reader.h"
#include "trace/tables.h"
#include "trace/writer.h"

using namespace timeslice;
using namespace timeslice::trace;
using perfetto::kMs;

namespace {

constexpr uint64_t kBegin = 1'000'000'000, kBoot = 500;

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}

  LoopNotes make() {
    LoopNotes notes;
    for (uint32_t i = below(4); i > 0; --i)
      notes.loops.push_back({100 + i, number32(), below(2) != 0, text()});
    for (uint32_t i = below(4); i > 0; --i)
      notes.processes.push_back({100 + i, below(4), {number(), number()}, number()});
    for (uint32_t i = below(9); i > 0; --i) notes.stretches.push_back(stretch());
    for (uint32_t i = below(9); i > 0; --i) notes.blocks.push_back(block());
    for (uint32_t i = below(9); i > 0; --i) notes.pools.push_back(pool());
    for (uint32_t i = below(4); i > 0; --i)
      notes.troubles.push_back({number32(), below(2) != 0, text()});
    return notes;
  }

 private:
  uint32_t below(uint64_t limit) { return static_cast<uint32_t>(random_() % limit); }
  uint64_t number() { return random_() >> (below(8) ? 30 : below(64)); }
  uint32_t number32() { return static_cast<uint32_t>(number()); }
  std::string text() {
    std::string text(below(40), '\0');
    for (char& byte : text) byte = static_cast<char>(1 + below(255));
    return text;
  }
  FrameNote frame() {
    return {text(), text(), number32(), number32(), below(2) != 0, below(2) != 0};
  }

  LoopStretchNote stretch() {
    LoopStretchNote note;
    note.tgid = number32(), note.tid = number32();
    note.begin_ns = number(), note.end_ns = note.begin_ns + number();
    note.looks = number32(), note.longest_gap_ns = number();
    note.counts_turns = below(2) != 0, note.turns = number();
    note.oncpu_ns = number(), note.wait_ns = number(), note.asleep_ns = number();
    note.idle_asleep_ns = number(), note.idle_ready_ns = number();
    note.longest_turn_ns = number();
    note.vm_looks = number32(), note.garbage_collector = number32();
    note.javascript = number32(), note.compiler = number32(), note.native = number32();
    for (uint32_t i = below(30); i > 0; --i) note.delays_ns.push_back(number());
    return note;
  }
  LoopBlockNote block() {
    LoopBlockNote note;
    note.tgid = number32(), note.tid = number32();
    note.start_ns = number(), note.duration_ns = number();
    note.oncpu_ns = number(), note.wait_ns = number();
    note.ended = below(2) != 0;
    note.samples = number32(), note.dropped = number32(), note.named = number32();
    note.garbage_collector = number32(), note.phase = text();
    note.javascript = number32(), note.compiler = number32(), note.native = number32();
    for (uint32_t i = below(4); i > 0; --i) {
      LoopFunctionNote& function = note.functions.emplace_back();
      function.frame = frame(), function.samples = number32();
      for (uint32_t n = below(6); n > 0; --n) function.stack.push_back(frame());
    }
    return note;
  }
  PoolStretchNote pool() {
    PoolStretchNote note;
    note.tgid = number32();
    note.begin_ns = number(), note.end_ns = number();
    note.looks = number32(), note.saturated_looks = number32(), note.full_looks = number32();
    note.threads = number32(), note.busy = below(1000) / 8.0;
    note.counts_queue = below(2) != 0;
    note.queued = number32(), note.slow = number32(), note.most_queued = number32();
    note.waits = number32(), note.wait_ns = number(), note.longest_wait_ns = number();
    return note;
  }

  std::mt19937_64 random_;
};

Header made_header() {
  Header header;
  header.begin_ns = kBegin;
  header.boot_offset_ns = kBoot;
  header.loop_block_ns = 50 * kMs;
  return header;
}

std::string written(const LoopNotes& notes) {
  Writer writer(made_header());
  for (const LoopNote& note : notes.loops) writer.loop(note);
  for (const LoopProcessNote& note : notes.processes) writer.loop_process(note);
  for (const LoopStretchNote& note : notes.stretches) writer.loop_stretch(note);
  for (const LoopBlockNote& note : notes.blocks) writer.loop_block(note);
  for (const PoolStretchNote& note : notes.pools) writer.pool_stretch(note);
  for (const LoopTroubleNote& note : notes.troubles) writer.loop_trouble(note);
  writer.flush();
  return writer.bytes() + closing_packets({}, {});
}

LoopBlockNote made_block(uint64_t start_ns, uint64_t duration_ns, const FrameNote& frame) {
  LoopBlockNote block;
  block.tgid = 7, block.tid = 8;
  block.start_ns = start_ns, block.duration_ns = duration_ns;
  block.oncpu_ns = duration_ns / 2, block.wait_ns = duration_ns / 4;
  block.ended = true;
  block.samples = 10, block.named = 8, block.garbage_collector = 5;
  block.functions = {{frame, 6, {}}};
  return block;
}

model::LoopTracks tracks_of(const LoopNotes& notes) {
  return play::loop_tracks_of(made_header(), notes);
}

// What Perfetto's viewer is told.
struct Track {
  std::string name;
  uint64_t parent = 0;
  uint32_t pid = 0;
  bool counts = false;
};
struct Slice {
  uint64_t track = 0, begin_ns = 0, end_ns = 0;
  std::string name;
  std::map<std::string, double> figures;
};
struct Count {
  uint64_t track = 0, at_ns = 0;
  double value = 0;
};

class Viewer {
 public:
  explicit Viewer(const std::string& file) {
    const auto bytes = in_memory(file);
    for (Packets packets(*bytes); packets.next();) take(packets.contents());
  }
  std::map<uint64_t, Track> tracks;
  std::vector<Slice> slices;
  std::vector<Count> counts;

  [[nodiscard]] std::vector<Count> counts_of(const std::string& name) const {
    std::vector<Count> found;
    for (const Count& count : counts)
      if (tracks.at(count.track).name == name) found.push_back(count);
    return found;
  }

 private:
  void take(std::string_view packet) {
    uint64_t at_ns = 0;
    std::string_view event;
    for (Fields<field::Packet> fields(packet); fields.next();) {
      if (fields.tag() == field::Packet::timestamp)
        at_ns = fields.get_uint64();
      else if (fields.tag() == field::Packet::track_descriptor)
        take_track(fields.get_view());
      else if (fields.tag() == field::Packet::track_event)
        event = fields.get_view();
      else
        fields.skip();
    }
    if (!event.empty()) take_event(event, at_ns);
  }

  void take_track(std::string_view message) {
    uint64_t uuid = 0;
    Track track;
    for (Fields<field::Track> fields(message); fields.next();) {
      if (fields.tag() == field::Track::uuid)
        uuid = fields.get_uint64();
      else if (fields.tag() == field::Track::name)
        track.name = fields.get_string();
      else if (fields.tag() == field::Track::parent_uuid)
        track.parent = fields.get_uint64();
      else if (fields.tag() == field::Track::process) {
        Fields<field::TrackProcess> process(fields.get_view());
        REQUIRE(process.next());
        track.pid = process.get_uint32();
      } else {
        track.counts |= fields.tag() == field::Track::counter;
        fields.skip();
      }
    }
    CHECK(tracks.try_emplace(uuid, track).second);
  }

  void take_event(std::string_view message, uint64_t at_ns) {
    uint32_t type = 0;
    Slice slice;
    double value = 0;
    for (Fields<field::TrackEvent> fields(message); fields.next();) {
      if (fields.tag() == field::TrackEvent::type)
        type = fields.get_uint32();
      else if (fields.tag() == field::TrackEvent::track_uuid)
        slice.track = fields.get_uint64();
      else if (fields.tag() == field::TrackEvent::name)
        slice.name = fields.get_string();
      else if (fields.tag() == field::TrackEvent::double_value)
        value = fields.get_double();
      else if (fields.tag() == field::TrackEvent::annotation)
        take_annotation(fields.get_view(), slice);
      else
        fields.skip();
    }
    REQUIRE(tracks.contains(slice.track));  // told before
    slice.begin_ns = at_ns;
    if (type == field::kSliceBegin) slices.push_back(slice);
    if (type == field::kSliceEnd) {
      REQUIRE_FALSE(slices.empty());
      slices.back().end_ns = at_ns;
    }
    if (type == field::kCounterValue) counts.push_back({slice.track, at_ns, value});
  }

  static void take_annotation(std::string_view message, Slice& slice) {
    std::string name;
    double value = 0;
    for (Fields<field::Annotation> fields(message); fields.next();) {
      if (fields.tag() == field::Annotation::name)
        name = fields.get_string();
      else if (fields.tag() == field::Annotation::double_value)
        value = fields.get_double();
      else
        fields.skip();
    }
    slice.figures[name] = value;
  }
};

}  // namespace

TEST_CASE("what a recording says of event loops is read back, field by field") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    const LoopNotes given = Maker(seed).make();
    const LoopNotes got = read_back(written(given)).read_loops;
    REQUIRE(got.loops == given.loops);
    REQUIRE(got.processes == given.processes);
    REQUIRE(got.stretches.size() == given.stretches.size());
    REQUIRE(got.blocks.size() == given.blocks.size());
    REQUIRE(got.pools.size() == given.pools.size());
    REQUIRE(got.troubles.size() == given.troubles.size());
    REQUIRE(written(got) == written(given));
  }
  const LoopBlockNote block = made_block(kBegin, 80 * kMs, {"f", "/a.js", 3, 4, true});
  const LoopNotes got = read_back(written({.blocks = {block}})).read_loops;
  CHECK(got.blocks.at(0).duration_ns == 80 * kMs);
  CHECK(got.blocks[0].functions.at(0).frame.file == "/a.js");
  CHECK(got.blocks[0].functions[0].samples == 6);
}

TEST_CASE("a recording without event loops says so, and another recorder's tracks aren't ours") {
  Writer writer{Header{}};
  writer.flush();
  Collect ours;
  read(*in_memory(writer.bytes()), "made", ours);
  CHECK_FALSE(play::loop_tracks_of(ours.read_header, ours.read_loops).recorded());
  CHECK(tracks_of({}).recorded());

  const std::string another =
      perfetto::packet(field::Packet::track_descriptor, "\x08\x01") +
      perfetto::packet(field::Packet::track_event, "\x48\x01\x58\x01") +
      perfetto::packet(field::Packet::track_event, "\xff\xff") +
      perfetto::bundle(0, {perfetto::switch_event(kMs, {900}, 1, {500, "my"})});
  Collect theirs;
  const Summary summary = read(*in_memory(another), "made", theirs);
  CHECK(summary.broken == 0);
  CHECK(summary.passed_over == 3);
  CHECK(summary.events == 2);  // with the name
  CHECK(theirs.read_loops.blocks.empty());
}

TEST_CASE("of a process's several descriptions the last counts, and what can't be is left out") {
  LoopNotes notes;
  notes.processes = {
      {7, 0, {}, 5}, {8, 2, {80, 3000}, 5}, {7, 1, {443, 65'536}, 6}, {9, 77, {}, 0}};
  const model::LoopTracks tracks = tracks_of(read_back(written(notes)).read_loops);
  REQUIRE(tracks.processes.size() == 3);
  CHECK(tracks.processes.at(7).cluster == model::ClusterRole::primary);
  CHECK(tracks.processes.at(7).ports == std::vector<uint16_t>{443});
  CHECK(tracks.processes.at(7).up_since_ns == 6);
  CHECK(tracks.processes.at(8).cluster == model::ClusterRole::worker);
  CHECK(tracks.processes.at(8).ports == std::vector<uint16_t>{80, 3000});
  CHECK(tracks.processes.at(9).cluster == model::ClusterRole::none);
}

TEST_CASE("a block becomes a slice of its loop's track, below its process") {
  LoopNotes notes;
  notes.stretches.push_back(
      {.tgid = 7, .tid = 8, .begin_ns = kBegin, .end_ns = kBegin + 200 * kMs});
  notes.stretches[0].oncpu_ns = 30 * kMs, notes.stretches[0].asleep_ns = 20 * kMs;
  notes.stretches[0].delays_ns = {0, 5 * kMs};
  notes.blocks.push_back(made_block(kBegin + 3, 80 * kMs, {"f\x1b[2J\n", "/a.js", 3, 4, true}));
  notes.blocks.push_back(made_block(kBegin + 90 * kMs, 60 * kMs, {"", "/b.js", 0, 0, false}));
  notes.blocks.push_back(
      made_block(kBegin + 150 * kMs, 50 * kMs, {"f", "/c.js", 5, 1, false, true}));
  notes.blocks.push_back(made_block(kBegin + 200 * kMs, 60 * kMs, {}));
  notes.blocks.back().functions.clear();
  notes.blocks.back().ended = false;
  notes.pools.push_back({.tgid = 7, .begin_ns = kBegin, .end_ns = kBegin + 200 * kMs});
  notes.pools[0].busy = 3.5, notes.pools[0].counts_queue = true;
  notes.pools[0].queued = 4, notes.pools[0].slow = 2;
  const Viewer viewer(written(notes));
  REQUIRE(viewer.slices.size() == 4);
  const Slice& first = viewer.slices[0];
  CHECK(first.name == "f?[2J? (/a.js:3)");
  CHECK(first.begin_ns == kBegin + 3 + kBoot);
  CHECK(first.end_ns == kBegin + 3 + 80 * kMs + kBoot);
  CHECK(first.figures.at("on_cpu_ms") == 40);
  CHECK(first.figures.at("waiting_for_cpu_ms") == 20);
  CHECK(first.figures.at("asleep_in_a_call_ms") == 20);
  CHECK(first.figures.at("share_of_samples") == 0.75);
  CHECK(first.figures.at("garbage_collection_ms") == 40);
  CHECK_FALSE(first.figures.contains("goes_on"));
  CHECK(viewer.slices[1].name == "(anonymous) (about /b.js)");
  CHECK(viewer.slices[2].name == "f (eval at /c.js:5)");
  CHECK(viewer.slices[3].name == "blocked");
  CHECK(viewer.slices[3].figures.contains("goes_on"));

  const Track& loop = viewer.tracks.at(first.track);
  CHECK(loop.name == "event loop of worker thread 8");
  CHECK_FALSE(loop.counts);
  CHECK(viewer.tracks.at(loop.parent).pid == 7);
  const auto utilisation = viewer.counts_of("event loop of worker thread 8 utilisation, %");
  REQUIRE(utilisation.size() == 1);
  CHECK(utilisation[0].value == 25);
  CHECK(utilisation[0].at_ns == kBegin + kBoot);
  CHECK(viewer.tracks.at(utilisation[0].track).counts);
  CHECK(viewer.counts_of("event loop of worker thread 8 delay, longest, ms").at(0).value == 5);
  CHECK(viewer.counts_of("thread pool, busy threads").at(0).value == 3.5);
  CHECK(viewer.counts_of("thread pool, jobs waiting").at(0).value == 6);
}

TEST_CASE("slices of a loop's track don't overlap, though its blocks seem to") {
  LoopNotes notes;
  notes.blocks.push_back(made_block(kBegin, 80 * kMs, {"f", "/a.js", 3, 4, true}));
  notes.blocks.push_back(made_block(kBegin + 75 * kMs, 60 * kMs, {"g", "/a.js", 9, 4, true}));
  const Viewer viewer(written(notes));
  REQUIRE(viewer.slices.size() == 2);
  CHECK(viewer.slices[1].begin_ns == viewer.slices[0].end_ns);
  CHECK(viewer.slices[1].end_ns == kBegin + 135 * kMs + kBoot);
  CHECK(read_back(written(notes)).read_loops.blocks[1].start_ns ==
        kBegin + 75 * kMs);  // as it was seen
}

TEST_CASE("a block that was told while it went on, and again when it had ended, is one") {
  LoopNotes notes;
  for (const uint64_t duration : {60 * kMs, 90 * kMs, 70 * kMs}) {
    notes.blocks.push_back(made_block(kBegin, duration, {"f", "/a.js", 3, 4, true}));
    notes.blocks.back().ended = duration == 90 * kMs;
  }
  notes.blocks.push_back(made_block(kBegin - kMs, 60 * kMs, {"g", "/a.js", 5, 4, true}));
  const model::LoopTracks tracks = tracks_of(notes);
  REQUIRE(tracks.loops.size() == 1);
  REQUIRE(tracks.loops[0].blocks.size() == 2);
  CHECK(tracks.loops[0].blocks[0].start_ns == kBegin - kMs);
  CHECK(tracks.loops[0].blocks[1].duration_ns == 90 * kMs);
  CHECK(tracks.loops[0].blocks[1].ended);
}

TEST_CASE("what a file says of event loops is no more than can be") {
  LoopNotes notes;
  notes.stretches.push_back({.tgid = 1, .tid = 1, .begin_ns = 9, .end_ns = 5});  // backwards
  notes.stretches.push_back({.tgid = 1, .tid = 1, .begin_ns = 5, .end_ns = 105});
  LoopStretchNote& stretch = notes.stretches.back();
  stretch.oncpu_ns = 60, stretch.wait_ns = UINT64_MAX, stretch.asleep_ns = 7;
  stretch.vm_looks = 3, stretch.garbage_collector = 2, stretch.javascript = UINT32_MAX;
  LoopBlockNote block = made_block(UINT64_MAX - 10, UINT64_MAX, {"f", "", UINT32_MAX, 4, true});
  block.oncpu_ns = UINT64_MAX;
  block.samples = 3, block.named = 9;
  block.garbage_collector = block.javascript = block.native = 100;
  block.functions[0].samples = 7;
  block.functions.push_back({{"g", "", 1, 1, true}, 7, {}});
  notes.blocks.push_back(block);
  block = made_block(1, 10, {"none", "", 1, 1, true});
  block.named = 0;
  notes.blocks.push_back(block);
  for (const double busy : {std::numeric_limits<double>::quiet_NaN(), -1.0, 1e300}) {
    notes.pools.push_back({.tgid = 1, .begin_ns = 0, .end_ns = 10, .looks = 2});
    notes.pools.back().threads = 4, notes.pools.back().busy = busy;
    notes.pools.back().saturated_looks = notes.pools.back().full_looks = 9;
  }
  const model::LoopTracks tracks = tracks_of(read_back(written(notes)).read_loops);
  REQUIRE(tracks.loops.size() == 2);
  REQUIRE(tracks.loops[0].stretches.size() == 1);
  const model::LoopFigures& figures = tracks.loops[0].stretches[0].figures;
  CHECK(figures.active.sum() == 100);
  CHECK(figures.active.wait == 40);
  CHECK(tracks.loops[0].stretches[0].vm.garbage_collector == 2);
  CHECK(tracks.loops[0].stretches[0].vm.javascript == 1);
  REQUIRE(tracks.loops[1].blocks.size() == 2);
  CHECK_FALSE(tracks.loops[1].blocks[0].profile.function());
  const model::LoopBlock& last = tracks.loops[1].blocks[1];
  CHECK(last.duration_ns == 10);
  CHECK(last.split.sum() == 10);
  CHECK(last.profile.gc_share() == 1);
  CHECK(last.profile.vm().sum() == 3);
  REQUIRE(last.profile.functions().size() == 1);
  CHECK(last.profile.function()->share == 1);
  CHECK(last.profile.function()->frame.line > 0);
  REQUIRE(tracks.pools.size() == 1);
  for (const model::PoolStretch& pool : tracks.pools[0].stretches) {
    CHECK((pool.figures.busy >= 0 && pool.figures.busy <= 4));
    CHECK(pool.figures.full_looks == 2);
  }
  CHECK(summed_up(tracks, 0, UINT64_MAX).loops.size() == 2);
}

TEST_CASE("a small file can't tell of very many loops, nor of very many frames") {
  std::string many, stack;
  for (int i = 0; i < 100'000; ++i)
    protozero::pbf_builder<field::Ours>(many).add_message(field::Ours::loop_stretch, std::string());
  for (int i = 0; i < 100'000; ++i)
    protozero::pbf_builder<field::LoopFunction>(stack).add_message(field::LoopFunction::stack,
                                                                   std::string());
  Writer writer(made_header());
  const std::string file = writer.bytes() + perfetto::packet(field::Packet::ours, many);
  Collect collect;
  CHECK_THROWS_AS(read(*in_memory(file), "made", collect), Failure);

  std::string block, ours;
  protozero::pbf_builder<field::LoopBlock>(block).add_message(field::LoopBlock::function, stack);
  protozero::pbf_builder<field::Ours>(ours).add_message(field::Ours::loop_block, block);
  const LoopNotes notes = read_back(writer.bytes() + perfetto::packet(field::Packet::ours, ours) +
                                    closing_packets({}, {}))
                              .read_loops;
  CHECK(notes.blocks.at(0).functions.at(0).stack.size() < 20'000);
}
