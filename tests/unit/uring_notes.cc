// SPDX-License-Identifier: MIT
// Is what a recording says of io_uring read back as it was written, and does Perfetto's viewer find
// counters in it? Whatever a file says, its figures stay what figures can be.
#include <limits>
#include <map>
#include <random>

#include "base/failure.h"
#include "bpf/uring.h"
#include "play/uring_tracks.h"
#include "tests/catch.h"
#include "tests/unit/perfetto_file.h"
#include "tests/unit/read_back.h"
#include "trace/message.h"
#include "trace/packets.h"
#include "trace/people.h"
#include "trace/reader.h"
#include "trace/tables.h"
#include "trace/writer.h"
#include "view/format/uring_json.h"
#include "view/format/uring_text.h"

using namespace timeslice;
using namespace timeslice::trace;
using perfetto::kMs;

namespace {

constexpr uint64_t kBegin = 1'000'000'000, kBoot = 500;
constexpr uint32_t kNop = 0, kRecv = 27;

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}

  UringNotes make() {
    UringNotes notes;
    for (uint32_t i = below(9); i > 0; --i) notes.rings.push_back(ring());
    for (uint32_t i = below(9); i > 0; --i) notes.stretches.push_back(stretch());
    for (uint32_t i = below(9); i > 0; --i) notes.threads.push_back(threads());
    for (uint32_t i = below(9); i > 0; --i)
      notes.trust.push_back({number(), number(), number(), number(), number(), number()});
    for (uint32_t i = below(3); i > 0; --i) notes.troubles.push_back(std::to_string(i));
    return notes;
  }

 private:
  uint32_t below(uint64_t limit) { return static_cast<uint32_t>(random_() % limit); }
  uint64_t number() { return random_() >> (below(8) ? 30 : below(64)); }
  uint32_t number32() { return static_cast<uint32_t>(number()); }
  template <typename Value>
  std::optional<Value> maybe(Value value) {
    return below(2) ? std::optional(value) : std::nullopt;
  }

  RingNote ring() {
    RingNote note{number32(), static_cast<int32_t>(number32()), number(), {}};
    for (uint32_t i = below(20); i > 0; --i) note.command += static_cast<char>(1 + below(255));
    for (auto* figure :
         {&note.sq_entries, &note.sq_waiting, &note.cq_entries, &note.cq_unread, &note.sq_thread,
          &note.sq_thread_cpu, &note.files, &note.buffers, &note.polls, &note.overflow})
      *figure = maybe(number32());
    note.sq_work_ratio = maybe(below(100) / 64.0);
    return note;
  }
  RingStretchNote stretch() {
    RingStretchNote note{number32(), static_cast<int32_t>(number32()), number(), number(), number(),
                         {}};
    for (uint32_t i = below(5); i > 0; --i) {
      RingOpNote op{number32()};
      for (auto* figure :
           {&op.in_line, &op.async_callback, &op.poll, &op.io_wq, &op.shots, &op.refused,
            &op.submitted, &op.without_cqe, &op.unseen, &op.latency_sum_ns})
        *figure = number();
      for (uint32_t bucket = below(6); bucket > 0; --bucket) {
        op.latency_buckets.push_back(number32());
        op.latency_counts.push_back(number32());
      }
      note.ops.push_back(op);
    }
    return note;
  }
  RingThreadsNote threads() {
    RingThreadsNote note{number32(), number(), number()};
    for (auto* figure : {&note.submitters, &note.workers, &note.sqpoll}) *figure = number32();
    for (auto* figure : {&note.submitters_cpu_ns, &note.workers_cpu_ns, &note.sqpoll_cpu_ns,
                         &note.submitters_nvcsw, &note.workers_nvcsw, &note.sqpoll_nvcsw,
                         &note.submitters_nivcsw, &note.workers_nivcsw, &note.sqpoll_nivcsw})
      *figure = number();
    return note;
  }

  std::mt19937_64 random_;
};

Header made_header() {
  Header header;
  header.begin_ns = kBegin;
  header.boot_offset_ns = kBoot;
  header.rings = true;
  return header;
}

std::string written(const UringNotes& notes) {
  Writer writer(made_header());
  for (const RingNote& note : notes.rings) writer.ring(note);
  for (const RingStretchNote& note : notes.stretches) writer.ring_stretch(note);
  for (const RingThreadsNote& note : notes.threads) writer.ring_threads(note);
  for (const RingTrustNote& note : notes.trust) writer.ring_trust(note);
  for (const std::string& why : notes.troubles) writer.ring_trouble(why);
  writer.flush();
  return writer.bytes() + closing_packets({}, {});
}

