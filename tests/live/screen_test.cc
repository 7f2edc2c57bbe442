// SPDX-License-Identifier: MIT
// Does the screen of `timeslice top` work in a real terminal, from 80x24 up? Keys are sent, the
// screen is read, and the terminal must be as it was afterwards.
#include <algorithm>
#include <csignal>
#include <regex>

#include "tests/catch.h"
#include "tests/live/terminal.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

// Four threads, one of which is always busy; the others rest.
struct Busy : Workload {
  Busy() : Workload({[] { spin(10min); }, [] {}, [] {}, [] {}}) { start(); }
  [[nodiscard]] std::string id() const { return std::to_string(pid()); }
};

// A top that watches the busy process, in a terminal of its own.
struct Top : Terminal {
  Top(int width, int height, const std::string& arguments = "-d 0.1",
      const std::string& before = "")
      : Terminal(width, height) {
    enter(before + timeslice() + " top " + arguments + " -p " + busy.id());
    if (!shows("count mode, no probes") || !shows("VOL/S")) FAIL(text());
  }

  // The line of the screen that begins with this thread's id; empty: none is in sight.
  std::string row_of(pid_t tid) {
    for (const std::string& line : lines())
      if (std::regex_search(line, std::regex("^\\W*" + std::to_string(tid) + " "))) return line;
    return "";
  }

  // The columns in sight.
  std::string headings() {
    for (const std::string& line : lines())
      if (line.find("%CPU") != std::string::npos) return line;
    return "";
  }

  bool has_column(const std::string& heading) {
    return until([&] { return headings().find(heading) != std::string::npos; });
  }

  // The ids of the threads in sight, from top to bottom. The process's own line isn't one.
  std::vector<pid_t> order() {
    std::vector<pid_t> tids;
    for (const std::string& line : lines())
      for (const pid_t tid : busy.tids())
        if (std::regex_search(line, std::regex("^\\W*" + std::to_string(tid) + " ")))
          tids.push_back(tid);
    return tids;
  }

  bool comes_to(const std::vector<pid_t>& wanted) {
    return until([&] { return order() == wanted; });
  }

  void check_ended_well() {
    CHECK(until([&] { return !on_alternate_screen(); }));
    enter("echo status=$?; stty -a | grep -o '[-]*icanon\\|[-]*echo ' | tr -d '\\n'; echo .");
    CHECK(shows("status=0"));
    CHECK(shows("icanonecho ."));
    CHECK(text().find("VOL/S") == std::string::npos);
  }

  Busy busy;
};

void check_page(Top& top, int width, int height) {
  CHECK(top.on_alternate_screen());
  CHECK(until([&] { return std::regex_search(top.row_of(top.busy.pid()), std::regex("[1-9]")); }));
  const std::vector<std::string> lines = top.lines();
  REQUIRE(lines.size() == static_cast<size_t>(height));
  CHECK(lines[0].rfind("timeslice top", 0) == 0);
  CHECK(lines[0].find("1 proc  4 thr") != std::string::npos);
  CHECK(lines[lines.size() - 2].find("trust: ") != std::string::npos);
  CHECK(lines.back().rfind("q quit", 0) == 0);
  const bool wide = width >= 200;
  const std::string headings = top.headings();
  for (const char* heading : {"TID", wide ? "ROLE" : "THREAD", "VOL/S", "INV/S", "WAITms"}) {
    CAPTURE(heading);
    CHECK(headings.find(heading) != std::string::npos);
  }
  CHECK((headings.find("VOLUNT") != std::string::npos) == wide);
  for (const pid_t tid : top.busy.tids()) CHECK_FALSE(top.row_of(tid).empty());
  if (wide) CHECK(top.row_of(top.busy.tids()[1]).find("read") != std::string::npos);
}

}  // namespace

TEST_CASE("the screen shows CPUs, the process, its threads and the trust line") {
  for (const auto& [width, height] : {std::pair(80, 24), {200, 60}}) {
    CAPTURE(width, height);
    Top top(width, height);
    check_page(top, width, height);
    top.type("q");
    top.check_ended_well();
  }
}

