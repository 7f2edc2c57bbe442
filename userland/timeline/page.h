// SPDX-License-Identifier: MIT
// How does a recording become one HTML page that needs no network? The page's looks and its program
// lie in timeline/page and are part of this binary. This class listens to the History, keeps each
// core's slices as columns (about six bytes a slice), and writes them into the page with the names.
//
// What the page shows is exact to the nanosecond (wake-ups to 32 ns): its sums over the whole
// window are those of the History, and the page says so or says by how much they differ.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/history.h"
#include "model/loop_track.h"
#include "model/uring_track.h"
#include "timeline/columns.h"

namespace timeslice::timeline {

class TimelinePage : public model::Listener {
 public:
  void slice(const model::Slice& slice) override;
  // Also for waits that end in no slice because records are missing, if the History tells of them:
  // in order of time, as slices are.
  void waiting(const model::Slice& slice) override;

  // Appends the page. After the last slice; `threads` as the slices number them. Without
  // `with_recorder` the recorder's own threads are on the cores' lanes only, as in a report.
  void write(std::string& out, const model::HistoryInfo& info,
             std::span<const model::HistoryThread> threads,
             std::span<const model::HistoryCore> cores, std::string_view trust_line,
             bool with_recorder = false, const model::LoopTracks& loops = {},
             const model::UringTracks& rings = {}) const;

  [[nodiscard]] uint64_t slices() const { return slices_; }

 private:
  // The slices of one core, or the waits that go on at the end. `kinds` numbers what rarely differs
  // (see kinds_); a number column has an entry only where the slice's kind says so.
  struct Lane {
    uint64_t count = 0;
    uint64_t first_ns = 0, last_end_ns = 0;
    std::string kinds, threads, peers;
    NumberColumn gap, length, wait, waking;
  };
  // What the page's reader knows of a thread at this point as well, so that it needn't be written.
  struct Before {
    uint64_t end_ns = 0;  // of its last slice; 0: none
    uint32_t peers[4] = {model::kNobody, model::kNobody, model::kNobody, model::kNobody};
  };
  struct Blob;

  void add(Lane& lane, const model::Slice& slice);
  uint32_t kind_of(const model::Slice& slice);
  [[nodiscard]] std::map<uint32_t, const Lane*> lanes_of(
      std::span<const model::HistoryCore> cores) const;
  void append_levels(Blob& blob, const Lane& lane, uint64_t begin_ns, uint64_t duration_ns,
                     size_t threads) const;

  std::vector<Lane> lanes_;  // by core
  Lane waiting_;
  std::vector<Before> before_;  // by thread
  std::unordered_map<uint32_t, uint32_t> kind_numbers_;
  std::vector<uint32_t> kinds_;  // see kind_bits in the .cc file
  uint64_t slices_ = 0;
};

}  // namespace timeslice::timeline
