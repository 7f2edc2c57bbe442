// SPDX-License-Identifier: MIT
// What is said where /proc or /sys isn't what we count on? One sentence with the mend; nothing is
// shown that isn't so, and no library speaks for us.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>

#include "tests/catch.h"
#include "tests/live/top_json.h"

namespace timeslice::live {

namespace {

// In a PID namespace of its own, under the /proc of the one outside.
Outcome run_under_foreign_proc(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"unshare", "--pid", "--fork", timeslice()});
  return run(arguments);
}

Outcome run_without_sys(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), timeslice());
  return run(arguments, [] {
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        umount2("/sys", MNT_DETACH) != 0)
      _exit(77);
  });
}

void check_sentence(const Outcome& outcome, int status, const std::string& part) {
  INFO(outcome.err);
  CHECK(outcome.status == status);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(outcome.err.rfind("timeslice: ", 0) == 0);
  CHECK(outcome.err.find(part) != std::string::npos);
}

// Each mode that isn't there is so for this reason, and has this mend.
void check_modes(const Outcome& outcome, const std::vector<std::string>& names,
                 const std::string& reason, const std::string& fix) {
  REQUIRE(outcome.status == 0);
  CHECK(outcome.err.empty());
  const Json report = Json::parse(outcome.out);
  size_t found = 0;
  for (const Json& mode : report["rungs"]) {
    if (std::find(names.begin(), names.end(), mode["rung"]) == names.end()) continue;
    INFO(mode.dump());
    ++found;
    CHECK(mode["allowed"] == false);
    CHECK(mode["reason"].get<std::string>().find(reason) != std::string::npos);
    CHECK(mode["fix"].get<std::string>().find(fix) != std::string::npos);
  }
  CHECK(found == names.size());
}

}  // namespace

TEST_CASE("a /proc of another PID namespace is reported, and no process mistaken for another") {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/r", word = "/proc belongs to another PID namespace";
  for (const std::vector<std::string>& source :
       {std::vector<std::string>{}, {"--source", "proc"}, {"--probes", "sched"}, {"-p", "1"}}) {
    std::vector<std::string> arguments = {"top", "-b", "-n", "1"};
    arguments.insert(arguments.end(), source.begin(), source.end());
    const Outcome outcome = run_under_foreign_proc(arguments);
    CHECK(outcome.out.empty());
    check_sentence(outcome, 1, word);
  }
  check_sentence(run_under_foreign_proc({"record", "-o", path, "--seconds", "0.1"}), 1, word);
  check_sentence(run_under_foreign_proc({"record", "-o", path, "-p", "1"}), 1, word);
  check_sentence(run_under_foreign_proc({"record", "-o", path, "--", "true"}), 1, word);
  CHECK(access(path.c_str(), F_OK) != 0);
  check_modes(run_under_foreign_proc({"check", "--json"}), {"aggregate", "count", "proc"}, word,
              "mount -t proc");
}

TEST_CASE("without /sys, the missing mount is the only reason given") {
  const ScratchDirectory directory;
  const std::string word = "nothing is mounted at /sys";
  check_sentence(run_without_sys({"record", "-o", directory.path() + "/r", "--seconds", "0.1"}), 1,
                 word);
  const Outcome top = run_without_sys({"top", "--json", "-n", "1"});
  check_sentence(top, 0, word);
  CHECK(objects_in(top.out).back()["source"] == "proc");
  check_sentence(run_without_sys({"top", "-b", "-n", "1", "--probes", "sched"}), 0, word);
  check_modes(run_without_sys({"check", "--json"}), {"aggregate", "count"}, word, "mount -t sysfs");
}

}  // namespace timeslice::live
