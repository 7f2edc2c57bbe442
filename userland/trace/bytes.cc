// SPDX-License-Identifier: MIT
// Where do a recording's bytes come from? From a file by pread, so that one that is cut short
// meanwhile can't kill its reader, or from memory, for tests.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "base/write_hold.h"
#include "trace/reader.h"

namespace timeslice::trace {

namespace {

class File : public Bytes {
 public:
  explicit File(const std::string& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!fd_) throw failure_from_errno("cannot open " + path, errno);
    struct stat status {};
    if (fstat(fd_.get(), &status) == 0 && !S_ISREG(status.st_mode))
      throw Failure(path + " is not a regular file, and a recording is read twice");
    // Before its first byte is read: a recorder that ends meanwhile hasn't been killed.
    being_written_ = is_held_for_writing(fd_.get());
  }

  [[nodiscard]] bool being_written() const override { return being_written_; }

  size_t read(uint64_t offset, char* to, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const ssize_t got =
          pread(fd_.get(), to + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw failure_from_errno("cannot read " + path_, errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

 private:
  std::string path_;
  UniqueFd fd_;
  bool being_written_ = false;
};

class Memory : public Bytes {
 public:
  explicit Memory(std::string_view bytes) : bytes_(bytes) {}
  size_t read(uint64_t offset, char* to, size_t size) override {
    if (offset >= bytes_.size()) return 0;
    const size_t done = std::min<size_t>(size, bytes_.size() - offset);
    std::memcpy(to, bytes_.data() + offset, done);
    return done;
  }

 private:
  std::string_view bytes_;
};

}  // namespace

std::unique_ptr<Bytes> open_file(const std::string& path) { return std::make_unique<File>(path); }
std::unique_ptr<Bytes> in_memory(std::string_view bytes) { return std::make_unique<Memory>(bytes); }

}  // namespace timeslice::trace
