// SPDX-License-Identifier: MIT
#include "loop/core/operation.h"

#include <cstddef>
#include <iterator>

namespace timeslice::loop {

namespace {

struct Verb {
  Kind kind;
  const char* name;
  Waits waits;
};

// One row for each, in the order of Kind. What else a verb needs are cases of switches without a
// default: the compiler names those that miss it.
constexpr Verb kVerbs[] = {
    {Kind::none, "none", Waits::never},
    {Kind::nop, "nop", Waits::never},
    {Kind::read, "read", Waits::to_read_a_stream},
    {Kind::write, "write", Waits::to_write_a_stream},
    {Kind::readv, "readv", Waits::to_read_a_stream},
    {Kind::writev, "writev", Waits::to_write_a_stream},
    {Kind::fsync, "fsync", Waits::never},
    {Kind::open, "open", Waits::never},
    {Kind::close, "close", Waits::never},
    {Kind::stat, "stat", Waits::never},
    {Kind::rename, "rename", Waits::never},
    {Kind::unlink, "unlink", Waits::never},
    {Kind::mkdir, "mkdir", Waits::never},
    {Kind::accept, "accept", Waits::to_read},
    {Kind::connect, "connect", Waits::to_write},
    {Kind::recv, "recv", Waits::to_read},
    {Kind::send, "send", Waits::to_write},
    {Kind::recvmsg, "recvmsg", Waits::to_read},
    {Kind::sendmsg, "sendmsg", Waits::to_write},
    {Kind::shutdown, "shutdown", Waits::never},
    {Kind::poll, "poll", Waits::as_asked},
    {Kind::work, "work", Waits::never},
    {Kind::accept_many, "accept_many", Waits::to_read},
    {Kind::recv_many, "recv_many", Waits::to_read},
};

constexpr bool in_order() {
  std::size_t at = 0;
  for (const Verb& verb : kVerbs)
    if (static_cast<std::size_t>(verb.kind) != at++) return false;
  return at == static_cast<std::size_t>(Kind::recv_many) + 1;
}
static_assert(in_order());

const Verb& verb(Kind kind) { return kVerbs[static_cast<std::size_t>(kind)]; }

}  // namespace

const char* name_of(Kind kind) { return verb(kind).name; }

Waits waits(Kind kind) { return verb(kind).waits; }

const char* name_of(Route route) {
  constexpr const char* kNames[] = {"unknown", "inline", "async_callback",
                                    "poll",    "io_wq",  "pool_thread"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(Route::pool_thread) + 1);
  return kNames[static_cast<std::size_t>(route)];
}

}  // namespace timeslice::loop
