// SPDX-License-Identifier: MIT
// Does the tool say what happened however it was started: with its standard descriptors closed, or
// with a limit on how large a file may become?
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>

#include "tests/catch.h"
#include "tests/live/recorded.h"
#include "tests/live/top_json.h"

namespace timeslice::live {

namespace {

void limit_files_to(rlim_t bytes, rlim_t most) {
  const rlimit limit{bytes, most};
  setrlimit(RLIMIT_FSIZE, &limit);
}

bool is_empty(const std::string& directory) { return std::filesystem::is_empty(directory); }

}  // namespace

TEST_CASE("output to a closed stdout goes nowhere, and an error says so") {
  const Outcome outcome =
      run({timeslice(), "top", "-b", "-n", "1", "-d", "0.1"}, [] { close_range(0, 1, 0); });
  CHECK(outcome.status == 1);
  CHECK(outcome.err == "timeslice: cannot write to stdout: Bad file descriptor\n");
}

TEST_CASE("no opened file becomes stdin, stdout or stderr") {
  const Command command({timeslice(), "demo", "--port", "0", "--seconds", "60"},
                        [] { close_range(0, 2, 0); });
  const std::string process = "/proc/" + std::to_string(command.pid());
  const auto target = [&](const char* of) {
    std::error_code none;
    return std::filesystem::read_symlink(process + of, none).string();
  };
  std::error_code error;
  const auto all_are_taken = [&] {
    return std::filesystem::equivalent(process + "/exe", timeslice(), error) &&
           !target("/fd/0").empty() && !target("/fd/1").empty() && !target("/fd/2").empty();
  };
  REQUIRE(until(all_are_taken));
  for (const char* fd : {"/fd/0", "/fd/1", "/fd/2"}) CHECK(target(fd) == "/dev/null");
}

TEST_CASE("a page over the file size limit leaves an error, and no file") {
  const ScratchDirectory recordings, pages;
  const std::string recording = recordings.path() + "/r.pftrace";
  REQUIRE(run({timeslice(), "record", "-q", "--seconds", "0.1", "-o", recording}).status == 0);
  const Outcome outcome = run({timeslice(), "timeline", recording, "-o", pages.path() + "/p.html"},
                              [] { limit_files_to(4096, 4096); });
  CHECK(outcome.status == 1);
  CHECK(outcome.err == "timeslice: cannot write " + pages.path() + "/p.html: File too large\n");
  CHECK(is_empty(pages.path()));
}

TEST_CASE("a flight recorder over its file size limit keeps its data until it may write") {
  const ScratchDirectory directory, beside;
  const std::string path = directory.path() + "/f", said = beside.path() + "/said";
  Command recorder(
      {"/bin/sh", "-c",
       "exec " + timeslice() + " record --ring 5 --seconds 0.1 -o " + path + " 2>" + said},
      [] { limit_files_to(4096, RLIM_INFINITY); });
  const auto is_told = [&] {
    return read_file(said).find("File too large; the last seconds stay in memory") !=
           std::string::npos;
  };
  REQUIRE(until(is_told));
  CHECK(is_empty(directory.path()));
  const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  REQUIRE(prlimit(recorder.pid(), RLIMIT_FSIZE, &none, nullptr) == 0);
  CHECK(recorder.finish().status == 0);
  CHECK(std::filesystem::exists(path));
}

}  // namespace timeslice::live
