// SPDX-License-Identifier: MIT
// Could another server parse a request differently than the demo does? What is ambiguous (RFC 9112,
// 11.2) is refused, and with it all that follows. What Node refuses is refused here too, and what
// is accepted here Node parses as the same number of requests: it's run, where it is installed.
#include <fcntl.h>

#include <regex>

#include "demo/request_parser.h"
#include "tests/loop/demo_requests.h"
#include "tests/loop/demo_support.h"

namespace timeslice::demo::test {

namespace {

using Catch::Matchers::StartsWith;

constexpr const char* kTaken = "taken";

struct Case {
  const char* name;
  std::string bytes;
  const char* outcome;  // the first request's: kTaken, or the status that refuses it
};

std::string get_with(const std::string& header) {
  return "GET / HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n";
}
std::string post_with(const std::string& header, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n" + body;
}
std::string chunked(const std::string& body) {
  return post_with("Transfer-Encoding: chunked", body);
}
std::string first_line(const std::string& line) { return line + "\r\nHost: x\r\n\r\n"; }

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"a plain one", get_with("A: b"), kTaken},
      {"HTTP/1.0, no Host", "GET / HTTP/1.0\r\n\r\n", kTaken},
      {"an empty line first", "\r\n" + get_with("A: b"), kTaken},
      {"a tab in a value", get_with("A: b\tc"), kTaken},
      {"Latin-1 in a value", get_with("A: \xe9"), kTaken},
      {"a body", post_with("Content-Length: 5", "hello"), kTaken},
      {"chunks", chunked("3\r\nabc\r\n0\r\n\r\n"), kTaken},
      {"a chunk's extension", chunked("3;a=b\r\nabc\r\n0\r\n\r\n"), kTaken},
      {"a trailer", chunked("3\r\nabc\r\n0\r\nA: b\r\n\r\n"), kTaken},
      {"a Host without a name", "GET / HTTP/1.1\r\nHost:\r\n\r\n", kTaken},

