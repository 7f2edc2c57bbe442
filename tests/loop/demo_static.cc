// SPDX-License-Identifier: MIT
// Does the demo serve the files below its root, no others, and large ones in little memory?
#include <sys/stat.h>

#include <filesystem>

#include "base/failure.h"
#include "tests/loop/demo_support.h"

namespace timeslice::demo::test {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

// A root to serve, and next to it what must not be served. Removed by the destructor.
class Tree {
 public:
  Tree() {
    std::string path = "/tmp/timeslice-test-XXXXXX";
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    base_ = path;
    fs::create_directories(root() / "with index");
    fs::create_directories(root() / "empty");
    write("secret", "SECRET");
    write("root/a.txt", "0123456789");
    write("root/nothing.css", "");
    write("root/with index/index.html", "<p>index</p>");
    fs::create_symlink("a.txt", root() / "link.txt");
    fs::create_symlink("with index", root() / "link");
    fs::create_symlink("../secret", root() / "out.txt");
    fs::create_symlink(base_ / "secret", root() / "absolute.txt");
    fs::create_symlink("..", root() / "up");
    fs::create_symlink("/proc/self/root", root() / "magic");
    REQUIRE(::mkfifo((root() / "fifo").c_str(), 0600) == 0);
  }
  ~Tree() { fs::remove_all(base_); }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(base_ / name, std::ios::binary) << content;
  }
  [[nodiscard]] fs::path root() const { return base_ / "root"; }

 private:
  fs::path base_;
};

std::string with(const std::string& target, const std::string& header) {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + header +
         "\r\nConnection: close\r\n\r\n";
}

std::string header_in(const std::string& response, const std::string& name) {
  const std::size_t at = response.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + name.size() + 4;
  return response.substr(begin, response.find("\r\n", begin) - begin);
}

int status_in(const std::string& response) {
  return response.size() < 12 ? -1 : std::stoi(response.substr(9, 3));
}

DemoOptions serving(const Tree& tree) {
  DemoOptions options = on_each_backend();
  options.root = tree.root();
  return options;
}

std::string noise(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

}  // namespace

