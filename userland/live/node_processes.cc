// SPDX-License-Identifier: MIT
#include "live/node_processes.h"

#include <unistd.h>

#include "live/session.h"

namespace timeslice::live {

bool has_loops_to_watch(const model::Process& process) {
  const bool is_ours =
      process.runtime == "timeslice" && process.tgid != static_cast<uint32_t>(getpid());
  return (process.runtime == "node" || is_ours) && !process.ended;
}

std::vector<uint32_t> node_processes() {
  Session session({});
  std::vector<uint32_t> tgids;
  for (const model::Process* process : session.advance().processes)
    if (process->runtime == "node") tgids.push_back(process->tgid);
  return tgids;
}

}  // namespace timeslice::live
