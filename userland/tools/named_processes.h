// SPDX-License-Identifier: MIT
// Which processes does -p name? Those that are there: a list made by pgrep or ps may hold some that
// have ended meanwhile, which is said on stderr.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "observe/targets.h"
#include "view/format/say.h"

namespace timeslice::tools {

inline std::vector<uint32_t> named_processes(const std::vector<std::string>& lists) {
  observe::NamedProcesses named = observe::parse_tgids(lists);
  for (const uint32_t gone : named.gone)
    view::say("there is no process " + std::to_string(gone) + "; continuing with the others");
  return named.tgids;
}

}  // namespace timeslice::tools
