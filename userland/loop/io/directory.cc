// SPDX-License-Identifier: MIT
#include "loop/io/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <cstring>

namespace timeslice::loop {

namespace {

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

bool is_dots(const char* name) {
  return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

FileType type_of(unsigned char d_type) {
  switch (d_type) {
    case DT_REG:
      return FileType::regular;
    case DT_DIR:
      return FileType::directory;
    case DT_LNK:
      return FileType::symlink;
    case DT_FIFO:
      return FileType::fifo;
    case DT_SOCK:
      return FileType::socket;
    case DT_CHR:
      return FileType::character_device;
    case DT_BLK:
      return FileType::block_device;
    default:
      return FileType::unknown;
  }
}

}  // namespace

const char* name_of(FileType type) {
  constexpr const char* kNames[] = {"unknown", "regular", "directory",        "symlink",
                                    "fifo",    "socket",  "character_device", "block_device"};
  return kNames[static_cast<std::size_t>(type)];
}

// Used by one thread at a time: a pool thread while a batch is under way, the loop's otherwise.
struct Directory::Reader {
  int open() {
    if (path.find('\0') != std::string::npos) return -EINVAL;  // C would cut it short
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    stream.reset(::fdopendir(fd));
    if (stream) return 0;
    const int error = errno;
    ::close(fd);
    return -error;
  }

  int read_batch() {
    batch.clear();
    if (!stream)
      if (const int error = open(); error < 0) return error;
    while (batch.size() < options.batch_size) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (!entry && errno != 0 && batch.empty()) return -errno;
      if (!entry) break;  // an error is told by the next call, after what was read before it
      if (!is_dots(entry->d_name)) add(*entry);
    }
    return static_cast<int>(batch.size());
  }

  void add(const dirent& entry) {
    DirectoryEntry& added = batch.emplace_back();
    added.name = entry.d_name;
    added.type = type_of(entry.d_type);
    if (!options.with_stat) return;
    if (::fstatat(::dirfd(stream.get()), entry.d_name, &added.status, AT_SYMLINK_NOFOLLOW) != 0)
      added.stat_error = -errno;
    else
      added.type = type_of(static_cast<unsigned char>(IFTODT(added.status.st_mode)));
  }

  std::string path;
  DirectoryOptions options;
  std::unique_ptr<DIR, CloseDirectory> stream;
  std::vector<DirectoryEntry> batch;
  int result = 0;
  bool busy = false;
};

Directory::Directory(Loop& loop, std::string path, const DirectoryOptions& options)
    : loop_(loop), reader_(std::make_shared<Reader>()) {
  reader_->path = std::move(path);
  reader_->options = options;
  reader_->options.batch_size = std::clamp<std::size_t>(options.batch_size, 1, INT_MAX);
}

void Directory::next_batch(Request& request, std::vector<DirectoryEntry>& entries, Done done) {
  const std::shared_ptr<Reader> reader = reader_;
  assert(!reader->busy && "one batch at a time");
  reader->busy = true;
  loop_.work(
      request, [reader] { reader->result = reader->read_batch(); },
      [reader, &entries, done = std::move(done)](Request& finished) {
        reader->busy = false;
        if (finished.result() == 0) {
          finished.op.result = reader->result;
          entries.swap(reader->batch);
        }
        if (done) done(finished);
      });
}

}  // namespace timeslice::loop
