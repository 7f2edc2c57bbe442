// SPDX-License-Identifier: MIT
// Which requests does the demo read from some bytes?
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "demo/limits.h"
#include "demo/request_parser.h"

namespace timeslice::demo::test {

// All requests in `text`, fed `step` bytes at a time.
inline std::vector<HttpRequest> parse(const std::string& text, std::size_t step,
                                      const Limits& limits = {}) {
  RequestParser parser(limits);
  std::vector<HttpRequest> requests;
  for (std::size_t at = 0; at < text.size(); at += step) {
    std::string_view bytes = std::string_view(text).substr(at, step);
    while (!bytes.empty())
      if (auto request = parser.feed(bytes)) requests.push_back(std::move(*request));
  }
  return requests;
}

}  // namespace timeslice::demo::test
