// SPDX-License-Identifier: MIT
// How do a recording's bytes reach the disk while the recorder goes on? Through the loop, one write
// after another, each at the place where the one before ended. If one fails, the file is cut back
// to what was whole, so that it can be read. As long as it is at work, it holds the file: who reads
// it knows from that, that the end is still to come. Before the file has taken its place each write
// is waited for: a recording that can't begin leaves what was there as it was.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "base/private_file.h"
#include "loop/core/loop.h"

namespace timeslice::record {

class RecordingFile {
 public:
  // `request` outlives the loop. `on_failure`: once, with a sentence. Throws Failure.
  RecordingFile(loop::Loop& loop, loop::Request& request, NewFile file,
                std::function<void(const std::string&)> on_failure);

  // Whole packets only. After a failure nothing is taken any more. Throws Failure before the file
  // has taken its place.
  void append(const std::string& bytes);
  // From now on a recorder that is killed leaves it there. Throws Failure.
  void take_place();

  // Calls `then` once all is written, or nothing more can be: now, or in the loop.
  void when_idle(std::function<void()> then);
  [[nodiscard]] uint64_t bytes() const { return accepted_; }  // written, or on their way
  [[nodiscard]] uint64_t waiting() const { return accepted_ - written_; }
  // Empty: none. It says what can be read.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  [[nodiscard]] bool idle() const { return !request_.in_flight() && waiting_.empty(); }
  void tell_if_idle();
  void start();
  void wrote(int result);
  void fail(int error);

  loop::Loop& loop_;
  loop::Request& request_;
  NewFile file_;
  bool placed_ = false;
  std::function<void(const std::string&)> on_failure_;
  std::function<void()> on_idle_;
  std::string waiting_, writing_;
  size_t done_ = 0;  // of writing_
  uint64_t accepted_ = 0, written_ = 0;
  std::string failure_;
};

}  // namespace timeslice::record
