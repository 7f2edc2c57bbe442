// SPDX-License-Identifier: MIT
#include "demo/request_parser.h"

#include <strings.h>

#include <utility>

namespace timeslice::demo {

namespace {

int status_of(http_errno error) {
  if (error == HPE_HEADER_OVERFLOW) return 431;
  return error == HPE_INVALID_VERSION ? 505 : 400;
}

struct KeptHeader {
  const char* name;
  std::string HttpRequest::*value;
};
constexpr KeptHeader kKept[] = {
    {"range", &HttpRequest::range},
    {"if-range", &HttpRequest::if_range},
    {"if-none-match", &HttpRequest::if_none_match},
    {"if-modified-since", &HttpRequest::if_modified_since},
};

}  // namespace

// A request that isn't whole yet.
struct RequestParser::Partial {
  HttpRequest request;
  std::string url;
  std::string header_name;
  std::string* header_value = nullptr;  // where it goes; null: nobody reads this header
  bool in_value = false;
  bool in_body = false;
  unsigned headers = 0;
  std::size_t body_bytes = 0;
  int error = 0;
};

http_parser_settings RequestParser::make_settings() {
  http_parser_settings settings;
  ::http_parser_settings_init(&settings);
  settings.on_message_begin = [](http_parser* parser) {
    self(parser).partial_ = std::make_unique<Partial>();
    return 0;
  };
  settings.on_url = [](http_parser* parser, const char* data, std::size_t size) {
    self(parser).partial_->url.append(data, size);
    return 0;
  };
  settings.on_header_field = [](http_parser* parser, const char* data, std::size_t size) {
    return self(parser).take_header_name({data, size});
  };
  settings.on_header_value = [](http_parser* parser, const char* data, std::size_t size) {
    return self(parser).take_header_value({data, size});
  };
  settings.on_headers_complete = [](http_parser* parser) { return self(parser).finish_headers(); };
  settings.on_body = [](http_parser* parser, const char*, std::size_t size) {
    return self(parser).take_body(size);
  };
  settings.on_message_complete = [](http_parser* parser) {
    self(parser).whole_ = true;
    ::http_parser_pause(parser, 1);  // one request at a time
    return 0;
  };
  return settings;
}

RequestParser::RequestParser(const Limits& limits) : limits_(limits) {
  ::http_parser_set_max_header_size(limits.header_bytes);
  ::http_parser_init(&parser_, HTTP_REQUEST);
  parser_.data = this;
}

RequestParser::~RequestParser() = default;

std::optional<HttpRequest> RequestParser::feed(std::string_view& bytes) {
  static const http_parser_settings settings = make_settings();
  if (ended_) bytes = {};
  if (bytes.empty()) return std::nullopt;
  const std::size_t taken = ::http_parser_execute(&parser_, &settings, bytes.data(), bytes.size());
  const auto error = HTTP_PARSER_ERRNO(&parser_);
  bytes.remove_prefix(taken < bytes.size() ? taken : bytes.size());
  if (std::exchange(whole_, false)) {
    ::http_parser_pause(&parser_, 0);
    return finish_message();
  }
  if (error == HPE_OK) return std::nullopt;
  bytes = {};
  return give_up(partial_ && partial_->error != 0 ? partial_->error : status_of(error));
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

// Names and values come in pieces.
int RequestParser::take_header_name(std::string_view part) {
  Partial& partial = *partial_;
  const bool another = partial.in_value || partial.headers == 0;
  if (another && ++partial.headers > limits_.headers) return partial.error = 431;
  if (another) partial.header_name.clear();
  partial.in_value = false;
  partial.header_name += part;
  return 0;
}

int RequestParser::take_header_value(std::string_view part) {
  Partial& partial = *partial_;
  if (!std::exchange(partial.in_value, true)) {
    partial.header_value = nullptr;
    for (const KeptHeader& kept : kKept)
      if (::strcasecmp(partial.header_name.c_str(), kept.name) == 0)
        partial.header_value = &(partial.request.*kept.value);
    if (partial.header_value) partial.header_value->clear();  // of several, the last one counts
  }
  if (partial.header_value) *partial.header_value += part;
  return 0;
}

int RequestParser::finish_headers() {
  Partial& partial = *partial_;
  parser_.upgrade = 0;  // we speak HTTP only, and may go on doing so
  constexpr std::uint64_t kUnknown = ~std::uint64_t{0};
  if (parser_.content_length != kUnknown && parser_.content_length > limits_.body_bytes)
    return partial.error = 413;  // needn't be sent first
  http_parser_url url;
  ::http_parser_url_init(&url);
  const bool is_connect = parser_.method == HTTP_CONNECT;
  if (::http_parser_parse_url(partial.url.data(), partial.url.size(), is_connect, &url) != 0)
    return partial.error = 400;
  const auto part = [&](http_parser_url_fields field) {
    const auto& data = url.field_data[field];
    return (url.field_set & (1U << field)) ? partial.url.substr(data.off, data.len) : std::string();
  };
  partial.request.path = part(UF_PATH);
  partial.request.query = part(UF_QUERY);
  partial.in_body = true;
  return 0;
}

int RequestParser::take_body(std::size_t size) {
  partial_->body_bytes += size;
  if (partial_->body_bytes > limits_.body_bytes) partial_->error = 413;
  return partial_->error;
}

HttpRequest RequestParser::finish_message() {
  HttpRequest request = std::move(partial_->request);
  partial_.reset();
  request.method = ::http_method_str(static_cast<http_method>(parser_.method));
  request.keep_alive = ::http_should_keep_alive(&parser_) != 0;
  ended_ = !request.keep_alive;
  return request;
}

}  // namespace timeslice::demo
