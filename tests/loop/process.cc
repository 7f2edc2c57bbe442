// SPDX-License-Identifier: MIT
// Do programs start, communicate and exit as they should, and is nothing left behind?
#include "loop/children/process.h"

#include <grp.h>
#include <malloc.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <barrier>
#include <csignal>
#include <fstream>
#include <thread>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

using Strings = std::vector<std::string>;

// Reads a pipe until its end.
// Continues a short write. The request's last result is 0, or -errno.
void write_all(Loop& loop, Request& request, int fd, std::string_view text, const Done& done) {
  loop.write(request, fd, text.data(), text.size(), kCurrentPosition,
             [&loop, fd, text, done](Request& written) {
               if (written.result() < 0) return done(written);
               const auto rest = text.substr(static_cast<std::size_t>(written.result()));
               if (rest.empty()) return done(written);
               write_all(loop, written, fd, rest, done);
             });
}

struct Collector {
  Collector(Loop& home, UniqueFd& source) : loop(home), end(source) { next(); }
  void next() {
    loop.read(request, end.get(), buffer.data(), buffer.size(), kCurrentPosition,
              [this](Request& r) {
                if (r.result() <= 0) return loop.close_now(end.release());
                text.append(buffer.data(), static_cast<std::size_t>(r.result()));
                next();
              });
  }

  Request request;
  Loop& loop;
  UniqueFd& end;
  std::array<char, 65536> buffer{};
  std::string text;
};

ProcessOptions command(Strings words) {
  ProcessOptions options;
  options.file = words.front();
  options.arguments = std::move(words);
  return options;
}

ProcessOptions shell(const std::string& script) { return command({"sh", "-c", script}); }

struct Ran {
  int started = 0;
  int calls = 0;
  ExitStatus status;
  std::string output;
};

// To its end, with its output read.
Ran run(const Options& loop_options, ProcessOptions options) {
  if (options.stdio.size() < 2) options.stdio.resize(2, Stdio::null());
  options.stdio[1] = Stdio::pipe_out();
  Ran ran;
  GuardedLoop loop(loop_options);
  Process process(loop, std::move(options), [&](const ExitStatus& status) {
    ++ran.calls;
    ran.status = status;
  });
  ran.started = process.start();
  if (ran.started < 0) return ran;
  Collector output(loop, process.stdout_fd());
  loop.run();
  ran.output = output.text;
  return ran;
}

bool has_children() {
  siginfo_t info;
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

// 'R', 'S', 'T', 'Z'…; 0 when there is no such process any more.
char state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t end = line.rfind(") ");
  return end == std::string::npos ? '\0' : line[end + 2];
}

bool reaches_state(pid_t pid, char state) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (state_of(pid) != state) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

std::string add_file(const TemporaryDirectory& directory, const std::string& name,
                     const std::string& content, mode_t mode) {
  const std::string path = directory.path + "/" + name;
  std::ofstream(path) << content;
  ::chmod(path.c_str(), mode);
  return path;
}

// Where every directory may be searched: one that may not turns "not found" into EACCES.
struct PlainPath {
  PlainPath() { ::setenv("PATH", "/usr/bin:/bin", 1); }
  ~PlainPath() { ::setenv("PATH", former.c_str(), 1); }
  std::string former = ::getenv("PATH");
};

// Both ways to exec: as the current user, and with that user named explicitly, which takes a fork.
#define IN_BOTH_WAYS(process)                 \
  const bool by_fork = GENERATE(false, true); \
  CAPTURE(by_fork);                           \
  if (by_fork) (process).uid = ::getuid()

}  // namespace

