// SPDX-License-Identifier: MIT
// What do the loop's tests share? One suite runs over every back end: a case begins with
// ON_EACH_BACKEND, and Catch2 runs it once for each. Nothing here relies on a sleep: conditions are
// awaited, and a guard fails the case if one never comes true.
#pragma once
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "loop/core/loop.h"
#include "tests/catch.h"

namespace timeslice::loop::test {

using namespace std::chrono_literals;

// Generous: the machine may be slow, and a sanitizer slower.
inline constexpr auto kDeadline = 120s;

inline std::string why_no_uring() {
  static const std::string why = [] {
    const Loop probe;
    return std::string(probe.backend_name()) == "uring" ? "" : probe.backend_note();
  }();
  return why;
}

inline const char* name_of(BackendKind kind) {
  constexpr const char* kNames[] = {"uring", "pool", "blocking", "sim"};
  return kNames[static_cast<std::size_t>(kind)];
}

// Of this process's simulations: printed when a test fails, and taken from TIMESLICE_SIM_SEED.
inline std::uint64_t sim_seed() {
  static const std::uint64_t seed = [] {
    const char* given = std::getenv("TIMESLICE_SIM_SEED");
    return given ? std::strtoull(given, nullptr, 0) : std::random_device{}();
  }();
  return seed;
}

inline Options options_for(BackendKind kind) {
  Options options;
  options.backend = kind;
  options.sim = {.seed = sim_seed(), .outside_world = true};
  return options;
}

inline std::string about(BackendKind kind) {
  std::string text = std::string("on ") + name_of(kind);
  if (kind == BackendKind::sim)
    text += ", to be replayed with TIMESLICE_SIM_SEED=" + std::to_string(sim_seed());
  return text;
}

inline void run_on(BackendKind kind, void (*body)(Options)) {
  if (kind == BackendKind::uring && !why_no_uring().empty()) SKIP_TEST(why_no_uring());
  INFO(about(kind));
  body(options_for(kind));
}

// A case for each back end, with the back end in its name; `options` is defined in the braces.
//   TEST_ON_EACH_BACKEND("a file is read") { GuardedLoop loop(options); … }
#define TEST_ON_EACH_BACKEND(...) TEST_ON_ALL_(TEST_ON_NAME_(__LINE__), __VA_ARGS__)
// `blocking` and `sim` run jobs on the loop's own thread: they can't do what a case expects of
// other threads, or of a job that runs while the loop goes on.
#define TEST_ON_THOSE_WITH_THREADS(...) TEST_ON_THREADED_(TEST_ON_NAME_(__LINE__), __VA_ARGS__)

#define TEST_ON_NAME_(line) TEST_ON_JOIN_(on_backend_, line)
#define TEST_ON_JOIN_(a, b) a##b
#define TEST_ON_(kind, body, name, ...) \
  TEST_CASE(name " (" #kind ")" __VA_OPT__(, ) __VA_ARGS__) { run_on(BackendKind::kind, body); }
#define TEST_ON_THREADED_(body, ...) \
  static void body(Options options); \
  TEST_ON_(uring, body, __VA_ARGS__) \
  TEST_ON_(pool, body, __VA_ARGS__)  \
  static void body([[maybe_unused]] Options options)
#define TEST_ON_ALL_(body, ...)         \
  static void body(Options options);    \
  TEST_ON_(blocking, body, __VA_ARGS__) \
  TEST_ON_(sim, body, __VA_ARGS__)      \
  TEST_ON_(uring, body, __VA_ARGS__)    \
  TEST_ON_(pool, body, __VA_ARGS__)     \
  static void body([[maybe_unused]] Options options)

inline bool has_threads(const Options& options) {
  return options.backend == BackendKind::uring || options.backend == BackendKind::pool;
}

// Whether `result` of `size` available bytes is a valid transfer: the simulator makes some short,
// as the system may.
inline bool transferred(const Options& options, int result, std::size_t size) {
  const int whole = static_cast<int>(size);
  return result == whole || (options.backend == BackendKind::sim && result > 0 && result < whole);
}

// The same within one case.
#define ON_EACH_BACKEND(options)                                                                \
  const auto backend_kind =                                                                     \
      GENERATE(BackendKind::uring, BackendKind::pool, BackendKind::blocking, BackendKind::sim); \
  if (backend_kind == BackendKind::uring && !why_no_uring().empty()) SKIP_TEST(why_no_uring()); \
  INFO(about(backend_kind));                                                                    \
  Options options = options_for(backend_kind)

// A loop that throws out of run() instead of waiting forever.
struct GuardedLoop : Loop {
  explicit GuardedLoop(const Options& options = {}) : Loop(options) {
    guard.unref();
    guard.start(kDeadline);
  }
  Timer guard{*this, [] { throw std::runtime_error("the test waited too long"); }};
};

// Runs the loop until one operation is done: perform(loop, operations::mkdir(path, 0700)). Its
// result.
inline int perform(Loop& loop, const Operation& operation) {
  auto request = std::make_unique<Request>();
  int result = 0;
  loop.start(*request, operation, [&](Request& done) { result = done.result(); });
  try {
    loop.run();
  } catch (...) {
    static_cast<void>(request.release());  // it may be in flight as long as the loop exists
    throw;
  }
  return result;
}

inline std::ptrdiff_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return std::distance(begin(all), end(all));
}

// How many descriptors a living loop may open beside those of its requests, once, and stay with: a
// set for what calls itself ready and isn't. That may be what the world outside did between two
// looks, so nobody knows when.
inline std::ptrdiff_t descriptors_of_its_own(const Options& options) {
  return options.backend == BackendKind::uring || options.backend == BackendKind::sim ? 1 : 0;
}

struct TemporaryDirectory {
  TemporaryDirectory() {
    if (!::mkdtemp(path.data())) std::abort();
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::string path = "/tmp/timeslice-test-XXXXXX";
};

struct Pipe {
  Pipe() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) std::abort();
    out = UniqueFd(fds[0]);
    in = UniqueFd(fds[1]);
  }
  UniqueFd out, in;  // read from `out` what was written into `in`
};

struct SocketPair {
  SocketPair() {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) std::abort();
    a = UniqueFd(fds[0]);
    b = UniqueFd(fds[1]);
  }
  UniqueFd a, b;
};

// An unlinked file with `content`.
inline UniqueFd temporary_file(const std::string& content) {
  std::string path = "/tmp/timeslice-test-XXXXXX";
  UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  ::unlink(path.c_str());
  if (!fd ||
      ::write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    std::abort();
  return fd;
}

// Files of this process can't grow further, as on a full disk: a write is short there, and the
// next is refused with -EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : before_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) std::abort();
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, before_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*before_handler_)(int);
};

// All that is in the file.
inline std::string content_of(int fd) {
  std::string content(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  if (::pread(fd, content.data(), content.size(), 0) != static_cast<ssize_t>(content.size()))
    std::abort();
  return content;
}

// What a container's filter does, for the rest of this process's life. False without
// seccomp.
inline bool forbid_io_uring() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace timeslice::loop::test
