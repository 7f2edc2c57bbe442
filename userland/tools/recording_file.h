// SPDX-License-Identifier: MIT
// How do a recording's bytes reach the disk while the recorder goes on? Through the loop, one write
// after another, each at the place where the one before ended. If one fails, the file is cut back
// to what was whole, so that it can be read.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "base/unique_fd.h"
#include "loop/loop.h"

namespace timeslice::tools {

class RecordingFile {
 public:
  // Makes the file, or empties it. `request` outlives the loop. `on_failure`: once, with a
  // sentence. Throws Failure.
  RecordingFile(loop::Loop& loop, loop::Request& request, std::string path,
                std::function<void(const std::string&)> on_failure);

  // Whole packets only. After a failure nothing is taken any more.
  void append(const std::string& bytes);

  [[nodiscard]] bool idle() const { return !request_.in_flight() && waiting_.empty(); }
  [[nodiscard]] uint64_t bytes() const { return accepted_; }  // written, or on their way
  [[nodiscard]] uint64_t waiting() const { return accepted_ - written_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }  // empty: none

 private:
  void start();
  void wrote(int result);
  void fail(int error);

  loop::Loop& loop_;
  loop::Request& request_;
  std::string path_;
  UniqueFd fd_;
  std::function<void(const std::string&)> on_failure_;
  std::string waiting_, writing_;
  size_t done_ = 0;  // of writing_
  uint64_t accepted_ = 0, written_ = 0;
  std::string failure_;
};

}  // namespace timeslice::tools
