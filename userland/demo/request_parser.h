// SPDX-License-Identifier: MIT
// What did the client ask? Bytes go in as they come, whole requests come out, one at a time. The
// grammar is http-parser's, Node's own former parser. The limits are ours. Between requests it
// holds no memory but itself.
#pragma once
#include <http_parser.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "demo/limits.h"

namespace timeslice::demo {

struct HttpRequest {
  std::string_view method;
  std::string path;
  std::string query;
  // Those headers that somebody here reads; empty if absent.
  std::string range, if_range, if_none_match, if_modified_since;
  bool keep_alive = true;
  int error = 0;  // a status to answer with: what came can't be served
};

class RequestParser {
 public:
  // `limits` must outlive it. Those on header bytes are the library's, for the whole process.
  explicit RequestParser(const Limits& limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Takes bytes from the front until a request is whole, or until all are taken. After the last
  // request of a connection the rest is dropped: after one that says it's the last, and after a
  // malformed one, which comes with its error set, since where the next one begins is anyone's
  // guess.
  std::optional<HttpRequest> feed(std::string_view& bytes);
  // Takes no more: instead of what was begun, a request with this error.
  HttpRequest give_up(int status);

  // In the middle of a request: the client has begun something.
  [[nodiscard]] bool begun() const { return partial_ != nullptr; }
  [[nodiscard]] bool in_body() const;

 private:
  struct Partial;

  static RequestParser& self(http_parser* parser) {
    return *static_cast<RequestParser*>(parser->data);
  }
  static http_parser_settings make_settings();
  int take_header_name(std::string_view part);
  int take_header_value(std::string_view part);
  int finish_headers();
  int take_body(std::size_t size);
  HttpRequest finish_message();

  http_parser parser_{};
  const Limits& limits_;
  std::unique_ptr<Partial> partial_;
  bool whole_ = false;
  bool ended_ = false;
};

}  // namespace timeslice::demo
