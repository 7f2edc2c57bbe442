// SPDX-License-Identifier: MIT
// What does a recording say of event loops, as the model has it? Whatever is in the file, parts
// are no more than their whole, and nothing is longer than time goes.
#pragma once
#include "model/loop_track.h"
#include "trace/recording.h"

namespace timeslice::play {

model::LoopTracks loop_tracks_of(const trace::Header& header, const trace::LoopNotes& notes);

}  // namespace timeslice::play
