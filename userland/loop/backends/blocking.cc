// SPDX-License-Identifier: MIT
#include "loop/backends/blocking.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <new>

namespace timeslice::loop {

namespace {

int or_errno(ssize_t result) { return result < 0 ? -errno : static_cast<int>(result); }

// A signal that arrives on the way is the loop's business, not the operation's.
template <typename Call>
int retried(Call call) {
  int result;
  do result = or_errno(call());
  while (result == -EINTR);
  return result;
}

int transfer(const Operation& op) {
  const auto* parts = static_cast<const iovec*>(op.data);
  const int count = static_cast<int>(op.size);
  const bool here = op.offset == kCurrentPosition;
  return retried([&]() -> ssize_t {
    switch (op.kind) {
      case Kind::read:
        return here ? ::read(op.fd, op.data, op.size) : ::pread(op.fd, op.data, op.size, op.offset);
      case Kind::write:
        return here ? ::write(op.fd, op.data, op.size)
                    : ::pwrite(op.fd, op.data, op.size, op.offset);
      case Kind::readv:
        return here ? ::readv(op.fd, parts, count) : ::preadv(op.fd, parts, count, op.offset);
      default:
        return here ? ::writev(op.fd, parts, count) : ::pwritev(op.fd, parts, count, op.offset);
    }
  });
}

int on_path(const Operation& op) {
  const char* path = static_cast<const char*>(op.data);
  return retried([&]() -> int {
    switch (op.kind) {
      case Kind::open:
        return ::openat(op.fd, path, op.flags, op.mode);
      case Kind::stat:
        return ::statx(op.fd, path, op.flags, STATX_BASIC_STATS | STATX_BTIME,
                       static_cast<struct statx*>(op.extra));
      case Kind::rename:
        return ::renameat(op.fd, path, AT_FDCWD, static_cast<const char*>(op.extra));
      case Kind::unlink:
        return ::unlinkat(op.fd, path, op.flags);
      default:
        return ::mkdirat(op.fd, path, op.mode);
    }
  });
}

// Whoever catches it on the loop's thread can say what it was for; here it would end the program.
int run_job(Request& request) {
  try {
    request.job();
    return 0;
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
}

}  // namespace

bool lingers(int fd) {
  linger how{};
  socklen_t size = sizeof how;
  return ::getsockopt(fd, SOL_SOCKET, SO_LINGER, &how, &size) == 0 && how.l_onoff != 0 &&
         how.l_linger > 0;
}

void close_at_once(int fd) {
  const linger never{};
  if (lingers(fd)) ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &never, sizeof never);
  ::close(fd);
}

int run_blocking(Request& request) {
  const Operation& op = request.op;
  switch (op.kind) {
    case Kind::nop:
      return 0;
    case Kind::read:
    case Kind::write:
    case Kind::readv:
    case Kind::writev:
      return transfer(op);
    case Kind::fsync:
      return retried([&] { return op.flags ? ::fdatasync(op.fd) : ::fsync(op.fd); });
    case Kind::open:
    case Kind::stat:
    case Kind::rename:
    case Kind::unlink:
    case Kind::mkdir:
      return on_path(op);
    case Kind::close:  // not retried: after EINTR the descriptor is gone, or another's
      return or_errno(::close(op.fd));
    case Kind::shutdown:
      return or_errno(::shutdown(op.fd, op.flags));
    case Kind::work:
      return run_job(request);
    default:
      return -ENOTSUP;
  }
}

}  // namespace timeslice::loop
