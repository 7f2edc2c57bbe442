// SPDX-License-Identifier: MIT
#include "observe/foreign_file.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace timeslice::observe {

namespace {

std::string of_process(uint32_t tgid, const char* name) {
  return "/proc/" + std::to_string(tgid) + "/" + name;
}

std::string link_to(const UniqueFd& handle) {
  return "/proc/self/fd/" + std::to_string(handle.get());
}

// As the kernel names the file that the handle holds, whatever stands at that path by now.
std::string name_of(const UniqueFd& handle) {
  char target[PATH_MAX];
  const ssize_t length = readlink(link_to(handle).c_str(), target, sizeof(target));
  const std::string path(target, length > 0 ? static_cast<size_t>(length) : 0);
  return path.substr(path.rfind('/') + 1);
}

// O_PATH finds a file without opening it, so a FIFO isn't waited for and a device isn't touched.
UniqueFd find(const std::string& magic_link) {
  return UniqueFd(open(magic_link.c_str(), O_PATH | O_CLOEXEC));
}

std::optional<ForeignFile> regular_file(UniqueFd handle) {
  struct stat status {};
  if (!handle || fstat(handle.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const FileIdentity identity{status.st_dev, status.st_ino, status.st_size, status.st_ctim.tv_sec,
                              status.st_ctim.tv_nsec};
  std::string name = name_of(handle);
  return ForeignFile{std::move(handle), identity, std::move(name)};
}

// Links on the way end inside the process's root, and none of them leads to somebody's descriptors.
UniqueFd find_in_root(uint32_t tgid, const std::string& path) {
  const UniqueFd root(open(of_process(tgid, "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(
      root ? static_cast<int>(syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof(how)))
           : -1);
}

}  // namespace

std::optional<ForeignFile> program_file(uint32_t tgid) {
  return regular_file(find(of_process(tgid, "exe")));
}

std::optional<ForeignFile> mapped_file(uint32_t tgid, const Mapping& mapping) {
  char range[2 * 16 + 2];
  snprintf(range, sizeof(range), "%llx-%llx", static_cast<unsigned long long>(mapping.start),
           static_cast<unsigned long long>(mapping.end));
  if (UniqueFd handle = find(of_process(tgid, "map_files/") + range); handle)
    return regular_file(std::move(handle));
  auto file = regular_file(find_in_root(tgid, mapping.path));
  // Device numbers aren't compared: Btrfs and overlayfs tell stat() others than they show in maps.
  if (file && file->identity.inode != mapping.inode) file.reset();
  return file;
}

UniqueFd open_to_read(const ForeignFile& file) {
  // O_NONBLOCK also keeps from waiting until a lease is given up.
  return UniqueFd(open(link_to(file.handle).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

}  // namespace timeslice::observe
