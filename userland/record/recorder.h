// SPDX-License-Identifier: MIT
// How does a recording come about? The Recorder attaches the stream, notes who is there, and
// carries records from the rings into a file until it is told to end; then it notes who is still
// there. It runs on our own loop: rings, timers, signals, the command's end and the file's writes
// are its requests.
#pragma once
#include <cstdint>
#include <memory>
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
  bool with_self = false;      // our own wake-ups too
  bool quiet = false;
};

// Records, and says on stderr what became of it. Returns the exit status: the command's, or 128 and
// the number of the signal that killed it; 0 where there was none, or it goes on. Throws Failure,
// whose sentence says whether anything can be read; a file that was there before stays whole until
// the recording has begun.
int record(const RecordOptions& options);

}  // namespace timeslice::record
