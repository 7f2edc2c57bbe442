// SPDX-License-Identifier: MIT
#include "labs/live_threads.h"

#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "base/unique_fd.h"
#include "observe/proc_files.h"
#include "view/format/printable.h"

namespace timeslice::labs {

namespace {

std::optional<LiveThread> thread_in(const std::string& directory, uint32_t tid) {
  const UniqueFd files(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ts_thread_row row{};
  if (!files || !observe::read_stat(files.get(), row) || !observe::read_schedstat(files.get(), row))
    return std::nullopt;
  LiveThread thread{tid, "", static_cast<uint32_t>(row.cpu), row.cpu_ns, row.run_delay_ns};
  view::append_printable(thread.name, row.comm);
  return thread;
}

void add_descendants(pid_t pid, pid_t except, bool with_own, std::vector<LiveThread>& threads) {
  std::error_code error;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
    const std::string directory = task.path().string();
    const auto tid = static_cast<uint32_t>(std::atoi(task.path().filename().c_str()));
    if (with_own)
      if (const auto thread = thread_in(directory, tid)) threads.push_back(*thread);
    std::ifstream children(directory + "/children");
    for (pid_t child = 0; children >> child;)
      if (child != except) add_descendants(child, except, true, threads);
  }
}

}  // namespace

std::vector<LiveThread> live_threads(pid_t parent, pid_t except) {
  std::vector<LiveThread> threads;
  add_descendants(parent, except, false, threads);
  return threads;
}

}  // namespace timeslice::labs
