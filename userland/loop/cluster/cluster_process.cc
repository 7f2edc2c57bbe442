// SPDX-License-Identifier: MIT
#include "loop/cluster/cluster_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string_view>
#include <vector>

#include "loop/cluster/ipc.h"
#include "loop/core/signals_blocked.h"

namespace timeslice::loop {

namespace {

constexpr int kFirstOwnFd = STDERR_FILENO + 1;

// As exec does it: what was handled is as at the beginning, what was ignored stays so. What a
// terminal or a shell sends to the whole group is the manager's to decide.
void reset_handlers() {
  for (int signo = 1; signo < NSIG; ++signo) {
    struct sigaction action {};
    if (::sigaction(signo, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    ::signal(signo, SIG_DFL);
  }
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
}

std::vector<int> open_fds() {
  std::vector<int> fds;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/proc/self/fd"), ::closedir);
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr)
    if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != ::dirfd(dir.get()))
      fds.push_back(std::atoi(entry->d_name));
  return fds;
}

void close_from(int first) {
  // Not in older kernels, and not behind filters that don't know it.
  if (::syscall(SYS_close_range, static_cast<unsigned>(first), UINT_MAX, 0) == 0) return;
  for (const int fd : open_fds())
    if (fd >= first) ::close(fd);
}

// To the lowest number from `place` on, which is free as soon as all others are closed.
UniqueFd move_low(int fd, int place) {
  if (fd == place) return UniqueFd(fd);
  if (::dup3(fd, place, O_CLOEXEC) < 0) ::_exit(EXIT_FAILURE);
  return UniqueFd(place);
}

// First up, out of the way of the low places, then down: else one could be overwritten by another.
void keep_only(int& link, int& listener) {
  for (int* fd : {&link, &listener}) {
    if (*fd < 0) continue;
    const int former = *fd;
    *fd = ::fcntl(former, F_DUPFD_CLOEXEC, kFirstOwnFd + 2);
    if (*fd < 0) ::_exit(EXIT_FAILURE);
    ::close(former);  // it may have had the place of a closed stdin
  }
  int next = kFirstOwnFd;
  link = move_low(link, next++).release();
  if (listener >= 0) listener = move_low(listener, next++).release();
  close_from(next);
}

[[noreturn]] void be_the_worker(pid_t manager, UniqueFd link, int listener, const WorkerBody& body,
                                SignalsBlocked& quiet) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != manager) ::_exit(EXIT_FAILURE);  // it died before we asked to be told
  body.forget_manager();
  reset_handlers();
  int link_fd = link.release();
  keep_only(link_fd, listener);
  quiet.release();
  int code = EXIT_FAILURE;
  try {
    code = body.run(UniqueFd(link_fd), UniqueFd(listener));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "worker %d: %s\n", ::getpid(), error.what());
  }
  // No destructor of what the manager made may run here, so no exit(): and what was printed has to
  // be written out by hand.
  std::fflush(stdout);
  std::fflush(stderr);
  ::_exit(code);
}

}  // namespace

int fork_worker(int listener, const WorkerBody& body, ForkedWorker& worker) {
  UniqueFd ours;
  UniqueFd theirs;
  if (const int error = make_ipc_pair(ours, theirs); error != 0) return error;
  std::fflush(stdout);  // else both of us would print what waits there
  std::fflush(stderr);
  const pid_t manager = ::getpid();
  // Until the child has its own handlers: one of the manager's that ran there would wake the
  // manager's loop.
  SignalsBlocked quiet;
  const pid_t pid = ::fork();
  if (pid < 0) return -errno;
  if (pid == 0) be_the_worker(manager, std::move(theirs), listener, body, quiet);
  worker.pid = pid;
  worker.link = std::move(ours);
  return 0;
}

std::size_t thread_count() {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/proc/self/task"), ::closedir);
  std::size_t count = 0;
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr)
    if (entry->d_name[0] != '.') ++count;
  return count;
}

bool has_open_ring() {
  const std::vector<int> fds = open_fds();
  return std::any_of(fds.begin(), fds.end(), [](int fd) {
    char target[64];
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
    return size > 0 &&
           std::string_view(target, static_cast<std::size_t>(size)) == "anon_inode:[io_uring]";
  });
}

}  // namespace timeslice::loop