      {"a space before the colon of a length", post_with("Content-Length : 5", "hello"), "400"},
      {"a space before the colon of a coding",
       post_with("Transfer-Encoding : chunked", "0\r\n\r\n"), "400"},
      {"CR alone begins a value", post_with("X-Abc: \rxTransfer-Encoding: chunked", "0\r\n\r\n"),
       "400"},
      {"CR alone in a value", get_with("A: b\rc"), "400"},
      {"CR alone ends the head", "GET / HTTP/1.1\r\nHost: x\r\n\rX", "400"},
      {"LF alone ends the first line", "GET / HTTP/1.1\nHost: x\r\n\r\n", "400"},
      {"LF alone ends a header", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", "400"},
      {"LF alone ends the head", "GET / HTTP/1.1\r\nHost: x\r\n\n", "400"},
      {"LF alone comes first", "\n" + get_with("A: b"), "400"},
      {"a folded header", get_with("A: b\r\n c"), "400"},
      {"a header folded by a tab", get_with("A: b\r\n\tc"), "400"},
      {"a folded coding", post_with("Transfer-Encoding:\r\n chunked", "0\r\n\r\n"), "400"},
      {"a folded first header", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", "400"},
      {"NUL in a value", get_with(std::string("A: b\0c", 6)), "400"},
      {"a control byte in a value", get_with("A: b\x01"), "400"},
      {"DEL in a value", get_with("A: b\x7f"), "400"},
      {"a control byte in a name", get_with("A\x01: b"), "400"},
      {"a header without a name", get_with(": b"), "400"},
      {"a header without a colon", get_with("A"), "400"},

      {"no Host", "GET / HTTP/1.1\r\n\r\n", "400"},
      {"two Hosts", get_with("Host: x"), "400"},
      {"two Hosts for HTTP/1.0", "GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", "400"},
      {"a path as Host", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", "400"},
      {"HTTP/0.9", first_line("GET / HTTP/0.9"), "505"},
      {"HTTP/1.2", first_line("GET / HTTP/1.2"), "505"},
      {"HTTP/2.0", first_line("GET / HTTP/2.0"), "505"},
      {"HTTP/9.9", first_line("GET / HTTP/9.9"), "505"},
      {"no version", first_line("GET /"), "505"},
      {"a tab for a space", first_line("GET\t/ HTTP/1.1"), "400"},
      {"a space behind the version", first_line("GET / HTTP/1.1 "), "505"},
      {"a control byte in the target", first_line("GET /\x01 HTTP/1.1"), "400"},
      {"an unknown method", first_line("GETS / HTTP/1.1"), "400"},

      {"a length with a sign", post_with("Content-Length: +5", "hello"), "400"},
      {"a length in hexadecimal", post_with("Content-Length: 0x5", "hello"), "400"},
      {"no number as a length", post_with("Content-Length: ", "hello"), "400"},
      {"a list of lengths", post_with("Content-Length: 5, 5", "hello"), "400"},
      {"two lengths", post_with("Content-Length: 5\r\nContent-Length: 5", "hello"), "400"},
      {"2^64 as a length", post_with("Content-Length: 18446744073709551616", "hello"), "400"},
      {"a length and a coding",
       post_with("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), "400"},
      {"a coding and a length",
       post_with("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"), "400"},
      {"another coding", post_with("Transfer-Encoding: gzip", ""), "400"},
      {"another coding below", post_with("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), "400"},
      {"another coding on top", post_with("Transfer-Encoding: chunked, gzip", "0\r\n\r\n"), "400"},
      {"chunked twice",
       post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), "400"},
      {"nearly chunked", post_with("Transfer-Encoding: xchunked", "0\r\n\r\n"), "400"},
      {"no coding", post_with("Transfer-Encoding:", "0\r\n\r\n"), "400"},
      {"chunks for HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400"},

      {"a word behind a chunk's size", chunked("3 zzz\r\nabc\r\n0\r\n\r\n"), "400"},
      {"a space behind a chunk's size", chunked("3 \r\nabc\r\n0\r\n\r\n"), "400"},
      {"chunk data that go on", chunked("3\r\nabcXX0\r\n\r\n"), "400"},
      {"CR and X end a chunk", chunked("3\r\nabc\rX0\r\n\r\n"), "400"},
      {"LF alone ends a chunk", chunked("3\r\nabc\n0\r\n\r\n"), "400"},
      {"LF alone ends a chunk's size", chunked("3\nabc\r\n0\r\n\r\n"), "400"},
      {"CR alone ends a chunk's size", chunked("3\rXabc\r\n0\r\n\r\n"), "400"},
      {"LF alone in an extension", chunked("3;a\nabc\r\n0\r\n\r\n"), "400"},
      {"CR alone in an extension", chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), "400"},
      {"no chunk size", chunked("\r\nabc\r\n0\r\n\r\n"), "400"},
      {"a chunk size with a sign", chunked("+3\r\nabc\r\n0\r\n\r\n"), "400"},
      {"a chunk size with 0x", chunked("0x3\r\nabc\r\n0\r\n\r\n"), "400"},
      {"2^64 as a chunk size", chunked("10000000000000000\r\nabc\r\n0\r\n\r\n"), "400"},
      {"a folded trailer", chunked("0\r\nA: b\r\n c\r\n\r\n"), "400"},
      {"LF alone ends the trailers", chunked("0\r\nA: b\r\n\n"), "400"},
  };
  return kCases;
}

// After each case: is it still the second request?
const std::string kNext = "GET /second HTTP/1.1\r\nHost: x\r\n\r\n";

std::string outcome_of(const HttpRequest& request) {
  return request.error == 0 ? kTaken : std::to_string(request.error);
}

// Node's own server, which answers each request when it's complete.
class NodeServer {
 public:
  NodeServer() {
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) be_node();
    said_.in = UniqueFd();
    std::array<char, 16> port{};
    const ssize_t size = ::read(said_.out.get(), port.data(), port.size() - 1);
    port_ = static_cast<std::uint16_t>(size > 0 ? std::atoi(port.data()) : 0);
  }
  ~NodeServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  [[noreturn]] void be_node() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(said_.in.get(), STDOUT_FILENO);
    const char* const program =
        "const s = require('http').createServer((q, a) => { q.resume(); q.on('end', () => a.end()) "
        "});"
        "s.httpAllowHalfOpen = true; s.listen(0, '127.0.0.1', () => console.log(s.address().port))";
    ::execlp("node", "node", "-e", program, nullptr);
    ::_exit(127);
  }

  Pipe said_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

// The statuses of all answers to what is sent on one connection.
std::vector<std::string> statuses(std::uint16_t port, const std::string& bytes) {
  Client client(port);
  client.send(bytes);
  client.no_more();
  const std::string text = client.read_to_end();
  static const std::regex line("HTTP/1\\.1 (\\d\\d\\d) ");
  std::vector<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at)
    found.push_back((*at)[1]);
  return found;
}

}  // namespace

TEST_CASE("demo strict: ambiguous requests are refused, however they are split") {
  for (const Case& one : cases()) {
    for (const std::size_t step :
         {one.bytes.size() + kNext.size(), std::size_t{1}, std::size_t{7}}) {
      CAPTURE(one.name, step);
      const auto requests = parse(one.bytes + kNext, step);
      REQUIRE(!requests.empty());
      CHECK(outcome_of(requests[0]) == one.outcome);
      const bool goes_on = one.outcome == kTaken && requests[0].keep_alive;
      REQUIRE(requests.size() == (goes_on ? 2 : 1));
      if (goes_on) CHECK(requests[1].path == "/second");
    }
  }
}

TEST_CASE("demo strict: what Node refuses is refused, and what is accepted Node accepts, too") {
  if (std::system("node --version >/dev/null 2>&1") != 0) SKIP_TEST("there is no node here");
  const NodeServer node;
  REQUIRE(node.port() != 0);
  const DemoProcess demo({.backend = BackendKind::pool});
  for (const Case& one : cases()) {
    CAPTURE(one.name);
    const bool is_last = one.outcome == kTaken && !parse(one.bytes, 1000)[0].keep_alive;
    const std::string bytes = one.bytes + (is_last ? "" : kNext);
    const auto nodes = statuses(node.port(), bytes);
    const auto ours = statuses(demo.port(), bytes);
    REQUIRE(!nodes.empty());
    REQUIRE(!ours.empty());
    if (nodes[0][0] == '4') CHECK((ours[0] == "400" || ours[0] == "505"));
    if (one.outcome == kTaken) CHECK(ours.size() == nodes.size());
    if (one.outcome == kTaken) CHECK(nodes[0] == "200");
  }
}

TEST_CASE("demo strict: trailers don't act as headers") {
  const std::string head =
      "GET /file HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  const auto requests = parse(head +
                                  "Range: bytes=0-0\r\nIf-None-Match: *\r\nHost: y\r\n"
                                  "Connection: close\r\nExpect: 100-continue\r\n\r\n" +
                                  kNext,
                              1000);
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].range.empty());
  CHECK(requests[0].if_none_match.empty());
  CHECK(requests[0].keep_alive);
  CHECK(requests[1].path == "/second");
}

