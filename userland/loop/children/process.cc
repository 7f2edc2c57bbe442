// SPDX-License-Identifier: MIT
// Where pidfd_open is refused (an old container's filter), a timer asks for the exit instead, at
// first after a millisecond, later every 50. A pool thread in waitid would answer at once, but it
// can't be called back, so four children would hold the whole pool, and the loop's end; SIGCHLD is
// one for the whole program, which isn't ours. Either way the number stays the child's own as long
// as nobody but us waits for it.
#include "loop/children/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

namespace timeslice::loop {

namespace {

constexpr Nanoseconds kFirstLook = std::chrono::milliseconds{1};
constexpr Nanoseconds kLastLook = std::chrono::milliseconds{50};
constexpr int kPidfd = 3;  // P_PIDFD, which older headers have as a macro and newer as an enum

int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

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

// Reaps it if it has ended. The system call, as glibc's waitid has no place for the usage.
std::optional<ExitStatus> reap(pid_t pid, const UniqueFd& pidfd) {
  siginfo_t info{};
  rusage usage{};
  long result;
  do
    result = ::syscall(SYS_waitid, pidfd ? kPidfd : int{P_PID}, pidfd ? pidfd.get() : pid, &info,
                       WEXITED | WNOHANG, &usage);
  while (result < 0 && errno == EINTR);
  if (result < 0) return ExitStatus{.error = -errno};
  if (info.si_pid == 0) return std::nullopt;
  return to_status(info, usage);
}

// The children of Processes that didn't wait for their end. A zombie is small, and there are never
// more of them than were alive at the last look.
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
    const auto ended = [](pid_t pid) { return reap(pid, UniqueFd()).has_value(); };
    pids_.erase(std::remove_if(pids_.begin(), pids_.end(), ended), pids_.end());
  }

  std::mutex mutex_;  // loops are in several threads, this list is the program's
  std::vector<pid_t> pids_;
};

Orphans& orphans() {
  static Orphans all;
  return all;
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

// What the child gets, and what must be closed again once it has it.
struct ChildEnds {
  int add(std::size_t number, const Stdio& stdio, UniqueFd& ours) {
    switch (stdio.kind) {
      case Stdio::Kind::inherit:
        return add_fd(is_open(static_cast<int>(number)) ? static_cast<int>(number) : -1);
      case Stdio::Kind::given:
        return is_open(stdio.fd) ? add_fd(stdio.fd) : -EBADF;
      case Stdio::Kind::null:
        return add_own(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
      case Stdio::Kind::pipe_in:
      case Stdio::Kind::pipe_out:
        return add_pipe(stdio.kind == Stdio::Kind::pipe_in, ours);
    }
    return -EINVAL;
  }

  std::vector<int> descriptors;

 private:
  int add_fd(int fd) {
    descriptors.push_back(fd);
    return 0;
  }
  int add_own(UniqueFd fd) {
    if (!fd) return -errno;
    own.push_back(std::move(fd));
    return add_fd(own.back().get());
  }
  int add_pipe(bool into_child, UniqueFd& ours) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return -errno;
    ours = UniqueFd(ends[into_child ? 1 : 0]);
    return add_own(UniqueFd(ends[into_child ? 0 : 1]));
  }

  std::vector<UniqueFd> own;
};

}  // namespace

// Held by its Process, and by the loop while the poll comes back from a cancel.
struct Process::Watch {
  Request polling;
  UniqueFd pidfd;
  Process* process = nullptr;

  // The kernel has the request's address until its completion: dropping it waits for that.
  static void retire(Loop& loop, const std::shared_ptr<Watch>& watch) {
    watch->process = nullptr;
    if (watch->polling.in_flight()) {
      watch->polling.cancel();
      loop.at_close([&loop, watch] { retire(loop, watch); });
    } else if (watch->pidfd) {
      loop.close_now(watch->pidfd.release());
    }
  }
};

Process::Process(Loop& loop, ProcessOptions options, OnExit on_exit)
    : loop_(loop),
      options_(std::move(options)),
      on_exit_(std::move(on_exit)),
      pipes_(std::max<std::size_t>(options_.stdio.size(), 3)),
      watch_(std::make_shared<Watch>()),
      look_again_(loop, [this] { look(); }) {
  watch_->process = this;
}

Process::~Process() {
  close_pipes();
  if (running()) orphans().adopt(pid_);
  Watch::retire(loop_, watch_);
}

void Process::close_pipes() {
  for (UniqueFd& pipe : pipes_)
    if (pipe) loop_.close_now(pipe.release());
}

int Process::start() {
  assert(!running());
  orphans().look_after();
  close_pipes();
  ChildEnds ends;
  int result = 0;
  for (std::size_t i = 0; i < options_.stdio.size() && result == 0; ++i)
    result = ends.add(i, options_.stdio[i], pipes_[i]);
  if (result == 0) result = spawn(options_, ends.descriptors);
  if (result < 0) {
    close_pipes();
    return result;
  }
  pid_ = result;
  watch();
  return 0;
}

void Process::watch() {
  const auto open = options_.open_pidfd ? options_.open_pidfd : open_pidfd;
  watch_->pidfd = UniqueFd(open(pid_));
  patience_ = kFirstLook;
  if (watch_->pidfd)
    wait_for_exit();
  else
    look_again_later();
}

void Process::wait_for_exit() {
  Watch& watch = *watch_;
  loop_.poll(watch.polling, watch.pidfd.get(), POLLIN, [&watch](Request&) {
    if (watch.process) watch.process->look();
  });
}

// Also for a child that has ended, while a debugger that is attached to it keeps it from us.
void Process::look_again_later() {
  look_again_.start(patience_);
  patience_ = std::min(2 * patience_, kLastLook);
}

void Process::look() {
  if (const std::optional<ExitStatus> status = reap(pid_, watch_->pidfd))
    ended(*status);
  else
    look_again_later();
}

void Process::ended(const ExitStatus& status) {
  pid_ = 0;
  if (watch_->pidfd) loop_.close_now(watch_->pidfd.release());
  const OnExit on_exit = on_exit_;  // a copy: the callback may destroy this Process
  if (on_exit) on_exit(status);
}

int Process::kill(int signo) {
  if (!running()) return -ESRCH;
  const UniqueFd& pidfd = watch_->pidfd;
  const long result = pidfd ? ::syscall(SYS_pidfd_send_signal, pidfd.get(), signo, nullptr, 0)
                            : ::kill(pid_, signo);
  return result < 0 ? -errno : 0;
}

void Process::ref() {
  watch_->polling.ref();
  look_again_.ref();
}

void Process::unref() {
  watch_->polling.unref();
  look_again_.unref();
}

}  // namespace timeslice::loop
