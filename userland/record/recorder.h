// SPDX-License-Identifier: MIT
// How is a recording made? The Recorder attaches the stream, notes the existing threads, and
// copies records from the rings into a file until it is told to stop; then it notes the threads
// again. It runs on our own loop: rings, timers, signals, the command's end and the file's writes
// are its requests.
#pragma once
#include "record/options.h"

namespace timeslice::record {

// Records, and says on stderr what became of it. Returns the exit status: the command's, or 128 and
// the number of the signal that killed it; 0 where there was none, or it goes on. Throws Failure,
// whose sentence says whether anything can be read; a file that was there before stays whole until
// the recording has begun.
int record(const RecordOptions& options);

}  // namespace timeslice::record
