// SPDX-License-Identifier: MIT
// Who may read what the tool writes into files? Recordings and pages hold names and command lines
// of the whole machine, so a new file is its owner's alone.
#pragma once
#include <string>

#include "base/unique_fd.h"

namespace timeslice::tools {

// Opens `path` for writing, emptied, or made with mode 0600; a file that is there keeps its mode.
// A symbolic link as the path's last component is refused unless `follow_link`.
// Throws Failure: "cannot write PATH: why".
UniqueFd open_private(const std::string& path, bool follow_link);

// A whole file at once, opened like that. Throws Failure.
void write_private(const std::string& path, const std::string& bytes, bool follow_link);

}  // namespace timeslice::tools
