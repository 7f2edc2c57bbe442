// SPDX-License-Identifier: MIT
// How does a test start a process, and how is it sure that none is left behind? Every child is
// killed by the kernel if the test dies, and by its owner's destructor if the test goes on.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

struct Pipe {
  Pipe();
  UniqueFd out, in;  // read from `out` what was written into `in`
};

// Waits for `size` bytes. False: the writer has gone, or the deadline passed.
bool read_fully(int fd, void* data, size_t size, std::chrono::milliseconds deadline = kDeadline);

// A forked child that runs `body`, then exits with 0; or, if `body` throws, with 99.
class Child {
 public:
  // `wanted`: the process id that it shall have, which is free or soon will be; 0: any.
  explicit Child(const std::function<void()>& body, pid_t wanted = 0);
  ~Child();  // kills and waits
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  // The exit status, or 128 plus the number of the signal that ended it; absent: it still runs.
  std::optional<int> wait(std::chrono::milliseconds deadline = kDeadline);

 private:
  pid_t pid_;
  std::optional<int> status_;
};

struct Outcome {
  int status = -1;  // as Child::wait; -1: it had to be killed at the deadline
  std::string out, err;
};

// A program with its output in our hands.
class Command {
 public:
  // `before_exec` runs in the child: to drop privileges, to set limits.
  explicit Command(std::vector<std::string> arguments,
                   const std::function<void()>& before_exec = {});

  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  void signal(int number) const { child_.signal(number); }
  void send(const std::string& text) const;  // to its stdin
  void close_stdin() { stdin_.in = UniqueFd(); }
  void close_stdout() { stdout_.out = UniqueFd(); }  // as `head` does when it has enough

  // The next whole line of stdout, without its end. Absent: there is none until the deadline.
  std::optional<std::string> line(std::chrono::milliseconds deadline = kDeadline);
  // Reads to the end of both outputs, and waits. What line() took isn't in `out` again.
  Outcome finish(std::chrono::milliseconds deadline = kDeadline);

 private:
  bool gather(Clock::time_point end);
  Pipe stdin_, stdout_, stderr_;
  std::string out_, err_;
  Child child_;
};

Outcome run(std::vector<std::string> arguments, const std::function<void()>& before_exec = {});

// The program under test: $OUT/timeslice.
std::string timeslice();

// A directory that goes away with all in it.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string read_file(const std::string& path);  // empty where it can't be read
std::vector<std::string> lines_of(const std::string& text);

}  // namespace timeslice::live
