// SPDX-License-Identifier: MIT
// What is an operation as a plain system call? This: the caller is blocked until it's done.
// The thread pool's workers do nothing else, and the blocking backend does it in the loop itself.
#pragma once
#include "loop/core/request.h"

namespace timeslice::loop {

// Returns the result or -errno. Kinds that wait for a peer (accept, poll, ...) give -ENOTSUP, a job
// that throws std::bad_alloc -ENOMEM.
int run_blocking(Request& request);

// Whether closing it may wait for a peer (SO_LINGER).
bool lingers(int fd);
// What it lingers for is sent all the same, behind our back.
void close_at_once(int fd);

}  // namespace timeslice::loop