TEST_CASE("a child's exit code or signal is delivered, once", "[process]") {
  ON_EACH_BACKEND(options);
  ProcessOptions child = shell("exit 7");
  IN_BOTH_WAYS(child);
  Ran ran = run(options, child);
  CHECK(ran.started == 0);
  CHECK(ran.calls == 1);
  CHECK(ran.status.code == 7);
  CHECK(ran.status.signal == 0);
  CHECK(ran.status.error == 0);
  child.arguments.back() = "ulimit -c 0; kill -ABRT $$";
  ran = run(options, child);
  CHECK(ran.calls == 1);
  CHECK(ran.status.signal == SIGABRT);
  CHECK_FALSE(ran.status.core);
  CHECK_FALSE(has_children());
}

TEST_CASE("what keeps a program from starting is an error of start, and leaves nothing behind",
          "[process]") {
  ON_EACH_BACKEND(options);
  const PlainPath path;
  TemporaryDirectory directory;
  const std::string not_executable = add_file(directory, "data", "#!/bin/sh\n", 0644);
  const std::string no_program = add_file(directory, "text", "just text\n", 0755);
  const std::string no_interpreter = add_file(directory, "script", "#!/nowhere/sh\n", 0755);
  ProcessOptions base;
  IN_BOTH_WAYS(base);
  base.stdio = {Stdio::pipe_in(), Stdio::pipe_out(), Stdio::null()};
  const auto descriptors = open_descriptors();
  const auto start = [&](const std::string& file, Strings arguments, const std::string& in = "") {
    GuardedLoop loop(options);
    ProcessOptions child = base;
    child.file = file;
    child.arguments = std::move(arguments);
    child.directory = in;
    bool called = false;
    Process process(loop, child, [&](const ExitStatus&) { called = true; });
    const int result = process.start();
    CHECK_FALSE(process.running());
    CHECK_FALSE(process.stdin_fd());
    CHECK(process.kill(SIGTERM) == -ESRCH);
    loop.run();
    CHECK_FALSE(called);
    return result;
  };
  CHECK(start("no-such-program-anywhere", {}) == -ENOENT);
  CHECK(start("", {}) == -ENOENT);
  CHECK(start("/nowhere/true", {}) == -ENOENT);
  CHECK(start("/etc/passwd/true", {}) == -ENOTDIR);
  CHECK(start(not_executable, {}) == -EACCES);
  CHECK(start("/tmp", {}) == -EACCES);
  CHECK(start(no_program, {}) == -ENOEXEC);
  CHECK(start(no_interpreter, {}) == -ENOENT);
  CHECK(start("true", {"true", std::string(4 << 20, 'x')}) == -E2BIG);
  CHECK(start("true", {"true", std::string("a\0b", 3)}) == -EINVAL);
  CHECK(start("true", {}, "/nowhere") == -ENOENT);
  CHECK(start("true", {}, "/etc/passwd") == -ENOTDIR);
  base.stdio = {Stdio::pipe_in(), Stdio::given(12345)};
  CHECK(start("true", {}) == -EBADF);
  CHECK(open_descriptors() == descriptors);
  CHECK_FALSE(has_children());
}

TEST_CASE("without a free descriptor start says so and leaves none open", "[process]") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Process process(loop, {.file = "true", .stdio = {Stdio::pipe_in(), Stdio::pipe_out()}}, {});
  const auto descriptors = open_descriptors();
  rlimit former{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &former) == 0);
  const int highest = ::dup(0);
  ::close(highest);
  // Room for one pipe, and not for two.
  const rlimit low{.rlim_cur = static_cast<rlim_t>(highest) + 3, .rlim_max = former.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  const int result = process.start();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &former) == 0);
  CHECK(result == -EMFILE);
  CHECK(open_descriptors() == descriptors);
  CHECK(process.start() == 0);
  loop.run();
}

