// SPDX-License-Identifier: MIT
// What is answered, and how does it look on the wire? A status, a type, and a body: of text, or a
// part of a file, which nobody has read yet.
#pragma once
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace timeslice::demo {

struct FilePart {
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t offset = 0, size = 0;
};

struct Response {
  int status = 200;
  std::string body = {};
  std::string_view type = "text/plain; charset=utf-8";  // must not go away
  std::string headers = {};                             // more of them, each with its CRLF
  std::optional<FilePart> file = {};                    // in place of `body`
};

Response error_response(int status, const std::string& sentence);

// The status line and the headers, to the empty line. `now` is for the Date header.
std::string head_of(const Response& response, bool keep_alive, std::time_t now);

}  // namespace timeslice::demo
