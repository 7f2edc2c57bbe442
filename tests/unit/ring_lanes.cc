// SPDX-License-Identifier: MIT
// Is what a recording's rings did drawn where it was, by the route that most of it took?
#include "model/ring_lanes.h"
#include "tests/catch.h"
#include "timeline/ring_facts.h"
#include "view/report/ring_lanes.h"

namespace timeslice {

namespace {

constexpr uint64_t kMs = 1'000'000, kBegin = 1'000'000'000;
constexpr uint32_t kNop = 0, kRead = 22;

uint64_t at(uint64_t ms) { return kBegin + ms * kMs; }

using Routes = std::array<uint64_t, TS_URING_ROUTES>;

model::RingStretch stretch(uint64_t from_ms, uint64_t to_ms, uint64_t in_flight, const Routes& nops,
                           const Routes& reads = {}) {
  model::RingStretch made{at(from_ms), at(to_ms), in_flight, {}};
  made.ops.emplace_back().slot = kNop;
  made.ops.back().by_route = nops;
  made.ops.emplace_back().slot = kRead;
  made.ops.back().by_route = reads;
  return made;
}

model::RingTrack track(int fd, std::vector<model::RingStretch> stretches) {
  model::RingTrack made;
  made.tgid = 7;
  made.fd = fd;
  made.command = "app\x1b[2J";
  made.stretches = std::move(stretches);
  return made;
}

// One that is idle, one that does a little, and one that does most.
std::vector<model::RingTrack> made_rings() {
  return {track(3, {stretch(0, 800, 0, {})}), track(4, {stretch(600, 800, 0, {4, 0, 0, 0})}),
          track(5, {stretch(0, 200, 0, {80, 0, 0, 0}, {0, 0, 20, 0}),
                    stretch(200, 300, 2, {0, 0, 0, 9}), stretch(300, 400, 2, {}),
                    stretch(500, 600, 0, {3, 40, 0, 0})})};
}

}  // namespace

TEST_CASE(
    "a ring's operations are spread over the cells of their stretch, the busiest ring first") {
  const std::vector<model::RingTrack> rings = made_rings();
  const model::RingLanes lanes(rings, 20, model::Cells(kBegin, at(800), 8));
  REQUIRE(lanes.lanes().size() == 2);
  CHECK(lanes.left_out() == 0);
  CHECK(lanes.lanes()[1].ring->fd == 4);
  const model::RingLanes::Lane& lane = lanes.lanes()[0];
  CHECK(lane.ring->fd == 5);
  CHECK(lane.completed == Approx(152));
  CHECK(lane.most == Approx(50));
  CHECK(lane.parts[0].by_route[TS_URING_INLINE] == Approx(40));
  CHECK(lane.parts[1].by_route[TS_URING_POLL] == Approx(10));
  CHECK(lane.parts[0].main_route() == TS_URING_INLINE);
  CHECK(lane.parts[2].main_route() == TS_URING_IO_WQ);
  CHECK(lane.parts[3].completed() == 0);
  CHECK(lane.parts[3].in_flight);
  CHECK_FALSE(lane.parts[4].in_flight);
  CHECK(lane.parts[5].main_route() == TS_URING_ASYNC_CALLBACK);

  const model::RingLanes part(rings, 20, model::Cells(at(100), at(150), 1));
  REQUIRE(part.lanes().size() == 1);
  CHECK(part.lanes()[0].completed == Approx(25));
  CHECK(model::RingLanes(rings, 1, model::Cells(kBegin, at(800), 8)).left_out() == 1);
}

TEST_CASE("a ring's lane has a letter for the route, in capitals where it is busy") {
  const std::vector<model::RingTrack> rings = made_rings();
  view::LaneOptions options;
  options.ascii = true;
  std::string text;
  view::append_ring_lanes(text, {rings, 1, model::Cells(kBegin, at(800), 16)}, options);
  CHECK(text ==
        "ring app?[2J/7:5          IIIIww..  AA\n"
        "1 more ring\n"
        "\n");
  options.ascii = false;
  options.colour = view::LaneColour::thread;
  text.clear();
  view::append_ring_lanes(text, {rings, 1, model::Cells(at(200), at(400), 2)}, options);
  CHECK(text ==
        "ring app?[2J/7:5          \033[38;5;166mW\033[0m·\n"
        "\n");
}

TEST_CASE("a page's facts of rings are their stretches in the window, at most so many") {
  model::UringTracks tracks;
  tracks.recorded = true;
  tracks.rings = made_rings();
  nlohmann::json facts = timeline::ring_facts(tracks, {}, at(250), at(700));
  REQUIRE(facts.size() == 2);
  CHECK(facts[0]["fd"] == 5);
  CHECK(facts[0]["stretches"].size() == 3);
  const nlohmann::json& first = facts[0]["stretches"][0];
  CHECK(first["begin_ns"] == 0);
  CHECK(first["end_ns"] == 50 * kMs);
  CHECK(first["length_ns"] == 100 * kMs);
  CHECK(first["in_flight"] == 2);
  CHECK(first["ops"]["NOP"] == nlohmann::json({0, 0, 0, 9}));
  CHECK(facts[1]["stretches"][0]["end_ns"] == 450 * kMs);

  tracks.rings = {track(4, {})};
  for (uint64_t i = 0; i < 5000; ++i)
    tracks.rings[0].stretches.push_back(stretch(i, i + 1, 0, {1, 0, 0, 0}));
  facts = timeline::ring_facts(tracks, {}, kBegin, at(5000));
  const nlohmann::json& stretches = facts[0]["stretches"];
  CHECK(stretches.size() == 1667);
  CHECK(stretches[0]["ops"]["NOP"][0] == 3);
  uint64_t all = 0;
  for (const nlohmann::json& one : stretches) all += one["ops"]["NOP"][0].get<uint64_t>();
  CHECK(all == 5000);
  CHECK(stretches.back()["end_ns"] == 5000 * kMs);
}

}  // namespace timeslice
