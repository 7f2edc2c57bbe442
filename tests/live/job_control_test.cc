// SPDX-License-Identifier: MIT
// Can a screen be stopped and continued, as any program in a shell can? By Ctrl-Z and fg, by a
// signal from elsewhere, and where no shell is there that could continue it.
#include <csignal>

#include "tests/catch.h"
#include "tests/live/recorded.h"
#include "tests/live/terminal.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

constexpr int kWidth = 100, kHeight = 30;

// What is live, and what was recorded.
struct Shown {
  explicit Shown(bool replay) {
    const std::string ids = std::to_string(workload.pid());
    if (replay) {
      recording.emplace(std::vector<std::string>{"-q", "-p", ids});
      REQUIRE(recording->finish().status == 0);
    }
    command =
        timeslice() + " top -d 0.1" + (replay ? " --replay " + recording->path() : " -p " + ids);
  }
  Workload workload{{[] {}}};
  std::optional<Recording> recording;
  std::string command;
};

// The whole page, as wide and high as the terminal is now, and nothing else.
void check_page(Terminal& terminal, int height) {
  CHECK(until([&] {
    const std::vector<std::string> lines = terminal.lines();
    return lines.size() == static_cast<size_t>(height) && lines[0].rfind("timeslice top", 0) == 0 &&
           lines.back().find("q quit") != std::string::npos &&
           terminal.text().find("VOL/S") != std::string::npos &&
           terminal.text().find("topped") == std::string::npos;
  }));
  CHECK(terminal.on_alternate_screen());
  terminal.type("/");  // a key is heard without Enter
  CHECK(terminal.shows("filter (comm or role): "));
  terminal.press("Escape");
  CHECK(terminal.stops_showing("filter (comm or role): "));
}

// It has stopped: the shell has its terminal again, and says of it what it said before.
void check_given_back(Terminal& terminal, int time) {
  CHECK(until([&] { return !terminal.on_alternate_screen(); }));
  const std::string mark = "time=" + std::to_string(time);
  terminal.enter("stty -a | grep -o '[-]*icanon\\|[-]*echo ' | tr -d '\\n'; echo " + mark + ".");
  CHECK(terminal.shows("icanonecho " + mark + "."));
}

void check_ended(Terminal& terminal) {
  terminal.type("q");
  CHECK(until([&] { return !terminal.on_alternate_screen(); }));
  terminal.enter("echo status=$?.");
  CHECK(terminal.shows("status=0."));
  check_given_back(terminal, 99);
}

}  // namespace

TEST_CASE("Ctrl-Z stops the screen and fg resumes it, repeatedly") {
  for (const std::string shell : {"exec bash --norc -i", "exec sh -i"})
    for (const bool replay : {false, true}) {
      CAPTURE(shell, replay);
      const Shown shown(replay);
      Terminal terminal(kWidth, kHeight);
      terminal.enter(shell);
      terminal.enter(shown.command);
      check_page(terminal, kHeight);
      for (int time = 0; time < 3; ++time) {
        CAPTURE(time);
        terminal.press("C-z");
        CHECK(terminal.shows("Stopped"));
        check_given_back(terminal, time);
        const int height = kHeight - 2 * (time + 1);  // nobody tells it while it is stopped
        terminal.resize(kWidth + time, height);
        terminal.enter("clear; fg");
        check_page(terminal, height);
      }
      check_ended(terminal);
    }
}

TEST_CASE("a screen stopped by a signal from another process resumes as well") {
  for (const bool replay : {false, true})
    for (const int number : {SIGTSTP, SIGSTOP}) {
      CAPTURE(replay, number);
      const Shown shown(replay);
      const ScratchDirectory directory;
      const std::string file = directory.path() + "/pid";
      Terminal terminal(kWidth, kHeight);
      terminal.enter("exec bash --norc -i");
      terminal.enter("sh -c 'echo $$ >" + file + "; exec " + shown.command + "'");
      check_page(terminal, kHeight);
      kill(std::stoi(read_file(file)), number);
      CHECK(terminal.shows("Stopped"));
      terminal.enter("clear; fg");
      check_page(terminal, kHeight);
      check_ended(terminal);
    }
}

TEST_CASE("a screen without a shell continues after Ctrl-Z") {
  for (const bool replay : {false, true}) {
    CAPTURE(replay);
    const Shown shown(replay);
    Terminal terminal(kWidth, kHeight);
    terminal.enter("exec " + shown.command);
    check_page(terminal, kHeight);
    for (int time = 0; time < 3; ++time) {
      terminal.press("C-z");
      check_page(terminal, kHeight);
    }
  }
}

}  // namespace timeslice::live
