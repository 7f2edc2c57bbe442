// SPDX-License-Identifier: MIT
// Example: how is another program's work used? `sort` gets its lines through a pipe, and what it
// answers and complains of is read to the end, while the loop goes on. That it has ended, and how,
// is told by itself. It has an environment, a directory and a process group of its own.
#include "loop/children/process.h"
#include "loop/io/stream.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

class Sorter : private Stream::Owner {
 public:
  Sorter(Loop& loop, std::vector<std::string> arguments)
      : loop_(loop), process_(loop, options(std::move(arguments)), [this](const ExitStatus& end) {
          status = end;
        }) {}

  // 0 or -errno.
  int sort(std::string lines) {
    if (const int error = process_.start(); error < 0) return error;
    to_.open(loop_, process_.stdin_fd().release(), nullptr, *this);
    from_.open(loop_, process_.stdout_fd().release(), nullptr, *this);
    complaints_.open(loop_, process_.stderr_fd().release(), nullptr, *this);
    to_.write(std::move(lines));
    return 0;
  }
  void finish() { to_.finish(); }  // it's at the end of its input
  void give_up() {
    if (process_.running()) process_.kill(SIGTERM);
  }

  std::string sorted, complained;
  ExitStatus status;

 private:
  static ProcessOptions options(std::vector<std::string> arguments) {
    ProcessOptions options{.file = "sort", .arguments = std::move(arguments)};
    options.environment = {"LC_ALL=C"};
    options.directory = "/";
    options.own_group = true;  // Ctrl-C isn't for it
    options.stdio = {Stdio::pipe_in(), Stdio::pipe_out(), Stdio::pipe_out()};
    return options;
  }
  void on_data(Stream& stream, std::span<std::byte> data) override {
    (&stream == &from_ ? sorted : complained) += as_text(data);
  }
  void on_close(Stream&, int) override {}

  Loop& loop_;
  Process process_;
  Stream to_, from_, complaints_;
};

}  // namespace

TEST_ON_EACH_BACKEND("example: lines are sorted by a program in a process of its own") {
  GuardedLoop loop(options);
  Sorter sorter(loop, {"sort"});
  REQUIRE(sorter.sort("pear\napple\nFig\n") == 0);
  sorter.finish();
  loop.run();
  CHECK(sorter.sorted == "Fig\napple\npear\n");
  CHECK(sorter.complained.empty());
  CHECK(sorter.status.code == 0);
}

TEST_ON_EACH_BACKEND("example: a program that complains, and one that is ended") {
  GuardedLoop loop(options);
  Sorter wrong(loop, {"sort", "--no-such-option"}), endless(loop, {"sort"});
  REQUIRE(wrong.sort("") == 0);
  wrong.finish();
  REQUIRE(endless.sort("pear\n") == 0);
  endless.give_up();
  loop.run();
  CHECK(wrong.status.code == 2);
  CHECK_FALSE(wrong.complained.empty());
  CHECK(endless.status.signal == SIGTERM);
}

}  // namespace timeslice::loop::test
