// SPDX-License-Identifier: MIT
// Which of a loop's verbs can be awaited? Those that Loop has with a request and a callback, as
// free functions: `co_await recv(loop, fd, data, size)`. The arguments and the result are the same.
#pragma once
#include <utility>

#include "loop/core/loop.h"
#include "loop/coroutines/awaitable.h"

namespace timeslice::loop {

[[nodiscard]] inline Awaitable nop(Loop& loop) { return {loop, operations::nop()}; }
[[nodiscard]] inline Awaitable read(Loop& loop, int fd, void* data, std::size_t size,
                                    std::int64_t offset) {
  return {loop, operations::read(fd, data, size, offset)};
}
[[nodiscard]] inline Awaitable write(Loop& loop, int fd, const void* data, std::size_t size,
                                     std::int64_t offset) {
  return {loop, operations::write(fd, data, size, offset)};
}
[[nodiscard]] inline Awaitable readv(Loop& loop, int fd, const iovec* parts, std::size_t count,
                                     std::int64_t offset) {
  return {loop, operations::readv(fd, parts, count, offset)};
}
[[nodiscard]] inline Awaitable writev(Loop& loop, int fd, const iovec* parts, std::size_t count,
                                      std::int64_t offset) {
  return {loop, operations::writev(fd, parts, count, offset)};
}
[[nodiscard]] inline Awaitable fsync(Loop& loop, int fd, bool data_only) {
  return {loop, operations::fsync(fd, data_only)};
}
[[nodiscard]] inline Awaitable open(Loop& loop, const char* path, int flags, mode_t mode) {
  return {loop, operations::open(path, flags, mode)};
}
[[nodiscard]] inline Awaitable close(Loop& loop, int fd) { return {loop, operations::close(fd)}; }
[[nodiscard]] inline Awaitable stat(Loop& loop, const char* path, int flags, struct statx* out) {
  return {loop, operations::stat(AT_FDCWD, path, flags, out)};
}
[[nodiscard]] inline Awaitable rename(Loop& loop, const char* from, const char* to) {
  return {loop, operations::rename(from, to)};
}
[[nodiscard]] inline Awaitable unlink(Loop& loop, const char* path, int flags) {
  return {loop, operations::unlink(path, flags)};
}
[[nodiscard]] inline Awaitable mkdir(Loop& loop, const char* path, mode_t mode) {
  return {loop, operations::mkdir(path, mode)};
}
[[nodiscard]] inline Awaitable accept(Loop& loop, int listener) {
  return {loop, operations::accept(listener)};
}
[[nodiscard]] inline Awaitable connect(Loop& loop, int fd, const sockaddr* address,
                                       socklen_t size) {
  return {loop, operations::connect(fd, address, size)};
}
[[nodiscard]] inline Awaitable recv(Loop& loop, int fd, void* data, std::size_t size) {
  return {loop, operations::recv(fd, data, size)};
}
[[nodiscard]] inline Awaitable send(Loop& loop, int fd, const void* data, std::size_t size,
                                    int flags = 0) {
  return {loop, operations::send(fd, data, size, flags)};
}
[[nodiscard]] inline Awaitable recvmsg(Loop& loop, int fd, msghdr* message) {
  return {loop, operations::recvmsg(fd, message)};
}
[[nodiscard]] inline Awaitable sendmsg(Loop& loop, int fd, const msghdr* message) {
  return {loop, operations::sendmsg(fd, message)};
}
[[nodiscard]] inline Awaitable shutdown(Loop& loop, int fd, int how) {
  return {loop, operations::shutdown(fd, how)};
}
[[nodiscard]] inline Awaitable poll(Loop& loop, int fd, short events) {
  return {loop, operations::poll(fd, events)};
}
// A listener's connections, one after another.
[[nodiscard]] inline Connections accept_many(Loop& loop, int listener) { return {loop, listener}; }

// `job` runs on a pool thread. Slow ones, which wait for others, take at most half of the pool.
template <typename Job>
[[nodiscard]] Work<Job> work(Loop& loop, Job job) {
  return {loop, std::move(job), false};
}
template <typename Job>
[[nodiscard]] Work<Job> slow_work(Loop& loop, Job job) {
  return {loop, std::move(job), true};
}
[[nodiscard]] inline Sleep sleep(Loop& loop, Nanoseconds time) { return {loop, time}; }

}  // namespace timeslice::loop