RingOpNote made_op(uint32_t slot, uint64_t in_line, uint64_t poll) {
  RingOpNote op;
  op.slot = slot;
  op.in_line = in_line, op.poll = poll;
  op.latency_buckets = {ts_wait_bucket(3'000), ts_wait_bucket(1'000'000)};
  op.latency_counts = {static_cast<uint32_t>(in_line), static_cast<uint32_t>(poll)};
  return op;
}

// A ring that worked for two stretches and rested in a third; and another.
UringNotes made_notes() {
  UringNotes notes;
  RingNote ring{.tgid = 7, .fd = 4, .time_ns = kBegin + 1, .command = "app"};
  ring.sq_entries = 64;
  notes.rings.push_back(ring);
  ring.time_ns += 300 * kMs, ring.sq_waiting = 3;
  notes.rings.push_back(ring);
  for (uint64_t i = 0; i < 3; ++i) {
    const uint64_t from = kBegin + i * 200 * kMs, to = from + 200 * kMs;
    notes.stretches.push_back({7, 4, from, to, i, {}});
    if (i < 2) notes.stretches.back().ops = {made_op(kNop, 40, 0), made_op(kRecv, 0, 2)};
    notes.threads.push_back({.tgid = 7, .begin_ns = from, .end_ns = to, .submitters = 1});
    notes.threads.back().workers = i == 1 ? 2 : 0;
    notes.threads.back().workers_cpu_ns = i == 1 ? 50 * kMs : 0;
    notes.threads.back().submitters_nvcsw = 21;
    notes.trust.push_back({from, to, 1, 0, 8'400, 42});
  }
  notes.stretches.push_back({7, 9, kBegin, kBegin + 200 * kMs, 0, {made_op(kNop, 5, 0)}});
  return notes;
}

model::UringTracks tracks_of(const UringNotes& notes) {
  return play::uring_tracks_of(made_header(), notes);
}

struct Counts {
  std::map<uint64_t, std::string> names;
  std::map<std::string, std::vector<std::pair<uint64_t, double>>> values;
};

void take(std::string_view packet, Counts& counts) {
  uint64_t at_ns = 0, track = 0;
  double value = 0;
  bool is_event = false;
  for (Fields<field::Packet> fields(packet); fields.next();) {
    if (fields.tag() == field::Packet::timestamp) {
      at_ns = fields.get_uint64();
    } else if (fields.tag() == field::Packet::track_descriptor) {
      uint64_t uuid = 0;
      std::string name;
      for (Fields<field::Track> of(fields.get_view()); of.next();) {
        if (of.tag() == field::Track::uuid)
          uuid = of.get_uint64();
        else if (of.tag() == field::Track::name)
          name = of.get_string();
        else
          of.skip();
      }
      CHECK(counts.names.emplace(uuid, name).second);  // told once
    } else if (fields.tag() == field::Packet::track_event) {
      is_event = true;
      for (Fields<field::TrackEvent> of(fields.get_view()); of.next();) {
        if (of.tag() == field::TrackEvent::track_uuid)
          track = of.get_uint64();
        else if (of.tag() == field::TrackEvent::double_value)
          value = of.get_double();
        else
          of.skip();
      }
    } else {
      fields.skip();
    }
  }
  if (!is_event) return;
  REQUIRE(counts.names.contains(track));
  counts.values[counts.names[track]].emplace_back(at_ns - kBoot, value);
}

Counts counts_in(const std::string& file) {
  Counts counts;
  const auto bytes = in_memory(file);
  for (Packets packets(*bytes); packets.next();) take(packets.contents(), counts);
  return counts;
}

using Values = std::vector<std::pair<uint64_t, double>>;

}  // namespace

TEST_CASE("what a recording says of io_uring is read back, field by field") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    const UringNotes given = Maker(seed).make();
    const UringNotes got = read_back(written(given)).read_rings;
    REQUIRE(got.rings == given.rings);
    REQUIRE(got.stretches == given.stretches);
    REQUIRE(got.threads == given.threads);
    REQUIRE(got.trust == given.trust);
    REQUIRE(got.troubles == given.troubles);
  }
}

TEST_CASE("a ring's state is told again only where it is another") {
  UringNotes notes = made_notes();
  notes.rings.insert(notes.rings.begin(), notes.rings.front());
  notes.rings.front().time_ns -= 1;
  const UringNotes got = read_back(written(notes)).read_rings;
  REQUIRE(got.rings.size() == 2);
  CHECK(got.rings[0].time_ns == kBegin);
  CHECK(got.rings[1].sq_waiting == 3U);
}

TEST_CASE("io_uring's operations are counters of their ring, below its process") {
  const Counts counts = counts_in(written(made_notes()));
  const auto& values = counts.values;
  const uint64_t step = 200 * kMs;
  CHECK(values.at("io_uring ring 4, NOP inline, per second") ==
        Values{{kBegin, 200}, {kBegin + step, 200}, {kBegin + 2 * step, 0}});
  CHECK(values.at("io_uring ring 4, RECV poll, per second") ==
        Values{{kBegin, 10}, {kBegin + step, 10}, {kBegin + 2 * step, 0}});
  CHECK(values.at("io_uring ring 9, NOP inline, per second") == Values{{kBegin, 25}});
  CHECK(values.at("io_uring ring 4, in flight") ==
        Values{{kBegin + step, 0}, {kBegin + 2 * step, 1}, {kBegin + 3 * step, 2}});
  CHECK(values.at("io_uring ring 4, slowest, us").at(0).second >= 1000);
  CHECK(values.at("io_uring ring 4, slowest, us").at(2).second == 0);
  CHECK(values.at("io_uring, io-wq workers") == Values{{kBegin + step, 2}, {kBegin + 2 * step, 0}});
  CHECK(values.at("io_uring, io-wq workers' CPU, %").at(0).second == 25);
  CHECK_FALSE(values.contains("io_uring, SQPOLL's CPU, %"));
}

TEST_CASE("a recording's io_uring figures are summed up by ring and in all, within a window") {
  const model::UringTracks tracks = tracks_of(read_back(written(made_notes())).read_rings);
  REQUIRE(tracks.recorded);
  const uint64_t end = kBegin + 600 * kMs;
  const model::UringFrame all = summed_up(tracks, kBegin, end);
  REQUIRE(all.rings.size() == 2);
  CHECK(all.rings[0].fd == 4);
  CHECK(all.rings[0].sq_entries == 64U);
  CHECK(all.rings[0].sq_waiting == 3U);
  CHECK(all.rings[0].in_flight == 2U);
  REQUIRE(all.rings[0].ops);
  REQUIRE(all.rings[0].ops->size() == 2);
  CHECK(all.rings[0].ops->at(0).op == "NOP");
  CHECK(all.rings[0].ops->at(0).count() == 80);
  CHECK(all.rings[0].ops->at(0).timed == 80);
  CHECK(all.rings[0].ops->at(1).by_route == std::array<uint64_t, TS_URING_ROUTES>{0, 0, 4, 0});
  CHECK(*all.rings[0].ops->at(1).p50_ns >= 1'000'000);
  CHECK(all.figures.ops->at(0).count() == 85);
  CHECK(all.figures.interval_ns == 600 * kMs);
  CHECK(all.figures.overflows == 3U);
  CHECK(*all.figures.probe_ns_per_op == Approx(200));
  CHECK(all.figures.submitters.threads == 1);
  CHECK(all.figures.submitters.switches() == 63);
  CHECK(all.figures.workers.threads == 2);  // at once
  CHECK(*all.figures.switches_per_op() == Approx(63.0 / 89));
  CHECK(all.processes.at(0).command == "app");

  const model::UringFrame first = summed_up(tracks, kBegin, kBegin + 200 * kMs);
  CHECK(first.rings[0].ops->at(0).count() == 40);
  CHECK_FALSE(first.rings[0].sq_waiting);
  CHECK(first.figures.interval_ns == 200 * kMs);
  const model::UringFrame last = summed_up(tracks, kBegin + 400 * kMs, end);
  CHECK(last.rings[0].ops->empty());
  REQUIRE(last.rings.size() == 1);  // the other one is known by what it did before only
  std::string text;
  view::append_text(text, all);
  CHECK(text.find("7 app\n"
                  "  ring 4: SQ 3 of 64 waiting, CQ - of - unread, 2 in flight\n"
                  "    84 operations: NOP 80, RECV 4; inline 95.2%, poll 4.8%\n"
                  "  ring 9: SQ - of - waiting, CQ - of - unread, 0 in flight\n"
                  "    5 operations: NOP 5; inline 100.0%\n") == 0);
}

TEST_CASE("what the switches of submitters that have ended came to isn't known") {
  const auto known = [](const UringNotes& notes) {
    const model::UringFrame frame = summed_up(tracks_of(notes), kBegin, kBegin + 600 * kMs);
    CHECK(frame.figures.submitters.threads == 1);
    return frame.figures.switches_per_op().has_value();
  };
  CHECK(known(made_notes()));
  UringNotes gone = made_notes();  // at the last moment
  gone.threads.pop_back();
  CHECK_FALSE(known(gone));
  UringNotes brief = made_notes();  // between two
  brief.stretches.push_back({8, 4, kBegin, kBegin + 200 * kMs, 0, {made_op(kNop, 5, 0)}});
  CHECK_FALSE(known(brief));
}

TEST_CASE("a recording says whether io_uring was recorded, and why there is nothing of it") {
  Writer writer{Header{}};
  writer.flush();
  Collect without;
  read(*in_memory(writer.bytes()), "made", without);
  CHECK_FALSE(play::uring_tracks_of(without.read_header, without.read_rings).recorded);
  const model::UringTracks tracks =
      tracks_of(read_back(written({.troubles = {"no probes"}})).read_rings);
  CHECK(tracks.recorded);
  const model::UringFrame frame = summed_up(tracks, 0, UINT64_MAX);
  CHECK(frame.note == "no probes");
  CHECK_FALSE(frame.figures.ops);
  CHECK(view::uring_json(frame)["ops"].is_null());
}

TEST_CASE("what a file says of io_uring is no more than can be") {
  UringNotes notes;
  RingNote ring{.tgid = 1, .fd = -7};
  ring.sq_work_ratio = std::numeric_limits<double>::quiet_NaN();
  ring.sq_thread = UINT32_MAX;
  notes.rings.push_back(ring);
  notes.stretches.push_back({1, 4, 9, 5, 1, {made_op(kNop, 1, 1)}});  // backwards
  RingOpNote op = made_op(kNop, UINT64_MAX, UINT64_MAX);
  op.shots = op.refused = op.without_cqe = op.unseen = UINT64_MAX;
  op.latency_buckets = {0, TS_WAIT_BUCKETS, UINT32_MAX, 3};
  op.latency_counts = {UINT32_MAX, 1, 1};
  for (int i = 0; i < 3; ++i)
    notes.stretches.push_back({1, 4, 5, 6, UINT64_MAX, {op, made_op(TS_URING_SLOTS, 1, 1)}});
  notes.threads.push_back({.tgid = 1, .begin_ns = 5, .end_ns = 6, .submitters = UINT32_MAX});
  notes.threads.push_back(notes.threads.back());
  notes.trust.push_back({5, 6, UINT64_MAX, UINT64_MAX, UINT64_MAX, 1});
  notes.trust.push_back({6, 6, 1, 1, 1, 1});
  const model::UringTracks tracks = tracks_of(read_back(written(notes)).read_rings);
  REQUIRE(tracks.rings.size() == 2);
  CHECK(tracks.rings[1].stretches.size() == 3);
  CHECK(tracks.trust.size() == 1);
  const model::UringFrame frame = summed_up(tracks, 0, UINT64_MAX);
  CHECK_FALSE(frame.rings[0].sq_work_ratio);
  CHECK_FALSE(frame.rings[0].sq_thread);
  REQUIRE(frame.figures.ops->size() == 1);
  const model::UringOp& nop = frame.figures.ops->at(0);
  CHECK(nop.count() < uint64_t{1} << 44);
  CHECK(nop.shots <= nop.count());
  CHECK(nop.timed == UINT32_MAX);
  std::string out;
  view::append_text(out, frame);
  view::append_json(out, frame);
  CHECK_FALSE(out.empty());
}

TEST_CASE("a small file can't tell of very many rings, nor of very many operations") {
  std::string many, stretch, ours;
  for (int i = 0; i < 100'000; ++i) {
    protozero::pbf_builder<field::Ours>(many).add_message(field::Ours::ring_stretch, std::string());
    protozero::pbf_builder<field::RingStretch>(stretch).add_message(field::RingStretch::op,
                                                                    std::string());
  }
  Writer writer(made_header());
  Collect collect;
  CHECK_THROWS_AS(read(*in_memory(writer.bytes() + perfetto::packet(field::Packet::ours, many)),
                       "made", collect),
                  Failure);
  protozero::pbf_builder<field::Ours>(ours).add_message(field::Ours::ring_stretch, stretch);
  const UringNotes notes = read_back(writer.bytes() + perfetto::packet(field::Packet::ours, ours) +
                                     closing_packets({}, {}))
                               .read_rings;
  CHECK(notes.stretches.at(0).ops.size() < 20'000);
}

TEST_CASE("a recording that is cut anywhere in its rings is read up to there") {
  const std::string whole = written(made_notes());
  for (size_t size = 0; size < whole.size(); ++size) {
    Collect collect;
    try {
      read(*in_memory(whole.substr(0, size)), "made", collect);
    } catch (const Failure&) {
      continue;  // not a recording yet
    }
    REQUIRE(collect.read_rings.stretches.size() <= made_notes().stretches.size());
  }
}
