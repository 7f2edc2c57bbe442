// SPDX-License-Identifier: MIT
#include "live/node_processes.h"

#include "live/session.h"

namespace timeslice::live {

std::vector<uint32_t> node_processes() {
  Session session({});
  std::vector<uint32_t> tgids;
  for (const model::Process* process : session.advance().processes)
    if (process->runtime == "node") tgids.push_back(process->tgid);
  return tgids;
}

}  // namespace timeslice::live
