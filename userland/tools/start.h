// SPDX-License-Identifier: MIT
// What may the tool count on, whoever started it? That nothing it opens becomes its stdout, that a
// write which fails says so by its result, and that it is told how its children ended.
#pragma once

namespace timeslice::tools {

// Once, before anything is opened.
void settle_start();

}  // namespace timeslice::tools
