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

// At a place of a file, or where it stands.
int read_file(const Operation& op) {
  const bool here = op.offset == kCurrentPosition;
  return retried([&] {
    return here ? ::read(op.fd, op.data, op.size) : ::pread(op.fd, op.data, op.size, op.offset);
  });
}
int write_file(const Operation& op) {
  const bool here = op.offset == kCurrentPosition;
  return retried([&] {
    return here ? ::write(op.fd, op.data, op.size) : ::pwrite(op.fd, op.data, op.size, op.offset);
  });
}
// The same of several parts: preadv or pwritev, which take -1 for where it stands.
template <typename Call>
int vectored(const Operation& op, Call call) {
  const auto* parts = static_cast<const iovec*>(op.data);
  return retried(
      [&] { return call(op.fd, parts, static_cast<int>(op.size), op.offset, /*flags=*/0); });
}

const char* path_of(const Operation& op) { return static_cast<const char*>(op.data); }

int open_file(const Operation& op) {
  return retried([&] { return ::openat(op.fd, path_of(op), op.flags, op.mode); });
}
int stat_file(const Operation& op) {
  constexpr unsigned kWanted = STATX_BASIC_STATS | STATX_BTIME;
  return retried([&] {
    return ::statx(op.fd, path_of(op), op.flags, kWanted, static_cast<struct statx*>(op.extra));
  });
}
int rename_file(const Operation& op) {
  const char* to = static_cast<const char*>(op.extra);
  return retried([&] { return ::renameat(op.fd, path_of(op), AT_FDCWD, to); });
}

// A handler on the loop's thread knows what it was for; here it would end the program.
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
      return read_file(op);
    case Kind::write:
      return write_file(op);
    case Kind::readv:
      return vectored(op, ::preadv2);
    case Kind::writev:
      return vectored(op, ::pwritev2);
    case Kind::fsync:
      return retried([&] { return op.flags ? ::fdatasync(op.fd) : ::fsync(op.fd); });
    case Kind::open:
      return open_file(op);
    case Kind::stat:
      return stat_file(op);
    case Kind::rename:
      return rename_file(op);
    case Kind::unlink:
      return retried([&] { return ::unlinkat(op.fd, path_of(op), op.flags); });
    case Kind::mkdir:
      return retried([&] { return ::mkdirat(op.fd, path_of(op), op.mode); });
    case Kind::close:  // not retried: after EINTR the descriptor is gone, or another's
      return or_errno(::close(op.fd));
    case Kind::shutdown:
      return or_errno(::shutdown(op.fd, op.flags));
    case Kind::work:
      return run_job(request);
    case Kind::none:  // and those that wait for readiness
    case Kind::accept:
    case Kind::connect:
    case Kind::recv:
    case Kind::send:
    case Kind::recvmsg:
    case Kind::sendmsg:
    case Kind::poll:
    case Kind::accept_many:
    case Kind::recv_many:
      return -ENOTSUP;
  }
  return -ENOTSUP;
}

}  // namespace timeslice::loop
