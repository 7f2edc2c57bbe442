// SPDX-License-Identifier: MIT
#include "observe/open_sockets.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace timeslice::observe {

namespace {

struct DirCloser {
  void operator()(DIR* dir) const { closedir(dir); }
};

// "socket:[12345]"
std::optional<uint64_t> inode_of(std::string_view link) {
  constexpr std::string_view kBegin = "socket:[";
  if (link.substr(0, kBegin.size()) != kBegin || link.back() != ']') return std::nullopt;
  const char* end = link.data() + link.size() - 1;
  uint64_t inode = 0;
  const auto [stop, error] = std::from_chars(link.data() + kBegin.size(), end, inode);
  if (error != std::errc() || stop != end) return std::nullopt;
  return inode;
}

}  // namespace

OpenSockets open_sockets(uint32_t tgid, size_t most) {
  OpenSockets found;
  const std::string path = "/proc/" + std::to_string(tgid) + "/fd";
  const std::unique_ptr<DIR, DirCloser> dir(opendir(path.c_str()));
  if (!dir) return found;
  size_t descriptors = 0, refused = 0;
  found.complete = true;
  while (const dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] == '.') continue;
    if (++descriptors > most) {
      found.complete = false;
      break;
    }
    // A file's path may be longer: then it isn't a socket's.
    std::array<char, 64> link;
    const ssize_t length = readlinkat(dirfd(dir.get()), entry->d_name, link.data(), link.size());
    if (length < 0 && errno == EACCES) ++refused;
    if (length <= 0) continue;
    if (const auto inode = inode_of({link.data(), static_cast<size_t>(length)}))
      found.inodes.push_back(*inode);
  }
  found.known = refused == 0;
  std::sort(found.inodes.begin(), found.inodes.end());
  found.inodes.erase(std::unique(found.inodes.begin(), found.inodes.end()), found.inodes.end());
  return found;
}

}  // namespace timeslice::observe
