// SPDX-License-Identifier: MIT
#include "tests/live/top_json.h"

namespace timeslice::live {

std::vector<std::string> top(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {timeslice(), "top"});
  return arguments;
}

std::vector<Json> objects_in(const std::string& output) {
  std::vector<Json> objects;
  for (const std::string& line : lines_of(output)) objects.push_back(Json::parse(line));
  return objects;
}

Json find_by(const Json& list, const char* key, int64_t value) {
  for (const Json& entry : list)
    if (entry.at(key) == value) return entry;
  return nullptr;
}

}  // namespace timeslice::live