TEST_CASE("demo strict: repeated header lines form one list") {
  const auto requests = parse(get_with("If-None-Match: \"a\"\r\nIf-None-Match: \"b\""), 5);
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].if_none_match == "\"a\", \"b\"");
}

TEST_CASE("demo strict: a target with an authority is reduced to its path and query") {
  const auto path = [](const std::string& target) {
    const auto requests = parse(first_line("GET " + target + " HTTP/1.1"), 1000);
    REQUIRE(requests.size() == 1);
    return requests[0].path + " " + requests[0].query;
  };
  CHECK(path("http://h") == "/ ");
  CHECK(path("http://h?q=/") == "/ q=/");
  CHECK(path("http://h:1/a?b?c#d") == "/a b?c");
  CHECK(path("/a://b?c") == "/a://b c");
  CHECK(path("/?") == "/ ");
}

TEST_CASE("demo strict: chunk extensions and trailers are limited, singly and in total") {
  const Limits limits;
  std::string small;
  for (int i = 0; i < 20'000; ++i) small += "1\r\nx\r\n";
  CHECK(outcome_of(parse(chunked(small + "0\r\n\r\n"), 4096)[0]) == kTaken);
  const std::string large(limits.header_bytes, 'x');
  CHECK(outcome_of(parse(chunked("1;" + large + "\r\nx\r\n0\r\n\r\n"), 4096)[0]) == "413");
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "1;" + large.substr(0, 100) + "\r\nx\r\n";
  CHECK(outcome_of(parse(chunked(many + "0\r\n\r\n"), 4096)[0]) == "413");
  CHECK(outcome_of(parse(chunked("0\r\nA: " + large + "\r\n\r\n"), 4096)[0]) == "413");
}

std::string expecting(const std::string& method) {
  return method + " / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
}

TEST_CASE("demo strict: a client that expects 100 Continue gets it, in its turn") {
  DemoProcess demo(on_every_backend());
  const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  Client client(demo);
  client.send(get("/hash?iterations=1000") + expecting("GET"));
  const std::string first = client.read_until(go_on);
  CHECK_THAT(first, StartsWith("HTTP/1.1 200 ") && Catch::Matchers::EndsWith(go_on));
  client.send("abc");
  CHECK_THAT(client.read_until("loop.\n"), StartsWith("HTTP/1.1 200 "));
  client.send(expecting("GET") + "abc");  // didn't wait
  CHECK_THAT(client.read_until("loop.\n"), StartsWith("HTTP/1.1 200 "));
  client.send("GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
  CHECK_THAT(client.read_to_end(), StartsWith("HTTP/1.1 200 "));
}

// Node sends 100 nevertheless, unless it has a handler that decides (`checkContinue`).
TEST_CASE("demo strict: a client refused 100 Continue gets the answer instead, in its turn") {
  DemoProcess demo(on_every_backend());
  for (const char* body : {"", "abc", "abcGET / HTTP/1.1\r\nHost: x\r\n\r\n"}) {
    CAPTURE(body);
    Client client(demo);
    client.send(get("/hash?iterations=1000") + expecting("POST"));
    const std::string first = client.read_until("here.\n");
    CHECK_THAT(first, StartsWith("HTTP/1.1 200 "));
    CHECK_THAT(first.substr(first.find("HTTP/1.1", 1)), StartsWith("HTTP/1.1 405 "));
    CHECK_THAT(first, Catch::Matchers::Contains("Connection: close\r\n\r\nOnly GET"));
    client.send(body);  // the server can't know whether it's that one's
    client.no_more();
    CHECK(client.read_to_end().empty());
  }
}

}  // namespace timeslice::demo::test
