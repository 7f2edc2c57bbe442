// SPDX-License-Identifier: MIT
#include "base/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace timeslice {

namespace {

std::string old_of(const std::string& path) { return path + ".old"; }

std::string cannot(const std::string& path) { return "cannot write " + path; }

[[noreturn]] void fail(const std::string& path, int error) {
  const Failure failure = failure_from_errno(cannot(path), error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) throw NoRoom(failure.what());
  throw failure;
}

[[noreturn]] void refuse_taken(const std::string& path) {
  throw Failure(cannot(path) + ": it exists; use --force to replace it");
}

// What stands at `path`, itself: 0 where there is nothing.
mode_t kind_at(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & S_IFMT : 0;
}

}  // namespace

bool is_taken(const std::string& path) { return kind_at(path) != 0; }

namespace {

void refuse_odd(const std::string& path, mode_t kind) {
  if (kind == S_IFLNK)
    throw Failure(cannot(path) + ": it is a symbolic link; name its target instead");
  if (kind != 0 && kind != S_IFREG && kind != S_IFCHR)
    throw Failure(cannot(path) + ": it is not a regular file");
}

// Looked at again once it is open: another may stand there by then.
UniqueFd open_device(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd) fail(path, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISCHR(status.st_mode) ||
      ::lseek(fd.get(), 0, SEEK_CUR) < 0)
    throw Failure(cannot(path) + ": it is not a regular file");
  return fd;
}

// Renames unless something is there: 0 or an errno.
int rename_to_free(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // Some file systems can't be asked for that, but make no link over what is there; some have no
  // links either.
  if (::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return 0;
  }
  if (errno == EEXIST || is_taken(to)) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

}  // namespace

NewFile::NewFile(std::string path, Earlier earlier) : path_(std::move(path)), earlier_(earlier) {
  const mode_t kind = kind_at(path_);
  refuse_odd(path_, kind);
  if (kind == S_IFCHR) {
    fd_ = open_device(path_);
    return;
  }
  if (kind != 0 && earlier_ == Earlier::refuse) refuse_taken(path_);
  if (kind != 0 && earlier_ == Earlier::keep_as_old)
    refuse_odd(old_of(path_), kind_at(old_of(path_)));
  std::string name = path_ + ".XXXXXX";
  fd_ = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd_) fail(path_, errno);
  temporary_ = std::move(name);
}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      earlier_(other.earlier_),
      fd_(std::move(other.fd_)),
      placed_(std::exchange(other.placed_, true)) {}

NewFile::~NewFile() {
  if (!placed_ && !is_device()) ::unlink(temporary_.c_str());
}

void NewFile::write(const std::string& bytes) const {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::write(fd_.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail(path_, got < 0 ? errno : ENOSPC);
    done += static_cast<size_t>(got);
  }
}

void NewFile::take_place() {
  if (is_device() || placed_) return;
  refuse_odd(path_, kind_at(path_));
  if (earlier_ == Earlier::keep_as_old && is_taken(path_)) {
    const std::string old = old_of(path_);
    refuse_odd(old, kind_at(old));
    if (::rename(path_.c_str(), old.c_str()) != 0 && errno != ENOENT)
      throw failure_from_errno("cannot keep " + path_ + " as " + old, errno);
  }
  int error = 0;
  if (earlier_ == Earlier::replace)
    error = ::rename(temporary_.c_str(), path_.c_str()) == 0 ? 0 : errno;
  else
    error = rename_to_free(temporary_, path_);
  if (error == EEXIST) refuse_taken(path_);
  if (error != 0) fail(path_, error);
  placed_ = true;
}

void write_private(const std::string& path, const std::string& bytes, Earlier earlier) {
  NewFile file(path, earlier);
  file.write(bytes);
  file.take_place();
}

}  // namespace timeslice
