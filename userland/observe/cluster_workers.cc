// SPDX-License-Identifier: MIT
#include "observe/cluster_workers.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "observe/proc_files.h"
#include "observe/whole_file.h"

namespace timeslice::observe {

namespace {

constexpr std::string_view kMark = "NODE_UNIQUE_ID=";  // node:cluster's; nobody else sets it

std::string text_of(const std::string& path) {
  std::string text;
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || read_whole(fd.get(), text) != 0) text.clear();
  return text;
}

}  // namespace

// The first thread's; another's have been started by a worker thread, which has no cluster.
std::vector<uint32_t> children(uint32_t tgid) {
  const std::string id = std::to_string(tgid);
  std::istringstream numbers(text_of("/proc/" + id + "/task/" + id + "/children"));
  std::vector<uint32_t> tgids;
  for (uint32_t child = 0; numbers >> child;) tgids.push_back(child);
  return tgids;
}

// As it was started: what the program has changed of it since isn't there.
bool is_cluster_worker(uint32_t tgid) {
  const std::string environment = text_of("/proc/" + std::to_string(tgid) + "/environ");
  return environment.rfind(kMark, 0) == 0 ||
         environment.find(std::string(1, '\0') + std::string(kMark)) != std::string::npos;
}

std::vector<uint32_t> cluster_workers(uint32_t primary) {
  std::vector<uint32_t> workers = children(primary);
  std::erase_if(workers, [](uint32_t tgid) { return !is_cluster_worker(tgid); });
  return workers;
}

std::vector<uint32_t> cluster_around(uint32_t worker) {
  const UniqueFd process(open(("/proc/" + std::to_string(worker)).c_str(), O_PATH | O_CLOEXEC));
  ts_thread_row row{};
  if (!process || !is_cluster_worker(worker) || !read_stat(process.get(), row)) return {};
  return cluster_workers(row.ppid);
}

}  // namespace timeslice::observe
