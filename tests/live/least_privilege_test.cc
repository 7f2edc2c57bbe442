// SPDX-License-Identifier: MIT
// Which of root's rights does a running timeslice still have? None that its work doesn't need, in
// no thread of it; and what it starts, and where it writes, is as if nothing had been given back.
// privileges_test.cc asks the other way round: what is there with few rights from the beginning?
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "tests/catch.h"
#include "tests/live/recorded.h"

namespace timeslice::live {

namespace {

constexpr uid_t kNobody = 65534;

uint64_t bits(std::initializer_list<unsigned> capabilities) {
  uint64_t all = 0;
  for (const unsigned one : capabilities) all |= uint64_t{1} << one;
  return all;
}

const uint64_t kLooking =
    bits({CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE, CAP_DAC_READ_SEARCH,
          CAP_SYSLOG, CAP_IPC_LOCK, CAP_SYS_RESOURCE, CAP_SYS_ADMIN});
const uint64_t kFiles = bits({CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_SYS_RESOURCE});

std::string line_of(const std::string& status, const std::string& name) {
  for (const std::string& line : lines_of(status))
    if (line.rfind(name + ":\t", 0) == 0) return line.substr(name.size() + 2);
  return "";
}

uint64_t set_of(const std::string& status, const char* name) {
  return std::stoull(line_of(status, name), nullptr, 16);
}

uint64_t own(const char* name) { return set_of(read_file("/proc/self/status"), name); }

// Of each of its threads; one may end while they are read.
std::vector<std::string> statuses_of(pid_t pid) {
  std::vector<std::string> all;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::string status = read_file(task.path().string() + "/status");
    if (!line_of(status, "NoNewPrivs").empty()) all.push_back(std::move(status));
  }
  return all;
}

void check_has_no_more_than(pid_t pid, uint64_t needed, bool for_good = true) {
  const std::vector<std::string> statuses = statuses_of(pid);
  REQUIRE_FALSE(statuses.empty());
  for (const std::string& status : statuses) {
    INFO(status);
    CHECK(set_of(status, "CapEff") == (needed & own("CapEff")));
    CHECK(set_of(status, "CapPrm") == (for_good ? needed & own("CapPrm") : own("CapPrm")));
    CHECK(line_of(status, "NoNewPrivs") ==
          (for_good ? "1" : line_of(read_file("/proc/self/status"), "NoNewPrivs")));
  }
}

// Where nobody but its owner, who isn't root, may do anything.
struct OthersFolder : ScratchDirectory {
  OthersFolder() {
    REQUIRE(chown(path().c_str(), kNobody, kNobody) == 0);
    REQUIRE(chmod(path().c_str(), 0700) == 0);
  }
};

bool is_root_indeed() {
  return own("CapEff") != (own("CapEff") & (kLooking | kFiles)) &&
         (own("CapEff") & kFiles & bits({CAP_DAC_OVERRIDE})) != 0;
}

}  // namespace

TEST_CASE("each thread of a running top has the privileges for refreshes, probes and look-ups") {
  if (!is_root_indeed()) SKIP_TEST("no rights to give back");
  // A thread of its own looks up others' files, so two threads at least are asked.
  Command top({timeslice(), "top", "--json", "-d", "0.05", "--probes", "sched"});
  const auto first = top.line();
  REQUIRE(first);
  CHECK(Json::parse(*first)["rung"] == "aggregate");
  CHECK(statuses_of(top.pid()).size() > 1);
  CHECK(Json::parse(*first)["trust"]["probe_ns_per_switch"].is_number());
  check_has_no_more_than(top.pid(), kLooking);
}

TEST_CASE("a recorder can write wherever root can, and has no other privilege of root") {
  if (!is_root_indeed()) SKIP_TEST("no rights to give back");
  const OthersFolder folder;
  Recording recording({}, folder.path() + "/r.pftrace");
  check_has_no_more_than(recording.pid(), kLooking | kFiles);
  CHECK(recording.finish().status == 0);
  CHECK(recording.report()["trust"]["complete"] == true);  // read from there as well
  CHECK(run({timeslice(), "timeline", recording.path(), "-o", folder.path() + "/t.html"}).status ==
        0);

  // Over another's file where everybody has files and may replace none but his own.
  const ScratchDirectory sticky;
  const std::string theirs = sticky.path() + "/theirs";
  std::ofstream(theirs) << "x";
  REQUIRE(chown(theirs.c_str(), kNobody, kNobody) == 0);
  REQUIRE(chown(sticky.path().c_str(), kNobody, kNobody) == 0);
  REQUIRE(chmod(sticky.path().c_str(), 01777) == 0);
  const Outcome replaced =
      run({timeslice(), "record", "-q", "--seconds", "0.05", "--force", "-o", theirs});
  CAPTURE(replaced.err);
  CHECK(replaced.status == 0);
}

TEST_CASE("a flight recorder can write wherever root can, at any time") {
  if (!is_root_indeed()) SKIP_TEST("no rights to give back");
  const OthersFolder folder;
  const std::string path = folder.path() + "/f";
  const Outcome outcome =
      run({timeslice(), "record", "-q", "--ring", "1", "--seconds", "0.2", "-o", path});
  CAPTURE(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(run({timeslice(), "report", path}).status == 0);
}

TEST_CASE("a recorded command has the same privileges as without a recorder") {
  const ScratchDirectory directory;
  const std::vector<std::string> command = {
      "/bin/sh", "-c", "grep -E 'Cap|NoNewPrivs' /proc/self/status; sleep 1000"};
  const auto rights = [](Command& running) {
    std::string all;
    for (int i = 0; i < 6; ++i) all += running.line().value_or("none") + "\n";
    return all;
  };
  Command alone(command);
  std::vector<std::string> recorded = {timeslice(), "record", "-o", directory.path() + "/r", "--"};
  recorded.insert(recorded.end(), command.begin(), command.end());
  Command recorder(recorded);
  const std::string expected = rights(alone);
  CHECK(expected.find("none") == std::string::npos);
  CHECK(rights(recorder) == expected);
  check_has_no_more_than(recorder.pid(), kLooking | kFiles, false);
  const std::string children = "/proc/" + std::to_string(recorder.pid()) + "/task/" +
                               std::to_string(recorder.pid()) + "/children";
  kill(std::stoi(read_file(children)), SIGKILL);
  CHECK(recorder.finish().status == 128 + SIGKILL);
}

TEST_CASE("a command that reads a recording keeps privileges for files, and none for processes") {
  if (!is_root_indeed()) SKIP_TEST("no rights to give back");
  Recording recording({"--seconds", "1"});
  CHECK(recording.wait().status == 0);
  // Twenty frames of the whole machine are more than the pipe holds, so it waits for its reader.
  Command replay({timeslice(), "top", "--replay", recording.path(), "--json", "-d", "0.05"});
  REQUIRE(replay.line());
  check_has_no_more_than(replay.pid(), kFiles);
  CHECK(replay.finish().status == 0);
}

}  // namespace timeslice::live