TEST_CASE("a child gets its arguments, environment and directory", "[process]") {
  ON_EACH_BACKEND(options);
  ProcessOptions child =
      command({"/bin/sh", "-c", "echo $0,$1; pwd; env | grep ^TIMESLICE", "a b", ""});
  child.arguments[0] = "another name";
  child.directory = "/usr";
  IN_BOTH_WAYS(child);
  SECTION("of its own") {
    child.environment = Strings{"TIMESLICE_TEST=x=y", "PATH=" + std::string(::getenv("PATH"))};
    CHECK(run(options, child).output == "a b,\n/usr\nTIMESLICE_TEST=x=y\n");
  }
  SECTION("inherited") {
    ::setenv("TIMESLICE_TEST", "ours", 1);
    CHECK(run(options, child).output == "a b,\n/usr\nTIMESLICE_TEST=ours\n");
    ::unsetenv("TIMESLICE_TEST");
  }
  SECTION("empty") {
    child.environment = Strings{};
    child.arguments = {"sh", "-c", "/usr/bin/tr '\\0' '\\n' < /proc/self/environ"};
    CHECK(run(options, child).output.find("TIMESLICE") == std::string::npos);
  }
}

TEST_CASE("a child has the descriptors that were passed, and no others", "[process]") {
  ON_EACH_BACKEND(options);
  const UniqueFd leaky(::dup(0));  // not close-on-exec
  const UniqueFd higher(::fcntl(0, F_DUPFD, 200));
  ProcessOptions child = command({"ls", "/proc/self/fd"});
  IN_BOTH_WAYS(child);
  child.stdio = {Stdio::null(), Stdio::pipe_out(), Stdio::inherit()};
  CHECK(run(options, child).output == "0\n1\n2\n3\n");  // 3 is ls's own: what it reads them from
  child.stdio = {Stdio::pipe_in(), Stdio::pipe_out(), Stdio::null(), Stdio::pipe_in(),
                 Stdio::given(higher.get())};
  CHECK(run(options, child).output == "0\n1\n2\n3\n4\n5\n");
}

TEST_CASE("descriptors may be swapped", "[process]") {
  ON_EACH_BACKEND(options);
  Pipe first, second;
  const auto a = static_cast<std::size_t>(first.in.get());
  const auto b = static_cast<std::size_t>(second.in.get());
  ProcessOptions child = shell("echo to-a > /proc/self/fd/" + std::to_string(a) +
                               "; echo to-b > /proc/self/fd/" + std::to_string(b));
  IN_BOTH_WAYS(child);
  child.stdio.resize(std::max(a, b) + 1, Stdio::null());
  child.stdio[a] = Stdio::given(second.in.get());
  child.stdio[b] = Stdio::given(first.in.get());
  CHECK(run(options, child).status.code == 0);
  char text[6] = {};
  REQUIRE(::read(first.out.get(), text, 5) == 5);
  CHECK(text == std::string("to-b\n"));
  REQUIRE(::read(second.out.get(), text, 5) == 5);
  CHECK(text == std::string("to-a\n"));
  CHECK((::fcntl(first.in.get(), F_GETFD) & FD_CLOEXEC) != 0);  // ours are unchanged
}

TEST_CASE("a child starts with every signal at its default and none blocked", "[process]") {
  ON_EACH_BACKEND(options);
  ProcessOptions child = command({"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"});
  IN_BOTH_WAYS(child);
  const auto former = std::signal(SIGUSR1, SIG_IGN);
  const auto former_pipe = std::signal(SIGPIPE, SIG_IGN);
  std::string output;
  {
    sigset_t blocked, before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR2);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    output = run(options, child).output;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  std::signal(SIGUSR1, former);
  std::signal(SIGPIPE, former_pipe);
  unsigned long long mask = 1, ignored = 1;
  REQUIRE(std::sscanf(output.c_str(), "SigBlk: %llx SigIgn: %llx", &mask, &ignored) == 2);
  CHECK(mask == 0);
  CHECK((ignored & ~(3ULL << 31)) == 0);  // but for 32 and 33, which posix_spawn has for itself
}

