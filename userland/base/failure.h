// SPDX-License-Identifier: MIT
// How does a part of Timeslice say that it can't go on? It throws a Failure, whose text is a whole
// sentence for the user: what failed, why, and what to do about it. main() prints it and exits 1.
// Kernel calls on the hot path return -errno instead, as the kernel itself does.
#pragma once
#include <stdexcept>
#include <string>

namespace timeslice {

class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// "cannot open FILE: Permission denied": `what` with the text of `error` (a positive errno).
[[nodiscard]] Failure failure_from_errno(const std::string& what, int error);

}  // namespace timeslice
