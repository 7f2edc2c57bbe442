// SPDX-License-Identifier: MIT
#include "observe/process_age.h"

#include <fcntl.h>

#include <algorithm>
#include <string>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "observe/proc_files.h"

namespace timeslice::observe {

std::optional<ProcessAge> process_age(uint32_t tgid) {
  // The process's own `stat` has the same fields as a thread's.
  const std::string path = "/proc/" + std::to_string(tgid);
  const UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ts_thread_row row{};
  if (!directory || !read_stat(directory.get(), row)) return std::nullopt;
  const uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);
  return ProcessAge{now_ns - std::min<uint64_t>(row.start_ns, now_ns), row.ppid};
}

}  // namespace timeslice::observe
