// SPDX-License-Identifier: MIT
#include "observe/core_idle.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/failure.h"
#include "observe/whole_file.h"

namespace timeslice::observe {

CoreIdle::CoreIdle(const char* path) : fd_(open(path, O_RDONLY | O_CLOEXEC)) {
  if (!fd_) throw failure_from_errno(std::string("cannot open ") + path, errno);
}

const std::vector<CoreTime>& CoreIdle::read() {
  if (const int error = read_whole(fd_.get(), text_))
    throw failure_from_errno("cannot read /proc/stat", -error);
  static const uint64_t tick_ns = 1'000'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  cores_.clear();
  // "cpuN user nice system idle iowait irq softirq steal …"; the first line sums up all cores.
  for (char* at = strchr(text_.data(), '\n'); at && strncmp(at + 1, "cpu", 3) == 0;
       at = strchr(at + 1, '\n')) {
    char* next = at + 4;
    CoreTime core{static_cast<uint32_t>(strtoul(next, &next, 10)), 0, 0};
    for (int field = 0; field < 8; ++field) {
      const uint64_t ns = strtoull(next, &next, 10) * tick_ns;
      (field == 3 || field == 4 ? core.idle_ns : core.busy_ns) += ns;
    }
    cores_.push_back(core);
  }
  return cores_;
}

void CoreIdle::add_to(std::vector<ts_core_row>& cores) {
  for (const CoreTime& core : read()) {
    auto row = std::find_if(cores.begin(), cores.end(),
                            [&](const ts_core_row& r) { return r.cpu == core.cpu; });
    if (row == cores.end()) {
      ts_core_row made{};
      made.record = {TS_RECORD_CORE, sizeof(ts_core_row), 0};
      made.cpu = core.cpu;
      row = cores.insert(cores.end(), made);
    }
    row->record.have |= TS_HAVE_CORE_BUSY;
    row->busy_ns = core.busy_ns;
    row->idle_ns = core.idle_ns;
  }
}

}  // namespace timeslice::observe
