// SPDX-License-Identifier: MIT
// How does a process become a worker? It is forked, not executed, so it starts as a copy of the
// manager and has to let go of all that isn't its own: descriptors, signal handlers, the manager's
// loop.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <functional>

#include "base/unique_fd.h"

namespace timeslice::loop {

struct ForkedWorker {
  pid_t pid = -1;
  UniqueFd link;  // the manager's end
};

struct WorkerBody {
  // First thing in the child, while all signals are blocked: lets go of what was the manager's.
  std::function<void()> forget_manager;
  // Returns the exit code. What it throws is printed, and the exit code is 1.
  std::function<int(UniqueFd link, UniqueFd listener)> run;
};

// Forks a worker, which gets its end of the link and a duplicate of `listener` (-1: none), keeps
// stdin, stdout and stderr, and nothing else. It is killed when the manager dies. Ctrl-C, which
// goes to the whole group, is the manager's affair, and ignored in it; other signals that the
// manager handles are as if they never had been handled. The child never returns from here.
// Returns 0 or -errno.
int fork_worker(int listener, const WorkerBody& body, ForkedWorker& worker);

// Threads of this process, or 0 where /proc doesn't tell.
std::size_t thread_count();
bool has_open_ring();

}  // namespace timeslice::loop
