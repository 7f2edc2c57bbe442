// SPDX-License-Identifier: MIT
// Which files below a directory are served, and which never? Regular ones that the path reaches
// without leaving the directory, also not by a symbolic link: the kernel itself sees to that
// (openat2). Opening a file can block, so all this is done on a pool thread.
#pragma once
#include <string>

#include "base/unique_fd.h"
#include "demo/request_parser.h"
#include "demo/response.h"

namespace timeslice::demo {

class StaticFiles {
 public:
  // Throws Failure if `root` is no directory that can be opened.
  explicit StaticFiles(const std::string& root);

  // `path`: that of the request, below the root. A directory is answered with its index.html.
  // From any thread; may block.
  [[nodiscard]] Response find(const HttpRequest& request, std::string_view path) const;

 private:
  [[nodiscard]] UniqueFd open_beneath(const std::string& path) const;
  [[nodiscard]] UniqueFd open_step_by_step(const std::string& path) const;

  UniqueFd root_;
};

}  // namespace timeslice::demo
