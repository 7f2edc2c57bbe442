// SPDX-License-Identifier: MIT
#include "demo/request_parser.h"

#include <strings.h>

#include <utility>

namespace timeslice::demo {

namespace {

// What chunks may cost beyond their data: as much as a head, and so much for each byte of it. One
// byte a chunk needs five; extensions and trailers have to do with the rest.
constexpr std::size_t kFramingPerByte = 8;

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// A name or an address, perhaps with a port, and nothing else.
bool is_host(std::string_view text) { return text.find_first_of(" \t,/?#@\\") == text.npos; }

// "/path?query", or the same behind a scheme and an authority, which counts instead of the Host
// (RFC 9112, 3.2.2). What else there is ("*", CONNECT's authority) is the path of nothing.
void split_target(std::string_view target, HttpRequest& request) {
  const std::size_t scheme_end = target.starts_with('/') ? target.npos : target.find("://");
  if (scheme_end != target.npos) {
    const std::size_t path = std::min(target.find_first_of("/?#", scheme_end + 3), target.size());
    const std::string_view authority = target.substr(scheme_end + 3, path - scheme_end - 3);
    request.host = authority.substr(authority.find('@') + 1);
    target.remove_prefix(path);
    if (!target.starts_with('/')) request.path = '/';
  }
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  request.path += target.substr(0, mark);
  if (mark != target.npos) request.query = target.substr(mark + 1);
}

}  // namespace

// A request that isn't whole yet.
struct RequestParser::Partial {
  std::string* place_of(std::string_view header);

