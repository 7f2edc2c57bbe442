// SPDX-License-Identifier: MIT
#include "observe/cpu_limits.h"

#include <fcntl.h>
#include <mntent.h>
#include <sched.h>

#include <cstdio>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "observe/whole_file.h"

namespace timeslice::observe {

namespace {

constexpr size_t kMostCpus = 8192;
constexpr int kMostLevels = 64;

std::string text_of(const std::string& path) {
  std::string text;
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || read_whole(fd.get(), text) != 0) text.clear();
  return text;
}

bool lists(const std::string& commas, const std::string& wanted) {
  std::istringstream words(commas);
  for (std::string word; std::getline(words, word, ',');)
    if (word == wanted) return true;
  return false;
}

// Where the CPU controller is mounted: in the unified hierarchy, or in one of its own.
struct Hierarchy {
  std::string mount;
  bool unified = false;
};

std::vector<Hierarchy> hierarchies() {
  std::vector<Hierarchy> found;
  const std::unique_ptr<FILE, int (*)(FILE*)> mounts(setmntent("/proc/self/mounts", "re"),
                                                     endmntent);
  if (!mounts) return found;
  while (const mntent* entry = getmntent(mounts.get())) {
    const std::string type = entry->mnt_type;
    if (type == "cgroup2") found.push_back({entry->mnt_dir, true});
    if (type == "cgroup" && lists(entry->mnt_opts, "cpu")) found.push_back({entry->mnt_dir, false});
  }
  return found;
}

// A line of /proc/PID/cgroup: number, controllers, path. The unified hierarchy has neither number
// nor controllers.
std::optional<std::string> path_in(const Hierarchy& hierarchy, const std::string& cgroups) {
  std::istringstream lines(cgroups);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (hierarchy.unified ? controllers.empty() : lists(controllers, "cpu"))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

std::optional<double> quota_of(const std::string& directory, bool unified) {
  double quota = -1, period = 0;
  if (unified) {
    if (std::istringstream(text_of(directory + "/cpu.max")) >> quota >> period && period > 0)
      return quota / period;
    return std::nullopt;  // "max"
  }
  std::istringstream(text_of(directory + "/cpu.cfs_quota_us")) >> quota;
  std::istringstream(text_of(directory + "/cpu.cfs_period_us")) >> period;
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

void read_periods(const std::string& directory, CpuLimitsNow& limits) {
  limits.periods = limits.throttled_periods = 0;
  std::istringstream words(text_of(directory + "/cpu.stat"));
  std::string name;
  for (uint64_t value = 0; words >> name >> value;) {
    if (name == "nr_periods") limits.periods = value;
    if (name == "nr_throttled") limits.throttled_periods = value;
  }
}

void add_limits(const Hierarchy& hierarchy, std::string path, CpuLimitsNow& limits) {
  for (int level = 0; level < kMostLevels; ++level) {
    const std::string directory = hierarchy.mount + path;
    const auto quota = quota_of(directory, hierarchy.unified);
    if (quota && (!limits.quota || *quota < *limits.quota)) {
      limits.quota = quota;
      read_periods(directory, limits);
    }
    if (path.find_first_not_of('/') == std::string::npos) return;
    path.resize(path.rfind('/'));
  }
}

uint32_t allowed_cpus(uint32_t tgid) {
  const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(
      CPU_ALLOC(kMostCpus), [](cpu_set_t* allocated) { CPU_FREE(allocated); });
  const size_t size = CPU_ALLOC_SIZE(kMostCpus);
  if (!set || sched_getaffinity(static_cast<pid_t>(tgid), size, set.get()) != 0) return 0;
  return static_cast<uint32_t>(CPU_COUNT_S(size, set.get()));
}

}  // namespace

CpuLimitsNow cpu_limits(uint32_t tgid) {
  CpuLimitsNow limits;
  limits.cpus = allowed_cpus(tgid);
  const std::string cgroups = text_of("/proc/" + std::to_string(tgid) + "/cgroup");
  for (const Hierarchy& hierarchy : hierarchies())
    if (const auto path = path_in(hierarchy, cgroups)) add_limits(hierarchy, *path, limits);
  return limits;
}

}  // namespace timeslice::observe
