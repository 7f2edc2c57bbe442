// SPDX-License-Identifier: MIT
#include "view/format/request.h"

namespace timeslice::view {

namespace {

constexpr size_t kMostNamed = 3;

}  // namespace

std::string text_of(const model::ServedRequests& requests) {
  std::string text;
  if (requests.doubtful) text = "one of " + std::to_string(requests.all.size()) + ": ";
  size_t named = 0;
  for (const std::string& request : requests.all) {
    if (named != 0) text += ", ";
    if (named++ == kMostNamed) return text + "...";
    text += request;
  }
  return text;
}

}  // namespace timeslice::view
