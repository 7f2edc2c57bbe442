// SPDX-License-Identifier: MIT
// The module: the same rows as in aggregate mode, read from /proc/timeslice, which the
// module in kmod/ fills. Nothing is attached by us: the module counts as long as it is loaded.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/clock.h"
#include "base/failure.h"
#include "base/unique_fd.h"
#include "observe/kmod_table.h"
#include "observe/source.h"

namespace timeslice::observe {

namespace {

UniqueFd open_file(const char* path) {
  UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT)
    throw Failure(std::string(path) + " doesn't exist: the module is not loaded");
  if (!fd) throw failure_from_errno(std::string("cannot open ") + path, errno);
  return fd;
}

// Reads the file from its start to its end; `text` keeps its memory.
void read_whole(int fd, std::string& text) {
  size_t size = 0;
  for (ssize_t got = 1; got > 0; size += static_cast<size_t>(got)) {
    if (text.size() < size + 65536) text.resize(std::max<size_t>(2 * text.size(), 1 << 18));
    got = pread(fd, text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (got < 0) throw failure_from_errno("cannot read /proc/timeslice", errno);
  }
  text.resize(size);
}

class KmodSource : public Source {
 public:
  explicit KmodSource(const std::vector<uint32_t>& tgids)
      : Source("kmod", Mode::aggregate),
        tgids_(tgids),
        threads_fd_(open_file("/proc/timeslice/threads")),
        cores_fd_(open_file("/proc/timeslice/cores")) {}

  const Snapshot& read() override {
    const uint64_t begin_ns = monotonic_ns();
    read_whole(threads_fd_.get(), text_);
    parse_kmod_threads(text_, threads_);
    read_whole(cores_fd_.get(), text_);
    parse_kmod_cores(text_, cores_);
    snapshot_.header.version = TS_WIRE_VERSION;
    snapshot_.header.time_ns = threads_.time_ns;
    snapshot_.header.storage_failures = threads_.refused_limit + threads_.refused_memory;
    snapshot_.header.unseeded_switches = cores_.unseeded_switches;
    point_to_rows();
    snapshot_.cores = cores_.rows;
    snapshot_.header.read_ns = monotonic_ns() - begin_ns;
    snapshot_.header.self_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    return snapshot_;
  }

 private:
  [[nodiscard]] bool wanted(uint32_t tgid) const {
    return tgids_.empty() || std::find(tgids_.begin(), tgids_.end(), tgid) != tgids_.end();
  }

  void point_to_rows() {
    snapshot_.threads.clear();
    snapshot_.scheds.clear();
    snapshot_.news.clear();
    for (size_t i = 0; i < threads_.rows.size(); ++i) {
      if (!wanted(threads_.rows[i].tgid)) continue;
      snapshot_.news.push_back(static_cast<uint32_t>(snapshot_.threads.size()));
      snapshot_.threads.push_back(&threads_.rows[i]);
      const ts_sched_row& sched = threads_.scheds[i];
      snapshot_.scheds.push_back(sched.record.kind == TS_RECORD_SCHED ? &sched : nullptr);
    }
  }

  std::vector<uint32_t> tgids_;
  UniqueFd threads_fd_, cores_fd_;
  std::string text_;
  KmodThreads threads_;
  KmodCores cores_;
};

}  // namespace

std::unique_ptr<Source> open_kmod_source(const std::vector<uint32_t>& tgids) {
  return std::make_unique<KmodSource>(tgids);
}

}  // namespace timeslice::observe
