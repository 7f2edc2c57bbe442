// SPDX-License-Identifier: MIT
// When does a child end, and how? A ChildWatch asks the kernel's pidfd through the loop's poll,
// reaps the child and calls back, once. No SIGCHLD handler: the signal is the whole program's, and
// several ends make one, so a host program keeps its own, and several loops don't disturb each
// other. A child that is stopped has not ended.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "loop/core/loop.h"

namespace timeslice::loop {

struct ExitStatus {
  int code = 0;       // what it passed to exit(), 0 to 255; meaningless if a signal ended it
  int signal = 0;     // that ended it, or 0
  bool core = false;  // dumped
  // -ECHILD: somebody else has taken the status (a waitpid(-1) in this program, or SIGCHLD is set
  // to SIG_IGN). That it has ended is all that is known then.
  int error = 0;

  // Of the process and of those of its children that it has waited for.
  Nanoseconds user_time{0};
  Nanoseconds system_time{0};
  std::uint64_t nvcsw = 0;
  std::uint64_t nivcsw = 0;
  std::uint64_t max_rss_kib = 0;
};

class ChildWatch {
 public:
  using OnEnd = std::function<void(const ExitStatus&)>;

  // `on_end` is called once for each watch(). It may watch another child, or destroy the
  // ChildWatch.
  ChildWatch(Loop& loop, OnEnd on_end);
  // Also after its loop has gone. Nobody is called any more; a child that still lives is an orphan,
  // see reap_orphans().
  ~ChildWatch();
  ChildWatch(const ChildWatch&) = delete;
  ChildWatch& operator=(const ChildWatch&) = delete;

  // A child of this process, which nobody else reaps. `open_pidfd` stands in for the system call,
  // for tests: returns a descriptor, or -1. Not while another child is watched.
  void watch(pid_t pid, int (*open_pidfd)(pid_t pid) = nullptr);
  [[nodiscard]] bool watching() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }  // 0 when none is watched

  // 0 or -errno; -ESRCH when none is watched. Never meets another process that has got the same
  // number meanwhile.
  int kill(int signo);
  // Blocks until it has ended, and calls nobody: for a child that has been killed, when the loop
  // won't run any more.
  void reap_now();
  // Takes in the ends of all whose watch has gone. A zombie is small, and there are never more of
  // them than were alive at the last look: so whoever starts a child looks.
  static void reap_orphans();

  // A watched child holds the loop unless told not to.
  void ref();
  void unref();

 private:
  struct Poll;

  void wait_for_end();
  void look_again_later();
  void look();
  void ended(const ExitStatus& status);

  Loop& loop_;
  OnEnd on_end_;
  pid_t pid_ = 0;
  std::shared_ptr<Poll> poll_;
  // Where there is no pidfd, see child_watch.cc.
  Timer look_again_;
  Nanoseconds patience_{0};
};

}  // namespace timeslice::loop
