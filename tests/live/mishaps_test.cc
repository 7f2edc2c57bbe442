// SPDX-License-Identifier: MIT
// What does `timeslice top` do when things go wrong? One clear sentence or a clean end; never a
// crash, a hang, or half a line.
#include <csignal>
#include <filesystem>

#include "tests/catch.h"
#include "tests/live/top_json.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

// One line on stderr that says what happened, nothing on stdout.
void check_sentence(const Outcome& outcome, int status) {
  CAPTURE(outcome.err);
  CHECK(outcome.status == status);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.rfind("timeslice: ", 0) == 0);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(outcome.err.size() > 20);
}

void check_usage(const std::vector<std::string>& arguments) {
  const Outcome outcome = run(top(arguments));
  CAPTURE(arguments, outcome.err);
  CHECK(outcome.status == 2);
  CHECK(outcome.out.empty());
  CHECK_FALSE(outcome.err.empty());
}

void check_whole_objects(const std::string& output) {
  CHECK((output.empty() || output.back() == '\n'));
  CHECK_NOTHROW(objects_in(output));
}

// Until then it is a copy of this test program, with handlers of the test framework.
void await_exec(const Command& command) {
  const std::string link = "/proc/" + std::to_string(command.pid()) + "/exe";
  std::error_code error;
  REQUIRE(until([&] { return std::filesystem::read_symlink(link, error) == timeslice(); }));
}

bool catches(pid_t pid, int number) {
  const std::string status = read_file("/proc/" + std::to_string(pid) + "/status");
  const size_t at = status.find("SigCgt:");
  return at != std::string::npos &&
         std::stoull(status.substr(at + 7), nullptr, 16) >> (number - 1) & 1;
}

// Has it begun to load its BPF programs?
bool has_bpf(pid_t pid) {
  std::error_code error;
  for (const auto& fd :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error)) {
    const std::string file = std::filesystem::read_symlink(fd, error);
    if (file.rfind("anon_inode:bpf", 0) == 0 || file == "anon_inode:btf") return true;
  }
  return false;
}

bool sleeps(pid_t pid) {
  return read_file("/proc/" + std::to_string(pid) + "/stat").find(") S ") != std::string::npos;
}

}  // namespace

TEST_CASE("a bad option or a bad number is bad usage") {
  check_usage({"--nonsense"});
  check_usage({"-b", "-d", "0"});
  check_usage({"-b", "-d", "0.01"});
  check_usage({"-b", "-d", "-1"});
  check_usage({"-b", "-d", "abc"});
  check_usage({"-b", "-d", "nan"});
  check_usage({"-b", "-n", "0"});
  check_usage({"-b", "-n", "1.5"});
  check_usage({"-b", "-n", "abc"});
  check_usage({"-b", "-n", "99999999999999999999"});
  check_usage({"-b", "--source", "nonsense"});
  check_usage({"-b", "--probes", "nonsense"});
  check_usage({"-b", "-p"});
  check_usage({"stray"});
  CHECK(run({timeslice()}).status == 2);
  CHECK(run({timeslice(), "nonsense"}).status == 2);
}

TEST_CASE("an empty selection is refused, and doesn't mean the whole machine") {
  for (const char* option : {"-p", "--cgroup", "--comm", "--replay"})
    for (const char* nothing : {"", " ", ","}) check_usage({"-b", "-n", "1", option, nothing});
  for (const char* nothing : {"", " ", ","}) {
    const Outcome outcome =
        run({timeslice(), "record", "-o", "/dev/null", "--seconds", "0.01", "-p", nothing});
    CAPTURE(nothing, outcome.err);
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find("selects nothing") != std::string::npos);
  }
}

TEST_CASE("a file in a cgroup is not a cgroup") {
  check_sentence(run(top({"-b", "-n", "1", "--cgroup", "cgroup.procs"})), 1);
}

