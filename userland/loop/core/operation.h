// SPDX-License-Identifier: MIT
// What can be asked of a loop? An operation: a system call's name and arguments, and what became of
// it. It is plain data, so that each of them is one line here, and every back end reads the same.
#pragma once
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

struct statx;

namespace timeslice::loop {

enum class Kind : std::uint8_t {
  none,
  nop,
  read,
  write,
  readv,
  writev,
  fsync,
  open,
  close,
  stat,
  rename,
  unlink,
  mkdir,
  accept,
  connect,
  recv,
  send,
  recvmsg,
  sendmsg,
  shutdown,
  poll,
  work,
  accept_many,
  recv_many,
};

// How the operation was carried out. A back end reports only what it knows for certain: io_uring
// doesn't tell a program which way a request took, so there it is `unknown` unless it was observed.
enum class Route : std::uint8_t {
  unknown,
  inline_,         // done at once, within the call that submitted it
  async_callback,  // io_uring, by the device's or a timer's completion: no thread waited
  poll,            // waited for readiness, then done by the loop's own thread
  io_wq,           // by a kernel worker thread
  pool_thread,     // by a thread of our pool
};

const char* name_of(Kind kind);
const char* name_of(Route route);

// What keeps it from being over at once, if anything does?
enum class Waits : std::uint8_t {
  never,     // it blocks or is done: files, paths, jobs
  to_read,   // for data, or a connection
  to_write,  // for room, or for being connected
  as_asked,  // a poll's own events
  to_read_a_stream,
  to_write_a_stream,  // both only at the current position
};
Waits waits(Kind kind);

// Offset of a stream (pipe, terminal), or of a file at its current position.
inline constexpr std::int64_t kCurrentPosition = -1;

// Of a send: nothing waits for its completion but the freeing of its buffer, so that the callback
// may come with the next event, however late that is, instead of ending a wait. Whoever comes to
// wait for it all the same says Request::hurry().
inline constexpr int kLazy = 1;

// What a back end reads and writes. Callers use Loop's verbs.
struct Operation {
  Kind kind = Kind::none;
  Route route = Route::unknown;
  enum class Stage : std::uint8_t {
    idle,
    waiting,     // in a queue of ours
    running,     // in the kernel's hands, or a thread's
    cancelling,  // likewise, and asked to end
    ready
  } stage = Stage::idle;
  bool slow = false;        // of work: may keep a thread for long
  short events = 0;         // of poll
  std::uint8_t knocks = 0;  // of what knocks (see knocks.h): how often it has, up to a limit
  int fd = -1;              // for paths: the directory
  int flags = 0;            // of open, unlink, stat, fsync, shutdown (how), send (kLazy)
  unsigned mode = 0;        // of open and mkdir
  int result = 0;
  void* data = nullptr;  // buffer, path, iovec[], sockaddr, msghdr
  std::size_t size = 0;  // of data; of iovec[] their number
  std::int64_t offset = kCurrentPosition;
  void* extra = nullptr;  // of stat: the statx; of rename: the new path
};

// A connect to a path, or a datagram to one: over at once, or -EAGAIN while the other side's queue
// is full. Nothing tells when there is room (the sender's own socket counts as writable), so that
// it can only be tried again (see knocks.h).
inline bool knocks(const Operation& op) {
  const void* address = op.kind == Kind::connect ? op.data : nullptr;
  if (op.kind == Kind::sendmsg) address = static_cast<const msghdr*>(op.data)->msg_name;
  return address && static_cast<const sockaddr*>(address)->sa_family == AF_UNIX;
}

// One line for each verb: the names and the order of the system call's own arguments. A path is
// relative to the working directory; pointers stay good until the operation's own completion.
namespace operations {

inline void* writable(const void* data) { return const_cast<void*>(data); }

inline Operation nop() { return {.kind = Kind::nop}; }
inline Operation read(int fd, void* data, std::size_t size, std::int64_t offset) {
  return {.kind = Kind::read, .fd = fd, .data = data, .size = size, .offset = offset};
}
inline Operation write(int fd, const void* data, std::size_t size, std::int64_t offset) {
  return {.kind = Kind::write, .fd = fd, .data = writable(data), .size = size, .offset = offset};
}
inline Operation readv(int fd, const iovec* parts, std::size_t count, std::int64_t offset) {
  return {.kind = Kind::readv, .fd = fd, .data = writable(parts), .size = count, .offset = offset};
}
inline Operation writev(int fd, const iovec* parts, std::size_t count, std::int64_t offset) {
  return {.kind = Kind::writev, .fd = fd, .data = writable(parts), .size = count, .offset = offset};
}
// `data_only`: as fdatasync.
inline Operation fsync(int fd, bool data_only) {
  return {.kind = Kind::fsync, .fd = fd, .flags = data_only};
}
inline Operation open(const char* path, int flags, mode_t mode) {
  return {.kind = Kind::open,
          .fd = AT_FDCWD,
          .flags = flags | O_CLOEXEC,
          .mode = mode,
          .data = writable(path)};
}
inline Operation close(int fd) { return {.kind = Kind::close, .fd = fd}; }
// `flags` as of statx(2): AT_SYMLINK_NOFOLLOW, or AT_EMPTY_PATH with a descriptor and "".
inline Operation stat(int fd, const char* path, int flags, struct statx* out) {
  return {.kind = Kind::stat, .fd = fd, .flags = flags, .data = writable(path), .extra = out};
}
inline Operation rename(const char* from, const char* to) {
  return {.kind = Kind::rename, .fd = AT_FDCWD, .data = writable(from), .extra = writable(to)};
}
// `flags`: AT_REMOVEDIR for a directory.
inline Operation unlink(const char* path, int flags) {
  return {.kind = Kind::unlink, .fd = AT_FDCWD, .flags = flags, .data = writable(path)};
}
inline Operation mkdir(const char* path, mode_t mode) {
  return {.kind = Kind::mkdir, .fd = AT_FDCWD, .mode = mode, .data = writable(path)};
}
inline Operation accept(int listener) { return {.kind = Kind::accept, .fd = listener}; }
inline Operation connect(int fd, const sockaddr* address, socklen_t size) {
  return {.kind = Kind::connect, .fd = fd, .data = writable(address), .size = size};
}
inline Operation recv(int fd, void* data, std::size_t size) {
  return {.kind = Kind::recv, .fd = fd, .data = data, .size = size};
}
inline Operation send(int fd, const void* data, std::size_t size, int flags) {
  return {.kind = Kind::send, .fd = fd, .flags = flags, .data = writable(data), .size = size};
}
inline Operation recvmsg(int fd, msghdr* message) {
  return {.kind = Kind::recvmsg, .fd = fd, .data = message};
}
inline Operation sendmsg(int fd, const msghdr* message) {
  return {.kind = Kind::sendmsg, .fd = fd, .data = writable(message)};
}
// `how`: SHUT_RD, SHUT_WR or SHUT_RDWR.
inline Operation shutdown(int fd, int how) {
  return {.kind = Kind::shutdown, .fd = fd, .flags = how};
}
inline Operation poll(int fd, short events) {
  return {.kind = Kind::poll, .events = events, .fd = fd};
}

}  // namespace operations

}  // namespace timeslice::loop
