// SPDX-License-Identifier: MIT
#include "base/failure.h"

#include <cstring>

namespace timeslice {

Failure failure_from_errno(const std::string& what, int error) {
  return Failure(what + ": " + std::strerror(error));
}

}  // namespace timeslice