TEST_CASE("a key switches to aggregate mode and back") {
  Top top(200, 60);
  CHECK(top.headings().find("P99us") == std::string::npos);
  top.type("a");
  CHECK(top.shows("aggregate mode, probes on"));
  for (const char* heading : {"P99us", "PREEMPTOR", "WAKER"}) CHECK(top.has_column(heading));
  CHECK(top.shows("ns/switch"));
  for (const pid_t tid : top.busy.tids()) CHECK_FALSE(top.row_of(tid).empty());
  top.type("a");
  CHECK(top.shows("count mode, no probes"));
  CHECK(until([&] { return top.headings().find("PREEMPTOR") == std::string::npos; }));
  for (const pid_t tid : top.busy.tids()) CHECK_FALSE(top.row_of(tid).empty());
}

TEST_CASE("the help page comes and goes") {
  for (const auto& [width, height] : {std::pair(80, 24), {200, 60}}) {
    Top top(width, height);
    for (const std::string key : {"h", "?"}) {
      top.type(key);
      CHECK(top.shows("switch to aggregate mode (probes on), and back"));
      top.press("Escape");
      CHECK(top.stops_showing("switch to aggregate mode"));
      CHECK(top.shows("VOL/S"));
    }
  }
}

TEST_CASE("threads can be hidden, sorted, reversed, folded and filtered") {
  Top top(80, 24);
  std::vector<pid_t> by_tid = top.busy.tids();
  std::sort(by_tid.begin(), by_tid.end());
  const pid_t first = by_tid[0];
  std::vector<pid_t> with_process = by_tid;
  with_process.insert(with_process.begin(), first);  // the tree has a line for the process itself
  top.type("N");
  CHECK(top.comes_to(with_process));
  top.type("H");
  CHECK(top.comes_to({first}));
  top.type("H");
  CHECK(top.comes_to(with_process));
  top.type(" ");
  CHECK(top.comes_to({first}));
  top.type(" ");
  CHECK(top.comes_to(with_process));
  top.type("t");
  CHECK(top.comes_to(by_tid));
  top.type("r");
  CHECK(top.comes_to({by_tid.rbegin(), by_tid.rend()}));
  top.type("P");  // the busy one is the most recently used, and on top
  CHECK(until([&] { return !top.order().empty() && top.order()[0] == top.busy.pid(); }));
  top.type("/");
  CHECK(top.shows("filter (comm or role): "));
  top.type("nosuch");
  CHECK(top.shows("No thread's comm or role matches the filter"));
  top.press("Enter");
  top.press("Escape");
  CHECK(top.shows("VOL/S"));
  CHECK(until([&] { return top.order().size() == 4; }));
}

TEST_CASE("arrows select a row, Enter shows its details") {
  for (const auto& [width, height] : {std::pair(80, 24), {200, 60}}) {
    Top top(width, height);
    top.type("t");
    top.type("N");
    std::vector<pid_t> by_tid = top.busy.tids();
    std::sort(by_tid.begin(), by_tid.end());
    REQUIRE(top.comes_to(by_tid));
    top.press("Home");
    top.press("Down");
    top.press("Down");
    top.press("Enter");
    CHECK(top.shows("S  sleeping in read"));
    CHECK(top.text().find(std::to_string(by_tid[2])) != std::string::npos);
    CHECK(top.shows("involuntary"));
    top.type("a");
    CHECK(top.shows("aggregate mode"));
    if (!top.shows("woken by")) FAIL(top.text());
    top.press("Enter");
    CHECK(top.stops_showing("S  sleeping in read"));
    top.press("End");
    top.press("Up");
    top.press("NPage");
    top.press("PPage");
    top.press("Right");
    top.press("Left");
    CHECK(top.comes_to(by_tid));
  }
}

