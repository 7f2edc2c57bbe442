// SPDX-License-Identifier: MIT
// Is a file known to be written for exactly as long as its writer has it open?
#include "base/write_hold.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/unique_fd.h"
#include "tests/catch.h"
#include "trace/reader.h"
#include "trace/writer.h"

using namespace timeslice;

namespace {

struct Scratch {
  Scratch() : fd(mkostemp(path.data(), O_CLOEXEC)) { REQUIRE(fd); }
  ~Scratch() { unlink(path.c_str()); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] bool is_held() const {
    const UniqueFd other(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(other);
    return is_held_for_writing(other.get());
  }
  std::string path = "/tmp/timeslice-hold-XXXXXX";
  UniqueFd fd;
};

}  // namespace

TEST_CASE("a file is held until its writer closes it, whoever else opens and closes it") {
  Scratch file;
  CHECK_FALSE(file.is_held());
  REQUIRE(hold_for_writing(file.fd.get()));
  CHECK(file.is_held());
  CHECK(file.is_held());  // asking has let nothing go
  const UniqueFd other(open(file.path.c_str(), O_RDWR | O_CLOEXEC));
  CHECK_FALSE(hold_for_writing(other.get()));
  file.fd = UniqueFd();
  CHECK_FALSE(file.is_held());
}

TEST_CASE("a killed process holds nothing any more") {
  Scratch file;
  file.fd = UniqueFd();
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const int fd = open(file.path.c_str(), O_WRONLY);
    const char held = hold_for_writing(fd) ? 1 : 0;
    if (write(ready[1], &held, 1) == 1) pause();
    _exit(1);
  }
  close(ready[1]);
  char held = 0;
  CHECK(read(ready[0], &held, 1) == 1);
  CHECK(held == 1);
  CHECK(file.is_held());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  CHECK_FALSE(file.is_held());
  close(ready[0]);
}

TEST_CASE("a packet that is just being written is not an error, an abandoned one is") {
  trace::Header header;
  header.begin_ns = 1'000;
  trace::Writer writer(header);
  writer.flush();
  const std::string bytes = writer.bytes() + trace::closing_packets({}, {});
  const size_t cut = writer.bytes().size() + 1;
  Scratch file;
  REQUIRE(write(file.fd.get(), bytes.data(), cut) == static_cast<ssize_t>(cut));
  const auto summary = [&] {
    const auto from = trace::open_file(file.path);
    return trace::Reader(*from, file.path).summary();
  };
  REQUIRE(hold_for_writing(file.fd.get()));
  CHECK(summary().being_recorded);
  CHECK(summary().stopped.empty());
  file.fd = UniqueFd();
  CHECK_FALSE(summary().being_recorded);
  CHECK(summary().stopped.find("inside a packet") != std::string::npos);
}
