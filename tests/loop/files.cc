// SPDX-License-Identifier: MIT
// Are files read and written as the system calls would do it?
#include <numeric>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}

}  // namespace

TEST_ON_EACH_BACKEND("a file is read whole, in part, short at its end, and not past it") {
  const std::string content = pattern(100'000);
  const UniqueFd file = temporary_file(content);
  struct Case {
    std::int64_t offset;
    std::size_t size;
    int expected;
  };
  for (const Case& c : {Case{0, 100'000, 100'000}, Case{50, 10, 10}, Case{99'990, 100, 10},
                        Case{100'000, 100, 0}, Case{500'000, 1, 0}, Case{0, 0, 0}}) {
    CAPTURE(c.offset, c.size);
    std::string buffer(c.size, '?');
    Request request;
    GuardedLoop loop(options);
    int result = -1;
    loop.read(request, file.get(), buffer.data(), buffer.size(), c.offset,
              [&](Request& done) { result = done.result(); });
    loop.run();
    REQUIRE(transferred(options, result, static_cast<std::size_t>(c.expected)));
    const auto size = static_cast<std::size_t>(result);
    CHECK(buffer.substr(0, size) ==
          (size > 0 ? content.substr(static_cast<std::size_t>(c.offset), size) : ""));
  }
}

TEST_ON_EACH_BACKEND("a bad descriptor is an error result, not an exception") {
  std::array<char, 8> buffer{};
  std::vector<Request> requests(5);
  GuardedLoop loop(options);
  std::vector<int> results;
  const Done note = [&](Request& done) { results.push_back(done.result()); };
  loop.read(requests[0], -1, buffer.data(), buffer.size(), 0, note);
  loop.read(requests[1], -1, buffer.data(), buffer.size(), kCurrentPosition, note);
  loop.recv(requests[2], -1, buffer.data(), buffer.size(), note);
  loop.write(requests[3], -1, buffer.data(), buffer.size(), 0, note);
  loop.close(requests[4], -1, note);
  loop.run();
  CHECK(results == std::vector<int>(5, -EBADF));
}

TEST_ON_EACH_BACKEND("many reads in flight each fill their own buffer") {
  options.sim.faults = false;           // none is short
  constexpr std::size_t kReads = 1000;  // far more than the ring has entries
  options.ring_entries = 16;
  const std::string content = pattern(kReads * 64);
  const UniqueFd file = temporary_file(content);
  std::string buffer(content.size(), '?');
  std::vector<Request> requests(kReads);
  GuardedLoop loop(options);
  std::size_t whole = 0;
  for (std::size_t i = 0; i < kReads; ++i)
    loop.read(requests[i], file.get(), &buffer[i * 64], 64, static_cast<std::int64_t>(i * 64),
              [&](Request& done) { whole += done.result() == 64; });
  loop.run();
  CHECK(whole == kReads);
  CHECK(buffer == content);
}

TEST_ON_EACH_BACKEND("open, write, read back, close") {
  options.sim.faults = false;
  std::string directory = "/tmp/timeslice-test-XXXXXX";
  REQUIRE(::mkdtemp(directory.data()));
  const std::string path = directory + "/file";
  const std::string text = "written by a loop";
  std::string back(text.size(), '?');
  Request request;
  GuardedLoop loop(options);
  std::vector<int> results;
  int fd = -1;
  Route write_route = Route::unknown;
  loop.open(request, path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, [&](Request& opened) {
    fd = opened.result();
    REQUIRE(fd >= 0);
    loop.write(request, fd, text.data(), text.size(), 0, [&](Request& written) {
      results.push_back(written.result());
      write_route = written.route();
      loop.read(request, fd, back.data(), back.size(), 0, [&](Request& read) {
        results.push_back(read.result());
        loop.close(request, fd, [&](Request& closed) { results.push_back(closed.result()); });
      });
    });
  });
  loop.run();
  const int size = static_cast<int>(text.size());
  CHECK(results == std::vector<int>{size, size, 0});
  CHECK(back == text);
  CHECK(write_route == (has_threads(options) ? Route::pool_thread : Route::inline_));
  CHECK(::fcntl(fd, F_GETFD) == -1);
  int missing = 0;
  loop.open(request, (directory + "/none").c_str(), O_RDONLY, 0,
            [&](Request& done) { missing = done.result(); });
  loop.run();
  CHECK(missing == -ENOENT);
  ::unlink(path.c_str());
  ::rmdir(directory.c_str());
}

TEST_ON_EACH_BACKEND("a stream is read and written at its current position") {
  Pipe pipe;
  std::array<char, 16> buffer{};
  Request reading, writing;
  options.sim.faults = false;
  GuardedLoop loop(options);
  int got = 0, put = 0;
  loop.read(reading, pipe.out.get(), buffer.data(), buffer.size(), kCurrentPosition,
            [&](Request& done) { got = done.result(); });
  loop.write(writing, pipe.in.get(), "hello", 5, kCurrentPosition,
             [&](Request& done) { put = done.result(); });
  loop.run();
  CHECK(got == 5);
  CHECK(put == 5);
  CHECK(std::string(buffer.data(), 5) == "hello");
  // A regular file has a position, too.
  const UniqueFd file = temporary_file("0123456789");
  REQUIRE(::lseek(file.get(), 4, SEEK_SET) == 4);
  loop.read(reading, file.get(), buffer.data(), buffer.size(), kCurrentPosition,
            [&](Request& done) { got = done.result(); });
  loop.run();
  CHECK(got == 6);
  CHECK(std::string(buffer.data(), 6) == "456789");
}

TEST_ON_EACH_BACKEND("data that exceeds a file's limit isn't counted as written, nor moved") {
  constexpr std::size_t kPiece = 1 << 20, kRoom = 2 * kPiece + kPiece / 2 + 5;
  const std::string content = pattern(8 * kPiece);
  const FileSizeLimit limit(kRoom);
  for (const bool at_offset : {false, true}) {
    CAPTURE(at_offset);
    const UniqueFd file = temporary_file("");
    Request request;
    GuardedLoop loop(options);
    std::size_t told = 0;
    int refused = 0;
    const Task write_on = [&] {
      const auto offset = at_offset ? static_cast<std::int64_t>(told) : kCurrentPosition;
      loop.write(request, file.get(), content.data() + told, kPiece, offset, [&](Request& done) {
        refused = std::min(done.result(), 0);
        told += static_cast<std::size_t>(std::max(done.result(), 0));
        if (refused == 0 && told + kPiece <= content.size()) write_on();
      });
    };
    write_on();
    loop.run();
    CHECK(refused == -EFBIG);
    CHECK(told == kRoom);
    CHECK((content_of(file.get()) == content.substr(0, told)));
  }
}

TEST_ON_EACH_BACKEND("the route of a cached read is given where it can be known") {
  options.observe_routes = true;
  const UniqueFd file = temporary_file(pattern(4096));
  Pipe pipe;
  std::array<char, 4096> buffer{};
  std::array<char, 1> byte{};
  Request warm, empty;
  GuardedLoop loop(options);
  Route warm_route = Route::io_wq, empty_route = Route::io_wq;
  loop.read(warm, file.get(), buffer.data(), buffer.size(), 0, [&](Request& done) {
    warm_route = done.route();
    REQUIRE(::write(pipe.in.get(), "x", 1) == 1);
  });
  loop.read(empty, pipe.out.get(), byte.data(), 1, kCurrentPosition,
            [&](Request& done) { empty_route = done.route(); });
  loop.run();
  if (options.backend == BackendKind::uring) {
    // Only a ring with DEFER_TASKRUN can be observed.
    CHECK(warm_route == (loop.backend_note().empty() ? Route::inline_ : Route::unknown));
    CHECK(empty_route == Route::unknown);
  } else {
    CHECK(warm_route == (has_threads(options) ? Route::pool_thread : Route::inline_));
    CHECK(empty_route == Route::poll);
  }
}

}  // namespace timeslice::loop::test
