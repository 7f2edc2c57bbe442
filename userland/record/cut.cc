// SPDX-License-Identifier: MIT
#include "record/cut.h"

#include <algorithm>

namespace timeslice::record {

namespace {

constexpr int kTries = 8;  // for a moment at which nothing is being lost

// While records are being lost, their number at a moment is known only nearly: rather one too many.
Cut moment_between_losses(const observe::Stream& stream) {
  Cut cut;
  std::vector<uint64_t> before = lost_by_core(stream);
  for (int tries = 0; tries < kTries; ++tries) {
    cut.moment_ns = stream.now_ns();
    cut.lost = lost_by_core(stream);
    if (cut.lost == before) break;
    before = cut.lost;
  }
  return cut;
}

}  // namespace

std::vector<uint64_t> lost_by_core(const observe::Stream& stream) {
  std::vector<uint64_t> lost;
  for (const ts_stream_core& core : stream.figures()) lost.push_back(core.dropped[TS_DROP_FULL]);
  return lost;
}

Cut make_cut(observe::Stream& stream, const Snapshot& snapshot, uint64_t begin_ns,
             model::Meanwhile& held) {
  Cut cut = moment_between_losses(stream);
  stream.consume([&held](const ts_event& event) { held.add(event); });
  cut.rows = model::settle(snapshot.threads, begin_ns, cut.moment_ns, cut.moment_ns, held);
  for (const ts_core_row& core : snapshot.cores)
    if (model::is_online(core)) cut.online.push_back(core.cpu);
  std::sort(cut.online.begin(), cut.online.end());
  cut.idle = model::idle_cores(snapshot.cores, cut.rows, begin_ns, cut.moment_ns, held);
  return cut;
}

}  // namespace timeslice::record
