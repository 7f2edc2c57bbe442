// SPDX-License-Identifier: MIT
// Proc mode: the same rows as far as /proc has them, for a user without privileges. Four
// files per thread make it about a hundred times more expensive than count mode.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "base/failure.h"
#include "base/unique_fd.h"
#include "observe/core_idle.h"
#include "observe/numbers_in.h"
#include "observe/proc_files.h"
#include "observe/source.h"

namespace timeslice::observe {

namespace {

class ProcSource : public Source {
 public:
  explicit ProcSource(const std::vector<uint32_t>& tgids)
      : Source("proc", Mode::proc), tgids_(tgids) {
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

 private:
  void read_process(uint32_t tgid) {
    const std::string process = "/proc/" + std::to_string(tgid);
    const size_t first = rows_.size();
    uint64_t process_cpu_ns = 0;
    for (const uint32_t tid : numbers_in(process + "/task")) {
      const std::string task = process + "/task/" + std::to_string(tid);
      // The process's own files are its first thread's, but for the CPU time, which is that of all.
      const bool leads = tid == tgid;
      const UniqueFd dir = open_dir(leads ? process : task);
      ts_thread_row row{};
      row.record = {TS_RECORD_THREAD, sizeof(row), 0};
      row.tgid = tgid;
      row.tid = tid;
      if (!dir || !read_stat(dir.get(), row)) continue;  // it ended meanwhile
      read_status(dir.get(), row);
      if (leads) process_cpu_ns = row.cpu_ns;
      if (!read_schedstat(dir.get(), row) && leads) read_stat(open_dir(task).get(), row);
      read_syscall(dir.get(), row);
      rows_.push_back(row);
    }
    tell_of_ended(first, process_cpu_ns);
  }

  // Threads that have ended did what the process did and none of its threads. The process's time is
  // cut to whole ticks, and was read first: so this is never too much, where the threads' times are
  // exact. Cut to ticks each, they would leave up to one a thread.
  void tell_of_ended(size_t first, uint64_t process_cpu_ns) {
    uint64_t living_cpu_ns = 0;
    for (size_t i = first; i < rows_.size(); ++i) {
      if (!(rows_[i].record.have & TS_HAVE_WAIT)) return;
      living_cpu_ns += rows_[i].cpu_ns;
    }
    if (first == rows_.size() || rows_[first].tid != rows_[first].tgid) return;
    ts_thread_row& leader = rows_[first];
    leader.ended_cpu_ns = process_cpu_ns - std::min(process_cpu_ns, living_cpu_ns);
    leader.record.have |= TS_HAVE_ENDED_CPU;
  }

  static UniqueFd open_dir(const std::string& path) {
    return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  std::vector<uint32_t> tgids_;
  CoreIdle idle_;
  std::vector<ts_thread_row> rows_;
};

}  // namespace

std::unique_ptr<Source> open_proc_source(const std::vector<uint32_t>& tgids) {
  return std::make_unique<ProcSource>(tgids);
}

}  // namespace timeslice::observe
