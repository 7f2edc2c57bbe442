// SPDX-License-Identifier: MIT
// How does an open file become an answer? Not at all, if the client has it already (304); in part,
// if it asks for a range that is there (206, else 416); or as a whole.
#pragma once
#include <ctime>
#include <string>
#include <string_view>

#include "demo/request_parser.h"
#include "demo/response.h"

namespace timeslice::demo {

// What a copy is compared with.
struct Version {
  std::string etag;  // in its quotes
  std::time_t modified = 0;
};

Response file_response(const HttpRequest& request, FilePart whole, const Version& version,
                       std::string_view type);

}  // namespace timeslice::demo
