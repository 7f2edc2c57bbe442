// SPDX-License-Identifier: MIT
#include "demo/response.h"

#include <http_parser.h>

#include "demo/http_date.h"

namespace timeslice::demo {

namespace {

// Written once a second, not once an answer.
const std::string& date_line(std::time_t now) {
  thread_local std::time_t written_at = -1;
  thread_local std::string line;
  if (written_at != now) line = "\r\nDate: " + http_date(now);
  written_at = now;
  return line;
}

}  // namespace

Response error_response(int status, const std::string& sentence) {
  return {.status = status, .body = sentence + '\n'};
}

std::string head_of(const Response& response, bool keep_alive, std::time_t now) {
  std::string text;
  text.reserve(256 + response.headers.size());
  text += "HTTP/1.1 ";
  text += std::to_string(response.status);
  text += ' ';
  text += ::http_status_str(static_cast<http_status>(response.status));
  text += date_line(now);
  if (response.status != 304) {  // which has no body, whatever its length would be
    text += "\r\nContent-Type: ";
    text += response.type;
    text += "\r\nContent-Length: ";
    text += std::to_string(response.file ? response.file->size : response.body.size());
  }
  text += "\r\n";
  text += response.headers;
  text += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return text;
}

}  // namespace timeslice::demo
