// SPDX-License-Identifier: MIT
#include "demo/url_path.h"

#include <optional>
#include <vector>

namespace timeslice::demo {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      if (c == '/') return std::nullopt;
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    out += c;
  }
  return out;
}

}  // namespace

std::variant<std::string, int> relative_path(std::string_view url_path) {
  const auto path = decoded(url_path);
  if (!path) return 400;
  std::vector<std::string_view> names;
  std::string_view rest = *path;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      names.push_back(name);
    } else {
      if (names.empty()) return 404;
      names.pop_back();
    }
  }
  std::string relative;
  for (const std::string_view name : names) {
    if (!relative.empty()) relative += '/';
    relative += name;
  }
  return relative.empty() ? "." : relative;
}

}  // namespace timeslice::demo
