// SPDX-License-Identifier: MIT
// What does the page have to know of io_uring? Of each ring what it did, stretch by stretch.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>

#include "model/history.h"
#include "model/uring_track.h"

namespace timeslice::timeline {

// An array, the busiest first, and only of those that did anything; times are since `begin_ns`.
// rings.js reads it.
nlohmann::json ring_facts(const model::UringTracks& tracks,
                          std::span<const model::HistoryThread> threads, uint64_t begin_ns,
                          uint64_t end_ns);

}  // namespace timeslice::timeline
