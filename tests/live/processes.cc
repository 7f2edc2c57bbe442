// SPDX-License-Identifier: MIT
#include "tests/live/processes.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace timeslice::live {

namespace {

int milliseconds_to(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

// The test program's own handlers and masks are no business of its children.
void begin_afresh(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It died before it could be asked to take us along. 0: it is outside of our PID namespace.
  if (getppid() != parent && getppid() != 0) _exit(99);
  for (int number = 1; number < 32; ++number) std::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// clone3 lets root choose the id. It is taken until whoever had it before is gone for good.
pid_t fork_as(pid_t wanted) {
  if (wanted == 0) return fork();
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<uint64_t>(&wanted);
  arguments.set_tid_size = 1;
  pid_t pid = -1;
  until([&] {
    pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof(arguments)));
    return pid >= 0 || errno != EEXIST;
  });
  return pid;
}

pid_t fork_running(const std::function<void()>& body, pid_t wanted) {
  const pid_t parent = getpid();
  const pid_t pid = fork_as(wanted);
  if (pid < 0) throw std::runtime_error("the test can't fork");
  if (pid > 0) return pid;
  begin_afresh(parent);
  try {
    body();
  } catch (...) {
    _exit(99);
  }
  _exit(0);
}

[[noreturn]] void exec(const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  execvp(pointers[0], pointers.data());
  _exit(127);
}

// True while more may come.
bool append_from(int fd, std::string& text) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got > 0) text.append(buffer.data(), static_cast<size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

}  // namespace

Pipe::Pipe() {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) throw std::runtime_error("the test can't make a pipe");
  out = UniqueFd(fds[0]);
  in = UniqueFd(fds[1]);
}

bool read_fully(int fd, void* data, size_t size, std::chrono::milliseconds deadline) {
  const auto end = Clock::now() + deadline;
  size_t done = 0;
  while (done < size) {
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, milliseconds_to(end)) <= 0) return false;
    const ssize_t got = ::read(fd, static_cast<char*>(data) + done, size - done);
    if (got <= 0) return false;
    done += static_cast<size_t>(got);
  }
  return true;
}

Child::Child(const std::function<void()>& body, pid_t wanted) : pid_(fork_running(body, wanted)) {}

Child::~Child() {
  if (status_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Child::signal(int number) const {
  if (!status_) kill(pid_, number);  // once waited for, the id may be another's
}

std::optional<int> Child::wait(std::chrono::milliseconds deadline) {
  until(
      [this] {
        int status = 0;
        if (status_ || waitpid(pid_, &status, WNOHANG) != pid_) return status_.has_value();
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return true;
      },
      deadline);
  return status_;
}

Command::Command(std::vector<std::string> arguments, const std::function<void()>& before_exec)
    : child_([&] {
        dup2(stdin_.out.get(), STDIN_FILENO);
        dup2(stdout_.in.get(), STDOUT_FILENO);
        dup2(stderr_.in.get(), STDERR_FILENO);
        if (before_exec) before_exec();
        exec(arguments);
      }) {
  stdin_.out = UniqueFd();
  stdout_.in = UniqueFd();
  stderr_.in = UniqueFd();
}

void Command::send(const std::string& text) const {
  if (::write(stdin_.in.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("the command doesn't read its stdin");
}

// Takes what there is of both outputs. False: both have ended, or the deadline passed.
bool Command::gather(Clock::time_point end) {
  std::array<pollfd, 2> waiting{
      {{stdout_.out.get(), POLLIN, 0}, {stderr_.out.get(), POLLIN, 0}}};  // closed: -1, ignored
  if (!stdout_.out && !stderr_.out) return false;
  if (poll(waiting.data(), waiting.size(), milliseconds_to(end)) <= 0) return false;
  if (waiting[0].revents != 0 && !append_from(stdout_.out.get(), out_)) stdout_.out = UniqueFd();
  if (waiting[1].revents != 0 && !append_from(stderr_.out.get(), err_)) stderr_.out = UniqueFd();
  return true;
}

std::optional<std::string> Command::line(std::chrono::milliseconds deadline) {
  const auto end = Clock::now() + deadline;
  size_t at;
  while ((at = out_.find('\n')) == std::string::npos)
    if (!gather(end)) return std::nullopt;
  std::string text = out_.substr(0, at);
  out_.erase(0, at + 1);
  return text;
}

Outcome Command::finish(std::chrono::milliseconds deadline) {
  const auto end = Clock::now() + deadline;
  while (gather(end)) {
  }
  Outcome outcome;
  outcome.status = child_.wait(std::chrono::milliseconds(milliseconds_to(end))).value_or(-1);
  outcome.out = std::move(out_);
  outcome.err = std::move(err_);
  return outcome;
}

Outcome run(std::vector<std::string> arguments, const std::function<void()>& before_exec) {
  Command command(std::move(arguments), before_exec);
  command.close_stdin();
  return command.finish();
}

std::string timeslice() {
  const char* out = std::getenv("OUT");
  return std::filesystem::absolute(std::string(out != nullptr ? out : ".output") + "/timeslice");
}

ScratchDirectory::ScratchDirectory() : path_("/tmp/timeslice-test-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr)
    throw std::runtime_error("the test can't make a directory in /tmp");
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace timeslice::live
