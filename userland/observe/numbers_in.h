// SPDX-License-Identifier: MIT
// Which processes, or which threads of one, are there? A directory of /proc names them by number.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace timeslice::observe {

// The entries of a directory that are numbers. A directory that is gone has none.
std::vector<uint32_t> numbers_in(const std::string& path);

}  // namespace timeslice::observe
