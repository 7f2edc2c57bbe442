// SPDX-License-Identifier: MIT
// How does HTTP write a moment? "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), whatever the
// locale. Its two older forms are not read.
#pragma once
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace timeslice::demo {

std::string http_date(std::time_t time);
std::optional<std::time_t> parse_http_date(std::string_view text);

}  // namespace timeslice::demo
