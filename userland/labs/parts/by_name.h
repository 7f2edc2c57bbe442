// SPDX-License-Identifier: MIT
// Which thread of the recording is meant? Workloads name theirs.
#pragma once
#include <optional>
#include <set>
#include <string>

#include "model/history.h"

namespace timeslice::labs {

// Whether it is one of the workload's: only these are recorded. Of others there is a name where
// they preempted or woke one of them, and somebody may run the same lab beside.
inline bool took_part(const model::HistoryThread& thread) {
  return (thread.flags & TS_THREAD_OUTSIDE) == 0;
}

// Absent: none has that name. Of several, the first.
inline std::optional<model::HistoryThread> thread_named(const model::History& history,
                                                        const std::string& name) {
  for (const model::HistoryThread& thread : history.threads())
    if (took_part(thread) && thread.comm == name) return thread;
  return std::nullopt;
}

// Its index in the history.
inline std::optional<uint32_t> index_named(const model::History& history, const std::string& name) {
  for (uint32_t i = 0; i < history.threads().size(); ++i)
    if (took_part(history.threads()[i]) && history.threads()[i].comm == name) return i;
  return std::nullopt;
}

// Of all processes whose first thread is called so.
inline std::set<uint32_t> processes_named(const model::History& history, const std::string& name) {
  std::set<uint32_t> processes;
  for (const model::HistoryThread& thread : history.threads())
    if (took_part(thread) && thread.tid == thread.tgid && thread.comm == name)
      processes.insert(thread.tgid);
  return processes;
}

}  // namespace timeslice::labs
