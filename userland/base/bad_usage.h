// SPDX-License-Identifier: MIT
// What did the user ask for that can't be meant, whatever the machine is like? A sentence, as of
// any Failure, but main() exits with 2 after it.
#pragma once
#include "base/failure.h"

namespace timeslice {

class BadUsage : public Failure {
 public:
  using Failure::Failure;
};

}  // namespace timeslice
