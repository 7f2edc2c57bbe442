// SPDX-License-Identifier: MIT
// What is in a directory? Reading one blocks, and it may hold millions of names: so it's read on a
// pool thread, a batch at a time, and no more than a batch is in memory.
//
//   Directory directory(loop, "/var/log");
//   directory.next_batch(request, entries, [&](Request& r) {
//     // > 0: so many entries; 0: that was all; -errno: -ENOENT, -ENOTDIR, -EACCES,
//     // -EINVAL for a path with a zero byte in it…
//   });
#pragma once
#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "loop/core/loop.h"

namespace timeslice::loop {

enum class FileType : std::uint8_t {
  unknown,
  regular,
  directory,
  symlink,
  fifo,
  socket,
  character_device,
  block_device,
};

const char* name_of(FileType type);

struct DirectoryEntry {
  std::string name;  // any bytes but '/' and zero; not always UTF-8
  // Some file systems don't tell without stat: unknown.
  FileType type = FileType::unknown;
  // Where asked for: of the entry itself, not of what a link points to. `stat_error` is 0 or
  // -errno, -ENOENT where it has been removed meanwhile.
  struct stat status {};
  int stat_error = 0;
};

struct DirectoryOptions {
  std::size_t batch_size = 256;  // entries, at least 1
  bool with_stat = false;
};

class Directory {
 public:
  Directory(Loop& loop, std::string path, const DirectoryOptions& options = {});

  // `entries` belongs to the request until `done`, which finds it filled with the next ones, in no
  // order, without "." and "..". The result is their number, 0 at the end, or -errno; -ECANCELED
  // means that none were taken. The first batch opens the directory; after an error in that the
  // next one tries again. One at a time. The Directory may go meanwhile.
  //
  // What is created or removed while it's read may be seen or not; all else is seen once.
  void next_batch(Request& request, std::vector<DirectoryEntry>& entries, Done done);

 private:
  struct Reader;
  Loop& loop_;
  std::shared_ptr<Reader> reader_;
};

}  // namespace timeslice::loop
