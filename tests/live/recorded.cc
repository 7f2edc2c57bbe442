// SPDX-License-Identifier: MIT
#include "tests/live/recorded.h"

#include <sys/stat.h>

#include <stdexcept>

#include "tests/catch.h"

namespace timeslice::live {

namespace {

std::vector<std::string> with_path(const std::vector<std::string>& arguments,
                                   const std::string& path) {
  std::vector<std::string> all = {timeslice(), "record", "-o", path};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

}  // namespace

Recording::Recording(const std::vector<std::string>& arguments, const std::string& path)
    : path_(path.empty() ? directory_.path() + "/r.pftrace" : path),
      command_(with_path(arguments, path_)) {
  const bool began = until([&] {
    struct stat status {};
    return stat(path_.c_str(), &status) == 0 && status.st_size > 0;
  });
  if (!began) throw std::runtime_error("the recorder didn't begin: " + finish().err);
}

void Recording::pause() const {
  command_.signal(SIGSTOP);
  REQUIRE(until([&] {
    const std::string stat = read_file("/proc/" + std::to_string(command_.pid()) + "/stat");
    return stat.find(") T ") != std::string::npos;
  }));
}

Json Recording::report(const std::vector<std::string>& more) const {
  std::vector<std::string> arguments = {timeslice(), "report", path_, "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Outcome outcome = run(arguments);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return Json::parse(outcome.out);
}

}  // namespace timeslice::live
