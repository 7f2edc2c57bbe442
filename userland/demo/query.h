// SPDX-License-Identifier: MIT
// What stands in a query string? Nothing is decoded: our keys and values are plain words and
// numbers.
#pragma once
#include <optional>
#include <string_view>

namespace timeslice::demo {

// The value of `key`, as it stands there; empty for a key without "=".
std::optional<std::string_view> query_value(std::string_view query, std::string_view key);
// As a number from `low` to `high`; `otherwise` if it isn't given; nothing if it's no such number.
std::optional<long> query_number(std::string_view query, std::string_view key, long low, long high,
                                 long otherwise);

}  // namespace timeslice::demo
