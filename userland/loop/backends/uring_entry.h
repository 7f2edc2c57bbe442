// SPDX-License-Identifier: MIT
// How is an operation said to io_uring, and which ones had better not be? One submission entry for
// one operation; and a rule for those that go to our threads.
#pragma once
#include <liburing.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "loop/backends/blocking.h"
#include "loop/backends/readiness.h"
#include "loop/core/descriptor.h"
#include "loop/core/multishot.h"
#include "loop/core/operation.h"

namespace timeslice::loop {

inline constexpr std::size_t kMaxTransfer =
    0x7ffff000;  // what read(2) takes at most, and fits an int

inline bool sends(const Operation& op) { return op.kind == Kind::send || op.kind == Kind::sendmsg; }

// Itself, or for data or a connection, or for room.
inline bool polls(const Operation& op) { return op.kind == Kind::poll || op.events != 0; }

inline void prepare(io_uring_sqe& sqe, const Operation& op) {
  const std::size_t size = std::min(op.size, kMaxTransfer);
  const auto count = static_cast<unsigned>(size);
  const auto offset = static_cast<std::uint64_t>(op.offset);
  const auto* parts = static_cast<const iovec*>(op.data);
  const auto* address = static_cast<const sockaddr*>(op.data);
  constexpr int kSending = MSG_DONTWAIT | MSG_NOSIGNAL;
  switch (op.kind) {
    case Kind::nop:
      return ::io_uring_prep_nop(&sqe);
    case Kind::read:
      return ::io_uring_prep_read(&sqe, op.fd, op.data, count, offset);
    case Kind::write:
      return ::io_uring_prep_write(&sqe, op.fd, op.data, count, offset);
    case Kind::readv:
      return ::io_uring_prep_readv(&sqe, op.fd, parts, count, offset);
    case Kind::writev:
      return ::io_uring_prep_writev(&sqe, op.fd, parts, count, offset);
    case Kind::close:
      return ::io_uring_prep_close(&sqe, op.fd);
    case Kind::poll:
      return ::io_uring_prep_poll_add(&sqe, op.fd, static_cast<unsigned short>(op.events));
    case Kind::connect:
      return ::io_uring_prep_connect(&sqe, op.fd, address, static_cast<socklen_t>(op.size));
    case Kind::send:
      return ::io_uring_prep_send(&sqe, op.fd, op.data, size, kSending);
    case Kind::sendmsg:
      return ::io_uring_prep_sendmsg(&sqe, op.fd, static_cast<msghdr*>(op.data), kSending);
    case Kind::shutdown:
      return ::io_uring_prep_shutdown(&sqe, op.fd, op.flags);
    case Kind::none:  // never on a ring: see below, and in uring_backend.cc
    case Kind::fsync:
    case Kind::open:
    case Kind::stat:
    case Kind::rename:
    case Kind::unlink:
    case Kind::mkdir:
    case Kind::accept:
    case Kind::accept_many:
    case Kind::recv:
    case Kind::recvmsg:
    case Kind::work:
    case Kind::recv_many:
      assert(!"an operation that never goes to a ring");
  }
}

// Asked anew each time: a number may belong to another file by now.
inline bool has_position(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
}

inline bool is_socket_or_tty(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  return S_ISSOCK(status.st_mode) || (S_ISCHR(status.st_mode) && ::isatty(fd) == 1);
}

constexpr unsigned bit(Kind kind) { return 1U << static_cast<unsigned>(kind); }

// Waits in a poll, and is then tried by the loop's thread. What lasts on a socket without anything
// to receive (a queue of errors, an urgent byte) makes the ring's own receive try 128 times, and
// then block one of its few workers. Whether there is such a thing can change at any time.
inline bool receives(const Operation& op) {
  constexpr unsigned kReceives = bit(Kind::recv) | bit(Kind::recvmsg);
  constexpr unsigned kPerhaps = bit(Kind::read) | bit(Kind::readv);
  if ((bit(op.kind) & kReceives) != 0) return true;
  return (bit(op.kind) & kPerhaps) != 0 && op.offset == kCurrentPosition && is_socket(op.fd);
}

// Waits in a poll as well. The ring's own accept waits exclusively: one waiter is woken for each
// connection, and that may be one of a process that has been killed, whose ring the kernel takes
// down some time later. Nobody then takes that connection, until another one comes.
inline bool accepts(const Operation& op) {
  return op.kind == Kind::accept || op.kind == Kind::accept_many;
}

inline bool received_by_kernel(const Multishot& request) {
  return request.buffers && request.buffers->kernel_ring;
}

// Jobs, of course. And what io_uring hands to a kernel worker anyhow: buffered writes to files, one
// at a time for each inode (measured: 0.07 times a plain pwrite at depth 1, and half of our own
// pool), and paths and fsync, for which a thread is the only way. Those of the pool are of a known
// number, and have names.
//
// Some go there for better reasons. Writes to files at their current position: where one is cut
// short, by a full disk or a limit, the ring tells how much was written, but the position stays
// (Linux 6.18); the next write would go over it, and be told as a success. And reads there: the
// ring takes the position and later puts it back without the file's lock, so that a read beside a
// write may undo how far that has come. Opens: the ring tries them with O_NONBLOCK, which for a
// FIFO is another thing than to wait. And closes that linger: the ring's would hold up the loop.
inline bool belongs_on_thread(const Operation& op) {
  constexpr unsigned kAlways = bit(Kind::work) | bit(Kind::fsync) | bit(Kind::open) |
                               bit(Kind::stat) | bit(Kind::rename) | bit(Kind::unlink) |
                               bit(Kind::mkdir);
  constexpr unsigned kReads = bit(Kind::read) | bit(Kind::readv);
  constexpr unsigned kPerhaps = bit(Kind::write) | bit(Kind::writev) | bit(Kind::close);
  if ((bit(op.kind) & kReads) != 0) return op.offset == kCurrentPosition && has_position(op.fd);
  if ((bit(op.kind) & (kAlways | kPerhaps)) == 0) return false;
  if (op.kind == Kind::close) return lingers(op.fd);
  return (bit(op.kind) & kAlways) != 0 || op.offset != kCurrentPosition || has_position(op.fd);
}

// What the loop's own thread had better try by itself, since on a ring it would wait where no
// cancel reaches it, or others can't pass: a connect to a path and a write() to a socket, in a
// kernel worker; and a write to a terminal, in the very call that submits, for the ring takes room
// for a byte as room for all.
inline bool belongs_here(const Operation& op) {
  constexpr unsigned kPerhaps = bit(Kind::write) | bit(Kind::writev) | bit(Kind::connect);
  if ((bit(op.kind) & kPerhaps) == 0) return false;
  return op.kind == Kind::connect ? knocks(op) : is_socket_or_tty(op.fd);
}

}  // namespace timeslice::loop
