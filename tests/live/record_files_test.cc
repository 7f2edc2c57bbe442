// SPDX-License-Identifier: MIT
// What becomes of files, whatever a recorder meets? What was there before outlives a recording that
// can't begin, what is recorded outlives its recorder, and each sentence says what is so.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/catch.h"
#include "tests/live/recorded.h"
#include "tests/live/top_json.h"

namespace timeslice::live {

namespace {

using Names = std::vector<std::string>;

Names names_in(const std::string& directory) {
  Names names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

void put(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// A disk of a few megabytes, which can be filled.
struct SmallDisk : ScratchDirectory {
  SmallDisk() : mounted(mount("tmpfs", path().c_str(), "tmpfs", 0, "size=16m") == 0) {}
  ~SmallDisk() {
    if (mounted) umount2(path().c_str(), MNT_DETACH);
  }
  void fill() const {
    std::ofstream filler(path() + "/filler");
    const std::string block(4096, 'x');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void make_room() const { std::filesystem::remove(path() + "/filler"); }
  const bool mounted;
};

Json report_of(const std::string& path) {
  const Outcome outcome = run({timeslice(), "report", path, "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return Json::parse(outcome.out);
}

// One sentence and exit status 1, soon: nothing waits for a reader that never comes.
void check_refused(const std::vector<std::string>& arguments, const std::string& with,
                   int status = 1) {
  Command command(arguments);
  const Outcome outcome = command.finish();
  INFO(outcome.err);
  CHECK(outcome.status == status);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(outcome.err.find(with) != std::string::npos);
  CHECK(outcome.err.find("can be read") == std::string::npos);
}

std::vector<std::string> record_into(const std::string& path,
                                     const std::vector<std::string>& more = {}) {
  std::vector<std::string> all = {timeslice(), "record", "--seconds", "0.05", "-o", path};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// Is it the recorder by now, and would it live through SIGUSR1?
bool listens(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  std::error_code error;
  if (std::filesystem::read_symlink(process + "/exe", error) != timeslice()) return false;
  const std::string status = read_file(process + "/status");
  const size_t at = status.find("SigCgt:");
  return at != std::string::npos &&
         (std::stoull(status.substr(at + 7), nullptr, 16) >> (SIGUSR1 - 1) & 1) != 0;
}

}  // namespace

TEST_CASE("a recording given by name isn't overwritten without --force") {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/r.pftrace";
  put(path, "precious");
  check_refused(record_into(path), "it exists; use --force to replace it");
  CHECK(read_file(path) == "precious");
  CHECK(run(record_into(path, {"--force"})).status == 0);
  CHECK(report_of(path)["trust"]["complete"] == true);
  CHECK(names_in(directory.path()) == Names{"r.pftrace"});
}

TEST_CASE("the earlier recording with the default name is kept as .old") {
  const ScratchDirectory directory;
  const auto there = [&] { REQUIRE(chdir(directory.path().c_str()) == 0); };
  const std::string program = std::filesystem::absolute(timeslice());
  put(directory.path() + "/timeslice.pftrace", "precious");
  CHECK(run({program, "record", "-q", "--", "/no/such/program"}, there).status == 1);
  CHECK(names_in(directory.path()) == Names{"timeslice.pftrace"});
  CHECK(run({program, "record", "-q", "--seconds", "0.05"}, there).status == 0);
  CHECK(names_in(directory.path()) == Names{"timeslice.pftrace", "timeslice.pftrace.old"});
  CHECK(read_file(directory.path() + "/timeslice.pftrace.old") == "precious");
  CHECK(report_of(directory.path() + "/timeslice.pftrace")["trust"]["complete"] == true);
}

TEST_CASE("a command that can't be started leaves the earlier recording intact") {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/r";
  put(path, "precious");
  check_refused({timeslice(), "record", "-o", path, "--force", "--", "/no/such/program"},
                "cannot start");
  CHECK(read_file(path) == "precious");
  CHECK(names_in(directory.path()) == Names{"r"});
}

TEST_CASE("a killed recorder leaves what it recorded, under the requested name") {
  Recording recording({});
  CHECK(recording.finish(SIGKILL).status == 128 + SIGKILL);
  CHECK(recording.report()["trust"]["complete"] == false);
  const std::string directory = std::filesystem::path(recording.path()).parent_path();
  CHECK(names_in(directory) == Names{"r.pftrace"});
}

TEST_CASE("a recording in progress is distinguished from an unfinished one") {
  Recording recording({"--", "/bin/sleep", "1000"});
  const std::string copy = recording.path() + "-copy";
  std::filesystem::copy_file(recording.path(), copy);
  const auto check_told = [](const std::string& path, const std::string& what, bool goes_on) {
    const Outcome outcome = run({timeslice(), "report", path, "--json"});
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    // Where it was cut off within a packet, that is said, too.
    CHECK(lines_of(outcome.err).size() <= (goes_on ? 1 : 2));
    CHECK(outcome.err.find(path + what) != std::string::npos);
    const Json trust = Json::parse(outcome.out)["trust"];
    CHECK(trust["complete"] == false);
    CHECK(trust["being_recorded"] == goes_on);
  };
  check_told(recording.path(), " is still being recorded;", true);
  for (const std::vector<std::string>& look :
       {std::vector<std::string>{"report"}, {"lanes"}, {"timeline", "-o", "-"}}) {
    std::vector<std::string> command = {timeslice(), look.front(), recording.path()};
    command.insert(command.end(), look.begin() + 1, look.end());
    const Outcome outcome = run(command);
    CAPTURE(look.front());
    CHECK(outcome.err.find("killed") == std::string::npos);
    CHECK(outcome.out.find("killed") == std::string::npos);
    CHECK(outcome.err.find("still being recorded") != std::string::npos);
  }
  check_told(copy, " has no end marker (", false);

  // The command outlives its recorder, and holds nothing.
  const std::string recorder = "/proc/" + std::to_string(recording.pid()) + "/task/";
  const pid_t command =
      std::stoi(read_file(recorder + std::to_string(recording.pid()) + "/children"));
  CHECK(recording.finish(SIGKILL).status == 128 + SIGKILL);
  CHECK(kill(command, 0) == 0);
  check_told(recording.path(), " has no end marker (", false);
  kill(command, SIGKILL);
}

TEST_CASE("a target that can't hold a recording is refused immediately, with the right reason") {
  const ScratchDirectory directory;
  const std::string fifo = directory.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  check_refused(record_into(fifo), "it is not a regular file");
  check_refused(record_into(fifo, {"--ring", "1"}), "it is not a regular file");
  check_refused(record_into("-"), "so name a regular file", 2);
  check_refused(record_into("/dev/stdout"), "so name a regular file", 2);
  check_refused(record_into("/dev/full"), "cannot write /dev/full: No space left on device\n");
  CHECK(names_in(directory.path()) == Names{"fifo"});
}

TEST_CASE("a disk that is already full leaves the earlier recording intact, and nothing else") {
  const SmallDisk disk;
  if (!disk.mounted) SKIP_TEST("no tmpfs can be mounted here");
  const std::string path = disk.path() + "/r";
  put(path, "precious");
  disk.fill();
  check_refused(record_into(path, {"--force"}), "No space left on device");
  CHECK(read_file(path) == "precious");
  CHECK(names_in(disk.path()) == Names{"filler", "r"});
}

TEST_CASE("a flight recorder without disk space keeps its data, on SIGUSR1 and at its end") {
  const SmallDisk disk;
  if (!disk.mounted) SKIP_TEST("no tmpfs can be mounted here");
  const std::string path = disk.path() + "/f", said = disk.path() + "-said";
  disk.fill();
  Command recorder(
      {"/bin/sh", "-c", "exec " + timeslice() + " record --ring 5 -o " + path + " 2>" + said});
  const auto says = [&](const std::string& what) {
    return until([&] { return read_file(said).find(what) != std::string::npos; });
  };
  REQUIRE(until([&] { return listens(recorder.pid()); }));
  recorder.signal(SIGUSR1);
  CHECK(says("the data is still in memory, and recording continues"));
  CHECK(names_in(disk.path()) == Names{"filler"});
  recorder.signal(SIGINT);
  CHECK(says("stay in memory until there is space"));
  CHECK(names_in(disk.path()) == Names{"filler"});
  disk.make_room();
  CHECK(recorder.finish().status == 0);
  CHECK(names_in(disk.path()) == Names{"f"});
  CHECK(report_of(path)["trust"]["complete"] == true);
  std::filesystem::remove(said);
}

TEST_CASE("a flight recorder without disk space that is told again to stop gives up, and says so") {
  const SmallDisk disk;
  if (!disk.mounted) SKIP_TEST("no tmpfs can be mounted here");
  const std::string said = disk.path() + "-said";
  disk.fill();
  Command recorder({"/bin/sh", "-c",
                    "exec " + timeslice() + " record --ring 5 --seconds 0.05 -o " + disk.path() +
                        "/f 2>" + said});
  REQUIRE(until([&] { return read_file(said).find("until there is space") != std::string::npos; }));
  recorder.signal(SIGTERM);
  CHECK(recorder.finish().status == 1);
  CHECK(lines_of(read_file(said)).back().find("; the last seconds are lost") != std::string::npos);
  CHECK(names_in(disk.path()) == Names{"filler"});
  std::filesystem::remove(said);
}

TEST_CASE("a flight recorder skips numbered files of an earlier one") {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/f";
  put(path + ".2", "precious");
  Command recorder({timeslice(), "record", "-q", "--ring", "5", "-o", path});
  REQUIRE(until([&] { return listens(recorder.pid()); }));
  recorder.signal(SIGUSR1);
  REQUIRE(until([&] { return ::access(path.c_str(), F_OK) == 0; }));
  recorder.signal(SIGINT);
  CHECK(recorder.finish().status == 0);
  CHECK(names_in(directory.path()) == Names{"f", "f.2", "f.3"});
  CHECK(read_file(path + ".2") == "precious");
  CHECK(report_of(path + ".3")["trust"]["complete"] == true);
}

TEST_CASE("a flight recorder whose file name is taken meanwhile takes the next one") {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/f";
  const std::string begun = directory.path() + "/begun";
  Command recorder({timeslice(), "record", "-q", "--ring", "5", "-o", path, "--", "/bin/sh", "-c",
                    ": > " + begun + "; exec sleep 60"});
  REQUIRE(until([&] { return ::access(begun.c_str(), F_OK) == 0; }));
  put(path, "precious");
  recorder.signal(SIGINT);
  CHECK(recorder.finish().status == 0);
  CHECK(read_file(path) == "precious");
  CHECK(report_of(path + ".2")["trust"]["complete"] == true);
}

TEST_CASE("a page appears complete, and overwrites nothing without --force") {
  const std::string recording = "tests/unit/recordings/linux-6.12.pftrace";
  const SmallDisk disk;
  if (!disk.mounted) SKIP_TEST("no tmpfs can be mounted here");
  const std::string path = disk.path() + "/p.html", link = disk.path() + "/link";
  const std::vector<std::string> make = {timeslice(), "timeline", recording, "-o"};
  const auto into = [&](std::vector<std::string> more) {
    more.insert(more.begin(), make.begin(), make.end());
    return more;
  };
  put(path, "precious");
  REQUIRE(::symlink(path.c_str(), link.c_str()) == 0);
  check_refused(into({path}), "it exists; use --force to replace it");
  check_refused(into({link, "--force"}), "it is a symbolic link");
  disk.fill();
  check_refused(into({path, "--force"}), "No space left on device");
  CHECK(read_file(path) == "precious");
  CHECK(names_in(disk.path()) == Names{"filler", "link", "p.html"});
  disk.make_room();
  CHECK(run(into({path, "--force"})).status == 0);
  CHECK(read_file(path) == run(into({"-"})).out);
  CHECK(run(into({"/dev/stdout"})).out.find("</html>") != std::string::npos);
}

}  // namespace timeslice::live
