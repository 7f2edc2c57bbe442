// SPDX-License-Identifier: MIT
#include "tests/isolation.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace timeslice::test {

namespace {

using Clock = std::chrono::steady_clock;

// Only what hangs takes so long: a case that takes 8 s by itself, on four back ends, may have a
// tenth of a core.
constexpr std::chrono::seconds kLimit{600};

struct Child {
  std::string name;
  pid_t pid = -1;
  int pidfd = -1;
  int output = -1;
  Clock::time_point begun;
  bool overdue = false;
};

// What a starter has ignored or blocked, it passes on through fork and exec: nohup SIGHUP, a script
// SIGINT and SIGQUIT for what it starts with &. A case finds none of it. Handlers stay: nobody
// inherits one, so they are this program's, as a sanitizer's.
void forget_starters_signals() {
  for (int signo = 1; signo < NSIG; ++signo) {
    struct sigaction action {};
    if (::sigaction(signo, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
      ::signal(signo, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void be_child(const Child& child, pid_t parent,
                           const std::function<Verdict(const std::string&)>& run_one) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  forget_starters_signals();
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::close(nothing);
  ::dup2(child.output, STDOUT_FILENO);
  ::dup2(child.output, STDERR_FILENO);
  ::close(child.output);
  const Verdict verdict = run_one(child.name);
  std::exit(static_cast<int>(verdict));  // not _exit: a leak checker has its say at the end
}

Child start(const std::string& name, const std::function<Verdict(const std::string&)>& run_one) {
  Child child{.name = name, .begun = Clock::now()};
  child.output = ::memfd_create("output", MFD_CLOEXEC);
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  child.pid = ::fork();
  if (child.output < 0 || child.pid < 0) throw std::runtime_error("cannot fork for a test");
  if (child.pid == 0) be_child(child, parent, run_one);
  ::setpgid(child.pid, child.pid);  // whoever of us two is first
  child.pidfd = static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0));
  return child;
}

std::string text_of(int fd) {
  std::string text(static_cast<std::size_t>(std::max<off_t>(::lseek(fd, 0, SEEK_END), 0)), '\0');
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return text;
}

std::string end_of(const Child& child, int status) {
  const auto seconds = std::chrono::duration<double>(Clock::now() - child.begun).count();
  char text[128];
  if (child.overdue)
    std::snprintf(text, sizeof text, "killed after %.0f s", seconds);
  else if (WIFSIGNALED(status))
    std::snprintf(text, sizeof text, "ended by signal %d (%s)", WTERMSIG(status),
                  ::strsignal(WTERMSIG(status)));
  else if (WEXITSTATUS(status) == static_cast<int>(Verdict::failed))
    std::snprintf(text, sizeof text, "after %.1f s", seconds);
  else
    std::snprintf(text, sizeof text, "ended with status %d", WEXITSTATUS(status));
  return text;
}

// The lines in which a case says why it was skipped.
void print_reasons(const std::string& output) {
  for (std::size_t at = 0; at < output.size();) {
    const std::size_t end = std::min(output.find('\n', at), output.size());
    if (output.compare(at, 6, "SKIP: ") == 0)
      std::printf("%s\n", output.substr(at, end - at).c_str());
    at = end + 1;
  }
}

void settle(const Child& child, Counts& counts) {
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  ::kill(-child.pid, SIGKILL);  // whatever it left behind in its group
  const std::string output = text_of(child.output);
  ::close(child.output);
  ::close(child.pidfd);
  const int verdict = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (verdict == static_cast<int>(Verdict::passed)) {
    ++counts.passed;
  } else if (verdict == static_cast<int>(Verdict::skipped)) {
    ++counts.skipped;
    print_reasons(output);
  } else {
    ++counts.failed;
    std::printf("%s\nFAILED: \"%s\", %s\n\n", output.c_str(), child.name.c_str(),
                end_of(child, status).c_str());
  }
  std::fflush(stdout);
}

// Sleeps until one has ended, or the oldest one's time is over.
void wait_for_any(const std::vector<Child>& running) {
  std::vector<pollfd> fds;
  auto deadline = Clock::time_point::max();
  for (const Child& child : running) {
    fds.push_back({child.pidfd, POLLIN, 0});
    deadline = std::min(deadline, child.begun + kLimit);
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
}

void settle_ended(std::vector<Child>& running, Counts& counts) {
  std::erase_if(running, [&](Child& child) {
    if (Clock::now() >= child.begun + kLimit) {
      child.overdue = true;
      ::kill(-child.pid, SIGKILL);
      ::kill(child.pid, SIGKILL);
    }
    pollfd ended{child.pidfd, POLLIN, 0};
    if (!child.overdue && ::poll(&ended, 1, 0) == 0) return false;
    settle(child, counts);
    return true;
  });
}

}  // namespace

Counts run_isolated(const std::vector<std::string>& names,
                    const std::function<Verdict(const std::string&)>& run_one, int most_failures) {
  const std::size_t at_once = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  ::signal(SIGCHLD, SIG_DFL);  // ignored, it would let no end be told
  Counts counts;
  std::vector<Child> running;
  for (auto next = names.begin(); next != names.end() || !running.empty();) {
    while (running.size() < at_once && next != names.end())
      running.push_back(start(*next++, run_one));
    wait_for_any(running);
    settle_ended(running, counts);
    if (counts.failed < most_failures) continue;
    for (const Child& child : running) ::kill(-child.pid, SIGKILL);
    break;
  }
  return counts;
}

}  // namespace timeslice::test