TEST_CASE("help is not an error") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--help"}, {"top", "--help"}, {"check", "--help"}}) {
    std::vector<std::string> command{timeslice()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const Outcome outcome = run(command);
    CHECK(outcome.status == 0);
    CHECK(outcome.out.find("--help") != std::string::npos);
    CHECK(outcome.err.empty());
  }
}

TEST_CASE("a process that doesn't exist is named in the error") {
  const Outcome outcome = run(top({"-b", "-n", "1", "-p", "999999999"}));
  check_sentence(outcome, 1);
  CHECK(outcome.err.find("999999999") != std::string::npos);
  check_sentence(run(top({"-b", "-n", "1", "-p", "0"})), 2);
  check_sentence(run(top({"-b", "-n", "1", "-p", "12x"})), 2);
  check_sentence(run(top({"-b", "-n", "1", "-p", "-5"})), 2);
  check_sentence(run(top({"-b", "-n", "1", "-p", "4294967297"})), 2);  // 2^32 + 1 is not 1
}

TEST_CASE("given a thread id, top reports the process id") {
  const Cast cast = mixed_threads();
  const Outcome outcome = run(top({"-b", "-n", "1", "-p", std::to_string(cast[0]->tids()[2])}));
  check_sentence(outcome, 1);
  CHECK(outcome.err.find(std::to_string(cast[0]->pid())) != std::string::npos);
}

TEST_CASE("an unknown column is an error that lists the known ones") {
  const Outcome outcome = run(top({"-b", "-n", "1", "--sort", "nonsense"}));
  check_sentence(outcome, 2);
  CHECK(outcome.err.find("cpu_pct") != std::string::npos);
}

TEST_CASE("a cgroup that doesn't exist is an error with a message") {
  check_sentence(run(top({"-b", "-n", "1", "--cgroup", "/no/such/cgroup"})), 1);
}

TEST_CASE("probes without BPF are refused") {
  check_sentence(run(top({"-b", "-n", "1", "--source", "proc", "--probes", "sched"})), 2);
}

TEST_CASE("without a terminal, top suggests batch mode") {
  const Outcome outcome = run(top({}));
  check_sentence(outcome, 1);
  CHECK(outcome.err.find("-b") != std::string::npos);
}

TEST_CASE("a reader that closes the pipe ends top immediately and silently") {
  for (const std::string format : {"-b", "--json", "--csv"}) {
    CAPTURE(format);
    Command command(top({format, "-d", "0.05"}));
    REQUIRE(command.line());
    command.close_stdout();
    const Outcome outcome = command.finish();
    CHECK(outcome.status == 0);
    CHECK(outcome.err.empty());
  }
}

TEST_CASE("a full disk is an error with a message") {
  const Outcome outcome = run({"sh", "-c", timeslice() + " top -b -n 1 -d 0.05 > /dev/full"});
  check_sentence(outcome, 1);
}

TEST_CASE("top ends when the watched process ends") {
  for (const std::string probes : {"none", "sched"}) {
    CAPTURE(probes);
    auto workload = std::make_unique<Workload>(std::vector<Leg>{[] {}});
    Command command(
        top({"--json", "-d", "0.05", "--probes", probes, "-p", std::to_string(workload->pid())}));
    REQUIRE(command.line());
    workload.reset();
    const Outcome outcome = command.finish();
    CHECK(outcome.status == 0);
    check_whole_objects(outcome.out);
    CHECK(outcome.err == "timeslice: the watched processes have ended\n");
  }
}

TEST_CASE("of two watched processes, the one that ends is shown once more, marked") {
  const Cast cast = sleeper();
  auto mortal = std::make_unique<Workload>(std::vector<Leg>{[] {}});
  const pid_t gone = mortal->pid();
  Command command(top(
      {"--json", "-d", "0.05", "-p", std::to_string(cast[0]->pid()) + "," + std::to_string(gone)}));
  REQUIRE(command.line());
  mortal.reset();
  int marked = 0;
  Json thread;
  do {
    const auto line = command.line();
    REQUIRE(line);
    thread = find_by(Json::parse(*line)["threads"], "tid", gone);
    if (thread.is_object() && thread["ended"] == true) ++marked;
  } while (thread.is_object());
  CHECK(marked == 1);
  CHECK(command.line());  // and the other goes on
  command.signal(SIGTERM);
  CHECK(command.finish().status == 0);
}

