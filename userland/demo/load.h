// SPDX-License-Identifier: MIT
// Who asks, when the demo makes its own load? A process of its own, so that its work is not counted
// as the server's: a few clients that send, wait for the answer, think for a moment and ask again.
// Such a closed loop slows down with the server, and never drowns it.
#pragma once
#include <sys/types.h>

#include <cstdint>

#include "base/unique_fd.h"

namespace timeslice::demo {

class LoadProcess {
 public:
  // Forks; so no thread and no ring may exist yet. The child keeps no descriptor of ours but
  // stdin, stdout and stderr. Throws Failure.
  explicit LoadProcess(std::uint16_t port);
  ~LoadProcess() { stop(); }
  LoadProcess(const LoadProcess&) = delete;
  LoadProcess& operator=(const LoadProcess&) = delete;

  void stop();

 private:
  pid_t child_ = -1;
  UniqueFd alive_;  // held open by us: the child ends when it's closed, however we end
};

}  // namespace timeslice::demo
