// SPDX-License-Identifier: MIT
#include "loop/children/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace timeslice::loop {

namespace {

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

Process::Process(Loop& loop, ProcessOptions options, OnExit on_exit)
    : loop_(loop),
      options_(std::move(options)),
      pipes_(std::max<std::size_t>(options_.stdio.size(), 3)),
      watch_(loop, std::move(on_exit)) {}

Process::~Process() { close_pipes(); }

void Process::close_pipes() {
  for (UniqueFd& pipe : pipes_)
    if (pipe) loop_.close_now(pipe.release());
}

int Process::start() {
  assert(!running());
  ChildWatch::reap_orphans();
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
  watch_.watch(result, options_.open_pidfd);
  return 0;
}

}  // namespace timeslice::loop
