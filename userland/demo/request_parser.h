// SPDX-License-Identifier: MIT
// What did the client ask? Bytes go in as they come, whole requests come out, one at a time. The
// grammar is llhttp's, Node's own parser, in strict mode. What it lets pass although a server must
// refuse it (RFC 9112) is refused here: lines that end with LF alone, folded headers, a header
// without a name, no Host or two, other versions than 1.0 and 1.1, other codings than chunked. The
// limits are ours too. Between requests it holds no memory but itself.
#pragma once
#include <llhttp.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "demo/limits.h"
#include "demo/line_check.h"

namespace timeslice::demo {

struct HttpRequest {
  std::string_view method;
  std::string path;
  std::string query;
  std::string host;  // whom the client meant: the target's authority, else the Host header
  // Those headers that somebody here reads; empty if absent. Several lines make one list.
  std::string range, if_range, if_none_match, if_modified_since;
  bool keep_alive = true;
  int error = 0;  // a status to answer with: what came can't be served
};

class RequestParser {
 public:
  // `limits` must outlive it.
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
  // The client waits for "100 Continue" before it sends the body (RFC 9110, 10.1.1).
  [[nodiscard]] bool expects_continue() const;
  // Of the request that is begun, once its head has come.
  [[nodiscard]] const HttpRequest& head() const;
  // Then it may come: "100 Continue" is said.
  void body_may_come();
  // Or it need not: the request without it, as the last one.
  HttpRequest go_without_body();

 private:
  struct Partial;

  static RequestParser& self(llhttp_t* parser) {
    return *static_cast<RequestParser*>(parser->data);
  }
  static llhttp_settings_t make_settings();
  llhttp_errno_t execute(std::string_view& bytes);
  void fail(int status);
  void take_lines(const char* end);
  void take_name();
  void take_body(const char* data, std::size_t size);
  void finish_head();
  HttpRequest finish_message();

  llhttp_t parser_{};
  const Limits& limits_;
  LineCheck line_check_;
  const char* lines_ = nullptr;  // where those begin that were taken, but not looked at
  std::unique_ptr<Partial> partial_;
  int error_ = 0;  // the first one
  bool whole_ = false;
  bool ended_ = false;
};

}  // namespace timeslice::demo
