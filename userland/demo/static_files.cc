// SPDX-License-Identifier: MIT
#include "demo/static_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/failure.h"
#include "demo/file_response.h"
#include "demo/url_path.h"

namespace timeslice::demo {

namespace {

// Not to wait for a FIFO's other end, and not to get a terminal.
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr int kTries = 8;

struct Type {
  std::string_view ending, type;
};
constexpr Type kTypes[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
    {".md", "text/markdown; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".gif", "image/gif"},
    {".ico", "image/x-icon"},
    {".wasm", "application/wasm"},
    {".pdf", "application/pdf"},
};

std::string_view type_of(std::string_view path) {
  for (const Type& known : kTypes)
    if (path.ends_with(known.ending)) return known.type;
  return "application/octet-stream";
}

// Changes with every write: nanoseconds of the modification, and the size.
Version version_of(const struct stat& info) {
  std::array<char, 64> tag{};
  std::snprintf(tag.data(), tag.size(), "\"%llx.%lx-%llx\"",
                static_cast<unsigned long long>(info.st_mtim.tv_sec),
                static_cast<unsigned long>(info.st_mtim.tv_nsec),
                static_cast<unsigned long long>(info.st_size));
  return {.etag = tag.data(), .modified = info.st_mtim.tv_sec};
}

// Whatever the reason is why a file can't be had, the client learns only that it can't: but not
// that there isn't one if it's we who have no descriptor left.
Response no_file(int error) {
  const bool our_fault = error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO;
  return our_fault ? error_response(503, "The file can't be opened at the moment.")
                   : error_response(404, "There is no such file.");
}

}  // namespace

StaticFiles::StaticFiles(const std::string& root)
    : root_(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
  if (!root_)
    throw failure_from_errno("cannot serve files below " + root + " (--root must be a directory)",
                             errno);
}

Response StaticFiles::find(const HttpRequest& request, std::string_view path) const {
  const auto relative = relative_path(path);
  if (const int* status = std::get_if<int>(&relative))
    return *status == 404 ? no_file(ENOENT) : error_response(*status, "This is no path of a file.");
  const bool directory = path.empty() || path.ends_with('/');
  const std::string name = std::get<std::string>(relative) + (directory ? "/index.html" : "");
  UniqueFd file = open_beneath(name);
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) return no_file(errno);
  if (S_ISDIR(info.st_mode) && !directory) {  // its relative links would go astray
    Response elsewhere = error_response(301, "This is a directory.");
    const std::string query = request.query.empty() ? "" : '?' + request.query;
    elsewhere.headers = "Location: " + request.path + '/' + query + "\r\n";
    return elsewhere;
  }
  if (!S_ISREG(info.st_mode)) return no_file(ENOENT);
  ::fcntl(file.get(), F_SETFL, 0);  // reads may wait for the disk
  const auto size = static_cast<std::uint64_t>(info.st_size);
  return file_response(request,
                       {.file = std::make_shared<const UniqueFd>(std::move(file)), .size = size},
                       version_of(info), type_of(name));
}

UniqueFd StaticFiles::open_beneath(const std::string& path) const {
  open_how how{};
  how.flags = kOpenFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int i = 0; i < kTries; ++i) {
    const long fd = ::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    // Somewhere a directory was renamed meanwhile, and a ".." in a link may have gone astray.
    if (errno != EAGAIN && errno != EINTR) break;
  }
  if (errno == ENOSYS || errno == EPERM) return open_step_by_step(path);
  return {};
}

// Where a container's filter doesn't know openat2: one name at a time, and no link is followed.
UniqueFd StaticFiles::open_step_by_step(const std::string& path) const {
  UniqueFd at(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
  std::string_view rest = path;
  while (at && !rest.empty()) {
    const std::string name(rest.substr(0, rest.find('/')));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    const int flags = rest.empty() ? kOpenFlags : O_PATH | O_DIRECTORY | O_CLOEXEC;
    at = UniqueFd(::openat(at.get(), name.c_str(), flags | O_NOFOLLOW));
  }
  return at;
}

}  // namespace timeslice::demo
