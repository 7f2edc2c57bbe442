// SPDX-License-Identifier: MIT
// Under which name is the next of several files written? FILE, FILE.2, FILE.3 …: what was written
// on demand isn't written over, nor what an earlier recorder wrote.
#pragma once
#include <string>
#include <utility>

#include "base/private_file.h"

namespace timeslice::record {

class NumberedFiles {
 public:
  // `to_device`: the first is there, and may be written to all the same.
  NumberedFiles(std::string path, Earlier earlier, bool to_device)
      : path_(std::move(path)), earlier_(earlier), to_device_(to_device) {}

  // Returns the name. Throws Failure.
  std::string write(const std::string& bytes) {
    while (keeps_what_is_there() && is_taken(name())) ++written_;
    std::string name = this->name();
    write_private(name, bytes, written_ == 0 ? earlier_ : Earlier::refuse);
    ++written_;
    return name;
  }

 private:
  [[nodiscard]] std::string name() const {
    return written_ == 0 ? path_ : path_ + "." + std::to_string(written_ + 1);
  }
  [[nodiscard]] bool keeps_what_is_there() const {
    return written_ > 0 || (earlier_ == Earlier::refuse && !to_device_);
  }

  std::string path_;
  Earlier earlier_;
  bool to_device_;
  unsigned written_ = 0;
};

}  // namespace timeslice::record