TEST_CASE("a child has the credentials of the given user", "[process]") {
  if (::getuid() != 0) SKIP_TEST("only root can become another user");
  ON_EACH_BACKEND(options);
  ProcessOptions child = shell("id -u; id -g; id -G");
  child.uid = 65534;
  child.gid = 65533;
  // One of ours that it must not keep.
  std::array<gid_t, 64> former{};
  const int count = ::getgroups(static_cast<int>(former.size()), former.data());
  const gid_t secret = 54321;
  REQUIRE(count >= 0);
  REQUIRE(::setgroups(1, &secret) == 0);
  const std::string output = run(options, child).output;
  REQUIRE(::setgroups(static_cast<std::size_t>(count), former.data()) == 0);
  CHECK(output == "65534\n65533\n65533\n");
  TemporaryDirectory closed;  // only for its owner, root
  child.directory = closed.path;
  CHECK(run(options, child).started == -EACCES);
  CHECK_FALSE(has_children());
}

TEST_CASE("a child may have a process group or session of its own", "[process]") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  ProcessOptions child = command({"cat"});
  IN_BOTH_WAYS(child);
  child.stdio = {Stdio::pipe_in(), Stdio::null()};
  child.own_group = GENERATE(false, true);
  child.detached = GENERATE(false, true);
  Process process(loop, child, {});
  REQUIRE(process.start() == 0);
  const pid_t pid = process.pid();
  CHECK((::getsid(pid) == pid) == child.detached);
  CHECK((::getpgid(pid) == pid) == (child.detached || child.own_group));
  loop.close_now(process.stdin_fd().release());
  loop.run();
  CHECK_FALSE(process.running());
}

TEST_CASE("a MiB goes through cat and back", "[process]") {
  ON_EACH_BACKEND(options);
  std::string text(1 << 20, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 / 7);
  Request writing;
  GuardedLoop loop(options);
  ProcessOptions child = command({"cat"});
  child.stdio = {Stdio::pipe_in(), Stdio::pipe_out(), Stdio::inherit()};
  int code = -1;
  Process process(loop, child, [&](const ExitStatus& status) { code = status.code; });
  REQUIRE(process.start() == 0);
  bool written = false;
  write_all(loop, writing, process.stdin_fd().get(), text, [&](Request& r) {
    written = r.result() > 0;
    loop.close_now(process.stdin_fd().release());
  });
  Collector output(loop, process.stdout_fd());
  loop.run();
  CHECK(written);
  CHECK(code == 0);
  CHECK(output.text == text);
}

TEST_CASE("a child that stops reading causes EPIPE, not SIGPIPE", "[process]") {
  ON_EACH_BACKEND(options);
  const auto former = std::signal(SIGPIPE, SIG_DFL);  // which would end this test
  const std::string text(1 << 20, 'x');
  Request writing;
  GuardedLoop loop(options);
  ProcessOptions child = command({"head", "-c", "1"});
  child.stdio = {Stdio::pipe_in(), Stdio::null(), Stdio::inherit()};
  Process process(loop, child, {});
  REQUIRE(process.start() == 0);
  int result = 0;
  write_all(loop, writing, process.stdin_fd().get(), text,
            [&](Request& r) { result = r.result(); });
  loop.run();
  CHECK(result == -EPIPE);
  std::signal(SIGPIPE, former);
}

TEST_CASE("a write to a full pipe can be cancelled, or abandoned by a destroyed loop",
          "[process]") {
  ON_EACH_BACKEND(options);
  const std::string text(1 << 20, 'x');
  Pipe pipe;
  Request writing;
  int result = 0;
  int calls = 0;
  {
    GuardedLoop loop(options);
    const Done done = [&](Request& r) {
      ++calls;
      result = r.result();
    };
    write_all(loop, writing, pipe.in.get(), text, done);
    // The first one may come before the pipe is full: then what it ends is restarted.
    Timer soon(loop, [&] { calls == 0 ? writing.cancel() : soon.stop(); });
    soon.start(5ms, 5ms);
    loop.run();
    CHECK(calls == 1);
    CHECK(result == -ECANCELED);
    write_all(loop, writing, pipe.in.get(), text, done);
    CHECK(writing.in_flight());
  }
  CHECK(calls == 1);
  CHECK_FALSE(writing.in_flight());
}

