// SPDX-License-Identifier: MIT
// Which of a thread's pairs is the one with this peer? Most threads have a few peers, and those are
// looked through; a shell that has reaped a hundred thousand children has as many wakers, and finds
// them by hash.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace timeslice::model {

class PairIndex {
 public:
  // In `pairs`, which are those of `owner` (any number that is theirs alone); made where there is
  // none. A reference lives until the next call.
  template <typename Pair>
  Pair& find_or_make(std::vector<Pair>& pairs, uint64_t owner, uint32_t peer, uint8_t context) {
    if (pairs.size() <= kFew) return look_through(pairs, peer, context);
    std::unordered_map<uint64_t, uint32_t>& places = by_owner_[owner];
    if (places.empty())
      for (const Pair& pair : pairs)
        places.emplace(key_of(pair.peer, pair.context), static_cast<uint32_t>(places.size()));
    const auto [at, added] =
        places.try_emplace(key_of(peer, context), static_cast<uint32_t>(pairs.size()));
    if (added) pairs.push_back({peer, context, 0, 0});
    return pairs[at->second];
  }
  // To be called where pairs are cleared.
  void clear() { by_owner_.clear(); }

 private:
  static constexpr size_t kFew = 32;

  static uint64_t key_of(uint32_t peer, uint8_t context) { return uint64_t{peer} << 8 | context; }

  // The pair that is asked for next is nearly always one of the last ones: they stand in front.
  template <typename Pair>
  static Pair& look_through(std::vector<Pair>& pairs, uint32_t peer, uint8_t context) {
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (pairs[i].peer != peer || pairs[i].context != context) continue;
      if (i == 0) return pairs[0];
      std::swap(pairs[i], pairs[i - 1]);
      return pairs[i - 1];
    }
    pairs.push_back({peer, context, 0, 0});
    return pairs.back();
  }

  // By owner, then by peer and context: the place in the owner's pairs.
  std::unordered_map<uint64_t, std::unordered_map<uint64_t, uint32_t>> by_owner_;
};

}  // namespace timeslice::model
