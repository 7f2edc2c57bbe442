// SPDX-License-Identifier: MIT
#include "observe/targets.h"

#include <mntent.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

#include "base/bad_usage.h"

namespace timeslice::observe {

namespace {

constexpr long kCgroup2Magic = 0x63677270;  // CGROUP2_SUPER_MAGIC, linux/magic.h

std::optional<uint32_t> tgid_of(uint32_t id) {
  std::ifstream status("/proc/" + std::to_string(id) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("Tgid:", 0) == 0) return static_cast<uint32_t>(std::stoul(line.substr(5)));
  return std::nullopt;
}

uint32_t parse_tgid(const std::string& text) {
  uint32_t id = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, id);
  if (parsed.ec != std::errc{} || parsed.ptr != end || id == 0)
    throw BadUsage("'" + text + "' is no process id");
  const auto tgid = tgid_of(id);
  if (!tgid) throw Failure("there is no process " + text);
  if (*tgid != id)
    throw Failure(text + " is a thread of process " + std::to_string(*tgid) + "; use -p " +
                  std::to_string(*tgid));
  return id;
}

std::string cgroup2_mount() {
  const std::unique_ptr<FILE, int (*)(FILE*)> mounts(setmntent("/proc/self/mounts", "r"),
                                                     endmntent);
  while (const mntent* entry = mounts ? getmntent(mounts.get()) : nullptr)
    if (std::string(entry->mnt_type) == "cgroup2") return entry->mnt_dir;
  throw Failure("no cgroup2 hierarchy is mounted, so there are no cgroups to choose by");
}

bool is_cgroup(const std::string& directory) {
  struct statfs fs {};
  std::error_code error;  // the files in it are of the same file system
  return statfs(directory.c_str(), &fs) == 0 && fs.f_type == kCgroup2Magic &&
         std::filesystem::is_directory(directory, error);
}

}  // namespace

std::vector<uint32_t> parse_tgids(const std::vector<std::string>& lists) {
  std::vector<uint32_t> tgids;
  for (const std::string& list : lists) {
    std::istringstream parts(list);
    for (std::string part; std::getline(parts, part, ',');) tgids.push_back(parse_tgid(part));
  }
  return tgids;
}

bool process_exists(uint32_t tgid) { return tgid_of(tgid).has_value(); }

CgroupTree::CgroupTree(const std::string& path) : directory_(path) {
  if (!is_cgroup(directory_)) directory_ = cgroup2_mount() + "/" + path;
  if (!is_cgroup(directory_)) throw Failure("there is no cgroup '" + path + "'");
  refresh();
}

void CgroupTree::refresh() {
  ids_.clear();
  struct stat status {};
  if (stat(directory_.c_str(), &status) == 0) ids_.insert(status.st_ino);
  std::error_code error;  // cgroups that vanish under the walk are no failure
  for (auto at = std::filesystem::recursive_directory_iterator(directory_, error);
       at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    if (error) break;
    if (at->is_directory(error) && stat(at->path().c_str(), &status) == 0)
      ids_.insert(status.st_ino);
  }
}

}  // namespace timeslice::observe
