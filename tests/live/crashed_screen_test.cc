// SPDX-License-Identifier: MIT
// Is the terminal as it was when the screen ends by a fault of its own?
#include <csignal>
#include <fstream>

#include "tests/catch.h"
#include "tests/live/terminal.h"

namespace timeslice::live {

namespace {

// A shell that isn't interactive leaves the terminal's mode as it finds it.
std::string script(const std::string& pid_file) {
  return "ulimit -c 0\n"
         "sh -c 'echo $$ >" +
         pid_file + "; exec " + timeslice() +
         " top -d 0.1'\n"
         "echo status=$?\n"
         "stty -a | grep -o '[-]*icanon\\|[-]*echo ' | tr -d '\\n'; echo .\n";
}

void check_crash(int signal, const std::string& status) {
  const ScratchDirectory scratch;
  const std::string pid_file = scratch.path() + "/pid", run = scratch.path() + "/run";
  std::ofstream(run) << script(pid_file);
  Terminal terminal(80, 24);
  terminal.enter("sh " + run);
  REQUIRE(terminal.shows("VOL/S"));
  REQUIRE(terminal.on_alternate_screen());
  REQUIRE(kill(std::stoi(read_file(pid_file)), signal) == 0);
  CHECK(terminal.shows("status=" + status));
  CHECK(terminal.shows("icanonecho ."));
  CHECK_FALSE(terminal.on_alternate_screen());
}

}  // namespace

TEST_CASE("a screen that crashes restores the terminal, and still dies of its signal") {
  check_crash(SIGSEGV, "139");
  check_crash(SIGBUS, "135");
  check_crash(SIGABRT, "134");
}

}  // namespace timeslice::live
