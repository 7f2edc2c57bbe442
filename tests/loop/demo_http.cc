// SPDX-License-Identifier: MIT
// Does the demo understand HTTP: requests in any pieces, ranges, dates, paths, conditions?
#include "demo/byte_range.h"
#include "demo/file_response.h"
#include "demo/http_date.h"
#include "demo/query.h"
#include "demo/request_parser.h"
#include "demo/url_path.h"
#include "tests/catch.h"
#include "tests/loop/demo_requests.h"

namespace timeslice::demo::test {

namespace {

using Kind = ByteRange::Kind;

std::string part(const std::string& header, std::uint64_t size) {
  const ByteRange range = parse_range(header, size);
  if (range.kind != Kind::part) return range.kind == Kind::whole ? "whole" : "none";
  return std::to_string(range.first) + "+" + std::to_string(range.size);
}

std::string relative(std::string_view url_path) {
  const auto path = relative_path(url_path);
  const int* status = std::get_if<int>(&path);
  return status ? std::to_string(*status) : std::get<std::string>(path);
}

}  // namespace

TEST_CASE("demo http: requests are parsed correctly, however they are split") {
  const Limits limits;
  const std::string text =
      "GET /a?x=1 HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\nIf-None-Match: \"t\"\r\n\r\n"
      "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
      "GET /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n"
      "HEAD http://h/d HTTP/1.1\r\nHost: x\r\nrAnGe: bytes=2-\r\nConnection: close\r\n\r\nGET /e";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    CAPTURE(step);
    const auto requests = parse(text, step, limits);
    REQUIRE(requests.size() == 4);
    CHECK(requests[0].path == "/a");
    CHECK(requests[0].query == "x=1");
    CHECK(requests[0].range == "bytes=0-1");
    CHECK(requests[0].if_none_match == "\"t\"");
    CHECK(requests[1].method == "POST");
    CHECK(requests[1].range.empty());
    CHECK(requests[2].path == "/c");
    CHECK(requests[2].keep_alive);
    CHECK(requests[3].path == "/d");
    CHECK(requests[3].range == "bytes=2-");
    CHECK_FALSE(requests[3].keep_alive);
  }
}

TEST_CASE("demo http: what is too large or malformed gets its status, and ends parsing") {
  Limits limits;
  limits.headers = 3;
  limits.body_bytes = 4;
  const auto error = [&](const std::string& text) {
    const std::string all = text + "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const auto requests = parse(all, all.size(), limits);
    REQUIRE(requests.size() == 1);
    CHECK_FALSE(requests[0].keep_alive);
    return requests[0].error;
  };
  CHECK(error("GET / HTTP/1.1\r\nHost: x\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n") == 431);
  CHECK(error("GET / HTTP/1.1\r\nHost: x\r\na: " + std::string(limits.header_bytes, 'x') +
              "\r\n\r\n") == 431);
  CHECK(error("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n") == 413);
  CHECK(error("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n") == 400);
  CHECK(
      error("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n") ==
      413);
  CHECK(error("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") ==
        400);
  CHECK(error("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: "
              "chunked\r\n\r\n") == 400);
  CHECK(error("G") == 400);
}

TEST_CASE("demo: query strings") {
  CHECK(query_value("a=1&b=2&c", "b") == "2");
  CHECK(query_value("a=1&b=2&c", "c") == "");
  CHECK_FALSE(query_value("ab=1", "a"));
  CHECK(query_number("", "n", 1, 9, 5) == 5);
  CHECK(query_number("n=9", "n", 1, 9, 5) == 9);
  CHECK_FALSE(query_number("n=10", "n", 1, 9, 5));
  CHECK_FALSE(query_number("n=3x", "n", 1, 9, 5));
}

TEST_CASE("demo http: ranges") {
  CHECK(part("", 10) == "whole");
  CHECK(part("bytes=0-3", 10) == "0+4");
  CHECK(part("bytes=4-", 10) == "4+6");
  CHECK(part("bytes=-3", 10) == "7+3");
  CHECK(part("bytes=-99", 10) == "0+10");
  CHECK(part("bytes=9-99", 10) == "9+1");
  CHECK(part(" Bytes= 1 - 2 ", 10) == "1+2");
  CHECK(part("bytes=10-", 10) == "none");
  CHECK(part("bytes=-0", 10) == "none");
  CHECK(part("bytes=0-", 0) == "none");
  CHECK(part("bytes=-1", 0) == "none");
  CHECK(part("bytes=18446744073709551616-", 10) == "none");
  CHECK(part("bytes=1-18446744073709551616", 10) == "1+9");
  for (const char* other : {"bytes=3-1", "bytes=-", "bytes=", "bytes=a-b", "bytes=1-2,4-5",
                            "lines=1-2", "bytes=1", "bytes=--1", "bytes=+1-2", "1-2", "bytes 1-2"})
    CHECK(part(other, 10) == "whole");
}

TEST_CASE("demo http: dates") {
  CHECK(http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
  CHECK(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
  for (const char* bad : {"", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
                          "Sun, 31 Feb 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                          "Sun, xx Nov 1994 08:49:37 GMT", "Sun, 06 ovD 1994 08:49:37 GMT"})
    CHECK_FALSE(parse_http_date(bad));
}

TEST_CASE("demo http: paths stay below their root") {
  CHECK(relative("") == ".");
  CHECK(relative("a/b.txt") == "a/b.txt");
  CHECK(relative("//a/./b//") == "a/b");
  CHECK(relative("a/../b") == "b");
  CHECK(relative("a%20b/%41") == "a b/A");
  CHECK(relative("...") == "...");
  CHECK(relative("..") == "404");
  CHECK(relative("a/../../b") == "404");
  CHECK(relative("%2e%2E/b") == "404");
  CHECK(relative("a/%2e%2e/%2e%2e/b") == "404");
  for (const char* bad : {"a%2fb", "..%2Fb", "a%00", "%", "%4", "%zz", "%-1"})
    CHECK(relative(bad) == "400");
}

TEST_CASE("demo http: a file is sent whole, in part, or not at all") {
  const Version version{.etag = "\"v1\"", .modified = 784111777};
  const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
  const auto answer = [&](HttpRequest request) {
    if (request.method.empty()) request.method = "GET";
    const Response response = file_response(request, {.size = 10}, version, "a/b");
    return std::to_string(response.status) +
           (response.file ? " " + std::to_string(response.file->size) : "");
  };
  CHECK(answer({}) == "200 10");
  CHECK(answer({.range = "bytes=1-2"}) == "206 2");
  CHECK(answer({.method = "HEAD", .range = "bytes=1-2"}) == "200 10");
  CHECK(answer({.range = "bytes=10-"}) == "416");
  CHECK(answer({.if_none_match = "\"v1\""}) == "304");
  CHECK(answer({.if_none_match = "\"v0\", W/\"v1\""}) == "304");
  CHECK(answer({.if_none_match = "*"}) == "304");
  CHECK(answer({.if_none_match = "\"v0\""}) == "200 10");
  CHECK(answer({.if_modified_since = date}) == "304");
  CHECK(answer({.if_modified_since = "Sun, 06 Nov 1994 08:49:36 GMT"}) == "200 10");
  CHECK(answer({.if_none_match = "\"v0\"", .if_modified_since = date}) == "200 10");
  CHECK(answer({.range = "bytes=1-2", .if_range = "\"v1\""}) == "206 2");
  CHECK(answer({.range = "bytes=1-2", .if_range = date}) == "206 2");
  CHECK(answer({.range = "bytes=1-2", .if_range = "\"v0\""}) == "200 10");
}

}  // namespace timeslice::demo::test
