// SPDX-License-Identifier: MIT
// Is a child's exit detected where the kernel helps little, and where no loop is left? What a
// Process shows of it is in process.cc, what a cluster's manager does in cluster.cc.
#include "loop/children/child_watch.h"

#include <sys/wait.h>

#include <optional>
#include <thread>

#include "loop/children/spawn.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

pid_t start(std::vector<std::string> words) {
  ProcessOptions options;
  options.file = words.front();
  options.arguments = std::move(words);
  return spawn(options, {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO});
}

bool is_our_child(pid_t pid) {
  siginfo_t info;
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

// As Linux 5.3 answers, for the rest of this thread's life. False if there are no filters.
bool make_waitid_refuse_pidfds() {
  constexpr unsigned kPidfd = 3;
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_waitid, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kPidfd, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

TEST_CASE("where waitid doesn't accept pidfds, as in Linux 5.3, a child is reaped by its pid",
          "[process]") {
  ON_EACH_BACKEND(options);
  bool filtered = false;
  int calls = 0;
  std::optional<ExitStatus> end;
  std::thread([&] {
    filtered = make_waitid_refuse_pidfds();
    if (!filtered) return;
    Loop loop(options);
    ChildWatch watch(loop, [&](const ExitStatus& status) {
      ++calls;
      end = status;
    });
    const pid_t pid = start({"sh", "-c", "exit 7"});
    if (pid <= 0) return;
    watch.watch(pid);
    loop.run();
  }).join();
  if (!filtered) SKIP_TEST("this machine allows no seccomp filter");
  CHECK(calls == 1);
  REQUIRE(end);
  CHECK(end->error == 0);
  CHECK(end->code == 7);
}

TEST_CASE("a ChildWatch may outlive its loop, and a killed child is reaped without it",
          "[process]") {
  ON_EACH_BACKEND(options);
  const auto descriptors = open_descriptors();
  int calls = 0;
  pid_t pid = 0;
  {
    std::optional<ChildWatch> watch;
    GuardedLoop loop(options);
    watch.emplace(loop, [&](const ExitStatus&) { ++calls; });
    pid = start({"sleep", "1000"});
    REQUIRE(pid > 0);
    watch->watch(pid, GENERATE(0, 1) ? +[](pid_t) { return -1; } : nullptr);
    if (GENERATE(false, true)) {  // that is, with the poll in the kernel
      loop.set_immediate([&] { loop.stop(); });
      loop.run();
    }
    CHECK(watch->pid() == pid);
    CHECK(watch->kill(SIGKILL) == 0);
    watch->reap_now();
    CHECK_FALSE(watch->watching());
    CHECK(watch->kill(SIGKILL) == -ESRCH);
    CHECK_FALSE(is_our_child(pid));
    if (GENERATE(false, true)) loop.run();  // which makes no callback any more
  }
  CHECK(calls == 0);
  CHECK(open_descriptors() == descriptors);
}

}  // namespace timeslice::loop::test
