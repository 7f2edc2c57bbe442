// SPDX-License-Identifier: MIT
// Which thread of the recording is meant? Workloads name theirs.
#pragma once
#include <optional>
#include <string>

#include "model/history.h"

namespace timeslice::labs {

// Absent: none has that name. Of several, the first.
inline std::optional<model::HistoryThread> thread_named(const model::History& history,
                                                        const std::string& name) {
  for (const model::HistoryThread& thread : history.threads())
    if (thread.comm == name) return thread;
  return std::nullopt;
}

// Its index in the history.
inline std::optional<uint32_t> index_named(const model::History& history, const std::string& name) {
  for (uint32_t i = 0; i < history.threads().size(); ++i)
    if (history.threads()[i].comm == name) return i;
  return std::nullopt;
}

}  // namespace timeslice::labs
