// SPDX-License-Identifier: MIT
// How does a test find one thread in what a source or the model handed out?
#pragma once
#include <sys/types.h>

#include "model/tracker.h"
#include "observe/source.h"

namespace timeslice::live {

// Null where the thread isn't among them.
const ts_thread_row* row_of(const Snapshot& snapshot, pid_t tid);
const ts_sched_row* sched_of(const Snapshot& snapshot, pid_t tid);
const model::Thread* thread_of(const model::Frame& frame, pid_t tid);

// A source with the model on top, without look-ups.
struct Look {
  explicit Look(std::unique_ptr<observe::Source> opened) : source(std::move(opened)) {}
  const model::Frame& advance() {
    snapshot = &source->read();
    return tracker.advance(*snapshot);
  }
  std::unique_ptr<observe::Source> source;
  const Snapshot* snapshot = nullptr;
  model::Tracker tracker;
};

}  // namespace timeslice::live
