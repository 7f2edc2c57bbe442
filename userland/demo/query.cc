// SPDX-License-Identifier: MIT
#include "demo/query.h"

#include <algorithm>
#include <charconv>

namespace timeslice::demo {

std::optional<std::string_view> query_value(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == key) return pair.substr(std::min(equals + 1, pair.size()));
  }
  return std::nullopt;
}

std::optional<long> query_number(std::string_view query, std::string_view key, long low, long high,
                                 long otherwise) {
  const auto text = query_value(query, key);
  if (!text) return otherwise;
  long value = 0;
  const char* const end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, value);
  if (text->empty() || error != std::errc() || stopped != end || value < low || value > high)
    return std::nullopt;
  return value;
}

}  // namespace timeslice::demo
