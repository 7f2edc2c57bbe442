// SPDX-License-Identifier: MIT
// How is a file opened that another process runs or has mapped, without doing that process's
// bidding? Its owner chooses every path, and what stands there: a FIFO that nobody writes to, a
// link to a device, a file under a lease. So the kernel is asked for the very file, by
// /proc/PID/exe and map_files, and nothing is opened to be read before it is known to be a regular
// file. Whatever else looks into a process's files goes through here.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "base/unique_fd.h"
#include "observe/process_maps.h"

namespace timeslice::observe {

// A rebuilt or rewritten file gets another one: its owner can't set the change time.
struct FileIdentity {
  uint64_t device = 0, inode = 0;
  int64_t size = 0;       // bytes
  int64_t changed_s = 0;  // st_ctim
  int64_t changed_ns = 0;

  bool operator<(const FileIdentity& other) const { return parts() < other.parts(); }
  [[nodiscard]] std::tuple<uint64_t, uint64_t, int64_t, int64_t, int64_t> parts() const {
    return {device, inode, size, changed_s, changed_ns};
  }
};

// A regular file that was found, but not opened yet.
struct ForeignFile {
  UniqueFd handle;  // O_PATH
  FileIdentity identity;
  std::string name;  // the last part of its path; " (deleted)" at its end if it has been unlinked
};

// Absent where the process is gone or may not be looked at, or where it isn't a regular file.
std::optional<ForeignFile> program_file(uint32_t tgid);

// The kernel hands out a mapped file to who has CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. For others
// it is looked for by its path in the process's own root, and absent if another file stands there
// by now.
std::optional<ForeignFile> mapped_file(uint32_t tgid, const Mapping& mapping);

// To be read by pread only: its owner may write to it and cut it short at any time. -1 in it: not
// allowed, or somebody holds a lease on it.
UniqueFd open_to_read(const ForeignFile& file);

}  // namespace timeslice::observe
