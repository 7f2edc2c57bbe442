// SPDX-License-Identifier: MIT
#include "observe/command_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/unique_fd.h"

namespace timeslice::observe {

std::string command_line(uint32_t tgid) {
  const std::string path = "/proc/" + std::to_string(tgid) + "/cmdline";
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string words(4096, '\0');
  const ssize_t length = fd ? read(fd.get(), words.data(), words.size()) : -1;
  words.resize(length > 0 ? static_cast<size_t>(length) : 0);
  words.resize(words.find_last_not_of('\0') + 1);
  std::replace(words.begin(), words.end(), '\0', ' ');
  return words;
}

}  // namespace timeslice::observe
