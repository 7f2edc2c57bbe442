// SPDX-License-Identifier: MIT
#include "observe/targets.h"

#include <mntent.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

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

// What stands after this key in /proc/ID/status; empty: there is none.
std::string status_of(uint32_t id, const std::string& key) {
  std::ifstream status("/proc/" + std::to_string(id) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(key + ":\t", 0) == 0) return line.substr(key.size() + 2);
  return "";
}

std::optional<uint32_t> tgid_of(uint32_t id) {
  const std::string text = status_of(id, "Tgid");
  if (text.empty()) return std::nullopt;
  return static_cast<uint32_t>(std::stoul(text));
}

uint32_t parse_id(const std::string& text) {
  uint32_t id = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, id);
  if (parsed.ec != std::errc{} || parsed.ptr != end || id == 0)
    throw BadUsage("'" + text + "' is not a process id");
  return id;
}

std::string cgroup2_mount() {
  const std::unique_ptr<FILE, int (*)(FILE*)> mounts(setmntent("/proc/self/mounts", "r"),
                                                     endmntent);
  while (const mntent* entry = mounts ? getmntent(mounts.get()) : nullptr)
    if (std::string(entry->mnt_type) == "cgroup2") return entry->mnt_dir;
  throw Failure("no cgroup2 hierarchy is mounted, which --cgroup needs");
}

bool is_cgroup(const std::string& directory) {
  struct statfs fs {};
  std::error_code error;  // the files in it are of the same file system
  return statfs(directory.c_str(), &fs) == 0 && fs.f_type == kCgroup2Magic &&
         std::filesystem::is_directory(directory, error);
}

}  // namespace

// It has no link for who isn't in the namespace that it was mounted for.
bool is_foreign_proc() {
  std::error_code error;
  const std::string self = std::filesystem::read_symlink("/proc/self", error);
  if (error) return access("/proc/stat", F_OK) == 0;
  return self != std::to_string(getpid());
}

void refuse_foreign_proc() {
  if (is_foreign_proc())
    throw Failure(
        "/proc belongs to another PID namespace, whose process ids differ from those here; mount "
        "this one's: mount -t proc proc /proc");
}

NamedProcesses parse_tgids(const std::vector<std::string>& lists) {
  if (!lists.empty()) refuse_foreign_proc();
  NamedProcesses named;
  for (const std::string& list : lists) {
    std::istringstream parts(list);
    for (std::string part; std::getline(parts, part, ',');) {
      const uint32_t id = parse_id(part);
      const auto tgid = tgid_of(id);
      if (tgid && *tgid != id)
        throw Failure(part + " is a thread of process " + std::to_string(*tgid) + "; use -p " +
                      std::to_string(*tgid));
      (tgid ? named.tgids : named.gone).push_back(id);
    }
  }
  if (named.tgids.empty() && !named.gone.empty())
    throw Failure("there is no process " + std::to_string(named.gone.front()) +
                  (named.gone.size() > 1 ? ", nor any of the others" : ""));
  return named;
}

// A first thread that ended before the others is a zombie as well, but isn't the only one.
bool process_exists(uint32_t tgid) {
  const std::string state = status_of(tgid, "State");
  if (state.empty()) return false;
  return (state[0] != 'Z' && state[0] != 'X') || status_of(tgid, "Threads") != "1";
}

CgroupTree::CgroupTree(const std::string& path) : directory_(path) {
  if (!is_cgroup(directory_)) directory_ = cgroup2_mount() + "/" + path;
  if (!is_cgroup(directory_)) throw Failure("there is no cgroup '" + path + "'");
  refresh();
}

void CgroupTree::refresh() {
  ids_.clear();
  struct stat status {};
  if (stat(directory_.c_str(), &status) == 0) ids_.insert(status.st_ino);
  std::error_code error;  // cgroups that vanish during the walk are not an error
  for (auto at = std::filesystem::recursive_directory_iterator(directory_, error);
       at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    if (error) break;
    if (at->is_directory(error) && stat(at->path().c_str(), &status) == 0)
      ids_.insert(status.st_ino);
  }
}

}  // namespace timeslice::observe
