// SPDX-License-Identifier: MIT
#include "labs/parts/live_threads.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <optional>

namespace timeslice::labs {

namespace {

constexpr int kProcessorField = 39;  // of stat, counted from 1 (proc(5))

// "PID (NAME) STATE …": a name may contain anything.
bool read_stat(const std::string& directory, LiveThread& thread) {
  std::ifstream file(directory + "/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const size_t open = line.find('('), close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return false;
  thread.name = line.substr(open + 1, close - open - 1);
  std::replace_if(
      thread.name.begin(), thread.name.end(),
      [](char byte) { return std::isprint(static_cast<unsigned char>(byte)) == 0; }, '?');
  size_t at = close + 2;
  for (int field = 3; field < kProcessorField && at < line.size(); ++field)
    at = line.find(' ', at) + 1;
  thread.cpu = static_cast<uint32_t>(std::atoi(&line[std::min(at, line.size() - 1)]));
  return true;
}

std::optional<LiveThread> thread_in(const std::string& directory, uint32_t tid) {
  LiveThread thread;
  thread.tid = tid;
  std::ifstream times(directory + "/schedstat");
  if (!(times >> thread.ran_ns >> thread.waited_ns) || !read_stat(directory, thread))
    return std::nullopt;
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
