// SPDX-License-Identifier: MIT
// What became of a program that we started? A Process starts it, gives us our ends of its pipes and
// calls back when it has ended, which a ChildWatch learns without SIGCHLD.
//
//   Process sorter(loop, {.file = "sort", .stdio = {Stdio::pipe_in(), Stdio::pipe_out(),
//                  Stdio::inherit()}}, [](const ExitStatus& status) { ... });
//   if (int error = sorter.start(); error < 0) ...  // -ENOENT: there is no such program
//   write_pipe(loop, writing, sorter.stdin_fd().get(), text.data(), text.size(), ...);
//   loop.read(reading, sorter.stdout_fd().get(), buffer, size, kCurrentPosition, ...);
//
// Its end and its pipes' end are two events. After on_exit a pipe may still hold what the child
// wrote last, or be held open by a grandchild: read until 0.
#pragma once
#include <vector>

#include "base/unique_fd.h"
#include "loop/children/child_watch.h"
#include "loop/children/spawn.h"
#include "loop/core/loop.h"

namespace timeslice::loop {

class Process {
 public:
  using OnExit = ChildWatch::OnEnd;

  // `on_exit` is called once for each successful start. It may start the process anew, or destroy
  // the Process.
  Process(Loop& loop, ProcessOptions options, OnExit on_exit);
  // Goes before its loop does. Closes the pipes: no request may be under way on them. A process
  // that still runs goes on running, and nobody is called. When it ends it's reaped, though not at
  // once: at the next start or end of a Process in this program, or by init once we're gone.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // 0, or -errno as spawn() has it, or of what couldn't be opened (-EMFILE). Not while it runs.
  int start();
  [[nodiscard]] bool running() const { return watch_.watching(); }
  [[nodiscard]] pid_t pid() const { return watch_.pid(); }  // 0 if it doesn't run

  // 0 or -errno; -ESRCH once on_exit is called. Never meets another process that has got the same
  // number meanwhile. A stopped process acts on SIGKILL and SIGCONT only; the rest waits.
  int kill(int signo) { return watch_.kill(signo); }

  // Our ends, close-on-exec. Close one with loop.close_now(fd.release()), also to tell the child
  // that its input is at its end. What is left is closed by the next start and by the destructor.
  [[nodiscard]] UniqueFd& pipe(std::size_t descriptor) { return pipes_.at(descriptor); }
  [[nodiscard]] UniqueFd& stdin_fd() { return pipe(0); }
  [[nodiscard]] UniqueFd& stdout_fd() { return pipe(1); }
  [[nodiscard]] UniqueFd& stderr_fd() { return pipe(2); }

  // A running process holds the loop unless told not to.
  void ref() { watch_.ref(); }
  void unref() { watch_.unref(); }

 private:
  void close_pipes();

  Loop& loop_;
  ProcessOptions options_;
  std::vector<UniqueFd> pipes_;
  ChildWatch watch_;
};

}  // namespace timeslice::loop
