// SPDX-License-Identifier: MIT
// Which file does a path in a URL name? Its escapes are decoded and its dots resolved before any
// file is looked for, so that what leads out of the root is known to.
#pragma once
#include <string>
#include <string_view>
#include <variant>

namespace timeslice::demo {

// A path relative to the root ("." for the root itself), without "." and ".." and double slashes;
// or the status to refuse it with: 400 for a broken escape, and for an escaped slash or NUL, which
// no honest client has a use for; 404 for a path that leads above the root.
std::variant<std::string, int> relative_path(std::string_view url_path);

}  // namespace timeslice::demo
