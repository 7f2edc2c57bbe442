// SPDX-License-Identifier: MIT
// The proc rung: the same rows as far as /proc gives them, for a user without privileges. Four
// files a thread make it some hundred times dearer than the count rung.
#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <cstdlib>

#include "base/clock.h"
#include "base/failure.h"
#include "base/unique_fd.h"
#include "observe/core_idle.h"
#include "observe/proc_files.h"
#include "observe/source.h"

namespace timeslice::observe {

namespace {

struct DirCloser {
  void operator()(DIR* dir) const { closedir(dir); }
};

// The entries of a directory that are numbers. A directory that is gone has none.
std::vector<uint32_t> numbers_in(const std::string& path) {
  std::vector<uint32_t> numbers;
  const std::unique_ptr<DIR, DirCloser> dir(opendir(path.c_str()));
  if (!dir) return numbers;
  while (const dirent* entry = readdir(dir.get())) {
    const long number = strtol(entry->d_name, nullptr, 10);
    if (number > 0) numbers.push_back(static_cast<uint32_t>(number));
  }
  return numbers;
}

class ProcSource : public Source {
 public:
  explicit ProcSource(const std::vector<uint32_t>& tgids) : tgids_(tgids) {
    if (numbers_in("/proc").empty()) throw Failure("no processes in /proc; mount it");
  }

  const Snapshot& read() override {
    snapshot_.header.version = TS_WIRE_VERSION;
    snapshot_.header.time_ns = monotonic_ns();
    rows_.clear();
    for (const uint32_t tgid : tgids_.empty() ? numbers_in("/proc") : tgids_) read_process(tgid);
    snapshot_.threads.clear();
    snapshot_.news.clear();
    for (const ts_thread_row& row : rows_) {
      snapshot_.news.push_back(static_cast<uint32_t>(snapshot_.threads.size()));
      snapshot_.threads.push_back(&row);
    }
    snapshot_.cores.clear();
    idle_.add_to(snapshot_.cores);
    snapshot_.header.read_ns = monotonic_ns() - snapshot_.header.time_ns;
    snapshot_.header.self_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    return snapshot_;
  }
  [[nodiscard]] const char* name() const override { return "proc"; }
  [[nodiscard]] const char* rung() const override { return "proc"; }

 private:
  void read_process(uint32_t tgid) {
    const std::string tasks = "/proc/" + std::to_string(tgid) + "/task";
    for (const uint32_t tid : numbers_in(tasks)) {
      const UniqueFd dir(
          open((tasks + "/" + std::to_string(tid)).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      ts_thread_row row{};
      row.record = {TS_RECORD_THREAD, sizeof(row), 0};
      row.tgid = tgid;
      row.tid = tid;
      if (!dir || !read_stat(dir.get(), row)) continue;  // it ended meanwhile
      read_status(dir.get(), row);
      read_schedstat(dir.get(), row);
      read_syscall(dir.get(), row);
      rows_.push_back(row);
    }
  }

  std::vector<uint32_t> tgids_;
  CoreIdle idle_;
  std::vector<ts_thread_row> rows_;
  Snapshot snapshot_;
};

}  // namespace

std::unique_ptr<Source> open_proc_source(const std::vector<uint32_t>& tgids) {
  return std::make_unique<ProcSource>(tgids);
}

}  // namespace timeslice::observe
