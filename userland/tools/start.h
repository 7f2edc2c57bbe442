// SPDX-License-Identifier: MIT
// What can the tool rely on, however it was started? That nothing it opens becomes its stdout, that
// a write that fails says so by its result, and that it learns how its children ended.
#pragma once

namespace timeslice::tools {

// Once, before anything is opened.
void settle_start();

}  // namespace timeslice::tools