TEST_CASE("pause stops the screen, and the delay can be set") {
  Top top(80, 24, "-d 0.1");
  CHECK(top.shows("every 0.1 s"));
  top.type("p");
  CHECK(top.shows("PAUSED"));
  const std::string still = top.settled_text();
  // Many delays pass while the terminal is asked a few times.
  for (int i = 0; i < 20; ++i) CHECK(top.text() == still);
  top.type("p");
  CHECK(top.stops_showing("PAUSED"));
  CHECK(until([&] { return top.text() != still; }));
  top.type("d");
  CHECK(top.shows("delay in seconds: "));
  top.type("0.5");
  top.press("Enter");
  CHECK(top.shows("every 0.5 s"));
  for (const std::string bad : {"abc", "0", "nan", "-1", "1e9"}) {
    top.type("d");
    CHECK(top.shows("delay in seconds: "));
    top.type(bad);
    top.press("Enter");
    CHECK(top.shows("the delay must be a number of seconds"));
    CHECK(top.shows("every 0.5 s"));
  }
}

TEST_CASE("a terminal that is too small gets a message, and the list when it grows") {
  Top top(80, 24);
  top.resize(40, 10);
  CHECK(top.shows("needs 80x24"));
  CHECK(top.text().find("VOL/S") == std::string::npos);
  top.type("h");  // keys are no danger
  top.press("Down");
  top.type("h");
  top.resize(1, 1);
  top.resize(200, 60);
  CHECK(top.shows("VOL/S"));
  CHECK(top.has_column("VOLUNT"));
  CHECK(top.lines().size() == 60);
  top.resize(80, 24);
  CHECK(top.stops_showing("VOLUNT"));
  CHECK(top.shows("q quit"));
  top.type("q");
  top.check_ended_well();
}

TEST_CASE("Ctrl-C restores the terminal") {
  Top top(80, 24);
  top.press("C-c");
  top.check_ended_well();
}

TEST_CASE("SIGTERM restores the terminal") {
  const ScratchDirectory directory;
  const std::string file = directory.path() + "/pid";
  Top top(80, 24, "-d 0.1", "sh -c 'echo $$ >" + file + "; exec \"$@\"' - ");
  kill(std::stoi(read_file(file)), SIGTERM);
  top.check_ended_well();
}

TEST_CASE("the screen is ASCII if the locale is, or with --ascii") {
  const auto is_ascii = [](const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
  };
  Top utf8(80, 24);
  CHECK_FALSE(is_ascii(utf8.text()));  // else the checks below would prove nothing
  Top asked(80, 24, "-d 0.1 --ascii");
  CHECK(is_ascii(asked.text()));
  Top locale(80, 24, "-d 0.1", "LC_ALL=C ");
  CHECK(is_ascii(locale.text()));
}

TEST_CASE("an unusable terminal type is an error with a message") {
  Terminal terminal(80, 24);
  for (const std::string term : {"dumb", "nonsense", "''"}) {
    CAPTURE(term);
    terminal.enter("clear; TERM=" + term + " " + timeslice() + " top; echo status=$?.");
    CHECK(terminal.shows("status=1."));
    CHECK(terminal.shows("use -b"));
    CHECK_FALSE(terminal.on_alternate_screen());
  }
}

TEST_CASE("the end of the watched processes is reported, and the screen stays") {
  Terminal terminal(80, 24);
  auto workload = std::make_unique<Workload>(std::vector<Leg>{[] {}});
  terminal.enter(timeslice() + " top -d 0.1 -p " + std::to_string(workload->pid()));
  CHECK(terminal.shows("VOL/S"));
  workload.reset();
  CHECK(terminal.shows("The watched processes have ended"));
  terminal.type("q");
  CHECK(until([&] { return !terminal.on_alternate_screen(); }));
  CHECK(terminal.shows("ready>"));
}

TEST_CASE("the screen shows the whole machine, kernel threads on demand") {
  Terminal terminal(200, 60);
  terminal.enter(timeslice() + " top -d 0.1");
  CHECK(terminal.shows("VOL/S"));
  CHECK(terminal.text().find("kthreadd") == std::string::npos);
  terminal.type("K");
  terminal.type("t");
  terminal.type("N");
  CHECK(terminal.shows("kthreadd"));
  terminal.type("K");
  CHECK(terminal.stops_showing("kthreadd"));
}

}  // namespace timeslice::live
