// SPDX-License-Identifier: MIT
#include "observe/process_maps.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/unique_fd.h"

namespace timeslice::observe {

namespace {

// As many as the kernel allows by default, 65,530, with paths of usual length. A user can make 250
// MB of them, which takes the kernel seconds to write.
constexpr size_t kMostBytes = 8 << 20;

// Empty where there is more.
std::string read_limited(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char some[16 * 1024];
  ssize_t got = fd ? 0 : -1;
  while (got >= 0 && (got = read(fd.get(), some, sizeof(some))) > 0) {
    if (text.size() + static_cast<size_t>(got) > kMostBytes) return {};
    text.append(some, static_cast<size_t>(got));
  }
  return text;
}

// Takes one line of the kernel's apart.
class Line {
 public:
  explicit Line(std::string_view rest) : rest_(rest) {}

  bool number(uint64_t& value, int base) {
    const char* end = rest_.data() + rest_.size();
    const auto read = std::from_chars(rest_.data(), end, value, base);
    rest_.remove_prefix(static_cast<size_t>(read.ptr - rest_.data()));
    return read.ec == std::errc();
  }
  bool past(char separator) {
    const size_t at = rest_.find(separator);
    if (at == std::string_view::npos) return false;
    rest_.remove_prefix(at + 1);
    return true;
  }
  [[nodiscard]] bool starts_with(std::string_view text) const {
    return rest_.substr(0, text.size()) == text;
  }
  [[nodiscard]] std::string_view without_blanks() const {
    return rest_.substr(std::min(rest_.find_first_not_of(' '), rest_.size()));
  }

 private:
  std::string_view rest_;
};

// start-end perms offset device inode path
bool parse(std::string_view text, Mapping& map) {
  Line line(text);
  if (!line.number(map.start, 16) || !line.past('-') || !line.number(map.end, 16)) return false;
  if (!line.past(' ')) return false;
  map.executable = line.starts_with("r-x") || line.starts_with("rwx");
  if (!line.past(' ') || !line.number(map.offset, 16)) return false;
  if (!line.past(' ') || !line.past(' ') || !line.number(map.inode, 10)) return false;
  map.path = line.without_blanks();
  return true;
}

}  // namespace

std::vector<Mapping> read_maps(uint32_t tgid) {
  const std::string text = read_limited("/proc/" + std::to_string(tgid) + "/maps");
  std::vector<Mapping> maps;
  for (size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    Mapping map{};
    if (parse(std::string_view(text).substr(at, end - at), map)) maps.push_back(std::move(map));
  }
  return maps;
}

}  // namespace timeslice::observe