TEST_CASE("a stopped child isn't taken for dead, and SIGKILL ends it", "[process]") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  ProcessOptions child = command({"sleep", "1000"});
  IN_BOTH_WAYS(child);
  int calls = 0;
  ExitStatus last;
  Process process(loop, child, [&](const ExitStatus& status) {
    ++calls;
    last = status;
  });
  REQUIRE(process.start() == 0);
  REQUIRE(process.kill(SIGSTOP) == 0);
  REQUIRE(reaches_state(process.pid(), 'T'));
  REQUIRE(process.kill(SIGTERM) == 0);  // waits
  Timer later(loop, [&] {
    CHECK(calls == 0);
    CHECK(process.running());
    CHECK(process.kill(SIGKILL) == 0);
  });
  later.start(20ms);
  loop.run();
  CHECK(calls == 1);
  // Both are pending when it wakes; the kernel takes SIGKILL first.
  CHECK(last.signal == SIGKILL);
  CHECK(process.kill(SIGKILL) == -ESRCH);
}

TEST_CASE("a child's exit comes before its pipe's end, if a grandchild keeps writing",
          "[process]") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  ProcessOptions child = shell("(read go <&3; echo late) & echo early");
  child.stdio = {Stdio::null(), Stdio::pipe_out(), Stdio::inherit(), Stdio::pipe_in()};
  Request writing;
  std::string at_exit;
  const Collector* reader = nullptr;
  Process process(loop, child, [&](const ExitStatus&) {
    at_exit = reader->text;
    write_all(loop, writing, process.pipe(3).get(), "go\n", [](Request&) {});
  });
  REQUIRE(process.start() == 0);
  const Collector output(loop, process.stdout_fd());
  reader = &output;
  loop.run();
  CHECK(at_exit.find("late") == std::string::npos);
  CHECK(output.text == "early\nlate\n");
}

TEST_CASE("a child's CPU time is given", "[process]") {
  ON_EACH_BACKEND(options);
  const Ran ran =
      run(options, shell("read x; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.01"));
  CHECK(ran.status.user_time + ran.status.system_time > 0ns);
  CHECK(ran.status.user_time + ran.status.system_time < kDeadline);
  CHECK(ran.status.nvcsw > 0);  // it waited for sleep
  CHECK(ran.status.max_rss_kib > 100);
}

TEST_CASE("a thousand children leave no descriptor, zombie or memory behind", "[process]") {
  ON_EACH_BACKEND(options);
  constexpr std::size_t kAtOnce = 10;
  GuardedLoop loop(options);
  int to_start = 0;
  int good = 0;
  std::vector<std::unique_ptr<Process>> processes;
  for (std::size_t i = 0; i < kAtOnce; ++i)
    processes.push_back(std::make_unique<Process>(
        loop,
        ProcessOptions{.file = "/bin/true",
                       .stdio = {Stdio::pipe_in(), Stdio::pipe_out(), Stdio::inherit()}},
        [&, i](const ExitStatus& status) {
          good += status.code == 0 && status.signal == 0 && status.error == 0;
          loop.guard.start(kDeadline);  // per child, not for all
          if (to_start-- > 0) REQUIRE(processes[i]->start() == 0);
        }));
  const auto run_children = [&](int count) {
    good = 0;
    to_start = count - static_cast<int>(kAtOnce);
    for (const auto& process : processes) REQUIRE(process->start() == 0);
    loop.run();
    return good;
  };
  REQUIRE(run_children(100) == 100);  // after which everything has its final size
  const auto descriptors = open_descriptors();
  const std::size_t memory = ::mallinfo2().uordblks;
  CHECK(run_children(1000) == 1000);
  const auto more = open_descriptors() - descriptors;
  CHECK(more >= 0);
  CHECK(more <= descriptors_of_its_own(options));
  CHECK_FALSE(has_children());
  CHECK(::mallinfo2().uordblks <= memory + 4096);
}

