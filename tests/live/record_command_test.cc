// SPDX-License-Identifier: MIT
// May a recorded command stand in a script in the place of the command? Its exit status comes
// through, however it ended and whoever started us; where recording failed, that is told instead.
#include <sys/resource.h>

#include <csignal>

#include "tests/catch.h"
#include "tests/live/processes.h"

namespace timeslice::live {

namespace {

Outcome record_shell(const std::string& script, std::vector<std::string> options = {},
                     const std::function<void()>& before_exec = {}) {
  const ScratchDirectory directory;
  std::vector<std::string> arguments = {timeslice(), "record", "-o", directory.path() + "/r"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.insert(arguments.end(), {"--", "/bin/sh", "-c", script});
  return run(arguments, before_exec);
}

}  // namespace

TEST_CASE("a recorded command's exit status is the recorder's") {
  CHECK(record_shell("exit 0").status == 0);
  CHECK(record_shell("exit 1").status == 1);
  CHECK(record_shell("exit 255").status == 255);
  CHECK(record_shell("kill -TERM $$").status == 128 + SIGTERM);
  CHECK(record_shell("kill -KILL $$", {"--ring", "5"}).status == 128 + SIGKILL);
}

TEST_CASE("a command's exit status is passed on even if the parent ignores SIGCHLD") {
  const Outcome outcome = record_shell("exit 3", {"-q"}, [] { std::signal(SIGCHLD, SIG_IGN); });
  CHECK(outcome.err.empty());
  CHECK(outcome.status == 3);
}

TEST_CASE("a command that outlives its recording has no exit status yet") {
  const Outcome outcome =
      record_shell("echo $$; exec >&- 2>&-; exec sleep 1000", {"--seconds", "0.2"});
  CHECK(outcome.status == 0);
  REQUIRE_FALSE(outcome.out.empty());
  CHECK(kill(std::stoi(outcome.out), SIGKILL) == 0);
}

TEST_CASE("if recording failed, that is the exit status, not the command's") {
  const Outcome outcome = record_shell("exit 3", {}, [] {
    const rlimit none{100, 100};
    setrlimit(RLIMIT_FSIZE, &none);
  });
  INFO(outcome.err);
  CHECK(outcome.status == 1);
  CHECK_FALSE(outcome.err.empty());
}

}  // namespace timeslice::live
