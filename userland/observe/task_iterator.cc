// SPDX-License-Identifier: MIT
#include "observe/task_iterator.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>

#include "base/failure.h"
#include "base/unique_fd.h"

namespace timeslice::observe {

TaskIterator::TaskIterator(bpf_program* program)
    : link_(bpf_program__attach_iter(program, nullptr)) {
  if (!link_) throw failure_from_errno("cannot create a task iterator", errno);
}

void TaskIterator::run() {
  const UniqueFd fd(bpf_iter_create(bpf_link__fd(link_.get())));
  if (!fd) throw failure_from_errno("cannot open the task iterator", errno);
  char nothing[64];
  ssize_t got;
  do {
    got = ::read(fd.get(), nothing, sizeof(nothing));
    if (got < 0 && errno != EINTR && errno != EAGAIN)  // EAGAIN: a million tasks in one read
      throw failure_from_errno("cannot read the task iterator", errno);
  } while (got != 0);
}

}  // namespace timeslice::observe
