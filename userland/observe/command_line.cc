// SPDX-License-Identifier: MIT
#include "observe/command_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/unique_fd.h"

namespace timeslice::observe {

namespace {

// Each word ends with a '\0', but for the last.
std::string text_of(uint32_t tgid) {
  const std::string path = "/proc/" + std::to_string(tgid) + "/cmdline";
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string words(4096, '\0');
  const ssize_t length = fd ? read(fd.get(), words.data(), words.size()) : -1;
  words.resize(length > 0 ? static_cast<size_t>(length) : 0);
  words.resize(words.find_last_not_of('\0') + 1);
  return words;
}

}  // namespace

std::string command_line(uint32_t tgid) {
  std::string words = text_of(tgid);
  std::replace(words.begin(), words.end(), '\0', ' ');
  return words;
}

std::vector<std::string> command_words(uint32_t tgid) {
  const std::string text = text_of(tgid);
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\0', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

}  // namespace timeslice::observe
