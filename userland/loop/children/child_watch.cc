// SPDX-License-Identifier: MIT
// Where pidfd_open is refused (an old container's filter), a timer asks for the end instead, at
// first after a millisecond, later every 50. A pool thread in waitid would answer at once, but it
// can't be called back, so four children would hold the whole pool, and the loop's end. Either way
// the number stays the child's own as long as nobody but us waits for it.
#include "loop/children/child_watch.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <optional>
#include <vector>

#include "base/unique_fd.h"

namespace timeslice::loop {

namespace {

constexpr Nanoseconds kFirstLook = std::chrono::milliseconds{1};
constexpr Nanoseconds kLastLook = std::chrono::milliseconds{50};
constexpr int kPidfd = 3;  // P_PIDFD, which older headers have as a macro and newer as an enum

int system_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

Nanoseconds to_ns(const timeval& time) {
  return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

ExitStatus to_status(const siginfo_t& info, const rusage& usage) {
  const bool exited = info.si_code == CLD_EXITED;
  return {.code = exited ? info.si_status : 0,
          .signal = exited ? 0 : info.si_status,
          .core = info.si_code == CLD_DUMPED,
          .user_time = to_ns(usage.ru_utime),
          .system_time = to_ns(usage.ru_stime),
          .nvcsw = static_cast<std::uint64_t>(usage.ru_nvcsw),
          .nivcsw = static_cast<std::uint64_t>(usage.ru_nivcsw),
          .max_rss_kib = static_cast<std::uint64_t>(usage.ru_maxrss)};
}

// Reaps it if it has ended, or, without WNOHANG in `flags`, when it has. The system call, as
// glibc's waitid has no place for the usage.
std::optional<ExitStatus> reap(pid_t pid, const UniqueFd& pidfd, int flags) {
  siginfo_t info{};
  rusage usage{};
  const auto wait = [&](int by, int id) {
    long result;
    do result = ::syscall(SYS_waitid, by, id, &info, WEXITED | flags, &usage);
    while (result < 0 && errno == EINTR);
    return result;
  };
  long result = pidfd ? wait(kPidfd, pidfd.get()) : wait(P_PID, pid);
  // 5.3 has pidfds, but doesn't take them here.
  if (result < 0 && errno == EINVAL) result = wait(P_PID, pid);
  if (result < 0) return ExitStatus{.error = -errno};
  if (info.si_pid == 0) return std::nullopt;
  return to_status(info, usage);
}

class Orphans {
 public:
  void adopt(pid_t pid) {
    const std::lock_guard lock(mutex_);
    pids_.push_back(pid);
    reap_all();
  }
  void look_after() {
    const std::lock_guard lock(mutex_);
    reap_all();
  }

 private:
  void reap_all() {
    const auto ended = [](pid_t pid) { return reap(pid, UniqueFd(), WNOHANG).has_value(); };
    pids_.erase(std::remove_if(pids_.begin(), pids_.end(), ended), pids_.end());
  }

  std::mutex mutex_;  // loops are in several threads, this list is the program's
  std::vector<pid_t> pids_;
};

Orphans& orphans() {
  static Orphans all;
  return all;
}

}  // namespace

// Held by its ChildWatch, and by the loop while the poll comes back from a cancel.
struct ChildWatch::Poll {
  Request request;
  UniqueFd pidfd;
  ChildWatch* watch = nullptr;

  // The kernel has the request's address until its completion: dropping it waits for that.
  static void retire(Loop& loop, const std::shared_ptr<Poll>& poll) {
    poll->watch = nullptr;
    if (poll->request.in_flight()) {
      poll->request.cancel();
      loop.at_close([&loop, poll] { retire(loop, poll); });
    } else if (poll->pidfd) {
      loop.close_now(poll->pidfd.release());
    }
  }
};

ChildWatch::ChildWatch(Loop& loop, OnEnd on_end)
    : loop_(loop),
      on_end_(std::move(on_end)),
      poll_(std::make_shared<Poll>()),
      look_again_(loop, [this] { look(); }) {
  poll_->watch = this;
}

// A loop that goes ends its requests and timers: where one is active, there is a loop.
ChildWatch::~ChildWatch() {
  if (watching()) orphans().adopt(pid_);
  if (poll_->request.in_flight() || look_again_.active()) Poll::retire(loop_, poll_);
}

void ChildWatch::reap_orphans() { orphans().look_after(); }

void ChildWatch::watch(pid_t pid, int (*open_pidfd)(pid_t pid)) {
  assert(!watching() && pid > 0);
  pid_ = pid;
  poll_->pidfd = UniqueFd((open_pidfd ? open_pidfd : system_pidfd)(pid));  // always close-on-exec
  patience_ = kFirstLook;
  if (poll_->pidfd)
    wait_for_end();
  else
    look_again_later();
}

void ChildWatch::wait_for_end() {
  Poll& poll = *poll_;
  loop_.poll(poll.request, poll.pidfd.get(), POLLIN, [&poll](Request&) {
    if (poll.watch) poll.watch->look();
  });
}

// Also for a child that has ended, while a debugger that is attached to it keeps it from us.
void ChildWatch::look_again_later() {
  look_again_.start(patience_);
  patience_ = std::min(2 * patience_, kLastLook);
}

void ChildWatch::look() {
  if (!watching()) return;  // it was reaped past the loop
  if (const std::optional<ExitStatus> status = reap(pid_, poll_->pidfd, WNOHANG))
    ended(*status);
  else
    look_again_later();
}

void ChildWatch::ended(const ExitStatus& status) {
  pid_ = 0;
  if (poll_->pidfd) loop_.close_now(poll_->pidfd.release());
  const OnEnd on_end = on_end_;  // a copy: the callback may destroy this ChildWatch
  if (on_end) on_end(status);
}

void ChildWatch::reap_now() {
  if (watching()) reap(std::exchange(pid_, 0), poll_->pidfd, 0);
}

int ChildWatch::kill(int signo) {
  if (!watching()) return -ESRCH;
  const UniqueFd& pidfd = poll_->pidfd;
  const long result = pidfd ? ::syscall(SYS_pidfd_send_signal, pidfd.get(), signo, nullptr, 0)
                            : ::kill(pid_, signo);
  return result < 0 ? -errno : 0;
}

void ChildWatch::ref() {
  poll_->request.ref();
  look_again_.ref();
}

void ChildWatch::unref() {
  poll_->request.unref();
  look_again_.unref();
}

}  // namespace timeslice::loop
