// SPDX-License-Identifier: MIT
// How does finished text reach stdout? Whole; and a reader that has gone, as `| head` does, is no
// failure.
#pragma once
#include <string_view>

namespace timeslice::tools {

// False: the reader has gone. Throws Failure. SIGPIPE must be ignored (start.h).
bool write_all(std::string_view text);

}  // namespace timeslice::tools
