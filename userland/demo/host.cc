// SPDX-License-Identifier: MIT
#include "demo/host.h"

#include <arpa/inet.h>
#include <strings.h>

#include <algorithm>
#include <string>

namespace timeslice::demo {

namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         ::strncasecmp(text.data() + text.size() - end.size(), end.data(), end.size()) == 0;
}

bool is_address(const std::string& text, int family) {
  in6_addr address{};
  return ::inet_pton(family, text.c_str(), &address) == 1;
}

}  // namespace

bool is_local_host(std::string_view host) {
  if (host.starts_with('['))
    return is_address(std::string(host.substr(1, std::min(host.find(']'), host.size()) - 1)),
                      AF_INET6);
  std::string_view name = host.substr(0, host.find(':'));
  if (name.ends_with('.')) name.remove_suffix(1);  // the root of all names
  if (name.empty() || is_address(std::string(name), AF_INET)) return true;
  const std::string below_root = '.' + std::string(name);
  return ends_with(below_root, ".localhost");
}

}  // namespace timeslice::demo
