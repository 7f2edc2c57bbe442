// SPDX-License-Identifier: MIT
// Do four slots find the most frequent peers, and say how far they may be wrong?
#include "model/space_saving.h"

#include <array>
#include <map>
#include <random>

#include "tests/catch.h"

using namespace timeslice;

namespace {

using Slots = std::array<ts_peer, TS_PEERS>;

const ts_peer* slot_of(const Slots& slots, uint32_t tid) {
  for (const ts_peer& slot : slots)
    if (slot.count != 0 && slot.kernel_tid == tid) return &slot;
  return nullptr;
}

}  // namespace

TEST_CASE("a peer without a slot replaces the rarest, and inherits its count as the error") {
  Slots slots{};
  for (const uint32_t tid : {1U, 1U, 1U, 2U, 2U, 3U, 4U, 4U})
    model::count_peer(slots, tid, TS_CONTEXT_TASK);
  CHECK(slot_of(slots, 3)->count == 1);
  model::count_peer(slots, 5, TS_CONTEXT_TASK);
  CHECK(slot_of(slots, 3) == nullptr);
  REQUIRE(slot_of(slots, 5) != nullptr);
  CHECK(slot_of(slots, 5)->count == 2);
  CHECK(slot_of(slots, 5)->error == 1);
  CHECK(slot_of(slots, 1)->count == 3);
  CHECK(slot_of(slots, 1)->error == 0);
}

TEST_CASE("one thread in two contexts is two peers") {
  Slots slots{};
  CHECK(model::count_peer(slots, 1, TS_CONTEXT_TASK) == 0);
  CHECK(model::count_peer(slots, 1, TS_CONTEXT_HARDIRQ) == 1);
  CHECK(model::count_peer(slots, 1, TS_CONTEXT_TASK) == 0);
}

TEST_CASE("the true count lies between a slot's count minus its error and its count") {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    std::map<uint32_t, uint64_t> truth;
    Slots slots{};
    constexpr uint64_t kEvents = 2000;
    for (uint64_t i = 0; i < kEvents; ++i) {
      const uint32_t tid = 1 + std::min(random() % 20, random() % 20);
      ++truth[tid];
      model::count_peer(slots, tid, TS_CONTEXT_TASK);
    }
    for (const ts_peer& slot : slots) {
      INFO("seed " << seed << ", peer " << slot.kernel_tid);
      CHECK(truth[slot.kernel_tid] <= slot.count);
      CHECK(truth[slot.kernel_tid] >= slot.count - slot.error);
    }
    for (const auto& [tid, count] : truth)
      if (count > kEvents / TS_PEERS) CHECK(slot_of(slots, tid) != nullptr);
  }
}
