// SPDX-License-Identifier: MIT
// What does a terminal show of a lab that knows ASCII only? Pages and pictures with the few other
// characters that they are made of replaced by similar ones.
#pragma once
#include <string>
#include <string_view>

namespace timeslice::labs {

// As many characters as there were, but for "…", which becomes "...". What isn't known becomes '?'.
std::string plain_ascii(std::string_view utf8);

}  // namespace timeslice::labs
