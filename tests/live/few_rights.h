// SPDX-License-Identifier: MIT
// How does a test's child become somebody who may do little? Both are for the time before an exec,
// and exit where they fail.
#pragma once
#include <sys/types.h>

#include <vector>

namespace timeslice::live {

constexpr uid_t kNobody = 65534;

void become_nobody();

// Nobody, but for these capabilities: in all sets, so that they outlive the exec, and none beyond.
void become_nobody_with(const std::vector<unsigned>& capabilities);

}  // namespace timeslice::live
