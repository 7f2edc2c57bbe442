// SPDX-License-Identifier: MIT
// How does a test call `timeslice top`, and find its way in what that prints as JSON?
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/live/processes.h"

namespace timeslice::live {

using Json = nlohmann::json;

// $OUT/timeslice top ARGUMENTS
std::vector<std::string> top(std::vector<std::string> arguments);

// Every line must be a whole object; throws if one isn't.
std::vector<Json> objects_in(const std::string& output);

// The object of `list` whose `key` is `value`; null where there is none.
Json find_by(const Json& list, const char* key, int64_t value);

}  // namespace timeslice::live
