// SPDX-License-Identifier: MIT
#include "demo/response.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "demo/http_date.h"

namespace timeslice::demo {

namespace {

// Those of RFC 9110 (and 6585) that are answered here.
constexpr std::pair<int, std::string_view> kReasons[] = {
    {200, "OK"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {416, "Range Not Satisfiable"},
    {421, "Misdirected Request"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

// Clients ignore it, and it may be empty.
std::string_view reason_of(int status) {
  const auto* const found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                         [&](const auto& row) { return row.first == status; });
  return found == std::end(kReasons) ? std::string_view() : found->second;
}

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
  text += reason_of(response.status);
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
