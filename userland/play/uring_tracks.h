// SPDX-License-Identifier: MIT
// What does a recording say of io_uring, as the model has it? Whatever is in the file, each ring
// and process is there once, and its stretches have a length and an order.
#pragma once
#include "model/uring_track.h"
#include "trace/recording.h"

namespace timeslice::play {

model::UringTracks uring_tracks_of(const trace::Header& header, const trace::UringNotes& notes);

}  // namespace timeslice::play
