// SPDX-License-Identifier: MIT
// Who is there at one moment, and what was lost until then? A recording begins and ends with a cut:
// a pass takes a while, so its rows are settled by the records that came meanwhile.
#pragma once
#include <cstdint>
#include <vector>

#include "bpf/snapshot.h"
#include "model/settle.h"
#include "observe/source.h"
#include "observe/stream.h"

namespace timeslice::record {

struct Cut {
  uint64_t moment_ns = 0;
  std::vector<uint64_t> lost;  // records by core, since the stream began
  std::vector<ts_thread_row> rows;
  std::vector<uint32_t> online, idle;  // cores
};

// Records by core that found no room, since the stream began.
std::vector<uint64_t> lost_by_core(const observe::Stream& stream);

// `snapshot`: a pass of `begin_ns` or later, just made. `held`: gets every record since the last
// consume().
Cut make_cut(observe::Stream& stream, const Snapshot& snapshot, uint64_t begin_ns,
             model::Meanwhile& held);

}  // namespace timeslice::record
