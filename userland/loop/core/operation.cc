// SPDX-License-Identifier: MIT
#include "loop/core/operation.h"

#include <iterator>

namespace timeslice::loop {

const char* name_of(Kind kind) {
  constexpr const char* kNames[] = {
      "none",  "nop",     "read",    "write",    "readv", "writev", "fsync",       "open",
      "close", "stat",    "rename",  "unlink",   "mkdir", "accept", "connect",     "recv",
      "send",  "recvmsg", "sendmsg", "shutdown", "poll",  "work",   "accept_many", "recv_many"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(Kind::recv_many) + 1);
  return kNames[static_cast<std::size_t>(kind)];
}

const char* name_of(Route route) {
  constexpr const char* kNames[] = {"unknown", "inline", "async_callback",
                                    "poll",    "io_wq",  "pool_thread"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(Route::pool_thread) + 1);
  return kNames[static_cast<std::size_t>(route)];
}

}  // namespace timeslice::loop
