// SPDX-License-Identifier: MIT
// What becomes of a signal that comes before its handler? One that asks for something is answered
// later, one that ends the program ends it in peace.
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>

#include "tests/catch.h"
#include "tests/live/processes.h"
#include "tests/live/top_json.h"

namespace timeslice::live {

namespace {

// As a starter leaves it that holds signals back until its child has begun.
void send_blocked(int number) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  sigprocmask(SIG_BLOCK, &one, nullptr);
  raise(number);
}

std::vector<std::string> recording_into(const std::string& path) {
  return {timeslice(), "record", "-p", std::to_string(getpid()), "-o", path};
}

std::vector<std::string> flight_recorder_into(const std::string& path) {
  std::vector<std::string> arguments = recording_into(path);
  arguments.insert(arguments.end(), {"--ring", "60"});
  return arguments;
}

bool is_whole(const std::string& path) {
  const Outcome outcome = run({timeslice(), "report", path, "--json"});
  INFO(outcome.err);
  return outcome.status == 0 && Json::parse(outcome.out)["trust"]["complete"] == true;
}

// The demand was answered, and the recorder still waits for its end.
void check_answered(Command& recorder, const std::string& path) {
  REQUIRE(until([&] { return std::filesystem::exists(path); }));
  CHECK(is_whole(path));
  recorder.signal(SIGINT);
  CHECK(recorder.finish().status == 0);
  CHECK(is_whole(path + ".2"));
}

// Lets a process that has asked to be traced run as far as its first system call of that number.
bool runs_as_far_as(pid_t pid, uint64_t number) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) return false;  // at its exec
  ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD);
  while (ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr) == 0 && waitpid(pid, &status, 0) == pid &&
         WIFSTOPPED(status)) {
    __ptrace_syscall_info call{};
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) <= 0) return false;
    if (call.op == PTRACE_SYSCALL_INFO_ENTRY && call.entry.nr == number) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a SIGUSR1 that waits for a flight recorder since before its start is answered") {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/f";
  Command recorder(flight_recorder_into(path), [] { send_blocked(SIGUSR1); });
  check_answered(recorder, path);
}

TEST_CASE("a SIGUSR1 that comes before a flight recorder listens is answered") {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/f";
  Command recorder(flight_recorder_into(path), [] {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) throw std::runtime_error("no ptrace");
  });
  // Its loop is made before any of its handlers.
  if (!runs_as_far_as(recorder.pid(), SYS_io_uring_setup))
    SKIP_TEST("nobody may be traced here, or the kernel can't tell of system calls");
  recorder.signal(SIGUSR1);
  REQUIRE(ptrace(PTRACE_DETACH, recorder.pid(), nullptr, nullptr) == 0);
  check_answered(recorder, path);
}

TEST_CASE("what ends a program ends it in peace also if it was sent, blocked, before the start") {
  const ScratchDirectory directory;
  for (const int number : {SIGINT, SIGTERM}) {
    CAPTURE(number);
    const std::string path = directory.path() + "/" + std::to_string(number);
    CHECK(run(recording_into(path), [&] { send_blocked(number); }).status == 0);
    CHECK(is_whole(path));
    CHECK(run(top({"--json", "-d", "60"}), [&] { send_blocked(number); }).status == 0);
  }
}

}  // namespace timeslice::live
