// SPDX-License-Identifier: MIT
// How long is a file under /proc? It doesn't say: its size is 0. So it is read until nothing is
// left.
#pragma once
#include <string>

namespace timeslice::observe {

enum class End {
  nothing_left,  // at a read that brings nothing
  short_read,    // files of one record, as a thread's status, fill what they are given: a call less
};

// Reads `fd` from its beginning into `text`, which keeps its memory. Returns 0 or -errno; then
// `text` is empty.
int read_whole(int fd, std::string& text, End end = End::nothing_left);

}  // namespace timeslice::observe
