// SPDX-License-Identifier: MIT
#include "labs/parts/node_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/failure.h"

namespace timeslice::labs {

namespace {

constexpr int kLongestSilence = 20'000;  // ms

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> environment = more;  // of two of a name, the first one counts
  for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);
  return environment;
}

void make_pipe(UniqueFd& out, UniqueFd& in) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw failure_from_errno("cannot make a pipe", errno);
  out = UniqueFd(ends[0]);
  in = UniqueFd(ends[1]);
}

}  // namespace

NodeProgram::NodeProgram(const Setting& setting, const NodeOptions& options) {
  std::vector<std::string> words = {setting.machine.node, setting.directory + "/workload.js"};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = environment_with(options.environment);
  const std::vector<char*> argv = pointers_to(words), envp = pointers_to(environment);
  UniqueFd its_input, its_output;
  make_pipe(its_input, input_);
  make_pipe(output_, its_output);
  pid_ = fork();
  if (pid_ < 0) throw failure_from_errno("cannot start Node", errno);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(its_input.get(), STDIN_FILENO);
    dup2(its_output.get(), STDOUT_FILENO);
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
}

NodeProgram::~NodeProgram() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::optional<std::string> NodeProgram::line() {
  for (;;) {
    if (const size_t end = read_.find('\n'); end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    pollfd ready{output_.get(), POLLIN, 0};
    const int count = poll(&ready, 1, kLongestSilence);
    if (count == 0) throw Failure("the lab's Node program says nothing any more");
    char buffer[4096];
    const ssize_t got = read(output_.get(), buffer, sizeof(buffer));
    if (got == 0) return std::nullopt;
    if (got > 0) read_.append(buffer, static_cast<size_t>(got));
    if (got < 0 && errno != EINTR) throw failure_from_errno("cannot read what Node says", errno);
  }
}

void NodeProgram::say(const std::string& line) {
  const std::string text = line + '\n';
  if (write(input_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw Failure("the lab's Node program doesn't listen any more");
}

std::string NodeProgram::end() {
  input_ = UniqueFd();
  std::string said;
  while (const auto next = line()) said += *next + '\n';
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Failure("the lab's Node program didn't end well");
  return said;
}

std::string run_node(const Setting& setting, const NodeOptions& options) {
  NodeProgram program(setting, options);
  return program.end();
}

}  // namespace timeslice::labs
