// SPDX-License-Identifier: MIT
// Two ways lead to exec. posix_spawn is the rule: its child borrows our memory until exec, so that
// the start costs the same however large we are. It can't change the user. To do that in borrowed
// memory would be unsafe: the program that it becomes could access it, and the kernel marks the
// shared memory as not to be dumped, for us too. So a change of user takes a real fork.
#include "loop/children/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/unique_fd.h"
#include "loop/core/signals_blocked.h"

namespace timeslice::loop {

namespace {

// Ends in the null that exec wants. The strings stay where they are, and must.
std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// All that the child needs, laid out beforehand: between fork and exec nothing may be allocated, as
// another thread may have held the allocator's lock.
struct Plan {
  Plan(const ProcessOptions& what, const std::vector<int>& fds) : options(what), descriptors(fds) {
    argv = pointers_to(what.arguments);
    if (what.arguments.empty()) argv.insert(argv.begin(), const_cast<char*>(what.file.c_str()));
    if (what.environment) envp = pointers_to(*what.environment);
  }
  [[nodiscard]] char* const* environment() const { return envp.empty() ? ::environ : envp.data(); }

  const ProcessOptions& options;
  std::vector<int> descriptors;
  std::vector<char*> argv, envp;
};

// A zero byte would end a string early: the child would run with less than was asked for.
bool has_zero_byte(const ProcessOptions& options) {
  const auto in = [](const std::string& string) { return string.find('\0') != std::string::npos; };
  const auto in_any = [&](const auto& list) { return std::any_of(list.begin(), list.end(), in); };
  return in(options.file) || in(options.directory) || in_any(options.arguments) ||
         (options.environment && in_any(*options.environment));
}

// A source that lies among the targets could be overwritten before its turn. Such ones are replaced
// by copies above them, which live in `copies`.
int move_above_targets(std::vector<int>& sources, std::vector<UniqueFd>& copies) {
  const int count = static_cast<int>(sources.size());
  for (int target = 0; target < count; ++target) {
    int& source = sources[static_cast<std::size_t>(target)];
    if (source < 0 || source >= count || source == target) continue;
    copies.emplace_back(::fcntl(source, F_DUPFD_CLOEXEC, count));
    if (!copies.back()) return -errno;
    source = copies.back().get();
  }
  return 0;
}

// ---- posix_spawn

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  // Zero or an errno, as posix_spawn itself has it.
  int fill(const Plan& plan) {
    const int count = static_cast<int>(plan.descriptors.size());
    int error = 0;
    for (int target = 0; target < count && error == 0; ++target) {
      const int source = plan.descriptors[static_cast<std::size_t>(target)];
      // To itself too: that takes close-on-exec away.
      error = source < 0 ? ::posix_spawn_file_actions_addclose(&actions_, target)
                         : ::posix_spawn_file_actions_adddup2(&actions_, source, target);
    }
    if (error == 0) error = ::posix_spawn_file_actions_addclosefrom_np(&actions_, count);
    if (error == 0 && !plan.options.directory.empty())
      error = ::posix_spawn_file_actions_addchdir_np(&actions_, plan.options.directory.c_str());
    return error;
  }

  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class Attributes {
 public:
  explicit Attributes(const ProcessOptions& options) {
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    int flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    if (options.detached) flags |= POSIX_SPAWN_SETSID;
    if (options.own_group && !options.detached) flags |= POSIX_SPAWN_SETPGROUP;
    ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
  }
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

pid_t spawn_as_ourselves(const Plan& plan) {
  FileActions actions;
  const Attributes attributes(plan.options);
  pid_t pid = -1;
  int error = actions.fill(plan);
  if (error == 0)
    error = ::posix_spawnp(&pid, plan.options.file.c_str(), actions.get(), attributes.get(),
                           plan.argv.data(), plan.environment());
  return error == 0 ? pid : -error;
}

// ---- fork

// The paths under which `file` may be found.
std::vector<std::string> places_of(const std::string& file) {
  if (file.empty() || file.find('/') != std::string::npos) return {file};
  const char* found = std::getenv("PATH");
  const std::string path = found ? found : "/bin:/usr/bin";
  std::vector<std::string> places;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t end = std::min(path.find(':', from), path.size());
    const std::string directory = path.substr(from, end - from);
    places.push_back((directory.empty() ? "." : directory) + "/" + file);
    from = end + 1;
  }
  return places;
}

// From here to exec_any: in the child. Each returns 0 or -errno.

int or_errno(long result) { return result < 0 ? -errno : 0; }

int become_leader(const ProcessOptions& options) {
  if (options.detached) return or_errno(::setsid());
  return options.own_group ? or_errno(::setpgid(0, 0)) : 0;
}

int take_descriptors(const Plan& plan) {
  const int count = static_cast<int>(plan.descriptors.size());
  for (int target = 0; target < count; ++target) {
    const int source = plan.descriptors[static_cast<std::size_t>(target)];
    if (source < 0)
      ::close(target);
    else if (source == target ? ::fcntl(target, F_SETFD, 0) < 0 : ::dup2(source, target) < 0)
      return -errno;
  }
  // Not closed at once: the way to report a failure is among them.
  return or_errno(::syscall(SYS_close_range, count, ~0U, CLOSE_RANGE_CLOEXEC));
}

// By plain system calls: glibc's would ask threads that a forked child doesn't have.
int change_user(const ProcessOptions& options) {
  if (::syscall(SYS_setgroups, 0, nullptr) < 0 && ::geteuid() == 0) return -errno;
  if (options.gid && ::syscall(SYS_setresgid, *options.gid, *options.gid, *options.gid) < 0)
    return -errno;
  return options.uid ? or_errno(::syscall(SYS_setresuid, *options.uid, *options.uid, *options.uid))
                     : 0;
}

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signo = 1; signo < NSIG; ++signo) ::sigaction(signo, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// A place that holds no such file is passed by; one that may not be run is remembered.
int exec_any(const Plan& plan, const std::vector<std::string>& places) {
  int error = -ENOENT;
  for (const std::string& place : places) {
    ::execve(place.c_str(), plan.argv.data(), plan.environment());
    if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) return -errno;
    if (error != -EACCES) error = -errno;
  }
  return error;
}

int run_child(const Plan& plan, const std::vector<std::string>& places) {
  int error = become_leader(plan.options);
  if (error == 0) error = take_descriptors(plan);
  if (error == 0) error = change_user(plan.options);
  if (error == 0 && !plan.options.directory.empty())
    error = or_errno(::chdir(plan.options.directory.c_str()));
  if (error != 0) return error;
  reset_signals();
  return exec_any(plan, places);
}

// What the child said before it gave up: -errno. Nothing, if exec has closed its end.
int hear_of_failure(int from_child) {
  int error = 0;
  ssize_t size;
  do size = ::read(from_child, &error, sizeof error);
  while (size < 0 && errno == EINTR);
  return size == sizeof error ? error : 0;
}

pid_t spawn_as_another(const Plan& plan) {
  const std::vector<std::string> places = places_of(plan.options.file);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return -errno;
  const UniqueFd from_child(ends[0]);
  UniqueFd low(ends[1]);
  UniqueFd to_parent(
      ::fcntl(low.get(), F_DUPFD_CLOEXEC, static_cast<int>(plan.descriptors.size())));
  if (!to_parent) return -errno;
  low = UniqueFd();

  pid_t pid;
  {
    const SignalsBlocked quiet;  // no handler of ours may run in the child
    pid = ::fork();
    if (pid < 0) return -errno;
    if (pid == 0) {
      const int error = run_child(plan, places);
      [[maybe_unused]] const ssize_t said = ::write(to_parent.get(), &error, sizeof error);
      ::_exit(127);
    }
  }
  to_parent = UniqueFd();
  const int error = hear_of_failure(from_child.get());
  if (error == 0) return pid;
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  return error;
}

}  // namespace

pid_t spawn(const ProcessOptions& options, const std::vector<int>& descriptors) {
  if (has_zero_byte(options)) return -EINVAL;
  Plan plan(options, descriptors);
  std::vector<UniqueFd> copies;
  if (const int error = move_above_targets(plan.descriptors, copies); error != 0) return error;
  const bool as_another = options.uid || options.gid;
  return as_another ? spawn_as_another(plan) : spawn_as_ourselves(plan);
}

}  // namespace timeslice::loop