TEST_CASE("SIGINT ends a run cleanly, with complete lines") {
  for (const int number : {SIGINT, SIGTERM})
    for (const std::string probes : {"none", "sched"}) {
      CAPTURE(number, probes);
      Command command(top({"--json", "-d", "0.05", "--probes", probes}));
      for (int i = 0; i < 3; ++i) REQUIRE(command.line());
      command.signal(number);
      const Outcome outcome = command.finish();
      CHECK(outcome.status == 0);
      CHECK(outcome.err.empty());
      check_whole_objects(outcome.out);
    }
}

TEST_CASE("SIGINT at any moment from the start ends a run cleanly") {
  int heard = 0;
  for (const std::string probes : {"none", "sched"})
    for (auto delay = 0us; delay < 64ms; delay += 8ms) {
      CAPTURE(probes, delay.count());
      Command command(top({"--json", "-d", "0.05", "--probes", probes}));
      await_exec(command);
      std::this_thread::sleep_for(delay);
      const bool listens = catches(command.pid(), SIGINT);
      command.signal(SIGINT);
      const Outcome outcome = command.finish();
      // Until the program has come as far as to listen, the signal ends it as it ends any other.
      CHECK((outcome.status == 0 || (!listens && outcome.status == 128 + SIGINT)));
      CHECK(outcome.err.empty());
      check_whole_objects(outcome.out);
      heard += listens;
    }
  CAPTURE(heard);  // of which there may be none on a busy machine
  for (const std::string probes : {"none", "sched"}) {
    CAPTURE(probes);
    Command command(top({"--json", "-d", "0.05", "--probes", probes}));
    await_exec(command);
    REQUIRE(until([&] { return catches(command.pid(), SIGINT); }));
    command.signal(SIGINT);
    CHECK(command.finish().status == 0);
  }
}

TEST_CASE("SIGINT while a mode is opened waits until it is open") {
  for (const int number : {SIGINT, SIGTERM})
    for (const std::string probes : {"none", "sched"})
      for (const std::string format : {"-b", "--json", "--csv"}) {
        CAPTURE(number, probes, format);
        Command command(top({format, "-d", "0.05", "--probes", probes}));
        await_exec(command);
        REQUIRE(until([&] { return has_bpf(command.pid()); }));
        command.signal(number);
        const Outcome outcome = command.finish();
        CHECK(outcome.status == 0);
        CHECK(outcome.err.empty());
        CHECK((outcome.out.empty() || outcome.out.back() == '\n'));
      }
}

TEST_CASE("SIGINT ends a long delay") {
  Command command(top({"-b", "-d", "3600", "-p", std::to_string(getpid())}));
  REQUIRE(until([&] { return catches(command.pid(), SIGINT) && sleeps(command.pid()); }));
  command.signal(SIGINT);
  CHECK(command.finish().status == 0);
}

TEST_CASE("a failed write to stdout is an error, in each command") {
  for (const std::string arguments :
       {"check", "check --json", "--help", "top --help", "top -b -n 1 -d 0.05"}) {
    CAPTURE(arguments);
    const Outcome full = run({"sh", "-c", timeslice() + " " + arguments + " >/dev/full"});
    CHECK(full.status == 1);
    CHECK(full.err.find("cannot write to stdout: No space left on device") != std::string::npos);
    const Outcome fits = run({"sh", "-c", timeslice() + " " + arguments + " >/dev/null"});
    CHECK(fits.status == 0);
  }
}

}  // namespace timeslice::live