TEST_CASE("a Process may be destroyed while its child runs, which is reaped later", "[process]") {
  ON_EACH_BACKEND(options);
  pid_t pid = 0;
  bool called = false;
  const auto descriptors = open_descriptors();
  {
    GuardedLoop loop(options);
    {
      ProcessOptions child = command({"sleep", "1000"});
      child.open_pidfd = GENERATE(0, 1) ? [](pid_t) { return -1; } : decltype(child.open_pidfd){};
      child.stdio = {Stdio::pipe_in(), Stdio::pipe_out(), Stdio::inherit()};
      Process process(loop, child, [&](const ExitStatus&) { called = true; });
      REQUIRE(process.start() == 0);
      pid = process.pid();
      if (GENERATE(false, true)) {  // that is, with the poll in the kernel
        loop.set_immediate([&] { loop.stop(); });
        loop.run();
      }
    }
    if (GENERATE(false, true)) loop.run();  // else the loop is destroyed with the poll in flight
  }
  CHECK(open_descriptors() == descriptors);
  CHECK(state_of(pid) != '\0');
  REQUIRE(::kill(pid, SIGKILL) == 0);
  CHECK(reaches_state(pid, 'Z'));
  CHECK(run(options, command({"true"})).status.code == 0);
  CHECK(state_of(pid) == '\0');
  CHECK_FALSE(has_children());
  CHECK_FALSE(called);
}

TEST_CASE("on_exit may restart its process, or destroy it", "[process]") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  int starts = 1;
  std::unique_ptr<Process> process;
  ProcessOptions child = command({"true"});
  if (GENERATE(false, true)) child.open_pidfd = [](pid_t) { return -1; };
  process = std::make_unique<Process>(loop, child, [&](const ExitStatus&) {
    CHECK_FALSE(process->running());
    if (starts == 3) return process.reset();
    ++starts;
    CHECK(process->start() == 0);
  });
  REQUIRE(process->start() == 0);
  loop.run();
  CHECK(starts == 3);
  CHECK_FALSE(process);
  CHECK_FALSE(has_children());
}

TEST_CASE("where pidfd_open is refused, exits are detected and signals sent nevertheless",
          "[process]") {
  ON_EACH_BACKEND(options);
  ProcessOptions child = shell("exit 3");
  child.open_pidfd = [](pid_t) {
    errno = EPERM;
    return -1;
  };
  const Ran ran = run(options, child);
  CHECK(ran.calls == 1);
  CHECK(ran.status.code == 3);
  CHECK(ran.status.max_rss_kib > 100);
  child = command({"sleep", "1000"});
  child.open_pidfd = [](pid_t) { return -1; };
  GuardedLoop loop(options);
  ExitStatus last;
  Process process(loop, child, [&](const ExitStatus& status) { last = status; });
  REQUIRE(process.start() == 0);
  REQUIRE(process.kill(SIGSTOP) == 0);
  REQUIRE(reaches_state(process.pid(), 'T'));
  Timer later(loop, [&] {  // it was looked at before, after a millisecond
    CHECK(process.running());
    CHECK(process.kill(SIGTERM) == 0);
    CHECK(process.kill(SIGCONT) == 0);
  });
  later.start(5ms);
  loop.run();
  CHECK(last.signal == SIGTERM);
  CHECK(process.kill(SIGTERM) == -ESRCH);
}

