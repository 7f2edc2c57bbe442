// SPDX-License-Identifier: MIT
// What is kept of a lab on this machine: its last run, the result, how often it was tried, and what
// was given away. A directory for each lab; nothing is made before there is something to keep.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.h"

namespace timeslice::labs {

// What has come before a result.
struct Attempts {
  uint64_t runs = 0;    // that had a verdict
  uint64_t hints = 0;   // that were shown
  bool solved = false;  // the answers were shown
};

class Notebook {
 public:
  // In $XDG_STATE_HOME/timeslice/labs, or ~/.local/state/timeslice/labs.
  explicit Notebook(const std::string& slug);

  [[nodiscard]] const std::string& directory() const { return directory_; }
  // Where all labs' are.
  static std::string place();

  // Makes the directory, and keeps others from running the same lab in it as long as this lives.
  // Throws Failure: it can't be made, or somebody runs it.
  void begin();
  // Throws Failure where it can't be removed. Nothing to forget is no failure.
  void forget();

  [[nodiscard]] Attempts attempts() const;
  // Throws Failure.
  void note(const Attempts& attempts);

  // The last result of each seed; a passed one stays until there is another one that is passed, so
  // that nobody loses it by trying again. Throws Failure.
  void keep_result(uint64_t seed, const std::string& json, bool passed);
  // Of the results that are kept, with whatever seed; absent: there is none, or none can be read.
  [[nodiscard]] std::optional<bool> was_passed() const;

 private:
  std::string directory_;
  UniqueFd lock_;
};

}  // namespace timeslice::labs