TEST_CASE("demo static: files below the root are served, with their types") {
  const Tree tree;
  DemoProcess demo(serving(tree));
  const std::string text = fetch(demo, "/static/a.txt");
  CHECK_THAT(text, StartsWith("HTTP/1.1 200 OK\r\n") && Contains("text/plain"));
  CHECK(body_of(text) == "0123456789");
  CHECK(body_of(fetch(demo, "/static/link.txt")) == "0123456789");
  CHECK(body_of(fetch(demo, "/static/x/../a%2etxt")) == "0123456789");
  CHECK(header_in(fetch(demo, "/static/nothing.css"), "Content-Length") == "0");
  for (const char* index :
       {"/static/with%20index/", "/static/with%20index/index.html", "/static/link/"}) {
    const std::string page = fetch(demo, index);
    CHECK(body_of(page) == "<p>index</p>");
    CHECK_THAT(page, Contains("text/html"));
  }
  const std::string directory = fetch(demo, "/static/with%20index");
  CHECK(status_in(directory) == 301);
  CHECK(header_in(directory, "Location") == "/static/with%20index/");
  CHECK(header_in(fetch(demo, "/static/with%20index?a=b&c"), "Location") ==
        "/static/with%20index/?a=b&c");
  const std::string head =
      ask(demo, "HEAD /static/a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  CHECK(header_in(head, "Content-Length") == "10");
  CHECK(body_of(head).empty());
}

TEST_CASE("demo static: nothing else is served") {
  const Tree tree;
  const bool without_openat2 = GENERATE(false, true);
  DemoProcess demo(serving(tree), [&] {
    if (without_openat2 && !forbid_call(SYS_openat2)) ::_exit(77);
  });
  for (const char* none : {"/static/", "/static/empty/", "/static/none", "/static/a.txt/",
                           "/static/a.txt/b", "/static/fifo", "/static/../secret",
                           "/static/%2e%2e/secret", "/static/out.txt", "/static/absolute.txt",
                           "/static/up/secret", "/static/up/root/a.txt", "/static/magic/etc/passwd",
                           "/static/empty/../../secret", "/static", "/static/with%20index/none"}) {
    CAPTURE(none);
    const std::string response = fetch(demo, none);
    CHECK(status_in(response) == 404);
    CHECK(response.find("SECRET") == std::string::npos);
  }
  for (const char* bad :
       {"/static/..%2fsecret", "/static/a.txt%00.html", "/static/%", "/static/%zz"})
    CHECK(status_in(fetch(demo, bad)) == 400);
  CHECK(status_in(fetch(demo, "/static/" + std::string(300, 'x'))) == 404);
  CHECK(status_in(fetch(demo, "/static/" + std::string(6000, 'x'))) == 404);
  CHECK(body_of(fetch(demo, "/static/a.txt")) == "0123456789");
}

// What a browser would request for a page elsewhere whose own name resolves to this server.
TEST_CASE("demo static: local data is refused to requests for another host's name") {
  const Tree tree;
  DemoProcess demo(serving(tree));
  const auto status = [&](const std::string& target, const std::string& host) {
    CAPTURE(target, host);
    return status_in(
        ask(demo, "GET " + target + " HTTP/1.1\r\nHost:" + host + "\r\nConnection: close\r\n\r\n"));
  };
  for (const char* ours : {" localhost", " LocalHost:8080", " a.localhost", " localhost.",
                           " 127.0.0.1", " 127.0.0.1:8080", " [::1]", " [::1]:80", ""}) {
    CHECK(status("/static/a.txt", ours) == 200);
    CHECK(status("/stats", ours) == 200);
  }
  for (const char* others :
       {" evil.example", " evil.example:8080", " localhost.evil.example", " notlocalhost",
        " 127.0.0.1.evil.example", " 1.2.3", " [evil.example]", " [", " a]"}) {
    CHECK(status("/static/a.txt", others) == 421);
    CHECK(status("/static/none", others) == 421);
    CHECK(status("/stats", others) == 421);
    CHECK(status("/", others) == 200);
  }
  // The target's own authority counts.
  CHECK(status("http://evil.example/static/a.txt", " localhost") == 421);
  CHECK(status("http://me@localhost:80/static/a.txt", " evil.example") == 200);
}

TEST_CASE("demo static: ranges and conditional requests") {
  const Tree tree;
  DemoProcess demo(serving(tree));
  for (const std::string path : {"/static/a.txt", "/file"}) {
    CAPTURE(path);
    const std::string whole = fetch(demo, path);
    const std::string size = header_in(whole, "Content-Length");
    CHECK(header_in(whole, "Accept-Ranges") == "bytes");
    const std::string part = ask(demo, with(path, "Range: bytes=2-4"));
    CHECK(status_in(part) == 206);
    CHECK(header_in(part, "Content-Range") == "bytes 2-4/" + size);
    CHECK(body_of(part) == body_of(whole).substr(2, 3));
    CHECK(body_of(ask(demo, with(path, "Range: bytes=-2"))) ==
          body_of(whole).substr(body_of(whole).size() - 2));
    const std::string none = ask(demo, with(path, "Range: bytes=9999999-"));
    CHECK(status_in(none) == 416);
    CHECK(header_in(none, "Content-Range") == "bytes */" + size);
    CHECK(status_in(ask(demo, with(path, "Range: bytes=0-1,3-4"))) == 200);
    const std::string etag = header_in(whole, "ETag");
    const std::string same = ask(demo, with(path, "If-None-Match: " + etag));
    CHECK(status_in(same) == 304);
    CHECK(body_of(same).empty());
    const std::string one_of_two = "If-None-Match: \"x\"\r\nIf-None-Match: ";
    CHECK(status_in(ask(demo, with(path, one_of_two + etag))) == 304);
    CHECK(status_in(ask(demo, with(path, "If-None-Match: " + etag + "\r\nIf-None-Match: \"x\""))) ==
          304);
    CHECK(status_in(ask(demo, with(path, one_of_two + "\"y\""))) == 200);
    CHECK(header_in(same, "ETag") == etag);
    CHECK(status_in(ask(
              demo, with(path, "If-Modified-Since: " + header_in(whole, "Last-Modified")))) == 304);
  }
  tree.write("root/a.txt", "other");
  CHECK(status_in(ask(demo, with("/static/a.txt", "If-None-Match: \"1-1\""))) == 200);
}

TEST_CASE("demo static: a large file is sent in little memory, and its parts fit together") {
  const Tree tree;
  const std::string content = noise(std::size_t{24} << 20);
  tree.write("root/large.bin", content);
  DemoProcess demo(serving(tree));
  REQUIRE(status_in(fetch(demo, "/static/a.txt")) == 200);
  [[maybe_unused]] const long before = memory_kib(demo.pid(), "VmHWM");
  CHECK(body_of(fetch(demo, "/static/large.bin")) == content);
  std::string parts;
  for (std::size_t at = 0; at < content.size(); at += 5'000'000)
    parts +=
        body_of(ask(demo, with("/static/large.bin", "Range: bytes=" + std::to_string(at) + "-" +
                                                        std::to_string(at + 4'999'999))));
  CHECK(parts == content);
#ifndef __SANITIZE_ADDRESS__  // which keeps freed memory for a while
  CHECK(memory_kib(demo.pid(), "VmHWM") - before < 4096);
#endif
}

TEST_CASE("demo static: a file truncated while it is sent ends its connection, and no other") {
  const Tree tree;
  tree.write("root/large.bin", noise(std::size_t{24} << 20));
  DemoProcess demo(serving(tree));
  Client client(demo);
  client.send(get("/static/large.bin"));
  client.read_until("\r\n\r\n");
  fs::resize_file(tree.root() / "large.bin", 100);
  CHECK(client.read_to_end().size() < (std::size_t{24} << 20));
  CHECK(status_in(fetch(demo, "/static/large.bin")) == 200);
  CHECK(await([&] { return stats_of(demo)["connections"] == 1; }));
}

TEST_CASE("demo static: a missing root is refused in one clear sentence") {
  try {
    run_demo({.port = 0, .root = "/nowhere/at/all"});
    FAIL("it served");
  } catch (const Failure& failure) {
    CHECK_THAT(failure.what(), Contains("/nowhere/at/all") && Contains("--root"));
  }
}

}  // namespace timeslice::demo::test
