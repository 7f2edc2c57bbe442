// SPDX-License-Identifier: MIT
// What can be asked of a recorder?
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/private_file.h"

namespace timeslice::record {

struct RecordOptions {
  std::string path = "timeslice.pftrace";
  Earlier earlier = Earlier::keep_as_old;  // what becomes of a file that is there
  std::vector<uint32_t> tgids;             // these and what they fork
  std::vector<std::string> command;        // this and what it forks, until it ends; empty: none
  double seconds = 0;          // 0: until Ctrl-C, or until the command or processes have ended
  uint64_t max_bytes = 0;      // 0: no limit
  uint32_t ring_kib = 0;       // a core; 0: by the number of cores
  double ring_seconds = 0;     // a flight recorder of so many; 0: none
  double trigger_wait_ms = 0;  // end when a thread has waited so long for a core; 0: never
  uint64_t loop_block_ns = 0;  // event loops too, and turns that last so long; 0: no loops
  bool rings = false;          // what io_uring does, too
  bool with_self = false;      // our own wake-ups too
  bool quiet = false;

  // Some processes, and not the whole machine.
  [[nodiscard]] bool filtered() const { return !tgids.empty() || !command.empty(); }
};

}  // namespace timeslice::record
