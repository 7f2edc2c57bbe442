// SPDX-License-Identifier: MIT
// How does the tool put a file into the world, often as root? It holds names and command lines of
// the whole machine, so it is its owner's alone. What stands in its place stays whole until the new
// file is good: it grows under a name of its own beside it, and takes the place by a rename, which
// follows no link.
#pragma once
#include <string>

#include "base/failure.h"
#include "base/unique_fd.h"

namespace timeslice {

// What becomes of a regular file that is there already?
enum class Earlier {
  refuse,       // it stays, and a Failure says so
  replace,      // --force
  keep_as_old,  // it becomes PATH.old
};

// The disk is full, the quota, or a file may not be that large: the same may go well later.
class NoRoom : public Failure {
 public:
  using Failure::Failure;
};

class NewFile {
 public:
  // Makes PATH.XXXXXX, of mode 0600. A character device is written as it is. Anything else that is
  // no regular file is refused unopened, so that no FIFO holds us up. Throws Failure: "cannot write
  // PATH: why".
  NewFile(std::string path, Earlier earlier);
  ~NewFile();  // what hasn't taken its place is removed
  NewFile(NewFile&& other) noexcept;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool is_device() const { return temporary_.empty(); }
  // All of `bytes`, at the current position. Throws Failure, NoRoom.
  void write(const std::string& bytes) const;
  // Throws Failure, also where another file has come to stand there and `earlier` is to refuse.
  void take_place();

 private:
  std::string path_, temporary_;
  Earlier earlier_;
  UniqueFd fd_;
  bool placed_ = false;
};

// A whole file at once. Throws Failure, NoRoom.
void write_private(const std::string& path, const std::string& bytes, Earlier earlier);

// Is anything there, be it a link that leads nowhere?
bool is_taken(const std::string& path);

}  // namespace timeslice
