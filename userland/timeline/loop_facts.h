// SPDX-License-Identifier: MIT
// What does the page have to know of event loops? Of each its blocks, one by one, and which of the
// page's threads runs it: whether that ran or waited meanwhile is in its slices.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>

#include "model/history.h"
#include "model/loop_track.h"

namespace timeslice::timeline {

// An array, by process; times are since `begin_ns`. loops.js reads it.
nlohmann::json loop_facts(const model::LoopTracks& tracks,
                          std::span<const model::HistoryThread> threads, uint64_t begin_ns,
                          uint64_t end_ns);

}  // namespace timeslice::timeline
