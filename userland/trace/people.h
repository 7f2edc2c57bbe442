// SPDX-License-Identifier: MIT
// Who was there, and what recorded them? The packets of a file that aren't events: its header, rows
// of threads, roles, the closing; and from other recorders the process tree, the clocks and the
// system.
#pragma once
#include <string_view>

#include "trace/recording.h"

namespace timeslice::trace {

// What the first go through a file has learnt.
struct People {
  Header header;
  bool has_header = false;  // of ours
  bool has_closing = false;
  bool has_events = false;
  bool another = false;  // recording begins here, put behind the first; nothing of it was taken
  uint64_t boottime_ns = 0, monotonic_ns = 0, realtime_ns = 0;  // of the first clock snapshot
  std::vector<ts_thread_row> opening, closing_rows;
  std::vector<RoleNote> roles;
  std::vector<RuntimeNote> runtimes;
  LoopNotes loops;
  size_t frames = 0;  // of the loops' stacks
  UringNotes rings;
  size_t ring_ops = 0;  // of the rings' stretches
  Closing closing;
  std::vector<ts_thread_row> tree;  // of other recorders: names only
  uint64_t bytes = 0;  // of the file, up to here: they bound how many rows there may be
};

// How many threads may this many bytes describe? Each has a row or a few events: more than
// these are made up to fill memory.
inline uint64_t most_threads(uint64_t bytes) { return 65536 + bytes / 24; }

// How many notes of each kind may it have of loops and rings, frames of their stacks, and
// operations of theirs? A stretch takes some hundred bytes, an operation thirty.
inline uint64_t most_loop_notes(uint64_t bytes) { return 4096 + bytes / 24; }

// Each takes one message. They throw protozero::exception where it is broken, and Failure where it
// is of a version that isn't known here, or tells of more threads or loops than its size allows.
void take_ours(std::string_view message, People& people);
void take_clocks(std::string_view message, People& people);
void take_system(std::string_view message, People& people);
void take_tree(std::string_view message, People& people);

}  // namespace timeslice::trace
