// SPDX-License-Identifier: MIT
#pragma once
#include <fstream>
#include <iterator>
#include <string>

namespace timeslice::labs {

// Of a small file of our own. Empty: there is none, or it can't be read.
inline std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace timeslice::labs
