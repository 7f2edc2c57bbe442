// SPDX-License-Identifier: MIT
#include "demo/file_response.h"

#include "demo/byte_range.h"
#include "demo/http_date.h"

namespace timeslice::demo {

namespace {

// A list of tags, or "*"; weak ones compare equal to strong ones here (RFC 9110, 13.1.2).
bool names(const std::string& list, const std::string& etag) {
  return list == "*" || list.find(etag) != std::string::npos;
}

bool unchanged(const HttpRequest& request, const Version& version) {
  if (!request.if_none_match.empty()) return names(request.if_none_match, version.etag);
  const auto since = parse_http_date(request.if_modified_since);
  return since && version.modified <= *since;
}

// Parts of two versions must not be put together: If-Range names the one that the client has.
bool range_holds(const HttpRequest& request, const Version& version) {
  return request.method == "GET" && (request.if_range.empty() || request.if_range == version.etag ||
                                     request.if_range == http_date(version.modified));
}

}  // namespace

Response file_response(const HttpRequest& request, FilePart whole, const Version& version,
                       std::string_view type) {
  Response response{.type = type};
  response.headers = "Accept-Ranges: bytes\r\nETag: " + version.etag +
                     "\r\nLast-Modified: " + http_date(version.modified) + "\r\n";
  if (unchanged(request, version)) {
    response.status = 304;
    return response;
  }
  const std::string size = std::to_string(whole.size);
  const ByteRange range =
      range_holds(request, version) ? parse_range(request.range, whole.size) : ByteRange{};
  if (range.kind == ByteRange::Kind::unsatisfiable) {
    Response none = error_response(416, "There are no such bytes in this file.");
    none.headers = "Content-Range: bytes */" + size + "\r\n";
    return none;
  }
  response.file = std::move(whole);
  if (range.kind == ByteRange::Kind::whole) return response;
  response.status = 206;
  response.headers += "Content-Range: bytes " + std::to_string(range.first) + '-' +
                      std::to_string(range.first + range.size - 1) + '/' + size + "\r\n";
  response.file->offset += range.first;
  response.file->size = range.size;
  return response;
}

}  // namespace timeslice::demo
