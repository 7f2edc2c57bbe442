// SPDX-License-Identifier: MIT
// How does a recording come about? The Recorder attaches the stream, notes who is there, and
// carries records from the rings into a file until it is told to end; then it notes who is still
// there. It runs on our own loop: rings, timers, signals, the command's end and the file's writes
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