  HttpRequest request;
  std::string target, host, transfer_encoding, expect;
  std::string name;              // of the header that comes
  std::string* value = nullptr;  // where its value goes; null: nobody reads it
  unsigned headers = 0, hosts = 0, codings = 0;
  std::size_t line_bytes = 0, body_bytes = 0;
  bool in_body = false;
  bool expects_continue = false;
};

std::string* RequestParser::Partial::place_of(std::string_view header) {
  if (in_body) return nullptr;  // trailers: they don't act as headers (RFC 9110, 6.5.1)
  hosts += equal(header, "host");
  codings += equal(header, "transfer-encoding");
  const std::pair<std::string_view, std::string*> kept[] = {
      {"host", &host},
      {"transfer-encoding", &transfer_encoding},
      {"expect", &expect},
      {"range", &request.range},
      {"if-range", &request.if_range},
      {"if-none-match", &request.if_none_match},
      {"if-modified-since", &request.if_modified_since},
  };
  for (const auto& [known, place] : kept)
    if (equal(header, known)) return place;
  return nullptr;
}

// Names and values come in pieces. No callback ends the parsing: errors are looked at when the
// bytes are taken.
llhttp_settings_t RequestParser::make_settings() {
  llhttp_settings_t settings;
  ::llhttp_settings_init(&settings);
  settings.on_message_begin = [](llhttp_t* parser) {
    self(parser).partial_ = std::make_unique<Partial>();
    return 0;
  };
  settings.on_url = [](llhttp_t* parser, const char* data, std::size_t size) {
    self(parser).partial_->target.append(data, size);
    return 0;
  };
  settings.on_header_field = [](llhttp_t* parser, const char* data, std::size_t size) {
    self(parser).partial_->name.append(data, size);
    return 0;
  };
  settings.on_header_field_complete = [](llhttp_t* parser) {
    self(parser).take_name();
    return 0;
  };
  settings.on_header_value = [](llhttp_t* parser, const char* data, std::size_t size) {
    if (std::string* value = self(parser).partial_->value) value->append(data, size);
    return 0;
  };
  settings.on_headers_complete = [](llhttp_t*) -> int { return HPE_PAUSED; };
  settings.on_body = [](llhttp_t* parser, const char* data, std::size_t size) {
    self(parser).take_body(data, size);
    return 0;
  };
  settings.on_message_complete = [](llhttp_t* parser) -> int {
    self(parser).whole_ = true;
    return HPE_PAUSED;  // one request at a time
  };
  return settings;
}

RequestParser::RequestParser(const Limits& limits) : limits_(limits) {
  static const llhttp_settings_t settings = make_settings();
  ::llhttp_init(&parser_, HTTP_REQUEST, &settings);
  parser_.data = this;
}

RequestParser::~RequestParser() = default;

std::optional<HttpRequest> RequestParser::feed(std::string_view& bytes) {
  if (ended_) bytes = {};
  bool go_on = !bytes.empty();
  while (go_on) {
    const bool paused = execute(bytes) == HPE_PAUSED;
    if (paused && !whole_) finish_head();
    if (error_ != 0) {
      bytes = {};
      return give_up(error_);
    }
    if (paused) ::llhttp_resume(&parser_);
    if (std::exchange(whole_, false)) return finish_message();
    go_on = paused || !bytes.empty();  // a request without a body is whole with no more bytes
  }
  return std::nullopt;
}

llhttp_errno_t RequestParser::execute(std::string_view& bytes) {
  lines_ = bytes.data();
  const llhttp_errno_t error = ::llhttp_execute(&parser_, bytes.data(), bytes.size());
  const char* const end =
      error == HPE_OK ? bytes.data() + bytes.size() : ::llhttp_get_error_pos(&parser_);
  if (error != HPE_OK && error != HPE_PAUSED) fail(error == HPE_INVALID_VERSION ? 505 : 400);
  take_lines(end);
  bytes.remove_prefix(static_cast<std::size_t>(end - bytes.data()));
  return error;
}

void RequestParser::fail(int status) {
  if (error_ == 0) error_ = status;
}

HttpRequest RequestParser::give_up(int status) {
  ended_ = true;
  partial_.reset();
  HttpRequest bad;
  bad.keep_alive = false;
  bad.error = status;
  return bad;
}

bool RequestParser::in_body() const { return partial_ && partial_->in_body; }

bool RequestParser::expects_continue() const { return partial_ && partial_->expects_continue; }

const HttpRequest& RequestParser::head() const { return partial_->request; }

void RequestParser::body_may_come() { partial_->expects_continue = false; }

HttpRequest RequestParser::go_without_body() {
  ended_ = true;  // whether the body comes all the same is the client's choice
  HttpRequest request = std::move(partial_->request);
  request.keep_alive = false;
  partial_.reset();
  return request;
}

// All that isn't body: the head's lines, and later those around chunks.
void RequestParser::take_lines(const char* end) {
  const std::string_view lines(lines_, static_cast<std::size_t>(end - lines_));
  if (!line_check_.look(lines)) fail(400);
  if (!partial_) return;
  Partial& partial = *partial_;
  partial.line_bytes += lines.size();
  const std::size_t framing = partial.body_bytes * kFramingPerByte;
  if (partial.line_bytes <= limits_.header_bytes + framing) return;
  fail(partial.in_body ? 413 : 431);
}

void RequestParser::take_name() {
  Partial& partial = *partial_;
  if (++partial.headers > limits_.headers) fail(431);
  if (partial.name.empty()) fail(400);
  partial.value = partial.place_of(partial.name);
  if (partial.value && !partial.value->empty()) *partial.value += ", ";
  partial.name.clear();
}

void RequestParser::take_body(const char* data, std::size_t size) {
  take_lines(data);
  lines_ = data + size;
  Partial& partial = *partial_;
  partial.expects_continue = false;  // it didn't wait
  partial.body_bytes += size;
  if (partial.body_bytes > limits_.body_bytes) fail(413);
}

// Its last line has been taken.
void RequestParser::finish_head() {
  Partial& partial = *partial_;
  HttpRequest& request = partial.request;
  parser_.upgrade = 0;  // we speak HTTP only, and may go on doing so
  if (parser_.http_major != 1 || parser_.http_minor > 1) return fail(505);
  const bool is_old = parser_.http_minor == 0;
  if (partial.hosts > 1 || (partial.hosts == 0 && !is_old) || !is_host(trimmed(partial.host)))
    return fail(400);
  if (partial.codings > 0 && (is_old || !equal(trimmed(partial.transfer_encoding), "chunked")))
    return fail(400);
  if (parser_.content_length > limits_.body_bytes) return fail(413);  // needn't be sent first
  request.host = trimmed(partial.host);
  split_target(partial.target, request);
  request.method = ::llhttp_method_name(static_cast<llhttp_method_t>(parser_.method));
  request.keep_alive = ::llhttp_should_keep_alive(&parser_) != 0;
  const bool has_body = partial.codings > 0 || parser_.content_length > 0;
  partial.expects_continue = has_body && !is_old && equal(trimmed(partial.expect), "100-continue");
  partial.in_body = true;
  partial.line_bytes = 0;
}

HttpRequest RequestParser::finish_message() {
  HttpRequest request = std::move(partial_->request);
  partial_.reset();
  ::llhttp_reset(&parser_);  // what a trailer has said is no matter of the next request
  ended_ = !request.keep_alive;
  return request;
}

}  // namespace timeslice::demo
