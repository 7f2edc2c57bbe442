// SPDX-License-Identifier: MIT
// Does a signal that was ignored when we began stay ignored? nohup counts on it, and a shell that
// starts something in the background of a script.
#include <csignal>
#include <filesystem>

#include "tests/catch.h"
#include "tests/live/terminal.h"
#include "tests/live/top_json.h"

namespace timeslice::live {

namespace {

bool is_in(const std::string& mask, pid_t pid, int number) {
  const std::string status = read_file("/proc/" + std::to_string(pid) + "/status");
  const size_t at = status.find(mask + ":");
  return at != std::string::npos &&
         std::stoull(status.substr(at + mask.size() + 1), nullptr, 16) >> (number - 1) & 1;
}

// Between fork and exec a child still has the handlers of the test.
bool is_ours(pid_t pid) {
  std::error_code error;
  return std::filesystem::equivalent("/proc/" + std::to_string(pid) + "/exe", timeslice(), error);
}

// Once it listens for SIGTERM it does so for the others, unless they are ignored.
void check_masks(pid_t pid, const std::vector<int>& others, bool ignored) {
  CAPTURE(ignored);
  REQUIRE(until([&] { return is_ours(pid) && is_in("SigCgt", pid, SIGTERM); }));
  for (const int number : others) {
    CAPTURE(number);
    CHECK(until([&] { return is_in(ignored ? "SigIgn" : "SigCgt", pid, number); }));
    CHECK_FALSE(is_in(ignored ? "SigCgt" : "SigIgn", pid, number));
  }
}

void check_command(const std::vector<std::string>& arguments, const std::vector<int>& others) {
  CAPTURE(arguments);
  for (const bool ignored : {true, false}) {
    Command command(arguments, [&] {
      for (const int number : others) std::signal(number, ignored ? SIG_IGN : SIG_DFL);
    });
    check_masks(command.pid(), others, ignored);
    command.signal(SIGTERM);
    CHECK(command.finish().status == 0);
  }
}

}  // namespace

TEST_CASE("a signal that was ignored at the start stays ignored") {
  const ScratchDirectory directory;
  const std::string program = timeslice();
  check_command({program, "record", "-q", "-o", directory.path() + "/r", "--force"},
                {SIGINT, SIGHUP});
  check_command({program, "top", "-b", "-d", "0.1"}, {SIGINT});
  check_command({program, "demo", "--port", "0"}, {SIGINT});
  check_command({program, "demo", "--port", "0", "--cluster", "1"}, {SIGINT});
}

TEST_CASE("top continues after ignored signals") {
  Command command(top({"--json", "-d", "0.05"}), [] { std::signal(SIGINT, SIG_IGN); });
  REQUIRE(command.line());
  for (int i = 0; i < 5; ++i) {
    command.signal(SIGINT);
    CHECK(command.line());
  }
  command.signal(SIGTERM);
  CHECK(command.finish().status == 0);
}

TEST_CASE("a screen continues after an ignored SIGHUP") {
  const ScratchDirectory directory;
  const std::string file = directory.path() + "/pid";
  Terminal terminal(80, 24);
  terminal.enter("sh -c 'trap \"\" HUP INT; echo $$ >" + file + "; exec " + timeslice() +
                 " top -d 0.1'");
  CHECK(terminal.shows("VOL/S"));
  const pid_t pid = std::stoi(read_file(file));
  check_masks(pid, {SIGHUP, SIGINT}, true);
  kill(pid, SIGHUP);
  terminal.press("C-c");
  terminal.type("/");
  CHECK(terminal.shows("filter (comm or role): "));
  kill(pid, SIGTERM);
  CHECK(until([&] { return !terminal.on_alternate_screen(); }));
}

}  // namespace timeslice::live
