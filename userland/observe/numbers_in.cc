// SPDX-License-Identifier: MIT
#include "observe/numbers_in.h"

#include <dirent.h>

#include <cstdlib>
#include <memory>

namespace timeslice::observe {

namespace {

struct DirCloser {
  void operator()(DIR* dir) const { closedir(dir); }
};

}  // namespace

std::vector<uint32_t> numbers_in(const std::string& path) {
  std::vector<uint32_t> numbers;
  const std::unique_ptr<DIR, DirCloser> dir(opendir(path.c_str()));
  if (!dir) return numbers;
  while (const dirent* entry = readdir(dir.get())) {
    const long number = strtol(entry->d_name, nullptr, 10);
    if (number > 0) numbers.push_back(static_cast<uint32_t>(number));
  }
  return numbers;
}

}  // namespace timeslice::observe
