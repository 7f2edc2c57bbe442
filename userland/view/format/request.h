// SPDX-License-Identifier: MIT
// Which HTTP request did a blocking function serve, in words?
#pragma once
#include <string>

#include "model/block_profile.h"

namespace timeslice::view {

// "GET /path"; of several, the first few: "GET /a, GET /b", or "one of 2: GET /a, GET /b" where it
// isn't known which one it was. Empty: none was seen. As they are in the process's memory.
std::string text_of(const model::ServedRequests& requests);

}  // namespace timeslice::view
