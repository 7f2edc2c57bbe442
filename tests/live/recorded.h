// SPDX-License-Identifier: MIT
// How does a test make a recording, and ask what is in it?
#pragma once
#include <csignal>
#include <string>
#include <vector>

#include "tests/live/processes.h"
#include "tests/live/top_json.h"

namespace timeslice::live {

// `timeslice record`, from when it has its first bytes in the file until it is told to end.
class Recording {
 public:
  explicit Recording(const std::vector<std::string>& arguments, const std::string& path = {});

  Outcome finish(int signal = SIGINT) {
    command_.signal(signal);
    return command_.finish();
  }
  void pause() const;  // until resume(); it has stopped when this returns
  void resume() const { command_.signal(SIGCONT); }
  Outcome wait() { return command_.finish(); }  // for it to end by itself
  [[nodiscard]] pid_t pid() const { return command_.pid(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Json report(const std::vector<std::string>& more = {}) const;

 private:
  ScratchDirectory directory_;
  std::string path_;
  Command command_;
};

}  // namespace timeslice::live
