// SPDX-License-Identifier: MIT
// A Node program that a workload starts: the lab's workload.js, which says in lines what it does.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "labs/parts/lab.h"

namespace timeslice::labs {

struct NodeOptions {
  std::vector<std::string> arguments;    // after the script's path: process.argv[2] and on
  std::vector<std::string> environment;  // NAME=VALUE each, besides our own
};

// Killed and reaped when this goes, or when whoever started it dies.
class NodeProgram {
 public:
  // Throws Failure where it can't be started.
  NodeProgram(const Setting& setting, const NodeOptions& options);
  NodeProgram(const NodeProgram&) = delete;
  NodeProgram& operator=(const NodeProgram&) = delete;
  ~NodeProgram();

  [[nodiscard]] pid_t pid() const { return pid_; }
  // The next line of its standard output, without its end. Absent: that has been closed. Throws
  // Failure where none comes for 20 s.
  std::optional<std::string> line();
  // To its standard input, with an end of line.
  void say(const std::string& line);
  // Closes its standard input, and waits until it has ended. Throws Failure where that isn't with
  // status 0. Returns what it has said meanwhile.
  std::string end();

 private:
  pid_t pid_ = -1;
  UniqueFd input_, output_;
  std::string read_;  // and not returned yet
};

// Runs it to its end. Returns all that it says. Throws Failure.
std::string run_node(const Setting& setting, const NodeOptions& options);

}  // namespace timeslice::labs
