// SPDX-License-Identifier: MIT
// What does /file send? A file that has no name, and goes with its last descriptor.
#pragma once
#include <cstddef>

#include "base/unique_fd.h"

namespace timeslice::demo {

// Of `size` bytes, in lines of 64. Throws Failure.
UniqueFd make_temporary_file(std::size_t size);

}  // namespace timeslice::demo
