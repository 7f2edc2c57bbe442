// SPDX-License-Identifier: MIT
#include "loop/backends/readiness.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/unique_fd.h"
#include "loop/core/descriptor.h"

namespace timeslice::loop {

namespace {

// Errors and hang-ups are reported whether asked for or not, so they concern every operation.
constexpr std::uint32_t kAlways = EPOLLERR | EPOLLHUP;
static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLHUP == POLLHUP &&
              EPOLLPRI == POLLPRI && EPOLLERR == POLLERR);

// For calls without a flag of their own for "don't wait".
template <typename Call>
auto without_blocking(int fd, Call call) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return decltype(call()){-1};
  if ((flags & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  const auto result = call();
  const int error = errno;
  if ((flags & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags);
  errno = error;
  return result;
}

bool ready_now(int fd, short events) {
  pollfd one{fd, events, 0};
  if (::poll(&one, 1, 0) == 1) return true;
  errno = EAGAIN;
  return false;
}

// One part or several, at most `limit` bytes of a single one.
struct Parts {
  Parts(const Operation& op, std::size_t limit) : one{op.data, std::min(op.size, limit)} {
    if (op.kind != Kind::readv && op.kind != Kind::writev) return;
    first = static_cast<const iovec*>(op.data);
    count = static_cast<int>(op.size);
  }
  iovec one;
  const iovec* first = &one;
  int count = 1;
};

// Streams that know no RWF_NOWAIT (terminals) are asked first.
ssize_t read_now(const Operation& op, std::size_t limit) {
  const Parts parts(op, limit);
  const ssize_t size = ::preadv2(op.fd, parts.first, parts.count, -1, RWF_NOWAIT);
  if (size >= 0 || errno != EOPNOTSUPP) return size;
  return ready_now(op.fd, POLLIN) ? ::readv(op.fd, parts.first, parts.count) : -1;
}

// A terminal is ready when it has room for one byte, and would block for the others. O_NONBLOCK is
// a matter of the open file, which other processes share, so this takes one of its own if it can.
ssize_t write_to_terminal(int fd, const iovec* parts, int count) {
  UniqueFd own;
  if (!is_pty_master(fd)) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    own = UniqueFd(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  }
  if (!own) return without_blocking(fd, [&] { return ::writev(fd, parts, count); });
  const ssize_t size = ::writev(own.get(), parts, count);
  const int error = errno;
  own = UniqueFd();
  errno = error;
  return size;
}

// What else is ready has room for PIPE_BUF bytes; more might block.
ssize_t write_now(const Operation& op, std::size_t limit) {
  const Parts parts(op, limit);
  const ssize_t size = ::pwritev2(op.fd, parts.first, parts.count, -1, RWF_NOWAIT);
  if (size >= 0 || errno != EOPNOTSUPP) return size;
  if (::isatty(op.fd) == 1) return write_to_terminal(op.fd, parts.first, parts.count);
  if (!ready_now(op.fd, POLLOUT)) return -1;
  const iovec* const end = parts.first + parts.count;
  const iovec* const part =
      std::find_if(parts.first, end, [](const iovec& one) { return one.iov_len > 0; });
  if (part == end) return 0;
  return ::write(op.fd, part->iov_base, std::min<std::size_t>(part->iov_len, PIPE_BUF));
}

// Begun at the first try, over when the socket is writable.
int connect_now(Operation& op, std::uint32_t happened) {
  if (op.stage == Operation::Stage::waiting && !knocks(op)) {
    if (happened == 0) return -EAGAIN;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(op.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return -errno;
    return -error;
  }
  const auto* address = static_cast<const sockaddr*>(op.data);
  const int result = without_blocking(
      op.fd, [&] { return ::connect(op.fd, address, static_cast<socklen_t>(op.size)); });
  if (result == 0) return 0;
  return errno == EINPROGRESS || errno == EINTR ? -EAGAIN : -errno;
}

ssize_t polled(const Operation& op, std::uint32_t happened) {
  const std::uint32_t concerns = happened & (events_needed(op) | kAlways);
  if (concerns == 0) errno = EAGAIN;
  return concerns == 0 ? -1 : static_cast<ssize_t>(concerns);
}

ssize_t call_now(Operation& op, std::uint32_t happened, std::size_t limit) {
  const std::size_t size = std::min(op.size, limit);
  switch (op.kind) {
    case Kind::accept:
    case Kind::accept_many:
      return ::accept4(op.fd, nullptr, nullptr, SOCK_CLOEXEC);
    case Kind::recv:
    case Kind::recv_many:
      return ::recv(op.fd, op.data, size, MSG_DONTWAIT);
    case Kind::send:
      return ::send(op.fd, op.data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::recvmsg:
      return ::recvmsg(op.fd, static_cast<msghdr*>(op.data), MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    case Kind::sendmsg:
      return ::sendmsg(op.fd, static_cast<msghdr*>(op.data), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::read:
    case Kind::readv:
      return read_now(op, limit);
    case Kind::write:
    case Kind::writev:
      return write_now(op, limit);
    case Kind::poll:
      return polled(op, happened);
    case Kind::connect:  // has a way of its own
    case Kind::none:     // and these don't wait
    case Kind::nop:
    case Kind::fsync:
    case Kind::open:
    case Kind::close:
    case Kind::stat:
    case Kind::rename:
    case Kind::unlink:
    case Kind::mkdir:
    case Kind::shutdown:
    case Kind::work:
      break;
  }
  errno = ENOTSUP;
  return -1;
}

}  // namespace

void never_block(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

bool waits_for_readiness(const Operation& op) {
  switch (waits(op.kind)) {
    case Waits::never:
      return false;
    case Waits::to_read_a_stream:
    case Waits::to_write_a_stream:
      return op.offset == kCurrentPosition;
    case Waits::to_read:
    case Waits::to_write:
    case Waits::as_asked:
      return !knocks(op);
  }
  return false;
}

std::uint32_t events_needed(const Operation& op) {
  switch (waits(op.kind)) {
    case Waits::as_asked:
      return static_cast<unsigned short>(op.events);
    case Waits::to_write:
    case Waits::to_write_a_stream:
      return EPOLLOUT;
    case Waits::to_read:
    case Waits::to_read_a_stream:
      return EPOLLIN;
    case Waits::never:
      return 0;
  }
  return 0;
}

bool is_datagram(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
}

int try_now(Operation& op, std::uint32_t happened, std::size_t limit) {
  if (op.kind == Kind::connect) return connect_now(op, happened);
  ssize_t result;
  do result = call_now(op, happened, limit);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : static_cast<int>(result);
}

}  // namespace timeslice::loop