// It exits and says so, but its tracer learns of that before its parent.
TEST_CASE("a child that a debugger holds is waited for without spinning", "[process]") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  int calls = 0;
  ExitStatus last;
  Process process(loop, command({"sleep", "1000"}), [&](const ExitStatus& status) {
    ++calls;
    last = status;
  });
  REQUIRE(process.start() == 0);
  Pipe ready, go;
  const pid_t debugger = ::fork();
  REQUIRE(debugger >= 0);
  if (debugger == 0) {
    go.in = UniqueFd();
    const bool holds = ::ptrace(PTRACE_SEIZE, process.pid(), nullptr, nullptr) == 0;
    char byte = holds ? 'y' : 'n';
    if (::write(ready.in.get(), &byte, 1) != 1) ::_exit(1);
    // Until it has died, and then until it is released.
    if (holds) ::waitid(P_PID, static_cast<id_t>(process.pid()), nullptr, WEXITED | WNOWAIT);
    if (holds && ::write(ready.in.get(), "z", 1) != 1) ::_exit(1);
    ::_exit(::read(go.out.get(), &byte, 1) == 1 ? 0 : 1);
  }
  char answer = 0;
  REQUIRE(::read(ready.out.get(), &answer, 1) == 1);
  CHECK(process.kill(SIGKILL) == 0);
  if (answer == 'y') REQUIRE(::read(ready.out.get(), &answer, 1) == 1);
  Timer later(loop, [&] {
    CHECK((calls == 0) == (answer == 'z'));
    CHECK(loop.counters().turns < 50);
    REQUIRE(::write(go.in.get(), "x", 1) == 1);
  });
  later.start(30ms);
  loop.run();
  CHECK(calls == 1);
  CHECK(last.signal == SIGKILL);
  int status = -1;
  CHECK(::waitpid(debugger, &status, 0) == debugger);
  if (answer != 'z') SKIP_TEST("this machine lets no process trace another");
}

TEST_CASE("loops in several threads start children at the same time", "[process]") {
  ON_EACH_BACKEND(options);
  std::atomic<int> good{0}, refused{0};
  std::vector<std::thread> threads;
  // No ring is destroyed before all exist: ThreadSanitizer doesn't see that memory is unmapped, and
  // would take a ring at the same address for the same one.
  std::barrier all_made(4);
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      Loop loop(options);
      all_made.arrive_and_wait();
      for (int j = 0; j < 20; ++j) {
        ProcessOptions child = shell("echo x; exit 5");
        child.stdio = {Stdio::null(), Stdio::pipe_out()};
        if (j % 2) child.uid = ::getuid();
        Process process(loop, child, [&](const ExitStatus& status) { good += status.code == 5; });
        if (const int error = process.start(); error != 0) {
          refused = error;
          continue;
        }
        const Collector output(loop, process.stdout_fd());
        loop.run();
        good += output.text == "x\n";
        Process left(loop, command({"true"}), {});
        good += left.start() == 0;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(refused == 0);
  CHECK(good == 4 * 20 * 3);
  // The last abandoned ones are reaped by the next watch.
  for (const auto deadline = std::chrono::steady_clock::now() + kDeadline;
       has_children() && std::chrono::steady_clock::now() < deadline;)
    CHECK(run(options, command({"true"})).calls == 1);
  CHECK_FALSE(has_children());
}

TEST_CASE("an exit whose status was collected elsewhere is recognised as such", "[process]") {
  ON_EACH_BACKEND(options);
  const auto former = std::signal(SIGCHLD, SIG_IGN);
  const Ran ran = run(options, command({"true"}));
  std::signal(SIGCHLD, former);
  CHECK(ran.calls == 1);
  CHECK(ran.status.error == -ECHILD);
}

TEST_CASE("an unreferenced child doesn't keep the loop alive", "[process]") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  ProcessOptions child = command({"sleep", "1000"});
  if (GENERATE(false, true)) child.open_pidfd = [](pid_t) { return -1; };
  int calls = 0;
  Process process(loop, child, [&](const ExitStatus&) { ++calls; });
  REQUIRE(process.start() == 0);
  process.unref();
  loop.run();
  CHECK(calls == 0);
  CHECK(process.running());
  process.ref();
  CHECK(process.kill(SIGKILL) == 0);
  loop.run();
  CHECK(calls == 1);
}

}  // namespace timeslice::loop::test
