// SPDX-License-Identifier: MIT
// What does the demo do with requests that no client would send? Valid ones are changed at random,
// a few times each, and sent in pieces split at random. Whatever the result: the server goes on, no
// connection or descriptor leaks, all that it sends is HTTP, and a valid request afterwards gets
// its answer. The seed is printed with a failure; TIMESLICE_FUZZ_SEED sets another one.
#include <llhttp.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>

#include "tests/loop/demo_support.h"

namespace timeslice::demo::test {

namespace {

using Catch::Matchers::StartsWith;

constexpr int kConnections = 2100;  // for each back end, of one to four requests each
#ifdef __SANITIZE_THREAD__
constexpr int kShare = 4;  // one in so many is made: it's slow
#else
constexpr int kShare = 1;
#endif

class Fuzzer {
 public:
  explicit Fuzzer(std::uint64_t seed) : random_(seed) {}

  std::string request() {
    static const std::vector<std::string> kGood = {
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET /file HTTP/1.1\r\nHost: x\r\nRange: bytes=100-199\r\nIf-Range: \"x\"\r\n\r\n",
        "GET /file HTTP/1.1\r\nHost: x\r\nRange: bytes=-5\r\n\r\n",
        "GET /static/a%20b/../c.txt HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"a\", W/\"b\"\r\n\r\n",
        "GET /static/index.html HTTP/1.1\r\nHost: x\r\n"
        "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
        "GET /hash?iterations=3&x=%41 HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n",
        "GET /sort?n=5&where=worker HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
        "GET /block?ms=0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /stats HTTP/1.1\r\nHost: x\r\nCookie: a=b; c=d\r\nX-A: b\r\n c\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello=world",
        "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5;e=1\r\nhello\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
        "CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://user@localhost:80/?q#f HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: "
        "Upgrade\r\n\r\n",
    };
    std::string text = kGood[below(kGood.size())];
    for (std::size_t changes = below(4); changes > 0; --changes) change(text);
    return text;
  }

  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

 private:
  void change(std::string& text) {
    static const std::vector<std::string> kPieces = {
        "\r\n",
        "\n",
        "\r",
        std::string(1, '\0'),
        ":",
        " ",
        "%00",
        "%",
        "/../",
        "-1",
        "4294967296",
        "18446744073709551616",
        "\r\n\r\n",
        "HTTP/",
        "\xff\xfe",
        "Content-Length: 5\r\n",
        ";",
        "=",
        "Transfer-Encoding: chunked\r\n",
        std::string(700, 'A'),
        "bytes=",
        "\t",
    };
    const std::size_t at = below(text.size() + 1);
    const std::size_t size = below(text.size() - at + 1);
    switch (below(7)) {
      case 0:
        if (!text.empty()) text[below(text.size())] ^= static_cast<char>(1U << below(8));
        return;
      case 1:
        if (!text.empty()) text[below(text.size())] = static_cast<char>(random_());
        return;
      case 2:
        text.erase(at, std::min<std::size_t>(size, 1 + below(20)));
        return;
      case 3:
        text.insert(at, text.substr(at, size));
        return;
      case 4:
        text.resize(at);
        return;
      case 5:
        text.insert(at, request_line_or_header());
        return;
      default:
        text.insert(at, kPieces[below(kPieces.size())]);
    }
  }
  std::string request_line_or_header() {
    std::string noise(below(40), ' ');
    for (char& c : noise) c = static_cast<char>(random_());
    return below(2) == 0 ? "X-" + noise + ": y\r\n" : noise;
  }

  std::mt19937_64 random_;
};

// Only complete answers, each with a status that the demo has, and nothing after the last one.
class AnswerCheck {
 public:
  // Empty, or what is wrong.
  std::string look(const std::string& text) {
    ::llhttp_settings_init(&settings_);
    settings_.on_message_begin = [](llhttp_t* parser) {
      static_cast<AnswerCheck*>(parser->data)->within_ = true;
      return 0;
    };
    settings_.on_message_complete = [](llhttp_t* parser) {
      auto& me = *static_cast<AnswerCheck*>(parser->data);
      me.within_ = false;
      me.statuses_.insert(parser->status_code);
      return 0;
    };
    ::llhttp_init(&parser_, HTTP_RESPONSE, &settings_);
    parser_.data = this;
    if (::llhttp_execute(&parser_, text.data(), text.size()) != HPE_OK)
      return ::llhttp_get_error_reason(&parser_);
    if (within_) return "an answer that isn't whole";
    static const std::set<unsigned> kKnown = {100, 200, 206, 301, 304, 400, 404,
                                              405, 413, 416, 421, 431, 503, 505};
    for (const unsigned status : statuses_)
      if (kKnown.count(status) == 0) return "status " + std::to_string(status);
    return "";
  }

 private:
  llhttp_t parser_{};
  llhttp_settings_t settings_{};
  bool within_ = false;
  std::set<unsigned> statuses_;
};

std::uint64_t seed_of_this_run() {
  const char* const text = std::getenv("TIMESLICE_FUZZ_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 20260101;
}

// Not all descriptors: a sorter that is started late has some of its own.
std::size_t sockets_of(pid_t pid) {
  std::size_t count = 0;
  std::error_code gone;
  for (const auto& fd : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
    count += std::filesystem::read_symlink(fd, gone).string().starts_with("socket:");
  return count;
}

void send_in_pieces(Client& client, Fuzzer& fuzzer, const std::string& text) {
  const std::size_t cuts = fuzzer.below(4);
  std::size_t at = 0;
  for (std::size_t i = 0; i <= cuts && at < text.size(); ++i) {
    const std::size_t size = i == cuts ? text.size() - at : fuzzer.below(text.size() - at + 1);
    client.send(text.substr(at, size));
    at += size;
  }
}

}  // namespace

TEST_CASE("demo fuzz: whatever it receives, it answers in HTTP and goes on") {
  DemoOptions options = on_every_backend();
  options.limits.header_bytes = 2000;
  options.limits.headers = 20;
  options.limits.body_bytes = 1000;
  options.limits.pipelined = 3;
  options.limits.sort_numbers = 1000;
  options.root = "/usr/include";
  options.sim.seed = seed_of_this_run();
  DemoProcess demo(options);
  Fuzzer fuzzer(seed_of_this_run());
  CAPTURE(static_cast<int>(options.backend), seed_of_this_run());
  CHECK_THAT(fetch(demo, "/sort?n=3"), StartsWith("HTTP/1.1 200 "));
  CHECK_THAT(fetch(demo, "/hash?iterations=1"), StartsWith("HTTP/1.1 200 "));
  CHECK(await([&] { return stats_of(demo)["connections"] == 1; }));
  const std::size_t sockets = sockets_of(demo.pid());
  for (int i = 0; i < kConnections / kShare; ++i) {
    std::string text;
    for (std::size_t requests = 1 + fuzzer.below(4); requests > 0; --requests)
      text += fuzzer.request();
    Client client(demo);
    send_in_pieces(client, fuzzer, text);
    if (fuzzer.below(8) == 0) {
      client.reset();
      continue;
    }
    client.no_more();
    const std::string wrong = AnswerCheck().look(client.read_to_end());
    if (wrong.empty()) continue;
    CAPTURE(i, text);
    FAIL(wrong);
  }
  CHECK_THAT(fetch(demo, "/"), StartsWith("HTTP/1.1 200 "));
  CHECK(await([&] { return stats_of(demo)["connections"] == 1; }));
  CHECK(await([&] { return sockets_of(demo.pid()) <= sockets; }));
  CHECK(demo.terminate() == 0);
}

}  // namespace timeslice::demo::test
